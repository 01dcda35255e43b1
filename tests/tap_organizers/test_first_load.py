"""What a run reads first, and what it need not read because it stands in what is read anyway."""

from __future__ import annotations

import json
import typing as t

import pytest

from rest_tap.errors import ApiError
from sandbox import Fault, Sandbox, Scale
from tests.conftest import discovered, only, run_tap
from tests.support.loading import Loader, settings, truth, until_state

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Json, Result

MONEY = ("order_payments", "order_refunds")
ALL = ("orders", *MONEY)
VERSIONED: Json = {"emit_activate_version_messages": True}
ORDERS, EVENTS = 180, 2
PAGES = -(-ORDERS // 50)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    scale = Scale(organizers=1, events=EVENTS, tax_rules=1, orders=ORDERS, ticketing_events=1, attendees=1)
    with Sandbox(scale=scale) as box:
        yield box


def read(box: Sandbox, *streams: str, state: Json | None = None, **more: t.Any) -> Result:
    box.clear_log()
    options = {name: more.pop(name) for name in ("fails", "may_fail") if name in more}
    config = settings(box, **more)
    return run_tap(config, only(discovered(config), *streams), state, **options)


def pages(box: Sandbox) -> tuple[int, int]:
    """Return how many pages of orders were asked for, and how many of these only because of payments and refunds."""
    asked = [request for request in box.requests("/orders/$") if request.status == 200]
    asked = [request for request in asked if request.parameter("page_size") != "1"]
    return len(asked), sum("include" in request.query for request in asked)


def keys(result: Result, stream: str) -> list[tuple[str, int]]:
    return sorted((row["order"], row["local_id"]) for row in result.records[stream])


def activated(result: Result) -> set[str]:
    return {message["stream"] for message in result.messages if message["type"] == "ACTIVATE_VERSION"}


def lacks(box: Sandbox, *results: Result) -> list[tuple[str, t.Any]]:
    """Return what a loader does not have after these runs."""
    loader = Loader()
    for result in results:
        loader.load(result.messages)
    return loader.lacks(truth(box, *ALL))


# --- the rows of a run that reads all orders --------------------------------------------------------------------------


def test_a_first_load_walks_through_the_orders_once_and_later_runs_have_payments_of_their_own(box: Sandbox) -> None:
    first = read(box, *ALL, **VERSIONED)
    of_all, of_money = pages(box)
    assert of_money == 0
    assert PAGES <= of_all <= PAGES + 3
    assert lacks(box, first) == []
    assert activated(first) == set(ALL)
    assert set(first.states[-1]["bookmarks"]["order_payments"]) == {"version"}
    second = read(box, *ALL, state=first.states[-1], **VERSIONED)
    assert PAGES <= pages(box)[1] <= PAGES + 3
    assert activated(second) == set(MONEY)
    for stream in MONEY:
        assert keys(first, stream)
        assert keys(first, stream) == keys(second, stream)
        assert len(keys(first, stream)) == len(set(keys(first, stream)))


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"events": ["jazz-1"]},
        {"stream_maps": {"orders": {"__filter__": "code == 'none'", "payments": "None"}}},
        {"catalog": "FULL_TABLE"},
    ],
    ids=["as it is", "chosen events", "a map", "FULL_TABLE"],
)
def test_payments_are_the_same_with_the_orders_as_by_themselves(how: Json, box: Sandbox) -> None:
    method = how.pop("catalog", None)
    alone = read(box, *MONEY, **how)
    assert pages(box)[1]
    config = settings(box, **how)
    catalog = only(discovered(config), *ALL)
    for entry in catalog["streams"]:
        if method and entry["tap_stream_id"] == "orders":
            entry["replication_method"] = method
    box.clear_log()
    together = run_tap(config, catalog)
    assert pages(box)[1] == 0
    for stream in MONEY:
        assert alone.records[stream]
        by_key = [
            sorted(run.records[stream], key=lambda row: (row["order"], row["local_id"])) for run in (alone, together)
        ]
        assert by_key[0] == by_key[1]


