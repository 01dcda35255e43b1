"""Schemas as they are declared in the streams, and what they make of a record.

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

import datetime as dt
import functools
import re
import typing as t

# The SDK teaches Python 3.10 to parse every ISO 8601 form (it patches
# ``datetime.fromisoformat``); importing it first makes that a fact here, too.
import singer_sdk.singerlib.encoding.base  # noqa: F401

Schema = dict[str, t.Any]
Record = dict[str, t.Any]
Normaliser = t.Callable[[list[Record]], None]
Conversion = t.Callable[[t.Any], t.Any]


class Placeholder(dict[str, t.Any]):
    """A row that is no record: only what is below it is read."""


INTEGER = re.compile(r"-?[0-9]{1,18}")

#: Column that keeps what no schema names.
UNKNOWN_FIELDS = "unknown_fields"

#: Marks in a field's schema. JSON Schema ignores them, the catalog drops them.
SENSITIVITY = "x-sensitivity"
LENIENT = "x-lenient"


class FieldType:
    """A JSON type that becomes a field when called with a description."""

    def __init__(self, *types: str, **facts: t.Any) -> None:
        """Remember the JSON types and whatever else the schema says of them."""
        self.types = types
        self.facts = facts

    def __call__(
        self,
        description: str = "",
        *,
        secret: bool = False,
        personal: bool = False,
        lenient: bool = False,
    ) -> Schema:
        """Return the field's JSON Schema.

        Args:
            description: What the value means.
            secret: The value opens a door: deselected by default.
            personal: The value is about a person: left out by ``personal_data: false``.
            lenient: The API sends numbers as text or text as numbers; the declared
                type is made of it.
        """
        schema: Schema = {"type": [*self.types, "null"], **self.facts}
        if description:
            schema["description"] = description
        if secret or personal:
            schema[SENSITIVITY] = "secret" if secret else "personal"
        if lenient:
            schema[LENIENT] = True
        return schema


String = FieldType("string")
Integer = FieldType("integer")
Number = FieldType("number")
Boolean = FieldType("boolean")
#: A moment; leaves the tap in UTC as ``…Z``, because loaders disagree on offsets.
DateTime = FieldType("string", format="date-time")
#: A day, ``YYYY-MM-DD``.
Date = FieldType("string", format="date")
#: A time of day, ``HH:MM:SS``.
Time = FieldType("string", format="time")
#: A decimal number as text: exact in every loader, where ``number`` is not.
Decimal = FieldType("string")
#: Text in several languages: an object from language code to text.
I18n = FieldType("object", additionalProperties=True)
#: An object whose properties depend on the data.
Json = FieldType("object", additionalProperties=True)


def Anything(description: str = "") -> Schema:  # noqa: N802 - reads as the types beside it
    """Return a value of any type; only inside arrays, where loaders keep it as JSON."""
    return {"description": description} if description else {}


def fields(**properties: Schema) -> dict[str, Schema]:
    """Return the properties of a record or object, in the order they are declared."""
    return properties


def Object(  # noqa: N802 - reads as the types beside it
    properties: dict[str, Schema], description: str = "", *, personal: bool = False
) -> Schema:
    """Return an object with these properties; it may carry more."""
    schema = Json(description, personal=personal)
    return {**schema, "properties": properties}


def Array(  # noqa: N802 - reads as the types beside it
    items: t.Callable[[], Schema] | dict[str, Schema],
    description: str = "",
    *,
    secret: bool = False,
    personal: bool = False,
) -> Schema:
    """Return a list of values of one type, or of objects with these properties."""
    schema = FieldType("array")(description, secret=secret, personal=personal)
    return {**schema, "items": Object(items) if isinstance(items, dict) else items()}


def record_schema(properties: dict[str, Schema], primary_keys: t.Iterable[str]) -> Schema:
    """Return the schema of a stream: its properties, keys never null, and the unknown rest."""
    keys = set(primary_keys)
    declared = {
        name: {**schema, "type": [kind for kind in schema["type"] if kind != "null"]} if name in keys else schema
        for name, schema in properties.items()
    }
    declared[UNKNOWN_FIELDS] = Json("Fields of the record that the schema does not name.")
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
            if field.get(SENSITIVITY) == mark:
                yield here
            else:
                yield from walk(field, here)
        if "items" in node:
            yield from walk(node["items"], (*crumb, "items"))

    return list(walk(schema, ()))


#: A moment as most APIs write it, with an offset of whole hours: up to the hour, the rest, the offset.
MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT(?!24)\d\d)(:[0-5]\d:[0-5]\d(?:\.(?!0{6})\d{6})?)([+-]\d\d:?00)", re.ASCII)


def utc(value: str) -> str:
    """Return a moment in UTC as ``YYYY-MM-DDTHH:MM:SS[.ffffff]Z``.

    Accepts any ISO 8601 offset, also without a colon (``+0300``). A moment without
    offset is taken as UTC. What is not a moment is returned as it came: the loader
    shall see what the API sent.
    """
    if value.endswith("Z"):
        return value
    try:
        # Where it is a matter of hours, each hour is reckoned once and not for each row.
        if usual := MOMENT.fullmatch(value):
            hour, rest, offset = usual.groups()
            return f"{_hour(hour, offset)}{rest}Z"
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.timezone.utc)
        return moment.astimezone(dt.timezone.utc).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return value


@functools.lru_cache(maxsize=4096)
def _hour(hour: str, offset: str) -> str:
    """Return an hour in UTC, ``YYYY-MM-DDTHH``.

    Raises:
        ValueError: There is no such hour or offset.
        OverflowError: It is before or after all time.
    """
    return dt.datetime.fromisoformat(f"{hour}:00:00{offset}").astimezone(dt.timezone.utc).isoformat()[:13]


def moment(value: object) -> dt.datetime | None:
    """Return a text as an aware moment, or None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        parsed = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    if not dt.MINYEAR < parsed.year < dt.MAXYEAR:
        return None  # its offset, or an overlap, would lead out of the years that there are
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.timezone.utc)


