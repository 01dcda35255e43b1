"""Connections to one API: opened by ``requests`` and urllib3, and written to directly while they stand.

What these two do around each request is the same for all: they look up the pool, check certificates and time-outs, and
count tries. It takes as long as the request itself, and a connection on which an answer has come needs none of it.

urllib3's pool tells an answer its connection by two private names, ``_pool`` and ``_connection`` (read in urllib3
2.8.0), so that the connection goes back when the answer has been read. :meth:`Exchange.answer` does the same;
``tests/rest_tap/test_transport.py`` counts connections.
"""

from __future__ import annotations

import contextlib
import queue
import typing as t

from requests.adapters import HTTPAdapter
from urllib3.util import wait_for_read

from rest_tap.wire import bounded

if t.TYPE_CHECKING:
    import requests


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
        # A server may answer before it has read all, and close; its answer can be read all the same. So does urllib3.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.request(
                request.method,
                target(request),
                body=request.body,
                headers=request.headers,
                preload_content=False,
                decode_content=False,
            )

    def has_come(self, seconds: float) -> bool:
        """Return whether the answer begins within so many seconds; the end of the connection counts, too."""
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
        _put_back(self._pool, connection)


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
        """Take a connection on which an answer has come, if there is one that stands.

        One through a proxy is not taken: what is sent on it depends on the proxy.
        """
        pool = self._pool
        if pool is None or pool.proxy is not None:
            return None
        try:
            connection = pool.pool.get(block=False)
        except (queue.Empty, AttributeError):  # all are in use, or were closed
            return None
        if connection is not None and connection.is_connected:
            return Exchange(pool, connection)
        _put_back(pool, connection)
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
    """Return path and query of a request, as they stand in its first line."""
    return "/" + (request.url or "").split("/", 3)[3]


def _put_back(pool: t.Any, connection: t.Any) -> None:
    try:
        pool.pool.put(connection, block=False)
    except (queue.Full, AttributeError):  # nobody takes it any more
        if connection is not None:
            connection.close()


def _bound(manager: t.Any) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: bounded(pool) for scheme, pool in pools.items()}
