"""Each field of each stream with each value that an API could send: it fits, and nothing is lost in silence."""

from __future__ import annotations

import datetime as dt
import logging
import marshal
import re
import typing as t

import pytest
from jsonschema import Draft7Validator, FormatChecker

from rest_tap.schema import UNKNOWN_FIELDS
from tests.conftest import kept_log
from tests.support.values import (
    MARK,
    NASTY,
    RAW,
    SHAPES,
    at,
    problem,
    raw_records_of,
    records_of,
    row_of,
    spoiled,
    streams,
)

if t.TYPE_CHECKING:
    from rest_tap.stream import ListStream

STREAMS = {f"{shape}/{stream.name}": stream for shape in SHAPES for stream in streams(shape)}
each_stream = pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)

#: As RFC 3339 and draft 7 have it; jsonschema itself checks no times.
FORMATS = FormatChecker(formats=["date"])
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


@FORMATS.checks("date-time")
def is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    try:
        dt.date.fromisoformat(value[:10])
    except ValueError:
        return False
    return MOMENT.fullmatch(value) is not None


class Fields:
    """Says whether records fit a schema, field by field: of thousands of values many are the same."""

    def __init__(self, schema: dict[str, t.Any]) -> None:
        # What it says of a record as a whole is held to the record, what it says of fields to each of these.
        rest = {**schema, "properties": dict.fromkeys(schema["properties"], True)}
        self._rest = Draft7Validator(rest)
        self._validators = {
            name: Draft7Validator(field, format_checker=FORMATS) for name, field in schema["properties"].items()
        }
        self._found: dict[tuple[str, bytes], str | None] = {}

    def errors(self, record: dict[str, t.Any]) -> list[str]:
        """Return what is wrong with a record."""
        found = [self.error(name, record[name]) for name in record.keys() & self._validators]
        return [*filter(None, found), *(error.message for error in self._rest.iter_errors(record))]

    def error(self, name: str, value: t.Any) -> str | None:
        """Return what is wrong with a field's value; None if it fits."""
        key = name, marshal.dumps(value, 2)
        if key not in self._found:
            first = next(self._validators[name].iter_errors(value), None)
            self._found[key] = first and first.message
        return self._found[key]


@each_stream
def test_a_row_that_fits_leaves_as_it_is(stream: ListStream) -> None:
    row = row_of(stream, 1)
    assert records_of(stream, [row]) == [row]


@each_stream
def test_whatever_comes_in_a_field_fits_the_schema_and_is_not_lost_in_silence(stream: ListStream) -> None:
    fields = Fields(stream.schema)
    cases = spoiled(stream)
    with kept_log(logging.ERROR):
        found = records_of(stream, [case.row for case in cases])
    for case, record in zip(cases, found, strict=True):
        path, value = case.path, case.value
        if record is None:
            assert path[0] in stream.primary_keys, path
            continue
        for name in (str(path[0]), UNKNOWN_FIELDS):
            assert fields.error(name, record.get(name)) is None, (path, value)
        assert problem(value, at(record, path), path, record.get(UNKNOWN_FIELDS) or {}) is None
        others = {name: one for name, one in record.items() if name not in {path[0], UNKNOWN_FIELDS}}
        assert others == {name: one for name, one in case.row.items() if name != path[0]}


@each_stream
def test_whatever_is_hard_to_decode_fits_the_schema_and_is_not_lost_in_silence(stream: ListStream) -> None:
    fields = Fields(stream.schema)
    keys = {*stream.primary_keys, *stream.parent_keys}
    cases = [case for case in spoiled(stream, [MARK]) if case.path[0] not in keys]
    rows = [{**case.row, **{name: cases[0].row[name] for name in stream.parent_keys}} for case in cases]
    for raw, value in RAW.items():
        with kept_log(logging.ERROR):
            found = raw_records_of(stream, rows, raw, is_typed=True)
            assert found == raw_records_of(stream, rows, raw, is_typed=False)
        for case, row, record in zip(cases, rows, found, strict=True):
            assert fields.errors(record) == [], (case.path, raw)
            assert problem(value, at(record, case.path), case.path, record.get(UNKNOWN_FIELDS) or {}) is None
            others = {name: one for name, one in record.items() if name not in {case.path[0], UNKNOWN_FIELDS}}
            assert others == {name: one for name, one in row.items() if name != case.path[0]}


@pytest.mark.parametrize("value", NASTY, ids=lambda value: repr(value)[:30])
def test_a_row_comes_whatever_its_key_is_if_it_can_be_one(value: t.Any) -> None:
    stream = STREAMS["tap-organizers/tax_rules"]
    (record,) = records_of(stream, [{**row_of(stream, 1), "id": value}])
    can_be = {0: 0, 1: 1, -1: -1, 2: 2, 2**63 - 1: 2**63 - 1, "0": 0, "1": 1, "17": 17, "-17": -17}
    hashable = value if not isinstance(value, (list, dict, bool)) else None
    assert (record and record["id"]) == can_be.get(hashable)


def test_what_no_schema_names_leaves_in_unknown_fields_in_every_stream() -> None:
    for name, stream in STREAMS.items():
        row = row_of(stream, 1)
        (record,) = records_of(stream, [{**row, "new": {"a": 1}, UNKNOWN_FIELDS: "own"}])
        assert record == {**row, UNKNOWN_FIELDS: {"new": {"a": 1}, UNKNOWN_FIELDS: "own"}}, name
