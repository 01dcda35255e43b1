"""A request that is known alone is sent by the reader itself; who reads its answer, and what becomes of it if not."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
import typing as t

import pytest

from rest_tap import direct, reader
from rest_tap.account import Account
from rest_tap.auth import HeaderToken, SessionLogin
from rest_tap.direct import DirectSender
from rest_tap.errors import ApiError, Forbidden, Stopped, Unavailable
from rest_tap.http import Client
from rest_tap.limiter import RateLimiter
from rest_tap.reader import Reader
from rest_tap.request import Request
from rest_tap.retry import RetryPolicy
from rest_tap.transport import Exchange
from rest_tap.workers import Job
from tests.support.raw import Connection, count, raw_server

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rest_tap.request import Reply

PATIENCE = 20.0


@pytest.fixture(autouse=True)
def by_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of requests that a thread has sent, or whose answer it has read; nothing is handed over by the clock."""
    paths: list[str] = []
    send = Job.send

    def noted(job: Job, *args: t.Any) -> None:
        paths.append(job.request.path)
        send(job, *args)

    monkeypatch.setattr(Job, "send", noted)
    monkeypatch.setattr(direct, "HAND_OVER_SECONDS", 3600)
    return paths


def client(url: str, *, auth: t.Any = None, **options: t.Any) -> Client:
    options = {"timeout": 60, "policy": RetryPolicy(backoff_base=0.01), "connections": 8, **options}
    return Client(url, [Account(auth or HeaderToken("api_key", "", "token-of-a-test"), RateLimiter())], **options)


def nothing(*_: object) -> None:
    """Do nothing."""


@contextlib.contextmanager
def reading(
    http: Client, workers: int = 8, check: Callable[[], None] = nothing, idle: Callable[[], None] = nothing
) -> Iterator[Reader]:
    """Return a reader to which an answer has come, so that there is a connection; close all in the end."""
    deadline = time.monotonic() + 3 * PATIENCE

    def check_and_hurry() -> None:
        check()
        assert time.monotonic() < deadline, "it waits for ever"

    reading = Reader(http, workers, check_and_hurry, idle)
    try:
        reading.ask(Request("/first"))
        yield reading
    finally:
        http.stop()
        reading.close()
        http.close()


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_after_the_other_is_read_by_the_reader_itself_on_one_connection(by_threads: list[str]) -> None:
    with raw_server(count) as server, reading(client(server.url)) as it:
        for number in range(2, 30):
            assert it.ask(Request("/next")) == number
        assert server.connections == 1
        assert it.in_flight == 0
    assert by_threads == ["/first"]


def test_an_answer_is_on_its_way_before_anybody_waits_for_it() -> None:
    with raw_server(count) as server, reading(client(server.url)) as it:
        sender = DirectSender(it._workers, nothing, 60)
        job = Job(it._http, Request("/next"))
        assert sender.send(job)
        assert it.in_flight == 1
        until(lambda: len(server.requests) == 2)
        sender.receive(job, PATIENCE)
        assert t.cast("Reply", job.reply).content == b"2"
        assert it.in_flight == 0
        sender.close()


