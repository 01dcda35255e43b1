"""How the pages of a list are decoded, and which of its rows the stream maps let through.

Pages become typed rows (:mod:`rest_tap.typed`) where nothing has to look at records as such: no list stands below the
rows, and no method of the stream, no map and no batch is in the way. All others are decoded into records.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from rest_tap.messages import Messages
    from rest_tap.schema import Record
    from rest_tap.stream import Context, ListStream
    from rest_tap.tree import Node
    from rest_tap.typed import Decode, NestedStream, TypedPages


class Decoding:
    """Decides how the pages of the lists of one run are decoded."""

    def __init__(self, messages: Messages) -> None:
        """Take what knows how the records of each stream are encoded."""
        self._messages = messages
        #: What decodes the pages of a node's lists into typed rows; found out once, since there may be many lists.
        self._typed: dict[Node, TypedPages | None] = {}

    def passes(self, node: Node) -> t.Callable[[Record], bool]:
        """Return the function that says whether a node's own stream maps let a row through."""
        stream = node.stream
        if not stream.selected:
            return passes_all
        encoder = self._messages.encoder(stream)
        return passes_all if encoder.passes_all else encoder.passes

    def decoder(self, node: Node, context: Context, writes: t.Iterable[ListStream]) -> Decode | None:
        """Return what decodes the pages of a list into typed rows; None if they have to become records.

        Args:
            node: The stream in its place.
            context: Keys of what the list belongs to.
            writes: The streams that get records from its rows.
        """
        if node not in self._typed:
            self._typed[node] = self._typed_pages(node)
        typed = self._typed[node]
        if typed is None:
            return None
        nested = [self._nested(stream, context) for stream in writes if stream is not node.stream]
        if None in nested:
            return None
        return typed.decoder(node.stream.parent_columns(context), t.cast("list[NestedStream]", nested))

    def _typed_pages(self, node: Node) -> TypedPages | None:
        stream = node.stream
        if node.children or stream.nested_lists or not (stream.selected and stream.writes_rows_as_they_come):
            return None
        if stream.get_batch_config(stream.config) is not None:
            return None
        return self._messages.encoder(stream).typed(stream.records_key, stream.envelope)

    def _nested(self, stream: ListStream, context: Context) -> NestedStream | None:
        """Return what decodes the records of a stream that are nested in typed rows, if that can be done."""
        if not (stream.nested_lists and stream.writes_rows_as_they_come):
            return None
        return self._messages.encoder(stream).nested(stream.parent_columns(context), stream.nested_lists)


def passes_all(record: Record) -> bool:  # noqa: ARG001
    """Return True: no map could hold a row back."""
    return True
