"""Whether to ask again, and when: decided from values."""

from __future__ import annotations

import typing as t

import pytest

from rest_tap.errors import ApiError
from rest_tap.retry import TRANSIENT, TRIES_BEFORE_FIRST_ANSWER, UNREADABLE, Failure, Pause, RetryPolicy

ORGANIZERS = RetryPolicy()
TICKETING = RetryPolicy(statuses=frozenset({429, 500, 502, 503, 504}), limits={})


def failed(status: int | None, retry_after: str | None = None, **facts: t.Any) -> Failure:
    """Return a try that ended so."""
    return Failure(ApiError("no"), status, retry_after, **facts)


def delays(policy: RetryPolicy, status: int | None, retry_after: str | None = None) -> list[float]:
    """Return all waits until the policy gives up."""
    failures, waits = [failed(status, retry_after)], list[float]()
    while (pause := policy.after(failures)) is not None:
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
            for status in sorted(TRANSIENT - {400})
        ),
        pytest.param(ORGANIZERS, None, [2, 4, 8, 16, 32, 64], id="a broken connection"),
        *(
            pytest.param(ORGANIZERS, status, [], id=f"{status}: at once an error")
            for status in (401, 403, 404, 405, 410, 422, 501, 505)
        ),
        pytest.param(TICKETING, 400, [], id="400 is final where the policy does not name it"),
        pytest.param(TICKETING, 503, [2, 4, 8, 16, 32, 64], id="503 where the policy names it"),
        pytest.param(RetryPolicy(limits={400: 1, None: 2}), 400, [2], id="a limit for a status"),
        pytest.param(RetryPolicy(limits={400: 1, None: 2}), None, [2, 4], id="a limit for connections"),
        pytest.param(RetryPolicy(factor=3, retries=2), 500, [3, 9], id="another factor"),
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


def test_a_policy_cannot_be_changed_on_the_way() -> None:
    with pytest.raises(AttributeError):
        t.cast("t.Any", ORGANIZERS).retries = 100


def test_a_limit_counts_failures_of_its_own_kind_and_the_whole_counts_all() -> None:
    assert ORGANIZERS.after([*map(failed, (500, 400, 500, 500, 400))]) == Pause(32)
    assert ORGANIZERS.after([*map(failed, (400, 400, 400, 500, 400))]) is None
    assert ORGANIZERS.after([*map(failed, (502, 503, None, 504, 409, 408, 500))]) is None


def test_a_refusal_is_not_asked_again_even_with_a_status_that_passes() -> None:
    assert ORGANIZERS.after([failed(503, is_refusal=True)]) is None


def test_a_status_that_is_final_for_a_request_is_not_asked_again() -> None:
    assert ORGANIZERS.after([failed(400)], final={400}) is None
    assert ORGANIZERS.after([failed(500)], final={400}) == Pause(2)


def test_a_server_that_never_answered_is_given_up_soon() -> None:
    tries = [failed(None)] * TRIES_BEFORE_FIRST_ANSWER
    assert ORGANIZERS.after(tries, was_reached=False) is not None
    assert ORGANIZERS.after([*tries, failed(None)], was_reached=False) is None


@pytest.mark.parametrize("status", sorted(TRANSIENT))
def test_a_429_holds_all_requests_and_others_only_their_own(status: int) -> None:
    assert ORGANIZERS.after([failed(status, "3")]) == Pause(3, holds_all=status == 429)


def test_a_wait_that_is_too_long_is_told() -> None:
    assert ORGANIZERS.asks_too_long(failed(503, "601")) == 601
    assert ORGANIZERS.asks_too_long(failed(503, "600")) is None
    assert ORGANIZERS.asks_too_long(failed(503)) is None
