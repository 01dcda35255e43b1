"""Where messages go: standard output, many lines at a time, or batch files.

The SDK flushes every line. Here lines gather in a buffer that goes out when it is large, and when
:class:`rest_tap.messages.Messages` says so.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import time
import typing as t

from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, SchemaMessage

from rest_tap.batches import BATCH_SIZE
from rest_tap.records import encoder

if t.TYPE_CHECKING:
    from rest_tap.records import RecordEncoder
    from rest_tap.schema import Record
    from rest_tap.sdk import BatchConfig
    from rest_tap.stream import Context, ListStream

FLUSH_BYTES = 1 << 17


class BytesWriter(GenericSingerWriter[bytes, Message]):
    """Writes Singer messages to standard output, many at a time."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._buffer = bytearray()
        self._has_records = False

    def serialize_message(self, message: Message) -> bytes:
        """Return a message as one line of JSON."""
        if isinstance(message, SchemaMessage):  # which the SDK would copy first, value by value
            fields = ((field.name, getattr(message, field.name)) for field in dataclasses.fields(message))
            return encoder.encode({name: value for name, value in fields if value is not None}) + b"\n"
        return encoder.encode(message.to_dict()) + b"\n"

    def write_message(self, message: Message) -> None:
        """Append a message."""
        self.write_lines(self.serialize_message(message))

    def write_lines(self, lines: bytes) -> None:
        """Append encoded lines."""
        self._buffer += lines
        if len(self._buffer) >= FLUSH_BYTES:
            self.flush()

    def write_records(self, lines: bytes) -> None:
        """Append encoded records; the first ones go out at once, so that the loader begins, too."""
        self.write_lines(lines)
        if not self._has_records:
            self._has_records = True
            self.flush()

    def flush(self) -> None:
        """Send everything.

        Raises:
            BrokenPipeError: The loader is gone.
        """
        if not self._buffer:
            return
        data, self._buffer = self._buffer, bytearray()
        binary = getattr(sys.stdout, "buffer", None)
        if binary is None:  # standard output was replaced by a text buffer
            sys.stdout.write(data.decode())
        else:
            sys.stdout.flush()  # what others have printed comes first
            _write_all(getattr(binary, "raw", binary), data)
        sys.stdout.flush()


def _write_all(raw: t.Any, data: bytearray) -> None:
    """Write to the end, however often a write is cut short.

    Not by the buffered file in between: in Python 3.11 it loses bytes if a signal comes
    while it waits for a slow reader.
    """
    rest = memoryview(data)
    while rest:
        written = raw.write(rest)
        if written is None:  # standard output is non-blocking
            time.sleep(0.01)
        rest = rest[written or 0 :]


class Output:
    """Where a stream's records go: RECORD lines, or batch files."""

    def __init__(self, stream: ListStream, writer: BytesWriter, records: RecordEncoder) -> None:
        """Announce the stream to the loader, once."""
        stream.announce()
        self.writer = writer
        self.stream = stream
        self.encoder = records
        self.rows = 0
        self.batch: BatchConfig | None = stream.get_batch_config(stream.config)
        self._batched: list[Record] = []
        self._counter = stream.get_record_counter()
        self._timer = stream.get_sync_timer()
        self._counter.__enter__()
        self._timer.__enter__()

    def write(self, records: t.Iterable[Record], context: Context, extracted: str) -> int:
        """Write records that were read in this context; return how many bytes it made."""
        limit = self.stream.ABORT_AT_RECORD_COUNT
        rows = list(records) if limit is None else list(itertools.islice(records, max(0, limit - self.rows)))
        if not rows:
            return 0
        rows = self.encoder.prepare(rows, self.stream.parent_columns(context))
        self.rows += len(rows)
        self._counter.increment(len(rows))
        if self.batch is not None:
            self._batched += self.encoder.mapped(rows)
            if len(self._batched) >= BATCH_SIZE:
                self.flush()
            return 0
        lines = self.encoder.lines(rows, extracted)
        self.writer.write_records(lines)
        return len(lines)

    @property
    def is_full(self) -> bool:
        """Return whether the record limit of a connection test is reached."""
        limit = self.stream.ABORT_AT_RECORD_COUNT
        return limit is not None and self.rows >= limit

    def flush(self) -> None:
        """Write the batch that has gathered."""
        if self.batch is not None and self._batched:
            batch, self._batched = self._batched, []
            self.stream.write_batch(self.batch, batch)

    def close(self, error: BaseException | None) -> None:
        """End the stream's metrics."""
        kind = type(error) if error else None
        self._timer.__exit__(kind, error, None)
        self._counter.__exit__(kind, error, None)
