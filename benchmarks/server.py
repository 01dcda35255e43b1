"""Both APIs as fast as one process of Python serves them: rows encoded beforehand, HTTP by hand.

    python -m benchmarks.server --events 500 --tax-rules 3 --latency-ms 20

Prints one line of JSON that says where. Not compressed: that would be the server's work and not the reader's. Beside
`/api/v1` and `/ticketing` there are `/empty/api/v1` and `/empty/ticketing` with empty lists, to measure what a reader
needs before it reads anything. `GET /_bench` tells what was asked for since it was asked last.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import resource
import signal
import time
from collections import Counter
from email.utils import formatdate
from urllib.parse import parse_qsl, urlencode

from benchmarks.data import PAGE_SIZE, TIME_FILTERS, Rows, Scale, attendees, organizers

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ROOT, TICKETING, EMPTY, CONTROL = "/api/v1", "/ticketing", "/empty", "/_bench"
NO_ROWS = Rows([])
NOT_FOUND = b'{"detail":"Not found."}'
SESSION = b'{"token":"session","expires_in":172800}'


class Lists:
    """What is served, and a count of it."""

    def __init__(self, scale: Scale, base: str) -> None:
        self.base = base
        self.lists = organizers(scale) if scale.events else {}
        self.attendees, codes = attendees(scale) if scale.attendees else ([], [])
        self.after = {code: place for place, code in enumerate(codes, 1)}
        self.forget()

    def forget(self) -> None:
        """Count from zero."""
        self.paths: Counter[str] = Counter()
        self.sent = 0
        self.first_at: float | None = None
        self.cpu = cpu_seconds()

    def told(self) -> bytes:
        """Return the counts, and count from zero."""
        told = {
            "requests": sum(self.paths.values()),
            "paths": len(self.paths),
            "most_on_one_path": max(self.paths.values(), default=0),
            "bytes": self.sent,
            "first_at": self.first_at,
            "cpu": cpu_seconds() - self.cpu,
        }
        self.forget()
        return json.dumps(told).encode()

    def answer(self, target: str) -> tuple[int, bytes]:
        """Return status and body of what is asked for."""
        path, _, query = target.partition("?")
        if self.first_at is None:
            self.first_at = time.monotonic()
        self.paths[path] += 1
        path = path.rstrip("/")
        is_empty = path.startswith(EMPTY)
        if is_empty:
            path = path[len(EMPTY) :]
        if path.startswith(ROOT):
            rows = NO_ROWS if is_empty else self.lists.get(path[len(ROOT) :])
            return (404, NOT_FOUND) if rows is None else self.numbered(rows, path, query)
        if path == f"{TICKETING}/v1/login":
            return 200, SESSION
        if path == f"{TICKETING}/v1/attendees":
            start = self.after.get(dict(parse_qsl(query)).get("since", ""), 0)
            page = [] if is_empty else self.attendees[start : start + PAGE_SIZE]
            return 200, b'{"attendees":[' + b",".join(page) + b"]}"
        if path in {f"{TICKETING}/v1/events", f"{TICKETING}/v1/tickets"}:
            return 200, b'{"%s":[]}' % path.rpartition("/")[2].encode()
        return 404, NOT_FOUND

    def numbered(self, rows: Rows, path: str, query: str) -> tuple[int, bytes]:
        """Return one numbered page."""
        asked = dict(parse_qsl(query))
        number = int(asked.pop("page", 1))
        size = min(int(asked.get("page_size", PAGE_SIZE)), PAGE_SIZE)
        filters = tuple((name, value) for name, value in asked.items() if name in TIME_FILTERS)
        chosen = rows.chosen(filters, asked.get("ordering", ""))
        start = (number - 1) * size
        if number > 1 and start >= len(chosen):
            return 404, NOT_FOUND

        def link(to: int) -> bytes:
            return f'"{self.base}{path}/?{urlencode({**asked, "page": to})}"'.encode()

        page = chosen[start : start + size]
        return 200, b'{"count":%d,"next":%s,"previous":%s,"results":[%s]}' % (
            len(chosen),
            link(number + 1) if start + size < len(chosen) else b"null",
            link(number - 1) if number > 1 else b"null",
            b",".join(page),
        )


def cpu_seconds() -> float:
    """Return the time that this process has computed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Connection(asyncio.Protocol):
    """One client: requests one after the other."""

    def __init__(self, lists: Lists, latency: float) -> None:
        self.lists = lists
        self.latency = latency
        self.loop = asyncio.get_running_loop()
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(high=1 << 24)

    def data_received(self, data: bytes) -> None:  # noqa: D102
        self.received += data
        while True:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.received[:end]
            length = LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self.received) < whole:
                return
            self.received = self.received[whole:]
            target = head.split(b" ", 2)[1].decode()
            if target == CONTROL:
                self.send(200, self.lists.told())
                continue
            status, body = self.lists.answer(target)
            self.lists.sent += len(body)
            if self.latency and not target.startswith(EMPTY):
                self.loop.call_later(self.latency, self.send, status, body)
            else:
                self.send(status, body)

    def send(self, status: int, body: bytes) -> None:
        """Send an answer."""
        if not self.transport.is_closing():
            self.transport.write(HEAD[status] % len(body) + body)


HEAD = {
    status: f"HTTP/1.1 {status} {phrase}\r\nDate: {formatdate(usegmt=True)}\r\n".encode()
    + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    for status, phrase in ((200, "OK"), (404, "Not Found"))
}


async def serve(scale: Scale, latency: float) -> None:
    """Serve until a signal comes."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    lists: Lists
    server = await loop.create_server(lambda: Connection(lists, latency), "127.0.0.1", 0, backlog=256)
    port = server.sockets[0].getsockname()[1]
    lists = Lists(scale, f"http://127.0.0.1:{port}")
    # Nothing of this will ever be garbage: do not look through it again and again.
    gc.collect()
    gc.freeze()
    print(json.dumps({"url": lists.base}), flush=True)
    await stop.wait()
    server.close()


def main() -> None:
    """Take how many rows to serve."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    scale = Scale()
    for name in Scale.__dataclass_fields__:
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=getattr(scale, name))
    parser.add_argument("--latency-ms", type=float, default=0.0, help="for every answer")
    given = vars(parser.parse_args())
    latency = given.pop("latency_ms") / 1000
    asyncio.run(serve(Scale(**given), latency))


if __name__ == "__main__":
    main()
