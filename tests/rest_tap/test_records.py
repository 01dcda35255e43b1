"""A record's way to its lines: the same lines as the SDK's own way, and what is ours on top."""

from __future__ import annotations

import copy
import json
import logging
import typing as t

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from singer_sdk.exceptions import MapExpressionError
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.encoding.simple import (
    SimpleSingerWriter,
)

from rest_tap import normalise
from rest_tap.normalise import Normaliser
from rest_tap.records import RecordEncoder
from rest_tap.schema import (
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
    fields,
)
from rest_tap.unexpected import NOTHING, Finding
from tests.conftest import kept_log
from tests.support.things import Things, things

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Record = dict[str, t.Any]
WHEN = "2026-11-22T06:00:00+00:00"


# --- the SDK's way and ours -------------------------------------------------------------------------------------------


def as_the_sdk(stream: Things, record: Record) -> list[Record]:
    """Return the messages that the SDK makes of a record, as they are read back.

    Less a flattened object's own name, which it keeps, in no schema, where the object is null,
    and made to fit the schema of the map, which says one thing and may make another.
    """
    writer = SimpleSingerWriter()
    messages = [
        json.loads(writer.format_message(message))
        for message in stream._generate_record_messages(copy.deepcopy(record))
    ]
    flattened = {one.stream_alias: one.transformed_schema for one in stream.stream_maps if one.flattening_enabled}
    for message in messages:
        del message["time_extracted"]
        columns = flattened.get(message["stream"], {}).get("properties")
        if columns is not None:
            for name in [name for name, value in message["record"].items() if value is None and name not in columns]:
                del message["record"][name]
    if len(stream.stream_maps) == 1 and type(stream.stream_maps[0]) is SameRecordTransform and not flattened:
        return messages
    by_alias = {one.stream_alias: Normaliser(one.transformed_schema) for one in stream.stream_maps}
    for message in messages:
        by_alias[message["stream"]]([message["record"]])
    return messages


def as_we(stream: Things, record: Record) -> list[Record]:
    """Return the messages that we make of a record, as they are read back."""
    return as_we_all(stream, [record])


def as_we_all(stream: Things, records: list[Record]) -> list[Record]:
    """Return the messages that we make of the records of a page, as they are read back."""
    path = RecordEncoder(stream)
    rows = path.prepare(copy.deepcopy(records))
    messages = [json.loads(line) for line in path.lines(rows, WHEN).splitlines()]
    for message in messages:
        assert message.pop("time_extracted") == WHEN
    return messages


def outcome(way: Callable[[Things, Record], list[Record]], stream: Things, record: Record) -> object:
    """Return the messages, or nothing if a map cannot cope with this record."""
    try:
        return way(stream, record)
    except Exception:  # noqa: BLE001 - ours is always one that is told in a line
        return None


NAMES = ("name", "code", "a", "b", "rate", "position", "Ümläut", "with space")
plain = st.sampled_from([String, Integer, Number, Boolean, DateTime, Date, Decimal, I18n, Json]).map(
    lambda kind: kind()
)


def properties_of(inner: st.SearchStrategy[Record]) -> st.SearchStrategy[dict[str, Record]]:
    return st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=4)


a_field = st.recursive(
    st.one_of(plain, plain, st.sampled_from([String, Integer, Boolean, DateTime]).map(Array)),
    lambda inner: st.one_of(properties_of(inner).map(Object), properties_of(inner).map(Array)),
    max_leaves=6,
)
schemas = properties_of(a_field)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=4,
)


def value_of(schema: Record) -> st.SearchStrategy[t.Any]:
    """Return values that fit a field: of others, the SDK makes something else or nothing."""
    kinds = schema["type"]
    if "properties" in schema:
        fitting: st.SearchStrategy[t.Any] = st.builds(
            lambda known, more: {**more, **known},
            st.fixed_dictionaries({}, optional={n: value_of(f) for n, f in schema["properties"].items()}),
            st.dictionaries(st.sampled_from(["more", "__x", "more.y"]), anything, max_size=2),
        )
    elif "items" in schema:
        fitting = st.lists(value_of(schema["items"]), max_size=3)
    else:
        plain_texts = {
            # Others are moved to UTC, which the SDK does not do.
            "date-time": st.sampled_from(["2026-01-31T10:00:00Z", "2026-01-31T10:00:00.5Z"]),
            "date": st.dates().map(str),
        }.get(schema.get("format", ""), texts)
        fitting = {
            "string": plain_texts,
            "integer": st.integers(-(2**63), 2**63 - 1),
            "number": st.floats(-1e9, 1e9),
            "boolean": st.booleans(),
            "object": st.dictionaries(texts, anything, max_size=3),
        }[kinds[0]]
    return st.one_of(st.none(), fitting, fitting, fitting)