@pytest.mark.parametrize("sent", [["text"], [None], [[{}]], "text", 17], ids=str)
@pytest.mark.parametrize("stream", ["order_positions", "order_answers", "order_fees", *MONEY])
def test_what_is_no_object_in_an_order_is_told_and_ends_nothing(stream: str, sent: t.Any, box: Sandbox) -> None:
    part = stream.removeprefix("order_")
    time = "2026-01-01T00:00:00Z"
    order: Json = {"code": "A1", "event": "jazz-1", "datetime": time, "last_modified": time, "positions": []}
    order |= {"positions": [{"id": 1, "answers": sent}]} if part == "answers" else {part: sent}
    page = {"count": 1, "next": None, "previous": None, "results": [order]}
    box.faults.add(Fault("/orders/$", status=200, body=json.dumps(page), times=None))
    for others in ((), ("orders",)):
        result = read(box, *others, stream, **VERSIONED)
        assert [row["code"] for row in result.records["orders"]] == ["A1" for _ in others]
        assert result.records[stream] == []
        assert any(f"{stream}: a nested list is missing" in line for line in result.warnings())
        assert stream not in activated(result)


def test_one_of_the_two_comes_with_the_orders_also_without_the_other(box: Sandbox) -> None:
    for stream in MONEY:
        result = read(box, "order_positions", stream)
        assert pages(box)[1] == 0
        assert keys(result, stream) == sorted(key[1:] for key in truth(box, stream)[stream])


def test_where_orders_may_be_left_out_payments_are_read_for_themselves(box: Sandbox) -> None:
    result = read(box, *ALL, start_date="2020-01-01T00:00:00Z")
    assert pages(box)[1] >= PAGES
    assert lacks(box, result) == []


def test_payments_are_read_for_themselves_where_the_orders_did_not_come_to_their_end(box: Sandbox) -> None:
    box.faults.add(Fault("/orders/$", "no_results", query="include_canceled.*page=2", times=None))
    result = read(box, *ALL, **VERSIONED, fails=ApiError)
    assert pages(box)[1] >= PAGES
    assert activated(result) == set(MONEY)
    for stream in MONEY:
        assert set(keys(result, stream)) == {key[1:] for key in truth(box, stream)[stream]}


def test_the_sweep_of_all_orders_brings_the_payments(box: Sandbox) -> None:
    first = read(box, *ALL, sweep_days=7, **VERSIONED)
    assert pages(box)[1] == 0
    second = read(box, *ALL, sweep_days=7, state=first.states[-1], **VERSIONED)
    assert pages(box)[1] >= PAGES
    # As if a week had passed.
    state = second.states[-1]
    state["bookmarks"]["sweep"]["at"] = "2026-01-01T00:00:00Z"
    third = read(box, *ALL, sweep_days=7, state=state, **VERSIONED)
    assert pages(box)[1] == 0
    assert lacks(box, third) == []
    assert set(MONEY) <= activated(third)


# --- loads that are cut short -----------------------------------------------------------------------------------------


@pytest.fixture
def state_after_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rest_tap.messages.STATE_SHARE", 0)


def cut_short(result: Result) -> Iterator[tuple[Loader, Json]]:
    """Yield what a loader has, and the state, after each STATE in the middle of the first load."""
    for messages, state in until_state(result):
        if isinstance(state["bookmarks"].get("orders", {}).get("organizers", {}).get("riverside"), dict):
            yield Loader().load(messages), state


@pytest.mark.usefixtures("state_after_each_page")
def test_a_first_load_that_was_cut_short_goes_on_with_payments_and_claims_no_whole_version(box: Sandbox) -> None:
    whole = read(box, *ALL, **VERSIONED)
    places = list(cut_short(whole))
    assert len(places) >= 2
    for loader, state in places:
        rest = read(box, *ALL, state=state, **VERSIONED)
        of_all, of_money = pages(box)
        assert of_money == 0
        assert of_all <= PAGES + 3
        assert len(keys(rest, "order_payments")) < len(keys(whole, "order_payments"))
        assert loader.load(rest.messages).lacks(truth(box, *ALL)) == []
        assert activated(rest) == {"orders"}
        after = read(box, *ALL, state=rest.states[-1], **VERSIONED)
        assert set(keys(after, "order_payments")) == set(keys(whole, "order_payments"))
        assert activated(after) == set(MONEY)


