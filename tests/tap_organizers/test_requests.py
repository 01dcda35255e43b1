"""Each stream takes the requests that its chapter of the reference says, as counted on the sandbox's log."""

from __future__ import annotations

import math
import typing as t

import pytest

from sandbox import Sandbox, Scale
from sandbox.lists import BY_NAME, fill, find
from tap_organizers.tap import TapOrganizers
from tests.conftest import discovered, kept_signals, only, organizers_config, run_tap
from tests.support import truth
from tools.requests import COSTS, kind
from tools.streams import streams

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Json

with kept_signals():
    BY_STREAM = {stream.name: stream for stream in streams(TapOrganizers)}
#: Two pages of some list of most kinds.
LONG = ("customers", "reusable_media", "quotas", "questions", "checkin_lists", "gift_card_transactions", "item_addons")
SCALE = Scale(organizers=2, events=5, tax_rules=51, orders=160, rows=dict.fromkeys(LONG, 51))
#: What the log calls a list that is read for a stream.
CALLED = {"order_payments": "orders", "order_refunds": "orders"}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(scale=SCALE) as box:
        yield box


def lengths(box: Sandbox, name: str) -> Iterator[tuple[dict[str, str], int]]:
    """Yield the parents' keys of each list of a stream, and how many rows it has."""
    facts = BY_NAME[name]
    for keys in truth.contexts(box, facts):
        yield keys, len(box.organizers.list_rows(facts, keys, fill(facts.path, keys)))


def pages(rows: int) -> int:
    return max(1, math.ceil(rows / 50))


def seats(box: Sandbox) -> int:
    """Return the requests for seats: of events and dates with a plan, and of dates to find these."""
    found = 0
    for keys in truth.contexts(box, BY_NAME["events"]):
        organizer = box.organizers.organizers[keys["organizer"]]
        for event in organizer.events.values():
            if event.row["has_subevents"]:
                dates = [date for date in organizer.sales["subevents"] if date["event"] == event.row["slug"]]
                found += pages(len(dates)) + sum(date["seating_plan"] is not None for date in dates)
            else:
                found += event.row["seating_plan"] is not None
    return found


def expected(box: Sandbox, name: str) -> tuple[int, int]:
    """Return how many requests a stream's own lists take at least, and at most."""
    what, called = kind(BY_STREAM[name]), CALLED.get(name, name)
    if what == "none":
        return 0, 0
    if what == "seats":
        return seats(box), seats(box)
    if what == "told":
        field = name.removeprefix("item_")
        series = {
            (keys["organizer"], keys["event"])
            for keys in truth.contexts(box, BY_NAME["items"])
            if box.organizers.organizers[keys["organizer"]].events[keys["event"]].row["has_subevents"]
        }
        told = [
            keys
            for keys, item in truth.rows(box, "items")
            if item[field] and not (name == "item_program_times" and (keys["organizer"], keys["event"]) in series)
        ]
        return len(told), len(told)
    each = [pages(rows) for _, rows in lengths(box, called)]
    if what == "questions":
        # The rows of samples are asked for each position but for one.
        each = []
        for keys in truth.contexts(box, BY_NAME["questions"]):
            ways = [row.get("_container_type", "P") for row in box.organizers.rows(fill(BY_NAME[name].path, keys))]
            each += [pages(ways.count("P")), pages(ways.count("O"))]
    # A chain of pages that overlap by a row; and a first load has a stretch at each of its ends.
    more = {"changes": 1, "creation": 3, "sweep": 3}.get(what, 0)
    if what == "changes":
        each = [max(1, math.ceil(rows / 49)) for _, rows in lengths(box, called)]
    return sum(each), sum(each) + more * len(each)


def own(box: Sandbox, name: str) -> int:
    """Return how many pages of a stream's own lists were asked for; ``page_size=1`` asks for something else."""
    names = {CALLED.get(name, name)} | ({"subevents"} if name == "seats" else set())
    found = 0
    for request in box.log:
        path = request.path.removeprefix("/api/v1")
        there = find(path)
        is_page = request.status == 200 and request.parameter("page_size") != "1"
        found += is_page and there is not None and there[0].name in names
    return found


NO_FILTER = "the list is read whole again: write its since_parameter into 'filters' of sandbox/samples/{}.json"


@pytest.mark.parametrize("name", BY_STREAM)
def test_a_stream_takes_the_requests_that_its_chapter_says(name: str, box: Sandbox) -> None:
    config = organizers_config(box)
    catalog: Json = only(discovered(config), name)
    box.clear_log()
    first = run_tap(config, catalog)
    least, most = expected(box, name)
    assert first.records[name]
    assert least <= own(box, name) <= most
    box.clear_log()
    run_tap(config, catalog, first.states[-1] if first.states else None)
    again = own(box, name)
    if kind(BY_STREAM[name]) in {"changes", "creation"}:
        assert again == len(box.organizers.organizers), NO_FILTER.format(name)
    elif kind(BY_STREAM[name]) == "event changes":
        assert again == len(list(lengths(box, name))), NO_FILTER.format(name)
    else:
        assert least <= again <= most


def test_every_cost_is_that_of_some_stream_and_more_than_one_page_is_counted(box: Sandbox) -> None:
    assert {kind(stream) for stream in BY_STREAM.values()} == set(COSTS)
    for name in ("customers", "quotas", "gift_card_transactions", "tax_rules", "orders", "reusable_media"):
        assert max(pages(rows) for _, rows in lengths(box, name)) > 1
