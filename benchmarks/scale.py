"""What a run costs by organizers, events and orders, and what shards gain: written into `docs/scale.md`.

    python -m benchmarks.scale            # a few minutes; --quick leaves the largest run out

Small runs tell what one more organizer, event or order costs; larger ones are predicted from that, then measured. The
sandbox serves them from a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "scale.md"
TAP = Path(sys.executable).with_name("tap-organizers")
#: Requests a minute that the hosted service bears, for one organizer's account.
HOSTED = 360
EVENTS = 4
#: Lists whose answers take long.
LATENCY_MS, AT_ONCE, SHARDS = 250, 4, 3
FIGURES = ("requests", "rows", "bytes", "cpu")
CHECKED = (
    *("organizers x events of each x orders", "requests (model)", "minutes at the hosted limit, one account"),
    *("rows (model)", "MB written (model)", "peak memory", "CPU per 1,000 rows", "s here", "state"),
)


@dataclass(frozen=True)
class Size:
    """How much there is to read."""

    organizers: int
    events: int
    orders: int

    @property
    def options(self) -> list[str]:
        """Return the sandbox's switches. It gives each organizer after the third a twentieth of the orders."""
        share = sum((0.62, 0.25, 0.13)[: self.organizers]) + 0.05 * max(0, self.organizers - 3)
        counts = {"organizers": self.organizers, "events": self.events, "orders": round(self.orders / share)}
        return [f"--{name}={count}" for name, count in {**counts, "tax-rules": 3}.items()]

    @property
    def all_events(self) -> int:
        """Return the events of all organizers; the sandbox gives the first one as many as are asked for."""
        return self.events + (self.organizers - 1) * EVENTS


