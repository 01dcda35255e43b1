"""Batch files in Parquet, of the same columns and types whatever is in a batch.

The SDK's own take columns and types from the rows at hand: a column that the first row
lacks is dropped with all its values, an object without properties cannot be written,
and two files of a stream may not fit together. Here they follow the stream's schema.
Objects and lists are JSON text: nothing is lost that a schema does not name.
"""

from __future__ import annotations

import typing as t
from uuid import uuid4

import msgspec
import pyarrow as pa
from pyarrow import parquet
from singer_sdk.batch import BaseBatcher

if t.TYPE_CHECKING:
    from rest_tap.schema import Record, Schema

TYPES = {"boolean": pa.bool_(), "integer": pa.int64(), "number": pa.float64(), "string": pa.string()}


class ParquetBatcher(BaseBatcher):
    """Writes a stream's records into Parquet files."""

    def __init__(self, schema: Schema, **facts: t.Any) -> None:
        """Take the schema that the records follow."""
        super().__init__(**facts)
        self._types = {name: _type(column) for name, column in schema["properties"].items()}

    def get_batches(self, records: t.Iterable[Record]) -> t.Iterator[list[str]]:
        """Write the records into one file, and yield its address.

        Raises:
            ValueError: A value does not have the type that the schema says.
        """
        rows, storage = list(records), self.batch_config.storage
        try:
            table = pa.table(
                {
                    name: pa.array([_text(row.get(name), kind) for row in rows], kind or pa.string())
                    for name, kind in self._types.items()
                }
            )
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            msg = f"{self.stream_name}: a value is not what the schema says: {error}"
            raise ValueError(msg) from None
        name = f"{storage.prefix or ''}{self.tap_name}--{self.stream_name}-{uuid4()}.parquet"
        with storage.open(name, "wb") as file:
            parquet.write_table(table, file, compression=self.batch_config.encoding.compression or "snappy")
        yield [storage.get_url(name)]


def _type(column: Schema) -> pa.DataType | None:
    """Return a column's type; None for what is written as JSON text."""
    kinds = column.get("type", ())
    named = {kinds} if isinstance(kinds, str) else set(kinds)
    only = named - {"null"}
    return TYPES.get(only.pop()) if len(only) == 1 else None


def _text(value: t.Any, kind: pa.DataType | None) -> t.Any:
    return value if kind is not None or value is None else msgspec.json.encode(value).decode()
