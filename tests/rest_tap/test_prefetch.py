"""Requests ahead of the reader: order, bounds, errors at their place, and no thread left behind."""

from __future__ import annotations

import contextlib
import itertools
import random
import threading
import time
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rest_tap import prefetch as module
from rest_tap.prefetch import Key, Prefetch, Task

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORKERS = [1, 2, 8, 32]


class BoomError(Exception):
    """What a task of these tests raises."""


class Tree:
    """Tasks below tasks, as pages and lists below their rows: a key makes the keys below it known."""

    def __init__(self, depth: int, width: int, workers: int, work: Callable[[Key], object] = lambda _: None) -> None:
        self.depth, self.width, self.work = depth, width, work
        self.lock = threading.Lock()
        self.begun: list[Key] = []
        self.at_once = self.most_at_once = 0
        self.tasks: dict[Key, Task[Key]] = {}
        self.prefetch: Prefetch[Key] = Prefetch(workers, self.expand)

    def task(self, key: Key) -> Task[Key]:
        with self.prefetch.lock:
            if key not in self.tasks:
                self.tasks[key] = Task(key, lambda: self.run(key))
            return self.tasks[key]

    def run(self, key: Key) -> Key:
        with self.lock:
            self.begun.append(key)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.work(key)
            return key
        finally:
            with self.lock:
                self.at_once -= 1

    def below(self, key: Key) -> list[Key]:
        return [(*key, number) for number in range(self.width)] if key[0] == 0 and len(key) < self.depth else []

    def expand(self, task: Task[Key]) -> Iterator[Iterator[Task[Key]]]:
        yield (self.task(key) for key in self.below(task.key))

    def order(self, key: Key = (0,)) -> Iterator[Key]:
        """All keys in the order of the reader."""
        yield key
        for below in self.below(key):
            yield from self.order(below)

    def read(self) -> Iterator[Key]:
        for key in self.order():
            yield self.prefetch.result(self.task(key))


def waiting(seconds: float) -> Callable[[Key], None]:
    chance = random.Random(1)
    return lambda _: time.sleep(chance.uniform(0, seconds))


@pytest.mark.parametrize("workers", WORKERS)
def test_results_come_in_the_order_they_are_asked_for_whatever_order_they_arrive_in(workers: int) -> None:
    tree = Tree(4, 4, workers, waiting(0.003))
    assert list(tree.read()) == list(tree.order())
    tree.prefetch.close()


@pytest.mark.parametrize("workers", WORKERS)
def test_each_task_is_done_once_and_none_that_is_not_needed(workers: int) -> None:
    tree = Tree(4, 4, workers)
    everything = list(tree.read())
    tree.prefetch.close()
    assert sorted(tree.begun) == sorted(everything)
    assert tree.prefetch.in_flight == 0


@pytest.mark.parametrize("workers", [2, 8, 32])
def test_as_many_tasks_run_at_once_as_there_are_workers_and_no_more(workers: int) -> None:
    together = threading.Event()

    def work(key: Key) -> None:
        if tree.at_once == workers:
            together.set()
        if key != (0,):
            together.wait(1)

    tree = Tree(3, 12, workers, work)
    list(tree.read())
    tree.prefetch.close()
    assert tree.most_at_once == workers


def test_one_worker_works_in_the_readers_thread_and_only_on_what_is_asked_for() -> None:
    threads: set[threading.Thread] = set()
    tree = Tree(3, 3, 1, lambda _: threads.add(threading.current_thread()))
    for key, result in zip(tree.order(), tree.read(), strict=False):
        assert tree.begun[-1] == key == result
    tree.prefetch.close()
    assert threads == {threading.current_thread()}
    assert tree.begun == list(tree.order())


@pytest.mark.parametrize("workers", [2, 8])
def test_what_is_under_way_or_waiting_is_bounded_however_slow_the_reader_is(workers: int) -> None:
    tree = Tree(2, 500, workers)
    reader = tree.read()
    read = [next(reader) for _ in range(3)]
    deadline = time.monotonic() + 1
    while tree.prefetch.in_flight < tree.prefetch.ahead and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)
    assert tree.prefetch.in_flight == tree.prefetch.ahead
    assert len(tree.begun) <= len(read) + tree.prefetch.ahead
    tree.prefetch.close()


