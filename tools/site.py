"""`make site`: the pages as a site with search, with every link between them checked."""

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
    lay_out(LAID_OUT)
    # Not --quiet: MkDocs counts only the warnings that it shows.
    done = subprocess.run([sys.argv[1], "build", "--clean"], cwd=ROOT, env=os.environ | QUIET, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    print("the site is in .cache/site/html")


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