@contextmanager
def sandbox(size: Size, *options: str) -> Iterator[dict[str, str]]:
    """Serve so much, and tell where."""
    command = [sys.executable, "-m", "sandbox", "--no-log", *size.options, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def config(box: dict[str, str], **more: Any) -> dict[str, Any]:
    """Return the tap's settings."""
    url, token = box["organizers_url"], box["token"]
    return {"api_url": url, "api_token": token, "auth_header": "Authorization", "auth_prefix": "Token", **more}


def run(folder: Path, settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run the tap once for each of these settings, all at the same time; return what each took."""
    running = []
    for number, one in enumerate(settings):
        file = folder / f"config-{number}.json"
        file.write_text(json.dumps(one), encoding="utf-8")
        out = folder / f"out-{number}"
        command = [
            sys.executable,
            "-S",
            "-E",
            str(ROOT / "benchmarks" / "launch.py"),
            str(out),
            str(folder / f"err-{number}"),
        ]
        running.append(
            (subprocess.Popen([*command, str(TAP), "--config", str(file)], stdout=subprocess.PIPE, text=True), out)
        )
    found = []
    for number, (process, out) in enumerate(running):
        printed, _ = process.communicate(timeout=1800)
        took = json.loads(printed)
        said = (folder / f"err-{number}").read_text(encoding="utf-8")
        if took["status"]:
            raise RuntimeError(said[-2000:])
        # The tap's own last line.
        requests, reading = re.findall(r"rows with (\d+) requests in ([\d.]+) s", said)[-1]
        found.append({**took, **counted(out), "requests": int(requests), "reading": float(reading)})
    return found


def counted(out: Path) -> dict[str, int]:
    """Count what a run wrote."""
    rows = size = state = 0
    with out.open("rb") as lines:
        for line in lines:
            rows += line.startswith(b'{"type":"RECORD"')
            size += len(line)
            if line.startswith(b'{"type":"STATE"'):
                state = len(line)
    out.unlink()
    return {"rows": rows, "bytes": size, "state": state}


def measure(size: Size) -> dict[str, Any]:
    """Read so much in one run."""
    print(size, flush=True)
    with sandbox(size) as box, tempfile.TemporaryDirectory() as folder:
        (found,) = run(Path(folder), [config(box)])
        return found


def costs() -> dict[str, dict[str, float]]:
    """Return what a run costs at all, and one more organizer, event and order."""
    nothing = measure(Size(1, EVENTS, 0))
    per: dict[str, dict[str, float]] = {"run": {}, "organizer": {}, "event": {}, "order": {}}
    more = {"event": measure(Size(1, 50, 0)), "organizer": measure(Size(21, EVENTS, 0))}
    more["order"] = measure(Size(1, EVENTS, 4000))
    for name in (*FIGURES, "memory"):
        event = (more["event"][name] - nothing[name]) / (50 - EVENTS)
        organizer = (more["organizer"][name] - nothing[name]) / 20 - EVENTS * event
        order = (more["order"][name] - nothing[name]) / 4000
        run = nothing[name] - organizer - EVENTS * event
        for of, value in {"run": run, "organizer": organizer, "event": event, "order": order}.items():
            per[of][name] = value
    return per


def predicted(per: dict[str, dict[str, float]], size: Size, name: str) -> float:
    """Return a figure by the model."""
    parts = {"run": 1, "organizer": size.organizers, "event": size.all_events, "order": size.orders}
    return sum(count * per[of][name] for of, count in parts.items())


def model_table(per: dict[str, dict[str, float]]) -> list[str]:
    """Return what one more of each costs."""
    lines = ["| | requests | minutes at the hosted limit | rows | kB written | CPU ms |", "|---|" + "---:|" * 5]
    for of in ("organizer", "event", "order"):
        one = per[of]
        lines.append(
            f"| one more {of} | {one['requests']:.3g} | {one['requests'] / HOSTED:.2g} | {one['rows']:.3g} "
            f"| {one['bytes'] / 1e3:.3g} | {one['cpu'] * 1e3:.2g} |"
        )
    return lines


def check_table(per: dict[str, dict[str, float]], sizes: list[Size]) -> list[str]:
    """Return measured runs beside what the model says."""
    lines = [f"| {' | '.join(CHECKED)} |", "|---|" + "---:|" * (len(CHECKED) - 1)]
    for size in sizes:
        found = measure(size)
        model = {name: predicted(per, size, name) for name in FIGURES}
        lines.append(
            f"| {size.organizers} x {EVENTS} x {size.orders:,} | {found['requests']:,} ({model['requests']:,.0f}) "
            f"| {found['requests'] / HOSTED:.1f} | {found['rows']:,} ({model['rows']:,.0f}) "
            f"| {found['bytes'] / 1e6:.1f} ({model['bytes'] / 1e6:.1f}) | {found['memory'] / 1e6:.0f} MB "
            f"| {found['cpu'] / found['rows'] * 1e6:.0f} ms | {found['wall']:.0f} | {found['state'] / 1e3:.1f} kB |"
        )
    return lines


def speed_table() -> list[str]:
    """Return how long one run takes, and three shards of the same work at once."""
    size = Size(60, EVENTS, 0)
    lines = ["| | s | of them reading | of one run | requests | state of each |", "|---|" + "---:|" * 5]
    with sandbox(size, f"--latency-ms={LATENCY_MS}") as box, tempfile.TemporaryDirectory() as folder:
        alone = 0.0
        for count in (1, SHARDS):
            settings = [
                config(box, max_concurrency=AT_ONCE, shard_index=index, shard_count=count, shard_events_of=["*"])
                for index in range(count)
            ]
            print(f"{count} shards", flush=True)
            started = time.monotonic()
            found = run(Path(folder), settings)
            took, reading = time.monotonic() - started, max(one["reading"] for one in found)
            alone = alone or reading
            states = ", ".join(f"{one['state'] / 1e3:.1f} kB" for one in found)
            lines.append(
                f"| {count} run{'s at once' if count > 1 else ''} | {took:.1f} | {reading:.1f} | {reading / alone:.0%} "
                f"| {sum(one['requests'] for one in found):,} | {states} |"
            )
    lines += [
        "",
        f"{LATENCY_MS} ms an answer, `max_concurrency` {AT_ONCE} each, {size.organizers} organizers, by event.",
    ]
    return lines


def write(sections: dict[str, list[str]], by: str = "benchmarks.scale") -> None:
    """Put the tables between their markers."""
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in sections.items():
        table = "\n".join(lines)
        block = f"<!-- {name}: written by `python -m {by}` -->\n{table}\n<!-- {name}: end -->"
        pattern = rf"<!-- {name}: written.*?<!-- {name}: end -->"
        text, count = re.subn(pattern, lambda _, block=block: block, text, flags=re.DOTALL)  # type: ignore[misc]
        assert count == 1, name
    PAGE.write_text(text, encoding="utf-8")


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the largest run out")
    parser.add_argument("--speed", action="store_true", help="only what shards gain")
    given = parser.parse_args()
    write({"speed": speed_table()})
    if given.speed:
        return
    per = costs()
    sizes = [Size(times, EVENTS, 100 * times) for times in ((2, 20) if given.quick else (2, 20, 200))]
    load = f"Load of the machine meanwhile, by `os.getloadavg`: {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores."
    write({"model": model_table(per), "check": [*check_table(per, sizes), "", load]})


if __name__ == "__main__":
    main()
