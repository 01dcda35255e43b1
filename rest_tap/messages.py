"""The messages of one run in their order, and when a STATE is due among them."""

from __future__ import annotations

import time
import typing as t

from rest_tap.output import Output
from rest_tap.records import RecordEncoder

if t.TYPE_CHECKING:
    from rest_tap.output import BytesWriter
    from rest_tap.schema import Record
    from rest_tap.state import State
    from rest_tap.stream import Context, ListStream

#: A STATE is due when this many seconds have passed since the last, …
STATE_SECONDS = 5.0
#: … or when the records since then are this many times its size: so STATE stays below one
#: percent of the output, however small the pages are.
STATE_SHARE = 512


class Messages:
    """What one run writes: each stream's SCHEMA and records, and STATE that is true at any moment.

    Attributes:
        outputs: Where the records of each stream go that was announced.
    """

    def __init__(self, writer: BytesWriter, state: State) -> None:
        """Start with nothing written.

        Args:
            writer: Takes encoded lines.
            state: The bookmarks, which are written when they have changed.
        """
        self.outputs: dict[str, Output] = {}
        self._encoders: dict[str, RecordEncoder] = {}
        self._writer = writer
        self._state = state
        self._state_at = time.monotonic()
        self._state_size = 0
        self._since_state = 0

    @property
    def rows(self) -> int:
        """Return how many records were written."""
        return sum(output.rows for output in self.outputs.values())

    def output(self, stream: ListStream) -> Output:
        """Return where this stream's records go; the first call announces it."""
        output = self.outputs.get(stream.name)
        if output is None:
            output = self.outputs[stream.name] = Output(stream, self._writer, self.encoder(stream))
        return output

    def encoder(self, stream: ListStream) -> RecordEncoder:
        """Return what makes this stream's rows records; nothing is announced yet."""
        encoder = self._encoders.get(stream.name)
        if encoder is None:
            encoder = self._encoders[stream.name] = RecordEncoder(stream)
        return encoder

    def write(self, stream: ListStream, records: t.Iterable[Record], context: Context, extracted: str) -> None:
        """Write records of a stream that were read in this context."""
        self._since_state += self.output(stream).write(records, context, extracted)

    def flush(self) -> None:
        """Send what has gathered to the loader, so that it works while the network is slow."""
        self._writer.flush()

    def checkpoint(self) -> None:
        """Write a STATE if it has changed and one is due; with batches, only after some seconds."""
        if not self._state.is_changed:
            return
        if time.monotonic() - self._state_at < STATE_SECONDS and (
            self._has_batches or self._since_state < STATE_SHARE * self._state_size
        ):
            return
        self.write_state()

    def write_state(self) -> None:
        """Write everything that has gathered, and then the STATE that is true."""
        self._flush_batches()
        line = self._writer.serialize_state(self._state.value)
        self._writer.write_lines(line)
        self._state_size = len(line)
        self._state_at = time.monotonic()
        self._since_state = 0
        self._state.is_changed = False
        self._writer.flush()

    def close(self, error: BaseException | None) -> None:
        """Write what has gathered, and the last STATE if it has changed; end the metrics."""
        try:
            self._flush_batches()
            if self._state.is_changed:
                self.write_state()
            self._writer.flush()
        finally:
            for output in self.outputs.values():
                output.close(error)

    @property
    def _has_batches(self) -> bool:
        return any(output.batch is not None for output in self.outputs.values())

    def _flush_batches(self) -> None:
        for output in self.outputs.values():
            output.flush()
