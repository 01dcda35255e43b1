"""A set that takes eight bytes for each member, for millions of keys."""

from __future__ import annotations

import array
import bisect

#: Parts of the set: short enough each to insert into.
PARTS = 4096


class NumberSet:
    """A set of numbers of 8 bytes, which takes about as much for each."""

    def __init__(self) -> None:
        """Start empty."""
        self._parts = [array.array("Q") for _ in range(PARTS)]

    def add(self, number: int) -> None:
        """Put a number into the set."""
        part = self._parts[number % PARTS]
        place = bisect.bisect_left(part, number)
        if place == len(part) or part[place] != number:
            part.insert(place, number)

    def __contains__(self, number: int) -> bool:
        """Return whether a number is in the set."""
        part = self._parts[number % PARTS]
        place = bisect.bisect_left(part, number)
        return place < len(part) and part[place] == number


def number_of(key: object) -> int:
    """Return a key as a number of 8 bytes; of a billion keys, hardly two have the same."""
    return hash(repr(key)) & 0xFFFF_FFFF_FFFF_FFFF
