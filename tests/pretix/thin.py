"""Deletes test orders and sells new ones while somebody reads: `thin.py --organizer crowd --rate 8 --seconds 20`.

Run by pretix's interpreter. So many times a second, if the server takes it, an order goes with all that belongs to
it, and every other time a new one comes. Prints how many of each, as JSON.
"""
# mypy: ignore-errors

from __future__ import annotations

import argparse
import json
import random
import time

from churn import Churn
from django.db import transaction
from pretix.base.models import Checkin, Order, Organizer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--organizer", required=True)
    parser.add_argument("--rate", type=float, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random.seed(options.seed)
    organizer = Organizer.objects.get(slug=options.organizer)
    churn = Churn(organizer, 0)
    orders = Order.objects.filter(event__organizer=organizer, invoices=None)
    ids = list(orders.values_list("pk", flat=True))
    random.shuffle(ids)
    # The older half goes first: what is read early, so that what comes later moves.
    ids.sort(key=lambda pk: random.random() * pk)
    deleted = created = 0
    begun = time.monotonic()
    while time.monotonic() - begun < options.seconds and ids:
        due = (time.monotonic() - begun) * options.rate
        if deleted > due:
            time.sleep(0.02)
            continue
        with transaction.atomic():
            order = Order.objects.get(pk=ids.pop(0))
            if not order.testmode:
                Order.objects.filter(pk=order.pk).update(testmode=True)
                order.refresh_from_db()
            Checkin.all.filter(position__order=order).delete()
            order.gracefully_delete()
            deleted += 1
        if deleted % 2:
            with transaction.atomic():
                churn.create()
                created += 1
    print(json.dumps({"deleted": deleted, "created": created, "seconds": round(time.monotonic() - begun, 1)}))


if __name__ == "__main__":
    main()
