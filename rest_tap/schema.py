"""Schemas as they are declared in the streams.

A field is declared by a type called with its description::

    properties = fields(
        id=Integer("Database id."),
        name=I18n("Name shown to customers."),
        secret=String("Content of the QR code.", secret=True),
        fees=Array(FEE, "Fees of the order."),
    )

The result is plain JSON Schema. Objects inside a record allow more properties than are
declared, so nothing that a server adds is lost; what it adds to the record itself goes
to the declared column ``unknown_fields``, since SQL loaders drop undeclared columns and
target-csv crashes on them.
"""

from __future__ import annotations

import typing as t

Schema = dict[str, t.Any]
Record = dict[str, t.Any]


class Placeholder(dict[str, t.Any]):
    """A row that is not written: only the lists below it are read."""


#: The only key of a record that stands for nested rows which did not come: it is not known how many there are.
ABSENT = "\0"
#: Column that keeps what no schema names.
UNKNOWN_FIELDS = "unknown_fields"

#: Mark in a field's schema. JSON Schema ignores it, the catalog drops it.
SENSITIVITY = "x-sensitivity"
SECRET, PERSONAL = "secret", "personal"
#: What a string or an object stands for: "decimal", "translated"; "open" if the schema names only some of its fields.
KIND, OPEN = "x-kind", "open"


def needs_escape(name: str) -> bool:
    """Return whether a name cannot stand in JSON as it is; no type can have a field of such a name."""
    return any(sign in '"\\' or sign < " " for sign in name)


def types_of(schema: Schema) -> list[str]:
    """Return the JSON types of a field besides null."""
    types = schema.get("type", ())
    return [one for one in ([types] if isinstance(types, str) else types) if one != "null"]


def kind_of(schema: Schema) -> str | None:
    """Return the one JSON type of a field besides null; None where any may come."""
    types = types_of(schema)
    return types[0] if len(types) == 1 else None


def is_closed(schema: Schema) -> bool:
    """Return whether a schema is meant to name every field of an object."""
    return bool(schema.get("properties")) and schema.get(KIND) != OPEN


class FieldType:
    """A JSON type that becomes a field when called with a description."""

    def __init__(self, *types: str, **options: t.Any) -> None:
        """Take the JSON types and whatever else the schema says of them.

        Args:
            types: The JSON types, besides null.
            options: Further keywords of the schema; and ``personal``, if such a field is about
                a person unless it is said not to be.
        """
        self.types = types
        self.personal = bool(options.pop(PERSONAL, False))
        self.options = options

    def __call__(self, description: str = "", *, secret: bool = False, personal: bool | None = None) -> Schema:
        """Return the field's JSON Schema.

        Args:
            description: What the value means.
            secret: The value grants access to something: deselected by default.
            personal: The value identifies or describes a person, or is the key of a row that
                does: left out by ``personal_data: false``.
        """
        schema: Schema = {"type": [*self.types, "null"], **self.options}
        if description:
            schema["description"] = description
        is_personal = self.personal if personal is None else personal
        if marks := [SECRET] * secret + [PERSONAL] * is_personal:
            schema[SENSITIVITY] = " ".join(marks)
        return schema


String = FieldType("string")
Integer = FieldType("integer")
Number = FieldType("number")
Boolean = FieldType("boolean")
#: A moment; leaves the tap in UTC as ``…Z``, because loaders disagree on offsets.
DateTime = FieldType("string", format="date-time")
#: A day, ``YYYY-MM-DD``.
Date = FieldType("string", format="date")
#: A time of day at the place of the event, ``HH:MM:SS``: without an offset, so no ``time`` of JSON Schema.
Time = FieldType("string")
#: A decimal number as text: exact in every loader, where ``number`` is not.
Decimal = FieldType("string", **{KIND: "decimal"})
#: Text in several languages: an object from language code to text.
I18n = FieldType("object", additionalProperties=True, **{KIND: "translated"})
#: An object whose properties depend on the data. It counts as personal, unless the field says
#: that it is not (``personal=False``).
Json = FieldType("object", additionalProperties=True, personal=True)
#: A value of any type; only inside arrays, where loaders keep it as JSON.
Anything = FieldType()


def fields(**properties: Schema) -> dict[str, Schema]:
    """Return the properties of a record or object, in the order they are declared."""
    return properties


def Object(  # noqa: N802 - reads as the types beside it
    properties: dict[str, Schema], description: str = "", *, personal: bool = False, is_open: bool = False
) -> Schema:
    """Return an object with these properties; it may carry more.

    Args:
        properties: The fields of the object.
        description: What it is.
        personal: The object is about a person.
        is_open: Other fields are expected, too, and are not reported.
    """
    schema = Json(description, personal=personal)
    return {**schema, "properties": properties, **({KIND: OPEN} if is_open else {})}


def Array(  # noqa: N802 - reads as the types beside it
    items: t.Callable[[], Schema] | dict[str, Schema],
    description: str = "",
    *,
    secret: bool = False,
    personal: bool | None = None,
) -> Schema:
    """Return a list of values of one type, or of objects with these properties.

    Args:
        items: The type of its values, or their fields.
        description: What the values mean.
        secret: The values grant access to something: deselected by default.
        personal: The values are about a person; so are free objects and values of any type,
            unless it is said that they are not.
    """
    is_open = items in (Json, Anything)
    schema = FieldType("array", personal=is_open)(description, secret=secret, personal=personal)
    if items is Anything:
        return schema  # with ``items: {}``, which says the same, z3-target-bigquery ends
    inner = Object(items) if isinstance(items, dict) else items()
    inner.pop(SENSITIVITY, None)  # the list has it
    return {**schema, "items": inner}


def record_schema(properties: dict[str, Schema], primary_keys: t.Iterable[str]) -> Schema:
    """Return the schema of a stream: its properties, keys never null, and the unknown rest."""
    keys = set(primary_keys)
    declared = {
        name: {**schema, "type": [kind for kind in schema["type"] if kind != "null"]} if name in keys else schema
        for name, schema in properties.items()
    }
    declared[UNKNOWN_FIELDS] = Json(
        "Fields of the record that the schema does not name, and values that do not fit it, by their path."
    )
    return {"type": "object", "properties": declared, "required": sorted(keys)}


def sensitive(schema: Schema, mark: str) -> list[tuple[str, ...]]:
    """Return the breadcrumbs of all fields marked so, however deep.

    Args:
        schema: A stream's schema.
        mark: ``"secret"`` or ``"personal"``.
    """

    def walk(node: Schema, crumb: tuple[str, ...]) -> t.Iterator[tuple[str, ...]]:
        for name, field in node.get("properties", {}).items():
            here = (*crumb, "properties", name)
            if mark in field.get(SENSITIVITY, "").split():
                yield here
            else:
                yield from walk(field, here)
        if "items" in node:
            yield from walk(node["items"], (*crumb, "items"))

    return list(walk(schema, ()))
