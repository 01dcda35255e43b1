"""The form that attendees fill in, and what they answered: two streams at no extra request."""

from __future__ import annotations

import json
import typing as t

import pytest

from sandbox import Fault, Sandbox
from tap_ticketing.streams import as_text
from tests.support.ticketing import (
    SHAPES,
    run,
    settings,
)

if t.TYPE_CHECKING:
    from tests.conftest import Json

both_shapes = pytest.mark.parametrize("shape", SHAPES)


@both_shapes
def test_the_fields_of_the_form_stand_in_the_order_of_the_answers(shape: str, sandbox: Sandbox) -> None:
    records = run(settings(sandbox, shape)).records["attendee_fields"]
    first = records[:5]
    assert [(row["id"], row["position"], row["name"], row["type"]) for row in first] == [
        ("300", 0, "Full name", "text"),
        ("301", 1, "E-mail", "email"),
        ("302", 2, "Interests", "select"),
        ("303", 3, "Photo", "file"),
        ("304", 4, "Birthday", "date"),
    ]
    assert first[2]["is_multiple"] is True
    assert first[0]["is_mandatory"] is True
    assert first[2]["values"] == ["Jazz", "Oper", "Café & Kuchen"]
    assert len(records) == (5 if shape == "flat" else 5 * len(sandbox.ticketing.events))


def page(*values: t.Any, form: t.Any = None, attendee: int = 1) -> Fault:
    """Answer with one attendee who has answered this."""
    row = {"id": attendee, "ticket_code": f"T{attendee}", "values": list(values)}
    body = {"attendees": [row]} if form is None else {"fields": form, "attendees": [row]}
    return Fault("/attendees$", status=200, body=json.dumps(body))


EMPTY = '{"attendees": []}'


def answers(box: Sandbox, *pages: Fault) -> list[Json]:
    """Return the answers in some pages."""
    box.faults.add(*pages, Fault("/attendees$", status=200, body=EMPTY))
    return run(settings(box), "attendee_answers").records["attendee_answers"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ada", "Ada"),
        ("", ""),
        (None, None),
        (["Jazz", "Oper"], "Jazz, Oper"),
        ([], ""),
        (["Jazz", None, ["a", "b"]], "Jazz, a, b"),
        ({"id": 5, "name": "photo.jpg", "mime_type": "image/jpeg"}, "photo.jpg"),
        ([{"name": "a.pdf"}, {"name": "b.pdf"}], "a.pdf, b.pdf"),
        ({"id": 5}, '{"id": 5}'),
        (17, "17"),
        (1.5, "1.5"),
        (True, "true"),
        ("Łódź 渋谷 🍜", "Łódź 渋谷 🍜"),
    ],
)
def test_an_answer_is_there_as_text_and_as_it_was_sent(value: t.Any, text: str | None, sandbox: Sandbox) -> None:
    assert as_text(value) == text
    (record,) = answers(sandbox, page(value, form=[{"id": 300, "name": "Question", "type": "text"}]))
    assert record["value"] == text
    assert json.loads(record["value_json"]) == value
    assert {key: record[key] for key in ("attendee_id", "field_id", "ticket_code", "position", "name", "type")} == {
        "attendee_id": "1",
        "field_id": "300",
        "ticket_code": "T1",
        "position": 0,
        "name": "Question",
        "type": "text",
    }


@both_shapes
def test_answers_stand_in_the_order_of_the_form_and_of_the_attendees(shape: str, sandbox: Sandbox) -> None:
    result = run(settings(sandbox, shape))
    found = result.records["attendee_answers"]
    for attendee, start in zip(result.records["attendees"], range(0, len(found), 5), strict=True):
        own = found[start : start + 5]
        assert [row["attendee_id"] for row in own] == [attendee["id"]] * 5
        assert [row["field_id"] for row in own] == ["300", "301", "302", "303", "304"]
        assert [row["name"] for row in own] == ["Full name", "E-mail", "Interests", "Photo", "Birthday"]
        assert [json.loads(row["value_json"]) for row in own] == attendee["values"]


