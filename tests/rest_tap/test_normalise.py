"""What a value becomes under each type: what it was, what can be turned back into it, or null."""

from __future__ import annotations

import copy
import json
import typing as t

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from rest_tap.normalise import Normaliser
from rest_tap.schema import (
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
)

Schema = dict[str, t.Any]

#: Stands for: becomes null, and is reported with what it was.
LOST = object()


def normalised(field: Schema, value: object) -> tuple[object, list[tuple[t.Any, t.Any]]]:
    """Return what a value becomes, and what was reported."""
    record = {"id": 1, "field": copy.deepcopy(value)}
    schema = record_schema(fields(id=Integer(), field=field), ("id",))
    misfits = Normaliser(schema, ("id",))([record])
    return record["field"], misfits.get(0, [])


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        pytest.param(String(), 17, "17", id="number to text"),
        pytest.param(String(), -1.5, "-1.5", id="fraction to text"),
        pytest.param(Decimal(), "23.00", "23.00", id="money stays exact"),
        pytest.param(Decimal(), 23.5, "23.5", id="money sent as number"),
        pytest.param(Decimal(), 1234567890123456.7, LOST, id="more digits than a float holds for sure"),
        pytest.param(String(), 1e300, LOST, id="a float without its digits"),
        pytest.param(String(), True, LOST, id="true is no text"),
        pytest.param(String(), {}, LOST, id="an object is no text"),
        pytest.param(String(), [], LOST, id="a list is no text"),
        pytest.param(String(), "", "", id="an empty text is one"),
        pytest.param(Integer(), "17", 17, id="text to number"),
        pytest.param(Integer(), "-17", -17, id="negative"),
        pytest.param(Integer(), 17.0, 17, id="a fraction that is none"),
        pytest.param(Integer(), 17.5, LOST, id="a fraction is not whole"),
        pytest.param(Integer(), "A17", LOST, id="a text that is no number"),
        pytest.param(Integer(), "--17", LOST, id="two signs"),
        pytest.param(Integer(), "007", LOST, id="leading zeros could not be turned back"),
        pytest.param(Integer(), "-0", LOST, id="minus zero"),
        pytest.param(Integer(), " 7", LOST, id="a space"),
        pytest.param(Integer(), "\u0667", LOST, id="a digit that JSON does not know"),
        pytest.param(Integer(), "", LOST, id="empty"),
        pytest.param(Integer(), "9" * 5000, LOST, id="5,000 digits"),
        pytest.param(Integer(), 2**63 - 1, 2**63 - 1, id="the largest that databases keep"),
        pytest.param(Integer(), 2**63, LOST, id="too large for a database"),
        pytest.param(Integer(), str(2**63), LOST, id="too large, as text"),
        pytest.param(Integer(), -(2**63), -(2**63), id="the smallest"),
        pytest.param(Integer(), False, LOST, id="false is no number"),
        pytest.param(Number(), "52.5", 52.5, id="text to fraction"),
        pytest.param(Number(), 52, 52, id="a whole number is a number"),
        pytest.param(Number(), 2**53 + 1, LOST, id="a whole number that a float does not have"),
        pytest.param(Number(), "5e3", 5000.0, id="an exponent"),
        pytest.param(Number(), "52,5", LOST, id="a comma"),
        pytest.param(Number(), "NaN", LOST, id="not a number"),
        pytest.param(Number(), "1e999", LOST, id="infinite"),
        pytest.param(Number(), "0.1234567890123456789", LOST, id="more digits than a float has"),
        pytest.param(Number(), True, LOST, id="true is no fraction"),
        pytest.param(Boolean(), 1, True, id="one is true"),
        pytest.param(Boolean(), 0, False, id="zero is false"),
        pytest.param(Boolean(), "true", True, id="true as text"),
        pytest.param(Boolean(), "0", False, id="zero as text"),
        pytest.param(Boolean(), "yes", LOST, id="yes would be guessing"),
        pytest.param(Boolean(), "", LOST, id="an empty text says nothing"),
        pytest.param(Boolean(), 2, LOST, id="two is neither"),
        pytest.param(DateTime(), "2026-01-31T10:00:00+01:00", "2026-01-31T09:00:00Z", id="a moment"),
        pytest.param(DateTime(), "2026-01-31 10:00:00", "2026-01-31T10:00:00Z", id="a space and no zone"),
        pytest.param(DateTime(), "", LOST, id="an empty moment"),
        pytest.param(DateTime(), "0000-00-00 00:00:00", LOST, id="MySQL's zero"),
        pytest.param(DateTime(), "0000-00-00T00:00:00Z", LOST, id="the same in ISO 8601"),
        pytest.param(DateTime(), "2026-02-30T10:00:00Z", LOST, id="no such day"),
        pytest.param(DateTime(), "0001-01-01T00:00:00+05:00", LOST, id="before all years in UTC"),
        pytest.param(Array(DateTime), ["9999-12-31T23:59:59-05:00"], [None], id="after all years in UTC"),
        pytest.param(DateTime(), 1767225600, LOST, id="seconds since whenever"),
        pytest.param(Date(), "2026-01-31", "2026-01-31", id="a day"),
        pytest.param(Date(), "2026-02-30", LOST, id="no such day in February"),
        pytest.param(Date(), "2026-01-31T10:00:00+01:00", LOST, id="whose day would that be"),
        pytest.param(Date(), "", LOST, id="an empty day"),
        pytest.param(Time(), "10:00:00", "10:00:00", id="a time of day"),
        pytest.param(I18n(), "Concert", LOST, id="a text in no language"),
        pytest.param(Json(), [], LOST, id="a list is no object"),
        pytest.param(Json(), {"any": [1, None]}, {"any": [1, None]}, id="a free object"),
        pytest.param(Array(String), {"0": "a"}, LOST, id="an object is no list"),
        pytest.param(Array(String), "a", LOST, id="a text is no list"),
        pytest.param(Array(Anything), [1, "a", None, {}], [1, "a", None, {}], id="a list of anything"),
    ],
)
def test_a_value_becomes_what_can_be_turned_back_or_null(field: Schema, value: object, expected: object) -> None:
    found, misfits = normalised(field, value)
    if expected is LOST:
        assert found is None
        assert misfits == [(("field",), value)]
    else:
        assert (found, type(found)) == (expected, type(expected))
        assert misfits == ([] if expected != [None] else [(("field", 0), value[0])])  # type: ignore[index]


