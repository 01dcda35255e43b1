"""What most tests stand on: the stand-in API, a run of a tap in this process, and the real command."""

from __future__ import annotations

import contextlib
import functools
import gc
import io
import json
import logging
import os
import signal
import tempfile
import threading
import typing as t
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, settings

from rest_tap import redact
from rest_tap.errors import Stopped
from rest_tap.limiter import RateLimiter
from rest_tap.tap import GC_THRESHOLD
from sandbox import Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tests.support.command import Command, Finished, Server

if t.TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from rest_tap.tap import RestTap

Json = dict[str, t.Any]
Given = t.TypeVar("Given", "dict[str, t.Any]", "dict[str, t.Any] | None")

# Machines that run tests are busy: no example has a deadline, and none is too slow to make.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

#: Small, and with more than one page of whatever is paged.
SMALL = Scale(organizers=2, events=6, tax_rules=60, orders=60, ticketing_events=4, attendees=60)


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave thousands of tests and their modules, which stay to the end, out of what is looked through for garbage.

    It would take a fifth of the time of all tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)  # as the commands do


# --- the stand-in API -------------------------------------------------------------------------------------------------


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Both APIs on a free port, for one test that may change the data."""
    with Sandbox(scale=SMALL) as box:
        yield box


@pytest.fixture(scope="session")
def quiet_sandbox() -> Iterator[Sandbox]:
    """Both APIs on a free port, for tests that only read."""
    with Sandbox(scale=SMALL) as box:
        yield box


def organizers_config(box: Sandbox, **settings: t.Any) -> Json:
    """Return settings with which tap-organizers reads a sandbox."""
    return {
        "api_url": box.organizers_url,
        "api_token": box.token,
        "auth_header": "Authorization",
        "auth_prefix": "Token",
        **settings,
    }


# --- time -------------------------------------------------------------------------------------------------------------


class Waits:
    """A clock that only waiting moves, and the waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.seconds: list[float] = []
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.seconds.append(round(seconds, 3))
            self.now += seconds


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Waits of the limiter (so of retries) that cost nothing, and are kept."""
    waits = Waits()

    def sleep(limiter: RateLimiter, seconds: float) -> None:
        if limiter._stopped.is_set():
            raise Stopped
        waits.sleep(seconds)

    monkeypatch.setattr("rest_tap.limiter.time", waits)
    monkeypatch.setattr(RateLimiter, "sleep", sleep)
    return waits


# --- a run in this process --------------------------------------------------------------------------------------------


@dataclass
class Result:
    """What a run of a tap wrote and logged."""

    output: bytes
    log: list[logging.LogRecord]
    error: BaseException | None
    messages: list[Json] = field(init=False)
    records: defaultdict[str, list[Json]] = field(init=False)
    schemas: dict[str, Json] = field(init=False)
    states: list[Json] = field(init=False)

    def __post_init__(self) -> None:
        self.messages = [msgspec.json.decode(line) for line in self.output.splitlines()]
        self.records = defaultdict(list)
        self.schemas = {}
        self.states = []
        for message in self.messages:
            if message["type"] == "RECORD":
                self.records[message["stream"]].append(message["record"])
            elif message["type"] == "SCHEMA":
                self.schemas[message["stream"]] = message
            elif message["type"] == "STATE":
                self.states.append(message["value"])

    def lines(self, level: int = logging.INFO) -> list[str]:
        """Return what was logged at this level or above."""
        return [record.getMessage() for record in self.log if record.levelno >= level]

    def warnings(self) -> list[str]:
        """Return what was logged as a warning or worse."""
        return self.lines(logging.WARNING)


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(record)


@contextlib.contextmanager
def kept_log(level: int = logging.INFO) -> Iterator[list[logging.LogRecord]]:
    """Keep what is logged meanwhile."""
    handler, root = Kept(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(level)
    try:
        yield handler.kept
    finally:
        root.setLevel(before)
        root.removeHandler(handler)


@contextlib.contextmanager
def kept_signals() -> Iterator[None]:
    """Undo what a tap does to the handlers of signals."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def kept_redactors() -> Iterator[None]:
    """Clear logs of no secret of a tap that has ended: each of thousands would look at each line."""
    before = list(redact._redactors)
    try:
        yield
    finally:
        redact._redactors[:] = [one for one in before if one() is not None]


