"""What can go wrong between a client and an API, on order.

A fault waits for requests that match it, lets `after` of them pass, and then spoils `times` answers
in its `kind`'s way: before the answer is made, in its data, in its bytes, or on the wire.
"""

from __future__ import annotations

import random
import re
import socket
import struct
import threading
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sandbox.web import Request, Response, html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Every kind with what it does; `n`, `seconds`, `url` and so on are the fields of `Fault`.
KINDS = {
    # instead of the answer
    "status": "`status` with `headers` and `body`",
    "html": "an HTML page with 200 (or `status`), as a login wall or a proxy shows it",
    "error_200": '{"error": …} with 200',
    "redirect": "302 (or `status`) to `url`",
    "slow": "the right answer, `seconds` late",
    # in the data
    "null": "the body is `null`",
    "bare_list": "the rows without their envelope",
    "no_results": "the envelope without its rows",
    "next_url": "`next` is `url`",
    "count": "`count` (part A: `total`) is `n`",
    "repeat_page": "the rows of the page before (part A: of the first page)",
    "shrink": "the last `n` rows of the page are missing",
    "huge_string": "the first row carries a text of `n` bytes",
    "extra_fields": "the first row carries fields that nobody knows",
    "missing_fields": "most fields of the first row are missing",
    "wrong_types": "most fields of the first row are objects",
    "numbers_as_text": "all numbers of the first row are texts",
    "nan": "the first row carries NaN and Infinity, which are no JSON",
    # in the bytes
    "truncated_json": "the first half of the body, as if it were all",
    "duplicate_keys": "the first row has `id` and `slug` twice, the wrong one first",
    "deep_nesting": "the first row carries a list in a list in a list … `n` deep",
    "bad_utf8": "a byte that is no UTF-8 inside the first text",
    "bom": "a byte order mark in front",
    # on the wire
    "reset_before": "connection reset, nothing answered",
    "reset_mid_body": "connection reset after half the body",
    "close_after": "the right answer, then the connection is closed unannounced",
    "timeout": "nothing for `seconds`, then the connection is closed",
    "drip": "the right answer in small pieces over `seconds`",
    "wrong_content_length": "`Content-Length` promises `n` bytes more than come",
    "truncated_gzip": "compressed, and its second half is missing, with a fitting `Content-Length`",
    "gzip_bomb": "a valid envelope, small compressed, of `n` bytes when unpacked",
}
DEFAULT_N = {
    "huge_string": 1_000_000,
    "deep_nesting": 100_000,
    "gzip_bomb": 100_000_000,
    "wrong_content_length": 100,
    "count": 1_000_000,
}
ROW_KEYS = ("results", "events", "attendees", "tickets", "data")


