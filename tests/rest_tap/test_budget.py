"""Answers that came ahead take bounded room, and the one that is due never waits."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from rest_tap.budget import FREE, Budget
from rest_tap.errors import Stopped

if t.TYPE_CHECKING:
    from rest_tap.budget import Lease

MB = 1 << 20


def grow_in_thread(lease: Lease, size: int) -> tuple[threading.Thread, list[t.Any]]:
    """Let a lease grow in a thread of its own; return what came of it."""
    found: list[t.Any] = []

    def run() -> None:
        try:
            found.append(lease.grow(size))
        except Stopped as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, found


def test_small_answers_are_not_counted() -> None:
    budget = Budget(lambda: False, limit=1)
    leases = [budget.lease(number) for number in range(50)]
    assert [lease.grow(FREE) for lease in leases] == [0.0] * 50
    assert budget.used == 0


def test_room_is_given_back_when_nobody_holds_the_lease() -> None:
    budget = Budget(lambda: False, limit=4 * MB)
    lease: Lease | None = budget.lease("a")
    assert lease is not None
    lease.grow(FREE + MB)
    assert budget.used == MB
    lease = None
    assert budget.used == 0


def test_an_answer_waits_for_room_until_another_has_gone() -> None:
    budget = Budget(lambda: False, limit=2 * MB)
    first: Lease | None = budget.lease("a")
    assert first is not None
    first.grow(FREE + 2 * MB)
    thread, found = grow_in_thread(budget.lease("b"), FREE + MB)
    thread.join(0.2)
    assert found == []
    first = None
    thread.join(20)
    assert len(found) == 1


def test_the_answer_that_is_due_never_waits() -> None:
    budget = Budget(lambda: False, limit=2 * MB)
    first = budget.lease("a")
    first.grow(FREE + 2 * MB)
    thread, found = grow_in_thread(budget.lease("b"), FREE + 8 * MB)
    thread.join(0.2)
    assert found == []
    budget.set_due("b")
    thread.join(20)
    assert len(found) == 1
    assert budget.used == first.size == 2 * MB, "what nobody holds is given back"


def test_an_answer_that_is_alone_never_waits() -> None:
    assert Budget(lambda: False, limit=MB).lease("a").grow(FREE + 100 * MB) < 10


def test_who_waits_for_room_hears_that_the_run_is_over() -> None:
    stopped = threading.Event()
    budget = Budget(stopped.is_set, limit=MB)
    first = budget.lease("a")
    first.grow(FREE + MB)
    thread, found = grow_in_thread(budget.lease("b"), FREE + MB)
    stopped.set()
    thread.join(20)
    assert [type(one) for one in found] == [Stopped]
    with pytest.raises(Stopped):
        budget.lease("c").grow(FREE + MB)


def test_what_is_due_and_not_even_asked_for_waits_for_no_room() -> None:
    budget = Budget(lambda: False, limit=2 * MB)
    first = budget.lease("a")
    first.grow(FREE + MB)
    first.complete()
    others = [budget.lease(name) for name in "bc"]
    for other in others:
        other.grow(FREE + MB // 2)
    ways = [grow_in_thread(other, 4 * MB) for other in others]
    time.sleep(0.2)
    assert [found for _, found in ways] == [[], []]
    budget.set_due("a")
    time.sleep(0.2)
    assert [found for _, found in ways] == [[], []], "it is on its way"
    budget.set_due("d")  # for which there is no thread before one of the others has come
    while all(thread.is_alive() for thread, _ in ways):
        time.sleep(0.01)
    time.sleep(0.2)
    assert sorted(len(found) for _, found in ways) == [0, 1], "one at a time"
    next(other for other, (_, found) in zip(others, ways, strict=True) if found).complete()
    for thread, _ in ways:
        thread.join(20)
    assert [len(found) for _, found in ways] == [1, 1]
