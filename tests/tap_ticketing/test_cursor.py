"""The ticket-code cursor: to the end of every list, on from the bookmark, and back when that leads nowhere."""

from __future__ import annotations

import datetime as dt
import json
import typing as t

import pytest

from sandbox import Fault, Request, Sandbox
from tests.support.ticketing import (
    SHAPES,
    bookmarks,
    codes,
    every_code,
    fails,
    lists,
    run,
    settings,
    since,
    ticketing_box,
)

if t.TYPE_CHECKING:
    from tests.conftest import Json

both_shapes = pytest.mark.parametrize("shape", SHAPES)


# --- to the end ---------------------------------------------------------------------------------------------------


@both_shapes
@pytest.mark.parametrize(("attendees", "pages"), [(0, 0), (1, 1), (49, 1), (50, 1), (51, 2), (100, 2)])
def test_a_list_is_read_until_an_empty_page(attendees: int, pages: int, shape: str) -> None:
    with ticketing_box(events=1, attendees=attendees) as box:
        result = run(settings(box, shape))
        assert codes(result) == box.ticketing.codes()
        assert len(codes(result)) == attendees
        assert len(lists(box)) == pages + 1
        assert result.warnings() == []


def test_ten_thousand_attendees_come_once_and_in_order() -> None:
    with ticketing_box(attendees=10_000) as box:
        result = run(settings(box), "attendees")
        assert codes(result) == box.ticketing.codes()
        assert len({record["id"] for record in result.records["attendees"]}) == 10_000
        assert result.warnings() == []


@both_shapes
def test_each_page_is_asked_for_with_the_last_ticket_of_the_page_before(shape: str) -> None:
    with ticketing_box(events=1, attendees=120) as box:
        run(settings(box, shape))
        known = box.ticketing.codes()
        assert since(box) == [None, known[49], known[99], known[119]]
        assert {request.method for request in box.log} == {"POST"}
        assert {request.body for request in lists(box)} == {b""}


@both_shapes
def test_rows_that_are_repeated_over_page_borders_are_written_once(shape: str) -> None:
    with ticketing_box(attendees=400) as box:
        box.ticketing.page_size = 10
        box.ticketing.overlap = 3
        result = run(settings(box, shape))
        assert codes(result) == every_code(box, shape)
        answers = [(row["attendee_id"], row["field_id"]) for row in result.records["attendee_answers"]]
        assert len(answers) == len(set(answers)) == 5 * 400


@both_shapes
def test_a_page_that_comes_again_is_an_error_and_the_next_run_completes(shape: str) -> None:
    with ticketing_box(events=1, attendees=120) as box:
        box.faults.add(Fault("/attendees$", "repeat_page", after=2, times=None))
        result, line = fails(settings(box, shape))
        assert "attendees: the cursor ticket_code does not move on" in line
        assert codes(result) == box.ticketing.codes()[:100]
        box.faults.clear()
        rest = run(settings(box, shape), state=result.states[-1])
        assert codes(result) + codes(rest) == box.ticketing.codes()


@both_shapes
def test_a_cursor_that_is_stuck_is_an_error_and_not_an_endless_loop(shape: str) -> None:
    with ticketing_box(events=1, attendees=120) as box:
        box.ticketing.stuck = True
        result, line = fails(settings(box, shape))
        assert "the cursor ticket_code does not move on" in line
        assert codes(result) == box.ticketing.codes()[:50]
        assert len(lists(box)) == 2


@pytest.mark.parametrize("code", [None, "", [], {}])
def test_a_row_without_a_ticket_code_comes_and_the_last_one_that_has_goes_on(code: object, sandbox: Sandbox) -> None:
    every = sandbox.ticketing.codes()
    sandbox.ticketing.change_attendee(every[49], ticket_code=code)
    result = run(settings(sandbox), "attendees")
    assert len({row["id"] for row in result.records["attendees"]}) == len(every)
    assert since(sandbox)[:2] == [None, every[48]]
    assert bookmarks(result.states[-1])["replication_key_value"] == every[-1]


