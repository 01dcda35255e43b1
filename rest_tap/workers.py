"""Threads that send requests and read the answers, also to what the reader has sent, and nothing else.

The reader decides what is due next, and queues requests in that order; a free thread takes the first one. The job of a
request keeps its answer until the reader takes it.

A thread that waits for its account's rate limit is not counted, and no other thread takes a request of that account
until it goes on, but one that was sent already: so an account that is held back takes no thread from the others.
"""

from __future__ import annotations

import collections
import functools
import queue
import threading
import time
import typing as t

from rest_tap.errors import ApiError
from rest_tap.request import Reply

if t.TYPE_CHECKING:
    from rest_tap.http import Client, SentRequest
    from rest_tap.limiter import RateLimiter
    from rest_tap.request import Request
    from rest_tap.retry import Failure

#: Seconds that closing waits for threads whose answers are not needed any more.
CLOSE_SECONDS = 3.0


class Job:
    """A request to be sent, by a thread or by the reader itself, and what came of it.

    Attributes:
        request: What is asked.
        reply: The answer, undecoded, once it is there.
        error: Why there is none.
        is_started: Whether a thread has taken it, or the reader has sent it.
        is_done: Whether its answer, or its error, is there.
        wakes_reader: Whether the reader wants to know at once that it is done.
        failures: Tries whose answers turned out to be no JSON.
    """

    __slots__ = ("_http", "_sent", "error", "failures", "is_done", "is_started", "reply", "request", "wakes_reader")

    def __init__(self, http: Client, request: Request) -> None:
        """Prepare it; nothing is sent yet."""
        self._http = http
        self.request = request
        self.reply: Reply | None = None
        self.error: Exception | None = None
        self.failures: list[Failure] = []
        self._sent: SentRequest | None = None
        self.is_started = self.is_done = self.wakes_reader = False

    def ask_again(self, failure: Failure) -> None:
        """Have the request sent again: its answer cannot be used."""
        self.failures.append(failure)
        self.reply = None
        self.is_started = self.is_done = False

    def send(self, wait: t.Callable[[RateLimiter], None]) -> None:
        """Send the request until there is an answer, or none to be had; called in a thread.

        Args:
            wait: Waits for its turn.
        """
        sent, self._sent = self._sent, None
        try:
            self.reply = self._http.fetch(self.request, wait, self.failures, sent)
        except ApiError as error:
            error.let_go()
            self.error = error
        except Exception as error:  # noqa: BLE001 - raised in the reader, where the answer is due
            self.error = error
        self.is_done = True

    def begin(self) -> bool:
        """Send the request once, if there is nothing to wait for before; return whether it was sent.

        Its answer is read by :meth:`finish`, or by :meth:`send` in a thread.
        """
        if not self.failures:
            self._sent = self._http.send(self.request)
        return self._sent is not None

    @property
    def is_unread(self) -> bool:
        """Return whether the request was sent by :meth:`begin`, and nobody reads the answer yet."""
        return self._sent is not None

    def has_come(self, seconds: float) -> bool:
        """Return whether something of the answer to what was sent by :meth:`begin` comes within so many seconds."""
        return t.cast("SentRequest", self._sent).has_come(seconds)

    def finish(self, check: t.Callable[[], None]) -> None:
        """Read the answer to what was sent by :meth:`begin`; if another try may help, a thread has to go on.

        Args:
            check: Called now and then while bytes are waited for; what it raises comes out here.
        """
        try:
            outcome = self._http.receive(t.cast("SentRequest", self._sent), check)
        except ApiError as error:
            error.let_go()
            self.error = error
        else:
            if not isinstance(outcome, Reply):
                return
            self.reply = outcome
        self._sent = None
        self.is_done = True

    def cancel(self) -> None:
        """Let go of what was sent by :meth:`begin`: nobody waits for the answer."""
        sent, self._sent = self._sent, None
        if sent is not None:
            sent.close()


