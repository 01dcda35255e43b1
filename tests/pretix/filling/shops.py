"""Organizers and events, and what orders need to know of them."""

# mypy: ignore-errors
from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

from django.contrib.contenttypes.models import ContentType
from filling.invent import CITIES, PLUGINS, SHOWTIME, text
from filling.versions import SalesChannel, has
from pretix.base.models import (
    CheckinList,
    Customer,
    Device,
    Discount,
    Event,
    EventMetaProperty,
    Gate,
    GiftCard,
    Item,
    ItemVariation,
    LogEntry,
    MembershipType,
    Organizer,
    Question,
    QuestionOption,
    Quota,
    Seat,
    SeatingPlan,
    SubEvent,
    TaxRule,
    Team,
    TeamAPIToken,
    Voucher,
)

if TYPE_CHECKING:
    from i18nfield.strings import LazyI18nString


@dataclass
class Shop:
    """An organizer with what all its events share."""

    organizer: Organizer
    #: Sales channels by identifier; before 2024.8 pretix had but the identifiers.
    channels: dict[str, SalesChannel | str]
    customers: list[Customer] = field(default_factory=list)
    gift_cards: list[GiftCard] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    membership_types: list[MembershipType] = field(default_factory=list)
    meta_properties: list[EventMetaProperty] = field(default_factory=list)
    plans: list[SeatingPlan] = field(default_factory=list)
    order_numbers: Any = field(default_factory=lambda: count(1))


@dataclass
class Stock:
    """What an event sells, for orders to choose from."""

    shop: Shop
    event: Event
    ticket: Item
    special: Item
    variations: list[ItemVariation]
    addon: Item
    rules: list[TaxRule]
    questions: dict[str, Question] = field(default_factory=dict)
    options: list[QuestionOption] = field(default_factory=list)
    dates: list[SubEvent] = field(default_factory=list)
    seats: list[Seat] = field(default_factory=list)
    lists: list[CheckinList] = field(default_factory=list)
    vouchers: list[Voucher] = field(default_factory=list)
    discounts: list[Discount] = field(default_factory=list)


def make_shop(slug: str, name: str) -> Shop:
    organizer = Organizer.objects.create(slug=slug, name=name)
    if has(Organizer, "plugins"):
        organizer.set_active_plugins(["pretix.plugins.banktransfer", "pretix.plugins.sendmail"])
        organizer.save()
    if SalesChannel is None:
        return Shop(organizer, {"web": "web"})
    return Shop(organizer, {channel.identifier: channel for channel in organizer.sales_channels.all()})


def full_access(shop: Shop) -> str:
    team = Team.objects.create(
        organizer=shop.organizer,
        name="Readers of everything",
        all_events=True,
        all_event_permissions=True,
        all_organizer_permissions=True,
        **permissions_before(Team),
    )
    return TeamAPIToken.objects.create(team=team, name="tests").token


def permissions_before(model: type[Team], *names: str) -> dict[str, bool]:
    """Return these permissions, or all, in the words of pretix before 2026.3; nothing for later ones."""
    fields = [field.name for field in model._meta.get_fields() if field.name.startswith("can_")]
    return {name: True for name in fields if not names or name in names}


def make_event(shop: Shop, slug: str, name: LazyI18nString, **fields: Any) -> Event:
    fields = {
        "date_from": SHOWTIME,
        "currency": "EUR",
        "live": True,
        "plugins": ",".join(PLUGINS),
    } | fields
    return Event.objects.create(organizer=shop.organizer, slug=slug, name=name, **fields)


def bare_events(shop: Shop, number: int, prefix: str = "evening") -> list[Event]:
    """Events with nothing in them, made in one go."""
    return Event.objects.bulk_create(
        [
            Event(
                organizer=shop.organizer,
                slug=f"{prefix}-{index:04d}",
                name=text(f"Evening no. {index}", f"Abend Nr. {index}"),
                date_from=SHOWTIME + timedelta(days=index),
                date_to=None if index % 3 else SHOWTIME + timedelta(days=index, hours=3),
                currency=("EUR", "CHF", "PLN")[index % 3],
                live=index % 5 != 0,
                testmode=index % 7 == 0,
                plugins=",".join(PLUGINS[:3]),
                geo_lat=53.5 + index / 1000 if index % 2 else None,
                geo_lon=9.9 if index % 2 else None,
                location=text(random.choice(CITIES)) if index % 4 else None,
            )
            for index in range(1, number + 1)
        ]
    )


def tax_rules(event: Event, number: int) -> list[TaxRule]:
    """Tax rules of every kind; many of the same rate, as the API's order ends with the id then."""
    rates = [Decimal(rate) for rate in ("19", "7", "0", "8.125", "25")]
    others = event.tax_rules.exists()
    rules = []
    for index in range(number):
        custom = [
            {
                "country": "EU",
                "address_type": "business_vat_id",
                "action": "reverse",
                "rate": None,
                "code": "AE",
            }
        ]
        rules.append(
            TaxRule(
                event=event,
                name=text(f"VAT {index}", f"MwSt. {index}"),
                internal_name=f"Rule {index} · интерн" if index % 2 else None,
                rate=rates[index % len(rates)],
                code=("S/standard", "S/reduced", "Z", None, None)[index % 5],
                price_includes_tax=index % 4 != 3,
                eu_reverse_charge=index % 6 == 0,
                home_country="DE" if index % 3 else "",
                keep_gross_if_rate_changes=index % 7 == 0,
                custom_rules=json.dumps(custom) if index % 3 == 0 else None,
                default=index == 0 and not others,
            )
        )
    return TaxRule.objects.bulk_create(rules)


def logged(event: Event, *things: Any) -> None:
    """Log entries as an editor's clicks would leave them: without any, the API does not answer
    conditional requests.
    """
    LogEntry.objects.bulk_create(
        [
            LogEntry(
                content_type=ContentType.objects.get_for_model(type(thing)),
                object_id=thing.pk,
                event=event,
                organizer=event.organizer,
                action_type="pretix.event.changed",
            )
            for thing in things
        ]
    )


def small_stock(shop: Shop, event: Event) -> Stock:
    """Just enough for orders to be made."""
    rules = tax_rules(event, 2)
    items = [
        Item.objects.create(
            event=event,
            name=text(name),
            default_price=price,
            tax_rule=rules[0],
            admission=admission,
        )
        for name, price, admission in (
            ("Ticket", 23, True),
            ("Balcony", 42, True),
            ("Soup", 6, False),
        )
    ]
    variations = [
        ItemVariation.objects.create(item=items[1], value=text(value), default_price=price, position=position)
        for position, (value, price) in enumerate((("Left", 42), ("Right", None)))
    ]
    quota = Quota.objects.create(event=event, name="All", size=None)
    quota.items.set(items)
    quota.variations.set(variations)
    return Stock(shop, event, items[0], items[1], variations, items[2], rules)
