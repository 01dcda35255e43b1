"""Another try after one that failed: after which statuses (429 among them), how often, and how long to wait before.

A 429 is handled here and in :mod:`rest_tap.limiter`. :meth:`RetryPolicy.pause` says how long to wait: as long as the
header ``Retry-After`` asks, in seconds or until a date; without it 2, 4, 8, … seconds. :meth:`Pause.wait` waits: after
a 429 the account's rate limiter holds all of its requests, after anything else the others go on.

When six more tries have failed, or the server asks to wait for more than ten minutes, the list fails with an
:class:`rest_tap.errors.Unavailable` (:meth:`RetryPolicy.error`), in the API's own words where it has some. Fewer tries
are made where :attr:`RetryPolicy.max_retries_for` says so, and as long as a server has never been reached; a 429 is an
answer, so it has all of them. The run goes on with the next list; :mod:`rest_tap.access` ends it after five such lists
in a row.

:class:`rest_tap.http.Client` calls these after each try that failed, and logs how long it waits. A tap names the
statuses that are worth another try with its own API, where these are others than :data:`TRANSIENT`
(``retry_policy``).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from rest_tap.errors import ERROR_STATUS, ApiError, Unavailable
from rest_tap.times import parse_http_date

if t.TYPE_CHECKING:
    from rest_tap.limiter import RateLimiter

_TOO_MANY_REQUESTS = 429
#: The message about it where the API has no words of its own.
TOO_MANY = "too many requests; look at the setting requests_per_minute"
#: Statuses that a later try may mend, whatever the API.
TRANSIENT = frozenset({_TOO_MANY_REQUESTS, 500, 502, 503, 504})
#: What counts as the status of a body that came whole but is not JSON, and the retries at most because of one.
UNREADABLE, UNREADABLE_RETRIES = 0, 2
#: Connections that fail before any has succeeded say "wrong address" more than "busy".
TRIES_BEFORE_FIRST_ANSWER = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """A try that brought no usable answer.

    Attributes:
        error: What to raise if it was the last try.
        status: The status of HTTP; None for a broken connection, :data:`UNREADABLE` for a body that is not JSON.
        headers: Those of the answer, among them how long the server asks to wait.
        is_refusal: Whether the credential was refused; a new one may help, asking again does not.
        redirect: The path to ask for instead, if the server says so.
        what: What happened, in words for the middle of a sentence.
    """

    error: ApiError
    status: int | None = None
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    is_refusal: bool = False
    redirect: str = ""
    what: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Pause:
    """How long to wait before the next try, and whether all other requests of the account wait as well."""

    seconds: float
    holds_all: bool = False

    def wait(self, limiter: RateLimiter) -> None:
        """Wait, or let all requests of the account wait, the next try among them, when they ask for their turn.

        Raises:
            Stopped: The run is over.
        """
        if self.holds_all:
            limiter.hold(self.seconds)
        else:
            limiter.sleep(self.seconds)


@dataclasses.dataclass(frozen=True)
class RetryPolicy:
    """How often a request is repeated, and how long the waits between are.

    Attributes:
        statuses: Statuses worth another try.
        max_retries_for: Retries at most because of a status, by status as in :class:`Failure`.
        max_retries: Retries at most in all.
        backoff_base: Base of the exponential backoff: waits of 2, 4, 8, … seconds for 2.
        max_retry_after: A ``Retry-After`` beyond this many seconds fails the request instead of waiting.
    """

    statuses: frozenset[int] = TRANSIENT
    max_retries_for: t.Mapping[int | None, int] = dataclasses.field(default_factory=dict)
    max_retries: int = 6
    backoff_base: float = 2.0
    max_retry_after: float = 600.0

    def pause(
        self, failures: t.Sequence[Failure], *, no_retry: t.Container[int] = (), was_reached: bool = True
    ) -> Pause:
        """Return how long to wait before the next try.

        Args:
            failures: The tries that have failed, the last one last.
            no_retry: Statuses that are not tried again, whatever the policy says.
            was_reached: Whether the server has answered any request of this run.

        Raises:
            ApiError: That of the last try, since there is no next one.
        """
        last = failures[-1]
        if not self._may_help(failures, no_retry, was_reached=was_reached):
            raise last.error
        requested = parse_retry_after(last.headers.get("Retry-After"))
        if requested is not None and requested > self.max_retry_after:
            error = last.error
            reason = f"{error.reason}; the server asks to wait {requested:.0f} s, which is too long"
            raise type(error)(reason, stream=error.stream, path=error.path, status=error.status)
        seconds = float(self.backoff_base ** len(failures)) if requested is None else requested
        return Pause(seconds, holds_all=last.status == _TOO_MANY_REQUESTS)

    def error(self, status: int, detail: str, **place: t.Any) -> ApiError:
        """Return the error that a status stands for which says nothing but whether another try may help.

        Args:
            status: The status of HTTP, 400 or more.
            detail: The API's own words; empty if it has none.
            **place: Where it happened, as :class:`rest_tap.errors.ApiError` takes it.
        """
        kind = Unavailable if status in self.statuses else ApiError
        reason = TOO_MANY if status == _TOO_MANY_REQUESTS else ERROR_STATUS
        return kind(detail or reason, status=status, **place)

    def _may_help(self, failures: t.Sequence[Failure], no_retry: t.Container[int], *, was_reached: bool) -> bool:
        """Return whether another try may bring an answer."""
        last = failures[-1]
        # What is no status (a broken connection, a body that is not JSON) may always pass.
        if last.is_refusal or (last.status and (last.status not in self.statuses or last.status in no_retry)):
            return False
        alike = sum(failure.status == last.status for failure in failures)
        limits: t.Mapping[int | None, int] = {UNREADABLE: UNREADABLE_RETRIES, **self.max_retries_for}
        if len(failures) > self.max_retries or alike > limits.get(last.status, self.max_retries):
            return False
        return was_reached or len(failures) <= TRIES_BEFORE_FIRST_ANSWER


def parse_retry_after(text: str | None, *, now: dt.datetime | None = None) -> float | None:
    """Return a ``Retry-After`` (seconds or a date of HTTP) as seconds from now, or None."""
    if not text:
        return None
    text = text.strip()
    if text.isdecimal():
        return float(text)
    date = parse_http_date(text)
    if date is None:
        return None
    return max(0.0, (date - (now or dt.datetime.now(dt.timezone.utc))).total_seconds())


def refuses_login(error: ApiError) -> bool:
    """Return whether an error means that a login was refused; a 429 only means to wait."""
    return error.status in range(400, 500) and error.status != _TOO_MANY_REQUESTS
