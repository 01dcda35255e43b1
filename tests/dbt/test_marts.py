"""Both taps into both databases, and the marts that dbt makes there: right, and the same."""

from __future__ import annotations

import collections
import datetime as dt
import typing as t
from decimal import Decimal

from tests.dbt.conftest import MARTS, Database, Warehouse, columns, content

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.box import Sandbox

Json = dict[str, t.Any]


def orders(box: Sandbox) -> Iterator[tuple[str, Json]]:
    """Yield the orders that count, with their organizers."""
    for slug in box.organizers.organizers:
        for row in box.organizers.rows(f"/organizers/{slug}/orders/"):
            if not row["testmode"]:
                yield slug, row


def state(order: Json) -> str:
    """Return what the marts call the state of an order."""
    if order["status"] == "n" and order["require_approval"]:
        return "approval_pending"
    return {"n": "pending", "p": "paid", "e": "expired", "c": "canceled"}[order["status"]]


def sold(box: Sandbox) -> dict[str, tuple[int, Decimal]]:
    """Return how many positions each event of pretix has sold, and for how much."""
    found: dict[str, list[Decimal]] = collections.defaultdict(list)
    for organizer, order in orders(box):
        if state(order) in {"paid", "pending"}:
            prices = [Decimal(row["price"]) for row in order["positions"] if not row["canceled"]]
            found[f"pretix/{organizer}/{order['event']}"] += prices
    return {event: (len(prices), sum(prices, Decimal())) for event, prices in found.items() if prices}


def revenue(box: Sandbox) -> dict[tuple[str, Decimal], tuple[Decimal, Decimal]]:
    """Return gross and tax by event and rate, as the journal has it."""
    counted = {(organizer, order["code"]) for organizer, order in orders(box)}
    sums: dict[tuple[str, Decimal], list[Decimal]] = collections.defaultdict(lambda: [Decimal(), Decimal()])
    for organizer in box.organizers.organizers:
        for line in box.organizers.rows(f"/organizers/{organizer}/transactions/"):
            if (organizer, line["order"]) in counted:
                total = sums[f"pretix/{organizer}/{line['event']}", Decimal(line["tax_rate"])]
                total[0] += line["count"] * Decimal(line["price"])
                total[1] += line["count"] * Decimal(line["tax_value"])
    return {key: (gross, tax) for key, (gross, tax) in sums.items()}


def came(box: Sandbox) -> dict[str, int]:
    """Return how many tickets of each event of pretix were checked in."""
    found = collections.Counter(
        f"pretix/{organizer}/{order['event']}"
        for organizer, order in orders(box)
        for row in order["positions"]
        if any(scan["type"] == "entry" for scan in row["checkins"])
    )
    return dict(found)


def balance(box: Sandbox) -> dict[str, tuple[str, Decimal, Decimal, Decimal]]:
    """Return state, payments, refunds and what is open, of each order of pretix."""
    found = {}
    for organizer, order in orders(box):
        paid = sum(
            (Decimal(row["amount"]) for row in order["payments"] if row["state"] in {"confirmed", "refunded"}),
            Decimal(),
        )
        back = sum(
            (Decimal(row["amount"]) for row in order["refunds"] if row["state"] in {"created", "transit", "done"}),
            Decimal(),
        )
        owed = Decimal() if order["status"] == "c" else Decimal(order["total"])
        found[f"pretix/{organizer}/{order['code']}"] = (state(order), paid, back, owed - paid + back)
    return found


def check(database: Database, box: Sandbox) -> None:
    """Hold the marts against what the sandbox has."""
    rows = database.query(
        "select event_key, count(*), sum(price) from marts.fct_tickets"
        " where is_sold and service = 'pretix' group by event_key"
    )
    assert {row[0]: (int(row[1]), Decimal(row[2])) for row in rows} == sold(box)
    rows = database.query(
        "select event_key, tax_rate, sum(gross), sum(tax) from marts.fct_revenue"
        " where service = 'pretix' group by event_key, tax_rate"
    )
    found = {(row[0], Decimal(row[1])): (Decimal(row[2]), Decimal(row[3])) for row in rows}
    assert found == revenue(box)
    rows = database.query(
        "select event_key, count(*) from marts.fct_tickets"
        " where is_checked_in and service = 'pretix' group by event_key"
    )
    assert {row[0]: int(row[1]) for row in rows} == came(box)
    rows = database.query(
        "select order_key, state, paid, refunded, open_amount from marts.fct_orders where service = 'pretix'"
    )
    assert {row[0]: (row[1], *map(Decimal, row[2:])) for row in rows} == balance(box)
    rows = database.query("select count(*), count(distinct event_key) from marts.fct_tickets where service = 'oveit'")
    assert tuple(map(int, rows[0])) == (len(box.ticketing.codes()), len(box.ticketing.events))
    check_orders_of_oveit(database, box)


