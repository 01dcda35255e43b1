"""No secret, and without personal data nothing about people, of all that a real pretix has in its tables."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.conftest import discovered, run_tap
from tests.pretix.reading import catalog, settings

if t.TYPE_CHECKING:
    from tests.pretix.server import PretixServer

Hidden = dict[str, dict[str, list[str]]]


@pytest.fixture(scope="module")
def hidden(pretix: PretixServer) -> Hidden:
    """What pretix's database has, by kind and column."""
    found: Hidden = pretix.run("hidden.py")
    return found


def shown(values: dict[str, list[str]], output: bytes) -> dict[str, int]:
    """Return how many values of each column stand in what the tap has written."""
    messages = [json.loads(line, object_hook=_without_places) for line in output.splitlines()]
    text = json.dumps(messages, ensure_ascii=False)
    counts = {
        column: sum(json.dumps(value, ensure_ascii=False)[1:-1] in text for value in column_values)
        for column, column_values in values.items()
    }
    return {column: count for column, count in counts.items() if count}


def _without_places(found: dict[str, t.Any]) -> dict[str, t.Any]:
    """Leave out where events take place: people live in the same towns."""
    return {name: value for name, value in found.items() if name != "location"}


def test_the_database_has_something_to_hide(hidden: Hidden) -> None:
    for kind, columns in {
        "secrets": ("OrderPosition.secret", "Order.secret", "GiftCard.secret", "Voucher.code", "Device.api_token"),
        "people": ("Order.email", "OrderPosition.attendee_name_cached", "InvoiceAddress.street", "Customer.email"),
    }.items():
        for column in columns:
            assert len(hidden[kind][column]) >= 3, column


def test_no_secret_leaves_the_tap_unless_it_is_selected(pretix: PretixServer, hidden: Hidden) -> None:
    config = settings(pretix.api_url, pretix.tokens["harbour"])
    result = run_tap(config, discovered({}))
    assert len(result.records["orders"]) > 100
    assert shown(hidden["secrets"], result.output) == {}
    # Selected, they come: so what is looked for is what there is.
    selected = shown(hidden["secrets"], run_tap(config, catalog()).output)
    assert {"OrderPosition.secret", "GiftCard.secret", "Voucher.code"} <= selected.keys()


def test_nothing_about_people_leaves_the_tap_without_personal_data(pretix: PretixServer, hidden: Hidden) -> None:
    config = settings(pretix.api_url, pretix.tokens["harbour"])
    result = run_tap({**config, "personal_data": False}, catalog())
    assert len(result.records["orders"]) > 100
    assert shown(hidden["people"], result.output) == {}
    selected = shown(hidden["people"], run_tap(config, catalog("orders", "customers")).output)
    assert {"Order.email", "Customer.email", "InvoiceAddress.street"} <= selected.keys()
