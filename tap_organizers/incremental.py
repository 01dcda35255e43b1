"""Lists that are read on from where the last run stopped.

A bookmark is a moment of the *server's* clock, already set back by ``overlap_seconds``:
a row is stamped when it is saved but seen when its transaction commits, and two
application servers may disagree about the time. Rows on the overlap come twice; their
keys make that harmless.

    "2026-11-22T05:52:34Z"                     the list is complete up to here
    {"since": "…", "at": "…"}                  a reading from the beginning that has come as far as ``at``;
                                               once it is complete, ``since`` is the bookmark; ``version`` is
                                               the one that its records carry, if they do

A list at organizer level is kept under ``organizers`` → organizer, one at event level
under ``events`` → organizer → event.
"""

from __future__ import annotations

import datetime as dt
import typing as t

from rest_tap.paging import Keyset, Page, Paginator, TimeWindows
from rest_tap.times import CLOCK_TOLERANCE, format_minute, format_time, parse_time
from tap_organizers.client import OrganizersStream

if t.TYPE_CHECKING:
    from singer_sdk import Tap

    from rest_tap.state import Bookmarks, State
    from rest_tap.stream import Context, ListStream
    from tap_organizers.scope import Scope


#: Seconds by which an incremental reading begins before its bookmark, where the settings say nothing.
OVERLAP_SECONDS = 300
#: How old a bookmark may be before an empty list is checked for missing permissions.
STALE_AFTER = dt.timedelta(days=1)
#: The overlap where a server does not tell its time: its clock may differ from ours by as much.
UNKNOWN_CLOCK_OVERLAP = dt.timedelta(days=1)


