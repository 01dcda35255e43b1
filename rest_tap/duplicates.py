"""Deduplication: rows that the server sends more than once are written once."""

from __future__ import annotations

import operator
import typing as t

from rest_tap.number_set import NumberSet, number_of
from rest_tap.typed import column

if t.TYPE_CHECKING:
    from rest_tap.paging import Paginator
    from rest_tap.schema import Record

#: How many keys are remembered as they are; further ones are remembered as numbers of 8 bytes.
KEYS_KEPT = 100_000


class Deduplicator:
    """Knows which rows of one list have come.

    For a list without a certain order, all keys are remembered: the first ones as they are, later
    ones as numbers. In an ordered list rows repeat only next to each other, so it is enough to
    remember the keys that came with the last value.
    """

    def __init__(self, keys: t.Sequence[str], paginator: Paginator) -> None:
        """Start with no row.

        Args:
            keys: The fields that identify a row of the list.
            paginator: How the list is read.
        """
        #: How many different rows have come.
        self.distinct = 0
        self._keys = keys
        self._paginator = paginator
        self._field = paginator.ordered_by
        self._edge: object = None
        self._at_edge: set[t.Hashable] = set()
        self._all: set[t.Hashable] = set()
        self._numbers: NumberSet | None = None

    def _keys_of(self, rows: list[Record]) -> list[t.Hashable]:
        """Return the rows' keys; for a row that lacks a part of its key, all of its fields count."""
        columns = [column(rows, key) for key in self._keys]
        lacking = [place for values in columns if None in values for place, value in enumerate(values) if value is None]
        for values in columns:
            if not {dict, list}.isdisjoint(map(type, values)):
                values[:] = [repr(value) if value.__class__ in {dict, list} else value for value in values]
        keys: list[t.Hashable] = (
            t.cast("list[t.Hashable]", columns[0]) if len(columns) == 1 else list(zip(*columns, strict=True))
        )
        for place in lacking:
            keys[place] = ("row", number_of(sorted(rows[place].items(), key=operator.itemgetter(0))))
        return keys

    def new(self, rows: list[Record]) -> list[Record]:
        """Return the rows of a page that have not come before."""
        if self._field is not None and self._paginator.ordered_by is None:
            # The list is read from its beginning, in another way.
            self._field = None
            self.distinct = 0
        if self._keys:
            keys = self._keys_of(rows)
            rows = self._new(rows, keys) if self._field is None else self._new_at_edge(rows, keys, self._field)
        self.distinct += len(rows)
        return rows

    def _new(self, rows: list[Record], keys: list[t.Hashable]) -> list[Record]:
        """Return the rows whose keys have not come at all."""
        known, here = self._all, set(keys)
        if self._numbers is None:
            if len(here) == len(keys) and known.isdisjoint(here):
                known |= here
                if len(known) > KEYS_KEPT:
                    self._numbers = NumberSet()
                return rows
            add = known.add
        else:
            numbers = self._numbers

            def add(key: t.Hashable) -> None:
                numbers.add(number_of(key))

        new: list[Record] = []
        for row, key in zip(rows, keys, strict=True):
            if key not in known and (self._numbers is None or number_of(key) not in self._numbers):
                add(key)
                new.append(row)
        return new

    def _new_at_edge(self, rows: list[Record], keys: list[t.Hashable], field: str) -> list[Record]:
        """Return the rows that have not come with the last value of the field that orders the list."""
        new: list[Record] = []
        for row, key in zip(rows, keys, strict=True):
            value = row.get(field)
            if value != self._edge:
                self._edge = value
                self._at_edge = {key}
            elif key in self._at_edge:
                continue
            else:
                self._at_edge.add(key)
            new.append(row)
        return new
