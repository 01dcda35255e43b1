"""Run by the Python of a loader: say what the loader makes of schemas, without the service that it loads into.

    python translate.py LOADER < SCHEMAS

Prints JSON: stream to column to type, as the loader writes it.
"""

from __future__ import annotations

import io
import json
import logging
import sys
from importlib import import_module
from typing import Any


def of_snowflake(schema: dict[str, Any]) -> dict[str, str]:
    """Return what target-snowflake makes of a stream's columns."""
    connector = import_module("target_snowflake.connector").SnowflakeConnector({"account": "none"})
    return {name: str(connector.to_sql_type(column)) for name, column in schema["properties"].items()}


def of_bigquery(schema: dict[str, Any]) -> dict[str, str]:
    """Return what z3-target-bigquery makes of a stream's columns, by the resolver that it uses if none is set."""
    translator = import_module("target_bigquery.core").SchemaTranslator(schema, {})
    return {field.name: f"{field.field_type} {field.mode}" for field in translator.translated_schema}


def of_parquet(schema: dict[str, Any]) -> dict[str, str]:
    """Return what the Parquet format of plinxore-target-s3 makes of a stream's columns; they have to fit a file."""
    kind = import_module("target_s3.formats.format_parquet").FormatParquet
    target = kind.__new__(kind)  # made as usual it looks for the object store
    target.config, target.logger, target.stream_schema = {}, logging.getLogger(), schema
    translated = target.create_schema()
    import_module("pyarrow.parquet").ParquetWriter(io.BytesIO(), translated).close()
    return {field.name: str(field.type) for field in translated}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    translate = {"snowflake": of_snowflake, "bigquery": of_bigquery, "parquet": of_parquet}[sys.argv[1]]
    json.dump({stream: translate(schema) for stream, schema in json.load(sys.stdin).items()}, sys.stdout)
