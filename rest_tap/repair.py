"""Repairs JSON that decoders refuse or change, so that one odd value does not cost the whole list.

Decoders refuse some texts and numbers that JSON allows, and the whole page with them; of other numbers they silently
drop digits. This module rewrites such an answer, so that every decoder accepts it:

- Half of a surrogate pair (``U+D800``, in JSON an escape) is no character: U+FFFD stands in its place, as in browsers.
- A number that no float is (``1e400``, ``1e-400``, one with 20 digits) becomes text, as it was sent.

What JSON does not allow (bytes that are not UTF-8, ``NaN``, a line feed in a text) is not repaired: that would be
a guess.
"""

from __future__ import annotations

import json
import re
import typing as t

import msgspec

from rest_tap.floats import exact
from rest_tap.unexpected import shown

#: What was changed, for the log.
HALF_CHARACTERS = "has halves of characters (surrogates); U+FFFD stands in their place"
INEXACT_NUMBERS = "has numbers that no reader of JSON keeps as they are; they are taken for text"

_HALF = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

#: Takes note of a field, and of what was changed in it.
OnRepair = t.Callable[[str, str], None]


class _Number(str):
    """A number as it was sent."""

    __slots__ = ()


def repair(content: bytes, on_repair: OnRepair) -> bytes | None:
    """Return an answer as JSON that every decoder takes as it is, or None if it is no JSON.

    Args:
        content: The body.
        on_repair: Called with each field in which something was changed, once or more.
    """
    try:
        return msgspec.json.encode(_repaired(_decode(content.decode("utf-8-sig")), (), on_repair))
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> t.NoReturn:
    raise ValueError(name)


def _float(text: str) -> float | str:
    try:
        return exact(text)
    except ValueError:
        return _Number(text)


def _integer(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return _Number(text)  # it has thousands of digits


_decode = json.JSONDecoder(parse_float=_float, parse_int=_integer, parse_constant=_refuse).decode


def _repaired(value: t.Any, path: tuple[str, ...], on_repair: OnRepair) -> t.Any:
    """Return a value without anything that is not JSON; lists are changed in place."""
    if isinstance(value, _Number):
        on_repair(_field(path), INEXACT_NUMBERS)
        return str(value)
    if isinstance(value, str):
        if value.isascii() or not _HALF.search(value):
            return value
        on_repair(_field(path), HALF_CHARACTERS)
        return _HALF.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        for index, one in enumerate(value):
            value[index] = _repaired(one, (*path, ""), on_repair)
        return value
    if not isinstance(value, dict):
        return value
    repaired: dict[str, t.Any] = {}
    for name, one in value.items():
        here = (*path, name)
        whole = new = _repaired(name, here, on_repair)
        number = 1
        while new in repaired or (new != name and new in value):
            number += 1
            new = f"{whole} {number}"
        repaired[new] = _repaired(one, here, on_repair)
    return repaired


def _field(path: tuple[str, ...]) -> str:
    """Return where a value stands in a row, whichever element of a list it is in: ``positions[].valid_from``.

    Args:
        path: Names on the way, and nothing for an element of a list.
    """
    if "" in path[:2]:
        path = path[path.index("") + 1 :]  # the row itself
    return "".join(f".{shown(name)}" if name else "[]" for name in path).removeprefix(".") or "a row"
