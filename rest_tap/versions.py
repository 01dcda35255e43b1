"""Versions of streams: which one the records of a run carry, and whether it may be activated.

A loader that is told to activate a version may delete every row that does not carry it, so a
version is activated only where every row that exists was read under it. Three ways lead there:

* one run has read every list of the stream from its beginning to its end;
* a first load has, over as many runs as it took: whatever has a bookmark was begun under
  the version, because there was none when the version began;
* the sweep has gone round once since the version began.

Rows that are left out never count as read. This module does not know the settings: a :class:`Reading` says what a run
has left out.

The state keeps a small entry for each stream, in the stream's bookmarks::

    {"version": 1764342549}                    done with: activated, or given up
    {"version": 1764342549, "loading": true}   a first load
    {"version": 1764342549, "from": 2417…}     the sweep stood there when the version began
    {"version": 0}                             records carry none
"""

from __future__ import annotations

import dataclasses
import typing as t

from rest_tap.sweep import CIRCLE

if t.TYPE_CHECKING:
    from rest_tap.state import State

KEYS = ("version", "loading", "from")


@dataclasses.dataclass(frozen=True, slots=True)
class Version:
    """What is known of a stream's version.

    Attributes:
        number: The version; 0 where records carry none.
        is_loading: Whether it began before anything of the stream was read, and the first load is not through.
        begun_at: Where the sweep stood when it began; None for a first load, and once it is done with.
    """

    number: int = 0
    is_loading: bool = False
    begun_at: int | None = None

    @classmethod
    def from_state(cls, bookmark: t.Any) -> Version | None:
        """Return the version in a stream's bookmarks; None if there is none that can be used."""
        if not isinstance(bookmark, dict) or type(bookmark.get("version")) is not int:
            return None
        begun_at = bookmark.get("from")
        return cls(bookmark["version"], bookmark.get("loading") is True, begun_at if type(begun_at) is int else None)

    def to_state(self) -> dict[str, t.Any]:
        """Return what to keep in a stream's bookmarks."""
        values = (self.number, self.is_loading or None, self.begun_at)
        return {key: value for key, value in zip(KEYS, values, strict=True) if value is not None}


@dataclasses.dataclass(slots=True)
class Reading:
    """What a run has read of one stream.

    Attributes:
        lacks: Why rows that may exist were not read, in words for the log.
        is_left_to_sweep: Whether lists were left to a later run's arc.
        is_continued: Whether a list was read on from a bookmark. One that goes on with a reading from its
            beginning is not, if that began under the same version.
    """

    lacks: set[str] = dataclasses.field(default_factory=set)
    is_left_to_sweep: bool = False
    is_continued: bool = False

    @property
    def is_whole(self) -> bool:
        """Return whether every list was read from its beginning to its end."""
        return not (self.lacks or self.is_left_to_sweep or self.is_continued)


@dataclasses.dataclass(frozen=True, slots=True)
class ReadMode:
    """How a run reads a stream, as far as its version depends on that.

    Attributes:
        is_incremental: Whether its lists go on from bookmarks.
        is_swept: Whether the run sweeps.
        is_narrowed: Whether lists without a bookmark are read from a date and not from their beginning.
    """

    is_incremental: bool
    is_swept: bool
    is_narrowed: bool = False


def begin(kept: Version | None, mode: ReadMode, *, number: int, place: int, has_bookmarks: bool) -> Version:
    """Return the version that a stream's records carry in a run that begins.

    Args:
        kept: What the state says.
        mode: How the stream is read.
        number: A new version; 0 where records carry none.
        place: Where the sweep stands.
        has_bookmarks: Whether the state has bookmarks of the stream.
    """
    if kept is not None and kept.is_loading and mode.is_narrowed:
        kept = Version(kept.number, begun_at=place if kept.number else None)
    is_loading = kept.is_loading if kept is not None else not (has_bookmarks or mode.is_narrowed)
    if not number:
        return Version(0, is_loading)
    if kept is None or not kept.number:
        # What bookmarks stand for was loaded under another version, or none.
        return Version(number, is_loading=True) if not has_bookmarks and is_loading else Version(number, begun_at=place)
    newer = max(number, kept.number + 1)
    if is_loading:
        return kept if mode.is_incremental else Version(newer, is_loading=True)
    goes_on = kept.begun_at is not None and (mode.is_incremental or mode.is_swept)
    if goes_on or (mode.is_incremental and not mode.is_swept):
        return kept
    return Version(newer, begun_at=place)


