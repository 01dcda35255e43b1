"""Which stream is read below which: decided by the settings and the catalog, once."""

from __future__ import annotations

import typing as t

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from rest_tap.tree import Node, build_nodes, sdk_parent
from tap_organizers.incremental import EventIncrementalStream, IncrementalStream
from tap_organizers.streams.parents import AllEventsStream
from tap_organizers.streams.sales import OrderMoneyStream

if t.TYPE_CHECKING:
    from rest_tap.stream import ListStream
    from tap_organizers.scope import Scope

EVENTS, ORDERS, PAYMENTS, REFUNDS = "events", "orders", "order_payments", "order_refunds"


def build_tree(streams: t.Mapping[str, ListStream], dates: ListStream, scope: Scope) -> list[Node]:
    """Return the tree that a run reads.

    Lists of all events are read below the organizer; where events are named, below each of
    these, since they have the same lists. Payments and refunds are nested in the orders, or refunds
    in the orders that payments are read from, where one list serves both. Where they have a list of
    their own, they are companions of the orders: a run that reads all orders does not need that list.
    The seats of a series are below its dates.

    Args:
        streams: The streams of the catalog by name, in the order in which they are read beside each other.
        dates: The stream of dates that is read only to find what is below them.
        scope: What the settings choose.
    """
    money = _money_parents(streams)
    for stream in streams.values():
        if isinstance(stream, OrderMoneyStream):
            stream.nested_in = stream.part if stream.name in money else None

    def parents(stream: ListStream) -> tuple[str, ...]:
        if stream.name in money:
            return (money[stream.name],)
        if scope.events and isinstance(stream, AllEventsStream):
            return (EVENTS,)
        return (*sdk_parent(stream), dates.name) if stream.name == "seats" else sdk_parent(stream)

    roots = build_nodes([*sorted(streams.values(), key=_starts_over), dates], parents)
    for node in (node for root in roots for node in root.walk()):
        for orders in (child for child in node.children if child.stream.name == ORDERS):
            orders.companions = [child for child in node.children if isinstance(child.stream, OrderMoneyStream)]
    return roots


def _starts_over(stream: ListStream) -> bool:
    """Return whether a list that was cut short starts over in the next run.

    The others come first: however often runs are cut short, each gets further.
    """
    goes_on = isinstance(stream, IncrementalStream) and not isinstance(stream, EventIncrementalStream)
    return not goes_on or isinstance(stream, OrderMoneyStream)


def _money_parents(streams: t.Mapping[str, ListStream]) -> dict[str, str]:
    """Return the names of payments and refunds as far as they are nested, with the stream in whose rows they are."""
    payments, refunds = streams[PAYMENTS], streams[REFUNDS]
    parents = {
        money.name: ORDERS for money in (payments, refunds) if money.replication_method == REPLICATION_INCREMENTAL
    }
    if not parents and payments.selected:
        parents[REFUNDS] = PAYMENTS
    return parents
