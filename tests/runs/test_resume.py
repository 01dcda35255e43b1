"""Runs that end before they are done: every STATE is true, and the next run goes on from it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import signal
import time
import typing as t

import pytest

from rest_tap.errors import ApiError, StopRun
from sandbox import Fault, Sandbox, Scale
from tests.support.loading import (
    Loader,
    bookmarks,
    catalog,
    merged,
    read,
    settings,
    settled,
    truth,
    until_state,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Commands, Json, Result

SCALE = Scale(organizers=2, events=3, tax_rules=1, orders=200, ticketing_events=1, attendees=1)
#: What is read for the tests that look at every STATE.
FEW = ("orders", "order_positions", "transactions", "checkins")


@pytest.fixture(scope="module")
def still() -> Iterator[Sandbox]:
    """Data that nothing changes."""
    with Sandbox(scale=SCALE) as box:
        yield settled(box)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Data that a test may change."""
    with Sandbox(scale=SCALE) as box:
        yield settled(box)


@pytest.fixture
def state_after_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a STATE follow each page, however small."""
    monkeypatch.setattr("rest_tap.messages.STATE_SHARE", 0)


def check_every_state(
    box: Sandbox, result: Result, *streams: str, before: Loader | None = None, runs: int = 1, **more: t.Any
) -> int:
    """Resume from each STATE of a run: with all that was written before it, that is the whole truth."""
    every, done = until_state(result), set[str]()
    for messages, given in every:
        state, text = given, json.dumps(given, sort_keys=True)
        if text in done:
            continue
        done.add(text)
        loader = (before or Loader()).copy().load(messages)
        for _ in range(runs):
            resumed = read(box, *streams, state=state, **more)
            loader.load(resumed.messages)
            state = resumed.states[-1]
        assert loader.lacks(truth(box, *streams)) == [], given
    return len(done)


# --- every STATE is true ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("state_after_each_page")
def test_a_run_resumed_from_any_state_of_a_first_load_completes_it(still: Sandbox) -> None:
    result = read(still, *FEW)
    assert check_every_state(still, result, *FEW) > 8


@pytest.mark.usefixtures("state_after_each_page")
def test_a_run_resumed_from_any_state_of_a_later_load_completes_it(box: Sandbox) -> None:
    first = read(box, *FEW)
    for order in box.organizers.organizers["riverside"].sales["orders"][:110]:
        box.organizers.change_order("riverside", order["code"])
    second = read(box, *FEW, state=first.states[-1], overlap_seconds=0)
    before = Loader().load(first.messages)
    assert check_every_state(box, second, *FEW, before=before, overlap_seconds=0) > 3


@pytest.mark.slow
@pytest.mark.usefixtures("state_after_each_page")
def test_a_run_resumed_from_any_state_of_a_load_of_chosen_events_completes_it(still: Sandbox) -> None:
    every = list(still.organizers.organizers["riverside"].events)
    result = read(still, "orders", "transactions", events=every)
    assert check_every_state(still, result, "orders", "transactions", events=every) > 4


@pytest.mark.usefixtures("state_after_each_page")
def test_a_run_resumed_from_any_state_of_a_load_that_was_disturbed_completes_it(box: Sandbox) -> None:
    data, chance = box.organizers, random.Random(7)

    def change(request: t.Any, _box: Sandbox) -> None:
        if "/riverside/" not in request.path or not request.path.endswith("/"):
            return
        orders = data.organizers["riverside"].sales["orders"]
        data.delete_order("riverside", orders[chance.randrange(5)]["code"])
        data.add_order("riverside", "jazz-1", 1)
        data.change_order("riverside", chance.choice(orders)["code"], status="c")

    box.on_request(change)
    result = read(box, *FEW)
    box._hooks.clear()
    # What changed during a first load comes in the run after it.
    assert check_every_state(box, result, *FEW, runs=2) > 8


@pytest.mark.usefixtures("state_after_each_page")
@pytest.mark.parametrize("seed", range(2))
def test_states_merged_as_meltano_does_lose_nothing(seed: int, still: Sandbox) -> None:
    chance = random.Random(seed)
    # Two runs that share nothing, two of the same lists, and one of other streams of the same lists.
    runs = [
        read(still, *FEW, organizers=["riverside"]),
        read(still, *FEW, organizers=["sommerfest"]),
        read(still, *FEW),
        read(still, "orders", "transactions"),
    ]
    for _ in range(6):
        (ours, state), (theirs, other) = (chance.choice(until_state(run)) for run in chance.sample(runs, 2))
        both = merged(state, other)
        loader = Loader().load(ours).load(theirs)
        loader.load(read(still, *FEW, state=both).messages)
        assert loader.lacks(truth(still, *FEW)) == [], both


def test_the_states_of_two_runs_that_share_nothing_merge_into_one_with_nothing_left_to_read(still: Sandbox) -> None:
    one, two = (read(still, *FEW, organizers=[slug]).states[-1] for slug in ("riverside", "sommerfest"))
    assert dict(read(still, *FEW, state=merged(one, two)).records) == {}


def test_a_run_begins_with_the_state_that_it_was_given(still: Sandbox) -> None:
    """A loader may take the first one for that, and tell it before it has loaded what the first page brings."""
    first = read(still, *FEW)
    assert first.messages[0] == {"type": "STATE", "value": {"bookmarks": {}}}
    later = read(still, *FEW, state=first.states[-1])
    assert later.messages[0] == {"type": "STATE", "value": first.states[-1]}


# --- ends in the middle -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", range(1, 10, 2))
def test_an_error_in_the_middle_leaves_what_was_read_and_a_true_state(after: int, still: Sandbox) -> None:
    still.faults.add(Fault("/(orders|transactions)/$", status=410, after=after, times=None))
    try:
        result = read(still, *FEW, fails=ApiError)
    finally:
        still.faults.clear()
    said = [message["type"] for message in result.messages if message["type"] != "SCHEMA"]
    assert said[-1] == "STATE" or result.states == [{"bookmarks": {}}]
    loader = Loader().load(result.messages)
    pages = still.requests("/(orders|transactions)/$")
    assert pages
    loader.load(read(still, *FEW, state=result.states[-1]).messages)
    assert loader.lacks(truth(still, *FEW)) == []


def test_all_pages_before_an_error_are_written(box: Sandbox) -> None:
    box.faults.add(Fault("/riverside/orders/$", status=410, after=2))
    result = read(box, "orders", max_concurrency=1, fails=ApiError)
    assert len({row["code"] for row in result.records["orders"]}) >= 50
    assert set(bookmarks(result.states[-1], "orders")["organizers"]["riverside"]) == {"since", "at"}


def test_an_error_of_the_program_itself_leaves_a_true_state(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    from tap_organizers.streams.sales import Orders  # noqa: PLC0415 - only here

    kept = Orders.page_read

    def page_read(self: Orders, context: t.Any, answer: t.Any) -> None:
        kept(self, context, answer)
        if len(written) > 1:
            raise ZeroDivisionError
        written.append(answer)

    written: list[t.Any] = []
    monkeypatch.setattr(Orders, "page_read", page_read)
    result = read(box, *FEW, fails=ZeroDivisionError)
    monkeypatch.undo()
    loader = Loader().load(result.messages)
    loader.load(read(box, *FEW, state=result.states[-1]).messages)
    assert loader.lacks(truth(box, *FEW)) == []


def test_a_run_out_of_time_ends_in_order_and_says_so(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("rest_tap.run.time.monotonic", lambda: now[0])
    box.on_request(lambda request, _: now.__setitem__(0, now[0] + 10 * ("/orders/" in request.path)))
    result = read(box, *FEW, max_runtime_seconds=25, max_concurrency=1, fails=StopRun)
    assert "max_runtime_seconds" in str(result.error)
    assert result.messages[-1]["type"] == "STATE"
    loader = Loader().load(result.messages)
    assert loader.lacks(truth(box, *FEW))
    runs = 0
    while result.error is not None:
        assert runs < 20
        result = read(box, *FEW, state=result.states[-1], max_runtime_seconds=25, max_concurrency=1, may_fail=StopRun)
        loader.load(result.messages)
        runs += 1
    assert loader.lacks(truth(box, *FEW)) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_run_with_a_true_state_and_no_traceback(
    number: int, box: Sandbox, start_command: Commands
) -> None:
    box.latency = lambda request: 0.15 if "/orders/" in request.path else 0.0
    command = start_command(config=settings(box, max_concurrency=1), catalog=catalog(*FEW))
    while b'"at"' not in command.line():
        pass
    command.signal(number)
    finished = command.finish()
    assert finished.code == 128 + number
    assert "Traceback" not in finished.stderr
    assert finished.messages[-1]["type"] == "STATE"
    loader = Loader().load(finished.messages)
    assert loader.lacks(truth(box, *FEW))
    box.latency = 0.0
    loader.load(read(box, *FEW, state=finished.messages[-1]["value"]).messages)
    assert loader.lacks(truth(box, *FEW)) == []


# --- killed -----------------------------------------------------------------------------------------------------------


def complete_messages(output: bytes) -> list[Json]:
    """Return the messages of an output that may be cut off in the middle of a line."""
    return [json.loads(line) for line in output.split(b"\n")[:-1]]


def kill_at_random(
    box: Sandbox, start_command: Commands, chance: random.Random, state: Json | None, longest: float
) -> tuple[list[Json], bool]:
    """Start a run and kill it at some time; return what it wrote, and whether it was done before."""
    command = start_command(config=settings(box), catalog=catalog("orders", "order_positions"), state=state)
    # Reading keeps the pipe from filling up, so that the time decides where the run is killed.
    ends, output = time.monotonic() + chance.random() * longest, bytearray()
    descriptor = command.stdout.fileno()
    os.set_blocking(descriptor, False)
    while time.monotonic() < ends:
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            time.sleep(0.002)
            continue
        if not data:
            break
        output += data
    with contextlib.suppress(ProcessLookupError):
        command.signal(signal.SIGKILL)
    os.set_blocking(descriptor, True)
    command.read.append(bytes(output))
    rest = command.stdout.read()
    code = command.server.wait()
    command.stdout.close()
    command.stderr.close()
    return complete_messages(bytes(output) + rest), code == 0


def killed_until_complete(
    box: Sandbox, start_command: Commands, seed: int, kills: int, longest: float, name: str
) -> None:
    print(f"seed {seed}")
    chance, loader = random.Random(seed), Loader()
    state: Json | None = None
    written: list[set[str]] = []
    for _ in range(kills):
        messages, _done = kill_at_random(box, start_command, chance, state, longest)
        loader.load(messages)
        written.append({m["record"]["code"] for m in messages if m["type"] == "RECORD" and m["stream"] == "orders"})
        states = [message["value"] for message in messages if message["type"] == "STATE"]
        state = states[-1] if states else state
    last = read(box, "orders", "order_positions", state=state)
    written.append({row["code"] for row in last.records["orders"]})
    assert loader.load(last.messages).lacks(truth(box, "orders", "order_positions")) == []
    twice = sum(map(len, written)) - len(set().union(*written))
    logging.getLogger(name).info("%d orders twice in %d stops", twice, kills)
    # With 8 requests at once, up to 18 pages were not certain yet when it was killed.
    assert twice <= 22 * 50 * kills


def test_a_first_load_killed_at_random_points_completes(start_command: Commands, pytestconfig: pytest.Config) -> None:
    seed = random.randrange(10**6)
    scale = Scale(organizers=1, events=4, tax_rules=1, orders=2000, ticketing_events=1, attendees=1)
    with Sandbox(scale=scale) as box:
        settled(box)
        box.latency = 0.01
        killed_until_complete(box, start_command, seed, 6, 0.8, pytestconfig.invocation_params.dir.name)


@pytest.mark.slow
def test_a_first_load_of_5000_orders_killed_twenty_times_completes(
    start_command: Commands, pytestconfig: pytest.Config
) -> None:
    seed = random.randrange(10**6)
    scale = Scale(organizers=1, events=10, tax_rules=1, orders=5000, ticketing_events=1, attendees=1)
    with Sandbox(scale=scale) as box:
        settled(box)
        box.latency = 0.05
        killed_until_complete(box, start_command, seed, 20, 1.5, pytestconfig.invocation_params.dir.name)
