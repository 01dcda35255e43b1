"""The recipes of docs/recipes.md, cooked: what they promise holds in real databases."""

from __future__ import annotations

import hashlib
import json
import typing as t

import pytest
import yaml

from tests.meltano.loads import DATABASES, Loads
from tests.support.pages import example, filled_in

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.box import Sandbox
    from tests.meltano.conftest import Project
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


# --- select -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("select", "fields"),
    [
        (["orders.code", "orders.invoice_address.country"], {"country"}),
        (["orders.code", "orders.invoice_address.*"], None),
        (["orders.*", "!orders.invoice_address"], set()),
    ],
)
def test_naming_fields_of_an_object_selects_the_object(
    select: list[str], fields: set[str] | None, project: Project, box: Sandbox
) -> None:
    given = yaml.safe_load(example(PAGE, "Some fields of an object", "yaml"))
    (plugin,) = given["plugins"]["extractors"]
    assert plugin["select"] == ["orders.code", "orders.invoice_address.country"]
    plugin["select"] = select
    (project.folder / "orchestrate").mkdir(exist_ok=True)
    recipe = project.folder / "orchestrate" / "countries.meltano.yml"
    recipe.write_text(yaml.safe_dump(given), encoding="utf-8")
    settings = {"TAP_PRETIX_COUNTRIES_API_URL": box.organizers_url, "TAP_PRETIX_COUNTRIES_API_TOKEN": box.token}
    try:
        written = project.meltano("invoke", "tap-pretix-countries", **settings)
    finally:
        recipe.unlink()
    messages = [json.loads(line) for line in written.splitlines() if line.startswith('{"type":"RECORD"')]
    rows = {message["record"]["code"]: message["record"] for message in messages if message["stream"] == "orders"}
    truth = {order["code"]: order["invoice_address"] for _, order in of_organizers(box, "orders")}
    assert rows.keys() == truth.keys()
    assert any(truth.values())
    for code, address in truth.items():
        if fields is None:
            assert set(rows[code]["invoice_address"] or ()) == set(address or ())
        elif fields:
            shown = address and {name: value for name, value in address.items() if name in fields}
            assert rows[code]["invoice_address"] == shown
        else:
            assert "invoice_address" not in rows[code]


# --- several accounts -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["list in the file", "object in the file", "environment"])
def test_the_tokens_of_many_organizers_are_read_in_one_run(where: str, project: Project, box: Sandbox) -> None:
    heading = "Fifty organizers, fifty tokens"
    tokens = {slug: box.organizers.add_token(organizers=[slug]) for slug in box.organizers.organizers}
    given = yaml.safe_load(example(PAGE, heading, "yaml"))
    (plugin,) = given["plugins"]["extractors"]
    plugin["select"] = ["events.*"]
    name, _, _ = example(PAGE, heading, "ini").partition("=")
    settings = {"TAP_PRETIX_AGENCY_API_URL": box.organizers_url, "TAP_PRETIX_API_TOKEN": ""}
    if where == "environment":
        settings[name] = json.dumps(tokens)
    else:
        plugin["config"]["api_tokens"] = list(tokens.values()) if where.startswith("list") else tokens
    (project.folder / "orchestrate").mkdir(exist_ok=True)
    recipe = project.folder / "orchestrate" / "agency.meltano.yml"
    recipe.write_text(yaml.safe_dump(given), encoding="utf-8")
    try:
        written = project.meltano("invoke", "tap-pretix-agency", **settings)
        # Of an object in the file, Meltano shows what is in it.
        is_hidden = not where.startswith("object")
        shown = project.meltano("config", "list", "tap-pretix-agency", **settings) if is_hidden else ""
    finally:
        recipe.unlink()
    rows = [json.loads(line)["record"] for line in written.splitlines() if '"type":"RECORD"' in line]
    assert {(row["organizer"], row["slug"]) for row in rows} == {
        (slug, event) for slug, organizer in box.organizers.organizers.items() for event in organizer.events
    }
    assert not any(token in written + shown for token in tokens.values())
