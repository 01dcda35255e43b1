"""Numbered pages."""

from __future__ import annotations

import math
import typing as t

from rest_tap.errors import BrokenAnswer
from rest_tap.paging.base import Page, PageRequest, Paginator
from rest_tap.paging.links import fingerprint, fingerprint_in_any_order, following_page
from rest_tap.paging.page_size import PageSizes, is_past_end, page_number, page_params

if t.TYPE_CHECKING:
    from rest_tap.request import Params

#: Passes in a row that bring nothing new before the list is given up.
FRUITLESS_PASSES = 3
#: Passes from the last page to the first, and the longest list that is read so.
BACKWARD_PASSES = 2
BACKWARD_PAGES = 200
#: Pages revealed at once, whatever ``count`` or ``next`` say.
PAGES_AT_ONCE = 1000


class PageNumber(Paginator):
    """Numbered pages: ``?page=1&page_size=50`` → ``{"count", "next", "results"}``.

    Once the first page has given ``count``, all others are known. The last of them is
    believed only if it has no ``next``: the list may have grown, or ``count`` lied. A page
    that is not there (404) is no end, because the page before it named it.

    Page numbers are offsets into a query that the server runs anew for every page
    (docs/pretix.md, "Lists without a total order", "Page numbers while rows change").
    Where rows are deleted meanwhile, later ones move to pages that were read already. So
    where ``count`` falls or a page is gone, the pages are read once more from the last
    one to the first, towards the rows that move. Where the order has ties, pages repeat
    some rows and drop others: as long as the different rows are fewer than ``count``,
    there is another pass with other borders between pages.

    Where pages have neither ``next`` nor ``count``, there is one more until one is empty, not there,
    or the same as the one before.
    """

    def __init__(
        self, params: Params | None = None, *, keys: t.Sequence[str] = (), number_of_first_pass: int = 0
    ) -> None:
        """Take the parameters of every page.

        Args:
            params: Parameters of every page.
            keys: The fields that identify a row; without any, all of them do.
            number_of_first_pass: First part of the requests' positions, for one that goes on
                where another paginator has stopped.
        """
        self.params = dict(params or {})
        self._keys = tuple(keys)
        self._pass = number_of_first_pass
        self._sizes = PageSizes()
        self._last_known = 1
        self._expected = 0
        self._before = 0
        # Of the current pass, and of the pages that were used:
        self._backward: t.Literal["", "up", "down"] = ""
        self._fell = False
        #: Whether a page has said that it is the last one.
        self._ended = False
        self._last_page = 1
        # Of all passes:
        self._backward_passes = 0
        self._fruitless = 0
        self._distinct = 0

    def _request(self, number: int, place: int | None = None) -> PageRequest:
        return PageRequest(
            (self._pass, number if place is None else place),
            {**self.params, **page_params(number, self._sizes.size)},
        )

    def first(self) -> t.Sequence[PageRequest]:
        """Return the first page."""
        return [self._request(1)]

    def may_reveal_more(self, request: PageRequest) -> bool:
        """Return whether this is the last page known so far."""
        pass_number, place = request.position
        return pass_number == self._pass and (bool(self._backward) or place >= self._last_known)

    def after(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return all further pages after the first, or one more after the last known.

        Raises:
            BrokenAnswer: ``next`` does not lead on.
        """
        if not self.may_reveal_more(request):
            return []
        number = page_number(request)
        if self._backward:
            return self._after_backward(request.position[-1], number, page)
        if page.is_bare or page.is_silent:
            return self._after_untold(number, page)
        following = following_page(number, page)
        if following is None:
            return []
        if number == 1:
            self._expected = math.ceil((page.count or 0) / len(page.rows))
        elif number > self._expected and fingerprint(page.rows) == self._before:
            raise BrokenAnswer(f"page {number} is the same as the one before, and names a next one")
        self._before = fingerprint(page.rows)
        self._last_known = min(max(following, self._expected), number + PAGES_AT_ONCE)
        return [self._request(further) for further in range(number + 1, self._last_known + 1)]

    def _after_untold(self, number: int, page: Page) -> t.Sequence[PageRequest]:
        """Return the page after one that does not say whether there is one; a server without paging repeats page 1.

        A bare list with fewer rows than were asked for is the last one. Where there is an envelope, it is
        not known how many rows this server puts on a page.
        """
        before, self._before = self._before, fingerprint_in_any_order(page.rows, self._keys)
        if before == self._before or (page.is_bare and len(page.rows) < self._sizes.size):
            return []
        self._last_known = number + 1
        return [self._request(number + 1)]

    def _after_backward(self, place: int, number: int, page: Page) -> t.Sequence[PageRequest]:
        """Return the page before this one, or after it as long as the last one is not found."""
        following = following_page(number, page)
        if self._backward == "up" and following is not None and number < BACKWARD_PAGES:
            return [self._request(number + 1, place + 1)]
        self._backward = "down"
        return [self._request(number - 1, place + 1)] if number > 1 else []

    def ends_at(self, request: PageRequest, status: int) -> bool:
        """Return whether a further page is gone."""
        return is_past_end(request, status)

    def page_used(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest] | None:
        """Take note of how the count develops; what is missing is read again at the end."""
        number = page_number(request)
        if page.is_there:
            self._ended = self._ended or not page.envelope.get("next")
        if not self._backward:
            if number == 1:
                self._fell = False
            elif not page.is_there or (not page.rows and not page.envelope.get("next")):
                # Rows went, or the count was never true: what is behind is not there either.
                self._fell = self.count is not None
                return []
            elif self.count is not None and page.count is not None and page.count < self.count:
                self._fell = True
            self._last_page = number
        if page.is_there:
            self.count = page.count if page.envelope else self.count
        return None

    def next_pass(self, distinct: int) -> t.Sequence[PageRequest]:
        """Return the first page of another pass, where rows are missing or may be."""
        self._fruitless = self._fruitless + 1 if distinct == self._distinct else 0
        self._distinct = distinct
        if self.is_complete(distinct):
            return []
        can_turn = self._backward_passes < BACKWARD_PASSES and self._last_page <= BACKWARD_PAGES
        if (self._fell or not self._ended) and can_turn:
            self._backward_passes += 1
            return self._begin("up", self._last_page)
        is_missing = self._fell or not self._ended or self.missing(distinct)
        if not is_missing or self._fruitless >= FRUITLESS_PASSES or not self._sizes.advance():
            return []
        return self._begin("", 1)

    def _begin(self, direction: t.Literal["", "up"], number: int) -> t.Sequence[PageRequest]:
        self._pass += 1
        self._last_known = 1
        self._backward = direction
        self._fell = self._ended = False
        return [self._request(number, 1)]

    def is_complete(self, distinct: int) -> bool:
        """Return whether as many rows have come as the server counts, and none can have moved."""
        return self._ended and not self._fell and not self.missing(distinct)
