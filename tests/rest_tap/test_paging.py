"""Which page is next: decided from values, so tried on lists that change, lie and tie."""

from __future__ import annotations

import datetime as dt
import itertools
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rest_tap.errors import BrokenAnswer
from rest_tap.paging import (
    Cursor,
    Keyset,
    Page,
    PageNumber,
    PageRequest,
    Paginator,
    SinglePage,
    TimeWindows,
)
from rest_tap.paging.keyset import STANDSTILLS
from rest_tap.paging.links import page_in_link
from rest_tap.paging.page_number import PAGES_AT_ONCE
from rest_tap.paging.page_size import OTHER_SIZES, PAGE_SIZE, PageSizes
from rest_tap.times import parse_time
from tests.support.paging import Listed, Reader, Row, at

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence


Json = dict[str, t.Any]


def rows(*ids: int) -> list[Row]:
    return [{"id": number} for number in ids]


def envelope(found: list[Row], follower: object = None, count: object = None) -> Page:
    return Page(found, {"count": count, "next": follower, "results": found})


def pages_of(steps: Sequence[PageRequest]) -> list[int]:
    return [int(str(request.params["page"])) for request in steps]


# --- the link to the next page ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "page"),
    [
        pytest.param(None, None, id="null ends the list"),
        pytest.param("", None, id="empty ends the list"),
        pytest.param("https://api.example/x/?page=2&page_size=50", 2, id="absolute"),
        pytest.param("https://evil.example/x/?page=3", 3, id="another host: only the number counts"),
        pytest.param("http://api.example/x/?page=3", 3, id="another scheme"),
        pytest.param("https://[no-host/?page=5#7", 5, id="no address at all"),
        pytest.param("/x/?ordering=id&page=12", 12, id="relative"),
        pytest.param("?page=4", 4, id="query only"),
    ],
)
def test_a_next_link_is_read_for_its_page_only(link: object, page: int | None) -> None:
    assert page_in_link(link) == page


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("https://api.example/x/", id="no number"),
        pytest.param("https://api.example/x/?page=", id="empty number"),
        pytest.param("https://api.example/x/?page=last", id="a word"),
        pytest.param("https://api.example/x/?page=-2", id="negative"),
        pytest.param("https://api.example/x/?page=2&page=3", id="two numbers"),
        pytest.param("https://api.example/x/?page=²", id="a digit that is no number"),
        pytest.param("?page=" + "9" * 5000, id="more digits than a number may have"),
        pytest.param(2, id="a number instead of a link"),
        pytest.param({"page": 2}, id="an object"),
        pytest.param(True, id="true"),
    ],
)
def test_a_next_link_without_a_page_number_is_a_broken_answer(link: object) -> None:
    with pytest.raises(BrokenAnswer, match="names no page number"):
        page_in_link(link)


# --- numbered pages ---------------------------------------------------------------------------------------------------


def test_the_only_step_of_a_single_page_is_the_first() -> None:
    paginator = SinglePage({"a": "b"})
    (request,) = paginator.first()
    assert request.params == {"a": "b"}
    assert list(paginator.after(request, Page(rows(1), {"next": "?page=2"}))) == []
    assert list(paginator.next_pass(0)) == []


def test_a_page_carries_the_parameters_of_the_list_its_number_and_its_size() -> None:
    (request,) = PageNumber({"ordering": "id"}).first()
    assert request.params == {"ordering": "id", "page": "1", "page_size": "50"}


@pytest.mark.parametrize(
    ("count", "length", "follower", "known"),
    [
        pytest.param(250, 50, "?page=2", [2, 3, 4, 5], id="count tells all pages"),
        pytest.param(201, 50, "?page=2", [2, 3, 4, 5], id="the last page may be short"),
        pytest.param(200, 50, "?page=2", [2, 3, 4], id="the last page may be full"),
        pytest.param(100, 20, "?page=2", [2, 3, 4, 5], id="the server cuts pages smaller"),
        pytest.param(10, 50, "?page=2", [2], id="count too small: next is believed"),
        pytest.param(None, 50, "?page=2", [2], id="no count: one after the other"),
        pytest.param("250", 50, "?page=2", [2], id="count that is no number"),
        pytest.param(True, 50, "?page=2", [2], id="count that is true"),
        pytest.param(-5, 50, "?page=2", [2], id="negative count"),
        pytest.param(250, 50, None, [], id="no next: the list ends, whatever count says"),
        pytest.param(0, 0, None, [], id="empty list"),
    ],
)
def test_the_first_page_makes_known_what_count_and_next_say(
    count: object, length: int, follower: str | None, known: list[int]
) -> None:
    paginator = PageNumber()
    (first,) = paginator.first()
    found = paginator.after(first, envelope(rows(*range(length)), follower, count))
    assert pages_of(found) == known


@pytest.mark.parametrize("count", [10**6, 10**15], ids=["a million", "absurd"])
@pytest.mark.parametrize("follower", ["?page=2", f"?page={10**12}"], ids=["next leads on", "next leads far off"])
def test_whatever_count_and_next_say_a_bounded_number_of_pages_is_known_at_once(count: int, follower: str) -> None:
    paginator = PageNumber()
    (first,) = paginator.first()
    found = paginator.after(first, envelope(rows(*range(50)), follower, count))
    assert pages_of(found) == list(range(2, PAGES_AT_ONCE + 2))
    further = paginator.after(found[-1], envelope(rows(*range(50)), f"?page={PAGES_AT_ONCE + 2}", count))
    assert pages_of(further)[0] == PAGES_AT_ONCE + 2
    assert len(further) <= PAGES_AT_ONCE


