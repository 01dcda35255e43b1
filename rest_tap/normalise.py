"""Makes records fit their schema: compiled once for a stream, run for each page.

Nearly every page fits as it comes, which one call of msgspec finds out. Only the records of other pages are walked: a
value is converted to the type of its field where that loses nothing, and becomes null otherwise.
"""

from __future__ import annotations

import datetime as dt
import functools
import re
import typing as t

import msgspec

from rest_tap.floats import SURE_DIGITS, exact
from rest_tap.schema import Record, Schema, is_closed, kind_of
from rest_tap.times import as_time, column_to_utc, known_to_utc, parse_day
from rest_tap.unexpected import OnUnknown, finder

#: Names and positions on the way from a record to a value in it.
Path = tuple[str | int, ...]
Misfits = list[tuple[Path, t.Any]]
#: Returns the converted value. Where a value cannot be converted, it adds that to the misfits and returns None.
Fit = t.Callable[[t.Any, Path, Misfits], t.Any]
#: Returns the converted value, or None where it cannot be converted.
Conversion = t.Callable[[t.Any], t.Any]
#: Converts the times in some records to UTC, in place.
ToUtc = t.Callable[[list[Record]], None]

#: What databases keep as an integer.
SMALLEST, LARGEST = -(2**63), 2**63 - 1
#: Up to here a float has every whole number.
EXACT = 2**53
#: The types of whole numbers and of numbers that fit.
WHOLE_TYPE: t.Any = t.Annotated[int, msgspec.Meta(ge=SMALLEST, le=LARGEST)]
NUMBER_TYPE: t.Any = t.Annotated[int, msgspec.Meta(ge=-EXACT, le=EXACT)] | float
#: A number as JSON writes it.
JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
BOOLEANS: dict[t.Any, bool] = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}


class Normaliser:
    """Makes the records of a stream fit its schema."""

    def __init__(
        self,
        schema: Schema,
        keys: t.Iterable[str] = (),
        *,
        declared: Schema | None = None,
        on_unknown: OnUnknown | None = None,
    ) -> None:
        """Compile the schema.

        Args:
            schema: What the SCHEMA message says of a record.
            keys: Fields that no record may lack.
            declared: The stream's own schema, which names the fields of objects.
            on_unknown: Called with each field inside an object that neither names.
        """
        self._keys = tuple(keys)
        properties: dict[str, Schema] = schema.get("properties", {})
        self._properties = properties
        self._find = finder(declared, schema) if declared is not None else None
        self._on_unknown = on_unknown
        # A page of records that fit and hold no other fields is found out in one call.
        self._known: t.Any = list[_struct(properties, self._keys, declared)] if self._find else None  # type: ignore[misc]
        self._fits = _fits(properties)
        self._to_utc = _to_utc(schema)

    @functools.cached_property
    def _page(self) -> t.Any:
        """Return the type of a page of records that fit."""
        return t.cast("t.Any", list)[_struct(self._properties, self._keys)]

    def __call__(self, records: list[Record]) -> dict[int, Misfits]:
        """Make records fit, in place; what is inside them is copied before it is changed.

        Returns:
            For each record with values that became null: its index, where they stood, and
            what they were. An index without any has a record that lacks a key.
        """
        misfits: dict[int, Misfits] = {}
        if self._find is not None and self._on_unknown is not None:
            if self._convert_fitting(records, self._known):
                return misfits
            for record in records:
                self._find(record, self._on_unknown)
        if not self._convert_fitting(records, self._page):
            for index, record in enumerate(records):
                found = self._fit(record)
                if found or self.lacks_key(record):
                    misfits[index] = found
        return misfits

    def lacks_key(self, record: Record) -> bool:
        """Return whether a record lacks a part of its key."""
        return any(record.get(key) is None for key in self._keys)

    def _convert_fitting(self, records: list[Record], page: t.Any) -> bool:
        """Convert the times of records that fit to UTC, in place; return whether all of them fit."""
        try:
            msgspec.convert(records, page)
            if self._to_utc is not None:
                self._to_utc(records)
        except (msgspec.ValidationError, OverflowError):
            return False
        return True

    def _fit(self, record: Record) -> Misfits:
        misfits: Misfits = []
        if not self._convert_fitting([record], self._page):
            for name, fit in self._fits:
                if record.get(name) is not None:
                    record[name] = fit(record[name], (name,), misfits)
        return misfits


# What fits


def _struct(properties: dict[str, Schema], keys: t.Collection[str] = (), named: Schema | None = None) -> t.Any:
    """Return a type that an object with these properties converts to.

    Args:
        properties: The properties.
        keys: Those that no object may lack.
        named: What the stream itself says of the object; if that names every field, no object with others converts.
    """
    own: dict[str, str] = {}
    declared: list[t.Any] = []
    inside: dict[str, Schema] = named.get("properties", {}) if named else {}
    for name in sorted(properties, key=lambda name: name not in keys):
        field, schema = f"f{len(own)}", properties[name]
        own[field] = name
        inner = named and inside.get(name, {})
        if name in keys:
            declared.append((field, _type({**schema, "type": kind_of(schema) or ()}, inner)))
        else:
            declared.append((field, _type(schema, inner), None))
    for name in inside.keys() - properties.keys():
        own[f"f{len(own)}"] = name
        declared.append((f"f{len(own) - 1}", t.Any, None))
    is_strict = named is not None and is_closed(named)
    return msgspec.defstruct("Fitting", declared, rename=own, gc=False, forbid_unknown_fields=is_strict)


