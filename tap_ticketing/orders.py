"""Orders, and what is nested in them: what was bought, the tickets, the invoices.

What Oveit documents of this list (https://l.oveit.com/api-documentation/advanced_data) are its parameters and
one order: not how many rows make a page, in which order they come, or what stands past the last page.
"""

from __future__ import annotations

import typing as t

from rest_tap.paging import Paginator, UncountedPages
from rest_tap.schema import ABSENT, Array, Boolean, DateTime, Integer, Json, Record, String, fields
from tap_ticketing.client import TicketingStream

if t.TYPE_CHECKING:
    from rest_tap.paging import Page
    from rest_tap.stream import Context

Config = t.Mapping[str, t.Any]

#: What can be asked for beside each order.
INCLUDES = (
    "invoices",
    "tickets",
    "customer_form",
    "registration_form",
    "event",
    "ticket_type",
    "addons",
    "wallet_credit",
    "customer",
    "items",
)
#: What the nested streams in this module need.
DEFAULT_INCLUDES = ("items", "tickets", "invoices")

ITEM = fields(
    name=String("What was bought."),
    quantity=String("How many of it, as text."),
)


def included(config: Config) -> tuple[str, ...]:
    """Return what the settings ask for beside each order, each once."""
    return tuple(dict.fromkeys(config.get("orders_include", DEFAULT_INCLUDES)))


class Orders(TicketingStream):
    """A completed order of any event. Read only with ``orders_path``; Oveit has it in its paid plans.

    The API tells no count. So that no row is lost that moves while the list is read, it is read twice
    in each run, the second time from its end.
    """

    name = "orders"
    path_setting = "orders_path"
    records_key = "data"
    may_be_denied = True
    primary_keys = ("id",)
    properties = fields(
        id=String("Order; attendees have it as order_id."),
        uuid=String("Public identifier of the order."),
        date=DateTime("Time of the order."),
        date_formatted=String("The same as a text, in the time zone of the seller."),
        language=String("Language of the buyer."),
        currency=String("Currency, e.g. EUR."),
        payment_processor=String("How it was paid; null where nothing was to pay."),
        status=String("State of the order, e.g. Completed."),
        is_canceled=Boolean("Whether it was canceled."),
        pending_reason=String("Why it is not completed."),
        email=String("E-mail address of the buyer.", personal=True),
        items=Array(ITEM, "What was bought, with `items` in orders_include."),
        tickets=Array(
            Json,
            "Tickets, with `tickets` in orders_include; registration_form, event, ticket_type, addons and "
            "wallet_credit are about each of them.",
        ),
        invoices=Array(Json, "Invoices, with `invoices` in orders_include."),
        customer=Json("The buyer, with `customer` in orders_include."),
        customer_form=Json("What the buyer answered, with `customer_form` in orders_include."),
    )

    @classmethod
    def is_offered(cls, config: Config) -> bool:
        """Return whether the settings name the list."""
        return bool(config.get("orders_path"))

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:  # noqa: ARG002
        """Return the only context of the list, for one of the shards."""
        return (context,) if self.scope.owns(self.name) else ()

    def list_params(self, context: Context) -> dict[str, str]:  # noqa: ARG002
        """Return what is asked for beside each order."""
        names = included(self.config)
        return {"include": ",".join(names)} if names else {}

    def paginator(self, context: Context) -> Paginator:
        """Return a paginator for numbered pages that go on until one has no rows."""
        return UncountedPages("p", self.list_params(context), keys=self.identity, records_key=self.records_key)

    def read(self, body: t.Any) -> Page:
        """Return the rows of a decoded answer; null in their place is a page without any.

        Raises:
            BrokenAnswer: It is not what the contract says.
        """
        if not isinstance(body, dict) or body.get(self.records_key, ()) is not None:
            return super().read(body)
        page = super().read({**body, self.records_key: []})
        page.envelope = body
        return page


#: The keys of what is nested in an order.
PART_KEYS = fields(
    order_id=String("Order."),
    position=Integer("Place in the order, from 0."),
)


class OrderPartStream(TicketingStream):
    """What stands in a list inside an order. It costs no request.

    Attributes:
        column: The column that has a part as it came.
    """

    parent_stream_type = Orders
    nested_in: str = ""
    column: str = ""
    primary_keys = ("order_id", "position")

    @classmethod
    def is_offered(cls, config: Config) -> bool:
        """Return whether orders are read, and with this."""
        return Orders.is_offered(config) and cls.nested_in in included(config)

    def rows(self, row: Record, context: Context) -> t.Iterable[Record]:  # noqa: ARG002
        """Return a record for each part; if they did not come, one that says so."""
        if self.nested_in not in row:
            yield {ABSENT: None}
            return
        for position, part in enumerate(_listed(row[self.nested_in])):
            yield {**self.columns(part), "order_id": row.get("id"), "position": position}

    def columns(self, part: t.Any) -> Record:
        """Return a part as columns, without the keys."""
        return {self.column: part}


class OrderItems(OrderPartStream):
    """Something that was bought with an order. Comes along with orders, without a request."""

    name = "order_items"
    nested_in = "items"
    properties = fields(**PART_KEYS, **ITEM)

    def columns(self, part: t.Any) -> Record:
        """Return the fields of an item; one that has the name of a key is renamed."""
        item = part if isinstance(part, dict) else {"item": part}
        return {f"item_{name}" if name in self.own_keys else name: value for name, value in item.items()}


class OrderTickets(OrderPartStream):
    """A ticket of an order. Comes along with orders that are asked for with `tickets`."""

    name = "order_tickets"
    nested_in = "tickets"
    column = "ticket"
    properties = fields(
        **PART_KEYS,
        ticket=Json("The ticket as the API sent it, which fields it has is not documented."),
    )


class OrderInvoices(OrderPartStream):
    """An invoice of an order. Comes along with orders that are asked for with `invoices`."""

    name = "order_invoices"
    nested_in = "invoices"
    column = "invoice"
    properties = fields(
        **PART_KEYS,
        invoice=Json("The invoice as the API sent it, which fields it has is not documented."),
    )


ORDER_STREAMS: tuple[type[TicketingStream], ...] = (Orders, OrderItems, OrderTickets, OrderInvoices)


def _listed(parts: t.Any) -> list[t.Any]:
    """Return parts as a list; some servers send a list as an object with numbers for names, or one part alone."""
    if isinstance(parts, dict):
        is_numbered = all(name.isdecimal() for name in parts)
        return list(parts.values()) if is_numbered else [parts]
    return parts if isinstance(parts, list) else [parts] if parts else []
