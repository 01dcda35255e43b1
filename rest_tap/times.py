"""Every time format, in and out: ISO 8601 in rows, settings and state, and the dates of HTTP headers."""

from __future__ import annotations

import datetime as dt
import email.utils
import functools
import re

# The SDK teaches Python 3.10 to parse every ISO 8601 form (it patches
# ``datetime.fromisoformat``); importing it first makes that a fact here, too.
import singer_sdk.singerlib.encoding.base  # noqa: F401

#: A time as most APIs write it, with an offset of whole hours: up to the hour, the rest, the offset.
_USUAL = re.compile(r"(\d{4}-\d\d-\d\dT(?!24)\d\d)(:[0-5]\d:[0-5]\d(?:\.(?!0{6})\d{6})?)([+-]\d\d:?00)", re.ASCII)

_SIGNS = frozenset("+-")

#: How every text begins that is taken for a time.
_BEGINNING = re.compile(r"\d{4}-\d\d-\d\d[Tt ](?!24)\d\d:\d\d", re.ASCII)


def parse_time(value: object) -> dt.datetime | None:
    """Return a text as an aware time, or None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        parsed = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    if not dt.MINYEAR < parsed.year < dt.MAXYEAR:
        return None  # its offset, or an overlap, would lead out of the years that there are
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.timezone.utc)


def format_time(at: dt.datetime) -> str:
    """Return an aware time in UTC as ``YYYY-MM-DDTHH:MM:SS[.ffffff]Z``."""
    return at.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z")


def format_minute(at: dt.datetime) -> str:
    """Return an aware time in UTC, cut to the minute: ``YYYY-MM-DDTHH:MMZ``."""
    return f"{at.astimezone(dt.timezone.utc).isoformat()[:16]}Z"


def to_utc(value: str) -> str | None:
    """Return the text of a time in UTC as ``YYYY-MM-DDTHH:MM:SS[.ffffff]Z``; None for what is no time.

    Accepts any ISO 8601 offset, also without a colon (``+0300``), and a space in place of
    the ``T``. A time without offset is taken as UTC. A day alone is no time.
    """
    try:
        # Where it is a matter of hours, each hour is converted once and not for each row.
        if usual := _USUAL.fullmatch(value):
            hour, rest, offset = usual.groups()
            return f"{_hour(hour, offset)}{rest}Z"
        if not _BEGINNING.match(value):
            return None
        parsed = dt.datetime.fromisoformat(value.upper().replace("Z", "+00:00"))
        return format_time(parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.timezone.utc))
    except (ValueError, OverflowError):  # the latter: in UTC it would lie before or after all years
        return None


def known_to_utc(value: str) -> str:
    """Return a text in UTC that is known to be a time; :func:`to_utc` finds out first whether it is.

    Raises:
        OverflowError: In UTC it would lie before or after all years.
    """
    if value[-1] == "Z" and value[10] == "T":
        return value
    # What most APIs write is two cuts and a look-up: whole seconds, and an offset of whole hours.
    if value[19:20] in _SIGNS and value[-2:] == "00" and value[10] == "T":
        return f"{_hour(value[:13], value[19:])}{value[13:19]}Z"
    found = to_utc(value)
    if found is None:
        raise OverflowError
    return found


@functools.lru_cache(maxsize=4096)
def _hour(hour: str, offset: str) -> str:
    """Return an hour in UTC, ``YYYY-MM-DDTHH``.

    Raises:
        ValueError: There is no such hour or offset.
        OverflowError: It is before or after all time.
    """
    return dt.datetime.fromisoformat(f"{hour}:00:00{offset}").astimezone(dt.timezone.utc).isoformat()[:13]


def now() -> str:
    """Return the time by this machine's clock, in UTC."""
    return dt.datetime.now(dt.timezone.utc).isoformat()


# Headers of HTTP


def parse_http_date(text: str) -> dt.datetime | None:
    """Return a date of HTTP (``Sun, 22 Nov 2026 06:01:30 GMT``) as an aware time, or None where it is none."""
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=dt.timezone.utc)


@functools.lru_cache(maxsize=16)
def http_date_to_utc(text: str) -> str | None:
    """Return a date of HTTP as the text of a time in UTC, or None; the same one comes with many answers."""
    date = parse_http_date(text)
    try:
        return None if date is None else format_time(date)
    except OverflowError:
        return None
