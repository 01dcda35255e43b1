"""Only the cookies of a session are kept, and few of them."""

from __future__ import annotations

import typing as t

import pytest

from rest_tap.account import Account
from rest_tap.auth import HeaderToken
from rest_tap.cookies import MAX_COOKIE_LENGTH, MAX_COOKIES
from rest_tap.errors import Forbidden
from rest_tap.http import Client
from rest_tap.limiter import RateLimiter
from rest_tap.request import Request
from tests.support.raw import Connection, raw_server


def sent_back(*cookies: str) -> str | None:
    """Return the cookies that a client sends after it was given these."""
    heads: list[Connection] = []

    def answer(connection: Connection) -> None:
        heads.append(connection)
        lines = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in cookies)
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{lines}\r\n[]".encode())

    with raw_server(answer) as server:
        sender = Client(server.url, [Account(HeaderToken("api_key", "", "t"), RateLimiter())], timeout=5)
        sender.fetch(Request("/x"))
        sender.fetch(Request("/x"))
        sender.close()
    assert heads[0].header("Cookie") is None
    return heads[1].header("Cookie")


@pytest.mark.parametrize("name", ["pretix_session", "sessionid", "PHPSESSID", "JSESSIONID", "session"])
@pytest.mark.parametrize("value", ["abc", ""])
def test_the_cookie_of_a_session_is_sent_back(name: str, value: str) -> None:
    assert sent_back(f"{name}={value}; Path=/; HttpOnly") == f"{name}={value}"


@pytest.mark.parametrize(
    "cookie",
    ["_ga=1; Path=/", "csrftoken=1", f"session={'x' * MAX_COOKIE_LENGTH}", "session=1; Domain=elsewhere.example"],
    ids=["tracker", "another", "long", "of another host"],
)
def test_no_other_cookie_is_kept(cookie: str) -> None:
    assert sent_back(cookie) is None


def test_a_server_cannot_set_as_many_as_it_likes() -> None:
    found = sent_back(*(f"session{number}=x; Path=/" for number in range(60)))
    assert found is not None
    assert found.count("=") == MAX_COOKIES


def test_the_cookie_of_a_session_is_a_secret() -> None:
    def answer(connection: Connection) -> None:
        cookie = connection.header("Cookie")
        if cookie:
            body = f'{{"detail": "your {cookie}"}}'.encode()
            connection.reply(body, "403 Forbidden")
        else:
            connection.reply(b"[]", Set_Cookie="session=canary-of-a-session")

    with raw_server(answer) as server:
        sender = Client(server.url, [Account(HeaderToken("api_key", "", "t"), RateLimiter())], timeout=5)
        sender.fetch(Request("/x"))
        with pytest.raises(Exception, match="your session=") as raised:
            sender.fetch(Request("/x"))
        sender.close()
    assert "canary" not in str(t.cast("t.Any", raised.value))


def test_the_cookie_that_another_came_in_place_of_stays_a_secret() -> None:
    def answer(connection: Connection) -> None:
        number = len(connection.server.requests)
        if number <= 2:
            connection.reply(b"[]", Set_Cookie=f"session=canary-number-{number}")
        else:
            connection.reply(b'{"detail": "no longer canary-number-1, but canary-number-2"}', "403 Forbidden")

    with raw_server(answer) as server:
        sender = Client(server.url, [Account(HeaderToken("api_key", "", "t"), RateLimiter())], timeout=5)
        for _ in range(2):
            sender.fetch(Request("/x"))
        with pytest.raises(Forbidden, match="no longer") as raised:
            sender.fetch(Request("/x"))
        sender.close()
    assert "canary" not in str(raised.value)
