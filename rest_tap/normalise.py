"""Records made to fit their schema: compiled once for a stream, run for each page."""

from __future__ import annotations

import re
import typing as t

from rest_tap.schema import LENIENT, Record, Schema
from rest_tap.times import to_utc

Normaliser = t.Callable[[list[Record]], None]
Conversion = t.Callable[[t.Any], t.Any]

INTEGER = re.compile(r"-?[0-9]{1,18}")


def _as_integer(value: t.Any) -> t.Any:
    return int(value) if isinstance(value, str) and INTEGER.fullmatch(value) else value


def _as_string(value: t.Any) -> t.Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _as_boolean(value: t.Any) -> t.Any:
    return value if value is None else value != 0


def _as_utc(value: t.Any) -> t.Any:
    return to_utc(value) if isinstance(value, str) else value


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
                    record[name] = to_utc(value)
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
