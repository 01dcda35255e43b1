"""The figures of the loaders in README and docs/loaders.md are those that were measured."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_readme_and_page_have_the_rows_a_second_that_were_measured() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    parts = {title: text for title, _, text in (part.partition("\n") for part in page.split("\n### "))}
    measured = [
        dict(re.findall(r"^\| ticketing-taps, Meltano, (target-\w+) \| ([\d,]+) \|", parts[title], re.MULTILINE))
        for title in ("6,000 orders of 3 kB, a table", "30,000 attendees")
    ]
    rows = [f"| `{loader}` | {orders} | {measured[1][loader]} |" for loader, orders in measured[0].items()]
    assert len(rows) == 4
    loaders = (ROOT / "docs" / "loaders.md").read_text(encoding="utf-8")
    assert [row for row in rows if row not in loaders] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (bullet,) = re.findall(r"^- \*\*Loaders\*\*:.*$", readme, re.MULTILINE)
    assert re.findall(r"\(([\d,]+)", bullet) == list(measured[0].values())
