"""Reads the API's lists the plain way: page after page, parent after parent, nothing clever.

What the tap has to match. Paths are those of the sandbox's lists, keys and fields those of the streams; no stream
is known by name except where the API has two ways.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from rest_tap.schema import UNKNOWN_FIELDS
from sandbox.lists import BY_NAME
from tap_organizers.tap import TapOrganizers
from tests.conftest import kept_signals

if TYPE_CHECKING:
    from tap_organizers.client import OrganizersStream

Row = dict[str, Any]

#: A key in a path → the stream whose rows have it, and their field.
KEYS = {
    "organizer": ("organizers", "slug"),
    "event": ("events", "slug"),
    "order": ("orders", "code"),
    "item": ("items", "id"),
    "question": ("questions", "id"),
    "checkin_list": ("checkin_lists", "id"),
    "gift_card": ("gift_cards", "id"),
    "team": ("teams", "id"),
}
#: Streams that are only, or far more cheaply, found inside the rows of another.
NESTED = {
    "order_fees": ("orders", "fees"),
    "order_payments": ("orders", "payments"),
    "order_refunds": ("orders", "refunds"),
}
PARAMS = {
    "orders": {"include_canceled_positions": "true", "include_canceled_fees": "true"},
    "order_positions": {"include_canceled_positions": "true"},
}
SEATS_OF_A_DATE = "/organizers/{organizer}/events/{event}/subevents/{subevent}/seats/"
#: Their order has ties, so that pages may repeat rows and drop as many others.
WITHOUT_TOTAL_ORDER = {
    *("customers", "memberships", "gift_cards", "gift_card_transactions", "seating_plans", "team_api_tokens"),
    *("item_meta_properties", "ticket_layouts", "badge_layouts"),
}


@dataclass(frozen=True)
class Listed:
    """A stream as the server has it."""

    stream: OrganizersStream
    path: str
    shape: str
    #: The stream above it.
    parent: str | None
    #: Keys in the path → fields of the parent's row.
    context: dict[str, str]

    @property
    def fields(self) -> Row:
        """The fields of a row and their schemas, the parents' keys among them."""
        fields: Row = dict(self.stream.schema["properties"])
        del fields[UNKNOWN_FIELDS]
        return fields


def _listed(stream: OrganizersStream) -> Listed:
    facts = BY_NAME.get(stream.name)
    keys = facts.parents if facts else ("organizer", "event", "order")
    parent, field = KEYS[keys[-1]] if keys else (None, "")
    context = {key: field if key == keys[-1] else key for key in keys}
    return Listed(stream, facts.path if facts else "", facts.shape if facts else "paginated", parent, context)


with kept_signals():
    _STREAMS = TapOrganizers(config={}, validate_config=False, setup_mapper=False).discover_streams()
#: All streams but the answers, which are cut out of positions.
LISTS = {stream.name: _listed(stream) for stream in _STREAMS if stream.name != "order_answers"}


class Client:
    """A credential's view of a server; it keeps cookies, as pretix writes a session row otherwise."""

    def __init__(self, api_url: str, token: str | None, scheme: str = "Token") -> None:
        self._api_url = api_url
        self._session = requests.Session()
        self._session.headers["Accept-Language"] = "en"
        if token is not None:
            self._session.headers["Authorization"] = f"{scheme} {token}"

    def get(self, path: str, **params: Any) -> requests.Response:
        """Ask for a path below the base URL."""
        return self._session.get(self._api_url + path, params=params, timeout=60)

    def rows(self, path: str, **params: Any) -> list[Row]:
        """Read a list to its end, by page numbers."""
        rows: list[Row] = []
        page = 1
        while True:
            response = self.get(path, page=page, **params)
            assert response.status_code == requests.codes.ok, f"{path}: {response.status_code} {response.text[:200]}"
            answer = response.json()
            rows += answer["results"]
            if answer["next"] is None:
                # The count is right even where the pages are not.
                assert answer["count"] == len(rows), path
                return rows
            page += 1


