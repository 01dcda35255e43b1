"""Prints what the API ought to list, straight from the database: `truth.py --organizer a --stream x`.

Run by pretix's interpreter; without arguments for every organizer and every stream. The answer maps
each stream to its `primary_key` and its `rows`. A row has the keys of all its parents and of itself,
and for the streams that are about money and dates also the values, written as a tap writes them:
decimals as the API does, times in UTC. A version of pretix that lacks a field or a whole table leaves
out just that.

Nothing here goes through the API's views or serializers, whose faults it would share.
"""
# mypy: ignore-errors

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from decimal import Decimal
from importlib import import_module
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import Model, Q, QuerySet
from filling.versions import (
    AutoCheckinRule,
    BlockedTicketSecret,
    ItemProgramTime,
    ReusableMedium,
    SalesChannel,
)
from i18nfield.strings import LazyI18nString
from pretix.api.models import WebHook
from pretix.base.models import (
    CartPosition,
    Checkin,
    CheckinList,
    Customer,
    Device,
    Discount,
    Event,
    EventMetaProperty,
    GiftCard,
    GiftCardTransaction,
    Invoice,
    Item,
    ItemAddOn,
    ItemBundle,
    ItemCategory,
    ItemMetaProperty,
    ItemVariation,
    Membership,
    MembershipType,
    Order,
    OrderFee,
    OrderPayment,
    OrderPosition,
    OrderRefund,
    Organizer,
    Question,
    QuestionAnswer,
    QuestionOption,
    Quota,
    RevokedTicketSecret,
    Seat,
    SeatingPlan,
    SubEvent,
    TaxRule,
    Team,
    TeamAPIToken,
    TeamInvite,
    Transaction,
    Voucher,
    WaitingListEntry,
)
from pretix.base.models.exports import ScheduledEventExport, ScheduledOrganizerExport
from pretix.base.signals import register_data_exporters, register_multievent_data_exporters
from pretix.plugins.badges.models import BadgeItem, BadgeLayout
from pretix.plugins.banktransfer.models import BankImportJob
from pretix.plugins.sendmail.models import Rule
from pretix.plugins.ticketoutputpdf.models import TicketLayout, TicketLayoutItem

Row = dict[str, Any]
#: A stream's primary key, and a function from organizers to rows.
Stream = tuple[tuple[str, ...], Callable[[list[Organizer]], Iterable[Row]]]


#: Columns with four places, of which the API shows two where that is all they need.
RATES = {"rate", "tax_rate"}


