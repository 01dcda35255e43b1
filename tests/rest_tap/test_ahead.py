"""Reading ahead does not stop where the reader is."""

from __future__ import annotations

import threading
import typing as t

from sandbox import Sandbox, Scale
from tests.support.loading import read

if t.TYPE_CHECKING:
    from sandbox.web import Request


def test_lists_below_a_page_of_events_are_asked_for_ahead_to_its_end() -> None:
    arrived: set[str] = set()
    alone: list[str] = []
    changed = threading.Condition()

    def wait_for_others(request: Request, _box: Sandbox) -> None:
        """Hold each answer back until the list of the event after the next two is asked for."""
        if not request.path.endswith("/taxrules/"):
            return
        event = request.path.split("/")[-3]
        later = events[events.index(event) + 3 :][:1]
        with changed:
            arrived.add(event)
            changed.notify_all()
            if not changed.wait_for(lambda: arrived.issuperset(later), timeout=20):
                alone.append(event)

    with Sandbox(scale=Scale(organizers=1, events=100, orders=0), cache=True) as box:
        events = [row["slug"] for row in read(box, "events").records["events"]]
        box.on_request(wait_for_others)
        result = read(box, "tax_rules", max_concurrency=8)
    assert len(events) == 100
    assert alone == []
    assert {row["event"] for row in result.records["tax_rules"]} == arrived == set(events)
