"""Numbers of JSON as floats: only those that a float is."""

from __future__ import annotations

import decimal

#: Digits that a float holds for sure; with more, it may not be the number that was sent.
SURE_DIGITS = 15
#: Longer numbers become texts without a look at their value.
MAX_NUMBER_LENGTH = 1000


def exact(text: str) -> float:
    """Return the float of a number, if that is the same when it is written, in its shortest form or with 17 digits.

    Raises:
        ValueError: No float is this number. It is too large, too near to 0, or has more digits than a float keeps.
    """
    if len(text) > MAX_NUMBER_LENGTH:
        raise ValueError
    number = float(text)
    if len(text) <= SURE_DIGITS and not ("e" in text or "E" in text):
        return number
    if repr(number) == text:
        return number
    if number in {float("inf"), float("-inf")}:
        raise ValueError
    if number == 0:
        if text.lower().partition("e")[0].strip("-0."):
            raise ValueError
        return number
    if decimal.Decimal(text) not in {decimal.Decimal(repr(number)), decimal.Decimal(f"{number:.17g}")}:
        raise ValueError
    return number
