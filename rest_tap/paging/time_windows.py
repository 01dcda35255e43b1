"""Numbered pages within windows of a time that rows never change."""

from __future__ import annotations

import collections
import datetime as dt
import itertools
import math
import typing as t

from rest_tap.paging.base import Page, PageRequest
from rest_tap.paging.filtered import FilteredPaginator
from rest_tap.paging.keyset import STANDSTILLS
from rest_tap.paging.links import following_page
from rest_tap.paging.page_number import PAGES_AT_ONCE
from rest_tap.paging.page_size import page_params
from rest_tap.times import format_with_offset, parse_time
from rest_tap.typed import column

if t.TYPE_CHECKING:
    from rest_tap.request import Params
    from rest_tap.schema import Record

#: The smallest difference between two times on the server.
INSTANT = dt.timedelta(microseconds=1)
#: Windows of one page after rows have moved, at most.
MAX_SMALL_WINDOWS = 32


class TimeWindows(FilteredPaginator):
    """Numbered pages of a list ordered by a time that rows never change.

    All pages of a window can be asked for at once, unlike a :class:`Keyset`. What can shift
    them is only a deleted row, if the window is closed to new ones: so, where the API has a
    filter for it, the first page is a window of its own, and what follows is bounded by the
    server's time on it. Rows that are newer make up a last window; what that one loses has
    to be read again some other time.

    The first page of a window is certain. The number of rows in a closed window can only
    fall. So a further page is certain when a page that was asked for after it had come still
    has the same count as the first; or when, at the end of the window, as many different
    rows have come. (A page's own number proves nothing: it is counted before its rows are looked up.)
    Where the numbers differ, a new window begins at the last row that is certain. It is one
    page long, so that reading gets on however many rows are deleted; if that goes well, the
    windows grow again. A time that fills more than a window is a window of its own.

    Attributes:
        reached: The time up to which all is certain; rows beyond it may have been handed out.
    """

    def __init__(  # noqa: PLR0913 - a filter each
        self,
        field: str,
        since_parameter: str,
        since: str | None,
        params: Params | None = None,
        *,
        before_parameter: str = "",
        margin: dt.timedelta = dt.timedelta(0),
        longest: int = 200,
        keys: t.Sequence[str] = ("id",),
        may_lack_value: bool = False,
    ) -> None:
        """Start from a moment, or at the beginning of the list.

        Args:
            field: The time that the list is ordered by.
            since_parameter: The inclusive filter on that field.
            since: Value to start from; None reads from the first row.
            params: Parameters of every page.
            before_parameter: The exclusive upper bound of that field, if there is one.
            margin: How long before the server's time no new row is to be expected.
            longest: Pages of one window; deep offsets are slow on the server.
            keys: The fields that identify a row of the list.
            may_lack_value: Whether there may be rows without the time, which no filter shows.
        """
        super().__init__(field, since_parameter, since, dict(params or {}), may_lack_value=may_lack_value)
        self.before_parameter = before_parameter
        self.margin = margin
        self._keys = tuple(keys)
        # As pages arrive, of the window that was revealed last:
        self._longest, self._length = longest, longest
        #: How many windows of one page are still to come, and how many there were after rows moved last: twice as many
        #: follow when they move again.
        self._small_windows, self._last_small_windows = 0, 1
        self._window = 0
        self._last_known = 1
        self._before: dt.datetime | None = None
        self._is_tie = False
        #: Where new rows begin, once that is known.
        self._bound: dt.datetime | None = None
        self.last = self._request(1)
        # As pages are used, of the current window:
        self._counts = Counts()
        self._is_uncertain = False
        self._stuck = 0
        #: Where the last window began because rows were missing.
        self._begun_at: object = object()

    def _request(self, number: int) -> PageRequest:
        params = {**self.params}
        if self.since is not None:
            params[self.since_parameter] = self.since
        if self._before is not None:
            params[self.before_parameter] = format_with_offset(self._before)
        self.last = PageRequest((self._window, number), {**params, **page_params(number)})
        return self.last

    def first(self) -> t.Sequence[PageRequest]:
        """Return the first page of the first window."""
        return [self.last]

    def may_reveal_more(self, request: PageRequest) -> bool:
        """Return whether this is the last page known so far."""
        if self.unfiltered is not None:
            return self.unfiltered.may_reveal_more(request)
        window, number = request.position
        return window == self._window and number >= self._last_known

    # As pages arrive

    def after_filtered(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return the rest of the window after its first page, or the next window.

        Raises:
            BrokenAnswer: ``next`` does not lead on.
        """
        number = request.position[-1]
        following = following_page(number, page)
        if not self.may_reveal_more(request):
            return []
        if following is None:
            return self._begin_after_end(page)
        last = page.rows[-1].get(self.field)
        if self._bound is None and self.before_parameter:
            began = parse_time(page.server_time) or t.cast("dt.datetime", parse_time(page.received))
            self._bound = (began - self.margin).astimezone(dt.timezone.utc)
            if last is not None:
                return self._begin(last)
        if page.count is None:
            # Nothing but the first page of a window would be certain.
            self._length = 1
        if number >= self._length and last is not None and not self._is_tie:
            if last != self.since:
                return self._begin_next(last)
            if self.before_parameter:
                return self._begin(last, is_tie=True)
        length = self._longest if self._is_tie else self._length
        if number == 1 and page.count and length > 1:
            pages = math.ceil(page.count / len(page.rows))
            self._last_known = min(max(following, pages), length)
        else:
            self._last_known = min(following, number + PAGES_AT_ONCE)
        return [self._request(further) for further in range(number + 1, self._last_known + 1)]

    def _begin(self, since: object, *, is_tie: bool = False) -> t.Sequence[PageRequest]:
        """Return the first page of a new window."""
        self.since = None if since is None else str(since)
        start = parse_time(since)
        self._is_tie = is_tie
        if is_tie:
            self._before = t.cast("dt.datetime", start) + INSTANT
        else:
            is_bounded = self._bound is not None and (start is None or start < self._bound)
            self._before = self._bound if is_bounded else None
        self._window += 1
        self._last_known = 1
        return [self._request(1)]

    def _begin_next(self, since: object) -> t.Sequence[PageRequest]:
        """Return the first page of the window after one in which no row moved."""
        if self._small_windows:
            self._small_windows -= 1
        else:
            self._last_small_windows = max(1, self._last_small_windows // 2)
            self._length = min(self._longest, self._length * 2)
        return self._begin(since)

    def _begin_after_end(self, page: Page) -> t.Sequence[PageRequest]:
        """Return the first page of the window that begins where a bounded one ends."""
        if self._before is None or not page.is_there:
            return []
        return self._begin(format_with_offset(self._before))

    # As pages are used

    def filtered_page_used(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest] | None:
        """Return a new window from the last certain row, if rows may be missing after it.

        Raises:
            BrokenAnswer: The rows are in another order, so that there is no place to go on from.
        """
        values = [parse_time(value) for value in column(page.rows, self.field)]
        times = [at for at in values if at is not None]
        self._check_order(times)
        since = parse_time(request.params.get(self.since_parameter))
        before = parse_time(request.params.get(self.before_parameter))
        if since is not None and times and request.position[-1] == 1 and times[0] < since:
            return self.without_filter(request, f"the server ignores {self.since_parameter}")
        if before is not None and times and times[-1] > before:
            # Without a bound, only pages that begin at a filter are certain.
            self.notice = f"the server ignores {self.before_parameter}"
            self.before_parameter, self._bound, self._longest = "", None, 1
            return self._restart()
        if request.position[-1] > 1:
            has_moved = self._counts.has_moved(page, times) or self._counts.repeats(page, values)
        else:
            self._whole = page.count if since is None else self._whole
            has_moved = not self._counts.agree_with(page, before)
            if not has_moved:
                self._counts = Counts(page, before, self._keys)
        lacking = 0 if page.envelope.get("next") else self._counts.lacking(page)
        if has_moved or lacking:
            instead = self._restart()
            if instead:
                return instead
            self._missing += lacking
            self._is_uncertain = True
        self._counts.add(request, page, self.field, times, values)
        certain = self._counts.take_certain(page)
        if certain is not None and not self._is_uncertain:
            self.reached = certain
        return None

    def _restart(self) -> t.Sequence[PageRequest]:
        """Return a new window that begins at the last certain row; nothing if that does not help."""
        self._stuck = self._stuck + 1 if self.reached == self._begun_at else 0
        self._begun_at = self.reached
        if self._stuck > STANDSTILLS:
            return []
        self._length = 1
        self._small_windows = self._last_small_windows = min(MAX_SMALL_WINDOWS, self._last_small_windows * 2)
        self._counts = Counts()
        return self._begin(self.reached)

    def is_complete(self, distinct: int) -> bool:
        """Return whether it is certain that all rows have come."""
        return not self._is_uncertain and super().is_complete(distinct)


class Counts:
    """How many rows of a window there are and have come, and which of its pages are certain."""

    def __init__(self, page: Page | None = None, before: dt.datetime | None = None, keys: t.Sequence[str] = ()) -> None:
        """Begin with the first page of a window; without one, nothing is known."""
        self._keys = keys
        self._count = page.count if page else None
        self._size = len(page.rows) if page else 0
        self._before = before
        #: Rows that have come, and how many of them are older than the last one.
        self._rows = self._older = 0
        self._last_time: dt.datetime | None = None
        #: The value of the last row, and the keys of all that have come with it.
        self._last_value: dt.datetime | None = None
        self._at_edge: set[tuple[str, ...]] = set()
        #: Pages that are not certain yet: their positions and last values.
        self._open: collections.deque[tuple[tuple[int, ...], str]] = collections.deque()

    def agree_with(self, page: Page, before: dt.datetime | None) -> bool:
        """Return whether this window lacks no row, as the first page of the one after it shows.

        That page counts the rows that are left; the difference has to have come here.
        """
        if not self._open or self._count is None or page.count is None or before != self._before:
            return not self._open
        return self._count - page.count <= self._older

    def has_moved(self, page: Page, times: list[dt.datetime]) -> bool:
        """Return whether a further page shows that rows moved."""
        if not page.is_there or (page.count or 0) < (self._count or 0):
            return True
        if self._last_time is not None and times and times[0] < self._last_time:
            return True
        return bool(page.envelope.get("next")) and self._count is not None and len(page.rows) < self._size

    def repeats(self, page: Page, values: list[dt.datetime | None]) -> bool:
        """Return whether a row of a further page has come before, so that others moved past it unseen.

        A page that was asked for before rows were deleted can bring the same rows as the page before it,
        asked for later, and the number of rows is right. Rows are in order, so it is enough to look at those
        with the last value.
        """
        first = itertools.takewhile(lambda pair: pair[1] == self._last_value, zip(page.rows, values, strict=True))
        return any(self._key(row) in self._at_edge for row, _ in first)

    def _key(self, row: Record) -> tuple[str, ...]:
        return tuple(repr(row.get(key)) for key in self._keys)

    def lacking(self, page: Page) -> int:
        """Return how many rows are missing, if this is the last page of the window."""
        expected = page.count or 0
        if self._before is not None:
            expected = max(expected, self._count or 0)
        return max(0, expected - self._rows - len(page.rows))

    def add(
        self,
        request: PageRequest,
        page: Page,
        field: str,
        times: list[dt.datetime],
        values: list[dt.datetime | None],
    ) -> None:
        """Take a page in; ``values`` are those of its rows, and ``times`` the same without None."""
        if times:
            with_last = times.count(times[-1])
            if times[-1] != self._last_time or with_last < len(times):
                self._older = self._rows + len(times) - with_last
            self._last_time = times[-1]
        self._rows += len(page.rows)
        if values:
            last = values[-1]
            if last != self._last_value:
                self._at_edge, self._last_value = set(), last
            backwards = zip(reversed(page.rows), reversed(values), strict=True)
            self._at_edge.update(
                self._key(row) for row, _ in itertools.takewhile(lambda pair: pair[1] == last, backwards)
            )
        value = page.rows[-1].get(field) if page.rows else None
        if value is not None:
            self._open.append((request.position, str(value)))

    def take_certain(self, page: Page) -> str | None:
        """Close the pages that this one makes certain; return the last value on them, or None if there are none."""
        value = None
        if not page.envelope.get("next"):
            upto = self._open[-1][0] if self._open else None
        elif len(self._open) == 1 and self._open[0][0][-1] == 1:
            upto = self._open[0][0]
        elif self._count is not None and page.count == self._count:
            upto = page.asked_after
        else:
            upto = None
        while upto is not None and self._open and self._open[0][0] <= upto:
            value = self._open.popleft()[1]
        return value
