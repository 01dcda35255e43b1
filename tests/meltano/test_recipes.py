"""The recipes of docs/recipes.md, cooked: what they promise holds in real databases."""

from __future__ import annotations

import collections
import datetime as dt
import hashlib
import json
import re
import typing as t
from decimal import Decimal

import pytest

from demo.chart import QUERIES
from tests.meltano.conftest import ROOT
from tests.meltano.loads import DATABASES, Loads
from tests.support.pages import example, filled_in

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.box import Sandbox
    from tests.meltano.truth import InDuckDB, InPostgres, Json

pytestmark = pytest.mark.meltano

PAGE = "docs/recipes.md"


# --- from loaded tables to answers ------------------------------------------------------------------------------------


def of_organizers(box: Sandbox, name: str) -> Iterator[tuple[str, Json]]:
    """Yield the rows of a list of each organizer, with the organizer."""
    for slug in box.organizers.organizers:
        for row in box.organizers.rows(f"/organizers/{slug}/{name}/"):
            yield slug, row


def tickets_by_event_and_day(box: Sandbox) -> set[tuple[t.Any, ...]]:
    sums: dict[tuple[str, str, str], list[Decimal]] = collections.defaultdict(list)
    for organizer, order in of_organizers(box, "orders"):
        if not order["testmode"] and order["status"] in {"p", "n"}:
            for position in order["positions"]:
                if not position["canceled"]:
                    day = moment(order["datetime"]).date().isoformat()
                    sums[organizer, order["event"], day].append(Decimal(position["price"]))
    return {(*keys, len(prices), sum(prices)) for keys, prices in sums.items()}


def revenue_by_tax_rate(box: Sandbox) -> set[tuple[t.Any, ...]]:
    testing = {(organizer, order["code"]) for organizer, order in of_organizers(box, "orders") if order["testmode"]}
    sums: dict[tuple[t.Any, ...], list[Decimal]] = collections.defaultdict(lambda: [Decimal(), Decimal()])
    for organizer, line in of_organizers(box, "transactions"):
        if (organizer, line["order"]) not in testing:
            month = f"{moment(line['datetime']):%Y-%m}-01T00:00:00"
            total = sums[organizer, line["event"], month, Decimal(line["tax_rate"])]
            total[0] += line["count"] * Decimal(line["price"])
            total[1] += line["count"] * Decimal(line["tax_value"])
    return {(*keys, *totals) for keys, totals in sums.items()}


def checkin_curve(box: Sandbox) -> set[tuple[t.Any, ...]]:
    first: dict[tuple[str, str, int], dt.datetime] = {}
    for organizer, order in of_organizers(box, "orders"):
        for position in order["positions"]:
            for scan in position["checkins"]:
                if scan["type"] == "entry":
                    key, when = (organizer, order["event"], position["id"]), moment(scan["datetime"])
                    first[key] = min(first.get(key, when), when)
    by_hour = collections.Counter(
        (organizer, event, f"{when:%Y-%m-%dT%H}:00:00") for (organizer, event, _), when in first.items()
    )
    found, so_far = set(), collections.Counter[tuple[str, str]]()
    for (organizer, event, hour), entries in sorted(by_hour.items()):
        so_far[organizer, event] += entries
        found.add((organizer, event, hour, entries, so_far[organizer, event]))
    return found


def moment(value: t.Any) -> dt.datetime:
    """Return a time of the sandbox in UTC."""
    found = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return found.astimezone(dt.timezone.utc)


def plain(value: t.Any) -> t.Any:
    """Return a value of a row in a form that does not depend on the database."""
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat()
    return Decimal(str(value)) if isinstance(value, float) else value


@pytest.mark.parametrize("loader", DATABASES)
@pytest.mark.parametrize("true", [tickets_by_event_and_day, revenue_by_tax_rate, checkin_curve])
def test_queries_answer_what_the_sandbox_knows(
    true: t.Callable[[Sandbox], set[tuple[t.Any, ...]]], loader: str, loads: Loads
) -> None:
    loads.twice("tap-organizers")
    tables = t.cast("InDuckDB | InPostgres", loads.places("tap-organizers").loaded[loader])
    query = (QUERIES / f"{true.__name__}.sql").read_text(encoding="utf-8")
    rows = [tuple(plain(value) for value in row.values()) for row in tables.answer(query)]
    assert len(rows) == len(set(rows)) > 1
    assert set(rows) == true(loads.box)


def test_every_query_is_on_the_page() -> None:
    named = re.findall(r"\(sql/(\w+)\.sql\)", (ROOT / PAGE).read_text(encoding="utf-8"))
    assert set(named) == {path.stem for path in QUERIES.glob("*.sql")}
    assert set(named) == {one.__name__ for one in (tickets_by_event_and_day, revenue_by_tax_rate, checkin_curve)}


# --- leave personal data out ------------------------------------------------------------------------------------------


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
