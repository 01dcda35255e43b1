"""Records that stand in lists inside of the rows of another list, and cost no request."""

from __future__ import annotations

import typing as t

from rest_tap.schema import ABSENT

if t.TYPE_CHECKING:
    from rest_tap.schema import Record


class Cut(t.NamedTuple):
    """A list inside of an object.

    Attributes:
        field: The field of the object that holds the list.
        keys: What each record in it gets from the object: names of the record's fields, and of the object's.
    """

    field: str
    keys: t.Mapping[str, str]


def cut_out(row: Record, cuts: t.Sequence[Cut]) -> list[Record]:
    """Return the records that stand in a row; they are copies, because the row's own record comes after them.

    Args:
        row: The row, as it came.
        cuts: The lists that they stand in, each inside of the objects of the one before.
    """
    (field, names), *inner = cuts
    keys = {name: row.get(own) for name, own in names.items()}
    if inner:
        return [{**record, **keys} for item in objects_in(row, field) for record in cut_out(item, inner)]
    return [{**item, **keys} for item in objects_in(row, field)]


def objects_in(row: Record, field: str) -> list[Record]:
    """Return the objects in a list inside of a row.

    What is no object, and a list that did not come at all, becomes one that is marked as absent,
    so that the stream is not taken for whole.
    """
    nested = row.get(field, [None])
    if nested is None:
        return []
    return [
        item if isinstance(item, dict) else {ABSENT: None} for item in (nested if isinstance(nested, list) else [None])
    ]
