"""`make site`: the pages as a site with search, with every link between them and every Dockerfile in them checked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
QUIET = {"NO_MKDOCS_2_WARNING": "1"}
LAID_OUT = ROOT / ".cache" / "site" / "pages"


def main() -> None:
    """Lay the pages out, and let MkDocs build the site; a link that leads nowhere is an error."""
    commands = Path(sys.argv[1])
    lay_out(LAID_OUT)
    # Not --quiet: MkDocs counts only the warnings that it shows.
    run([commands / "mkdocs", "build", "--clean"])
    for page in pages():
        for dockerfile in re.findall(
            r"^```dockerfile\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            run([commands / "hadolint", "-"], dockerfile)
    print("the site is in .cache/site/html")


def run(command: list[Path | str], text: str | None = None) -> None:
    """Run a command with a text as its input; if it fails, so does this one."""
    done = subprocess.run(command, input=text, text=True, cwd=ROOT, env=os.environ | QUIET, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def pages() -> list[Path]:
    """Return the pages that the site has."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def lay_out(folder: Path) -> None:
    """Copy the pages, and the files that they lead to, as they lie in the repository."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in pages():
        for file in (page, *linked(page)):
            copy = folder / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)


def linked(page: Path) -> Iterator[Path]:
    """Yield the files that a page's links and pictures lead to."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        file = (page.parent / target).resolve()
        if file.is_file():
            yield file


if __name__ == "__main__":
    main()
