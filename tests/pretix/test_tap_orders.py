"""Orders and what grows with them, on a real pretix where people buy, edit and delete meanwhile.

The tests of this file share a server and go from one to the next: what may change its data stands last.
"""

from __future__ import annotations

import json
import random
import signal
import time
import typing as t

import pytest

from tests.pretix.reading import (
    OF_ORDERS,
    Door,
    Rows,
    catalog,
    differences,
    moment,
    read,
    settings,
    true_rows,
    truth,
    union,
)
from tests.pretix.server import PretixServer

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Commands, Json
    from tests.pretix.reading import Asked, Truth

ORDERS = 5000
PAGE = 50
STOPS = 20
#: Lists of an organizer that grow.
GROWING = (*OF_ORDERS, "transactions", "subevents", "reusable_media")


@pytest.fixture(scope="module")
def crowd() -> Iterator[PretixServer]:
    """A server of our own, with an organizer `crowd` of many orders."""
    with PretixServer(extra=("--organizer", "crowd", "--orders", str(ORDERS))) as server:
        yield server


def of_lists(asked: list[Asked], noun: str) -> list[Asked]:
    """Return the requests for the pages of an organizer's list."""
    return [request for request in asked if request.path.endswith(f"/{noun}/") and request.status == 200]


def config_error(rows: Rows, true: Truth, streams: t.Iterable[str], gone: t.Collection[str] = ()) -> dict[str, t.Any]:
    """Return what differs from the database, but for what deleted orders have left behind."""
    found = {}
    for name in streams:
        have = rows.get(name, {})
        kept = {key: row for key, row in have.items() if row.get("order", row.get("code")) not in gone}
        there = differences(kept, true_rows(true, name))
        if there:
            found[name] = dict(list(there.items())[:5])
    return found


class Stopped(t.NamedTuple):
    """What a run wrote until it was killed."""

    orders: list[str]
    lines: int
    state: Json | None
    records: list[Json]


def read_and_kill(start: Commands, config: Json, chosen: Json, state: Json | None, after: int | None) -> Stopped:
    """Run the command, and kill it with no warning after so many lines."""
    command = start(config=config, catalog=chosen, state=state)
    lines: list[bytes] = []
    while line := command.line():
        lines.append(line)
        if len(lines) == after:
            command.signal(signal.SIGKILL)
    finished = command.finish()
    assert finished.code == (0 if after is None or len(lines) < after else -signal.SIGKILL), finished.stderr
    # What the pipe held is written, but for a line that was cut off.
    messages = [json.loads(line) for line in lines if line.endswith(b"\n")]
    records = [message for message in messages if message["type"] == "RECORD"]
    states = [message["value"] for message in messages if message["type"] == "STATE"]
    codes = [message["record"]["code"] for message in records if message["stream"] == "orders"]
    return Stopped(codes, len(lines), states[-1] if states else state, records)


