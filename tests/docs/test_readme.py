"""What the README says in numbers and in quotes is what the code says."""

from __future__ import annotations

import re

from tests.support.pages import ROOT
from tools.docs import TAPS
from tools.streams import streams

README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGES = ("rest_tap", "tap_organizers", "tap_ticketing")


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 200


def test_lines_that_a_reader_looks_up_are_lines_that_the_taps_log() -> None:
    table = re.search(r"^\| The line says .*?(?=\n\n)", README, re.MULTILINE | re.DOTALL)
    assert table
    source = "".join(path.read_text(encoding="utf-8") for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    # Texts that are broken into several literals are one text.
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    quoted = [
        quote
        for row in table[0].splitlines()[2:]
        if "(Meltano)" not in row
        for quote in re.findall(r"`([^`]+)`", row.split("|")[1])
    ]
    assert len(quoted) > 8
    missing = [
        quote
        for quote in quoted
        # What stands for a number or a name is anything.
        for part in re.split(r"\s*…\s*|\s*\d+\s*", quote)
        if part and part not in source
    ]
    assert missing == []


def test_requests_are_those_of_the_table() -> None:
    said = re.search(
        r"With\s+(\d+) events and nothing new, a run takes (\d+) requests .*? and (\d+) for all.*?"
        r"with `sweep_days: 7` (\d+) and (\d+), once",
        README,
        re.DOTALL,
    )
    assert said
    events, *numbers = said.groups()
    scale = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| {events} \|.*$", scale, re.MULTILINE)
    assert row
    cells = [cell.strip() for cell in row[0].strip("| ").split("|")]
    assert [cell.split(" / ")[run] for run in (1, 2) for cell in cells[3:5]] == numbers


def test_streams_are_counted() -> None:
    (organizers, _) = (len(streams(tap)) for tap in TAPS)
    named = ("organizers", "events", "orders", "payments", "check-ins")
    more = re.search(rf"{', '.join(named[:-1])}, {named[-1]}\s+and (\d+) more streams", README)
    assert more
    assert int(more[1]) + len(named) == organizers
