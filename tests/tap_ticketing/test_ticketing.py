"""The streams of tap-ticketing: what they hold, what selects and changes them, and every setting."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import jsonschema
import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from sandbox import Fault, Sandbox
from tap_ticketing.tap import TapTicketing
from tests.conftest import Run, discovered, entry_of, only, run_tap, select
from tests.support.ticketing import (
    SHAPES,
    bookmarks,
    codes,
    every_code,
    lists,
    logins,
    run,
    settings,
    ticketing_box,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Json, Result

both_shapes = pytest.mark.parametrize("shape", SHAPES)
NAMES = ("events", "attendees", "attendee_fields", "attendee_answers", "tickets")
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

# --- the SDK's standard suite -------------------------------------------------------------------------------------

_box = Sandbox()


@pytest.fixture(scope="session", autouse=True)
def _closed_box() -> Iterator[None]:
    """Close what the standard suites read, which take their settings at import."""
    yield
    _box.close()


def suite(shape: str) -> t.Any:
    """Return the SDK's standard tests; every field has a value in them, but that for what no schema names."""
    tests = get_tap_test_class(
        TapTicketing, config=settings(_box, shape), suite_config=SuiteConfig(), parse_env_config=False
    )
    for message in (
        "Fields in transformed catalog but not in records. ..'unknown_fields'",
        "No records were available",
    ):
        pytest.mark.filterwarnings(f"ignore:{message}")(tests)
    return tests


TestFlat = suite("flat")
TestPartitioned = suite("partitioned")


# --- records ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=SHAPES)
def shape(request: pytest.FixtureRequest) -> str:
    """One list for all events, or one for each."""
    return str(request.param)


@pytest.fixture(scope="module")
def result(shape: str) -> Result:
    """Everything that a sandbox has, as Meltano reads it: with a catalog from discovery."""
    config = settings(_box, shape)
    return run_tap(config, discovered(config, TapTicketing), tap=TapTicketing)


def paths(schema: Json, kind: t.Callable[[Json], bool], value: t.Any) -> Iterator[t.Any]:
    """Yield the values of a record below fields of a kind."""
    if kind(schema):
        yield value
    if isinstance(value, dict):
        for name, field in schema.get("properties", {}).items():
            if name in value:
                yield from paths(field, kind, value[name])
    elif isinstance(value, list):
        for item in value:
            yield from paths(schema.get("items", {}), kind, item)


def test_every_stream_has_its_rows(result: Result, shape: str) -> None:
    events = len(_box.ticketing.events)
    forms = 1 if shape == "flat" else events
    count = len(_box.ticketing.codes())
    assert {name: len(rows) for name, rows in result.records.items()} == {
        "events": events,
        "attendees": count,
        "attendee_fields": 5 * forms,
        "attendee_answers": 5 * count,
        "tickets": count,
    }
    assert codes(result) == every_code(_box, shape)
    assert result.warnings() == []


@pytest.mark.parametrize("name", NAMES)
def test_records_are_what_their_schema_says(name: str, result: Result) -> None:
    schema = result.schemas[name]["schema"]
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    for record in result.records[name]:
        validator.validate(record)
        assert record.keys() <= schema["properties"].keys()
        assert "unknown_fields" not in record


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_there_never_null_and_unique(name: str, result: Result) -> None:
    keys = result.schemas[name]["key_properties"]
    found = [tuple(record[key] for key in keys) for record in result.records[name]]
    assert None not in {value for values in found for value in values}
    assert len(found) == len(set(found)) > 0


KEYS = {
    "events": ["id"],
    "attendees": ["id"],
    "attendee_fields": ["id"],
    "attendee_answers": ["attendee_id", "field_id"],
    "tickets": ["code"],
}


@pytest.mark.parametrize("name", NAMES)
def test_below_events_the_key_and_the_records_carry_the_event(name: str, result: Result, shape: str) -> None:
    below = shape == "partitioned" and name != "events"
    assert result.schemas[name]["key_properties"] == [*(["event_id"] if below else []), *KEYS[name]]
    assert all(("event_id" in record) is below for record in result.records[name])
    if below:
        events = {record["event_id"] for record in result.records[name]}
        assert events <= set(_box.ticketing.events)
        assert len(events) > 1


def test_rows_below_an_event_are_those_of_that_event(sandbox: Sandbox) -> None:
    result = run(settings(sandbox, "partitioned"))
    for name, code in (("attendees", "ticket_code"), ("tickets", "code"), ("attendee_answers", "ticket_code")):
        for record in result.records[name]:
            assert record[code] in sandbox.ticketing.codes(record["event_id"])


