"""The marts, wherever they are: rows of a query as dictionaries."""

from __future__ import annotations

import os
import typing as t

Row = dict[str, t.Any]


class Marts:
    """A connection to the database that dbt has made the marts in, and their schema."""

    def __init__(self, connection: t.Any, schema: str) -> None:
        """Take an open connection of DuckDB's or psycopg2's."""
        self._connection = connection
        self._schema = schema

    @classmethod
    def of_environment(cls) -> Marts:
        """Connect as dbt does with this package's profile: by the environment's DBT_ variables."""
        schema = os.environ.get("DBT_SCHEMA") or "marts"
        if (os.environ.get("DBT_TARGET") or "duckdb") == "duckdb":
            return cls.in_duckdb(os.environ.get("DBT_DUCKDB_PATH") or "ticketing.duckdb", schema)
        import psycopg2  # noqa: PLC0415 - an environment for DuckDB alone has none

        found = {
            "host": os.environ.get("DBT_POSTGRES_HOST") or "localhost",
            "port": os.environ.get("DBT_POSTGRES_PORT") or "5432",
            "user": os.environ.get("DBT_POSTGRES_USER") or "postgres",
            "password": os.environ.get("DBT_POSTGRES_PASSWORD") or None,
            "dbname": os.environ.get("DBT_POSTGRES_DBNAME") or "postgres",
        }
        return cls(psycopg2.connect(**found), schema)

    @classmethod
    def in_duckdb(cls, file: str, schema: str = "marts") -> Marts:
        """Open a DuckDB file, which nothing is written to."""
        import duckdb  # noqa: PLC0415 - an environment for PostgreSQL alone has none

        return cls(duckdb.connect(file, read_only=True), schema)

    def rows(self, query: str) -> list[Row]:
        """Return the rows of a query, in which `{marts}` stands for the schema."""
        cursor = self._connection.cursor()
        cursor.execute(query.format(marts=f'"{self._schema}"'))
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
