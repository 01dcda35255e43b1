"""Standard output or error that is closed or full: a line where there is one to read, and an exit status."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest

from tests.conftest import discovered, only, organizers_config

if t.TYPE_CHECKING:
    from sandbox import Request, Sandbox

COMMAND = Path(sys.executable).with_name("tap-organizers")


def shell(arguments: str, folder: Path) -> tuple[int, str]:
    """Run the command with redirections of the shell; return its exit status and what it says."""
    script = f"{COMMAND} {arguments}"
    finished = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, cwd=folder, check=False, timeout=120
    )
    return finished.returncode, finished.stderr


@pytest.fixture
def folder(quiet_sandbox: Sandbox, tmp_path: Path) -> Path:
    """A folder with settings."""
    config = organizers_config(quiet_sandbox, organizers=["sommerfest"], on_denied="skip")
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("arguments", ["--config=config.json", "--config=config.json --discover", "--version"])
@pytest.mark.parametrize(
    ("where", "line"),
    [
        (">&-", "standard output is closed: there is nothing to write to"),
        (">/dev/full", "cannot write: No"),
    ],
    ids=["closed", "full"],
)
def test_output_that_is_closed_or_full_is_told_in_a_line(folder: Path, arguments: str, where: str, line: str) -> None:
    code, said = shell(f"{arguments} {where}", folder)
    assert code == 1
    assert "Traceback" not in said
    assert [text.split("|", 3)[3].strip()[: len(line)] for text in said.splitlines() if "| ERROR" in text] == [line]


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full", "<&-", "<&- 2>&-"])
def test_a_run_needs_no_standard_error_and_no_input(folder: Path, where: str) -> None:
    code, said = shell(f"--config=config.json {where} >out.jsonl", folder)
    messages = [json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert any(message["type"] == "RECORD" for message in messages)
    assert "Traceback" not in said
    assert code == 0


def test_with_nothing_to_write_to_it_fails_all_the_same(folder: Path) -> None:
    assert shell("--config=config.json >&- 2>&-", folder) == (1, "")


def test_a_loader_that_goes_away_before_the_last_message_is_told(quiet_sandbox: Sandbox, folder: Path) -> None:
    gone = threading.Event()

    def hold(request: Request, _: Sandbox) -> None:
        if request.path.endswith("/customers/"):
            gone.wait(60)

    quiet_sandbox.on_request(hold)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "catalog.json").write_text(json.dumps(only(discovered(config), "customers")), encoding="utf-8")
    command = [str(COMMAND), "--config=config.json", "--catalog=catalog.json"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        output, errors = t.cast("t.IO[bytes]", process.stdout), t.cast("t.IO[bytes]", process.stderr)
        assert output.readline().startswith(b"{")
        output.close()
        gone.set()
        said = errors.read().decode()
    assert process.returncode == 1
    assert "the loader has closed the pipe" in said
