"""What a paginator is asked, and the values that go in and out."""

from __future__ import annotations

import abc
import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from rest_tap.errors import ApiError
    from rest_tap.request import Params
    from rest_tap.schema import Record


@dataclasses.dataclass(frozen=True, slots=True)
class PageRequest:
    """The request of one page.

    Attributes:
        position: Place in the order of output, compared as a tuple.
        params: Query parameters that this page adds to those of the list.
    """

    position: tuple[int, ...]
    params: Params


@dataclasses.dataclass(slots=True)
class Page:
    """One page of a list, as the server sent it.

    Attributes:
        rows: The records of the page.
        envelope: What stood around them; empty where the server sent a bare list.
        server_time: When the server began to work on the page, as it says itself.
        received: When the page arrived here, by this machine's clock, in UTC.
        status: The status of the answer; anything but 200 stands for a page that is not there.
        error: The error that came in its place, where the paginator took it for no failure.
        asked_after: Position of the last page that had been used when this one was asked for.
        reached: The value of the field that orders the list up to which, with this page, all
            rows have come; None where that is not certain.
        is_complete: Whether all rows have come that the server counts, as of the last page.
    """

    rows: list[Record]
    envelope: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    server_time: str | None = None
    received: str = ""
    status: int = 200
    error: ApiError | None = None
    asked_after: tuple[int, ...] | None = None
    reached: str | None = None
    is_complete: bool = True

    @property
    def is_bare(self) -> bool:
        """Whether the rows came without an envelope, which would say whether there are more."""
        return bool(self.rows) and not self.envelope

    @property
    def is_silent(self) -> bool:
        """Whether the rows came in an envelope with neither a next page nor a count."""
        return bool(self.rows) and bool(self.envelope) and not ("next" in self.envelope or "count" in self.envelope)

    @property
    def is_there(self) -> bool:
        """Whether the server has such a page."""
        return self.status == 200  # noqa: PLR2004

    @property
    def count(self) -> int | None:
        """How many rows the server says the list has, where it says so."""
        count = self.envelope.get("count")
        return count if isinstance(count, int) and not isinstance(count, bool) else None


class Paginator(abc.ABC):
    """Decides which pages to ask for, for one reading of one list.

    Pages may be asked for before they are due, and arrive in any order. :class:`rest_tap.paging.Walk` calls
    :meth:`may_reveal_more` and :meth:`after` as a page arrives; :meth:`page_used` and :meth:`take_rows` when it is
    due, in the order of positions; and :meth:`next_pass` and :meth:`is_complete` when no page is left.

    Paginators keep how far they are, so each of these methods may change that. Where a subclass says nothing else,
    a list is read once, each page revealing the next.

    Attributes:
        ordered_by: The field that the rows are ordered by, where that is certain; rows
            then repeat only next to each other.
        count: How many rows the list has, as far as the server has said.
        reached: The value of ``ordered_by`` up to which all rows have come with the pages that
            were used, where that is certain; a later reading may go on there.
        notice: What the user should hear about the way in which the list was read.
        doubt: Why it is not certain that all rows came, where that takes words of its own.
    """

    ordered_by: str | None = None
    count: int | None = None
    reached: str | None = None
    notice: str | None = None
    doubt: str | None = None

    @abc.abstractmethod
    def first(self) -> t.Sequence[PageRequest]:
        """Return the requests that are known before any page has come."""

    def may_reveal_more(self, request: PageRequest) -> bool:  # noqa: ARG002
        """Return whether further requests may follow from this page.

        If not, the page is decoded only when it is due.
        """
        return True

    @abc.abstractmethod
    def after(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:
        """Return the requests that this page reveals, in order of position."""

    def page_used(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest] | None:  # noqa: ARG002
        """Take note of a page that is due; return the requests to go on with instead if it shows that rows moved."""
        return None

    def take_rows(self, request: PageRequest, page: Page) -> list[Record]:  # noqa: ARG002
        """Take note of a page that is used; return those of its rows that count: others will come again."""
        return page.rows

    def ends_at(self, request: PageRequest, status: int) -> bool:  # noqa: ARG002
        """Return whether this status says that there is no such page, and is no failure.

        It is not the end of the list: that is what a page says, or what another pass shows.
        Status 200 stands for an error that came with a good status.
        """
        return False

    def next_pass(self, distinct: int) -> t.Sequence[PageRequest]:  # noqa: ARG002
        """Return the first requests of another pass, if the list did not come complete.

        Args:
            distinct: How many different rows have come so far.
        """
        return []

    def missing(self, distinct: int) -> int:
        """Return how many of the rows that the server counts have not come.

        Args:
            distinct: How many different rows have come.
        """
        return max(0, (self.count or 0) - distinct)

    def is_complete(self, distinct: int) -> bool:
        """Return whether it is certain that all rows have come.

        Args:
            distinct: How many different rows have come.
        """
        return not self.missing(distinct)


class SinglePage(Paginator):
    """A list that comes whole in one page."""

    def __init__(self, params: Params | None = None) -> None:
        """Take the parameters of the only request."""
        self.params = params or {}

    def first(self) -> t.Sequence[PageRequest]:
        """Return the only request."""
        return [PageRequest((0,), self.params)]

    def may_reveal_more(self, request: PageRequest) -> bool:  # noqa: ARG002
        """Return False: there is only one page."""
        return False

    def after(self, request: PageRequest, page: Page) -> t.Sequence[PageRequest]:  # noqa: ARG002
        """Return nothing."""
        return []
