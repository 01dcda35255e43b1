"""Connections to one API: opened by ``requests`` and urllib3, and written to directly while they stand.

What these two do around each request is the same for all: they look up the pool, check certificates and time-outs, and
count tries. It takes as long as the request itself, and a connection that is open needs none of it.

What is private of urllib3 (read in 2.8.0) and used here: ``HTTPResponse._pool`` and ``_connection``, by which its pool
has a connection come back when the answer was read, and ``HTTPConnectionPool._put_conn``. The pool's queue ``pool`` is
public. ``tests/rest_tap/test_transport.py`` counts connections.
"""

from __future__ import annotations

import errno
import queue
import re
import typing as t

from requests.adapters import HTTPAdapter
from urllib3.util import parse_url, wait_for_read

from rest_tap.wire import bounded

if t.TYPE_CHECKING:
    import requests


#: What it means if sending breaks off: the other side has closed, on macOS in other words.
_TAKES_NO_MORE = frozenset({errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE})
#: Paths and queries that urllib3 would not change; it takes its time to find that out.
_PLAIN = re.compile(r"/(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-F]{2})*", re.ASCII)


class Exchange:
    """A connection that was kept, for one request and its answer."""

    def __init__(self, pool: t.Any, connection: t.Any) -> None:
        """Take the connection, and the pool that it goes back to."""
        self._pool = pool
        self._connection = connection
        self._is_waiting = False

    def send(self, request: requests.PreparedRequest) -> None:
        """Send the request.

        Raises:
            OSError: The connection broke.
        """
        self._is_waiting = True
        try:
            self._connection.request(
                request.method,
                target(request),
                body=request.body,
                headers=request.headers,
                preload_content=False,
                decode_content=False,
            )
        except OSError as error:
            # A server may answer before it has read all, and close: its answer is read all the same, as by urllib3.
            if error.errno not in _TAKES_NO_MORE:
                raise

    def has_come(self, seconds: float) -> bool:
        """Return whether bytes come within so many seconds (under TLS not always the answer's), or the end."""
        return wait_for_read(self._connection.sock, seconds)

    def answer(self) -> t.Any:
        """Wait for the answer, and return it as urllib3 has it, without the body; it takes the connection along.

        Raises:
            OSError: The connection broke.
            http.client.HTTPException: It is no answer.
        """
        response = self._connection.getresponse()
        response._pool, response._connection = self._pool, self._connection  # noqa: SLF001 - see above
        self._connection = None
        return response

    def close(self) -> None:
        """Give the connection back, unless its answer has done so; close it if one is still to come."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._is_waiting:
            connection.close()
            # Another one takes its place: http.client keeps the lines of a request that was not sent to its end, and
            # would send them before the next one.
            connection = None
        self._pool._put_conn(connection)  # noqa: SLF001 - see above


class Transport(HTTPAdapter):
    """Connections to one API, whose pool is looked up once instead of for each request."""

    _pool: t.Any = None

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Prepare connections whose answers are held to an allowance."""
        super().init_poolmanager(*args, **kwargs)
        _bound(self.poolmanager)

    def proxy_manager_for(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Return connections through a proxy, likewise."""
        manager = super().proxy_manager_for(*args, **kwargs)
        _bound(manager)
        return manager

    def get_connection_with_tls_context(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Return the pool of the API's scheme and host, or of the proxy before it."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def kept(self) -> Exchange | None:
        """Take an idle connection that is still open, if there is one.

        One through an HTTP proxy is not taken: what is sent on it depends on the proxy.
        """
        pool = self._pool
        if pool is None or pool.proxy is not None or (idle := pool.pool) is None:
            return None
        try:
            connection = idle.get(block=False)
        except queue.Empty:
            return None
        if connection is not None and connection.is_connected:
            return Exchange(pool, connection)
        pool._put_conn(connection)  # noqa: SLF001 - see above
        return None

    def send(self, request: requests.PreparedRequest, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Send a request and return its answer as urllib3 has it, without the body."""
        exchange = self.kept()
        if exchange is None:
            return super().send(request, *args, **kwargs)
        try:
            exchange.send(request)
            return exchange.answer()
        finally:
            exchange.close()

    def build_response(self, req: requests.PreparedRequest, resp: t.Any) -> t.Any:  # noqa: ARG002
        """Return an answer as urllib3 has it: the client takes its cookies, and nobody its encoding."""
        return resp

    def request_url(self, request: requests.PreparedRequest, proxies: t.Any) -> str:
        """Return what stands in the first line of a request."""
        return super().request_url(request, proxies) if proxies else target(request)

    def close(self) -> None:
        """Close all connections; another request begins with a new pool."""
        self._pool = None
        super().close()


def target(request: requests.PreparedRequest) -> str:
    """Return path and query of a request as they stand in its first line, the same on every connection."""
    found = "/" + "".join((request.url or "").split("/", 3)[3:])
    return found if _PLAIN.fullmatch(found) else parse_url(found).request_uri


def _bound(manager: t.Any) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: bounded(pool) for scheme, pool in pools.items()}