def test_a_list_that_grew_has_one_page_more() -> None:
    paginator = PageNumber()
    (first,) = paginator.first()
    second, third = paginator.after(first, envelope(rows(*range(50)), "?page=2", 150))
    assert list(paginator.after(second, envelope(rows(*range(50, 100)), "?page=3", 151))) == []
    grown = paginator.after(third, envelope(rows(*range(100, 150)), "?page=4", 151))
    assert pages_of(grown) == [4]


@pytest.mark.parametrize(
    ("page", "what"),
    [
        pytest.param(envelope(rows(1), "?page=1", 90), "names page 1 as the next one", id="next points to itself"),
        pytest.param(envelope(rows(1), "?page=0", 90), "names page 0 as the next one", id="next points back"),
        pytest.param(envelope([], "?page=2", 90), "an empty page names a next one", id="nothing and more of it"),
    ],
)
@pytest.mark.parametrize(
    "paginator",
    [PageNumber(), Keyset("at", "since", None), TimeWindows("at", "since", None)],
    ids=["PageNumber", "Keyset", "TimeWindows"],
)
def test_a_next_that_does_not_lead_on_is_a_broken_answer(paginator: Paginator, page: Page, what: str) -> None:
    (first,) = paginator.first()
    with pytest.raises(BrokenAnswer, match=what):
        paginator.after(first, page)


def test_a_server_that_repeats_its_last_page_for_ever_is_a_broken_answer() -> None:
    def ask(request: PageRequest) -> Page:
        page = int(str(request.params["page"]))
        return envelope(rows(1, 2), f"?page={page + 1}", 2)

    with pytest.raises(BrokenAnswer, match="same as the one before"):
        Reader(PageNumber(), ask).read()


@pytest.mark.parametrize("status", [400, 403, 404, 410, 500])
@pytest.mark.parametrize("page", [1, 2])
def test_only_a_404_past_the_first_page_is_the_end_of_a_list(status: int, page: int) -> None:
    number, time_windows, keyset = PageNumber(), TimeWindows("at", "since", None), Keyset("at", "since", None)
    ends = status == 404 and page == 2
    assert number.ends_at(PageRequest((0, page), {"page": str(page)}), status) is ends
    assert time_windows.ends_at(PageRequest((0, page), {"page": str(page)}), status) is ends
    assert keyset.ends_at(PageRequest((5,), {"page": str(page)}), status) is ends
    assert not SinglePage().ends_at(PageRequest((0,), {}), status)
    assert not Cursor("id", "since", None).ends_at(PageRequest((0, 1), {}), status)


def test_a_bare_list_is_one_page() -> None:
    reader = Reader(PageNumber(), lambda _: Page(rows(1, 2, 3)))
    assert reader.read() == rows(1, 2, 3)
    assert len(reader.requests) == 1


def test_a_bare_list_of_a_server_that_does_not_page_is_read_once() -> None:
    every = rows(*range(120))
    reader = Reader(PageNumber(), lambda _: Page([dict(row) for row in every]))
    assert {row["id"] for row in reader.read()} == set(range(120))
    assert len(reader.requests) == 2, "one to see that the server repeats itself"


def test_bare_pages_are_read_to_the_last() -> None:
    def page(request: PageRequest) -> Page:
        first = (int(str(request.params["page"])) - 1) * 50
        return Page(rows(*range(first, min(first + 50, 120))))

    reader = Reader(PageNumber(), page)
    assert {row["id"] for row in reader.read()} == set(range(120))
    assert len(reader.requests) == 3


