"""Killed without warning, tap or loader or both: the next run completes, with each row once."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import duckdb
import pytest

from sandbox.box import Sandbox, Scale
from tests.support.loading import catalog, settings, settled

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Json
    from tests.meltano.conftest import Project

pytestmark = pytest.mark.meltano

STREAMS = ("events", "tax_rules", "orders", "order_positions", "transactions")
KEYS = {"events": "organizer, slug", "orders": "organizer, code"}
SCALE = Scale(organizers=2, events=4, tax_rules=60, orders=900, ticketing_events=1, attendees=1)
#: Rows of a stream that the loader gathers, of some thousands.
BATCH = 250
KILLS = 3
#: About as many requests as a whole run takes.
REQUESTS = 70
Victims = tuple[str, ...]
victims = pytest.mark.parametrize(
    "names", [("tap",), ("target",), ("tap", "target")], ids=["the tap", "the loader", "both"]
)


@pytest.fixture(scope="module")
def crowd() -> Iterator[Sandbox]:
    """Orders enough for many pages, each of which takes a moment."""
    with Sandbox(scale=SCALE) as box:
        box.latency = 0.05
        yield settled(box)


def truth(box: Sandbox) -> dict[str, int]:
    """Return how many rows each stream has."""
    rows = box.organizers.rows
    organizers = box.organizers.organizers
    events = [f"/organizers/{slug}/events/{event}/" for slug, one in organizers.items() for event in one.events]
    orders = [order for one in organizers.values() for order in one.sales["orders"]]
    return {
        "events": len(events),
        "tax_rules": sum(len(rows(f"{path}taxrules/")) for path in events),
        "orders": len(orders),
        "order_positions": sum(len(order["positions"]) for order in orders),
        "transactions": sum(len(one.sales["transactions"]) for one in organizers.values()),
    }


def loaded(file: Path, schema: str, streams: t.Sequence[str] = STREAMS) -> dict[str, tuple[int, int]]:
    """Return rows and distinct keys of each table."""
    with duckdb.connect(str(file), read_only=True) as connection:
        found = {
            name: connection.execute(
                f"select count(*), count(distinct ({KEYS.get(name, 'id')})) from {schema}.{name}"
            ).fetchone()
            for name in streams
        }
    return {name: (row[0], row[1]) for name, row in found.items() if row}


def wait_for_requests(box: Sandbox, count: int, run: subprocess.Popen[bytes]) -> None:
    """Wait until the API was asked so often, or the run is over."""
    while len(box.log) < count and run.poll() is None:
        time.sleep(0.005)


# --- tap | target-duckdb ----------------------------------------------------------------------------------------------


class Pipeline:
    """A tap and a loader with a pipe in between, and the last state that the loader has told."""

    def __init__(self, folder: Path, target: Path, box: Sandbox, streams: t.Sequence[str] = STREAMS) -> None:
        self.folder = folder
        self.file = folder / "crashes.duckdb"
        self.state: Json | None = None
        tap = Path(sys.executable).with_name("tap-organizers")
        self._tap: list[str | Path] = [tap, "--config", folder / "tap.json", "--catalog", folder / "catalog.json"]
        self._target: list[str | Path] = [target, "--config", folder / "target.json"]
        contents = {
            "tap": settings(box),
            "catalog": catalog(*streams),
            "target": {"filepath": str(self.file), "default_target_schema": "killed", "batch_size_rows": BATCH},
        }
        for name, content in contents.items():
            (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")

    def start(self, *within: str) -> dict[str, subprocess.Popen[bytes]]:
        """Start both, the loader within another command."""
        tap = list(self._tap)
        if self.state is not None:
            (self.folder / "state.json").write_text(json.dumps(self.state), encoding="utf-8")
            tap += ["--state", self.folder / "state.json"]
        with (self.folder / "log").open("wb") as log, (self.folder / "states").open("wb") as states:
            first = subprocess.Popen(tap, stdout=subprocess.PIPE, stderr=log)
            second = subprocess.Popen(
                [*within, *self._target], stdin=first.stdout, stdout=states, stderr=subprocess.DEVNULL
            )
        assert first.stdout is not None
        first.stdout.close()  # the loader has it
        return {"tap": first, "target": second}

    def finish(self, running: dict[str, subprocess.Popen[bytes]]) -> list[int]:
        """Wait for both, keep the last whole state that the loader has told, and return how they ended."""
        codes = [process.wait(60) for process in running.values()]
        for line in (self.folder / "states").read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                self.state = json.loads(line) or self.state
        return codes


def loader_of(project: Project) -> Path:
    """Return the loader's own command, as Meltano has installed it."""
    return project.folder / ".meltano" / "loaders" / "target-duckdb" / "venv" / "bin" / "target-duckdb"


