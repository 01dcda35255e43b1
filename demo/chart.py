"""Tickets sold over time by event, as a picture."""

from __future__ import annotations

import collections
import itertools
import typing as t
from pathlib import Path

import duckdb
import matplotlib as mpl

mpl.use("Agg")  # no screen is needed
from matplotlib import pyplot as plt

if t.TYPE_CHECKING:
    import datetime as dt

QUERIES = Path(__file__).resolve().parents[1] / "docs" / "sql"
#: Events with a line of their own; more would be a tangle.
LINES = 8


def run_query(database: Path, name: str) -> list[tuple[t.Any, ...]]:
    """Return the rows of one of the recipes' queries."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set schema = 'tap_pretix'")
        return connection.execute((QUERIES / f"{name}.sql").read_text()).fetchall()


def draw(database: Path, picture: Path) -> None:
    """Draw the cumulated sales of the events that sold most."""
    sales: dict[str, dict[dt.date, int]] = collections.defaultdict(dict)
    for organizer, event, day, tickets, _ in run_query(database, "tickets_by_event_and_day"):
        sales[f"{organizer}/{event}"][day] = tickets
    best = sorted(sales, key=lambda event: -sum(sales[event].values()))[:LINES]
    figure, axes = plt.subplots(figsize=(10, 5), layout="constrained")
    for event in best:
        days = sorted(sales[event])
        axes.step(
            t.cast("t.Any", days),
            list(itertools.accumulate(sales[event][day] for day in days)),
            where="post",
            label=event,
        )
    axes.set_title("Tickets sold")
    axes.set_ylabel("tickets, cumulated")
    axes.legend(fontsize="small", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.autofmt_xdate()
    figure.savefig(picture, dpi=120)
    plt.close(figure)
