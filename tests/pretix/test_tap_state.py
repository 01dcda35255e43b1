"""How large the state gets. On the stand-in API: a real pretix takes an hour to serve as much."""

from __future__ import annotations

import json

import pytest

from sandbox import Sandbox, Scale
from tests.conftest import organizers_config
from tests.pretix.reading import read

#: Incremental by organizer, and by event.
GROWING = ("orders", "order_positions", "order_answers", "order_fees", "transactions", "subevents", "reusable_media")
#: (Check-ins are the third; the stand-in has them in few events only.)
BY_EVENT = ("revoked_ticket_secrets", "blocked_ticket_secrets")


def sizes(output: bytes) -> dict[str, int]:
    """Return the bytes of all messages of each type."""
    found = {"STATE": 0, "RECORD": 0}
    for line in output.splitlines(keepends=True):
        for kind in found:
            if line.startswith(f'{{"type":"{kind}"'.encode()):
                found[kind] += len(line)
    return found


def test_all_states_of_a_load_of_20000_orders_are_less_than_a_fiftieth_of_its_records() -> None:
    with Sandbox(scale=Scale(events=10, tax_rules=1, orders=20_000, attendees=1)) as box:
        result = read(organizers_config(box), *GROWING)
    assert len(result.records["orders"]) == 20_000
    found = sizes(result.output)
    print(f"{len(result.states)} states, {found}, the last one {len(json.dumps(result.states[-1]))} bytes")
    # There are many: a run that is killed is to repeat little.
    assert len(result.states) > 100
    assert found["STATE"] < found["RECORD"] / 50


@pytest.mark.parametrize(
    ("streams", "most"),
    [
        pytest.param(BY_EVENT[:1], 20_000, id="one kind of list by event, as selected by default"),
        pytest.param(BY_EVENT, 40_000, id="two kinds"),
    ],
)
def test_the_state_of_500_events_that_all_have_rows_stays_small(streams: tuple[str, ...], most: int) -> None:
    scale = Scale(organizers=1, events=500, tax_rules=1, orders=600, attendees=1, rows=dict.fromkeys(streams, 2))
    with Sandbox(scale=scale) as box:
        result = read(organizers_config(box), *GROWING, *streams)
        again = read(organizers_config(box), *GROWING, *streams, state=result.states[-1])
    last = result.states[-1]
    places = [place for by in last["bookmarks"][streams[0]]["events"].values() for place in by]
    size = len(json.dumps(last))
    print(f"{size} bytes for {len(places)} events and {len(streams)} streams")
    assert len(places) == 500
    assert size < most
    assert len(json.dumps((again.states or [last])[-1])) < most
