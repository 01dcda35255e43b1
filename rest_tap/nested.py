"""Nested records: those that stand in lists inside the rows of another list, and cost no request."""

from __future__ import annotations

import typing as t

from rest_tap.schema import ABSENT

if t.TYPE_CHECKING:
    from rest_tap.schema import Record


class NestedList(t.NamedTuple):
    """A list inside an object.

    Attributes:
        field: The field of the object that holds the list.
        keys: What each record in it gets from the object: names of the record's fields, and of the object's.
    """

    field: str
    keys: t.Mapping[str, str]


def nested_records(row: Record, lists: t.Sequence[NestedList]) -> list[Record]:
    """Return the records that stand in a row; they are copies, because the row's own record comes after them.

    Args:
        row: The row, as it came.
        lists: The lists that they stand in, outermost first.
    """
    (field, names), *inner = lists
    keys = {name: row.get(own) for name, own in names.items()}
    if inner:
        return [{**record, **keys} for item in objects_in(row, field) for record in nested_records(item, inner)]
    return [{**item, **keys} for item in objects_in(row, field)]


def objects_in(row: Record, field: str) -> list[Record]:
    """Return the objects in a list inside a row.

    An element that is not an object, or a list that is missing, is replaced by a record marked as absent,
    so that the stream does not count as complete.
    """
    nested = row.get(field, [None])
    if nested is None:
        return []
    return [
        item if isinstance(item, dict) else {ABSENT: None} for item in (nested if isinstance(nested, list) else [None])
    ]
