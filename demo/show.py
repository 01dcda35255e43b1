"""What a DuckDB file holds, as a table: stream, rows, and a few columns of one row."""

from __future__ import annotations

import typing as t

import duckdb

if t.TYPE_CHECKING:
    from pathlib import Path

#: As many columns as fit, each so wide, and these before all others.
_COLUMNS = 4
_WIDTH = 24
_FIRST = [
    "organizer",
    "event",
    "slug",
    "order",
    "code",
    "id",
    "identifier",
    "name",
    "email",
    "total",
    "amount",
    "price",
]


def show(database: Path) -> None:
    """Print a line for each table."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = [_row(connection, schema, table) for schema, table in tables(connection)]
    widths = [max(len(row[column]) for row in [("stream", "rows", ""), *rows]) for column in (0, 1)]
    print(f"\n{'stream':{widths[0]}}  {'rows':>{widths[1]}}  one of them")
    for stream, count, example in rows:
        print(f"{stream:{widths[0]}}  {count:>{widths[1]}}  {example}")


def tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return schema and name of each table that was loaded."""
    return connection.execute("select table_schema, table_name from information_schema.tables order by all").fetchall()


def _row(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> tuple[str, str, str]:
    counted = connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone()
    assert counted
    sample = connection.execute(f'select * from "{schema}"."{table}" order by all limit 1')
    names = [column[0] for column in sample.description or ()]
    values = dict(zip(names, sample.fetchone() or (), strict=False))
    telling = sorted((name for name in names if _tells(values.get(name))), key=_place)
    shown = [f"{name}={_short(values[name])}" for name in telling[:_COLUMNS]]
    return f"{schema}.{table}", f"{counted[0]:,}", "  ".join(shown)


def _tells(value: object) -> bool:
    return value is not None and not isinstance(value, bool) and value not in {"[]", "{}"}


def _place(name: str) -> tuple[int, str]:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST), name


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
