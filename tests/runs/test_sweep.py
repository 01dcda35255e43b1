"""With `sweep_days`, everything is read from its beginning once in so many days, and what is settled only then."""

from __future__ import annotations

import collections
import datetime as dt
import json
import re
import typing as t

import pytest

from sandbox import Sandbox, Scale
from tap_ticketing.tap import TapTicketing
from tests.conftest import organizers_config, run_tap
from tests.support import loading, ticketing
from tests.support.warehouse import Warehouse, aged

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Json, Result

DAYS = 4
STREAMS = ("events", "tax_rules", "orders", "order_positions", "checkins", "vouchers", "customers")
PAST, OPEN = 9, 3


def box_of(past: int, still_open: int, orders: int = 60) -> Sandbox:
    """Return a server with events that ended long ago and events that have not."""
    events = past + still_open
    box = Sandbox(scale=Scale(organizers=1, events=events, tax_rules=2, orders=orders, ticketing_events=1, attendees=1))
    now = dt.datetime.now(dt.timezone.utc)
    for number, event in enumerate(box.organizers.organizers["riverside"].events.values()):
        date = now + dt.timedelta(days=-400 if number < past else 20)
        event.row |= {"has_subevents": False, "date_from": date.isoformat(), "date_to": None}
    return loading.settled(box)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with box_of(PAST, OPEN) as box:
        yield box


class Nights:
    """Runs one day after the other, and a loader that believes in versions."""

    def __init__(self, box: Sandbox, **settings: t.Any) -> None:
        self.box, self.settings = box, settings
        self.warehouse = Warehouse()
        self.state: Json | None = None

    def run(self, days: float = 1) -> Result:
        """Run so many days after the last run."""
        config = organizers_config(
            self.box, progress=False, sweep_days=DAYS, emit_activate_version_messages=True, **self.settings
        )
        self.box.clear_log()
        result = run_tap(config, loading.catalog(*STREAMS), aged(self.state, days) if self.state else None)
        self.warehouse.load(result.messages)
        self.state = result.states[-1]
        return result

    def events_read(self) -> set[str]:
        """Return the events whose lists the last run has asked for."""
        found = (re.search(r"/events/([^/]+)/taxrules/$", request.path) for request in self.box.requests())
        return {match[1] for match in found if match}


def events(box: Sandbox) -> list[str]:
    return list(box.organizers.organizers["riverside"].events)


def test_past_events_are_read_once_in_so_many_days_and_others_in_every_run(box: Sandbox) -> None:
    nights = Nights(box)
    nights.run()
    assert nights.events_read() == set(events(box))
    counts = collections.Counter[str]()
    for _ in range(2 * DAYS):
        nights.run()
        counts.update(nights.events_read())
    for number, event in enumerate(events(box)):
        # Two circles, and the seconds that the runs themselves take.
        assert counts[event] in ((2, 3) if number < PAST else (2 * DAYS,))


def test_an_event_that_ended_a_short_while_ago_is_read_in_every_run(box: Sandbox) -> None:
    nights = Nights(box, sweep_after_days=500)
    nights.run()
    nights.run(0)
    assert nights.events_read() == set(events(box))


def test_changes_that_no_filter_shows_arrive_within_the_days(box: Sandbox) -> None:
    nights = Nights(box)
    nights.run()
    order = box.organizers.organizers["riverside"].sales["orders"][0]
    box.organizers.change_order("riverside", order["code"], touch=False, comment="shredded")
    for _ in range(DAYS):
        nights.run()
    assert nights.warehouse.rows()["orders"]["riverside", order["code"]]["comment"] == "shredded"


def test_deleted_rows_go_when_the_sweep_has_gone_round_and_no_other_row_does(box: Sandbox) -> None:
    nights = Nights(box)
    nights.run()
    before = nights.warehouse.existing()
    path = f"/organizers/riverside/events/{events(box)[0]}/taxrules/"
    doomed = box.organizers.rows(path)[0]["id"]
    box.organizers.delete_row(path, doomed)
    box.organizers.delete_event("riverside", events(box)[1])
    code = box.organizers.organizers["riverside"].sales["orders"][0]["code"]
    box.organizers.delete_order("riverside", code)
    there = Warehouse().load(run_tap(organizers_config(box), loading.catalog(*STREAMS)).messages).existing()
    for day in range(2 * DAYS + 1):
        nights.run()
        left = nights.warehouse.existing()
        assert before & there <= left
        assert day >= DAYS - 1 or ("tax_rules", (doomed,)) in left
    assert left == there


