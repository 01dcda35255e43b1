"""The tap for organizers, as a whole: what it writes is what there is."""

from __future__ import annotations

import gzip
import json
import re
import threading
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from rest_tap.errors import ApiError, ListsFailed
from rest_tap.schema import UNKNOWN_FIELDS, sensitive
from sandbox import Fault, Request, Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tests.conftest import (
    SMALL,
    Result,
    discovered,
    entry_of,
    kept_signals,
    only,
    organizers_config,
    run_tap,
    select,
)
from tests.support import truth

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_organizers.client import OrganizersStream
    from tests.conftest import Json, Waits

with kept_signals():
    #: The streams as they are without a catalog.
    BY_NAME: dict[str, OrganizersStream] = {
        stream.name: stream
        for stream in TapOrganizers(config={}, validate_config=False, setup_mapper=False).discover_streams()
    }
NAMES = list(BY_NAME)
ZONE = timezone(timedelta(hours=5, minutes=30))


# --- the SDK's standard suite -----------------------------------------------------------------------------------------

SUITE_BOX = Sandbox(scale=SMALL)


@pytest.fixture(scope="session", autouse=True)
def _close_suite_box() -> Iterator[None]:
    yield
    SUITE_BOX.close()


def everything(config: Json) -> Json:
    """Return a catalog in which every stream and field is selected."""
    catalog = discovered(config)
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            metadata["metadata"]["selected"] = True
    return catalog


#: The suite reads one row of each stream, from the first list that it comes to, which may be empty.
MAY_BE_EMPTY = [
    name for name in NAMES if name.startswith(("order_", "seat", "checkins", "invoices", "transactions", "team_"))
]

with kept_signals():
    Suite = get_tap_test_class(
        TapOrganizers,
        config=organizers_config(SUITE_BOX),
        catalog=everything(organizers_config(SUITE_BOX)),
        suite_config=SuiteConfig(ignore_no_records_for_streams=MAY_BE_EMPTY),
        parse_env_config=False,
    )


@pytest.mark.filterwarnings("ignore:Fields in transformed catalog:UserWarning")
@pytest.mark.filterwarnings("ignore:No records were available:UserWarning")
class TestStandardSuite(Suite):  # type: ignore[misc,valid-type]
    """What the SDK asks of every tap."""


# --- everything that there is -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def far_box() -> Iterator[Sandbox]:
    """A sandbox in another time zone, which no test changes."""
    with Sandbox(scale=SMALL) as box:
        box.organizers.timezone = ZONE
        yield box


@pytest.fixture(scope="module")
def result(far_box: Sandbox) -> Result:
    """A run that reads all of it."""
    config = organizers_config(far_box)
    return run_tap(config, everything(config))


def test_a_run_over_everything_warns_of_nothing(result: Result) -> None:
    assert result.warnings() == []


def test_each_stream_has_its_schema_once_and_before_its_records(result: Result) -> None:
    seen: set[str] = set()
    for message in result.messages:
        if message["type"] == "SCHEMA":
            assert message["stream"] not in seen
            seen.add(message["stream"])
        elif message["type"] == "RECORD":
            assert message["stream"] in seen
    assert seen == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_keys_are_those_of_the_server(name: str, result: Result, far_box: Sandbox) -> None:
    found = sorted((tuple(row[key] for key in BY_NAME[name].primary_keys) for row in result.records[name]), key=repr)
    assert found == truth.keys(far_box, BY_NAME[name])
    assert len(set(found)) == len(found)
    assert found, "the sandbox has rows of every stream"


@pytest.mark.parametrize("name", NAMES)
def test_records_are_what_their_schema_says(name: str, result: Result) -> None:
    schema = result.schemas[name]["schema"]
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    for record in result.records[name]:
        assert record.keys() <= schema["properties"].keys()
        problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(record)]
        assert problems == []


