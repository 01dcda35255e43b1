"""Snowflake and BigQuery are not here: what their adapters compile is held against what they are known to accept."""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest
import yaml

from tests.dbt.conftest import DBT, HERE, PACKAGE, Dbt, Elsewhere
from tools.dbt import tables

if t.TYPE_CHECKING:
    from pathlib import Path

#: How their loaders keep what the taps send: https://github.com/MeltanoLabs/target-snowflake as it is,
#: https://github.com/z3z1ma/target-bigquery with `denormalized: true`.
TYPES = {
    "snowflake": {
        "boolean": "boolean",
        "integer": "number",
        "number": "float",
        "json": "variant",
        "translated": "variant",
        "time": "timestamp_ntz",
        "date": "date",
        "text": "varchar",
    },
    "bigquery": {
        "boolean": "bool",
        "integer": "int64",
        "number": "float64",
        "json": "json",
        "translated": "json",
        "time": "timestamp",
        "date": "date",
        "text": "string",
    },
}
OTHERWISE = {
    "snowflake": {"time": "timestamp_tz", "json": "varchar", "translated": "varchar"},
    "bigquery": {"time": "datetime", "json": "string", "translated": "string"},
}
MACRO = """{% macro default__loaded_columns(relation) %}
    {%- set types = TYPES -%}
    {%- set found = {} -%}
    {%- for name, dtype in types.get(relation.schema, {}).get(relation.identifier, {}).items() -%}
        {%- do found.update({name | lower: api.Column(name, dtype)}) -%}
    {%- endfor -%}
    {{ return(found) }}
{% endmacro %}
"""


def columns(engine: str) -> dict[str, dict[str, dict[str, str]]]:
    """Return the columns of all tables of the taps, by schema and table: every second has the other types."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for source, of_source in tables().items():
        for number, (name, one) in enumerate(of_source.items()):
            types = TYPES[engine] | (OTHERWISE[engine] if number % 2 else {})
            kinds = {column.source: types.get(column.kind, types["text"]) for column in reversed(one.columns)}
            kinds |= dict.fromkeys(one.keys, types["text"]) | kinds | {"_sdc_deleted_at": types["time"]}
            found.setdefault(source, {})[name] = {
                column.upper() if engine == "snowflake" else column: dtype for column, dtype in kinds.items()
            }
    return found


def private_key(folder: Path) -> Path:
    """Return a file with the key of nobody's account, without which BigQuery's adapter does not begin."""
    subprocess.run(["openssl", "genrsa", "-out", folder / "key.pem", "2048"], check=True, capture_output=True)
    account = {
        "type": "service_account",
        "project_id": "tickets",
        "private_key": (folder / "key.pem").read_text(encoding="utf-8"),
        "client_email": "nobody@tickets.iam.gserviceaccount.com",
        "token_uri": "https://127.0.0.1:9/token",
    }
    file = folder / "account.json"
    file.write_text(json.dumps(account), encoding="utf-8")
    return file


def profile(engine: str, folder: Path) -> dict[str, t.Any]:
    """Return how dbt would connect."""
    if engine == "snowflake":
        return {"account": "nobody", "user": "nobody", "password": "none", "database": "tickets", "warehouse": "none"}
    return {"method": "service-account", "keyfile": str(private_key(folder)), "project": "tickets"}


def write(project: Path, engine: str, loaded: dict[str, t.Any]) -> None:
    """Write a project that has the package, and knows without a database what was loaded."""
    (project / "macros").mkdir(parents=True)
    (project / "macros" / "loaded.sql").write_text(MACRO.replace("TYPES", json.dumps(loaded)), encoding="utf-8")
    files = {
        "packages.yml": {"packages": [{"local": str(PACKAGE)}]},
        "dbt_project.yml": {
            "name": "elsewhere",
            "profile": "elsewhere",
            "dispatch": [{"macro_namespace": "ticketing", "search_order": ["elsewhere", "ticketing"]}],
            "vars": {
                "ticketing": {
                    **{f"{source}_schema": source for source in loaded},
                    "answer_questions": ["TSHIRT", "What's your\\size?"],
                    "salt": "it's a \\ salt",
                }
            },
        },
        "profiles.yml": {
            "elsewhere": {
                "target": engine,
                "outputs": {engine: {"type": engine, "schema": "marts", "threads": 1, **profile(engine, project)}},
            }
        },
    }
    for name, content in files.items():
        (project / name).write_text(yaml.safe_dump(content), encoding="utf-8")


def complaints(engine: str, manifest: Path, loaded: dict[str, t.Any], folder: Path) -> list[str]:
    """Return what the database would refuse of what was compiled."""
    (folder / "loaded.json").write_text(json.dumps(loaded), encoding="utf-8")
    done = subprocess.run(
        [DBT.with_name("python"), HERE / "engines.py", engine, manifest, folder / "loaded.json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("engine", ["snowflake", "bigquery"])
def test_what_it_compiles_would_be_accepted(engine: str, tmp_path: Path) -> None:
    loaded = columns(engine)
    project = tmp_path / "project"
    write(project, engine, loaded)
    dbt, there = Dbt(tmp_path, project, project), Elsewhere(engine, {})
    dbt.run("deps", on=there)
    dbt.run("compile", "--no-introspect", "--no-populate-cache", on=there)
    assert complaints(engine, tmp_path / engine / "manifest.json", loaded, tmp_path) == []


@pytest.mark.parametrize(
    ("engine", "query", "complaint"),
    [
        ("snowflake", "select rows.at from t as rows", "rows is a reserved word"),
        ("bigquery", "select hash from t", "hash is a reserved word"),
        ("bigquery", "select json_extract_string(name, '$') as a from t", "json_extract_string is no function"),
        ("bigquery", "select name from t union select name from t", "Expected DISTINCT or ALL for Union"),
        ("snowflake", "select nam from t", "NAM"),
        ("snowflake", "select name from t where at < current_timestamp", "TIMESTAMPLTZ and TIMESTAMPNTZ"),
        ("bigquery", "select at from t union all select timestamp(at) from t", "TIMESTAMP and TIMESTAMPTZ"),
        ("bigquery", "select coalesce(name, 0) as a from t", "INT and TEXT"),
        ("snowflake", "select (select 1", "Expecting )"),
    ],
)
def test_what_would_be_refused_is_seen(engine: str, query: str, complaint: str, tmp_path: Path) -> None:
    table = {"source_name": "s", "name": "t", "relation_name": "t"}
    node = {
        "name": "n",
        "resource_type": "model",
        "relation_name": "n",
        "compiled_code": query,
        "depends_on": {"nodes": []},
    }
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"sources": {"t": table}, "nodes": {"n": node}}), encoding="utf-8")
    at = "timestamp_ntz" if engine == "snowflake" else "datetime"
    loaded = {"s": {"t": {"name": "string", "at": at, "hash": "string"}}}
    assert any(complaint in found for found in complaints(engine, manifest, loaded, tmp_path))