@pytest.mark.parametrize("form", [None, [], "nothing", {}, 17])
def test_without_a_form_answers_are_named_by_their_place(form: t.Any, sandbox: Sandbox) -> None:
    found = answers(sandbox, page("Ada", ["Jazz"], form=form))
    assert [(row["field_id"], row["position"], row["name"], row["type"]) for row in found] == [
        ("#0", 0, None, None),
        ("#1", 1, None, None),
    ]


def test_a_form_with_gaps_names_the_answers_that_it_can(sandbox: Sandbox) -> None:
    form = [{"id": 0, "name": "Name"}, None, {"id": 2, "name": "Food"}]
    found = answers(sandbox, page("Ada", "x", "Soup", "y", form=form))
    named = [(row["field_id"], row["name"]) for row in found]
    assert named == [("0", "Name"), ("#1", None), ("2", "Food"), ("#3", None)]


def test_a_field_of_the_form_without_an_id_has_the_same_key_as_its_answers(sandbox: Sandbox) -> None:
    sandbox.faults.add(
        page("a", "b", form=[{"name": "One"}, {"id": 7, "name": "Two"}]),
        Fault("/attendees$", status=200, body=EMPTY),
    )
    result = run(settings(sandbox), "attendee_fields", "attendee_answers")
    assert [row["id"] for row in result.records["attendee_fields"]][:2] == ["#0", "7"]
    assert [row["field_id"] for row in result.records["attendee_answers"]] == ["#0", "7"]


@pytest.mark.parametrize("values", [None, "text", {"a": 1}, 17])
def test_values_that_are_no_list_are_no_answers(values: t.Any, sandbox: Sandbox) -> None:
    body = json.dumps({"attendees": [{"id": 1, "ticket_code": "T1", "values": values}]})
    assert answers(sandbox, Fault("/attendees$", status=200, body=body)) == []


def test_each_event_has_a_form_of_its_own(sandbox: Sandbox) -> None:
    sandbox.ticketing.show_total = False
    sandbox.ticketing.unknown_code = "empty"
    one, two, *_ = sandbox.ticketing.events
    for event, form in (
        (one, [{"id": 1, "name": "Name"}]),
        (two, [{"id": 2, "name": "Food"}, {"id": 1, "name": "Name"}]),
    ):
        fault = page(*[f"answer to {field['name']}" for field in form], form=form)
        fault.query = f"id={event}"
        sandbox.faults.add(fault)
    result = run(settings(sandbox, "partitioned"), "attendee_fields", "attendee_answers")
    fields = [(row["event_id"], row["id"], row["position"]) for row in result.records["attendee_fields"]]
    assert fields[0] == (one, "1", 0)
    assert fields[fields.index((two, "2", 0)) + 1] == (two, "1", 1)
    named = {(row["event_id"], row["name"], row["value"]) for row in result.records["attendee_answers"]}
    assert {(one, "Name", "answer to Name"), (two, "Food", "answer to Food"), (two, "Name", "answer to Name")} <= named


def test_a_form_that_changes_between_pages_is_read_as_it_was_then(sandbox: Sandbox) -> None:
    before, after = [{"id": 1, "name": "Name"}], [{"id": 2, "name": "Food"}, {"id": 1, "name": "Name"}]
    found = answers(sandbox, page("Ada", form=before), page("Soup", "Bob", form=after, attendee=2))
    assert [(row["attendee_id"], row["name"], row["value"]) for row in found] == [
        ("1", "Name", "Ada"),
        ("2", "Food", "Soup"),
        ("2", "Name", "Bob"),
    ]


@both_shapes
def test_form_and_answers_come_at_no_extra_request(shape: str, sandbox: Sandbox) -> None:
    run(settings(sandbox, shape), "attendees")
    alone = len(sandbox.log)
    sandbox.clear_log()
    run(settings(sandbox, shape), "attendees", "attendee_fields", "attendee_answers")
    assert len(sandbox.log) == alone
