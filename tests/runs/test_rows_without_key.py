"""Rows that no loader could tell from others: left out, counted, and never taken for rows that are not there."""

from __future__ import annotations

import typing as t

from rest_tap.errors import ApiError
from tap_ticketing.tap import TapTicketing
from tests.conftest import discovered, only, organizers_config, run_tap
from tests.support.ticketing import settings

if t.TYPE_CHECKING:
    import pytest

    from sandbox import Sandbox
    from tests.conftest import Json, Result

STREAMS = ("events", "tax_rules", "orders", "order_positions")


def read(sandbox: Sandbox, state: Json | None = None, **more: t.Any) -> Result:
    config = organizers_config(sandbox, emit_activate_version_messages=True, **more)
    return run_tap(config, only(discovered(config), *STREAMS), state)


def activated(result: Result) -> set[str]:
    return {message["stream"] for message in result.messages if message["type"] == "ACTIVATE_VERSION"}


KEYLESS, ABSENT = "rows without their key were left out", "parts of rows did not come or were no objects"


def closing(result: Result, what: str = KEYLESS) -> list[str]:
    start = f"{what}, so their lists are incomplete: "
    return [line.removeprefix(start) for line in result.warnings() if line.startswith(start)]


def test_all_keys_there_say_nothing(quiet_sandbox: Sandbox) -> None:
    result = read(quiet_sandbox)
    assert (closing(result), activated(result)) == ([], set(STREAMS))


def test_a_list_with_such_rows_is_incomplete_and_no_version_is_activated(sandbox: Sandbox) -> None:
    rows = sandbox.organizers.rows("/organizers/riverside/events/")
    slug = rows[0]["slug"]
    rules = sandbox.organizers.rows(f"/organizers/riverside/events/{slug}/taxrules/")
    rules[0]["id"] = None
    result = read(sandbox)
    assert closing(result) == ["tax_rules 1"]
    assert activated(result) == set(STREAMS) - {"tax_rules"}


def test_rows_cut_out_of_others_are_counted_by_their_own_stream(sandbox: Sandbox) -> None:
    orders = sandbox.organizers.rows("/organizers/riverside/orders/")
    for position in orders[0]["positions"]:
        position["id"] = None
    orders[1]["code"] = None
    result = read(sandbox)
    lost = len(orders[0]["positions"])
    assert closing(result) == [f"order_positions {lost}, orders 1"]
    assert activated(result) == {"events", "tax_rules"}


def test_a_part_that_did_not_come_is_not_taken_for_empty(sandbox: Sandbox) -> None:
    slug = sandbox.organizers.rows("/organizers/riverside/events/")[0]["slug"]
    del sandbox.organizers.rows(f"/organizers/riverside/events/{slug}/questions/")[0]["options"]
    config = organizers_config(sandbox, emit_activate_version_messages=True)
    result = run_tap(config, only(discovered(config), "questions", "question_options"))
    assert closing(result, ABSENT) == ["question_options 1"]
    assert closing(result) == []
    assert "question_options: a nested list is missing or holds something else than objects: its rows are missing" in (
        result.warnings()
    )
    assert "question_options" not in activated(result)


def test_the_list_is_read_again_until_its_rows_have_keys(sandbox: Sandbox) -> None:
    orders = sandbox.organizers.rows("/organizers/riverside/orders/")
    code = orders[-1]["code"]
    orders[-1]["code"] = None
    first = read(sandbox)
    orders[-1]["code"] = code
    again = read(sandbox, first.states[-1])
    assert code in {row["code"] for row in again.records["orders"]}


def test_a_list_that_goes_by_its_keys_fails_without_one(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    config = settings(sandbox, emit_activate_version_messages=True)
    catalog = only(discovered(config, TapTicketing), "attendees")
    assert activated(run_tap(config, catalog, tap=TapTicketing)) == {"attendees"}
    made, made_so = [], sandbox.ticketing._attendee

    def attendee(*number: t.Any, **how: t.Any) -> Json:
        made.append(number)
        return {**made_so(*number, **how), **({"id": None} if len(made) == 2 else {})}

    monkeypatch.setattr(sandbox.ticketing, "_attendee", attendee)
    result = run_tap(config, catalog, tap=TapTicketing, fails=ApiError)
    assert "attendees: a row has no id" in str(result.error)
    assert activated(result) == set()
