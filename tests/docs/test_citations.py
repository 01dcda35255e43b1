"""What a comment sends its reader to is in the repository."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
import typing as t

import pytest

from tests.support.pages import ROOT

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A file that is named in prose, and the section of it, if it is a page.
CITED = re.compile(r'(?<![\w./*{<-])((?:[\w-]+/)*[\w-]+\.(?:md|py))\b(?:,\s+"([^"]+)")?')


def tracked() -> list[str]:
    """Return the files of the repository, those that are not committed yet included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def prose(source: str) -> Iterator[str]:
    """Yield the docstrings of a module, and each of its blocks of comments as one text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    block: list[str] = []
    row = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != row + 1:
                yield " ".join(block)
                block = []
            block.append(token.string.lstrip("#: "))
            row = token.start[0]
    yield " ".join(block)


def cited_in(name: str) -> Iterator[tuple[str, str]]:
    """Yield what a file's prose cites: the name of a file, and a section or nothing."""
    text = (ROOT / name).read_text(encoding="utf-8")
    if name.endswith(".py"):
        texts: t.Iterable[str] = prose(text)
    elif name.endswith(".md"):
        texts = [re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)]
    else:
        texts = re.findall(r"(?:#|//|--) (.*)", text)
    for one in texts:
        yield from CITED.findall(" ".join(one.split()))


def sections(page: Path) -> set[str]:
    """Return the headings of a page."""
    return set(re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE))


def lost(name: str, files: list[str]) -> list[str]:
    """Return what a file cites that is nowhere in the repository."""
    wrong = []
    for file, section in cited_in(name):
        found = [one for one in files if one == file or one.endswith(f"/{file}")]
        if not found:
            wrong.append(file)
        elif section and not any(section in sections(ROOT / one) for one in found):
            wrong.append(f'{file}, "{section}"')
    return wrong


def test_files_and_sections_that_comments_cite_are_in_the_repository() -> None:
    files = tracked()
    texts = [name for name in files if re.search(r"\.(py|md|toml|yml|sql|in)$|(^|/)(Makefile|run)$", name)]
    assert len(texts) > 100
    wrong = {name: found for name in texts if (found := lost(name, files))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("comment", "wrong"),
    [
        ("# As the server does (docs/pretix.md).", []),
        ('# See docs/pretix.md,\n# "Rate limit".', []),
        ('# See docs/pretix.md, "Weather".', ['docs/pretix.md, "Weather"']),
        ('def f():\n    """Do it (elsewhere.md §1)."""', ["elsewhere.md"]),
        ("# what gone.py did", ["gone.py"]),
        ("x = 'elsewhere.md'", []),
    ],
)
def test_a_citation_that_leads_nowhere_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comment: str, wrong: list[str]
) -> None:
    files = tracked()
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "pretix.md").write_text("# A\n\n## Rate limit\n", encoding="utf-8")
    (tmp_path / "module.py").write_text(f"{comment}\n", encoding="utf-8")
    monkeypatch.setattr("tests.docs.test_citations.ROOT", tmp_path)
    assert lost("module.py", files) == wrong
