"""Singer messages as bytes, and a record's way into them.

The SDK flushes every line and walks every record several times. Here lines gather in a
buffer that goes out when it is large, after each STATE, and before the tap waits for the
network; and a record is walked only where its stream's selection or
maps give a reason to.
"""

from __future__ import annotations

import sys
import time
import typing as t

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.encoding.simple import Message, StateMessage

from rest_tap.schema import UNKNOWN_FIELDS, Record, normaliser

if t.TYPE_CHECKING:
    from singer_sdk import Stream

FLUSH_BYTES = 1 << 17

_encoder = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number")


class BytesWriter(GenericSingerWriter[bytes, Message]):
    """Writes Singer messages to standard output, many at a time."""

    def __init__(self) -> None:
        """Start with an empty buffer."""
        self._buffer = bytearray()

    def serialize_message(self, message: Message) -> bytes:
        """Return a message as one line of JSON."""
        return _encoder.encode(message.to_dict()) + b"\n"

    def serialize_state(self, state: t.Mapping[str, t.Any]) -> bytes:
        """Return a STATE message as one line of JSON; by way of the SDK's class it would be copied first."""
        return _encoder.encode({"type": "STATE", "value": state}) + b"\n"

    def write_message(self, message: Message) -> None:
        """Append a message; a STATE goes out at once, with all that it speaks of."""
        self.write_lines(self.serialize_message(message))
        if isinstance(message, StateMessage):
            self.flush()

    def write_lines(self, lines: bytes) -> None:
        """Append encoded lines."""
        self._buffer += lines
        if len(self._buffer) >= FLUSH_BYTES:
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
        if written is None:  # somebody has made standard output non-blocking
            time.sleep(0.01)
        rest = rest[written or 0 :]


class RecordPath:
    """The way of one stream's records from a row to encoded RECORD lines.

    Built when the stream's first record comes, from its catalog entry and maps. What
    it does to a record equals what the SDK does (``_generate_record_messages`` in
    0.54.9): drop deselected properties, conform types, apply maps and flattening.
    """

    def __init__(self, stream: Stream) -> None:
        """Look once at what this stream's records need."""
        self._known = stream.schema["properties"].keys()
        self._normalise = normaliser(stream.schema)
        # A field is left out by the catalog if it is deselected, or if its schema is gone.
        columns = stream.effective_schema.get("properties", {})
        left_out = {crumb for crumb, selected in stream.mask.items() if not selected}
        left_out |= {("properties", name) for name in self._known if name not in columns}
        # Rows that were cut out of others share with them whatever is nested deeper.
        self._drop = _dropper(sorted(left_out), shared=getattr(stream, "nested_in", None) is not None)
        self._keep_unknown = ("properties", UNKNOWN_FIELDS) not in left_out
        self._maps = stream.stream_maps
        self._version = stream._stream_version  # noqa: SLF001 - no public way to it in 0.54.9
        self._is_plain = len(self._maps) == 1 and _changes_nothing(self._maps[0])
        self._prefixes = [
            b'{"type":"RECORD","stream":' + _encoder.encode(stream_map.stream_alias) + b',"record":'
            for stream_map in self._maps
        ]
        #: Names of fields that no schema names, as far as seen.
        self.unknown: set[str] = set()

    def passes(self, record: Record) -> bool:
        """Return whether the stream's own map lets this record, and so its children, through."""
        return self._is_plain or bool(self._maps[0].get_filter_result(record))

    def prepare(self, records: list[Record]) -> None:
        """Make records what leaves the tap before maps, changing them in place."""
        known = self._known
        for record in records:
            if not record.keys() <= known:
                self._set_aside(record)
        self._normalise(records)
        if self._drop is not None:
            for record in records:
                self._drop(record)

    def _set_aside(self, record: Record) -> None:
        unknown = {name: record.pop(name) for name in record.keys() - self._known}
        self.unknown.update(unknown)
        if self._keep_unknown:
            record[UNKNOWN_FIELDS] = dict(sorted(unknown.items()))

    def lines(self, records: list[Record], extracted: str) -> bytes:
        """Return the RECORD lines of prepared records; none for those that are mapped away.

        Args:
            records: Prepared records.
            extracted: When they arrived, in ISO 8601.
        """
        version = f',"version":{self._version}' if self._version is not None else ""
        suffix = f'{version},"time_extracted":"{extracted}"}}\n'.encode()
        if len(self._maps) == 1:
            return _lines(self._prefixes[0], self.mapped(records), suffix)
        # The SDK writes what the maps make of one record before it turns to the next one.
        return b"".join(
            _lines(prefix, [mapped], suffix)
            for record in records
            for prefix, stream_map in zip(self._prefixes, self._maps, strict=True)
            if (mapped := _transformed(stream_map, record)) is not None
        )

    def mapped(self, records: list[Record]) -> list[Record]:
        """Return prepared records as the primary map makes them."""
        if self._is_plain:
            return records
        return [mapped for record in records if (mapped := _transformed(self._maps[0], record)) is not None]


def _transformed(stream_map: t.Any, record: Record) -> Record | None:
    """Return the record as a map makes it.

    The SDK flattens an object into columns but leaves one that is null under its own name,
    which no schema has then; target-csv fails on such a name.
    """
    mapped: Record | None = stream_map.transform(record)
    if mapped is not None and stream_map.flattening_enabled:
        columns = stream_map.transformed_schema["properties"]
        return {name: value for name, value in mapped.items() if value is not None or name in columns}
    return mapped


def _lines(prefix: bytes, records: list[Record], suffix: bytes) -> bytes:
    """Return records as lines, each between a prefix and a suffix, which ends the line.

    All are encoded at once: a line feed within a record is written as two characters, so
    those that are left stand between two records.
    """
    if not records:
        return b""
    encoded = _encoder.encode_lines(records)
    return b"".join((prefix, encoded[:-1].replace(b"\n", suffix + prefix), suffix))


def _changes_nothing(stream_map: t.Any) -> bool:
    return type(stream_map) is SameRecordTransform and not (
        stream_map.flattening_options and stream_map.flattening_enabled
    )


def _dropper(crumbs: t.Iterable[tuple[str, ...]], *, shared: bool) -> t.Callable[[Record], None] | None:
    """Return a function that removes these properties, or None if there are none.

    Args:
        crumbs: Breadcrumbs as Singer's: ``properties`` before a name, ``items`` for the
            elements of an array, which the SDK itself does not look into.
        shared: Whether others use what is inside the records, so that it is copied first.
    """
    here: set[str] = set()
    below: dict[tuple[str, bool], list[tuple[str, ...]]] = {}
    for _, name, *rest in (crumb for crumb in crumbs if crumb[:1] == ("properties",) and crumb[1:]):
        if not rest:
            here.add(name)
        else:
            is_array = rest[0] == "items"
            below.setdefault((name, is_array), []).append(tuple(rest[is_array:]))
    inner = [
        (name, is_array, dropper)
        for (name, is_array), rests in below.items()
        if name not in here and (dropper := _dropper((rest for rest in rests if rest), shared=shared)) is not None
    ]
    if not here and not inner:
        return None

    def drop(record: Record) -> None:
        for name in here:
            record.pop(name, None)
        for name, is_array, dropper in inner:
            value = record.get(name)
            if shared and value is not None:
                value = record[name] = _copied(value)
            for item in value if is_array and isinstance(value, list) else (value,):
                if isinstance(item, dict):
                    dropper(item)

    return drop


def _copied(value: t.Any) -> t.Any:
    """Return an object, or a list with the objects in it, to be changed apart from the first."""
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return dict(value) if isinstance(value, dict) else value
