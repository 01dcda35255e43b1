"""The messages of one run in their order, and when a STATE is written among them.

A STATE is written in three places, all of which are here and called by :class:`rest_tap.run.Run`:

* :meth:`Messages.begin`, before anything else, writes the state that the run begins with (not in a connection test);
* :meth:`Messages.checkpoint`, after each page and after each list, writes it if it has changed and one is due:
  five seconds after the last one, or earlier when enough records were written since then (not with batches);
* :meth:`Messages.close`, at the end, however that comes, writes it if it has changed.

It has changed when a stream has moved a bookmark, which streams do after the rows before it were written, or when
a version or the sweep has moved on: all of that is done by methods of :mod:`rest_tap.state`, which set the flag
``is_changed`` of the state. All records that have gathered are written before a STATE: it never
claims more than was written.
"""

from __future__ import annotations

import time
import typing as t

from rest_tap.output import Output
from rest_tap.records import RecordEncoder, encoder

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
    """What one run writes: each stream's SCHEMA and records, and STATE that never claims more than was written.

    Attributes:
        outputs: Where the records of each stream go that was announced.
    """

    def __init__(self, writer: BytesWriter, state: State, *, is_test: bool = False) -> None:
        """Start with nothing written.

        Args:
            writer: Takes encoded lines.
            state: The bookmarks, which are written when they have changed.
            is_test: Whether it is a connection test, which begins with no state.
        """
        self.outputs: dict[str, Output] = {}
        self._encoders: dict[str, RecordEncoder] = {}
        self._writer = writer
        self._state = state
        self._is_test = is_test
        self._state_at = time.monotonic()
        self._state_size = 0
        self._since_state = 0

    @property
    def rows(self) -> int:
        """Return how many records were written."""
        return sum(output.rows for output in self.outputs.values())

    def announce(self, stream: ListStream) -> None:
        """Write the SCHEMA of a stream, unless it is written already."""
        self.output(stream)

    def output(self, stream: ListStream) -> Output:
        """Return the output of a stream, which is announced first."""
        output = self.outputs.get(stream.name)
        if output is None:
            output = self.outputs[stream.name] = Output(stream, self._writer, self.encoder(stream))
        return output

    def encoder(self, stream: ListStream) -> RecordEncoder:
        """Return the encoder of a stream; nothing is written yet."""
        found = self._encoders.get(stream.name)
        if found is None:
            found = self._encoders[stream.name] = RecordEncoder(stream)
        return found

    def write(self, stream: ListStream, records: t.Iterable[Record], context: Context, extracted: str) -> None:
        """Write records of a stream that were read in this context."""
        self._since_state += self.output(stream).write(records, context, extracted)

    def flush(self) -> None:
        """Send what has gathered to the loader, so that it works while the network is slow."""
        self._writer.flush()

    def begin(self) -> None:
        """Write the state that the run was given, as the first message.

        A loader may take the first STATE that it gets for where the run began (target-duckdb and its relatives
        do), and pass it on before it has loaded the records that came earlier. With this one, that does no harm.
        """
        if not self._is_test:
            self._write_state()

    def checkpoint(self) -> None:
        """Write a STATE if it has changed and one is due; with batches, only after some seconds."""
        if not self._state.is_changed:
            return
        if time.monotonic() - self._state_at < STATE_SECONDS and (
            self._has_batches or self._since_state < STATE_SHARE * self._state_size
        ):
            return
        self._write_state()

    def _write_state(self) -> None:
        """Write everything that has gathered, and then the STATE that is true."""
        self._flush_batches()
        # The SDK's StateMessage would be copied first, value by value.
        line = encoder.encode({"type": "STATE", "value": self._state.value}) + b"\n"
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
                self._write_state()
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
