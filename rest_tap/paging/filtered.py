"""What paginators share that filter the list by the field that orders it."""

from __future__ import annotations

import abc
import typing as t

from rest_tap.errors import BrokenAnswer
from rest_tap.paging.base import Page, PageRequest, Paginator
from rest_tap.paging.page_number import PageNumber
from rest_tap.paging.page_size import is_past_end

if t.TYPE_CHECKING:
    import datetime as dt

    from rest_tap.request import Params
    from rest_tap.schema import Record


class FilteredPaginator(Paginator):
    """A base for paginators that go on in a list by a filter.

    Where the server ignores the filter, the list is read by numbered pages instead, from its
    first row. Likewise once more at the end, where the list has more rows than the filter
    shows: rows without a value.
    """

    #: The last request that was revealed; a subclass sets it.
    last: PageRequest

    def __init__(
        self, field: str, since_parameter: str, since: str | None, params: Params, *, may_lack_value: bool = False
    ) -> None:
        """Take what the list is ordered and filtered by.

        Args:
            field: The field that rows are ordered by.
            since_parameter: The inclusive filter on that field.
            since: Value to start from; None reads from the first row.
            params: Parameters of every page.
            may_lack_value: Whether there may be rows without a value, which no filter shows.
        """
        self.field = self.ordered_by = field
        self.since_parameter = since_parameter
        self.since = since
        self.reached = since
        self.params = params
        self._may_lack_value = may_lack_value
        #: Rows in the whole list, if it is read from its beginning.
        self._whole: int | None = None
        self._missing = 0
        #: What reads the list without the filter, once that has to be.
        self.unfiltered: PageNumber | None = None

    def without_filter(self, request: PageRequest, why: str | None) -> t.Sequence[PageRequest]:
        """Return the requests of the list without the filter."""
        self.unfiltered = PageNumber(self.params, number_of_first_pass=request.position[0] + 1)
        self.notice = why
        self.ordered_by = self.reached = None
        return self.unfiltered.first()

    def may_reveal_more(self, request: PageRequest) -> bool:
        """Return whether further requests may follow from this page."""
        return True if self.unfiltered is None else self.unfiltered.may_reveal_more(request)

    def after(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return the requests that this page reveals."""
        if self.unfiltered is not None:
            return self.unfiltered.after(request, page)
        return self.after_filtered(request, page)

    def page_used(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest] | None:
        """Take note of a page that is due; return other requests to go on with if rows moved or no filter worked."""
        if self.unfiltered is not None:
            instead = self.unfiltered.page_used(request, page)
            self.count = self.unfiltered.count
            return instead
        return self.filtered_page_used(request, page)

    def take_rows(self, request: PageRequest, page: Page) -> list[Record]:
        """Return the rows of the page that count."""
        return page.rows if self.unfiltered is not None else self.take_filtered_rows(request, page)

    def ends_at(self, request: PageRequest, status: int) -> bool:
        """Return whether a further page is gone."""
        return is_past_end(request, status)

    def next_pass(self, distinct: int) -> t.Sequence[PageRequest]:
        """Return the requests of the list without the filter, if it has rows that did not come."""
        if self.unfiltered is not None:
            return self.unfiltered.next_pass(distinct)
        if not self._may_lack_value or self._whole is None or distinct >= self._whole or self._missing:
            return []
        return self.without_filter(self.last, None)

    def missing(self, distinct: int) -> int:
        """Return how many of the rows that the server counts have not come."""
        return self._missing if self.unfiltered is None else self.unfiltered.missing(distinct)

    def is_complete(self, distinct: int) -> bool:
        """Return whether it is certain that all rows have come."""
        if self.unfiltered is None:
            return not self._missing
        # Where there is a notice, all is up to these pages; else only rows without a value were.
        return self.unfiltered.is_complete(distinct) if self.notice else not self.unfiltered.missing(distinct)

    def _check_order(self, times: t.Sequence[dt.datetime | None]) -> None:
        """Check that the rows' times are in the order that was asked for.

        Raises:
            BrokenAnswer: They are not, so there is no place to go on from.
        """
        if None in times or list(times) != sorted(t.cast("t.Any", times)):
            raise BrokenAnswer(f"the rows are not in the order of {self.field}, so it cannot be continued there")

    # What a subclass has to state

    @abc.abstractmethod
    def after_filtered(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return the requests that this page reveals, as long as the filter is used."""

    @abc.abstractmethod
    def filtered_page_used(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest] | None:
        """Return the requests to go on with instead, as long as the filter is used."""

    def take_filtered_rows(self, request: PageRequest, page: Page) -> list[Record]:  # noqa: ARG002
        """Return the rows of the page that count, as long as the filter is used."""
        return page.rows