@pytest.mark.parametrize("name", NAMES)
def test_records_carry_the_keys_of_their_parents(name: str, result: Result, far_box: Sandbox) -> None:
    events = {(keys["organizer"], row["slug"]) for keys, row in truth.rows(far_box, "events")}
    assert result.schemas[name]["key_properties"] == list(BY_NAME[name].primary_keys)
    for record in result.records[name]:
        for key in BY_NAME[name].parent_keys:
            assert record[key] is not None
        if {"organizer", "event"} <= BY_NAME[name].parent_keys.keys():
            assert (record["organizer"], record["event"]) in events


def moments_in(value: object, schema: Json) -> Iterator[object]:
    """Yield the values of all fields that are moments."""
    if isinstance(value, dict):
        for name, field in schema.get("properties", {}).items():
            yield from moments_in(value.get(name), field)
    elif isinstance(value, list):
        for item in value:
            yield from moments_in(item, schema.get("items", {}))
    elif schema.get("format") == "date-time":
        yield value


def test_the_server_is_in_another_zone(far_box: Sandbox) -> None:
    assert far_box.organizers.timezone is ZONE


@pytest.mark.parametrize("name", NAMES)
def test_moments_leave_in_utc(name: str, result: Result) -> None:
    schema = result.schemas[name]["schema"]
    for record in result.records[name]:
        for moment in moments_in(record, schema):
            assert moment is None or (isinstance(moment, str) and moment.endswith("Z"))


def test_a_moment_is_the_same_moment_as_on_the_server(result: Result, far_box: Sandbox) -> None:
    starts = {(keys["organizer"], row["slug"]): row["date_from"] for keys, row in truth.rows(far_box, "events")}
    for record in result.records["events"]:
        start = datetime.fromisoformat(record["date_from"].replace("Z", "+00:00"))
        assert start == starts[record["organizer"], record["slug"]]


# --- the same whatever the speed --------------------------------------------------------------------------------------

BUSY = Scale(organizers=2, events=4, tax_rules=120, orders=120, ticketing_events=1, attendees=1)


@pytest.fixture(scope="module")
def busy_runs() -> dict[int, tuple[Result, Sandbox]]:
    """The same data read with one, eight and thirty-two requests at once."""
    runs = {}
    for workers in (1, 8, 32):
        with Sandbox(scale=BUSY) as box:
            if workers > 1:
                box.latency = lambda request: 0.001 * (hash(request.path) % 4)
            config = organizers_config(box, max_concurrency=workers)
            runs[workers] = (run_tap(config, everything(config)), box)
    return runs


def lines_of(result: Result, stream: str) -> list[bytes]:
    """Return the lines of a stream without their times."""
    start = b'{"type":"%s","stream":"' + stream.encode() + b'"'
    lines = [
        re.sub(rb',"time_extracted":"[^"]+"', b"", line)
        for line in result.output.splitlines()
        if line.startswith((start % b"RECORD", start % b"SCHEMA"))
    ]
    assert lines
    return lines


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("workers", [8, 32])
def test_the_bytes_of_a_stream_are_the_same_however_many_requests_are_in_flight(
    name: str, workers: int, busy_runs: dict[int, tuple[Result, Sandbox]]
) -> None:
    assert lines_of(busy_runs[workers][0], name) == lines_of(busy_runs[1][0], name)


@pytest.mark.parametrize("workers", [8, 32])
def test_all_messages_come_in_the_same_order_however_many_requests_are_in_flight(
    workers: int, busy_runs: dict[int, tuple[Result, Sandbox]]
) -> None:
    def order(result: Result) -> list[tuple[str, str]]:
        return [(m["type"], m["stream"]) for m in result.messages if m["type"] != "STATE"]

    assert order(busy_runs[workers][0]) == order(busy_runs[1][0])


@pytest.mark.parametrize("workers", [1, 8, 32])
def test_no_request_is_sent_twice_and_no_more_at_once_than_allowed(
    workers: int, busy_runs: dict[int, tuple[Result, Sandbox]]
) -> None:
    box = busy_runs[workers][1]
    asked = [(entry.path, entry.query_string) for entry in box.log]
    assert len(asked) == len(set(asked))
    assert len(asked) == len(busy_runs[1][1].log)
    assert box.stats()["most_at_once"] <= workers
    assert (box.stats()["most_at_once"] > 1) is (workers > 1)


