"""Memory stays flat however long a list is, and a slow loader holds the tap back."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from sandbox import Sandbox, Scale
from tests.support.loading import catalog, settings

ROOT = Path(__file__).parents[2]
#: Runs the tap with its arguments, then says on standard error how many bytes of memory it has had at most.
#: (On Linux, what getrusage tells of a process begins with what the one had that started it.)
PROGRAM = """
import pathlib, re, resource, sys
from tap_organizers.tap import TapOrganizers
try:
    TapOrganizers.cli()
finally:
    status = pathlib.Path("/proc/self/status")
    if status.exists():
        peak = int(re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())[1]) << 10
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("PEAK", peak, file=sys.stderr)
"""


def start(box: Sandbox, tmp_path: Path, *streams: str, **more: t.Any) -> subprocess.Popen[bytes]:
    """Start the tap in a process of its own."""
    (tmp_path / "config.json").write_text(json.dumps(settings(box, **more)))
    (tmp_path / "catalog.json").write_text(json.dumps(catalog(*streams)))
    arguments = ["--config", str(tmp_path / "config.json"), "--catalog", str(tmp_path / "catalog.json")]
    with (tmp_path / "log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=log
        )


def finish(tap: subprocess.Popen[bytes], tmp_path: Path) -> tuple[int, float]:
    """Return how many records came, and the peak of memory in megabytes."""
    assert tap.stdout is not None
    records = sum(line.startswith(b'{"type":"RECORD"') for line in tap.stdout)
    tap.stdout.close()
    assert tap.wait() == 0
    peak = next(line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("PEAK"))
    return records, int(peak.split()[1]) / (1 << 20)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [100_000, 1_000_000])
def test_a_long_list_is_read_in_less_than_150_megabytes(rows: int, tmp_path: Path) -> None:
    scale = Scale(
        organizers=1, events=1, tax_rules=1, orders=4, rows={"vouchers": rows}, ticketing_events=1, attendees=1
    )
    with Sandbox(scale=scale, keep_log=False) as box:
        records, peak = finish(start(box, tmp_path, "vouchers"), tmp_path)
    print(f"{rows} rows: {peak:.0f} MB")
    assert records == rows
    assert peak < 150


@pytest.mark.slow
def test_20000_events_are_read_in_less_than_150_megabytes(tmp_path: Path) -> None:
    scale = Scale(organizers=1, events=20_000, tax_rules=1, orders=4, ticketing_events=1, attendees=1)
    with Sandbox(scale=scale, keep_log=False) as box:
        records, peak = finish(start(box, tmp_path, "events", "tax_rules"), tmp_path)
    print(f"20,000 events: {peak:.0f} MB")
    assert records > 40_000
    assert peak < 150


def asked_until_it_stops(box: Sandbox) -> int:
    """Wait until the tap asks for nothing more, and return how many pages it has asked for."""
    before, asked = -1, 0
    for _ in range(100):
        time.sleep(0.2)
        before, asked = asked, len(box.requests("/vouchers/$"))
        if before == asked > 0:
            break
    return asked


def test_a_slow_loader_holds_the_tap_back(tmp_path: Path) -> None:
    scale = Scale(organizers=1, events=1, tax_rules=1, orders=4, rows={"vouchers": 20_000}, ticketing_events=1)
    with Sandbox(scale=scale) as box:
        tap = start(box, tmp_path, "vouchers", max_concurrency=4)
        assert tap.stdout is not None
        try:
            # What is under way, what waits, and what is in the buffer and in the pipe: of 400 pages.
            asked = asked_until_it_stops(box)
            assert 0 < asked < 60
            # Four rows a second.
            taken = []
            for _ in range(4):
                taken.append(tap.stdout.readline())
                time.sleep(0.25)
            assert len(box.requests("/vouchers/$")) <= asked + 4
            records, peak = finish(tap, tmp_path)
            assert records + sum(b'"RECORD"' in line[:20] for line in taken) == 20_000
            assert peak < 150
        finally:
            tap.kill()
            tap.wait()
