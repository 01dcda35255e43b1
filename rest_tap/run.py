"""One run: lists read depth first, their rows written, and how each of them ended."""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
import typing as t

from rest_tap.decoding import Decoding, passes_all
from rest_tap.errors import ApiError, StopRun
from rest_tap.listing import Listing
from rest_tap.messages import Messages
from rest_tap.outcome import Ending
from rest_tap.progress import ProgressLog
from rest_tap.reader import Reader
from rest_tap.tree import Node
from rest_tap.unexpected import ISSUES, unexpected_table

if t.TYPE_CHECKING:
    from rest_tap.access import Access
    from rest_tap.http import Client
    from rest_tap.listing import AdmittedPage
    from rest_tap.outcome import Outcome
    from rest_tap.output import BytesWriter
    from rest_tap.report import Report
    from rest_tap.request import Request
    from rest_tap.rereading import Rereading
    from rest_tap.schema import Record
    from rest_tap.state import State
    from rest_tap.stream import Context, ListStream

logger = logging.getLogger(__name__)


class RunOptions(t.NamedTuple):
    """What the settings say about a run.

    Attributes:
        workers: Requests in flight at once.
        max_seconds: Seconds after which the run ends in order; None for no limit.
        progress: Whether to log how far the run is.
        software: Name and version of the tap, as a report needs it.
        is_test: Whether it is a connection test: one record of each stream, nothing ahead.
    """

    workers: int = 8
    max_seconds: float | None = None
    progress: bool = True
    software: str = "tap"
    is_test: bool = False