def test_no_thread_outlives_a_run(quiet_sandbox: Sandbox) -> None:
    before = set(threading.enumerate())
    config = organizers_config(quiet_sandbox)
    run_tap(config, only(discovered(config), "tax_rules"))
    assert [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("worker")] == []


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_list_that_cannot_be_read_keeps_no_other_from_being_read(
    workers: int, sandbox: Sandbox, no_waiting: Waits
) -> None:
    config = organizers_config(sandbox, max_concurrency=workers)
    catalog = only(discovered(config), "tax_rules")
    whole = run_tap(config, catalog)
    paths = [entry.path for entry in sandbox.requests("taxrules")]
    sandbox.clear_log()
    broken = sorted(set(paths))[3]
    sandbox.faults.add(Fault(path=broken, status=500, times=None))
    cut = run_tap(config, catalog, fails=ApiError)
    organizer, _, event = broken.split("/")[-5:-2]
    others = [row for row in whole.records["tax_rules"] if (row["organizer"], row["event"]) != (organizer, event)]
    assert cut.records["tax_rules"] == others
    assert others != whole.records["tax_rules"]
    assert [line for line in cut.warnings() if "the other lists are read" in line] == [
        f"{cut.error}; the other lists are read"
    ]
    answered = [entry.path for entry in sandbox.requests("taxrules") if entry.status == 200]
    assert sorted(answered) == sorted(path for path in paths if path != broken)
    assert no_waiting.seconds


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_host_that_answers_no_more_ends_the_run_with_what_came_before_written(
    workers: int, sandbox: Sandbox, no_waiting: Waits
) -> None:
    config = organizers_config(sandbox, max_concurrency=workers)
    catalog = only(discovered(config), "tax_rules")
    whole = run_tap(config, catalog).records["tax_rules"]
    paths = {entry.path for entry in sandbox.requests("taxrules")}
    sandbox.clear_log()
    last = sorted(paths)[3]

    def fall_silent(request: Request, box: Sandbox) -> None:
        if request.path == last:
            box.faults.add(Fault(kind="reset_before", times=None))

    sandbox.on_request(fall_silent)
    result = run_tap(config, catalog, fails=ApiError)
    assert "the connection failed or broke off" in str(result.error)
    cut = result.records["tax_rules"]
    assert len(cut) < len(whole)
    assert all(row in whole for row in cut)
    # With more of them, the first answer may be among those that no longer come.
    assert cut or workers > 1
    assert no_waiting.seconds


def test_a_second_sweep_over_the_events_does_not_read_what_is_below_them_again(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(path="/events/$", kind="count", n=7, times=None))
    config = organizers_config(sandbox, max_concurrency=8)
    run_tap(config, only(discovered(config), "tax_rules"))
    asked = [(entry.path, entry.query_string) for entry in sandbox.requests("taxrules")]
    assert len(asked) == len(set(asked)) > 10


# --- the catalog ------------------------------------------------------------------------------------------------------


def test_only_selected_streams_are_written_and_only_their_lists_asked_for(sandbox: Sandbox) -> None:
    config = organizers_config(sandbox)
    result = run_tap(config, only(discovered(config), "tax_rules"))
    assert set(result.schemas) == set(result.records) == {"tax_rules"}
    lists = {entry.path.rstrip("/").rsplit("/", 1)[1] for entry in sandbox.log}
    assert lists == {"organizers", "events", "taxrules"}


def test_a_deselected_parent_is_read_but_not_written(sandbox: Sandbox) -> None:
    config = organizers_config(sandbox)
    result = run_tap(config, only(discovered(config), "organizers", "tax_rules"))
    assert set(result.records) == {"organizers", "tax_rules"}
    assert len(result.records["tax_rules"]) == len(list(truth.rows(sandbox, "tax_rules")))


def test_a_catalog_that_selects_nothing_is_an_error_before_the_first_request(sandbox: Sandbox) -> None:
    config = organizers_config(sandbox)
    with pytest.raises(ConfigValidationError, match="the catalog selects no stream"):
        run_tap(config, only(discovered(config)))
    assert sandbox.log == []


