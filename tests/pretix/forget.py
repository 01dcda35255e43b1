"""Deletes and changes what no filter by time shows: `forget.py --organizer harbour`.

Run by pretix's interpreter. With `--prepare` it only makes what can be deleted later, and lets two events
have ended long ago, one of them full of sales. Everything is done by pretix's own methods, as its backend
and its API do it. Prints what was done as JSON.
"""
# mypy: ignore-errors

from __future__ import annotations

import argparse
import contextlib
import json
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.timezone import now
from pretix.base.models import Checkin, Event, Order, OrderPayment, OrderPosition, Organizer, QuestionAnswer
from pretix.base.payment import PaymentException
from pretix.base.shredder import AttendeeInfoShredder, InvoiceAddressShredder, QuestionAnswerShredder

#: Full of sales; to be over for long, and in motion.
PAST, OPEN, SERIES = "workshop.2041_a", "concert", "series"
#: Without orders, so that it can be deleted.
DOOMED = "museum"
SHREDDERS = (AttendeeInfoShredder, InvoiceAddressShredder, QuestionAnswerShredder)


def prepare(organizer: Organizer) -> dict[str, Any]:
    for slug in (PAST, DOOMED):
        event = organizer.events.get(slug=slug)
        event.date_from = now() - timedelta(days=400)
        event.date_to = event.date_admission = event.presale_end = None
        event.save()
    for slug in (PAST, OPEN):
        event = organizer.events.get(slug=slug)
        for number in range(3):
            event.items.create(name=f"Never sold {number}", default_price=number, tax_rule=event.tax_rules.first())
            event.tax_rules.create(name=f"Never used {number}", rate=number)
            event.vouchers.create(code=f"UNUSED{slug[:2].upper()}{number}", comment="nobody has it")
    series = organizer.events.get(slug=SERIES)
    for number in range(2):
        series.subevents.create(name=f"Never held {number}", date_from=now() + timedelta(days=number), active=True)
    return {"past": [PAST, DOOMED]}


def delete_rows(organizer: Organizer, done: dict[str, int]) -> None:
    for event in organizer.events.filter(slug__in=(PAST, OPEN)):
        for voucher in event.vouchers.filter(code__startswith="UNUSED")[:2]:
            voucher.delete()
            done["vouchers"] += 1
        for rule in event.tax_rules.filter(name__icontains="Never used 1"):
            assert rule.allow_delete()
            rule.delete()
            done["tax_rules"] += 1
        for item in event.items.filter(name__icontains="Never sold 0"):
            assert item.allow_delete()
            item.delete()
            done["items"] += 1
    for date in organizer.events.get(slug=SERIES).subevents.filter(name__icontains="Never held 0"):
        assert date.allow_delete()
        date.delete()
        done["subevents"] += 1
    for slug in (PAST, OPEN):
        tests = Order.objects.filter(event__organizer=organizer, event__slug=slug, testmode=True, invoices=None)
        for order in tests[:2]:
            with transaction.atomic():
                order.gracefully_delete()
            done["test orders"] += 1
    doomed = organizer.events.get(slug=DOOMED)
    assert doomed.allow_delete()
    with transaction.atomic():
        doomed.delete_sub_objects()
        doomed.delete()
    done["events"] += 1


def shred(event: Event, done: dict[str, int]) -> None:
    people = OrderPosition.all.filter(order__event=event).exclude(attendee_name_cached=None).count()
    answers = QuestionAnswer.objects.filter(orderposition__order__event=event).count()
    assert people
    assert answers
    for shredder in SHREDDERS:
        shredder(event).shred_data()
    done["shredded names"] += people
    done["shredded answers"] += answers


def change_silently(organizer: Organizer, done: dict[str, int]) -> None:
    for customer in organizer.customers.exclude(name_cached="").filter(orders__isnull=False).distinct()[:2]:
        customer.anonymize()
        done["anonymized customers"] += 1
    for event in organizer.events.filter(slug__in=(PAST, OPEN)):
        shred(event, done)
        for checkin in Checkin.objects.filter(list__event=event, successful=True)[:2]:
            checkin.successful = False
            checkin.error_reason = Checkin.REASON_ANNULLED
            checkin.error_explanation = "wrong door"
            checkin.save(update_fields=["successful", "error_reason", "error_explanation"])
            done["annulled check-ins"] += 1
        cancel_payments(event, done)


def cancel_payments(event: Event, done: dict[str, int]) -> None:
    canceled = 0
    for payment in OrderPayment.objects.filter(order__event=event, state__in=("created", "pending")):
        if canceled == 2:
            break
        # Those that a provider is busy with stay.
        with contextlib.suppress(PaymentException), transaction.atomic():
            payment.payment_provider.cancel_payment(payment)
            canceled += 1
    done["canceled payments"] += canceled


def forget(organizer: Organizer) -> dict[str, int]:
    kinds = ("vouchers", "tax_rules", "items", "subevents", "test orders", "events", "anonymized customers")
    done = dict.fromkeys([*kinds, "shredded names", "shredded answers", "annulled check-ins", "canceled payments"], 0)
    change_silently(organizer, done)
    delete_rows(organizer, done)
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizer", required=True)
    parser.add_argument("--prepare", action="store_true", help="make what can be deleted, and delete nothing")
    options = parser.parse_args()
    organizer = Organizer.objects.get(slug=options.organizer)
    print(json.dumps(prepare(organizer) if options.prepare else forget(organizer)))


if __name__ == "__main__":
    main()
