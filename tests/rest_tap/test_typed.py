"""The two ways of a page: straight into typed rows, or as records that are made to fit. Both write the same."""

from __future__ import annotations

import copy
import functools
import json
import logging
import typing as t
import zlib

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rest_tap.paging import Page
from rest_tap.records import RecordEncoder
from rest_tap.schema import UNKNOWN_FIELDS
from rest_tap.selection import Deselection
from rest_tap.typed import NAMES_LEARNT, NESTED, NestedDecoder, Shape, TypedPages, TypedRow, Unsupported
from tests.conftest import kept_log
from tests.support.values import NASTY, SHAPES, Json, Path, at, places, row_of, streams

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_tap.stream import ListStream
    from rest_tap.typed import NestedStream

WHEN = "2026-11-28T06:00:00Z"
#: Times as servers write them, to be put into UTC or left as they are.
TIMES = (
    "2026-01-31T10:00:00Z",
    "2026-01-31T10:00:00.053343Z",
    "2026-01-31T10:00:00.5Z",
    "2026-01-31T10:00:00.500000+01:00",
    "2026-01-31T10:00:00.123456789+01:00",
    "2026-01-31T00:30:00+0300",
    "2026-01-31T10:00:00-05:30",
    "2026-01-31T10:00:00+00:00",
    "2026-01-31T10:00:00-00:00",
    "2026-01-31T10:00:00.123Z",
    "2026-01-31T10:00:00.1234Z",
    "2026-01-31t10:00:00z",
    "2026-01-31 10:00:00+01:00",
    "2026-01-31T10:00:00",
    "2026-01-31T10:00:00+14:59",
    "0001-01-01T00:00:00+05:00",
    "0001-01-02T00:00:00+05:00",
    "9999-12-31T23:59:59-05:00",
    "2026-02-30T10:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-06-30T23:59:60Z",
)


@pytest.fixture(autouse=True)
def in_silence() -> Iterator[None]:
    """Log none of the thousands of warnings."""
    with kept_log(logging.ERROR):
        yield


def third(stream: str, crumb: list[str]) -> bool:
    """Leave out a third of all fields, the same ones each time, keys aside."""
    return zlib.crc32(repr((stream, crumb)).encode()) % 3 > 0


SELECTIONS: dict[str, tuple[t.Any, Json]] = {
    "all": (lambda _stream, _crumb: True, {}),
    "as discovered": (None, {}),
    "a third left out": (third, {}),
    "without personal data": (None, {"personal_data": False}),
}


@functools.cache
def all_streams(shape: str, selection: str) -> tuple[ListStream, ...]:
    selects, config = SELECTIONS[selection]
    return tuple(one for one in streams(shape, selects, **config) if one.selected and one.nested_in is None)


def page(stream: ListStream, rows: list[Json]) -> bytes:
    return msgspec.json.encode({"count": len(rows), "total": len(rows), "next": None, stream.records_key: rows})


def parents(stream: ListStream) -> Json:
    """Return the parents' keys that the rows of a list get."""
    kinds = {"integer": 5, "string": "demo"}
    return {name: kinds[schema["type"][0]] for name, schema in stream.parent_keys.items()}


def is_alike(lines: bytes, others: bytes) -> bool:
    """Return whether messages are the same, whatever the order of their fields is."""
    return lines == others or list(map(json.loads, lines.splitlines())) == list(map(json.loads, others.splitlines()))


class Ways:
    """A stream whose pages are written both ways."""

    def __init__(self, stream: ListStream) -> None:
        self.stream = stream
        self.given = parents(stream)
        self.fast, self.slow, self.plain = RecordEncoder(stream), RecordEncoder(stream), RecordEncoder(stream)
        typed = self.typed(self.fast)
        decode, otherwise = typed.decoder(self.given), self.typed(self.slow)
        assert decode is not None
        self.decode = decode
        self.decode_otherwise = functools.partial(
            otherwise._decode_records, parent_keys=self.given, nested=NestedDecoder(stream.records_key, ())
        )

    def typed(self, encoder: RecordEncoder) -> TypedPages:
        typed = encoder.typed(self.stream.records_key, self.stream.envelope)
        assert typed is not None
        return typed

    def lines(self, encoder: RecordEncoder, rows: list[t.Any]) -> bytes:
        return encoder.lines(encoder.prepare(rows, self.given), WHEN)

    def check(self, rows: list[Json]) -> bool:
        """Write a page both ways and compare; return whether it went the fast one."""
        body = page(self.stream, rows)
        key = self.stream.records_key
        came = self.decode(body)[key]
        is_typed = isinstance(came[0], TypedRow)
        fast = self.lines(self.fast, came)
        assert fast == self.lines(self.slow, self.decode_otherwise(body)[key])
        plain = self.lines(self.plain, msgspec.json.decode(body)[key])
        assert is_alike(fast, plain)
        assert self.fast.unexpected.times == self.plain.unexpected.times or self.fast.unexpected.others
        assert self.fast.without_key == self.plain.without_key
        return is_typed