def _type(schema: Schema, named: Schema | None = None) -> t.Any:
    """Return the type of the values that fit as they come."""
    kind = kind_of(schema)
    if kind is None:
        return t.Any
    fitting: t.Any
    if kind == "string":
        fitting = {"date-time": dt.datetime, "date": dt.date}.get(schema.get("format", ""), str)
    elif kind == "array":
        fitting = list[_type(schema.get("items", {}), named and named.get("items", {}))]  # type: ignore[misc]
    elif kind == "object":
        fitting = _struct(schema["properties"], (), named) if schema.get("properties") else dict
    else:
        fitting = {"integer": WHOLE_TYPE, "number": NUMBER_TYPE, "boolean": bool}[kind]
    return fitting | None if "null" in schema["type"] else fitting


# What is made to fit


def _fits(properties: dict[str, Schema]) -> list[tuple[str, Fit]]:
    return [(name, fit) for name, field in properties.items() if (fit := _fit(field)) is not None]


def _fit(schema: Schema) -> Fit | None:
    """Return what makes a value fit, or None where every value does."""
    kind = kind_of(schema)
    if kind is None:
        return None
    if kind == "array":
        return _fit_list(_fit(schema.get("items", {})))
    if kind == "object":
        return _fit_object(_fits(schema.get("properties", {})))
    convert: Conversion
    if kind == "string":
        convert = {"date-time": as_time, "date": _as_day}.get(schema.get("format", ""), _as_string)
    else:
        convert = {"integer": _as_integer, "number": _as_number, "boolean": _as_boolean}[kind]

    def fit(value: t.Any, path: Path, misfits: Misfits) -> t.Any:
        if value is None:
            return None
        fitted = convert(value)
        if fitted is None:
            misfits.append((path, value))
        return fitted

    return fit


def _fit_list(item: Fit | None) -> Fit:
    def fit(value: t.Any, path: Path, misfits: Misfits) -> t.Any:
        if value.__class__ is not list:
            if value is not None:
                misfits.append((path, value))
            return None
        return value if item is None else [item(one, (*path, index), misfits) for index, one in enumerate(value)]

    return fit


def _fit_object(inner: list[tuple[str, Fit]]) -> Fit:
    def fit(value: t.Any, path: Path, misfits: Misfits) -> t.Any:
        if not isinstance(value, dict):
            if value is not None:
                misfits.append((path, value))
            return None
        fitted = {name: fit_one(value[name], (*path, name), misfits) for name, fit_one in inner if name in value}
        return {**value, **fitted}

    return fit


def _as_string(value: t.Any) -> str | None:
    if value.__class__ is str:
        return str(value)
    if value.__class__ is int:
        # Python refuses to write longer ones, and no identifier is as long.
        return str(value) if abs(value) < 10**300 else None
    if value.__class__ is float:
        text = repr(value)
        return text if "e" not in text and len(text.strip("-0").replace(".", "")) <= SURE_DIGITS else None
    return None


def _as_integer(value: t.Any) -> int | None:
    if value.__class__ is str and len(value) < len(str(SMALLEST)) + 1 and JSON_NUMBER.fullmatch(value):
        number = int(value) if value.lstrip("-").isdigit() else None
        value = number if number is not None and str(number) == value else None
    elif value.__class__ is float and value.is_integer() and abs(value) < 10**SURE_DIGITS:
        value = int(value)
    return int(value) if value.__class__ is int and SMALLEST <= value <= LARGEST else None


def _as_number(value: t.Any) -> float | int | None:
    if value.__class__ is str and JSON_NUMBER.fullmatch(value):
        try:
            value = exact(value)
        except ValueError:
            return None
    if value.__class__ is int:
        return int(value) if abs(value) <= EXACT else None
    return float(value) if value.__class__ is float and abs(value) != float("inf") else None


def _as_boolean(value: t.Any) -> bool | None:
    if value.__class__ is bool:
        return bool(value)
    return BOOLEANS.get(value) if value.__class__ is int or value.__class__ is str else None


def _as_day(value: t.Any) -> str | None:
    return None if parse_day(value) is None else str(value)


# Times


def _to_utc(schema: Schema) -> ToUtc | None:
    """Return what puts the times of records into UTC, field by field: calls are what costs.

    None if there are no times. All are times: others have become null.
    """
    properties: dict[str, Schema] = schema.get("properties", {})
    times = [name for name, field in properties.items() if field.get("format") == "date-time"]
    lists = [name for name, field in properties.items() if field.get("items", {}).get("format") == "date-time"]
    objects = [(name, inner) for name, field in properties.items() if (inner := _to_utc(field))]
    arrays = [(name, inner) for name, field in properties.items() if (inner := _to_utc(field.get("items", {})))]
    if not (times or lists or objects or arrays):
        return None

    def all_to_utc(records: list[Record]) -> None:
        for name in times:
            column_to_utc(records, name)
        for name in lists:
            for record in records:
                if (value := record.get(name)).__class__ is list:
                    record[name] = [known_to_utc(one) if one.__class__ is str else one for one in value]
        for name, inner in objects:
            inner([value for record in records if (value := record.get(name)).__class__ is dict])
        for name, inner in arrays:
            values = [value for record in records if (value := record.get(name)).__class__ is list]
            inner([item for value in values for item in value if item.__class__ is dict])

    return all_to_utc
