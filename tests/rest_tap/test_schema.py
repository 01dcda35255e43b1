"""What a declared field is in JSON Schema, and what it makes of a value."""

from __future__ import annotations

import copy
import typing as t

import pytest
from jsonschema import Draft202012Validator

from rest_tap.normalise import normaliser
from rest_tap.schema import (
    KIND,
    LENIENT,
    SENSITIVITY,
    UNKNOWN_FIELDS,
    Anything,
    Array,
    Boolean,
    Date,
    DateTime,
    Decimal,
    I18n,
    Integer,
    Json,
    Number,
    Object,
    String,
    Time,
    fields,
    record_schema,
    sensitive,
)


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        pytest.param(String(), {"type": ["string", "null"]}, id="string"),
        pytest.param(Integer(), {"type": ["integer", "null"]}, id="integer"),
        pytest.param(Number(), {"type": ["number", "null"]}, id="number"),
        pytest.param(Boolean(), {"type": ["boolean", "null"]}, id="boolean"),
        pytest.param(DateTime(), {"type": ["string", "null"], "format": "date-time"}, id="moment"),
        pytest.param(Date(), {"type": ["string", "null"], "format": "date"}, id="day"),
        pytest.param(Time(), {"type": ["string", "null"], "format": "time"}, id="time of day"),
        pytest.param(Decimal(), {"type": ["string", "null"], KIND: "decimal"}, id="decimal stays text, exact"),
        pytest.param(
            I18n(), {"type": ["object", "null"], "additionalProperties": True, KIND: "translated"}, id="languages"
        ),
        pytest.param(Json(), {"type": ["object", "null"], "additionalProperties": True}, id="free object"),
        pytest.param(
            Array(String), {"type": ["array", "null"], "items": {"type": ["string", "null"]}}, id="list of values"
        ),
        pytest.param(Array(Anything), {"type": ["array", "null"], "items": {}}, id="list of anything"),
        pytest.param(
            Array(fields(a=Integer())),
            {
                "type": ["array", "null"],
                "items": {
                    "type": ["object", "null"],
                    "additionalProperties": True,
                    "properties": {"a": {"type": ["integer", "null"]}},
                },
            },
            id="list of objects",
        ),
        pytest.param(
            Object(fields(a=Integer("An a.")), "An object."),
            {
                "type": ["object", "null"],
                "additionalProperties": True,
                "description": "An object.",
                "properties": {"a": {"type": ["integer", "null"], "description": "An a."}},
            },
            id="object with descriptions",
        ),
        pytest.param(String(secret=True), {"type": ["string", "null"], SENSITIVITY: "secret"}, id="secret"),
        pytest.param(String(personal=True), {"type": ["string", "null"], SENSITIVITY: "personal"}, id="personal"),
        pytest.param(Integer(lenient=True), {"type": ["integer", "null"], LENIENT: True}, id="lenient"),
    ],
)
def test_a_field_is_plain_json_schema(field: dict[str, t.Any], schema: dict[str, t.Any]) -> None:
    assert field == schema
    Draft202012Validator.check_schema(field)


def test_calling_a_type_twice_gives_two_fields_that_share_nothing() -> None:
    first, second = String("One."), String("Two.")
    first["type"].append("integer")
    assert second == {"type": ["string", "null"], "description": "Two."}


def test_a_record_has_required_keys_that_are_never_null_and_room_for_the_unknown() -> None:
    schema = record_schema(fields(id=Integer("Key."), name=String()), ("id",))
    assert schema["required"] == ["id"]
    assert schema["properties"]["id"] == {"type": ["integer"], "description": "Key."}
    assert schema["properties"]["name"] == {"type": ["string", "null"]}
    assert list(schema["properties"]) == ["id", "name", UNKNOWN_FIELDS]
    assert schema["properties"][UNKNOWN_FIELDS]["type"] == ["object", "null"]