def test_deselected_fields_are_left_out_of_schema_and_records(quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox)
    catalog = only(discovered(config), "events")
    for field in ("name", "geo_lat"):
        select(entry_of(catalog, "events"), False, "properties", field)  # noqa: FBT003
    select(entry_of(catalog, "events"), False, "properties", "slug")  # noqa: FBT003
    result = run_tap(config, catalog)
    columns = result.schemas["events"]["schema"]["properties"]
    assert not {"name", "geo_lat"} & columns.keys()
    assert "slug" in columns, "a key cannot be deselected"
    assert all(not {"name", "geo_lat"} & record.keys() and record["slug"] for record in result.records["events"])


def test_a_field_that_one_stream_leaves_out_stays_in_those_that_share_its_rows(quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox)
    streams = ("orders", "order_positions", "order_answers")
    catalog = only(discovered(config), *streams)
    whole = run_tap(config, catalog).records
    answer = ("properties", "answers", "items", "properties", "answer")
    select(entry_of(catalog, "order_positions"), False, *answer)  # noqa: FBT003
    result = run_tap(config, catalog).records
    assert result["orders"] == whole["orders"]
    assert result["order_answers"] == whole["order_answers"]
    assert result["order_positions"] != whole["order_positions"]


@pytest.mark.parametrize("name", NAMES)
def test_what_opens_doors_is_not_selected_by_default(name: str) -> None:
    for crumb in sensitive(BY_NAME[name].schema, "secret"):
        assert BY_NAME[name].mask[crumb] is False


def test_secrets_stay_out_of_a_run_without_catalog(quiet_sandbox: Sandbox) -> None:
    result = run_tap(organizers_config(quiet_sandbox))
    looked_at = 0
    for name, records in result.records.items():
        for crumb in sensitive(BY_NAME[name].schema, "secret"):
            fields = [part for part in crumb if part != "properties"]
            for record in records:
                looked_at += 1
                assert list(values_at(record, fields)) == []
    assert looked_at > 100


def test_without_personal_data_no_field_about_people_is_read_whatever_the_catalog_selects(sandbox: Sandbox) -> None:
    for _, row in truth.rows(sandbox, "orders"):
        row["brand_new"] = "Ms Nobody"
    config = organizers_config(sandbox, personal_data=False)
    whole = run_tap({**config, "personal_data": True}, everything(config))
    result = run_tap(config, everything(config))
    looked_at = 0
    for name in NAMES:
        assert len(result.records[name]) == len(whole.records[name])
        for crumb in [*sensitive(BY_NAME[name].schema, "personal"), ("properties", UNKNOWN_FIELDS)]:
            fields = [part for part in crumb if part != "properties"]
            looked_at += len([value for row in whole.records[name] for value in values_at(row, fields)])
            assert [value for row in result.records[name] for value in values_at(row, fields)] == []
    assert looked_at > 1000
    assert b"Nobody" not in result.output


def values_at(value: t.Any, fields: list[str]) -> Iterator[object]:
    """Yield the values at a place in a record, where there are any."""
    if not fields:
        yield value
    elif fields[0] == "items":
        for item in value or ():
            yield from values_at(item, fields[1:])
    elif isinstance(value, dict) and fields[0] in value:
        yield from values_at(value[fields[0]], fields[1:])


def test_fields_that_no_schema_names_are_kept_and_named_in_a_table(sandbox: Sandbox) -> None:
    for _, row in truth.rows(sandbox, "events"):
        row.update(brand_new={"a": [1]}, other=None)
    for _, row in truth.rows(sandbox, "orders"):
        row["brand_new"] = 1
    config = organizers_config(sandbox)
    result = run_tap(config, only(discovered(config), "events", "orders", "tax_rules"))
    for record in result.records["events"]:
        assert record["unknown_fields"] == {"brand_new": {"a": [1]}, "other": None}
        assert "brand_new" not in record
    assert all(record["unknown_fields"] == {"brand_new": 1} for record in result.records["orders"])
    assert not any("unknown_fields" in record for record in result.records["tax_rules"])
    table = [line.split()[:3] for line in result.warnings() if line.startswith(("  events", "  orders"))]
    assert table == [["events", "brand_new", "object"], ["events", "other", "null"], ["orders", "brand_new", "integer"]]


