"""Imports form no circle and go down only, those for type checking included."""

from __future__ import annotations

import shutil
import typing as t

import pytest

from tests.support.pages import ROOT
from tools.imports import PACKAGES, between, circles, diagram, import_graph, upward

if t.TYPE_CHECKING:
    from pathlib import Path

#: Imports that still lead upward. Only ever take out of it.
LEADS_UPWARD: set[tuple[str, str]] = set()
#: Within a package: whoever is in the first place must not import from the second.
NEVER = (
    ("rest_tap", "rest_tap.tap"),
    ("tap_organizers.streams", "tap_organizers.tap"),
    ("tap_ticketing.streams", "tap_ticketing.tap"),
)


def in_circles(root: Path) -> set[str]:
    return {module for circle in circles(import_graph(root)) for module in circle}


def leading_upward(root: Path) -> set[tuple[str, str]]:
    graph = import_graph(root)
    return {*upward(graph), *(edge for place, banned in NEVER for edge in between(graph, place, banned))}


def test_imports_form_no_circle() -> None:
    assert in_circles(ROOT) == set(), "these import each other"


def test_imports_go_down_only() -> None:
    found = leading_upward(ROOT)
    assert sorted(found - LEADS_UPWARD) == [], "these lead upward"
    assert sorted(LEADS_UPWARD - found) == [], "gone: take them out of LEADS_UPWARD"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of all packages."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=lambda _, names: [n for n in names if "." in n and not n.endswith(".py")],
        )
    return tmp_path


def add(file: Path, line: str) -> None:
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")


@pytest.mark.parametrize(
    "line",
    [
        "from rest_tap.http import Client",
        "import rest_tap.http",
        "from rest_tap import http",
        "if t.TYPE_CHECKING:\n    from rest_tap.http import Client",
        "def later():\n    from rest_tap.http import Client",
    ],
)
def test_a_circle_is_found_however_it_is_written(copy: Path, line: str) -> None:
    before = in_circles(copy)
    add(copy / "rest_tap" / "errors.py", line)
    assert in_circles(copy) - before >= {"rest_tap.errors", "rest_tap.http"}


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("rest_tap.errors", "tap_organizers.client"),
        ("rest_tap.errors", "sandbox.box"),
        ("sandbox.web", "rest_tap.errors"),
        ("tap_organizers.streams.people", "tap_ticketing.client"),
        ("tap_organizers.streams.people", "tap_organizers.tap"),
        ("tap_ticketing.client", "tools.docs"),
    ],
)
def test_an_import_upward_or_sideways_is_found(copy: Path, importer: str, imported: str) -> None:
    add(copy / f"{importer.replace('.', '/')}.py", f"import {imported}")
    assert leading_upward(copy) - leading_upward(ROOT) == {(importer, imported)}


def test_a_diagram_has_each_module_and_no_arrow_that_others_make_needless() -> None:
    graph = {"p": set(), "p.a": {"p.b", "p.c"}, "p.b": {"p.c"}, "p.c": set(), "q.d": {"p.a"}}
    assert diagram(graph, "p") == ("flowchart TD\n  p_a[a]\n  p_a --> p_b\n  p_b[b]\n  p_b --> p_c\n  p_c[c]\n")
