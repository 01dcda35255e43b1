"""What the credential sees is said once, and a list that is short by the rest is not taken for complete."""

from __future__ import annotations

import typing as t
from datetime import timedelta

import pytest

from rest_tap.errors import Forbidden, ListsFailed
from rest_tap.report import MAX_NAMES as NAMES
from sandbox import Fault, Sandbox, Scale
from tests.conftest import discovered, only, organizers_config, run_tap

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Json, Result, Waits

READS_ORDERS = "event.orders:read"
ORDERS = "/organizers/riverside/orders/"
#: The first of the events by slug, which is the one that is asked for.
FIRST = "/organizers/riverside/events/chamber-2"
#: Lists of all events that take this permission.
OF_ORDERS = ("orders", "transactions", "invoices")
SEES_SIX = "the credential sees 6 events of riverside"
MISSING = f"it takes the permission {READS_ORDERS} (can_view_orders before pretix 2026.3)"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """One organizer, of whom a credential may see less."""
    with Sandbox(scale=Scale(organizers=1, events=6, tax_rules=6, orders=30, ticketing_events=1, attendees=1)) as box:
        yield box


def read(
    box: Sandbox, *streams: str, state: Json | None = None, fails: type[Exception] | None = None, **more: t.Any
) -> Result:
    """Read these streams."""
    config = organizers_config(box, **more)
    return run_tap(config, only(discovered(config), *streams), state, fails=fails)


def said(result: Result) -> list[str]:
    """Return what was said about what the credential sees."""
    return [line for line in result.lines() if "the credential sees" in line]


def asked(box: Sandbox, path: str, status: int = 200) -> list[str | None]:
    """Return the page size of each request for a list that was answered so."""
    return [request.parameter("page_size") for request in box.requests(path) if request.status == status]


# --- how many events --------------------------------------------------------------------------------------------------


def test_a_run_that_reads_events_says_how_many_the_credential_sees_without_a_request(box: Sandbox) -> None:
    token = box.organizers.add_token(events=["jazz-1"])
    result = read(box, "events", "orders", "subevents", api_token=token)
    assert said(result) == [
        "the credential sees 1 event of riverside; lists of all events (orders, subevents) have rows of no others"
    ]
    assert {row["event"] for row in result.records["orders"]} == {"jazz-1"}
    assert asked(box, "/events/$") == ["50"]
    assert result.warnings() == []


def test_a_list_read_from_its_beginning_is_worth_one_request_for_the_number_of_events(box: Sandbox) -> None:
    first = read(box, *OF_ORDERS)
    assert said(first) == [f"{SEES_SIX}; lists of all events (invoices, orders, transactions) have rows of no others"]
    assert asked(box, "/events/$") == ["1"]
    box.clear_log()
    second = read(box, "orders", "transactions", state=first.states[-1])
    assert said(second) == []
    assert asked(box, "/events/") == []
    assert asked(box, "/(orders|transactions)/$") == ["50", "50"]


def test_only_lists_of_all_events_are_named_and_only_what_is_known_is_said(box: Sandbox) -> None:
    assert said(read(box, "events", "items")) == [SEES_SIX]
    assert said(read(box, "organizers", "gift_cards")) == []


def test_of_many_organizers_the_line_names_a_few() -> None:
    with Sandbox(scale=Scale(organizers=NAMES + 2, events=1, tax_rules=1, orders=1)) as many:
        (line,) = said(read(many, "events"))
    assert line.count(" events of ") == NAMES
    assert line.endswith(" and 2 more organizers")


def test_a_server_that_does_not_tell_the_number_does_not_end_the_run(box: Sandbox, no_waiting: Waits) -> None:
    box.faults.add(Fault("/events/$", status=500, times=None))
    result = read(box, "orders")
    assert said(result) == []
    assert len(result.records["orders"]) == len(box.organizers.rows(ORDERS))
    assert no_waiting.seconds