class Lists:
    """Every stream of some organizers, each read once and then kept.

    Args:
        client: whose eyes to read with.
        organizers: slugs; the lists below others are left alone.
    """

    def __init__(self, client: Client, organizers: list[str]) -> None:
        self._client = client
        self._organizers = organizers
        self._rows: dict[str, list[Row]] = {}

    def __getitem__(self, name: str) -> list[Row]:
        """Return the stream's rows, with the keys of their parents."""
        if name not in self._rows:
            self._rows[name] = self._nested(name) if name in NESTED else self._read(name)
        return self._rows[name]

    def _read(self, name: str) -> list[Row]:
        listed = LISTS[name]
        if listed.parent is None:
            return [row for row in self._client.rows(listed.path) if row["slug"] in self._organizers]
        rows = []
        for context in self._contexts(name):
            for path, more, params in ways(name, listed.path, context):
                if listed.shape == "object":
                    response = self._client.get(path.format(**context))
                    assert response.status_code == requests.codes.ok, path
                    found = [{"settings": response.json()}]
                else:
                    found = self._client.rows(path.format(**context, **more), **params)
                rows += [{**row, **public(context), **more} for row in found]
        return rows

    def _contexts(self, name: str) -> list[Row]:
        listed = LISTS[name]
        contexts = []
        for parent in self[listed.parent or ""]:
            context = {key: parent[field] for key, field in listed.context.items()}
            if listed.parent == "events":
                context |= {"_event": parent, "_dates": self["subevents"] if parent["has_subevents"] else []}
            if listed.parent == "items":
                context["_series"] = self._series[parent["organizer"], parent["event"]]
            contexts.append(context)
        return contexts

    @property
    def _series(self) -> dict[tuple[str, str], bool]:
        return {(row["organizer"], row["slug"]): row["has_subevents"] for row in self["events"]}

    def _nested(self, name: str) -> list[Row]:
        parent, field = NESTED[name]
        context = LISTS[name].context
        return [
            {**row, **{key: above[source] for key, source in context.items()}}
            for above in self[parent]
            for row in above[field]
        ]


def public(context: Row) -> Row:
    """Leave out what only the reading needed to know."""
    return {key: value for key, value in context.items() if not key.startswith("_")}


def ways(name: str, path: str, context: Row) -> list[tuple[str, Row, dict[str, str]]]:
    """List the requests that make up a stream below one parent: path, further keys, parameters."""
    params = PARAMS.get(name, {})
    if name == "questions":
        return [(path, {}, {**params, "container_type": kind}) for kind in "PO"]
    if name == "item_program_times" and context["_series"]:
        return []  # 400
    if name == "seats" and context["_event"]["has_subevents"]:
        here = (context["organizer"], context["event"])
        dates = [row["id"] for row in context["_dates"] if (row["organizer"], row["event"]) == here]
        return [(SEATS_OF_A_DATE, {"subevent": date}, params) for date in dates]
    return [(path, {}, params)]


def by_key(name: str, rows: list[Row]) -> dict[tuple[Any, ...], Row]:
    """Index rows by the stream's primary key."""
    return {tuple(row[field] for field in LISTS[name].stream.primary_keys): row for row in rows}


class Fields:
    """Compares answers with a schema: what is missing from which, and what is of another type."""

    def __init__(self) -> None:
        self.unknown: set[str] = set()
        self.mistyped: dict[str, set[str]] = defaultdict(set)
        self.seen: set[str] = set()
        self.filled: set[str] = set()

    def compare(self, value: Any, schema: Row, path: str) -> None:
        """Take in one value, and all that is inside it."""
        self.seen.add(path)
        kind = json_type(value)
        if value not in (None, [], {}, ""):
            self.filled.add(path)
        # An item of a list may be declared as anything.
        declared_as = schema.get("type", kind)
        allowed = {declared_as} if isinstance(declared_as, str) else set(declared_as)
        if "number" in allowed:
            allowed.add("integer")
        if kind not in allowed:
            self.mistyped[path].add(kind)
        if isinstance(value, dict) and "properties" in schema:
            self.compare_fields(value, schema["properties"], path)
        elif isinstance(value, dict) and isinstance(schema.get("additionalProperties"), dict):
            for inner in value.values():
                self.compare(inner, schema["additionalProperties"], f"{path}.*")
        elif isinstance(value, list) and "items" in schema:
            for inner in value:
                self.compare(inner, schema["items"], f"{path}[]")

    def compare_fields(self, row: Row, fields: Row, path: str) -> None:
        """Take in the fields of one row or object."""
        for name, value in row.items():
            if name in fields:
                self.compare(value, fields[name], f"{path}.{name}")
            else:
                self.unknown.add(f"{path}.{name}")


def declared(fields: Row, path: str) -> dict[str, Row]:
    """List every field of a schema by its path, nested ones included."""
    found = {}
    for name, schema in fields.items():
        here = f"{path}.{name}"
        found[here] = schema
        found |= declared(schema.get("properties", {}), here)
        found |= declared(schema.get("items", {}).get("properties", {}), f"{here}[]")
    return found


def json_type(value: Any) -> str:
    """Name a value's type as JSON Schema does."""
    if value is None:
        return "null"
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds[type(value)]
