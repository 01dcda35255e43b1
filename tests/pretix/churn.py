"""Edits orders while somebody reads them: `churn.py --organizer harbour --seconds 30`.

Run by pretix's interpreter. For so many seconds it pays, cancels, creates, changes and deletes
orders, one after the other, as fast as the server takes it. On the way come two things that a
reader by time has to cope with: once, many orders are given one and the same `last_modified`, as by
a moved date; and some transactions are committed seconds after the `last_modified` that they set.

Four of ten orders are never touched: whatever a reader loses of these, it lost by its own fault.

At the end it prints the codes of the orders by what was done to them, as JSON.
"""
# mypy: ignore-errors

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal

from django.db import DatabaseError, connection, transaction
from django.utils.timezone import now
from django_scopes import scopes_disabled
from pretix.base.models import Item, Order, OrderFee, OrderPosition, Organizer, Quota
from pretix.base.payment import PaymentException
from pretix.base.services.orders import OrderError, _cancel_order

OPERATIONS = ["create"] * 5 + ["change"] * 5 + ["pay"] * 4 + ["cancel"] * 2 + ["delete"] * 4


#: How pretix says no.
REFUSALS = (DatabaseError, OrderError, PaymentException, Quota.QuotaExceededException)


class Churn:
    """Someone at a box office, in a great hurry.

    Args:
        organizer: whose orders to edit.
        delay: seconds between the last change of a late transaction and its commit.
    """

    def __init__(self, organizer: Organizer, delay: float) -> None:
        self.organizer = organizer
        self.delay = delay
        self.done: dict[str, list[str]] = {name: [] for name in [*OPERATIONS, "bulk", "late"]}
        self.failed: Counter[str] = Counter()
        # Orders that a late transaction holds: whoever else wants one would wait for its commit.
        self.held: set[int] = set()
        self.items = list(
            Item.objects.filter(
                event__organizer=organizer, event__has_subevents=False, admission=True, event__live=True
            ).select_related("event", "tax_rule")
        )
        self.channel = organizer.sales_channels.get(identifier="web")

    def pick(self, **only: object) -> Order | None:
        """Take an order at random, out of those that may be touched."""
        ids = self.touchable(**only)
        return Order.objects.select_related("event").get(pk=random.choice(ids)) if ids else None

    def create(self) -> Order:
        item = random.choice(self.items)
        order = Order.objects.create(
            event=item.event,
            organizer=self.organizer,
            status="n",
            testmode=random.random() < 0.5,
            email="late.riser@mail.example",
            locale="en",
            datetime=now(),
            expires=now() + timedelta(days=14),
            total=item.default_price,
            sales_channel=self.channel,
        )
        position = OrderPosition(order=order, item=item, price=item.default_price, tax_rule=item.tax_rule, positionid=1)
        position.save()
        order.create_transactions(is_new=True)
        order.payments.create(state="created", amount=order.total, provider="manual")
        return order

    def change(self) -> Order | None:
        order = self.pick()
        if order is None:
            return None
        how = random.randrange(3)
        if how == 0:
            order.comment = f"Called at {now()}"
            order.save(update_fields=["comment"])
        elif how == 1:
            position = order.positions.first()
            if position is not None:
                position.attendee_email = "someone.else@mail.example"
                position.save()
            order.touch()
        else:
            fee = OrderFee(order=order, fee_type="late", value=Decimal("1.00"))
            fee._calculate_tax(tax_rule=None)
            fee.save()
            order.total += fee.value
            order.save()
            order.create_transactions()
        return order

    def pay(self) -> Order | None:
        order = self.pick(status="n", require_approval=False)
        if order is None:
            return None
        payment = order.payments.create(state="created", amount=order.total, provider="manual")
        payment.confirm(send_mail=False, force=True, generate_invoice=False, ignore_date=True)
        return order

    def cancel(self) -> Order | None:
        order = self.pick(status__in="np")
        if order is not None:
            _cancel_order(order.pk, send_mail=False, cancel_invoice=False)
        return order

    def delete(self) -> Order | None:
        order = self.pick(testmode=True, invoices=None)
        if order is not None:
            order.gracefully_delete()
        return order

    def work(self, name: str) -> None:
        """Do one thing in a transaction of its own; what pretix does not allow is counted only."""
        try:
            with transaction.atomic():
                order = getattr(self, name)()
        except REFUSALS as error:
            self.failed[f"{name}: {type(error).__name__}"] += 1
        else:
            if order is not None:
                self.note(name, order)

    def note(self, name: str, *orders: Order) -> None:
        self.done[name] += [order.code for order in orders]

    def bulk(self, number: int) -> None:
        """Modify many orders in one instant."""
        ids = self.touchable()
        chosen = random.sample(ids, min(number, len(ids)))
        Order.objects.filter(pk__in=chosen).update(last_modified=now(), checkin_text="Gate moved")
        self.note("bulk", *Order.objects.filter(pk__in=chosen))

    def touchable(self, **only: object) -> list[int]:
        orders = Order.objects.filter(event__organizer=self.organizer, **only)
        return [pk for pk in orders.values_list("pk", flat=True) if pk % 10 >= 4 and pk not in self.held]

    def late(self) -> None:
        """Create or change an order, and let some seconds pass before anybody can see it."""
        order = None
        try:
            with scopes_disabled(), transaction.atomic():
                order = (self.pick() if random.random() < 0.5 else None) or self.create()
                self.held.add(order.pk)
                order.comment = "Written slowly"
                order.save(update_fields=["comment"])
                time.sleep(self.delay)
            self.note("late", order)
        except DatabaseError as error:
            self.failed[f"late: {type(error).__name__}"] += 1
        finally:
            if order is not None:
                self.held.discard(order.pk)
            connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--organizer", required=True)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--bulk", type=int, default=120, help="orders modified in one instant, once")
    parser.add_argument("--late", type=int, default=6, help="transactions that are committed late")
    parser.add_argument("--delay", type=float, default=6, help="how many seconds late")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    churn = Churn(Organizer.objects.get(slug=options.organizer), options.delay)
    begun = time.monotonic()
    writers: list[threading.Thread] = []
    bulk_done = False
    while (spent := time.monotonic() - begun) < options.seconds:
        # Late ones are spread over the first two thirds, so that their commits fall into the time.
        if len(writers) < options.late * min(1, spent / options.seconds * 1.5):
            writers.append(threading.Thread(target=churn.late))
            writers[-1].start()
        if not bulk_done and spent > options.seconds / 2:
            churn.bulk(options.bulk)
            bulk_done = True
        churn.work(random.choice(OPERATIONS))
    for writer in writers:
        writer.join()
    print(
        json.dumps(
            {
                "seconds": round(time.monotonic() - begun, 1),
                "done": churn.done,
                "counts": {name: len(codes) for name, codes in churn.done.items()},
                "failed": churn.failed,
            }
        )
    )


if __name__ == "__main__":
    main()
