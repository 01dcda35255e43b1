"""Rows that come again are written once, whatever their keys are made of."""

from __future__ import annotations

import tracemalloc
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest_tap import duplicates
from rest_tap.duplicates import Deduplicator
from rest_tap.paging import SinglePage

Row = dict[str, t.Any]


def seen(*keys: str, ordered_by: str | None = None, count: int | None = None) -> Deduplicator:
    """Return what remembers the rows of a list."""
    paginator = SinglePage()
    paginator.ordered_by, paginator.count = ordered_by, count
    return Deduplicator(keys, paginator)


values = st.one_of(st.none(), st.integers(0, 3), st.sampled_from("ab"), st.lists(st.integers(0, 1), max_size=1))
rows = st.fixed_dictionaries({}, optional={"a": values, "b": values})


@given(st.lists(st.lists(rows, max_size=6), max_size=4), st.sampled_from([("a",), ("a", "b")]))
def test_of_all_rows_with_one_key_the_first_is_new(pages: list[list[Row]], identity: tuple[str, ...]) -> None:
    it, known = seen(*identity), []
    for page in pages:
        expected = []
        for row in page:
            key = [row.get(name) for name in identity]
            key = [row] if None in key else key
            if key not in known:
                known.append(key)
                expected.append(row)
        assert it.new(page) == expected
    assert it.distinct == len(known)


def test_in_an_ordered_list_rows_are_known_as_long_as_the_value_stays() -> None:
    it = seen("id", ordered_by="at")
    assert it.new([{"id": 1, "at": 1}, {"id": 1, "at": 1}, {"id": 2, "at": 1}]) == [
        {"id": 1, "at": 1},
        {"id": 2, "at": 1},
    ]
    assert it.new([{"id": 2, "at": 1}, {"id": 1, "at": 2}]) == [{"id": 1, "at": 2}]


@pytest.mark.parametrize("options", [{}, {"ordered_by": "at"}])
def test_rows_without_a_key_of_their_own_are_all_new(options: dict[str, t.Any]) -> None:
    assert len(seen(**options).new([{"a": 1}, {"a": 1}])) == 2


def test_rows_that_lack_their_key_are_told_apart_by_all_that_they_have() -> None:
    it = seen("id", "at")
    assert len(it.new([{"a": 1}, {"a": 2}, {"a": 3}, {"id": 1, "a": 1}, {"id": 1, "a": 2}])) == 5
    assert it.new([{"a": 2}, {"id": 1, "a": 1}, {"id": 2}]) == [{"id": 2}]


@pytest.mark.parametrize("count", [None, 400_000, 10**18])
def test_a_page_that_repeats_the_one_before_it_is_noticed_however_long_the_list_is(count: int | None) -> None:
    it, size = seen("id", count=count), 5000
    for first in range(0, 300_000, size):
        assert len(it.new([{"id": first + number} for number in range(size)])) == size
    assert it.new([{"id": 295_000 + number} for number in range(size)]) == []
    assert it.new([{"id": number} for number in (5, 299_999, 300_000)]) == [{"id": 300_000}]
    assert it.distinct == 300_001


def test_the_keys_of_a_long_list_take_some_bytes_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "KEYS_KEPT", 10_000)
    it = seen("id")
    for first in range(0, duplicates.KEYS_KEPT + 1, 50):
        it.new([{"id": f"key number {first + number}"} for number in range(50)])
    tracemalloc.start()
    try:
        for first in range(10**6, 10**6 + 100_000, 50):
            it.new([{"id": f"key number {first + number}"} for number in range(50)])
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 100_000 * 16


def test_keys_that_python_hashes_to_one_number_are_not_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "KEYS_KEPT", 0)
    it = seen("id")
    it.new([{"id": 5}])
    assert len(it.new([{"id": -1}, {"id": -2}, {"id": 2**61 - 1}, {"id": 0}])) == 4
