"""Bookmarks, as far as the SDK's own do not reach.

A stream's bookmark is a dictionary of dictionaries, keyed by what the list belongs to:

    {"bookmarks": {"orders": {"organizers": {"democon": "2026-11-22T05:57:34Z"}}}}

It stays small (only lists that are read incrementally leave anything), is found in one
step, and merges: ``meltano state merge`` goes into dictionaries and replaces lists,
which is why the SDK's list of ``partitions`` loses one shard's when two are merged.
A value that is complete is a text; one in the middle of a first load is a dictionary,
so that merging replaces the one by the other as a whole.
"""

from __future__ import annotations

import typing as t

Bookmark = str | dict[str, t.Any]


class Bookmarks:
    """The bookmarks of one stream, inside the tap's state."""

    def __init__(self, state: t.Any, stream: str, level: str) -> None:
        """Look at the part of the tap's state that is this stream's.

        Args:
            state: The tap's state; changed in place.
            stream: Name of the stream.
            level: What the keys are, e.g. ``organizers``.
        """
        self._state = state
        self._stream = stream
        self._level = level

    def _level_of(self, *, make: bool) -> dict[str, t.Any]:
        if not make:
            stream = self._state.get("bookmarks", {}).get(self._stream, {})
            level = stream.get(self._level) if isinstance(stream, dict) else None
            return level if isinstance(level, dict) else {}
        return _inside(_inside(_inside(self._state, "bookmarks"), self._stream), self._level)

    def get(self, *keys: str) -> t.Any:
        """Return what is kept under these keys, or None."""
        node: t.Any = self._level_of(make=False)
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        return node

    def put(self, value: Bookmark, *keys: str) -> bool:
        """Keep a value under these keys; return whether that changed anything."""
        if self.get(*keys) == value:
            return False
        node = self._level_of(make=True)
        for key in keys[:-1]:
            node = _inside(node, key)
        node[keys[-1]] = value
        return True

    def names(self) -> list[str]:
        """Return the first keys under which something is kept."""
        return list(self._level_of(make=False))

    def items(self) -> list[tuple[str, t.Any]]:
        """Return everything that is kept, by its first key."""
        return list(self._level_of(make=False).items())

    def drop(self, key: str) -> None:
        """Keep nothing under this key any more."""
        self._level_of(make=True).pop(key, None)


def _inside(node: dict[str, t.Any], key: str) -> dict[str, t.Any]:
    """Return the dictionary under a key; a new one if there is none, or something else."""
    inner = node.get(key)
    if not isinstance(inner, dict):
        inner = node[key] = {}
    return inner
