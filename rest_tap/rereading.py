"""Which lists a run reads from their beginning again, and which versions it activates: sweep and versions together.

The state keeps the sweep beside the streams' bookmarks, under a name that no stream has::

    {"bookmarks": {"sweep": {"place": 2417…, "at": "2026-11-22T05:52:34Z"}}}
"""

from __future__ import annotations

import dataclasses
import logging
import typing as t

from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL

from rest_tap.sweep import Sweep, SweepPosition, arc_since, position_after
from rest_tap.versions import ReadMode, Versions

if t.TYPE_CHECKING:
    import datetime as dt

    from rest_tap.report import Report
    from rest_tap.state import State
    from rest_tap.stream import ListStream
    from rest_tap.tree import Node

logger = logging.getLogger(__name__)

#: Where the state keeps the sweep.
SWEEP = "sweep"


@dataclasses.dataclass(frozen=True)
class RereadingOptions:
    """What the settings say about reading again.

    Attributes:
        days: Days in which everything is read from its beginning once; None for no sweep.
        scope: What the settings limit the run to; None for a shard.
        has_versions: Whether records carry versions.
        is_test: Whether it is a connection test, which changes nothing in the state.
    """

    days: int | None = None
    scope: str | None = ""
    has_versions: bool = False
    is_test: bool = False


class Rereading:
    """The sweep and the versions of one run."""

    def __init__(self, state: State, options: RereadingOptions, now: dt.datetime) -> None:
        """Take what the state keeps of earlier runs.

        Args:
            state: The tap's state; changed in place.
            options: What the settings say.
            now: When the run begins.
        """
        self._state = state
        self._options = options
        self._now = now
        self._before = SweepPosition.from_state(state.of(SWEEP))
        if state.of(SWEEP) and self._before is None:
            logger.warning("the state of the sweep cannot be used, so the sweep starts over")
        self._arc = None
        if options.days is not None and not options.is_test:
            self._arc = arc_since(self._before, now, options.days, options.scope)
        self._versions = Versions(
            state,
            number=int(now.timestamp()) if options.has_versions else 0,
            place=self._before.place if self._before else 0,
            may_activate=options.scope is not None,
        )

    def begin(self, nodes: t.Collection[Node]) -> None:
        """Tell the streams whose lists are read what they read anew, and which version their records carry."""
        for node in nodes:
            for stream in (node.stream, *node.nested):
                stream.version = None
                if stream.selected and not self._options.is_test:
                    self._begin_version(stream, is_narrowed=node.stream.is_narrowed)
        loading = [stream for stream in self._versions.by_stream if self._versions.is_loading(stream)]
        for node in nodes:
            node.stream.sweep = Sweep(self._arc, loading)

    def _begin_version(self, stream: ListStream, *, is_narrowed: bool) -> None:
        is_incremental = stream.replication_method == REPLICATION_INCREMENTAL
        mode = ReadMode(is_incremental, self._arc is not None, is_incremental and is_narrowed)
        self._versions.begin(stream.name, mode, has_version=stream.lists_everything)
        stream.version = self._versions.number(stream.name)

    def end_loading(self, streams: t.Iterable[str]) -> None:
        """Take note that bookmarks will pass rows of these streams that did not come."""
        for stream in streams:
            self._versions.end_loading(stream)

    def finish(self, report: Report, *, has_failed: bool) -> list[str]:
        """Move the sweep on and end the versions, after a run that came to its end; return the streams to activate.

        Args:
            report: How every list ended.
            has_failed: Whether a list could not be read that should have been: then the sweep stays.
        """
        if self._options.is_test:
            return []
        place = None
        if self._arc is not None and not has_failed:
            position = position_after(self._before, self._arc, self._now, self._options.scope)
            if position is not None and position != self._before:
                place = position.place
                self._state.update(SWEEP, position.to_state(), drop=("scope",))
        readings = {stream: report.reading(stream) for stream in self._versions.by_stream}
        activated = self._versions.finish(readings, place)
        for stream in activated:
            logger.debug("%s: read whole, its version is activated", stream)
        for stream, reading in readings.items():
            if self._versions.number(stream) and reading.lacks:
                logger.info("%s: deleted rows stay for now: %s", stream, ", ".join(sorted(reading.lacks)))
        return activated
