"""Which part of the work is this run's, where several runs share it."""

from __future__ import annotations

import dataclasses
import zlib


@dataclasses.dataclass(frozen=True)
class Shards:
    """A stable split: the same keys are the same shard's on every machine, in every run.

    (Python's own ``hash`` of a text is another one in every process.)

    Attributes:
        index: This run's number, from 0.
        count: How many runs there are.
    """

    index: int = 0
    count: int = 1

    def owns(self, *keys: str) -> bool:
        """Return whether what these keys name is read by this run."""
        return zlib.crc32("/".join(keys).encode()) % self.count == self.index
