"""What was measured, as tables, as a judgement of the promises, and as a picture."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.readers import READERS
from benchmarks.workloads import WORKLOADS

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
LOADS = HERE / "load.json"
PAGE = HERE.parent / "docs" / "performance.md"
PICTURE = PAGE.with_suffix(".svg")


#: For the README: each workload, and whose figures stand in the columns.
OVERVIEW = {
    "W1": ("floor", "tap", "sdk", "dlt", "airbyte"),
    "W2-20": ("floor-8", "tap", "sdk", "dlt-8", "airbyte-8"),
    "W2-200": ("floor-8", "tap", "sdk", "dlt-8", "airbyte-8"),
    "W3": ("floor", "tap", "sdk", "dlt", "airbyte"),
    "W4-2000": ("floor", "tap", "sdk", "dlt", "airbyte"),
}

#: The ways whose start is told from what rows take: ours, and the one that does the same.
LINE = ("postgres", "postgres-dlt-merge")

SERVER = (
    "The server alone, asked by hand: {requests:,.0f} requests and {megabytes:,.0f} MB a second; it computed for "
    "{cpu:.2f} s while the first reader above ran for {wall:.2f} s. Medians of {runs} turns, {date}, at {commit}, "
    "load average {load}."
)

HOW = """\
Every program reads the same rows from the same server in a process of its own, in turns (A B C A B C …), and counts
only if it delivers the same keys as the floor: a bare loop of `requests` and msgspec that writes Singer lines and does
nothing else. An empty run of each program (the same command, lists without rows) is measured beside each run; **wall
and CPU below are without it**, it is given under *Start-up*. CPU is user and system time of the reader. Where a program
reads parents again for each of their children, it sends more requests. dlt's figures are its extract step alone, which
writes files; all others write to standard output, which goes to a file. This project's taps are installed alone and
run as they are set up by default (`max_concurrency` 8), but for the streams that are selected, and leave out the fields
that their catalog leaves out.

Where answers take long, whoever asks for eight at once comes near the floor with eight threads, and nothing can come
before it; what differs then is CPU."""

LOADING = """\
The same rows by the same server into tables of the same names, in turns (A B C A B C …), each into an empty schema or
file. Rows are those of the API: an order with all that stands in it is one. `meltano run` with the presets of
`meltano.yml`, which merge by key; dlt's `rest_api` with its own presets, which append, and once more merging by key. A
run counts if the table holds every row. Wall time is of the whole command, start-up included. CPU is user and system
time, that of the database server included. Where the load average is above the number of cores, other work was done at
the same time, and only the ratios say something.

