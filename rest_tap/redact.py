"""Takes secrets out of every text of a server before it is logged, raised or kept.

A server may echo a secret as it was sent, or as it came through an encoder: percent-
or JSON-escaped, as base64 or in hexadecimal, in capitals, broken by white space, cut
short. So texts are not searched for whole secrets but for pieces of them, in all these
forms, with case and white space left out of account.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import logging
import typing as t
import unicodedata
import weakref
from urllib.parse import quote, quote_plus

MASK = "***"
#: Characters of a long secret that give it away where they stand together.
PIECE_LENGTH = 8
#: The part of a shorter one that does so, in a text of a server, and the characters that this is at least.
PIECE_SHARE, MIN_PIECE_LENGTH = 0.6, 4
#: Characters below which a secret may be a word of our own: the log is not searched for it.
MIN_LENGTH = 6
#: Characters after which a text is cut.
MAX_TEXT_LENGTH = 4000
#: Kinds of characters that no line holds: control and format characters, breaks, halves of others.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class Pieces(t.NamedTuple):
    """The pieces that give secrets away."""

    by_length: dict[int, set[str]]
    #: The length of the shortest, and what others begin with, cut to it.
    shortest: int
    beginnings: frozenset[str]


NO_PIECES = Pieces({}, 0, frozenset())


class Redactor:
    """Takes secrets out of texts in which a server may have echoed them."""

    def __init__(self, secrets: t.Callable[[], t.Iterable[str]]) -> None:
        """Take the function that returns the secrets; a login adds to them during a run."""
        self._secrets = secrets
        #: What was made of the secrets that there were the last time.
        self._known: dict[bool, tuple[tuple[str, ...], Pieces]] = {}
        self._sent: tuple[tuple[str, ...], list[bytes]] = ((), [])

    def clear(self, text: str, *, is_own_text: bool = False) -> str:
        """Return a text on one line, printable, cut if it is very long, and without any secret or piece of one.

        It is cleared before it is cut, so that a cut leaves no piece of a secret that is too short to be recognized.

        Args:
            text: A text of a server.
            is_own_text: Whether it is a text of our own that may hold one: pieces of short
                secrets, which are words, stay.
        """
        is_long = len(text) > MAX_TEXT_LENGTH
        text = self.mask(text[: MAX_TEXT_LENGTH + 500], is_own_text=is_own_text)
        if not text.isprintable():
            text = "".join(" " if char.isspace() else _printable(char) for char in text)
        if not is_own_text:
            text = " ".join(text.split())
        return f"{text[:MAX_TEXT_LENGTH]}…" if is_long else text

    def mask(self, text: str, *, is_own_text: bool = False) -> str:
        """Return a text without any secret, and otherwise as it is."""
        if not text:
            return text
        secrets = tuple(self._secrets())
        known, pieces = self._known.get(is_own_text, ((), NO_PIECES))
        if known != secrets:
            pieces = _together(_pieces(secret, is_own_text) for secret in secrets if secret.strip())
            self._known[is_own_text] = (secrets, pieces)
        if not pieces.by_length:
            return text
        folded, places = _fold(text)
        # One pass says of nearly all texts that no piece even begins in them.
        least, beginnings = pieces.shortest, pieces.beginnings
        starts = [start for start in range(len(folded) - least + 1) if folded[start : start + least] in beginnings]
        if not starts:
            return text
        hidden = bytearray(len(text))
        for size, found in pieces.by_length.items():
            for start in starts:
                if folded[start : start + size] in found:
                    first, last = places[start], places[start + size - 1]
                    hidden[first : last + 1] = b"\1" * (last + 1 - first)
        if not any(hidden):
            return text
        return "".join(
            char if not hidden[place] else MASK if place == 0 or not hidden[place - 1] else ""
            for place, char in enumerate(text)
        )

    def is_in(self, encoded: bytes) -> bool:
        """Return whether JSON holds a secret as it was sent; words do not count."""
        secrets = tuple(self._secrets())
        known, sent = self._sent
        if known != secrets:
            sent = [_as_sent(secret) for secret in secrets if secret.strip() and len(secret) >= MIN_LENGTH]
            self._sent = (secrets, sent)
        # No generator: this is asked for every page.
        for secret in sent:  # noqa: SIM110
            if secret in encoded:
                return True
        return False


def _printable(char: str) -> str:
    return "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in _UNPRINTABLE else char


def _fold(text: str) -> tuple[str, t.Sequence[int]]:
    """Return a text without case, white space and backslashes, and where each of its characters stood."""
    if text.isascii() and text.isprintable() and "\\" not in text:
        if " " not in text:
            return text.lower(), range(len(text))
        return text.replace(" ", "").lower(), [place for place, char in enumerate(text) if char != " "]
    chars: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        if char.isspace() or char == "\\" or not char.isprintable():
            continue
        for folded in char.casefold():
            chars.append(folded)
            places.append(place)
    return "".join(chars), places


def _together(several: t.Iterable[dict[int, frozenset[str]]]) -> Pieces:
    together: dict[int, set[str]] = {}
    for pieces in several:
        for size, found in pieces.items():
            together.setdefault(size, set()).update(found)
    if not together:
        return NO_PIECES
    shortest = min(together)
    return Pieces(together, shortest, frozenset(piece[:shortest] for found in together.values() for piece in found))


@functools.lru_cache(maxsize=256)
def _pieces(secret: str, is_own_text: bool) -> dict[int, frozenset[str]]:  # noqa: FBT001 - to be cached
    """Return the pieces, by their length, that give a secret away."""
    length = len(_fold(secret)[0])
    least = min(PIECE_LENGTH, length, max(MIN_PIECE_LENGTH, round(length * PIECE_SHARE)))
    if is_own_text and length < 2 * PIECE_LENGTH:
        least = length
    if not length or (is_own_text and length < MIN_LENGTH):
        return {}
    found: dict[int, set[str]] = {}
    for form in _forms(secret):
        folded = _fold(form)[0]
        size = min(len(folded), round(least * len(folded) / length))
        pieces = found.setdefault(size, set())
        pieces.update(folded[start : start + size] for start in range(len(folded) - size + 1))
    return {size: frozenset(pieces) for size, pieces in found.items()}


def _forms(secret: str) -> set[str]:
    """Return the forms that a secret may have in an answer, each without the characters that its neighbours change."""
    escaped = json.dumps(secret)[1:-1]
    content = secret.encode("utf-8", "surrogatepass")
    percent = quote(content, safe="")
    forms = {
        secret,
        secret[::-1],
        percent,
        quote(percent, safe=""),
        quote_plus(content),
        "".join(f"%{byte:02x}" for byte in content),
        escaped,
        escaped.replace("/", "\\/"),
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(escaped)[1:-1],
        "".join(f"\\u{ord(char):04x}" for char in secret),
        html.escape(secret),
        "".join(f"&#{ord(char)};" for char in secret),
        "".join(f"&#x{ord(char):x};" for char in secret),
        content.hex(),
        repr(secret)[1:-1],
        repr(content)[2:-1],
    }
    for offset in range(3):
        # Where it stands in base64 decides how it looks; the first and the last characters depend on its neighbours.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * offset + content).decode().rstrip("=")
            forms.add(text[(0, 2, 3)[offset] : len(text) - (1 if (offset + len(content)) % 3 else 0)])
    return {form for form in forms if form}


# Everything that is logged

#: Those of this process that are still in use. No WeakSet: to go through one takes ten times as long.
_redactors: list[weakref.ref[Redactor]] = []
_make_record = logging.getLogRecordFactory()


def clear_logs(redactor: Redactor) -> None:
    """Clear all that this process logs from now on, by any library: each log record is one line without secrets."""
    _redactors.append(weakref.ref(redactor, _redactors.remove))
    logging.setLogRecordFactory(_record)


def _in_use() -> list[Redactor]:
    return [redactor for one in tuple(_redactors) if (redactor := one()) is not None]


def masked(text: str) -> str:
    """Return a text without any secret that this process knows, and otherwise as it is."""
    for redactor in _in_use():
        text = redactor.mask(text, is_own_text=True)
    return text


def holds_secret(encoded: bytes) -> bool:
    """Return whether JSON holds a secret that this process knows, as it was sent; words do not count."""
    return any(redactor.is_in(encoded) for redactor in _in_use())


def _as_sent(secret: str) -> bytes:
    """Return a secret as it stands in JSON."""
    return json.dumps(secret, ensure_ascii=False)[1:-1].encode()


def _record(*args: t.Any, **kwargs: t.Any) -> logging.LogRecord:
    record = _make_record(*args, **kwargs)
    try:
        message = record.getMessage()
    except (TypeError, ValueError):
        return record  # logging says what is wrong with it
    cleared = message
    for redactor in _in_use():
        cleared = redactor.clear(cleared, is_own_text=True)
    if cleared != message:
        record.msg, record.args = cleared, ()
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = masked(logging.Formatter().formatException(record.exc_info))
    return record
