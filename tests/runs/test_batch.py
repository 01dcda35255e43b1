"""Batch files hold the rows that the messages would, and no STATE speaks of rows that are not in a file yet."""

from __future__ import annotations

import gzip
import json
import typing as t
from collections import defaultdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers._batch import BatchConfig

from rest_tap import batches
from rest_tap.schema import Array, Boolean, DateTime, Integer, Number, String, record_schema
from rest_tap.schema import Json as JsonField
from tests.conftest import Json, Result, discovered, entry_of, only, organizers_config, run_tap, select

if t.TYPE_CHECKING:
    from sandbox import Sandbox

HAS_ARROW = find_spec("singer_sdk.contrib.batch_encoder_arrow") is not None
FORMATS = pytest.mark.parametrize(
    "kind",
    [
        "jsonl",
        "jsonl without compression",
        "parquet",
        pytest.param("arrow", marks=pytest.mark.skipif(not HAS_ARROW, reason="singer-sdk 0.55 brings it")),
    ],
)
STREAMS = ("organizers", "events", "customers", "tax_rules", "orders", "order_positions")


def batched(folder: Path, kind: str, **more: t.Any) -> Json:
    """Return the setting that has batch files written."""
    compression = "gzip" if kind in {"jsonl", "parquet"} else "none"
    encoding = {"format": kind.partition(" ")[0], "compression": compression}
    return {"batch_config": {"encoding": encoding, "storage": {"root": folder.as_uri(), "prefix": "night-"}}, **more}


def rows_of(url: str) -> list[Json]:
    """Return the rows of a batch file, as JSON has them."""
    path = Path(url.removeprefix("file://"))
    if path.suffix == ".parquet":
        return t.cast("list[Json]", parquet.read_table(path).to_pylist())
    if path.suffix == ".arrow":
        return t.cast("list[Json]", pa.ipc.open_file(path).read_all().to_pylist())
    if path.suffix == ".json":
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def in_files(result: Result) -> dict[str, list[Json]]:
    """Return the rows that a run's BATCH messages name, by stream."""
    found: defaultdict[str, list[Json]] = defaultdict(list)
    for message in result.messages:
        if message["type"] == "BATCH":
            for url in message["manifest"]:
                found[message["stream"]] += rows_of(url)
    return found


def as_columns(row: Json, schema: Json) -> Json:
    """Return a row as a table has it: each column of the schema, objects and lists as JSON text."""

    def value(name: str) -> t.Any:
        kinds = set(schema["properties"][name].get("type", ())) - {"null"}
        is_plain = len(kinds) == 1 and not kinds & {"object", "array"}
        found = row.get(name)
        return found if is_plain or found is None else json.dumps(found, sort_keys=True)

    return {name: value(name) for name in schema["properties"]}


def comparable(rows: dict[str, list[Json]], schemas: dict[str, Json], kind: str) -> dict[str, list[Json]]:
    """Return rows as a format has them, nested JSON text in one order of keys."""
    if "jsonl" in kind:
        return rows
    return {
        stream: [as_columns(row, schemas[stream]["schema"]) for row in of_stream] for stream, of_stream in rows.items()
    }


def decoded(rows: dict[str, list[Json]], schemas: dict[str, Json], kind: str) -> dict[str, list[Json]]:
    """Return rows of files with nested JSON text in one order of keys."""
    if "jsonl" in kind:
        return rows
    for stream, of_stream in rows.items():
        for name, column in schemas[stream]["schema"]["properties"].items():
            kinds = set(column.get("type", ())) - {"null"}
            if len(kinds) != 1 or kinds & {"object", "array"}:
                for row in of_stream:
                    row[name] = None if row[name] is None else json.dumps(json.loads(row[name]), sort_keys=True)
    return rows


def same(plain: Result, files: Result, kind: str) -> None:
    """Check that files and messages tell the same."""
    assert files.records == {}
    found = decoded(in_files(files), files.schemas, kind)
    assert found == comparable(dict(plain.records), plain.schemas, kind)
    assert sum(map(len, found.values())) > 0


@FORMATS
def test_files_hold_the_rows_of_all_streams(quiet_sandbox: Sandbox, tmp_path: Path, kind: str) -> None:
    config = organizers_config(quiet_sandbox)
    same(run_tap(config), run_tap({**config, **batched(tmp_path, kind)}), kind)
    assert all(file.name.startswith("night-") for file in tmp_path.iterdir())


@FORMATS
def test_files_hold_what_is_selected_and_mapped(quiet_sandbox: Sandbox, tmp_path: Path, kind: str) -> None:
    config = organizers_config(
        quiet_sandbox,
        stream_maps={
            "orders": {"email": None, "code_hash": "md5(code)", "__filter__": "status != 'c'"},
            "tax_rules": {"__alias__": "taxes"},
        },
        flattening_enabled=True,
        flattening_max_depth=1,
    )
    catalog = only(discovered(config), *STREAMS)
    select(entry_of(catalog, "events"), False, "properties", "name")  # noqa: FBT003
    plain = run_tap(config, catalog)
    assert "email" not in plain.records["orders"][0]
    same(plain, run_tap({**config, **batched(tmp_path, kind)}, catalog), kind)


