"""The sweep: everything is read once from its beginning within N days, a part of it in each run.

Every list has a fixed place on a ring: a hash of what it belongs to, the same on every machine.
A run sweeps the arc that the time since the last run stands for, and the state keeps how far
the sweep has come and when: two values, however many lists there are.

    {"place": 2417000000000, "at": "2026-11-22T05:52:34Z"}

The place counts on from circle to circle, so that "swept since then" is a subtraction: a
circle is closed where it has grown by :data:`CIRCLE`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import typing as t

from rest_tap.times import CLOCK_TOLERANCE, format_time, parse_time

#: Places on the ring. Whole numbers, so that two arcs that meet share no list and leave out none.
CIRCLE = 10**12
_MICROSECOND = dt.timedelta(microseconds=1)


def place_of(*keys: str) -> int:
    """Return the fixed place of what these keys name."""
    digest = hashlib.blake2b("\0".join(keys).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % CIRCLE


@dataclasses.dataclass(frozen=True, slots=True)
class Arc:
    """What one run sweeps: the places from ``begin`` to before ``end``, counted over all circles."""

    begin: int
    end: int

    def covers(self, place: int) -> bool:
        """Return whether a list at this place on the ring is swept."""
        rounds = -((place - self.begin) // CIRCLE)
        return place + rounds * CIRCLE < self.end

    @property
    def is_circle(self) -> bool:
        """Return whether every list is swept."""
        return self.end - self.begin >= CIRCLE


@dataclasses.dataclass(frozen=True, slots=True)
class SweepPosition:
    """How far the sweep has come.

    Attributes:
        place: Where the next arc begins.
        at: When the run began that has swept up to there.
        scope: What the settings limit the sweep to; empty where that is nothing.
    """

    place: int
    at: dt.datetime
    scope: str = ""

    @classmethod
    def from_state(cls, kept: t.Any) -> SweepPosition | None:
        """Return what a state keeps; None if it is nothing that can be used."""
        if not isinstance(kept, dict):
            return None
        place, at, scope = kept.get("place"), parse_time(kept.get("at")), kept.get("scope", "")
        if type(place) is not int or place < 0 or at is None or not isinstance(scope, str):
            return None
        return cls(place, at, scope)

    def to_state(self) -> dict[str, t.Any]:
        """Return what to keep in the state."""
        return {"place": self.place, "at": format_time(self.at), **({"scope": self.scope} if self.scope else {})}


class Sweep:
    """What one run reads from its beginning, though it could go on from a bookmark or leave it alone."""

    def __init__(self, arc: Arc | None = None, loading: t.Collection[str] = ()) -> None:
        """Take what the run sweeps.

        Args:
            arc: The arc; None for a run that does not sweep.
            loading: Streams that have to be read whole, whatever the arc.
        """
        self._arc = arc
        self._loading = frozenset(loading)

    def is_due(self, keys: t.Iterable[str]) -> bool:
        """Return whether the list that these keys name is swept."""
        return self._arc is not None and self._arc.covers(place_of(*keys))

    def defers(self, streams: t.Iterable[str], keys: t.Iterable[str]) -> bool:
        """Return whether a list that changes no more is deferred to a later run.

        Args:
            streams: The streams that are made of it and of what is below it.
            keys: What the list belongs to.
        """
        return self._arc is not None and not self.is_due(keys) and self._loading.isdisjoint(streams)


#: The sweep of a run that does not sweep.
NO_SWEEP = Sweep()


def arc_since(kept: SweepPosition | None, now: dt.datetime, days: int, scope: str | None = "") -> Arc:
    """Return what a run that begins now sweeps: a circle in ``days``, so much of it as has passed.

    Without anything kept, or where that is from the future or of other filters, everything is swept.

    Args:
        kept: How far the runs before have come.
        now: When this run begins.
        days: Days for a circle.
        scope: What the settings limit this run to; None for a shard.
    """
    if kept is None:
        return Arc(0, CIRCLE)
    if kept.at > now + CLOCK_TOLERANCE or kept.scope not in ("", scope):
        return Arc(kept.place, kept.place + CIRCLE)
    passed = max(0, (now - kept.at) // _MICROSECOND)
    whole = dt.timedelta(days=days) // _MICROSECOND
    # Rounded up: a circle takes no longer than promised.
    arc = Arc(kept.place, kept.place + min(CIRCLE, -(-passed * CIRCLE // whole)))
    if not arc.is_circle and not _advances(kept, scope):
        return Arc(kept.place, kept.place)
    return arc


def _advances(kept: SweepPosition | None, scope: str | None) -> bool:
    """Return whether a run advances the sweep: one that reads everything does.

    A shard has not swept the lists of other shards, nor has a run with filters swept what it left out. Such a run
    would sweep the same arc each time, so it defers that to a run that advances the sweep, unless there has been
    none for a whole circle.
    """
    return scope is not None and (kept is None or bool(kept.scope) or not scope)


def position_after(
    kept: SweepPosition | None, arc: Arc, now: dt.datetime, scope: str | None = ""
) -> SweepPosition | None:
    """Return how far the sweep has come after a run that has read all that it had to."""
    if scope is None or not _advances(kept, scope):
        return kept
    if kept is not None and now < kept.at <= now + CLOCK_TOLERANCE:
        return kept
    return SweepPosition(arc.end, now, scope)
