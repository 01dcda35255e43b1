"""Threads that send requests, and nothing else.

The reader decides what is due next and hands it over in that order; a thread takes the first
request that nobody has begun with. What a request brings, it keeps until the reader takes it.
"""

from __future__ import annotations

import collections
import queue
import threading
import time
import typing as t

if t.TYPE_CHECKING:
    from rest_tap.http import Client
    from rest_tap.request import Reply, Request

#: Seconds that closing waits for threads whose answer nobody needs any more.
PATIENCE = 3.0


class Job:
    """A request to be sent by a thread, and what came of it.

    Attributes:
        request: What is asked.
        reply: The answer, undecoded, once it is there.
        error: Why there is none.
        is_started: Whether a thread has taken it.
        is_done: Whether its answer, or its error, is there.
        wakes_reader: Whether the reader wants to know at once that it is done.
    """

    __slots__ = ("_http", "error", "is_done", "is_started", "reply", "request", "wakes_reader")

    def __init__(self, http: Client, request: Request) -> None:
        """Prepare it; nothing is sent yet."""
        self._http = http
        self.request = request
        self.reply: Reply | None = None
        self.error: Exception | None = None
        self.is_started = self.is_done = self.wakes_reader = False

    def send(self) -> None:
        """Send the request until there is an answer, or none to be had; called once, in a thread."""
        try:
            self.reply = self._http.fetch(self.request)
        except Exception as error:  # noqa: BLE001 - raised in the reader, where the answer is due
            self.error = error
        self.is_done = True


class Workers:
    """A pool of threads; each sends one request at a time.

    Attributes:
        count: Requests in flight at once.
        in_flight: Requests that are being sent now.
        arrivals: Jobs that are done and wake the reader, for it to wait on. A signal handler
            may put None: this queue is reentrant.
    """

    def __init__(self, count: int) -> None:
        """Prepare the pool; threads start when there is something to send."""
        self.count = count
        self.in_flight = 0
        self.arrivals: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._queue: collections.deque[Job] = collections.deque()
        self._wanted = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._is_closed = False

    def ask(self, jobs: t.Iterable[Job]) -> None:
        """Take these jobs, in this order, in place of those that nobody has begun with."""
        with self._wanted:
            if self._is_closed:
                return
            self._queue.clear()
            self._queue.extend(job for job in jobs if not job.is_started)
            idle = len(self._threads) - self.in_flight
            while idle < len(self._queue) and len(self._threads) < self.count:
                thread = threading.Thread(target=self._work, name=f"worker-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
                idle += 1
            if self._queue and idle:
                self._wanted.notify(min(idle, len(self._queue)))

    def close(self) -> None:
        """Send nothing more, and wait a moment for the threads to end."""
        with self._wanted:
            self._is_closed = True
            self._queue.clear()
            self._wanted.notify_all()
        deadline = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while True:
            with self._wanted:
                while not self._queue and not self._is_closed:
                    self._wanted.wait()
                if self._is_closed:
                    return
                job = self._queue.popleft()
                job.is_started = True
                self.in_flight += 1
            job.send()
            with self._wanted:
                self.in_flight -= 1
            if job.wakes_reader:
                self.arrivals.put(job)
