"""What architecture.md says is decided in one module is not touched in another."""

from __future__ import annotations

import re

import pytest

from tests.support.pages import ROOT

PACKAGES = ("rest_tap", "tap_organizers", "tap_ticketing")


@pytest.mark.parametrize(
    ("words", "modules"),
    [
        pytest.param(r"\b429\b", {"rest_tap/retry.py", "rest_tap/limiter.py"}, id="a 429"),
        pytest.param(
            r"\bUnavailable\b",
            {"rest_tap/errors.py", "rest_tap/retry.py", "rest_tap/http.py", "rest_tap/access.py"},
            id="a list that fails after every try",
        ),
        pytest.param(r"""["']page_size["']""", {"rest_tap/paging/page_size.py"}, id="the size of a page"),
        pytest.param(r'"type": "STATE"', {"rest_tap/messages.py"}, id="a STATE"),
        pytest.param(
            r"Ending\.(DENIED|WITHHELD)",
            {"rest_tap/access.py", "rest_tap/outcome.py", "tap_organizers/access.py", "tap_ticketing/access.py"},
            id="a denied list",
        ),
        pytest.param(r"isoformat|strftime|strptime|parsedate", {"rest_tap/times.py"}, id="the text of a time"),
    ],
)
def test_a_decision_is_made_in_one_place(words: str, modules: set[str]) -> None:
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    found = {path.relative_to(ROOT).as_posix() for path in files if re.search(words, path.read_text(encoding="utf-8"))}
    assert found - modules == set(), "these decide it, too"
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("## Where to change what")[1].split("## Imports")[0]
    assert any(f"`{name}`" in table for name in (*modules, *(name.partition("/")[2] for name in modules)))
