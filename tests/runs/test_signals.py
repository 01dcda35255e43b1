"""Signals at random moments: no run hangs, each has its exit status, and the next one completes it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
import typing as t

import pytest

from sandbox import Sandbox, Scale
from tests.conftest import discovered, only, organizers_config, run_tap

if t.TYPE_CHECKING:
    from tests.conftest import Commands, Json

#: Runs for each number of requests in flight; `SIGNAL_RUNS=334 make test-slow` makes a thousand of them.
RUNS = int(os.environ.get("SIGNAL_RUNS", "25"))
SCALE = Scale(organizers=1, events=4, tax_rules=120, orders=300, ticketing_events=1, attendees=1)
STREAMS = ("orders", "tax_rules")
#: Seconds in which a run has to be over that was told to end.
PATIENCE = 20


def keys(messages: list[Json]) -> set[tuple[str, t.Any]]:
    """Return which rows came."""
    records = [(m["stream"], m["record"]) for m in messages if m["type"] == "RECORD"]
    return {(name, row["code"] if name == "orders" else row["id"]) for name, row in records}


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_signal_at_any_moment_ends_a_run_with_a_true_state(workers: int, start_command: Commands) -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    chance = random.Random(seed)
    codes = []
    with Sandbox(scale=SCALE) as box:
        box.latency = 0.03
        config = organizers_config(box, max_concurrency=workers, progress=False)
        catalog = only(discovered(config), *STREAMS)
        whole = keys(run_tap(config, catalog).messages)
        for _ in range(RUNS):
            number = chance.choice([signal.SIGTERM, signal.SIGINT])
            command = start_command(config=config, catalog=catalog)
            command.line()  # the state that it begins with: from here on it reads
            command.drain()
            time.sleep(chance.uniform(0, 0.4))
            with contextlib.suppress(ProcessLookupError):  # it was quicker
                command.signal(number)
            began = time.monotonic()
            finished = command.finish()
            assert time.monotonic() - began < PATIENCE
            assert "Traceback" not in finished.stderr
            messages = finished.messages
            # Python takes its handlers away when it ends: then a signal finds nothing left to do.
            is_over = keys(messages) == whole
            assert finished.code in ({0, -number} if is_over else set()) | {128 + number}, finished.stderr
            state = [message["value"] for message in messages if message["type"] == "STATE"][-1]
            rest = run_tap(config, catalog, state)
            assert keys(messages) | keys(rest.messages) == whole
            codes.append(finished.code)
    assert any(code > 0 for code in codes), "none of them was stopped"
