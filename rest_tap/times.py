"""Times as texts: what may come in, and the one form that leaves."""

from __future__ import annotations

import datetime as dt
import functools
import re

# The SDK teaches Python 3.10 to parse every ISO 8601 form (it patches
# ``datetime.fromisoformat``); importing it first makes that a fact here, too.
import singer_sdk.singerlib.encoding.base  # noqa: F401

#: A moment as most APIs write it, with an offset of whole hours: up to the hour, the rest, the offset.
MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT(?!24)\d\d)(:[0-5]\d:[0-5]\d(?:\.(?!0{6})\d{6})?)([+-]\d\d:?00)", re.ASCII)


def utc(value: str) -> str:
    """Return a moment in UTC as ``YYYY-MM-DDTHH:MM:SS[.ffffff]Z``.

    Accepts any ISO 8601 offset, also without a colon (``+0300``). A moment without
    offset is taken as UTC. What is not a moment is returned as it came: the loader
    shall see what the API sent.
    """
    if value.endswith("Z"):
        return value
    try:
        # Where it is a matter of hours, each hour is reckoned once and not for each row.
        if usual := MOMENT.fullmatch(value):
            hour, rest, offset = usual.groups()
            return f"{_hour(hour, offset)}{rest}Z"
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.timezone.utc)
        return moment.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return value


@functools.lru_cache(maxsize=4096)
def _hour(hour: str, offset: str) -> str:
    """Return an hour in UTC, ``YYYY-MM-DDTHH``.

    Raises:
        ValueError: There is no such hour or offset.
        OverflowError: It is before or after all time.
    """
    return dt.datetime.fromisoformat(f"{hour}:00:00{offset}").astimezone(dt.timezone.utc).isoformat()[:13]


def moment(value: object) -> dt.datetime | None:
    """Return a text as an aware moment, or None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        parsed = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    if not dt.MINYEAR < parsed.year < dt.MAXYEAR:
        return None  # its offset, or an overlap, would lead out of the years that there are
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.timezone.utc)
