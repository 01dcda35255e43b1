"""Extra streams: lists that the settings declare. This module checks them and converts them to class attributes.

All errors of a declaration are reported at once, before the first request. Each error begins with its place in the
setting: ``extra_streams[2].fields.price: there is no type 'decimel' …``.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

import msgspec
from singer_sdk.exceptions import ConfigValidationError

from rest_tap.paging.page_size import page_params
from rest_tap.schema import (
    PERSONAL,
    SENSITIVITY,
    UNKNOWN_FIELDS,
    Anything,
    Array,
    Boolean,
    Date,
    DateTime,
    Decimal,
    FieldType,
    I18n,
    Integer,
    Json,
    Number,
    Schema,
    String,
    Time,
    needs_escape,
)
from rest_tap.wording import join_names

#: The types that a field can have, by the words for them.
TYPES: t.Mapping[str, FieldType] = {
    "string": String,
    "integer": Integer,
    "number": Number,
    "boolean": Boolean,
    "date-time": DateTime,
    "date": Date,
    "time": Time,
    "decimal": Decimal,
    "translated": I18n,
    "object": Json,
    "array": FieldType("array"),
}
#: The types of a field that can identify rows.
KEY_TYPES = frozenset({"string", "integer", "date-time", "date", "time", "decimal"})
#: A name that every loader makes a table or column of, as it stands.
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
#: A part of a path that stands for itself.
SEGMENT = re.compile(r"(?!\.\.?$)[A-Za-z0-9._~-]+", re.ASCII)
#: How deep fields may be nested.
MAX_FIELD_DEPTH = 20
#: Columns that loaders add.
RESERVED = re.compile(r"_sdc_|__")
#: Ways of paging: numbered pages, or one answer that holds everything.
NUMBERED, SINGLE = "page", "single"
#: What the paginators say by themselves.
OWN_PARAMETERS, ORDERING = frozenset(page_params(1)), "ordering"


def inside(place: str, name: str) -> str:
    """Return the place of something in an object, whatever its name is."""
    return f"{place}.{join_names([name])}"


class Errors:
    """What is wrong in a setting, with where."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.lines: list[str] = []

    def add(self, place: str, what: str) -> None:
        """Take note of an error."""
        self.lines.append(f"{place}: {what}")

    def raise_any(self) -> None:
        """Raise what has gathered, if anything has.

        Raises:
            ConfigValidationError: With a line for each error.
        """
        if self.lines:
            raise ConfigValidationError(self.lines[0], errors=self.lines, schema={})


class Declaration(msgspec.Struct, kw_only=True):
    """A list as it is written in the setting."""

    name: str
    path: str
    primary_keys: list[str]
    parent: str = ""
    fields: dict[str, t.Any] = {}
    params: dict[str, t.Any] = {}
    paging: str = NUMBERED
    records_key: str = ""
    replication_key: str = ""
    since_parameter: str = ""
    tie_breaker: str = ""
    permission: str = ""
    selected_by_default: bool = True
    description: str = ""


class Field(msgspec.Struct, kw_only=True):
    """A field as it is written in the setting, where that is an object and not only a type."""

    type: str
    description: str = ""
    personal: bool | None = None
    secret: bool = False
    items: t.Any = None
    fields: dict[str, t.Any] = {}


@dataclasses.dataclass
class Extra:
    """A declaration that is right in itself.

    Attributes:
        place: Where it stands in the setting.
        given: What it says.
        properties: The fields, as a class declares them.
        kinds: The words for their types.
        placeholders: The placeholders of the path, in order.
    """

    place: str
    given: Declaration
    properties: dict[str, Schema]
    kinds: dict[str, str]
    placeholders: tuple[str, ...]

    @property
    def path(self) -> str:
        """Return the path as a class states it: without a slash at its end."""
        return self.given.path.rstrip("/")


def read_declarations(setting: str, given: t.Iterable[t.Any], taken: t.Collection[str], errors: Errors) -> list[Extra]:
    """Return the declarations that are right in themselves.

    Args:
        setting: Name of the setting.
        given: What it says.
        taken: Names of streams that there are already.
        errors: Where to take note of what is wrong.
    """
    found: dict[str, Extra] = {}
    for index, one in enumerate(given):
        place = f"{setting}[{index}]"
        declaration = _convert(one, Declaration, place, errors)
        if declaration is None:
            continue
        name, before = declaration.name, len(errors.lines)
        if not NAME.fullmatch(name):
            errors.add(f"{place}.name", "has to be small letters, digits and underscores, a letter first, 63 at most")
        elif name in taken:
            errors.add(f"{place}.name", f"there is a stream {name} already; give it another name")
        elif name in found:
            errors.add(f"{place}.name", f"{found[name].place} has the name {name} already")
        extra = _read(place, declaration, errors)
        if len(errors.lines) == before:
            found[name] = extra
    return list(found.values())