@victims
def test_a_pipe_into_a_database_killed_at_random_completes(
    names: Victims, project: Project, crowd: Sandbox, tmp_path: Path
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    pipeline = Pipeline(tmp_path, loader_of(project), crowd)
    killed = 0
    for _ in range(KILLS):
        crowd.clear_log()
        running = pipeline.start()
        wait_for_requests(crowd, chance.randrange(REQUESTS), running["tap"])
        time.sleep(chance.random() / 2)
        for name in names:
            running[name].kill()
        killed += -signal.SIGKILL in pipeline.finish(running)
    assert killed
    assert pipeline.finish(pipeline.start()) == [0, 0]
    assert loaded(pipeline.file, "killed") == {name: (rows, rows) for name, rows in truth(crowd).items()}


def test_what_a_killed_loader_has_told_is_loaded(project: Project, tmp_path: Path) -> None:
    # Few orders, which wait in the loader, and so many transactions that it loads some, tells a state, and is killed.
    scale = Scale(organizers=1, events=2, tax_rules=1, orders=200, ticketing_events=1, attendees=1)
    streams = ("orders", "transactions")
    with Sandbox(scale=scale) as box:
        settled(box)
        expected = {name: (rows, rows) for name, rows in truth(box).items() if name in streams}
        assert expected["orders"][0] < BATCH < expected["transactions"][0]
        box.latency = 0.3
        pipeline = Pipeline(tmp_path, loader_of(project), box, streams)
        running = pipeline.start()
        while not (tmp_path / "states").stat().st_size:
            assert running["target"].poll() is None
            time.sleep(0.01)
        running["target"].kill()
        assert pipeline.finish(running)[1] == -signal.SIGKILL
        assert pipeline.finish(pipeline.start()) == [0, 0]
    assert loaded(pipeline.file, "killed", streams) == expected


def test_a_full_disk_at_the_loader_ends_the_tap_with_one_line_and_the_next_run_completes(
    project: Project, crowd: Sandbox, tmp_path: Path
) -> None:
    pipeline = Pipeline(tmp_path, loader_of(project), crowd)
    # As good as full: no file can become larger than some hundred blocks.
    tap, target = pipeline.finish(pipeline.start("/bin/sh", "-c", 'ulimit -f 800; exec "$@"', "sh"))
    assert target > 0
    log = (tmp_path / "log").read_text(encoding="utf-8")
    assert tap == 1
    (line,) = [line for line in log.splitlines() if "| ERROR" in line]
    assert line.endswith("the loader has closed the pipe")
    assert "Traceback" not in log
    assert pipeline.finish(pipeline.start()) == [0, 0]
    assert loaded(pipeline.file, "killed") == {name: (rows, rows) for name, rows in truth(crowd).items()}


# --- meltano run ------------------------------------------------------------------------------------------------------


def parts(run: subprocess.Popen[bytes]) -> dict[str, int]:
    """Return the processes of a run of Meltano's by what they are."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    found = {"meltano": run.pid}
    for line in listed.stdout.splitlines():
        pid, parent, command = line.split(None, 2)
        for name, program in {"tap": "/tap-organizers ", "target": "/target-duckdb "}.items():
            if int(parent) == run.pid and program in f"{command} ":
                found[name] = int(pid)
    return found


@victims
def test_a_run_of_meltano_killed_at_random_completes(names: Victims, project: Project, crowd: Sandbox) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    suffix = "-".join(names)
    file = project.folder / "output" / f"{suffix}.duckdb"
    # A run that was killed counts as running for some minutes, unless it is told that it is not.
    command = ["run", "--force", "--state-id-suffix", suffix, "tap-organizers", "target-duckdb"]
    environment = {
        "TAP_ORGANIZERS_API_URL": crowd.organizers_url,
        "TAP_ORGANIZERS__SELECT": json.dumps([f"{name}.*" for name in STREAMS]),
        "TARGET_DUCKDB_FILEPATH": str(file),
        "TARGET_DUCKDB_BATCH_SIZE_ROWS": str(BATCH),
    }
    killed: list[str] = []
    while not killed:
        crowd.clear_log()
        run = project.start(*command, **environment)
        wait_for_requests(crowd, chance.randrange(1, REQUESTS // 2), run)
        time.sleep(chance.random() / 3)
        running = parts(run)
        # Both with Meltano itself, which would else begin to put things in order.
        for name in ("meltano", *names) if len(names) > 1 else names:
            if name in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(running[name], signal.SIGKILL)
                    killed.append(name)
        assert (run.wait(120) != 0) == bool(killed)
    project.meltano(*command, **environment)
    assert loaded(file, "tap_organizers") == {name: (rows, rows) for name, rows in truth(crowd).items()}