@st.composite
def record_of(draw: st.DrawFn, schema: dict[str, Record]) -> Record:
    values = {name: value_of(field) for name, field in schema.items()}
    return {"id": draw(st.integers(0, 99)), **draw(st.fixed_dictionaries({}, optional=values))}


def crumbs_of(schema: dict[str, Record], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """All breadcrumbs that the SDK knows: none inside of arrays."""
    for name, field in schema.items():
        here = (*above, "properties", name)
        yield here
        yield from crumbs_of(field.get("properties", {}), here)


EXPRESSIONS = [
    "id",
    "str(id)",
    "id + 1",
    "name",
    "self",
    "_['name']",
    "record.get('code')",
    "md5(str(id))",
    "'fix'",
    "True",
    "config['salt']",
    "__stream_name__",
    "json.dumps(record)",
    "a if a else b",
    "None",
    None,
    "__NULL__",
]
a_map = st.builds(
    lambda defs, special: {**defs, **special},
    st.dictionaries(st.sampled_from([*NAMES[:6], "new"]), st.sampled_from(EXPRESSIONS), max_size=4),
    st.sampled_from(
        [
            {},
            {},
            {"__else__": None},
            {"__filter__": "id % 2 == 0"},
            {"__filter__": "name"},
            {"__alias__": "renamed"},
            {"__key_properties__": ["id"]},
            {"__key_properties__": []},
        ]
    ),
)
maps: st.SearchStrategy[Record | None] = st.one_of(
    st.none(),
    st.fixed_dictionaries({"things": st.one_of(a_map, st.none())}),
    st.fixed_dictionaries({"th*": a_map}),
    st.fixed_dictionaries({"things": a_map, "copies": a_map.map(lambda one: {**one, "__source__": "things"})}),
    st.fixed_dictionaries({"copies": a_map.map(lambda one: {**one, "__source__": "things"})}),
    st.just({"__else__": None}),
)
flattenings: st.SearchStrategy[Record] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {"flattening_enabled": st.booleans(), "flattening_max_depth": st.integers(0, 3)},
        optional={
            "flattening_separator": st.sampled_from([".", "__"]),
            "flattening_max_key_length": st.integers(4, 40),
        },
    ),
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(data=st.data())
def test_lines_equal_those_of_the_sdk_for_any_schema_selection_map_flattening_and_record(data: st.DataObject) -> None:
    schema = data.draw(schemas, label="schema")
    crumbs = data.draw(st.sets(st.sampled_from(list(crumbs_of(schema))), max_size=3), label="left out")
    removed = data.draw(st.one_of(st.just(set()), st.sets(st.sampled_from(list(schema)), max_size=1)), label="removed")
    stream_maps = data.draw(maps, label="maps")
    config = {
        **({} if stream_maps is None else {"stream_maps": stream_maps, "stream_map_config": {"salt": "pepper"}}),
        **data.draw(flattenings, label="flattening"),
    }
    try:
        stream = things(
            schema,
            config=config,
            left_out={crumb for crumb in crumbs if crumb[1] not in removed},
            removed=removed,
            given_catalog=data.draw(st.booleans(), label="given") or bool(crumbs) or bool(removed),
        )
        stream.stream_maps  # noqa: B018 - wrong maps are refused here
    except Exception:  # noqa: BLE001 - of the SDK's own, at the start of the run and before any record
        assume(False)  # noqa: FBT003
    stream._stream_version = data.draw(st.sampled_from([None, 1_700_000_000]), label="version")
    page: list[Record] = []
    expected: list[Record] = []
    for record in data.draw(st.lists(record_of(schema), min_size=1, max_size=4), label="records"):
        messages = outcome(as_the_sdk, stream, record)
        assert outcome(as_we, stream, record) == messages
        if isinstance(messages, list):
            page.append(record)
            expected += messages
    assert as_we_all(stream, page) == expected