KINDS: tuple[t.Any, ...] = (String, Integer, Number, Boolean, DateTime, Date, I18n, Json)


@pytest.mark.parametrize("kind", KINDS[:-1], ids=lambda kind: "-".join([*kind.types, *map(str, kind.options.values())]))
def test_null_and_what_is_not_there_stay_as_they_are(kind: t.Any) -> None:
    assert normalised(kind(), None) == (None, [])
    record: dict[str, t.Any] = {"id": 1}
    Normaliser(record_schema(fields(id=Integer(), field=kind()), ("id",)), ("id",))([record])
    assert record == {"id": 1}


def test_values_inside_of_objects_and_lists_are_found_with_their_place() -> None:
    field = Array(fields(at=DateTime(), on=Boolean(), parts=Array(fields(n=Integer())), names=Array(String)))
    value = [
        {"at": "", "on": 1, "parts": [{"n": "5"}, {"n": "x"}, None, 7], "names": ["a", 1, {}], "more": 1},
        None,
        "text",
    ]
    found, misfits = normalised(field, value)
    assert found == [
        {"at": None, "on": True, "parts": [{"n": 5}, {"n": None}, None, None], "names": ["a", "1", None], "more": 1},
        None,
        None,
    ]
    assert misfits == [
        (("field", 0, "at"), ""),
        (("field", 0, "parts", 1, "n"), "x"),
        (("field", 0, "parts", 3), 7),
        (("field", 0, "names", 2), {}),
        (("field", 2), "text"),
    ]


def test_what_a_record_shares_with_others_is_copied_before_a_value_is_lost() -> None:
    shared = {"at": "", "on": 1}
    record = {"id": 1, "field": shared}
    Normaliser(record_schema(fields(id=Integer(), field=Object(fields(at=DateTime()))), ("id",)), ("id",))([record])
    assert shared == {"at": "", "on": 1}
    assert record["field"] == {"at": None, "on": 1}


def test_one_odd_record_leaves_the_others_of_its_page_alone() -> None:
    good: dict[str, t.Any] = {"id": 1, "at": "2026-01-31T10:00:00+01:00"}
    page = [dict(good), {"id": 2, "at": 5}, dict(good)]
    misfits = Normaliser(record_schema(fields(id=Integer(), at=DateTime()), ("id",)), ("id",))(page)
    assert misfits == {1: [(("at",), 5)]}
    assert page == [
        {"id": 1, "at": "2026-01-31T09:00:00Z"},
        {"id": 2, "at": None},
        {"id": 1, "at": "2026-01-31T09:00:00Z"},
    ]


@pytest.mark.parametrize("record", [{}, {"id": None}, {"id": []}, {"id": "x"}, {"id": True}], ids=json.dumps)
def test_a_record_without_its_key_is_reported(record: dict[str, t.Any]) -> None:
    normalise = Normaliser(record_schema(fields(id=Integer(), name=String()), ("id",)), ("id",))
    page: list[dict[str, t.Any]] = [{"id": 1}, record]
    assert list(normalise(page)) == [1]
    assert [normalise.lacks_key(one) for one in page] == [False, True]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.from_regex(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:?[0-9]{2})?", fullmatch=True
    )
    | st.from_regex(r"-?[0-9.e-]{1,22}", fullmatch=True),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["at", "n", "x"]), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [
        *(kind() for kind in KINDS),
        *(Array(kind) for kind in KINDS),
        Object(fields(at=DateTime(), n=Integer())),
        Array(fields(at=DateTime(), n=Array(fields(x=String())))),
    ]
)


@given(FIELDS, ANYTHING)
def test_whatever_comes_fits_and_nothing_is_lost_in_silence(field: Schema, value: t.Any) -> None:
    found, misfits = normalised(field, value)
    schema = {**field, "$schema": "http://json-schema.org/draft-07/schema#"}
    Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER).validate(found)
    again, more = normalised(field, found)
    assert (msgspec.json.encode(again), more) == (msgspec.json.encode(found), [])
    if value is not None and found is None:
        assert misfits == [(("field",), value)]