@dataclass
class Fault:
    """One thing to go wrong, and when."""

    #: Searched in the request's path, so a prefix, a word or a regular expression.
    path: str = ""
    kind: str = "status"
    method: str | None = None
    #: Searched in the query string, such as `page=2`.
    query: str | None = None
    #: How many answers to spoil; None for ever.
    times: int | None = 1
    #: How many matching requests pass before.
    after: int = 0
    probability: float = 1.0
    seed: int = 0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | str | None = None
    seconds: float = 1.0
    n: int | None = None
    url: str = ""
    #: How many requests matched, and how many were spoiled.
    seen: int = 0
    fired: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            message = f"unknown kind {self.kind!r}, not one of {', '.join(KINDS)}"
            raise ValueError(message)
        self._random = random.Random(self.seed)

    @property
    def size(self) -> int:
        """How many bytes, rows or levels: `n`, or what is usual for the kind."""
        return DEFAULT_N.get(self.kind, 1) if self.n is None else self.n

    def fires(self, request: Request) -> bool:
        """Return whether this request is hit, and count it."""
        if (self.method or request.method) != request.method or not re.search(self.path, request.path):
            return False
        if self.query is not None and not re.search(self.query, request.query_string):
            return False
        self.seen += 1
        if self.seen <= self.after or (self.times is not None and self.fired >= self.times):
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self.fired += 1
        return True

    # The steps that the server takes, in order.

    def replaces(self) -> Response | None:
        """Return the answer that is given without asking the API."""
        if self.kind == "html":
            return html(self.status or 200, "Welcome")
        if self.kind == "error_200":
            return Response(data={"error": "Something went wrong"}, headers=self.headers)
        if self.kind == "redirect":
            return Response(self.status or 302, body=b"", headers={"Location": self.url, **self.headers})
        if self.kind == "status":
            status = self.status or 500
            if self.body is None:
                return Response(status, {"detail": f"Fault {status}"}, dict(self.headers))
            body = self.body.encode() if isinstance(self.body, str) else self.body
            return Response(status, headers=dict(self.headers), body=body)
        return None

    def spoil(self, request: Request, response: Response, ask: Callable[[Request], Response]) -> None:
        """Change the answer's data and bytes; `ask` gets another page from the API."""
        if response.status != 200:
            return
        if self.kind in SPOIL_DATA:
            response.data = SPOIL_DATA[self.kind](self, response.data, request, ask)
        elif self.kind in SPOIL_BYTES:
            response.body = SPOIL_BYTES[self.kind](self, response.content())
        elif self.kind in {"truncated_gzip", "gzip_bomb"}:
            full = _bomb(self.size) if self.kind == "gzip_bomb" else _gzip(response.content())
            response.body = full if self.kind == "gzip_bomb" else full[: len(full) // 2]
            response.headers["Content-Encoding"] = "gzip"
            # Compressed here already: the server must not do it once more.
            request.headers.pop("accept-encoding", None)

    def send(self, connection: socket.socket, head: bytes, body: bytes, wait: Callable[[float], bool]) -> bool:
        """Send the answer in this fault's way; return whether the connection stays open."""
        if self.kind == "timeout":
            wait(self.seconds)
        elif self.kind == "reset_mid_body":
            connection.sendall(head + body[: len(body) // 2])
            wait(0.05)  # or the reset overtakes the bytes
        elif self.kind == "drip":
            whole = head + body
            pieces = 20
            size = len(whole) // pieces + 1
            for start in range(0, len(whole), size):
                connection.sendall(whole[start : start + size])
                wait(self.seconds / pieces)
            return True
        elif self.kind == "wrong_content_length":
            right = b"Content-Length: %d" % len(body)
            connection.sendall(head.replace(right, b"Content-Length: %d" % (len(body) + self.size)) + body)
        elif self.kind != "reset_before":
            connection.sendall(head + body)
            if self.kind != "close_after":
                return True
        if self.kind.startswith("reset"):
            # Closing with a zero linger time sends RST in place of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        return False


class Faults:
    """The faults in force; the first that fires has the request."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Put faults in force."""
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """Make everything work again."""
        with self._lock:
            self._faults.clear()

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._faults))

    def take(self, request: Request) -> Fault | None:
        """Return the fault that hits this request."""
        with self._lock:
            return next((fault for fault in self._faults if fault.fires(request)), None)


def rows_of(data: Any) -> list[Any]:
    """Return the rows in an answer of either API; an empty list if it holds none."""
    if isinstance(data, dict):
        for key in ROW_KEYS:
            if isinstance(data.get(key), list):
                return data[key]  # type: ignore[no-any-return]
    return []


def _with_rows(data: Any, rows: list[Any]) -> Any:
    key = next((key for key in ROW_KEYS if isinstance(data, dict) and key in data), None)
    return data if key is None else {**data, key: rows}


def _with_first(data: Any, **fields: Any) -> Any:
    rows = rows_of(data)
    return _with_rows(data, [{**rows[0], **fields}, *rows[1:]]) if rows else data


#: What tells which row it is, when it changed, where it belongs, and what other rows are cut out of it.
NEEDED = {
    *("id", "slug", "code", "number", "ticket_code", "event", "order", "organizer"),
    *("last_modified", "datetime", "created", "positions"),
}


def _changed(data: Any, change: Callable[[str, Any], Any]) -> Any:
    rows = rows_of(data)
    if not rows:
        return data
    row = {name: change(name, value) for name, value in rows[0].items()}
    return _with_rows(data, [{name: value for name, value in row.items() if value is not GONE}, *rows[1:]])


GONE = object()


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_text(inner) for inner in value]
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _page_before(_fault: Fault, data: Any, request: Request, ask: Callable[[Request], Response]) -> Any:
    query = {name: values for name, values in request.query.items() if name != "since"}
    page = request.parameter("page") or "1"
    if page.isdigit() and int(page) > 1:
        query["page"] = [str(int(page) - 1)]
    return _with_rows(data, rows_of(ask(replace(request, query=query, body=b"")).data))


SPOIL_DATA: dict[str, Callable[[Fault, Any, Request, Callable[[Request], Response]], Any]] = {
    "null": lambda *_: None,
    "bare_list": lambda _, data, *__: rows_of(data),
    "no_results": lambda _, data, *__: {k: v for k, v in data.items() if k not in ROW_KEYS},
    "next_url": lambda fault, data, *_: {**data, "next": fault.url},
    "count": lambda fault, data, *_: {**data, "count" if "count" in data else "total": fault.size},
    "repeat_page": _page_before,
    "shrink": lambda fault, data, *_: _with_rows(data, rows_of(data)[: -fault.size]),
    "huge_string": lambda fault, data, *_: _with_first(data, huge="x" * fault.size),
    "extra_fields": lambda _, data, *__: _with_first(data, surprise={"in": ["side"]}, another="text"),
    "missing_fields": lambda _, data, *__: _changed(data, lambda name, value: value if name in NEEDED else GONE),
    "wrong_types": lambda _, data, *__: _changed(data, lambda name, value: value if name in NEEDED else {"is": value}),
    "numbers_as_text": lambda _, data, *__: _changed(data, lambda _name, value: _as_text(value)),
    "nan": lambda _, data, *__: _with_first(data, nan=float("nan"), infinity=float("inf")),
}

SPOIL_BYTES: dict[str, Callable[[Fault, bytes], bytes]] = {
    "truncated_json": lambda _, body: body[: len(body) // 2],
    "duplicate_keys": lambda _, body: re.sub(rb":\[\{", b':[{"id":-1,"slug":"wrong",', body, count=1),
    "deep_nesting": lambda fault, body: re.sub(
        rb":\[\{", b':[{"deep":' + b"[" * fault.size + b"]" * fault.size + b",", body, count=1
    ),
    "bad_utf8": lambda _, body: re.sub(rb':"', b':"\xff\xfe', body, count=1),
    "bom": lambda _, body: b"\xef\xbb\xbf" + body,
}


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()


def _bomb(n: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    block = b" " * 1_000_000
    parts = [packer.compress(b'{"count":0,"next":null,"previous":null,"results":[')]
    parts += [packer.compress(block) for _ in range(n // len(block))]
    return b"".join([*parts, packer.compress(b"]}"), packer.flush()])
