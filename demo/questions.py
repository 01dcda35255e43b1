"""The questions that the dbt package answers, each a query on the marts as they are called by default."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "dbt" / "analyses"
#: What the queries have of dbt's, and what it becomes in PostgreSQL and DuckDB.
PLAIN = (
    (r"ref\('(\w+)'\)", r"marts.\1"),
    (r"dbt\.date_trunc\('(\w+)', '([^']+)'\)", r"date_trunc('\1', \2)"),
    (r"ticketing\.money\('([^']+)'\)", r"cast(\1 as numeric(18, 2))"),
    (r"ticketing\.now\(\)", r"(current_timestamp at time zone 'UTC')"),
)


class Question(t.NamedTuple):
    """A question, and the query that answers it."""

    file: Path
    text: str
    query: str


def questions() -> list[Question]:
    """Return all questions, by the names of their files."""
    return [_read(file) for file in sorted(FOLDER.glob("*.sql"))]


def _read(file: Path) -> Question:
    lines = file.read_text(encoding="utf-8").splitlines()
    query = "\n".join(line for line in lines if not line.startswith("--"))
    for pattern, plain in PLAIN:
        query = re.sub(r"\{\{ " + pattern + r" \}\}", plain, query)
    text = " ".join(line.removeprefix("-- ") for line in lines if line.startswith("--"))
    return Question(file, text, query.strip())
