"""What the tests of incremental reading share: a loader in small, and what it has to hold in the end."""

from __future__ import annotations

import itertools
import json
import typing as t
from datetime import datetime, timedelta

from rest_tap.times import parse_time
from tests.conftest import Json, Result, copied, discovered, entry_of, only, organizers_config, run_tap

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sandbox import Sandbox

#: Everything that goes on from a bookmark, at the level of organizers and at that of events.
OF_ORGANIZERS = ("subevents", "orders", "transactions", "reusable_media")
OF_EVENTS = ("checkins", "revoked_ticket_secrets", "blocked_ticket_secrets")
OF_ORDERS = ("order_positions", "order_answers", "order_fees")
MONEY = ("order_payments", "order_refunds")
INCREMENTAL = (*OF_ORGANIZERS, *OF_EVENTS, *OF_ORDERS)
#: How the lists are called in paths.
PATHS = {"reusable_media": "reusablemedia"}
#: What tells the state of a row.
VERSIONS = {
    "orders": ("status", "last_modified"),
    "order_positions": ("canceled", "order_last_modified"),
    "order_fees": ("canceled", "order_last_modified"),
    "order_answers": ("answer",),
    "subevents": ("last_modified",),
    "transactions": ("count",),
    "checkins": ("successful",),
    "reusable_media": ("updated",),
    "revoked_ticket_secrets": ("created",),
    "blocked_ticket_secrets": ("updated", "blocked"),
    "order_payments": ("state",),
    "order_refunds": ("state",),
}
KEYS = {
    "orders": ("organizer", "code"),
    "order_answers": ("position", "question"),
    "order_payments": ("organizer", "order", "local_id"),
    "order_refunds": ("organizer", "order", "local_id"),
}
Rows = dict[tuple[t.Any, ...], tuple[t.Any, ...]]


def key_of(stream: str, row: Json) -> tuple[t.Any, ...]:
    """Return the key of a record."""
    return tuple(row[name] for name in KEYS.get(stream, ("id",)))


def version_of(stream: str, row: Json) -> tuple[t.Any, ...]:
    """Return what tells one state of a row from another."""
    values = [row[name] for name in VERSIONS[stream]]
    return tuple(value if isinstance(value, datetime) else parse_time(value) or value for value in values)


class Loader:
    """Tables that records go into, each by its key: the last one stays."""

    def __init__(self) -> None:
        self.tables: dict[str, Rows] = {}
        self.written = 0

    def load(self, messages: Iterable[Json]) -> Loader:
        """Take the records among these messages."""
        for message in messages:
            if message["type"] == "RECORD" and message["stream"] in VERSIONS:
                stream, row = message["stream"], message["record"]
                self.tables.setdefault(stream, {})[key_of(stream, row)] = version_of(stream, row)
                self.written += 1
        return self

    def copy(self) -> Loader:
        """Return another loader that holds the same."""
        other = Loader()
        other.tables = {stream: dict(rows) for stream, rows in self.tables.items()}
        return other

    def lacks(self, truth: dict[str, Rows]) -> list[tuple[str, t.Any]]:
        """Return the rows of the truth that are missing, or held in another state."""
        return [
            (stream, key)
            for stream, rows in truth.items()
            for key, version in rows.items()
            if self.tables.get(stream, {}).get(key) != version
        ]