class IncrementalStream(OrganizersStream):
    """A list with an inclusive filter on the time that moves when a row changes.

    A subclass states ``replication_key`` (the time) and ``since_parameter`` (the filter).
    """

    #: The inclusive filter on ``replication_key``.
    since_parameter: t.ClassVar[str] = ""
    #: The field that orders rows with one and the same time, for servers that do not do it by themselves.
    tie_breaker: t.ClassVar[str] = ""

    def __init__(self, tap: Tap, state: State, scope: Scope) -> None:
        """Start with no list begun."""
        super().__init__(tap, state, scope)
        self.overlap = dt.timedelta(seconds=tap.config.get("overlap_seconds", OVERLAP_SECONDS))
        #: Lists in a first load, and the bookmark that each will end with.
        self._first_loads: dict[tuple[str, ...], str | None] = {}
        #: Lists whose newest rows have been reached, and the moment that can be trusted.
        self._reached: dict[tuple[str, ...], dt.datetime] = {}
        #: Lists that are read on from the middle of a reading under another version.
        self._of_other_versions: set[tuple[str, ...]] = set()
        #: For each list in a first load, the companions that come whole with it, and whether under this run's versions.
        self._brought: dict[tuple[str, ...], dict[ListStream, bool]] = {}
        #: Lists that are read from the setting start_date.
        self._from_start_date: set[tuple[str, ...]] = set()

    # Where the bookmarks are

    def read_bookmark(self, stream: ListStream, context: Context) -> t.Any:
        """Return a stream's bookmark for the list in this context, or None; warn of one that cannot be right.

        A list with such a bookmark is read from its beginning, which costs time and never rows.
        """
        kept = self._bookmarks(stream, context).get(*bookmark_keys(context))
        if kept is None:
            kept = self._plain_bookmark(stream, context)
        times: list[t.Any] = [kept] if isinstance(kept, str) else []
        if isinstance(kept, dict):
            times = [kept.get("since"), kept.get("at")]
        latest = dt.datetime.now(dt.timezone.utc) + CLOCK_TOLERANCE
        moments = [parse_time(value) for value in times]
        if kept is not None and (not moments or not all(at is not None and at <= latest for at in moments)):
            self.logger.warning(
                "%s: the bookmark for %s is not a time in the past; reading from the beginning",
                stream.name,
                "/".join(bookmark_keys(context)),
            )
            return None
        return kept

    def _bookmarks(self, stream: ListStream, context: Context) -> Bookmarks:
        return self.state.bookmarks(stream.name, "events" if "event" in context else "organizers")

    def _plain_bookmark(self, stream: ListStream, context: Context) -> str | None:
        """Return what the SDK itself would have left for this list: a value, no overlap."""
        state = self.state.of(stream.name)
        partitions = state.get("partitions")
        partitions = partitions if isinstance(partitions, list) else []
        found = [state.get("replication_key_value")]
        found += [
            partition.get("replication_key_value")
            for partition in partitions
            if isinstance(partition, dict) and partition.get("context") == dict(context)
        ]
        value = parse_time(found[-1])
        return None if value is None else format_time(value - self.overlap)

    # Reading

    def paginator(self, context: Context) -> Paginator:
        """Begin to read on from the bookmark, or from the beginning; see :meth:`_bring_companions`."""
        keys = bookmark_keys(context)
        kept = self._bookmark_of_all(context) if self.is_incremental else None
        self._from_start_date.discard(keys)
        if kept is None and self.is_narrowed:
            kept = self.config["start_date"]
            self._from_start_date.add(keys)
        self._bring_companions(context, kept)
        if isinstance(kept, dict):
            self._first_loads[keys] = kept["since"]
            return self.first_load_paginator(context, kept["at"])
        if kept is None:
            self._first_loads[keys] = None
            return self.first_load_paginator(context, None)
        self._first_loads.pop(keys, None)
        return self.incremental_paginator(context, format_time(_moment_of(kept)))

    def _bring_companions(self, context: Context, kept: t.Any) -> None:
        """Take note of which companions come whole with the list; drop bookmarks of those that have not so far.

        If the list is read from its beginning, all of them do. If an earlier run began that and this one
        continues it, those do that have come with it so far: until the list is complete, their bookmarks
        are the same as its own. Where the sweep needs all records under one version, companions whose
        records have come under another one are read again.
        """
        keys = bookmark_keys(context)
        is_due = self.is_swept(context)
        brought = self._brought[keys] = {}
        for stream in self.companions:
            bookmarks = self._bookmarks(stream, context)
            other = bookmarks.get(*keys)
            is_of_version = kept is None or (isinstance(other, dict) and other.get("version") == stream.version)
            came_along = isinstance(kept, dict) and _is_as_far(other, kept) and (is_of_version or not is_due)
            if kept is None or came_along:
                brought[stream] = is_of_version
            if not came_along:
                bookmarks.drop(*keys)

    def includes_all(self, companion: ListStream, context: Context) -> bool:
        """Return whether this list, as read by this run and those before, includes all records of a companion."""
        return companion in self._brought.get(bookmark_keys(context), ())

    def includes_all_under_version(self, companion: ListStream, context: Context) -> bool:
        """Return whether all of these records came under the version of this run."""
        return self._brought.get(bookmark_keys(context), {}).get(companion, False)

    def _bookmark_of_all(self, context: Context) -> t.Any:
        """Return the bookmark from which all streams that the list serves can go on, or None.

        Also takes note of whether that is one of another version.

        Where the sweep has the list read from its beginning, that is None, too, unless an earlier run began
        such a reading under the versions of this run and was cut short.
        """
        streams = self.bookmarked_streams()
        every = [self.read_bookmark(stream, context) for stream in streams]
        is_due = self.is_swept(context)
        self._of_other_versions.discard(bookmark_keys(context))
        if every and all(isinstance(bookmark, dict) for bookmark in every):
            ways = [{**bookmark, "version": None} for bookmark in every]
            is_of_version = all(
                bookmark.get("version") == stream.version for bookmark, stream in zip(every, streams, strict=True)
            )
            if any(way != ways[0] for way in ways) or (is_due and not is_of_version):
                return None
            if not is_of_version:
                self._of_other_versions.add(bookmark_keys(context))
            return every[0]
        # A stream that was selected later has no bookmark yet: its rows before those
        # of the others' are missing, so the list is read for all of them again.
        if is_due or not every or not all(isinstance(bookmark, str) for bookmark in every):
            return None
        return min(every, key=_moment_of)

    @property
    def is_narrowed(self) -> bool:
        """Return whether the setting start_date limits what is read without a bookmark."""
        return self.is_incremental and self.config.get("start_date") is not None

    def skips_older(self, context: Context) -> bool:
        """Return whether this run skips the rows of the list that are older than the setting start_date."""
        return bookmark_keys(context) in self._from_start_date

    def first_load_paginator(self, context: Context, at: str | None) -> Paginator:
        """Return how the list is paged from its beginning, or from where a first load was cut short."""
        return self.incremental_paginator(context, at)

    def incremental_paginator(self, context: Context, since: str | None) -> Paginator:  # noqa: ARG002
        """Return how to page through what has changed since a moment."""
        return Keyset(
            t.cast("str", self.replication_key),
            self.since_parameter,
            since,
            self.params,
            tie_breaker=self.tie_breaker,
            keys=self.identity,
        )

    def reads_all(self, context: Context) -> bool:
        """Return whether this run reads the list from its beginning, or goes on with doing so."""
        return bookmark_keys(context) in self._first_loads

    def reads_under_version(self, context: Context) -> bool:
        """Return whether all that it has read since the list's beginning came under the versions of this run."""
        keys = bookmark_keys(context)
        return keys in self._first_loads and keys not in self._of_other_versions

    def is_stale(self, context: Context, page: Page) -> bool:
        """Return whether there is no bookmark, or one from more than a day ago."""
        if self.reads_all(context):
            return True
        kept = [parse_time(self.read_bookmark(stream, context)) for stream in self.bookmarked_streams()]
        return any(at is None or at < self._safe(page) - STALE_AFTER for at in kept)

    # Keeping the bookmark

    def page_read(self, context: Context, page: Page) -> None:
        """Move the bookmark as far as all rows have come, but not into the overlap."""
        if not self.is_incremental or not page.rows:
            return
        last = parse_time(page.reached)
        if last is not None:
            self._write_bookmark(format_time(min(last, self._trusted(context, page, last))), context)
        else:
            # All or nothing. Rows that move while pages are turned are newer than the first page.
            self._reached.setdefault(bookmark_keys(context), self._safe(page))

    def list_read(self, context: Context, page: Page) -> None:
        """Set the bookmark to when the server made the last page, less the overlap.

        Where the list did not come complete, the next run goes on where it is certain.
        """
        trusted = self._trusted(context, page)
        self._reached.pop(bookmark_keys(context), None)
        if self.is_incremental and page.is_complete:
            self._write_bookmark(format_time(trusted), context)

    def _trusted(self, context: Context, page: Page, last: dt.datetime | None = None) -> dt.datetime:
        """Return the moment up to which all rows have come.

        The first page that reaches into the overlap decides. Rows stamped there may come to
        be seen while the pages after it are read, which can take longer than the overlap
        where many rows change: the last page's time would leave them out for good.
        """
        safe = self._safe(page)
        if last is not None and last > safe:
            return self._reached.setdefault(bookmark_keys(context), safe)
        return self._reached.get(bookmark_keys(context), safe)

    def _safe(self, page: Page) -> dt.datetime:
        """Return the moment up to which a page can be trusted to hold all rows."""
        made = parse_time(page.server_time)
        if made is None:
            # Only this machine's clock is known, and not how far it is from the server's.
            return _moment_of(page.received) - max(self.overlap, UNKNOWN_CLOCK_OVERLAP)
        return made - self.overlap

    def _write_bookmark(self, value: str | dict[str, t.Any], context: Context) -> None:
        """Write the bookmark, also that of companions as long as their records come with the list.

        The bookmark of a reading from the beginning names the version of all records since then.
        """
        keys = bookmark_keys(context)
        of_version = dict.fromkeys(self.bookmarked_streams(), keys not in self._of_other_versions)
        brought = self._brought.get(keys, {})
        if isinstance(value, str):
            for stream in brought:
                self._bookmarks(stream, context).drop(*keys)
            brought = {}
        for stream, is_of_version in {**of_version, **brought}.items():
            kept = value
            if isinstance(value, dict) and stream.version is not None and is_of_version:
                kept = {**value, "version": stream.version}
            self._bookmarks(stream, context).put(kept, *keys)


