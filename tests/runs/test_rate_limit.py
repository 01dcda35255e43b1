"""Limits of the server: kept, used to the full, and heeded when they are hit."""

from __future__ import annotations

import threading
import typing as t

import pytest

from sandbox import RateLimit, Sandbox, Scale
from tests.support.loading import read

if t.TYPE_CHECKING:
    from tests.conftest import Waits


def limited(events: int) -> Sandbox:
    """Serve one page for each of so many events, and little else."""
    return Sandbox(scale=Scale(organizers=1, events=events, tax_rules=1, orders=4, ticketing_events=1, attendees=1))


def test_a_limit_that_is_kept_gets_nobody_banned() -> None:
    # 360 requests in a minute, and both sides sixty times faster.
    with limited(40) as box:
        limit = box.rate_limit = RateLimit(360, window=1.0)
        read(box, "tax_rules", "checkins", max_concurrency=16, requests_per_minute=60 * 340)
        assert (box.banned, limit.refused) == (False, 0)


@pytest.mark.slow
def test_a_limit_that_is_kept_is_used_to_95_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    # 360 requests in a minute, and both sides ten times faster.
    monkeypatch.setattr("rest_tap.limiter.SLACK", 0.05 / 10)
    rates: list[float] = []
    with limited(320) as box:
        # What the tap can make of the limit is what it makes of it when the machine lets it: the best of three.
        while len(rates) < 3 and max(rates, default=0) < 0.95 * 360:
            box.clear_log()
            limit = box.rate_limit = RateLimit(360, window=6.0)
            read(box, "tax_rules", max_concurrency=16, requests_per_minute=3600)
            times = sorted(request.time_started for request in box.log)
            rates.append((len(times) - 1) / (times[-1] - times[0]) * 6)
            assert (box.banned, limit.refused) == (False, 0)
            assert rates[-1] <= 1.02 * 360
    assert max(rates) >= 0.95 * 360


def test_who_runs_into_a_limit_waits_for_as_long_as_the_server_says(no_waiting: Waits) -> None:
    with limited(40) as box:
        limit, lock = RateLimit(30, window=300.0), threading.Lock()
        box.rate_limit = limit

        def move_on(_request: object, _box: Sandbox) -> None:
            # The waits are not real: the window ends once the tap has waited for that.
            with lock:
                if max(no_waiting.seconds, default=0) > 250 and limit._count > limit.limit:
                    limit._start = -300.0
                    no_waiting.seconds.clear()

        box.on_request(move_on)
        result = read(box, "tax_rules", max_concurrency=16)
        assert not box.banned
        assert limit.refused >= 1
    assert len({row["event"] for row in result.records["tax_rules"]}) == 40
