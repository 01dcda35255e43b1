"""HTTP/1.1 with keep-alive, by hand: one thread a connection, and the raw socket in reach.

`http.server` hides the socket behind buffered files and costs more than the answers themselves; here a fault can cut a
connection in the middle of a body, and a request costs about a tenth of a millisecond.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import json
import socket
import socketserver
import threading
import time
import traceback
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable

#: Smaller bodies are not worth compressing; Django's limit.
GZIP_FROM_BYTES = 200
MAX_HEAD = 65536


@dataclass
class Request:
    """One request as it came in, and what became of it: an entry of the log."""

    method: str
    #: As sent, so percent-encoded; without the query.
    path: str
    query_string: str = ""
    query: dict[str, list[str]] = field(default_factory=dict)
    #: Names in lower case.
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: Which TCP connection, numbered from 1.
    connection: int = 0
    time_started: float = 0.0
    #: 0 while in flight.
    time_finished: float = 0.0
    #: 0 while in flight, and for ever if nothing was answered.
    status: int = 0
    #: Kind of the fault that hit it.
    fault: str | None = None

    def parameter(self, name: str) -> str | None:
        """Return the last value of a query parameter, as Django does."""
        values = self.query.get(name)
        return values[-1] if values else None

    def as_json(self) -> dict[str, Any]:
        """Return the entry for the log over HTTP."""
        return {**asdict(self), "body": self.body.decode("utf-8", "replace")}


def encode(data: object) -> bytes:
    """Return compact JSON with plain unicode, as Django REST framework writes it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass
class Response:
    """An answer before it is bytes, so that a fault can still spoil the data in it."""

    status: int = 200
    data: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    #: Instead of `data`.
    body: bytes | None = None
    encode: Callable[[object], bytes] = encode

    def content(self) -> bytes:
        """Return the body, uncompressed."""
        return self.encode(self.data) if self.body is None else self.body


def html(status: int, title: str) -> Response:
    """Return a page as a web server or proxy shows it, where a client hopes for JSON."""
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Response(status, body=page.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def head(status: int, headers: dict[str, str]) -> bytes:
    """Return status line and headers as bytes."""
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def finish(request: Request, response: Response) -> tuple[dict[str, str], bytes]:
    """Return headers and body as they go over the wire, compressed if the client takes it."""
    body = response.content()
    headers = {"Content-Type": "application/json", **response.headers}
    if "gzip" in request.headers.get("accept-encoding", "") and len(body) >= GZIP_FROM_BYTES:
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers["Content-Encoding"] = "gzip"
    headers["Vary"] = "Accept-Encoding"
    headers["Content-Length"] = str(len(body))
    return headers, body


class Sender(Protocol):
    """Sends a finished answer in a way of its own."""

    def send(self, connection: socket.socket, head: bytes, body: bytes, wait: Callable[[float], bool]) -> bool:
        """Send it; return whether the connection stays open."""
        ...


class Server(socketserver.ThreadingTCPServer):
    """Listens, and hands each request to `answer`; an answer that comes with a sender is sent by that."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(
        self,
        address: tuple[str, int],
        answer: Callable[[Request], tuple[Response, Sender | None]],
        wait: Callable[[float], bool],
        idle_seconds: Callable[[], float | None],
    ) -> None:
        self.answer = answer
        self.wait = wait
        self.idle_seconds = idle_seconds
        self.numbers = itertools.count(1)
        self.open: set[socket.socket] = set()
        super().__init__(address, Connection)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True, name="sandbox").start()

    def stop(self) -> None:
        """Close the port and every connection, also those that a fault keeps waiting."""
        self.shutdown()
        self.server_close()
        for connection in self.open.copy():
            close(connection)


def close(connection: socket.socket) -> None:
    """Close a socket that the other side, or another thread, may have closed already."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


class Connection(socketserver.StreamRequestHandler):
    """One client connection: requests one after the other until someone closes it."""

    server: Server
    disable_nagle_algorithm = True

    def setup(self) -> None:  # noqa: D102
        super().setup()
        self.number = next(self.server.numbers)
        self.server.open.add(self.connection)

    def finish(self) -> None:  # noqa: D102
        self.server.open.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:  # noqa: D102
        try:
            while self.one():
                pass
        except (OSError, ValueError):
            # Reset, idle too long, not HTTP, or the sandbox was stopped: the connection ends.
            close(self.connection)

    def one(self) -> bool:
        """Serve one request; return whether the connection stays open."""
        self.connection.settimeout(self.server.idle_seconds())
        request = self.read()
        if request is None:
            return False
        try:
            response, sender = self.server.answer(request)
        except Exception:  # noqa: BLE001
            # A mistake in the sandbox itself: shown to whoever runs it, and no riddle for the client.
            traceback.print_exc()
            response, sender = html(500, "Server Error"), None
        headers, body = finish(request, response)
        last = request.headers.get("connection", "").lower() == "close"
        if last:
            headers["Connection"] = "close"
        first = head(response.status, headers)
        if sender is None:
            request.status = response.status
            # Before the last byte leaves, so that a client that has its answer finds it in the log.
            request.time_finished = time.time()
            self.connection.sendall(first if request.method == "HEAD" else first + body)
            return not last
        try:
            goes_on = sender.send(self.connection, first, body, self.server.wait)
            request.status = response.status
        finally:
            request.time_finished = time.time()
        return goes_on and not last

    def read(self) -> Request | None:
        """Read a request; None when the client is gone."""
        line = self.rfile.readline(MAX_HEAD)
        if not line.strip():
            return None
        method, target, _version = line.decode("latin-1").split()
        headers: dict[str, str] = {}
        while (line := self.rfile.readline(MAX_HEAD)) not in {b"\r\n", b"\n", b""}:
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", 0)))
        path, _, query = target.partition("?")
        return Request(
            method,
            path,
            query,
            parse_qs(query, keep_blank_values=True),
            headers,
            body,
            self.number,
            time.time(),
        )
