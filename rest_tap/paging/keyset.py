"""Reading on from the last value, always by the first page of a filter."""

from __future__ import annotations

import datetime as dt
import typing as t

from rest_tap.errors import BrokenAnswer
from rest_tap.paging.base import PAGE_SIZE, OnePass, Page, PageRequest
from rest_tap.paging.links import following_page
from rest_tap.times import parse_time

if t.TYPE_CHECKING:
    from rest_tap.request import Params
    from rest_tap.schema import Record

#: How often a list may name a next page without having one.
STANDSTILLS = 10
#: How often a last page may hold fewer rows than its count says.
SHORT_PAGES = 3
#: By how much a row may be older than the filter says: its time may be meant in another zone.
A_DAY = dt.timedelta(days=1)


class Keyset(OnePass):
    """Always the first page, filtered from the last value that was read.

    ``ordering=FIELD&SINCE=<value of the last row>``: no offset is involved, so nothing
    is skipped whatever changes meanwhile, and every row is a place to resume from. The
    filter is inclusive; rows that carry the last value come again, and the reader
    drops them.

    Where one value fills more than a page (a bulk edit), the filter cannot move, and a
    :class:`Tie` reads on. Rows after the tie are left to the filter that begins at the
    first of them, so that at any moment all is complete up to the last row handed out.
    """

    def __init__(
        self,
        field: str,
        since_parameter: str,
        since: str | None,
        params: Params | None = None,
    ) -> None:
        """Start after a value, or at the beginning of the list.

        Args:
            field: The field that rows are ordered by.
            since_parameter: The inclusive filter on that field.
            since: Value to start from; None reads from the first row.
            params: Parameters of every page.
        """
        self.field = self.ordered_by = field
        self.since_parameter = since_parameter
        self.since = since
        self.params = {**(params or {}), "ordering": field}
        self._tie: Tie | None = None
        self._short = self._circles = 0

    def _request(self, number: int, page: int) -> PageRequest:
        """Return a request; the second part of its position is 1 within a tie."""
        since = {} if self.since is None else {self.since_parameter: self.since}
        return PageRequest(
            (number, 0 if self._tie is None else 1),
            {**self.params, **since, "page": str(page), "page_size": str(PAGE_SIZE)},
        )

    def first(self) -> t.Sequence[PageRequest]:
        """Return the first request of the chain."""
        return [self._request(0, 1)]

    def after(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return the next link of the chain.

        Raises:
            BrokenAnswer: The rows are not in order, the filter had no effect, or ``next``
                leads nowhere.
        """
        number, page_number = request.position[0] + 1, int(str(request.params["page"]))
        more = following_page(page_number, page) is not None
        times, since = self._times(page), parse_time(self.since)
        fills = since is not None and more and (not times or times[-1] <= since)
        if self._tie is None and not fills:
            goes_on = more or self._is_short(page)
            if goes_on and page.rows:
                self.since = str(page.rows[-1][self.field])
            return [self._request(number, 1)] if goes_on else []
        tie = self._tie = self._tie or Tie()
        inside = sum(at <= t.cast("dt.datetime", since) for at in times)
        if inside < len(times):
            tie.found_after(times[inside], str(page.rows[inside][self.field]))
        turn = tie.turn(page_number, is_empty=not times, goes_on=fills)
        if turn:
            return [self._request(number, turn)]
        if not tie.is_at_end:
            self.since = tie.value_after
        elif tie.value_after is None:
            if not fills:
                return []
            self._circles += 1
            if self._circles > STANDSTILLS:
                msg = f"page {tie.top} names a next one, but there is none"
                raise BrokenAnswer(msg)
        self._tie = None
        return [self._request(number, 1)]

    def _times(self, page: Page) -> list[dt.datetime]:
        """Return the rows' values, which are in order and not before the filter.

        Raises:
            BrokenAnswer: They are not.
        """
        values = [parse_time(row.get(self.field)) for row in page.rows]
        if None in values or values != sorted(t.cast("t.Any", values)):
            msg = f"the rows are not in the order of {self.field}, so they cannot be read on from it"
            raise BrokenAnswer(msg)
        times, since = t.cast("list[dt.datetime]", values), parse_time(self.since)
        if since is not None and times and times[0] < since - A_DAY:
            msg = f"the filter {self.since_parameter} has no effect"
            raise BrokenAnswer(msg)
        return times

    def _is_short(self, page: Page) -> bool:
        """Return whether a last page has fewer rows than it counts, and is to be asked for again.

        A row was deleted in this moment, or the server left some out.

        Raises:
            BrokenAnswer: It is so again and again.
        """
        if len(page.rows) >= (page.count or 0):
            return False
        self._short += 1
        if self._short > SHORT_PAGES:
            msg = f"the last page has {len(page.rows)} rows, but a count of {page.count}"
            raise BrokenAnswer(msg)
        return True

    def rows(self, request: PageRequest, page: Page) -> list[Record]:
        """Return the rows of the page; within a tie, only those of its value."""
        if request.position[1] == 0:
            return page.rows
        value = t.cast("dt.datetime", parse_time(request.params[self.since_parameter]))
        return [row for row in page.rows if t.cast("dt.datetime", parse_time(row.get(self.field))) <= value]

    def ends_at(self, request: PageRequest, status: int) -> bool:
        """Return whether a further page of a tie is gone: its rows were edited meanwhile."""
        return status == 404 and request.params["page"] != "1"  # noqa: PLR2004


class Tie:
    """Rows with one value that fill more than a page: read page by page up, and then down.

    Editing a row removes it from the tie and shifts later rows to earlier pages, which
    a forward reader has left already (docs/pretix.md). So the last page is found going
    forward, and then the pages are read backwards, towards the rows that move.
    """

    def __init__(self) -> None:
        """Begin on the first page."""
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
