"""Every list of the pretix-shaped API: its path, order, filters and permission.

A list is found by its path's words (`organizers`, `events`, `quotas`); what stands between them are
the keys of its parents.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

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
    #: Times that grow from row to row when a sample is multiplied.
    times: tuple[str, ...] = ()
    #: Fields that are sent only with this query parameter, or this permission (`a:b`).
    only_with: dict[str, str] = field(default_factory=dict)
    #: Sends X-Page-Generated.
    page_generated: bool = False
    #: First version of the server that has it; of those that were compared, and empty if all have it.
    since: str = ""

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
    *,
    unique: str = "",
    **facts: Any,
) -> List:
    """Return a list's facts from words in texts: `field` (equal), `field:bool`, `parameter>=field`."""
    return List(
        name,
        path,
        order=tuple(order.split()),
        allowed=tuple(allowed.split()),
        filters=tuple(
            Filter(parameter, comparison or kind or "text", other or parameter)
            for parameter, comparison, other, kind in _FILTER.findall(filters)
        ),
        unique=tuple(unique.split()),
        **facts,
    )


ORGANIZER = "/organizers/{organizer}"
EVENT = ORGANIZER + "/events/{event}"
ORDERS = "event.orders:read"
EVENT_SETTINGS = "event.settings.general:write"
GENERAL = "organizer.settings.general:write"
CUSTOMERS = "organizer.customers:read"
GIFT_CARDS = "organizer.giftcards:read"
TEAMS = "organizer.teams:write"
AVAILABILITY = {"best_availability_state": "with_availability_for"}
PDF = {"pdf_data": "pdf_data"}
QUOTA = {"available": "with_availability", "available_number": "with_availability"}
WRITERS = {"initialization_token": "organizer.devices:write"}

DATES = "is_past:bool is_future:bool ends_after date_from_after>=date_from date_from_before<date_from"
FLAGS = "is_public:bool live:bool testmode:bool has_subevents:bool "
CREATED = "created_since>=created created_before<created datetime_since>=datetime datetime_before<datetime "
POSITIONS = "order item:int variation:int subevent:int voucher:int attendee_name secret pseudonymization_id"
OF_ORDERS = (
    "modified_since>=last_modified created_since>=datetime created_before<datetime testmode:bool status code "
    "email locale customer sales_channel payment_provider require_approval:bool"
)
OF_TRANSACTIONS = CREATED + "event order item:int variation:int subevent:int tax_rule:int tax_code fee_type"
OF_CHECKINS = CREATED + "successful:bool error_reason list:int type gate:int device:int auto_checked_in:bool"
OF_MEDIA = "updated_since>=updated created_since>=created identifier type active:bool customer linked_giftcard:int"
OF_VOUCHERS = "code tag item:int variation:int quota:int subevent:int redeemed:int max_usages:int price_mode"
BY_ORDER = "order__code order__datetime positionid attendee_name "

