"""Keyset paging: the filter moves on with the last value, and only its first page is asked for."""

from __future__ import annotations

import datetime as dt
import typing as t

from rest_tap.errors import BrokenAnswer
from rest_tap.paging.base import Page, PageRequest
from rest_tap.paging.filtered import FilteredPaginator
from rest_tap.paging.links import following_page
from rest_tap.paging.page_size import PageSizes, page_number, page_params
from rest_tap.times import parse_time
from rest_tap.typed import column

if t.TYPE_CHECKING:
    from rest_tap.request import Params
    from rest_tap.schema import Record

#: How often a list may name a next page without having one.
STANDSTILLS = 10
#: How often a last page may hold fewer rows than its count says.
SHORT_PAGES = 3
#: By how much a row may be older than the filter says: its time may be meant in another zone.
ZONE_TOLERANCE = dt.timedelta(days=1)


class Keyset(FilteredPaginator):
    """Always the first page, filtered from the last value that was read.

    ``ordering=FIELD&SINCE=<value of the last row>``: no offset is involved, so nothing
    is skipped whatever changes meanwhile, and every row is a place to resume from. The
    filter is inclusive; rows that carry the last value come again, and the reader
    drops them.

    Where one value fills more than a page (a bulk edit), the filter cannot move, and a
    :class:`Tie` reads on. Rows after the tie are left to the filter that begins at the
    first of them, so that at any moment all is complete up to the last row handed out.
    """

    def __init__(  # noqa: PLR0913 - a fact each
        self,
        field: str,
        since_parameter: str,
        since: str | None,
        params: Params | None = None,
        *,
        tie_breaker: str = "",
        keys: t.Sequence[str] = ("id",),
    ) -> None:
        """Start after a value, or at the beginning of the list.

        Args:
            field: The field that rows are ordered by.
            since_parameter: The inclusive filter on that field.
            since: Value to start from; None reads from the first row.
            params: Parameters of every page.
            tie_breaker: The field that orders rows with one value, where the API does not order them by itself.
            keys: The fields that identify a row of the list.
        """
        ordering = f"{field},{tie_breaker}" if tie_breaker else field
        super().__init__(field, since_parameter, since, {**(params or {}), "ordering": ordering})
        self._keys = tuple(keys)
        self._tie: Tie | None = None
        #: The tie that was read last, until the page after it has come.
        self._passed_tie: Tie | None = None
        #: Requests whose rows come again.
        self._void: set[tuple[int, ...]] = set()
        #: Whether rows of a tie are missing, so that all is only certain up to it.
        self._is_stuck = False
        self._short = self._circles = 0

    def _request(self, link: int, page: int) -> PageRequest:
        """Return a link of the chain; the second part of its position is 1 within a tie."""
        since = {} if self.since is None else {self.since_parameter: self.since}
        paging = page_params(page) if self._tie is None else page_params(page, self._tie.sizes.size)
        self.last = PageRequest(
            (link, 0 if self._tie is None else 1),
            {**self.params, **since, **paging},
        )
        return self.last

    def first(self) -> t.Sequence[PageRequest]:
        """Return the first request of the chain."""
        return [self._request(0, 1)]

    def after_filtered(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return the next link of the chain.

        Raises:
            BrokenAnswer: The rows are not in order, or ``next`` leads nowhere.
        """
        link, number = request.position[0] + 1, page_number(request)
        more = following_page(number, page) is not None
        times, since = self._times(page), parse_time(self.since)
        if self._is_ignored(since, page):
            return []
        if self._tie is None and self._go_back_to(self._passed_tie, page.count or 0):
            # The tie before this page did not come whole: back to it, with other page borders.
            self._void.add(request.position)
            return [self._request(link, 1)]
        fills = since is not None and more and (not times or times[-1] <= since)
        if self._tie is None and not fills:
            goes_on = more or self._ask_again(page)
            if goes_on and page.rows:
                self.since = str(page.rows[-1][self.field])
            return [self._request(link, 1)] if goes_on else []
        return self._after_tied(link, number, page, times, fills=fills)

    def _after_tied(
        self, link: int, number: int, page: Page, times: list[dt.datetime], *, fills: bool
    ) -> t.Sequence[PageRequest]:
        """Return the next page of a tie, or of what is after it.

        Raises:
            BrokenAnswer: ``next`` leads nowhere.
        """
        since = t.cast("dt.datetime", parse_time(self.since))
        tie = self._tie = self._tie or Tie(t.cast("str", self.since))
        inside = sum(at <= since for at in times)
        tie.add(number, page, page.rows[:inside], self._keys)
        if inside < len(times):
            tie.found_after(times[inside], str(page.rows[inside][self.field]))
        turn = tie.turn(number, is_empty=not times, goes_on=fills)
        if turn:
            return [self._request(link, turn)]
        self._tie = None
        if not tie.is_at_end:
            self._passed_tie = tie
            self.since = tie.value_after
        elif tie.value_after is None:
            if not fills:
                return [self._request(link, 1)] if self._go_back_to(tie, 0) else []
            self._circles += 1
            if self._circles > STANDSTILLS:
                raise BrokenAnswer(f"page {tie.top} names a next one, but there is none")
        return [self._request(link, 1)]

    def _go_back_to(self, tie: Tie | None, rows_after: int) -> bool:
        """Go back to a tie that did not come whole; return whether it is read again.

        Where reading it again has not helped, its rows are counted as missing.

        Args:
            tie: The tie that was read to its end, if there is one.
            rows_after: How many rows are after it.
        """
        self._passed_tie = None
        if tie is None or tie.count is None:
            return False
        lacking = tie.count - rows_after - len(tie.seen)
        if lacking <= 0:
            return False
        if tie.read_again():
            self._tie, self.since = tie, tie.value
            return True
        self._missing += lacking
        self._is_stuck = True
        return False

    def _is_ignored(self, since: dt.datetime | None, page: Page) -> bool:
        """Return whether the rows begin before the filter."""
        first = parse_time(page.rows[0].get(self.field)) if page.rows else None
        return since is not None and first is not None and first < since - ZONE_TOLERANCE

    def _times(self, page: Page) -> list[dt.datetime]:
        """Return the rows' values, which are in order.

        Raises:
            BrokenAnswer: They are not.
        """
        values = [parse_time(value) for value in column(page.rows, self.field)]
        self._check_order(values)
        return t.cast("list[dt.datetime]", values)

    def _ask_again(self, page: Page) -> bool:
        """Return whether to ask again for a last page that has fewer rows than it counts, and count how often.

        A row was deleted at that moment, or the server left some out. If the page stays short,
        its rows are counted as missing.
        """
        lacking = (page.count or 0) - len(page.rows)
        if lacking <= 0:
            return False
        self._short += 1
        if self._short <= SHORT_PAGES:
            return True
        self._missing += lacking
        self._is_stuck = True
        return False

    def filtered_page_used(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest] | None:
        """Return the requests of the whole list, if the server ignores the filter."""
        since = parse_time(request.params.get(self.since_parameter))
        if not self._is_ignored(since, page):
            return None
        return self.without_filter(request, f"the server ignores {self.since_parameter}")

    def take_filtered_rows(self, request: PageRequest, page: Page) -> list[Record]:
        """Return the rows of the page; within a tie, only those of its value."""
        if request.position in self._void:
            self._void.discard(request.position)
            return []
        rows = page.rows
        if request.position[1]:
            value = t.cast("dt.datetime", parse_time(request.params[self.since_parameter]))
            rows = [row for row in rows if t.cast("dt.datetime", parse_time(row.get(self.field))) <= value]
        if rows and not self._is_stuck:
            self.reached = str(rows[-1][self.field])
        return rows


class Tie:
    """Rows with one value that fill more than a page: read page by page up, and then down.

    Editing a row removes it from the tie and shifts later rows to earlier pages, which
    a forward reader has left already (docs/pretix.md). So the last page is found going
    forward, and then the pages are read backwards, towards the rows that move. Where the
    server has no order among them, pages repeat some and drop others, so they are counted.
    """

    def __init__(self, value: str) -> None:
        """Begin on the first page."""
        self.value = value
        #: Which of its rows have come, by the hashes of their keys.
        self.seen: set[int] = set()
        #: How many rows there are from the tie on, by the count of its first page, as of the last time.
        self.count: int | None = None
        self.sizes = PageSizes()
        self._begin()

    def _begin(self) -> None:
        #: The last page that has rows of the tie, as far as seen.
        self.top = 1
        #: The first value after the tie, as far as seen.
        self.value_after: str | None = None
        self._time_after: dt.datetime | None = None
        self._way: t.Literal["up", "down", "end"] = "up"

    @property
    def is_at_end(self) -> bool:
        """Whether the list seemed to end in the tie, so that its last page was looked at again."""
        return self._way == "end"

    def read_again(self) -> bool:
        """Begin once more with other borders between pages; return whether there are some left."""
        if not self.sizes.advance():
            return False
        self._begin()
        return True

    def add(self, number: int, page: Page, rows: list[Record], keys: tuple[str, ...]) -> None:
        """Take note of the rows of a page that are within the tie."""
        self.seen.update(hash(repr([row.get(key) for key in keys])) for row in rows)
        if number == 1:
            self.count = page.count

    def found_after(self, time: dt.datetime, value: str) -> None:
        """Take note of the first row of a page that is after the tie."""
        if self._time_after is None or time < self._time_after:
            self._time_after, self.value_after = time, value

    def turn(self, page: int, *, is_empty: bool, goes_on: bool) -> int:
        """Return the page to ask for next; 0 when the tie is read.

        Args:
            page: The page that has come.
            is_empty: Whether it had no rows.
            goes_on: Whether there is another page, and this one ends within the tie.
        """
        self.top = max(self.top, page - 1 if is_empty else page)
        if self._way == "up":
            if goes_on:
                return page + 1
            self._way = "down"
        if self._way == "down":
            if page > 1:
                return page - 1
            if self.value_after is None:
                # The list ends in this tie. Rows that were edited meanwhile stand after it.
                self._way = "end"
                return self.top
        return 0
