"""Lists that come from a file: `samples/<stream>.json` has the list's path and two or three plausible rows.

`path` is that of the stream's class. What differs from most lists stands beside it, by the names of
:class:`sandbox.lists.List`: `order` and `allowed` (words), `filters`, `permission`, `since`, …

Every parent gets the rows. Their ids are unique on the server and the same in every run: the parent's
number times 100 (or what the longest list needs) plus the row's place. In a file, `"@items/2"` stands
for the id (or other key) of the second row of `items` of the same parent, `"@customers/*"` for one row
after the other, `"@organizer"` and `"@event"` for the parents' slugs, and `"$item_variations"` for the
rows of that file.
"""

from __future__ import annotations

import functools
import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, overload

from sandbox.lists import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.lists import List

Row = dict[str, Any]

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_REFERENCE = re.compile(r"@(\w+)(?:/(\d+|\*)(?:\.(\d+))?)?")

#: Rows that stand in a row of their parent, too: list → parent, field, and whether they carry their id there.
NESTED = {
    "item_variations": ("items", "variations", True),
    "item_addons": ("items", "addons", False),
    "item_bundles": ("items", "bundles", False),
    "item_program_times": ("items", "program_times", False),
    "question_options": ("questions", "options", True),
}


def names() -> list[str]:
    """Return the streams that have a sample file."""
    return sorted(path.stem for path in SAMPLES.glob("*.json"))


@functools.cache
def load(name: str) -> list[Row]:
    """Return the rows of a sample file, with the rows nested in them; times as `datetime`, references as they stand."""
    rows: list[Row] = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))["rows"]
    return [_read(row) for row in rows]


def _read(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _read(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_read(inner) for inner in value]
    if isinstance(value, str):
        if _TIME.fullmatch(value):
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        if value.startswith("$") and (nested := NESTED.get(value[1:])):
            keep_id = nested[2]
            return [{k: v for k, v in row.items() if keep_id or k != "id"} for row in load(value[1:])]
    return value


def resolve(value: Any, refer: Callable[[str, int | None, int | None], Any]) -> Any:
    """Return a copy of a sample's value with its references resolved.

    `refer` takes the stream, the row's place (None for `*`), and the place of a row nested in it.
    """
    if isinstance(value, dict):
        return {key: resolve(inner, refer) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, refer) for inner in value]
    if isinstance(value, str) and value.startswith("@") and (found := _REFERENCE.fullmatch(value)):
        stream, place, nested = found.groups()
        return refer(stream, int(place) if place and place != "*" else None, int(nested) if nested else None)
    return value


class Rows(Sequence[Row]):
    """A long list that is made while it is read: a million rows cost no memory.

    `make(i)` must give rows in the list's own order, with ids and times that grow.
    """

    def __init__(self, order: range, make: Callable[[int], Row], times: tuple[str, ...] = ()) -> None:
        self.order = order
        self.make = make
        self.times = times

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> Rows: ...
    def __getitem__(self, at: int | slice) -> Row | Rows:
        if isinstance(at, slice):
            return Rows(self.order[at], self.make, self.times)
        return self.make(self.order[at])

    def ascending(self) -> Rows:
        """Return the rows from the oldest to the newest."""
        return self if self.order.step > 0 else self[::-1]

    def since(self, field: str, moment: datetime) -> Rows:
        """Return the rows from this moment on."""
        rows = self.ascending()
        return rows[rows.place(field, moment) :]

    def before(self, field: str, moment: datetime) -> Rows:
        """Return the rows before this moment."""
        rows = self.ascending()
        return rows[: rows.place(field, moment)]

    def place(self, field: str, moment: datetime) -> int:
        """Return how many rows are older."""
        return bisect_left(range(len(self)), moment, key=lambda i: self[i][field])


def multiplied(facts: List, templates: list[Row], i: int) -> Row:
    """Return row `i` of a list longer than its sample: a template with other codes and a later time."""
    row = dict(templates[i % len(templates)])
    for name in facts.unique:
        if isinstance(row.get(name), str) and i >= len(templates):
            text, at, domain = row[name].partition("@")
            row[name] = f"{text}-{i}{at}{domain}"
    for name in facts.times:
        row[name] = templates[0][name] + timedelta(seconds=7 * i)
    return row
