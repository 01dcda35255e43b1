"""The streams of the code as declarations of the setting ``extra_streams``, as far as they can be declared."""

from __future__ import annotations

import typing as t

from rest_tap.extra import TYPES
from rest_tap.schema import KIND, OPEN, PERSONAL, SENSITIVITY
from tap_organizers.streams import STREAMS
from tap_organizers.streams.sales import OrderMoneyStream

if t.TYPE_CHECKING:
    from rest_tap.schema import Schema

Json = dict[str, t.Any]

#: What the names of declared copies begin with.
COPY = "my_"
#: Why the rows of some streams are not those of a declaration.
NOT_THE_SAME = {
    "seats": "stand below an event or below each date of a series, by what the event's row says",
    "organizer_settings": "are one object in one column, not columns",
    "event_settings": "are one object in one column, not columns",
}
#: Lists that are refused where the class does not even ask.
ASKED_LESS = {"item_program_times": "a series of dates answers 400, and only a class knows not to ask"}
#: Streams of two lists: what is to be asked for besides.
TWICE = {"questions": {"container_type": "O"}}
#: Fields that no answer has: the class knows them by what it has asked for.
FROM_THE_REQUEST = {"questions": ("container_type",)}
#: Lists with a bookmark that a declaration reads in full, and why.
READ_IN_FULL = {
    "checkins": "rows without a time come last, which only a class says",
    "revoked_ticket_secrets": "likewise",
    "blocked_ticket_secrets": "likewise",
}


def reason_against(stream: t.Any) -> str | None:
    """Return why a stream cannot be declared, or None."""
    if stream.nested_in is not None or issubclass(stream, OrderMoneyStream):
        return "are cut out of the rows of another stream"
    return NOT_THE_SAME.get(stream.name) or ASKED_LESS.get(stream.name)


def declarations() -> list[Json]:
    """Return a declaration of each stream of the code that can be declared, under another name."""
    found = []
    for stream in t.cast("t.Any", STREAMS):
        if reason_against(stream) is None:
            found.append(declaration(stream))
            if stream.name in TWICE:
                found.append({**found[-1], "name": f"{COPY}more_{stream.name}", "params": TWICE[stream.name]})
    return found


def names_of(stream: str) -> list[str]:
    """Return the names of the declared streams that together have the rows of a stream of the code."""
    return [COPY + stream, *([f"{COPY}more_{stream}"] if stream in TWICE else [])]


def declaration(stream: t.Any) -> Json:
    """Return what declares a list with the rows of a stream of the code."""
    keys = set(stream.parent_keys)
    found: Json = {
        "name": COPY + stream.name,
        "path": stream.path,
        "primary_keys": list(stream.primary_keys),
        "fields": {name: field_of(schema) for name, schema in stream.properties.items() if name not in keys},
        "params": {name: list(one) if isinstance(one, tuple) else one for name, one in stream.params.items()},
        "permission": stream.permission,
        "selected_by_default": stream.selected_by_default,
        "description": stream.__doc__,
    }
    if isinstance(stream.replication_key, str) and stream.name not in READ_IN_FULL:
        found["replication_key"] = stream.replication_key
        found["since_parameter"] = stream.since_parameter
        found["tie_breaker"] = stream.tie_breaker
        found["params"] = {name: one for name, one in found["params"].items() if name != "ordering"}
    return found


def field_of(schema: Schema) -> Json:
    """Return what declares a field with this schema."""
    marks = schema.get(SENSITIVITY, "").split()
    found: Json = {"type": type_of(schema), "description": schema.get("description", "")}
    if "secret" in marks:
        found["secret"] = True
    if found["type"] in {"object", "array"} or PERSONAL in marks:
        found["personal"] = PERSONAL in marks
    if "properties" in schema:
        found["fields"] = {name: field_of(inner) for name, inner in schema["properties"].items()}
    if "items" in schema:
        found["items"] = {name: one for name, one in field_of(schema["items"]).items() if name != "personal"}
    return found


def type_of(schema: Schema) -> str:
    """Return the word for the type of a field."""
    # That an object is open is for reports alone.
    facts = [(*schema["type"],), schema.get("format"), None if schema.get(KIND) == OPEN else schema.get(KIND)]
    return next(
        word for word, kind in TYPES.items() if [(*(one := kind())["type"],), one.get("format"), one.get(KIND)] == facts
    )


def with_all_fields(catalog: Json, *streams: str) -> Json:
    """Select streams of a catalog (all without a name) with all their fields."""
    for entry in catalog["streams"]:
        for metadata in entry["metadata"]:
            if not streams or entry["tap_stream_id"] in streams:
                metadata["metadata"]["selected"] = True
    return catalog