class CreationOrderedStream(IncrementalStream):
    """A list that is first loaded in the order of creation, a time that never changes.

    Pages of it can be asked for ahead, several at once, and a load that was cut short
    goes on at the last creation time it wrote. What changes meanwhile is not missed:
    the bookmark that the load ends with is from before it began.
    """

    #: The time of creation, which the list's default order goes by …
    creation_field: t.ClassVar[str] = "datetime"
    #: … the inclusive filter on it, and the exclusive one for its end.
    creation_parameter: t.ClassVar[str] = "created_since"
    creation_end_parameter: t.ClassVar[str] = "created_before"

    def first_load_paginator(self, context: Context, at: str | None) -> Paginator:  # noqa: ARG002
        """Return time windows in the order of creation."""
        return TimeWindows(
            self.creation_field,
            self.creation_parameter,
            at,
            self.params,
            before_parameter=self.creation_end_parameter,
            margin=self.overlap,
            keys=self.identity,
        )

    def page_read(self, context: Context, page: Page) -> None:
        """Keep how far a first load has come, or else the bookmark."""
        keys = bookmark_keys(context)
        if keys not in self._first_loads:
            super().page_read(context, page)
        elif self.is_incremental and page.rows:
            since = self._first_loads[keys] or format_time(self._safe(page))
            self._first_loads[keys] = since
            at = parse_time(page.reached)
            if at is not None:
                self._write_bookmark({"since": since, "at": format_time(at)}, context)

    def list_read(self, context: Context, page: Page) -> None:
        """Set the bookmark; after a first load, to when that began."""
        since = self._first_loads.pop(bookmark_keys(context), None)
        if since is None:
            super().list_read(context, page)
        elif self.is_incremental and page.is_complete:
            self._write_bookmark(since, context)


