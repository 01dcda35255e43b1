"""An answer ends in time and in size, wherever in it the server takes its time."""

from __future__ import annotations

import socket
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import pytest

from rest_tap import http, wire
from rest_tap.account import Account
from rest_tap.auth import HeaderToken
from rest_tap.errors import ApiError, BrokenAnswer, Stopped, Unavailable
from rest_tap.http import Client
from rest_tap.limiter import RateLimiter
from rest_tap.request import Request
from rest_tap.retry import RetryPolicy
from tests.support.raw import Connection, raw_server

if t.TYPE_CHECKING:
    from collections.abc import Callable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def client(url: str, *, timeout: float = 0.3, max_bytes: int = 4 << 20) -> Client:
    return Client(
        url,
        [Account(HeaderToken("api_key", "", "token-of-a-test"), RateLimiter())],
        policy=RetryPolicy(max_retries=0),
        timeout=timeout,
        max_bytes=max_bytes,
    )


def after(start: bytes, piece: Callable[[int], bytes]) -> Callable[[Connection], None]:
    """Return what sends the start of an answer and then goes on with pieces."""

    def answer(connection: Connection) -> None:
        connection.send(start)
        connection.drip(piece)

    return answer


ENDLESS = {
    "a status line": after(b"HTTP/1.1 200 ", lambda _: b"x"),
    "interim answers": after(b"", lambda _: b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a header": after(HEAD + b"X: ", lambda _: b"x"),
    "a body": after(HEAD + b"Content-Length: 1000000\r\n\r\n[", lambda _: b" "),
    "a body without length": after(HEAD + b"\r\n[", lambda _: b" "),
    "chunks": after(CHUNKED, lambda _: b"1\r\n \r\n"),
    "a chunk's size": after(CHUNKED + b"1;x=", lambda _: b"x"),
    "trailers": after(CHUNKED + b"2\r\n[]\r\n0\r\n", lambda number: b"X-%d: x\r\n" % number),
}


def time_out(where: str) -> tuple[BaseException | None, float]:
    """Return how asking for an answer that never ends did end, and after how many seconds."""
    began = time.monotonic()
    with raw_server(ENDLESS[where]) as server:
        try:
            client(server.url, timeout=1).fetch(Request("/x"))
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            return error, time.monotonic() - began
    return None, time.monotonic() - began


@pytest.fixture(scope="module")
def timed_out() -> dict[str, tuple[BaseException | None, float]]:
    """How each answer that never ends did end: all at the same time, since they only wait.

    On a busy machine a server may be silent for a while, so a time-out is long, and an answer takes few of them.
    """
    with ThreadPoolExecutor(len(ENDLESS)) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "ANSWER_TIMEOUTS", 3)
        return dict(zip(ENDLESS, pool.map(time_out, ENDLESS), strict=True))


@pytest.mark.parametrize("where", ENDLESS)
def test_an_answer_that_drips_for_ever_ends_after_some_time_outs(
    where: str, timed_out: dict[str, tuple[BaseException | None, float]]
) -> None:
    error, seconds = timed_out[where]
    assert isinstance(error, Unavailable)
    assert "no answer in time" in str(error)
    assert 3 * 0.9 < seconds < 3 + 20


@pytest.mark.parametrize("where", ENDLESS)
def test_stopping_ends_an_answer_that_drips(where: str) -> None:
    ended: list[BaseException] = []
    with raw_server(ENDLESS[where]) as server:
        sender = client(server.url, timeout=60)

        def fetch() -> None:
            try:
                sender.fetch(Request("/x"))
            except BaseException as error:  # noqa: BLE001 - looked at below
                ended.append(error)

        thread = threading.Thread(target=fetch)
        thread.start()
        while not server.requests:
            time.sleep(0.01)
        sender.stop()
        thread.join(20)
    assert [type(error) for error in ended] == [Stopped]


def test_stopping_ends_an_answer_of_which_nothing_comes() -> None:
    ended: list[BaseException] = []
    with raw_server(lambda connection: connection.drip(lambda _: b"")) as server:
        sender = client(server.url, timeout=60)

        def fetch() -> None:
            try:
                sender.fetch(Request("/x"))
            except BaseException as error:  # noqa: BLE001 - looked at below
                ended.append(error)

        thread = threading.Thread(target=fetch)
        thread.start()
        while not server.requests:
            time.sleep(0.01)
        sender.stop()
        thread.join(20)
    assert [type(error) for error in ended] == [Stopped]


def test_silence_ends_an_answer_after_one_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "ANSWER_TIMEOUTS", 100)
    with raw_server(lambda connection: connection.drip(lambda _: b"")) as server:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="no answer in time"):
            client(server.url).fetch(Request("/x"))
    assert time.monotonic() - began < 0.3 * 100 / 2


FLOODS = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 4000),
    "a chunk's size": (CHUNKED + b"1;x=", b"x" * 100_000),
    "trailers": (CHUNKED + b"2\r\n[]\r\n0\r\n", b"X: x\r\n" * 10_000),
    "a body": (HEAD + b"\r\n[", b" " * 100_000),
}


@pytest.mark.parametrize("where", FLOODS)
def test_an_answer_without_end_is_refused_when_it_is_too_large(where: str) -> None:
    start, piece = FLOODS[where]

    def answer(connection: Connection) -> None:
        connection.send(start)
        connection.drip(lambda _: piece, pause=0)

    with raw_server(answer) as server, pytest.raises(ApiError) as raised:
        client(server.url, timeout=30, max_bytes=1 << 20).fetch(Request("/x", stream="things"))
    assert isinstance(raised.value, (BrokenAnswer, Unavailable))
    assert str(raised.value).startswith("things: ")


def test_a_connection_is_kept_after_an_answer_and_used_for_the_next() -> None:
    with raw_server(lambda connection: connection.reply(b"[]")) as server:
        sender = client(server.url)
        for _ in range(3):
            assert sender.parse(Request("/x"), sender.fetch(Request("/x"))) == []
        sender.close()
        assert len({connection.socket.fileno() for connection in server.requests}) == 1
        assert server.connections == 1


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_an_interim_answer_is_passed_over(status: str) -> None:
    interim = f"HTTP/1.1 {status}\r\nLink: </style.css>; rel=preload\r\n\r\n".encode()

    def answer(connection: Connection) -> None:
        connection.send(interim * 2)
        connection.reply(f"[{len(connection.server.requests)}]".encode())

    with raw_server(answer) as server:
        sender = client(server.url, timeout=5)
        assert [sender.fetch(Request("/x")).content for _ in range(3)] == [b"[1]", b"[2]", b"[3]"]
        sender.close()


def test_a_request_may_be_taken_slower_than_between_two_looks_at_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "STOP_CHECK_SECONDS", 0.02)
    size = 32 << 20  # more than the buffers between the two hold

    def serve(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            head, _, body = sock.recv(1 << 16).partition(b"\r\n\r\n")
            taken = len(body)
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            time.sleep(0.3)
            while taken < length:
                taken += len(sock.recv(1 << 20))
            sock.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(str(taken))}\r\n\r\n{taken}".encode())
            sock.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        sender = client(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30)
        request = Request("/x", method="POST", json={"a": "x" * size})
        assert sender.fetch(request).content == str(size + len('{"a": ""}')).encode()
        sender.close()


def test_a_request_that_nobody_takes_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = client(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(Unavailable, match="no answer in time"):
            sender.fetch(Request("/x", method="POST", json={"a": "x" * (32 << 20)}))
        sender.close()
