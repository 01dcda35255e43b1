"""Makes rows that their list's order does not tell apart: `ties.py --organizer harbour --event concert --rows 130`.

Run by pretix's interpreter. In each list that can have such rows, that many are made (copies of one that is
there) or changed, so that they have one and the same value in all that the list is ordered by. Prints, for each
stream, in how many rows that is so.
"""
# mypy: ignore-errors

from __future__ import annotations

import argparse
import json
import secrets
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from pretix.api.models import WebHook
from pretix.base.models import (
    Checkin,
    Customer,
    Event,
    GiftCard,
    GiftCardTransaction,
    ItemMetaProperty,
    Membership,
    Order,
    ReusableMedium,
    RevokedTicketSecret,
    SeatingPlan,
    SubEvent,
    TeamAPIToken,
    TeamInvite,
    Transaction,
)
from pretix.base.models.orders import BlockedTicketSecret
from pretix.plugins.badges.models import BadgeLayout
from pretix.plugins.ticketoutputpdf.models import TicketLayout

if TYPE_CHECKING:
    from django.db.models import QuerySet

AT = datetime(2026, 5, 5, 5, 5, 5, 123456, tzinfo=timezone.utc)


def unique() -> str:
    return secrets.token_hex(12)


def copies(rows: QuerySet, number: int, *unique_fields: str, **values: object) -> int:
    """Copy the first of some rows so many times, with other values where they have to be unique."""
    first = rows.order_by("pk").first()
    model, made = type(first), []
    for _ in range(number):
        row = model.objects.get(pk=first.pk) if hasattr(model, "objects") else model.all.get(pk=first.pk)
        row.pk = row.id = None
        for field in unique_fields:
            setattr(row, field, unique())
        for field, value in values.items():
            setattr(row, field, value)
        made.append(row)
    model.objects.bulk_create(made)
    if any(name in values for name in TIMES):
        # Set by themselves when rows are saved.
        stamps = {name: value for name, value in values.items() if name in TIMES}
        model.objects.filter(pk__in=[row.pk for row in made]).update(**stamps)
    return len(made)


TIMES = ("created", "updated", "datetime", "issuance", "last_modified")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--organizer", required=True)
    parser.add_argument("--event", required=True)
    parser.add_argument("--rows", type=int, default=130)
    options = parser.parse_args()
    number = options.rows
    event = Event.objects.get(slug=options.event, organizer__slug=options.organizer)
    organizer = event.organizer
    of_organizer, of_event = {"organizer": organizer}, {"event": event}
    card = GiftCard.objects.filter(issuer=organizer, transactions__isnull=False).order_by("pk").first()
    invited = TeamInvite.objects.filter(team__organizer=organizer).order_by("pk").first()
    series = SubEvent.objects.filter(event__organizer=organizer)
    found = {
        "seating_plans": copies(SeatingPlan.objects.filter(**of_organizer), number, name="hall"),
        "webhooks": copies(WebHook.objects.filter(**of_organizer), number),
        "team_api_tokens": copies(
            TeamAPIToken.objects.filter(team__organizer=organizer), number, "token", active=False, name="till"
        ),
        "team_invites": copies(TeamInvite.objects.filter(pk=invited.pk), number, "token"),
        "customers": copies(Customer.objects.filter(**of_organizer), number, "identifier", email=None),
        "memberships": copies(Membership.objects.filter(customer__organizer=organizer), number),
        "gift_cards": copies(GiftCard.objects.filter(issuer=organizer), number, "secret", issuance=AT),
        "gift_card_transactions": copies(
            GiftCardTransaction.objects.filter(card=card), number, value=0, datetime=AT, order=None
        ),
        "reusable_media": copies(
            ReusableMedium.objects.filter(**of_organizer), number, "identifier", updated=AT, created=AT
        ),
        "item_meta_properties": copies(ItemMetaProperty.objects.filter(**of_event), number, name="stage"),
        "ticket_layouts": copies(TicketLayout.objects.filter(**of_event), number, name="layout", default=False),
        "badge_layouts": copies(BadgeLayout.objects.filter(**of_event), number, name="layout", default=False),
        "subevents": copies(series, number, last_modified=AT),
        "transactions": copies(
            Transaction.objects.filter(order__event=event), number, created=AT, datetime=AT, count=0
        ),
        "checkins": copies(Checkin.all.filter(position__order__event=event), number, created=AT, datetime=AT),
        "revoked_ticket_secrets": copies(RevokedTicketSecret.objects.filter(**of_event), number, "secret", created=AT),
        "blocked_ticket_secrets": copies(BlockedTicketSecret.objects.filter(**of_event), number, "secret", updated=AT),
    }
    orders = Order.objects.filter(event__organizer=organizer).order_by("pk")
    chosen = list(orders.values_list("pk", flat=True)[:number])
    Order.objects.filter(pk__in=chosen).update(last_modified=AT, datetime=AT)
    found["orders"] = len(chosen)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
