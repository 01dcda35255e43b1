"""Airflow runs the DAG for real: Meltano, the tap and a loader, in a task for each shard."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t

import pytest

from tests.conftest import Json, organizers_config, run_tap
from tests.meltano.conftest import MELTANO, Project
from tests.orchestrate.conftest import ENGINES, ORCHESTRATE, ROOT, STREAMS, places, primary_keys
from tests.support.pages import example

if t.TYPE_CHECKING:
    from pathlib import Path

    from sandbox import Sandbox

pytestmark = pytest.mark.orchestrate

TAP, LOADER, SHARDS = "tap-organizers", "target-jsonl", 2


@pytest.fixture
def project(tmp_path: Path, box: Sandbox) -> Project:
    """Return a project with the repository's own `meltano.yml` and a plugin for each shard."""
    project = Project(tmp_path / "project")
    for name in ("output", "orchestrate"):
        (project.folder / name).mkdir(parents=True)
    text = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    (project.folder / "meltano.yml").write_text(text.replace("pip_url: -e .", f"pip_url: -e {ROOT}"), encoding="utf-8")
    command = [sys.executable, str(ORCHESTRATE / "shard_plugins.py"), TAP, LOADER, str(SHARDS)]
    subprocess.run(command, cwd=project.folder, check=True)
    project.settings = {
        "TAP_ORGANIZERS_API_URL": box.organizers_url,
        "TAP_ORGANIZERS_API_TOKEN": box.token,
        "TAP_ORGANIZERS_AUTH_HEADER": "Authorization",
        "TAP_ORGANIZERS_AUTH_PREFIX": "Token",
        "TAP_ORGANIZERS_OVERLAP_SECONDS": "0",
        "TAP_ORGANIZERS__SELECT": json.dumps([f"{stream}.*" for stream in STREAMS]),
    }
    project.meltano("install", "extractor", TAP)
    project.meltano("install", "loader", LOADER)
    return project


@pytest.fixture
def airflow(project: Project, tmp_path: Path) -> t.Callable[..., None]:
    """Run Airflow's command, on a database of its own."""
    settings = {
        **project.settings,
        "MELTANO": str(MELTANO),
        "MELTANO_PROJECT_ROOT": str(project.folder),
        "TICKETING_TAP": TAP,
        "TICKETING_LOADER": LOADER,
        "TICKETING_SHARDS": str(SHARDS),
    }
    return airflow_for(ORCHESTRATE, tmp_path, settings)


def airflow_for(dags: Path, tmp_path: Path, settings: dict[str, str]) -> t.Callable[..., None]:
    """Return Airflow's command for a folder of DAGs, with a database of its own."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TAP_", "PYTHON"))},
        **settings,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
    }

    def airflow(*arguments: str) -> None:
        done = subprocess.run(
            [ENGINES / "airflow", *arguments],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-8000:]

    airflow("db", "migrate")
    return airflow


def test_the_dag_of_the_page_runs_meltano_in_the_project(tmp_path: Path) -> None:
    dags, project = tmp_path / "dags", tmp_path / "project"
    dags.mkdir()
    (dags / "load_tickets.py").write_text(example("docs/scheduling.md", "Airflow", "python"), encoding="utf-8")
    meltano = project / "venv" / "bin" / "meltano"
    meltano.parent.mkdir(parents=True)
    meltano.write_text('#!/bin/sh\necho "$@" >> called\n', encoding="utf-8")
    meltano.chmod(0o755)
    airflow_for(dags, tmp_path, {"MELTANO_PROJECT_ROOT": str(project)})("dags", "test", "load_tickets", "2026-01-02")
    assert (project / "called").read_text(encoding="utf-8") == "run tap-pretix target-postgres\n"


def test_the_dag_loads_every_row_once_and_leaves_one_state_to_go_on_from(
    airflow: t.Callable[..., None], project: Project, box: Sandbox, config: Json, catalog: Json
) -> None:
    airflow("pools", "set", "ticketing_api", str(SHARDS), "what the API bears")
    airflow("dags", "test", "ticketing_taps", "2026-01-02")

    loaded = {}
    for stream in STREAMS:
        lines = (
            (project.folder / "output" / "tap_organizers" / f"{stream}.jsonl").read_text(encoding="utf-8").splitlines()
        )
        columns = primary_keys(catalog, stream)
        loaded[stream] = sorted(tuple(str(json.loads(line)[name]) for name in columns) for line in lines)
    alone = run_tap(config, catalog)
    assert loaded == {
        stream: sorted(tuple(str(row[name]) for name in primary_keys(catalog, stream)) for row in alone.records[stream])
        for stream in STREAMS
    }

    for name in (f"{shard}of{SHARDS}" for shard in range(SHARDS)):
        project.meltano("state", "merge", "--from-state-id", f"dev:{TAP}-{name}-to-{LOADER}-{name}", "by-hand")
    states = json.loads(project.meltano("state", "export"))
    state = states[f"dev:{TAP}-to-{LOADER}"]["completed"]["singer_state"]
    assert places(state) == places(alone.states[-1])
    # The DAG merges as Meltano's own command does, in one start of Meltano.
    assert states["by-hand"]["partial"]["singer_state"] == state
    box.organizers.add_order("org7", "jazz-1")
    on = run_tap(organizers_config(box, overlap_seconds=0), catalog, state)
    assert [row["organizer"] for row in on.records["orders"]] == ["org7"]
