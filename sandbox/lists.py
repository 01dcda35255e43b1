"""Every list of the pretix-shaped API: path, order, filters, permission; one line of facts each.

A list is found by its path's words (`organizers`, `events`, `quotas`); what stands between them are the keys of its parents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FILTER = re.compile(r"(\w+)(?:(>=|<)(\w+)|:(bool|int))?")


@dataclass(frozen=True)
class Filter:
    """A query parameter that leaves rows out: `kind` is `>=`, `<`, `bool`, `int` or `text`."""

    parameter: str
    kind: str
    field: str


@dataclass(frozen=True)
class List:
    """What the server knows about a list."""

    name: str
    path: str
    #: Fields of the default order, `-` for descending; `pk` where rows do not show their key.
    order: tuple[str, ...] = ("id",)
    #: What `ordering=` takes.
    allowed: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    permission: str | None = None
    #: Without the permission: an empty list in place of 403.
    soft: bool = False
    #: `paginated`, `unpaged` (the same envelope, never a second page) or `object`.
    shape: str = "paginated"
    key: str = "id"
    #: Fields that differ from row to row when a sample is multiplied.
    unique: tuple[str, ...] = ()
    #: A time that grows from row to row when a sample is multiplied.
    time: str | None = None
    #: Fields that are sent only if this query parameter is given.
    only_with: dict[str, str] = field(default_factory=dict)
    #: Sends X-Page-Generated.
    page_generated: bool = False

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the parents in the path."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @property
    def words(self) -> tuple[str, ...]:
        """The path without the parents' keys."""
        return words(self.path)[0]


