"""CONTRIBUTING's way to a new stream, followed to the letter in a copy of the repository."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import typing as t

import pytest

from tests.support.pages import ROOT, blocks

if t.TYPE_CHECKING:
    from pathlib import Path

STREAMS = "tap_organizers/streams/__init__.py"
CLASS = "tap_organizers/streams/catalog.py"
SAMPLE = "sandbox/samples/sponsors.json"
#: Where what is wrong with a stream shows.
LOOKED_AT = ("tests/catalog", "tests/sandbox", "tests/docs/test_docs.py", "tests/tap_organizers/test_organizers.py")
GENERATED = ("docs/streams.md", "docs/tap-organizers.md", "hub/tap-organizers.yml", "meltano.yml")

pytestmark = pytest.mark.slow


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a copy of the repository without what make has built."""
    left_out = shutil.ignore_patterns(".git", "*venv", ".cache", ".*_cache", ".meltano", "__pycache__", "output")
    return shutil.copytree(ROOT, tmp_path / "clone", ignore=left_out)


def shown(language: str) -> str:
    """Return the one block of a language in the chapter."""
    (text,) = (
        block.text
        for block in blocks("CONTRIBUTING.md")
        if block.heading == "Add a stream" and block.language == language
    )
    return text


def write_class(clone: Path) -> None:
    with (clone / CLASS).open("a", encoding="utf-8") as file:
        file.write(f"\n\n{shown('python')}")


def write_list(clone: Path) -> None:
    text = (clone / STREAMS).read_text(encoding="utf-8")
    imports, name, streams = text.partition("\nSTREAMS")
    assert name
    for before, part in (("Seats", imports), ("Discounts", streams)):
        assert part.count(f"    {before},\n") == 1
    imports = imports.replace("    Seats,\n", "    Seats,\n    Sponsors,\n")
    streams = streams.replace("    Discounts,\n", "    Discounts,\n    Sponsors,\n")
    (clone / STREAMS).write_text(imports + name + streams, encoding="utf-8")


def write_sample(clone: Path) -> None:
    (clone / SAMPLE).write_text(shown("json"), encoding="utf-8")


def run(clone: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=clone,
        env={"PYTHONPATH": str(clone), "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_stream_takes_three_files_by_hand(clone: Path) -> None:
    write_class(clone)
    write_list(clone)
    write_sample(clone)
    done = run(clone, "ruff", "check", "tap_organizers")
    assert done.returncode == 0, done.stdout
    done = run(clone, "tools.docs")
    assert done.returncode == 0, done.stdout
    for page in GENERATED:
        assert "ponsors" in (clone / page).read_text(encoding="utf-8"), page
    entry = json.loads((clone / "tests/catalog/snapshots/tap-organizers/sponsors.json").read_text(encoding="utf-8"))
    assert entry["tap_stream_id"] == "sponsors"
    done = run(clone, "pytest", "-q", "-x", "-p", "no:cacheprovider", *LOOKED_AT)
    assert done.returncode == 0, done.stdout[-3000:]


def test_without_a_sample_the_pages_are_not_written_and_a_line_says_what_is_missing(clone: Path) -> None:
    write_class(clone)
    write_list(clone)
    done = run(clone, "tools.docs")
    assert done.returncode == 1
    assert re.search(r"the sandbox has no /\S+/sponsors/: write .*sandbox/samples/<stream>.json", done.stdout)
    done = run(clone, "pytest", "-q", "-p", "no:cacheprovider", "tests/sandbox", "-k", "every_stream")
    assert 'write sandbox/samples/sponsors.json, with "path" and "rows"' in done.stdout


@pytest.mark.parametrize(
    ("instead", "of", "line"),
    [
        ('"event.vouchers:read"', '"event.orders:read"', "see sandbox/samples/sponsors.json"),
        ("/sponsor", "/sponsors", "see sandbox/samples/sponsors.json"),
        ('"name": 5', '"name": "Lantern Works"', "correct the class of sponsors, or sandbox/samples/sponsors.json"),
        ('"colour": "red"', '"name": "Lantern Works"', "correct the class of sponsors"),
        ('"pages": []', '"permission": "event.orders:read"', "see sandbox/samples.py for what a sample holds"),
    ],
    ids=["permission", "path", "type", "field", "word"],
)
def test_a_sample_that_does_not_fit_is_named(instead: str, of: str, line: str, clone: Path) -> None:
    write_class(clone)
    write_list(clone)
    write_sample(clone)
    text = (clone / SAMPLE).read_text(encoding="utf-8")
    assert of in text
    (clone / SAMPLE).write_text(text.replace(of, instead, 1), encoding="utf-8")
    done = run(clone, "pytest", "-q", "-p", "no:cacheprovider", "tests/sandbox", "-k", "every_stream or rows_have")
    assert done.returncode != 0
    assert line in done.stdout
