"""Which fields of a record are left out, however deep."""

from __future__ import annotations

import typing as t

from rest_tap.schema import Record, Schema

if t.TYPE_CHECKING:
    from rest_tap.unexpected import OnUnknown

Crumb = tuple[str, ...]
Dropper = t.Callable[[Record], None]


class Deselection:
    """Which fields to leave out of an object, or of each object in a list."""

    __slots__ = ("inner", "names", "only", "path")

    def __init__(self) -> None:
        """Leave out nothing."""
        #: Fields that are left out.
        self.names: set[str] = set()
        #: Fields with something inside that is left out.
        self.inner: dict[str, Deselection] = {}
        #: The only fields that may stay, where all that no schema names is left out; None where others may stay, too.
        self.only: frozenset[str] | None = None
        #: Where the object stands in the record, for reports of what was left out.
        self.path = ""

    def keep_named(self, schema: Schema) -> None:
        """Leave out, inside the fields of the record, whatever no schema names."""
        for name, field in schema.get("properties", {}).items():
            value, path = field, f"{self.path}.{name}" if self.path else name
            while "items" in value:
                value, path = value["items"], f"{path}[]"
            if name not in self.names and "properties" in value:
                inner = self.inner.setdefault(name, Deselection())
                inner.only, inner.path = frozenset(value["properties"]), path
                inner.keep_named(value)

    def reaches(self, path: t.Iterable[str | int]) -> bool:
        """Return whether something is left out inside the value at this path."""
        found: Deselection | None = self
        for part in path:
            if isinstance(part, str):
                found = found.inner.get(part) if found else None
        return found is not None


def deselection_of(crumbs: t.Iterable[Crumb]) -> Deselection:
    """Return which fields to leave out of a record, given their breadcrumbs.

    Args:
        crumbs: As Singer has them: ``properties`` before a name, ``items`` for the elements
            of a list, which the SDK itself does not look into.
    """
    record = Deselection()
    for crumb in sorted(crumbs):
        names = _names(crumb)
        found: Deselection | None = record
        for name in names[:-1]:
            # What is left out whole needs no look inside.
            found = None if found is None or name in found.names else found.inner.setdefault(name, Deselection())
        if found is not None and names:
            found.names.add(names[-1])
    return record


def _names(crumb: Crumb) -> list[str]:
    """Return the names of the fields on the way to a breadcrumb; none where it makes no sense."""
    names: list[str] = []
    parts = iter(crumb)
    for part in parts:
        if part == "items" and names:
            continue
        name = next(parts, None) if part == "properties" else None
        if name is None:
            return []
        names.append(name)
    return names


def without_deselected_streams(catalog: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a catalog without the schemas and fields of streams that it deselects, which no run needs."""
    entries = []
    for entry in catalog["streams"]:
        own = [one for one in entry.get("metadata", ()) if not one["breadcrumb"]]
        is_deselected = own and not any(_may_select(one["metadata"]) for one in own)
        entries.append({**entry, "schema": {"properties": {}}, "metadata": own} if is_deselected else entry)
    return {**catalog, "streams": entries}


def _may_select(metadata: dict[str, t.Any]) -> bool:
    """Return whether a stream's own metadata leave open that it is selected."""
    return metadata.get("selected") is not False or metadata.get("inclusion") == "automatic"


def dropper(deselection: Deselection, on_unknown: OnUnknown, *, shared: bool) -> Dropper | None:
    """Return a function that takes out of a record what is left out, or None if there is nothing.

    Args:
        deselection: The fields to leave out.
        on_unknown: Called with what is left out because no schema names it.
        shared: Whether others use what is inside the records, so that it is copied first.
    """
    names, only, path = tuple(deselection.names), deselection.only, deselection.path
    droppers = [
        (name, found)
        for name, inner in deselection.inner.items()
        if (found := dropper(inner, on_unknown, shared=shared))
    ]
    if not names and not droppers and only is None:
        return None

    def drop(record: Record) -> None:
        if only is not None and not record.keys() <= only:
            for name in record.keys() - only:
                on_unknown(path, name, record.pop(name))
        for name in names:
            record.pop(name, None)
        for name, drop_inner in droppers:
            value = record.get(name)
            if shared and value is not None:
                value = record[name] = _copied(value)
            if value.__class__ is dict:
                drop_inner(value)
            elif value.__class__ is list:
                _drop_each(value, drop_inner)

    return drop


def _drop_each(values: list[t.Any], drop: Dropper) -> None:
    for value in values:
        if value.__class__ is dict:
            drop(value)
        elif value.__class__ is list:
            _drop_each(value, drop)


def _copied(value: t.Any) -> t.Any:
    """Return an object, or a list with the objects in it, to be changed apart from the first."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return dict(value) if isinstance(value, dict) else value
