"""Every time format, in and out; no other module writes or takes apart the text of a time.

* Times in records, and in the state: ``2026-01-31T09:00:00Z``, with a fraction where there is one. Records of the slow
  path go through :func:`as_time`, :func:`known_to_utc` and :func:`column_to_utc`, those of the fast path (``typed.py``)
  a column at a time through :func:`texts_to_utc`, which may return ``datetime`` objects: msgspec encodes these in the
  same form. Texts that have this form already pass as they are. Batch files have the same texts, and the dbt package
  reads them back (``dbt/macros/types.sql``). The state has :func:`format_time`, and :func:`format_minute` where a
  minute will do.
* Times in requests: the last row's value as it came, or a bookmark; where the tap computes one,
  ``2026-01-31T09:00:00+00:00`` (:func:`format_with_offset`), as in ``time_extracted`` (:func:`now`).
* What is read as a time, in settings, state and rows that are looked at: any ISO 8601 (:func:`parse_time`).
* Days: ``2026-01-31`` (:func:`parse_day`).
* Headers of HTTP: ``Sun, 22 Nov 2026 06:01:30 GMT`` (:func:`parse_http_date`).
"""

from __future__ import annotations

import datetime as dt
import email.utils
import functools
import operator
import re
import typing as t

import msgspec

# The SDK teaches Python 3.10 to parse every ISO 8601 form (it patches
# ``datetime.fromisoformat``); importing it first makes that a fact here, too.
import singer_sdk.singerlib.encoding.base  # noqa: F401

#: How far one machine's clock may be ahead of another's.
CLOCK_TOLERANCE = dt.timedelta(hours=1)

#: A time as most APIs write it, with an offset of whole hours: up to the hour, the rest, the offset.
_USUAL = re.compile(r"(\d{4}-\d\d-\d\dT(?!24)\d\d)(:[0-5]\d:[0-5]\d(?:\.(?!0{6})\d{6})?)([+-]\d\d:?00)", re.ASCII)

_SIGNS = frozenset("+-")

#: Lengths of a time with whole seconds and an offset: ``2026-01-31T10:00:00+0100``, or ``+01:00``.
_WITH_OFFSET = {24, 25}
#: Times before and after these may not be within the years that there are, once they are in UTC.
_EARLIEST, _LATEST = "0001-01-03", "9999-12-30"
_times = list[dt.datetime]
_days = list[dt.date]

_in_utc = operator.methodcaller("astimezone", dt.timezone.utc)

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


def format_with_offset(at: dt.datetime) -> str:
    """Return an aware time as it is: ``YYYY-MM-DDTHH:MM:SS[.ffffff]+00:00`` for one in UTC."""
    return at.isoformat()


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
    return format_with_offset(dt.datetime.now(dt.timezone.utc))


# Values of fields


def as_time(value: object) -> str | None:
    """Return a value of a field of times as the text of one in UTC; None if it is no time."""
    if value.__class__ is not str:
        return None
    try:
        msgspec.convert(value, dt.datetime)
    except msgspec.ValidationError:
        return to_utc(value)
    try:
        return known_to_utc(value)
    except OverflowError:
        return None


def format_day(day: dt.date) -> str:
    """Return a day as ``YYYY-MM-DD``."""
    return day.isoformat()


def parse_day(value: object) -> dt.date | None:
    """Return a text ``YYYY-MM-DD`` as a day, or None where it is none."""
    try:
        day = dt.date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return day if day is not None and format_day(day) == value else None


# Columns: many values at once, with few calls, because these are what costs


def column_to_utc(records: list[dict[str, t.Any]], name: str) -> None:
    """Convert the times in a field, which are known to be times, to UTC in place.

    Raises:
        OverflowError: In UTC one would lie before or after all years.
    """
    for record in records:
        value = record.get(name)
        if value.__class__ is str and (value[-1] != "Z" or value[10] != "T"):
            record[name] = known_to_utc(value)


def texts_to_utc(texts: list[str]) -> t.Iterator[t.Any] | None:
    """Return texts as times in UTC, or as objects that the encoder writes as such; None if they are in UTC already.

    Raises:
        ValidationError: A text is no time.
        OverflowError: In UTC it would lie before or after all years.
    """
    if not texts or _are_in_utc(texts, moments := msgspec.convert(texts, _times)):
        return None
    if "." not in "".join(texts) and {len(text) for text in texts} <= _WITH_OFFSET:
        # As the encoder writes them, they are what ``known_to_utc`` makes of such texts.
        return map(_in_utc, moments)
    return map(known_to_utc, texts)


def check_times(texts: list[str]) -> None:
    """Check that texts are times, which can be put into UTC.

    Raises:
        ValidationError: A text is no time.
        OverflowError: In UTC it would lie before or after all years.
    """
    if not texts or _are_in_utc(texts, msgspec.convert(texts, _times)):
        return
    if min(texts) < _EARLIEST or max(texts) > _LATEST:
        raise OverflowError
    for text in texts:
        if len(text) not in _WITH_OFFSET:
            known_to_utc(text)


def check_days(texts: list[str]) -> None:
    """Check that texts are days.

    Raises:
        ValidationError: A text is no day.
    """
    msgspec.convert(texts, _days)


def _are_in_utc(texts: list[str], moments: list[dt.datetime]) -> bool:
    """Return whether texts that are times all end with ``Z`` and have a ``T``, which stand nowhere else in them."""
    joined = "".join(texts)
    return joined.count("Z") == joined.count("T") == len(moments)


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