def test_what_is_due_later_takes_no_room_from_what_is_due_sooner() -> None:
    together = threading.Event()

    def work(key: Key) -> None:
        if key == (0, 0):
            # Its siblings are all there is to do meanwhile.
            deadline = time.monotonic() + 5
            while len(tree.begun) < 1 + tree.prefetch.ahead and time.monotonic() < deadline:
                time.sleep(0.001)
        elif key[:2] == (0, 0):
            if sum(begun[:2] == (0, 0) and len(begun) == 3 for begun in tree.begun) > 1:
                together.set()
            together.wait(5)

    tree = Tree(3, 20, 2, work)
    reading = tree.read()
    assert list(itertools.islice(reading, 3)) == [(0,), (0, 0), (0, 0, 0)]
    tree.prefetch.close()
    assert len(tree.begun) > tree.prefetch.ahead
    assert together.is_set()


def test_a_source_is_drawn_from_only_as_far_as_there_is_room() -> None:
    drawn = []

    def expand(task: Task[int]) -> Iterator[Iterator[Task[int]]]:
        def source() -> Iterator[Task[int]]:
            for number in itertools.count(1):
                drawn.append(number)
                yield Task((0, number), lambda: 0)

        if task.key == (0,):
            yield source()

    pool: Prefetch[int] = Prefetch(2, expand)
    assert pool.result(Task((0,), lambda: 7)) == 7
    time.sleep(0.05)
    assert len(drawn) <= pool.ahead + 1
    pool.close()


@pytest.mark.parametrize("workers", WORKERS)
def test_an_error_surfaces_where_its_result_is_due_and_not_before(workers: int) -> None:
    broken = (0, 2, 1)

    def work(key: Key) -> None:
        if key == broken:
            raise BoomError(key)

    tree = Tree(3, 4, workers, work)
    read: list[Key] = []
    with pytest.raises(BoomError):
        read.extend(tree.read())
    tree.prefetch.close()
    before = list(itertools.takewhile(lambda key: key != broken, tree.order()))
    assert all(key in tree.begun for key in before)
    assert len(tree.begun) <= len(before) + 1 + tree.prefetch.ahead


@pytest.mark.parametrize("workers", WORKERS)
def test_a_reader_that_forgives_an_error_goes_on(workers: int) -> None:
    def work(key: Key) -> None:
        if key[-1] == 1:
            raise BoomError

    tree, read = Tree(3, 3, workers, work), []
    for key in tree.order():
        with contextlib.suppress(BoomError):
            read.append(tree.prefetch.result(tree.task(key)))
    tree.prefetch.close()
    assert read == [key for key in tree.order() if key[-1] != 1]
    assert tree.prefetch.in_flight == 0


@pytest.mark.parametrize("workers", [2, 8])
def test_what_is_needed_first_is_done_first(workers: int) -> None:
    release = threading.Event()

    def work(key: Key) -> None:
        if key != (0,):
            release.wait(1)

    tree = Tree(2, 40, workers, work)
    tree.prefetch.result(tree.task((0,)))
    time.sleep(0.02)
    began = len(tree.begun)
    release.set()
    urgent = tree.task((0, 0, 5))
    assert tree.prefetch.result(urgent) == (0, 0, 5)
    tree.prefetch.close()
    ahead_of_it = tree.begun[began : tree.begun.index((0, 0, 5))]
    assert len(ahead_of_it) <= 2 * workers, "only what was begun already, or just then"


@settings(max_examples=15)
@given(workers=st.sampled_from([2, 5]), skipped=st.sets(st.tuples(st.just(0), st.integers(0, 5)), max_size=4))
def test_what_the_reader_leaves_out_takes_no_room(workers: int, skipped: set[Key]) -> None:
    tree = Tree(3, 6, workers)
    wanted = [key for key in tree.order() if key[:2] not in skipped]
    for key in wanted:
        assert tree.prefetch.result(tree.task(key)) == key
    tree.prefetch.result(Task((1,), lambda: (1,)))
    assert tree.prefetch.in_flight == 0
    tree.prefetch.close()


def test_a_forgotten_task_makes_nothing_known() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(key: Key) -> None:
        if key == (0, 0):
            begun.set()
            go_on.wait(1)

    tree = Tree(3, 1, 2, work)
    tree.prefetch.result(tree.task((0,)))
    begun.wait(1)
    tree.prefetch.forget(tree.task((0, 0)))
    go_on.set()
    assert tree.prefetch.result(Task((1,), lambda: (1,))) == (1,)
    tree.prefetch.close()
    assert (0, 0, 0) not in tree.begun
    assert tree.prefetch.in_flight == 0


