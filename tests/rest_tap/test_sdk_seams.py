"""What this project uses of the SDK beyond its public hooks, held to what was read in its source.

A test that fails here says where the SDK has changed, before users find out.
"""

from __future__ import annotations

import ast
import copy
import gzip
import inspect
import json
import typing as t
from importlib.metadata import version
from pathlib import Path

import pytest
from singer_sdk import Stream, Tap, plugin_base
from singer_sdk import testing as sdk_testing
from singer_sdk.batch import Batcher
from singer_sdk.exceptions import ConfigValidationError, FatalAPIError
from singer_sdk.helpers._batch import BatchConfig
from singer_sdk.helpers._typing import conform_record_data_types
from singer_sdk.mapper import CustomStreamMap, RemoveRecordTransform, SameRecordTransform, StreamMap
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, Metadata, MetadataMapping, SelectionMask
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.tap_base import CliTestOptionValue

from rest_tap.schema import String, fields
from rest_tap.sdk import DROPPED_LINES, SeamStream
from tests.support.things import ThingsTap, things

ROOT = Path(__file__).parents[2]
PACKAGES = ("rest_tap", "tap_organizers", "tap_ticketing")

#: What is used as it is, or replaced, with the parameters that it has in 0.54.9 and 0.55.0b7.
STREAM_METHODS = {
    "_write_schema_message": (),
    "_write_activate_version_message": ("full_table_version",),
    "_write_batch_message": ("encoding", "manifest"),
    "_generate_record_messages": ("record",),
    "get_records": ("context",),
    "get_batch_config": ("config",),
    "get_record_counter": ("endpoint", "log_interval"),
    "get_sync_timer": (),
    "get_child_context": ("record", "context"),
    "apply_catalog": ("catalog",),
}
TAP_METHODS = {
    "_handle_termination": ("signum", "frame"),
    "load_state": ("state",),
    "setup_mapper": (),
    "load_streams": (),
    "discover_streams": (),
    "sync_all": (),
    "run_sync_dry_run": ("dry_run_record_limit", "streams"),
    "invoke": ("about", "about_format", "config", "state", "catalog"),
    "cb_config": ("ctx", "param", "value"),
    "cb_discover": ("ctx", "param", "value"),
    "cb_test": ("ctx", "param", "value"),
}
#: Private attributes of the SDK's classes that this project reads or writes.
SDK_PRIVATE = {"_metadata", "_tap_input_catalog", "_stream_version"}
TAP_PRIVATE = {"_env_var_config", "_env_var_prefix", "_catalog"}


def parameters(function: t.Any) -> tuple[str, ...]:
    return tuple(name for name in inspect.signature(function).parameters if name not in {"self", "cls"})


def test_the_sdk_is_of_the_version_that_was_read() -> None:
    assert version("singer-sdk").startswith(("0.54.", "0.55.")), (
        "read rest_tap/sdk.py again, with the SDK's source beside it"
    )


@pytest.mark.parametrize(("name", "expected"), STREAM_METHODS.items(), ids=STREAM_METHODS)
def test_a_method_of_streams_takes_what_it_took(name: str, expected: tuple[str, ...]) -> None:
    assert parameters(getattr(Stream, name)) == expected


@pytest.mark.parametrize(("name", "expected"), TAP_METHODS.items(), ids=TAP_METHODS)
def test_a_method_of_taps_takes_what_it_took(name: str, expected: tuple[str, ...]) -> None:
    assert parameters(getattr(Tap, name)) == expected


def test_a_stream_is_made_with_the_private_attributes_that_are_used() -> None:
    stream = things(fields(name=String()), given_catalog=False)
    assert vars(stream).keys() >= SDK_PRIVATE
    assert stream._stream_version is None
    assert stream._tap_input_catalog is None


def test_a_tap_keeps_its_catalog_where_it_did() -> None:
    tap = ThingsTap(config={"api_url": "https://api.invalid"})
    assert "_catalog" in vars(tap)
    assert tap.catalog is tap._catalog


def test_a_tap_tells_what_the_environment_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_THINGS_API_URL", "https://api.invalid")
    assert ThingsTap._env_var_config == {"api_url": "https://api.invalid"}


def names_used_of_the_sdk() -> set[str]:
    """Return every private method or attribute of the SDK's classes that our packages name."""
    theirs = {name for kind in (Stream, Tap) for name in dir(kind) if name.startswith("_")}
    theirs |= {name for name in vars(things(fields(name=String()))) if name.startswith("_")}
    used = set()
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "name", "")
            if isinstance(name, str) and name.startswith("_") and not name.startswith("__") and name in theirs:
                used.add(name)
    return used


def test_no_other_private_name_of_the_sdk_is_used() -> None:
    ours = {name for name in vars(SeamStream) if name.startswith("_")} | set(STREAM_METHODS) | set(TAP_METHODS)
    own = {"_run", "_check_secrets", "_tap"}
    assert names_used_of_the_sdk() <= ours | SDK_PRIVATE | TAP_PRIVATE | own


