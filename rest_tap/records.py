"""Rows as encoded RECORD lines.

The SDK walks every record several times; here a record is walked only where its stream's
selection or maps give a reason to, and a page is encoded at once.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import typing as t

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.exceptions import MapExpressionError
from singer_sdk.mapper import SameRecordTransform

from rest_tap.names import NameClearer
from rest_tap.normalise import Misfits, Normaliser, Path
from rest_tap.redact import holds_secret
from rest_tap.schema import ABSENT, UNKNOWN_FIELDS, Record
from rest_tap.selection import deselection_of, dropper
from rest_tap.typed import NestedStream, Shape, TypedPages, TypedRow, finish
from rest_tap.unexpected import Unexpected, expected_type

if t.TYPE_CHECKING:
    from singer_sdk import Stream

    from rest_tap.nested import NestedList

logger = logging.getLogger(__name__)

#: Encodes whatever a message may hold.
encoder = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number")

#: NUL as JSON writes it; what is before it is no half of an escaped backslash.
NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
#: What stands in its place, as in HTML and Markdown: PostgreSQL and others cannot keep a NUL.
REPLACEMENT = rb"\1\\ufffd"


class RecordEncoder:
    """Turns one stream's rows into records, and encodes them as RECORD lines.

    Built when the stream's first record comes, from its catalog entry and maps. What
    it does to a record that fits its schema equals what the SDK does
    (``_generate_record_messages`` in 0.54.9): drop deselected properties, conform types,
    apply maps and flattening.
    """

    def __init__(self, stream: Stream) -> None:
        """Look once at what this stream's records need."""
        self._name = stream.name
        schema = stream.effective_schema
        columns = schema.get("properties", {})
        declared = stream.schema["properties"].keys()
        without_personal_data = stream.config.get("personal_data") is False
        # A field that the server itself calls unknown_fields is unknown, too. Without personal data, so are fields
        # that only the catalog names: they may be about people.
        self._known = (declared if without_personal_data else declared | columns.keys()) - {UNKNOWN_FIELDS}
        # A field is left out by the catalog if it is deselected, or if its schema is gone.
        deselected = {crumb for crumb, selected in stream.mask.items() if not selected}
        deselected |= {("properties", name) for name in declared if name not in columns}
        self._deselection = deselection_of(deselected)
        if without_personal_data:
            self._deselection.keep_named(stream.schema)
        self._is_nested = bool(getattr(stream, "nested_lists", ()))
        # Nested records share with the rows that they stand in whatever is nested deeper.
        self._drop = dropper(
            self._deselection, self._note_left_out, shared=getattr(stream, "nested_in", None) is not None
        )
        own_keys = t.cast("t.Sequence[str]", type(stream).primary_keys)
        # Keys that only the catalog names may be null: that is up to the user.
        self._keys = [key for key in own_keys if key in stream.primary_keys]
        self._names = NameClearer()
        #: Whether the name of an unknown field inside a known object holds a secret.
        self._holds_secret = False
        self._promised = schema
        self._typed: TypedPages | None = None
        self._keep_unknown = ("properties", UNKNOWN_FIELDS) not in deselected
        self._maps = stream.stream_maps
        self._stream = stream
        self._is_plain = len(self._maps) == 1 and _changes_nothing(self._maps[0])
        self._prefixes = [
            b'{"type":"RECORD","stream":' + encoder.encode(stream_map.stream_alias) + b',"record":'
            for stream_map in self._maps
        ]
        # What a map returns may differ from its schema.
        self._fit_mapped = [
            Normaliser(stream_map.transformed_schema) for stream_map in self._maps if not self._is_plain
        ]
        self._warned_about: set[str] = set()
        #: What came that the schema does not say.
        self.unexpected = Unexpected()
        #: How many rows were left out because they lack a key.
        self.without_key = 0
        #: Parts of rows that did not come, or were no objects.
        self.absent = 0
        self._has_mapped_away = False

    @functools.cached_property
    def _normalise(self) -> Normaliser:
        """Return what makes records fit; typed rows do."""
        return Normaliser(self._promised, self._keys, declared=self._stream.schema, on_unknown=self._note_kept)

    @functools.cached_property
    def _shape(self) -> Shape:
        """Return the shape of the stream's records."""
        return Shape(self._stream.schema, self._promised, self._deselection, known=self._known)

    @property
    def has_left_out(self) -> bool:
        """Return whether rows were left out: by a map, because they lack a key, or because they did not come."""
        return self._has_mapped_away or self.unwritten > 0

    @property
    def unwritten(self) -> int:
        """Return how many rows were not written, because they lack a key or did not come."""
        return self.without_key + self.absent

    @property
    def passes_all(self) -> bool:
        """Return whether no map could hold a record back."""
        return self._is_plain

    def passes(self, record: Record) -> bool:
        """Return whether the stream's own map lets this record, and so its children, through."""
        if self._is_plain:
            return True
        with self._map_errors():
            return bool(self._maps[0].get_filter_result(record))

    def typed(self, records_key: str, envelope: t.Iterable[str]) -> TypedPages | None:
        """Return what decodes the stream's pages into typed rows, or None if it has maps, which need records.

        Args:
            records_key: Where the rows stand in an answer.
            envelope: What else in an answer is looked at.
        """
        if self._typed is None and self._is_plain:
            self._typed = TypedPages(self._shape, required=self._keys, records_key=records_key, envelope=envelope)
        return self._typed

    def nested(self, parent_keys: Record, lists: t.Sequence[NestedList]) -> NestedStream | None:
        """Return what decodes typed records out of the rows of another stream, or None if it has maps.

        Args:
            parent_keys: The parents' keys, which every record gets.
            lists: Where in a row they stand.
        """
        return NestedStream(self._name, self._shape, self._keys, parent_keys, lists) if self._is_plain else None

    def prepare(self, records: list[Record], keys: Record | None = None) -> list[Record]:
        """Turn the rows of a page into records, before maps are applied, changing them in place.

        Args:
            records: The rows; all of them are records, or all are typed rows.
            keys: The parents' keys, which each of them gets.

        Returns:
            Those that have their key; a loader could keep no others.
        """
        keys = keys or {}
        if records and isinstance(records[0], TypedRow):
            rows: t.Any = records
            finish(rows, keys, self.unexpected)
            kept = type(rows[0]).steps.unknown and type(rows[0]).steps.unknown_fields
            for row in rows if kept else ():
                if (unknown := getattr(row, kept)) is not msgspec.UNSET:
                    self._clear_names(unknown)
            return records
        records, known = self._present(records), self._known
        if self._is_nested:
            records = [self._shape.ordered({**record, **keys}) for record in records]
        for record in records:
            record.update(keys)
            if not record.keys() <= known:
                self._set_aside(record)
        if self._drop is not None:
            for record in records:
                self._drop(record)
        records = self._made_to_fit(self._normalise, records, keep=self._keep_unknown)
        if self._holds_secret:
            self._clear_names(records)
            self._holds_secret = False
        return records

    def _clear_names(self, value: t.Any) -> None:
        """Take secrets out of the names inside a value, in place."""
        self._names.clear(value)
        if self._names.has_cleared:
            self._warn("names", "the server sends names of fields that hold the credential; *** stands in its place")

    def _made_to_fit(self, normalise: Normaliser, records: list[Record], *, keep: bool) -> list[Record]:
        """Make records fit the schema, keep the values that do not fit, and leave out records without a key."""
        misfits = normalise(records)
        if not misfits:
            return records
        for index, found in misfits.items():
            self._keep_raw(records[index], found, keep=keep)
        whole = [record for record in records if not normalise.lacks_key(record)]
        if len(whole) < len(records):
            self.without_key += len(records) - len(whole)
            self._warn("a key", "a row without its key was left out: no loader could identify it")
        return whole

    def _present(self, records: list[Record]) -> list[Record]:
        """Leave out the parts of rows that did not come."""
        present = [record for record in records if ABSENT not in record]
        if len(present) == len(records):
            return records
        self.absent += len(records) - len(present)
        self._warn("absent", "a nested list is missing or holds something else than objects: its rows are missing")
        return present

    def _set_aside(self, record: Record) -> None:
        unknown = {name: record.pop(name) for name in record.keys() - self._known}
        for name, value in unknown.items():
            self.unexpected.count_unknown("", name, value, is_kept=self._keep_unknown)
        if self._keep_unknown:
            self._clear_names(unknown)
            record[UNKNOWN_FIELDS] = dict(sorted(unknown.items()))

    def _note_kept(self, path: str, name: str, value: t.Any) -> None:
        self._holds_secret = self._holds_secret or self._names.holds_secret(name, value)
        self.unexpected.count_unknown(path, name, value, is_kept=True)

    def _note_left_out(self, path: str, name: str, value: t.Any) -> None:
        self.unexpected.count_unknown(path, name, value, is_kept=False)

    def _keep_raw(self, record: Record, misfits: Misfits, *, keep: bool) -> None:
        """Keep the values that became null in ``unknown_fields``, and warn."""
        for path, value in misfits:
            # Where a part of the value is to be left out, it is not known which part of this one that is.
            is_kept = keep and not self._deselection.reaches(path)
            if is_kept:
                self._clear_names(value)
                record[UNKNOWN_FIELDS] = {format_path(path): value, **(record.get(UNKNOWN_FIELDS) or {})}
            name = format_field(path)
            self.unexpected.count_misfit(name, expected_type(self._promised, path), value, is_kept=is_kept)
            self._warn(
                name,
                f"{name} is sometimes not what the schema says, and then null"
                f" ({'the value is kept in unknown_fields' if is_kept else 'the value is left out'})",
            )

    def _warn(self, about: str, message: str) -> None:
        """Log something about this stream, once."""
        if about not in self._warned_about:
            self._warned_about.add(about)
            logger.warning("%s: %s", self._name, message)

    def lines(self, records: list[Record], extracted: str) -> bytes:
        """Return the RECORD lines of prepared records; none for those that are mapped away.

        Args:
            records: Prepared records.
            extracted: When they arrived, in ISO 8601.
        """
        number = self._stream._stream_version  # noqa: SLF001 - of the SDK; rest_tap.sdk is above this module
        version = "" if number is None else f',"version":{number}'
        suffix = f'{version},"time_extracted":"{extracted}"}}\n'.encode()
        if len(self._maps) == 1:
            return self._lines(self._prefixes[0], self._mapped(records), suffix)
        # The SDK writes what the maps make of one record before it turns to the next one.
        return b"".join(
            self._lines(prefix, self._map(number, [record]), suffix)
            for record in records
            for number, prefix in enumerate(self._prefixes)
        )

    def mapped(self, records: list[Record]) -> list[Record]:
        """Return prepared records as the primary map makes them, for a batch."""
        records = self._mapped(records)
        records, encoded = self._encoded(records, encoder.encode)
        without_nul = self._without_nul(encoded)
        return records if without_nul is encoded else msgspec.json.decode(without_nul)

    def _mapped(self, records: list[Record]) -> list[Record]:
        return records if self._is_plain else self._map(0, records)

    def _map(self, number: int, records: list[Record]) -> list[Record]:
        """Return records as a map makes them, without those that it leaves out."""
        with self._map_errors():
            found = [_transformed(self._maps[number], record) for record in records]
        mapped = [record for record in found if record is not None]
        self._has_mapped_away |= len(mapped) < len(records)
        return self._made_to_fit(self._fit_mapped[number], mapped, keep=False)

    @contextlib.contextmanager
    def _map_errors(self) -> t.Iterator[None]:
        """Turn whatever an expression of a map raises into an error of one line, without the value that it fails on.

        Raises:
            MapExpressionError: Whatever it was.
        """
        try:
            yield
        except MapExpressionError:
            raise
        except Exception as error:  # noqa: BLE001 - an expression can do anything
            kind = type(error).__name__
            msg = f"an expression of the map of {self._name} fails on a row ({kind}); can a field of it be null?"
            raise MapExpressionError(msg) from None

    def _lines(self, prefix: bytes, records: list[Record], suffix: bytes) -> bytes:
        """Return records as lines, each between a prefix and a suffix, which ends the line.

        All are encoded at once: a line feed within a record is written as two characters, so
        those that are left stand between two records.
        """
        if not records:
            return b""
        encoded = self._without_nul(self._encoded(records, encoder.encode_lines)[1])
        return b"".join((prefix, encoded[:-1].replace(b"\n", suffix + prefix), suffix))

    def _encoded(self, records: list[Record], encode: t.Callable[[t.Any], bytes]) -> tuple[list[Record], bytes]:
        """Return records and their encoding; if they contain the credential, take it out of their names first."""
        encoded = encode(records)
        if not holds_secret(encoded):
            return records, encoded
        records = [dict(record.items()) for record in records]
        self._clear_names(records)
        return records, encode(records)

    def _without_nul(self, encoded: bytes) -> bytes:
        """Return encoded records with another character in place of NUL."""
        # Most pages have no backslash at all, which is found out in no time.
        if b"\\" not in encoded or rb"\u0000" not in encoded:
            return encoded
        replaced = NUL.sub(REPLACEMENT, encoded)
        if replaced != encoded:
            self._warn("NUL", "a text has NUL characters, which databases cannot keep; U+FFFD stands in their place")
        return replaced


def format_path(path: Path) -> str:
    """Return a path as one text: ``positions[0].valid_from``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]


def format_field(path: Path) -> str:
    """Return the field at a path, whichever element of a list it is in: ``positions[].valid_from``."""
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in path)[1:]


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


def _changes_nothing(stream_map: t.Any) -> bool:
    return type(stream_map) is SameRecordTransform and not (
        stream_map.flattening_options and stream_map.flattening_enabled
    )
