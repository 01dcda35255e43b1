"""What the user writes has an effect, or a word says that it has none: settings, environment, catalog, state, maps."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest

from rest_tap.checks import read_environment, unwrap_state
from tap_organizers.tap import TapOrganizers
from tests.conftest import discovered, entry_of, only, organizers_config, run_tap, select

if t.TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox
    from tests.conftest import Json, Result, Run

NOWHERE = {"api_url": "http://localhost:1", "api_token": "x"}
FEW = ("organizers", "events", "tax_rules")
#: So that an error is a line of its own.
LOUD = {"TAP_ORGANIZERS_LOGLEVEL": "INFO"}


def catalog_of(*streams: str) -> Json:
    """Return a catalog as a file has it."""
    return t.cast("Json", json.loads(json.dumps(only(discovered(NOWHERE), *(streams or FEW)))))


def refused(config: Json, catalog: Json | None = None, state: Json | None = None) -> str:
    """Return the line that a run ends with before its first request."""
    result = run_tap(config, catalog, state, may_fail=Exception)
    assert result.output == b""
    assert result.error is not None
    return str(result.error)


def warned(result: Result, part: str) -> bool:
    """Return whether one warning, and no more, has this part."""
    return sum(part in line for line in result.warnings()) == 1


# --- settings ---------------------------------------------------------------------------------------------------------


def test_a_setting_that_there_is_not_is_named_with_the_nearest(quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox, organisers=["riverside"])
    result = run_tap(config, catalog_of())
    assert warned(result, "there is no setting organisers (did you mean organizers?); it has no effect")


def test_a_variable_behind_no_setting_is_named_with_the_nearest(quiet_sandbox: Sandbox, run_command: Run) -> None:
    variables = {f"TAP_ORGANIZERS_{name.upper()}": text for name, text in organizers_config(quiet_sandbox).items()}
    odd = {"TAP_ORGANIZERS_ORGANISERS": "riverside", "TAP_ORGANIZERS__SELECT": "[]", **LOUD}
    finished = run_command("--config=ENV", catalog=catalog_of(), environment={**variables, **odd})
    assert finished.code == 0
    near = "TAP_ORGANIZERS_ORGANISERS (did you mean TAP_ORGANIZERS_ORGANIZERS?)"
    assert finished.stderr.count(f"there is no setting for the variable {near}") == 1
    assert "_SELECT" not in finished.stderr


def test_empty_variables_set_nothing(quiet_sandbox: Sandbox, run_command: Run) -> None:
    known = TapOrganizers.config_jsonschema["properties"]
    empty = {f"TAP_ORGANIZERS_{name.upper()}": "" for name in known}
    variables = {f"TAP_ORGANIZERS_{name.upper()}": text for name, text in organizers_config(quiet_sandbox).items()}
    finished = run_command("--config=ENV", catalog=catalog_of(), environment={**empty, **variables})
    assert finished.code == 0
    assert finished.records("organizers")


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("max_concurrency", "many", "MAX_CONCURRENCY is not a whole number"),
        ("personal_data", "flase", "PERSONAL_DATA is not true or false"),
        ("stream_maps", "{", "STREAM_MAPS is not a JSON object"),
        ("stream_maps", "[]", "STREAM_MAPS is not a JSON object"),
        ("organizers", '["a"', "ORGANIZERS is not a JSON list"),
    ],
)
def test_a_variable_of_another_type_is_one_line(name: str, text: str, error: str, run_command: Run) -> None:
    finished = run_command("--config=ENV", environment={f"TAP_ORGANIZERS_{name.upper()}": text, **LOUD})
    assert (finished.code, "Traceback" in finished.stderr) == (1, False)
    assert f"the variable TAP_ORGANIZERS_{error}" in finished.stderr
    assert text not in finished.stderr.replace(name, "") or len(text) < 3


def test_variables_become_settings_of_their_types() -> None:
    properties: dict[str, Json] = {
        "a": {"type": ["integer", "null"]},
        "b": {"type": "boolean"},
        "c": {"type": ["array", "null"], "items": {"type": "string"}},
        "d": {"type": ["object"]},
        "e": {"type": ["string"]},
        "f": {"type": "integer"},
    }
    variables = {"X_A": " 5", "X_B": "No", "X_C": "one, two", "X_D": '{"k": 1}', "X_E": "", "X_F": " ", "X_G": "?"}
    assert read_environment(variables, "X_", properties) == {"a": 5, "b": False, "c": ["one", "two"], "d": {"k": 1}}


# --- catalog ----------------------------------------------------------------------------------------------------------


def test_a_catalog_that_selects_nothing_is_an_error() -> None:
    assert refused(NOWHERE, only(catalog_of(), "nothing")) == "the catalog selects no stream"


def test_a_stream_that_there_is_not_is_named_with_the_nearest(quiet_sandbox: Sandbox) -> None:
    catalog = catalog_of()
    catalog["streams"].append(
        {**copy.deepcopy(entry_of(catalog, "orders")), "tap_stream_id": "order", "stream": "order"}
    )
    select(catalog["streams"][-1], True)  # noqa: FBT003
    result = run_tap(organizers_config(quiet_sandbox), catalog)
    assert warned(result, "the catalog selects unknown streams: order (did you mean orders?)")
    assert result.records["tax_rules"]


def test_fields_selected_inside_of_an_object_that_is_not_are_told(quiet_sandbox: Sandbox) -> None:
    catalog = catalog_of("orders")
    entry = entry_of(catalog, "orders")
    select(entry, False, "properties", "invoice_address")  # noqa: FBT003
    select(entry, True, "properties", "invoice_address", "properties", "city")  # noqa: FBT003
    result = run_tap(organizers_config(quiet_sandbox), catalog)
    assert warned(result, "select the object as well to have them: orders.invoice_address")
    assert all("invoice_address" not in row for row in result.records["orders"])


def test_an_object_is_left_out_by_its_own_name_whatever_selects_the_fields_inside(quiet_sandbox: Sandbox) -> None:
    """So Meltano writes `*.*` with `!orders.invoice_address`: what was left out by name must not come back."""
    catalog = catalog_of("orders")
    entry = entry_of(catalog, "orders")
    for crumb in [one["breadcrumb"] for one in entry["metadata"] if one["breadcrumb"]]:
        select(entry, crumb != ["properties", "invoice_address"], *crumb)
    result = run_tap(organizers_config(quiet_sandbox), catalog)
    assert result.records["orders"]
    assert all("invoice_address" not in row for row in result.records["orders"])


@pytest.mark.parametrize(
    ("field", "schema", "error"),
    [
        ("id", {"type": ["string"]}, "field id: its type cannot be changed, because the tap reads the list by it"),
        ("rate", {"type": ["string"]}, "field rate: its type must be one of"),
        ("rate", {"type": ["string", "integer", "null"]}, "field rate: its type must be one of"),
        ("rate", {"type": ["strong", "null"]}, "field rate: its type must be one of"),
        ("rate", {"type": ["string", "null"], "maxLength": 3}, "field rate: the tap does not support maxLength"),
        (
            "rate",
            {"type": ["string", "null"], "format": "email"},
            "field rate: the tap does not support the format email",
        ),
        ("rate", {"anyOf": [{"type": "string"}]}, "field rate: the tap does not support anyOf"),
        (
            "name",
            {"type": ["object", "null"], "additionalProperties": False},
            "field name: records may have more fields or fewer, so its schema must allow that",
        ),
        (
            "name",
            {"type": ["object", "null"], "properties": {"de": {"type": "string"}}},
            "field name.de: its type must be one of",
        ),
        ('a"b', {"type": ["string", "null"]}, 'field a"b: its name has quotes, backslashes or control characters'),
        (
            "name",
            {"type": ["object", "null"], "properties": {"a\\b": {"type": ["string", "null"]}}},
            "field name.a\\b: its name has quotes, backslashes or control characters",
        ),
    ],
)
def test_a_type_that_records_cannot_keep_is_refused(field: str, schema: Json, error: str) -> None:
    catalog = catalog_of()
    entry_of(catalog, "tax_rules")["schema"]["properties"][field] = schema
    assert f"the catalog entry of tax_rules, {error}" in refused(NOWHERE, catalog)


def test_a_type_that_the_catalog_changes_is_the_one_that_is_written(quiet_sandbox: Sandbox) -> None:
    catalog = catalog_of()
    properties = entry_of(catalog, "tax_rules")["schema"]["properties"]
    properties["rate"] = {"type": ["number", "null"]}
    properties["price_includes_tax"] = {"type": ["string", "null"]}
    result = run_tap(organizers_config(quiet_sandbox), catalog)
    rows = result.records["tax_rules"]
    assert {type(row["rate"]) for row in rows} == {float}
    # A truth is no text, and nothing says which one it would be.
    assert {(row["price_includes_tax"], row["unknown_fields"]["price_includes_tax"]) for row in rows} <= {
        (None, True),
        (None, False),
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_catalog_comes_in_any_encoding_of_unicode(
    encoding: str, quiet_sandbox: Sandbox, run_command: Run, tmp_path: Path
) -> None:
    path = tmp_path / "catalog.json"
    path.write_bytes(json.dumps(catalog_of(), ensure_ascii=False).encode(encoding))
    assert run_command(config=organizers_config(quiet_sandbox), catalog=path).code == 0


def test_a_catalog_in_another_encoding_is_one_line(run_command: Run, tmp_path: Path) -> None:
    path = tmp_path / "catalog.json"
    path.write_bytes('{"streams": "ä"}'.encode("latin-1"))
    finished = run_command(config=NOWHERE, catalog=path, environment=LOUD)
    assert (finished.code, "Traceback" in finished.stderr) == (1, False)
    assert "the catalog file is not UTF-8" in finished.stderr


# --- state ------------------------------------------------------------------------------------------------------------


STATE = {"bookmarks": {"orders": {"organizers": {"riverside": "2026-01-01T00:00:00Z"}}}}


@pytest.mark.parametrize(
    "wrapped",
    [
        STATE,
        {"singer_state": STATE},
        {"type": "STATE", "value": STATE},
        {"completed": {"singer_state": STATE}, "partial": {}},
    ],
    ids=["plain", "meltano", "message", "meltano of old"],
)
def test_a_state_is_unwrapped(wrapped: Json) -> None:
    assert unwrap_state(wrapped) == STATE


def test_what_meltano_prints_is_a_state(quiet_sandbox: Sandbox, run_command: Run) -> None:
    config, catalog = organizers_config(quiet_sandbox), catalog_of("orders")
    first = run_command(config=config, catalog=catalog)
    state = next(message["value"] for message in reversed(first.messages) if message["type"] == "STATE")
    for wrapped in ({"singer_state": state}, {"type": "STATE", "value": state}):
        again = run_command(config=config, catalog=catalog, state=wrapped)
        assert again.code == 0
        assert len(again.records("orders")) < len(first.records("orders"))


def test_bookmarks_that_cannot_be_used_are_named(quiet_sandbox: Sandbox) -> None:
    state = {"bookmarks": {"orders": {"organizers": "2025-01-01T00:00:00Z"}, "users": {"replication_key_value": 5}}}
    result = run_tap(organizers_config(quiet_sandbox), catalog_of("orders"), state)
    assert warned(
        result, "the bookmark of orders cannot be used, its 'organizers' is no object: all of it is read again"
    )
    assert warned(result, "the state has bookmarks of unknown streams: users")


@pytest.mark.parametrize("own", [True, False])
def test_another_taps_state_is_named(quiet_sandbox: Sandbox, own: bool) -> None:  # noqa: FBT001
    bookmarks = {"users": {"replication_key_value": "2026-01-01"}, "repositories": {"partitions": []}}
    state = {"bookmarks": {**bookmarks, **(STATE["bookmarks"] if own else {})}}
    result = run_tap(organizers_config(quiet_sandbox), catalog_of("orders"), state)
    assert warned(result, "the state has bookmarks of unknown streams: users")
    assert warned(result, "repositories")
    assert result.records["orders"]


# --- maps and batches -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["customers", "*", "c*"])
def test_a_map_of_a_stream_that_is_not_selected_stops_nothing(name: str, quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox, stream_maps={name: {"note": "str('x')"}})
    result = run_tap(config, catalog_of())
    assert result.records["tax_rules"]
    assert all(("note" in row) is (name == "*") for row in result.records["tax_rules"])
    assert warned(result, "maps a stream that is not selected") is (name != "*")


def test_a_map_of_a_stream_that_there_is_not_is_named(quiet_sandbox: Sandbox) -> None:
    result = run_tap(organizers_config(quiet_sandbox, stream_maps={"order": {"note": "'x'"}}), catalog_of())
    assert warned(result, "setting stream_maps: order (did you mean orders?) maps a stream that does not exist")


def test_a_filter_holds_back_what_is_cut_out_of_the_rows(quiet_sandbox: Sandbox) -> None:
    parts = ("order_positions", "order_answers", "order_fees")
    catalog = catalog_of("orders", *parts)
    whole = run_tap(organizers_config(quiet_sandbox), catalog).records
    few = run_tap(
        organizers_config(quiet_sandbox, stream_maps={"orders": {"__filter__": "status == 'p'"}}), catalog
    ).records
    paid = {(row["organizer"], row["code"]) for row in whole["orders"] if row["status"] == "p"}
    assert {(row["organizer"], row["code"]) for row in few["orders"]} == paid
    for name in parts:
        assert few[name] == [row for row in whole[name] if (row["organizer"], row["order"]) in paid], name
        assert len(few[name]) < len(whole[name]), name


def test_an_expression_that_fails_on_null_is_one_line_without_the_row(sandbox: Sandbox, run_command: Run) -> None:
    sandbox.organizers.rows("/organizers/riverside/events/")[0]["date_to"] = None
    config = organizers_config(sandbox, stream_maps={"events": {"hash": "sha256(date_to)"}})
    finished = run_command(config=config, catalog=catalog_of(), environment=LOUD)
    assert (finished.code, "Traceback" in finished.stderr) == (1, False)
    assert "the setting stream_maps does not work: an expression of the map of events fails on a row" in finished.stderr


@pytest.mark.parametrize(
    ("batch", "error"),
    [
        ({}, None),
        ({"storage": {"root": "/proc/nowhere"}}, "the folder of 'root' cannot be written to"),
        ({"storage": {"root": "file:///etc/hostname"}}, "the folder of 'root' cannot be written to"),
        ({"storage": {"root": ""}}, "needs 'encoding' with a 'format', and 'storage' with a 'root'"),
        ({"storage": {"root": "/tmp", "folder": 1}}, "has unknown keys: folder"),
        ({"encoding": {"format": "jsonl", "level": 9}}, "has unknown keys: level"),
    ],
    ids=str,
)
def test_batches_that_cannot_be_written_are_refused(batch: Json, error: str | None, tmp_path: Path) -> None:
    whole = {"encoding": {"format": "jsonl"}, "storage": {"root": tmp_path.as_uri()}, **batch}
    if error is None:
        TapOrganizers(config={**NOWHERE, "batch_config": whole}, catalog=catalog_of())
    else:
        assert error in refused({**NOWHERE, "batch_config": whole}, catalog_of())
