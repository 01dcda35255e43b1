"""Numbered pages within windows of a time that rows never change."""

from __future__ import annotations

import datetime as dt
import math
import typing as t

from rest_tap.errors import BrokenAnswer
from rest_tap.paging.base import PAGE_SIZE, OnePass, Page, PageRequest
from rest_tap.paging.keyset import STANDSTILLS
from rest_tap.paging.links import following_page
from rest_tap.paging.page_number import PAGES_AT_ONCE
from rest_tap.times import parse_time

if t.TYPE_CHECKING:
    from rest_tap.request import Params


class TimeWindows(OnePass):
    """Numbered pages of a list ordered by a time that rows never change.

    All pages of a window can be asked for at once, unlike a :class:`Keyset`. What can
    shift them is only a deleted row, and the server tells by a smaller ``count``: then,
    wherever pages do not add up to their ``count`` or repeat what was read, and after
    every ``longest`` pages (deep offsets are slow on the server), a new window begins
    at the last row that is certain.

    New rows would hide deleted ones from the count. So, where the API has a filter for
    it, the first page is a window of its own, and what follows is bounded by the
    server's time on it; rows that are newer still make up a last window. What that one
    loses has to be read again some other time.
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
    ) -> None:
        """Start from a moment, or at the beginning of the list.

        Args:
            field: The time that the list is ordered by, in its default order.
            since_parameter: The inclusive filter on that field.
            since: Value to start from; None reads from the first row.
            params: Parameters of every page.
            before_parameter: The exclusive upper bound of that field, if there is one.
            margin: How long before the server's time no new row is to be expected.
            longest: Pages of one window.
        """
        self.field = self.ordered_by = field
        self.since_parameter = since_parameter
        self.params = dict(params or {})
        self.longest = longest
        self.before_parameter = before_parameter
        self.margin = margin
        self._since = since
        #: Where new rows begin, once that is known, and whether this window ends there.
        self._bound: dt.datetime | None = None
        self._is_bounded = False
        self._window = 0
        self._last_known = 1
        self._stuck = 0
        # Of the rows already handed out, in their order:
        self._counted: int | None = None
        self._size = 0
        self._certain: object = since
        #: Where the last window began because rows were missing, and how often in a row it did.
        self._begun_at: object = since

    def _request(self, number: int) -> PageRequest:
        since = {} if self._since is None else {self.since_parameter: self._since}
        if self._is_bounded and self._bound is not None:
            since[self.before_parameter] = self._bound.isoformat()
        return PageRequest(
            (self._window, number),
            {**self.params, **since, "page": str(number), "page_size": str(PAGE_SIZE)},
        )

    def _begin(self, since: object) -> t.Sequence[PageRequest]:
        self._since = None if since is None else str(since)
        start = parse_time(since)
        self._is_bounded = self._bound is not None and (start is None or start < self._bound)
        self._window += 1
        self._last_known = 1
        return [self._request(1)]

    def first(self) -> t.Sequence[PageRequest]:
        """Return the first page of the first window."""
        return [self._request(1)]

    def may_reveal_more(self, request: PageRequest) -> bool:
        """Return whether this is the last page known so far."""
        window, number = request.position
        return window == self._window and number >= self._last_known

    def after(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return the rest of the window after its first page, or the next window.

        Raises:
            BrokenAnswer: ``next`` does not lead on.
        """
        number = request.position[-1]
        following = following_page(number, page)
        if not self.may_reveal_more(request):
            return []
        if following is None:
            return self._begin(self._bound.isoformat()) if self._is_bounded and self._bound else []
        last = page.rows[-1].get(self.field)
        if self._bound is None and self.before_parameter:
            began = parse_time(page.server_time) or t.cast("dt.datetime", parse_time(page.received))
            self._bound = (began - self.margin).astimezone(dt.timezone.utc)
            if last is not None:
                return self._begin(last)
        if number >= self.longest and last is not None and last != self._since:
            return self._begin(last)
        if number == 1 and page.count:
            pages = math.ceil(page.count / len(page.rows))
            self._last_known = min(max(following, pages), self.longest)
        else:
            self._last_known = min(following, number + PAGES_AT_ONCE)
        return [self._request(further) for further in range(number + 1, self._last_known + 1)]

    def ends_at(self, request: PageRequest, status: int) -> bool:
        """Return whether a page is gone because rows before it were deleted."""
        return status == 404 and request.position[-1] > 1  # noqa: PLR2004

    def restart_after_drift(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest] | None:
        """Return a new window from the last certain row, if rows are missing behind it.

        Raises:
            BrokenAnswer: That leads nowhere, again and again: the count is not true. Or the
                rows are in another order, so that there is no place to go on from.
        """
        number = request.position[-1]
        if number == 1:
            self._counted, self._size = page.count, len(page.rows)
        times = [at for row in page.rows if (at := parse_time(row.get(self.field))) is not None]
        if times != sorted(times):
            msg = f"the rows are not in the order of {self.field}, so they cannot be read on from it"
            raise BrokenAnswer(msg)
        certain = parse_time(self._certain)
        if (certain is not None and times and times[0] < certain) or not self._adds_up(number, page):
            self._stuck = self._stuck + 1 if self._certain == self._begun_at else 0
            self._begun_at = self._certain
            if self._stuck > STANDSTILLS:
                msg = "the count of rows falls with each page or is too large, but no row is missing"
                raise BrokenAnswer(msg)
            return self._begin(self._certain)
        if page.rows:
            self._certain = page.rows[-1].get(self.field)
        return None

    def _adds_up(self, number: int, page: Page) -> bool:
        """Return whether the pages of a window hold all rows so far, as their count tells."""
        if self._counted is None:
            return True
        if page.count is None or page.count < self._counted:
            return False
        if page.envelope.get("next"):
            return len(page.rows) >= self._size
        return (number - 1) * self._size + len(page.rows) >= page.count
