"""The sandbox, and the environment with the engines: `.orchestrate-venv`, which make builds."""

from __future__ import annotations

import json
import typing as t
from collections import Counter
from pathlib import Path

import pytest

from sandbox import Sandbox, Scale
from tests.conftest import Json, discovered, entry_of, only, organizers_config, run_tap

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[2]
ORCHESTRATE = ROOT / "orchestrate"
ENGINES = ROOT / ".orchestrate-venv" / "bin"
STREAMS = ("organizers", "events", "customers", "tax_rules", "transactions", "orders", "order_positions")

Keys = Counter[tuple[t.Any, ...]]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Sixty organizers, of four events each."""
    with Sandbox(scale=Scale(organizers=60, events=4, tax_rules=3, orders=120)) as box:
        yield box


@pytest.fixture(scope="module")
def config(box: Sandbox) -> Json:
    """Return settings with which the tap reads the sandbox."""
    return organizers_config(box)


@pytest.fixture(scope="module")
def catalog(config: Json) -> Json:
    """Return a catalog of some streams, in which all that can be is read incrementally."""
    return only(discovered(config), *STREAMS)


@pytest.fixture(scope="module")
def unsharded(config: Json, catalog: Json) -> tuple[Keys, Json]:
    """Return the keys of what one run reads, and the state that it ends with."""
    result = run_tap(config, catalog)
    return keys(result.messages), result.states[-1]


def keys(messages: Iterable[Json]) -> Keys:
    """Count records by stream and primary key."""
    found: Keys = Counter()
    columns: dict[str, list[str]] = {}
    for message in messages:
        if message["type"] == "SCHEMA":
            columns[message["stream"]] = message["key_properties"]
        elif message["type"] == "RECORD":
            row = message["record"]
            key = (message["stream"], *(str(row[name]) for name in columns[message["stream"]]))
            found[key] += 1
    return found


def places(state: Json) -> set[str]:
    """Return what a state has bookmarks for."""
    return {
        json.dumps([stream, level, name])
        for stream, levels in state["bookmarks"].items()
        for level, names in levels.items()
        for name in names
    }


def primary_keys(catalog: Json, stream: str) -> list[str]:
    """Return the key columns of a stream."""
    return t.cast("list[str]", entry_of(catalog, stream)["key_properties"])