def test_a_first_load_killed_at_any_point_goes_on_where_it_was(crowd: PretixServer, start_command: Commands) -> None:
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    print(f"seed {seed}")
    chosen = catalog(*OF_ORDERS)
    state: Json | None = None
    codes: set[str] = set()
    records: list[Json] = []
    money = 0
    repeated: list[int] = []
    requests = {1: 0, 8: 0}
    pages = {1: 0.0, 8: 0.0}
    # About four lines an order; the stops are spread over the whole load.
    share = ORDERS * 4 // STOPS
    stops: list[int | None] = [rng.randrange(1, 2 * share) for _ in range(STOPS)]
    for number, after in enumerate([*stops, None]):
        at_once = 8 if number % 4 == 0 else 1
        with Door(crowd.url) as door:
            config = settings(door.api_url, crowd.tokens["crowd"], max_concurrency=at_once)
            part = read_and_kill(start_command, config, chosen, state, after)
            asked = of_lists(door.asked, "orders")
            requests[at_once] += len(asked)
            money += sum("include" in request.params for request in asked)
        new = [code for code in part.orders if code not in codes]
        repeated.append(len(part.orders) - len(new))
        pages[at_once] += len(new) / PAGE
        codes |= set(new)
        records += part.records
        state = part.state
    print(f"orders written again after each stop: {repeated}")
    print(f"requests for pages of orders, and pages needed, by max_concurrency: {requests}, {pages}")
    # A page is certain once one has come that was asked for after it: with 8 at once, 18 are on their way.
    assert max(repeated) <= 22 * PAGE
    # Payments and refunds came with the orders, in each part of the load, and equal the database.
    assert money == 0
    true = truth(crowd, "crowd", streams=OF_ORDERS)
    assert all(true[name]["rows"] for name in ("orders", "order_positions", "order_payments"))
    rows: Rows = {name: {} for name in OF_ORDERS}
    for message in records:
        keys = true[message["stream"]]["primary_key"]
        rows[message["stream"]][tuple(message["record"][key] for key in keys)] = message["record"]
    assert config_error(rows, true, OF_ORDERS) == {}
    bookmarks = (state or {})["bookmarks"]
    assert isinstance(bookmarks["orders"]["organizers"]["crowd"], str)
    assert not {"order_payments", "order_refunds"} & bookmarks.keys()


def test_a_first_load_walks_through_the_orders_once(crowd: PretixServer) -> None:
    with Door(crowd.url) as door:
        config = settings(door.api_url, crowd.tokens["crowd"], emit_activate_version_messages=True)
        result = read(config, *OF_ORDERS)
    asked = of_lists(door.asked, "orders")
    print(f"{len(asked)} pages of orders were asked for")
    assert ORDERS // PAGE <= len(asked) <= ORDERS // PAGE + 8
    true = truth(crowd, "crowd", streams=OF_ORDERS)
    assert config_error(union(result), true, OF_ORDERS) == {}
    activated = {message["stream"] for message in result.messages if message["type"] == "ACTIVATE_VERSION"}
    assert activated == set(OF_ORDERS)


def test_a_run_with_nothing_new_takes_two_requests_a_list_and_brings_no_rows(crowd: PretixServer) -> None:
    config = settings(crowd.api_url, crowd.tokens["crowd"])
    streams = [name for name in GROWING if name not in {"order_payments", "order_refunds"}]
    first = read(config, *streams)
    assert len(first.records["orders"]) == ORDERS
    true = truth(crowd, "crowd", streams=[name for name in streams if name != "reusable_media"])
    assert config_error(union(first), true, true) == {}
    with Door(crowd.url) as door:
        second = read({**config, "api_url": door.api_url}, *streams, state=first.states[-1])
    assert {name: len(rows) for name, rows in second.records.items() if rows} == {}
    for noun in ("orders", "transactions", "subevents", "reusablemedia"):
        assert 1 <= len(of_lists(door.asked, noun)) <= 2, noun


