"""The outcomes of all lists of a run, in numbers.

A run may read a million lists, so the report keeps a count for each stream and ending, and the first few outcomes with
an error.
"""

from __future__ import annotations

import collections
import typing as t

from rest_tap.outcome import Ending, Outcome
from rest_tap.versions import Reading

#: Lists that a summary names one by one.
MAX_NAMES = 5

#: Endings that leave rows out that may exist on the server.
NOT_WHOLE = frozenset(Ending) - {Ending.COMPLETE}


class Report:
    """The outcomes of all lists, in numbers."""

    def __init__(self) -> None:
        """Start with no list read."""
        self._endings: collections.defaultdict[str, collections.Counter[Ending]] = collections.defaultdict(
            collections.Counter
        )
        self._resumed: set[str] = set()
        self._left_to_sweep: set[str] = set()
        self._errors: list[Outcome] = []

    def add(self, outcome: Outcome, *others: str) -> None:
        """Count a list.

        Args:
            outcome: How it ended.
            others: Streams that are nested in its rows, or have lists below these.
        """
        self._endings[outcome.stream][outcome.ending] += 1
        if not outcome.from_start:
            self._resumed.update((outcome.stream, *others))
        if outcome.ending is not Ending.COMPLETE:
            self.leave_out(*others)
        if outcome.error is not None:
            outcome.error.let_go()
            if self.errors_of(outcome.stream) < MAX_NAMES:
                self._errors.append(outcome)

    def leave_out(self, *streams: str) -> None:
        """Count that something of these streams was left out of the run."""
        for stream in streams:
            self._endings[stream][Ending.LEFT_OUT] += 1

    def leave_to_sweep(self, *streams: str) -> None:
        """Take note that lists of these streams were left to the sweep of a later run."""
        self._left_to_sweep.update(streams)

    def reading(self, stream: str) -> Reading:
        """Return what was read of a stream, for its version."""
        endings: t.Mapping[Ending, int] = self._endings.get(stream, {})
        return Reading(
            {ending.value for ending in endings if ending in NOT_WHOLE},
            is_left_to_sweep=stream in self._left_to_sweep,
            is_continued=stream in self._resumed,
        )

    def count(self, stream: str, *endings: Ending) -> int:
        """Return how many lists of a stream ended in one of these ways."""
        return sum(self._endings[stream][ending] for ending in endings) if stream in self._endings else 0

    def total(self, *endings: Ending) -> dict[str, int]:
        """Return how many lists ended in one of these ways, by stream, where any did."""
        return {stream: count for stream in sorted(self._endings) if (count := self.count(stream, *endings))}

    def errors_of(self, stream: str) -> int:
        """Return how many outcomes of a stream are kept with their error."""
        return sum(outcome.stream == stream for outcome in self._errors)

    def errors(self, *endings: Ending) -> list[Outcome]:
        """Return the first lists of each stream that an error ended in one of these ways."""
        return [outcome for outcome in self._errors if outcome.ending in endings]

    def is_read_to_the_end(self, stream: str) -> bool:
        """Return whether lists of a stream were read, and each of them to its end."""
        endings = self._endings.get(stream)
        return endings is not None and endings.keys() <= {Ending.COMPLETE, Ending.LEFT_OUT}
