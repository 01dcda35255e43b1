"""When only one request is known, the reader sends it itself and reads the answer later, and passes it to no thread.

Where each page names the next one, there is nothing to share among threads, and to hand a request to one and take its
answer back costs more than the request. It is sent before the page is written, so it is answered meanwhile.

Whatever is under way for longer than a moment goes to a thread after all. The reader may be held up in writing, by a
slow loader: then the answer is read nevertheless, and the server does not give up. And a server that does not answer is
held to the time-outs there.
"""

from __future__ import annotations

import threading
import time
import typing as t

if t.TYPE_CHECKING:
    from rest_tap.workers import Job, Workers

#: Seconds that a request is under way before a thread goes on with it; as many lie between two looks.
HAND_OVER_SECONDS = 0.5
#: Looks at the least within a time-out, so that it is kept.
LOOKS_WITHIN_TIMEOUT = 4


class DirectSender:
    """Sends one request at a time for the reader, and holds its job until the answer is read or handed over."""

    def __init__(self, workers: Workers, check: t.Callable[[], None], timeout: float) -> None:
        """Prepare; nothing is sent yet.

        Args:
            workers: The threads that take over what the reader cannot read.
            check: Called now and then while bytes are waited for; raises to wait no longer.
            timeout: Seconds without a byte after which a connection counts as broken.
        """
        self._workers = workers
        self._check = check
        self._seconds = min(HAND_OVER_SECONDS, timeout / LOOKS_WITHIN_TIMEOUT)
        self._job: Job | None = None
        self._sent_at = 0.0
        #: Held to take the job, and while its connection is looked at: a thread that reads from it may close it.
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._watchdog: threading.Thread | None = None

    def send(self, job: Job) -> bool:
        """Send the request of a job, if it can go out at once; return whether it was."""
        if not self._workers.reserve():
            return False
        is_sent = False
        try:
            # Not looked at before: a thread may have begun with it, and be done by now.
            is_sent = not job.is_started and job.begin()
        finally:
            if not is_sent:
                self._workers.release()
        if not is_sent:
            return False
        job.is_started = True
        self._job, self._sent_at = job, time.monotonic()
        if self._watchdog is None:
            self._watchdog = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            self._watchdog.start()
        return True

    def has(self, job: Job) -> bool:
        """Return whether the request of a job was sent here, and its answer was not read."""
        return self._job is job

    def receive(self, job: Job, seconds: float) -> None:
        """Read the answer to what was sent for a job, if something of it comes within so many seconds.

        If nothing does, and it is overdue, a thread goes on with it: whoever waits here holds the lock nearly always.

        Raises:
            BaseException: What the check has raised while the rest was waited for.
        """
        with self._lock:
            if self._job is not job:
                return
            has_come = job.has_come(seconds)
            if not has_come and not self._is_overdue:
                return
            self._job = None
        if not has_come:
            self._workers.release(job)
            return
        try:
            job.finish(self._check)
        except BaseException:
            self._workers.release()
            raise
        self._workers.release(None if job.is_done else job)

    def hand_over(self) -> None:
        """Let a thread read the answer, if there is one to be read."""
        if (job := self._take()) is not None:
            self._workers.release(job)

    def close(self) -> None:
        """Let go of what was sent: nobody waits for it."""
        self._closed.set()
        if (job := self._take()) is not None:
            job.cancel()
            self._workers.release()

    @property
    def _is_overdue(self) -> bool:
        """Return whether a request has been under way too long."""
        return self._job is not None and time.monotonic() - self._sent_at >= self._seconds

    def _take(self) -> Job | None:
        """Take the job, unless somebody else has done so."""
        with self._lock:
            job, self._job = self._job, None
            return job

    def _watch(self) -> None:
        """Hand over what is overdue, wherever the reader is."""
        while not self._closed.wait(self._seconds):
            if self._is_overdue:
                self.hand_over()
