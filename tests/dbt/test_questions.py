"""The questions of docs/marts.md, as they stand there: both databases answer them, and alike."""

from __future__ import annotations

import collections
import typing as t
from decimal import Decimal, InvalidOperation

import duckdb
import pytest

from demo.questions import Question, questions
from tests.dbt.conftest import NOTHING

if t.TYPE_CHECKING:
    from tests.dbt.conftest import Warehouse


def plain(value: str) -> str | Decimal:
    """Return a number as one: 0 is 0.00."""
    try:
        return Decimal(value)
    except InvalidOperation:
        return value


def test_there_are_ten() -> None:
    assert len(questions()) == 10
    assert not [one.query for one in questions() if "{" in one.query]


@pytest.mark.parametrize("question", questions(), ids=[one.file.stem for one in questions()])
def test_both_databases_answer_alike(warehouse: Warehouse, question: Question) -> None:
    with duckdb.connect(str(warehouse.duckdb.file), read_only=True) as connection:
        names = [column[0] for column in connection.execute(question.query).description or ()]
    values = ", ".join(f"coalesce(cast(answer.{name} as text), '{NOTHING}')" for name in names)
    query = f"select {values} from ({question.query}) as answer"
    ours, theirs = (
        collections.Counter(tuple(map(plain, row)) for row in one.query(query))
        for one in (warehouse.duckdb, warehouse.postgres)
    )
    assert ours == theirs
    assert ours
