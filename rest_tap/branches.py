"""Parts of the tree that are read beside each other, such as those of different accounts.

The code that reads a branch blocks where it needs an answer, so each branch has a thread of its own. But only one
thread runs at any time: the reader resumes a branch when the answer that it waits for has come, and blocks itself
until the branch waits again or has ended.
"""

from __future__ import annotations

import threading
import typing as t

from rest_tap.errors import Stopped

if t.TYPE_CHECKING:
    from rest_tap.listing import Listing
    from rest_tap.workers import Job


class Branch:
    """A part of the tree, and how far its reading is.

    Attributes:
        path: The lists that are being read, from the root down.
        ahead: What it will ask for next, in order.
        due: The request that it waits for.
        is_over: Whether it has ended.
    """

    def __init__(self, read: t.Callable[[], None]) -> None:
        """Take what reads it; nothing is read yet."""
        self.path: list[Listing] = []
        self.ahead: list[Job] = []
        self.due: Job | None = None
        self.is_over = False
        self._read = read
        self._error: BaseException | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="branch", daemon=True)
        self._resumed = threading.Semaphore(0)
        self._blocked = threading.Semaphore(0)

    @property
    def is_ready(self) -> bool:
        """Return whether it can go on."""
        return not self.is_over and (self.due is None or self.due.is_done)

    def go_on(self) -> None:
        """Resume the branch, and return when it waits again or has ended; called by the reader.

        Raises:
            BaseException: Whatever has ended it.
        """
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._resumed.release()
        self._blocked.acquire()
        if self._error is not None:
            raise self._error

    def wait_for(self, job: Job) -> None:
        """Return once a job is done; called by what reads the branch.

        Raises:
            Stopped: The run is over.
        """
        if not self._is_closed:
            self.due = job
            self._blocked.release()
            self._resumed.acquire()
            self.due = None
        if self._is_closed:
            raise Stopped

    def close(self) -> None:
        """End it, wherever it is."""
        self._is_closed = True
        if self._thread.ident is not None and not self.is_over:
            self._resumed.release()
            self._blocked.acquire()

    def _run(self) -> None:
        try:
            self._read()
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - raised in the reader
            self._error = error
        self.is_over = True
        self._blocked.release()
