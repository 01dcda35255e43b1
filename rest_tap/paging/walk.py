"""The way through the pages of one list."""

from __future__ import annotations

import typing as t

from rest_tap.errors import BrokenAnswer

if t.TYPE_CHECKING:
    from rest_tap.paging.base import Page, PageRequest, Paginator


class Walk:
    """Which pages of a list are due, and which can be asked for ahead.

    It does no I/O and knows no threads: who uses it asks for the pages, and hands them in.
    """

    def __init__(self, paginator: Paginator) -> None:
        """Begin with what the paginator knows before any page has come."""
        self.paginator = paginator
        self._requests = list(paginator.first())
        self._looked_at: set[tuple[int, ...]] = set()
        #: Pages that were refused when they were looked at; they stay so until they are due.
        self._refused: dict[tuple[int, ...], BrokenAnswer] = {}
        #: Position of the last page that was used; and, of each request that was handed out,
        #: what it was then.
        self._last: tuple[int, ...] | None = None
        self._asked_after: dict[tuple[int, ...], tuple[int, ...] | None] = {}

    @property
    def known(self) -> t.Sequence[PageRequest]:
        """The requests that are known and not used yet, in order; the first is due."""
        return self._requests

    def hand_out(self, request: PageRequest) -> PageRequest:
        """Take note that a request is about to be sent; return it.

        It counts as asked for at the time it is handed out for the first time: send it then or later, never before.
        """
        self._asked_after.setdefault(request.position, self._last)
        return request

    def look(self, request: PageRequest, page: Page) -> bool:
        """Take from a page, as soon as it is there, which requests follow from it; return whether there are any.

        Raises:
            BrokenAnswer: The page contradicts itself, or the pages before it; looking again raises the same.
        """
        if request.position in self._looked_at or request not in self._requests:
            return False
        if request.position in self._refused:
            raise self._refused[request.position]
        try:
            revealed = self.paginator.after(request, page)
        except BrokenAnswer as error:
            self._refused[request.position] = error
            raise
        self._looked_at.add(request.position)
        place = self._requests.index(request) + 1
        self._requests[place:place] = revealed
        return bool(revealed)

    def admit(self, page: Page) -> bool:
        """Use the page that is due; its rows are then those that count.

        Returns:
            Whether it counts. If not, rows moved on the server, and all requests are others.

        Raises:
            BrokenAnswer: The page contradicts itself, or the pages before it.
        """
        request = self._requests[0]
        page.asked_after = self._asked_after.get(request.position, self._last)
        self.look(request, page)
        instead = self.paginator.page_used(request, page)
        if instead is not None:
            self._requests = list(instead)
            self._looked_at.clear()
            self._refused.clear()
            self._asked_after.clear()
            return False
        del self._requests[0]
        self._looked_at.discard(request.position)
        self._asked_after.pop(request.position, None)
        self._last = request.position
        page.rows = self.paginator.take_rows(request, page)
        page.reached = self.paginator.reached
        return True

    def go_on(self, distinct: int) -> bool:
        """Return whether there is more to read, perhaps in another pass.

        Args:
            distinct: How many different rows have come so far.
        """
        if not self._requests:
            self._requests = list(self.paginator.next_pass(distinct))
        return bool(self._requests)
