"""Every list of the pretix-shaped API: its path, order, filters and permission.

Those whose rows are generated stand here; each of the others is described by the file in `samples/` that has its rows.

A list is found by its path's words (`organizers`, `events`, `quotas`); what stands between them are
the keys of its parents.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

#: Where the samples are: `<stream>.json` each.
SAMPLES = Path(__file__).parent / "samples"
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
    times: str = "",
    **facts: Any,
) -> List:
    """Return a list's facts from words in texts; a filter is `field` (equal), `field:bool` or `parameter>=field`."""
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
        times=tuple(times.split()),
        **facts,
    )


ORGANIZER = "/organizers/{organizer}"
EVENT = ORGANIZER + "/events/{event}"
ORDERS = "event.orders:read"
AVAILABILITY = {"best_availability_state": "with_availability_for"}
PDF = {"pdf_data": "pdf_data"}

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
BY_ORDER = "order__code order__datetime positionid attendee_name "

# fmt: off
GENERATED = (
    _list("organizers", "/organizers/", "slug", "name slug", key="slug"),
    _list("events", ORGANIZER + "/events/", "slug", "date_from slug", FLAGS + DATES,
          soft=True, key="slug", only_with=AVAILABILITY),
    _list("subevents", ORGANIZER + "/subevents/", "date_from -pk", "id date_from last_modified",
          "modified_since>=last_modified active:bool is_public:bool " + DATES,
          soft=True, only_with=AVAILABILITY, page_generated=True),
    _list("orders", ORGANIZER + "/orders/", "datetime -pk", "datetime code status last_modified cancellation_date",
          OF_ORDERS, permission=ORDERS, soft=True, key="code", times="datetime last_modified",
          page_generated=True, since="2023.8"),
    _list("order_positions", ORGANIZER + "/orderpositions/", "order__datetime positionid -pk",
          BY_ORDER + "order__status", POSITIONS, permission=ORDERS, soft=True, only_with=PDF),
    _list("order_payments", EVENT + "/orders/{order}/payments/", "local_id", permission=ORDERS, key="local_id"),
    _list("order_refunds", EVENT + "/orders/{order}/refunds/", "local_id", permission=ORDERS, key="local_id"),
    _list("transactions", ORGANIZER + "/transactions/", "datetime id", "datetime created id", OF_TRANSACTIONS,
          permission=ORDERS, soft=True, times="created datetime", since="2025.7"),
    _list("invoices", ORGANIZER + "/invoices/", "nr -pk", "nr date",
          "order number is_cancellation:bool refers locale", permission=ORDERS, soft=True, key="number",
          since="2023.8"),
    _list("checkins", EVENT + "/checkins/", "created id", "created datetime id", OF_CHECKINS, permission=ORDERS,
          times="created datetime", since="2025.10"),
    _list("tax_rules", EVENT + "/taxrules/", "rate id"),
    _list("checkin_list_positions", EVENT + "/checkinlists/{checkin_list}/positions/", "attendee_name_cached pk",
          BY_ORDER + "last_checked_in order__email", POSITIONS, permission=ORDERS, only_with=PDF),
)
# fmt: on


def _of_sample(file: Path) -> List:
    """Return what a sample says of its list: its path, and whatever is not as most lists have it."""
    described = json.loads(file.read_text(encoding="utf-8"))
    try:
        del described["rows"]
        return _list(file.stem, described.pop("path") + "/", **described)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{file.name}: {error}; see sandbox/samples.py for what a sample holds") from error


LISTS = (*GENERATED, *map(_of_sample, sorted(SAMPLES.glob("*.json"))))

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