def test_times_leave_in_utc(result: Result) -> None:
    times = [
        value
        for name in NAMES
        for record in result.records[name]
        for value in paths(result.schemas[name]["schema"], lambda field: field.get("format") == "date-time", record)
        if value is not None
    ]
    assert len(times) > len(_box.ticketing.codes())
    assert [value for value in times if not UTC.fullmatch(value)] == []


def test_a_time_with_an_offset_that_has_no_colon_is_the_same_moment(sandbox: Sandbox) -> None:
    code = sandbox.ticketing.codes()[0]
    sandbox.ticketing.change_attendee(
        code,
        created_at="2015-10-05T14:31:50+0300",
        checkins=[{"addon_id": 7, "date": "2015-10-06T00:15:00+0300"}, {"addon_id": None, "date": None}],
    )
    (record, *_) = run(settings(sandbox), "attendees").records["attendees"]
    assert record["created_at"] == "2015-10-05T11:31:50Z"
    assert [checkin["date"] for checkin in record["checkins"]] == ["2015-10-05T21:15:00Z", None]


def test_ids_are_of_one_type_however_they_arrive(shape: str, sandbox: Sandbox) -> None:
    sandbox.ticketing.mixed_ids = True
    event = next(iter(sandbox.ticketing.events.values())).row
    event["id"] = str(event["id"])
    event["ticket_types"][0]["id"] = str(event["ticket_types"][0]["id"])
    event["tickets"] = "12"
    config = settings(sandbox, shape)
    for catalog in (None, discovered(config, TapTicketing)):
        result = run_tap(config, catalog, tap=TapTicketing)
        kinds = {
            (name, field): {type(record[field]) for record in result.records[name]}
            for name, schema in result.schemas.items()
            for field in schema["schema"]["properties"]
            if field == "id" or field.endswith(("_id", "_code", "tickets")) or field == "code"
        }
        assert kinds.pop(("events", "id")) == kinds.pop(("events", "tickets")) == {int}
        assert kinds.pop(("tickets", "ticket_type_id")) == {int}
        for name in NAMES[1:]:
            assert kinds.pop((name, "event_id"), {int}) == {int}
        assert {kind for found in kinds.values() for kind in found} == {str}
        types = [kind["id"] for record in result.records["events"] for kind in record["ticket_types"]]
        assert {type(value) for value in types} == {int}
        assert {type(record["ticket_type"]["id"]) for record in result.records["attendees"]} == {int}


SPEC: dict[str, dict[str, str]] = {
    "events": {
        "id": "integer",
        "name": "string",
        "location": "string",
        "starts_at": "string",
        "ticket_types": "array",
        "tickets": "integer",
        "tickets_checked_in": "integer",
        "tickets_sold": "integer",
        "hash": "string",
    },
    "attendees": {
        "id": "string",
        "created_at": "string",
        "ticket_code": "string",
        "ticket_id": "string",
        "ticket_type": "object",
        "values": "array",
        "order_id": "string",
        "order_uuid": "string",
        "checkins": "array",
        "links": "array",
    },
    "tickets": {"code": "string", "checked_in": "boolean", "checkins": "array", "ticket_type_id": "integer"},
}


@pytest.mark.parametrize("name", SPEC)
def test_fields_have_the_types_of_the_contract_and_only_keys_are_never_null(name: str, result: Result) -> None:
    message = result.schemas[name]
    properties = message["schema"]["properties"]
    keys = message["key_properties"]
    for field, kind in SPEC[name].items():
        assert properties[field]["type"] == ([kind] if field in keys else [kind, "null"])
    assert set(properties) - set(SPEC[name]) - {"event_id"} == {"unknown_fields"}
    inner = properties["ticket_types"]["items"]["properties"] if name == "events" else {}
    assert list(inner) == (["id", "name", "price", "addons"] if inner else [])


def test_fields_that_no_schema_names_are_kept_and_reported(shape: str, sandbox: Sandbox) -> None:
    for code in sandbox.ticketing.codes():
        sandbox.ticketing.change_attendee(code, seat="A1", ticket_type={"id": 1, "name": "Gold", "colour": "red"})
    result = run(settings(sandbox, shape), "attendees")
    assert {json.dumps(record["unknown_fields"]) for record in result.records["attendees"]} == {'{"seat": "A1"}'}
    assert result.records["attendees"][0]["ticket_type"]["colour"] == "red"
    _, *lines = [line.split() for line in result.warnings()[1:]]
    assert lines == [
        ["attendees", "seat", "string", "nothing", "60", "kept"],
        ["attendees", "ticket_type.colour", "string", "nothing", "60", "kept"],
    ]


