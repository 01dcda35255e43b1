"""Events that have ended: they leave the list of active events, and are read for some days more.

The last check-ins come after the end. The state keeps for each event the last day on which it was listed, and nothing
any more of an event that is followed no longer::

    {"events": {"active": {"4100": "2026-01-31"}}}
"""

from __future__ import annotations

import datetime as dt
import typing as t

from rest_tap.times import format_day, parse_day
from tap_ticketing.bookmarks import TicketBookmark, write_bookmark

if t.TYPE_CHECKING:
    from rest_tap.state import Bookmarks, State

#: Streams that keep a bookmark for each event.
WITH_BOOKMARKS = ("attendees", "attendee_answers")
#: Days for which ended events are followed, where the settings say nothing.
FOLLOW_DAYS = 30


class FollowedEvents:
    """Knows from the state which events have ended lately."""

    def __init__(self, config: t.Mapping[str, t.Any]) -> None:
        """Take the settings; no event is followed where one list holds the rows of all events."""
        self._is_by_event = bool(config.get("partition_by_event"))
        self._days = int(config.get("follow_ended_events_days", FOLLOW_DAYS))

    def note_active(self, state: State, events: t.Iterable[t.Any]) -> None:
        """Take note in the state of the events that are listed today."""
        if self._is_by_event:
            known = _active(state)
            for event in events:
                known.put(format_day(_today()), str(event))

    def ended_lately(self, state: State, active: t.Iterable[t.Any]) -> list[str]:
        """Return the events that left the list a short while ago, as the state knows them."""
        gone = self._not_active(state, active)
        return [event for event, days in gone.items() if self._days and days <= self._days]

    def forget(self, state: State, active: t.Iterable[t.Any]) -> None:
        """Remove the events from the state that are followed no longer, and their bookmarks."""
        for event, days in self._not_active(state, active).items():
            if not self._days or days > self._days:
                _active(state).drop(event)
                for stream in WITH_BOOKMARKS:
                    write_bookmark(state, stream, event, TicketBookmark())

    def _not_active(self, state: State, active: t.Iterable[t.Any]) -> dict[str, int]:
        """Return for how many days the known events have not been on the list."""
        if not self._is_by_event:
            return {}
        now_active = {str(event) for event in active}
        return {event: _days_since(day) for event, day in _active(state).items() if event not in now_active}


def _active(state: State) -> Bookmarks:
    """Return the last day on which each event was on the list."""
    return state.bookmarks("events", "active")


def _today() -> dt.date:
    return dt.datetime.now(dt.timezone.utc).date()


def _days_since(day: object) -> int:
    known = parse_day(day)
    return 0 if known is None else (_today() - known).days
