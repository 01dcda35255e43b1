"""The request that is known alone: the reader sends it itself, before it writes a page, and reads its answer after.

Where each page names the next one, there is nothing to share among threads, and to hand a request to one and take its
answer back costs more than the request. Sent before the page is written, it is answered meanwhile all the same.

The reader may be held up in writing, by a slow loader. An answer that has waited for it so long is read by a thread,
so that the server can end it, and the connection does not break.
"""

from __future__ import annotations

import threading
import typing as t

if t.TYPE_CHECKING:
    from rest_tap.workers import Job, Workers

#: Seconds between two looks at whether an answer waits; after one to two of them a thread reads it.
LOOK_SECONDS = 0.5


class DirectRequest:
    """Holds the job whose request the reader has sent, until its answer is read or handed over."""

    def __init__(self, workers: Workers, check: t.Callable[[], None]) -> None:
        """Prepare; nothing is sent yet.

        Args:
            workers: The threads that take over what the reader cannot read.
            check: Called now and then while bytes are waited for; raises to wait no longer.
        """
        self._workers = workers
        self._check = check
        self._job: Job | None = None
        #: Held to take the job, and while its connection is looked at: a thread that reads from it may close it.
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._minder: threading.Thread | None = None

    def send(self, job: Job) -> bool:
        """Send the request of a job, if it can go out at once; return whether it was."""
        if not self._workers.reserve():
            return False
        # Not before: a thread may have begun with it, and be done by now.
        if job.is_started or not job.begin():
            self._workers.release()
            return False
        job.is_started = True
        self._job = job
        if self._minder is None:
            self._minder = threading.Thread(target=self._mind, name="minder", daemon=True)
            self._minder.start()
        return True

    def has(self, job: Job) -> bool:
        """Return whether the request of a job was sent here, and its answer was not read."""
        return self._job is job

    def receive(self, job: Job, seconds: float) -> None:
        """Read the answer to what was sent for a job, if it begins within so many seconds."""
        with self._lock:
            if self._job is not job or not job.has_come(seconds):
                return
            self._job = None
        job.finish(self._check)
        self._workers.release(None if job.is_done else job)

    def hand_over(self) -> None:
        """Let a thread read the answer, if there is one to be read."""
        if (job := self._job) is not None and self._take(job):
            self._workers.release(job)

    def close(self) -> None:
        """Let go of what was sent: nobody waits for it."""
        self._closed.set()
        if (job := self._job) is not None and self._take(job):
            job.cancel()
            self._workers.release()

    def _take(self, job: Job) -> bool:
        """Take the job, unless somebody else has done so."""
        with self._lock:
            if self._job is not job:
                return False
            self._job = None
            return True

    def _mind(self) -> None:
        """Hand over what waits too long."""
        seen: Job | None = None
        while not self._closed.wait(LOOK_SECONDS):
            job = self._job
            if job is not None and job is seen and self._take(job):
                self._workers.release(job)
            seen = job
