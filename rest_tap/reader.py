"""The reader: walks the tree of lists depth first, and asks ahead for what it will come to.

It runs in one thread, which decides everything and is the only one that waits. It keeps the
path of lists that it is in; what is due next is what is left of each of them, innermost
first. The first of these requests are handed to the workers, before it waits, whenever
something that it waits for has come, and before a page is written. The order of the pages that
it hands out depends on the tree alone, not on when answers arrive.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import typing as t

from rest_tap.listing import PendingPage
from rest_tap.workers import Job, Workers

if t.TYPE_CHECKING:
    from rest_tap.http import Client
    from rest_tap.listing import AdmittedPage, Listing
    from rest_tap.request import Reply, Request

#: Seconds between two looks at what else there is to do while the reader waits.
LOOK_SECONDS = 0.1


class Reader:
    """Reads lists in order and asks ahead.

    Attributes:
        path: The lists that are being read, from the root down.
    """

    def __init__(
        self,
        http: Client,
        workers: int,
        check: t.Callable[[], None],
        idle: t.Callable[[], None],
        *,
        is_test: bool = False,
    ) -> None:
        """Prepare the reader; nothing is sent yet.

        Args:
            http: What sends requests.
            workers: Requests in flight at once.
            check: Called before each page and while the reader waits; raises to end the run.
            idle: Called while the reader waits.
            is_test: Whether to ask for nothing ahead of what is due.
        """
        self.path: list[Listing] = []
        self._http = http
        self._workers = Workers(workers)
        self._check = check
        self._idle = idle
        #: Requests that may be under way or waiting at once.
        self._window = 1 if is_test else 2 * workers + 2

    @property
    def in_flight(self) -> int:
        """Return how many requests are being sent."""
        return self._workers.in_flight

    def close(self) -> None:
        """Send nothing more."""
        self._workers.close()

    def wake(self) -> None:
        """End the wait at hand, for another look; may be called by a signal handler."""
        self._workers.arrivals.put(None)

    def pages(self, listing: Listing) -> t.Iterator[AdmittedPage]:
        """Yield the pages of a list in order; the lists below its rows may be read meanwhile.

        Raises:
            ApiError: It cannot be read on.
        """
        self.path.append(listing)
        try:
            for page in listing.pages(self._wait_for):
                self._ask_ahead()
                yield page
        finally:
            self.path.pop()

    def ask(self, request: Request, read: t.Callable[[t.Any], t.Any] | None = None) -> t.Any:
        """Return what the answer to a request beside the lists says.

        Args:
            request: The request.
            read: What to make of the decoded body.

        Raises:
            ApiError: There is no answer.
        """
        job = Job(self._http, request)
        self._wait_for(job)
        if job.error is not None:
            raise job.error
        return self._http.parse(request, t.cast("Reply", job.reply), read)

    def _wait_for(self, job: Job) -> None:
        """Return once a job is done; meanwhile other requests are asked for, and the loader works."""
        job.wakes_reader = True
        self._http.expect(job.request)
        self._check()
        while not job.is_done:
            self._ask_ahead(job)
            self._idle()
            with contextlib.suppress(queue.Empty):
                self._reveal(self._workers.arrivals.get(timeout=LOOK_SECONDS))
            self._check()

    def _ask_ahead(self, due: Job | None = None) -> None:
        """Hand the requests that are due next to the workers."""
        self._look_at_arrivals()
        upcoming: t.Iterator[Job] = itertools.chain.from_iterable(list_.upcoming() for list_ in reversed(self.path))
        if self._window == 1:
            upcoming = iter(())
        elif due is not None:
            upcoming = (job for job in upcoming if job is not due)
        jobs = [*([due] if due is not None else []), *itertools.islice(upcoming, self._window)]
        for job in jobs:
            if not job.is_started and isinstance(job, PendingPage):
                job.wakes_reader |= job.may_reveal_more
        self._workers.ask(jobs)

    def _look_at_arrivals(self) -> None:
        """Let pages that have come make known what there is to ask for next."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._reveal(self._workers.arrivals.get_nowait())

    def _reveal(self, job: Job | None) -> None:
        if isinstance(job, PendingPage):
            job.listing.reveal(job)