# --- lists that are withheld ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", OF_ORDERS)
def test_an_empty_list_that_may_not_be_read_is_denied_and_not_empty(stream: str, box: Sandbox) -> None:
    token = box.organizers.add_token(permissions=[])
    result = read(box, stream, api_token=token, fails=Forbidden)
    assert str(result.error).startswith(f"{stream}: You do not have permission to perform this action.; {MISSING}")
    assert f"({FIRST}/{stream}, status 403)" in str(result.error)
    assert not any(state.get("bookmarks") for state in result.states)


def test_one_event_is_asked_for_all_the_lists_that_take_one_permission(box: Sandbox) -> None:
    token = box.organizers.add_token(permissions=[])
    result = read(box, *OF_ORDERS, "order_payments", "events", api_token=token, on_denied="skip")
    # The list of one event, and whether the event is still there.
    assert [request.path for request in box.requests("/events/.+")] == [f"/api/v1{FIRST}/orders/", f"/api/v1{FIRST}/"]
    *each, summary = result.warnings()
    assert sorted(line.partition(":")[0] for line in each) == ["invoices", "order_payments", "orders", "transactions"]
    assert all(MISSING in line for line in each)
    assert summary.endswith("invoices (1), order_payments (1), orders (1), transactions (1)")
    assert said(result) == [SEES_SIX]


def test_rows_that_were_withheld_come_once_they_may_be_read(box: Sandbox) -> None:
    token = box.organizers.add_token(permissions=[])
    before = read(box, "orders", "events", api_token=token, on_denied="skip")
    assert before.records["orders"] == []
    after = read(box, "orders", state=before.states[-1] if before.states else None)
    assert len(after.records["orders"]) == len(box.organizers.rows(ORDERS))


@pytest.mark.parametrize("later", [timedelta(hours=5), timedelta(days=3)], ids=["hours later", "days later"])
def test_a_permission_that_is_taken_away_for_a_while_loses_no_row(later: timedelta, box: Sandbox) -> None:
    first = read(box, "orders")
    box.organizers._now += later
    box.organizers.change_order("riverside", "GALA9", comment="changed")
    box.organizers._now += later
    token = box.organizers.add_token(permissions=[])
    blind = read(box, "orders", api_token=token, on_denied="skip", state=first.states[-1])
    # It is found out after a day; until then the bookmark waits, without a request.
    is_told = bool(blind.warnings())
    assert is_told == (later > timedelta(days=1))
    assert len(box.requests(f"{FIRST}/orders/$")) == is_told
    assert blind.records["orders"] == []
    state = blind.states[-1] if blind.states else first.states[-1]
    assert state == first.states[-1]
    assert [row["code"] for row in read(box, "orders", state=state).records["orders"]] == ["GALA9"]


def test_of_a_list_in_which_nothing_happens_it_is_found_out_once_a_day(box: Sandbox) -> None:
    state = read(box, "orders").states[-1]
    box.clear_log()
    checked = []
    for _ in range(11):
        box.organizers._now += timedelta(hours=5)
        result = read(box, "orders", state=state)
        assert result.warnings() == []
        state = result.states[-1]
        checked.append(len(asked(box, f"{FIRST}/orders/$")))
        box.clear_log()
    assert [hours * 5 for hours, count in enumerate(checked, 1) if count] == [25, 50]


@pytest.mark.parametrize(("status", "words"), [(403, "denied"), (404, None)])
def test_an_empty_list_ends_no_run_because_its_events_cannot_be_listed(
    status: int, words: str | None, box: Sandbox
) -> None:
    box.organizers.rows(ORDERS).clear()
    box.faults.add(Fault("/riverside/events/$", status=status, body='{"detail": "No."}', times=None))
    result = read(box, "orders", on_denied="skip")
    told = result.warnings()
    assert bool(told) == bool(words)
    assert all("skipped" in line and words in line for line in told if words)
    # Whether rows are withheld is not known where the events are denied.
    assert bool(result.states[-1]["bookmarks"].get("orders")) == (words is None)


def test_an_empty_list_that_may_be_read_is_empty(box: Sandbox) -> None:
    box.organizers.rows(ORDERS).clear()
    result = read(box, "orders")
    assert asked(box, f"{FIRST}/orders/$") == ["1"]
    assert result.warnings() == []
    assert result.states[-1]["bookmarks"]["orders"]["organizers"]["riverside"]


