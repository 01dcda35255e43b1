"""When a request may go out: rate, and pauses that the server asks for."""

from __future__ import annotations

import itertools
import threading
import time
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rest_tap import limiter as module
from rest_tap.errors import Stopped
from rest_tap.limiter import RateLimiter

if t.TYPE_CHECKING:
    from tests.conftest import Waits


class Clock:
    """A time that moves when it is told to, or when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 50.0

    def monotonic(self) -> float:
        return self.now


def limiter_with(
    clock: Clock, requests_per_minute: int | None, late: t.Callable[[], float] = lambda: 0.0
) -> RateLimiter:
    """Return a limiter that sleeps by moving the clock, a little too far each time."""
    limiter = RateLimiter(requests_per_minute)

    def sleep(seconds: float) -> None:
        clock.now += seconds + late()

    limiter.sleep = sleep  # type: ignore[method-assign]
    return limiter


def most_in_a_minute(times: list[float]) -> int:
    """Return how many of these times lie within one minute, at most."""
    most, start = 0, 0
    for end, moment in enumerate(times):
        while moment - times[start] >= 60:
            start += 1
        most = max(most, end - start + 1)
    return most


@pytest.mark.parametrize("limit", [1, 7, 60, 360, 6000])
@settings(max_examples=25)
@given(data=st.data())
def test_never_do_more_requests_than_allowed_go_out_in_any_minute(limit: int, data: st.DataObject) -> None:
    clock, patch = Clock(), pytest.MonkeyPatch()
    lateness = data.draw(st.sampled_from([0.0, 0.001, 0.02, 0.3]))
    pauses = data.draw(st.dictionaries(st.integers(0, 30), st.floats(0, 100), max_size=3))
    limiter = limiter_with(clock, limit, lambda: lateness)
    times = []
    with patch.context() as patched:
        patched.setattr(module, "time", clock)
        for number in range(min(2 * limit + 5, 500)):
            clock.now += pauses.get(number, 0)
            limiter.acquire()
            times.append(clock.now)
    assert most_in_a_minute(times) <= limit


@pytest.mark.parametrize("lateness", [0.0, 0.005, 0.04])
def test_a_busy_machine_still_reaches_ninety_five_percent_of_the_rate(
    lateness: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    limiter = limiter_with(clock, 360, lambda: lateness)
    began = clock.now
    for _ in range(1800):
        limiter.acquire()
    assert clock.now - began <= 300 / 0.95


def test_requests_are_spread_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    limiter = limiter_with(clock, 60)
    times = []
    for _ in range(10):
        limiter.acquire()
        times.append(clock.now)
    assert [round(later - earlier, 1) for earlier, later in itertools.pairwise(times)] == [1.0] * 9


def test_without_a_rate_nobody_waits() -> None:
    limiter, began = RateLimiter(None), time.monotonic()
    for _ in range(1000):
        limiter.acquire()
    assert time.monotonic() - began < 1
    assert limiter.waited < 1


def test_a_hold_holds_everybody_until_it_is_over() -> None:
    limiter, passed = RateLimiter(None), list[float]()
    began = time.monotonic()
    limiter.hold(0.3)

    def ask() -> None:
        limiter.acquire()
        passed.append(time.monotonic() - began)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 8
    assert min(passed) >= 0.3
    assert limiter.waited >= 8 * 0.2


def test_a_shorter_hold_does_not_cut_a_longer_one_short(no_waiting: Waits) -> None:
    limiter = RateLimiter(None)
    limiter.hold(30)
    limiter.hold(5)
    limiter.acquire()
    assert no_waiting.seconds == [30]


def test_after_a_hold_the_rate_goes_on_without_a_burst(no_waiting: Waits) -> None:
    limiter = RateLimiter(60)
    limiter.acquire()
    limiter.hold(100)
    times = []
    for _ in range(4):
        limiter.acquire()
        times.append(round(no_waiting.now - 1000))
    assert times == [100, 101, 102, 103]


@pytest.mark.parametrize("waiting", ["acquire", "sleep"])
def test_stopping_wakes_and_refuses_everybody(waiting: str) -> None:
    limiter, refused = RateLimiter(None), list[str]()
    limiter.hold(100)

    def ask() -> None:
        try:
            limiter.acquire() if waiting == "acquire" else limiter.sleep(100)
        except Stopped:
            refused.append(waiting)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    limiter.stop()
    for thread in threads:
        thread.join(5)
    assert refused == [waiting] * 5
    with pytest.raises(Stopped):
        limiter.acquire()