def test_a_forgotten_task_that_waits_in_the_queue_is_not_begun() -> None:
    release = threading.Event()

    def work(key: Key) -> None:
        if key != (0,):
            release.wait(1)

    tree = Tree(2, 6, 2, work)
    tree.prefetch.result(tree.task((0,)))
    deadline = time.monotonic() + 1
    while tree.prefetch.in_flight < 6 and time.monotonic() < deadline:
        time.sleep(0.005)
    for number in range(6):
        tree.prefetch.forget(tree.task((0, number)))
    release.set()
    tree.prefetch.result(Task((1,), lambda: (1,)))
    tree.prefetch.close()
    assert len(tree.begun) <= 3


@pytest.mark.parametrize("where", ["expand", "source"])
def test_an_error_in_looking_ahead_neither_stops_the_workers_nor_hides(where: str) -> None:
    def expand(task: Task[Key]) -> Iterator[Iterator[Task[Key]]]:
        def source() -> Iterator[Task[Key]]:
            if where == "source":
                raise BoomError
            yield task

        if where == "expand":
            raise BoomError
        yield source()

    pool: Prefetch[Key] = Prefetch(2, expand)
    for number in range(10):
        task: Task[Key] = Task((number,), lambda: (1,))
        assert pool.result(task) == (1,)
    pool.close()


@pytest.mark.parametrize("workers", [2, 8, 32])
def test_no_thread_outlives_close(workers: int) -> None:
    before = threading.active_count()
    tree = Tree(2, 50, workers, waiting(0.002))
    reader = tree.read()
    for _ in range(20):
        next(reader)
    tree.prefetch.close()
    assert threading.active_count() == before


def test_close_begins_nothing_more() -> None:
    tree = Tree(2, 500, 4, lambda _: time.sleep(0.005))
    reader = tree.read()
    next(reader)
    tree.prefetch.close()
    begun = len(tree.begun)
    time.sleep(0.05)
    assert len(tree.begun) == begun
    assert begun <= 1 + tree.prefetch.ahead


def test_close_waits_a_bounded_time_for_threads_that_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    hang = threading.Event()
    tree = Tree(2, 20, 8, lambda key: key == (0,) or hang.wait(10))
    tree.prefetch.result(tree.task((0,)))
    began = time.monotonic()
    tree.prefetch.close()
    assert time.monotonic() - began < 1
    hang.set()


@pytest.mark.parametrize("workers", [1, 4])
def test_the_reader_can_do_something_before_and_while_it_waits(workers: int) -> None:
    called: list[int] = []
    pool: Prefetch[bool] = Prefetch(workers, lambda _: iter(()))
    task: Task[bool] = Task((0,), lambda: threading.Event().wait(0.05))
    assert pool.result(task, lambda: called.append(1)) is False
    assert called
    pool.close()


@pytest.mark.parametrize("workers", [1, 4])
def test_what_is_raised_while_waiting_ends_the_waiting(workers: int) -> None:
    def stop() -> None:
        raise BoomError

    release = threading.Event()
    pool: Prefetch[bool] = Prefetch(workers, lambda _: iter(()))
    with pytest.raises(BoomError):
        pool.result(Task((0,), lambda: release.wait(5)), stop)
    release.set()
    pool.close()


def test_what_the_reader_offers_is_fetched_ahead() -> None:
    tree = Tree(2, 5, 3)
    tree.prefetch.offer(tree.task((1, number)) for number in range(5))
    deadline = time.monotonic() + 1
    while len(tree.begun) < 5 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert sorted(tree.begun) == [(1, number) for number in range(5)]
    tree.prefetch.close()


def test_one_worker_fetches_nothing_that_is_only_offered() -> None:
    tree = Tree(2, 5, 1)
    tree.prefetch.offer(tree.task((1, number)) for number in range(5))
    tree.prefetch.close()
    assert tree.begun == []


@pytest.mark.parametrize(
    ("reached", "key", "has"),
    [
        ((0, 3), (0, 2), True),
        ((0, 3), (0, 3), True),
        ((0, 3, 1), (0, 3), True),
        ((0, 3), (0, 3, 0), False),
        ((0, 3), (0, 4), False),
        ((), (0,), False),
    ],
)
def test_the_reader_has_reached_what_is_not_behind_its_place(reached: Key, key: Key, has: bool) -> None:  # noqa: FBT001
    pool: Prefetch[int] = Prefetch(2, lambda _: iter(()))
    pool.reach(reached)
    assert pool.has_reached(key) is has