# --- what the SDK promises --------------------------------------------------------------------------------------------


def test_stream_maps_filter_rename_and_copy_and_cut_off_what_is_below(sandbox: Sandbox) -> None:
    config = organizers_config(
        sandbox,
        stream_maps={
            "organizers": {"__filter__": "slug == 'riverside'", "upper": "slug.upper()"},
            "events": {"__alias__": "shows", "name": None},
            "slugs": {"__source__": "events", "__else__": None, "__key_properties__": ["slug"], "slug": "slug"},
        },
    )
    result = run_tap(config, only(discovered(config), "organizers", "events", "tax_rules"))
    assert [row["upper"] for row in result.records["organizers"]] == ["RIVERSIDE"]
    assert {row["organizer"] for row in result.records["shows"]} == {"riverside"}
    assert {row["organizer"] for row in result.records["tax_rules"]} == {"riverside"}
    assert "name" not in result.schemas["shows"]["schema"]["properties"]
    assert all("name" not in row for row in result.records["shows"])
    assert [row["slug"] for row in result.records["slugs"]] == [row["slug"] for row in result.records["shows"]]
    assert all(row.keys() == {"slug"} for row in result.records["slugs"])
    assert sandbox.requests("sommerfest") == [], "what is filtered out is not read below"


def test_flattening_makes_columns_of_objects(quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox, flattening_enabled=True, flattening_max_depth=1)
    result = run_tap(config, only(discovered(config), "orders"))
    columns = result.schemas["orders"]["schema"]["properties"]
    assert "invoice_address" not in columns
    assert "invoice_address__company" in columns
    for record in result.records["orders"]:
        assert isinstance(record["positions"], str)
        assert isinstance(json.loads(record["positions"]), list)
        assert not any(isinstance(value, (dict, list)) for value in record.values())


