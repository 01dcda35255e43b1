"""Runs that go on from the last one: nothing is ever missing, nothing is read twice without need."""

from __future__ import annotations

import random
import typing as t
from datetime import datetime, timedelta, timezone

import pytest

from sandbox import Fault, Sandbox, Scale
from tests.support.loading import (
    INCREMENTAL,
    MONEY,
    OF_EVENTS,
    OF_ORDERS,
    OF_ORGANIZERS,
    Loader,
    asked,
    at_each_request,
    bookmarks,
    keys,
    merged,
    read,
    settled,
    truth,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Json

SCALE = Scale(organizers=2, events=5, tax_rules=1, orders=240, ticketing_events=1, attendees=1)
ZONES = [timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-3, minutes=-30)), timezone.utc]
zones = pytest.mark.parametrize("zone", ZONES, ids=str)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Four pages of orders at one organizer, and two at another."""
    with Sandbox(scale=SCALE) as box:
        yield settled(box)


@pytest.fixture(scope="module")
def still() -> Iterator[Sandbox]:
    """The same for tests that change nothing."""
    with Sandbox(scale=SCALE) as box:
        yield settled(box)


@pytest.fixture(scope="module")
def loaded(still: Sandbox) -> tuple[Loader, Json]:
    """What a first load wrote, and its last state."""
    result = read(still)
    return Loader().load(result.messages), result.states[-1]


def orders(box: Sandbox, organizer: str = "riverside") -> list[Json]:
    """Return the rows of orders, as they are on the server."""
    return box.organizers.organizers[organizer].sales["orders"]


# --- a first load, and one with nothing new ---------------------------------------------------------------------------


def test_a_first_load_is_complete(still: Sandbox, loaded: tuple[Loader, Json]) -> None:
    loader, _ = loaded
    assert loader.lacks(truth(still)) == []
    assert {stream for stream, rows in truth(still).items() if rows} == set(INCREMENTAL)


def test_a_first_load_writes_each_row_once(still: Sandbox) -> None:
    result = read(still)
    for stream in INCREMENTAL:
        assert len(keys(result, stream)) == len(set(keys(result, stream))), stream


def test_a_run_with_nothing_new_writes_no_row(still: Sandbox, loaded: tuple[Loader, Json]) -> None:
    assert dict(read(still, state=loaded[1]).records) == {}


@pytest.mark.parametrize("stream", OF_ORGANIZERS)
def test_a_run_with_nothing_new_asks_for_a_list_of_an_organizer_once(
    stream: str, box: Sandbox, loaded: tuple[Loader, Json]
) -> None:
    read(box, state=loaded[1])
    assert [len(asked(box, stream, slug)) for slug in box.organizers.organizers] == [1, 1]


def test_every_incremental_stream_leaves_a_bookmark_of_its_own(loaded: tuple[Loader, Json]) -> None:
    _, state = loaded
    assert set(state["bookmarks"]) == set(INCREMENTAL)
    for stream in (*OF_ORGANIZERS, *OF_ORDERS):
        assert set(bookmarks(state, stream)) == {"organizers"}
    for stream in OF_EVENTS:
        assert set(bookmarks(state, stream)) == {"events"}


# --- what has changed comes -------------------------------------------------------------------------------------------


@zones
def test_what_is_new_or_changed_or_canceled_comes(zone: timezone, box: Sandbox) -> None:
    data = box.organizers
    data.timezone = zone
    first = read(box)
    loader = Loader().load(first.messages)
    new = data.add_order("riverside", "jazz-1", 3)["code"]
    changed, canceled, fee = (order["code"] for order in orders(box)[3:6])
    data.change_order("riverside", changed, status="c")
    data.cancel_position("riverside", canceled)
    orders(box)[5]["fees"] = [{**row, "canceled": True} for row in orders(box)[5]["fees"]]
    data.change_order("riverside", fee)
    data.add_subevent("riverside", "chamber-2")
    media = data.rows("/organizers/riverside/reusablemedia/")
    media[0]["updated"] = data.now()
    second = read(box, state=first.states[-1])
    assert loader.load(second.messages).lacks(truth(box)) == []
    assert {code for _, code in keys(second, "orders")} == {new, changed, canceled, fee}
    assert len(keys(second, "subevents")) == len(keys(second, "reusable_media")) == 1
    assert any(row["canceled"] for row in second.records["order_positions"] if row["order"] == canceled)


def test_new_scans_and_secrets_come(box: Sandbox) -> None:
    first = read(box, *OF_EVENTS)
    loader, data = Loader().load(first.messages), box.organizers
    event = "/organizers/riverside/events/jazz-1/"
    scan = dict(data.organizers["riverside"].sales["checkins"][0])
    scan.update(id=999, created=data.now(), _event="jazz-1")
    data.organizers["riverside"].sales["checkins"].append(scan)
    for name, field in (("revokedsecrets", "created"), ("blockedsecrets", "updated")):
        row = dict(data.rows(f"{event}{name}/")[0])
        data.add_rows(f"{event}{name}/", {**row, "id": 999, "_pk": 999, "secret": "new", field: data.now()})
    second = read(box, *OF_EVENTS, state=first.states[-1])
    assert loader.load(second.messages).lacks(truth(box, *OF_EVENTS)) == []
    assert [len(keys(second, stream)) for stream in OF_EVENTS] == [1, 1, 1]


def test_rows_in_the_overlap_come_twice_and_no_others(box: Sandbox) -> None:
    data = box.organizers
    for place, age in enumerate((299, 200, 301, 400)):
        orders(box)[place]["last_modified"] = data.now() - timedelta(seconds=age - 10 * (age < 300) + 10 * (age > 300))
    first = read(box, "orders")
    again = read(box, "orders", state=first.states[-1])
    assert {code for _, code in keys(again, "orders")} == {order["code"] for order in orders(box)[:2]}


def test_without_an_overlap_no_row_comes_twice(box: Sandbox) -> None:
    box.organizers.change_order("riverside", orders(box)[0]["code"])
    first = read(box, "orders", overlap_seconds=0)
    assert read(box, "orders", state=first.states[-1], overlap_seconds=0).records["orders"] == []


# --- time -------------------------------------------------------------------------------------------------------------


@zones
def test_the_filter_is_a_whole_date_in_utc_for_a_server_in_any_zone(zone: timezone, box: Sandbox) -> None:
    box.organizers.timezone = zone
    state = read(box).states[-1]
    box.clear_log()
    read(box, state=state)
    sent = [
        (name, request.parameter(name))
        for request in box.requests()
        for name in ("modified_since", "created_since", "updated_since")
        if request.parameter(name)
    ]
    assert {name for name, _ in sent} == {"modified_since", "created_since", "updated_since"}
    now = box.organizers.now()
    for _, text in sent:
        assert text is not None
        assert text.endswith("Z")
        age = now - datetime.fromisoformat(text.replace("Z", "+00:00"))
        assert timedelta(seconds=299) < age < timedelta(seconds=400)


def test_an_offset_goes_into_the_filter_with_its_plus_encoded(box: Sandbox) -> None:
    box.organizers.timezone = ZONES[0]
    path = "/organizers/riverside/reusablemedia/"
    template = box.organizers.rows(path)[0]
    now = box.organizers.now()
    many = [{**template, "id": n, "identifier": f"m{n}", "updated": now - timedelta(days=n)} for n in range(1, 121)]
    box.organizers.rows(path)[:] = many
    assert Loader().load(read(box, "reusable_media").messages).lacks(truth(box, "reusable_media")) == []
    later = [request for request in asked(box, "reusable_media") if request.parameter("updated_since")]
    assert len(later) == 2
    assert all("%2B05%3A30" in request.query_string for request in later)
    assert {request.status for request in later} == {200}


def test_without_the_servers_time_a_day_is_read_again(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rest_tap.request.Reply.server_time", None)
    state = read(box, "transactions").states[-1]
    for text in bookmarks(state, "transactions")["organizers"].values():
        age = datetime.now(timezone.utc) - datetime.fromisoformat(text.replace("Z", "+00:00"))
        assert timedelta(hours=23, minutes=59) < age < timedelta(hours=24, minutes=2)


# --- what changes while it is read ------------------------------------------------------------------------------------


def test_a_row_that_is_committed_late_comes_in_the_next_run(box: Sandbox) -> None:
    data = box.organizers
    first = read(box)
    loader = Loader().load(first.messages)
    data.commit_delay = 3600.0
    data.add_order("riverside", "jazz-1")
    data.change_order("riverside", orders(box)[7]["code"], status="e")
    data.commit_delay = 0.0
    second = read(box, state=first.states[-1])
    assert second.records["orders"] == []
    with data.lock:
        data._pending = [(0.0, change) for _, change in data._pending]
        data.commit_due()
    third = read(box, state=second.states[-1])
    assert len(third.records["orders"]) == 2
    assert loader.load(third.messages).lacks(truth(box)) == []


@pytest.mark.parametrize("pause", [0, 3600], ids=["a fast loader", "a loader that stops for an hour"])
def test_a_row_that_is_committed_behind_the_reader_comes_in_the_next_run(pause: int, box: Sandbox) -> None:
    data = box.organizers
    first = read(box, "orders")
    loader = Loader().load(first.messages)
    for order in orders(box):
        data.change_order("riverside", order["code"])
    stamp = orders(box)[10]["last_modified"]
    late: list[str] = []

    def commit(_request: t.Any) -> None:
        if len(asked(box, "orders", "riverside")) == 4 and not late:
            # The reader is in the middle of the list: this row stands on a page it has turned.
            order = data.add_order("riverside", "jazz-1")
            order["last_modified"] = stamp
            late.append(order["code"])
            data._now += timedelta(seconds=pause)

    box.clear_log()
    at_each_request(box, "/riverside/orders", commit)
    second = read(box, "orders", state=first.states[-1])
    assert late
    assert ("riverside", late[0]) not in keys(second, "orders")
    loader.load(second.messages).load(read(box, "orders", state=second.states[-1]).messages)
    assert loader.lacks(truth(box, "orders")) == []


def tie(box: Sandbox, count: int = 120) -> list[str]:
    """Let so many orders be of one date of a series, and move that date: one time for all of them."""
    date = box.organizers.organizers["riverside"].sales["subevents"][0]["id"]
    for order in orders(box)[:count]:
        order["positions"][0]["subevent"] = date
    return box.organizers.move_subevent("riverside", date)


def test_orders_of_a_moved_date_come_though_they_are_more_than_a_page(box: Sandbox) -> None:
    first = read(box)
    moved = tie(box)
    new = box.organizers.add_order("riverside", "jazz-1")["code"]
    second = read(box, state=first.states[-1])
    assert sorted(code for _, code in keys(second, "orders")) == sorted([*moved, new])
    assert Loader().load(first.messages).load(second.messages).lacks(truth(box)) == []
    assert len(moved) >= 120


def test_a_page_of_a_tie_that_is_gone_ends_the_list_with_a_true_state(box: Sandbox) -> None:
    first = read(box, "orders")
    moved = tie(box)
    # The last page is asked for again, for what has moved behind the tie meanwhile.
    gone = Fault(path="/riverside/orders/", query="page=3", status=404, body='{"detail": "Invalid page."}', after=1)
    box.faults.add(gone)
    second = read(box, "orders", state=first.states[-1])
    assert gone.fired == 1
    assert set(moved) <= {code for _, code in keys(second, "orders")}
    third = read(box, "orders", state=second.states[-1])
    assert Loader().load(first.messages).load(second.messages).load(third.messages).lacks(truth(box, "orders")) == []


@pytest.mark.parametrize("seed", range(2))
def test_edits_within_a_tie_while_it_is_read_lose_nothing(seed: int, box: Sandbox) -> None:
    first = read(box)
    moved, chance = tie(box), random.Random(seed)
    at_each_request(
        box,
        "/riverside/orders",
        lambda _: [box.organizers.change_order("riverside", code) for code in chance.sample(moved, 3)],
    )
    second = read(box, state=first.states[-1])
    assert set(moved) <= {code for _, code in keys(second, "orders")}
    box._hooks.clear()
    third = read(box, state=second.states[-1])
    assert Loader().load(first.messages).load(second.messages).load(third.messages).lacks(truth(box)) == []


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("stream", ["orders", "transactions", "order_payments"])
def test_deletions_and_sales_while_a_first_load_pages_lose_nothing(stream: str, concurrency: int, box: Sandbox) -> None:
    data = box.organizers
    gone: list[str] = []

    def sell_and_delete(_request: t.Any) -> None:
        oldest = orders(box)[0]["code"]
        gone.append(oldest)
        data.delete_order("riverside", oldest)
        data.add_order("riverside", "jazz-1", 1)

    at_each_request(box, "/riverside/", sell_and_delete)
    first = read(box, stream, max_concurrency=concurrency)
    box._hooks.clear()
    assert len(gone) > 3
    loader = Loader().load(first.messages)
    loader.load(read(box, stream, state=first.states[-1] if first.states else None).messages)
    assert loader.lacks(truth(box, stream)) == []


# --- what the catalog says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("later", ["orders", *OF_ORDERS])
def test_a_stream_that_is_selected_later_comes_from_its_beginning(later: str, still: Sandbox) -> None:
    others = [stream for stream in ("orders", *OF_ORDERS) if stream != later]
    state = read(still, *others).states[-1]
    result = read(still, *others, later, state=state)
    assert Loader().load(result.messages).lacks(truth(still, later)) == []
    assert dict(read(still, *others, later, state=result.states[-1]).records) == {}


@pytest.mark.parametrize("stream", INCREMENTAL)
def test_the_catalog_can_ask_for_the_full_table_of_any_stream(
    stream: str, still: Sandbox, loaded: tuple[Loader, Json]
) -> None:
    result = read(still, stream, full=[stream], state=loaded[1])
    assert Loader().load(result.messages).lacks(truth(still, stream)) == []
    assert all(bookmarks(state, stream) == bookmarks(loaded[1], stream) for state in result.states)


@pytest.mark.parametrize("stream", INCREMENTAL)
def test_a_full_table_leaves_no_bookmark(stream: str, still: Sandbox) -> None:
    result = read(still, stream, full=[stream])
    assert not any(bookmarks(state, stream) for state in result.states)


def test_a_full_table_of_one_stream_sends_all_rows_of_those_that_share_its_list(
    still: Sandbox, loaded: tuple[Loader, Json]
) -> None:
    result = read(still, "orders", "order_fees", full=["order_fees"], state=loaded[1])
    assert Loader().load(result.messages).lacks(truth(still, "orders", "order_fees")) == []
    assert dict(read(still, "orders", "order_fees", state=(result.states or [loaded[1]])[-1]).records) == {}


@pytest.mark.parametrize("stream", MONEY)
def test_payments_and_refunds_are_complete_in_every_run(stream: str, box: Sandbox) -> None:
    data = box.organizers
    for order in orders(box)[:60]:
        data.add_refund("riverside", order["code"])
    first = read(box, stream)
    data.add_payment("riverside", orders(box)[0]["code"])
    data.add_refund("riverside", orders(box)[1]["code"])
    second = read(box, stream, state=first.states[-1] if first.states else None)
    assert Loader().load(second.messages).lacks(truth(box, stream)) == []


def test_payments_and_refunds_share_one_sweep(box: Sandbox) -> None:
    read(box, "order_payments")
    alone = len(asked(box, "orders"))
    box.clear_log()
    result = read(box, *MONEY)
    assert len(asked(box, "orders")) == alone
    assert Loader().load(result.messages).lacks(truth(box, *MONEY)) == []


def test_incremental_payments_and_refunds_come_along_with_the_orders(box: Sandbox) -> None:
    streams = ("orders", *MONEY)
    read(box, "orders")
    alone = len(asked(box, "orders"))
    box.clear_log()
    first = read(box, *streams, incremental=MONEY)
    assert len(asked(box, "orders")) == alone
    assert Loader().load(first.messages).lacks(truth(box, *streams)) == []
    paid, touched = orders(box)[0]["code"], orders(box)[1]["code"]
    for code in (paid, touched):
        box.organizers.add_payment("riverside", code)
        box.organizers.add_refund("riverside", code)
    box.organizers.change_order("riverside", touched)
    box.clear_log()
    second = read(box, *streams, incremental=MONEY, state=first.states[-1])
    assert len(asked(box, "orders")) == 2
    for stream in MONEY:
        # As the documentation says: a payment alone does not move its order.
        assert {row["order"] for row in second.records[stream]} == {touched}


def test_incremental_payments_need_no_orders(box: Sandbox) -> None:
    first = read(box, "order_payments", incremental=["order_payments"])
    assert Loader().load(first.messages).lacks(truth(box, "order_payments")) == []
    again = read(box, "order_payments", incremental=["order_payments"], state=first.states[-1])
    assert dict(again.records) == {}


# --- what the settings say --------------------------------------------------------------------------------------------


def test_a_start_date_leaves_out_what_was_last_changed_before(still: Sandbox) -> None:
    middle = sorted(order["last_modified"] for order in orders(still))[80]
    result = read(still, "orders", start_date=middle.isoformat())
    expected = {
        (slug, order["code"])
        for slug in still.organizers.organizers
        for order in orders(still, slug)
        if order["last_modified"] >= middle
    }
    assert set(keys(result, "orders")) == expected


def test_a_bookmark_wins_over_the_start_date(still: Sandbox, loaded: tuple[Loader, Json]) -> None:
    assert dict(read(still, start_date="2020-01-01T00:00:00Z", state=loaded[1]).records) == {}


def test_a_start_date_does_not_apply_to_a_full_table(still: Sandbox) -> None:
    result = read(still, "orders", "invoices", full=["orders"], start_date="2025-09-14T00:00:00Z")
    assert Loader().load(result.messages).lacks(truth(still, "orders")) == []


def test_chosen_events_have_lists_and_bookmarks_of_their_own(box: Sandbox) -> None:
    streams = [stream for stream in INCREMENTAL if stream != "reusable_media"]
    first = read(box, *streams, events=["riverside/jazz-1", "chamber-2"])
    wanted = {("riverside", "jazz-1"), ("riverside", "chamber-2"), ("sommerfest", "chamber-2")}
    expected = {
        (slug, order["code"])
        for slug in box.organizers.organizers
        for order in orders(box, slug)
        if (slug, order["event"]) in wanted
    }
    assert set(keys(first, "orders")) == expected
    assert not box.requests("/organizers/[^/]+/(orders|subevents|transactions)/$")
    for stream in ("orders", "order_positions", "transactions", "subevents"):
        assert set(bookmarks(first.states[-1], stream)) == {"events"}
    assert dict(read(box, *streams, events=["riverside/jazz-1", "chamber-2"], state=first.states[-1]).records) == {}


def test_choosing_events_or_not_from_run_to_run_loses_nothing(box: Sandbox) -> None:
    chosen = read(box, events=["jazz-1"])
    everything = read(box, state=chosen.states[-1])
    loader = Loader().load(chosen.messages).load(everything.messages)
    assert loader.lacks(truth(box)) == []
    box.organizers.change_order("riverside", orders(box)[0]["code"])
    narrow = read(box, events=["jazz-1"], state=everything.states[-1])
    last = read(box, state=narrow.states[-1])
    assert loader.load(narrow.messages).load(last.messages).lacks(truth(box)) == []


# --- bookmarks that cannot be right -----------------------------------------------------------------------------------

PAST = "2025-09-15T11:00:00Z"
FUTURE = "2999-01-01T00:00:00Z"


@pytest.mark.parametrize("level", ["organizers", "events"])
@pytest.mark.parametrize(
    "bookmark",
    [
        FUTURE,
        "yesterday",
        "",
        12,
        True,
        [PAST],
        {},
        {"at": PAST},
        {"since": PAST},
        {"since": PAST, "at": FUTURE},
        {"since": FUTURE, "at": PAST},
        {"since": 1, "at": [PAST]},
        {"jazz-1": FUTURE},
    ],
    ids=str,
)
def test_a_bookmark_that_cannot_be_right_restarts_its_list(bookmark: t.Any, level: str, still: Sandbox) -> None:
    stream = "orders" if level == "organizers" else "checkins"
    places: Json = {"riverside": bookmark}
    if level == "events":
        places = {"riverside": dict.fromkeys(still.organizers.organizers["riverside"].events, bookmark)}
    result = read(still, stream, state={"bookmarks": {stream: {level: places}}})
    assert Loader().load(result.messages).lacks(truth(still, stream)) == []
    assert any("not a time in the past" in line for line in result.warnings())


@pytest.mark.parametrize("places", ["riverside", 3, [PAST], None, {"riverside": None}], ids=str)
@pytest.mark.parametrize("stream", ["orders", "checkins"])
def test_bookmarks_that_are_none_restart_their_lists(stream: str, places: t.Any, still: Sandbox) -> None:
    level = "organizers" if stream == "orders" else "events"
    result = read(still, stream, state={"bookmarks": {stream: {level: places}}})
    assert Loader().load(result.messages).lacks(truth(still, stream)) == []
    assert set(bookmarks(result.states[-1], stream)[level]) == {"riverside", "sommerfest"} - (
        {"sommerfest"} if not truth(still, stream, organizers=["sommerfest"])[stream] else set()
    )


def test_a_bookmark_of_an_organizer_that_is_gone_does_no_harm(still: Sandbox, loaded: tuple[Loader, Json]) -> None:
    gone = {"bookmarks": {"orders": {"organizers": {"gone": PAST}}, "checkins": {"events": {"gone": {"x": PAST}}}}}
    assert dict(read(still, state=merged(gone, loaded[1])).records) == {}


@pytest.mark.parametrize("stream", ["orders", "transactions", "checkins"])
def test_a_state_of_the_plain_sdk_is_gone_on_from(stream: str, still: Sandbox) -> None:
    moved = "last_modified" if stream == "orders" else "created"
    rows = still.organizers.organizers["riverside"].sales[stream]
    times = sorted(row[moved] for row in rows)
    middle = times[len(times) // 2]
    context = {"organizer": "riverside"} | ({"event": "slam-4"} if stream == "checkins" else {})
    plain = [
        {"replication_key": moved, "replication_key_value": middle.isoformat()},
        {"partitions": [{"context": context, "replication_key": moved, "replication_key_value": middle.isoformat()}]},
    ]
    whole = len(keys(read(still, stream), stream))
    for bookmark in plain:
        result = read(still, stream, state={"bookmarks": {stream: bookmark}})
        found = set(keys(result, stream))
        if stream != "checkins":
            assert {("riverside", row["code"]) if stream == "orders" else (row["id"],) for row in rows} - found
        newer = truth(still, stream, organizers=["riverside"])[stream]
        assert {
            key for key, row in zip(newer, rows, strict=True) if row[moved] >= middle - timedelta(seconds=300)
        } <= found
        assert len(found) <= whole


@pytest.mark.parametrize(
    "bookmark",
    [
        {"replication_key_value": FUTURE},
        {"replication_key_value": 12},
        {"replication_key_value": None, "partitions": []},
        {"partitions": [{"context": {"organizer": "other"}, "replication_key_value": PAST}]},
        {"partitions": [{"context": {}, "replication_key_value": PAST}]},
        {"progress_markers": {"replication_key_value": PAST}},
    ],
    ids=str,
)
def test_a_state_of_the_plain_sdk_that_says_nothing_restarts_the_list(bookmark: Json, still: Sandbox) -> None:
    result = read(still, "orders", state={"bookmarks": {"orders": bookmark}})
    assert Loader().load(result.messages).lacks(truth(still, "orders")) == []
