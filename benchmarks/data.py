"""The rows that are served: the sandbox's, each encoded once."""

from __future__ import annotations

import bisect
import json
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sandbox import pages
from sandbox.organizers import Organizers
from sandbox.ticketing import SESSION_TOKEN, Ticketing
from sandbox.web import Request

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE_SIZE = 50
#: Filter → field of the row, and whether it is a lower bound.
TIME_FILTERS = {
    "created_since": ("datetime", True),
    "created_before": ("datetime", False),
    "modified_since": ("last_modified", True),
}


@dataclass(frozen=True)
class Scale:
    """How many rows there are."""

    events: int = 1
    #: Of each event.
    tax_rules: int = 1
    #: Of the organizer; below their event, too, where there is only one.
    orders: int = 0
    attendees: int = 0


@dataclass
class Rows:
    """A list's rows in its default order, encoded, and by which times they can be filtered."""

    encoded: list[bytes]
    #: Field → the time of each row.
    times: dict[str, list[float]] = field(default_factory=dict)

    def chosen(self, filters: tuple[tuple[str, str], ...], ordering: str) -> list[bytes]:
        """Return the rows that the filters leave, in the order asked for."""
        if not self.times or not (filters or ordering):
            return self.encoded
        return self._chosen(filters, ordering)

    @lru_cache(maxsize=256)  # noqa: B019 - lives as long as the process
    def _chosen(self, filters: tuple[tuple[str, str], ...], ordering: str) -> list[bytes]:
        name = ordering.lstrip("-")
        by = self.times.get(name, self.times["datetime"])
        places = sorted(range(len(self.encoded)), key=by.__getitem__, reverse=ordering.startswith("-"))
        for parameter, text in filters:
            column, is_lower = TIME_FILTERS[parameter]
            values, bound = self.times[column], seconds(text)
            if column == name and not ordering.startswith("-"):
                cut = bisect.bisect_left([values[place] for place in places], bound)
                places = places[cut:] if is_lower else places[:cut]
            else:
                places = [place for place in places if (values[place] >= bound) is is_lower]
        return [self.encoded[place] for place in places]

    def __hash__(self) -> int:
        """Let the answers be remembered."""
        return id(self)


def seconds(text: str) -> float:
    """Return a time as seconds since 1970."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def organizers(scale: Scale) -> dict[str, Rows]:
    """Return the lists of the organizers' API, by path."""
    box = Organizers(
        "token",
        organizers=1,
        events=scale.events,
        tax_rules=scale.tax_rules,
        orders=min(scale.orders, 400),
        rows={"orders": scale.orders},
        seed=1,
        now=NOW,
    )
    # Not only in the first event, as is usual in the sandbox.
    for organizer in box.organizers.values():
        for event in organizer.events.values():
            event.tax_rules = scale.tax_rules
    lists = {"/organizers": _walk(box, "/organizers")}
    for organizer in box.organizers.values():
        base = f"/organizers/{organizer.slug}"
        lists[f"{base}/events"] = _walk(box, f"{base}/events")
        for slug in organizer.events:
            lists[f"{base}/events/{slug}/taxrules"] = _walk(box, f"{base}/events/{slug}/taxrules")
        if scale.orders:
            lists[f"{base}/orders"] = _walk(box, f"{base}/orders")
        if scale.orders and len(organizer.events) == 1:
            lists[f"{base}/events/{next(iter(organizer.events))}/orders"] = lists[f"{base}/orders"]
    return lists


def _walk(box: Organizers, path: str) -> Rows:
    """Return all rows of a list, read from the sandbox without a network."""
    found = Rows([])
    for data, encode in _answers(box, path):
        for row in data["results"]:
            found.encoded.append(encode(row))
            if "last_modified" in row and "datetime" in row:
                for name in ("datetime", "last_modified"):
                    found.times.setdefault(name, []).append(row[name].timestamp())
    return found


def _answers(box: Organizers, path: str) -> Iterator[tuple[Any, Any]]:
    page = 1
    # The sandbox leaves out what is canceled unless it is asked not to; the benchmark always serves it.
    fixed = {"include_canceled_positions": ["true"], "include_canceled_fees": ["true"], "page_size": [str(PAGE_SIZE)]}
    while True:
        request = Request(
            "GET", f"{pages.ROOT}{path}/", "", {**fixed, "page": [str(page)]}, {"authorization": "Token token"}
        )
        answer = pages.answer(box, request)
        if answer.status != 200:
            raise RuntimeError(f"the sandbox answers {answer.status} on {path}")
        yield answer.data, answer.encode
        if answer.data["next"] is None:
            return
        page += 1


def attendees(scale: Scale) -> tuple[list[bytes], list[str]]:
    """Return the attendees, encoded, and their ticket codes."""
    box = Ticketing("mail", "password", seed=1, events=5, attendees=scale.attendees, now=NOW)
    found: list[bytes] = []
    codes: list[str] = []
    while True:
        query = {"since": [codes[-1]]} if codes else {}
        headers = {"authorization": f"Bearer {SESSION_TOKEN}"}
        answer = box.answer(Request("POST", "/ticketing/v1/attendees", "", query, headers))
        if answer is None or answer.status != 200:
            raise RuntimeError("the sandbox gives no attendees")
        rows = answer.data["attendees"]
        if not rows:
            return found, codes
        found += [json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() for row in rows]
        codes += [row["ticket_code"] for row in rows]


#: The sandbox's own clock: the same data in each run.
NOW = datetime.fromisoformat("2026-11-22T06:00:00+00:00")