def test_an_object_that_is_null_leaves_no_name_that_the_flattened_schema_lacks() -> None:
    stream = things(
        fields(seat=Object(fields(number=Integer())), note=String()),
        config={"flattening_enabled": True, "flattening_max_depth": 1},
    )
    (map_of_it,) = stream.stream_maps
    assert "seat__number" in map_of_it.transformed_schema["properties"]
    assert as_we(stream, {"id": 1, "seat": {"number": 5}, "note": None})[0]["record"] == {
        "id": 1,
        "seat__number": 5,
        "note": None,
    }
    assert as_we(stream, {"id": 2, "seat": None, "note": None})[0]["record"] == {"id": 2, "note": None}
    assert RecordEncoder(stream).mapped([{"id": 2, "seat": None}]) == [{"id": 2}]


def test_a_filter_that_fails_is_the_sdks_error() -> None:
    stream = things(fields(name=String()), config={"stream_maps": {"things": {"__filter__": "nothing_such"}}})
    with pytest.raises(MapExpressionError):
        as_we(stream, {"id": 1})
    with pytest.raises(MapExpressionError):
        RecordEncoder(stream).passes({"id": 1})


@pytest.mark.parametrize(
    ("maps", "passes"),
    [
        pytest.param({}, True, id="no map"),
        pytest.param({"things": None}, False, id="the stream is removed"),
        pytest.param({"things": {"__filter__": "id > 5"}}, False, id="filtered out"),
        pytest.param({"things": {"__filter__": "id < 5"}}, True, id="let through"),
        pytest.param({"copy": {"__source__": "things", "__filter__": "id > 5"}}, True, id="a copy is filtered"),
        pytest.param({"__else__": None}, False, id="no stream without a map"),
    ],
)
def test_the_streams_own_map_says_whether_a_record_and_what_is_below_it_passes(
    maps: Record,
    passes: bool,  # noqa: FBT001
) -> None:
    stream = things(fields(name=String()), config={"stream_maps": maps})
    assert RecordEncoder(stream).passes({"id": 1, "name": "x"}) is passes


# --- what is ours -----------------------------------------------------------------------------------------------------


def only_record(stream: Things, record: Record) -> Record:
    (message,) = as_we(stream, record)
    assert message["type"] == "RECORD"
    return t.cast("Record", message["record"])


def test_moments_leave_in_utc() -> None:
    stream = things(fields(at=DateTime(), parts=Array(fields(at=DateTime()))))
    record = {"id": 1, "at": "2026-01-31T10:00:00+01:00", "parts": [{"at": "2026-01-31T10:00:00-05:00"}]}
    assert only_record(stream, record) == {
        "id": 1,
        "at": "2026-01-31T09:00:00Z",
        "parts": [{"at": "2026-01-31T15:00:00Z"}],
    }


def test_what_no_schema_names_is_kept_in_unknown_fields_sorted() -> None:
    stream = things(fields(name=String()))
    record = {"id": 1, "zebra": [1], "name": "x", "ant": {"b": None}}
    assert only_record(stream, record) == {"id": 1, "name": "x", "unknown_fields": {"ant": {"b": None}, "zebra": [1]}}
    assert list(only_record(stream, record)["unknown_fields"]) == ["ant", "zebra"]


def test_unknown_fields_are_counted_over_all_records() -> None:
    encoder = RecordEncoder(things(fields(name=String())))
    encoder.prepare([{"id": 1, "one": 1}, {"id": 2}])
    encoder.prepare([{"id": 3, "two": None, "one": 1.5}, {"id": 4, "one": 2}])
    assert encoder.unexpected.times == {
        Finding("one", "integer", NOTHING, is_kept=True): 2,
        Finding("one", "number", NOTHING, is_kept=True): 1,
        Finding("two", "null", NOTHING, is_kept=True): 1,
    }


@pytest.mark.parametrize("how", ["deselected", "removed"])
def test_unknown_fields_go_when_the_catalog_leaves_their_column_out(how: str) -> None:
    stream = things(
        fields(name=String()),
        left_out=[("properties", "unknown_fields")] if how == "deselected" else [],
        removed=["unknown_fields"] if how == "removed" else [],
    )
    assert only_record(stream, {"id": 1, "name": "x", "more": 1}) == {"id": 1, "name": "x"}


