"""The tree of streams: which stream is read below which. Built once, from the streams and their selection.

The lists of a node's children are below its rows. Streams that are nested in its rows need no
request of their own.
"""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from rest_tap.stream import ListStream


@dataclasses.dataclass(eq=False, slots=True)
class Node:
    """A stream in its place.

    Attributes:
        stream: The stream whose list is read.
        nested: Selected streams that are nested in its rows.
        children: Nodes whose lists are below its rows.
        companions: Nodes beside it with a list of their own, whose records stand in its rows, too. They are
            taken from these where that brings all of them.
        writes: The streams that get records from a row; its own last, because writing changes the row.
    """

    stream: ListStream
    nested: list[ListStream] = dataclasses.field(default_factory=list)
    children: list[Node] = dataclasses.field(default_factory=list)
    companions: list[Node] = dataclasses.field(default_factory=list)
    writes: list[ListStream] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        """Collect the streams that get records."""
        self.writes = [*self.nested, *([self.stream] if self.stream.selected else [])]

    def names(self) -> t.Iterator[str]:
        """Yield the names of all selected streams that are made of this node's list and of what is below it."""
        for stream in self.writes:
            yield stream.name
        for child in self.children:
            yield from child.names()

    def walk(self) -> t.Iterator[Node]:
        """Yield the node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def sdk_parent(stream: ListStream) -> tuple[str, ...]:
    """Return the name of the stream that a stream stands below for the SDK, where there is one."""
    parent = stream.parent_stream_type
    return (str(t.cast("t.Any", parent).name),) if parent else ()


def build_nodes(
    streams: t.Iterable[ListStream],
    parents: t.Callable[[ListStream], t.Sequence[str]] = sdk_parent,
) -> list[Node]:
    """Return the nodes of the streams that have no parent, with all that is selected below them.

    Args:
        streams: All streams, in the order in which they are read beside each other.
        parents: Returns the names of the streams that a stream is read below.
    """
    children_of: dict[str, list[ListStream]] = {}
    roots = []
    for stream in streams:
        above = parents(stream)
        if not above:
            roots.append(stream)
        for parent in above:
            children_of.setdefault(parent, []).append(stream)

    def node(stream: ListStream) -> Node | None:
        streams = children_of.get(stream.name, ())
        nested = [child for child in streams if child.nested_in is not None and child.selected]
        children = [found for child in streams if child.nested_in is None and (found := node(child))]
        return Node(stream, nested, children) if stream.selected or nested or children else None

    return [found for root in roots if (found := node(root))]
