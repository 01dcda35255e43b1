"""The recipes of docs/recipes.md, cooked: what they promise holds in real databases."""

from __future__ import annotations

import hashlib
import json
import typing as t

import pytest

from tests.meltano.loads import DATABASES, Loads
from tests.support.pages import example, filled_in

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.box import Sandbox
    from tests.meltano.truth import Json

pytestmark = pytest.mark.meltano

PAGE = "docs/recipes.md"


# --- leave personal data out ------------------------------------------------------------------------------------------


def of_organizers(box: Sandbox, name: str) -> Iterator[tuple[str, Json]]:
    """Yield the rows of a list of each organizer, with the organizer."""
    for slug in box.organizers.organizers:
        for row in box.organizers.rows(f"/organizers/{slug}/{name}/"):
            yield slug, row


def test_hashed_addresses_tell_people_apart_and_nobody_can_be_known(loads: Loads) -> None:
    project, places, box = loads.project, loads.places("hashed"), loads.box
    heading, pepper = "Leave personal data out", "of the test"
    (project.folder / "orchestrate").mkdir(exist_ok=True)
    recipe = project.folder / "orchestrate" / "hashed.meltano.yml"
    recipe.write_text(example(PAGE, heading, "yaml"), encoding="utf-8")
    name, _, value = filled_in(example(PAGE, heading, "ini"), {"…": pepper}).strip().partition("=")
    settings = {
        name: value.strip("'"),
        "TAP_PRETIX_HASHED_API_URL": box.organizers_url,
        "TAP_PRETIX_HASHED_API_TOKEN": box.token,
    }
    project.meltano(
        "run",
        "tap-pretix-hashed",
        "target-postgres",
        "tap-pretix-hashed",
        "target-duckdb",
        **settings,
        **places.settings,
    )
    recipe.unlink()

    def hashed(address: str | None) -> str | None:
        return hashlib.sha256((pepper + address.lower()).encode()).hexdigest() if address else None

    orders = list(of_organizers(box, "orders"))
    for loader in DATABASES:
        tables = places.loaded[loader]
        assert {(row["organizer"], row["code"], row["email"]) for row in tables.rows("orders")} == {
            (organizer, order["code"], hashed(order["email"])) for organizer, order in orders
        }
        assert {(row["id"], row["attendee_email"]) for row in tables.rows("order_positions")} == {
            (position["id"], hashed(position["attendee_email"]))
            for _, order in orders
            for position in order["positions"]
        }
        customers = {row["identifier"]: row["email"] for _, row in of_organizers(box, "customers")}
        assert {row["identifier"]: row["email"] for row in tables.rows("customers")} == {
            identifier: hashed(address) for identifier, address in customers.items()
        }
        everything = json.dumps([tables.rows(name) for name in ("orders", "order_positions", "customers")], default=str)
        assert "@" not in everything
        for _, order in orders:
            names = [position["attendee_name"] for position in order["positions"]]
            for known in [order["phone"], (order["invoice_address"] or {}).get("name"), *names]:
                assert not known or known not in everything
    assert len({order["email"] for _, order in orders}) > 10