@pytest.mark.parametrize("code", [None, ""])
def test_a_list_may_end_with_a_row_without_a_ticket_code(code: object) -> None:
    with ticketing_box(events=1, attendees=3) as box:
        every = box.ticketing.codes()
        box.ticketing.change_attendee(every[-1], ticket_code=code)
        first = run(settings(box), "attendees")
        assert len(first.records["attendees"]) == 3
        assert bookmarks(first.states[-1])["replication_key_value"] == every[-2]
        again = run(settings(box), "attendees", state=first.states[-1])
        assert [row["ticket_code"] for row in again.records["attendees"]] == [code]


def test_ticket_codes_that_are_numbers_lead_on_as_text() -> None:
    with ticketing_box(events=1, attendees=1) as box:
        page = json.dumps({"total": 1, "attendees": [{"id": 7, "ticket_code": 4711}]})
        box.faults.add(
            Fault("/attendees$", status=200, body=page), Fault("/attendees$", status=200, body='{"attendees":[]}')
        )
        result = run(settings(box), "attendees")
        assert codes(result) == ["4711"]
        assert since(box) == [None, "4711"]
        assert bookmarks(result.states[-1])["replication_key_value"] == "4711"


# --- the total ----------------------------------------------------------------------------------------------------


@both_shapes
def test_a_list_that_came_short_of_its_total_is_read_once_more_and_then_reported(shape: str) -> None:
    with ticketing_box(events=1, attendees=60) as box:
        box.ticketing.extra_total = 5
        result = run(settings(box, shape))
        assert codes(result) == box.ticketing.codes()
        known = box.ticketing.codes()
        assert since(box) == [None, known[49], known[59]] * 2
        (warning,) = result.warnings()
        assert "attendees: 60 of 65 rows" in warning


@both_shapes
def test_rows_that_a_run_did_not_get_are_said_to_be_missing_until_they_come(shape: str) -> None:
    with ticketing_box(events=1, attendees=130) as box:
        box.faults.add(*(Fault("/attendees$", "shrink", n=50, after=after) for after in (1, 2)))
        state, known = None, box.ticketing.codes()
        for asked in ([None, known[49]] * 2, [known[49]], [known[49]]):
            box.clear_log()
            short = run(settings(box, shape), "attendees", state=state)
            assert since(box) == asked, "the whole list is read once more only by the run that came short"
            (warning,) = short.warnings()
            assert "attendees: 50 of 130 rows" in warning or "attendees: 0 of 80 rows" in warning
            state = short.states[-1]
            box.faults.clear()
            box.faults.add(Fault("/attendees$", "shrink", n=50))
        box.faults.clear()
        added = len(box.ticketing.add_attendees(3))
        rest = run(settings(box, shape), "attendees", state=state)
        assert len(codes(rest)) == 80 + added
        assert rest.warnings() == []
        event = next(iter(box.ticketing.events))
        for left in (rest.states[-1], merged(state, rest.states[-1])):
            kept = bookmarks(left)
            assert (kept["shortfall"] if shape == "flat" else kept["shortfalls"][str(event)]) == 0
        assert run(settings(box, shape), "attendees", state=rest.states[-1]).warnings() == []


@both_shapes
def test_new_rows_come_from_a_list_that_is_always_short(shape: str) -> None:
    with ticketing_box(events=1, attendees=60) as box:
        box.ticketing.extra_total = 5
        state = run(settings(box, shape), "attendees").states[-1]
        for _ in range(2):
            box.clear_log()
            new = [row["ticket_code"] for row in box.ticketing.add_attendees(7)]
            later = run(settings(box, shape), "attendees", state=state)
            assert codes(later) == new
            assert len(since(box)) == 2, "the list is not read from its beginning"
            (warning,) = later.warnings()
            assert "attendees: 7 of 12 rows" in warning
            state = later.states[-1]


