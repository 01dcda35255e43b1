"""Requests ahead of the reader, in the order in which they will be needed.

The promise: results are handed out in the order the reader asks for them, whatever
order they arrive in; at most ``ahead`` results are under way or waiting at each level of
the tree of tasks, so memory does not grow with the length of a list; an error surfaces where its result is due, not
before; and a task is started only if the reader will ask for it, unless an error or a
limit ends the run first.

A task has a key, a tuple. The reader asks for tasks in ascending order of keys. A
finished task may make others known (the next pages, the children of its rows); they
come as iterators in ascending order and are drawn from only as far as there is room.
What the reader has passed without asking for it is given up, so it takes no room.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
import time
import typing as t

R = t.TypeVar("R")
Key = tuple[int, ...]

#: Seconds for threads to end that wait for an answer nobody needs any more.
PATIENCE = 3.0


class Task(t.Generic[R]):
    """Something to be done once, of which the result is needed once.

    Attributes:
        key: Place in the order of results.
        started: Whether it is under way or done.
        given_up: Whether nobody will ask for it.
    """

    __slots__ = ("done", "error", "given_up", "key", "result", "started", "work")

    def __init__(self, key: Key, work: t.Callable[[], R]) -> None:
        """Prepare a task; it is not started yet."""
        self.key = key
        self.work = work
        self.started = False
        self.given_up = False
        self.done = False
        self.result: R | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """Do the work, and keep its result or its error."""
        try:
            self.result = self.work()
        except BaseException as error:  # noqa: BLE001 - raised where the result is due
            self.error = error
        self.done = True


class Prefetch(t.Generic[R]):
    """A pool of threads that works on the tasks needed next."""

    def __init__(
        self,
        workers: int,
        expand: t.Callable[[Task[R]], t.Iterable[t.Iterator[Task[R]]]],
    ) -> None:
        """Prepare the pool; threads start when there is something to do ahead.

        Args:
            workers: Tasks under way at once. 1 does everything in the reader's thread,
                one after the other.
            expand: Tells which tasks a finished one has made known, as iterators.
        """
        self.workers = workers
        self.ahead = 2 * workers + 2
        self._expand = expand
        self._threads: list[threading.Thread] = []
        self._lock = threading.RLock()
        self._wanted = threading.Condition(self._lock)
        self._finished = threading.Condition(self._lock)
        self._queue: list[tuple[Key, int, Task[R]]] = []
        self._sources: list[tuple[Key, int, Task[R], t.Iterator[Task[R]]]] = []
        self._tiebreak = itertools.count()
        #: What is under way or waits for the reader.
        self._open: dict[int, Task[R]] = {}
        #: What the reader waits for.
        self._due: Task[R] | None = None
        self._passed: Key = ()
        self._closed = False

    @property
    def lock(self) -> threading.RLock:
        """Return the lock under which tasks are made known; guards what they share."""
        return self._lock

    @property
    def in_flight(self) -> int:
        """Return how many results are under way or waiting."""
        return len(self._open)

    def result(self, task: Task[R], idle: t.Callable[[], None] | None = None) -> R:
        """Return a task's result, waiting for it if need be.

        Args:
            task: The task whose result is due now.
            idle: Called every so often while waiting, and once before it.

        Raises:
            BaseException: Whatever the task raised.
        """
        if self.workers <= 1:
            if idle is not None:
                idle()
            task.run()
        else:
            with self._lock:
                self.reach(task.key)
                if not task.started:
                    self._start(task)
                self._due = task
                self._fill()
            while not task.done:
                if idle is not None:
                    idle()
                with self._lock:
                    if not task.done:
                        self._finished.wait(0.5)
            with self._lock:
                self._due = None
                self._open.pop(id(task), None)
                self._fill()
        if task.error is not None:
            error, task.error = task.error, None
            raise error
        return t.cast("R", task.result)

    def reach(self, key: Key) -> None:
        """Take note that the reader has come this far, and give up what it has left out."""
        with self._lock:
            self._passed = max(self._passed, key)
            for task in [task for task in self._open.values() if task.key < key]:
                self.forget(task)

    def has_reached(self, key: Key) -> bool:
        """Return whether the reader has come to this key, or to one below it."""
        return self._passed[: len(key)] >= key

    def offer(self, source: t.Iterator[Task[R]]) -> None:
        """Make tasks known that the reader itself has found, in ascending order."""
        if self.workers <= 1:
            return
        with self._lock:
            self._offer(source)
            self._fill()

    def forget(self, task: Task[R]) -> None:
        """Give up a task that the reader will not ask for after all."""
        with self._lock:
            self._open.pop(id(task), None)
            task.started = task.given_up = True

    def close(self) -> None:
        """Start nothing more, and wait for the threads to end."""
        with self._lock:
            self._closed = True
            self._queue.clear()
            self._sources.clear()
            self._wanted.notify_all()
        deadline = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start(self, task: Task[R]) -> None:
        task.started = True
        self._open[id(task)] = task
        heapq.heappush(self._queue, (task.key, next(self._tiebreak), task))
        if len(self._threads) < self.workers and len(self._threads) < len(self._open):
            thread = threading.Thread(target=self._work, name=f"prefetch-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _offer(self, source: t.Iterator[Task[R]]) -> None:
        """Take the next task of a source that the reader has not passed yet."""
        # A source that fails is at its end: the reader meets the error where it is due.
        with contextlib.suppress(Exception):
            for task in source:
                if task.key > self._passed and not task.started:
                    heapq.heappush(self._sources, (task.key, next(self._tiebreak), task, source))
                    return

    def _fill(self, awake: int = 0) -> None:
        """Begin what there is room for, and wake threads for it.

        Args:
            awake: How many threads are about to look for work anyway: to wake another one
                in place of them would cost as much as to encode a page.
        """
        while self._sources and self._has_room(self._sources[0][0]) and not self._closed:
            _, _, task, source = heapq.heappop(self._sources)
            if task.key > self._passed and not task.started:
                self._start(task)
            self._offer(source)
        if len(self._queue) > awake:
            self._wanted.notify(len(self._queue) - awake)

    def _has_room(self, key: Key) -> bool:
        """Return whether few results are under way or waiting that are due before this one.

        Those due later do not count: lists of an organizer that were begun before its
        events were known would hold all places until all lists below events are read.
        """
        return sum(task.key < key for task in self._open.values()) < self.ahead

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._queue and not self._closed:
                    self._wanted.wait()
                if self._closed:
                    return
                _, _, task = heapq.heappop(self._queue)
                if task.given_up:
                    continue
            task.run()
            with self._lock:
                self._make_known(task)
                if task is self._due:
                    self._finished.notify()

    def _make_known(self, task: Task[R]) -> None:
        """Take what a finished task has made known, and begin as much of it as there is room for."""
        if task.error is not None or task.given_up or self._closed:
            return
        with contextlib.suppress(Exception):
            for source in self._expand(task):
                self._offer(source)
        self._fill(awake=1)