def test_without_an_event_there_is_nothing_to_be_withheld(box: Sandbox) -> None:
    result = read(box, "orders", api_token=box.organizers.add_token(events=[], permissions=[]))
    assert said(result) == [
        "the credential sees 0 events of riverside; lists of all events (orders) have rows of no others"
    ]
    assert result.warnings() == []


def test_a_list_of_all_events_is_without_the_rows_of_those_whose_own_lists_are_denied(box: Sandbox) -> None:
    box.organizers.deny("/events/jazz-1/checkins/")
    box.organizers.deny("/events/jazz-1/vouchers/")
    result = read(box, "orders", "subevents", "checkins", "vouchers", on_denied="skip")
    assert [line for line in result.warnings() if "without the rows" in line] == [
        "orders: without the rows of 1 event, whose own lists were denied (riverside/jazz-1)"
    ]


def test_tickets_of_a_check_in_list_that_only_scanners_may_read_are_denied_and_not_none(box: Sandbox) -> None:
    token = box.organizers.add_token(permissions=["event.orders:checkin"])
    result = read(box, "checkin_list_positions", api_token=token, on_denied="skip")
    assert result.records["checkin_list_positions"] == []
    told, summary = result.warnings()
    assert told == f"checkin_list_positions: skipped, denied; {MISSING}"
    lists = [row for event in box.organizers.organizers["riverside"].events for row in checkin_lists(box, event)]
    full = [row for row in lists if row["position_count"]]
    assert summary == f"skipped as denied (number of lists): checkin_list_positions ({len(full)})"
    assert 1 < len({row["event"] for row in full}) == len(asked(box, "/orders/$", 403)) < len(full)
    with pytest.raises(ListsFailed, match=READS_ORDERS):
        run_tap(organizers_config(box, api_token=token), only(discovered({}), "checkin_list_positions"))


def checkin_lists(box: Sandbox, event: str) -> list[Json]:
    """Return the check-in lists of an event."""
    path = f"/organizers/riverside/events/{event}/checkinlists/"
    return [{**row, "event": event} for row in box.organizers.rows(path)]


def test_lists_below_chosen_events_are_denied_themselves(box: Sandbox) -> None:
    token = box.organizers.add_token(permissions=[])
    result = read(box, "orders", api_token=token, events=["jazz-1"], fails=Forbidden)
    assert MISSING in str(result.error)
    assert asked(box, "/events/$") == ["50"]


def test_an_event_that_becomes_visible_later_is_loaded_by_a_run_of_its_own(box: Sandbox) -> None:
    """As the documentation says: its orders lie before the bookmark."""
    first = read(box, "orders", api_token=box.organizers.add_token(events=["jazz-1"]))
    there = {row["code"]: row["event"] for row in box.organizers.rows(ORDERS)}
    late = max(event for event in there.values() if event != "jazz-1")
    state = first.states[-1]
    token = box.organizers.add_token(events=["jazz-1", late])
    assert read(box, "orders", api_token=token, state=state).records["orders"] == []
    alone = read(box, "orders", api_token=token, events=[late])
    assert {row["code"] for row in alone.records["orders"]} == {code for code, event in there.items() if event == late}


# --- an answer that is missing ----------------------------------------------------------------------------------------


def test_a_denied_list_of_an_event_that_cannot_be_asked_for_keeps_no_other_from_being_read(box: Sandbox) -> None:
    first = next(iter(box.organizers.organizers["riverside"].events))
    whole = read(box, "events", "tax_rules")
    box.organizers.deny(f"/events/{first}/taxrules/")
    box.faults.add(Fault(f"/events/{first}/$", status=418, times=None))
    result = read(box, "events", "tax_rules", fails=Forbidden)
    assert result.records["events"] == whole.records["events"]
    others = [row for row in whole.records["tax_rules"] if row["event"] != first]
    assert others
    assert result.records["tax_rules"] == others
