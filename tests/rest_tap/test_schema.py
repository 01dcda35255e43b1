"""What a declared field is in JSON Schema, and what it makes of a value."""

from __future__ import annotations

import typing as t

import pytest
from jsonschema import Draft202012Validator

from rest_tap.schema import (
    KIND,
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
        pytest.param(Time(), {"type": ["string", "null"]}, id="time of day, without offset"),
        pytest.param(Decimal(), {"type": ["string", "null"], KIND: "decimal"}, id="decimal stays text, exact"),
        pytest.param(
            I18n(), {"type": ["object", "null"], "additionalProperties": True, KIND: "translated"}, id="languages"
        ),
        pytest.param(
            Json(),
            {"type": ["object", "null"], "additionalProperties": True, SENSITIVITY: "personal"},
            id="free object, about who knows whom",
        ),
        pytest.param(
            Array(String), {"type": ["array", "null"], "items": {"type": ["string", "null"]}}, id="list of values"
        ),
        pytest.param(Array(Anything), {"type": ["array", "null"], SENSITIVITY: "personal"}, id="list of anything"),
        pytest.param(
            Array(Json, personal=False),
            {"type": ["array", "null"], "items": {"type": ["object", "null"], "additionalProperties": True}},
            id="list of free objects, about nobody",
        ),
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
        pytest.param(
            String(secret=True, personal=True), {"type": ["string", "null"], SENSITIVITY: "secret personal"}, id="both"
        ),
        pytest.param(
            Json(personal=False), {"type": ["object", "null"], "additionalProperties": True}, id="free, about nobody"
        ),
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
            details=Object(fields(card=Object(fields(code=String(secret=True)))), personal=True),
        ),
        ("id",),
    )
    assert sensitive(schema, "secret") == [
        ("properties", "token"),
        ("properties", "buyer", "properties", "card", "properties", "number"),
        ("properties", "seats", "items", "properties", "code"),
        ("properties", "details", "properties", "card", "properties", "code"),
    ]
    assert sensitive(schema, "personal") == [
        ("properties", "buyer", "properties", "name"),
        ("properties", "names"),
        ("properties", "details"),
        ("properties", UNKNOWN_FIELDS),
    ]
