"""Numbered pages without a count, on a server of any habits that changes between two requests."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest_tap.errors import ApiError, ErrorAnswer
from rest_tap.paging import Page, PageRequest, UncountedPages
from tests.support.paging import FOR_EVER, Reader

if t.TYPE_CHECKING:
    from collections.abc import Callable

ENDS = ("empty", "null", "repeat", "error", "status")
SIZES = (1, 2, 3, 5, 10, 50)


@dataclass
class Server:
    """Rows in pages; ``end`` is what stands past the last one."""

    count: int
    size: int = 5
    end: str = "empty"
    newest_first: bool = False
    #: Called before each answer, with the number of the request from 1.
    meanwhile: Callable[[Server, int], None] = lambda _server, _number: None
    rows: list[int] = field(init=False)
    asked: list[int] = field(default_factory=list)
    #: Pages that fail, and how often still.
    failing: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = list(range(self.count))
        self._next = itertools.count(self.count)

    def add(self) -> None:
        self.rows.append(next(self._next))

    def ask(self, request: PageRequest) -> Page | int:
        number = int(str(request.params["p"]))
        self.asked.append(number)
        self.meanwhile(self, len(self.asked))
        rows = self.rows[::-1] if self.newest_first else self.rows
        page = rows[(number - 1) * self.size : number * self.size]
        if self.failing.get(number):
            self.failing[number] -= 1
            return self.error(request, "Something went wrong")
        if not page and rows and self.end == "repeat":
            page = rows[(len(rows) - 1) // self.size * self.size :]
        if not page and number > 1 and self.end == "error":
            return self.error(request, f"There is no page {number}")
        if not page and number > 1 and self.end == "status":
            return 404
        data = [{"id": row} for row in page] or (None if self.end == "null" else [])
        return Page(data or [], {"data": data})

    def error(self, request: PageRequest, words: str) -> Page:
        error = ErrorAnswer(words)
        if not self.paginator.ends_at(request, 200):
            raise error
        return Page([], error=error)

    def read(self) -> list[int]:
        """Return the rows that a reader gets, each once."""
        self.paginator = UncountedPages("p")
        reader = Reader(self.paginator, self._answer)
        return list(dict.fromkeys(row["id"] for row in reader.read()))

    def _answer(self, request: PageRequest) -> Page | int:
        answer = self.ask(request)
        if isinstance(answer, int):
            assert self.paginator.ends_at(request, answer)
            return Page([], status=answer, error=ApiError("Not found", status=answer))
        return answer

    @property
    def is_complete(self) -> bool:
        return self.paginator.is_complete(0)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 10, 23, 50])
def test_all_rows_come_whatever_stands_past_the_last_page(count: int, size: int, end: str) -> None:
    server = Server(count, size, end)
    assert server.read() == list(range(count))
    is_full, is_one = count % size == 0, count <= size
    is_proven = {
        "empty": True,
        "null": count > 0,
        "repeat": not is_one or not count,
        "error": not count or not (is_full or is_one),
        "status": not count or not (is_full or is_one),
    }
    assert server.is_complete is is_proven[end], server.paginator.doubt
    assert bool(server.paginator.doubt) is not is_proven[end]


def test_a_list_of_one_page_that_ends_as_documented_costs_three_requests() -> None:
    server = Server(4)
    assert server.read() == [0, 1, 2, 3]
    assert server.asked == [1, 2, 1]


def test_rows_that_move_from_a_second_page_to_the_only_one_come() -> None:
    def delete(server: Server, number: int) -> None:
        if number == 2:
            del server.rows[0]

    server = Server(3, 2, meanwhile=delete)
    assert server.read() == [0, 1, 2]
    assert server.is_complete


def test_a_longer_list_is_read_a_second_time_from_its_end() -> None:
    server = Server(12)
    server.read()
    assert server.asked == [1, 2, 3, 4, 3, 2, 1]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_rows_that_are_added_while_the_list_is_read_hide_no_other(size: int, newest_first: t.Any, end: str) -> None:
    def grow(server: Server, number: int) -> None:
        # One for each request, without end; a list that grows as fast as it is read has to come to rest.
        if number <= 20 or size > 3:
            server.add()

    server = Server(23, size, end, newest_first, grow)
    rows = server.read()
    assert set(range(23)) <= set(rows) <= set(server.rows)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("size", [2, 3, 5, 10])
def test_rows_that_are_deleted_while_the_list_is_read_hide_no_other(size: int, newest_first: t.Any, end: str) -> None:
    def shrink(server: Server, number: int) -> None:
        if number % 2 == 0 and number < 12:
            del server.rows[-1 if newest_first else 0]

    server = Server(40, size, end, newest_first, shrink)
    rows = server.read()
    assert set(server.rows) <= set(rows) <= set(range(40))
    if end == "empty":
        assert server.is_complete


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("times", [1, FOR_EVER])
@pytest.mark.parametrize("page", [2, 3, 4])
def test_an_error_in_mid_list_is_no_end(page: int, times: int, end: str) -> None:
    server = Server(23, 5, end, failing={page: times})
    if times == FOR_EVER:
        with pytest.raises(ErrorAnswer, match="Something went wrong"):
            server.read()
    else:
        assert sorted(server.read()) == list(range(23))


def test_a_server_that_answers_errors_from_some_page_on_fails() -> None:
    def break_down(server: Server, number: int) -> None:
        if number > 3:
            server.failing = dict.fromkeys(range(2000), 1)

    server = Server(23, 5, "empty", meanwhile=break_down)
    with pytest.raises(ErrorAnswer, match="Something went wrong"):
        server.read()


def test_errors_behind_full_pages_may_be_the_end_or_not() -> None:
    server = Server(40, 5, "empty", failing=dict.fromkeys(range(4, 2000), FOR_EVER))
    assert server.read() == list(range(15))
    assert not server.is_complete
    assert "page 4 is answered with an error" in str(server.paginator.doubt)


def test_a_server_that_ignores_the_number_is_not_believed() -> None:
    server = Server(5, 5, "repeat")
    assert server.read() == [0, 1, 2, 3, 4]
    assert "does the server know the parameter 'p'?" in str(server.paginator.doubt)
    assert server.asked == [1, 2, 1002, 2, 3]


def test_null_in_place_of_the_first_page_is_not_believed() -> None:
    server = Server(0, 5, "null")
    assert server.read() == []
    assert server.paginator.doubt == "its first page has null in place of rows"


def test_a_page_without_rows_in_mid_list_is_read_again() -> None:
    def blank(server: Server, number: int) -> None:
        server.size = 0 if number == 3 else 5

    server = Server(23, 5, "null", meanwhile=blank)
    assert sorted(server.read()) == list(range(23))
    assert server.is_complete


def test_a_list_that_never_rests_is_given_up() -> None:
    def swap(server: Server, number: int) -> None:
        # A row goes and another comes, between others, each time.
        server.rows[7 * number % 20] = next(server._next)

    server = Server(20, 5, meanwhile=swap)
    server.read()
    assert server.paginator.doubt == "rows moved from page to page, however often it was read"
    assert len(server.asked) == 5 + 4 * 4


@given(
    st.integers(0, 40),
    st.integers(2, 9),
    st.sampled_from(ENDS),
    st.booleans(),
    st.lists(st.sampled_from(["add", "delete", "none"]), max_size=60),
    st.randoms(use_true_random=False),
)
def test_what_was_there_all_the_time_comes_or_a_doubt_is_told(
    count: int, size: int, end: str, newest_first: t.Any, changes: list[str], random: t.Any
) -> None:
    def change(server: Server, number: int) -> None:
        what = changes[number - 1] if number <= len(changes) else "none"
        if what == "add" and "delete" not in changes:
            server.add()
        if what == "delete" and server.rows:
            del server.rows[random.randrange(len(server.rows))]

    server = Server(count, size, end, newest_first, change)
    rows = server.read()
    lost = (set(range(count)) & set(server.rows)) - set(rows)
    assert not lost or not server.is_complete