def test_orders_that_were_read_event_by_event_are_those_of_the_events(crowd: PretixServer) -> None:
    true = truth(crowd, "crowd", streams=["orders"])
    event = min(row["event"] for row in true["orders"]["rows"])
    with Door(crowd.url) as door:
        config = settings(door.api_url, crowd.tokens["crowd"], events=[event])
        result = read(config, "orders", incremental=["orders"])
    assert differences(union(result)["orders"], true_rows(true, "orders", lambda row: row["event"] == event)) == {}
    assert result.states[-1]["bookmarks"]["orders"]["events"]["crowd"].keys() == {event}
    assert not of_lists(door.asked, "crowd/orders")
    # A page more than there are, for what is sold meanwhile; and one for the row that pages share.
    assert len(of_lists(door.asked, f"{event}/orders")) <= -(-len(result.records["orders"]) // PAGE) + 2


def test_deleted_orders_take_no_others_along_although_as_many_are_sold(crowd: PretixServer) -> None:
    deleted: list[str] = []

    def swap(path: str, params: dict[str, list[str]]) -> None:
        """Delete from the pages that were read, while some are still to come."""
        if not deleted and path.endswith("/crowd/orders/") and params["page"] == ["20"]:
            deleted.extend(crowd.run("swap.py", "--organizer", "crowd", "--number", "40"))

    with Door(crowd.url, before=swap) as door:
        config = settings(door.api_url, crowd.tokens["crowd"], max_concurrency=1)
        result = read(config, "orders", "order_positions")
    assert len(deleted) == 40
    true = truth(crowd, "crowd", streams=["orders", "order_positions"])
    # The new orders came as well, in this same run.
    assert config_error(union(result), true, true, gone=deleted) == {}


def test_nothing_is_missing_after_all_that_people_do_while_the_tap_reads(crowd: PretixServer) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    config = settings(crowd.api_url, crowd.tokens["crowd"])
    box_office = crowd.start_script("churn.py", "--organizer", "crowd", "--seconds", "75", "--seed", str(seed))
    time.sleep(4)
    results = [read(config, *GROWING)]
    # And on, as long as there is something new all the time.
    while box_office.running:
        results.append(read(config, *GROWING, state=results[-1].states[-1]))
    done = box_office.wait(120)
    print(f"{len(results)} runs meanwhile; {done['counts']}, {done['failed']}")
    assert all(done["counts"][name] for name in ("create", "change", "pay", "cancel", "delete", "bulk", "late"))
    results.append(read(config, *GROWING, state=results[-1].states[-1]))
    true = truth(crowd, "crowd", streams=[*OF_ORDERS, "transactions"])
    assert config_error(union(*results), true, true, gone=done["done"]["delete"]) == {}
    # The overlap: five minutes, and not everything again.
    assert len(results[-1].records["orders"]) < ORDERS / 2
    # And from the first of the states, in one go: a loader may have been down all the time.
    late = read(config, *GROWING, state=results[0].states[-1])
    assert config_error(union(results[0], late), true, true, gone=done["done"]["delete"]) == {}


def test_payments_that_come_with_their_orders_are_as_fresh_as_these(crowd: PretixServer) -> None:
    config = settings(crowd.api_url, crowd.tokens["crowd"])
    streams = ("orders", "order_payments", "order_refunds")
    with Door(crowd.url) as door:
        behind = {**config, "api_url": door.api_url}
        result = read(behind, *streams, incremental=["order_payments", "order_refunds"])
    true = truth(crowd, "crowd", streams=streams)
    assert config_error(union(result), true, true) == {}
    assert not [request for request in of_lists(door.asked, "orders") if "include" in request.params]
    again = read(config, *streams, incremental=["order_payments", "order_refunds"], state=result.states[-1])
    assert len(again.records["order_payments"]) < len(true["order_payments"]["rows"]) / 2


def test_a_stream_selected_later_is_read_from_its_beginning(crowd: PretixServer) -> None:
    true = truth(crowd, "crowd", streams=["order_fees"])
    slug = true["order_fees"]["rows"][0]["event"]
    config = settings(crowd.api_url, crowd.tokens["crowd"], events=[slug])
    first = read(config, "orders")
    second = read(config, "orders", "order_fees", state=first.states[-1])
    fees = true_rows(true, "order_fees", lambda row: row["event"] == slug)
    assert fees
    assert differences(union(second)["order_fees"], fees) == {}
    full = read(config, "orders", full=["orders"], state=second.states[-1])
    assert len(full.records["orders"]) == len(first.records["orders"])


def test_a_start_date_leaves_out_what_was_not_touched_since(crowd: PretixServer) -> None:
    true = truth(crowd, "crowd", streams=["orders"])
    times = sorted(moment(row["last_modified"]) for row in true["orders"]["rows"])
    # Those of the fill have times of one second; those after it were edited.
    start = times[-30]
    config = settings(crowd.api_url, crowd.tokens["crowd"], start_date=start.isoformat(), max_concurrency=2)
    result = read(config, "orders")
    expected = true_rows(true, "orders", lambda row: moment(row["last_modified"]) >= start)
    assert differences(union(result)["orders"], expected) == {}
