"""Reading ahead does not stop where the reader is."""

from __future__ import annotations

from sandbox import Sandbox, Scale
from tests.loading import read


def test_lists_below_a_page_of_events_are_asked_for_ahead_to_its_end() -> None:
    with Sandbox(scale=Scale(organizers=1, events=100, orders=0), cache=True) as box:
        box.latency = 0.05
        read(box, "tax_rules", max_concurrency=8)
        lists = [request for request in box.log if request.path.endswith("/taxrules/")]
    began = min(request.time_started for request in lists)
    ended = max(request.time_finished for request in lists)
    at_once = sum(request.time_finished - request.time_started for request in lists) / (ended - began)
    assert len(lists) >= 100
    assert at_once > 3, "lists under way at a time, on the average"
