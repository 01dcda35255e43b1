"""What the credential may see, as far as a run finds out.

Lists of an organizer with the rows of all its events answer 200 whatever the credential may
read, and lack the rows that it may not (docs/pretix.md, "Permissions"). That shows in the number
of events that it sees, and in the lists of single events, which answer 403.
"""

from __future__ import annotations

import collections
import contextlib
import typing as t

from rest_tap.errors import ApiError
from rest_tap.paging.page_size import ONE_ROW
from rest_tap.report import MAX_NAMES
from rest_tap.request import Request, fill_path

if t.TYPE_CHECKING:
    import logging

    from rest_tap.access import Ask
    from rest_tap.stream import Context
    from tap_organizers.client import OrganizersStream


class AccessReport:
    """Collects what the credential may see and what it is denied, to log it once."""

    def __init__(self, ask: Ask, events: OrganizersStream) -> None:
        """Start with nothing known.

        Args:
            ask: Sends a request beside the lists.
            events: The stream of events.
        """
        self._ask = ask
        self._event_stream = events
        #: Events that were read, and how many there are where that is certain; by organizer.
        self._events: collections.defaultdict[str, set[str]] = collections.defaultdict(set)
        self._counts: dict[str, int] = {}
        #: Organizers whose number of events is to be logged.
        self._to_count: set[str] = set()
        #: Organizers that had a list of all events read, by stream.
        self._lists: collections.defaultdict[OrganizersStream, set[str]] = collections.defaultdict(set)
        #: Events that had a list denied, by organizer and permission.
        self._denied: collections.defaultdict[tuple[str, str], set[str]] = collections.defaultdict(set)

    # What is known

    def add_event(self, organizer: object, slug: object) -> None:
        """Take note of an event that was read."""
        self._events[str(organizer)].add(str(slug))

    @property
    def events(self) -> set[str]:
        """Return the events that were read, as ``organizer/event``."""
        return {f"{organizer}/{slug}" for organizer, slugs in self._events.items() for slug in slugs}

    def note_all_events(self, organizer: str) -> None:
        """Take note that the events of an organizer were read to the last one."""
        self._counts[organizer] = len(self._events[organizer])

    def add_list(self, stream: OrganizersStream, context: Context) -> None:
        """Take note that an organizer's list of all events was read.

        If nothing else in the run tells how many events these are, a request at its end does. For a list
        that goes on from a bookmark that is not needed: it was logged when the list was first read.
        """
        self._lists[stream].add(context["organizer"])
        if stream.reads_all(context):
            self._to_count.add(context["organizer"])

    def finish(self) -> None:
        """Ask how many events there are, where lists of all events were read and nothing else told it."""
        for organizer in sorted(self._to_count):
            # Without an answer nothing is known, and nothing is logged.
            with contextlib.suppress(ApiError):
                self._count_events({"organizer": organizer})

    def add_denied(self, stream: OrganizersStream, context: Context) -> None:
        """Take note that an event's list was denied."""
        for permission in (stream.permission or "").split(" or "):
            self._denied[context["organizer"], permission].add(context["event"])

    def ask_for_event(self, context: Context) -> str | None:
        """Return an event of an organizer that the credential sees, if there is one; ask for it if none is known."""
        self._count_events(context)
        return min(self._events[context["organizer"]], default=None)

    def _count_events(self, context: Context) -> None:
        """Ask how many events there are, and for the first of them, unless that is known."""
        organizer = context["organizer"]
        if organizer not in self._counts:
            events = self._event_stream
            request = Request(
                fill_path(events.path, context), ONE_ROW, stream=events.name, account=events.account(context)
            )
            page = self._ask(request, events.read)
            for row in page.rows:
                self.add_event(organizer, row.get("slug"))
            self._counts[organizer] = len(page.rows) if page.count is None else page.count

    # Logging it

    def log(self, logger: logging.Logger, denied: t.Container[str]) -> None:
        """Log what the credential sees, and what is missing from which lists.

        Args:
            logger: For the lines.
            denied: Names of streams that are logged as denied already.
        """
        lists = {stream: organizers for stream, organizers in self._lists.items() if stream.name not in denied}
        if self._counts:
            seen = [f"{_number_of_events(count)} of {name}" for name, count in sorted(self._counts.items())]
            names = ", ".join(sorted(stream.name for stream in lists))
            logger.info(
                "the credential sees %s%s",
                _first_few(seen, "organizers"),
                f"; lists of all events ({names}) have rows of no others" if names else "",
            )
        kept_back: collections.defaultdict[frozenset[str], list[str]] = collections.defaultdict(list)
        for stream, organizers in lists.items():
            events = frozenset(
                f"{organizer}/{event}"
                for organizer in organizers
                for event in self._denied.get((organizer, stream.permission or ""), ())
            )
            if events:
                kept_back[events].append(stream.name)
        for events, streams in kept_back.items():
            logger.warning(
                "%s: without the rows of %s, whose own lists were denied (%s)",
                ", ".join(sorted(streams)),
                _number_of_events(len(events)),
                _first_few(sorted(events), "events"),
            )


def _number_of_events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"


def _first_few(names: list[str], noun: str) -> str:
    more = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {more:,} more {noun}" if more > 0 else "")
