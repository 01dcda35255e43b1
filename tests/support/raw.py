"""A server that says what a test tells it to, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: What a server does on a connection after it has read a request: sends bytes, slowly or not.
Answer = t.Callable[["Connection"], object]


class Connection:
    """One request that has come in."""

    def __init__(self, sock: socket.socket, head: bytes, server: RawServer) -> None:
        self.socket = sock
        self.head = head
        self.server = server

    @property
    def target(self) -> str:
        """Return what stands in the first line of the request."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    def header(self, name: str) -> str | None:
        """Return a header of the request."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return None

    def send(self, content: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(content)

    def drip(self, piece: Callable[[int], bytes], pause: float = 0.02, seconds: float = 120) -> None:
        """Send piece after piece until the other side goes away."""
        deadline, number = time.monotonic() + seconds, 0
        while time.monotonic() < deadline and not self.server.is_closed:
            self.send(piece(number))
            number += 1
            if pause:
                time.sleep(pause)

    def reply(self, body: bytes, status: str = "200 OK", **headers: str) -> None:
        """Send an ordinary answer."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


def count(connection: Connection) -> None:
    """Answer with the number of requests so far."""
    connection.reply(str(len(connection.server.requests)).encode())


class RawServer:
    """Listens on a free port of this machine; each connection may carry many requests."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Connection] = []
        self.is_closed = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            rest = b""
            while not self.is_closed:
                while b"\r\n\r\n" not in rest:
                    piece = sock.recv(1 << 16)
                    if not piece:
                        return
                    rest += piece
                head, _, rest = rest.partition(b"\r\n\r\n")
                connection = Connection(sock, head, self)
                size = int(connection.header("Content-Length") or 0)
                while len(rest) < size:
                    rest += sock.recv(1 << 16)
                rest = rest[size:]
                self.requests.append(connection)
                self.answer(connection)

    @property
    def connections(self) -> int:
        """Return on how many connections requests have come."""
        return len({id(connection.socket) for connection in self.requests})

    def close(self) -> None:
        """Stop listening, and whoever drips."""
        self.is_closed = True
        with contextlib.suppress(OSError):  # on macOS, of a socket that only listens
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake who waits for a connection
        self._listener.close()


@contextlib.contextmanager
def raw_server(answer: Answer) -> Iterator[RawServer]:
    """Serve for a while."""
    server = RawServer(answer)
    try:
        yield server
    finally:
        server.close()