# fmt: off
LISTS = (
    # Organizers, events and sales are generated.
    _list("organizers", "/organizers/", "slug", "name slug", key="slug"),
    _list("events", ORGANIZER + "/events/", "slug", "date_from slug", FLAGS + DATES,
          soft=True, key="slug", only_with=AVAILABILITY),
    _list("subevents", ORGANIZER + "/subevents/", "date_from -pk", "id date_from last_modified",
          "modified_since>=last_modified active:bool is_public:bool " + DATES,
          soft=True, only_with=AVAILABILITY, page_generated=True),
    _list("orders", ORGANIZER + "/orders/", "datetime -pk", "datetime code status last_modified cancellation_date",
          OF_ORDERS, permission=ORDERS, soft=True, key="code", times=("datetime", "last_modified"),
          page_generated=True, since="2023.8"),
    _list("order_positions", ORGANIZER + "/orderpositions/", "order__datetime positionid -pk",
          BY_ORDER + "order__status", POSITIONS, permission=ORDERS, soft=True, only_with=PDF),
    _list("order_payments", EVENT + "/orders/{order}/payments/", "local_id", permission=ORDERS, key="local_id"),
    _list("order_refunds", EVENT + "/orders/{order}/refunds/", "local_id", permission=ORDERS, key="local_id"),
    _list("transactions", ORGANIZER + "/transactions/", "datetime id", "datetime created id", OF_TRANSACTIONS,
          permission=ORDERS, soft=True, times=("created", "datetime"), since="2025.7"),
    _list("invoices", ORGANIZER + "/invoices/", "nr -pk", "nr date",
          "order number is_cancellation:bool refers locale", permission=ORDERS, soft=True, key="number"),
    _list("checkins", EVENT + "/checkins/", "created id", "created datetime id", OF_CHECKINS, permission=ORDERS,
          times=("created", "datetime"), since="2026.2"),
    _list("tax_rules", EVENT + "/taxrules/", "rate id"),

    # What follows comes from samples/.
    _list("revoked_ticket_secrets", EVENT + "/revokedsecrets/", "-created -pk", "created secret",
          "created_since>=created", permission=ORDERS, unique="secret", times=("created",)),
    _list("blocked_ticket_secrets", EVENT + "/blockedsecrets/", "-updated -pk", "id secret updated blocked",
          "updated_since>=updated blocked:bool", permission=ORDERS, unique="secret", times=("updated",)),

    _list("item_categories", EVENT + "/categories/", "position id", "id position", "is_addon:bool"),
    _list("items", EVENT + "/items/", "position id", "id position", "active:bool category:int admission:bool tax_rate"),
    _list("item_variations", EVENT + "/items/{item}/variations/", "id", "id position", "active:bool"),
    _list("item_addons", EVENT + "/items/{item}/addons/", "id", "id position"),
    _list("item_bundles", EVENT + "/items/{item}/bundles/", "id", "id"),
    _list("item_program_times", EVENT + "/items/{item}/program_times/", "id", "id", since="2026.2"),
    _list("item_meta_properties", EVENT + "/item_meta_properties/", "name"),
    _list("questions", EVENT + "/questions/", "position id", "id position", "required:bool identifier"),
    _list("question_options", EVENT + "/questions/{question}/options/", "position -pk", "id position"),
    _list("quotas", EVENT + "/quotas/", "id", "id size", "subevent:int", only_with=QUOTA),
    _list("discounts", EVENT + "/discounts/", "position id", "id position", "active:bool"),
    _list("vouchers", EVENT + "/vouchers/", "id", "id code max_usages valid_until value", OF_VOUCHERS,
          permission="event.vouchers:read", unique="code"),
    _list("waiting_list_entries", EVENT + "/waitinglistentries/", "created pk", "id created email item",
          "item:int variation:int email locale subevent:int", permission=ORDERS, unique="email", times=("created",)),
    _list("checkin_lists", EVENT + "/checkinlists/", "subevent__date_from name id", "subevent__date_from id name",
          "subevent:int", permission="event.orders:read or event.orders:checkin"),
    _list("checkin_list_positions", EVENT + "/checkinlists/{checkin_list}/positions/", "attendee_name_cached pk",
          BY_ORDER + "last_checked_in order__email", POSITIONS, permission=ORDERS, only_with=PDF),
    _list("cart_positions", EVENT + "/cartpositions/", "datetime -pk", "datetime cart_id",
          permission=ORDERS, unique="cart_id"),
    _list("seats", EVENT + "/seats/", "sorting_rank seat_guid", "", "blocked:bool seat_guid zone_name",
          unique="seat_guid", since="2024.8"),

    _list("customers", ORGANIZER + "/customers/", "email", "", "email",
          permission=CUSTOMERS, key="identifier", unique="identifier email"),
    _list("memberships", ORGANIZER + "/memberships/", "-date_end -date_start membership_type", "",
          "customer membership_type:int testmode:bool", permission=CUSTOMERS),
    _list("membership_types", ORGANIZER + "/membershiptypes/", permission=GENERAL),
    _list("gift_cards", ORGANIZER + "/giftcards/", "issuance", "", "testmode:bool secret",
          permission=GIFT_CARDS, unique="secret"),
    _list("gift_card_transactions", ORGANIZER + "/giftcards/{gift_card}/transactions/", "datetime",
          permission=GIFT_CARDS),
    _list("reusable_media", ORGANIZER + "/reusablemedia/", "-updated -id", "created updated identifier type id",
          OF_MEDIA, permission="organizer.reusablemedia:read", unique="identifier", times=("updated",),
          page_generated=True),

    _list("sales_channels", ORGANIZER + "/saleschannels/", "position type identifier id", "", "type identifier",
          permission=GENERAL, key="identifier", unique="identifier", since="2024.8"),
    _list("seating_plans", ORGANIZER + "/seatingplans/", "name"),
    _list("event_meta_properties", ORGANIZER + "/event_meta_properties/", "position name", unique="name",
          since="2026.8"),
    _list("teams", ORGANIZER + "/teams/", "pk", permission=TEAMS),
    _list("team_members", ORGANIZER + "/teams/{team}/members/", "email", permission=TEAMS, unique="email"),
    _list("team_invites", ORGANIZER + "/teams/{team}/invites/", "email", permission=TEAMS, unique="email"),
    _list("team_api_tokens", ORGANIZER + "/teams/{team}/tokens/", "name", permission=TEAMS),
    _list("devices", ORGANIZER + "/devices/", "pk", permission="organizer.devices:read", key="device_id",
          unique="unique_serial", only_with=WRITERS),
    _list("webhooks", ORGANIZER + "/webhooks/", "id", "", "enabled:bool", permission=GENERAL),

    _list("organizer_settings", ORGANIZER + "/settings/", shape="object"),
    _list("event_settings", EVENT + "/settings/", shape="object"),
    _list("organizer_exporters", ORGANIZER + "/exporters/", "pk", shape="unpaged", key="identifier", soft=True),
    _list("event_exporters", EVENT + "/exporters/", "pk", shape="unpaged", key="identifier", soft=True),
    _list("organizer_scheduled_exports", ORGANIZER + "/scheduled_exports/", "id",
          "id export_identifier schedule_next_run", permission=GENERAL, since="2024.8"),
    _list("event_scheduled_exports", EVENT + "/scheduled_exports/", "id",
          "id export_identifier schedule_next_run", permission=EVENT_SETTINGS, since="2024.8"),
    _list("data_shredders", EVENT + "/shredders/", "pk",
          shape="unpaged", key="identifier", permission="event.orders:write"),
    _list("ticket_layouts", EVENT + "/ticketlayouts/", "name"),
    _list("ticket_layout_items", EVENT + "/ticketlayoutitems/"),
    _list("badge_layouts", EVENT + "/badgelayouts/", "name"),
    _list("badge_items", EVENT + "/badgeitems/"),
    _list("sendmail_rules", EVENT + "/sendmail_rules/", "id", "id",
          "enabled:bool send_to all_products:bool date_is_absolute:bool id:int", permission=EVENT_SETTINGS),
    _list("auto_checkin_rules", EVENT + "/auto_checkin_rules/", "id", "id", permission=EVENT_SETTINGS),
    _list("bank_import_jobs", ORGANIZER + "/bankimportjobs/", "id", "", "state event", permission=ORDERS),
)
# fmt: on

