"""How far a run is, and what it has read: on standard error only, and only if wanted."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import typing as t

import pytest

from rest_tap import progress
from sandbox import Fault, Sandbox
from tests.conftest import discovered, only, organizers_config, run_tap
from tests.support.command import ROOT

if t.TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Result

#: Levels, rows, rate, requests, requests in flight.
LINE = re.compile(
    r"(?P<levels>\w+ \d+(/\d+)?( > \w+ \d+(/\d+)?)*|starting): (?P<rows>\d+) rows, \d+ rows/s, "
    r"(?P<requests>\d+) requests, \d+ in flight(?P<held>, \d+ s held back by the rate limit)?"
)
HEAD = "stream rows requests seconds retries denied unknown fields"


def lines_of(result: Result) -> list[str]:
    """Return what the progress has logged."""
    return [record.getMessage() for record in result.log if record.name == "rest_tap.progress"]


def test_a_line_every_few_seconds_says_how_far_the_run_is(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    config = organizers_config(sandbox)
    result = run_tap(config, only(discovered(config), "events", "tax_rules", "orders"))
    found = [match for match in map(LINE.fullmatch, lines_of(result)) if match]
    rows = [int(match["rows"]) for match in found]
    assert rows == sorted(rows)
    assert rows[-1] > 100
    total = {
        slug: len(sandbox.organizers.rows(f"/organizers/{slug}/events/")) for slug in sandbox.organizers.organizers
    }
    last = [match["levels"] for match in found if "tax_rules" in match["levels"]][-1]
    assert re.fullmatch(
        rf"organizers 2/2 > events (\d+)/({'|'.join(map(str, total.values()))}) > tax_rules \d+/\d+", last
    )


def test_no_line_comes_before_its_time(sandbox: Sandbox) -> None:
    config = organizers_config(sandbox)
    result = run_tap(config, only(discovered(config), "events"))
    assert [line for line in lines_of(result) if LINE.fullmatch(line)] == []


def test_waits_for_the_rate_limit_are_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    sandbox.limit(5, window=0.5)
    config = organizers_config(sandbox)
    result = run_tap(config, only(discovered(config), "events", "tax_rules"))
    assert any(match["held"] for match in map(LINE.fullmatch, lines_of(result)) if match)


def test_a_table_at_the_end_says_what_was_read(sandbox: Sandbox) -> None:
    sandbox.organizers.rows("/organizers/riverside/events/")[0]["new_field"] = 1
    config = organizers_config(sandbox, api_token=sandbox.organizers.add_token(permissions=[]), on_denied="skip")
    result = run_tap(config, only(discovered(config), "events", "vouchers"))
    table = [re.sub(" +", " ", line) for line in lines_of(result)]
    assert table[0] == HEAD
    rows = {line.split()[0]: line.split()[1:] for line in table[1:-1]}
    events = len(result.records["events"])
    assert events == 10
    assert (rows["events"][0], rows["events"][-1]) == (str(events), "1")
    assert rows["vouchers"][0] == "0"
    assert int(rows["vouchers"][4]) > 0
    assert re.fullmatch(rf"{events} rows with {len(sandbox.log)} requests in \d+\.\d s", table[-1])


@pytest.mark.usefixtures("no_waiting")
def test_retries_are_in_the_table(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("/events/$", status=503, times=2))
    config = organizers_config(sandbox)
    result = run_tap(config, only(discovered(config), "events"))
    (row,) = [line.split() for line in lines_of(result) if line.startswith("events ")]
    assert row[4] == "2"


def test_it_is_silent_if_the_setting_says_so(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOG_SECONDS", 0.0)
    config = organizers_config(sandbox, progress=False)
    assert lines_of(run_tap(config, only(discovered(config), "events"))) == []


def test_on_a_terminal_it_is_a_line_that_is_written_over(sandbox: Sandbox, tmp_path: Path) -> None:
    """The messages stay whole: nothing of it goes to standard output."""
    sandbox.latency = 0.04
    config = organizers_config(sandbox, max_concurrency=1)
    for name, content in (("config", config), ("catalog", only(discovered(config), "events", "tax_rules"))):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    code = (
        "from rest_tap import progress; from tap_organizers.tap import TapOrganizers;"
        " progress.LIVE_SECONDS = 0.05; TapOrganizers.cli()"
    )
    with (
        (tmp_path / "out").open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-c", code, "--config", "config.json", "--catalog", "catalog.json"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=theirs,
        ) as process,
    ):
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # so Linux says that nobody has the terminal open any more
            pass
        finally:
            os.close(ours)
        assert process.wait() == 0
    live = [match for match in LINE.finditer(shown.decode()) if shown.decode()[match.start() - 1] in "\r "]
    assert len(live) > 2
    assert b"\r" in shown
    messages = [json.loads(line) for line in (tmp_path / "out").read_bytes().splitlines()]
    assert {message["type"] for message in messages} >= {"SCHEMA", "RECORD"}


def test_structured_logs_hold_each_line_as_an_object(sandbox: Sandbox, tmp_path: Path) -> None:
    """So Meltano has the tap log, for its `log_parser`."""
    formatter = {"()": "singer_sdk.logging.StructuredFormatter"}
    log = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "structured", "stream": "ext://sys.stderr"}
        },
        "root": {"level": "INFO", "handlers": ["stderr"]},
    }
    config = organizers_config(sandbox)
    for name, content in (("config", config), ("catalog", only(discovered(config), "events")), ("log", log)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    code = "from tap_organizers.tap import TapOrganizers; TapOrganizers.cli()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--config", "config.json", "--catalog", "catalog.json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SINGER_SDK_LOG_CONFIG": "log.json"},
        capture_output=True,
        text=True,
        check=True,
    )
    logged = [json.loads(line) for line in done.stderr.splitlines()]
    said = [line for line in logged if line["logger_name"] == "rest_tap.progress"]
    assert re.sub(" +", " ", said[0]["message"]) == HEAD
    assert {line["level"] for line in said} == {"info"}
