"""Whether to ask again, and when: decided from values, without I/O."""

from __future__ import annotations

import dataclasses
import typing as t

from rest_tap.times import parse_retry_after

if t.TYPE_CHECKING:
    from rest_tap.errors import ApiError

#: Statuses that a later try may mend. 400 stands here because the organizers' service
#: is known to answer it transiently; it has a limit of its own.
TRANSIENT = frozenset({400, 408, 409, 425, 429, 500, 502, 503, 504})
#: What counts as the status of a body that came whole but is not JSON.
UNREADABLE = 0
#: Connections that fail before any has succeeded say "wrong address" more than "busy".
TRIES_BEFORE_FIRST_ANSWER = 2

_TOO_MANY_REQUESTS = 429


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A try that brought no usable answer.

    Attributes:
        error: What to raise if it was the last try.
        status: The status of HTTP; None for a broken connection, :data:`UNREADABLE` for a body that is not JSON.
        retry_after: The header of that name.
        is_refusal: Whether the credential was refused; a new one may help, asking again does not.
        redirect: The path to ask for instead, if the server says so.
        what: What happened, in the middle of a sentence.
    """

    error: ApiError
    status: int | None = None
    retry_after: str | None = None
    is_refusal: bool = False
    redirect: str = ""
    what: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Pause:
    """How long to wait before the next try, and whether all other requests wait as well."""

    seconds: float
    holds_all: bool = False


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often a request is repeated, and how long the waits between are.

    Attributes:
        statuses: Statuses worth another try.
        limits: Retries at most because of a status, by status as in :class:`Failure`.
        retries: Retries at most in all.
        factor: Base of the exponential backoff: waits of factor**1, factor**2, … seconds.
        longest_wait: A ``Retry-After`` beyond this many seconds fails the request instead of waiting.
    """

    statuses: frozenset[int] = TRANSIENT
    limits: t.Mapping[int | None, int] = dataclasses.field(default_factory=lambda: {400: 3, UNREADABLE: 2})
    retries: int = 6
    factor: float = 2.0
    longest_wait: float = 600.0

    def after(
        self, failures: t.Sequence[Failure], *, final: t.Container[int] = (), was_reached: bool = True
    ) -> Pause | None:
        """Return how long to wait before the next try, or None to give up.

        Args:
            failures: The tries that have failed, the last one last.
            final: Statuses that asking again does not mend here.
            was_reached: Whether the server has answered any request of this run.
        """
        last = failures[-1]
        # What is no status (a broken connection, a body that is not JSON) may always pass.
        if last.is_refusal or (last.status and (last.status not in self.statuses or last.status in final)):
            return None
        alike = sum(failure.status == last.status for failure in failures)
        if len(failures) > self.retries or alike > self.limits.get(last.status, self.retries):
            return None
        if not was_reached and len(failures) > TRIES_BEFORE_FIRST_ANSWER:
            return None
        told = parse_retry_after(last.retry_after)
        if told is not None and told > self.longest_wait:
            return None
        seconds = float(self.factor ** len(failures)) if told is None else told
        return Pause(seconds, holds_all=last.status == _TOO_MANY_REQUESTS)

    def asks_too_long(self, failure: Failure) -> float | None:
        """Return the seconds that the server asks to wait, if that is longer than anybody waits."""
        told = parse_retry_after(failure.retry_after)
        return told if told is not None and told > self.longest_wait else None
