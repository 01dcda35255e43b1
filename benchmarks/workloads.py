"""What is read: sizes, delays, and by whom."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.data import Scale

#: What is cut out of orders, as it is selected by default.
PARTS = ("order_positions", "order_answers", "order_fees", "order_payments", "order_refunds")
ORGANIZERS = ("organizers", "events", "tax_rules")
#: Readers of this project and the floors, with which everything is compared.
OURS = ("floor", "floor-8", "tap")
OTHERS = ("sdk", "dlt", "dlt-8", "airbyte", "airbyte-8")
CAREFUL = ("tap-map", "tap-nested")


@dataclass(frozen=True)
class Workload:
    """One list of lists, and who reads it."""

    key: str
    title: str
    scale: Scale
    streams: tuple[str, ...]
    readers: tuple[str, ...]
    kind: str = "organizers"
    latency_ms: float = 0


def _below_events(events: int, readers: tuple[str, ...]) -> Workload:
    return Workload(
        f"W4-{events}",
        f"{events:,} events with one tax rule each, no latency",
        Scale(events=events, tax_rules=1),
        ORGANIZERS,
        readers,
    )


def _delayed(latency_ms: int, events: int, readers: tuple[str, ...]) -> Workload:
    return Workload(
        f"W2-{latency_ms}",
        f"{events} events with 3 tax rules each, {latency_ms} ms an answer",
        Scale(events=events, tax_rules=3),
        ORGANIZERS,
        readers,
        latency_ms=latency_ms,
    )


def _orders(orders: int, tax_rules: int, readers: tuple[str, ...]) -> Workload:
    return Workload(
        "W1",
        f"{orders:,} orders of 3 kB and {tax_rules:,} tax rules, no latency",
        Scale(events=1, tax_rules=tax_rules, orders=orders),
        (*ORGANIZERS, "orders"),
        readers,
    )


def _parts(orders: int) -> Workload:
    return Workload(
        "W5",
        f"{orders:,} orders of 3 kB and all that is cut out of them, no latency",
        Scale(events=1, orders=orders),
        ("organizers", "events", "orders", *PARTS),
        ("floor", "tap"),
    )


def _attendees(count: int, readers: tuple[str, ...]) -> Workload:
    return Workload(
        "W3",
        f"{count:,} attendees by cursor, no latency",
        Scale(events=0, attendees=count),
        ("attendees",),
        readers,
        kind="ticketing",
    )


WORKLOADS = (
    _orders(20_000, 1_950, (*OURS, *CAREFUL, *OTHERS)),
    _delayed(20, 500, (*OURS, *OTHERS)),
    # One after the other this takes a hundred seconds for anybody.
    _delayed(200, 500, ("floor-8", "tap", "dlt-8", "airbyte-8")),
    _attendees(100_000, ("floor", "tap", "sdk", "dlt", "airbyte", "airbyte-8")),
    _below_events(500, (*OURS, *OTHERS)),
    _below_events(1_000, (*OURS, *OTHERS)),
    _below_events(2_000, (*OURS, *OTHERS)),
    # The template's tap takes time that grows with the square of the events.
    _below_events(5_000, (*OURS, "dlt-8", "airbyte-8")),
    # The others have no such streams.
    _parts(20_000),
)

QUICK = (
    _orders(2_000, 190, (*OURS, *CAREFUL)),
    _delayed(20, 100, OURS),
    _attendees(10_000, ("floor", "tap")),
    _below_events(400, OURS),
    _below_events(2_000, OURS),
    _parts(2_000),
)


def read_by(workload: Workload, wanted: tuple[str, ...]) -> Workload:
    """Return the workload with other readers, behind its first one, which tells what is right."""
    first = workload.readers[0]
    return replace(workload, readers=(first, *(name for name in wanted if name != first)))