def row(stream: ListStream, number: int = 7) -> Json:
    """Return a row as it comes: without the parents' keys."""
    return {name: value for name, value in row_of(stream, number).items() if name not in stream.parent_keys}


def put(row: Json, path: Path, value: t.Any) -> None:
    """Put a value where the path says, if that is there."""
    above = at(row, path[:-1])
    above[path[-1]] = copy.deepcopy(value)


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_rows_that_fit_are_typed_and_written_alike(shape: str, selection: str) -> None:
    for stream in all_streams(shape, selection):
        ways = Ways(stream)
        assert ways.check([row(stream, number) for number in range(3)]), stream.name
        keys_only = [{key: one[key] for key in stream.own_keys} for one in (row(stream, 1), row(stream, 2))]
        assert ways.check(keys_only), stream.name


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_value_that_does_not_fit_costs_nothing_but_time(shape: str, selection: str) -> None:
    went_fast = went_slow = 0
    for stream in all_streams(shape, selection):
        ways = Ways(stream)
        for number, (path, schema) in enumerate(places(stream.schema)):
            if path[0] in stream.parent_keys:
                continue
            values = TIMES[number % 5 :: 5] if schema.get("format") == "date-time" else NASTY[number % 16 :: 16]
            first, last = row(stream, 1), row(stream, 3)
            for value in values:
                rows = [first, row(stream, 2), last]
                put(rows[1], path, value)
                if ways.check(rows):
                    went_fast += 1
                else:
                    went_slow += 1
    assert went_fast
    assert went_slow


@pytest.mark.parametrize("selection", SELECTIONS)
def test_names_that_no_schema_has_are_learnt(selection: str) -> None:
    for stream in all_streams("tap-organizers", selection):
        ways = Ways(stream)
        rows = [row(stream, number) for number in range(3)]
        rows[1]["new"] = {"in": ["it"]}
        for path, schema in places(stream.schema):
            if schema.get("properties"):
                put(rows[2], (*path, "further"), 1)
                put(rows[2], (*path, "an other"), None)
        assert ways.check(rows), stream.name
        assert ways.check(rows[:1]), stream.name
        for key in stream.own_keys[:1]:
            put(rows[0], (key,), None)
            assert not ways.check(rows), stream.name


def test_names_beyond_those_learnt_are_kept_all_the_same() -> None:
    stream = next(one for one in all_streams("tap-organizers", "all") if one.name == "orders")
    ways = Ways(stream)
    many = [{**row(stream, 1), **{f"new_{number}": number for number in range(NAMES_LEARNT + 1)}}]
    assert [ways.check(many), ways.check(many)] == [False, False]
    for odd in ('a"b', "a\\b", "a\nb", "", "ä", UNKNOWN_FIELDS):
        assert ways.check([{**row(stream, 1), "code": "A", odd: 1}]) is False
    assert ways.check([row(stream, 1)])


def test_what_the_server_calls_like_a_parents_key_is_not_looked_at() -> None:
    stream = next(one for one in all_streams("tap-organizers", "all") if one.name == "orders")
    assert Ways(stream).check([{**row(stream), "organizer": {"any": 1}}])


def test_a_schema_with_the_name_of_the_parts_of_a_row_is_left_to_the_other_way() -> None:
    schema = {"properties": {NESTED: {"type": ["string", "null"]}}}
    inside = {"properties": {"a": {"type": ["object", "null"], **schema}}}
    with pytest.raises(Unsupported):
        Shape(schema, schema, Deselection(), known={NESTED}).row_type(())
    assert Shape(inside, inside, Deselection(), known={"a"}).row_type(())


def test_parents_keys_of_another_type_are_left_to_the_other_way() -> None:
    stream = next(one for one in all_streams("tap-ticketing-by-event", "all") if one.name == "tickets")
    typed = Ways(stream).typed(RecordEncoder(stream))
    assert typed.decoder({"event_id": 5}) is not None
    assert typed.decoder({"event_id": "5"}) is None
    assert typed.decoder({"event_id": None}) is None


@functools.cache
def hard() -> list[tuple[ListStream, list[tuple[Path, Json]]]]:
    """Return the streams with the deepest rows, and the places in these."""
    wanted = {"orders", "subevents", "items", "invoices", "attendees"}
    found = [
        one
        for shape in ("tap-organizers", "tap-ticketing")
        for selection in SELECTIONS
        for one in all_streams(shape, selection)
        if one.name in wanted
    ]
    return [(one, [place for place in places(one.schema) if place[0][0] not in one.parent_keys]) for one in found]


