"""What a run reads: the organizers and events that the settings name, as far as they are its shard's."""

from __future__ import annotations

import datetime as dt
import json
import typing as t
import zlib

from rest_tap.shards import Shards
from rest_tap.times import format_with_offset, parse_time
from tap_organizers.accounts import Accounts

if t.TYPE_CHECKING:
    from rest_tap.schema import Record
    from rest_tap.stream import Context


#: Days after its end until an event hardly changes any more, where the settings say nothing.
SWEEP_AFTER_DAYS = 30


class Scope:
    """What the settings choose. Every question is answered from values, and does nothing else.

    Attributes:
        organizers: Slugs of the organizers to read; empty for all.
        events: Slugs of the events to read, with or without their organizer's; empty for all.
        shards: Which part of the work is this run's.
        accounts: Whose tokens are read with, and which reads what.
    """

    def __init__(self, config: t.Mapping[str, t.Any], now: dt.datetime | None = None) -> None:
        """Take the settings, and the current time."""
        now = now or dt.datetime.now(dt.timezone.utc)
        self.organizers: frozenset[str] = frozenset(config.get("organizers") or ())
        self.events: frozenset[str] = frozenset(config.get("events") or ())
        self.shards = Shards(config.get("shard_index", 0), config.get("shard_count", 1))
        self.accounts = Accounts(config)
        self._divided: frozenset[str] = frozenset(config.get("shard_events_of") or ())
        self._ended_after = parse_time(config.get("events_ended_after"))
        self._settled_before = now - dt.timedelta(days=config.get("sweep_after_days", SWEEP_AFTER_DAYS))

    def wants_organizer(self, slug: object) -> bool:
        """Return whether an organizer is to be read, and this shard has anything to read below it."""
        return (not self.organizers or slug in self.organizers) and (self.owns(slug) or self._is_divided(slug))

    def wants_event(self, organizer: object, slug: object) -> bool:
        """Return whether an event is to be read, and by this shard."""
        is_named = not self.events or slug in self.events or f"{organizer}/{slug}" in self.events
        return is_named and self.owns(organizer, slug)

    def reads_below_event(self, event: Record) -> bool:
        """Return whether the lists below an event are read: not if it ended before the setting says."""
        return self._ended_after is None or not self._ended_before(event, self._ended_after)

    def is_settled(self, event: Record) -> bool:
        """Return whether an event ended so long ago that the sweep is enough for what is below it."""
        return self._ended_before(event, self._settled_before)

    @property
    def filters(self) -> str:
        """Return a name for what the settings leave out; empty if that is nothing."""
        given = {
            "organizers": sorted(self.organizers),
            "events": sorted(self.events),
            "events_ended_after": self._ended_after and format_with_offset(self._ended_after),
        }
        given = {name: value for name, value in given.items() if value}
        return f"{zlib.crc32(json.dumps(given).encode()):08x}" if given else ""

    @staticmethod
    def _ended_before(event: Record, bound: dt.datetime) -> bool:
        """Return whether an event ended before a time.

        A series has no end of its own: its last date may come any time.
        """
        if event.get("has_subevents"):
            return False
        end = parse_time(event.get("date_to")) or parse_time(event.get("date_from"))
        return end is not None and end < bound

    def owns(self, organizer: object, event: object = None) -> bool:
        """Return whether this run reads an organizer's lists, or those of an event."""
        if event is not None and self._is_divided(organizer):
            return self.shards.owns(str(organizer), str(event))
        return self.shards.owns(str(organizer))

    def owns_list(self, context: Context) -> bool:
        """Return whether this run reads an organizer's list, or an event's in place of it."""
        return "event" in context or self.owns(context["organizer"])

    def _is_divided(self, organizer: object) -> bool:
        return organizer in self._divided or "*" in self._divided
