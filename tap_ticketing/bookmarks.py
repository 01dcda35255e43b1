"""Bookmarks of lists of attendees: the last ticket that was read, and the number of tickets up to it.

Where fewer came than the server counted, the number of those missing stands beside it, so that each run says so
until they come.

One list for all events keeps it as the SDK would, lists of single events in dictionaries::

    {"replication_key": "ticket_code", "replication_key_value": "TX9K2QA", "total": 180}
    {"events": {"4100": "TX9K2QA"}, "totals": {"4100": 63}, "shortfalls": {"4100": 2}}
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from rest_tap.state import State

LEVELS = ("events", "totals", "shortfalls")


class TicketBookmark(t.NamedTuple):
    """The last ticket that was read, and how many there were up to it, where that is known; how many did not come."""

    code: t.Any = None
    total: t.Any = None
    shortfall: t.Any = None


def read_bookmark(state: State, stream: str, event: t.Any) -> TicketBookmark:
    """Return a stream's bookmark for the list of an event, or (None) of all events."""
    if event is not None:
        return TicketBookmark(*(state.bookmarks(stream, level).get(str(event)) for level in LEVELS))
    bookmark = state.of(stream)
    return TicketBookmark(bookmark.get("replication_key_value"), bookmark.get("total"), bookmark.get("shortfall"))


def write_bookmark(state: State, stream: str, event: t.Any, bookmark: TicketBookmark) -> None:
    """Keep a stream's bookmark in the state."""
    before = read_bookmark(state, stream, event)
    if bookmark.shortfall is None and before.shortfall is not None:
        # Not dropped: in a merged state the one of before would stand again.
        bookmark = bookmark._replace(shortfall=0)
    if before == bookmark:
        return
    if event is None:
        whole = {
            "replication_key": "ticket_code",
            "replication_key_value": bookmark.code,
            "total": bookmark.total,
            "shortfall": bookmark.shortfall,
        }
        state.update(stream, {name: value for name, value in whole.items() if value is not None}, drop=whole)
        return
    for level, new in zip(LEVELS, bookmark, strict=True):
        if new is not None:
            state.bookmarks(stream, level).put(new, str(event))
        else:
            state.bookmarks(stream, level).drop(str(event))
