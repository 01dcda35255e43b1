"""Secrets are nowhere to be seen, whatever goes wrong and however much is logged."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from sandbox import Fault, Request, Sandbox, Scale
from tap_ticketing.tap import TapTicketing
from tests.conftest import discovered, only
from tests.support import loading, ticketing
from tests.support.command import DO_NOT_WAIT
from tests.support.faults import FAULTS

if t.TYPE_CHECKING:
    from tests.conftest import Json, Run

SCALE = Scale(organizers=1, events=3, tax_rules=60, orders=200, ticketing_events=2, attendees=120)
OTHER, USER, PASSWORD, PROXY = (f"canary-{word}-5e1f" for word in ("other", "user", "password", "proxy"))
LOUD = {
    **dict.fromkeys(("TAP_ORGANIZERS_LOGLEVEL", "TAP_TICKETING_LOGLEVEL"), "DEBUG"),
    # Of a proxy that is not for this machine, so that it is looked at and not asked.
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "https_proxy"), f"http://{USER}:{PROXY}@127.0.0.1:9"),
    "NO_PROXY": "127.0.0.1",
    DO_NOT_WAIT: "1",
}
STREAMS = {"tap-organizers": ("events", "tax_rules", "orders"), "tap-ticketing": ("events", "attendees", "tickets")}
#: Each secret setting, with the command that has it and the list where something goes wrong.
SECRETS = {
    "api_token": ("tap-organizers", "/orders/$"),
    "api_tokens": ("tap-organizers", "/orders/$"),
    "password": ("tap-ticketing", "/attendees$"),
    "session_token": ("tap-ticketing", "/attendees$"),
}


def settings(secret: str, box: Sandbox) -> Json:
    """Return settings with one of the secrets, and no other."""
    if secret == "api_token":
        return loading.settings(box)
    if secret == "api_tokens":
        return loading.settings(box, api_token=None, api_tokens=json.dumps([OTHER, box.token]))
    config = {**ticketing.settings(box, "partitioned", progress=False), "password": PASSWORD}
    if secret == "session_token":
        return {**config, "email": None, "password": None, "session_token": box.session_token}
    return config


@functools.cache
def catalog(command: str) -> str:
    """Return a catalog of few streams, as text."""
    if command == "tap-organizers":
        return json.dumps(loading.catalog(*STREAMS[command]))
    config = {"api_url": "http://127.0.0.1", "session_token": "none", **ticketing.OVEIT}
    return json.dumps(only(discovered(config, TapTicketing), *STREAMS[command]))


@pytest.mark.slow
@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_shows_a_secret(name: str, secret: str, run_command: Run, tmp_path: Path) -> None:
    command, path = SECRETS[secret]
    folder = tmp_path / "files"
    folder.mkdir()
    with Sandbox(scale=SCALE) as box:
        box.ticketing.password = PASSWORD
        box.organizers.add_token(OTHER)
        asked: list[str] = []

        def end_sessions(request: Request, box: Sandbox) -> None:
            # Once, in the middle of a list: the tap has to log in again.
            asked.append(request.path)
            if secret == "password" and sum(path.endswith("/attendees") for path in asked) == 2:
                box.ticketing.expire_tokens()
                asked.append("/attendees")

        box.on_request(end_sessions)
        box.faults.add(Fault(**{"path": path, "after": 1, "times": 2, **FAULTS[name]}))
        finished = run_command(
            config=settings(secret, box),
            catalog=catalog(command),
            command=command,
            environment={**LOUD, **dict.fromkeys(("TMPDIR", "HOME", "XDG_CACHE_HOME"), str(folder))},
        )
        assert finished.code in {0, 1}
        assert any(request.fault for request in box.log)
        if secret == "password" and finished.code == 0:
            assert len(ticketing.logins(box)) >= 2
        sessions = {token for token in box.ticketing.sessions if not secret.startswith("api_token")}
        urls = [f"{request.path}?{request.query_string}" for request in box.log]
    assert "| DEBUG    |" in finished.stderr
    assert "Traceback" not in finished.stderr
    files = [file.read_text(encoding="utf-8", errors="replace") for file in folder.rglob("*") if file.is_file()]
    for hidden in {box.token, OTHER, PASSWORD, USER, PROXY, *sessions}:
        for place in (finished.stdout, finished.stderr, *urls, *files):
            assert hidden not in place


def command_lines(root: int) -> list[str]:
    """Return the command lines of a process and of those that it started, as `ps` lists them."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
    processes = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    parents = {pid: parent for pid, parent, *_ in processes}

    def is_of_the_root(pid: str) -> bool:
        while pid != str(root) and pid in parents:
            pid = parents[pid]
        return pid == str(root)

    return [" ".join(arguments) for pid, _, *arguments in processes if is_of_the_root(pid)]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_list_of_processes_shows_a_secret(secret: str) -> None:
    command, _ = SECRETS[secret]
    with Sandbox(scale=SCALE) as box:
        box.ticketing.password = PASSWORD
        prefix = command.upper().replace("-", "_")
        environment = {
            f"{prefix}_{name.upper()}": str(value) for name, value in settings(secret, box).items() if value is not None
        }
        box.faults.add(Fault(kind="timeout", seconds=60, times=None))
        tap = subprocess.Popen(
            [Path(sys.executable).with_name(command), "--config=ENV"],
            env={**environment, "PATH": ""},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 60
            while not box.log:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            listed = command_lines(tap.pid)
        finally:
            tap.kill()
            tap.wait()
        assert any(command in line for line in listed)
        for hidden in (box.token, OTHER, PASSWORD, box.session_token):
            assert not any(hidden in line for line in listed)