def test_batch_files_hold_the_records(quiet_sandbox: Sandbox, tmp_path: Path) -> None:
    batch = {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": tmp_path.as_uri()}}
    plain_config = organizers_config(quiet_sandbox)
    catalog = only(discovered(plain_config), "events", "tax_rules", "orders")
    plain = run_tap(plain_config, catalog)
    result = run_tap(organizers_config(quiet_sandbox, batch_config=batch), catalog)
    assert not result.records
    found: dict[str, list[Json]] = {"events": [], "tax_rules": [], "orders": []}
    for message in result.messages:
        if message["type"] == "BATCH":
            for url in message["manifest"]:
                lines = gzip.decompress(Path(url.removeprefix("file://")).read_bytes()).splitlines()
                found[message["stream"]] += [json.loads(line) for line in lines]
    assert found == dict(plain.records)
    assert set(result.schemas) == set(found)
    state = max(at for at, message in enumerate(result.messages) if message["type"] == "STATE")
    batches = [at for at, message in enumerate(result.messages) if message["type"] == "BATCH"]
    assert max(batches) < state, "the last STATE speaks of rows that are written"


def test_versions_are_activated_for_what_is_read_as_a_whole(quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox, emit_activate_version_messages=True)
    result = run_tap(config, only(discovered(config), "events", "tax_rules", "orders"))
    versions = {m["stream"]: m["version"] for m in result.messages if m["type"] == "ACTIVATE_VERSION"}
    assert set(versions) == {"events", "tax_rules", "orders"}
    for message in result.messages:
        if message["type"] == "RECORD":
            assert message.get("version") == versions.get(message["stream"])
    order = [m["type"] for m in result.messages if m.get("stream") == "tax_rules"]
    assert (order[0], order[-1]) == ("SCHEMA", "ACTIVATE_VERSION")
    assert set(order[1:-1]) == {"RECORD"}


def test_without_the_setting_no_version_is_told(quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox)
    result = run_tap(config, only(discovered(config), "events"))
    assert all("version" not in message for message in result.messages)
    assert {message["type"] for message in result.messages} <= {"SCHEMA", "RECORD", "STATE"}


def test_full_table_streams_leave_nothing_in_the_state(quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox)
    result = run_tap(config, only(discovered(config), "organizers", "events", "tax_rules", "items"))
    assert [state for state in result.states if state.get("bookmarks")] == []


def test_records_are_counted_in_the_metrics(quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox)
    result = run_tap(config, only(discovered(config), "events"))
    points = [json.loads(line.partition(": ")[2]) for line in result.lines() if line.startswith("METRIC: ")]
    counted = [p["value"] for p in points if p["metric"] == "record_count" and p["tags"]["stream"] == "events"]
    assert sum(counted) == len(result.records["events"])


# --- settings ---------------------------------------------------------------------------------------------------------


def slugs(result: Result, stream: str = "events") -> set[tuple[str, str]]:
    """Return organizer and event of all records."""
    return {(row["organizer"], row.get("event") or row["slug"]) for row in result.records[stream]}


def test_the_setting_organizers_reads_only_these(sandbox: Sandbox) -> None:
    config = organizers_config(sandbox, organizers=["sommerfest"])
    result = run_tap(config, only(discovered(config), "organizers", "events", "tax_rules"))
    assert [row["slug"] for row in result.records["organizers"]] == ["sommerfest"]
    assert {organizer for organizer, _ in slugs(result)} == {"sommerfest"}
    assert sandbox.requests("riverside") == []


def test_an_organizer_of_the_settings_that_is_not_there_is_an_error_that_names_it(sandbox: Sandbox) -> None:
    config = organizers_config(sandbox, organizers=["sommerfest", "nobody"])
    with pytest.raises(ApiError, match="organizer nobody of the setting organizers is not among those"):
        run_tap(config, only(discovered(config), "organizers"))


def test_the_setting_events_reads_only_these_by_slug_or_with_organizer(sandbox: Sandbox) -> None:
    riverside, sommerfest = (sorted(sandbox.organizers.organizers[name].events) for name in ("riverside", "sommerfest"))
    same = min(set(riverside) & set(sommerfest))
    other = next(slug for slug in riverside if slug != same)
    config = organizers_config(sandbox, events=[f"sommerfest/{same}", other])
    result = run_tap(config, only(discovered(config), "events", "tax_rules"))
    expected = {("sommerfest", same)} | {
        (name, other) for name, found in sandbox.organizers.organizers.items() if other in found.events
    }
    assert slugs(result) == slugs(result, "tax_rules") == expected


def test_events_that_ended_long_ago_are_written_but_not_read_below(sandbox: Sandbox) -> None:
    events = {(keys["organizer"], row["slug"]): row for keys, row in truth.rows(sandbox, "events")}
    series = min(events.values(), key=lambda row: row["date_to"] or row["date_from"])
    series["has_subevents"] = True
    ends = sorted(row["date_to"] or row["date_from"] for row in events.values())
    bound = ends[len(ends) // 2]
    config = organizers_config(sandbox, events_ended_after=bound.isoformat())
    result = run_tap(config, only(discovered(config), "events", "tax_rules"))
    assert slugs(result) == set(events)
    assert slugs(result, "tax_rules") == {
        key for key, row in events.items() if row["has_subevents"] or (row["date_to"] or row["date_from"]) >= bound
    }
    assert len(slugs(result, "tax_rules")) < len(events)
    assert series["slug"] in {event for _, event in slugs(result, "tax_rules")}


def test_a_denied_list_fails_the_run_after_all_others_are_read(
    sandbox: Sandbox,
) -> None:
    token = sandbox.organizers.add_token(permissions=["event.orders:read"])
    config = organizers_config(sandbox, api_token=token)
    result = run_tap(config, only(discovered(config), "vouchers", "tax_rules"), fails=ListsFailed)
    assert len(result.records["tax_rules"]) == len(list(truth.rows(sandbox, "tax_rules")))
    count = len(list(truth.rows(sandbox, "events")))
    assert re.fullmatch(
        rf"{count} lists could not be read: vouchers \({count}\); e\.g\. vouchers: .*; it takes the permission "
        r"event\.vouchers:read \(can_view_vouchers before pretix 2026\.3\)\. "
        r"Set on_denied to 'skip' if it need not be read \(/organizers/.*/vouchers, status 403\)",
        str(result.error),
    )


def test_denied_lists_may_be_skipped_with_one_warning_a_stream_and_a_summary(sandbox: Sandbox) -> None:
    token = sandbox.organizers.add_token(permissions=["event.orders:read"])
    config = organizers_config(sandbox, api_token=token, on_denied="skip")
    result = run_tap(config, only(discovered(config), "events", "vouchers", "gift_cards", "tax_rules"))
    assert not result.records["vouchers"]
    assert not result.records["gift_cards"]
    assert len(result.records["tax_rules"]) == len(list(truth.rows(sandbox, "tax_rules")))
    events, organizers = len(result.records["events"]), len(sandbox.organizers.organizers)
    gift_cards, summary, vouchers = sorted(result.warnings())
    assert gift_cards.startswith("gift_cards: skipped, denied; it takes the permission organizer.giftcards:read (can_")
    assert summary == f"skipped as denied (number of lists): gift_cards ({organizers}), vouchers ({events})"
    assert vouchers.startswith("vouchers: skipped, denied; it takes the permission event.vouchers:read (can_view_vou")


def test_a_token_of_one_organizer_reads_that_organizer(sandbox: Sandbox) -> None:
    config = organizers_config(sandbox, api_token=sandbox.organizers.add_token(organizers=["sommerfest"]))
    result = run_tap(config, only(discovered(config), "organizers", "events"))
    assert [row["slug"] for row in result.records["organizers"]] == ["sommerfest"]
    assert {organizer for organizer, _ in slugs(result)} == {"sommerfest"}


@pytest.mark.parametrize(
    ("settings", "header", "value"),
    [
        pytest.param({}, "api_key", Sandbox.token, id="default"),
        pytest.param(
            {"auth_header": "Authorization", "auth_prefix": "Bearer"},
            "authorization",
            f"Bearer {Sandbox.token}",
            id="OAuth",
        ),
        pytest.param(
            {"auth_header": "Authorization", "auth_prefix": "Token "},
            "authorization",
            f"Token {Sandbox.token}",
            id="a word with a space",
        ),
        pytest.param({"service": "pretix"}, "authorization", f"Token {Sandbox.token}", id="pretix"),
        pytest.param({"api_token": f" {Sandbox.token}\n"}, "api_key", Sandbox.token, id="pasted with blanks"),
    ],
)
def test_the_credential_is_sent_as_the_settings_say(settings: Json, header: str, value: str, sandbox: Sandbox) -> None:
    config = {"api_url": sandbox.organizers_url, "api_token": sandbox.token, **settings}
    result = run_tap(config, only(discovered(config), "organizers"))
    assert len(result.records["organizers"]) == 2
    assert {entry.headers[header] for entry in sandbox.log} == {value}


def test_the_user_agent_is_the_taps_unless_the_settings_name_one(sandbox: Sandbox) -> None:
    config = organizers_config(sandbox)
    run_tap(config, only(discovered(config), "organizers"))
    run_tap({**config, "user_agent": "me/1"}, only(discovered(config), "organizers"))
    agents = [entry.headers["user-agent"] for entry in sandbox.log]
    assert re.fullmatch(r"tap-organizers/\d+\.\d+\.\d+\S*", agents[0])
    assert agents[-1] == "me/1"


def test_requests_are_gets_of_known_lists_with_language_and_page_size(result: Result, far_box: Sandbox) -> None:
    assert result.records
    assert {entry.method for entry in far_box.log} == {"GET"}
    assert {entry.headers["accept-language"] for entry in far_box.log} == {"en"}
    assert {entry.status for entry in far_box.log} <= {200, 301}
    assert sum(entry.status == 301 for entry in far_box.log) == 1, "the trailing slash is learnt once"


def test_settings_that_are_null_are_as_if_not_set(sandbox: Sandbox) -> None:
    config = organizers_config(sandbox, organizers=None, events=None, user_agent=None, max_concurrency=None)
    result = run_tap(config, only(discovered(organizers_config(sandbox)), "organizers"))
    assert len(result.records["organizers"]) == 2
