"""A list on a server that changes between requests, and a reader that walks it as a run does."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import typing as t
from dataclasses import dataclass, field

from rest_tap.errors import BrokenAnswer
from rest_tap.paging import Page, PageRequest, Paginator, Walk
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

    def between(self) -> None:
        """Do what happens after a page's rows were counted and before they are looked up."""

    def ask(self, request: PageRequest) -> Page | int:
        """Return a page, or the status 404 past the end."""
        count = len(self._found(request))
        self.between()
        rows = self._found(request)
        size, page = min(self.page_size, int(str(request.params["page_size"]))), int(str(request.params["page"]))
        last = max(1, math.ceil(count / size))
        if page > last:
            return 404
        follower = f"https://elsewhere.example/?page={page + 1}" if page < last else None
        found = rows[(page - 1) * size : page * size]
        return Page(found, {"count": count, "next": follower, "results": found})

    def _found(self, request: PageRequest) -> list[Row]:
        since, until = parse_time(request.params.get("since")), parse_time(request.params.get("until"))
        return [
            dict(row)
            for row in sorted(self.rows, key=lambda row: (row["at"], -row["id"]))
            if (since is None or parse_time(row["at"]) >= since)  # type: ignore[operator]
            and (until is None or parse_time(row["at"]) < until)  # type: ignore[operator]
        ]


@dataclass
class Reader:
    """Reads a list as a run does, with as many requests ahead as ``pick`` makes of it."""

    paginator: Paginator
    ask: Callable[[PageRequest], Page | int]
    #: Says which of the known requests is sent next, by its place; 0 is the one that is due.
    pick: Callable[[int], int] = lambda _: 0
    requests: list[PageRequest] = field(default_factory=list)
    seen: set[t.Hashable] = field(default_factory=set)

    def pages(self) -> Iterator[tuple[PageRequest, Page]]:
        """Yield the pages in order."""
        walk, ready = Walk(self.paginator), dict[tuple[int, ...], Page]()
        while walk.go_on(len(self.seen)):
            due = walk.hand_out(walk.known[0])
            while due.position not in ready:
                waiting = [request for request in walk.known if request.position not in ready]
                request = walk.hand_out(waiting[self.pick(len(waiting))])
                page = ready[request.position] = self._fetch(request)
                if self.paginator.may_reveal_more(request):
                    with contextlib.suppress(BrokenAnswer):  # raised again when the page is due
                        walk.look(request, page)
            page = ready.pop(due.position)
            stale = [request for request in walk.known[1:] if request.position not in ready]
            if walk.admit(page):
                self.seen |= {row.get("id") for row in page.rows}
                yield due, page
            else:
                ready.clear()
                # Requests on their way are answered all the same, and their pages looked at.
                for request in stale[: self.pick(3)]:
                    walk.look(request, self._fetch(request))

    def _fetch(self, request: PageRequest) -> Page:
        self.requests.append(request)
        assert len(self.requests) < FOR_EVER, "the reader goes round in circles"
        page = self.ask(request)
        if isinstance(page, Page):
            return page
        assert self.paginator.ends_at(request, page), f"status {page} ends the run"
        return Page([], status=page)

    def read(self) -> list[Row]:
        """Return all rows, in order, as often as they come."""
        return [row for _, page in self.pages() for row in page.rows]
