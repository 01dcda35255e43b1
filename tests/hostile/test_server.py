"""A server that means harm, or is broken: all rows come, or a line says what is wrong and STATE is true.

Each case runs the real command against a server of raw sockets, four at a time. Nothing may
hang, take more than 300 MB, end with a traceback, forge a line of the log, or show the token
or a person anywhere but in the values of rows.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import tempfile
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from rest_tap.unexpected import MAX_FIELDS
from tap_ticketing.tap import TapTicketing
from tests.conftest import discovered
from tests.hostile.api import ATTENDEES, EVENTS, ORDERS, PASSWORD, PERSON, TOKEN, Api, rules_of
from tests.hostile.cases import CASES, Case
from tests.support.command import DO_NOT_WAIT, Server
from tests.support.echoes import shows
from tests.support.loading import catalog

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

from tests.support.command import Finished

pytestmark = pytest.mark.slow

AT_ONCE = 4
#: Megabytes that no run takes.
MEMORY = 300
#: Seconds that no run takes, and that one takes beyond its budget at most.
LONGEST, BEYOND = 45.0, 8.0
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \| (DEBUG|INFO|WARNING|ERROR|CRITICAL) +\| ")
#: What the SDK warns of has more than a line.
OF_THE_OLDEST_PYTHON = ("", "  warn_python_eol()")
STREAMS = ("organizers", "events", "tax_rules")
SETTINGS: dict[str, dict[str, t.Any]] = {
    "tap-organizers": {"api_token": TOKEN, "auth_header": "Authorization", "auth_prefix": "Token"},
    "tap-ticketing": {"email": PERSON, "password": PASSWORD, "orders_path": "/v1/orders"},
}


@functools.cache
def selected(tap: str) -> t.Any:
    """Return the catalog of a tap; of tap-ticketing all of it."""
    if tap == "tap-organizers":
        return catalog(*STREAMS)
    return discovered({"orders_path": "/v1/orders"}, TapTicketing)


@dataclasses.dataclass
class Outcome:
    """What came of a case, and of going on after it with a server that is well."""

    first: Finished
    second: Finished | None
    seconds: float


def run(server: Server, folder: Path, api: Api, state: t.Any, tap: str, **settings: t.Any) -> Finished:
    """Run the command against an API."""
    config = {
        "api_url": api.url,
        **SETTINGS[tap],
        "progress": True,
        "request_timeout": 5,
        "personal_data": False,
        **settings,
    }
    arguments = [tap]
    for name, content in {"config": config, "catalog": selected(tap), "state": state}.items():
        if content is not None:
            path = folder / f"{name}.json"
            path.write_text(json.dumps(content), encoding="utf-8")
            arguments += [f"--{name}", str(path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TAP_")}
    environment |= {DO_NOT_WAIT: "1"} if "max_runtime_seconds" not in settings else {}
    stderr = t.cast("t.IO[bytes]", tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
    return server.start(arguments, environment, stderr).finish()


def outcome(server: Server, folder: Path, case: Case) -> Outcome:
    """Run a case, and go on after it."""
    api = Api(case.place, case.answer, case.times)
    settings = {"max_runtime_seconds": case.budget} if case.budget else {}
    began = time.monotonic()
    try:
        first = run(server, folder, api, None, case.tap, personal_data=case.personal_data, **settings)
    finally:
        api.close()
    seconds = time.monotonic() - began
    states = [json.loads(line)["value"] for line in first.output.splitlines() if line.startswith(b'{"type":"STATE"')]
    if not states or case.is_good:
        return Outcome(first, None, seconds)
    api = Api()
    try:
        return Outcome(first, run(server, folder, api, states[-1], case.tap), seconds)
    finally:
        api.close()


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """Run all cases that were asked for."""
    names = [item.callspec.params["name"] for item in request.session.items if "outcomes" in item.fixturenames]  # type: ignore[attr-defined]
    for tap in SETTINGS:
        selected(tap)  # not in a thread: a tap sets handlers of signals
    servers = [Server() for _ in range(AT_ONCE)]
    idle = list(servers)

    def one(name: str) -> Outcome:
        server = idle.pop()
        try:
            return outcome(server, tmp_path_factory.mktemp("case"), CASES[name])
        finally:
            idle.append(server)

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield dict(zip(names, pool.map(one, names), strict=True))
    finally:
        for server in servers:
            server.close()


def is_whole(case: Case, *runs: Finished | None) -> bool:
    """Return whether all rows came of what the server has when it is well."""
    if case.tap == "tap-ticketing":
        came = {
            (stream, row[key])
            for stream, key in (("attendees", "ticket_code"), ("tickets", "code"), ("orders", "id"))
            for finished in runs
            if finished
            for row in finished.records(stream)
        }
        wanted = {(stream, code) for stream in ("attendees", "tickets") for code in ATTENDEES}
        return came >= wanted | {("orders", order) for order in ORDERS}
    rows = [row for finished in runs if finished for row in finished.records("tax_rules")]
    found = {(row["event"], row["id"]) for row in rows}
    return found >= {(slug, row["id"]) for slug in EVENTS for row in rules_of(slug)}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_answer_ends_in_all_rows_or_in_a_line(name: str, outcomes: dict[str, Outcome]) -> None:
    case, found = CASES[name], outcomes[name]
    first, said = found.first, found.first.stderr
    assert "Traceback" not in said, said[-2000:]
    assert first.code in {0, 1}, said[-2000:]
    lines = [line for line in said.splitlines() if line not in OF_THE_OLDEST_PYTHON]
    assert [line[:200] for line in lines if not LOG_LINE.match(line)] == []
    assert not any(line.split("|", 3)[3].lstrip().startswith("FORGED") for line in lines)
    assert max(map(len, lines), default=0) < 5_000
    assert len(lines) < 50 + MAX_FIELDS  # the table of fields that no schema names, and all else
    assert first.peak < MEMORY << 10, f"{first.peak >> 10} MB"
    assert found.seconds < (case.budget + BEYOND if case.budget else LONGEST)
    if first.code:
        assert first.errors, said[-2000:]
    if case.is_good:
        assert (first.code, is_whole(case, first)) == (0, True), said[-2000:]
    if found.second is not None:
        assert found.second.code == 0, found.second.stderr[-2000:]
        assert is_whole(case, first, found.second)
    for text in (said, *(json.dumps(message) for message in first.messages if message["type"] != "RECORD")):
        assert not shows(text, TOKEN), text[-2000:]
        assert not shows(text, PASSWORD), text[-2000:]
        assert PERSON not in text
    for message in first.messages:
        names = list(keys(message.get("record", {})))
        assert not any(shows(name, secret) for name in names for secret in (TOKEN, PASSWORD))


def keys(value: t.Any) -> Iterator[str]:
    """Yield the names of all fields."""
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)
