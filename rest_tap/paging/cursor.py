"""A cursor: the last row of a page says where the next one begins."""

from __future__ import annotations

import typing as t

from rest_tap.errors import BrokenAnswer
from rest_tap.paging.base import Page, PageRequest, Paginator
from rest_tap.typed import column

if t.TYPE_CHECKING:
    from rest_tap.schema import Record


class Cursor(Paginator):
    """``since`` = the cursor of the last row read; the list ends with an empty page.

    Rows may have no cursor: then the last one that has goes on, the rows after it come
    again, and a page that brings nothing else ends the list.

    Where pages have the ``total`` of the list, a list with fewer rows is read
    once more from its beginning. A reading that goes on from a bookmark came short if
    ``total`` has grown by more than what came; it is not complete either as long as rows
    are missing that an earlier reading did not get.
    """

    def __init__(  # noqa: PLR0913 - a fact each
        self,
        field: str,
        parameter: str,
        since: str | None,
        params: t.Mapping[str, str] | None = None,
        *,
        total: int | None = None,
        missing: int = 0,
        keys: t.Sequence[str] = ("id",),
    ) -> None:
        """Start after a cursor, or at the beginning.

        Args:
            field: The field of the last row that holds the cursor.
            parameter: The query parameter that takes it.
            since: Cursor to start from; None reads from the first row.
            params: Parameters of every page.
            total: The list's ``total`` when ``since`` was its last row, if it is known.
            missing: How many rows of that ``total`` had not come.
            keys: The fields that identify a row of the list.
        """
        self.field = field
        self.parameter = parameter
        self.params = dict(params or {})
        self.since = since
        self._keys = tuple(keys)
        #: The rows without a cursor at the end of the page before.
        self._left: set[str] = set()
        #: Cursors that were used, by position, until their page is used.
        self._reached: dict[tuple[int, ...], str] = {}
        self._cannot_go_on = False
        #: The ``total`` of the last page that had one.
        self.total: int | None = None
        #: Whether the list came from its beginning, though it was to go on from a cursor.
        self.restarted = False
        #: How many rows of the list have come up to the last page that was used, where that is known.
        self.rows_passed: int | None = 0 if since is None else None if total is None else total - missing
        #: How many rows of ``total`` had not come when the last reading ended.
        self.rows_missing = 0
        self._resumed = since is not None
        self._total_before = total
        self._missing_before = missing
        self._passed: set[int] = set()
        self._pass = 0

    def _request(self, number: int) -> PageRequest:
        since = {} if self.since is None else {self.parameter: self.since}
        return PageRequest((self._pass, number), {**self.params, **since})

    def first(self) -> t.Sequence[PageRequest]:
        """Return the first request of the chain."""
        return [self._request(0)]

    def after(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return the request after the last row, or nothing after an empty page.

        Raises:
            BrokenAnswer: The last cursor was passed before, which would go on for ever.
        """
        total = page.envelope.get("total")
        if isinstance(total, int) and not isinstance(total, bool):
            self.total = total
            if not self._resumed:
                self.count = total
            elif self._missing_before and self._total_before is not None:
                self.count = max(0, self._missing_before + total - self._total_before)
        if not page.rows:
            return []
        cursors = column(page.rows, self.field)
        place = next((at for at in range(len(cursors) - 1, -1, -1) if _is_usable(cursors[at])), -1)
        left = {repr([row.get(key) for key in self._keys]) for row in page.rows[place + 1 :]}
        if place < 0:
            # Where rows came that were not there before, there may be more after them.
            self._cannot_go_on = not left <= self._left
            return []
        self._left = left
        cursor = cursors[place]
        if str(cursor) == self.since or hash(str(cursor)) in self._passed:
            raise BrokenAnswer(f"the cursor {self.field} does not move on")
        self.since = str(cursor)
        # Numbers of 8 bytes and not the texts: there is one for each page of the run.
        self._passed.add(hash(self.since))
        self._reached[request.position] = self.since
        return [self._request(request.position[-1] + 1)]

    def take_rows(self, request: PageRequest, page: Page) -> list[Record]:
        """Return all rows of the page; its cursor is then reached."""
        self.reached = self._reached.pop(request.position, self.reached)
        if self.rows_passed is not None:
            self.rows_passed += len(page.rows)
        return page.rows

    def next_pass(self, distinct: int) -> t.Sequence[PageRequest]:
        """Return the first request once more, if the server counts more rows than came."""
        self.rows_missing = self.missing(distinct)
        if self._pass or self.total is None:
            return []
        expected = self.total
        if self._resumed:
            # All that there is came after the cursor: the server did not know it.
            self.restarted = 0 < self.total <= distinct
            expected = 0 if self._total_before is None else self.total - self._total_before
        if distinct >= expected:
            return []
        self.restarted = self._resumed
        self._resumed = False
        self._pass += 1
        self.count = self.total
        self.since = None
        self.rows_passed = 0
        self._passed.clear()
        self._left.clear()
        return [self._request(0)]

    def is_complete(self, distinct: int) -> bool:
        """Return whether as many rows have come as the server counts, and the cursor could move on."""
        if self._cannot_go_on and self.total is None:
            return False
        return super().is_complete(distinct)


def _is_usable(cursor: object) -> bool:
    return isinstance(cursor, (str, int)) and not isinstance(cursor, bool) and cursor != ""