@both_shapes
def test_a_list_that_ends_too_early_is_completed_by_reading_it_once_more(shape: str) -> None:
    with ticketing_box(events=1, attendees=120) as box:
        box.faults.add(Fault("/attendees$", "shrink", n=50, after=1))
        result = run(settings(box, shape))
        assert codes(result) == box.ticketing.codes()
        assert result.warnings() == []


@both_shapes
def test_a_service_that_tells_no_total_is_believed(shape: str) -> None:
    with ticketing_box(attendees=60) as box:
        box.ticketing.show_total = False
        result = run(settings(box, shape))
        assert codes(result) == every_code(box, shape)
        assert run(settings(box, shape), "attendees", state=result.states[-1]).records == {}


@both_shapes
def test_attendees_who_arrive_while_the_list_is_read_are_in_it(shape: str) -> None:
    with ticketing_box(events=1, attendees=60) as box:
        arrived: list[Json] = []

        def arrive(request: Request, _: Sandbox) -> None:
            if request.path.endswith("/attendees") and len(arrived) < 3:
                arrived.extend(box.ticketing.add_attendees(1))

        box.on_request(arrive)
        result = run(settings(box, shape))
        assert codes(result) == box.ticketing.codes()
        assert len(codes(result)) == 63


@both_shapes
def test_attendees_who_are_deleted_while_the_list_is_read_are_not_missed(shape: str) -> None:
    with ticketing_box(events=1, attendees=120) as box:
        first = box.ticketing.codes()[0]

        def delete(request: Request, _: Sandbox) -> None:
            if request.parameter("since") and first in box.ticketing.codes():
                box.ticketing.remove_attendee(first)

        box.on_request(delete)
        result = run(settings(box, shape))
        assert codes(result)[1:] == box.ticketing.codes()
        assert result.warnings() == []


# --- on from the bookmark -----------------------------------------------------------------------------------------


@both_shapes
def test_a_second_run_reads_only_what_is_new(shape: str) -> None:
    with ticketing_box(attendees=180) as box:
        first = run(settings(box, shape))
        last = {box.ticketing.codes(event)[-1] for event in box.ticketing.events}
        box.clear_log()
        second = run(settings(box, shape), state=first.states[-1])
        assert codes(second) == []
        assert second.records["attendee_answers"] == []
        assert set(since(box)) == ({box.ticketing.codes()[-1]} if shape == "flat" else last)
        assert len(lists(box)) == len(set(since(box)))

        new = [row["ticket_code"] for row in box.ticketing.add_attendees(70)]
        third = run(settings(box, shape), state=first.states[-1])
        assert sorted(codes(third)) == sorted(new)
        assert {row["ticket_code"] for row in third.records["attendee_answers"]} == set(new)


def test_the_bookmark_of_one_list_is_its_last_ticket_as_the_sdk_would_keep_it(sandbox: Sandbox) -> None:
    state = run(settings(sandbox)).states[-1]
    bookmark = {"replication_key": "ticket_code", "replication_key_value": sandbox.ticketing.codes()[-1], "total": 60}
    assert state == {"bookmarks": {"attendees": bookmark, "attendee_answers": bookmark}}


def test_each_event_has_its_own_bookmark_in_a_dictionary(sandbox: Sandbox) -> None:
    state = run(settings(sandbox, "partitioned")).states[-1]
    events = sandbox.ticketing.events
    expected = {
        "events": {str(event): sandbox.ticketing.codes(event)[-1] for event in events},
        "totals": {str(event): len(sandbox.ticketing.codes(event)) for event in events},
    }
    assert bookmarks(state) == bookmarks(state, "attendee_answers") == expected
    assert set(state["bookmarks"]) == {"events", "attendees", "attendee_answers"}


def test_the_state_of_many_events_is_small_and_has_no_lists() -> None:
    with ticketing_box(events=300, attendees=1500) as box:
        state = run(settings(box, "partitioned"), "attendees").states[-1]
        assert len(bookmarks(state)["events"]) == len(
            [event for event in box.ticketing.events.values() if event.arrivals]
        )
        assert len(json.dumps(state)) < 70 * 300
        assert "[" not in json.dumps(state)