_Struct = t.TypeVar("_Struct", bound=msgspec.Struct)


def _convert(given: t.Any, kind: type[_Struct], place: str, errors: Errors) -> _Struct | None:
    """Convert an object of the setting to a struct; null counts as not given."""
    if not isinstance(given, dict):
        errors.add(place, f"has to be an object, with {', '.join(kind.__struct_fields__)}")
        return None
    unknown = [name for name in given if name not in kind.__struct_fields__]
    if unknown:
        errors.add(place, f"there is no {join_names(unknown, kind.__struct_fields__)}")
        return None
    try:
        return msgspec.convert({name: value for name, value in given.items() if value is not None}, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        errors.add(place + where.rstrip("`"), what[0].lower() + what[1:])
        return None


def _read(place: str, given: Declaration, errors: Errors) -> Extra:
    """Check a declaration, and return it with the schemas of its fields."""
    properties: dict[str, Schema] = {}
    kinds: dict[str, str] = {}
    for name, value in given.fields.items():
        schema = _field(value, inside(f"{place}.fields", name), errors)
        if schema is not None:
            properties[name] = schema
            kinds[name] = value if isinstance(value, str) else value["type"]
    _check_names(given.fields, f"{place}.fields", errors, are_columns=True)
    if given.replication_key and not given.fields:
        properties[given.replication_key], kinds[given.replication_key] = DateTime(), "date-time"
    _check_reading(place, given, errors)
    for name, value in given.params.items():
        _check_parameter(inside(f"{place}.params", name), name, value, given, errors)
    return Extra(place, given, properties, kinds, _placeholders(f"{place}.path", given.path, errors))


def _check_reading(place: str, given: Declaration, errors: Errors) -> None:
    """Check that paging, replication key and filter fit together."""
    if given.paging not in {NUMBERED, SINGLE}:
        errors.add(
            f"{place}.paging", f"there is no {join_names([given.paging], (NUMBERED, SINGLE))}; it is page or single"
        )
    if bool(given.replication_key) is not bool(given.since_parameter):
        lacks = "since_parameter" if given.replication_key else "replication_key"
        errors.add(f"{place}.{lacks}", "is missing: replication_key and since_parameter go together")
    if given.since_parameter in {*OWN_PARAMETERS, ORDERING}:
        errors.add(f"{place}.since_parameter", "is a parameter that the tap sets by itself")
    if given.tie_breaker and not given.replication_key:
        errors.add(f"{place}.tie_breaker", "has no meaning without replication_key")
    if given.paging == SINGLE and given.replication_key:
        errors.add(f"{place}.replication_key", "a list of one page is read whole each time")


def _check_parameter(place: str, name: str, value: t.Any, given: Declaration, errors: Errors) -> None:
    own = {given.since_parameter, ORDERING} if given.replication_key else set()
    if name in OWN_PARAMETERS and given.paging == NUMBERED:
        own.add(name)
    if name in own:
        errors.add(place, "is a parameter that the tap sets by itself")
    elif not name:
        errors.add(place, "the name of a parameter is empty")
    elif not (isinstance(value, str) or (isinstance(value, list) and value and all(isinstance(v, str) for v in value))):
        errors.add(
            place, "has to be a text, or a list of texts for a parameter that is repeated (in YAML, put it in '')"
        )


def _placeholders(place: str, path: str, errors: Errors) -> tuple[str, ...]:
    """Return the placeholders of a path, which has to be one."""
    if not path.startswith("/"):
        errors.add(place, "has to begin with a slash; it goes on where api_url ends")
        return ()
    if "?" in path or "#" in path:
        errors.add(place, "parameters go into 'params'")
        return ()
    found: list[str] = []
    for part in path.removeprefix("/").removesuffix("/").split("/"):
        if part.startswith("{") and part.endswith("}"):
            name = part[1:-1]
            if not NAME.fullmatch(name):
                errors.add(
                    place, f"{join_names([part])} is no placeholder: small letters, digits and underscores in {{}}"
                )
            elif name in found:
                errors.add(place, f"{part} stands in it twice")
            elif name == UNKNOWN_FIELDS:
                errors.add(place, f"{part} is a name that the tap gives to a column of its own")
            found.append(name)
        elif not SEGMENT.fullmatch(part):
            shown = f"{join_names([part])} is" if part else "nothing between two slashes is"
            errors.add(place, f"{shown} no part of a path; a placeholder is written {{event}}")
    return tuple(found)


def _field(given: t.Any, place: str, errors: Errors, depth: int = 0) -> Schema | None:
    """Return the schema of a field, or None if that is wrong."""
    if depth > MAX_FIELD_DEPTH:
        errors.add(place, f"fields stand inside of fields more than {MAX_FIELD_DEPTH} deep")
        return None
    if isinstance(given, str):
        given, type_place = {"type": given}, place
    else:
        type_place = f"{place}.type"
    field = _convert(given, Field, place, errors)
    if field is None:
        return None
    if field.type not in TYPES:
        errors.add(type_place, f"there is no type {join_names([field.type], TYPES)}; there are {', '.join(TYPES)}")
        return None
    before = len(errors.lines)
    if field.fields and field.type != "object":
        errors.add(f"{place}.fields", f"a field of type {field.type} has none; an array has 'items'")
    if field.items is not None and field.type != "array":
        errors.add(f"{place}.items", f"a field of type {field.type} has none")
    schema = _schema_of(field, place, errors, depth)
    return schema if len(errors.lines) == before else None


def _schema_of(field: Field, place: str, errors: Errors, depth: int) -> Schema:
    """Return the schema of a field of a type that there is."""
    words: dict[str, t.Any] = {"secret": field.secret, "personal": field.personal}
    if field.type == "array":
        if field.items is None:
            return Array(Anything, field.description, **words)
        inner = _field(field.items, f"{place}.items", errors, depth + 1) or {}
        if isinstance(field.items, dict) and not {"secret", "personal"}.isdisjoint(field.items):
            errors.add(f"{place}.items", "mark the array itself: write the mark beside 'items'")
        if field.personal is None:
            words["personal"] = PERSONAL in inner.pop(SENSITIVITY, "")
        return Array(lambda: inner, field.description, **words)
    if field.type != "object" or not field.fields:
        return TYPES[field.type](field.description, **words)
    _check_names(field.fields, f"{place}.fields", errors)
    properties = {
        name: schema
        for name, one in field.fields.items()
        if (schema := _field(one, inside(f"{place}.fields", name), errors, depth + 1)) is not None
    }
    # The fields inside have marks of their own.
    words["personal"] = bool(field.personal)
    return {**Json(field.description, **words), "properties": properties}


def _check_names(names: t.Iterable[str], place: str, errors: Errors, *, are_columns: bool = False) -> None:
    """Check that loaders can make columns of some names, and tell them apart."""
    known: dict[str, str] = {}
    for name in names:
        if not name or name != "".join(name.split()) or not name.isprintable():
            errors.add(inside(place, name), "must not be empty or contain spaces")
        elif needs_escape(name):
            errors.add(inside(place, name), "must not contain quotes or backslashes")
        elif are_columns and (name.lower() == UNKNOWN_FIELDS or RESERVED.match(name.lower())):
            errors.add(inside(place, name), "is a name that the tap or loaders give to columns of their own")
        elif name.lower() in known:
            errors.add(inside(place, name), f"loaders would take it for {join_names([known[name.lower()]])}")
        known[name.lower()] = name


def check_keys(extra: Extra, parent_keys: t.Mapping[str, Schema], errors: Errors) -> None:
    """Check the keys of a list, once it is known where it stands; those that are not declared become texts.

    Args:
        extra: The declaration; its properties are completed.
        parent_keys: The keys that its path gives.
        errors: Where to take note of what is wrong.
    """
    given, properties = extra.given, extra.properties
    for name in properties:
        if name.lower() in parent_keys:
            errors.add(inside(f"{extra.place}.fields", name), "is a key that the path gives to every row")
    place = f"{extra.place}.primary_keys"
    own = [key for key in given.primary_keys if key not in parent_keys]
    if not given.primary_keys or (not own and given.paging == NUMBERED):
        errors.add(place, "has to name a field of the row: without one, no row could be identified")
    if len(set(given.primary_keys)) < len(given.primary_keys):
        errors.add(place, "names a key twice")
    if not given.fields:
        for key in own:
            properties.setdefault(key, String())
            extra.kinds.setdefault(key, "string")
        _check_names(properties, place, errors, are_columns=True)
    for key in own:
        _check_key(extra, place, key, KEY_TYPES, parent_keys, errors)
    _check_key(extra, f"{extra.place}.replication_key", given.replication_key, {"date-time"}, parent_keys, errors)
    _check_key(extra, f"{extra.place}.tie_breaker", given.tie_breaker, KEY_TYPES, parent_keys, errors)


def _check_key(  # noqa: PLR0913, PLR0917 - what it is, and where
    extra: Extra, place: str, key: str, kinds: t.Collection[str], parent_keys: t.Iterable[str], errors: Errors
) -> None:
    """Check that a list can go by a field, if it is to."""
    if key in extra.properties:
        if extra.kinds[key] not in kinds:
            errors.add(place, f"{key} is of type {extra.kinds[key]}; it can be {', '.join(sorted(kinds))}")
        elif marks := extra.properties[key].get(SENSITIVITY):
            errors.add(place, f"{key} is in every record, so it cannot be marked as {marks}")
    elif key and extra.given.fields:
        errors.add(place, f"{join_names([key], [*extra.properties, *parent_keys])} is not among the fields")
