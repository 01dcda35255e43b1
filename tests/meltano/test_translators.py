"""Loaders whose services nobody has here: at least they read the schemas of all streams, as they are documented."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tests.conftest import discovered, only
from tests.meltano.conftest import uv

pytestmark = pytest.mark.meltano

PACKAGES = {
    "snowflake": ["meltanolabs-target-snowflake==0.20.4"],
    "bigquery": ["z3-target-bigquery==0.7.2", "setuptools<80"],  # it imports pkg_resources
    "parquet": ["plinxore-target-s3==0.1.7"],
}
CREDENTIALS: dict[t.Any, dict[str, str]] = {
    TapOrganizers: {"api_token": "none"},
    TapTicketing: {"session_token": "none"},
}


def schemas(**config: t.Any) -> dict[str, t.Any]:
    """Return the schemas that both taps write with these settings, if all streams are selected."""
    found: dict[str, t.Any] = {}
    for tap, credential in CREDENTIALS.items():
        settings = {"api_url": "http://127.0.0.1", **credential, **config}
        catalog = discovered(settings, tap)
        only(catalog, *(entry["tap_stream_id"] for entry in catalog["streams"]))
        streams = tap(config=settings, catalog=catalog).streams
        found |= {f"{tap.name}.{name}": stream.stream_maps[0].transformed_schema for name, stream in streams.items()}
    return found


def translated(loader: str, folder: Path, given: dict[str, t.Any]) -> dict[str, dict[str, str]]:
    """Return what a loader makes of the schemas: stream to column to type."""
    uv("venv", "--quiet", "--python", sys.executable, folder)
    uv("pip", "install", "--quiet", "--python", folder, *PACKAGES[loader])
    done = subprocess.run(
        [folder / "bin" / "python", Path(__file__).with_name("translate.py"), loader],
        input=json.dumps(given),
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return t.cast("dict[str, dict[str, str]]", json.loads(done.stdout))


def test_snowflake_takes_all_schemas(tmp_path: Path) -> None:
    given = schemas()
    found = translated("snowflake", tmp_path / "venv", given)
    assert found.keys() == given.keys()
    assert {found["tap-organizers.orders"][name] for name in ("positions", "invoice_address", "unknown_fields")} == {
        "VARIANT"
    }


def test_bigquery_takes_all_schemas(tmp_path: Path) -> None:
    given = schemas()
    found = translated("bigquery", tmp_path / "venv", given)
    assert found.keys() == given.keys()
    assert found["tap-ticketing.attendees"]["values"] == "JSON REPEATED"
    assert found["tap-organizers.orders"]["unknown_fields"] == "JSON NULLABLE"


def test_parquet_takes_all_schemas_flattened(tmp_path: Path) -> None:
    """A column in Parquet has a type, an object that nobody describes has none: as text it has."""
    given = schemas(flattening_enabled=True, flattening_max_depth=1)
    found = translated("parquet", tmp_path / "venv", given)
    assert found.keys() == given.keys()
    assert found["tap-organizers.orders"]["unknown_fields"] == "string"
    assert found["tap-organizers.orders"]["positions"] == "string"
