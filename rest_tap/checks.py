"""Checks of what the user gives a run: settings, environment, catalog and state.

What is wrong is refused before the first request, with one line that names it. A warning names what has no effect.
"""

from __future__ import annotations

import importlib.util
import json
import tempfile
import typing as t
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import msgspec
from singer_sdk.exceptions import ConfigValidationError

from rest_tap.schema import kind_of, needs_escape, types_of
from rest_tap.wording import join_names

if t.TYPE_CHECKING:
    from rest_tap.schema import Schema

#: Objects inside objects that a file may have; more is no catalog and no state.
MAX_DEPTH = 100
#: What a variable of the environment may say for true and false.
TRUE, FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})
#: How a message calls the type of a variable's setting, where that is not a text.
KINDS = {
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a JSON object",
    "array": "a JSON list",
}


def config_error(what: str) -> ConfigValidationError:
    """Return the error that settings, catalog or state are not what they should be."""
    return ConfigValidationError(what, errors=[what], schema={})


# Files


def read_file(path: str) -> bytes:
    """Return the content of a file.

    Raises:
        ConfigValidationError: It cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name has a NUL"
        raise config_error(f"the file {path} cannot be read: {reason}") from None


def read_json(text: str | bytes, name: str) -> t.Any:
    """Return what a text of JSON says, in UTF-8, UTF-16 or UTF-32.

    Raises:
        ConfigValidationError: It is not JSON.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text))
        found = json.loads(text.removeprefix("\ufeff"), parse_constant=_refuse_constant)
        _check_encodable(found, text)
    except UnicodeDecodeError:
        raise config_error(f"the {name} file is not UTF-8") from None
    except (ValueError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise config_error(f"the {name} file is not JSON{line}") from None
    if _is_deep(found):
        raise config_error(f"the {name} file has objects inside of objects more than {MAX_DEPTH} deep")
    return found


def _check_encodable(found: t.Any, text: str) -> None:
    """Check that what a text of JSON says can be written again.

    Raises:
        ValueError: It has half a character, which could be read, but never written.
    """
    if "\\ud" in text.lower():
        json.dumps(found, ensure_ascii=False).encode()


def _refuse_constant(text: str) -> t.NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _is_deep(value: t.Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        containers = [one for one in level if isinstance(one, (dict, list))]
        level = [inner for one in containers for inner in (one.values() if isinstance(one, dict) else one)]
        if not level:
            return False
    return True


# Settings


def wrong_address(config: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield what is wrong with the address of the API."""
    if not str(config["api_url"]).startswith(("https://", "http://")):
        yield "setting api_url must begin with https:// (or http://)"


def wrong_shard(config: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """Yield what is wrong with this run's number among the shards."""
    if config["shard_index"] >= config["shard_count"]:
        yield "setting shard_index must be less than shard_count (it counts from 0)"


def unknown_settings(config: t.Iterable[str], known: t.Iterable[str]) -> str | None:
    """Return a warning about settings that the tap does not have; None if there are none."""
    known = list(known)
    unknown = [name for name in config if name not in known]
    return f"there is no setting {join_names(unknown, known)}; it has no effect" if unknown else None


def unknown_variables(environ: t.Iterable[str], prefix: str, known: t.Iterable[str]) -> str | None:
    """Return a warning about variables of the environment for which there is no setting; None if there are none."""
    variables = [variable_name(prefix, name) for name in (*known, "loglevel")]
    # Names with another underscore are options of Meltano itself, such as TAP_ORGANIZERS__SELECT.
    of_meltano = f"{prefix}_"
    unknown = [
        name
        for name in environ
        if name.startswith(prefix) and not name.startswith(of_meltano) and name not in variables
    ]
    return f"there is no setting for the variable {join_names(sorted(unknown), variables)}" if unknown else None


def variable_name(prefix: str, setting: str) -> str:
    """Return the name of the environment variable that gives a setting."""
    return prefix + setting.upper().replace("-", "_")


def read_environment(environ: t.Mapping[str, str], prefix: str, properties: t.Mapping[str, Schema]) -> dict[str, t.Any]:
    """Return the settings that the environment gives; an empty variable gives none.

    Raises:
        ConfigValidationError: A variable is not of its setting's type. The value is not shown.
    """
    found: dict[str, t.Any] = {}
    for name, schema in properties.items():
        text = environ.get(variable_name(prefix, name), "")
        if text.strip():
            try:
                found[name] = _parsed(text, schema)
            except (ValueError, RecursionError):
                what = " or ".join(KINDS[kind] for kind in _types(schema))
                raise config_error(f"the variable {variable_name(prefix, name)} is not {what}") from None
            if schema.get("secret"):
                found[name] = parse_secret(name, found[name], schema)
    return found


def parse_secret(name: str, value: t.Any, schema: Schema) -> t.Any:
    """Return the value of a secret setting: a string, or a list or an object of strings, which may be given as JSON.

    Raises:
        ConfigValidationError: It is not of its type. The value is not shown.
    """
    kinds = _types(schema)
    if kinds == ["string"]:
        if not isinstance(value, str):
            raise config_error(f"setting {name} must be a string")
        return value
    if isinstance(value, str):
        try:
            value = _parsed(value, schema)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, (list, dict)):
        raise config_error(f"setting {name} must be {' or '.join(KINDS[kind] for kind in kinds)} of strings")
    if not all(isinstance(one, str) for one in (value.values() if isinstance(value, dict) else value)):
        raise config_error(f"setting {name} must hold strings only")
    return value


def _types(schema: Schema) -> list[str]:
    return types_of(schema) or ["string"]


def _parsed(text: str, schema: Schema) -> t.Any:
    kinds, word = _types(schema), text.strip().lower()
    kind = kinds[0]
    if kind == "integer":
        return int(text)
    if kind == "boolean":
        if word not in TRUE | FALSE:
            raise ValueError
        return word in TRUE
    if kind == "array" and not word.startswith(("[", "{")) and "string" in schema["items"].get("type", ()):
        return [part.strip() for part in text.split(",")]
    if kind in {"array", "object"}:
        found = json.loads(text, parse_constant=_refuse_constant)
        _check_encodable(found, text)
        if not any(isinstance(found, {"array": list, "object": dict}[kind]) for kind in kinds):
            raise ValueError
        return found
    return text


def check_batches(given: t.Any) -> None:
    """Check the place of batch files; :func:`rest_tap.batches.unusable` checks their format.

    Raises:
        ConfigValidationError: Something in it is missing, unknown or of no use.
    """
    encoding, storage = ((given.get(name) if isinstance(given, dict) else None) for name in ("encoding", "storage"))
    incomplete = "setting batch_config needs 'encoding' with a 'format', and 'storage' with a 'root'"
    if not (isinstance(encoding, dict) and encoding.get("format") and isinstance(storage, dict)):
        raise config_error(incomplete)
    root = storage.get("root")
    if not isinstance(root, str) or not root:
        raise config_error(incomplete)
    for part, known in (
        (given, {"encoding", "storage", "batch_size"}),
        (storage, {"root", "prefix", "params"}),
        (encoding, {"format", "compression"}),
    ):
        if unknown := part.keys() - known:
            raise config_error(f"setting batch_config has unknown keys: {join_names(sorted(unknown), known)}")
    prefix = storage.get("prefix") or ""
    if not isinstance(prefix, str) or "\0" in prefix or not isinstance(storage.get("params") or {}, dict):
        raise config_error("setting batch_config: 'prefix' must be a text without NUL and 'params' an object")
    scheme = urlsplit(root).scheme
    if scheme == "s3" and importlib.util.find_spec("s3fs") is None:
        raise config_error("setting batch_config: S3 needs the extra 's3' (pip install 'ticketing-taps[s3]')")
    if scheme in {"", "file"}:
        _check_folder(url2pathname(urlsplit(root).path) if scheme else root)


def _check_folder(name: str) -> None:
    """Check that files can be written into a folder, by writing one; the folder is made if it has to be."""
    try:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
        raise config_error(f"setting batch_config: the folder of 'root' cannot be written to{reason}") from None


# Catalog


class _SchemaNode(msgspec.Struct, kw_only=True):
    """A part of a JSON Schema, as far as it matters here."""

    type: str | list[str] | msgspec.UnsetType = msgspec.UNSET
    format: str | msgspec.UnsetType = msgspec.UNSET
    properties: dict[str, _SchemaNode] | msgspec.UnsetType = msgspec.UNSET
    items: _SchemaNode | msgspec.UnsetType = msgspec.UNSET
    required: list[str] | msgspec.UnsetType = msgspec.UNSET


class _Root(_SchemaNode, kw_only=True):
    """The schema of a stream."""

    properties: dict[str, _SchemaNode]


class _Flags(msgspec.Struct, rename="kebab"):
    """Metadata of a stream or field."""

    selected: bool | None = None
    selected_by_default: bool | None = None
    inclusion: t.Literal["available", "automatic", "unsupported"] | None = None
    table_key_properties: list[str] | None = None
    forced_replication_method: str | None = None
    replication_key: str | None = None


class _Metadata(msgspec.Struct):
    breadcrumb: list[str]
    metadata: _Flags


class _Entry(msgspec.Struct):
    tap_stream_id: str
    schema: _Root
    stream: str | None = None
    metadata: list[_Metadata] = []
    key_properties: list[str] | None = None
    replication_key: str | None = None
    replication_method: str | None = None


class _Catalog(msgspec.Struct):
    streams: list[_Entry]


def check_catalog(catalog: t.Any) -> None:
    """Check that a catalog has the form of a Singer catalog.

    Raises:
        ConfigValidationError: It has not.
    """
    try:
        entries = msgspec.convert(catalog, _Catalog).streams
    except (msgspec.ValidationError, RecursionError) as error:
        raise config_error(f"the catalog is not a Singer catalog: {_reason(error)}") from None
    names = [entry.tap_stream_id for entry in entries]
    for entry in entries:
        name = entry.tap_stream_id
        if entry.stream not in {None, name}:
            raise config_error(f"the catalog entry of {join_names([name])} has another name as its 'stream'")
        if names.count(name) > 1:
            raise config_error(f"the catalog has more than one entry of {join_names([name])}")


def _reason(error: BaseException) -> str:
    return "it is too deep" if isinstance(error, RecursionError) else str(error)


#: Keywords that change nothing about which values fit.
HARMLESS = frozenset({"title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly", "$comment"})
KEYWORDS = frozenset({"type", "format", "properties", "items", "additionalProperties", "required"}) | HARMLESS
JSON_TYPES = frozenset({"string", "integer", "number", "boolean", "object", "array"})
STRING_FORMATS = frozenset({"date-time", "date"})


def check_schema(stream: str, declared: Schema, given: Schema, fixed: t.Collection[str]) -> None:
    """Check that records can fit the schema that a catalog gives them.

    Args:
        stream: The stream's name.
        declared: Its own schema.
        given: The catalog's.
        fixed: Fields that the tap itself depends on, so that their type cannot be changed.

    Raises:
        ConfigValidationError: They cannot.
    """
    for name, field in given.get("properties", {}).items():
        place = f"the catalog entry of {stream}, field {name}:"
        own = declared["properties"].get(name)
        _check_name(place, name)
        if own is not None and name in fixed:
            if _comparable(own) != _comparable(field):
                raise config_error(f"{place} its type cannot be changed, because the tap reads the list by it")
            continue
        _check_field(place, field)
    if missing := set(given.get("required", ())) - set(fixed):
        raise config_error(
            f"the catalog entry of {stream} requires {join_names(sorted(missing))}, which not every record has"
        )


def _check_name(place: str, name: str) -> None:
    if needs_escape(name):
        raise config_error(f"{place} its name has quotes, backslashes or control characters, which no column has")


def _check_field(place: str, field: Schema) -> None:
    unknown = [word for word in field if word not in KEYWORDS and not word.startswith("x-")]
    if unknown:
        raise config_error(f"{place} the tap does not support {join_names(unknown)}")
    if "type" not in field:
        return
    kind = kind_of(field)
    if "null" not in field["type"] or kind not in JSON_TYPES:
        raise config_error(f"{place} its type must be one of {', '.join(sorted(JSON_TYPES))}, and null")
    if "format" in field and (kind != "string" or field["format"] not in STRING_FORMATS):
        raise config_error(f"{place} the tap does not support the format {join_names([field['format']])}")
    if field.get("additionalProperties", True) is not True or field.get("required"):
        raise config_error(f"{place} records may have more fields or fewer, so its schema must allow that")
    for name, inner in field.get("properties", {}).items():
        _check_name(f"{place[:-1]}.{name}:", name)
        _check_field(f"{place[:-1]}.{name}:", inner)
    if "items" in field:
        _check_field(f"{place[:-1]}[]:", field["items"])


def _comparable(field: Schema) -> tuple[t.Any, ...]:
    kinds = field.get("type", ())
    return sorted({kinds} if isinstance(kinds, str) else set(kinds)), field.get("format")


def unknown_streams(catalog: t.Mapping[str, t.Any], known: t.Iterable[str]) -> list[str]:
    """Return the streams that a catalog selects, or may select, and that the tap does not have."""
    known = set(known)
    return [
        entry["tap_stream_id"]
        for entry in catalog["streams"]
        if entry["tap_stream_id"] not in known
        and not any(
            not one["breadcrumb"] and one["metadata"].get("selected") is False for one in entry.get("metadata", ())
        )
    ]


def lost_inside(metadata: t.Mapping[tuple[str, ...], t.Any]) -> list[str]:
    """Return the objects that are left out though fields inside them are selected by name."""
    chosen = [crumb for crumb, one in metadata.items() if one.selected and len(crumb) > 2]  # noqa: PLR2004 - inside
    return sorted(
        {
            crumb[1]
            for crumb in chosen
            if crumb[0] == "properties" and (outer := metadata.get(crumb[:2])) is not None and outer.selected is False
        }
    )


# State


class _State(msgspec.Struct):
    bookmarks: dict[str, t.Any] = {}


def unwrap_state(state: t.Any) -> t.Any:
    """Return the state that ``meltano state get`` or a STATE message is wrapped around."""
    if isinstance(state, dict):
        if isinstance(state.get("singer_state"), dict):
            return state["singer_state"]
        if state.get("type") == "STATE" and "value" in state:
            return unwrap_state(state["value"])
        if isinstance(state.get("completed"), dict) and "bookmarks" not in state:
            return unwrap_state(state["completed"])
    return state


def check_state(state: t.Any) -> None:
    """Check that a state has the form of a Singer state.

    Raises:
        ConfigValidationError: It has not.
    """
    try:
        msgspec.convert(state, _State)
    except (msgspec.ValidationError, RecursionError) as error:
        raise config_error(f"the state is not a Singer state: {_reason(error)}") from None
    if state and "bookmarks" not in state:
        raise config_error(f"the state is not a Singer state: it has no 'bookmarks', but {join_names(state)}")
    for name, bookmark in state.get("bookmarks", {}).items():
        partitions = bookmark.get("partitions", []) if isinstance(bookmark, dict) else None
        if partitions is None:
            raise config_error(f"the state is not a Singer state: the bookmark of {join_names([name])} is no object")
        if not isinstance(partitions, list) or not all(isinstance(one, dict) for one in partitions):
            raise config_error(
                f"the state is not a Singer state: the 'partitions' of {join_names([name])} are no list of objects"
            )


def unusable_bookmarks(state: t.Mapping[str, t.Any], streams: t.Iterable[str], levels: t.Collection[str]) -> list[str]:
    """Return a warning about each bookmark that no stream can continue from.

    Args:
        state: The state.
        streams: What may have a bookmark.
        levels: What a bookmark has dictionaries under.
    """
    streams, bookmarks = set(streams), state.get("bookmarks", {})
    unknown = [name for name in bookmarks if name not in streams]
    lines = [f"the state has bookmarks of unknown streams: {join_names(unknown, streams)}"] if unknown else []
    for name, bookmark in bookmarks.items():
        odd = [level for level in levels if not isinstance(bookmark.get(level, {}), dict)]
        if name in streams and odd:
            lines.append(f"the bookmark of {name} cannot be used, its {odd[0]!r} is no object: all of it is read again")
    return lines
