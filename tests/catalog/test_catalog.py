"""The catalog: one snapshot a stream, so that a changed field shows in review as one line."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import typing as t

import pytest
from jsonschema import Draft202012Validator

import tap_ticketing
from rest_tap.schema import UNKNOWN_FIELDS
from rest_tap.stream import ListStream
from tap_organizers import streams as organizers_streams
from tap_organizers.streams.catalog import SeriesDates
from tap_ticketing import streams as ticketing_streams
from tap_ticketing.client import BelowEvent
from tests.conftest import discovered, kept_signals
from tools.snapshots import FOLDER, SHAPES, snapshots, text_of

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from tests.conftest import Json

CATALOGS = {shape: discovered(config, tap) for shape, (tap, config) in SHAPES.items()}
ENTRIES = [
    pytest.param(shape, entry, id=f"{shape}/{entry['tap_stream_id']}")
    for shape, catalog in CATALOGS.items()
    for entry in catalog["streams"]
]
entries = pytest.mark.parametrize(("shape", "entry"), ENTRIES)


@entries
def test_the_catalog_entry_is_that_of_its_snapshot(shape: str, entry: Json) -> None:
    path = FOLDER / shape / f"{entry['tap_stream_id']}.json"
    assert path.exists(), "run `make docs`"
    assert text_of(entry) == path.read_text(encoding="utf-8"), "run `make docs`, and review what it changes"


def test_there_is_no_snapshot_without_a_stream() -> None:
    with kept_signals():
        assert set(FOLDER.rglob("*.json")) == snapshots().keys(), "run `make docs`"


def modules_of(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), f"{package.__name__}."):
        yield importlib.import_module(module.name)


@pytest.mark.parametrize(
    ("package", "listed"),
    [
        (organizers_streams, organizers_streams.STREAMS),
        (tap_ticketing, (*ticketing_streams.STREAMS, *ticketing_streams.PARTITIONED_STREAMS)),
    ],
    ids=["tap-organizers", "tap-ticketing"],
)
def test_every_concrete_stream_class_is_in_the_list_of_streams(
    package: ModuleType, listed: tuple[type[ListStream], ...]
) -> None:
    # Only what is subclassed ends in Stream.
    defined = {
        kind
        for module in modules_of(package)
        for _, kind in inspect.getmembers(module, inspect.isclass)
        # Python 3.10 takes dict[str, …] for a class, too.
        if kind.__module__ == module.__name__ and issubclass(kind, ListStream) and not kind.__name__.endswith("Stream")
    }
    assert defined - {SeriesDates, BelowEvent} == set(listed)


@pytest.mark.parametrize("shape", SHAPES)
def test_streams_have_names_of_their_own(shape: str) -> None:
    names = [entry["tap_stream_id"] for entry in CATALOGS[shape]["streams"]]
    assert len(names) == len(set(names))
    assert all(name.islower() and name.replace("_", "a").isalpha() for name in names)


@entries
def test_a_schema_is_valid_and_every_field_says_what_it_means(shape: str, entry: Json) -> None:
    Draft202012Validator.check_schema(entry["schema"])
    assert entry["schema"]["type"] == "object"
    for name, field in entry["schema"]["properties"].items():
        assert field.get("description", "").endswith("."), f"{shape} {name}"


@entries
def test_keys_are_required_never_null_and_all_else_may_be(shape: str, entry: Json) -> None:
    assert shape in SHAPES
    properties, keys = entry["schema"]["properties"], entry["key_properties"]
    assert keys
    assert sorted(entry["schema"]["required"]) == sorted(keys)
    for name, field in properties.items():
        assert ("null" in field["type"]) is (name not in keys)
        assert len([kind for kind in field["type"] if kind != "null"]) == 1, "loaders die of mixed types"


@entries
def test_there_is_room_for_what_no_schema_names(shape: str, entry: Json) -> None:
    assert shape in SHAPES
    assert entry["schema"]["properties"][UNKNOWN_FIELDS]["type"] == ["object", "null"]


@entries
def test_columns_keep_their_names_in_loaders(shape: str, entry: Json) -> None:
    assert shape in SHAPES
    names = list(entry["schema"]["properties"])
    assert all(name == name.lower() and name.isidentifier() for name in names)


@entries
def test_metadata_name_every_field_once_and_keys_cannot_be_left_out(shape: str, entry: Json) -> None:
    assert shape in SHAPES
    crumbs = [tuple(one["breadcrumb"]) for one in entry["metadata"]]
    assert len(crumbs) == len(set(crumbs))
    assert {("properties", name) for name in entry["schema"]["properties"]} < set(crumbs)
    inclusion = {tuple(one["breadcrumb"]): one["metadata"].get("inclusion") for one in entry["metadata"]}
    assert all(inclusion["properties", key] == "automatic" for key in entry["key_properties"])


@entries
def test_incremental_streams_name_their_replication_key_and_it_is_a_field(shape: str, entry: Json) -> None:
    assert shape in SHAPES
    if entry.get("replication_key"):
        assert entry["replication_key"] in entry["schema"]["properties"]
        assert entry["replication_method"] == "INCREMENTAL"
    else:
        assert entry["replication_method"] == "FULL_TABLE"


@pytest.mark.parametrize("shape", SHAPES)
def test_the_catalog_is_accepted_as_it_was_given_out(shape: str) -> None:
    tap, config = SHAPES[shape]
    given = json.loads(json.dumps(CATALOGS[shape]))
    again = tap(config=dict(config), catalog=given, validate_config=False, setup_mapper=False)
    assert json.loads(again.catalog_json_text) == json.loads(json.dumps(CATALOGS[shape]))
