"""What a database that is not here would refuse of SQL that dbt has compiled.

`python engines.py DIALECT MANIFEST LOADED` runs in the environment of dbt, which has sqlglot. It goes through the
models in the order in which they are made, so that it knows the columns and types that each reads, and prints a JSON
list of complaints.
"""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.optimizer import annotate_types, qualify
from sqlglot.schema import MappingSchema

#: Words that are no name without quotes: of the documentation, those that could come up here.
RESERVED = {
    "snowflake": """ACCOUNT ALL ALTER AND ANY AS BETWEEN BY CASE CAST CHECK COLUMN CONNECT CONNECTION CONSTRAINT CREATE
        CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DATABASE DELETE DISTINCT DROP ELSE EXISTS
        FALSE FOLLOWING FOR FROM FULL GRANT GROUP GSCLUSTER HAVING ILIKE IN INCREMENT INNER INSERT INTERSECT INTO IS
        ISSUE JOIN LATERAL LEFT LIKE LOCALTIME LOCALTIMESTAMP MINUS NATURAL NOT NULL OF ON OR ORDER ORGANIZATION QUALIFY
        REGEXP REVOKE RIGHT RLIKE ROW ROWS SAMPLE SCHEMA SELECT SET SOME START TABLE TABLESAMPLE THEN TO TRIGGER TRUE
        TRY_CAST UNION UNIQUE UPDATE USING VALUES VIEW WHEN WHENEVER WHERE WITH""",
    "bigquery": """ALL AND ANY ARRAY AS ASC ASSERT_ROWS_MODIFIED AT BETWEEN BY CASE CAST COLLATE CONTAINS CREATE CROSS
        CUBE CURRENT DEFAULT DEFINE DESC DISTINCT ELSE END ENUM ESCAPE EXCEPT EXCLUDE EXISTS EXTRACT FALSE FETCH
        FOLLOWING FOR FROM FULL GROUP GROUPING GROUPS HASH HAVING IF IGNORE IN INNER INTERSECT INTERVAL INTO IS JOIN
        LATERAL LEFT LIKE LIMIT LOOKUP MERGE NATURAL NEW NO NOT NULL NULLS OF ON OR ORDER OUTER OVER PARTITION PRECEDING
        PROTO QUALIFY RANGE RECURSIVE RESPECT RIGHT ROLLUP ROWS SELECT SET SOME STRUCT TABLESAMPLE THEN TO TREAT TRUE
        UNION UNBOUNDED UNNEST USING WHEN WHERE WINDOW WITH WITHIN""",
}
#: Functions that sqlglot does not know, though the databases do.
KNOWN = {"snowflake": {"AS_ARRAY", "AS_OBJECT", "TO_TIMESTAMP_TZ"}, "bigquery": set[str]()}
#: Types that the database does not compare, nor put below one another, with those of another group.
GROUPS = (
    {"VARCHAR", "TEXT", "CHAR"},
    {"BIGINT", "INT", "DECIMAL", "SMALLINT", "TINYINT", "INT128", "DOUBLE", "FLOAT", "BIGDECIMAL"},
    {"BOOLEAN"},
    {"DATE"},
    # sqlglot's TIMESTAMP is that without a time zone.
    {"DATETIME", "TIMESTAMP", "TIMESTAMPNTZ"},
    {"TIMESTAMPTZ", "TIMESTAMPLTZ"},
    {"JSON", "VARIANT"},
    {"ARRAY", "OBJECT"},
)
UNTYPED = {"UNKNOWN", "NULL"}


def main(dialect: str, manifest: Path, loaded: Path) -> None:
    """Print what there is to complain of; `loaded` has the types of columns by source and table."""
    complaints = []
    types = json.loads(loaded.read_text(encoding="utf-8"))
    nodes = json.loads(manifest.read_text(encoding="utf-8"))
    schema = MappingSchema(dialect=dialect)
    for source in nodes["sources"].values():
        columns = types[source["source_name"]][source["name"]]
        schema.add_table(table(source, dialect), columns, dialect=dialect)
    for node in in_order(nodes["nodes"]):
        complaints += [f"{node['name']}: {complaint}" for complaint in complaints_of(node, schema, dialect)]
    json.dump(complaints, sys.stdout)


def in_order(nodes: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the nodes, each after those that it reads."""
    found: dict[str, t.Any] = {}

    def add(name: str) -> None:
        if name in nodes and name not in found:
            for other in nodes[name]["depends_on"]["nodes"]:
                add(other)
            found[name] = nodes[name]

    for name in nodes:
        add(name)
    return list(found.values())


def table(node: dict[str, t.Any], dialect: str) -> exp.Expression:
    """Return a node's table as queries name it."""
    return exp.maybe_parse(node["relation_name"], into=exp.Table, dialect=dialect)


def complaints_of(node: dict[str, t.Any], schema: MappingSchema, dialect: str) -> t.Iterator[str]:
    """Yield what is wrong with a compiled query; a model's columns are known from then on."""
    try:
        query = sqlglot.parse_one(node["compiled_code"], dialect=dialect)
        yield from misnamed(query, dialect)
        resolved = qualify.qualify(query, schema=schema, dialect=dialect, quote_identifiers=False)
        typed = annotate_types.annotate_types(resolved, schema=schema, dialect=dialect)
    except sqlglot.errors.SqlglotError as error:
        yield str(error)
        return
    yield from mistyped(typed, dialect)
    if node["resource_type"] == "model":
        yield from (f"the type of {one.alias_or_name} is not known" for one in typed.selects if kind(one) in UNTYPED)
        types = {one.alias_or_name: exp.DataType.build(kind(one)) for one in typed.selects}
        schema.add_table(table(node, dialect), types, dialect=dialect)


def misnamed(query: exp.Expression, dialect: str) -> t.Iterator[str]:
    """Yield names that the database takes for something else, and functions that it does not have."""
    words = set(RESERVED[dialect].split())
    for name in query.find_all(exp.Identifier):
        if not name.quoted and name.this.upper() in words:
            yield f"{name.this} is a reserved word"
    for call in query.find_all(exp.Anonymous):
        if call.name.upper() not in KNOWN[dialect]:
            yield f"{call.name} is no function"


def mistyped(query: exp.Expression, dialect: str) -> t.Iterator[str]:
    """Yield where types meet that do not go together."""
    pairs = [
        *((one, one.left, one.right) for one in query.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)),
        *((one, one.this, other) for one in query.find_all(exp.Coalesce) for other in one.expressions),
    ]
    for union in query.find_all(exp.SetOperation):
        pairs += [(ours, ours, theirs) for ours, theirs in zip(union.left.selects, union.right.selects, strict=True)]
    for where, ours, theirs in pairs:
        found = {kind(ours), kind(theirs)}
        if not found & UNTYPED and not any(found <= group for group in GROUPS):
            yield f"{' and '.join(sorted(found))} in {where.sql(dialect)}"


def kind(one: exp.Expression) -> str:
    """Return the name of an expression's type."""
    if isinstance(one.unalias(), exp.ParseJSON):
        return "JSON"
    return str(one.type.this.name) if one.type else "UNKNOWN"


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
