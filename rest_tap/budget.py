"""The memory that all answers together may take, while they arrive and while they wait to be written."""

from __future__ import annotations

import threading
import time
import typing as t

from rest_tap.errors import Stopped

#: Bytes of each answer that are not counted, so that answers of the usual size never wait for each other.
FREE = 1 << 18
#: Bytes of all answers together beyond that.
LIMIT = 24 << 20
#: Seconds between two looks at whether the run is over.
STOP_CHECK_SECONDS = 0.5


class Budget:
    """Counts the memory of all answers, and lets them grow while there is room; those that are due may always grow.

    Answers that came early take room until they are written. They are written after those that are due, so the latter
    must not wait for room; nor for a thread, when all of these wait for room: then one of them goes on.
    """

    def __init__(self, is_stopped: t.Callable[[], bool], limit: int = LIMIT) -> None:
        """Start with all room free."""
        self._is_stopped = is_stopped
        self._limit = limit
        #: How many bytes are counted.
        self.used = 0
        self._due: tuple[object, ...] = ()
        #: Whose answers are on their way or wait to be written, by lease.
        self._owners: dict[int, object] = {}
        #: The lease that may grow because what is due waits for a thread.
        self._favoured = 0
        # An RLock, because ``Lease.__del__`` may run while this thread holds it.
        self._changed = threading.Condition(threading.RLock())

    def lease(self, owner: object) -> Lease:
        """Return a lease for the answer to a request; it ends with its last reference."""
        lease = Lease(self, owner)
        self._owners[id(lease)] = owner
        return lease

    def set_due(self, *owners: object) -> None:
        """Take note whose answers are waited for; nobody's, while one is written."""
        with self._changed:
            self._due = owners
            self._changed.notify_all()

    def take(self, lease: Lease, size: int) -> float:
        """Count bytes of a lease once there is room for them; return the seconds waited.

        Raises:
            Stopped: The run is over.
        """
        began = time.monotonic()
        with self._changed:
            while not self._has_room(lease, size):
                if not self._favoured and self._is_held_up():
                    self._favoured = id(lease)
                    continue
                self._changed.wait(STOP_CHECK_SECONDS)
                if self._is_stopped():
                    raise Stopped
            self.used += size
            lease.size += size
        return time.monotonic() - began

    def _has_room(self, lease: Lease, size: int) -> bool:
        is_alone = self.used == lease.size
        return self.used + size <= self._limit or is_alone or lease.owner in self._due or self._favoured == id(lease)

    def _is_held_up(self) -> bool:
        """Return whether answers are waited for of which none is on its way."""
        return bool(self._due) and not any(owner in self._due for owner in list(self._owners.values()))

    def complete(self, lease: Lease) -> None:
        """Take note that a lease grows no more."""
        if self._favoured == id(lease):
            with self._changed:
                self._favoured = 0
                self._changed.notify_all()

    def give_back(self, lease: Lease) -> None:
        """Release what was counted of a lease."""
        self.complete(lease)
        self._owners.pop(id(lease), None)
        if lease.size:
            with self._changed:
                self.used -= lease.size
                self._changed.notify_all()


class Lease:
    """The share of one answer."""

    def __init__(self, budget: Budget, owner: object) -> None:
        """Take nothing yet."""
        self.owner = owner
        self.size = 0
        self._budget = budget
        self._free = FREE

    def grow(self, size: int) -> float:
        """Take room for bytes that have come; return the seconds waited.

        Raises:
            Stopped: The run is over.
        """
        uncounted = min(size, self._free)
        self._free -= uncounted
        return self._budget.take(self, size - uncounted) if size > uncounted else 0.0

    def complete(self) -> None:
        """Take note that all has come."""
        self._budget.complete(self)

    def __del__(self) -> None:
        """Give back what was taken."""
        self._budget.give_back(self)
