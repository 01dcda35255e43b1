"""The run: a tree of streams read ahead, written in order, with STATE that is always true.

The reader walks the tree depth first: a page's rows one after the other, below each row
its children's lists, then the next page. What it writes depends on that order alone,
not on when answers arrive; :mod:`rest_tap.prefetch` fetches ahead in the same order.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
import time
import typing as t

from rest_tap.duplicates import Deduplicator
from rest_tap.errors import ApiError, StopRun
from rest_tap.output import BytesWriter, Output
from rest_tap.paging import Page, PageRequest, Paginator, Walk
from rest_tap.prefetch import Key, Prefetch, Task
from rest_tap.progress import Level, Progress
from rest_tap.records import RecordEncoder
from rest_tap.request import Reply, Request
from rest_tap.schema import Placeholder
from rest_tap.times import now

if t.TYPE_CHECKING:
    from rest_tap.client import Context, ListStream
    from rest_tap.http import Client
    from rest_tap.schema import Record
    from rest_tap.tap import RestTap

logger = logging.getLogger(__name__)

#: A STATE is due when this many seconds have passed since the last …
STATE_SECONDS = 5.0
#: … or when this many times its size has been written as records: after each page of
#: orders, after some pages of smaller rows. Each STATE is a write of its own; all together
#: stay below a hundredth of the records, however small the pages are.
STATE_SHARE = 512


@dataclasses.dataclass(slots=True)
class Fetched:
    """A page, and what it has made known."""

    page: Page
    following: t.Sequence[PageRequest]
    children: dict[Key, Listing]
    #: Which of its rows are new, once the reader has begun with it.
    fresh: frozenset[int] | None = None


class Listing:
    """One list in one context: its requests in order, each made once."""

    __slots__ = ("context", "key", "paginator", "path", "run", "seen", "stream", "tasks", "walk")

    def __init__(
        self,
        run: Run,
        stream: ListStream,
        context: Context,
        key: Key,
        paginator: Paginator | None = None,
    ) -> None:
        """Prepare the list; its first requests become known."""
        self.run = run
        self.stream = stream
        self.context = context
        self.key = key
        self.path = stream.list_path(context)
        self.paginator = paginator or stream.paginator(context)
        self.walk = Walk(self.paginator)
        #: Which of its rows have come, once the reader is here.
        self.seen: Deduplicator | None = None
        self.tasks: dict[tuple[int, ...], FetchTask] = {}

    def task(self, step: PageRequest) -> FetchTask:
        """Return the task of a step, the same one whenever it is asked for."""
        task = self.tasks.get(step.position)
        if task is None:
            self.walk.hand_out(step)
            task = FetchTask(self, step)
            self.tasks[step.position] = task
        return task

    def request(self, step: PageRequest) -> Request:
        """Return what is asked for a page."""
        stream = self.stream
        return Request(self.path, step.params, method=stream.method, stream=stream.name, final=stream.final_statuses)

    def fetch(self, step: PageRequest) -> Fetched | Reply:
        """Ask for a page; see at once what it makes known, or leave it undecoded if it is nothing."""
        try:
            with self.run.interruptible():
                reply = self.run.http.fetch(self.request(step))
        except ApiError as error:
            return self._end(step, error)
        if self.run.plan(self.stream).children or self.paginator.may_reveal_more(step):
            return self.opened(step, reply)
        return reply

    def opened(self, step: PageRequest, reply: Reply) -> Fetched:
        """Decode a page, and see what it makes known."""
        page = self.run.http.parse(self.request(step), reply, self.stream.read)
        page.server_time, page.received = reply.server_time, reply.received
        return self._known(step, page)

    def _end(self, step: PageRequest, error: ApiError) -> Fetched:
        """Return an empty page, if the error says that the list is over; else raise it."""
        if error.status is None or not self.paginator.ends_at(step, error.status):
            raise error
        return self._known(step, Page([], received=now(), status=error.status))

    def _known(self, step: PageRequest, page: Page) -> Fetched:
        try:
            with self.run.prefetch.lock:
                following = self.walk.look(step, page)
        except ApiError as error:
            raise self._here(error) from None
        return Fetched(page, following, {})

    def admit(self, page: Page) -> bool:
        """Use the page that is due; return whether it counts, or rows moved meanwhile."""
        try:
            return self.walk.admit(page)
        except ApiError as error:
            raise self._here(error) from None

    def _here(self, error: ApiError) -> ApiError:
        return type(error)(error.reason, stream=self.stream.name, path=self.path)

    def first_tasks(self) -> t.Iterator[FetchTask]:
        """Yield the tasks that are known before any answer."""
        for step in self.walk.upcoming():
            yield self.task(step)

    def child(self, fetched: Fetched, key: Key, stream: ListStream, context: Context) -> Listing:
        """Return the list below a row, the same one whenever it is asked for."""
        listing = fetched.children.get(key)
        if listing is None:
            listing = fetched.children[key] = Listing(self.run, stream, context, key)
        return listing


class FetchTask(Task["Fetched | Reply"]):
    """The request of one step."""

    __slots__ = ("listing", "step")

    def __init__(self, listing: Listing, step: PageRequest) -> None:
        """Place the step in the order of all output."""
        super().__init__((*listing.key, *step.position), lambda: listing.fetch(step))
        self.listing = listing
        self.step = step


class Run:
    """One run of a tap: reads trees of streams and writes their messages."""

    def __init__(self, tap: RestTap) -> None:
        """Take the tap's settings; nothing is read yet."""
        self.tap = tap
        self.workers: int = tap.config.get("max_concurrency", 8)
        self.prefetch: Prefetch[Fetched | Reply] = Prefetch(1, _expand)
        self.outputs: dict[str, Output] = {}
        self.signal: int | None = None
        #: Whether a signal may end what is being done now.
        self.can_stop = False
        self._plans: dict[str, Plan] = {}
        budget = tap.config.get("max_runtime_seconds")
        self._deadline = time.monotonic() + budget if budget else None
        self._dirty = False
        self._state_at = time.monotonic()
        self._state_size = 0
        self._since_state = 0
        self.progress = Progress(self, enabled=tap.config.get("progress", True))

    @property
    def http(self) -> Client:
        """Return what sends requests."""
        return self.tap.http

    @property
    def writer(self) -> BytesWriter:
        """Return what messages go through."""
        return t.cast("BytesWriter", self.tap.message_writer)

    def plan(self, stream: ListStream) -> Plan:
        """Return what reading this stream's list has to serve."""
        plan = self._plans.get(stream.name)
        if plan is None:
            plan = self._plans[stream.name] = Plan(stream)
        return plan

    def output(self, stream: ListStream) -> Output:
        """Return where this stream's records go; the first call announces it."""
        output = self.outputs.get(stream.name)
        if output is None:
            output = self.outputs[stream.name] = Output(stream, self.writer)
        return output

    # Reading

    def sync_root(self, root: ListStream) -> None:
        """Read a stream and everything below it.

        Raises:
            ApiError: An answer that ends the run; all before it is written, and the
                last STATE is true.
            StopRun: A signal came or the time budget is spent; likewise.
        """
        # A connection test wants one record of each stream and nothing ahead of it.
        is_test = root.ABORT_AT_RECORD_COUNT is not None
        self.prefetch = Prefetch(1 if is_test else self.workers, _expand)
        error: BaseException | None = None
        try:
            for number, context in enumerate(root.contexts({}, {})):
                self._read(Listing(self, root, context, (number,)))
                if is_test:
                    break
        except BaseException as raised:
            error = raised
            raise
        finally:
            if error is not None:
                self.http.stop()
            self.prefetch.close()
            self.http.close()
            self.progress.close()
            with contextlib.suppress(BrokenPipeError):
                self._write_state(final=True)
            for output in self.outputs.values():
                output.close(error)
            if error is None:
                self._report_unknown()
                self.tap.close_run()
                self.progress.summary()
                self.outputs.clear()

    def _report_unknown(self) -> None:
        for name, output in self.outputs.items():
            if output.encoder.unknown:
                logger.warning(
                    "%s: the API sends fields that no schema names (column unknown_fields, if it is selected): %s",
                    name,
                    ", ".join(sorted(output.encoder.unknown)),
                )

    def records(self, stream: ListStream, context: Context) -> t.Iterator[Record]:
        """Yield the rows of one list, without writing anything."""
        pool, self.prefetch = self.prefetch, Prefetch(1, _expand)
        try:
            listing = Listing(self, stream, context, ())
            seen = Deduplicator(stream.identity, listing.paginator)
            for _, fetched in self._pages(listing, seen.tally):
                fresh = [row for _, row in seen.new(fetched.page.rows)]
                for record in stream.page_records(fetched.page, fresh, context):
                    yield {**record, **context}
        finally:
            self.prefetch = pool

    def _read(self, listing: Listing) -> None:
        """Read one list and everything below it."""
        self.progress.levels.append(Level(listing.stream.name))
        try:
            self._read_list(listing)
        finally:
            self.progress.levels.pop()

    def _read_list(self, listing: Listing) -> None:
        stream, plan = listing.stream, self.plan(listing.stream)
        page: Page | None = None
        seen = listing.seen = Deduplicator(stream.identity, listing.paginator)
        try:
            for step, fetched in self._pages(listing, seen.tally):
                page = fetched.page
                self._write_page(listing, plan, step, fetched, seen)
                stream.page_read(listing.context, page)
                self._checkpoint()
                if plan.is_full(self):
                    return
        except ApiError as error:
            goes_on = self._goes_on if page is None else self._has_gone
            if not goes_on(listing, error):
                raise
            return
        if not listing.paginator.is_complete(seen.tally["distinct"]):
            self._supplement(listing, plan, seen)
        if listing.paginator.notice:
            logger.warning("%s: %s; the list was read without it", stream.name, listing.paginator.notice)
        if page is not None:
            page.is_complete = listing.paginator.is_complete(seen.tally["distinct"])
            stream.list_read(listing.context, page)
            self._checkpoint()

    def _goes_on(self, listing: Listing, error: ApiError) -> bool:
        """Return whether the run goes on after a list that could not be read at all."""
        if listing.stream.starts_over(error, listing.context):
            self._read(Listing(self, listing.stream, listing.context, listing.key))
            return True
        return listing.stream.forgives(error, listing.context)

    def _has_gone(self, listing: Listing, error: ApiError) -> bool:
        """Return whether the rest of a list is missing because all of it was deleted."""
        return listing.stream.has_gone(error, listing.context)

    def _pages(self, listing: Listing, tally: t.Mapping[str, int]) -> t.Iterator[tuple[PageRequest, Fetched]]:
        """Yield the pages of a list in order, until it is complete or cannot be."""
        while True:
            with self.prefetch.lock:
                if not listing.walk.go_on(tally["distinct"]):
                    return
                step = listing.walk.due
                task = listing.task(step)
            self._check_time()
            self.http.expect(listing.request(step))
            result = self.prefetch.result(task, self._idle)
            fetched = result if isinstance(result, Fetched) else listing.opened(step, result)
            with self.prefetch.lock:
                listing.tasks.pop(step.position, None)
                counts = listing.admit(fetched.page)
                if not counts:
                    for stale in listing.tasks.values():
                        self.prefetch.forget(stale)
                    listing.tasks.clear()
            if counts:
                yield step, fetched

    def _write_page(
        self, listing: Listing, plan: Plan, step: PageRequest, fetched: Fetched, seen: Deduplicator
    ) -> None:
        """Write a page's rows, what is cut out of them, and what is below them."""
        context = listing.context
        with self.prefetch.lock:
            new = seen.new(fetched.page.rows)
            fetched.fresh = frozenset(index for index, _ in new)
        rows = [(index, row) for index, row in new if not plan.accepts or plan.stream.accepts(row, context)]
        level = self.progress.levels[-1]
        level.expected = listing.paginator.count
        self.progress.tick()
        if not plan.children:
            self._write_rows(plan, fetched.page, [row for _, row in rows], context)
            level.done += len(rows)
            return
        for index, row in rows:
            level.done += 1
            with self.prefetch.lock:
                self.prefetch.reach((*listing.key, *step.position, index))
                lists = [listing.child(fetched, *below) for below in plan.below(listing, step, index, row)]
                self.prefetch.offer(first for below in lists for first in below.first_tasks())
            self._write_rows(plan, fetched.page, [row], context)
            for below in lists:
                self._read(below)
                fetched.children.pop(below.key, None)
            if plan.is_full(self):
                return

    def _write_rows(self, plan: Plan, page: Page, rows: list[Record], context: Context) -> None:
        """Write what is cut out of some rows, and then, changing them, the rows themselves."""
        for stream in plan.writes:
            self._since_state += self.output(stream).write(
                stream.page_records(page, rows, context), context, page.received
            )

    def _supplement(self, listing: Listing, plan: Plan, seen: Deduplicator) -> None:
        """Read a list that did not come complete in the stream's other ways, if it has any."""
        for paginator in listing.stream.supplements(listing.context):
            other = Listing(self, listing.stream, listing.context, listing.key, paginator)
            other.seen = seen
            # Its own rows are counted apart: this way is complete when they add up.
            own = Deduplicator(other.stream.identity, paginator)
            for step, fetched in self._pages(other, own.tally):
                own.new(fetched.page.rows)
                self._write_page(other, plan, step, fetched, seen)
            if listing.paginator.is_complete(seen.tally["distinct"]):
                return
        self._report_missing(listing, seen)

    def _report_missing(self, listing: Listing, seen: Deduplicator) -> None:
        distinct = seen.tally["distinct"]
        missing = listing.paginator.missing(distinct)
        where = " ".join(f"{key} {value}" for key, value in listing.context.items())
        of = f" of {distinct + missing}" if missing else ""
        line = f"{listing.stream.name}: {distinct}{of} rows" + (f" ({where})" if where else "")
        logger.warning(
            "%s came, however often the list was read: %s",
            line,
            "its order on the server is not the same for every page"
            if missing
            else "rows were deleted meanwhile, or a page was gone, so that others may be missing",
        )

    # Stopping, state

    @contextlib.contextmanager
    def interruptible(self) -> t.Iterator[None]:
        """Let a signal end what is done meanwhile at once; nothing must be written in it.

        Only where the reader itself waits for the server: while the pool does, it hears
        signals between two looks.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self.can_stop = True
        try:
            self._check_time()
            yield
        finally:
            self.can_stop = False

    def stop(self, signum: int) -> None:
        """End the run because of a signal: after the page at hand, or at once where it waits.

        Raises:
            StopRun: It waits.
        """
        self.signal = signum
        if self.can_stop:
            self._check_time()

    def _check_time(self) -> None:
        if self.signal is not None:
            msg = "stopped by a signal"
            raise StopRun(msg, self.signal)
        if self._deadline is not None and time.monotonic() > self._deadline:
            msg = "the time budget (setting max_runtime_seconds) is spent"
            raise StopRun(msg)

    def _idle(self) -> None:
        """While the network is slow: let the loader work, and hear signals."""
        self.writer.flush()
        self.progress.tick()
        self._check_time()

    def touch(self) -> None:
        """Take note that the state has changed."""
        self._dirty = True

    def _checkpoint(self) -> None:
        """Write a STATE if one is due."""
        if not self._dirty:
            return
        if time.monotonic() - self._state_at >= STATE_SECONDS or self._since_state >= STATE_SHARE * self._state_size:
            self._write_state()

    def _write_state(self, *, final: bool = False) -> None:
        """Write what has gathered, and the STATE that is true then."""
        if any(output.batch is not None for output in self.outputs.values()):
            if not final and time.monotonic() - self._state_at < STATE_SECONDS:
                return
            for output in self.outputs.values():
                output.flush()
        if self._dirty:
            line = self.writer.serialize_state(self.tap.state)
            self.writer.write_lines(line)
            self._state_size = len(line)
            self._state_at = time.monotonic()
            self._since_state = 0
            self._dirty = False
        self.writer.flush()


class Plan:
    """What reading a stream's list has to serve: decided once by the catalog."""

    def __init__(self, stream: ListStream) -> None:
        """Look at which streams around this one are selected."""
        below = [
            t.cast("ListStream", child)
            for child in stream.child_streams
            if child.selected or child.has_selected_descendents
        ]
        self.stream = stream
        self.emits = stream.selected
        #: Streams cut out of this one's rows.
        self.nested = [child for child in below if child.nested_in is not None]
        #: Streams with lists of their own below this one's rows.
        self.children = [child for child in below if child.nested_in is None]
        #: The streams that get records from a row; its own last, because it changes them.
        self.writes = [*self.nested, *([stream] if stream.selected else [])]
        self.accepts = type(stream).accepts is not _accepts_all()
        self._encoder: RecordEncoder | None = None

    def passes(self, row: Record) -> bool:
        """Return whether a stream map leaves this row in, and with it what is below."""
        if not self.emits:
            return True
        if self._encoder is None:
            self._encoder = RecordEncoder(self.stream)
        return self._encoder.passes(row)

    def below(
        self, listing: Listing, step: PageRequest, index: int, row: Record
    ) -> t.Iterator[tuple[Key, ListStream, Context]]:
        """Yield the lists below a row, in order."""
        if not self.children:
            return
        if not isinstance(row, Placeholder) and not self.passes({**row, **listing.context}):
            return
        context = self.stream.get_child_context(record=row, context=dict(listing.context))
        if context is None:
            return
        for number, child in enumerate(self.children):
            for place, child_context in enumerate(child.contexts(row, context)):
                key = (*listing.key, *step.position, index, number, place)
                yield key, child, child_context

    def is_full(self, run: Run) -> bool:
        """Return whether a connection test has seen enough of this stream."""
        if self.stream.ABORT_AT_RECORD_COUNT is None:
            return False
        output = run.outputs.get(self.stream.name)
        return output is not None and output.is_full


