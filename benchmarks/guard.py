"""`make bench-guard`: count instructions where a clock would only tell what else the machine does.

The taps read W1, W3, W4 and W5 in small under valgrind, and so does the floor. What is compared with
`benchmarks/guard.json` is the ratio of the two counts, which another processor or build of Python hardly changes. A
ratio that is more than 5 % above the committed one fails; one that is more than 5 % below it asks to be committed, so
that it is not lost again. Start-up (an empty run) is counted by itself, and taken off the others.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import measure, outcome, readers
from benchmarks.workloads import QUICK, Workload

if TYPE_CHECKING:
    from benchmarks.measure import Server

COMMITTED = Path(__file__).with_suffix(".json")
TOLERANCE = 0.05
VALGRIND = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
COUNT = re.compile(r"I +refs: +([\d,]+)")
LIMIT_SECONDS = 600
READERS = ("floor", "tap")


def main() -> None:
    """Count, print a table, and exit with 1 where something has become dearer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--commit", action="store_true", help="write what is found into benchmarks/guard.json")
    given = parser.parse_args()
    readers.CACHE.mkdir(parents=True, exist_ok=True)
    readers.install_taps()
    readers.install("floor")
    found: dict[str, float] = {}
    for workload in small():
        found.update(ratios(workload))
    committed = json.loads(COMMITTED.read_text(encoding="utf-8")) if COMMITTED.exists() else {}
    if given.commit:
        COMMITTED.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return
    sys.exit(verdict(found, committed))


def small() -> tuple[Workload, ...]:
    """Return W1, W3, W4 and W5 as `make bench-quick` reads them, one request at a time."""
    return tuple(one for one in QUICK if one.key in {"W1", "W3", "W4-400", "W5"})


def ratios(workload: Workload) -> dict[str, float]:
    """Return the taps' instructions in those of the floor, by what was counted."""
    counts: dict[str, tuple[int, int]] = {}
    keys = set()
    with measure.serving(workload) as server:
        for key in READERS:
            reader = readers.READERS[key]
            # Bytecode is compiled and files are read into memory.
            measure.run(reader, workload, server, empty=True)
            empty, _ = count(reader, workload, server, empty=True)
            full, rows = count(reader, workload, server, empty=False)
            counts[key] = (empty, full - empty)
            keys.add(rows)
            print(f"{workload.key} {key}: {empty:,} to start, {full - empty:,} to read", file=sys.stderr, flush=True)
    if len(keys) != 1:
        raise RuntimeError(f"{workload.key}: the tap and the floor delivered other rows")
    start, work = (round(counts["tap"][at] / counts["floor"][at], 3) for at in (0, 1))
    return {f"{workload.key} start-up": start, workload.key: work}


def count(reader: readers.Reader, workload: Workload, server: Server, *, empty: bool) -> tuple[int, str]:
    """Return how many instructions a run takes, and which rows it delivers."""
    with tempfile.TemporaryDirectory(dir=readers.CACHE) as name:
        folder = Path(name)
        base = server.url + ("/empty" if empty else "") + measure.BASES[workload.kind]
        # Two threads that wait for each other wake as the clock wants, so the tap reads page by page here.
        reader = replace(reader, options={**reader.options, **({} if reader.environment else {"max_concurrency": 1})})
        command = reader.command(workload, base, folder)
        if not reader.environment:
            command = [str(readers.TAPS_BIN / "python"), *command]
        out = folder / "out"
        with out.open("wb") as stdout:
            done = subprocess.run(
                [*VALGRIND, *command],
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                cwd=folder,
                env={**measure.environment(), "PYTHONHASHSEED": "0"},
                timeout=LIMIT_SECONDS,
            )
        told = COUNT.search(done.stderr)
        if done.returncode or told is None:
            raise RuntimeError(f"{reader.key} failed:\n{done.stderr[-2000:]}")
        return int(told[1].replace(",", "")), outcome.read(reader.format, out, folder).digest()


def verdict(found: dict[str, float], committed: dict[str, Any]) -> int:
    """Print what was found beside what is committed; return 1 where it is more than is tolerated."""
    status = 0
    print("| instructions of the tap to those of the floor | now | committed | |\n|---|--:|--:|---|")
    for name, ratio in found.items():
        before = committed.get(name)
        change = ratio / before - 1 if before else 0.0
        say = ""
        if before is None or change > TOLERANCE:
            status, say = 1, "**dearer**" if before else "**not committed**"
        elif change < -TOLERANCE:
            say = "cheaper: `python -m benchmarks.guard --commit`"
        print(f"| {name} | {ratio} | {before} | {say} |")
    return status


if __name__ == "__main__":
    main()
