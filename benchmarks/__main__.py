"""`python -m benchmarks`: measure, and write down what was measured."""

from __future__ import annotations

import argparse
import datetime as dt
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
from typing import Any

from benchmarks import measure, readers, report
from benchmarks.workloads import QUICK, WORKLOADS, Workload, read_by

#: What is measured beside workloads, …
START_UP = "start-up"
#: … of whom: dlt writes nothing while it extracts.
STARTERS = ("floor", "tap", "sdk", "airbyte")


def main() -> None:
    """Measure all workloads, or some; merge with what was measured before."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small data, this project's taps and the floors only")
    parser.add_argument("--runs", type=int, help="turns of each workload; 5, or 3 with --quick")
    parser.add_argument("--only", default="", help="workloads, by their keys, and start-up: W1,W4 or W4-500,start-up")
    parser.add_argument("--readers", default="", help=f"of {', '.join(readers.READERS)}; writes no report")
    parser.add_argument("--lock", action="store_true", help="measure nothing, pin the newest of what is compared")
    given = parser.parse_args()
    if given.lock:
        readers.lock()
    else:
        run(given)


def run(given: argparse.Namespace) -> None:
    """Measure what is asked for."""
    workloads = chosen(given)
    runs = given.runs or (3 if given.quick else 5)
    readers.CACHE.mkdir(parents=True, exist_ok=True)
    readers.install_taps()
    needed = {key for one in workloads for key in one.readers} | set(STARTERS if START_UP in given.only else ())
    for name in sorted({readers.READERS[key].environment for key in needed} - {""}):
        readers.install(name)
    is_kept = not (given.quick or given.readers)
    results = report.kept() if is_kept and given.only else {"workloads": {}}
    results["about"] = about()
    for workload in workloads:
        found = {**measure.compare(workload, runs, say), "date": today(), "commit": results["about"]["commit"]}
        results["workloads"][workload.key] = found
        print(report.table(found), flush=True)
        if is_kept:
            save(results)
    if is_kept:
        if not given.only or START_UP in given.only.split(","):
            results["startup"] = startup(runs)
        save(results)
        subprocess.run([sys.executable, "-m", "tools.docs"], check=True)
    else:
        print(report.promises(results["workloads"]))


def chosen(given: argparse.Namespace) -> tuple[Workload, ...]:
    """Return the workloads that are asked for, in their order."""
    found: tuple[Workload, ...] = QUICK if given.quick else WORKLOADS
    if given.only:
        wanted = given.only.split(",")
        found = tuple(one for one in found if one.key in wanted or one.key.partition("-")[0] in wanted)
    if given.readers:
        found = tuple(read_by(one, tuple(given.readers.split(","))) for one in found)
    return found


def startup(runs: int) -> dict[str, dict[str, float]]:
    """Return the seconds until the first record, and of CPU, by reader."""
    workload = next(one for one in WORKLOADS if one.key == "W4-500")
    found: dict[str, list[tuple[float, float]]] = {key: [] for key in STARTERS}
    with measure.serving(workload) as server:
        for turn in range(runs):
            say(f"start-up: turn {turn + 1} of {runs}")
            for key in STARTERS:
                found[key].append(measure.to_first_record(readers.READERS[key], workload, server))
    return {
        key: {name: statistics.median(one[at] for one in ones) for at, name in enumerate(("wall", "cpu"))}
        for key, ones in found.items()
    }


def about() -> dict[str, Any]:
    """Return what was measured on what."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False, cwd=readers.HERE
    )
    return {
        "date": today(),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        "packages": {name: importlib.metadata.version(name) for name in ("singer-sdk", "requests", "msgspec")},
        "versions": readers.versions(),
    }


def today() -> str:
    """Return the day, in UTC."""
    return dt.datetime.now(dt.timezone.utc).date().isoformat()


def save(results: dict[str, Any]) -> None:
    """Keep what was measured so far."""
    report.RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