def test_unknown_fields_inside_of_objects_stay_where_they_are() -> None:
    stream = things(fields(part=Object(fields(a=Integer()))))
    record = {"id": 1, "part": {"a": 1, "b": 2}}
    assert only_record(stream, record) == record


INSIDE = fields(
    part=Object(fields(a=Integer(), free=Json())),
    parts=Array(fields(n=Integer(), seat=Object(fields(row=String())))),
    details=Object(fields(card=Object(fields(id=Integer()))), personal=True, is_open=True),
    rest=Json(),
)
ROW = {
    "id": 1,
    "part": {"a": 1, "b": {"secret": 1}, "free": {"any": 1}},
    "parts": [{"n": 1, "seat": {"row": "1", "zone": None}}, {"m": 2}, {"m": "x"}, None],
    "details": {"any": 1, "card": {"id": 1, "code": "x"}},
    "rest": {"any": 1},
}


@pytest.mark.parametrize("personal", [True, False])
def test_unknown_fields_inside_of_objects_are_counted_by_path_and_type(personal: bool) -> None:  # noqa: FBT001
    encoder = RecordEncoder(things(INSIDE, config={"personal_data": personal}))
    # One that fits and has nothing new beside them, and one that does not fit.
    encoder.prepare([{"id": 2, "part": {"a": 1}}, copy.deepcopy(ROW), {"id": 3, "parts": {"n": 1}}])
    whole = {
        Finding("part.b", "object", NOTHING, personal): 1,
        Finding("parts[].seat.zone", "null", NOTHING, personal): 1,
        Finding("parts[].m", "integer", NOTHING, personal): 1,
        Finding("parts[].m", "string", NOTHING, personal): 1,
    }
    found = {one: times for one, times in encoder.unexpected.times.items() if one.says == NOTHING}
    inside_of_free = {Finding("details.card.code", "string", NOTHING, personal): 1}
    assert found == whole | (inside_of_free if personal else {})  # without personal data, free objects go whole
    assert Finding("parts", "object", "array", personal) in encoder.unexpected.times


def test_a_page_with_nothing_new_is_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[Record] = []
    monkeypatch.setattr(normalise, "finder", lambda *_: lambda record, _: looked.append(record))
    encoder = RecordEncoder(things(INSIDE))
    row = {"id": 1, "part": {"a": 1, "free": {}}, "parts": [{"n": 1}], "details": {"any": 1}, "rest": {"any": 1}}
    encoder.prepare([row])
    assert looked == []
    encoder.prepare([{**row, "part": {"b": 1}}])
    assert len(looked) == 1


def test_what_only_the_catalog_names_inside_of_an_object_is_not_unknown() -> None:
    stream = things(INSIDE)
    part = stream.effective_schema["properties"]["part"]["properties"]
    part["b"] = {"type": ["integer", "null"]}
    del part["a"]
    encoder = RecordEncoder(stream)
    encoder.prepare([{"id": 1, "part": {"a": 1, "b": 2, "c": 3}}])
    assert encoder.unexpected.unknown_fields == {"part.c"}


def test_without_personal_data_what_only_the_catalog_names_is_left_out_and_counted() -> None:
    stream = things(fields(name=String()), config={"personal_data": False})
    stream.effective_schema["properties"]["phone"] = {"type": ["string", "null"]}
    encoder = RecordEncoder(stream)
    assert encoder.prepare([{"id": 1, "phone": "1"}]) == [{"id": 1}]
    assert encoder.unexpected.times == {Finding("phone", "string", NOTHING, is_kept=False): 1}


def test_a_field_deselected_inside_of_an_array_is_left_out_of_every_item() -> None:
    stream = things(
        fields(parts=Array(fields(a=Integer(), secret=String(), inner=Array(fields(code=String(), b=Integer()))))),
        left_out=[
            ("properties", "parts", "items", "properties", "secret"),
            ("properties", "parts", "items", "properties", "inner", "items", "properties", "code"),
        ],
    )
    record = {"id": 1, "parts": [{"a": 1, "secret": "x", "inner": [{"code": "y", "b": 2}, None]}, None, {"a": 3}]}
    assert only_record(stream, record) == {"id": 1, "parts": [{"a": 1, "inner": [{"b": 2}, None]}, None, {"a": 3}]}


