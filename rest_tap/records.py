"""Rows as encoded RECORD lines.

The SDK walks every record several times; here a record is walked only where its stream's
selection or maps give a reason to, and a page is encoded at once.
"""

from __future__ import annotations

import typing as t

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.mapper import SameRecordTransform

from rest_tap.normalise import normaliser
from rest_tap.schema import UNKNOWN_FIELDS, Record
from rest_tap.selection import dropper, tree

if t.TYPE_CHECKING:
    from singer_sdk import Stream

#: Encodes whatever a message may hold.
encoder = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number")


class RecordEncoder:
    """Makes one stream's rows what leaves the tap, and encodes them as RECORD lines.

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
        self._drop = dropper(tree(left_out), shared=getattr(stream, "nested_in", None) is not None)
        self._keep_unknown = ("properties", UNKNOWN_FIELDS) not in left_out
        self._maps = stream.stream_maps
        self._version = stream._stream_version  # noqa: SLF001 - no public way to it in 0.54.9
        self._is_plain = len(self._maps) == 1 and _changes_nothing(self._maps[0])
        self._prefixes = [
            b'{"type":"RECORD","stream":' + encoder.encode(stream_map.stream_alias) + b',"record":'
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
    encoded = encoder.encode_lines(records)
    return b"".join((prefix, encoded[:-1].replace(b"\n", suffix + prefix), suffix))


def _changes_nothing(stream_map: t.Any) -> bool:
    return type(stream_map) is SameRecordTransform and not (
        stream_map.flattening_options and stream_map.flattening_enabled
    )
