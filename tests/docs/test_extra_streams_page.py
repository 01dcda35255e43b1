"""The examples of docs/extra-streams.md: each is discovered, selected and read as it stands there."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
import yaml

from rest_tap.extra import TYPES, Declaration, Field
from sandbox import Fault
from tap_organizers.tap import TapOrganizers
from tests.conftest import discovered, kept_signals, only, organizers_config, run_tap
from tests.docs.test_selects import selected
from tests.support.pages import ROOT, blocks
from tests.support.values import row_of

if t.TYPE_CHECKING:
    from rest_tap.stream import ListStream
    from sandbox import Sandbox
    from tests.conftest import Json

PAGE = "docs/extra-streams.md"
PLUGINS: list[Json] = [
    plugin
    for block in blocks(PAGE)
    if block.language == "yaml"
    for plugin in yaml.safe_load(block.text)["plugins"]["extractors"]
]
each_plugin = pytest.mark.parametrize("plugin", PLUGINS, ids=lambda plugin: plugin["name"])


def declared(plugin: Json) -> list[Json]:
    found: list[Json] = plugin["config"]["extra_streams"]
    return found


def text_of(heading: str) -> str:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    return page[page.index(f"## {heading}") :].split("\n## ")[0]


def test_there_is_an_example_for_each_plugin_with_a_list() -> None:
    assert {one["path"].split("/")[-1] for plugin in PLUGINS for one in declared(plugin)} >= {
        *("campaigns", "exhibitors", "leads", "vouchers", "offlinesalesbatches", "imported_secrets"),
        *("digitalcontents", "printjobs", "resource-types", "resources", "plannings", "billing_invoices"),
    }
    assert "untried" in text_of("Lists of pretix's plugins")


def test_the_page_names_each_word_of_a_declaration_and_each_type() -> None:
    said = set(re.findall(r"`([\w-]+)", text_of("What a declaration says")))
    assert set(Declaration.__struct_fields__) <= said
    assert set(Field.__struct_fields__) | set(TYPES) <= said


@each_plugin
def test_an_example_is_discovered_and_selects_its_own_streams_without_what_opens_doors(plugin: Json) -> None:
    config = {"api_url": "http://localhost:1", "api_token": "x", **plugin["config"]}
    names = {pattern.partition(".")[0] for pattern in plugin["select"] if not pattern.startswith("!")}
    assert names <= {one["name"] for one in declared(plugin)}
    for entry in discovered(config)["streams"]:
        stream = entry["tap_stream_id"]
        for metadata in entry["metadata"]:
            crumb = tuple(metadata["breadcrumb"])
            if len(crumb) == 2:
                is_open = metadata["metadata"].get("selected-by-default") is not False
                assert selected(plugin["select"], stream, crumb) is (stream in names and is_open), crumb


@each_plugin
def test_an_example_is_read(plugin: Json, sandbox: Sandbox) -> None:
    config = organizers_config(sandbox, organizers=["riverside"], events=["jazz-1"], **plugin["config"])
    names = [str(one["name"]) for one in declared(plugin)]
    with kept_signals():
        streams = {stream.name: stream for stream in TapOrganizers(config=config).discover_streams()}
    rows = {name: own_part(streams[name]) for name in names}
    for one in declared(plugin):
        path = re.sub(r"\{\w+\}", "[^/]+", one["path"])
        row = rows[one["name"]]
        page = {"count": 1, "next": None, "previous": None, "results": [row]}
        body = row if one.get("paging") == "single" else page
        sandbox.faults.add(Fault(f"{path}/?$", status=200, body=json.dumps(body), times=9))
    result = run_tap(config, only(discovered(config), *names))
    assert result.warnings() == []
    for name in names:
        (record,) = result.records[name]
        secrets = {crumb[1] for crumb in streams[name].deselected_by_default()}
        assert {key: record[key] for key in rows[name] if key not in secrets} == {
            key: value for key, value in rows[name].items() if key not in secrets
        }
        assert all(record[key] is not None for key in streams[name].primary_keys)


def own_part(stream: ListStream) -> Json:
    """Return a row as the server sends it: without the keys of its parents."""
    left_out = {*stream.parent_keys, "unknown_fields"}
    return {name: value for name, value in row_of(stream, 1).items() if name not in left_out}