@pytest.mark.parametrize("size", [7, 50, 120])
@pytest.mark.parametrize("after", [404, "empty", "the same", "the same in another order"])
def test_pages_that_tell_neither_next_nor_count_are_read_until_nothing_new_comes(size: int, after: int | str) -> None:
    def page(request: PageRequest) -> Page | int:
        first = (int(str(request.params["page"])) - 1) * size
        found = rows(*range(first, min(first + size, 120)))
        if not found:
            if isinstance(after, int):
                return after
            found = rows(*range((120 - 1) // size * size, 120)) if "same" in after else []
        return Page(found[::-1] if "order" in str(after) and first >= 120 else found, {"results": found})

    reader = Reader(PageNumber(), page)
    assert {row["id"] for row in reader.read()} == set(range(120))
    assert len(reader.requests) == -(-120 // size) + 1


@pytest.mark.parametrize("around", [{}, {"results": "the rows"}])
def test_a_server_that_does_not_page_is_read_once_whatever_changes_in_its_rows(around: dict[str, str]) -> None:
    answers = itertools.count()

    def page(_request: PageRequest) -> Page:
        number = next(answers)
        assert number < 10, "it goes on for ever"
        found: list[Row] = [{**row, "url": f"https://files.example/?signature={number}"} for row in rows(*range(60))]
        return Page(found, around)

    reader = Reader(PageNumber(keys=["id"]), page)
    assert {row["id"] for row in reader.read()} == set(range(60))
    assert len(reader.requests) == 2


@pytest.mark.parametrize("lacking", ["id", "other"])
def test_rows_without_their_key_do_not_end_a_list(lacking: str) -> None:
    def page(request: PageRequest) -> Page:
        number = int(str(request.params["page"]))
        found = [{"id": None, "n": number}] if number < 4 else []
        return Page(found, {"results": found})

    reader = Reader(PageNumber(keys=[lacking]), page)
    assert [row["n"] for row in reader.read()] == [1, 2, 3]


@pytest.mark.parametrize("paginator", [TimeWindows("at", "since", None), Keyset("at", "since", None)])
def test_a_filtered_list_that_tells_neither_is_an_error(paginator: Paginator) -> None:
    reader = Reader(paginator, lambda _: Page(rows(1), {"results": rows(1)}))
    with pytest.raises(BrokenAnswer, match="neither 'next' nor 'count'"):
        reader.read()


def test_a_quiet_list_is_read_once() -> None:
    listed = Listed(list(range(120)))
    reader = Reader(PageNumber(), listed.ask, lambda known: known - 1)
    assert {row["id"] for row in reader.read()} == set(range(120))
    assert len(reader.requests) == 3


@pytest.mark.parametrize("count", [121, 5000, 10**9], ids=["by one", "by pages", "absurdly"])
def test_a_count_that_is_too_large_ends_with_all_rows_and_a_bounded_number_of_requests(count: int) -> None:
    listed = Listed(list(range(120)))

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        if isinstance(page, Page):
            page.envelope = {**page.envelope, "count": count}
        return page

    reader = Reader(PageNumber(), ask)
    assert {row["id"] for row in reader.read()} == set(range(120))
    assert len(reader.requests) <= 8 * 7
    assert reader.paginator.count == count, "the run compares this with what came, and says so"


def test_a_count_that_is_too_small_loses_no_row() -> None:
    listed = Listed(list(range(120)))

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        if isinstance(page, Page):
            page.envelope = {**page.envelope, "count": 7}
        return page

    assert {row["id"] for row in Reader(PageNumber(), ask).read()} == set(range(120))


def test_rows_that_vanish_before_a_page_is_read_cost_a_second_pass_and_no_row() -> None:
    listed = Listed(list(range(120)))

    def ask(request: PageRequest) -> Page | int:
        if request.position == (0, 2):
            del listed.rows[:30]
        return listed.ask(request)

    reader = Reader(PageNumber(), ask)
    assert {row["id"] for row in reader.read()} == set(range(120))
    assert pages_of(reader.requests) == [1, 2, 3, 2, 1], "the second time from the last page to the first"


def test_the_404_after_rows_vanished_ends_the_sweep_and_starts_another() -> None:
    listed = Listed(list(range(120)))

    def ask(request: PageRequest) -> Page | int:
        if request.position == (0, 3):
            del listed.rows[:30]
        return listed.ask(request)

    assert {row["id"] for row in Reader(PageNumber(), ask).read()} == set(range(120))


def test_a_page_that_comes_after_its_pass_was_given_up_changes_nothing() -> None:
    paginator = PageNumber()
    (first,) = paginator.first()
    requests = paginator.after(first, envelope(rows(*range(50)), "?page=2", 200))
    paginator.page_used(first, envelope(rows(*range(50)), "?page=2", 200))
    assert paginator.page_used(requests[0], Page([], status=404)) == []
    (again,) = paginator.next_pass(50)
    assert list(paginator.after(requests[2], envelope(rows(9), "?page=900", 5000))) == []
    assert pages_of(paginator.after(again, envelope(rows(*range(47)), "?page=2", 100))) == [2]


@pytest.mark.parametrize("count", [150, None], ids=["with a count", "without a count"])
def test_a_page_that_is_gone_is_no_end_of_the_list(count: int | None) -> None:
    listed = Listed(list(range(150)))

    def ask(request: PageRequest) -> Page | int:
        if pages_of([request]) == [3] and len(reader.requests) < 4:
            return 404
        page = listed.ask(request)
        if isinstance(page, Page):
            page.envelope = {**page.envelope, "count": count}
        return page

    reader = Reader(PageNumber(), ask)
    assert {row["id"] for row in reader.read()} == set(range(150))
    assert reader.paginator.is_complete(150)


@pytest.mark.parametrize("count", [150, None], ids=["with a count", "without a count"])
def test_a_list_of_which_a_page_stays_gone_is_not_complete(count: int | None) -> None:
    listed = Listed(list(range(150)))

    def ask(request: PageRequest) -> Page | int:
        number, size = pages_of([request])[0], int(str(request.params["page_size"]))
        page = listed.ask(request) if number * size <= 100 else 404
        if isinstance(page, Page):
            page.envelope = {**page.envelope, "count": count}
        return page

    reader = Reader(PageNumber(), ask)
    assert len({row["id"] for row in reader.read()}) == 100
    assert not reader.paginator.is_complete(100)
    assert reader.paginator.missing(100) == (50 if count else 0)
    assert len(reader.requests) < 40


def test_a_list_is_given_up_after_some_passes_that_bring_nothing_new() -> None:
    listed = Listed(list(range(120)))

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        if isinstance(page, Page):
            page.envelope = {**page.envelope, "count": 10**18}
        return page

    reader = Reader(PageNumber(), ask)
    assert {row["id"] for row in reader.read()} == set(range(120))
    assert not reader.paginator.is_complete(120)
    assert len(reader.requests) < 30


def test_a_list_without_total_order_is_read_with_other_sizes_until_it_adds_up() -> None:
    listed = Listed([0] * 120)

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        if isinstance(page, Page) and request.position == (0, 2):
            page.rows[:5] = [dict(listed.rows[n]) for n in range(5)]
        return page

    reader = Reader(PageNumber(), ask)
    assert {row["id"] for row in reader.read()} == set(range(120))
    assert reader.paginator.count == 120


changes = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.just("edit"), st.lists(st.integers(0, 40), min_size=1, max_size=4)),
        st.tuples(st.just("delete"), st.integers(0, 40)),
        st.tuples(st.just("insert"), st.just(0)),
    ),
    max_size=25,
)