def test_a_key_cannot_be_deselected() -> None:
    assert only_record(things(fields(name=String()), left_out=[("properties", "id")]), {"id": 1}) == {"id": 1}


@pytest.mark.parametrize(
    "crumb", [("properties",), ("name",), ("items", "properties", "name"), ("x", "y", "z")], ids=str
)
def test_a_breadcrumb_that_makes_no_sense_changes_nothing(crumb: tuple[str, ...]) -> None:
    record = {"id": 1, "name": "x"}
    assert only_record(things(fields(name=String()), left_out=[crumb]), record) == record


def test_ids_leave_in_their_one_type() -> None:
    stream = things(fields(code=Integer(), ticket=String()))
    assert only_record(stream, {"id": 1, "code": "17", "ticket": 18}) == {"id": 1, "code": 17, "ticket": "18"}


def test_a_line_is_compact_unicode_with_the_stream_first_and_one_end() -> None:
    stream = things(fields(name=I18n()))
    stream._stream_version = 5
    assert RecordEncoder(stream).lines([{"id": 1, "name": {"de": "Straße\n"}}], WHEN).decode() == (
        '{"type":"RECORD","stream":"things","record":{"id":1,"name":{"de":"Straße\\n"}},'
        f'"version":5,"time_extracted":"{WHEN}"}}\n'
    )


def test_mapped_records_for_a_batch_are_the_primary_maps() -> None:
    config = {"stream_maps": {"things": {"name": "str(id)"}, "copy": {"__source__": "things"}}}
    path = RecordEncoder(things(fields(name=String()), config=config))
    assert path.mapped([{"id": 1, "name": "x"}]) == [{"id": 1, "name": "1"}]
    plain_path = RecordEncoder(things(fields(name=String())))
    assert plain_path.mapped([{"id": 1}]) == [{"id": 1}]
    assert (
        RecordEncoder(things(fields(name=String()), config={"stream_maps": {"things": None}})).mapped([{"id": 1}]) == []
    )


# --- what does not fit ------------------------------------------------------------------------------------------------


def written(stream: Things, *records: Record) -> tuple[list[Record], list[str]]:
    """Return the records that rows become, and the warnings about them."""
    with kept_log(logging.WARNING) as log:
        messages = as_we_all(stream, list(records))
    return [message["record"] for message in messages], [record.getMessage() for record in log]


def test_a_value_that_does_not_fit_is_null_and_kept_and_told_once() -> None:
    stream = things(fields(at=DateTime(), parts=Array(fields(n=Integer()))))
    rows = [{"id": number, "at": "", "parts": [{"n": 1}, {"n": "x"}], "new": 1} for number in range(3)]
    records, warnings = written(stream, *rows)
    assert records == [
        {
            "id": number,
            "at": None,
            "parts": [{"n": 1}, {"n": None}],
            "unknown_fields": {"at": "", "parts[1].n": "x", "new": 1},
        }
        for number in range(3)
    ]
    assert warnings == [
        "things: at is sometimes not what the schema says, and then null (the value is kept in unknown_fields)",
        "things: parts[].n is sometimes not what the schema says, and then null (the value is kept in unknown_fields)",
    ]


def test_values_that_do_not_fit_are_counted_apart_from_what_no_schema_names() -> None:
    stream = things(fields(at=DateTime(), parts=Array(fields(n=Integer()))))
    encoder = RecordEncoder(stream)
    encoder.prepare([{"id": number, "at": "", "parts": [{"n": 1}, {"n": {}}], "new": ""} for number in range(3)])
    assert encoder.unexpected.times == {
        Finding("at", "string", "date-time", is_kept=True): 3,
        Finding("parts[].n", "object", "integer", is_kept=True): 3,
        Finding("new", "string", NOTHING, is_kept=True): 3,
    }
    assert encoder.unexpected.unknown_fields == {"new"}


def test_a_value_is_not_kept_where_its_column_is_left_out() -> None:
    stream = things(fields(at=DateTime()), left_out=[("properties", "unknown_fields")])
    records, (warning,) = written(stream, {"id": 1, "at": ""})
    assert records == [{"id": 1, "at": None}]
    assert warning.endswith("and then null (the value is left out)")