def _expand(task: Task[Fetched | Reply]) -> t.Iterator[t.Iterator[FetchTask]]:
    """Yield the tasks that a finished page has made known, for the pool to work ahead.

    What goes wrong here goes wrong again, and is raised, when the reader gets there.
    """
    if not isinstance(task, FetchTask) or not isinstance(task.result, Fetched):
        return
    listing, step, fetched = task.listing, task.step, task.result
    plan = listing.run.plan(listing.stream)
    if plan.children:
        yield _children(listing, plan, step, fetched)
    if fetched.following:
        yield (listing.task(following) for following in fetched.following)


def _children(listing: Listing, plan: Plan, step: PageRequest, fetched: Fetched) -> t.Iterator[FetchTask]:
    prefetch = listing.run.prefetch
    with contextlib.suppress(Exception):
        for index, row in enumerate(fetched.page.rows):
            # Rows that the reader has come to are its own: it changes them.
            if prefetch.has_reached((*listing.key, *step.position, index)):
                continue
            # Once the reader has begun with a page, all its rows count as seen.
            is_new = listing.seen is None or not listing.seen.knows(row)
            if not (is_new if fetched.fresh is None else index in fetched.fresh):
                continue
            if plan.stream.accepts(row, listing.context):
                for below in plan.below(listing, step, index, row):
                    yield from listing.child(fetched, *below).first_tasks()


def _accepts_all() -> t.Callable[..., bool]:
    from rest_tap.client import ListStream  # noqa: PLC0415 - client imports this module

    return ListStream.accepts