def test_sync_all_and_dry_runs_are_the_doors_to_reading() -> None:
    source = inspect.getsource(Tap.sync_all)
    assert "stream.sync()" in source
    assert "self._state_writer.write_state(self.state)" in source, "the state that was given is the first message"
    assert "run_sync_dry_run" in inspect.getsource(Tap.run_connection_test)


def test_the_lines_that_are_left_out_of_the_log_are_still_the_sdks() -> None:
    source = inspect.getsource(Stream) + inspect.getsource(Tap) + inspect.getsource(plugin_base)
    for line in DROPPED_LINES:
        assert line in source


def test_a_connection_test_limits_records_by_an_attribute_and_selects_everything() -> None:
    source = inspect.getsource(Tap.run_sync_dry_run)
    assert "stream.ABORT_AT_RECORD_COUNT = dry_run_record_limit" in source
    assert Stream.ABORT_AT_RECORD_COUNT is None
    assert CliTestOptionValue.All.value == "all"


def test_the_default_map_changes_nothing_unless_it_flattens() -> None:
    assert issubclass(SameRecordTransform, StreamMap)
    record = {"id": 1, "deep": {"a": [1]}}
    (stream_map,) = things(fields(name=String())).stream_maps
    assert type(stream_map) is SameRecordTransform
    assert stream_map.transform(record) is record
    assert not (stream_map.flattening_options and stream_map.flattening_enabled)


@pytest.mark.parametrize(
    ("maps", "kind"),
    [({"things": {"name": "name"}}, CustomStreamMap), ({"things": None}, RemoveRecordTransform)],
    ids=["custom", "removed"],
)
def test_the_first_map_is_the_streams_own(maps: t.Any, kind: type[StreamMap]) -> None:
    stream_map = things(fields(name=String()), config={"stream_maps": maps}).stream_maps[0]
    assert type(stream_map) is kind
    assert stream_map.get_filter_result({"id": 1, "name": "x"}) is (kind is CustomStreamMap)


def test_a_mask_maps_breadcrumbs_to_whether_they_are_selected() -> None:
    stream = things(fields(name=String(), more=String()), left_out=[("properties", "name")])
    assert isinstance(stream.mask, SelectionMask)
    assert stream.mask["properties", "name"] is False
    assert stream.mask["properties", "more"] is True
    assert stream.mask["properties", "unheard of"] is True


def test_metadata_is_made_once_and_may_be_changed() -> None:
    mapping = MetadataMapping()
    mapping["properties", "a"] = Metadata(inclusion=Metadata.InclusionType.AVAILABLE, selected_by_default=False)
    mapping[()] = Metadata(selected=True)
    assert mapping.resolve_selection()["properties", "a"] is False
    stream = things(fields(name=String()), given_catalog=False)
    assert stream.metadata is stream.metadata


def test_conforming_of_decoded_json_changes_booleans_only() -> None:
    record = {"id": 1, "s": "x", "n": 1.5, "b": 0, "l": [1, None], "o": {"a": 1, "more": True}, "none": None}
    schema = {
        "properties": {
            "id": {"type": ["integer"]},
            "s": {"type": ["string", "null"], "format": "date-time"},
            "n": {"type": ["number", "null"]},
            "b": {"type": ["boolean", "null"]},
            "l": {"type": ["array", "null"], "items": {"type": ["integer", "null"]}},
            "o": {"type": ["object", "null"], "properties": {"a": {}}, "additionalProperties": True},
            "none": {"type": ["string", "null"]},
        }
    }
    stream = things(fields(name=String()))
    conformed = conform_record_data_types(
        stream_name="things",
        record=copy.deepcopy(record),
        schema=schema,
        level=stream.TYPE_CONFORMANCE_LEVEL,
        logger=stream.logger,
    )
    assert conformed == {**record, "b": False}


def test_a_batcher_takes_records_and_gives_manifests(tmp_path: Path) -> None:
    config = BatchConfig.from_dict(
        {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": tmp_path.as_uri()}}
    )
    batcher = Batcher(tap_name="tap-things", stream_name="things", batch_config=config)
    manifests = list(batcher.get_batches(records=iter([{"id": 1}, {"id": 2}])))
    (path,) = (Path(name.removeprefix("file://")) for manifest in manifests for name in manifest)
    lines = gzip.decompress(path.read_bytes()).splitlines()
    assert [json.loads(line) for line in lines] == [{"id": 1}, {"id": 2}]


def test_the_errors_and_words_of_the_sdk_that_are_built_upon() -> None:
    assert REPLICATION_FULL_TABLE == "FULL_TABLE"
    error = ConfigValidationError("m", errors=["e"], schema={})
    assert (error.errors, error.schema) == (["e"], {})
    assert issubclass(FatalAPIError, Exception)
    assert {"serialize_message", "write_message", "format_message"} <= set(dir(GenericSingerWriter))
    assert hasattr(sdk_testing, "get_tap_test_class")