class Changing(Listed):
    """A list to which something happens before each request, or while it is answered."""

    def __init__(self, times: list[int], page_size: int, happenings: t.Iterable[t.Any]) -> None:
        super().__init__(times, page_size)
        self.happenings = list(happenings)
        self.gone: set[int] = set()
        self.calls = self.asked = 0

    def between(self) -> None:
        self.calls += 1
        if self.calls % 2:
            self.happen()

    def happen(self) -> None:
        happening = self.happenings.pop(0) if self.happenings else None
        before = {row["id"] for row in self.rows}
        if happening and happening[0] == "edit":
            self.edit(*happening[1])
        elif happening and happening[0] == "delete":
            self.delete(happening[1])
        elif happening:
            self.insert()
        self.gone |= before - {row["id"] for row in self.rows}

    def ask(self, request: PageRequest) -> Page | int:
        self.happen()
        self.asked = self.now
        return super().ask(request)

    def later(self) -> set[int]:
        """Return the rows that changed after the last page was asked for: the next run begins before them."""
        return {row["id"] for row in self.rows if row["at"] > at(self.asked)}


def picker(data: st.DataObject) -> Callable[[int], int]:
    return lambda known: data.draw(st.integers(0, max(0, min(known, 6) - 1)))


@settings(max_examples=100)
@given(
    length=st.integers(0, 20),
    size=st.integers(1, 5),
    happenings=st.lists(st.one_of(st.none(), st.tuples(st.just("delete"), st.integers(0, 20))), max_size=12),
    data=st.data(),
)
def test_numbered_pages_lose_no_row_to_deletions_without_the_reader_knowing(
    length: int, size: int, happenings: list[t.Any], data: st.DataObject
) -> None:
    listed = Changing(list(range(length)), size, happenings)
    reader = Reader(PageNumber(), listed.ask, picker(data))
    found = {row["id"] for row in reader.read()}
    stayed = set(range(length)) - listed.gone
    assert stayed <= found or not reader.paginator.is_complete(len(found))


# --- a chain of filters -----------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(times=st.lists(st.integers(0, 6), max_size=24), size=st.integers(1, 5), happenings=changes)
def test_a_keyset_chain_sees_every_row_that_stays_whatever_changes(
    times: list[int], size: int, happenings: list[t.Any]
) -> None:
    listed = Changing(times, size, happenings)
    found = {row["id"] for row in Reader(Keyset("at", "since", None), listed.ask).read()}
    assert set(range(len(times))) - listed.gone - listed.later() <= found


@settings(max_examples=150)
@given(times=st.lists(st.integers(0, 6), max_size=24), size=st.integers(1, 5), happenings=changes)
def test_after_each_page_of_a_keyset_chain_nothing_older_than_its_last_row_is_missing(
    times: list[int], size: int, happenings: list[t.Any]
) -> None:
    listed = Changing(times, size, happenings)
    written: set[tuple[int, str]] = set()
    for _, page in Reader(Keyset("at", "since", None), listed.ask).pages():
        written |= {(row["id"], row["at"]) for row in page.rows}
        if page.reached:
            older = {(row["id"], row["at"]) for row in listed.rows if row["at"] < page.reached}
            assert older <= written


@settings(max_examples=50)
@given(
    times=st.lists(st.integers(0, 6), max_size=24), size=st.integers(1, 5), since=st.integers(-1, 7), happenings=changes
)
def test_a_keyset_chain_goes_on_from_any_moment(
    times: list[int], size: int, since: int, happenings: list[t.Any]
) -> None:
    listed = Changing(times, size, happenings)
    expected = {row["id"] for row in listed.rows if row["at"] >= at(since)}
    found = {row["id"] for row in Reader(Keyset("at", "since", at(since)), listed.ask).read()}
    assert expected - listed.gone - listed.later() <= found


def test_a_keyset_chain_asks_for_the_first_page_since_the_last_row() -> None:
    listed = Listed(list(range(6)), 3)
    reader = Reader(Keyset("at", "since", None, {"a": "b"}), listed.ask)
    assert [row["id"] for row in reader.read()] == [0, 1, 2, 2, 3, 4, 4, 5]
    assert [request.params.get("since") for request in reader.requests] == [None, at(2), at(4)]
    assert {request.params["page"] for request in reader.requests} == {"1"}
    assert {(request.params["a"], request.params["ordering"]) for request in reader.requests} == {("b", "at")}


