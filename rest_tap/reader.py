"""The reader: walks the tree of lists depth first, and requests pages ahead of the one that is due.

The reader runs in one thread, makes all decisions, and is the only one that waits. It keeps the path of lists that it
is in. The next requests are what is left of each of these lists, innermost first; the reader hands the first of them to
the workers before it waits, when an answer has come, and before a page is written; if there is only one, it sends that
itself (:mod:`rest_tap.direct`). The order of the pages that it yields depends on the tree alone, not on when answers
arrive.

What different accounts read are different branches (:mod:`rest_tap.branches`): the reader walks each in that way, and
they take turns as their answers come.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import queue
import time
import typing as t

from rest_tap.branches import Branch
from rest_tap.direct import DirectSender
from rest_tap.errors import ApiError
from rest_tap.listing import PendingPage
from rest_tap.workers import Job, Workers

if t.TYPE_CHECKING:
    from rest_tap.http import Client
    from rest_tap.listing import AdmittedPage, Listing
    from rest_tap.request import Reply, Request

#: Seconds that lists which are decided about in order wait for one that does not come.
ADMIT_SECONDS = 5.0
#: Seconds between two looks at what else there is to do while the reader waits.
LOOK_SECONDS = 0.1


class Reader:
    """Reads lists in order and asks ahead.

    Attributes:
        path: The lists that are being read, from the root down; with branches, those of the one that runs.
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
        self._direct = DirectSender(self._workers, check, http.timeout)
        self._check = check
        self._idle = idle
        self._is_test = is_test
        #: Requests that may be under way or waiting at once, for each branch.
        self._window = 1 if is_test else 2 * workers + workers // 2 + 2
        #: After how many lists of one page what is due next has to be looked up again; to do so takes
        #: longer than to read one. Half as much again as may be in flight at once is always known beyond them.
        self._plan_lasts = 0
        #: Branches that have not ended; the one that ran longest ago comes first.
        self._branches: list[Branch] = []
        self._branch: Branch | None = None
        #: First pages of lists that are read beside each other.
        self._first: list[PendingPage] = []

    @property
    def in_flight(self) -> int:
        """Return how many requests are being sent."""
        return self._workers.in_flight

    def close(self) -> None:
        """Send nothing more."""
        self._direct.close()
        self._workers.close()

    def wake(self) -> None:
        """End the current wait, to check again; may be called by a signal handler."""
        self._workers.arrivals.put(None)

    def pages(self, listing: Listing) -> t.Iterator[AdmittedPage]:
        """Yield the pages of a list in order; the lists below its rows may be read meanwhile.

        Raises:
            ApiError: It cannot be read on.
        """
        path = self.path
        path.append(listing)
        try:
            for page in listing.pages(self._wait_for):
                self._plan_lasts = 0 if listing.is_going_on else self._plan_lasts - 1
                if self._branch is None:
                    self._ask_ahead()
                yield page
        except BaseException:
            self._plan_lasts = 0
            raise
        finally:
            path.pop()

    def admit_all(self, listings: t.Sequence[Listing]) -> None:
        """Decide about all rows of some lists, in order, before any of them is written or read below.

        A list that does not come, since its account is held back, is left until it is read; an error is raised then.
        """
        deadline = time.monotonic() + ADMIT_SECONDS

        def wait(page: PendingPage) -> None:
            self._wait_for(page, deadline)
            if not page.is_done:
                raise TimeoutError

        self._first = [page for listing in listings for page in listing.upcoming()]
        self._plan_lasts = 0
        for listing in listings:
            with contextlib.suppress(ApiError, TimeoutError):
                listing.admit_all(wait)
        self._first = []
        self._plan_lasts = 0

    def read_by_turns(self, reads: t.Iterable[t.Callable[[], None]]) -> None:
        """Read several branches by turns: each goes on when the answer that it waits for has come.

        Args:
            reads: Reads a branch, each.

        Raises:
            BaseException: What has ended one of them ends all.
        """
        reads = list(reads)
        if len(reads) <= 1 or self._is_test:
            for read in reads:
                read()
            return
        self._direct.hand_over()
        branches = self._branches = [Branch(read) for read in reads]
        self._window = 2 * max(2, self._workers.count // len(branches)) + 2
        try:
            while self._branches:
                self._check()
                dues = [branch.due for branch in self._branches if branch.due is not None]
                self._http.expect(*(due.request for due in dues if not due.is_done))
                if (ready := next((branch for branch in self._branches if branch.is_ready), None)) is not None:
                    self._go_on(ready)
                    continue
                self._workers.ask(self._in_turn())
                self._idle()
                with contextlib.suppress(queue.Empty):
                    self._reveal(self._workers.arrivals.get(timeout=LOOK_SECONDS))
        finally:
            self._branches = []
            for branch in branches:
                branch.close()

    def _go_on(self, branch: Branch) -> None:
        """Resume a branch, and find out which requests it will need next."""
        self._branches.remove(branch)
        self._branch, self.path = branch, branch.path
        try:
            branch.go_on()
        finally:
            self._branch = None
        if not branch.is_over:
            self._branches.append(branch)
            self._look_ahead(branch)

    def _look_ahead(self, branch: Branch) -> None:
        upcoming = itertools.chain.from_iterable(listing.upcoming() for listing in reversed(branch.path))
        others = (job for job in upcoming if job is not branch.due)
        branch.ahead = [*([branch.due] if branch.due else []), *itertools.islice(others, self._window)]
        self._mark(branch.ahead)

    def _in_turn(self) -> t.Iterator[Job]:
        """Yield the next requests of all branches: first the next one of each, then the one after it, and so on."""
        for jobs in itertools.zip_longest(*(branch.ahead for branch in self._branches)):
            yield from (job for job in jobs if job is not None)

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

    def _wait_for(self, job: Job, deadline: float = math.inf) -> None:
        """Return once a job is done, or after the deadline; meanwhile others are requested, and the loader works."""
        job.wakes_reader = True
        self._check()
        if self._branch is not None:
            if not job.is_done:
                self._branch.wait_for(job)
            return
        if job.is_done:
            return
        may_be_direct = deadline == math.inf  # a thread can be left with an answer that takes too long
        if not (may_be_direct and self._direct.has(job)):
            self._direct.hand_over()
        self._http.expect(job.request)
        while time.monotonic() < deadline and not job.is_done:
            self._ask_ahead(job, may_be_direct=may_be_direct)
            self._idle()
            if self._direct.has(job):
                self._direct.receive(job, LOOK_SECONDS)
            else:
                with contextlib.suppress(queue.Empty):
                    self._reveal(self._workers.arrivals.get(timeout=LOOK_SECONDS))
            self._check()
        self._http.expect()

    def _ask_ahead(self, due: Job | None = None, *, may_be_direct: bool = True) -> None:
        """Hand the requests that are due next to the workers, unless they have them; send the only one directly."""
        self._look_at_arrivals()
        if self._plan_lasts > 0 and (due is None or due.is_started or self._workers.takes_next(due)):
            return
        self._plan_lasts = self._workers.count
        upcoming: t.Iterable[Job] = [page for page in self._first if not page.is_done]
        if not upcoming and not self._is_test:
            upcoming = itertools.chain.from_iterable(listing.upcoming() for listing in reversed(self.path))
        if due is not None:
            upcoming = (job for job in upcoming if job is not due)
        jobs = [*([due] if due is not None else []), *itertools.islice(upcoming, self._window)]
        self._mark(jobs)
        if len(jobs) != 1 or not may_be_direct or not self._direct.send(jobs[0]):
            self._workers.ask(jobs)

    @staticmethod
    def _mark(jobs: t.Iterable[Job]) -> None:
        """Mark the jobs that wake the reader when they are done: their pages reveal further requests."""
        for job in jobs:
            if not job.is_started and isinstance(job, PendingPage):
                job.wakes_reader |= job.may_reveal_more

    def _look_at_arrivals(self) -> None:
        """Look at the pages that have come for the requests that they reveal."""
        arrivals = self._workers.arrivals
        while not arrivals.empty():
            self._reveal(arrivals.get_nowait())

    def _reveal(self, job: Job | None) -> None:
        if isinstance(job, PendingPage) and job.listing.reveal(job):
            self._plan_lasts = 0
        for branch in self._branches:
            if job in branch.ahead and job is not branch.due:
                self._look_ahead(branch)
