"""A list on a server that changes between requests, and a reader that walks it as a run does."""

from __future__ import annotations

import datetime as dt
import math
import typing as t
from dataclasses import dataclass, field

from rest_tap.pagination import Answer, Pagination, Step
from rest_tap.times import parse_time

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = dict[str, t.Any]
#: Requests after which a reader is taken to go round in circles.
FOR_EVER = 3000


def at(seconds: int) -> str:
    """Return a moment as text."""
    start = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    return (start + dt.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@dataclass
class Listed:
    """Rows with ``id`` and ``at``, ordered by them, filtered by ``since``, cut into pages."""

    times: list[int]
    page_size: int = 50
    rows: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = [{"id": number, "at": at(seconds)} for number, seconds in enumerate(self.times)]
        self.now = max(self.times, default=0)

    def tick(self) -> str:
        """Return a time later than all before."""
        self.now += 1
        return at(self.now)

    def edit(self, *places: int) -> None:
        """Change rows in one go, so that they carry one time."""
        now = self.tick()
        for row in {place % len(self.rows): None for place in places} if self.rows else ():
            self.rows[row]["at"] = now

    def insert(self) -> None:
        """Add a row now."""
        self.rows.append({"id": 1000 + self.now, "at": self.tick()})

    def delete(self, place: int) -> None:
        """Take a row away."""
        if self.rows:
            del self.rows[place % len(self.rows)]

    def ask(self, step: Step) -> Answer | int:
        """Return a page, or the status 404 past the end."""
        since, until = parse_time(step.params.get("since")), parse_time(step.params.get("until"))
        rows = sorted(self.rows, key=lambda row: (row["at"], -row["id"]))
        rows = [
            dict(row)
            for row in rows
            if (since is None or parse_time(row["at"]) >= since)  # type: ignore[operator]
            and (until is None or parse_time(row["at"]) <= until)  # type: ignore[operator]
        ]
        size, page = min(self.page_size, int(str(step.params["page_size"]))), int(str(step.params["page"]))
        last = max(1, math.ceil(len(rows) / size))
        if page > last:
            return 404
        follower = f"https://elsewhere.example/?page={page + 1}" if page < last else None
        found = rows[(page - 1) * size : page * size]
        return Answer(found, {"count": len(rows), "next": follower, "results": found})


@dataclass
class Reader:
    """Walks a list as ``Run._pages`` does, with as many requests ahead as ``pick`` makes of it."""

    pagination: Pagination
    ask: Callable[[Step], Answer | int]
    #: Says which of the known steps is asked for next, by its place; 0 is the one that is due.
    pick: Callable[[int], int] = lambda _: 0
    requests: list[Step] = field(default_factory=list)
    seen: set[t.Hashable] = field(default_factory=set)

    def pages(self) -> Iterator[tuple[Step, Answer]]:
        """Yield the pages in order."""
        queue, ready = list(self.pagination.first()), dict[tuple[int, ...], tuple[Answer, t.Sequence[Step]]]()
        waiting = list(queue)
        while queue:
            step = queue.pop(0)
            while step.position not in ready:
                waiting.sort(key=lambda known: known.position)
                asked = waiting.pop(self.pick(len(waiting)) if waiting[0].position == step.position else 0)
                answer = self._fetch(asked)
                following = self.pagination.following(asked, answer)
                ready[asked.position] = (answer, following)
                waiting += following
            answer, following = ready.pop(step.position)
            elsewhere = self.pagination.moved(step, answer)
            if elsewhere is None:
                queue[:0] = following
                self.seen |= {row.get("id") for row in answer.rows}
                yield step, answer
            else:
                # Requests on their way are answered all the same, and their answers looked at.
                for stale in waiting[: self.pick(3)]:
                    self.pagination.following(stale, self._fetch(stale))
                queue, waiting, ready = list(elsewhere), list(elsewhere), {}
            if not queue:
                queue = list(self.pagination.again(len(self.seen)))
                waiting = list(queue)

    def _fetch(self, step: Step) -> Answer:
        self.requests.append(step)
        assert len(self.requests) < FOR_EVER, "the reader goes round in circles"
        answer = self.ask(step)
        if isinstance(answer, Answer):
            return answer
        assert self.pagination.ends_at(step, answer), f"status {answer} ends the run"
        return Answer([])

    def read(self) -> list[Row]:
        """Return all rows, in order, as often as they come."""
        return [row for _, answer in self.pages() for row in answer.rows]
