"""The shell commands on the pages that users read: fenced blocks without a language."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
#: What people read.
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


class Block(t.NamedTuple):
    """A fenced block."""

    page: str
    heading: str
    language: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, without what they are indented by."""
    heading = ""
    lines = iter((ROOT / page).read_text(encoding="utf-8").splitlines())
    for line in lines:
        indent, fence, language = re.match(r"( *)(```)?(.*)", line).groups()  # type: ignore[union-attr]
        if fence:
            text = []
            while not (inner := next(lines)).startswith(f"{indent}```"):
                assert not inner or inner.startswith(indent), f"{page}: {inner}"
                text.append(f"{inner[len(indent) :]}\n")
            yield Block(page, heading, language, "".join(text))
        elif line.startswith("#"):
            heading = line.lstrip("# ")


def commands(text: str) -> list[str]:
    """Return the commands of a block, without remarks."""
    return [line.partition("  #")[0].strip() for line in text.splitlines() if line.partition("#")[0].strip()]


def script(page: str, heading: str) -> str:
    """Return the shell blocks below a heading, to be run as they stand."""
    found = [block.text for block in blocks(page) if (block.heading, block.language) == (heading, "")]
    assert found, f"{page} has no commands below {heading}"
    return "".join(found)


def command(page: str, text: str) -> str:
    """Return one command of a page, to be run as it stands."""
    assert text in [one for block in blocks(page) if not block.language for one in commands(block.text)]
    return text


def example(page: str, heading: str, language: str) -> str:
    """Return the one block of a language below a heading."""
    (found,) = [block.text for block in blocks(page) if (block.heading, block.language) == (heading, language)]
    return found


def filled_in(text: str, values: dict[str, str]) -> str:
    """Return the text with what a reader puts in their own place."""
    for placeholder, value in values.items():
        assert text.count(placeholder) == 1, f"{placeholder} is not there once"
        text = text.replace(placeholder, value)
    return text