Where dlt is ahead into PostgreSQL, it is so for what [a start and a row](#a-start-and-a-row) take: a start of ours is
one of Meltano, of the loader and of the tap, and the tap runs twice, because Meltano asks for its `--discover` before
it reads; the loader's time goes into reading lines, and into writing lists for `COPY`, both in Python."""

A_LINE = """\
The line through two numbers of rows, loaded into PostgreSQL in the same turns: where it begins is the start, and how
much it rises is what rows take. dlt merges by key, as ours do."""

AGAIN = """\
`make bench-load` measures the whole way, `make bench` reading alone (an hour each); both write this page, and
all single runs into `benchmarks/load.json` and `benchmarks/results.json`. `make bench-guard` counts instructions, which
a busy machine does not change. `make bench-quick` compares the taps with the floors on small data in under three
minutes; `python -m benchmarks --only W1` measures one workload anew."""

STARTED = """\
An empty run of each program, and how long it takes from the start of the process to the first request and, where there
are rows, to the first record.

Four fifths of the taps' start are the import of the SDK: an empty run took 1.39 billion instructions, and
`import singer_sdk` alone 1.13 (Python with `requests` and msgspec 0.51), as callgrind counted at commit d2ca133. The
modules of the taps took 0.19, all that is done from there on 0.07. The SDK imports joblib, fsspec, click, jsonschema
and a parser of JSONPath whatever a tap makes of them, and no tap can do without unless it changes the SDK's modules."""


def label(key: str) -> str:
    """Return how a reader is called."""
    return READERS[key].label


def table(found: dict[str, Any]) -> str:
    """Return a workload's figures as a Markdown table."""
    first = next(iter(found["readers"].values()))
    lines = [
        f"### {found['key']}: {found['title']}",
        "",
        "| | wall | CPU | wall to the first | CPU to the first | peak memory | requests | rows | RECORD | STATE |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for key, one in found["readers"].items():
        name = label(key) + ("" if one["same_rows"] else " (**other rows**: does not count)")
        cells = [
            f"{one['wall']:.2f} s",
            f"{one['cpu']:.2f} s",
            f"{one['wall'] / first['wall']:.2f}",
            f"{one['cpu'] / first['cpu']:.2f}",
            f"{one['memory'] / 1e6:.0f} MB",
            f"{one['requests']:,.0f}",
            f"{one['rows']:,.0f}",
            size(one["record_bytes"]),
            size(one["state_bytes"]),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    server = found["server"]
    return "\n".join(
        [
            *lines,
            "",
            SERVER.format(
                requests=server["requests"] / server["wall"],
                megabytes=server["bytes"] / server["wall"] / 1e6,
                cpu=first["server_cpu"],
                wall=first["wall"] + first["startup_wall"],
                runs=found["runs"],
                date=found["date"],
                commit=found["commit"],
                load=found["load"],
            ),
            "",
        ]
    )


def size(number: float) -> str:
    """Return a number of bytes to be read by people."""
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:,.1f} {unit}"
    return f"{number:,.0f} B" if number else "0"


@dataclass(frozen=True)
class Promise:
    """A bound and what was measured."""

    text: str
    measured: float | None
    bound: float
    at_most: bool = True

    def row(self) -> str:
        """Return a row of the table."""
        assert self.measured is not None
        is_met = self.measured <= self.bound if self.at_most else self.measured >= self.bound
        wanted = f"{'at most' if self.at_most else 'at least'} {self.bound:g}"
        return f"| {self.text} | {self.measured:.3g} | {wanted} | {'yes' if is_met else '**no**'} |"


def ratio(workload: dict[str, Any], upper: str, lower: str, figure: str = "wall") -> float | None:
    """Return a figure of one reader in those of another; None where one of them was not measured, or not right."""
    have = {key: one for key, one in workload.get("readers", {}).items() if one["same_rows"]}
    return float(have[upper][figure] / have[lower][figure]) if {upper, lower} <= have.keys() else None


def promises(workloads: dict[str, Any]) -> str:
    """Return what was to be shown beside what was measured."""
    found: list[Promise] = []

    def faster(key: str, other: str, bound: float, reader: str = "tap") -> None:
        workload = workloads.get(key, {})
        # Where nothing waits, CPU says the same as wall, and does not depend on what else the machine does.
        figure = "wall" if workload.get("latency_ms") else "cpu"
        text = f"{key}: {label(reader)}: {'wall' if figure == 'wall' else 'CPU'} of {label(other)} to its own"
        found.append(Promise(text, ratio(workload, other, reader, figure), bound, at_most=False))

    for key in ("W1", "W3"):
        found.append(Promise(f"{key}: CPU to the floor's", ratio(workloads.get(key, {}), "tap", "floor", "cpu"), 1.3))
        for other, bound in (("sdk", 4.5), ("dlt", 3.5), ("airbyte", 5.0)):
            faster(key, other, bound)
    for reader in ("tap-map", "tap-nested"):
        faster("W1", "sdk", 2.0, reader)
    for key in ("W2-20", "W2-200"):
        text = f"{key}: wall to that of the floor with 8 threads"
        found.append(Promise(text, ratio(workloads.get(key, {}), "tap", "floor-8"), 1.25))
        for other in ("dlt-8", "airbyte-8"):
            faster(key, other, 2.5)
    found += _growth(workloads)
    for key, workload in workloads.items():
        one = workload["readers"]["tap"]
        found.append(Promise(f"{key}: STATE to RECORD bytes", one["state_bytes"] / one["record_bytes"], 0.01))
    rows = [one.row() for one in found if one.measured is not None]
    return "\n".join(["| | measured | wanted | |", "|---|--:|--:|---|", *rows])


def _growth(workloads: dict[str, Any]) -> list[Promise]:
    """Return what many events cost in comparison with few."""
    sizes = sorted(int(key[3:]) for key in workloads if key.startswith("W4-"))
    if len(sizes) < 2:
        return []
    few, many = (workloads[f"W4-{count}"]["readers"]["tap"] for count in (sizes[0], sizes[-1]))
    places = f"at {sizes[-1]:,} events to that at {sizes[0]:,}"
    return [
        *(
            Promise(f"W4: {name} of each event {places}", many[key] / few[key] * sizes[0] / sizes[-1], 1.15)
            for name, key in (("CPU", "cpu"), ("wall", "wall"))
        ),
        Promise(f"W4: peak memory {places}", many["memory"] / few["memory"], 1.1),
    ]


def kept() -> dict[str, Any]:
    """Return what was measured last, workloads in their order."""
    if not RESULTS.exists():
        return {"workloads": {}}
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    found["workloads"] = {one.key: found["workloads"][one.key] for one in WORKLOADS if one.key in found["workloads"]}
    return found


def overview(results: dict[str, Any]) -> str:
    """Return the figures that decide, as a Markdown table."""
    lines = ["| | floor | ticketing-taps | Singer SDK | dlt | Airbyte |", "|---|--:|--:|--:|--:|--:|"]
    for key, readers in OVERVIEW.items():
        workload = results["workloads"][key]
        figure = "wall" if workload["latency_ms"] else "cpu"
        found = [workload["readers"].get(reader) for reader in readers]
        cells = [f"{one[figure]:.2f} s" if one else "" for one in found]
        lines.append(f"| {workload['title']} ({'wall' if figure == 'wall' else 'CPU'}) | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def kept_loads() -> dict[str, Any] | None:
    """Return what `make bench-load` measured last."""
    return json.loads(LOADS.read_text(encoding="utf-8")) if LOADS.exists() else None


def load_table(found: dict[str, Any]) -> str:
    """Return what one job took by every way, as a Markdown table."""
    lines = [
        f"### {found['title']}",
        "",
        "| | rows per second | wall | CPU | tap | Meltano | loader | dlt | PostgreSQL | memory |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for key, one in found["ways"].items():
        is_ours = bool(one["loader"])
        cells = [
            f"{found['rows'] / one['wall']:,.0f}",
            f"{one['wall']:.1f} s",
            f"{one['cpu']:.1f} s",
            f"{one['tap']:.1f} s" if is_ours else "",
            f"{one['own']:.1f} s" if is_ours else "",
            f"{one['loader']:.1f} s" if is_ours else "",
            "" if is_ours else f"{one['own']:.1f} s",
            f"{one['server']:.1f} s" if key.startswith("postgres") else "",
            f"{one['memory'] / 1e6:.0f} MB",
        ]
        lines.append(f"| {one['label']} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Medians of {found['runs']} turns, load average {found['load']}.", ""])


def load_line(jobs: list[dict[str, Any]]) -> str:
    """Return what a start and what rows take by the two ways that are compared, as a Markdown table."""
    lines = [
        "| | start, wall | start, CPU | 1,000 rows, wall | 1,000 rows, CPU | ours is ahead, wall |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for job in jobs:
        ours, theirs = ({figure: _line(job, key, figure) for figure in ("wall", "cpu")} for key in LINE)
        what = job["title"].partition(" ")[2]
        for name, line, ahead in (("ticketing-taps", ours, _ahead(ours["wall"], theirs["wall"])), ("dlt", theirs, "")):
            starts, rows = zip(*(line[figure] for figure in ("wall", "cpu")), strict=True)
            cells = [*(f"{start:.1f} s" for start in starts), *(f"{row * 1000:.2f} s" for row in rows)]
            lines.append(f"| {what}: {name} | {' | '.join(cells)} | {ahead} |")
    numbers = "; ".join(dict.fromkeys(f"{job['fewer']['rows']:,} and {job['rows']:,}" for job in jobs))
    return "\n".join([*lines, "", f"Rows: {numbers}; medians of {jobs[0]['runs']} turns.", ""])


def _line(job: dict[str, Any], key: str, figure: str) -> tuple[float, float]:
    """Return the seconds of a start, and of a row."""
    fewer = job["fewer"]
    seconds = fewer["ways"][key][figure]
    row = (job["ways"][key][figure] - seconds) / (job["rows"] - fewer["rows"])
    return seconds - row * fewer["rows"], row


def _ahead(ours: tuple[float, float], theirs: tuple[float, float]) -> str:
    """Return from how many rows on the first line is below the second one, in words."""
    (start, row), (other_start, other_row) = ours, theirs
    if start >= other_start and row >= other_row:
        return "never"
    if start <= other_start and row <= other_row:
        return "always"
    rows = f"{round((start - other_start) / (other_row - row), -3):,.0f} rows"
    return f"from {rows} on" if row < other_row else f"up to {rows}"


def loader_speeds() -> str:
    """Return rows per second by each loader's preset, for the README."""
    measured = kept_loads()
    if measured is None:
        return ""
    jobs = measured["jobs"]
    lines = [
        f"| Rows per second from the API into | {' | '.join(job['title'] for job in jobs)} |",
        f"|---|{'--:|' * len(jobs)}",
    ]
    names = {"postgres": "PostgreSQL", "duckdb": "DuckDB", "jsonl": "JSON lines", "csv": "CSV"}
    for key, name in names.items():
        speeds = [f"{job['rows'] / job['ways'][key]['wall']:,.0f}" for job in jobs]
        lines.append(f"| {name} | {' | '.join(speeds)} |")
    loads = f"{min(job['load'] for job in jobs)} to {max(job['load'] for job in jobs)}"
    about = (
        f"Wall time of `meltano run`, start-up included, on {measured['cores']} cores with a load average of {loads}."
    )
    return "\n".join([*lines, "", about]) + "\n"


def page(results: dict[str, Any]) -> str:
    """Return `docs/performance.md`."""
    about, workloads = results["about"], results["workloads"]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(about["versions"].items()))
    parts = [
        "# Performance",
        "",
        "Written by `make bench-load` and `make bench`; do not edit.",
        "",
        *_loading(),
        "## Reading alone",
        "",
        f"Measured until {about['date']}: {_machine(about)}; {versions}.",
        "",
        overview(results),
        HOW,
        "",
        f"![Seconds by workload]({PICTURE.name})",
        "",
        *(table(found) for found in workloads.values()),
        "## Start-up",
        "",
        *_startup(results),
        "",
        "## Again",
        "",
        AGAIN,
        "",
    ]
    return "\n".join(parts)


def _machine(about: dict[str, Any]) -> str:
    return f"{about['cores']} cores, {about['machine']}, {about['system']}, Python {about['python']}"


def _loading() -> list[str]:
    """Return the chapter about the whole way."""
    measured = kept_loads()
    if measured is None:
        return []
    loaders = ", ".join(f"`{one}`" for one in measured["loaders"])
    what = f"{_machine(measured)}; dlt {measured['dlt']}, {loaders}"
    return [
        "## From the API into a database",
        "",
        f"Measured on {measured['date']} at {measured['commit']}: {what}.",
        "",
        LOADING,
        "",
        *(load_table(job) for job in measured["jobs"]),
        "### A start and a row",
        "",
        A_LINE,
        "",
        load_line(measured["jobs"]),
    ]


def _startup(results: dict[str, Any]) -> list[str]:
    lines = [
        STARTED,
        "",
        "| | whole run | CPU | to the first request | to the first record | CPU until then |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    shown: dict[str, dict[str, Any]] = {}
    for found in results["workloads"].values():
        for key, one in found["readers"].items():
            shown.setdefault(key, one)
    for key, one in shown.items():
        record = results.get("startup", {}).get(key, {})
        cells = [f"{one[name]:.2f} s" for name in ("startup_wall", "startup_cpu", "to_first_request")]
        cells += [f"{record[name]:.2f} s" if name in record else "" for name in ("wall", "cpu")]
        lines.append(f"| {label(key)} | {' | '.join(cells)} |")
    return lines


COLOURS = {"floor": "#9aa5b1", "": "#1f7a4d", "sdk": "#c77d1e", "dlt": "#4f6fb5", "airbyte": "#8a4fa8"}
WIDTH, LEFT, BAR, GAP = 860, 290, 18, 4


def picture(workloads: dict[str, Any]) -> str:
    """Return bars of wall time, each workload on a scale of its own."""
    parts: list[str] = []
    y = 20
    for found in workloads.values():
        readers = {key: one for key, one in found["readers"].items() if one["same_rows"]}
        longest = max(one["wall"] for one in readers.values())
        parts.append(f'<text x="8" y="{y + 12}" class="h">{found["key"]}: {found["title"]}</text>')
        y += 22
        for key, one in readers.items():
            colour = COLOURS[READERS[key].environment]
            length = max(1, (WIDTH - LEFT - 80) * one["wall"] / longest)
            parts += [
                f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{label(key)}</text>',
                f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{colour}"/>',
                f'<text x="{LEFT + length + 6:.1f}" y="{y + 13}">{one["wall"]:.2f} s</text>',
            ]
            y += BAR + GAP
        y += 14
    style = "text{font:12px sans-serif;fill:#222}.h{font-weight:bold}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}">'
        f'<style>{style}</style><rect width="{WIDTH}" height="{y}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )
