"""Rows of every stream with one value spoiled, in every way there is, and what may become of it."""

from __future__ import annotations

import copy
import functools
import json
import marshal
import typing as t

import msgspec

from rest_tap.records import RecordEncoder, format_path
from rest_tap.replies import decode
from rest_tap.request import Reply
from rest_tap.schema import UNKNOWN_FIELDS
from rest_tap.times import parse_time
from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tests.conftest import discovered, kept_signals

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_tap.stream import ListStream

Json = dict[str, t.Any]
Path = tuple[str | int, ...]

SHAPES: dict[str, tuple[t.Any, Json]] = {
    "tap-organizers": (TapOrganizers, {"api_url": "http://localhost:1", "api_token": "x"}),
    "tap-ticketing": (
        TapTicketing,
        {"api_url": "http://localhost:1", "session_token": "x", "orders_path": "/v1/orders"},
    ),
    "tap-ticketing-by-event": (
        TapTicketing,
        {"api_url": "http://localhost:1", "session_token": "x", "partition_by_event": True},
    ),
}

#: Every type of JSON, the edges of each, and texts that look like something else.
NASTY: tuple[t.Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        2**63 - 1,
        2**63,
        -(2**63) - 1,
        10**30,
        1.0,
        1.5,
        -0.0,
        1e300,
        12345678.123456789,
    ),
    *("", " ", "text", "0", "1", "17", "-17", "007", "1.50", "1e5", "9" * 30, "NaN", "Infinity", "true", "FALSE"),
    *(
        "0000-00-00",
        "0000-00-00 00:00:00",
        "0000-00-00T00:00:00Z",
        "2026-01-31",
        "2026-02-30",
        "31.01.2026",
        "10:00:00",
    ),
    *("2026-01-31T10:00:00Z", "2026-01-31T10:00:00+01:00", "2026-01-31 10:00:00", "2026-02-30T10:00:00Z", "now"),
    *("2026-01-31T24:00:00Z", "2026-01-31T10:00:00.123456789Z", "0001-01-01T00:00:00+05:00"),
    *(
        "9999-12-31T23:59:59-05:00",
        "null",
        "a\0b",
        "\0",
        "\\N",
        "\\.",
        "a\nb",
        "\ufeff",
        "\u2028",
        "😀",
        "'",
        '"',
        "%s",
    ),
    *([], {}, [None], [[]], [{}], [1, "1", None], ["a\0b"], {"a": None}, {"a": {"b": [1, None]}}, {"a\0": 1}),
)


#: Values as they stand in an answer that decoders refuse or take for others, and what is read for them.
RAW: dict[bytes, str] = {
    rb'"a\ud800b"': "a\ufffdb",
    rb'"\udc00\u0000"': "\ufffd\0",
    **{text.encode(): text for text in ("1e400", "-1E-400", "9" * 5000, "1.23456789012345678901", f"{'9' * 400}.5")},
}
#: What stands in a row for one of these.
MARK = "instead of a raw value"


def _all(_stream: str, _crumb: list[str]) -> bool:
    return True


def streams(shape: str, selects: t.Callable[[str, list[str]], bool] | None = _all, **config: t.Any) -> list[ListStream]:
    """Return the streams of a tap as they are before their first record.

    Args:
        shape: Which tap.
        selects: Whether a field of a stream is selected, by its breadcrumb; None leaves it to the tap.
        config: Further settings.
    """
    tap, settings = SHAPES[shape]
    catalog = discovered(settings, tap)
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            if selects is None:
                continue
            one["metadata"]["selected"] = not one["breadcrumb"] or selects(entry["tap_stream_id"], one["breadcrumb"])
    with kept_signals():
        return list(tap(config={**settings, **config}, catalog=catalog).streams.values())


def fitting(schema: Json, number: int = 7) -> t.Any:
    """Return a value that fits a schema."""
    kinds = [kind for kind in schema.get("type", ["string"]) if kind != "null"]
    if "properties" in schema:
        return {name: fitting(field) for name, field in schema["properties"].items()}
    if kinds == ["array"]:
        return [fitting(schema.get("items", {}))]
    by_format = {"date-time": "2026-01-31T10:00:00Z", "date": "2026-01-31"}
    values = {
        "string": by_format.get(schema.get("format", ""), f"text {number}"),
        "integer": number,
        "number": 1.5,
        "boolean": True,
        "object": {"any": [1, None]},
    }
    return values[kinds[0]]


@functools.lru_cache(maxsize=16)
def _plain(stream: ListStream) -> bytes:
    """Return a row of a stream that fits, as bytes: a copy is made of that in a tenth of the time."""
    schemas = stream.schema["properties"].items()
    return marshal.dumps({name: fitting(schema) for name, schema in schemas if name != UNKNOWN_FIELDS})


def row_of(stream: ListStream, number: int) -> Json:
    """Return a row of a stream that fits, with keys of its own."""
    properties = stream.schema["properties"]
    row: Json = marshal.loads(_plain(stream))
    row.update({name: fitting(properties[name], number) for name in stream.primary_keys})
    return row