def plain(value: Any) -> Any:
    """Write a value of the database as a tap would."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, LazyI18nString):
        return {"en": value.data} if isinstance(value.data, str) else value.data
    return value


def rate(value: Decimal) -> str:
    """Write a tax rate: two places, or four when two do not do."""
    short = value.quantize(Decimal("0.01"))
    return str(short if short == value else value.quantize(Decimal("0.0001")))


def query(model: type[Model] | None, organizer: str, key: str, only: Q | None = None, **fields: str) -> Stream | None:
    """Rows of a table, of which `organizer` is the way to the organizer and `fields` to the values.

    None if this version does not have the table.
    """
    if model is None:
        return None
    manager = getattr(model, "all", None) or model.objects
    if not hasattr(manager, "filter"):
        manager = model.objects

    def rows(organizers: list[Organizer]) -> Iterator[Row]:
        found = manager.filter(**{f"{organizer}__in": organizers}).order_by("pk")
        if only is not None:
            found = found.filter(only)
        columns = {"organizer": f"{organizer}__slug", **fields}
        columns = {name: way for name, way in columns.items() if leads_on(found, way)}
        for values in found.values_list(*columns.values()):
            row = dict(zip(columns, map(plain, values), strict=True))
            for name in RATES.intersection(row):
                row[name] = rate(Decimal(row[name]))
            yield row

    return tuple(key.split()), rows


def leads_on(found: QuerySet, way: str) -> bool:
    """Return whether this version has what a way through the tables leads to."""
    try:
        found.values_list(way)
    except FieldError:
        return False
    return True


def of_organizer(model: type[Model], **fields: str) -> Stream:
    return query(model, "organizer", "id", id="pk", **fields)


def of_event(model: type[Model], only: Q | None = None, **fields: str) -> Stream:
    return query(model, "event__organizer", "id", only, event="event__slug", id="pk", **fields)


def of_item(model: type[Model], item: str, only: Q | None = None) -> Stream:
    event = f"{item}__event"
    return query(model, f"{event}__organizer", "id", only, event=f"{event}__slug", item=item, id="pk")


def of_order(model: type[Model], key: str, **fields: str) -> Stream:
    event = "order__event"
    return query(model, f"{event}__organizer", key, event=f"{event}__slug", order="order__code", **fields)


def of_team(model: type[Model]) -> Stream:
    return query(model, "team__organizer", "id", team="team", id="pk")


def organizers(chosen: list[Organizer]) -> Iterator[Row]:
    for row in chosen:
        yield {"slug": row.slug, "name": row.name}


def organizer_settings(chosen: list[Organizer]) -> Iterator[Row]:
    for row in chosen:
        yield {"organizer": row.slug}


def events_of(chosen: list[Organizer]) -> Iterable[Event]:
    return Event.objects.filter(organizer__in=chosen).select_related("organizer").order_by("pk")


def event_settings(chosen: list[Organizer]) -> Iterator[Row]:
    for event in events_of(chosen):
        yield {"organizer": event.organizer.slug, "event": event.slug}


def event_exporters(chosen: list[Organizer]) -> Iterator[Row]:
    for event in events_of(chosen):
        for _, exporter in register_data_exporters.send(event):
            yield {"organizer": event.organizer.slug, "event": event.slug, "identifier": exporter.identifier}


def organizer_exporters(chosen: list[Organizer]) -> Iterator[Row]:
    for row in chosen:
        for _, exporter in register_multievent_data_exporters.send(row):
            yield {"organizer": row.slug, "identifier": exporter.identifier}


def data_shredders(chosen: list[Organizer]) -> Iterator[Row]:
    # Shredders make themselves known when their module is imported, which the web server does.
    import_module("pretix.base.shredder")
    for event in events_of(chosen):
        for identifier in event.get_data_shredders():
            yield {"organizer": event.organizer.slug, "event": event.slug, "identifier": identifier}


def team_members(chosen: list[Organizer]) -> Iterator[Row]:
    for team in Team.objects.filter(organizer__in=chosen).select_related("organizer"):
        for pk in team.members.values_list("pk", flat=True):
            yield {"organizer": team.organizer.slug, "team": team.pk, "id": pk}


def checkin_list_positions(chosen: list[Organizer]) -> Iterator[Row]:
    """Positions that may enter: which depends on the list, and on the state of the order."""
    may_enter_unpaid = Q(order__valid_if_pending=True)
    if not leads_on(OrderPosition.objects.all(), "order__valid_if_pending"):
        may_enter_unpaid = Q(pk__in=())
    for entrance in CheckinList.objects.filter(event__organizer__in=chosen):
        entitled = Q(order__status="p")
        entitled |= Q(order__status="n") & (Q() if entrance.include_pending else may_enter_unpaid)
        positions = OrderPosition.objects.filter(entitled, order__event=entrance.event)
        if entrance.subevent_id:
            positions = positions.filter(subevent=entrance.subevent)
        if not entrance.all_products:
            positions = positions.filter(item__in=entrance.limit_products.all())
        for pk in positions.values_list("pk", flat=True):
            yield {
                "organizer": entrance.event.organizer.slug,
                "event": entrance.event.slug,
                "checkin_list": entrance.pk,
                "id": pk,
            }


def same(*names: str) -> dict[str, str]:
    """Fields that the API calls as the database does."""
    return {name: name for name in names}


ONE_EVENT = Q(event__has_subevents=False)

STREAMS: dict[str, Stream | None] = {
    "organizers": (("slug",), organizers),
    "organizer_settings": (("organizer",), organizer_settings),
    "events": query(
        Event,
        "organizer",
        "organizer slug",
        **same("slug", "name", "live", "testmode", "currency", "date_from", "date_to"),
        **same("date_admission", "is_public", "presale_start", "presale_end", "location"),
        **same("geo_lat", "geo_lon", "has_subevents", "all_sales_channels"),
    ),
    "event_settings": (("organizer", "event"), event_settings),
    "subevents": of_event(SubEvent, **same("name", "date_from", "date_to", "last_modified")),
    "orders": query(
        Order,
        "event__organizer",
        "organizer code",
        event="event__slug",
        customer="customer__identifier",
        sales_channel="sales_channel__identifier",
        **same("code", "status", "testmode", "email", "locale", "datetime", "expires", "total"),
        **same("comment", "last_modified", "cancellation_date", "require_approval"),
        **same("valid_if_pending", "secret", "tax_rounding_mode"),
    ),
    "order_positions": of_order(
        OrderPosition,
        "id",
        id="pk",
        attendee_name="attendee_name_cached",
        **same("positionid", "item", "variation", "subevent", "price", "tax_rate", "tax_value"),
        **same("tax_rule", "tax_code", "canceled", "secret", "addon_to", "voucher", "seat"),
        **same("attendee_email", "valid_from", "valid_until", "pseudonymization_id", "discount"),
    ),
    # One row for each answer; the API has them inside positions only.
    "order_answers": query(
        QuestionAnswer,
        "orderposition__order__event__organizer",
        "position question",
        event="orderposition__order__event__slug",
        order="orderposition__order__code",
        position="orderposition",
        question_identifier="question__identifier",
        **same("question"),
    ),
    "order_fees": of_order(
        OrderFee,
        "id",
        id="pk",
        **same("fee_type", "value", "description", "internal_type", "tax_rate", "tax_value"),
        **same("tax_rule", "tax_code", "canceled"),
    ),
    "order_payments": of_order(
        OrderPayment,
        "organizer order local_id",
        **same("local_id", "state", "amount", "created", "payment_date", "provider"),
    ),
    "order_refunds": of_order(
        OrderRefund,
        "organizer order local_id",
        payment="payment__local_id",
        **same("local_id", "state", "source", "amount", "created", "execution_date", "comment"),
        **same("provider"),
    ),
    "transactions": of_order(
        Transaction,
        "id",
        id="pk",
        **same("created", "datetime", "positionid", "count", "item", "variation", "subevent"),
        **same("price", "tax_rate", "tax_rule", "tax_code", "tax_value", "fee_type"),
        **same("internal_type"),
    ),
    "invoices": query(
        Invoice,
        "event__organizer",
        "organizer number",
        event="event__slug",
        number="full_invoice_no",
        order="order__code",
        **same("is_cancellation"),
    ),
    "checkins": query(
        Checkin,
        "list__event__organizer",
        "id",
        event="list__event__slug",
        id="pk",
        **same("successful", "datetime", "created", "type", "list", "position"),
    ),
    "revoked_ticket_secrets": of_event(RevokedTicketSecret),
    "blocked_ticket_secrets": of_event(BlockedTicketSecret),
    "customers": query(Customer, "organizer", "organizer identifier", **same("identifier")),
    "memberships": query(Membership, "customer__organizer", "id", id="pk"),
    "membership_types": of_organizer(MembershipType),
    "gift_cards": query(GiftCard, "issuer", "id", id="pk"),
    "gift_card_transactions": query(
        GiftCardTransaction, "card__issuer", "id", gift_card="card", id="pk", **same("value")
    ),
    "reusable_media": of_organizer(ReusableMedium),
    "sales_channels": query(SalesChannel, "organizer", "organizer identifier", **same("identifier")),
    "seating_plans": of_organizer(SeatingPlan),
    "teams": of_organizer(Team),
    "team_members": (("organizer", "team", "id"), team_members),
    "team_invites": of_team(TeamInvite),
    "team_api_tokens": of_team(TeamAPIToken),
    "devices": query(Device, "organizer", "organizer device_id", **same("device_id")),
    "webhooks": of_organizer(WebHook),
    "event_meta_properties": of_organizer(EventMetaProperty),
    "organizer_exporters": (("organizer", "identifier"), organizer_exporters),
    "organizer_scheduled_exports": of_organizer(ScheduledOrganizerExport),
    "bank_import_jobs": of_organizer(BankImportJob),
    "tax_rules": of_event(
        TaxRule,
        **same("name", "internal_name", "rate", "code", "price_includes_tax", "eu_reverse_charge"),
        **same("home_country", "keep_gross_if_rate_changes", "default"),
    ),
    "item_categories": of_event(ItemCategory),
    "items": of_event(Item),
    "item_variations": of_item(ItemVariation, "item"),
    "item_addons": of_item(ItemAddOn, "base_item"),
    "item_bundles": of_item(ItemBundle, "base_item"),
    # Of an event series the API lists none, and answers 400.
    "item_program_times": of_item(ItemProgramTime, "item", Q(item__event__has_subevents=False)),
    "item_meta_properties": of_event(ItemMetaProperty),
    # Of both kinds; the API lists those asked for each position unless `container_type=O` is sent.
    "questions": of_event(Question, **same("container_type")),
    "question_options": query(
        QuestionOption,
        "question__event__organizer",
        "id",
        event="question__event__slug",
        question="question",
        id="pk",
    ),
    "quotas": of_event(Quota),
    "discounts": of_event(Discount),
    "vouchers": of_event(Voucher),
    "waiting_list_entries": of_event(WaitingListEntry),
    "checkin_lists": of_event(CheckinList),
    "checkin_list_positions": (("checkin_list", "id"), checkin_list_positions),
    "cart_positions": of_event(CartPosition, Q(cart_id__endswith="@api")),
    "seats": of_event(Seat, ONE_EVENT | Q(subevent__isnull=False), **same("subevent", "seat_guid")),
    "event_exporters": (("organizer", "event", "identifier"), event_exporters),
    "event_scheduled_exports": of_event(ScheduledEventExport),
    "data_shredders": (("organizer", "event", "identifier"), data_shredders),
    "ticket_layouts": of_event(TicketLayout),
    # Those of no product are listed inside their layouts only.
    "ticket_layout_items": query(TicketLayoutItem, "item__event__organizer", "id", event="item__event__slug", id="pk"),
    "badge_layouts": of_event(BadgeLayout),
    "badge_items": query(BadgeItem, "item__event__organizer", "id", event="item__event__slug", id="pk"),
    "sendmail_rules": of_event(Rule),
    "auto_checkin_rules": of_event(AutoCheckinRule),
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--organizer", action="append", help="slug; may be repeated; default: all")
    parser.add_argument("--stream", action="append", choices=STREAMS, metavar="NAME")
    options = parser.parse_args()
    chosen = Organizer.objects.order_by("slug")
    if options.organizer:
        chosen = chosen.filter(slug__in=options.organizer)
    chosen = list(chosen)
    answer = {}
    for name in options.stream or STREAMS:
        if STREAMS[name] is None:
            continue
        key, rows = STREAMS[name]
        answer[name] = {"primary_key": key, "rows": list(rows(chosen))}
    print(json.dumps(answer, default=str))


if __name__ == "__main__":
    main()