def test_an_answer_that_the_reader_does_not_come_for_is_read_by_a_thread(
    monkeypatch: pytest.MonkeyPatch, by_threads: list[str]
) -> None:
    """The body is larger than what the kernel takes, so that the server would wait, too."""
    monkeypatch.setattr(direct, "HAND_OVER_SECONDS", 0.05)
    body = b"[" + b" " * (24 << 20) + b"]"
    sent = threading.Event()

    def answer(connection: Connection) -> None:
        connection.reply(b"[]" if connection.target == "/first" else body)
        if connection.target != "/first":
            sent.set()

    with raw_server(answer) as server, reading(client(server.url)) as it:
        sender = DirectSender(it._workers, nothing, 60)
        job = Job(it._http, Request("/next"))
        assert sender.send(job)
        assert sent.wait(PATIENCE)
        until(lambda: job.is_done)
        assert t.cast("Reply", job.reply).content == body
        until(lambda: it.in_flight == 0)
        sender.receive(job, 0)  # nothing more to read
        sender.close()
    assert by_threads == ["/first", "/next"]


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Slow down"])
def test_what_fails_is_asked_for_again(status: str, by_threads: list[str]) -> None:
    def answer(connection: Connection) -> None:
        if len(connection.server.requests) == 2:
            connection.reply(b"{}", status, Retry_After="0")
        else:
            count(connection)

    with raw_server(answer) as server, reading(client(server.url)) as it:
        assert it.ask(Request("/next", stream="things")) == 3
        assert it.ask(Request("/next", stream="things")) == 4
        assert (it._http.tallies["things"].requests, it._http.tallies["things"].retries) == (3, 1)
        assert it.in_flight == 0
    assert by_threads == ["/first", "/next"]  # the second try alone


