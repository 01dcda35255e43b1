"""One list in one place: its requests in order, its pages as they come, and the lists below its rows.

All of it happens in the reader's thread; only :meth:`rest_tap.workers.Job.send` runs in a worker. What
is decided about a row (whether it is new, whether it is wanted, which lists are below it) is
decided once.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import typing as t

from rest_tap.duplicates import Deduplicator
from rest_tap.errors import ApiError, BrokenAnswer, ErrorAnswer, Unreadable
from rest_tap.outcome import Ending
from rest_tap.paging import Page, Walk
from rest_tap.replies import not_json
from rest_tap.request import Request
from rest_tap.schema import Placeholder
from rest_tap.times import now
from rest_tap.workers import Job

if t.TYPE_CHECKING:
    from rest_tap.decoding import Decoding
    from rest_tap.http import Client
    from rest_tap.outcome import Outcome
    from rest_tap.paging import PageRequest, Paginator
    from rest_tap.request import Reply
    from rest_tap.schema import Record
    from rest_tap.stream import Context, ListStream
    from rest_tap.tree import Node


class PendingPage(Job):
    """A page on its way: requested, arrived, decoded."""

    __slots__ = ("_page", "listing", "page_request")

    def __init__(self, listing: Listing, page_request: PageRequest) -> None:
        """Prepare the request; nothing is sent yet."""
        stream = listing.stream
        request = Request(
            listing.path,
            page_request.params,
            method=stream.method,
            stream=stream.name,
            no_retry=stream.no_retry_statuses,
            account=stream.account(listing.context),
            validated_on_decode=True,
        )
        super().__init__(listing.http, request)
        self.listing = listing
        self.page_request = page_request
        self._page: Page | None = None

    @property
    def may_reveal_more(self) -> bool:
        """Return whether further requests may follow from the page, in its list or below its rows."""
        return bool(self.listing.node.children) or self.listing.paginator.may_reveal_more(self.page_request)

    def open(self) -> Page:
        """Return the decoded page, the same one whenever it is asked for.

        Raises:
            ApiError: There is none.
        """
        if self._page is None:
            self._page = self._decode()
            self.reply = None
        return self._page

    def _decode(self) -> Page:
        listing, failed = self.listing, self.error
        if failed is not None:
            if (
                not isinstance(failed, ApiError)
                or failed.status is None
                or not listing.paginator.ends_at(self.page_request, failed.status)
            ):
                raise failed
            return Page([], received=now(), status=failed.status, error=failed)
        reply = t.cast("Reply", self.reply)
        try:
            page: Page = listing.http.parse(self.request, reply, listing.stream.read, listing.decode)
        except ErrorAnswer as error:
            if not listing.paginator.ends_at(self.page_request, reply.status):
                raise
            return Page([], received=now(), error=error)
        page.server_time, page.received = reply.server_time, reply.received
        if listing.node.children:
            self._check_keys(page)
        return page

    def _check_keys(self, page: Page) -> None:
        """Check what will stand in paths, in the state and in the log.

        Raises:
            BrokenAnswer: The server has put the credential there.
        """
        keys, mask = self.listing.stream.own_keys, self.listing.http.redactor.mask
        for value in (row.get(key) for row in page.rows for key in keys):
            if isinstance(value, str) and mask(value, is_own_text=True) != value:
                raise BrokenAnswer(f"a {' or '.join(keys)} holds the credential")


class ParentRow:
    """A row with lists below it, which are made when they are first looked at."""

    __slots__ = ("_listing", "_lists", "left_out", "left_to_sweep", "record")

    def __init__(self, record: Record, listing: Listing) -> None:
        """Take the row; nothing below it is known yet."""
        self.record = record
        self._listing = listing
        self._lists: list[Listing] | None = None
        #: Streams of which something below this row is not read.
        self.left_out: list[str] = []
        #: Lists below it that are read in a later run.
        self.left_to_sweep: list[tuple[Node, Context]] = []

    def lists(self) -> list[Listing]:
        """Return the lists below the row, in order, the same ones whenever they are asked for.

        They are made from the row as it came: writing changes it.
        """
        if self._lists is None:
            self._lists = list(self._make_lists())
        return self._lists

    def upcoming(self) -> t.Iterator[PendingPage]:
        """Yield the pages that are due below the row, as far as they are known."""
        for listing in self.lists():
            yield from listing.upcoming()

    def _make_lists(self) -> t.Iterator[Listing]:
        listing, record = self._listing, self.record
        node = listing.node
        context: Context | None = None
        if isinstance(record, Placeholder) or listing.passes({**record, **listing.context}):
            if error := unusable_key(record, listing.stream.own_keys):
                for child in node.children:
                    yield Listing(child, listing.context, listing.http, listing.decoding, error=error)
                return
            context = listing.stream.get_child_context(record=record, context=dict(listing.context))
        is_settled = listing.stream.is_settled(record)
        companions: set[Node] = set()
        for child in node.children:
            if child in companions:
                continue
            if context is None or not child.stream.is_wanted(context):
                self.left_out += child.names()
                continue
            if is_settled and child.stream.is_left_to_sweep(child.names(), context):
                self.left_to_sweep.append((child, context))
                continue
            for child_context in child.stream.contexts(record, context):
                found = Listing(child, child_context, listing.http, listing.decoding, parent=record)
                found.is_settled = is_settled
                companions.update(found.companions)
                yield found


@dataclasses.dataclass(slots=True)
class AdmittedPage:
    """A page after it was decided which of its rows are new and wanted.

    Attributes:
        page: What the server sent.
        new_rows: Its rows that have not come before.
        rows: Those of them that are wanted.
        parents: The same rows, where there are lists below them; taken off one by one.
    """

    page: Page
    new_rows: list[Record]
    rows: list[Record]
    parents: collections.deque[ParentRow] = dataclasses.field(default_factory=collections.deque)


class Listing:
    """One list in one place.

    Attributes:
        pages_read: Pages that were written.
        done: Rows that were written or passed over.
        unwritten: Rows, its own and those cut out of them, that were not written: they lack their key, or
            are parts that did not come.
        last: The last page that was read.
        is_restarted: Whether the list is read in another way than its stream says.
        is_settled: Whether what it belongs to hardly changes any more.
        from_start: Whether it is read from its beginning, and not on from a bookmark or date.
        deduplicator: Knows the rows that have come.
        companions: Nodes beside it that need no list of their own, because their records come with its rows.
    """

    def __init__(  # noqa: PLR0913 - what a list is, and how it is read where that is unusual
        self,
        node: Node,
        context: Context,
        http: Client,
        decoding: Decoding,
        *,
        parent: Record | None = None,
        paginator: Paginator | None = None,
        deduplicator: Deduplicator | None = None,
        error: ApiError | None = None,
        is_fallback: bool = False,
    ) -> None:
        """Prepare the list; its first requests become known, and none is sent.

        Args:
            node: The stream in its place.
            context: Keys of what the list belongs to.
            http: What sends requests.
            decoding: Decides how pages are decoded, and which rows pass.
            parent: The row above the list, where there is one.
            paginator: How it is paged, if not as the stream says.
            deduplicator: Knows the rows that came before, where the list is read in more than one way.
            error: Why it cannot be read, if that is known already.
            is_fallback: Whether it is read in place of one that the server does not have.
        """
        self.is_fallback = is_fallback
        self.node = node
        self.stream = node.stream
        self.context = context
        self.http = http
        self.decoding = decoding
        self.passes = decoding.passes(node)
        #: How many rows the parent's row says there are, where it does.
        self.expected = None if parent is None else self.stream.expected_rows(parent)
        self.is_restarted = paginator is not None
        self.is_settled = False
        self.path = ""
        self.pages_read = 0
        self.done = 0
        self.unwritten = 0
        self.last: Page | None = None
        self.paginator = paginator or self.stream.paginator(context)
        self.from_start = self.stream.reads_under_version(context)
        self._not_whole: set[Node] = set()
        self.companions: list[Node] = []
        if error is None:
            self.companions = [
                companion
                for companion in node.companions
                if all(self.stream.includes_all(stream, context) for stream in companion.writes)
            ]
        self.decode = decoding.decoder(node, context, self.writes())
        self._walk = Walk(self.paginator)
        self._pending: dict[tuple[int, ...], PendingPage] = {}
        self._current = AdmittedPage(Page([]), [], [])
        self._admitted: collections.deque[AdmittedPage] = collections.deque()
        # Where a list is read in more than one way, this way is complete when its own rows add up.
        self._own_deduplicator = Deduplicator(self.stream.identity, self.paginator)
        self.deduplicator = deduplicator or self._own_deduplicator
        self._error = error
        try:
            # Where the row above has no usable key, there is nothing to make a path of.
            self.path = "" if error is not None else self.stream.list_path(context)
        except ApiError as unusable:
            self._error = unusable

    # Reading

    def pages(self, wait: t.Callable[[PendingPage], None]) -> t.Iterator[AdmittedPage]:
        """Yield the pages in order, until the list is complete or cannot be.

        Args:
            wait: Returns once a page has come.

        Raises:
            ApiError: The list cannot be read on.
        """
        if self._error is not None:
            raise self._with_place(self._error)
        try:
            while self._admitted or self._walk.go_on(self._own_deduplicator.distinct):
                if not self._admitted:
                    self._admit_after(wait)
                    continue
                self._current = self._admitted.popleft()
                self.last = self._current.page
                yield self._current
                self.pages_read += 1
        finally:
            # What came ahead of where it ended takes room; nobody will read it.
            self._pending.clear()
            self._admitted.clear()

    def admit_all(self, wait: t.Callable[[PendingPage], None]) -> None:
        """Decide about all its pages, before any of them is written.

        Args:
            wait: Returns once a page has come.

        Raises:
            ApiError: The list cannot be read on; it is raised again when the page is due.
        """
        while self._error is None and self._walk.go_on(self._own_deduplicator.distinct):
            self._admit_after(wait)

    def _admit_after(self, wait: t.Callable[[PendingPage], None]) -> None:
        """Wait for the page that is due, and decide about it, unless looking ahead meanwhile has done so."""
        due = self._due
        wait(due)
        if self._pending.get(due.page_request.position) is due:
            self._admit()

    @property
    def _due(self) -> PendingPage:
        return self._pending_page(self._walk.known[0])

    def _pending_page(self, page_request: PageRequest) -> PendingPage:
        pending = self._pending.get(page_request.position)
        if pending is None:
            self._walk.hand_out(page_request)
            pending = self._pending[page_request.position] = PendingPage(self, page_request)
        return pending

    # Looking ahead

    def upcoming(self) -> t.Iterator[PendingPage]:
        """Yield the pages that are due next in this list and below it, as far as they are known."""
        if self._error is not None:
            return
        if self.node.children:
            self._admit_ahead()
            for admitted in (self._current, *self._admitted):
                for row in admitted.parents:
                    yield from row.upcoming()
        for page_request in self._walk.known:
            yield self._pending_page(page_request)

    @property
    def is_going_on(self) -> bool:
        """Return whether the page that was handed out last leads to others, in the list or below its rows."""
        return bool(self.node.children or self._walk.known)

    def reveal(self, pending: PendingPage) -> bool:
        """Look at a page that has come early; return whether it makes requests known."""
        if pending.is_done and self._pending.get(pending.page_request.position) is pending:
            with contextlib.suppress(ApiError):  # raised again when the page is due
                return self._walk.look(pending.page_request, pending.open()) or bool(self.node.children)
        return False

    def _admit_ahead(self) -> None:
        """Decide about the pages that have come, in their order, so that the lists below them are known."""
        with contextlib.suppress(ApiError):  # raised again when the page is due
            while self._walk.known and self._due.is_done:
                self._admit()

    def _admit(self) -> None:
        """Decide what the page that is due has brought.

        Raises:
            ApiError: Nothing that the list could be read on by.
        """
        pending = self._due
        try:
            page = pending.open()
            counts = self._walk.admit(page)
        except ApiError as error:
            if isinstance(error, Unreadable) and pending.error is None:
                pending.ask_again(not_json(error))
                return
            raise self._with_place(error) from None
        if counts:
            del self._pending[pending.page_request.position]
            self._admitted.append(self._decide(page))
        else:
            self._pending.clear()

    def _decide(self, page: Page) -> AdmittedPage:
        """Return a page with those of its rows that are new and wanted."""
        stream, context = self.stream, self.context
        new_rows = self.deduplicator.new(page.rows)
        if self._own_deduplicator is not self.deduplicator:
            self._own_deduplicator.new(page.rows)
        new_rows = stream.received(new_rows, context, self.passes)
        rows = [row for row in new_rows if stream.accepts(row, context)]
        parents = (ParentRow(row, self) for row in rows if self.node.children)
        return AdmittedPage(page, new_rows, rows, collections.deque(parents))

    def _with_place(self, error: ApiError) -> ApiError:
        """Return an error that says it happened in this list, if it does not say where."""
        return error if error.stream else error.at(self.stream.name, self.path or self.stream.path)

    # What is made of it

    def names(self) -> t.Iterator[str]:
        """Yield the names of all selected streams that are made of this list and of what is below it."""
        for node in (self.node, *self.companions):
            yield from node.names()

    def writes(self) -> list[ListStream]:
        """Return the streams that get records from a row; its own last, because writing changes the row."""
        if not self.companions:
            return self.node.writes
        return [*(stream for node in self.companions for stream in node.writes), *self.node.writes]

    def note_unwritten(self, stream: ListStream, number: int) -> None:
        """Take note of records of a stream that were not written: they lack a key, or are parts that did not come."""
        if stream in self.node.writes:
            self.unwritten += number
        elif number:
            self._not_whole.update(node for node in self.companions if stream in node.writes)

    # How it ended

    def whole_companions(self, outcome: Outcome) -> list[Node]:
        """Return the companions of which all records came with the list, if it ended so."""
        return [node for node in self.companions if outcome.ending is Ending.COMPLETE and node not in self._not_whole]

    @property
    def distinct(self) -> int:
        """Return how many different rows have come."""
        return self.deduplicator.distinct

    @property
    def missing(self) -> int:
        """Return how many of the rows that the server counts have not come."""
        return self.paginator.missing(self.distinct)

    @property
    def is_complete(self) -> bool:
        """Return whether it is certain that all rows have come."""
        return self.paginator.is_complete(self.distinct)

    @property
    def where(self) -> str:
        """Return the place of the list for a message, e.g. ``organizer demo event jazz``."""
        keys = [key for key in self.stream.parent_keys if key in self.context]
        return " ".join(f"{key.removesuffix('_id')} {self.context[key]}" for key in keys)


def unusable_key(record: Record, keys: t.Iterable[str]) -> BrokenAnswer | None:
    """Return an error if a row has no usable key: the lists below it have no address then."""
    for key in keys:
        value = record.get(key)
        if value.__class__ is not str and value.__class__ is not int:
            return BrokenAnswer(f"a row has no usable {key!r}, so the lists below it cannot be read")
    return None
