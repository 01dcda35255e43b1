"""A real Dask cluster, of a scheduler and three worker processes, reads what one run would read."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from tests.orchestrate.conftest import ENGINES, ORCHESTRATE, Keys, keys, places, primary_keys

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox import Sandbox
    from tests.conftest import Json

pytestmark = pytest.mark.orchestrate

WORKERS = 3
SHARDS = 4
PATIENCE = 300


class Cluster:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "cluster.json"
        self._log = (folder / "cluster.log").open("wb")
        self._scheduler = self._start("scheduler", "--port", "0", "--no-show")
        self.workers = [self._start("worker", "--nthreads", "1", "--no-nanny") for _ in range(WORKERS)]

    def _start(self, kind: str, *options: str) -> subprocess.Popen[bytes]:
        command = [str(ENGINES / "dask"), kind, "--scheduler-file", str(self.file), "--no-dashboard"]
        return subprocess.Popen([*command, "--host", "127.0.0.1", *options], stdout=self._log, stderr=self._log)

    def close(self) -> None:
        """End all processes."""
        for process in (*self.workers, self._scheduler):
            process.terminate()
        time.sleep(1)
        for process in (*self.workers, self._scheduler):
            process.kill()
            process.wait()
        self._log.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster, which the last test leaves with one worker less."""
    with contextlib.closing(Cluster(tmp_path_factory.mktemp("cluster"))) as cluster:
        yield cluster


@pytest.fixture
def start(cluster: Cluster, config: Json, catalog: Json, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start `dask_shards.py` into the folder `output`."""
    for name, content in (("config", config), ("catalog", catalog)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")

    def start(*options: str) -> subprocess.Popen[str]:
        tap = Path(sys.executable).with_name("tap-organizers")
        program = [ENGINES / "python", ORCHESTRATE / "dask_shards.py", "--cluster", cluster.file, "--tap", tap]
        command = [*map(str, program), "--config", "config.json", "--catalog", "catalog.json", "--output", "output"]
        return subprocess.Popen(
            [*command, "--shards", str(SHARDS), *options],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for the end, which has to be a good one."""
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0, said


def messages(output: Path) -> Iterator[Json]:
    """Read what all shards have left."""
    for file in sorted(output.glob("shard-*/messages.jsonl")):
        yield from map(json.loads, file.read_text(encoding="utf-8").splitlines())


def state_of(output: Path) -> Json:
    """Read the merged state."""
    return t.cast("Json", json.loads((output / "state.json").read_text(encoding="utf-8")))


def test_three_workers_read_each_row_of_sixty_organizers_once(
    start: Callable[..., subprocess.Popen[str]], unsharded: tuple[Keys, Json], tmp_path: Path
) -> None:
    finish(start())
    whole, state = unsharded
    assert keys(messages(tmp_path / "output")) == whole
    assert max(whole.values()) == 1
    assert places(state_of(tmp_path / "output")) == places(state)


def test_batch_files_of_three_workers_hold_each_row_once(
    start: Callable[..., subprocess.Popen[str]], catalog: Json, unsharded: tuple[Keys, Json], tmp_path: Path
) -> None:
    finish(start("--batch", "jsonl"))
    found: Keys = Keys()
    for message in messages(tmp_path / "output"):
        assert message["type"] != "RECORD"
        for url in message.get("manifest", ()):
            with gzip.open(Path(url.removeprefix("file://")), "rt", encoding="utf-8") as file:
                rows = [json.loads(line) for line in file]
            stream = message["stream"]
            found.update((stream, *(str(row[key]) for key in primary_keys(catalog, stream))) for row in rows)
    assert found == unsharded[0]


def test_a_worker_killed_in_the_middle_leaves_nothing_out_and_nothing_twice(
    start: Callable[..., subprocess.Popen[str]],
    cluster: Cluster,
    box: Sandbox,
    unsharded: tuple[Keys, Json],
    tmp_path: Path,
) -> None:
    output = tmp_path / "output"
    box.latency = 0.1
    try:
        process = start()
        deadline = time.monotonic() + PATIENCE
        # Each worker is in the middle of a shard: it has written something, and is not done.
        while len([file for file in output.glob(".shard-*/messages.jsonl") if file.stat().st_size]) < WORKERS:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        box.latency = 0.0
        finish(process)
    finally:
        box.latency = 0.0
    assert len(list(output.glob(".shard-*"))) == 1, "the worker was not in the middle of a shard"
    assert len(list(output.glob("shard-*"))) == SHARDS
    whole, state = unsharded
    assert keys(messages(output)) == whole
    assert places(state_of(output)) == places(state)