def merged(one: t.Any, other: t.Any) -> t.Any:
    """Return what `meltano state merge` makes of two states."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return other
    return {**one, **{name: merged(one[name], value) if name in one else value for name, value in other.items()}}


def test_states_of_runs_over_different_events_can_be_merged() -> None:
    with ticketing_box(events=6, attendees=200) as box:
        whole = run(settings(box, "partitioned")).states[-1]
        shards = []
        for names in (["1", "2", "3"], ["4", "5", "6"]):
            maps = {"events": {"__filter__": f"name[-1] in {names}"}}
            shards.append(run(settings(box, "partitioned", stream_maps=maps)).states[-1])
        assert [len(bookmarks(shard)["events"]) for shard in shards] == [3, 3]
        state = merged(*shards)
        assert state == whole
        again = run(settings(box, "partitioned"), state=state)
        assert codes(again) == []


@both_shapes
def test_a_run_that_breaks_off_is_continued_from_its_last_state(shape: str) -> None:
    with ticketing_box(events=3, attendees=300) as box:
        box.faults.add(Fault("/attendees$", status=418, after=4, times=None))
        first, _ = fails(settings(box, shape))
        box.faults.clear()
        second = run(settings(box, shape), state=first.states[-1])
        assert sorted(codes(first) + codes(second)) == sorted(every_code(box, shape))
        assert len(codes(first)) < 300


@both_shapes
def test_every_state_is_true_when_it_is_written(shape: str) -> None:
    """Whatever STATE a loader has seen last: what came before it, and a run from there, is everything."""
    with ticketing_box(events=3, attendees=90) as box:
        box.ticketing.page_size = 10
        result = run(settings(box, shape), "attendees")
        before: list[str] = []
        states = 0
        for message in result.messages:
            if message["type"] == "RECORD":
                before.append(message["record"]["ticket_code"])
            elif message["type"] == "STATE":
                states += 1
                rest = run(settings(box, shape), "attendees", state=message["value"])
                assert before + codes(rest) == every_code(box, shape)
        assert states > 2


@both_shapes
def test_full_table_in_the_catalog_reads_everything_again(shape: str) -> None:
    with ticketing_box(attendees=120) as box:
        state = run(settings(box, shape)).states[-1]
        changed = box.ticketing.codes()[0]
        box.ticketing.check_in(changed)
        again = run(settings(box, shape), state=state, full_table=True)
        assert codes(again) == every_code(box, shape)
        assert len(again.records["attendee_answers"]) == 5 * 120
        row = next(row for row in again.records["attendees"] if row["ticket_code"] == changed)
        assert row["checkins"][0]["date"].endswith("Z")
        fresh = run(settings(box, shape), full_table=True)
        assert "attendees" not in json.dumps(fresh.states)


@both_shapes
def test_start_date_never_becomes_a_cursor(shape: str, sandbox: Sandbox) -> None:
    config = settings(sandbox, shape, start_date="2026-01-01T00:00:00Z")
    result = run(config)
    assert len(codes(result)) == 60
    assert since(sandbox)[0] is None
    assert "2026-01-01" not in " ".join(request.query_string for request in sandbox.log)
    assert "2026-01-01" not in json.dumps(result.states)


@both_shapes
def test_a_stream_that_is_selected_later_is_read_from_its_beginning(shape: str, sandbox: Sandbox) -> None:
    config = settings(sandbox, shape)
    first = run(config, "attendees")
    second = run(config, "attendees", "attendee_answers", state=first.states[-1])
    assert len(second.records["attendee_answers"]) == 5 * 60
    third = run(config, "attendees", "attendee_answers", state=second.states[-1])
    assert third.records == {}


@both_shapes
@pytest.mark.parametrize("kept", [17, ["T1"], {"since": "T1"}, True])
def test_a_bookmark_that_is_no_ticket_code_means_a_full_read(kept: object, shape: str, sandbox: Sandbox) -> None:
    event = str(next(iter(sandbox.ticketing.events)))
    one = {"replication_key_value": kept} if shape == "flat" else {"events": {event: kept}}
    result = run(settings(sandbox, shape), "attendees", state={"bookmarks": {"attendees": one}})
    assert codes(result) == every_code(sandbox, shape)
    assert result.warnings() == ["attendees: the bookmark is not a ticket code; reading all"]


@both_shapes
def test_a_state_of_before_there_were_totals_is_gone_on_from(shape: str, sandbox: Sandbox) -> None:
    known = every_code(sandbox, shape)
    state = run(settings(sandbox, shape), "attendees").states[-1]
    bookmarks(state).pop("total" if shape == "flat" else "totals")
    sandbox.ticketing.add_attendees(4)
    again = run(settings(sandbox, shape), "attendees", state=state)
    assert len(codes(again)) == 4
    assert not set(codes(again)) & set(known)
    assert again.warnings() == []


def test_a_stream_map_does_not_change_the_bookmark(sandbox: Sandbox) -> None:
    config = settings(sandbox, stream_maps={"attendees": {"ticket_code": "md5(ticket_code)"}})
    result = run(config)
    assert not set(codes(result)) & set(sandbox.ticketing.codes())
    assert bookmarks(result.states[-1])["replication_key_value"] == sandbox.ticketing.codes()[-1]
    assert run(config, "attendees", state=result.states[-1]).records == {}


# --- a bookmark whose ticket is gone ------------------------------------------------------------------------------


def gone(box: Sandbox, event: int) -> str:
    """Delete the last attendee of an event, where a bookmark stands, and let others arrive."""
    last = box.ticketing.codes(event)[-1]
    box.ticketing.remove_attendee(last)
    box.ticketing.add_attendees(3, event=event)
    return last


@both_shapes
@pytest.mark.parametrize("habit", ["error", "full", "empty"])
def test_a_bookmark_whose_ticket_is_gone_leads_to_a_full_read_with_a_warning(habit: str, shape: str) -> None:
    with ticketing_box(events=1, attendees=60) as box:
        (event,) = box.ticketing.events
        box.ticketing.unknown_code = habit
        first = run(settings(box, shape))
        last = gone(box, event)
        box.clear_log()
        second = run(settings(box, shape), state=first.states[-1])
        assert since(box)[0] == last
        assert codes(second) == every_code(box, shape)
        (warning,) = second.warnings()
        assert "the whole list" in warning
        assert "bookmark" in warning
        box.clear_log()
        third = run(settings(box, shape), "attendees", state=second.states[-1])
        assert third.records == {}
        assert len(lists(box)) == 1
        assert third.warnings() == []


def test_only_the_list_whose_ticket_is_gone_is_read_again(sandbox: Sandbox) -> None:
    first = run(settings(sandbox, "partitioned"))
    event = list(sandbox.ticketing.events)[1]
    gone(sandbox, event)
    second = run(settings(sandbox, "partitioned"), state=first.states[-1])
    assert codes(second) == sandbox.ticketing.codes(event)
    (warning,) = second.warnings()
    assert f"event {event}" in warning


@both_shapes
def test_the_bookmark_stays_if_the_whole_list_cannot_be_read_either(shape: str, sandbox: Sandbox) -> None:
    state = run(settings(sandbox, shape), "attendees").states[-1]
    sandbox.faults.add(Fault("/attendees$", "error_200", times=None))
    result, line = fails(settings(sandbox, shape), "attendees", state=state)
    assert "Something went wrong" in line
    assert all(bookmarks(kept) == bookmarks(state) for kept in result.states)
    assert len(lists(sandbox)) >= 2


@both_shapes
@pytest.mark.parametrize(
    "fault",
    [
        Fault("/attendees$", "html", times=None),
        Fault("/attendees$", "no_results", times=None),
        Fault("/attendees$", status=418, times=None),
    ],
    ids=lambda fault: fault.kind,
)
def test_an_answer_that_says_nothing_about_the_ticket_is_an_error_at_once(
    fault: Fault, shape: str, sandbox: Sandbox
) -> None:
    state = run(settings(sandbox, shape), "attendees").states[-1]
    sandbox.clear_log()
    sandbox.faults.add(fault)
    result, _ = fails(settings(sandbox, shape, max_concurrency=1), "attendees", state=state)
    events = [request.parameter("id") for request in lists(sandbox)]
    assert len(events) == len(set(events)), "each list is asked for once"
    assert all(bookmarks(kept) == bookmarks(state) for kept in result.states)
    sandbox.faults.clear()


@both_shapes
def test_a_list_of_which_everything_is_deleted_leaves_no_bookmark(shape: str) -> None:
    with ticketing_box(events=1, attendees=2) as box:
        first = run(settings(box, shape), "attendees")
        for code in box.ticketing.codes():
            box.ticketing.remove_attendee(code)
        second = run(settings(box, shape), "attendees", state=first.states[-1])
        assert second.records == {}
        left = bookmarks(second.states[-1])
        assert left.get("replication_key_value") is None
        assert left.get("events", {}) == {}
        third = run(settings(box, shape), "attendees", state=second.states[-1])
        assert third.warnings() == []


@both_shapes
def test_an_attendee_who_comes_back_behind_the_bookmark_is_noticed_by_the_total(shape: str) -> None:
    with ticketing_box(events=1, attendees=60) as box:
        (event,) = box.ticketing.events
        back = box.ticketing.codes()[10]
        box.ticketing.remove_attendee(back)
        first = run(settings(box, shape), "attendees")
        box.ticketing._removed.clear()
        box.ticketing.events[event].arrivals.insert(10, 10)
        second = run(settings(box, shape), "attendees", state=first.states[-1])
        assert back not in codes(first)
        assert back in codes(second)
        (warning,) = second.warnings()
        assert "the whole list" in warning


# --- events that left the list ------------------------------------------------------------------------------------


def days_ago(days: int) -> str:
    return (dt.datetime.now(dt.timezone.utc).date() - dt.timedelta(days=days)).isoformat()


def test_an_event_that_ended_is_still_read_below_but_is_no_record(sandbox: Sandbox) -> None:
    first = run(settings(sandbox, "partitioned"))
    ended, *active = sandbox.ticketing.events
    sandbox.ticketing.end_event(ended)
    late = sandbox.ticketing.add_attendees(2, event=ended)
    second = run(settings(sandbox, "partitioned"), state=first.states[-1])
    assert [row["id"] for row in second.records["events"]] == active
    assert codes(second) == [row["ticket_code"] for row in late]
    assert {row["event_id"] for row in second.records["attendees"]} == {ended}
    assert ended in {row["event_id"] for row in second.records["tickets"]}
    assert second.warnings() == []


@pytest.mark.parametrize(
    ("setting", "age", "is_read"),
    [
        (None, 30, True),
        (None, 31, False),
        (3, 3, True),
        (3, 4, False),
        (0, 0, False),
    ],
)
def test_an_ended_event_is_followed_for_some_days_and_then_forgotten(
    setting: int | None,
    age: int,
    is_read: bool,  # noqa: FBT001
    sandbox: Sandbox,
) -> None:
    config = settings(sandbox, "partitioned")
    if setting is not None:
        config["follow_ended_events_days"] = setting
    state = run(config).states[-1]
    ended = next(iter(sandbox.ticketing.events))
    sandbox.ticketing.end_event(ended)
    state["bookmarks"]["events"]["active"][str(ended)] = days_ago(age)
    sandbox.clear_log()
    result = run(config, state=state)
    assert (str(ended) in {request.parameter("id") for request in lists(sandbox)}) is is_read
    left = result.states[-1]
    if is_read:
        assert left["bookmarks"]["events"]["active"][str(ended)] == days_ago(age)
    else:
        assert str(ended) not in json.dumps(left)
    others = [str(event) for event in sandbox.ticketing.events if event != ended]
    assert [left["bookmarks"]["events"]["active"][event] for event in others] == [days_ago(0)] * 3


def test_an_event_that_comes_back_is_read_as_a_whole(sandbox: Sandbox) -> None:
    state = run(settings(sandbox, "partitioned")).states[-1]
    event = next(iter(sandbox.ticketing.events))
    sandbox.ticketing.end_event(event)
    state["bookmarks"]["events"]["active"][str(event)] = days_ago(99)
    state = run(settings(sandbox, "partitioned"), state=state).states[-1]
    sandbox.ticketing.events[event].ended = False
    assert codes(run(settings(sandbox, "partitioned"), state=state)) == sandbox.ticketing.codes(event)


def test_events_that_a_filter_leaves_out_are_not_followed(sandbox: Sandbox) -> None:
    wanted = settings(sandbox, "partitioned", stream_maps={"events": {"__filter__": "'Jazz' in name"}})
    first = run(wanted)
    (jazz,) = [row["id"] for row in first.records["events"]]
    assert set(first.states[-1]["bookmarks"]["events"]["active"]) == {str(jazz)}
    for event in sandbox.ticketing.events:
        sandbox.ticketing.end_event(event)
    late = sandbox.ticketing.add_attendees(4)
    second = run(wanted, state=first.states[-1])
    assert codes(second) == [late[0]["ticket_code"]]
    assert second.records["events"] == []


def test_flat_lists_follow_nothing(sandbox: Sandbox) -> None:
    assert "events" not in run(settings(sandbox)).states[-1]["bookmarks"]


# --- an event that is deleted -------------------------------------------------------------------------------------


class Deletion:
    """Deletes an event when its attendees are asked for."""

    def __init__(self, event: int, *, is_listed: bool) -> None:
        self.event, self.is_listed = event, is_listed

    def __call__(self, request: Request, box: Sandbox) -> None:
        if request.path.endswith("/attendees") and request.parameter("id") == str(self.event):
            box.ticketing.vanish_event(self.event)
            if not self.is_listed:
                box.ticketing.end_event(self.event)


@pytest.mark.parametrize("as_200", [True, False])
def test_an_event_that_is_deleted_after_it_was_listed_costs_a_warning(as_200: bool, sandbox: Sandbox) -> None:  # noqa: FBT001
    sandbox.ticketing.errors_as_200 = as_200
    event = list(sandbox.ticketing.events)[1]
    sandbox.on_request(Deletion(event, is_listed=False))
    result = run(settings(sandbox, "partitioned", max_concurrency=1))
    others = [code for other in sandbox.ticketing.events if other != event for code in sandbox.ticketing.codes(other)]
    assert codes(result) == others
    assert result.warnings() == [
        f"{stream}: event {event} is gone (Event not found)"
        if not as_200
        else f"{stream}: event {event} is gone (the API answered with an error: Event not found)"
        for stream in ("attendees", "tickets")
    ]


def test_an_event_with_a_bookmark_that_is_deleted_costs_warnings_and_no_other_event(sandbox: Sandbox) -> None:
    first = run(settings(sandbox, "partitioned"))
    event, *others = sandbox.ticketing.events
    sandbox.ticketing.vanish_event(event)
    sandbox.ticketing.end_event(event)
    late = [row["ticket_code"] for other in others for row in sandbox.ticketing.add_attendees(1, event=other)]
    second = run(settings(sandbox, "partitioned"), state=first.states[-1])
    assert sorted(codes(second)) == sorted(late)
    assert [line for line in second.warnings() if f"event {event} is gone" in line]


def test_an_error_below_an_event_that_is_still_listed_fails_its_list_and_no_other(sandbox: Sandbox) -> None:
    event = list(sandbox.ticketing.events)[1]
    sandbox.on_request(Deletion(event, is_listed=True))
    result, line = fails(settings(sandbox, "partitioned", max_concurrency=1))
    assert "attendees: the API answered with an error: Event not found" in line
    others = [one for one in sandbox.ticketing.events if one != event]
    assert codes(result) == [code for one in others for code in sandbox.ticketing.codes(one)]
