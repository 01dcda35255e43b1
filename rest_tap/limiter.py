"""When a request may go out: a rate limiter for each account."""

from __future__ import annotations

import threading
import time

from rest_tap.errors import Stopped

#: Seconds by which a request may go out early because the one before it went out late, so that a busy
#: machine keeps up the rate. A minute is taken to be longer by twice as much.
SLACK = 0.05


class RateLimiter:
    """Spreads requests over the minute, and holds all of them while the server asks to.

    After a 429 all requests of the account wait, not only the one that got it: a server may lock out
    who goes on (docs/pretix.md, "Rate limit").
    """

    def __init__(self, requests_per_minute: int | None = None) -> None:
        """Take the rate to keep; None for as fast as the answers come."""
        self._interval = (60.0 + 2 * SLACK) / requests_per_minute if requests_per_minute else 0.0
        self._next = 0.0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        #: Seconds that requests were held back, all together.
        self.waited = 0.0

    def hold(self, seconds: float) -> None:
        """Let nothing pass for so many seconds."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def acquire(self) -> None:
        """Wait for this request's turn.

        Raises:
            Stopped: The run was stopped meanwhile.
        """
        began = time.monotonic()
        while (wait := self._take(began)) > 0:
            self.sleep(wait)

    def try_acquire(self) -> bool:
        """Return whether it is this request's turn at once, and take it then.

        Raises:
            Stopped: The run was stopped meanwhile.
        """
        return self._take(time.monotonic()) <= 0

    def _take(self, began: float) -> float:
        """Take a turn if it is there; return the seconds until there is one otherwise."""
        if self._stopped.is_set():
            raise Stopped
        with self._lock:
            now = time.monotonic()
            wait = self._next - now
            if wait <= 0:
                self._next = max(self._next, now - SLACK) + self._interval
                self.waited += now - began
            return wait

    def sleep(self, seconds: float) -> None:
        """Sleep, but not longer than the run goes on.

        Raises:
            Stopped: The run was stopped meanwhile.
        """
        if self._stopped.wait(seconds):
            raise Stopped

    def stop(self) -> None:
        """Wake all that wait, and refuse all requests: the run is over."""
        self._stopped.set()