def run_tap(
    config: Json,
    catalog: Json | None = None,
    state: Json | None = None,
    *,
    tap: type[RestTap] = TapOrganizers,
    fails: type[BaseException] | None = None,
    may_fail: type[BaseException] | None = None,
    prepare: Callable[[t.Any], object] | None = None,
) -> Result:
    """Run a tap in this process, as the command does.

    Args:
        config: Its settings.
        catalog: Its catalog; everything is selected without one.
        state: Where the last run ended.
        tap: The tap.
        fails: What the run shall raise.
        may_fail: What it may raise.
        prepare: Called with the tap before it runs.
    """
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    error: BaseException | None = None
    with kept_signals(), kept_redactors(), kept_log() as log, contextlib.redirect_stdout(out):
        try:
            running = tap(config=dict(config), catalog=catalog, state=state)
            if prepare is not None:
                prepare(running)
            running.sync_all()
        except BaseException as raised:
            if not isinstance(raised, tuple(kind for kind in (fails, may_fail) if kind)):
                raise
            error = raised
    assert fails is None or error is not None, f"no {fails and fails.__name__} was raised"
    out.flush()
    return Result(out.buffer.getvalue(), log, error)


def discovered(config: Json, tap: type[RestTap] = TapOrganizers) -> Json:
    """Return the catalog of a tap as it is in a file; it does not depend on where the API is and who asks."""
    rest = {name: value for name, value in config.items() if name not in {"api_url", "api_token"}}
    return t.cast("Json", msgspec.json.decode(_discovered(tap, json.dumps(rest))))


@functools.lru_cache(maxsize=64)
def _discovered(tap: type[RestTap], config: str) -> bytes:
    with kept_signals():
        found = tap(config=json.loads(config), validate_config=False, setup_mapper=False)
        return msgspec.json.encode(found.catalog_dict)


def only(catalog: Json, *streams: str) -> Json:
    """Select these streams of a catalog, and no others, of which nothing more is said: it would cost most of a run."""
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] in streams:
            select(entry, True)  # noqa: FBT003
        else:
            entry |= {"schema": {"type": "object", "properties": {}}, "metadata": []}
            select(entry, False)  # noqa: FBT003
    return catalog


def select(entry: Json, selected: bool, *crumb: str) -> None:  # noqa: FBT001
    """Select a stream of a catalog, or a field of it, or not."""
    for metadata in entry["metadata"]:
        if metadata["breadcrumb"] == list(crumb):
            metadata["metadata"]["selected"] = selected
            return
    entry["metadata"].append({"breadcrumb": list(crumb), "metadata": {"selected": selected}})


def copied(value: Given) -> Given:
    """Return a copy of a state, which is JSON: made in a tenth of the time that other copies take."""
    return t.cast("Given", msgspec.json.decode(msgspec.json.encode(value)))


def entry_of(catalog: Json, stream: str) -> Json:
    """Return the entry of a stream in a catalog."""
    return next(entry for entry in catalog["streams"] if entry["tap_stream_id"] == stream)


# --- the real command -------------------------------------------------------------------------------------------------


class Commands(t.Protocol):
    """Starts a command of this project in a process of its own."""

    def __call__(
        self,
        *arguments: str,
        config: object = None,
        catalog: object = None,
        state: object = None,
        environment: dict[str, str] | None = None,
        command: str = "tap-organizers",
    ) -> Command:
        """Start it; what is not a text is written to a file as JSON, and a text as it stands."""
        ...


class Run(t.Protocol):
    """Runs a command of this project to its end; takes what :class:`Commands` takes."""

    def __call__(self, *arguments: str, **options: t.Any) -> Finished:
        """Run it."""
        ...


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """What commands are forked from."""
    server = Server()
    yield server
    server.close()


@pytest.fixture
def start_command(server: Server, tmp_path: Path) -> Commands:
    """Start a command of this project in a process of its own."""

    def start(
        *arguments: str,
        config: object = None,
        catalog: object = None,
        state: object = None,
        environment: dict[str, str] | None = None,
        command: str = "tap-organizers",
    ) -> Command:
        given = {"config": config, "catalog": catalog, "state": state}
        argv = [command]
        for name, content in given.items():
            if content is None:
                continue
            path = content
            if not isinstance(content, Path):
                path = tmp_path / f"{name}.json"
                text = content if isinstance(content, str) else json.dumps(content)
                path.write_text(text, encoding="utf-8")
            argv += [f"--{name}", str(path)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TAP_")}
        stderr = t.cast("t.IO[bytes]", tempfile.TemporaryFile(dir=tmp_path))  # noqa: SIM115
        return server.start([*argv, *arguments], {**inherited, **(environment or {})}, stderr)

    return start


@pytest.fixture
def run_command(start_command: Commands) -> Run:
    """Run a command of this project in a process of its own, to its end."""

    def run(*arguments: str, **options: t.Any) -> Finished:
        return start_command(*arguments, **options).finish()

    return run
