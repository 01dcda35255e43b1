"""How far a list of attendees was read: to which ticket, and of how many there were then.

One list for all events keeps it as the SDK would, lists of single events in dictionaries::

    {"replication_key": "ticket_code", "replication_key_value": "TX9K2QA", "total": 180}
    {"events": {"4100": "TX9K2QA"}, "totals": {"4100": 63}}
"""

from __future__ import annotations

import typing as t

from rest_tap.state import Bookmarks

LEVELS = ("events", "totals")


class TicketBookmark(t.NamedTuple):
    """The last ticket that was read, and the list's total when it was the last there was."""

    code: t.Any = None
    total: t.Any = None


def read_bookmark(state: t.Any, stream: str, event: t.Any) -> TicketBookmark:
    """Return a stream's bookmark for the list of an event, or (None) of all events."""
    if event is not None:
        return TicketBookmark(*(Bookmarks(state, stream, level).get(str(event)) for level in LEVELS))
    bookmark = state.get("bookmarks", {}).get(stream, {})
    return TicketBookmark(bookmark.get("replication_key_value"), bookmark.get("total"))


def write_bookmark(state: t.Any, stream: str, event: t.Any, bookmark: TicketBookmark) -> bool:
    """Keep a stream's bookmark in the state; return whether that changed anything."""
    before = read_bookmark(state, stream, event)
    if before == bookmark:
        return False
    if event is None:
        whole = {"replication_key": "ticket_code", "replication_key_value": bookmark.code, "total": bookmark.total}
        place = state.setdefault("bookmarks", {}).setdefault(stream, {})
        place.update(whole)
        for name in [name for name in whole if place[name] is None]:
            del place[name]
        return True
    for level, old, new in zip(LEVELS, before, bookmark, strict=True):
        if new is not None:
            Bookmarks(state, stream, level).put(new, str(event))
        elif old is not None:
            Bookmarks(state, stream, level).drop(str(event))
    return True