def places(schema: Json, above: Path = ()) -> Iterator[tuple[Path, Json]]:
    """Yield where a value can be spoiled: each field, each element of a list, however deep."""
    for name, field in schema.get("properties", {}).items():
        if (*above, name) == (UNKNOWN_FIELDS,):
            continue
        path: Path = (*above, name)
        yield path, field
        while "items" in field:
            path, field = (*path, 0), field["items"]  # noqa: PLW2901 - one level down
            yield path, field
        yield from places(field, path)


class Spoiled(t.NamedTuple):
    """A row with one value that somebody has put there."""

    path: Path
    schema: Json
    value: t.Any
    row: Json


def spoiled(stream: ListStream, values: t.Sequence[t.Any] = NASTY) -> list[Spoiled]:
    """Return a row for each place of a stream and each value."""
    found: list[Spoiled] = []
    for path, schema in places(stream.schema):
        for value in values:
            row = row_of(stream, len(found) + 1)
            node: t.Any = row
            for part in path[:-1]:
                node = node[part]
            node[path[-1]] = copy.deepcopy(value)
            found.append(Spoiled(path, schema, value, row))
    return found


def records_of(stream: ListStream, rows: list[Json]) -> list[Json | None]:
    """Return what each row becomes, as the only one of its page; None for one that is left out."""
    encoder = RecordEncoder(stream)
    found: list[Json | None] = []
    for row in rows:
        line = encoder.lines(encoder.prepare([marshal.loads(marshal.dumps(row))]), "2026-01-31T10:00:00Z")
        found.append(msgspec.json.decode(line)["record"] if line else None)
    return found


def raw_records_of(stream: ListStream, rows: list[Json], raw: bytes, *, is_typed: bool) -> list[Json]:
    """Return what rows become that come on one page, with a raw value in place of each mark.

    Args:
        stream: Their stream.
        rows: The rows.
        raw: The value.
        is_typed: Whether to read the page on the fast path as far as it goes.
    """
    encoder = RecordEncoder(stream)
    given = {name: rows[0][name] for name in stream.parent_keys}
    typed = encoder.typed(stream.records_key, stream.envelope) if is_typed else None
    body = json.dumps({"count": len(rows), "next": None, stream.records_key: rows}).encode()
    reply = Reply(200, {}, body.replace(json.dumps(MARK).encode(), raw), "")
    page = decode(reply, typed.decoder(given) if typed else None)
    lines = encoder.lines(encoder.prepare(page[stream.records_key], given), "2026-01-31T10:00:00Z")
    return [msgspec.json.decode(line)["record"] for line in lines.splitlines()]


def at(record: t.Any, path: Path) -> t.Any:
    """Return the value at a path."""
    for part in path:
        record = record[part]
    return record


def without_nul(value: t.Any) -> t.Any:
    """Return a value as it leaves, with another character in place of NUL."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    return json.loads(json.dumps(value).replace("\\u0000", "\\ufffd"))


def problem(value: t.Any, found: t.Any, path: Path, unknown: Json) -> str | None:
    """Return what is wrong with what a value has become; None if it is right, or kept beside its column."""
    if found is None:
        if value is None:
            return None
        kept = unknown.get(format_path(path), problem)
        same = type(kept) is type(value) and without_nul(kept) == without_nul(value)
        return None if same else f"{format_path(path)}: {value!r} is lost"
    if isinstance(value, dict) and isinstance(found, dict):
        pairs = [(name, one, found.get(without_nul(name))) for name, one in value.items()]
        return next((text for name, one, own in pairs if (text := problem(one, own, (*path, name), unknown))), None)
    if isinstance(value, list) and isinstance(found, list) and len(value) == len(found):
        both = enumerate(zip(value, found, strict=True))
        return next((text for n, (one, own) in both if (text := problem(one, own, (*path, n), unknown))), None)
    return None if _is_same(value, found) else f"{format_path(path)}: {value!r} has become {found!r}"


def _is_same(value: t.Any, found: t.Any) -> bool:  # noqa: PLR0911 - a type each
    """Return whether one can be turned back into the other."""
    if type(value) is type(found) and without_nul(value) == found:
        return True
    if isinstance(found, bool):
        return (value, found) in {(0, False), (1, True), ("0", False), ("1", True), ("false", False), ("true", True)}
    if isinstance(value, bool):
        return False
    if isinstance(value, (int, float)) and isinstance(found, (int, float)):
        return value == found
    if isinstance(value, (int, float)) and isinstance(found, str):
        return json.loads(found) == value and found == json.dumps(value)
    if isinstance(value, str) and isinstance(found, int):
        return json.dumps(found) == value
    if isinstance(value, str) and isinstance(found, float):
        return float(value) == found
    before, after = parse_time(value), parse_time(found)
    return before is not None and before == after and found.endswith("Z")
