"""Reads a real pretix with the tap, and lays what came beside what the database has."""

from __future__ import annotations

import contextlib
import copy
import re
import threading
import typing as t
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import requests
from jsonschema import Draft202012Validator, FormatChecker
from requests.adapters import HTTPAdapter

from tap_organizers.streams import STREAMS
from tests.conftest import Json, Result, discovered, run_tap

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from typing_extensions import Self

    from tests.pretix.server import PretixServer

Row = dict[str, t.Any]
Key = tuple[t.Any, ...]
#: Rows of each stream by their keys.
Rows = dict[str, dict[Key, Row]]
#: What truth.py prints.
Truth = dict[str, dict[str, t.Any]]

#: Headers that are about the connection to the door.
HOP_BY_HOP = {"host", "connection", "content-length"}
NAMES = [str(stream.name) for stream in t.cast("t.Any", STREAMS)]
#: `meadow` has the slugs, order codes and numbers of `harbour` over again.
READ = ("harbour", "meadow")
#: Streams that the tap makes out of orders, so that all of them are asked for together.
OF_ORDERS = ("orders", "order_positions", "order_answers", "order_fees", "order_payments", "order_refunds")


def settings(api_url: str, token: str, **more: t.Any) -> Json:
    """Return the settings with which the tap reads a pretix."""
    return {
        "api_url": api_url,
        "api_token": token,
        "auth_header": "Authorization",
        "auth_prefix": "Token",
        **more,
    }


def catalog(*streams: str, incremental: Iterable[str] = (), full: Iterable[str] = ()) -> Json:
    """Return a catalog in which these streams (or all) are selected with all their fields.

    Args:
        streams: Names; every stream without one.
        incremental: Streams to read with the replication method INCREMENTAL.
        full: Streams to read with the replication method FULL_TABLE.
    """
    methods = dict.fromkeys(incremental, "INCREMENTAL") | dict.fromkeys(full, "FULL_TABLE")
    found = discovered({})
    for entry in found["streams"]:
        name = entry["tap_stream_id"]
        for metadata in entry["metadata"]:
            metadata["metadata"]["selected"] = not streams or name in streams
        if name in methods:
            entry["replication_method"] = methods[name]
            entry["metadata"][0]["metadata"]["forced-replication-method"] = methods[name]
    return found


def read(config: Json, *streams: str, state: Json | None = None, **methods: Iterable[str]) -> Result:
    """Read these streams, or all, with all their fields; the state stays as it is, for other runs."""
    return run_tap(config, catalog(*streams, **methods), copy.deepcopy(state))


# --- what came, and what there is -------------------------------------------------------------------------------------


def union(*results: Result) -> Rows:
    """Return what a loader would have after these runs: the last version of each row."""
    rows: Rows = {}
    for result in results:
        for stream, records in result.records.items():
            keys = result.schemas[stream]["key_properties"]
            rows.setdefault(stream, {}).update({tuple(row[key] for key in keys): row for row in records})
    return rows


def truth(server: PretixServer, *organizers: str, streams: Iterable[str] = ()) -> Truth:
    """Return what the database has."""
    words = [word for slug in organizers for word in ("--organizer", slug)]
    words += [word for stream in streams for word in ("--stream", stream)]
    answer: Truth = server.run("truth.py", *words)
    return answer


def true_rows(true: Truth, stream: str, only: Callable[[Row], bool] = lambda _: True) -> dict[Key, Row]:
    """Return a stream's rows in the database by their keys."""
    keys = true[stream]["primary_key"]
    return {tuple(row[key] for key in keys): row for row in true[stream]["rows"] if only(row)}


def differences(rows: dict[Key, Row], true: dict[Key, Row]) -> dict[Key, t.Any]:
    """Return what is missing, what is too much, and each value that differs, by key."""
    found: dict[Key, t.Any] = dict.fromkeys(true.keys() - rows.keys(), "missing")
    found |= dict.fromkeys(rows.keys() - true.keys(), "not in the database")
    for key in true.keys() & rows.keys():
        row = dict(rows[key])
        # An object in the API, an id in the database.
        if isinstance(row.get("seat"), dict):
            row["seat"] = row["seat"]["id"]
        wrong = {name: (row[name], value) for name, value in true[key].items() if name in row and row[name] != value}
        if wrong:
            found[key] = wrong
    return found


