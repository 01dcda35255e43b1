"""Connections are kept, used again once their answer was read, and closed if it was not."""

from __future__ import annotations

import contextlib
import errno
import threading
import typing as t

import pytest
import requests

from rest_tap.transport import Exchange, Transport, target
from tests.support.raw import Connection, count, raw_server

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.raw import RawServer


def prepared(server: RawServer, path: str = "/x?page=2") -> requests.PreparedRequest:
    return requests.Request("GET", server.url + path).prepare()


@contextlib.contextmanager
def holding(server: RawServer) -> Iterator[tuple[Transport, Exchange]]:
    """Return a connection on which an answer has come, and what has kept it and could keep no other."""
    transport = Transport(pool_maxsize=1)
    with transport.send(prepared(server)) as response:
        response.read()
    exchange = transport.kept()
    assert exchange is not None
    try:
        yield transport, exchange
    finally:
        transport.close()


def test_a_connection_is_kept_when_its_answer_was_read() -> None:
    with raw_server(count) as server:
        transport = Transport(pool_maxsize=2)
        assert transport.kept() is None
        for number in range(1, 5):
            with transport.send(prepared(server)) as response:
                assert b"".join(response.stream(decode_content=False)) == str(number).encode()
        assert [connection.target for connection in server.requests] == ["/x?page=2"] * 4
        assert server.connections == 1
        transport.close()
        assert transport.kept() is None


def test_a_chunked_answer_keeps_its_connection() -> None:
    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n")

    with raw_server(answer) as server:
        transport = Transport()
        for _ in range(3):
            with transport.send(prepared(server)) as response:
                assert b"".join(response.stream(decode_content=False)) == b"[]"
        assert server.connections == 1
        transport.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]",
        b"HTTP/1.0 200 OK\r\n\r\n[]",
    ],
    ids=["not read", "in a chunk", "closed", "without length"],
)
def test_a_connection_on_which_more_may_come_or_nothing_can_is_not_used_again(answer: bytes) -> None:
    is_held = threading.Event()

    def serve(connection: Connection) -> None:
        if len(connection.server.requests) == 2:
            connection.send(answer)
            is_held.wait(20)
        else:
            count(connection)

    with raw_server(serve) as server:
        transport = Transport(pool_maxsize=2)
        for _ in range(2):
            with transport.send(prepared(server)) as response:
                response.read(1)
        is_held.set()
        with transport.send(prepared(server)) as response:
            assert response.read() == b"3"
        assert server.connections == 2
        transport.close()


def test_a_request_that_breaks_closes_its_connection_and_leaves_the_next_one_a_place() -> None:
    def answer(connection: Connection) -> None:
        if len(connection.server.requests) == 2:
            raise ConnectionError
        count(connection)

    with raw_server(answer) as server:
        transport = Transport(pool_maxsize=1)
        with transport.send(prepared(server)) as response:
            response.read()
        with pytest.raises(ConnectionError):
            transport.send(prepared(server))
        for number in (3, 4):
            with transport.send(prepared(server)) as response:
                assert response.read() == str(number).encode()
        assert server.connections == 2
        transport.close()


def test_what_was_taken_and_not_used_is_kept() -> None:
    with raw_server(count) as server, holding(server) as (transport, exchange):
        assert transport.kept() is None
        exchange.close()
        exchange.close()
        with transport.send(prepared(server)) as response:
            assert response.read() == b"2"
        assert server.connections == 1


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE])
def test_an_answer_is_read_though_the_server_took_no_more_of_the_request(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raw_server(count) as server, holding(server) as (_, exchange):
        connection = exchange._connection
        send = connection.request

        def send_and_break(*args: t.Any, **options: t.Any) -> None:
            send(*args, **options)
            raise OSError(number, "it took no more")

        monkeypatch.setattr(connection, "request", send_and_break)
        exchange.send(prepared(server))
        assert exchange.answer().read() == b"2"


def test_whoever_holds_a_connection_while_all_are_closed_may_give_it_back() -> None:
    with raw_server(count) as server, holding(server) as (transport, exchange):
        exchange.send(prepared(server))
        transport.close()
        exchange.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://api.example/v1/things/", "/v1/things/"),
        ("http://api.example/v1/things?a=http://b/c", "/v1/things?a=http://b/c"),
        ("http://api.example/", "/"),
        ("http://[::1]:8000/v1//x", "/v1//x"),
    ],
)
def test_the_first_line_names_path_and_query(url: str, expected: str) -> None:
    assert target(requests.Request("GET", url).prepare()) == expected


def test_through_a_proxy_every_request_names_the_whole_address() -> None:
    with raw_server(count) as proxy:
        transport = Transport()
        request = requests.Request("GET", "http://api.example/v1/things?page=2").prepare()
        for number in (b"1", b"2"):
            with transport.send(request, proxies={"http": proxy.url}) as response:
                assert response.read() == number
        assert [connection.target for connection in proxy.requests] == ["http://api.example/v1/things?page=2"] * 2
        transport.close()


@pytest.mark.parametrize("path", ["/a[1]|x", "/%c3%a4?b=%e2", "/a b", "/x?q=[1]", "/plain/%C3%A4?a=b&c=d,e", "/ä"])
def test_the_first_line_is_the_same_on_a_new_connection_and_on_a_kept_one(path: str) -> None:
    with raw_server(count) as server:
        transport = Transport()
        request = requests.PreparedRequest()
        request.method, request.headers = "GET", requests.structures.CaseInsensitiveDict()
        request.url = server.url + path
        for _ in range(2):
            with transport.send(request) as response:
                response.read()
        first, second = (connection.target for connection in server.requests)
        assert first == second
        assert first.isascii()
        assert server.connections == 1
        transport.close()