@pytest.mark.parametrize(
    ("times", "pages"),
    [
        pytest.param([0] * 9 + [1, 2], ["1", "1", "2", "3", "4", "3", "2", "1", "1"], id="in the middle"),
        pytest.param([0] * 9, ["1", "1", "2", "3", "2", "1", "3"], id="at the end of the list"),
        pytest.param([0] * 3, ["1"], id="the whole of one page"),
    ],
)
def test_a_tie_longer_than_a_page_is_read_up_and_down(times: list[int], pages: list[str]) -> None:
    reader = Reader(Keyset("at", "since", None), Listed(times, 3).ask)
    assert {row["id"] for row in reader.read()} == set(range(len(times)))
    assert [request.params["page"] for request in reader.requests] == pages


def test_edits_within_a_tie_that_shift_a_row_past_the_reader_do_not_lose_it() -> None:
    listed = Listed([0] * 6 + [1, 2, 3, 4], 2)
    edits = {4: [5], 5: [4], 6: [3], 8: [2]}

    def ask(request: PageRequest) -> Page | int:
        if len(reader.requests) in edits:
            listed.edit(*edits[len(reader.requests)])
        return listed.ask(request)

    reader = Reader(Keyset("at", "since", None), ask)
    assert {row["id"] for row in reader.read()} == set(range(10))


def test_moments_are_compared_and_not_their_texts() -> None:
    page = envelope([{"at": "2026-01-01T09:30:00Z"}, {"at": "2026-01-01T11:00:00+01:00"}], "?page=2")
    paginator = Keyset("at", "since", None)
    (first,) = paginator.first()
    (second,) = paginator.after(first, page)
    assert second.params["since"] == "2026-01-01T11:00:00+01:00"


@pytest.mark.parametrize(
    ("found", "what"),
    [
        pytest.param([{"at": at(5)}, {"at": at(4)}], "not in the order of at", id="not in order"),
        pytest.param([{"at": None}], "not in the order of at", id="no time"),
        pytest.param([{}], "not in the order of at", id="the field is missing"),
        pytest.param([{"at": 17}], "not in the order of at", id="a number"),
    ],
)
def test_rows_that_a_chain_cannot_go_on_from_are_a_broken_answer(found: list[Row], what: str) -> None:
    paginator = Keyset("at", "since", at(0))
    (first,) = paginator.first()
    with pytest.raises(BrokenAnswer, match=what):
        paginator.after(first, envelope(found, "?page=2"))


def test_a_server_that_ignores_the_filter_does_not_keep_the_chain_running() -> None:
    listed = Listed(list(range(9)), 2)

    def ask(request: PageRequest) -> Page | int:
        return listed.ask(PageRequest(request.position, {**request.params, "since": at(0)}))

    assert {row["id"] for row in Reader(Keyset("at", "since", None), ask).read()} == set(range(9))


@pytest.mark.parametrize("times", [[1, 2, 3, 4, 5], [1, 1, 1, 1, 1]])
def test_a_list_that_names_a_page_in_link_for_ever_ends_with_an_error(times: list[int]) -> None:
    listed = Listed(times, 2)

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        if isinstance(page, Page):
            page.envelope = {**page.envelope, "next": f"?page={int(str(request.params['page'])) + 1}"}
        return page

    reader = Reader(Keyset("at", "since", None), ask)
    with pytest.raises(BrokenAnswer, match="names a next one, but there is none"):
        reader.read()
    assert len(reader.requests) < 150


class Vanishing(Listed):
    """A list of which some rows that follow each other vanish at once, in the moment of that number."""

    def __init__(self, times: list[int], page_size: int, moment: int, first: int, number: int) -> None:
        super().__init__(times, page_size)
        self.moment, self.first, self.number = moment, first, number

    def between(self) -> None:
        """Count a moment, and delete if it is the one."""
        if self.moment == 0:
            self.rows.sort(key=lambda row: (row["at"], -row["id"]))
            del self.rows[self.first : self.first + self.number]
        self.moment -= 1

    def ask(self, request: PageRequest) -> Page | int:
        """Return a page; the moment before its count is one, too."""
        self.between()
        return super().ask(request)


# --- time windows -----------------------------------------------------------------------------------------------------


@settings(max_examples=150)
@given(
    times=st.lists(st.integers(0, 8), max_size=30),
    size=st.integers(1, 4),
    longest=st.integers(2, 5),
    happenings=st.lists(
        st.one_of(
            st.none(),
            st.tuples(st.just("delete"), st.integers(0, 40)),
            st.tuples(st.just("insert"), st.just(0)),
        ),
        max_size=25,
    ),
    data=st.data(),
)
def test_time_windows_lose_no_row_that_stays_in_whatever_order_pages_are_fetched(
    times: list[int], size: int, longest: int, happenings: list[t.Any], data: st.DataObject
) -> None:
    listed = Changing(times, size, happenings)
    listed.now = 10

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        if isinstance(page, Page):
            page.server_time = at(10)
        return page

    paginator = TimeWindows(
        "at", "since", None, before_parameter="until", margin=dt.timedelta(seconds=1), longest=longest
    )
    reader = Reader(paginator, ask, picker(data))
    found = {row["id"] for row in reader.read()}
    assert set(range(len(times))) - listed.gone <= found
    assert paginator.is_complete(len(found))