class EventIncrementalStream(IncrementalStream):
    """An incremental list that each event has.

    A subclass states ``before_parameter`` if rows keep their time: pages of the first reading
    can then be asked for ahead. Rows without a time come last in it. An event whose list has never had a row leaves
    no bookmark: asking for everything costs the same request as asking for news.
    """

    #: The exclusive upper bound of ``replication_key``, where that never moves.
    before_parameter: t.ClassVar[str] = ""

    def __init__(self, tap: Tap, state: State, scope: Scope) -> None:
        """Start with no list seen."""
        super().__init__(tap, state, scope)
        self._with_rows: set[tuple[str, ...]] = set()

    def first_load_paginator(self, context: Context, at: str | None) -> Paginator:  # noqa: ARG002
        """Return time windows where rows keep their time, or else a chain."""
        if not self.before_parameter:
            return self.incremental_paginator(context, None)
        field = t.cast("str", self.replication_key)
        return TimeWindows(
            field,
            self.since_parameter,
            None,
            {**self.params, "ordering": f"{field},{self.tie_breaker}"},
            before_parameter=self.before_parameter,
            margin=self.overlap,
            keys=self.identity,
            may_lack_value=True,
        )

    def page_read(self, context: Context, page: Page) -> None:
        """Keep nothing yet: an event's list is short. But note what can be trusted."""
        if not page.rows:
            return
        keys = bookmark_keys(context)
        self._with_rows.add(keys)
        if keys in self._first_loads:
            # Rows that move while pages are turned are newer than the first of these.
            self._reached.setdefault(keys, self._safe(page))
        else:
            self._trusted(context, page, parse_time(page.reached))

    def list_read(self, context: Context, page: Page) -> None:
        """Set the bookmark, if there was ever anything to read."""
        keys = bookmark_keys(context)
        had_one = any(self.read_bookmark(stream, context) for stream in self.bookmarked_streams())
        trusted = self._trusted(context, page)
        # Of a list that did not come complete, the next run reads all once more.
        if self.is_incremental and page.is_complete and (had_one or keys in self._with_rows):
            # To the minute: there is one for each event, and a state shall stay small.
            self._write_bookmark(format_minute(trusted), context)
        self._with_rows.discard(keys)
        self._reached.pop(keys, None)

    def forget(self, context: Context) -> None:
        """Keep no bookmark for an event that only the sweep reads, so that the state does not grow with these."""
        for stream in self.bookmarked_streams():
            self._bookmarks(stream, context).drop(*bookmark_keys(context))


def bookmark_keys(context: Context) -> tuple[str, ...]:
    """Return the keys under which a list's bookmark is kept."""
    return tuple(str(context[key]) for key in ("organizer", "event") if key in context)


def _is_as_far(bookmark: t.Any, other: dict[str, t.Any]) -> bool:
    """Return whether one first load has come as far as another one, whatever version its records carry."""
    return isinstance(bookmark, dict) and {**bookmark, "version": None} == {**other, "version": None}


def _moment_of(text: str) -> dt.datetime:
    """Return a text that is known to be a time as one."""
    return t.cast("dt.datetime", parse_time(text))