def test_without_personal_data_no_field_about_people_is_read(shape: str, sandbox: Sandbox) -> None:
    for code in sandbox.ticketing.codes():
        sandbox.ticketing.change_attendee(code, companion="Ms Nobody")
    config = settings(sandbox, shape)
    whole, result = run(config), run({**config, "personal_data": False})
    for name, about_people in {
        "attendees": {"values", "links", "unknown_fields"},
        "attendee_answers": {"value", "value_json"},
    }.items():
        assert len(result.records[name]) == len(whole.records[name]) > 0
        assert about_people <= {field for row in whole.records[name] for field in row}
        assert not about_people & {field for row in result.records[name] for field in row}
    assert b"Nobody" not in result.output


def test_every_field_may_be_missing_or_null_but_the_keys_and_the_cursor(sandbox: Sandbox) -> None:
    rows: Json = {
        "events": [{"id": 1}, {"id": 2, **dict.fromkeys(list(SPEC["events"])[1:])}],
        "attendees": [
            {"id": "1", "ticket_code": "A"},
            {**dict.fromkeys(SPEC["attendees"]), "id": "2", "ticket_code": "B"},
        ],
        "tickets": [{"code": "A"}, {"code": "B", **dict.fromkeys(list(SPEC["tickets"])[1:])}],
    }
    for name, page in rows.items():
        sandbox.faults.add(Fault(f"/{name}$", status=200, body=json.dumps({name: page})))
    sandbox.faults.add(Fault("/attendees$", status=200, body='{"attendees": []}'))
    result = run(settings(sandbox))
    for name, page in rows.items():
        assert result.records[name] == page
        for record in page:
            jsonschema.validate(record, result.schemas[name]["schema"])
    assert result.records["attendee_fields"] == result.records["attendee_answers"] == []


# --- selection ----------------------------------------------------------------------------------------------------


def test_only_what_is_selected_is_asked_for(shape: str, sandbox: Sandbox) -> None:
    run(settings(sandbox, shape), "tickets")
    assert lists(sandbox) == []
    assert len(lists(sandbox, "tickets")) == (1 if shape == "flat" else len(sandbox.ticketing.events))
    sandbox.clear_log()
    run(settings(sandbox, shape), "events")
    assert [request.path.rpartition("/")[2] for request in sandbox.log] == ["login", "events"]


def test_answers_come_without_the_attendees_too_and_only_new_ones_next_time(shape: str, sandbox: Sandbox) -> None:
    config = settings(sandbox, shape)
    first = run(config, "attendee_answers")
    assert set(first.records) == {"attendee_answers"}
    assert set(first.schemas) == {"attendee_answers"}
    assert len(first.records["attendee_answers"]) == 5 * 60
    new = sandbox.ticketing.add_attendees(2)
    second = run(config, "attendee_answers", state=first.states[-1])
    assert {row["attendee_id"] for row in second.records["attendee_answers"]} == {row["id"] for row in new}
    assert bookmarks(second.states[-1]) is None


def test_answers_come_from_attendees_whose_values_are_not_selected(sandbox: Sandbox) -> None:
    config = settings(sandbox)
    catalog = only(discovered(config, TapTicketing), "attendees", "attendee_answers")
    for field in ("values", "ticket_code", "links"):
        select(entry_of(catalog, "attendees"), False, "properties", field)  # noqa: FBT003
    result = run_tap(config, catalog, tap=TapTicketing)
    assert len(result.records["attendee_answers"]) == 5 * 60
    assert {"values", "links"}.isdisjoint(result.records["attendees"][0])
    # The cursor cannot be left out.
    assert bookmarks(result.states[-1])["replication_key_value"] == result.records["attendees"][-1]["ticket_code"]


def test_the_form_alone_takes_one_page_of_each_list_and_leaves_no_bookmark(shape: str) -> None:
    with ticketing_box(events=2, attendees=300) as box:
        result = run(settings(box, shape), "attendee_fields")
        number = 1 if shape == "flat" else 2
        assert len(result.records["attendee_fields"]) == 5 * number
        assert len(lists(box)) == number
        assert "attendees" not in json.dumps(result.states)