def end(version: Version, mode: ReadMode, reading: Reading, place: int | None) -> tuple[Version, bool]:
    """Return what to keep of a version after a run that came to its end, and whether to activate it.

    Args:
        version: What :func:`begin` has returned.
        mode: How the stream was read.
        reading: What was read of it.
        place: Where the sweep stands now; None if it stands where it stood.
    """
    done = Version(version.number)
    if version.is_loading:
        # The bookmarks that it went on from were begun under it; where there are none, each run has its own.
        is_continued = reading.is_continued and not mode.is_incremental
        is_through = not (reading.lacks or reading.is_left_to_sweep or is_continued)
    elif version.begun_at is None:
        return done, False
    else:
        is_swept_again = place is not None and place - version.begun_at >= CIRCLE
        is_through = reading.is_whole or (is_swept_again and not reading.lacks)
    if is_through:
        return done, bool(version.number)
    if (reading.lacks and place is not None) or not (mode.is_incremental or mode.is_swept):
        # Not all was swept that this run should have swept, so the next version begins where the sweep stands then.
        return done, False
    return version, False


class Versions:
    """The versions of all streams in one run, and what was read under them."""

    def __init__(self, state: State, *, number: int, place: int, may_activate: bool = True) -> None:
        """Take what the state keeps.

        Args:
            state: The tap's state; changed in place.
            number: A new version; 0 where records carry none.
            place: Where the sweep stands.
            may_activate: Whether this run reads everything; a shard does not, so it activates nothing.
        """
        self._state = state
        self._bookmarks: dict[str, t.Any] = state.value.setdefault("bookmarks", {})
        self._number = number
        self._place = place
        self._may_activate = may_activate
        self._modes: dict[str, ReadMode] = {}
        self.by_stream: dict[str, Version] = {}

    def begin(self, stream: str, mode: ReadMode, *, has_version: bool = True) -> None:
        """Begin with a stream, before its first record; the state says so from then on.

        Args:
            stream: Name of the stream.
            mode: How it is read.
            has_version: Whether its records carry a version, if any do.
        """
        bookmark = self._bookmarks.get(stream)
        kept = Version.from_state(bookmark)
        self._modes[stream] = mode
        number = self._number if has_version else 0
        if not self._may_activate and (kept is None or number):
            # A shard goes on with the version of all, where there is one, and begins none.
            self.by_stream[stream] = kept or Version()
            return
        has_bookmarks = isinstance(bookmark, dict) and not bookmark.keys() <= set(KEYS)
        version = begin(kept, mode, number=number, place=self._place, has_bookmarks=has_bookmarks)
        self._keep(stream, version)

    def _keep(self, stream: str, version: Version) -> None:
        self.by_stream[stream] = version
        kept = Version.from_state(self._bookmarks.get(stream))
        # Without versions and sweep there is nothing to keep.
        if version.number or self._modes[stream].is_swept or kept is not None:
            self._state.update(stream, version.to_state(), drop=KEYS)

    def number(self, stream: str) -> int | None:
        """Return the version that a stream's records carry, or None."""
        return self.by_stream[stream].number or None

    def is_loading(self, stream: str) -> bool:
        """Return whether all of a stream has to be read, whatever the sweep leaves for later."""
        return self.by_stream[stream].is_loading

    def end_loading(self, stream: str) -> None:
        """Take note that bookmarks will pass rows of a stream that were not read.

        A later run goes on from there, so this no longer counts as a first load.
        """
        version = self.by_stream.get(stream)
        if version is not None and version.is_loading and self._may_activate:
            self._keep(stream, Version(version.number, begun_at=self._place if version.number else None))

    def finish(self, readings: t.Mapping[str, Reading], place: int | None) -> list[str]:
        """Write to the state what is left of each version after a run that came to its end; return those to activate.

        Args:
            readings: What was read of each stream.
            place: Where the sweep stands now; None if it stands where it stood.
        """
        if not self._may_activate:
            return []
        activated = []
        for stream, version in self.by_stream.items():
            left, is_through = end(version, self._modes[stream], readings[stream], place)
            self._keep(stream, left)
            if is_through:
                activated.append(stream)
        if place is not None:
            # Streams that were not read were not swept.
            for stream in self._bookmarks.keys() - self.by_stream.keys():
                kept = Version.from_state(self._bookmarks[stream])
                if kept is not None and kept.begun_at is not None:
                    self._state.update(stream, Version(kept.number).to_state(), drop=KEYS)
        return activated