BY_NAME = {found.name: found for found in LISTS}

#: The same list below one event, or a date, in place of the organizer's.
ALSO = {
    **{
        EVENT + f"/{BY_NAME[name].words[-1]}/": name
        for name in ("orders", "subevents", "order_positions", "transactions", "invoices")
    },
    EVENT + "/subevents/{subevent}/seats/": "seats",
}

#: Words of a path → the list, and the names of the keys in the path.
ROUTES = {
    **{words(found.path)[0]: (found, found.parents) for found in LISTS},
    **{words(path)[0]: (BY_NAME[name], tuple(re.findall(r"\{(\w+)\}", path))) for path, name in ALSO.items()},
}


def find(path: str) -> tuple[List, dict[str, str], str | None] | None:
    """Return the list that a path names, its parents' keys, and the row's key if the path goes on.

    None for a path that the server does not have.
    """
    named, keys = words(path)
    if named not in ROUTES:
        return None
    facts, parents = ROUTES[named]
    values = [unquote(key) for key in keys]
    if len(values) not in {len(parents), len(parents) + 1}:
        return None
    single = values[len(parents)] if len(values) > len(parents) else None
    return facts, dict(zip(parents, values, strict=False)), single


def find_list(path: str) -> tuple[List, dict[str, str]]:
    """Return the list that a path names, and its parents' keys."""
    found = find(path)
    if found is None or found[2] is not None:
        raise ValueError(f"no list {path}")
    return found[0], found[1]


def fill(path: str, keys: dict[str, str]) -> str:
    """Return a path with its parents' keys filled in."""
    return path.format(**{name: quote(key, safe="") for name, key in keys.items()})


def canonical(path: str) -> str:
    """Return the one spelling of a path, however it was percent-encoded."""
    return "/".join(quote(unquote(part), safe="") for part in path.split("/"))
