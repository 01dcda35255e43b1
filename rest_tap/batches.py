"""Batch files: JSON lines, Parquet, Arrow; of the same columns and types whatever is in a batch.

The SDK's own Parquet and Arrow files take columns and types from the rows at hand: a column
that the first row lacks is dropped with all its values, an object without properties cannot be
written, and two files of a stream may not fit together. Here they follow the stream's schema.
Objects and lists are JSON text: nothing is lost that a schema does not name. In Arrow files
that text is of Arrow's own type for JSON, which the SDK's loaders decode.

JSON lines are compressed as the setting says; the SDK's always are, and its loaders fail then.
"""

from __future__ import annotations

import gzip
import importlib.util
import typing as t
from uuid import uuid4

from rest_tap.records import encoder
from rest_tap.schema import kind_of

if t.TYPE_CHECKING:
    import pyarrow as pa
    from singer_sdk.helpers._batch import BatchConfig

    from rest_tap.schema import Record, Schema

BATCH_FORMATS = ("jsonl", "parquet", "arrow")
#: Rows in a file.
BATCH_SIZE = 10_000

#: Half the time of level 9, which is gzip's usual one here, for files 6 % larger.
_GZIP_LEVEL = 6


def unusable(config: BatchConfig) -> str | None:
    """Return why batch files of this configuration cannot be written; None if they can."""
    kind, compression = config.encoding.format, config.encoding.compression
    if kind != "jsonl" and importlib.util.find_spec("pyarrow") is None:
        return f"batch files in {kind} need pyarrow: install ticketing-taps[parquet]"
    if kind == "arrow":
        if importlib.util.find_spec("singer_sdk.contrib.batch_encoder_arrow") is None:
            return "batch files in arrow need singer-sdk 0.55 or later, here and in the loader; use parquet or jsonl"
        if compression == "gzip":
            return "batch files in arrow cannot be compressed with gzip; set batch_config's compression to none"
    return None


def write(name: str, schema: Schema, records: list[Record], config: BatchConfig) -> str:
    """Write records into a file, and return its address.

    Args:
        name: What the file is called after: tap and stream.
        schema: The schema that the records follow.
        records: At least one.
        config: Format, compression and place.

    Raises:
        ValueError: A value does not have the type that the schema says.
    """
    kind, storage = config.encoding.format, config.storage
    if kind == "jsonl":
        is_compressed = config.encoding.compression == "gzip"
        suffix = "json.gz" if is_compressed else "json"
        lines = encoder.encode_lines(records)
        content: t.Any = gzip.compress(lines, _GZIP_LEVEL) if is_compressed else lines
    else:
        suffix = kind
        try:
            content = _table(schema, records, is_arrow=kind == "arrow")
        except ValueError as error:
            raise ValueError(f"{name.partition('--')[2]}: a value is not what the schema says: {error}") from None
    filename = f"{storage.prefix or ''}{name}-{uuid4()}.{suffix}"
    with storage.open(filename, "wb") as file:
        if kind == "jsonl":
            file.write(content)
        elif kind == "parquet":
            from pyarrow import parquet  # noqa: PLC0415 - with the extra parquet

            parquet.write_table(content, file, compression=config.encoding.compression or "snappy")
        else:
            import pyarrow as pa  # noqa: PLC0415 - likewise

            with pa.ipc.new_file(file, content.schema) as writer:
                writer.write_table(content)
    return storage.get_url(filename)


def _table(schema: Schema, records: list[Record], *, is_arrow: bool) -> pa.Table:
    """Return records as a table of the schema's columns.

    Raises:
        ValueError: A value does not have the type that the schema says.
    """
    import pyarrow as pa  # noqa: PLC0415 - with the extra parquet

    plain = {"boolean": pa.bool_(), "integer": pa.int64(), "number": pa.float64(), "string": pa.string()}
    columns = {}
    try:
        for name, column in schema["properties"].items():
            kind = plain.get(kind_of(column) or "")
            values = [record.get(name) for record in records]
            if kind is None:
                texts = pa.array([_text(value) for value in values], pa.string())
                columns[name] = pa.ExtensionArray.from_storage(pa.json_(), texts) if is_arrow else texts
            else:
                columns[name] = pa.array(values, kind)
    except pa.ArrowTypeError as error:
        raise ValueError(error) from None
    return pa.table(columns)


def _text(value: t.Any) -> str | None:
    return None if value is None else encoder.encode(value).decode()
