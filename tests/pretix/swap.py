"""Deletes the oldest test orders and sells as many new ones: `swap.py --organizer crowd --number 40`.

Run by pretix's interpreter. The number of orders stays the same, so that no count betrays what happened.
Prints the codes of the deleted orders as JSON.
"""
# mypy: ignore-errors

from __future__ import annotations

import argparse
import json

from churn import Churn
from django.db import transaction
from pretix.base.models import Order, Organizer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--organizer", required=True)
    parser.add_argument("--number", type=int, required=True)
    options = parser.parse_args()
    organizer = Organizer.objects.get(slug=options.organizer)
    churn = Churn(organizer, 0)
    oldest = Order.objects.filter(event__organizer=organizer, testmode=True, invoices=None).order_by("datetime")
    deleted = []
    with transaction.atomic():
        for order in oldest[: options.number]:
            deleted.append(order.code)
            order.gracefully_delete()
            churn.create()
    print(json.dumps(deleted))


if __name__ == "__main__":
    main()