def _as_integer(value: t.Any) -> t.Any:
    return int(value) if isinstance(value, str) and INTEGER.fullmatch(value) else value


def _as_string(value: t.Any) -> t.Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_boolean(value: t.Any) -> t.Any:
    return value if value is None else value != 0


def _as_utc(value: t.Any) -> t.Any:
    return utc(value) if isinstance(value, str) else value


def _each(convert: Conversion, value: t.Any) -> t.Any:
    return [convert(item) for item in value] if isinstance(value, list) else value


def _conversion(field: Schema) -> Conversion | None:
    """Return what has to be done to a value that is no object, or None if nothing."""
    if "items" in field:
        convert = _conversion(field["items"])
        return None if convert is None else lambda value: _each(convert, value)
    if field.get("format") == "date-time":
        return _as_utc
    if _kinds(field) == {"boolean"}:
        return _as_boolean
    if field.get(LENIENT):
        return _as_integer if "integer" in _kinds(field) else _as_string
    return None


def normaliser(schema: Schema) -> Normaliser:
    """Return a function that makes records fit their schema, in place.

    It does what the SDK's recursive conforming does to decoded JSON (real booleans
    under boolean fields; nothing else can differ), puts moments into UTC, and turns
    lenient ids into their one type. It is compiled once for a stream, because asking
    the schema about every value of every record is what makes that conforming slow, and
    goes through a page field by field, because calls are what costs then.
    """
    return _normaliser(schema) or (lambda _: None)


def _normaliser(schema: Schema) -> Normaliser | None:  # noqa: C901 - a loop for each kind of work
    """Return such a function, or None where nothing can differ."""
    properties: dict[str, Schema] = schema.get("properties", {})
    times: list[str] = []
    booleans: list[str] = []
    texts: list[str] = []
    others: list[tuple[str, Conversion]] = []
    for name, field in properties.items():
        conversion = _conversion(field)
        if field.get("format") == "date-time":
            times.append(name)
        elif _kinds(field) == {"boolean"}:
            booleans.append(name)
        elif conversion is _as_string:
            texts.append(name)
        elif conversion is not None:
            others.append((name, conversion))
    objects = [(name, inner) for name, field in properties.items() if (inner := _normaliser(field))]
    arrays = [(name, inner) for name, field in properties.items() if (inner := _normaliser(field.get("items", {})))]
    if not (times or booleans or texts or others or objects or arrays):
        return None

    def normalise(records: list[Record]) -> None:  # noqa: C901, PLR0912 - once for every value: no calls
        for name in times:
            for record in records:
                value = record.get(name)
                if value.__class__ is str and value[-1:] != "Z":
                    record[name] = utc(value)
        for name in booleans:
            for record in records:
                value = record.get(name)
                if value.__class__ is not bool and value is not None:
                    record[name] = value != 0
        for name in texts:
            for record in records:
                value = record.get(name)
                if value.__class__ is int:
                    record[name] = str(value)
        for name, convert in others:
            for record in records:
                if name in record:
                    record[name] = convert(record[name])
        for name, inner in objects:
            inner([value for record in records if (value := record.get(name)).__class__ is dict])
        for name, inner in arrays:
            values = [value for record in records if (value := record.get(name)).__class__ is list]
            inner([item for value in values for item in value if item.__class__ is dict])

    return normalise


def _kinds(field: Schema) -> set[str]:
    return set(field.get("type", ())) - {"null"}