def words(path: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split a path into its words and the keys between them."""
    parts = tuple(path.strip("/").split("/"))
    return parts[0::2], parts[1::2]


def _list(
    name: str,
    path: str,
    order: str = "id",
    allowed: str = "",
    filters: str = "",
    permission: str | None = None,
    *,
    soft: bool = False,
    shape: str = "paginated",
    key: str = "id",
    unique: str = "",
    time: str | None = None,
    only_with: dict[str, str] | None = None,
    page_generated: bool = False,
) -> List:
    found = [
        Filter(parameter, comparison or kind or "text", other or parameter)
        for parameter, comparison, other, kind in _FILTER.findall(filters)
    ]
    return List(
        name,
        path,
        tuple(order.split()),
        tuple(allowed.split()),
        tuple(found),
        permission,
        soft,
        shape,
        key,
        tuple(unique.split()),
        time,
        only_with or {},
        page_generated,
    )


ORGANIZER = "/organizers/{organizer}"
EVENT = ORGANIZER + "/events/{event}"
ORDERS = "event.orders:read"
GENERAL = "organizer.settings.general:write"
CUSTOMERS = "organizer.customers:read"
TEAMS = "organizer.teams:write"
AVAILABILITY = {"best_availability_state": "with_availability_for"}
PDF = {"pdf_data": "pdf_data"}
DATES = "is_past:bool is_future:bool ends_after date_from_after>=date_from date_from_before<date_from"
POSITIONS = "order item:int variation:int subevent:int voucher:int attendee_name secret pseudonymization_id"

LISTS = (
    # organizers, events, sales: generated
    _list("organizers", "/organizers/", "slug", "name slug", key="slug"),
    _list(
        "events",
        ORGANIZER + "/events/",
        "slug",
        "date_from slug",
        "is_public:bool live:bool testmode:bool has_subevents:bool " + DATES,
        soft=True,
        key="slug",
        only_with=AVAILABILITY,
    ),
    _list(
        "subevents",
        ORGANIZER + "/subevents/",
        "date_from -pk",
        "id date_from last_modified",
        "modified_since>=last_modified active:bool is_public:bool " + DATES,
        soft=True,
        only_with=AVAILABILITY,
        page_generated=True,
    ),
    _list(
        "orders",
        ORGANIZER + "/orders/",
        "datetime -pk",
        "datetime code status last_modified cancellation_date",
        "modified_since>=last_modified created_since>=datetime created_before<datetime testmode:bool status code email "
        "locale customer sales_channel payment_provider require_approval:bool",
        ORDERS,
        soft=True,
        key="code",
        page_generated=True,
    ),
    _list(
        "order_positions",
        ORGANIZER + "/orderpositions/",
        "order__datetime positionid -pk",
        "order__code order__datetime positionid attendee_name order__status",
        POSITIONS,
        ORDERS,
        soft=True,
        only_with=PDF,
    ),
    _list("order_payments", EVENT + "/orders/{order}/payments/", "local_id", permission=ORDERS, key="local_id"),
    _list("order_refunds", EVENT + "/orders/{order}/refunds/", "local_id", permission=ORDERS, key="local_id"),
    _list(
        "transactions",
        ORGANIZER + "/transactions/",
        "datetime id",
        "datetime created id",
        "created_since>=created created_before<created datetime_since>=datetime datetime_before<datetime "
        "event order item:int variation:int subevent:int tax_rule:int tax_code fee_type",
        ORDERS,
        soft=True,
    ),
    _list(
        "invoices",
        ORGANIZER + "/invoices/",
        "nr -pk",
        "nr date",
        "order number is_cancellation:bool refers locale",
        ORDERS,
        soft=True,
        key="number",
    ),
    _list(
        "checkins",
        EVENT + "/checkins/",
        "created id",
        "created datetime id",
        "created_since>=created created_before<created datetime_since>=datetime datetime_before<datetime "
        "successful:bool error_reason list:int type gate:int device:int auto_checked_in:bool",
        ORDERS,
    ),
    _list("tax_rules", EVENT + "/taxrules/", "rate id"),
    # all that follows comes from samples/
    _list(
        "revoked_ticket_secrets",
        EVENT + "/revokedsecrets/",
        "-created -pk",
        "created secret",
        "created_since>=created",
        ORDERS,
        unique="secret",
        time="created",
    ),
    _list(
        "blocked_ticket_secrets",
        EVENT + "/blockedsecrets/",
        "-updated -pk",
        "id secret updated blocked",
        "updated_since>=updated blocked:bool",
        ORDERS,
        unique="secret",
        time="updated",
    ),
    _list("item_categories", EVENT + "/categories/", "position id", "id position", "is_addon:bool"),
    _list("items", EVENT + "/items/", "position id", "id position", "active:bool category:int admission:bool tax_rate"),
    _list("item_variations", EVENT + "/items/{item}/variations/", "id", "id position", "active:bool"),
    _list("item_addons", EVENT + "/items/{item}/addons/", "id", "id position"),
    _list("item_bundles", EVENT + "/items/{item}/bundles/", "id", "id"),
    _list("item_program_times", EVENT + "/items/{item}/program_times/", "id", "id"),
    _list("item_meta_properties", EVENT + "/item_meta_properties/", "name"),
    _list("questions", EVENT + "/questions/", "position id", "id position", "required:bool identifier"),
    _list("question_options", EVENT + "/questions/{question}/options/", "position -pk", "id position"),
    _list(
        "quotas",
        EVENT + "/quotas/",
        "id",
        "id size",
        "subevent:int",
        only_with={"available": "with_availability", "available_number": "with_availability"},
    ),
    _list("discounts", EVENT + "/discounts/", "position id", "id position", "active:bool"),
    _list(
        "vouchers",
        EVENT + "/vouchers/",
        "id",
        "id code max_usages valid_until value",
        "code tag item:int variation:int quota:int subevent:int redeemed:int max_usages:int price_mode",
        "event.vouchers:read",
        unique="code",
    ),
    _list(
        "waiting_list_entries",
        EVENT + "/waitinglistentries/",
        "created pk",
        "id created email item",
        "item:int variation:int email locale subevent:int",
        ORDERS,
        unique="email",
        time="created",
    ),
    _list(
        "checkin_lists",
        EVENT + "/checkinlists/",
        "subevent__date_from name id",
        "subevent__date_from id name",
        "subevent:int",
        "event.orders:read or event.orders:checkin",
    ),
    _list(
        "checkin_list_positions",
        EVENT + "/checkinlists/{checkin_list}/positions/",
        "attendee_name pk",
        "order__code order__datetime positionid attendee_name last_checked_in order__email",
        POSITIONS,
        ORDERS,
        only_with=PDF,
    ),
    _list("cart_positions", EVENT + "/cartpositions/", "datetime -pk", "datetime cart_id", "", ORDERS, unique="cart_id"),
    _list("seats", EVENT + "/seats/", "sorting_rank seat_guid", "", "blocked:bool seat_guid zone_name", unique="seat_guid"),
    _list(
        "customers", ORGANIZER + "/customers/", "email", "", "email", CUSTOMERS, key="identifier", unique="identifier email"
    ),
    _list(
        "memberships",
        ORGANIZER + "/memberships/",
        "-date_end -date_start membership_type",
        "",
        "customer membership_type:int testmode:bool",
        CUSTOMERS,
    ),
    _list("membership_types", ORGANIZER + "/membershiptypes/", permission=GENERAL),
    _list(
        "gift_cards",
        ORGANIZER + "/giftcards/",
        "issuance",
        "",
        "testmode:bool secret",
        "organizer.giftcards:read",
        unique="secret",
    ),
    _list(
        "gift_card_transactions",
        ORGANIZER + "/giftcards/{gift_card}/transactions/",
        "datetime",
        permission="organizer.giftcards:read",
    ),
    _list(
        "reusable_media",
        ORGANIZER + "/reusablemedia/",
        "-updated -id",
        "created updated identifier type id",
        "updated_since>=updated created_since>=created identifier type active:bool customer linked_giftcard:int",
        "organizer.reusablemedia:read",
        unique="identifier",
        time="updated",
        page_generated=True,
    ),
    _list(
        "sales_channels",
        ORGANIZER + "/saleschannels/",
        "position type identifier",
        "",
        "type identifier",
        GENERAL,
        key="identifier",
        unique="identifier",
    ),
    _list("seating_plans", ORGANIZER + "/seatingplans/", "name"),
    _list("teams", ORGANIZER + "/teams/", "pk", permission=TEAMS),
    _list("team_members", ORGANIZER + "/teams/{team}/members/", "email", permission=TEAMS, unique="email"),
    _list("team_invites", ORGANIZER + "/teams/{team}/invites/", "email", permission=TEAMS, unique="email"),
    _list("team_api_tokens", ORGANIZER + "/teams/{team}/tokens/", "name", permission=TEAMS),
    _list(
        "devices",
        ORGANIZER + "/devices/",
        "pk",
        permission="organizer.devices:read",
        key="device_id",
        unique="unique_serial",
        only_with={"initialization_token": "sandbox_writer"},
    ),
    _list("webhooks", ORGANIZER + "/webhooks/", "id", "", "enabled:bool", GENERAL),
    _list("event_meta_properties", ORGANIZER + "/event_meta_properties/", "position name", unique="name"),
    _list("organizer_settings", ORGANIZER + "/settings/", shape="object"),
    _list("event_settings", EVENT + "/settings/", shape="object"),
    _list("organizer_exporters", ORGANIZER + "/exporters/", "pk", shape="unpaged", key="identifier", soft=True),
    _list("event_exporters", EVENT + "/exporters/", "pk", shape="unpaged", key="identifier", soft=True),
    _list(
        "organizer_scheduled_exports",
        ORGANIZER + "/scheduled_exports/",
        "id",
        "id export_identifier schedule_next_run",
        permission=GENERAL,
    ),
    _list(
        "event_scheduled_exports",
        EVENT + "/scheduled_exports/",
        "id",
        "id export_identifier schedule_next_run",
        permission="event.settings.general:write",
    ),
    _list("data_shredders", EVENT + "/shredders/", "pk", permission="event.orders:write", shape="unpaged", key="identifier"),
    _list("ticket_layouts", EVENT + "/ticketlayouts/", "name"),
    _list("ticket_layout_items", EVENT + "/ticketlayoutitems/"),
    _list("badge_layouts", EVENT + "/badgelayouts/", "name"),
    _list("badge_items", EVENT + "/badgeitems/"),
    _list(
        "sendmail_rules",
        EVENT + "/sendmail_rules/",
        "id",
        "id",
        "enabled:bool send_to all_products:bool date_is_absolute:bool id:int",
        "event.settings.general:write",
    ),
    _list("auto_checkin_rules", EVENT + "/auto_checkin_rules/", "id", "id", permission="event.settings.general:write"),
    _list("bank_import_jobs", ORGANIZER + "/bankimportjobs/", "id", "", "state event", ORDERS),
)

BY_NAME = {found.name: found for found in LISTS}

#: The same list below one event, or a date, in place of the organizer's.
ALSO = {
    **{EVENT + f"/{BY_NAME[name].words[-1]}/": name for name in (
        "orders", "subevents", "order_positions", "transactions", "invoices"
    )},
    EVENT + "/subevents/{subevent}/seats/": "seats",
}

#: Words of a path → the list, and the names of the keys in the path.
ROUTES = {
    **{words(found.path)[0]: (found, found.parents) for found in LISTS},
    **{words(path)[0]: (BY_NAME[name], tuple(re.findall(r"\{(\w+)\}", path))) for path, name in ALSO.items()},
}
