"""What a DuckDB file holds and what the marts in it answer, as tables for people."""

from __future__ import annotations

import datetime as dt
import typing as t
import unicodedata
from decimal import Decimal

import duckdb

from demo.questions import questions

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

#: Rows of each answer, and how wide a column may be.
ROWS = 3
WIDTH = 28
#: Tax rates have four digits behind the point, of which hardly any is needed.
RATE_EXPONENT = -4

EVENTS = """
select
    organizers.name as organizer,
    events.name as event,
    events.starts_on as day,
    count(case when tickets.is_sold and tickets.is_admission then 1 end) as tickets,
    count(case when tickets.is_checked_in then 1 end) as "checked in",
    count(case when tickets.is_canceled then 1 end) as canceled,
    sum(case when tickets.is_sold then tickets.price end) as revenue,
    events.currency as "in"
from marts.dim_events as events
join marts.dim_organizers as organizers using (organizer_key)
join marts.fct_tickets as tickets using (event_key)
group by organizers.name, events.event_key, events.name, events.starts_on, events.currency
order by tickets desc, events.event_key
limit 12
"""


def show_tables(database: Path) -> None:
    """Print how many rows each table has, several in a line."""
    with duckdb.connect(str(database), read_only=True) as connection:
        for schema in ("tap_pretix", "tap_oveit", "marts"):
            print(f"\n{schema}")
            names = connection.execute(
                "select table_name from information_schema.tables where table_schema = ? order by all", [schema]
            ).fetchall()
            counts = [(name, _count(connection, f'"{schema}"."{name}"')) for (name,) in names]
            cells = [f"{count:>6,} {name}" for name, count in counts]
            for row in range(0, len(cells), 3):
                print("".join(f"{cell:<34}" for cell in cells[row : row + 3]).rstrip())


def show_events(database: Path) -> None:
    """Print the events that sold most."""
    print("\nThe events that sold most, of both services")
    with duckdb.connect(str(database), read_only=True) as connection:
        _print(connection.execute(EVENTS))


def show_questions(database: Path) -> None:
    """Print each question of the package, with the first rows of the answer."""
    with duckdb.connect(str(database), read_only=True) as connection:
        for question in questions():
            answer = connection.execute(question.query)
            rows = answer.fetchall()
            shown = f"the first {ROWS} of {len(rows)} rows" if len(rows) > ROWS else f"{len(rows)} rows"
            print(f"\n{question.text} (dbt/analyses/{question.file.name}, {shown})")
            _table([column[0] for column in answer.description or ()], rows[:ROWS])


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    found = connection.execute(f"select count(*) from {table}").fetchone()
    assert found
    return int(found[0])


def _print(answer: duckdb.DuckDBPyConnection) -> None:
    _table([column[0] for column in answer.description or ()], answer.fetchall())


def _table(head: Sequence[str], rows: Iterable[Sequence[t.Any]]) -> None:
    """Print rows below their names, numbers to the right."""
    rows = list(rows)
    lines = [list(head), *([_text(value) for value in row] for row in rows)]
    numbers = [all(isinstance(row[place], (int, Decimal, type(None))) for row in rows) for place in range(len(head))]
    widths = [max(_width(line[place]) for line in lines) for place in range(len(head))]
    for line in lines:
        cells = [_fill(*cell) for cell in zip(line, widths, numbers, strict=True)]
        print("  " + "  ".join(cells).rstrip())


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, Decimal) and value.as_tuple().exponent == RATE_EXPONENT:
        return f"{value.normalize():f}"
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return f"{value:,}"
    text = " ".join(str(value).split())
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _fill(text: str, width: int, is_number: bool) -> str:  # noqa: FBT001
    space = " " * (width - _width(text))
    return space + text if is_number else text + space
