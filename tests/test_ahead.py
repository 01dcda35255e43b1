"""Reading ahead does not stop where the reader is."""

from __future__ import annotations

import threading
import typing as t

from rest_tap.transport import Transport
from sandbox import Sandbox, Scale
from tests.loading import read

if t.TYPE_CHECKING:
    import pytest


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


def test_pages_that_tell_of_no_further_request_wait_undecoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[str, str, bool]] = []
    understand = Transport.understand

    def note(self: Transport, request: t.Any, received: t.Any) -> t.Any:
        is_reader = threading.current_thread() is threading.main_thread()
        decoded.append((request.path, request.params.get("page", ""), is_reader))
        return understand(self, request, received)

    monkeypatch.setattr(Transport, "understand", note)
    with Sandbox(scale=Scale(organizers=1, events=1, tax_rules=400, orders=0), cache=True) as box:
        read(box, "tax_rules", max_concurrency=8)
    pages = {page: is_reader for path, page, is_reader in decoded if path.endswith("/taxrules")}
    assert pages == {"1": False, **dict.fromkeys("234567", True), "8": False}