@settings(max_examples=100)
@given(
    times=st.lists(st.integers(0, 8), min_size=8, max_size=30),
    size=st.integers(1, 4),
    longest=st.integers(2, 6),
    swaps=st.lists(st.one_of(st.none(), st.integers(0, 8)), min_size=4, max_size=25),
    data=st.data(),
)
def test_time_windows_that_end_when_they_began_lose_no_row_to_deletions_that_new_ones_hide(
    times: list[int], size: int, longest: int, swaps: list[int | None], data: st.DataObject
) -> None:
    listed = Listed(times, size)
    listed.now = 10
    every = {row["id"] for row in listed.rows}
    gone: set[int] = set()

    def ask(request: PageRequest) -> Page | int:
        place = swaps.pop(0) if swaps else None
        if place is not None:
            before = {row["id"] for row in listed.rows}
            listed.delete(place)
            listed.insert()
            gone.update(before - {row["id"] for row in listed.rows})
        page = listed.ask(request)
        if isinstance(page, Page):
            page.server_time = at(10)
        return page

    paginator = TimeWindows(
        "at", "since", None, before_parameter="until", margin=dt.timedelta(seconds=1), longest=longest
    )
    found = {row["id"] for row in Reader(paginator, ask, picker(data)).read()}
    assert every - gone <= found