def test_the_form_comes_as_a_whole_also_when_nobody_is_new(shape: str, sandbox: Sandbox) -> None:
    first = run(settings(sandbox, shape))
    second = run(settings(sandbox, shape), state=first.states[-1])
    assert second.records["attendee_fields"] == first.records["attendee_fields"]


# --- what the SDK promises ----------------------------------------------------------------------------------------


def timeless(result: Result) -> bytes:
    """Return what a run wrote, without the times of extraction."""
    return re.sub(rb'"time_extracted":"[^"]*"', b"", result.output)


def test_output_is_the_same_however_many_requests_are_in_flight(shape: str) -> None:
    with ticketing_box(events=8, attendees=100) as box:
        box.ticketing.page_size = 5
        box.latency = lambda request: 0.002 * (len(request.query_string) % 3)
        outputs = {timeless(run(settings(box, shape, max_concurrency=number))) for number in (1, 8, 32)}
        assert len(outputs) == 1
        assert box.stats()["most_at_once"] > (1 if shape == "partitioned" else 0)


def test_one_request_at_once_is_one_request_at_once() -> None:
    with ticketing_box(events=8, attendees=100) as box:
        box.latency = 0.001
        run(settings(box, "partitioned", max_concurrency=1))
        assert box.stats()["most_at_once"] == 1


def test_batch_files_hold_the_records(shape: str, sandbox: Sandbox, tmp_path: Path) -> None:
    import gzip  # noqa: PLC0415

    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": tmp_path.as_uri(), "prefix": "test-"},
    }
    plain = run(settings(sandbox, shape))
    batched = run(settings(sandbox, shape, batch_config=batch))
    found: dict[str, list[Json]] = {name: [] for name in NAMES}
    for message in batched.messages:
        if message["type"] == "BATCH":
            for uri in message["manifest"]:
                lines = gzip.decompress(Path(uri.removeprefix("file://")).read_bytes()).splitlines()
                found[message["stream"]] += [json.loads(line) for line in lines]
    assert found == dict(plain.records)
    assert batched.records == {}
    assert batched.states[-1] == plain.states[-1]


def test_stream_maps_hide_and_rename(shape: str, sandbox: Sandbox) -> None:
    maps: Json = {
        "attendees": {"values": None, "created_at": None, "code": "md5(ticket_code)"},
        "attendee_answers": {"__alias__": "answers", "value_json": None, "__filter__": "type == 'email'"},
        "tickets": None,
    }
    result = run(settings(sandbox, shape, stream_maps=maps))
    assert len(result.records["attendees"]) == 60
    for record in result.records["attendees"]:
        assert {"values", "created_at"}.isdisjoint(record)
        assert re.fullmatch("[0-9a-f]{32}", record["code"])
    assert len(result.records["answers"]) == 60
    assert all("@" in record["value"] for record in result.records["answers"])
    assert "tickets" not in result.records


def test_flattening_makes_columns_of_objects(sandbox: Sandbox) -> None:
    result = run(settings(sandbox, flattening_enabled=True, flattening_max_depth=1), "attendees")
    record = result.records["attendees"][0]
    assert "ticket_type" not in record
    assert isinstance(record["ticket_type__id"], int)
    assert record["ticket_type__name"] in {"Standard", "Reduced"}


def test_versions_are_activated_for_what_is_read_as_a_whole_and_for_nothing_else(shape: str, sandbox: Sandbox) -> None:
    """A loader deletes all rows of another version."""

    def activated(result: Result) -> set[str]:
        return {message["stream"] for message in result.messages if message["type"] == "ACTIVATE_VERSION"}

    config = settings(sandbox, shape, emit_activate_version_messages=True)
    first = run(config)
    # Events leave their list when they end, and with them what is read event by event.
    whole = set(NAMES) - {"events"} if shape == "flat" else set()
    assert activated(first) == whole
    # What was loaded once stays as it is; what is cut out of a list that was read on from a bookmark is not whole.
    assert activated(run(config, state=first.states[-1])) == whole & {"tickets"}
    assert activated(run(config, full_table=True)) == whole


def test_the_connection_test_asks_for_little(shape: str, sandbox: Sandbox, run_command: Run) -> None:
    finished = run_command("--test", config=settings(sandbox, shape), command="tap-ticketing")
    assert finished.code == 0, finished.stderr
    assert len(sandbox.log) <= 6
    assert len(logins(sandbox)) == 1