class Workers:
    """A pool of threads; each sends one request at a time.

    Attributes:
        count: Requests in flight at once.
        in_flight: Requests that are being sent now, without those that wait for their turn.
        arrivals: Jobs that are done and wake the reader, for it to wait on. A signal handler
            may put None: this queue is reentrant.
    """

    def __init__(self, count: int) -> None:
        """Prepare the pool; threads start when there is something to send."""
        self.count = count
        self.in_flight = 0
        self.arrivals: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._queue: list[Job] = []
        self._wanted = threading.Condition()
        self._threads: list[threading.Thread] = []
        #: Threads that have nothing to do, and those that wait for their turn, by account.
        self._idle = 0
        self._waiting: collections.Counter[str] = collections.Counter()
        self._is_closed = False

    def ask(self, jobs: t.Iterable[Job]) -> None:
        """Queue these jobs, in this order, in place of all that no thread has started and that were not sent yet."""
        with self._wanted:
            if self._is_closed:
                return
            # What was sent holds a connection until its answer is read, whether it is still wanted or not.
            sent = [job for job in self._queue if job.is_unread]
            self._queue = [*sent, *(job for job in jobs if not job.is_started)]
            self._assign()

    def reserve(self) -> bool:
        """Count one request more as in flight, if nothing else is to be done; return whether it is counted."""
        with self._wanted:
            is_free = not self._queue and not self.in_flight and not any(self._waiting.values()) and not self._is_closed
            self.in_flight += is_free
            return is_free

    def release(self, job: Job | None = None) -> None:
        """Count the request no more that was reserved for.

        Args:
            job: What a thread is to go on with, before all others.
        """
        with self._wanted:
            self.in_flight -= 1
            if job is not None and self._is_closed:
                job.cancel()
            elif job is not None:
                self._queue.insert(0, job)
            self._assign()

    def takes_next(self, job: Job) -> bool:
        """Return whether a job is queued, and the first of all."""
        return self._queue[:1] == [job]

    def close(self) -> None:
        """Send nothing more, and wait a moment for the threads to end."""
        with self._wanted:
            self._is_closed = True
            for job in self._queue:
                job.cancel()
            self._queue.clear()
            self._wanted.notify_all()
        deadline = time.monotonic() + CLOSE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _assign(self) -> None:
        """Wake as many threads as there are jobs that can be taken now; start those that are missing."""
        free = self.count - self.in_flight
        wanted = min(free, sum(map(self._may_go_on, self._queue))) if free > 0 else 0
        self._wanted.notify(min(wanted, self._idle))
        for _ in range(wanted - self._idle):
            thread = threading.Thread(target=self._work, name=f"worker-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            self._idle += 1
            thread.start()

    def _take(self) -> Job | None:
        """Take the first job that may be begun with, if there is one."""
        if self.in_flight < self.count:
            for place, job in enumerate(self._queue):
                if self._may_go_on(job):
                    return self._queue.pop(place)
        return None

    def _may_go_on(self, job: Job) -> bool:
        """Return whether a job can be taken: no other of its account waits for its turn, or it has had its own."""
        return job.is_unread or not self._waiting[job.request.account]

    def _work(self) -> None:
        while True:
            with self._wanted:
                while (job := self._take()) is None:
                    if self._is_closed:
                        return
                    self._wanted.wait()
                job.is_started = True
                self._idle -= 1
                self.in_flight += 1
            job.send(functools.partial(self._wait_turn, job.request.account))
            with self._wanted:
                self._idle += 1
                self.in_flight -= 1
            if job.wakes_reader:
                self.arrivals.put(job)

    def _wait_turn(self, account: str, limiter: RateLimiter) -> None:
        """Wait for an account's rate limit; another thread may send requests of other accounts in the meantime."""
        if limiter.try_acquire():
            return
        with self._wanted:
            self.in_flight -= 1
            self._waiting[account] += 1
            self._assign()
        try:
            limiter.acquire()
        finally:
            with self._wanted:
                self.in_flight += 1
                self._waiting[account] -= 1
                self._assign()
