"""Whatever comes through the SDK's doors, a run ends in order: settings, environment, catalog, state, maps, batches.

Each run takes something that works and spoils it at a few random places. It may do what it was asked, or end with
exit status 1 and one line that says why; never with a traceback, with half a message or with a secret in the log.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import gc
import io
import json
import logging
import os
import random
import re
import typing as t
from unittest import mock

import pytest

from sandbox import Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tests.conftest import Json, discovered, kept_log, kept_signals, only, organizers_config, run_tap
from tests.support.ticketing import settings as ticketing_config

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rest_tap.tap import RestTap

pytestmark = pytest.mark.slow

#: Runs for each door; a test takes the door's name and a part of the runs.
RUNS = {"tap-ticketing": 400, "tap-organizers": 100}
DOORS = ("config", "environment", "catalog", "state", "maps", "batches", "text")
NASTY: tuple[t.Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**63, 10**400, 1.5, float("1e308"), "", " ", "x", "0", "null", "true", "[]", "{}"),
    *("\0", "\ud800", "a\nb", "é\u202e", "x" * 5000, "%s %d {x}", "../../etc/passwd", "$HOME", "{{ x }}", "__NULL__"),
    *("2026-01-01", "2026-01-01T00:00:00Z", "0000-00-00", "9999-12-31T23:59:59+14:00", "-1", "NaN"),
    *([], [None], [[]], [{}], ["x"], {}, {"x": None}, {"": {}}, {"properties": {}}, {"type": "string"}),
    *("id", "name", "*", "config", "self", "record", "1/0", "().__class__", "lambda: 0", "fake.name()", "md5(None)"),
    *({"$ref": "#"}, {"anyOf": []}, "INCREMENTAL", "LOG_BASED", [["properties", "id"]], {"selected": "yes"}),
)
NAMES = (
    "",
    "x",
    "type",
    "id",
    "selected",
    "properties",
    "items",
    "__else__",
    "__alias__",
    "__filter__",
    "bookmarks",
    "*",
)
EXPRESSIONS = ("name", "'x'", "str(1)", "None", "config['x']", "_['name']", "bool(name)", "x", "name + 1", "md5(x)", "")
MAPS: Json = {
    "tax_rules": {"note": "str(id)", "__filter__": "bool(id)"},
    "attendees": {"note": "str(id)", "__filter__": "bool(id)", "id": "id", "__else__": None},
    "copies": {"__source__": "events", "__alias__": "'copy'", "__key_properties__": ["id"], "id": "str(name)"},
}
MESSAGES = {"SCHEMA", "RECORD", "STATE", "BATCH", "ACTIVATE_VERSION"}
#: What a line of Python's own says where nobody has caught an error.
BUG = re.compile(r"Traceback \(most recent|^\w*Error\b", re.MULTILINE)


class Good(t.NamedTuple):
    """What works: a tap and what it is run with."""

    tap: type[RestTap]
    config: Json
    catalog: Json
    state: Json
    secret: str


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    scale = Scale(organizers=1, events=2, tax_rules=2, orders=2, ticketing_events=2, attendees=3)
    with Sandbox(scale=scale) as box:
        yield box


@pytest.fixture(scope="module")
def good(box: Sandbox) -> dict[str, Good]:
    """Return what works for each tap; its state is that of a run."""
    found = {}
    for tap, config, streams in (
        (TapOrganizers, organizers_config(box), ("events", "tax_rules", "orders")),
        (TapTicketing, ticketing_config(box), ("events", "attendees")),
    ):
        quick = {**config, "max_concurrency": 1, "progress": False}
        catalog = json.loads(json.dumps(only(discovered(quick, tap), *streams)))
        # Others would be spoiled most of the time, and not be looked at.
        catalog["streams"] = [one for one in catalog["streams"] if one["tap_stream_id"] in streams]
        state = run_tap(quick, copy.deepcopy(catalog), tap=tap).states[-1]
        secret = str(config.get("api_token") or config["password"])
        found[tap.name] = Good(tap, quick, catalog, state, secret)
    return found


def spoil(value: t.Any, chance: random.Random, *, fixed: t.Container[str] = ()) -> t.Any:
    """Return something with one random place of it spoiled.

    Args:
        value: What to spoil.
        chance: Where chance comes from.
        fixed: Names at the top that stay.
    """
    value = copy.deepcopy(value)
    place: t.Any = value
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        keys = [key for key in keys if not (place is value and key in fixed)]
        if not keys:
            break
        key = chance.choice(keys)
        inner = place[key]
        if isinstance(inner, (dict, list)) and inner and chance.random() < 0.8:
            place = inner
            continue
        what = chance.randrange(6)
        if what == 0:
            del place[key]
        elif what == 1 and isinstance(place, dict):
            place[chance.choice(NAMES)] = place.pop(key)
        elif what == 2 and isinstance(place, list):
            place.append(copy.deepcopy(inner))
        elif what == 3 and isinstance(place, dict):
            place[chance.choice(NAMES)] = copy.deepcopy(chance.choice(NASTY))
        else:
            place[key] = copy.deepcopy(chance.choice(NASTY))
        return value
    if isinstance(place, dict):
        place[chance.choice(NAMES)] = copy.deepcopy(chance.choice(NASTY))
    else:
        place.append(copy.deepcopy(chance.choice(NASTY)))
    return value


class Case:
    """The files and variables of one run."""

    def __init__(self, good: Good, door: str, seed: int, folder: Path) -> None:
        """Spoil what works at one door."""
        self._chance = random.Random(f"{good.tap.name} {door} {seed}")
        self._known = sorted(good.tap.config_jsonschema["properties"].keys() - good.config.keys() - {"batch_config"})
        self.environment: dict[str, str] = {}
        self._files: Json = {"config": dict(good.config), "catalog": good.catalog, "state": good.state}
        if door == "state":
            self._files["config"]["shard_count"] = self._chance.choice([1, 2])
        if door == "maps":
            self._add_maps()
        if door == "batches":
            self._add_batches(folder)
        for _ in range(self._chance.randint(1, 3)):
            self._spoil(door)
        texts = {name: json.dumps(content).encode() for name, content in self._files.items()}
        if door == "text":
            name = self._chance.choice(sorted(texts))
            texts[name] = _spoiled(texts[name], self._chance)
        self.argv = []
        for name, text in texts.items():
            (folder / f"{name}.json").write_bytes(text)
            self.argv += [f"--{name}", str(folder / f"{name}.json")]
        if door == "environment":
            self.argv[1] = "ENV"
            self._set_variables(good)

    def _add_maps(self) -> None:
        chance = self._chance
        maps = {"stream_maps": copy.deepcopy(MAPS), "stream_map_config": {"x": 1}}
        flattening = {"flattening_enabled": chance.random() < 0.5, "flattening_max_depth": chance.choice([0, 1, 9])}
        self._files["config"].update(maps, **flattening)

    def _add_batches(self, folder: Path) -> None:
        self._files["config"]["batch_config"] = {
            "encoding": {"format": self._chance.choice(["jsonl", "parquet"]), "compression": "gzip"},
            "storage": {"root": (folder / "batches").as_uri(), "prefix": "a-"},
        }

    def _spoil(self, door: str) -> None:
        """Spoil one place of what goes through a door."""
        chance, config = self._chance, self._files["config"]
        if door == "config":
            for name in chance.sample(self._known, chance.choice([0, 0, 1])):
                config.setdefault(name, copy.deepcopy(chance.choice(NASTY)))
            self._files["config"] = spoil(config, chance, fixed={"api_url"} if chance.random() < 0.9 else ())
        elif door in self._files:
            self._files[door] = spoil(self._files[door], chance)
        elif door == "maps":
            config["stream_maps"] = spoil(config["stream_maps"], chance)
            if isinstance(events := config["stream_maps"].setdefault("events", {}), dict):
                events["name"] = chance.choice(EXPRESSIONS[: chance.choice([6, 6, None])])
        elif door == "batches":
            config["batch_config"] = spoil(config["batch_config"], chance)

    def _set_variables(self, good: Good) -> None:
        """Put the settings into the environment, and others that are spoiled."""
        spoiled = {
            name: self._chance.choice(NASTY)
            for name in self._chance.sample(self._known, self._chance.choice([1, 1, 3]))
        }
        for name, value in {**good.config, **spoiled}.items():
            text = value if isinstance(value, str) else json.dumps(value)
            # No environment can hold these.
            self.environment[good.tap._env_var_prefix + name.upper()] = text.replace("\0", "").replace("\ud800", "?")


def _spoiled(text: bytes, chance: random.Random) -> bytes:
    """Return a file that was cut, turned round or written by something else."""
    at = chance.randrange(len(text) + 1)
    return chance.choice(
        [
            text[:at],
            text[:at] + bytes([chance.randrange(256)]) + text[at + 1 :],
            text[:at] + text[at + 3 :],
            text[at:] + text[:at],
            text.decode().encode(chance.choice(["utf-16", "utf-32", "utf-8-sig", "utf-7", "cp037"])),
            b"",
            b"[" * 100_000,
            b'{"a":' * 5000 + b"1" + b"}" * 5000,
            text + text,
            b"null",
            b"[]",
            b"\xff\xfe",
            b"1e999",
            b"NaN",
            b'"' + b"x" * 100 + b'"',
        ]
    )


@contextlib.contextmanager
def as_a_process(environment: dict[str, str]) -> Iterator[tuple[io.TextIOWrapper, io.StringIO]]:
    """Keep what a command changes in its process, and give what it writes."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    threshold = gc.get_threshold()
    try:
        with (
            kept_signals(),
            mock.patch.dict(os.environ, environment),
            mock.patch("gc.freeze"),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            yield out, err
    finally:
        gc.set_threshold(*threshold)


class Ended(t.NamedTuple):
    """How a command ended."""

    code: t.Any
    error: BaseException | None
    output: bytes
    told: str
    log: list[logging.LogRecord]

    def config_error(self, secret: str) -> str | None:  # noqa: PLR0911 - a line for each thing that no end may be
        """Return what is wrong with it, or None."""
        if self.error is not None:
            return f"{type(self.error).__name__}: {self.error}"
        if self.code not in {0, 1, None}:
            return f"exit status {self.code}: {self.told[-300:]}"
        lines = [record.getMessage() for record in self.log if record.levelno >= logging.WARNING]
        errors = [record.getMessage() for record in self.log if record.levelno >= logging.ERROR]
        if len(errors) != (self.code or 0):
            return f"exit status {self.code}, and {len(errors)} errors: {errors}"
        if odd := [line for line in lines if not line.isprintable()]:
            return f"not one line: {odd[0]!r}"
        if BUG.search(self.told) or any(record.exc_info for record in self.log):
            return f"a traceback: {self.told[-600:]}"
        if secret in self.told or any(secret in line for line in lines):
            return "a secret in the log"
        try:
            kinds = {json.loads(line)["type"] for line in self.output.splitlines()}
        except (ValueError, KeyError, TypeError):
            return f"not a message: {self.output[-200:]!r}"
        return None if kinds <= MESSAGES else f"messages of other types: {kinds - MESSAGES}"


def run(good: Good, case: Case) -> Ended:
    """Run the command in this process."""
    handlers = logging.getLogger().handlers[:]
    error: BaseException | None = None
    with as_a_process(case.environment) as (out, err), kept_log() as log:
        try:
            code: t.Any = good.tap.get_singer_command().main(args=case.argv, prog_name=good.tap.name)
        except SystemExit as ended:
            code = ended.code
        except BaseException as raised:  # noqa: BLE001 - the command would end with a traceback
            code, error = None, raised
        out.flush()
        output = t.cast("io.BytesIO", out.buffer).getvalue()
    logging.getLogger().handlers[:] = handlers
    return Ended(code, error, output, err.getvalue(), list(log))


@pytest.mark.usefixtures("no_waiting")
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("tap", RUNS)
def test_a_run_ends_in_order_whatever_comes_in(
    tap: str, door: str, good: dict[str, Good], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a spoiled root of batches may be a folder here
    found: dict[str, int] = {}
    codes: collections.Counter[t.Any] = collections.Counter()
    for seed in range(RUNS[tap]):
        ended = run(good[tap], Case(good[tap], door, seed, tmp_path))
        codes[ended.code or 0] += 1
        wrong = ended.config_error(good[tap].secret)
        if wrong is not None:
            found.setdefault(wrong, seed)
    assert found == {}
    # Some are taken and some refused, or this tries nothing.
    assert min(codes[0], codes[1]) >= 3 or door == "state", codes
