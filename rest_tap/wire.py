"""Limits of the bytes of one answer as they come from the socket: time, size, and the end of the run.

A time-out of a socket begins anew with every byte. A server that sends a byte now and
then could hold a run for ever: in the status line, in headers, in ``100 Continue`` after
``100 Continue``, in chunk extensions, in the body or in trailers. All of these are read
through :class:`_Wire`, which looks at the clock, at the count and at the flag between
two reads, wherever in an answer they are.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.client
import io
import math
import threading
import time
import typing as t

from rest_tap.errors import Stopped

#: Seconds between two looks at the flag while nothing comes.
STOP_CHECK_SECONDS = 0.5
#: Statuses of answers that another one follows: all below 200 but 101, after which no HTTP is spoken.
_INTERIM, _CONTINUE = frozenset({100, *range(102, 200)}), 100
#: Bytes that are read at once: headers and most pages. Python's own 8 kB take several system calls for a page.
BUFFER = 1 << 16


@dataclasses.dataclass(slots=True)
class Allowance:
    """What one answer may take.

    Attributes:
        seconds: From the request to the last byte, or from when somebody begins to read the answer.
        pause: Seconds without a byte.
        size: Bytes on the wire; more of them once the headers have come.
        is_stopped: Whether the run is over.
        silent_since: When the request was sent, if nobody has listened since; by the monotonic clock.
    """

    seconds: float
    pause: float
    size: int
    is_stopped: t.Callable[[], bool]
    silent_since: float = math.inf
    #: Whether the connection has come about: an answer is waited for.
    has_begun: bool = False
    _began: float = dataclasses.field(default_factory=time.monotonic)
    _received: int = 0

    @property
    def look(self) -> float:
        """Return the seconds between two looks at the clock and the flag."""
        return min(STOP_CHECK_SECONDS, self.pause)

    def check(self, silent_since: float) -> None:
        """Check that the answer may go on.

        Raises:
            Stopped: The run is over.
            TimeoutError: It takes too long.
            WireTooLarge: It is too large.
        """
        if self.is_stopped():
            raise Stopped
        now = time.monotonic()
        if now - self._began > self.seconds or now - silent_since >= self.pause:
            raise TimeoutError
        if self._received > self.size:
            raise WireTooLarge

    def take(self, size: int) -> None:
        """Count bytes that have come."""
        self._received += size

    def extend(self, seconds: float) -> None:
        """Give back time in which the answer waited for us."""
        self._began += seconds


class WireTooLarge(Exception):  # noqa: N818 - says what is the matter
    """An answer takes more bytes on the wire than any that is not too large."""


_current = threading.local()


@contextlib.contextmanager
def allowing(allowance: Allowance) -> t.Iterator[None]:
    """Hold what this thread reads meanwhile to an allowance."""
    _current.allowance = allowance
    try:
        yield
    finally:
        _current.allowance = None


class _SteadySocket:
    """The socket of a connection that has come about, whose time-out stays as it is.

    urllib3 sets it twice for each request. Each time is a system call and lets go of the interpreter's lock, so that
    two threads hand it to and fro; and it would be set a third time to look at the flag.
    """

    def __init__(self, sock: t.Any, seconds: float) -> None:
        """Take the socket, and its time-out from now on."""
        sock.settimeout(seconds)
        self._sock = sock

    def settimeout(self, seconds: float | None) -> None:
        """Do nothing."""

    def sendall(self, content: t.Any) -> None:
        """Send bytes, however slowly the other side takes them, within the allowance of this thread."""
        allowance: Allowance | None = getattr(_current, "allowance", None)
        since = time.monotonic()
        rest = memoryview(content)
        while rest:
            try:
                size = self._sock.send(rest)
            except TimeoutError:
                if allowance is None:
                    raise
                allowance.check(since)
                continue
            rest = rest[size:]
            since = time.monotonic()

    def __getattr__(self, name: str) -> t.Any:
        """Return what the socket has."""
        return getattr(self._sock, name)


class _Wire(io.RawIOBase):
    """A socket to read from, within the allowance of the thread that reads."""

    def __init__(self, raw: t.Any, sock: t.Any) -> None:
        """Take the socket, and the file that keeps it open."""
        self._raw = raw
        self._sock = sock
        self._receive = sock.recv_into

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: t.Any) -> int:
        """Read what there is, waiting for the first byte."""
        allowance: Allowance | None = getattr(_current, "allowance", None)
        if allowance is None:
            return int(self._receive(buffer))
        if isinstance(self._sock, _SteadySocket):
            return self._read(buffer, allowance)
        # A proxy says that it is connected; the TLS handshake that comes next has its own time-out.
        before = self._sock.gettimeout()
        self._sock.settimeout(allowance.look)
        try:
            return self._read(buffer, allowance)
        finally:
            self._sock.settimeout(before)

    def _read(self, buffer: t.Any, allowance: Allowance) -> int:
        since = time.monotonic()
        while True:
            allowance.check(since)
            try:
                size = int(self._receive(buffer))
            except TimeoutError:
                since = min(since, allowance.silent_since)  # not before: the answer may have come long ago
                continue
            allowance.silent_since = math.inf
            allowance.take(size)
            return size

    def close(self) -> None:
        """Let go of the socket."""
        if not self.closed:
            self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is read through :class:`_Wire`."""

    def __init__(self, sock: t.Any, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(sock, *args, **kwargs)
        allowance: Allowance | None = getattr(_current, "allowance", None)
        if allowance is not None:
            allowance.has_begun = True
        self.fp = io.BufferedReader(_Wire(self.fp.detach(), sock), BUFFER)

    def _read_status(self) -> tuple[str, int, str]:
        """Return the status line, in which every interim answer is 100 Continue: Python passes over no other.

        Else 103 Early Hints would be the answer, and the one that comes after it that of the next request.
        """
        version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, _CONTINUE if status in _INTERIM else status, reason


class _Connection:
    """What connections do otherwise than urllib3's own, which stand behind this class in their kind."""

    response_class = _Response
    sock: t.Any

    def connect(self) -> None:
        """Connect, with the time-out for connecting; from then on, :class:`_Wire` counts the seconds."""
        super().connect()  # type: ignore[misc]
        allowance: Allowance | None = getattr(_current, "allowance", None)
        if allowance is not None:
            self.sock = _SteadySocket(self.sock, allowance.look)


@functools.cache
def bounded(pool: type) -> type:
    """Return a kind of connection pool whose answers are held to the allowance of their thread."""
    connection: t.Any = pool.ConnectionCls  # type: ignore[attr-defined]
    if issubclass(connection, _Connection):
        return pool
    kind = type(connection.__name__, (_Connection, connection), {})
    return type(pool.__name__, (pool,), {"ConnectionCls": kind})