def check_orders_of_oveit(database: Database, box: Sandbox) -> None:
    """Hold Oveit's orders against the tables that they and the attendees were loaded into."""
    rows = database.query(
        "select order_code, state, tickets, coalesce(total, 0), currency, ordered_at from marts.fct_orders"
        " where service = 'oveit' order by order_code"
    )
    assert [row[0] for row in rows] == [str(order) for order in box.ticketing.orders()]
    assert {row[1] for row in rows} == {"paid", "canceled"}
    expected = database.query(
        "select o.id, case when o.is_canceled then 'canceled' else 'paid' end,"
        " count(case when not o.is_canceled then a.id end), sum(p.price), max(o.currency),"
        " cast(max(o.date) as timestamp)"
        " from tap_oveit.orders as o join tap_oveit.attendees as a on a.order_id = o.id"
        " join marts.fct_tickets as p on p.ticket_key = 'oveit/' || a.event_id || '/' || a.ticket_code"
        " group by o.id, o.is_canceled order by o.id"
    )
    assert rows == expected
    (found,) = database.query(
        "select count(distinct t.ticket_key), count(distinct t.order_key) from marts.fct_tickets as t"
        " join marts.fct_orders as o on o.order_key = t.order_key and o.customer_key = t.customer_key"
        " where t.service = 'oveit' and t.state = o.state and t.sold_at = o.ordered_at"
    )
    assert tuple(map(int, found)) == (len(box.ticketing.codes()), len(box.ticketing.orders()))


def check_alike(warehouse: Warehouse) -> None:
    """Hold the marts of both databases against each other, row by row."""
    for mart in MARTS:
        assert columns(warehouse.duckdb, mart) == columns(warehouse.postgres, mart), mart
        ours, theirs = content(warehouse.duckdb, mart), content(warehouse.postgres, mart)
        assert not ours - theirs, mart
        assert not theirs - ours, mart
        assert ours, mart


def change(box: Sandbox) -> None:
    """Sell something, cancel something, pay something back: as pretix would, journal and all."""
    data = box.organizers
    slug = next(iter(data.organizers))
    events = list(data.organizers[slug].events)
    for event in events[:3]:
        data.add_order(slug, event, positions=3)
    order = next(row for name, row in orders(box) if name == slug and row["status"] == "p")
    now = data.now()
    data.change_order(slug, order["code"], status="c", cancellation_date=now)
    data.add_refund(slug, order["code"], amount=order["total"])
    journal = data.rows(f"/organizers/{slug}/transactions/")
    highest = max(row["id"] for row in journal)
    data.add_rows(
        f"/organizers/{slug}/transactions/",
        *(
            {**row, "id": highest + number, "count": -row["count"], "datetime": now, "created": now}
            for number, row in enumerate([row for row in journal if row["order"] == order["code"]], 1)
        ),
    )
    box.ticketing.add_attendees(5)


def test_the_marts_are_what_the_sandbox_sells_in_both_databases_and_the_same(warehouse: Warehouse) -> None:
    check(warehouse.duckdb, warehouse.box)
    check(warehouse.postgres, warehouse.box)
    check_alike(warehouse)


def test_a_second_run_brings_the_marts_up_to_date(warehouse: Warehouse) -> None:
    before = sold(warehouse.box)
    change(warehouse.box)
    assert sold(warehouse.box) != before
    warehouse.load()
    check(warehouse.duckdb, warehouse.box)
    check(warehouse.postgres, warehouse.box)
    check_alike(warehouse)


def test_times_are_those_of_the_event_beside_utc(warehouse: Warehouse) -> None:
    rows = warehouse.duckdb.query(
        "select events.starts_at, events.starts_at_local, events.timezone from marts.dim_events as events"
        " where timezone = 'America/Sao_Paulo'"
    )
    assert rows
    for utc, local, _ in rows:
        assert utc - local == dt.timedelta(hours=3)
