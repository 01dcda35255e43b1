"""One list is spoiled for ever, of each stream in turn: all others come whole, and the run says which did not."""

from __future__ import annotations

import dataclasses
import re
import typing as t

import msgspec
import pytest

from rest_tap.errors import ApiError
from sandbox import Fault, Sandbox, Scale
from tap_organizers.streams import STREAMS
from tap_organizers.tap import TapOrganizers
from tap_ticketing.client import TicketingStream
from tap_ticketing.tap import TapTicketing
from tests.conftest import discovered, only, organizers_config, run_tap
from tests.support.faults import waiting_costs_nothing
from tests.support.ticketing import settings

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_tap.stream import ListStream
    from rest_tap.tap import RestTap
    from sandbox.web import Request
    from tests.conftest import Json, Result

SCALE = Scale(organizers=2, events=3, tax_rules=3, orders=6, ticketing_events=3, attendees=4)
SPOILED: dict[str, Json] = {
    "500": {"status": 500},
    "malformed JSON": {"kind": "truncated_json"},
    "403": {"status": 403},
    "404": {"status": 404},
    "broken off": {"kind": "reset_mid_body"},
    "no answer": {"kind": "reset_before"},
}
ORGANIZERS = tuple(str(stream.name) for stream in STREAMS if not getattr(stream, "nested_in", None))  # type: ignore[misc]
TICKETING = ("events", "attendees", "tickets", "orders")
#: Streams whose records come with the list of another one, so that their own is asked for only where that fails.
BROUGHT = {"order_payments", "order_refunds"}
#: Streams that are tried each time; the others by `make test-slow`.
SOME = {"orders", "checkins", "tax_rules", "customers", "attendees"}

Rows = dict[str, list[bytes]]


@dataclasses.dataclass
class Shop:
    """A server, and what one tap reads of it."""

    box: Sandbox
    tap: type[RestTap]
    config: Json
    catalog: Json
    streams: dict[str, ListStream]
    asked: list[Request]
    truth: Rows

    def run(self) -> Result:
        return run_tap(self.config, self.catalog, tap=self.tap, may_fail=ApiError)

    def list_of(self, stream: str) -> tuple[Fault, dict[str, str]] | None:
        """Return what spoils the first list of a stream, and the keys of what that belongs to."""
        one = self.streams[stream]
        template = self.config[one.path_setting] if isinstance(one, TicketingStream) else one.path
        path = re.sub(r"\\?\{(\w+)\\?\}", r"(?P<\1>[^/]+)", re.escape(template))
        for request in (one for one in self.asked if one.status == 200):
            if place := re.search(f"{path}/?$", request.path):
                event = request.parameter("id") if self.tap is TapTicketing else None
                keys = {**place.groupdict(), **({"event_id": event} if event else {})}
                return Fault(re.escape(request.path) + "$", query=f"id={event}" if event else None, times=None), keys
        return None

    def below(self, stream: str) -> set[str]:
        """Return a stream and all whose lists or rows are below its rows."""
        found = {stream}
        if self.tap is TapOrganizers:
            # Payments and refunds are read from the path of orders, and so fail with them.
            found |= {name for name, one in self.streams.items() if one.path == self.streams[stream].path}
        for name, one in self.streams.items():
            above = one.parent_stream_type
            if above is not None and str(above.name) in found:  # type: ignore[misc]
                found |= self.below(name)
        return found


def rows(result: Result) -> Rows:
    return {
        stream: [msgspec.json.encode(row, order="sorted") for row in found] for stream, found in result.records.items()
    }


def shop(box: Sandbox, tap: type[RestTap], config: Json) -> Shop:
    catalog = discovered(config, tap)
    only(catalog, *(entry["tap_stream_id"] for entry in catalog["streams"]))
    streams = {name: t.cast("ListStream", one) for name, one in tap(config=config, catalog=catalog).streams.items()}
    box.clear_log()
    truth = run_tap(config, catalog, tap=tap)
    return Shop(box, tap, config, catalog, streams, list(box.log), rows(truth))


@pytest.fixture(scope="module")
def shops() -> Iterator[dict[str, Shop]]:
    with waiting_costs_nothing(), Sandbox(scale=SCALE) as box:
        oveit = {**settings(box, "partitioned", progress=False), "orders_path": "/crm/orders"}
        yield {
            "organizers": shop(box, TapOrganizers, organizers_config(box, progress=False)),
            "ticketing": shop(box, TapTicketing, oveit),
        }


@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize(
    ("tap", "stream"),
    [
        pytest.param(tap, stream, id=f"{tap} {stream}", marks=() if stream in SOME else pytest.mark.slow)
        for tap, streams in (("organizers", ORGANIZERS), ("ticketing", TICKETING))
        for stream in streams
    ],
)
def test_one_list_that_is_spoiled_for_ever_keeps_no_other_from_coming(
    tap: str, stream: str, how: str, shops: dict[str, Shop]
) -> None:
    it = shops[tap]
    found = it.list_of(stream)
    if found is None:
        assert stream in BROUGHT
        return
    fault, keys = found
    it.box.faults.add(dataclasses.replace(fault, **SPOILED[how]))
    try:
        result = it.run()
    finally:
        it.box.faults.clear()
    below, came = it.below(stream), rows(result)
    for name, truth in it.truth.items():
        there = set(came.get(name, ()))
        assert there <= set(truth), f"{name}: rows that are not there"
        missing = [msgspec.json.decode(row) for row in set(truth) - there]
        assert name in below or not missing, f"{name}: {len(missing)} rows are missing"
        for row in missing:
            assert all(str(row[key]) == value for key, value in keys.items() if key in row), (name, row)
    said = [*([str(result.error)] if result.error else []), *result.warnings()]
    # Refunds come with the list of payments, which is the one that is named then.
    named = "order_payments" if stream == "order_refunds" else stream
    assert any(re.match(rf"(\d+ lists could not be read: .*)?\b{named}\b", line) for line in said), said
    if how != "404":
        assert result.error is not None
