"""What a run reads: the events that are its shard's."""

from __future__ import annotations

import typing as t

from rest_tap.shards import Shards
from tap_ticketing.followed import FollowedEvents


class Scope:
    """What the settings choose.

    Attributes:
        shards: Which part of the work is this run's.
        followed: Which events are read below though they have ended.
    """

    def __init__(self, config: t.Mapping[str, t.Any]) -> None:
        """Take the settings."""
        self.shards = Shards(config.get("shard_index", 0), config.get("shard_count", 1))
        self.followed = FollowedEvents(config)

    def owns(self, event: object) -> bool:
        """Return whether an event is this shard's."""
        return self.shards.owns(str(event))
