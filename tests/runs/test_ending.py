"""How a run ends before it is done: in order, with a true STATE, and with the right exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from rest_tap.errors import StopRun
from rest_tap.request import Request
from sandbox import Fault, Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tests.conftest import discovered, only, organizers_config, run_tap

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Commands, Json, Run
    from tests.support.command import Command, Finished

SCALE = Scale(organizers=1, events=3, tax_rules=400, orders=900, ticketing_events=1, attendees=1)
LINE = re.compile(rb'\{"type":"(SCHEMA|RECORD|STATE)".*\}\n')


@pytest.fixture
def slow_box() -> Iterator[Sandbox]:
    """A sandbox of eighteen pages of orders, each of which takes a moment."""
    with Sandbox(scale=SCALE) as box:
        box.latency = 0.05
        yield box


def orders_only(config: Json) -> Json:
    return only(discovered(config), "orders")


def read_records(command: Command, count: int) -> None:
    """Read until there were so many records."""
    seen = 0
    while seen < count:
        line = command.line()
        assert line, "the run ended too early"
        seen += b'"RECORD"' in line[:20]


def is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def last_state(messages: list[Json]) -> Json:
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    assert states
    return t.cast("Json", states[-1])


def codes_of(messages: list[Json]) -> set[str]:
    return {m["record"]["code"] for m in messages if m["type"] == "RECORD" and m["stream"] == "orders"}


def all_codes(box: Sandbox) -> set[str]:
    return {order["code"] for order in box.organizers.organizers["riverside"].sales["orders"]}


def terminated(command: Command, is_waiting: Callable[[], object]) -> Finished:
    """Return what a command leaves that gets SIGTERM while it waits for the server: soon, and in order."""
    command.drain()
    deadline = time.monotonic() + 20
    while not is_waiting():
        time.sleep(0.01)
        assert time.monotonic() < deadline
    time.sleep(0.1)
    began = time.monotonic()
    command.signal(signal.SIGTERM)
    finished = command.finish()
    assert time.monotonic() - began < 8
    assert finished.code == 143
    assert "Traceback" not in finished.stderr
    assert finished.errors == []
    return finished


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_run_after_the_page_at_hand_with_a_true_state(
    number: signal.Signals, code: int, workers: int, slow_box: Sandbox, start_command: Commands
) -> None:
    config = organizers_config(slow_box, max_concurrency=workers)
    command = start_command(config=config, catalog=orders_only(config))
    read_records(command, 60)
    command.signal(number)
    finished = command.finish()
    assert finished.code == code
    assert "Traceback" not in finished.stderr
    assert finished.errors == []
    assert [line for line in finished.warnings if "stopped by a signal" in line] != []
    first = codes_of(finished.messages)
    assert 60 <= len(first) < len(all_codes(slow_box))
    slow_box.latency = 0
    rest = run_tap(config, orders_only(config), last_state(finished.messages))
    assert first | codes_of(rest.messages) == all_codes(slow_box)
    assert len(codes_of(rest.messages)) < len(all_codes(slow_box)), "it goes on and does not begin again"


@pytest.mark.parametrize("workers", [1, 8])
def test_a_signal_ends_a_run_that_waits_for_the_server(
    workers: int, slow_box: Sandbox, start_command: Commands
) -> None:
    slow_box.faults.add(Fault(path="orders", after=3, status=429, headers={"Retry-After": "300"}, times=None))
    config = organizers_config(slow_box, max_concurrency=workers)
    command = start_command(config=config, catalog=orders_only(config))
    read_records(command, 60)
    finished = terminated(command, lambda: any(entry.status == 429 for entry in slow_box.log))
    assert len(codes_of(finished.messages)) >= (140 if workers == 1 else 45), "what came in order is written"
    slow_box.faults.clear()
    slow_box.latency = 0
    rest = run_tap(config, orders_only(config), last_state(finished.messages))
    assert codes_of(finished.messages) | codes_of(rest.messages) == all_codes(slow_box)


@pytest.mark.parametrize("workers", [1, 8])
def test_a_signal_ends_a_run_whose_server_does_not_answer(
    workers: int, slow_box: Sandbox, start_command: Commands
) -> None:
    slow_box.faults.add(Fault(path="orders", after=3, kind="timeout", seconds=60, times=None))
    config = organizers_config(slow_box, max_concurrency=workers)
    command = start_command(config=config, catalog=orders_only(config))
    read_records(command, 60)
    finished = terminated(command, lambda: any(entry.fault for entry in slow_box.log))
    assert len(codes_of(finished.messages)) >= (140 if workers == 1 else 45), "what came in order is written"
    slow_box.faults.clear()
    slow_box.latency = 0
    rest = run_tap(config, orders_only(config), last_state(finished.messages))
    assert codes_of(finished.messages) | codes_of(rest.messages) == all_codes(slow_box)


def test_a_signal_ends_a_run_that_asks_again_for_a_page_it_cannot_decode(start_command: Commands) -> None:
    with Sandbox(scale=Scale(organizers=1, events=1, tax_rules=900, orders=0)) as box:
        box.latency = 0.05
        # Only the one who asks waits; the pool goes on to ask for pages behind it.
        broken = Fault(path="taxrules/$", query="page=3&", status=200, body="{")
        busy = Fault(path="taxrules/$", query="page=3&", status=503, headers={"Retry-After": "300"}, times=None)
        box.faults.add(broken, busy)
        config = organizers_config(box, max_concurrency=8)
        command = start_command(config=config, catalog=only(discovered(config), "tax_rules"))
        finished = terminated(command, lambda: busy.fired and len(box.requests("taxrules/$")) >= 18)
    assert len([m for m in finished.messages if m["type"] == "RECORD"]) == 100


@pytest.mark.parametrize("workers", [1, 8])
def test_a_signal_ends_a_run_that_asks_what_the_credential_sees(workers: int, start_command: Commands) -> None:
    with Sandbox(scale=SCALE) as box:
        busy = Fault(path="/events/?$", status=503, headers={"Retry-After": "300"}, times=None)
        box.faults.add(busy)
        config = organizers_config(box, max_concurrency=workers)
        command = start_command(config=config, catalog=orders_only(config))
        finished = terminated(command, lambda: busy.fired)
        assert codes_of(finished.messages) == all_codes(box)
        assert finished.messages[-1]["type"] == "STATE"


def test_a_wait_that_would_begin_after_a_signal_does_not() -> None:
    run = TapOrganizers(config={"api_url": "http://127.0.0.1", "api_token": "none"}).run
    run.stop(signal.SIGTERM)
    with pytest.raises(StopRun, match="stopped by a signal"):
        run.ask(Request("/version"))
    assert run.http.sent == 0


def test_a_second_signal_ends_a_run_that_waits_for_its_loader(slow_box: Sandbox, start_command: Commands) -> None:
    slow_box.latency = 0.0
    config = organizers_config(slow_box, max_concurrency=1)
    command = start_command(config=config, catalog=orders_only(config))
    # Nobody reads: once the pipe is full, it asks for nothing more.
    asked = -1
    while not slow_box.requests("orders") or len(slow_box.requests("orders")) > asked:
        asked = len(slow_box.requests("orders"))
        time.sleep(0.25)
    command.signal(signal.SIGTERM)
    time.sleep(0.2)
    command.signal(0)  # it is still there: the page at hand has to be written
    command.signal(signal.SIGTERM)
    finished = command.finish()
    assert finished.code == 128 + signal.SIGTERM
    assert "Traceback" not in finished.stderr


def test_a_loader_that_goes_away_ends_the_run_with_one_line(slow_box: Sandbox, start_command: Commands) -> None:
    slow_box.latency = 0.01
    config = organizers_config(slow_box)
    command = start_command(config=config, catalog=orders_only(config))
    read_records(command, 1)
    command.stdout.close()
    finished = command.finish()
    assert finished.code == 1
    assert finished.errors == ["the loader has closed the pipe"]
    assert "Traceback" not in finished.stderr
    assert "Exception ignored" not in finished.stderr
    assert len(slow_box.requests("orders")) < 22, "it does not go on reading"


def test_in_a_shell_a_pipe_into_head_ends_well(quiet_sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(organizers_config(quiet_sandbox)), encoding="utf-8")
    command = Path(sys.executable).with_name("tap-organizers")
    shell = subprocess.run(
        ["/bin/sh", "-c", f"'{command}' --config '{path}' | head -1"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert len(shell.stdout.splitlines()) == 1
    assert b"Traceback" not in shell.stderr
    assert b"Exception ignored" not in shell.stderr


def test_a_spent_time_budget_ends_the_run_in_order_and_the_next_goes_on(slow_box: Sandbox, run_command: Run) -> None:
    slow_box.latency = lambda request: 0.2 if "orders" in request.path else 0.0
    config = organizers_config(slow_box, max_runtime_seconds=1, max_concurrency=1)
    finished = run_command(config=config, catalog=orders_only(config))
    assert finished.code == 0, "what was read is good"
    assert finished.errors == []
    assert [line for line in finished.warnings if "max_runtime_seconds" in line] == [
        "the time budget (setting max_runtime_seconds) is spent; the next run goes on from the last STATE"
    ]
    first = codes_of(finished.messages)
    assert 0 < len(first) < len(all_codes(slow_box))
    slow_box.latency = 0
    rest = run_tap(organizers_config(slow_box), orders_only(config), last_state(finished.messages))
    assert first | codes_of(rest.messages) == all_codes(slow_box)


def test_no_byte_is_lost_when_a_signal_comes_while_the_loader_is_slow(
    slow_box: Sandbox, start_command: Commands
) -> None:
    slow_box.latency = 0
    config = organizers_config(slow_box)
    command = start_command(config=config, catalog=orders_only(config))
    read_records(command, 1)
    while not slow_box.requests("orders"):
        time.sleep(0.01)
    time.sleep(0.3)  # the pipe is full now, and the tap waits in the middle of a page
    command.signal(signal.SIGTERM)
    time.sleep(0.1)
    finished = command.finish()
    assert finished.code == 143
    lines = finished.output.split(b"\n")
    assert lines.pop() == b""
    assert [line for line in lines if not is_json(line)] == []


@pytest.mark.parametrize("records", [10, 130])
def test_after_kill_9_all_lines_are_whole_and_the_next_run_completes(
    records: int, slow_box: Sandbox, start_command: Commands
) -> None:
    config = organizers_config(slow_box)
    command = start_command(config=config, catalog=orders_only(config))
    read_records(command, records)
    command.signal(signal.SIGKILL)
    finished = command.finish()
    assert finished.code == -signal.SIGKILL
    whole, _, torn = finished.output.rpartition(b"\n")
    lines = [line + b"\n" for line in whole.split(b"\n")]
    assert all(LINE.fullmatch(line) for line in lines)
    assert LINE.fullmatch(torn + b"\n") is None or not is_json(torn), "at most the last line is not whole"
    messages = [json.loads(line) for line in lines]
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    slow_box.latency = 0
    rest = run_tap(config, orders_only(config), states[-1] if states else None)
    assert codes_of(messages) | codes_of(rest.messages) == all_codes(slow_box)


def test_every_state_on_the_way_is_true() -> None:
    with Sandbox(scale=SCALE) as box:
        # A page of a first load is certain once a page has come that was asked for after it.
        config = organizers_config(box, max_concurrency=1)
        catalog = orders_only(config)
        whole = run_tap(config, catalog)
        states = [at for at, message in enumerate(whole.messages) if message["type"] == "STATE"]
        assert len(states) > 5
        for at in states[:: len(states) // 4]:
            rest = run_tap(config, catalog, whole.messages[at]["value"])
            assert codes_of(whole.messages[:at]) | codes_of(rest.messages) == all_codes(box)


def test_an_error_leaves_a_true_state_behind(slow_box: Sandbox, run_command: Run) -> None:
    slow_box.latency = 0
    slow_box.faults.add(Fault(path="orders", after=7, status=418, times=None))
    config = organizers_config(slow_box, max_concurrency=1)
    finished = run_command(config=config, catalog=orders_only(config))
    assert finished.code == 1
    assert len(finished.errors) == 1
    slow_box.faults.clear()
    rest = run_tap(config, orders_only(config), last_state(finished.messages))
    assert codes_of(finished.messages) | codes_of(rest.messages) == all_codes(slow_box)
    assert len(codes_of(rest.messages)) < len(all_codes(slow_box))


def test_a_full_disk_below_standard_output_is_one_line(quiet_sandbox: Sandbox, tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    path = tmp_path / "config.json"
    path.write_text(json.dumps(organizers_config(quiet_sandbox)), encoding="utf-8")
    command = Path(sys.executable).with_name("tap-organizers")
    with full.open("wb") as out:
        finished = subprocess.run(
            [command, "--config", path], stdout=out, stderr=subprocess.PIPE, check=False, timeout=60, env=os.environ
        )
    assert finished.returncode == 1
    assert b"Traceback" not in finished.stderr
    assert finished.stderr.count(b"| ERROR") == 1