def unexplained(stream: str, rows: dict[Key, Row], true: dict[Key, Row], warnings: Iterable[str]) -> dict[Key, t.Any]:
    """Return what differs, but for what the run has said of gift card transactions.

    Those of one card have one and the same time, and the API gives them no order: the only
    stream that may come short, and then it says by how much.
    """
    found = differences(rows, true)
    if stream == "gift_card_transactions":
        lost = [key for key, what in found.items() if what == "missing"]
        card = [row["gift_card"] for row in true.values()]
        largest = max(card.count(number) for number in set(card))
        said = [f"{largest - len(lost)} of {largest} rows" in line for line in warnings if line.startswith(stream)]
        if said == [True] * bool(lost):
            found = {key: what for key, what in found.items() if key not in lost}
    return found


def compared(true: Truth, stream: str, rows: dict[Key, Row]) -> set[str]:
    """Return the fields of which the values can be compared, beyond the keys."""
    some = next(iter(rows.values()))
    return {name for row in true[stream]["rows"][:1] for name in row if name in some} - set(true[stream]["primary_key"])


# --- schemas ----------------------------------------------------------------------------------------------------------

formats = FormatChecker(())


@formats.checks("date-time")
def is_moment(value: object) -> bool:
    """Return whether a date-time is one, in UTC."""
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"
    return not isinstance(value, str) or re.fullmatch(pattern, value) is not None


@formats.checks("date")
def is_date(value: object) -> bool:
    """Return whether a date is one."""
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None


@formats.checks("time")
def is_time(value: object) -> bool:
    """Return whether a time of day is one."""
    return not isinstance(value, str) or re.fullmatch(r"\d\d:\d\d:\d\d(\.\d+)?", value) is not None


def misfits(result: Result, stream: str) -> list[str]:
    """Return what does not fit in the records of a stream; without records it need not have a schema."""
    if not result.records[stream]:
        return []
    validator = Draft202012Validator(result.schemas[stream]["schema"], format_checker=formats)
    return [
        f"{list(error.path)}: {error.message}"[:200]
        for row in result.records[stream]
        for error in validator.iter_errors(row)
    ]


def undeclared(result: Result, stream: str) -> set[str]:
    """Return the paths of values that came and that the stream's schema does not name.

    What stands in details is up to the payment provider.
    """
    schema = result.schemas[stream]["schema"]
    sent = {path for row in result.records[stream] for path in present(row, schema) if "details." not in path}
    return sent - (set(declared(schema)) - {"unknown_fields"})


def declared(schema: Json, path: str = "") -> Iterator[str]:
    """Yield the path of every field that a schema names."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}{name}"
        yield from declared(inner, f"{path}{name}.")
    if "items" in schema:
        yield from declared(schema["items"], path)


def present(value: t.Any, schema: Json, path: str = "") -> Iterator[str]:
    """Yield the path of every field of a value; of an object of free form, only its own."""
    if isinstance(value, list):
        for item in value:
            yield from present(item, schema.get("items", {}), path)
    elif isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            yield f"{path}{name}"
            yield from present(inner, schema["properties"].get(name, {}), f"{path}{name}.")


# --- a door before the server -----------------------------------------------------------------------------------------


@dataclass
class Asked:
    """A request that went through the door."""

    path: str
    params: dict[str, list[str]]
    status: int

    @property
    def page(self) -> int:
        """Return the number of the page asked for."""
        return int(self.params.get("page", ["1"])[0])


@dataclass
class Door:
    """Stands before a server, writes down each request, and lets a test do something before one.

    Attributes:
        before: Called with path and parameters before a request is handed on.
    """

    server: str
    before: Callable[[str, dict[str, list[str]]], object] = lambda _path, _params: None
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        door, session = self, requests.Session()
        session.mount("http://", HTTPAdapter(pool_maxsize=64))

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                params = parse_qs(url.query)
                door.before(url.path, params)
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                answer = session.get(
                    door.server + self.path,
                    headers=headers,
                    allow_redirects=False,
                    timeout=120,
                )
                door.asked.append(Asked(url.path.removeprefix("/api/v1"), params, answer.status_code))
                self.send_response_only(answer.status_code)
                for name in ("Content-Type", "X-Page-Generated", "Date"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                if "Location" in answer.headers:
                    there = urlsplit(answer.headers["Location"])
                    self.send_header("Location", f"{there.path}?{there.query}" if there.query else there.path)
                self.send_header("Content-Length", str(len(answer.content)))
                # Whoever asked may have been killed meanwhile.
                with contextlib.suppress(ConnectionError):
                    self.end_headers()
                    self.wfile.write(answer.content)

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):
                    super().handle()

            def log_message(self, *_: object) -> None:
                pass

        self._session = session
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        self._session.close()

    @property
    def api_url(self) -> str:
        """Return where the API begins behind this door."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/api/v1"

    def paths(self) -> list[str]:
        """Return the paths asked for, in order."""
        return [asked.path for asked in self.asked]


def moment(text: str) -> datetime:
    """Return a time that the tap wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
