"""Reading ahead does not stop where the reader is."""

from __future__ import annotations

import threading
import typing as t

from rest_tap.transport import Transport
from sandbox import Sandbox, Scale
from tests.loading import read

if t.TYPE_CHECKING:
    import pytest

    from sandbox.web import Request


def test_lists_below_a_page_of_events_are_asked_for_ahead_to_its_end() -> None:
    arrived, changed = 0, threading.Condition()
    alone: list[int] = []

    def wait_for_others(request: Request, _box: Sandbox) -> None:
        """Hold each answer back until three more lists are asked for, or all are."""
        nonlocal arrived
        if not request.path.endswith("/taxrules/"):
            return
        with changed:
            arrived += 1
            place = arrived
            changed.notify_all()
            if not changed.wait_for(lambda: arrived >= min(place + 3, 100), timeout=20):
                alone.append(place)

    with Sandbox(scale=Scale(organizers=1, events=100, orders=0), cache=True) as box:
        box.on_request(wait_for_others)
        result = read(box, "tax_rules", max_concurrency=8)
    assert alone == []
    assert arrived >= 100
    assert len({row["event"] for row in result.records["tax_rules"]}) == 100


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