def test_what_breaks_off_is_asked_for_again(by_threads: list[str]) -> None:
    def answer(connection: Connection) -> None:
        if len(connection.server.requests) == 2:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[")
            raise ConnectionError
        if len(connection.server.requests) == 4:
            raise ConnectionError
        count(connection)

    with raw_server(answer) as server, reading(client(server.url)) as it:
        assert it.ask(Request("/next", stream="things")) == 3
        assert it.ask(Request("/next", stream="things")) == 5
        assert it._http.tallies["things"].retries == 2
    assert by_threads == ["/first", "/next", "/next"]


def test_a_refusal_that_lasts_is_an_error_of_that_request_alone(by_threads: list[str]) -> None:
    def answer(connection: Connection) -> None:
        if connection.target == "/denied":
            connection.reply(b'{"detail": "not yours"}', "403 Forbidden")
        else:
            count(connection)

    with raw_server(answer) as server, reading(client(server.url)) as it:
        with pytest.raises(Forbidden, match="not yours"):
            it.ask(Request("/denied", stream="things"))
        assert it.ask(Request("/next")) == 3
        assert server.connections == 1
    assert by_threads == ["/first", "/denied"]  # sent once


def test_an_expired_session_is_renewed(by_threads: list[str]) -> None:
    tokens = (f"session-{number}" for number in itertools.count(1))

    def answer(connection: Connection) -> None:
        is_expired = connection.target == "/next" and connection.header("Authorization") == "Bearer session-1"
        if is_expired:
            connection.reply(b'{"detail": "expired"}', "401 Unauthorized")
        else:
            count(connection)

    auth = SessionLogin(lambda: next(tokens), None)
    with raw_server(answer) as server, reading(client(server.url, auth=auth)) as it:
        assert it.ask(Request("/next")) == 3
        assert it.ask(Request("/next")) == 4
        assert [connection.header("Authorization") for connection in server.requests] == [
            "Bearer session-1",
            "Bearer session-1",
            "Bearer session-2",
            "Bearer session-2",
        ]
    assert by_threads == ["/first", "/next"]


def test_a_login_that_failed_is_left_to_a_thread(by_threads: list[str]) -> None:
    login = Request("/login", method="POST", authenticated=False, is_login=True)

    def answer(connection: Connection) -> None:
        if connection.target == "/login" and len(connection.server.requests) == 1:
            connection.reply(b"{}", "418 Later")
        else:
            count(connection)

    with raw_server(answer) as server:
        http: Client = client(
            server.url, auth=SessionLogin(lambda: str(http.fetch(login).content), None), connections=1
        )
        it = Reader(http, 1, nothing, nothing)
        with pytest.raises(ApiError, match="418"):
            it.ask(Request("/next", method="POST"))
        assert http.send(Request("/next", method="POST")) is None
        assert it.ask(Request("/next", method="POST")) == 3
        assert it.ask(Request("/next", method="POST")) == 4
        it.close()
        http.close()
    assert by_threads == ["/next", "/next"]


def test_a_connection_that_the_server_has_closed_meanwhile_costs_no_retry(by_threads: list[str]) -> None:
    def answer(connection: Connection) -> None:
        count(connection)
        raise ConnectionError

    with raw_server(answer) as server, reading(client(server.url)) as it:
        for number in (2, 3):
            until(lambda: not it._http._transport._pool.pool.queue[-1].is_connected)
            assert it.ask(Request("/next", stream="things")) == number
        assert it._http.tallies["things"].retries == 0
        assert server.connections == 3
    assert by_threads == ["/first", "/next", "/next"]


class Over(Exception):  # noqa: N818 - the run is
    """The run is to end."""


def test_a_run_ends_while_the_rest_of_an_answer_does_not_come(by_threads: list[str]) -> None:
    began = threading.Event()

    def answer(connection: Connection) -> None:
        if connection.target == "/first":
            count(connection)
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n[")
            began.set()
            connection.drip(lambda _: b" ", pause=0.1)

    def check() -> None:
        if began.is_set() and not is_told.is_set():
            is_told.set()
            raise Over

    is_told = threading.Event()
    with raw_server(answer) as server, reading(client(server.url, timeout=60), check=check) as it:
        started = time.monotonic()
        with pytest.raises(Over):
            it.ask(Request("/next"))
        assert time.monotonic() - started < PATIENCE
        assert it.in_flight == 0
    assert by_threads == ["/first"]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_sent_holds_up_nothing_else(workers: int) -> None:
    """A list may end before the page that was asked for ahead: nobody waits for it."""
    with raw_server(count) as server, reading(client(server.url, connections=workers), workers) as it:
        abandoned = Job(it._http, Request("/abandoned"))
        assert it._direct.send(abandoned)
        assert it.ask(Request("/other")) in {2, 3}
        assert it.ask(Request("/other")) in {3, 4}
        until(lambda: abandoned.is_done)
        until(lambda: it.in_flight == 0)


def test_a_thread_reads_what_was_sent_also_while_its_account_is_held_back() -> None:
    with raw_server(count) as server, reading(client(server.url, connections=1), 1) as it:
        limiter = it._http.accounts[""].limiter
        sent = Job(it._http, Request("/sent"))
        assert it._direct.send(sent)
        limiter.hold(3600)
        waits = Job(it._http, Request("/waits"))
        it._workers.ask([waits])
        it._direct.hand_over()
        until(lambda: sent.is_done)
        assert not waits.is_done


def test_a_turn_that_has_to_be_waited_for_is_waited_for_by_a_thread() -> None:
    with raw_server(count) as server, reading(client(server.url)) as it:
        free = time.monotonic() + 1
        it._http.accounts[""].limiter.hold(1)
        job = Job(it._http, Request("/next"))
        assert not it._direct.send(job)
        assert not job.is_started
        assert it.in_flight == 0
        assert it.ask(Request("/next")) == 2
        assert time.monotonic() >= free


def test_closing_ends_the_connection_on_which_an_answer_is_still_to_come() -> None:
    is_gone = threading.Event()

    def answer(connection: Connection) -> None:
        if connection.target == "/first":
            count(connection)
        elif connection.socket.recv(1) == b"":
            is_gone.set()

    with raw_server(answer) as server:
        with reading(client(server.url)) as it:
            assert it._direct.send(Job(it._http, Request("/next")))
            until(lambda: len(server.requests) == 2)
            assert not is_gone.is_set()
        assert is_gone.wait(PATIENCE)


def test_the_reader_looks_at_the_clock_while_nothing_comes(
    monkeypatch: pytest.MonkeyPatch, by_threads: list[str]
) -> None:
    monkeypatch.setattr(reader, "LOOK_SECONDS", 0.01)
    looks = itertools.count()
    works: list[int] = []

    def check() -> None:
        if next(looks) > 50:
            raise Over

    def answer(connection: Connection) -> None:
        if connection.target == "/first":
            count(connection)
        else:
            connection.socket.recv(1)

    with raw_server(answer) as server, reading(client(server.url), check=check, idle=lambda: works.append(1)) as it:
        with pytest.raises(Over):
            it.ask(Request("/next"))
        assert len(works) > 20  # the loader, too
    assert by_threads == ["/first"]


def test_a_server_that_is_silent_is_an_error_in_the_same_words(by_threads: list[str]) -> None:
    def answer(connection: Connection) -> None:
        if connection.target == "/first":
            count(connection)
        else:
            connection.socket.recv(1)

    with raw_server(answer) as server:
        http = client(server.url, timeout=0.3, policy=RetryPolicy(max_retries=0))
        with reading(http) as it, pytest.raises(Unavailable, match="no answer in time"):
            it.ask(Request("/next", stream="things"))
    assert by_threads == ["/first", "/next"]


def test_nobody_takes_what_was_sent_while_its_connection_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that reads the answer gives the connection away, and may close it."""
    look = Exchange.has_come

    def look_late(exchange: Exchange, seconds: float) -> bool:
        threading.Thread(target=it._direct.hand_over).start()
        time.sleep(0.2)
        return look(exchange, seconds)

    with raw_server(count) as server, reading(client(server.url)) as it:
        monkeypatch.setattr(Exchange, "has_come", look_late)
        assert [it.ask(Request("/next")) for _ in range(3)] == [2, 3, 4]
        assert len(server.requests) == 4


def test_what_a_thread_does_at_the_same_time_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(count) as server, reading(client(server.url)) as it:
        job = Job(it._http, Request("/next"))
        assert it._direct.send(job)
        reserve = it._workers.reserve

        def reserve_late() -> bool:
            it._direct.hand_over()
            until(lambda: job.is_done and not it.in_flight)
            return reserve()

        monkeypatch.setattr(it._workers, "reserve", reserve_late)
        job.is_started = False  # as when it is queued, before a thread takes it
        assert not it._direct.send(job)
        assert len(server.requests) == 2
        assert it.in_flight == 0


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 20", b"rubbish\r\n\r\n", b"HTTP/2.0 200 OK\r\n\r\n"])
def test_what_is_no_answer_is_an_error_in_the_same_words_on_a_kept_connection(answer: bytes) -> None:
    def serve(connection: Connection) -> None:
        if connection.target == "/first":
            count(connection)
        else:
            connection.send(answer)
            raise ConnectionError

    with raw_server(serve) as server, reading(client(server.url, policy=RetryPolicy(max_retries=0))) as it:
        for _ in ("kept", "new"):
            with pytest.raises(Unavailable, match="the connection failed or broke off"):
                it.ask(Request("/next", stream="things"))
        assert server.connections == 2


def test_the_loader_works_before_a_slow_answer_is_read_though_it_has_begun() -> None:
    has_worked = threading.Event()
    seen: list[bool] = []

    def answer(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[")
        if connection.target != "/first":
            seen.append(has_worked.wait(2 * reader.LOOK_SECONDS if not seen else 4))
        connection.send(b"]")

    with raw_server(answer) as server, reading(client(server.url), idle=has_worked.set) as it:
        for _ in range(2):
            job = Job(it._http, Request("/next"))
            has_worked.clear()
            assert it._direct.send(job)
            assert job.has_come(PATIENCE)
            it._wait_for(job)
            assert t.cast("Reply", job.reply).content == b"[]"
        assert seen[1]


def test_a_credential_that_cannot_be_sent_goes_nowhere_and_nothing_of_it_into_the_next_request() -> None:
    """http.client keeps the lines of a request that was not sent to its end."""
    accounts = [
        Account(HeaderToken("Authorization", "", "good"), RateLimiter(), "good"),
        Account(HeaderToken("Authorization", "", "b\u20acd"), RateLimiter(), "bad"),
    ]
    with raw_server(count) as server:
        http = Client(server.url, accounts, connections=1)
        assert http.fetch(Request("/1", account="good")).content == b"1"
        for _ in range(2):
            with pytest.raises(ApiError):
                http.fetch(Request("/2", account="bad"))
            sent = http.send(Request("/2", account="bad"))
            assert sent is None
        assert http.fetch(Request("/3", account="good")).content == b"2"
        assert [connection.target for connection in server.requests] == ["/1", "/3"]
        assert [connection.header("Authorization") for connection in server.requests] == ["good", "good"]
        http.close()


def test_who_gives_up_after_a_while_is_not_held_by_an_answer_that_drips(by_threads: list[str]) -> None:
    def answer(connection: Connection) -> None:
        if connection.target == "/first":
            count(connection)
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n[")
            connection.drip(lambda _: b" ", pause=0.1)

    with raw_server(answer) as server, reading(client(server.url, timeout=60)) as it:
        for is_sent in (False, True):
            job = Job(it._http, Request("/next"))
            assert not is_sent or it._workers.in_flight == 1
            started = time.monotonic()
            it._wait_for(job, started + 0.3)
            assert time.monotonic() - started < PATIENCE / 2
            assert not job.is_done
        assert by_threads == ["/first", "/next", "/next"]


def test_what_raises_leaves_nothing_counted_as_under_way() -> None:
    with raw_server(count) as server, reading(client(server.url)) as it:
        it._http.stop()
        with pytest.raises(Stopped):
            it._direct.send(Job(it._http, Request("/next")))
        assert it.in_flight == 0


def test_closing_lets_go_of_what_was_handed_over_and_not_taken() -> None:
    with raw_server(count) as server, reading(client(server.url, connections=1), 1) as it:
        job = Job(it._http, Request("/next"))
        assert it._direct.send(job)
        it._workers.count = 0  # as if all threads were busy
        it._direct.hand_over()
        it._workers.close()
        assert it._http._slots.acquire(blocking=False)
        it._http._slots.release()
        assert it._http._transport._pool.pool.get(block=False) is None


def test_an_answer_that_comes_after_the_time_out_is_none() -> None:
    def answer(connection: Connection) -> None:
        if connection.target != "/first":
            time.sleep(2.5)
        count(connection)

    with raw_server(answer) as server:
        http = client(server.url, timeout=0.8, policy=RetryPolicy(max_retries=0))
        with reading(http) as it, pytest.raises(Unavailable, match="no answer in time"):
            it.ask(Request("/next", stream="things"))


def test_an_answer_that_came_in_time_is_read_however_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that was asleep: no thread has looked at it meanwhile."""
    monkeypatch.setattr(direct, "LOOKS_WITHIN_TIMEOUT", 1e-9)
    with raw_server(count) as server, reading(client(server.url, timeout=0.2)) as it:
        job = Job(it._http, Request("/next"))
        assert it._direct.send(job)
        time.sleep(0.5)
        it._wait_for(job)
        assert t.cast("Reply", job.reply).content == b"2"


def test_an_answer_that_the_reader_waits_for_too_long_is_left_to_a_thread(
    by_threads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader looks at the connection all the time, so that the watchdog may not come to take it."""
    monkeypatch.setattr(direct, "HAND_OVER_SECONDS", 0.05)
    monkeypatch.setattr(DirectSender, "_watch", nothing)

    def answer(connection: Connection) -> None:
        if connection.target != "/first":
            until(lambda: by_threads[-1] == connection.target)
        count(connection)

    with raw_server(answer) as server, reading(client(server.url)) as it:
        for number in range(2, 6):
            assert it.ask(Request(f"/{number}")) == number
    assert by_threads == ["/first", "/2", "/3", "/4", "/5"]
