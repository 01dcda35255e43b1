"""State is small, and so is all STATE together."""

from __future__ import annotations

import json
import typing as t

import pytest

from sandbox import Sandbox, Scale
from tests.conftest import run_tap
from tests.support.loading import INCREMENTAL, catalog, read, settings, settled

if t.TYPE_CHECKING:
    from tests.conftest import Result


def sizes(result: Result) -> tuple[int, int]:
    """Return the bytes of all RECORD and of all STATE messages."""
    lines = result.output.splitlines(keepends=True)
    found = [
        sum(len(line) for line in lines if line.startswith(b'{"type":"%s"' % kind)) for kind in (b"RECORD", b"STATE")
    ]
    return found[0], found[1]


def test_the_state_of_500_events_is_less_than_20_kilobytes() -> None:
    scale = Scale(organizers=1, events=500, tax_rules=1, orders=60, ticketing_events=1, attendees=1)
    with Sandbox(scale=scale) as box:
        settled(box)
        organizer = box.organizers.organizers["riverside"]
        template = organizer.sales["checkins"][0]
        organizer.sales["checkins"] = [
            {**template, "id": number, "_event": event} for number, event in enumerate(organizer.events)
        ]
        chosen = [stream for stream in INCREMENTAL if not stream.endswith("secrets")]
        result = run_tap(settings(box), catalog(*chosen))
    assert len(result.records["checkins"]) == 500
    assert len(json.dumps(result.states[-1])) < 20_000


def test_full_tables_leave_nothing_in_the_state() -> None:
    scale = Scale(organizers=2, events=4, tax_rules=1, orders=60, ticketing_events=1, attendees=1)
    with Sandbox(scale=scale) as box:
        result = run_tap(settings(box, on_denied="skip"))
    assert set(result.states[-1]["bookmarks"]) <= set(INCREMENTAL)


@pytest.mark.parametrize("orders", [1000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_all_state_is_less_than_a_fiftieth_of_the_records(orders: int) -> None:
    many = {"orders": orders} if orders >= 10_000 else {}
    scale = Scale(organizers=1, events=8, tax_rules=1, orders=1000, rows=many, ticketing_events=1, attendees=1)
    with Sandbox(scale=scale) as box:
        # The fewer requests are ahead, the sooner a page of a first load is certain, and the more states there are.
        result = read(box, "orders", "order_positions", "order_answers", "order_fees", max_concurrency=1)
    records, states = sizes(result)
    assert len(result.records["orders"]) >= orders * 0.6
    assert 5 < len(result.states) < orders / 10
    assert states < records / 50