@pytest.mark.usefixtures("state_after_each_page")
def test_payments_that_are_selected_in_the_middle_of_a_first_load_are_read_whole(box: Sandbox) -> None:
    _, state = list(cut_short(read(box, "orders", "order_refunds")))[-1]
    assert "order_payments" not in state["bookmarks"]
    rest = read(box, *ALL, state=state, **VERSIONED)
    assert pages(box)[1] >= PAGES
    for stream in MONEY:
        assert set(keys(rest, stream)) == {key[1:] for key in truth(box, stream)[stream]}
    assert activated(rest) == set(MONEY)
    assert "organizers" not in rest.states[-1]["bookmarks"]["order_refunds"]


@pytest.mark.usefixtures("state_after_each_page")
def test_the_sweep_reads_payments_anew_that_came_under_another_version(box: Sandbox) -> None:
    _, state = list(cut_short(read(box, *ALL, sweep_days=7, **VERSIONED)))[-1]
    rest = read(box, *ALL, state=state, sweep_days=7, **VERSIONED)
    assert pages(box)[1] >= PAGES
    for stream in MONEY:
        assert set(keys(rest, stream)) == {key[1:] for key in truth(box, stream)[stream]}
    assert activated(rest) == set(ALL)


@pytest.mark.usefixtures("state_after_each_page")
def test_what_came_under_two_versions_stays_so_however_often_a_load_is_cut_short(box: Sandbox) -> None:
    _, state = next(cut_short(read(box, *ALL)))
    assert "version" not in state["bookmarks"]["orders"]["organizers"]["riverside"]
    cut = list(cut_short(read(box, *ALL, state=state, **VERSIONED)))
    assert cut
    for _, later in cut:
        for stream in ALL:
            assert "version" not in later["bookmarks"][stream]["organizers"]["riverside"]


# --- servers without a list of all orders -----------------------------------------------------------------------------


def test_where_orders_are_read_event_by_event_payments_come_with_those_that_are_read_whole(box: Sandbox) -> None:
    box.organizers.version = "2023.7.3"
    first = read(box, *ALL, **VERSIONED)
    of_all, of_money = pages(box)
    assert of_money == 0
    assert of_all <= PAGES + 4 * EVENTS
    assert lacks(box, first) == []
    assert activated(first) == set(ALL)
    second = read(box, *ALL, state=first.states[-1], **VERSIONED)
    assert pages(box)[1] >= PAGES
    assert activated(second) == set(MONEY)
    # One event's orders are read whole once more, the other's payments by themselves.
    state = second.states[-1]
    events = state["bookmarks"]["orders"]["events"]["riverside"]
    dropped = min(events)
    del events[dropped]
    third = read(box, *ALL, state=state, **VERSIONED)
    assert {request.path.split("/")[-3] for request in box.requests("/orders/$") if "include" in request.query} == (
        {slug for slug in box.organizers.organizers["riverside"].events if slug != dropped}
    )
    assert activated(third) >= set(MONEY)
    for result in (second, third):
        for stream in MONEY:
            assert keys(result, stream) == keys(first, stream)


# --- what comes first -------------------------------------------------------------------------------------------------


def test_what_can_be_resumed_is_read_before_what_starts_over(box: Sandbox) -> None:
    some = ("orders", "transactions", "subevents", "tax_rules", "invoices", "customers")
    read(box, *some, max_concurrency=1)
    lists = [request.path.rstrip("/").rpartition("/")[2] for request in box.requests("/organizers/riverside/.+")]
    resumable = [lists.index(noun) for noun in ("orders", "transactions", "subevents")]
    assert max(resumable) < min(lists.index(noun) for noun in ("taxrules", "invoices", "customers"))