def test_marked_fields_are_found_however_deep() -> None:
    schema = record_schema(
        fields(
            id=Integer(),
            token=String(secret=True),
            buyer=Object(fields(name=String(personal=True), card=Object(fields(number=String(secret=True))))),
            seats=Array(fields(code=String(secret=True), row=String())),
            names=Array(String, personal=True),
        ),
        ("id",),
    )
    assert sensitive(schema, "secret") == [
        ("properties", "token"),
        ("properties", "buyer", "properties", "card", "properties", "number"),
        ("properties", "seats", "items", "properties", "code"),
    ]
    assert sensitive(schema, "personal") == [("properties", "buyer", "properties", "name"), ("properties", "names")]


# --- records ----------------------------------------------------------------------------------------------------------


def normalised(field: dict[str, t.Any], value: object) -> object:
    record = {"id": 1, "field": copy.deepcopy(value)}
    normaliser(record_schema(fields(id=Integer(), field=field), ("id",)))([record])
    return record["field"]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        pytest.param(Boolean(), 1, True, id="one is true"),
        pytest.param(Boolean(), 0, False, id="zero is false"),
        pytest.param(Boolean(), "yes", True, id="a text is true, as the SDK has it"),
        pytest.param(Boolean(), None, None, id="null stays"),
        pytest.param(Array(Boolean), [0, None, True], [False, None, True], id="booleans in a list"),
        pytest.param(DateTime(), "2026-01-31T10:00:00+01:00", "2026-01-31T09:00:00Z", id="a moment"),
        pytest.param(DateTime(), None, None, id="no moment"),
        pytest.param(DateTime(), "", "", id="an empty moment"),
        pytest.param(DateTime(), 17, 17, id="a number as moment"),
        pytest.param(
            Array(DateTime), ["2026-01-31T10:00:00+01:00", None], ["2026-01-31T09:00:00Z", None], id="moments in a list"
        ),
        pytest.param(
            Object(fields(at=DateTime())),
            {"at": "2026-01-31T10:00:00+01:00", "more": 1},
            {"at": "2026-01-31T09:00:00Z", "more": 1},
            id="in an object",
        ),
        pytest.param(
            Array(fields(parts=Array(fields(at=DateTime(), on=Boolean())))),
            [{"parts": [{"at": "2026-01-31T10:00:00+01:00", "on": 1}, None, 5]}, None, "x"],
            [{"parts": [{"at": "2026-01-31T09:00:00Z", "on": True}, None, 5]}, None, "x"],
            id="in lists in lists, between what is no object",
        ),
        pytest.param(Date(), "2026-01-31T10:00:00+01:00", "2026-01-31T10:00:00+01:00", id="a day is left alone"),
        pytest.param(Integer(lenient=True), "17", 17, id="lenient: text to number"),
        pytest.param(Integer(lenient=True), "-17", -17, id="lenient: negative"),
        pytest.param(Integer(lenient=True), 17, 17, id="lenient: a number already"),
        pytest.param(Integer(lenient=True), "A17", "A17", id="lenient: what is no number stays"),
        pytest.param(Integer(lenient=True), "--17", "--17", id="lenient: two signs"),
        pytest.param(Integer(lenient=True), "", "", id="lenient: empty"),
        pytest.param(Integer(lenient=True), "9" * 5000, "9" * 5000, id="lenient: too long for a number"),
        pytest.param(Integer(lenient=True), None, None, id="lenient: null"),
        pytest.param(String(lenient=True), 17, "17", id="lenient: number to text"),
        pytest.param(String(lenient=True), True, True, id="lenient: true is no number"),
        pytest.param(Decimal(), "23.00", "23.00", id="money stays exact"),
    ],
)
def test_a_value_is_made_to_fit_its_field(field: dict[str, t.Any], value: object, expected: object) -> None:
    found = normalised(field, value)
    assert found == expected
    assert type(found) is type(expected)


def test_a_field_that_is_not_there_is_not_added() -> None:
    record: dict[str, t.Any] = {"id": 1}
    properties = fields(
        id=Integer(), at=DateTime(), on=Boolean(), code=Integer(lenient=True), list=Array(fields(at=DateTime()))
    )
    normaliser(record_schema(properties, ("id",)))([record])
    assert record == {"id": 1}
