"""Interleaved runs: A B C A B C …, each beside an empty run of the same program."""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import outcome
from benchmarks.readers import CACHE, READERS, TOKEN, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.workloads import Workload

HERE = Path(__file__).parent
BASES = {"organizers": "/api/v1", "ticketing": "/ticketing"}
LIMIT_SECONDS = 900


@dataclass(frozen=True)
class Server:
    """The fast server, running."""

    url: str

    def told(self) -> dict[str, Any]:
        """Return what was asked for since it was asked last."""
        with urllib.request.urlopen(self.url + "/_bench", timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
        return told


@contextmanager
def serving(workload: Workload) -> Iterator[Server]:
    """Serve a workload's rows, in a process of its own."""
    counts = [f"--{name.replace('_', '-')}={value}" for name, value in vars(workload.scale).items()]
    command = [sys.executable, "-m", "benchmarks.server", f"--latency-ms={workload.latency_ms}", *counts]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=HERE.parent)
    try:
        assert process.stdout is not None
        yield Server(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.wait()


def run(reader: Reader, workload: Workload, server: Server, *, empty: bool = False) -> dict[str, Any]:
    """Run a reader once; return what it took and what it wrote."""
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        base = server.url + ("/empty" if empty else "") + BASES[workload.kind]
        command = reader.command(workload, base, folder)
        out, err = folder / "out", folder / "err"
        server.told()
        launched = subprocess.run(
            [sys.executable, "-S", "-E", str(HERE / "launch.py"), str(out), str(err), *command],
            check=True,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=environment(),
            timeout=LIMIT_SECONDS,
        )
        result: dict[str, Any] = json.loads(launched.stdout)
        told = server.told()
        started = result.pop("started")
        result["to_first_request"] = None if told["first_at"] is None else told["first_at"] - started
        result["requests"] = told["requests"]
        result["server_cpu"] = told["cpu"]
        if result.pop("status"):
            raise RuntimeError(f"{reader.key} failed:\n{err.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        if empty:
            return result
        written = outcome.read(reader.format, out, folder)
        return {
            **result,
            "rows": written.rows,
            "record_bytes": written.record_bytes,
            "state_bytes": written.state_bytes,
            "keys": written.digest(),
        }


def environment() -> dict[str, str]:
    """Return the variables that readers are started with: nothing that sets one up in another way."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
    return {**kept, "AIRBYTE_TELEMETRY": "false", "DO_NOT_TRACK": "1"}


def compare(workload: Workload, runs: int, say: Any) -> dict[str, Any]:
    """Measure all readers of a workload in turns."""
    found: dict[str, list[dict[str, Any]]] = {key: [] for key in workload.readers}
    idle: dict[str, list[dict[str, Any]]] = {key: [] for key in workload.readers}
    loads: list[float] = []
    with serving(workload) as server:
        capacity = server_alone(workload, server)
        # Not counted: files are read into memory, bytecode is compiled.
        for key in workload.readers:
            run(READERS[key], workload, server, empty=True)
        for turn in range(runs):
            say(f"{workload.key}: turn {turn + 1} of {runs}")
            for key in workload.readers:
                idle[key].append(run(READERS[key], workload, server, empty=True))
                found[key].append(run(READERS[key], workload, server))
            loads.append(os.getloadavg()[0])
    load = round(statistics.median(loads), 1)
    return {
        "key": workload.key,
        "title": workload.title,
        "latency_ms": workload.latency_ms,
        "runs": runs,
        #: Above the number of cores, others were computing at the same time: only ratios say something then.
        "load": load,
        "server": capacity,
        "readers": summary(found, idle),
    }


def summary(found: dict[str, list[dict[str, Any]]], idle: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return medians, start-up taken off; a reader that delivers other rows than the first one has none."""
    expected = next(iter(found.values()))[0]["keys"]
    return {
        key: {
            "same_rows": all(one["keys"] == expected for one in ones),
            # Turn by turn: what else the machine does changes slowly.
            **{
                name: statistics.median(one[name] - start[name] for one, start in zip(ones, idle[key], strict=True))
                for name in ("wall", "cpu")
            },
            "startup_wall": middle(idle[key], "wall"),
            "startup_cpu": middle(idle[key], "cpu"),
            "to_first_request": middle(idle[key], "to_first_request"),
            **{
                name: middle(ones, name)
                for name in ("memory", "requests", "rows", "record_bytes", "state_bytes", "server_cpu")
            },
            "all_wall": [round(one["wall"], 3) for one in ones],
            "all_cpu": [round(one["cpu"], 3) for one in ones],
        }
        for key, ones in found.items()
    }


def middle(ones: list[dict[str, Any]], name: str) -> float:
    """Return the median of one figure."""
    return float(statistics.median(one[name] for one in ones))


def server_alone(workload: Workload, server: Server) -> dict[str, float]:
    """Return how fast the server is for somebody who asks by hand and does not look at the answers."""
    paths = asked_by_hand(workload, server)
    host, _, port = server.url.rpartition("/")[2].partition(":")
    server.told()
    started = time.monotonic()
    with socket.create_connection((host, int(port))) as connection:
        for method, path in paths:
            connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            _swallow(connection)
    wall = time.monotonic() - started
    told = server.told()
    return {"requests": told["requests"], "bytes": told["bytes"], "wall": wall, "cpu": told["cpu"]}


def asked_by_hand(workload: Workload, server: Server) -> list[tuple[str, str]]:
    """Return up to 400 requests of the kind that the workload mostly consists of."""
    if workload.kind == "ticketing":
        return [("POST", "/ticketing/v1/attendees")] * 400
    base = "/api/v1/organizers"
    with urllib.request.urlopen(f"{server.url}{base}/", timeout=10) as answer:
        organizer = json.load(answer)["results"][0]["slug"]
    if "orders" in workload.streams:
        last = -(-workload.scale.orders // 50)
        return [("GET", f"{base}/{organizer}/orders/?page={page}") for page in range(1, min(last, 400) + 1)]
    with urllib.request.urlopen(f"{server.url}{base}/{organizer}/events/", timeout=10) as answer:
        events = [row["slug"] for row in json.load(answer)["results"]]
    count = 40 if workload.latency_ms else 400
    return [("GET", f"{base}/{organizer}/events/{events[at % len(events)]}/taxrules/") for at in range(count)]


def _swallow(connection: socket.socket) -> None:
    received = connection.recv(1 << 18)
    while b"\r\n\r\n" not in received:
        received += connection.recv(1 << 18)
    head, _, body = received.partition(b"\r\n\r\n")
    left = int(head.rpartition(b"Content-Length: ")[2].partition(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(1 << 20))


def to_first_record(reader: Reader, workload: Workload, server: Server) -> tuple[float, float]:
    """Return the seconds from the start of the process to its first record, and the CPU time that it took by then."""
    folder = Path(tempfile.mkdtemp(dir=CACHE))
    command = reader.command(workload, server.url + BASES[workload.kind], folder)
    started = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, env=environment()
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if b'"RECORD"' in line[:200]:
                wall = time.monotonic() - started
                break
        else:
            raise RuntimeError(f"{reader.key} wrote no record")
    finally:
        process.kill()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        shutil.rmtree(folder)
    return wall, used.ru_utime + used.ru_stime


__all__ = ["TOKEN", "compare", "run", "serving", "to_first_record"]