@FORMATS
def test_no_state_is_ahead_of_the_files(
    quiet_sandbox: Sandbox, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rest_tap.messages.STATE_SECONDS", 0.0)
    config = organizers_config(quiet_sandbox)
    catalog = only(discovered(config), "orders", "order_positions", "transactions")
    rows = run_tap(config, catalog).records
    result = run_tap({**config, **batched(tmp_path, kind)}, catalog)
    written: dict[str, int] = {}
    for message in result.messages:
        if message["type"] == "BATCH":
            written[message["stream"]] = written.get(message["stream"], 0) + len(rows_of(message["manifest"][0]))
        elif message["type"] == "STATE":
            for stream, bookmark in message["value"].get("bookmarks", {}).items():
                complete = [name for name, value in bookmark["organizers"].items() if isinstance(value, str)]
                assert written.get(stream, 0) >= sum(row["organizer"] in complete for row in rows[stream])
    assert len(result.states) > 2


def test_all_files_of_a_stream_have_the_same_columns_and_types(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rest_tap.output.BATCH_SIZE", 1)
    orders = sandbox.organizers.rows("/organizers/riverside/orders/")
    orders[-1]["new_field"] = {"from": "a later version"}
    config = organizers_config(sandbox, **batched(tmp_path, "parquet"))
    result = run_tap(config, only(discovered(config), "orders"))
    files = [
        message["manifest"][0].removeprefix("file://") for message in result.messages if message["type"] == "BATCH"
    ]
    assert len(files) > 1
    assert len({str(parquet.read_schema(file)) for file in files}) == 1
    unknown = [row["unknown_fields"] for rows in map(rows_of, files) for row in rows if row["unknown_fields"]]
    assert unknown == ['{"new_field":{"from":"a later version"}}']


def test_a_value_of_another_type_than_the_schemas_is_kept_beside_its_column(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.organizers.rows("/organizers/riverside/events/jazz-1/taxrules/")[0]["rate"] = {"percent": 19}
    config = organizers_config(sandbox, **batched(tmp_path, "parquet"))
    result = run_tap(config, only(discovered(config), "tax_rules"))
    (odd,) = [row for row in in_files(result)["tax_rules"] if row["unknown_fields"]]
    assert (odd["rate"], json.loads(odd["unknown_fields"])) == (None, {"rate": {"percent": 19}})
    assert sum("tax_rules: rate is sometimes not what the schema says" in line for line in result.warnings()) == 1


def batch_config(folder: Path, kind: str, compression: str | None = None) -> BatchConfig:
    """Return the configuration that the SDK makes of the setting."""
    given: Json = {"encoding": {"format": kind, "compression": compression}, "storage": {"root": folder.as_uri()}}
    return BatchConfig.from_dict(given)


def test_nested_values_are_of_arrows_own_type_for_json(tmp_path: Path) -> None:
    """The SDK's loaders decode it, so that their records are those of the messages."""
    schema = record_schema(
        {
            "number": Integer(),
            "share": Number(),
            "is_open": Boolean(),
            "name": String(),
            "at": DateTime(),
            "tags": Array(String),
            "names": JsonField(),
        },
        ["number"],
    )
    rows: list[Json] = [
        {"number": 1, "share": 0.5, "is_open": True, "name": "é", "tags": ["a", None], "names": {"de": {"a": [1]}}},
        {"number": 2, "at": "2026-01-31T09:00:00Z", "tags": [], "unknown_fields": {"new": 1}},
    ]
    url = batches.write("tap--things", schema, rows, batch_config(tmp_path, "arrow"))
    table = pa.ipc.open_file(url.removeprefix("file://")).read_all()
    assert {column.name: str(column.type) for column in table.schema} == {
        "number": "int64",
        "share": "double",
        "is_open": "bool",
        "name": "string",
        "at": "string",
        "tags": "extension<arrow.json>",
        "names": "extension<arrow.json>",
        "unknown_fields": "extension<arrow.json>",
    }
    nested = {"tags", "names", "unknown_fields"}
    left = [
        {name: json.loads(value) if name in nested and value else value for name, value in row.items()}
        for row in table.to_pylist()
    ]
    assert left == [{name: row.get(name) for name in schema["properties"]} for row in rows]


@pytest.mark.skipif(HAS_ARROW, reason="singer-sdk 0.55 brings it")
def test_arrow_files_are_refused_where_the_sdk_has_none(quiet_sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ConfigValidationError, match="batch files in arrow need singer-sdk"):
        run_tap(organizers_config(quiet_sandbox, **batched(tmp_path, "arrow")))


def test_arrow_files_are_not_compressed_with_gzip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: "there")
    assert batches.unusable(batch_config(tmp_path, "arrow")) is None
    assert "gzip" in str(batches.unusable(batch_config(tmp_path, "arrow", "gzip")))


def test_without_pyarrow_only_json_lines_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert batches.unusable(batch_config(tmp_path, "jsonl", "gzip")) is None
    assert "ticketing-taps[parquet]" in str(batches.unusable(batch_config(tmp_path, "parquet")))


@pytest.mark.skipif(not HAS_ARROW, reason="singer-sdk 0.55 brings it")
def test_the_sdks_loaders_read_arrow_files_as_records(tmp_path: Path) -> None:
    pytest.importorskip("nanoarrow")
    reader = import_module("singer_sdk.contrib.batch_decoder_arrow").ArrowReader
    schema = record_schema({"number": Integer(), "tags": Array(String), "names": JsonField()}, ["number"])
    rows: list[Json] = [
        {"number": 1, "tags": ["a", None], "names": {"de": {"a": [1]}}, "unknown_fields": None},
        {"number": 2, "tags": None, "names": {}, "unknown_fields": {"new": True}},
    ]
    config = batch_config(tmp_path, "arrow")
    url = batches.write("tap--things", schema, rows, config)
    with Path(url.removeprefix("file://")).open("rb") as file:
        assert list(reader(config.encoding).read(file)) == rows
