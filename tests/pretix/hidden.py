"""Prints what must not leave the tap, out of all of pretix's tables: `hidden.py`.

Run by pretix's interpreter. `secrets`: values of every column that opens something, by the names of columns and not by
what the tap knows of them. `people`: what describes a person. As JSON: kind → {"model.field": [values]}.
"""
# mypy: ignore-errors

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django_scopes import scopes_disabled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

SECRETS = re.compile(r"secret$|token$|^pdf_|api_key$")
#: Opens something by another name.
MORE_SECRETS = {"Voucher.code", "ReusableMedium.identifier"}
PEOPLE = re.compile(
    r"email|phone|name_cached$|name_parts$|^fullname$|street|zipcode|^city|_city|company|vat_id|beneficiary"
    r"|custom_field|internal_reference|^invoice_to|^transmission_info|^ip_address$|^user_agent$"
)
#: Models of which rows are about people; an event or an organizer has an address, too.
OF_PEOPLE = {
    *("Order", "OrderPosition", "InvoiceAddress", "Customer", "Membership", "WaitingListEntry", "CartPosition"),
    *("Invoice", "TeamInvite", "User", "AttendeeProfile", "CustomerSSOGrant"),
}
#: Shorter ones stand in other values by chance.
LEAST = 6


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if not name.startswith("_"):
                yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def values(model: type[Model], field: str) -> list[str]:
    rows = getattr(model, "all", model._base_manager).values_list(field, flat=True)
    return sorted({text for value in rows for text in texts(value) if len(text) >= LEAST})


def answers() -> list[str]:
    """Texts that somebody has written; what can be chosen stands in the question, too."""
    rows = apps.get_model("pretixbase", "QuestionAnswer").objects.filter(question__type__in=["S", "T", "TEL"])
    return sorted({answer for answer in rows.values_list("answer", flat=True) if len(answer) >= LEAST})


def main() -> None:
    found: dict[str, dict[str, list[str]]] = {"secrets": {}, "people": {"QuestionAnswer.answer": answers()}}
    for model in apps.get_models():
        if not model.__module__.startswith("pretix."):
            continue
        for field in model._meta.concrete_fields:
            name = f"{model.__name__}.{field.name}"
            if field.is_relation:
                continue
            if SECRETS.search(field.name) or name in MORE_SECRETS:
                found["secrets"][name] = values(model, field.name)
            elif model.__name__ in OF_PEOPLE and PEOPLE.search(field.name):
                found["people"][name] = values(model, field.name)
    print(json.dumps({kind: {name: found for name, found in by.items() if found} for kind, by in found.items()}))


if __name__ == "__main__":
    with scopes_disabled():
        main()