def truth(  # noqa: C901 - a loop for each level
    box: Sandbox, *streams: str, organizers: Iterable[str] | None = None
) -> dict[str, Rows]:
    """Return what is on the server now, by stream and key."""
    data = box.organizers
    found: dict[str, Rows] = {stream: {} for stream in streams or INCREMENTAL}

    def add(stream: str, rows: Iterable[Json]) -> None:
        if stream in found:
            found[stream].update({key_of(stream, row): version_of(stream, row) for row in rows})

    for slug, organizer in data.organizers.items():
        if organizers is not None and slug not in organizers:
            continue
        for name in ("subevents", "transactions", "checkins"):
            add(name, organizer.sales[name])
        if "reusable_media" in found:
            add("reusable_media", data.rows(f"/organizers/{slug}/reusablemedia/"))
        for stream in {"revoked_ticket_secrets", "blocked_ticket_secrets"} & found.keys():
            for event in organizer.events:
                add(stream, data.rows(f"/organizers/{slug}/events/{event}/{stream[:7]}secrets/"))
        for order in organizer.sales["orders"]:
            add("orders", [{**order, "organizer": slug}])
            of_order = {"organizer": slug, "order": order["code"], "order_last_modified": order["last_modified"]}
            for stream in ("order_positions", "order_fees", *MONEY):
                add(stream, [{**row, **of_order} for row in order[stream.removeprefix("order_")]])
            answers = [{**answer, "position": row["id"]} for row in order["positions"] for answer in row["answers"]]
            add("order_answers", answers)
    return found


def settled(box: Sandbox) -> Sandbox:
    """Let everything have happened ten minutes ago or earlier: outside the overlap."""
    latest, n = box.organizers.now() - timedelta(minutes=10), 0
    for organizer in box.organizers.organizers.values():
        for row in itertools.chain.from_iterable(organizer.sales.values()):
            for name in ("last_modified", "created"):
                if name in row and row[name] > latest:
                    n += 1
                    row[name] = latest - timedelta(milliseconds=n)
    return box


def settings(box: Sandbox, **more: t.Any) -> Json:
    """Return settings with which the tap reads a sandbox, in silence."""
    return organizers_config(box, progress=False, **more)


def catalog(*streams: str, full: Iterable[str] = (), incremental: Iterable[str] = ()) -> Json:
    """Return a catalog that selects these streams, and sets how some of them are read."""
    found = only(discovered({}), *streams)
    for names, method in ((full, "FULL_TABLE"), (incremental, "INCREMENTAL")):
        for name in names:
            entry_of(found, name)["replication_method"] = method
    return found


def read(box: Sandbox, *streams: str, state: Json | None = None, **more: t.Any) -> Result:
    """Read these streams of a sandbox in this process; all that are incremental if none is named."""
    options = {name: more.pop(name) for name in ("fails", "may_fail", "prepare") if name in more}
    methods = {name: more.pop(name) for name in ("full", "incremental") if name in more}
    chosen = catalog(*(streams or INCREMENTAL), **methods)
    return run_tap(settings(box, **more), chosen, copied(state), **options)


def keys(result: Result, stream: str) -> list[tuple[t.Any, ...]]:
    """Return the keys of a stream's records, in order."""
    return [key_of(stream, row) for row in result.records[stream]]


def asked(box: Sandbox, name: str, organizer: str = "[^/]+") -> list[t.Any]:
    """Return the requests for a list of an organizer, or of its events."""
    found = box.requests(rf"/organizers/{organizer}/(events/[^/]+/)?{PATHS.get(name, name)}/$")
    return [request for request in found if request.status != 301]


def bookmarks(state: Json, stream: str) -> t.Any:
    """Return a stream's bookmarks in a state."""
    return state["bookmarks"].get(stream)


def until_state(result: Result) -> list[tuple[list[Json], Json]]:
    """Return each STATE of a run, with all messages before it."""
    return [
        (result.messages[:place], message["value"])
        for place, message in enumerate(result.messages)
        if message["type"] == "STATE"
    ]


def merged(state: Json, other: Json) -> Json:
    """Return two states merged as Meltano does it: objects key by key, else the other's value."""
    found = dict(state)
    for key, value in other.items():
        ours = found.get(key)
        found[key] = merged(ours, value) if isinstance(ours, dict) and isinstance(value, dict) else value
    return found


def at_each_request(box: Sandbox, path: str, happens: Callable[[t.Any], object]) -> None:
    """Have something happen before each answer for this path, seen by that answer."""

    def hook(request: t.Any, _box: Sandbox) -> None:
        if path in request.path and request.path.endswith("/"):
            with box.organizers.lock:
                happens(request)

    box.on_request(hook)


def size_of(message: Json) -> int:
    """Return about how many bytes a message is as a line."""
    return len(json.dumps(message, separators=(",", ":"))) + 1
