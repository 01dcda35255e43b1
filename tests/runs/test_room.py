"""Pages that came ahead and are not needed any more hold up no others."""

from __future__ import annotations

import functools
import json
import threading
import time
import typing as t
from urllib.parse import parse_qs, urlsplit

from rest_tap import budget, http
from rest_tap.errors import ListsFailed
from tests.conftest import discovered, only, run_tap
from tests.support.raw import Connection, raw_server

if t.TYPE_CHECKING:
    import pytest

EVENTS, PAGES = 12, 10


def answer(connection: Connection) -> None:
    """Answer as an API whose lists of tax rules break off after their first page, while all others are on their way."""
    url = urlsplit(connection.target)
    number = int(parse_qs(url.query).get("page", ["1"])[0])
    count = 1
    if url.path.endswith("/taxrules"):
        count = 50 * PAGES
        rows: t.Any = [{"id": 50 * number + at, "name": {"en": "x" * 500}} for at in range(50)]
        if number == 2:
            time.sleep(0.1)
            rows = None
    elif url.path.endswith("/events"):
        count = EVENTS
        rows = [{"slug": f"e{at}", "name": {"en": "x"}, "timezone": "UTC"} for at in range(EVENTS)]
    else:
        rows = [{"slug": "a", "name": "A"}]
    more = f"http://api.example{url.path}?page={number + 1}" if number * 50 < count else None
    connection.reply(json.dumps({"count": count, "next": more, "previous": None, "results": rows}).encode())


def test_lists_that_break_off_with_pages_ahead_do_not_hold_up_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "FREE", 0)
    monkeypatch.setattr(http, "Budget", functools.partial(budget.Budget, limit=60_000))  # two pages
    stop = threading.Event()

    def watch(tap: t.Any) -> None:
        """End a run that hangs."""
        threading.Thread(target=lambda: stop.wait(60) or tap.http.stop(), daemon=True).start()

    with raw_server(answer) as server:
        config = {"api_url": f"{server.url}/v1", "api_token": "token-of-a-test", "max_concurrency": 4}
        result = run_tap(config, only(discovered(config), "tax_rules"), fails=ListsFailed, prepare=watch)
        stop.set()
    assert len(result.records["tax_rules"]) == 50 * EVENTS
    assert f"{EVENTS} lists could not be read" in str(result.error)
