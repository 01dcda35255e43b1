"""The state: bookmarks in a form that stays small and can be merged.

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


class State:
    """The tap's state, which knows whether it has changed. Only it and its :class:`Bookmarks` change it and say so.

    Attributes:
        value: What a STATE message holds.
        is_changed: Whether it has changed since that was last set to False.
    """

    def __init__(self, value: dict[str, t.Any] | None = None) -> None:
        """Take the state of an earlier run; it is changed in place."""
        self.value: dict[str, t.Any] = {} if value is None else value
        self.is_changed = False

    def of(self, stream: str) -> t.Any:
        """Return the bookmarks of a stream as they are kept; an empty dictionary if there are none."""
        return self.value.get("bookmarks", {}).get(stream, {})

    def update(self, stream: str, values: t.Mapping[str, t.Any], *, drop: t.Iterable[str] = ()) -> None:
        """Keep values directly in a stream's bookmark, where the SDK keeps its own.

        Args:
            stream: Name of the stream.
            values: What to keep, by name.
            drop: Names to remove, unless ``values`` has them.
        """
        kept = _inside(_inside(self.value, "bookmarks"), stream)
        before = dict(kept)
        for name in set(drop) - values.keys():
            kept.pop(name, None)
        kept.update(values)
        self.is_changed |= kept != before

    def keep_only(self, levels: t.Mapping[str, int], owns: t.Callable[..., bool]) -> None:
        """Drop the bookmarks of lists that another shard reads.

        Args:
            levels: What bookmarks are kept under, and how many keys lead to each there.
            owns: Whether this shard reads the list that these keys name.
        """
        for stream in list(self.value.get("bookmarks", {})):  # one with nothing left goes
            for level, depth in levels.items():
                bookmarks = self.bookmarks(stream, level)
                for keys in bookmarks.keys(depth):
                    if not owns(*keys):
                        bookmarks.drop(*keys)

    def bookmarks(self, stream: str, level: str) -> Bookmarks:
        """Return the bookmarks of a stream.

        Args:
            stream: Name of the stream.
            level: What the keys are, e.g. ``organizers``.
        """
        return Bookmarks(self, stream, level)


class Bookmarks:
    """The bookmarks of one stream, inside the tap's state."""

    def __init__(self, state: State, stream: str, level: str) -> None:
        """Take the part of the tap's state that belongs to a stream.

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
            stream = self._state.of(self._stream)
            level = stream.get(self._level) if isinstance(stream, dict) else None
            return level if isinstance(level, dict) else {}
        return _inside(_inside(_inside(self._state.value, "bookmarks"), self._stream), self._level)

    def get(self, *keys: str) -> t.Any:
        """Return what is kept under these keys, or None."""
        node: t.Any = self._level_of(make=False)
        for key in keys:
            node = node.get(key) if isinstance(node, dict) else None
        return node

    def put(self, value: Bookmark, *keys: str) -> None:
        """Keep a value under these keys."""
        if self.get(*keys) == value:
            return
        node = self._level_of(make=True)
        for key in keys[:-1]:
            node = _inside(node, key)
        node[keys[-1]] = value
        self._state.is_changed = True

    def keys(self, depth: int = 1) -> list[tuple[str, ...]]:
        """Return the keys under which something is kept.

        Args:
            depth: How many keys lead to a bookmark.
        """
        found: list[tuple[str, ...]] = [()]
        for _ in range(depth):
            found = [(*keys, key) for keys in found if isinstance(node := self.get(*keys), dict) for key in node]
        return found

    def items(self) -> list[tuple[str, t.Any]]:
        """Return everything that is kept, by its first key."""
        return list(self._level_of(make=False).items())

    def drop(self, *keys: str) -> None:
        """Remove what is kept under these keys, and the dictionaries that this leaves empty."""
        way = [self._state.value.get("bookmarks", {})]
        for key in (self._stream, self._level, *keys[:-1]):
            way.append(way[-1].get(key) if isinstance(way[-1], dict) else None)
        if not isinstance(way[-1], dict) or keys[-1] not in way[-1]:
            return
        del way[-1][keys[-1]]
        self._state.is_changed = True
        for node, key in zip(reversed(way[:-1]), reversed((self._stream, self._level, *keys[:-1])), strict=True):
            if node[key]:
                break
            del node[key]


def _inside(node: dict[str, t.Any], key: str) -> dict[str, t.Any]:
    """Return the dictionary under a key; a new one if there is none, or something else."""
    inner = node.get(key)
    if not isinstance(inner, dict):
        inner = node[key] = {}
    return inner
