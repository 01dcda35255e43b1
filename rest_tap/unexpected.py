"""Counts the fields of rows that no schema names: their names, JSON types and numbers, never a value.

A server that is newer than the streams sends fields that they do not know. A run ends with a table of these in the log,
which users can paste into an issue.
"""

from __future__ import annotations

import json
import re
import typing as t

from rest_tap.schema import Record, Schema, is_closed, types_of

#: Different fields of one stream that are counted, and lines of one report; a server may send any number.
MAX_FIELDS = 100
#: Characters of a name that are shown.
MAX_NAME_LENGTH = 60
#: Where to report them.
ISSUES = "https://github.com/ticketing-taps/ticketing-taps/issues"
#: What stands in the report for the type of a field that no schema names.
NOTHING = "nothing"
HEAD = ("stream", "field", "sent as", "schema says", "times", "value")

#: A name that needs no quotes.
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_TYPES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}

#: Takes note of a field that no schema names: the path of its object, its name, what it holds.
OnUnknown = t.Callable[[str, str, t.Any], None]
#: Looks for such fields inside a record.
Finder = t.Callable[[Record, OnUnknown], None]
_Look = t.Callable[[t.Any, OnUnknown], None]


class Finding(t.NamedTuple):
    """A field as no schema has it.

    Attributes:
        field: Its path; ``[]`` stands for any element of a list.
        sent: The JSON type of what came.
        says: What the schema says; :data:`NOTHING` if it does not name the field.
        is_kept: Whether the value leaves the tap.
    """

    field: str
    sent: str
    says: str
    is_kept: bool


class Unexpected:
    """What the rows of one stream have brought that its schema does not say, counted."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.times: dict[Finding, int] = {}
        #: How often other fields came.
        self.others = 0

    def count_unknown(self, path: str, name: str, value: t.Any, *, is_kept: bool) -> None:
        """Count a field that no schema names.

        Args:
            path: Where the object is that has it; empty for the record itself.
            name: What the server calls it.
            value: What it holds; only its type is noted.
            is_kept: Whether the value leaves the tap.
        """
        self._count(Finding(f"{path}.{shown(name)}" if path else shown(name), json_type(value), NOTHING, is_kept))

    def count_misfit(self, field: str, says: str, value: t.Any, *, is_kept: bool) -> None:
        """Count a value that is not what the schema says of its field."""
        self._count(Finding(field, json_type(value), says, is_kept))

    def _count(self, finding: Finding) -> None:
        if finding in self.times or len(self.times) < MAX_FIELDS:
            self.times[finding] = self.times.get(finding, 0) + 1
        else:
            self.others += 1

    @property
    def unknown_fields(self) -> set[str]:
        """Return the paths of the fields that no schema names."""
        return {finding.field for finding in self.times if finding.says == NOTHING}


def unexpected_table(unexpected: t.Mapping[str, Unexpected]) -> list[str]:
    """Return the lines of a table of what came unexpectedly; none if nothing did.

    Args:
        unexpected: What was counted, by stream.
    """
    rows = [
        (stream, found.field, found.sent, found.says, str(times), "kept" if found.is_kept else "left out")
        for stream in sorted(unexpected)
        for found, times in sorted(unexpected[stream].times.items())
    ]
    more = sum(one.others for one in unexpected.values()) + sum(int(row[4]) for row in rows[MAX_FIELDS:])
    if not rows:
        return []
    table = [HEAD, *rows[:MAX_FIELDS]]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    lines = [
        "  ".join(
            cell.rjust(width) if head == "times" else cell.ljust(width)
            for cell, width, head in zip(row, widths, HEAD, strict=True)
        ).rstrip()
        for row in table
    ]
    return [*lines, f"and others, {more} times"] if more else lines


def shown(name: str) -> str:
    """Return the name of an unknown field for a message: cut, and in quotes and escaped where it is not plain."""
    cut = name[:MAX_NAME_LENGTH]
    text = cut if _PLAIN.fullmatch(cut) else json.dumps(cut)
    return text if cut == name else f"{text}…"


def json_type(value: t.Any) -> str:
    """Return the JSON type of a value."""
    return _TYPES.get(value.__class__, "string")


def expected_type(schema: Schema, path: t.Iterable[str | int]) -> str:
    """Return what a schema says of the values at a path: their format, or their type."""
    for part in path:
        schema = schema.get("items", {}) if isinstance(part, int) else schema.get("properties", {}).get(part, {})
    return str(schema.get("format") or " or ".join(types_of(schema)))


def finder(schema: Schema, given: Schema, path: str = "") -> Finder | None:
    """Return what looks for fields that no schema names at any depth inside the fields of a record.

    Args:
        schema: The schema of the record.
        given: The catalog's, which may name more.
        path: Where it is.

    Returns:
        None where there is nowhere to look.
    """
    looks: list[tuple[str, _Look]] = []
    for name, field in schema.get("properties", {}).items():
        inner, here = field, f"{path}.{name}" if path else name
        also = given.get("properties", {}).get(name, {})
        while "items" in inner:
            inner, also, here = inner["items"], also.get("items", {}), f"{here}[]"
        names = frozenset((*inner["properties"], *also.get("properties", ()))) if is_closed(inner) else None
        deeper = finder(inner, also, here)
        if names is not None or deeper is not None:
            looks.append((name, _looker(here, names, deeper)))
    if not looks:
        return None

    def find(record: Record, on_unknown: OnUnknown) -> None:
        for name, look in looks:
            look(record.get(name), on_unknown)

    return find


def _looker(path: str, names: frozenset[str] | None, deeper: Finder | None) -> _Look:
    """Return what looks through an object, or through all in a list.

    Args:
        path: Where they are.
        names: The fields that the schema names; None where others are expected.
        deeper: What looks into these.
    """

    def look(value: t.Any, on_unknown: OnUnknown) -> None:
        if value.__class__ is list:
            for one in value:
                look(one, on_unknown)
        elif value.__class__ is dict:
            for name in value.keys() - names if names is not None else ():
                on_unknown(path, name, value[name])
            if deeper is not None:
                deeper(value, on_unknown)

    return look