@pytest.mark.usefixtures("no_waiting")
def test_a_run_that_fails_leaves_the_sweep_where_it_is(box: Sandbox) -> None:
    nights = Nights(box, on_error="skip")
    nights.run()
    kept = t.cast("Json", nights.state)["bookmarks"]["sweep"]
    box.organizers.deny("/vouchers/", 400)
    nights.run()
    failed = t.cast("Json", nights.state)["bookmarks"]["sweep"]
    assert failed["place"] == kept["place"]
    box.organizers.allow_all()
    nights.run()
    assert t.cast("Json", nights.state)["bookmarks"]["sweep"]["place"] > kept["place"]


def test_a_stream_that_is_selected_later_is_read_whole_at_once(box: Sandbox) -> None:
    config = organizers_config(box, sweep_days=DAYS, progress=False)
    first = run_tap(config, loading.catalog("events", "vouchers"))
    later = run_tap(config, loading.catalog("events", "vouchers", "tax_rules"), first.states[-1])
    assert {row["event"] for row in later.records["tax_rules"]} == set(events(box))
    assert len({row["event"] for row in later.records["vouchers"]}) < len(events(box))


def scan_at_every_event(box: Sandbox) -> None:
    """Let each event have had one check-in, and no more."""
    organizer = box.organizers.organizers["riverside"]
    template = organizer.sales["checkins"][0]
    organizer.sales["checkins"] = [
        {**template, "id": number, "_event": event} for number, event in enumerate(organizer.events)
    ]


def bookmarks_of_events(state: Json | None) -> set[str]:
    """Return the events of which a state keeps something."""
    kept = t.cast("Json", state)["bookmarks"]
    return {event for stream in kept.values() for event in stream.get("events", {}).get("riverside", {})}


def test_the_state_does_not_grow_with_past_events() -> None:
    sizes = []
    for more in (0, 40):
        with box_of(PAST + more, OPEN) as box:
            scan_at_every_event(box)
            nights = Nights(box)
            for _ in range(DAYS):
                nights.run()
                assert bookmarks_of_events(nights.state) == set(events(box)[-OPEN:])
        state = t.cast("Json", nights.state)
        assert state["bookmarks"]["sweep"].keys() == {"place", "at"}
        assert len(nights.warehouse.rows()["checkins"]) == PAST + more + OPEN
        # The names of the events that are still open have not the same length.
        state["bookmarks"]["checkins"]["events"]["riverside"] = {}
        sizes.append(len(json.dumps(state)))
    assert abs(sizes[0] - sizes[1]) < 10


def test_an_event_that_is_held_again_is_read_from_its_beginning(box: Sandbox) -> None:
    scan_at_every_event(box)
    nights = Nights(box)
    nights.run()
    organizer = box.organizers.organizers["riverside"]
    again = events(box)[0]
    organizer.sales["checkins"].append({**organizer.sales["checkins"][0], "id": 999})
    organizer.events[again].row["date_from"] = organizer.events[events(box)[-1]].row["date_from"]
    result = nights.run()
    came = {row["id"] for row in result.records["checkins"] if row["event"] == again}
    assert came == {0, 999}
    assert again in bookmarks_of_events(nights.state)


@pytest.mark.usefixtures("no_waiting")
def test_a_past_event_whose_list_failed_is_read_whole_by_the_next_run(box: Sandbox) -> None:
    scan_at_every_event(box)
    nights = Nights(box, on_error="skip")
    box.organizers.deny(f"/events/{events(box)[0]}/checkins/", 400)
    nights.run()
    assert len(nights.warehouse.rows()["checkins"]) == PAST + OPEN - 1
    box.organizers.allow_all()
    nights.run()
    assert len(nights.warehouse.rows()["checkins"]) == PAST + OPEN


def test_attendees_that_were_read_already_are_read_again(ticketing_nights: Sandbox) -> None:
    box = ticketing_nights
    config = ticketing.settings(box, sweep_days=DAYS, progress=False)
    state = run_tap(config, None, tap=TapTicketing).states[-1]
    came = []
    for _ in range(DAYS):
        result = run_tap(config, None, aged(state, 1), tap=TapTicketing)
        state = result.states[-1]
        came.append(len(result.records["attendees"]))
    assert sorted(came) == [*[0] * (DAYS - 1), len(box.ticketing.codes())]


@pytest.fixture
def ticketing_nights() -> Iterator[Sandbox]:
    with ticketing.ticketing_box() as box:
        yield box
