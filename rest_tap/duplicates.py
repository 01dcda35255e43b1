"""Rows that come more than once, and are written once."""

from __future__ import annotations

import collections
import typing as t

if t.TYPE_CHECKING:
    from rest_tap.paging import Paginator
    from rest_tap.schema import Record

#: Lists longer than this are trusted to have a total order; their keys are not kept.
KEYS_KEPT = 200_000


class Deduplicator:
    """Knows which rows of one list have come.

    Of a list without a certain order all keys are remembered. Rows of an ordered list
    repeat only next to each other, so the keys with the last value are enough.
    """

    def __init__(self, keys: t.Sequence[str], paginator: Paginator) -> None:
        """Start with no row.

        Args:
            keys: The fields that tell the rows of the list apart.
            paginator: How the list is read.
        """
        self.tally: collections.Counter[str] = collections.Counter()
        self._keys = keys
        self._paginator = paginator
        self._field = paginator.ordered_by
        self._edge: object = None
        self._at_edge: set[t.Hashable] = set()
        self._all: set[t.Hashable] = set()

    def _keys_of(self, rows: list[Record]) -> list[t.Hashable]:
        columns = [[row.get(key) for row in rows] for key in self._keys]
        for column in columns:
            if not {dict, list}.isdisjoint(map(type, column)):
                column[:] = [repr(value) if value.__class__ in {dict, list} else value for value in column]
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    def knows(self, row: Record) -> bool:
        """Return whether this row has come before, as far as all rows are remembered."""
        return bool(self._all) and self._keys_of([row])[0] in self._all

    def new(self, rows: list[Record]) -> list[tuple[int, Record]]:
        """Return the rows that have not come before, each with its place on the page."""
        fresh = list(enumerate(rows))
        count = self._paginator.count
        if self._keys and (self._field is not None or count is None or count <= KEYS_KEPT):
            keys = self._keys_of(rows)
            fresh = self._new(fresh, keys) if self._field is None else self._new_at_edge(fresh, keys, self._field)
        self.tally["distinct"] += len(fresh)
        return fresh

    def _new(self, rows: list[tuple[int, Record]], keys: list[t.Hashable]) -> list[tuple[int, Record]]:
        """Return the rows whose keys have not come at all."""
        known, here = self._all, set(keys)
        if len(here) == len(keys) and known.isdisjoint(here):
            known |= here
            return rows
        fresh: list[tuple[int, Record]] = []
        for row, key in zip(rows, keys, strict=True):
            if key not in known:
                known.add(key)
                fresh.append(row)
        return fresh

    def _new_at_edge(
        self, rows: list[tuple[int, Record]], keys: list[t.Hashable], field: str
    ) -> list[tuple[int, Record]]:
        """Return the rows that have not come with the last value of the field that orders the list."""
        fresh: list[tuple[int, Record]] = []
        for (index, row), key in zip(rows, keys, strict=True):
            value = row.get(field)
            if value != self._edge:
                self._edge = value
                self._at_edge = {key}
            elif key in self._at_edge:
                continue
            else:
                self._at_edge.add(key)
            fresh.append((index, row))
        return fresh

    def missing(self) -> bool:
        """Return whether the list told of more rows than came."""
        count = self._paginator.count
        return count is not None and self.tally["distinct"] < count
