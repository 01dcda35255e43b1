"""A loader in small that keeps the rows of all streams, and deletes what an activated version does not have.

It does what target-postgres does: a version that is activated deletes the rows of lower ones and those without.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import typing as t

from rest_tap.times import parse_time
from tests.conftest import copied

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.conftest import Json

Key = tuple[t.Any, ...]


@dataclasses.dataclass
class Warehouse:
    """Tables by stream, each a row by its key, with the version that it came under."""

    tables: dict[str, dict[Key, tuple[Json, int | None]]] = dataclasses.field(default_factory=dict)
    keys: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    activations: int = 0

    def load(self, messages: Iterable[Json]) -> Warehouse:
        """Take messages, in order."""
        for message in messages:
            kind = message["type"]
            if kind == "SCHEMA":
                self.keys[message["stream"]] = message["key_properties"]
                self.tables.setdefault(message["stream"], {})
            elif kind == "RECORD":
                row = message["record"]
                key = tuple(row[name] for name in self.keys[message["stream"]])
                self.tables[message["stream"]][key] = row, message.get("version")
            elif kind == "ACTIVATE_VERSION":
                self._activate(message["stream"], message["version"])
        return self

    def _activate(self, stream: str, number: int) -> None:
        rows = self.tables[stream]
        self.activations += 1
        self.tables[stream] = {key: row for key, row in rows.items() if row[1] is not None and row[1] >= number}

    def copy(self) -> Warehouse:
        """Return another one with the same rows."""
        return Warehouse({name: dict(rows) for name, rows in self.tables.items()}, dict(self.keys), self.activations)

    def rows(self) -> dict[str, dict[Key, Json]]:
        """Return all rows."""
        return {stream: {key: row for key, (row, _) in rows.items()} for stream, rows in self.tables.items()}

    def existing(self) -> set[tuple[str, Key]]:
        """Return the keys of all rows."""
        return {(stream, key) for stream, rows in self.tables.items() for key in rows}


def aged(state: Json | None, days: float) -> Json:
    """Return a state as if the run that wrote it were so many days older, as far as the sweep goes."""
    older = copied(state or {"bookmarks": {}})
    kept = older["bookmarks"].get("sweep")
    if kept:
        at = t.cast("dt.datetime", parse_time(kept["at"])) - dt.timedelta(days=days)
        kept["at"] = at.isoformat().replace("+00:00", "Z")
    return older
