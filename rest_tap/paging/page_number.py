"""Numbered pages."""

from __future__ import annotations

import math
import typing as t

from rest_tap.errors import BrokenAnswer
from rest_tap.paging.base import PAGE_SIZE, Page, PageRequest
from rest_tap.paging.links import fingerprint, following_page

if t.TYPE_CHECKING:
    from rest_tap.request import Params
    from rest_tap.schema import Record

#: Page sizes of further passes: other borders between pages, so that other rows fall
#: on them where the server's order has ties.
OTHER_SIZES = (47, 43, 41, 37, 31, 29, 23)
#: Pages revealed at once, whatever ``count`` or ``next`` say.
PAGES_AT_ONCE = 1000


class PageNumber:
    """Numbered pages: ``?page=1&page_size=50`` → ``{"count", "next", "results"}``.

    Once the first page has told ``count``, all others are known. The last of them is
    believed only if it has no ``next``: the list may have grown, or ``count`` lied.

    Page numbers are offsets into a query that the server runs anew for every page.
    Where its order has ties, or rows vanish meanwhile, pages repeat some rows and drop
    others (docs/pretix.md, "Lists without a total order", "Page numbers while rows change").
    So the different rows are counted, and as long as they are fewer than ``count``, or
    ``count`` fell while reading, there is another pass with other page borders.
    """

    def __init__(
        self,
        params: Params | None = None,
        *,
        page_size: int = PAGE_SIZE,
    ) -> None:
        """Take the parameters of every page, and the rows to ask for at once."""
        self.ordered_by: str | None = None
        self.params = dict(params or {})
        self.sizes = (page_size, *OTHER_SIZES)
        #: The pass at hand, from 0.
        self.passes = 0
        #: How many rows the list has, as the last page said.
        self.count: int | None = None
        self._fell = False
        self._last_known = 1
        self._expected = 0
        self._before = 0

    def _request(self, number: int) -> PageRequest:
        return PageRequest(
            (self.passes, number),
            {**self.params, "page": str(number), "page_size": str(self.sizes[self.passes])},
        )

    def first(self) -> t.Sequence[PageRequest]:
        """Return the first page."""
        return [self._request(1)]

    def may_reveal_more(self, request: PageRequest) -> bool:
        """Return whether this is the last page known so far."""
        at_hand, number = request.position
        return at_hand == self.passes and number >= self._last_known

    def after(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return all further pages after the first, or one more after the last known.

        Raises:
            BrokenAnswer: ``next`` does not lead on.
        """
        number = request.position[-1]
        if not self.may_reveal_more(request):
            return []
        if page.is_bare:
            return self._after_bare(number, page)
        following = following_page(number, page)
        if following is None:
            return []
        if number == 1:
            self._expected = math.ceil((page.count or 0) / len(page.rows))
        elif number > self._expected and fingerprint(page.rows) == self._before:
            msg = f"page {number} is the same as the one before, and names a next one"
            raise BrokenAnswer(msg)
        self._before = fingerprint(page.rows)
        self._last_known = min(max(following, self._expected), number + PAGES_AT_ONCE)
        return [self._request(further) for further in range(number + 1, self._last_known + 1)]

    def _after_bare(self, number: int, page: Page) -> t.Sequence[PageRequest]:
        """Return the page after a full one; a server that does not page repeats itself there."""
        before, self._before = self._before, fingerprint(page.rows)
        if len(page.rows) < self.sizes[self.passes] or before == self._before:
            return []
        self._last_known = number + 1
        return [self._request(number + 1)]

    def ends_at(self, request: PageRequest, status: int) -> bool:
        """Return whether it is a 404 past the first page: rows went while we read."""
        return status == 404 and request.position[-1] > 1  # noqa: PLR2004

    def restart_after_drift(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest] | None:
        """Note how the count develops; what is missing is read again at the end."""
        if request.position[-1] == 1:
            self._fell = False
        elif not page.rows and not page.envelope.get("next"):
            # Rows went, or the count was never true: what is behind is not there either.
            self._fell = self.count is not None
            return []
        elif self.count is not None and page.count is not None and page.count < self.count:
            self._fell = True
        self.count = page.count if page.envelope else self.count
        return None

    def rows(self, request: PageRequest, page: Page) -> list[Record]:  # noqa: ARG002
        """Return all rows of the page."""
        return page.rows

    def next_pass(self, distinct: int) -> t.Sequence[PageRequest]:
        """Return the first page of another pass, where rows are missing."""
        complete = self.count is None or (distinct >= self.count and not self._fell)
        if complete or self.passes + 1 == len(self.sizes):
            return []
        self.passes += 1
        self._last_known = 1
        return [self._request(1)]