class Run:
    """Reads trees of streams, writes what they hold, and keeps how each list ended."""

    def __init__(  # noqa: PLR0913, PLR0917 - a part each
        self,
        http: Client,
        writer: BytesWriter,
        state: State,
        access: Access,
        streams: t.Mapping[str, ListStream],
        rereading: Rereading,
        options: RunOptions,
    ) -> None:
        """Prepare the run; nothing is read yet.

        Args:
            http: What sends requests.
            writer: What messages go through.
            state: Where bookmarks are kept.
            access: Judges errors and gathers how every list ended.
            streams: All streams, by name.
            rereading: Decides what is read anew, and which versions are activated.
            options: What the settings say.
        """
        self.http = http
        self.access = access
        self.report: Report = access.report
        self.messages = Messages(writer, state, is_test=options.is_test)
        self.decoding = Decoding(self.messages)
        self.signal: int | None = None
        self._streams = streams
        self.rereading = rereading
        self._software = options.software
        self._deadline = time.monotonic() + options.max_seconds if options.max_seconds else None
        self.reader = Reader(http, options.workers, self._check, self._idle, is_test=options.is_test)
        self.progress = ProgressLog(self.messages, http, self.reader, enabled=options.progress)

    # Reading

    def read_all(self, roots: t.Iterable[Node]) -> None:
        """Read trees of streams.

        Raises:
            ApiError: What concerns every list; all that came before it is written.
            ListsFailed: Some lists could not be read; all others were.
            StopRun: A signal came or the time budget is spent.
        """
        roots = list(roots)
        self.messages.begin()
        error: BaseException | None = None
        try:
            for root in roots:
                if root.stream.selected:
                    self.messages.announce(root.stream)
                listings = [self.listing(root, context) for context in root.stream.contexts({}, {})]
                if len(listings) > 1:
                    self.reader.admit_all(listings)
                self.reader.read_by_turns(functools.partial(self._read_root, listing) for listing in listings)
            self._announce(roots)
            for outcome in self.access.finish():
                nodes = (node for root in roots for node in root.walk() if node.stream.name == outcome.stream)
                # A row that is missing has lists below it, which have not been read either.
                self.report.add(outcome, *(name for node in nodes for name in node.names()))
            self._activate()
        except BaseException as raised:
            error = raised
            raise
        finally:
            self.close(error)
            if error is None or isinstance(error, (ApiError, StopRun)):
                self._report_rows()
        self.access.log()
        self.progress.summary(self.report)
        self.access.raise_failures()

    def _read_root(self, listing: Listing) -> None:
        """Read a list at the root of the tree, and everything below it, with the account that it belongs to.

        Raises:
            ApiError: What concerns every list.
        """
        try:
            self.read(listing)
        except ApiError as error:
            self._add(listing, self.access.account_failed(listing, error))

    def _activate(self) -> None:
        """Activate the versions of streams that are whole, after their last record."""
        outputs = self.messages.outputs
        failing = self.access.failing | {Ending.FAILED}
        for name in self.rereading.finish(self.report, has_failed=bool(self.report.total(*failing))):
            # Rows of batch files carry no version, so a loader would take all of them for deleted.
            if outputs[name].batch is None:
                outputs[name].stream.activate_version()

    def close(self, error: BaseException | None = None) -> None:
        """End all threads, and write what is left to write."""
        if error is not None:
            self.http.stop()
        self.reader.close()
        self.http.close()
        self.progress.close()
        try:
            self.messages.close(error)
        except BrokenPipeError:
            # Raised only if nothing worse has ended the run.
            if error is None or (isinstance(error, StopRun) and error.signum is None):
                raise

    def listing(self, node: Node, context: Context, **options: t.Any) -> Listing:
        """Return a list in one place; see :class:`rest_tap.listing.Listing`."""
        return Listing(node, context, self.http, self.decoding, **options)

    def read(self, listing: Listing) -> None:
        """Read a list and everything below it, and report how it ended."""
        try:
            outcome = self._read_pages(listing)
        except ApiError as error:
            listing, outcome = self._after_error(listing, error)
        if outcome.ending is Ending.ABSENT and listing.stream.fallback and not listing.is_fallback:
            self._read_fallback(listing.stream.fallback, listing)
        elif outcome.ending is Ending.STOPPED:
            self._add(listing, outcome)
            self._read_companions(listing, outcome)
        else:
            self._finish(listing, outcome)

    def _read_pages(self, listing: Listing) -> Outcome:
        """Read the pages of a list and everything below its rows; return how that ended.

        Raises:
            ApiError: The list cannot be read on.
        """
        for admitted in self.reader.pages(listing):
            self._write(listing, admitted)
            listing.stream.page_read(listing.context, admitted.page)
            self.messages.checkpoint()
            if self._is_full(listing.stream):
                return self.access.outcome(listing, Ending.STOPPED)
        if not listing.is_complete:
            self._read_by_supplement(listing)
        return self.access.list_complete(listing)

    def _after_error(self, listing: Listing, error: ApiError) -> tuple[Listing, Outcome]:
        """Read a list once more after an error, where that may help; return the last reading and how it ended."""
        paginator = self.access.restart(listing, error)
        if paginator is None:
            return listing, self.access.list_failed(listing, error)
        again = self.listing(listing.node, listing.context, paginator=paginator, is_fallback=listing.is_fallback)
        try:
            return again, self._read_pages(again)
        except ApiError as second:
            return again, self.access.list_failed(again, second)

    def _finish(self, listing: Listing, outcome: Outcome) -> None:
        """Report how a list ended, and let its stream move the bookmark if all of it came."""
        stream, context = listing.stream, listing.context
        self.access.warn(outcome)
        if outcome.ending is Ending.INCOMPLETE and not listing.is_complete:
            self._warn_incomplete(listing)
        if listing.paginator.notice:
            logger.warning("%s: %s; the list was read without it", stream.name, listing.paginator.notice)
        if outcome.moves_bookmark and listing.last is not None:
            listing.last.is_complete = outcome.ending is Ending.COMPLETE
            if not listing.last.is_complete:
                self.rereading.end_loading(listing.node.names())
            stream.list_read(context, listing.last)
            if listing.is_settled and stream.is_swept(context):
                stream.forget(context)
        self._add(listing, outcome)
        self.messages.checkpoint()
        self._read_companions(listing, outcome)

    def _read_companions(self, listing: Listing, outcome: Outcome) -> None:
        """Read the lists that were thought to come with another one and did not come whole."""
        whole = listing.whole_companions(outcome)
        for node in listing.companions:
            if node not in whole:
                self.read(self.listing(node, listing.context, is_fallback=listing.is_fallback))

    def _add(self, listing: Listing, outcome: Outcome) -> None:
        """Report how a list ended, also for the streams that are made of its rows."""
        self.report.add(outcome, *(name for name in listing.node.names() if name != listing.stream.name))
        if listing.stream.skips_older(listing.context):
            self.report.leave_out(*listing.node.names())
        for node in listing.whole_companions(outcome):
            is_of_version = all(
                listing.stream.includes_all_under_version(stream, listing.context) for stream in node.writes
            )
            same = dataclasses.replace(outcome, stream=node.stream.name, from_start=is_of_version)
            self.report.add(same, *(name for name in node.names() if name != node.stream.name))

    def rows(self, node: Node, context: Context) -> t.Iterator[Record]:
        """Yield the rows of one list without writing anything."""
        for admitted in self.reader.pages(self.listing(node, context)):
            yield from admitted.rows

    def ask(self, request: Request, read: t.Callable[[t.Any], t.Any] | None = None) -> t.Any:
        """Return what the answer to a request beside the lists says.

        Raises:
            ApiError: There is none.
            StopRun: The run ends while it waits.
        """
        return self.reader.ask(request, read)

    def _write(self, listing: Listing, admitted: AdmittedPage) -> None:
        """Write a page's rows and their nested records, and read the lists below them."""
        self.progress.tick()
        self.access.note_page(listing, admitted)
        if len(admitted.rows) < len(admitted.new_rows):
            self._leave_out(listing.names())
        if not listing.node.children:
            self._write_rows(listing, admitted, admitted.rows)
            listing.done += len(admitted.rows)
            return
        while admitted.parents:
            row = admitted.parents.popleft()
            listing.done += 1
            lists = row.lists()
            self.report.leave_out(*row.left_out)
            for node, context in row.left_to_sweep:
                self.report.leave_to_sweep(*node.names())
                node.stream.forget(context)
            self._write_rows(listing, admitted, [row.record])
            for child in lists:
                self.read(child)
            if self._is_full(listing.stream):
                return

    def _write_rows(self, listing: Listing, admitted: AdmittedPage, rows: list[Record]) -> None:
        """Write the nested records of some rows, and then the rows themselves, which changes them."""
        page, passing = admitted.page, rows
        if listing.node.nested and listing.passes is not passes_all:
            passing = [row for row in rows if listing.passes({**row, **listing.context})]
            if len(passing) < len(rows):
                self._leave_out(stream.name for stream in listing.node.nested)
        nested = listing.node.nested
        for stream in listing.writes():
            own = passing if stream in nested else rows
            records = stream.page_records(page, own, listing.context)
            encoder = self.messages.output(stream).encoder
            lacking = encoder.unwritten
            self.messages.write(stream, records, listing.context, page.received)
            listing.note_unwritten(stream, encoder.unwritten - lacking)
            if encoder.has_left_out:
                self._leave_out([stream.name])

    def _leave_out(self, names: t.Iterable[str]) -> None:
        """Take note of rows that were not written, though bookmarks move past them."""
        names = list(names)
        self.report.leave_out(*names)
        self.rereading.end_loading(names)

    def _read_fallback(self, name: str, listing: Listing) -> None:
        """Read a list that the server lacks below each row of the stream that has the same list."""
        node, context = listing.node, listing.context
        parent = self._streams[name]
        try:
            rows = list(self.rows(Node(parent), context))
        except ApiError as error:
            self._finish(listing, self.access.fallback_failed(listing, error))
            return
        for row in rows:
            child_context = parent.get_child_context(record=row, context=dict(context))
            if child_context is None:
                self.report.leave_out(*listing.names())
                continue
            for place in node.stream.contexts(row, child_context):
                part = self.listing(node, place, is_fallback=True)
                apart = [companion for companion in listing.companions if companion not in part.companions]
                for other in (part, *(self.listing(companion, place, is_fallback=True) for companion in apart)):
                    self.read(other)

    def _read_by_supplement(self, listing: Listing) -> None:
        """Read an incomplete list once more by the values of another list, where the stream says how."""
        supplement = listing.stream.supplement
        if supplement is None:
            return
        values = Node(self._streams[supplement.stream])
        for row in list(self.rows(values, listing.context)):
            paginator = supplement.paginator(row)
            other = self.listing(listing.node, listing.context, paginator=paginator, deduplicator=listing.deduplicator)
            for admitted in self.reader.pages(other):
                self._write(other, admitted)
                self.messages.checkpoint()
            listing.unwritten += other.unwritten
            if listing.is_complete:
                return

    def _is_full(self, stream: ListStream) -> bool:
        """Return whether a connection test has seen enough of a stream."""
        output = self.messages.outputs.get(stream.name)
        return output is not None and output.is_full

    def _announce(self, roots: list[Node]) -> None:
        """Write the SCHEMA of selected streams that had nothing to read, so that their tables are made."""
        for node in roots:
            for stream in node.writes:
                self.messages.announce(stream)
            self._announce(node.children)

    # Reporting

    def _warn_incomplete(self, listing: Listing) -> None:
        missing = listing.missing
        of = f" of {listing.distinct + missing}" if missing else ""
        where = f" ({listing.where})" if listing.where else ""
        if listing.paginator.doubt:
            rows, doubt = listing.distinct, listing.paginator.doubt
            logger.warning("%s: %d rows%s came, and there may be more: %s", listing.stream.name, rows, where, doubt)
            return
        logger.warning(
            "%s: %d%s rows%s came in all readings of the list: %s",
            listing.stream.name,
            listing.distinct,
            of,
            where,
            "its order on the server is not the same for every page"
            if missing
            else "rows were deleted meanwhile, or a page was gone, so that others may be missing",
        )

    def _report_rows(self) -> None:
        """Log rows that were not written, and fields that no schema names, also if the run ended early."""
        outputs = self.messages.outputs.items()
        for what, unwritten in (
            ("rows without their key were left out", {name: one.encoder.without_key for name, one in outputs}),
            ("parts of rows did not come or were no objects", {name: one.encoder.absent for name, one in outputs}),
        ):
            if counts := ", ".join(f"{name} {count}" for name, count in sorted(unwritten.items()) if count):
                logger.warning("%s, so their lists are incomplete: %s", what, counts)
        ours = unexpected_table(
            {name: output.encoder.unexpected for name, output in outputs if not output.stream.is_extra}
        )
        if ours:
            logger.warning(
                "%s: the API sends what no schema describes. Please report these lines, which hold no values: %s",
                self._software,
                ISSUES,
            )
        for line in ours:
            logger.warning("  %s", line)
        declared = unexpected_table(
            {name: output.encoder.unexpected for name, output in outputs if output.stream.is_extra}
        )
        if declared:
            logger.info("the API sends undeclared fields; add them to 'fields' to have columns for them")
        for line in declared:
            logger.info("  %s", line)

    # Stopping

    def stop(self, signum: int) -> None:
        """End the run after the current page; called by a signal handler, so it only sets a flag."""
        self.signal = signum
        self.reader.wake()

    def _idle(self) -> None:
        """Let the loader work while the network is slow."""
        self.messages.flush()
        self.progress.tick()

    def _check(self) -> None:
        """Check whether the run has to end; called before each page and while one is waited for.

        Raises:
            StopRun: It has to end.
        """
        if self.signal is not None:
            raise StopRun("stopped by a signal", self.signal)
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise StopRun("the time budget (setting max_runtime_seconds) is spent")
