"""Prints what an organizer has sold, by pretix itself: `figures.py --organizer harbour`.

Run by pretix's interpreter. Of each event: what the statistics that pretix shows its users count, what orders say is to
be paid, and what plain SQL on pretix's tables makes of journal, check-ins and refunds. Test orders are left out.
"""
# mypy: ignore-errors

from __future__ import annotations

import argparse
import json
from decimal import Decimal

from django.db import connection
from django_scopes import scopes_disabled
from pretix.base.models import Event, OrderPosition
from pretix.base.services.stats import order_overview

REVENUE = """
select e.slug, t.tax_rate, sum(t.count * t.price), sum(t.count * t.tax_value)
from pretixbase_transaction t
join pretixbase_order o on o.id = t.order_id
join pretixbase_event e on e.id = o.event_id
join pretixbase_organizer g on g.id = e.organizer_id
where g.slug = %s and not o.testmode
group by e.slug, t.tax_rate
"""
CHECKED_IN = """
select e.slug, count(distinct p.id)
from pretixbase_orderposition p
join pretixbase_order o on o.id = p.order_id
join pretixbase_event e on e.id = o.event_id
join pretixbase_organizer g on g.id = e.organizer_id
join pretixbase_checkin c on c.position_id = p.id and c.successful and c.type = 'entry'
where g.slug = %s and not o.testmode
group by e.slug
"""
REFUNDED = """
select e.slug, sum(r.amount)
from pretixbase_orderrefund r
join pretixbase_order o on o.id = r.order_id
join pretixbase_event e on e.id = o.event_id
join pretixbase_organizer g on g.id = e.organizer_id
where g.slug = %s and not o.testmode and r.state in ('done', 'transit', 'created')
group by e.slug
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizer", required=True)
    organizer = parser.parse_args().organizer
    found = {}
    with connection.cursor() as cursor:
        for name, query in (("revenue", REVENUE), ("checked_in", CHECKED_IN), ("refunded", REFUNDED)):
            cursor.execute(query, [organizer])
            found[name] = [[str(value) for value in row] for row in cursor.fetchall()]
    with scopes_disabled():
        events = list(Event.objects.filter(organizer__slug=organizer))
        found["sold"] = [[event.slug, *map(str, sold(event))] for event in events]
        found["open"] = [
            [event.slug, str(sum((order.pending_sum for order in event.orders.filter(testmode=False)), Decimal()))]
            for event in events
        ]
    print(json.dumps(found))


def sold(event: Event) -> tuple[int, Decimal, int]:
    """Return how many positions pretix counts as sold, for how much, and how many as canceled."""
    every = OrderPosition.all.filter(order__testmode=False)
    _, total = order_overview(event, base_qs=every)
    # An event that sells nothing has no lines that could be added.
    counted, canceled = total["num"]["total"] or (0, Decimal()), total["num"]["canceled"] or (0,)
    return counted[0], counted[1], canceled[0]


if __name__ == "__main__":
    main()