class Cuts:
    """A stream whose pages are written both ways, with the streams that are cut out of its rows."""

    def __init__(self, name: str, selection: str) -> None:
        tap = {
            one.name: one for one in streams("tap-organizers", *SELECTIONS[selection][:1], **SELECTIONS[selection][1])
        }
        self.stream = tap[name]
        parts = {f"{name[:-1]}_{part}" for part in ("positions", "answers", "fees", "payments", "refunds", "options")}
        self.parts = [one for one in tap.values() if one.name in parts and one.selected]
        self.given = parents(self.stream)
        self.encoders = {(way, one.name): RecordEncoder(one) for way in range(3) for one in (*self.parts, self.stream)}
        typed = self.encoders[0, name].typed("results", self.stream.envelope)
        other = self.encoders[1, name].typed("results", self.stream.envelope)
        assert typed is not None
        assert other is not None
        nested = [self.encoders[0, one.name].nested(self.given, one.nested_lists) for one in self.parts]
        assert nested
        assert all(nested)
        decode = typed.decoder(self.given, t.cast("list[NestedStream]", nested))
        assert decode is not None
        self.decode = decode
        self.decode_otherwise = functools.partial(
            other._decode_records, parent_keys=self.given, nested=NestedDecoder("results", ())
        )

    def lines(self, way: int, rows: list[t.Any]) -> dict[str, bytes]:
        """Return what is written of each stream; writing changes the rows, so their own records come last."""
        found = {}
        for stream in (*self.parts, self.stream):
            encoder = self.encoders[way, stream.name]
            records = list(stream.page_records(Page(rows), rows, self.given))
            found[stream.name] = encoder.lines(encoder.prepare(records, self.given), WHEN)
        return found

    def check(self, rows: list[Json]) -> bool:
        """Write a page both ways and compare; return whether it went the fast one."""
        body = page(self.stream, rows)
        came = self.decode(body)["results"]
        is_typed = isinstance(came[0], TypedRow)
        fast = self.lines(0, came)
        self.decode_otherwise(body)  # which learns names, and then takes the fast path itself
        assert fast == self.lines(1, self.decode_otherwise(body)["results"])
        plain = self.lines(2, msgspec.json.decode(body)["results"])
        for stream, lines in fast.items():
            assert is_alike(lines, plain[stream])
            ours, others = (self.encoders[way, stream] for way in (0, 2))
            assert ours.unexpected.times == others.unexpected.times or ours.unexpected.others
            assert ours.without_key == others.without_key
        return is_typed


@pytest.mark.parametrize("name", ["orders", "questions"])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_what_is_cut_out_of_rows_is_typed_and_written_alike(selection: str, name: str) -> None:
    ways = Cuts(name, selection)
    stream = ways.stream
    rows = [row(stream, number) for number in range(3)]
    assert ways.check(rows)
    for field in {one.nested_lists[0].field for one in ways.parts}:
        rows[0][field] = []
        rows[1][field] = None
        rows[2][field] *= 2
    assert ways.check(rows)
    del rows[0][field]
    assert not ways.check(rows)
    rows = [row(stream, number) for number in range(3)]
    for path, schema in places(stream.schema):
        if schema.get("properties"):
            put(rows[2], (*path, "further"), 1)
    assert ways.check(rows)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_value_that_does_not_fit_what_is_cut_out_costs_nothing_but_time(selection: str) -> None:
    ways = Cuts("orders", selection)
    went = set()
    for number, (path, schema) in enumerate(places(ways.stream.schema)):
        values = TIMES[number % 7 :: 7] if schema.get("format") == "date-time" else NASTY[number % 16 :: 16]
        for value in values if path[0] not in ways.stream.parent_keys else ():
            rows = [row(ways.stream, 1), row(ways.stream, 2)]
            put(rows[1], path, value)
            went.add(ways.check(rows))
    assert went == {True, False}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ODD = st.sampled_from(NASTY) | st.sampled_from(TIMES) | JSON


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_comes_is_written_alike(data: st.DataObject) -> None:
    stream, where = data.draw(st.sampled_from(hard()))
    ways = Ways(stream)
    for _ in range(3):
        rows = [row(stream, number) for number in range(2)]
        for _ in range(data.draw(st.integers(0, 3))):
            path, schema = data.draw(st.sampled_from(where))
            try:
                if data.draw(st.booleans()):
                    put(rows[0], path, data.draw(ODD))
                elif schema.get("properties") and isinstance(at(rows[0], path), dict):
                    put(rows[0], (*path, data.draw(st.text(max_size=3))), data.draw(ODD))
                elif isinstance(above := at(rows[0], path[:-1]), dict):
                    above.pop(path[-1], None)
            except (KeyError, IndexError, TypeError):
                pass  # something else was put above it before
        ways.check(rows)


def test_a_typed_row_is_read_like_a_record() -> None:
    stream = next(one for one in all_streams("tap-organizers", "as discovered") if one.name == "orders")
    ways = Ways(stream)
    body = page(stream, [{"code": "A", "email": "a@example.org", "total": None}])
    (typed,) = ways.decode(body)["results"]
    assert typed.get("code") == typed["code"] == "A"
    assert typed.get("total", "x") is None
    assert typed.get("nothing", 1) == typed.get("phone", 1) == 1
    assert dict(typed.items()) == {"code": "A", "email": "a@example.org", "total": None}
    for name in ("nothing", "phone"):
        with pytest.raises(KeyError):
            typed[name]