def test_a_value_is_not_kept_where_a_part_of_it_is_left_out() -> None:
    stream = things(
        fields(card=Object(fields(id=Integer(), code=String(secret=True))), code=Integer(secret=True)),
        left_out=[("properties", "card", "properties", "code"), ("properties", "code")],
    )
    records, (warning,) = written(stream, {"id": 1, "card": "hidden", "code": "hidden"})
    assert records == [{"id": 1, "card": None}]
    assert warning.startswith("things: card is sometimes not what the schema says")


def test_a_servers_own_unknown_fields_is_one_of_them() -> None:
    stream = things(fields(at=DateTime()))
    records, _ = written(stream, {"id": 1, "at": "", "unknown_fields": {"at": 5}, "new": 2})
    assert records == [{"id": 1, "at": None, "unknown_fields": {"at": "", "new": 2, "unknown_fields": {"at": 5}}}]


@pytest.mark.parametrize("key", [{}, {"id": None}, {"id": {}}, {"id": "A1"}], ids=str)
def test_a_row_without_its_key_is_left_out_and_told_once(key: Record) -> None:
    stream = things(fields(name=String()))
    records, warnings = written(stream, {**key, "name": "a"}, {"id": 2, "name": "b"}, {**key, "name": "c"})
    assert records == [{"id": 2, "name": "b"}]
    assert sum("a row without its key was left out" in line for line in warnings) == 1


@pytest.mark.parametrize("batched", [False, True])
def test_nul_leaves_as_the_replacement_character_and_is_told_once(batched: bool) -> None:  # noqa: FBT001
    stream = things(fields(name=String(), more=Json()))
    encoder = RecordEncoder(stream)
    name = "a\0b\\\0\\u0000"
    with kept_log(logging.WARNING) as log:
        rows = encoder.prepare([{"id": 1, "name": name, "more": {"k\0": ["\0", "\\u0000"]}}, {"id": 2, "name": "\0"}])
        found = (
            encoder.mapped(rows)
            if batched
            else [json.loads(line)["record"] for line in encoder.lines(rows, WHEN).splitlines()]
        )
    assert found == [
        {"id": 1, "name": "a\ufffdb\\\ufffd\\u0000", "more": {"k\ufffd": ["\ufffd", "\\u0000"]}},
        {"id": 2, "name": "\ufffd"},
    ]
    assert len(log) == 1


def test_without_personal_data_nothing_stays_that_no_schema_names_at_any_depth() -> None:
    stream = things(
        fields(
            name=I18n(),
            email=String(personal=True),
            free=Json(),
            rules=Json(personal=False),
            address=Object(fields(street=String(personal=True), vat=Boolean())),
            parts=Array(fields(n=Integer(), inner=Array(fields(a=Integer())), seat=Object(fields(row=String())))),
        ),
        config={"personal_data": False},
    )
    row = {
        "id": 1,
        "name": {"de": "Konzert"},
        "email": "a@example.org",
        "free": {"birth_date": "1970-01-01"},
        "rules": {"any": [1]},
        "address": {"street": "Weg 1", "vat": True, "birth_date": "1970-01-01"},
        "parts": [{"n": "x", "phone": "1", "inner": [{"a": 1, "b": 2}, "text"], "seat": {"row": "1", "holder": "B"}}],
        "nickname": "B",
    }
    records, _ = written(stream, row)
    assert records == [
        {
            "id": 1,
            "name": {"de": "Konzert"},
            "rules": {"any": [1]},
            "address": {"vat": True},
            "parts": [{"n": None, "inner": [{"a": 1}, None], "seat": {"row": "1"}}],
        }
    ]


def test_what_a_map_makes_is_what_its_schema_says() -> None:
    stream = things(
        fields(name=String(), when=String()),
        config={
            "stream_maps": {
                "things": {"number": "int(name)", "text": "record.get('name') and id", "float": "float(name)"}
            }
        },
    )
    schema = stream.stream_maps[0].transformed_schema["properties"]
    kinds = {name: schema[name]["type"][0] for name in ("number", "text", "float")}
    assert kinds == {"number": "integer", "text": "string", "float": "number"}
    records, _ = written(stream, {"id": 1, "name": "5"})
    assert {name: records[0][name] for name in kinds} == {"number": 5, "text": "1", "float": 5.0}
