"""Whether to ask again, and when: decided from values."""

from __future__ import annotations

import datetime as dt
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest_tap.errors import ERROR_STATUS, ApiError, Unavailable
from rest_tap.retry import (
    TOO_MANY,
    TRIES_BEFORE_FIRST_ANSWER,
    UNREADABLE,
    Failure,
    Pause,
    RetryPolicy,
    parse_retry_after,
)
from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing

ORGANIZERS = TapOrganizers.retry_policy
TICKETING = TapTicketing.retry_policy
NOW = dt.datetime(2026, 11, 22, 6, 0, tzinfo=dt.timezone.utc)


def failed(status: int | None, retry_after: str | None = None, **facts: t.Any) -> Failure:
    """Return a try that ended so."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Failure(ApiError("no"), status, headers, **facts)


def after(policy: RetryPolicy, failures: list[Failure], **facts: t.Any) -> Pause | None:
    """Return the wait before the next try; None if the error of the last one is raised."""
    try:
        return policy.pause(failures, **facts)
    except ApiError:
        return None


def delays(policy: RetryPolicy, status: int | None, retry_after: str | None = None) -> list[float]:
    """Return all waits until the policy gives up."""
    failures, waits = [failed(status, retry_after)], list[float]()
    while (pause := after(policy, failures)) is not None:
        waits.append(pause.seconds)
        failures.append(failures[0])
        assert len(waits) < 100, "asked for ever"
    return waits


@pytest.mark.parametrize(
    ("policy", "status", "expected"),
    [
        pytest.param(ORGANIZERS, 400, [2, 4, 8], id="400: three retries, factor two"),
        *(
            pytest.param(ORGANIZERS, status, [2, 4, 8, 16, 32, 64], id=f"{status}: likewise, longer")
            for status in sorted(ORGANIZERS.statuses - {400})
        ),
        pytest.param(ORGANIZERS, None, [2, 4, 8, 16, 32, 64], id="a broken connection"),
        *(
            pytest.param(ORGANIZERS, status, [], id=f"{status}: at once an error")
            for status in (401, 403, 404, 405, 410, 422, 501, 505)
        ),
        pytest.param(TICKETING, 400, [], id="400 is final where the policy does not name it"),
        pytest.param(TICKETING, 503, [2, 4, 8, 16, 32, 64], id="503 where the policy names it"),
        pytest.param(RetryPolicy(frozenset({400}), {400: 1, None: 2}), 400, [2], id="a limit for a status"),
        pytest.param(RetryPolicy(frozenset({400}), {400: 1, None: 2}), None, [2, 4], id="a limit for connections"),
        pytest.param(RetryPolicy(backoff_base=3, max_retries=2), 500, [3, 9], id="another factor"),
        pytest.param(ORGANIZERS, UNREADABLE, [2, 4], id="a body that is not JSON"),
    ],
)
def test_waits_grow_until_the_policy_gives_up(policy: RetryPolicy, status: int | None, expected: list[float]) -> None:
    assert delays(policy, status) == expected


@pytest.mark.parametrize("status", [400, 429, 503])
def test_retry_after_wins_over_the_backoff_and_not_over_the_limit(status: int) -> None:
    waits = delays(ORGANIZERS, status, "7")
    assert set(waits) == {7}
    assert len(waits) == (3 if status == 400 else 6)


@pytest.mark.parametrize("absurd", ["601", "86400", "9" * 30, "9" * 400, "Fri, 31 Dec 9999 06:00:00 GMT"], ids=range(5))
def test_an_absurd_retry_after_ends_the_tries(absurd: str) -> None:
    assert delays(ORGANIZERS, 429, absurd) == []


def test_a_retry_after_on_a_final_status_changes_nothing() -> None:
    assert delays(ORGANIZERS, 403, "5") == []
    error = ApiError("not there", status=404)
    with pytest.raises(ApiError) as raised:
        ORGANIZERS.pause([Failure(error, 404, {"Retry-After": "86400"})])
    assert raised.value is error


def test_a_policy_cannot_be_changed_on_the_way() -> None:
    with pytest.raises(AttributeError):
        t.cast("t.Any", ORGANIZERS).max_retries = 100


def test_a_limit_counts_failures_of_its_own_kind_and_the_whole_counts_all() -> None:
    assert after(ORGANIZERS, [*map(failed, (500, 400, 500, 500, 400))]) == Pause(32)
    assert after(ORGANIZERS, [*map(failed, (400, 400, 400, 500, 400))]) is None
    assert after(ORGANIZERS, [*map(failed, (502, 503, None, 504, 409, 408, 500))]) is None


def test_a_refusal_is_not_asked_again_even_with_a_status_that_passes() -> None:
    assert after(ORGANIZERS, [failed(503, is_refusal=True)]) is None


def test_a_status_that_is_final_for_a_request_is_not_asked_again() -> None:
    assert after(ORGANIZERS, [failed(400)], no_retry={400}) is None
    assert after(ORGANIZERS, [failed(500)], no_retry={400}) == Pause(2)


def test_a_server_that_never_answered_is_given_up_soon() -> None:
    tries = [failed(None)] * TRIES_BEFORE_FIRST_ANSWER
    assert after(ORGANIZERS, tries, was_reached=False) is not None
    assert after(ORGANIZERS, [*tries, failed(None)], was_reached=False) is None


@pytest.mark.parametrize("status", sorted(ORGANIZERS.statuses))
def test_a_429_holds_all_requests_and_others_only_their_own(status: int) -> None:
    assert after(ORGANIZERS, [failed(status, "3")]) == Pause(3, holds_all=status == 429)


def test_a_wait_that_is_too_long_is_told() -> None:
    with pytest.raises(ApiError, match="no; the server asks to wait 601 s, which is too long"):
        ORGANIZERS.pause([failed(503, "601")])
    assert ORGANIZERS.pause([failed(503, "600")]) == Pause(600)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("0", 0, id="nothing"),
        pytest.param("17", 17, id="seconds"),
        pytest.param(" 17 ", 17, id="with blanks"),
        pytest.param("Sun, 22 Nov 2026 06:01:30 GMT", 90, id="a date"),
        pytest.param("Sun, 22 Nov 2026 07:01:30 +0100", 90, id="a date in another zone"),
        pytest.param("Sun, 22 Nov 2026 06:01:30 -0000", 90, id="a date without zone"),
        pytest.param("Sun, 22 Nov 2026 05:00:00 GMT", 0, id="a date in the past"),
        pytest.param(None, None, id="no header"),
        pytest.param("", None, id="an empty header"),
        pytest.param("soon", None, id="a word"),
        pytest.param("-5", None, id="a negative number"),
        pytest.param("1.5", None, id="a fraction"),
        pytest.param("²", None, id="a digit that is no number"),
        pytest.param("Sun, 99 Nov 2026 06:01:30 GMT", None, id="a day that does not exist"),
        pytest.param(f"Sun, 22 Nov {'9' * 20} 06:01:30 GMT", None, id="a year that does not exist"),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, now=NOW) == seconds


PARTS = st.sampled_from(
    ["Sun,", "22", "Nov", "2026", "0001", "9999", "06:01:30", "24:61:99", "-0000", "+2359", "GMT", "x"]
)


@given(st.one_of(st.text(max_size=40), st.lists(PARTS, max_size=7).map(" ".join)))
def test_no_retry_after_raises_or_is_negative(text: str) -> None:
    told = parse_retry_after(text, now=NOW)
    assert told is None or told >= 0


def test_a_date_is_measured_from_the_clock() -> None:
    later = dt.datetime.now(dt.timezone.utc) + dt.timedelta(minutes=2)
    told = parse_retry_after(later.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    assert told is not None
    assert 100 < told <= 120


@pytest.mark.parametrize(
    ("status", "detail", "kind", "reason"),
    [
        (429, "", Unavailable, TOO_MANY),
        (429, "Slow down.", Unavailable, "Slow down."),
        (503, "", Unavailable, ERROR_STATUS),
        (422, "", ApiError, ERROR_STATUS),
    ],
)
def test_the_error_of_a_status_says_whether_another_try_may_help(
    status: int, detail: str, kind: type[ApiError], reason: str
) -> None:
    error = RetryPolicy().error(status, detail, stream="orders", path="/orders")
    assert type(error) is kind
    assert (error.reason, error.status, error.stream, error.path) == (reason, status, "orders", "/orders")
