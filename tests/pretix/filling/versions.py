"""What the filling has to know of versions of pretix that lack some of what it fills.

The rest of the filling is written for the newest version. Here is asked what the running one has, and what it
lacks is left out and noted: a field that is misspelled would otherwise be left out everywhere without a word.
"""

# mypy: ignore-errors
from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The fields of models that were left out; none where there is no such model.
left_out: dict[str, set[str]] = defaultdict(set)


def model(label: str) -> type[Model] | None:
    """Return the model of this label, or None if this version has none."""
    try:
        return apps.get_model(label)
    except LookupError:
        left_out[label.rpartition(".")[2]] = set()
        return None


def has(of: type[Model], field: str) -> bool:
    """Return whether the model has the field; note that it was left out if not."""
    try:
        of._meta.get_field(field)
    except FieldDoesNotExist:
        left_out[of.__name__].add(field)
        return False
    return True


def link(row: Model, field: str, others: Iterable[Any]) -> None:
    """Set a relation to many, where there is one."""
    if has(type(row), field):
        getattr(row, field).set(others)


def leave_out_unknown_fields() -> None:
    """Make models of pretix take, from now on, fields that they do not have, and leave them out."""
    original = Model.__init__

    def init(self: Model, *values: Any, **fields: Any) -> None:
        of = type(self)
        if fields and of.__module__.startswith("pretix."):
            names = {"pk", *(name for field in of._meta.get_fields() for name in _names(field))}
            names.update(name for name in fields if getattr(getattr(of, name, None), "fset", None))
            for name in fields.keys() - names:
                left_out[of.__name__].add(name)
                del fields[name]
        original(self, *values, **fields)

    Model.__init__ = init


def _names(field: Any) -> tuple[str, ...]:
    return field.name, getattr(field, "attname", field.name)


def what_was_left_out() -> dict[str, list[str]]:
    """Return what this version lacks: models, without fields, and fields of models that it has."""
    return {name: sorted(fields) for name, fields in left_out.items()}


SalesChannel = model("pretixbase.SalesChannel")
ItemProgramTime = model("pretixbase.ItemProgramTime")
PrintLog = model("pretixbase.PrintLog")
AutoCheckinRule = model("autocheckin.AutoCheckinRule")
BlockedTicketSecret = model("pretixbase.BlockedTicketSecret")
ReusableMedium = model("pretixbase.ReusableMedium")
