"""Whether to ask again, and when: decided from values, without I/O."""

from __future__ import annotations

import dataclasses
import datetime as dt
import email.utils
import typing as t

#: Statuses that a later try may mend. 400 stands here because the organizers' service
#: is known to answer it transiently; it has a limit of its own.
TRANSIENT = frozenset({400, 408, 409, 425, 429, 500, 502, 503, 504})


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often a request is repeated, and how long the waits between are.

    Attributes:
        statuses: Statuses worth another try.
        limits: Retries at most because of a status; None stands for a broken connection, 0 for a body
            that came whole but is not JSON.
        retries: Retries at most in all.
        factor: Base of the exponential backoff: waits of factor**1, factor**2, … seconds.
        longest_wait: A ``Retry-After`` beyond this many seconds ends the run with a
            message instead of sleeping through the night.
    """

    statuses: frozenset[int] = TRANSIENT
    limits: t.Mapping[int | None, int] = dataclasses.field(default_factory=lambda: {400: 3})
    retries: int = 6
    factor: float = 2.0
    longest_wait: float = 600.0

    def delay(
        self,
        attempt: int,
        status: int | None,
        retry_after: str | None = None,
        *,
        alike: int | None = None,
        now: dt.datetime | None = None,
    ) -> float | None:
        """Return the seconds to wait before the next try, or None to give up.

        Args:
            attempt: Which try has just failed, counted from 1.
            status: Its HTTP status; None for a broken connection, 0 for a body that is not JSON.
            retry_after: The header of that name; it wins over the backoff.
            alike: How many tries have failed in this way, if some failed in others.
            now: The time to measure a date in ``retry_after`` from.
        """
        # What is no status (a broken connection, a body that is not JSON) may always pass.
        if status and status not in self.statuses:
            return None
        if attempt > self.retries or (alike or attempt) > self.limits.get(status, self.retries):
            return None
        told = seconds_of(retry_after, now=now)
        if told is None:
            return float(self.factor**attempt)
        return told if told <= self.longest_wait else None


def seconds_of(retry_after: str | None, *, now: dt.datetime | None = None) -> float | None:
    """Return a ``Retry-After`` (seconds or an HTTP date) as seconds from now, or None."""
    if not retry_after:
        return None
    text = retry_after.strip()
    if text.isdecimal():
        return float(text)
    try:
        date = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=dt.timezone.utc)
    now = now or dt.datetime.now(dt.timezone.utc)
    return max(0.0, (date - now).total_seconds())