@pytest.mark.parametrize("late", range(4))
@pytest.mark.parametrize("deleted", [1, 2, 3])
def test_no_moment_of_a_deletion_and_no_order_of_answers_hides_a_row(late: int, deleted: int) -> None:
    """Rows that belong together, such as the lines of an order, go together, and have one time.

    All pages but one are asked for first. The rows go before that request or any other one, or between its
    count and its rows.
    """
    rows, size = 16, 4
    for moment, first in itertools.product(range(14), range(rows - deleted + 1)):
        listed = Vanishing([number // deleted for number in range(rows)], size, moment, first, deleted)
        listed.now = 100

        def ask(request: PageRequest, listed: Vanishing = listed) -> Page | int:
            page = listed.ask(request)
            if isinstance(page, Page):
                page.server_time = at(100)
            return page

        paginator = TimeWindows("at", "since", None, before_parameter="until", margin=dt.timedelta(seconds=10))
        reader = Reader(paginator, ask, lambda known: min(known - 1, late + 1) if known > late + 1 else 0)
        found = {row["id"] for row in reader.read()}
        assert {row["id"] for row in listed.rows} <= found, (moment, first)
        assert paginator.is_complete(len(found))


@pytest.mark.parametrize(("bound", "lost"), [({}, {4}), ({"before_parameter": "until"}, set())])
def test_a_row_deleted_and_one_sold_between_two_pages_need_the_bound(bound: Json, lost: set[int]) -> None:
    listed = Listed(list(range(9)), 2)
    listed.now = 10

    def ask(request: PageRequest) -> Page | int:
        if len(reader.requests) == 3:
            listed.delete(0)
            listed.insert()
        page = listed.ask(request)
        assert isinstance(page, Page)
        page.server_time = at(10)
        return page

    reader = Reader(TimeWindows("at", "since", None, **bound), ask)
    assert set(range(9)) - {row["id"] for row in reader.read()} == lost


def test_what_is_newer_than_the_beginning_of_a_list_makes_up_a_window_of_its_own() -> None:
    listed = Listed([*range(8), 20, 21], 2)

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        assert isinstance(page, Page)
        page.server_time = at(12)
        return page

    paginator = TimeWindows("at", "since", None, before_parameter="until", margin=dt.timedelta(seconds=2))
    reader = Reader(paginator, ask)
    assert {row["id"] for row in reader.read()} == set(range(10))
    names = ("since", "until")
    filters = [tuple(parse_time(request.params.get(name)) for name in names) for request in reader.requests]
    bound = parse_time(at(10))
    assert filters == [(None, None), *[(parse_time(at(1)), bound)] * 4, (bound, None)]


@settings(max_examples=100)
@given(
    times=st.lists(st.integers(0, 8), max_size=30),
    size=st.integers(1, 4),
    longest=st.integers(2, 30),
    happenings=st.lists(st.one_of(st.none(), st.tuples(st.just("delete"), st.integers(0, 40))), max_size=25),
    data=st.data(),
)
def test_nothing_older_than_the_time_that_a_page_has_reached_is_missing(
    times: list[int], size: int, longest: int, happenings: list[t.Any], data: st.DataObject
) -> None:
    listed = Changing(times, size, happenings)
    written: set[int] = set()
    for _, page in Reader(TimeWindows("at", "since", None, longest=longest), listed.ask, picker(data)).pages():
        written |= {row["id"] for row in page.rows}
        if page.reached:
            assert {row["id"] for row in listed.rows if row["at"] < page.reached} <= written


def test_a_count_from_before_a_deletion_and_rows_from_after_it_lose_nothing() -> None:
    class Racing(Listed):
        def between(self) -> None:
            if len(reader.requests) == 3:
                self.delete(0)

    listed = Racing(list(range(9)), 2)
    reader = Reader(TimeWindows("at", "since", None), listed.ask)
    assert set(range(1, 9)) <= {row["id"] for row in reader.read()}


def test_a_time_that_fills_more_than_a_window_is_a_window_of_its_own() -> None:
    listed = Listed([0, *[1] * 9, 2, 3], 2)

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        assert isinstance(page, Page)
        page.server_time = at(10)
        return page

    reader = Reader(TimeWindows("at", "since", None, before_parameter="until", longest=2), ask)
    assert {row["id"] for row in reader.read()} == set(range(12))
    assert reader.paginator.is_complete(12)
    untils = {request.params.get("until") for request in reader.requests}
    assert untils >= {"2026-01-01T00:00:01.000001+00:00"}


def test_reading_gets_on_although_a_row_is_deleted_at_every_request() -> None:
    listed = Changing(list(range(400)), 4, [("delete", place) for place in range(0, 300, 3)])

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        if isinstance(page, Page):
            page.server_time = at(1000)
        return page

    reader = Reader(TimeWindows("at", "since", None, before_parameter="until"), ask, lambda known: min(known, 8) - 1)
    found = {row["id"] for row in reader.read()}
    assert len(listed.gone) == 100
    assert set(range(400)) - listed.gone <= found
    assert len(reader.requests) < 3 * 400 / 4
    assert reader.paginator.is_complete(400)


@pytest.mark.parametrize("ignored", ["since", "until"])
def test_a_filter_that_the_server_ignores_is_not_used(ignored: str) -> None:
    listed = Listed(list(range(30)), 2)

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(PageRequest(request.position, {**request.params, ignored: ()}))
        if isinstance(page, Page):
            page.server_time = at(20)
        return page

    paginator = TimeWindows("at", "since", None, before_parameter="until")
    reader = Reader(paginator, ask)
    assert {row["id"] for row in reader.read()} == set(range(30))
    assert paginator.notice == f"the server ignores {ignored}"
    assert paginator.is_complete(30)
    assert len(reader.requests) < 40


def test_a_chain_whose_filter_the_server_ignores_is_read_by_numbered_pages() -> None:
    listed = Listed([n * 100_000 for n in range(9)], 2)

    def ask(request: PageRequest) -> Page | int:
        return listed.ask(PageRequest(request.position, {**request.params, "since": ()}))

    paginator = Keyset("at", "since", at(500_000))
    reader = Reader(paginator, ask)
    assert {row["id"] for row in reader.read()} == set(range(9))
    assert paginator.notice == "the server ignores since"
    assert paginator.reached is None
    assert paginator.is_complete(9)


def test_rows_without_a_time_come_too_where_there_may_be_some() -> None:
    listed = Listed(list(range(7)), 2)

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        assert isinstance(page, Page)
        if "since" not in request.params:
            number = pages_of([request])[0]
            found: list[Row] = page.rows if number < 5 else [{"id": 77, "at": None}]
            page = envelope(found, f"?page={number + 1}" if number < 5 else None, 8)
        page.server_time = at(20)
        return page

    def ask_any(request: PageRequest) -> Page | int:
        if pages_of([request]) == [5]:
            return envelope([{"id": 77, "at": None}], None, 8)
        return ask(request)

    paginator = TimeWindows("at", "since", None, before_parameter="until", may_lack_value=True)
    assert {row["id"] for row in Reader(paginator, ask_any).read()} == {*range(7), 77}
    assert paginator.is_complete(8)
    assert paginator.notice is None


def test_all_pages_of_a_window_are_known_after_its_first() -> None:
    paginator = TimeWindows("at", "since", at(0), {"a": "b"})
    (first,) = paginator.first()
    assert first.params == {"a": "b", "since": at(0), "page": "1", "page_size": "50"}
    page = envelope([{"at": at(1)}] * 50, "?page=2", 250)
    assert pages_of(paginator.after(first, page)) == [2, 3, 4, 5]


def test_after_the_longest_window_a_new_one_begins_at_its_last_row() -> None:
    reader = Reader(TimeWindows("at", "since", None, longest=2), Listed(list(range(10)), 2).ask)
    assert {row["id"] for row in reader.read()} == set(range(10))
    assert [(request.params.get("since"), request.params["page"]) for request in reader.requests] == [
        (None, "1"),
        (None, "2"),
        (at(3), "1"),
        (at(3), "2"),
        (at(6), "1"),
        (at(6), "2"),
    ]


def test_a_tie_longer_than_a_window_is_read_on_page_by_page() -> None:
    reader = Reader(TimeWindows("at", "since", at(0), longest=2), Listed([0] * 9 + [1, 2], 2).ask)
    assert {row["id"] for row in reader.read()} == set(range(11))


def test_a_deletion_before_a_page_starts_a_window_at_the_last_certain_row() -> None:
    listed = Listed(list(range(10)), 2)
    reader = Reader(TimeWindows("at", "since", None), listed.ask)

    def ask(request: PageRequest) -> Page | int:
        if request.position == (0, 3):
            del listed.rows[0]
        return listed.ask(request)

    reader.ask = ask
    assert {row["id"] for row in reader.read()} == set(range(10))
    begun = [request.params.get("since") for request in reader.requests if request.params["page"] == "1"]
    assert begun[:2] == [None, at(1)], "the second page is not certain, since nothing after it counts as many rows"


def test_a_count_that_falls_without_end_leaves_the_list_incomplete() -> None:
    def ask(request: PageRequest) -> Page:
        page = int(str(request.params["page"]))
        if page > 3:
            return envelope([{"id": 9, "at": at(0)}], None, 20)
        return envelope([{"id": page, "at": at(0)}], f"?page={page + 1}", 100 - 40 * (page - 1))

    reader = Reader(TimeWindows("at", "since", at(0)), ask)
    assert {row["id"] for row in reader.read()} == {1, 2, 3, 9}
    assert not reader.paginator.is_complete(4)
    assert len(reader.requests) <= 4 * (STANDSTILLS + 2)


@pytest.mark.parametrize("count", [1, 7, 100])
def test_a_count_that_is_never_true_ends_with_all_rows_and_a_doubt(count: int) -> None:
    listed = Listed([0, 1, 2, 3, 4], 2)

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        if isinstance(page, Page):
            page.envelope = {**page.envelope, "count": count}
            page.server_time = at(10)
        return page

    reader = Reader(TimeWindows("at", "since", None, before_parameter="until"), ask)
    assert {row["id"] for row in reader.read()} == set(range(5))
    assert not reader.paginator.is_complete(5)
    assert len(reader.requests) < 100


def test_rows_without_the_time_do_not_stop_a_window() -> None:
    listed = Listed([0, 1, 2, 3, 4, 5], 2)

    def ask(request: PageRequest) -> Page | int:
        page = listed.ask(request)
        if isinstance(page, Page):
            for row in page.rows:
                row["at"] = None
        return page

    assert {row["id"] for row in Reader(TimeWindows("at", "since", None, longest=2), ask).read()} == set(range(6))


# --- cursors ----------------------------------------------------------------------------------------------------------


def by_cursor(codes: list[object], size: int) -> Callable[[PageRequest], Page]:
    def ask(request: PageRequest) -> Page:
        since = request.params.get("since")
        start = 0 if since is None else [str(code) for code in codes].index(str(since)) + 1
        return Page([{"id": str(code), "code": code} for code in codes[start : start + size]])

    return ask


@pytest.mark.parametrize("codes", [["a", "b", "c", "d", "e"], [1, 2, 3, 4], [-1, -2, -3], [1, "x", 2]], ids=repr)
@pytest.mark.parametrize("size", [1, 2, 10])
def test_a_cursor_list_is_read_until_a_page_is_empty(codes: list[object], size: int) -> None:
    reader = Reader(Cursor("code", "since", None, {"a": "b"}), by_cursor(codes, size))
    assert [row["code"] for row in reader.read()] == codes
    assert reader.requests[0].params == {"a": "b"}
    assert reader.requests[-1].params == {"a": "b", "since": str(codes[-1])}


def test_a_cursor_list_goes_on_behind_its_bookmark() -> None:
    reader = Reader(Cursor("code", "since", "b"), by_cursor(["a", "b", "c"], 2))
    assert [row["code"] for row in reader.read()] == ["c"]


@pytest.mark.parametrize(
    "code",
    [None, "", True, 1.5, ["a"], {"a": 1}],
    ids=["null", "empty", "true", "fraction", "list", "object"],
)
def test_rows_without_a_usable_cursor_come_and_the_last_one_that_has_goes_on(code: object) -> None:
    every: list[Row] = [
        {"id": 1, "code": "a"},
        {"id": 2, "code": "b"},
        {"id": 3, "code": code},
        {"id": 4, "code": code},
    ]

    def ask(request: PageRequest) -> Page:
        start = {None: 0, "a": 1, "b": 2}[t.cast("str | None", request.params.get("since"))]
        return Page(every[start : start + 3])

    reader = Reader(Cursor("code", "since", None), ask)
    assert {row["id"] for row in reader.read()} == {1, 2, 3, 4}
    assert [request.params.get("since") for request in reader.requests] == [None, "b"]
    assert reader.paginator.reached == "b"
    assert not reader.paginator.is_complete(4), "after row 4 there may be more, and nothing leads there"


def test_a_page_of_rows_without_a_cursor_that_are_known_ends_the_list() -> None:
    every: list[Row] = [{"id": 1, "code": "a"}, {"id": 2, "code": "b"}, {"id": 3, "code": None}]

    def ask(request: PageRequest) -> Page:
        return Page(every if not request.params else every[2:])

    reader = Reader(Cursor("code", "since", None), ask)
    assert [row["id"] for row in reader.read()] == [1, 2, 3, 3]
    assert reader.paginator.is_complete(3)


@pytest.mark.parametrize(
    ("script", "since"),
    [
        pytest.param(["a", "a"], None, id="the same page again"),
        pytest.param(["a", "b", "a"], None, id="a circle"),
        pytest.param(["a"], "a", id="the bookmark again"),
        pytest.param([7, 7], None, id="a number again"),
    ],
)
def test_a_cursor_that_does_not_move_is_a_broken_answer(script: list[object], since: str | None) -> None:
    answers = iter(script)
    reader = Reader(Cursor("code", "since", since), lambda _: Page([{"code": next(answers)}]))
    with pytest.raises(BrokenAnswer, match="does not move on"):
        reader.read()


def test_a_cursor_list_that_told_of_more_rows_than_came_is_read_once_more() -> None:
    codes: list[object] = ["a", "b", "c", "d"]
    whole = by_cursor(codes, 2)

    def ask(request: PageRequest) -> Page:
        page = whole(request)
        if len(reader.requests) == 2:
            del page.rows[:]
        page.envelope = {"total": 4}
        return page

    reader = Reader(Cursor("code", "since", None), ask)
    assert {row["code"] for row in reader.read()} == set(codes)
    assert reader.paginator.count == 4


def test_page_sizes_come_one_after_another_until_none_is_left() -> None:
    sizes = PageSizes()
    found = [sizes.size]
    while sizes.advance():
        found.append(sizes.size)
    assert found == [PAGE_SIZE, *OTHER_SIZES]
    assert (sizes.advance(), sizes.size) == (False, OTHER_SIZES[-1])
