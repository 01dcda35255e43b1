"""One request, asked until it is answered or there is no use in sender."""

from __future__ import annotations

import gzip
import json
import logging
import sys
import threading
import time
import tracemalloc
import typing as t
import weakref
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
import requests
import requests_mock

from rest_tap import repair
from rest_tap.account import Account
from rest_tap.auth import HeaderToken, SessionLogin
from rest_tap.errors import (
    ERROR_STATUS,
    ApiError,
    BrokenAnswer,
    CredentialRefused,
    Forbidden,
    NotFound,
    Stopped,
    Unavailable,
    Unreadable,
)
from rest_tap.http import Client
from rest_tap.limiter import RateLimiter
from rest_tap.outcome import Ending, Outcome
from rest_tap.replies import memory_of
from rest_tap.report import Report
from rest_tap.request import Request, fill_path
from rest_tap.retry import TRIES_BEFORE_FIRST_ANSWER
from rest_tap.workers import Job
from sandbox import Fault, Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tests.conftest import kept_log
from tests.support.raw import raw_server

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Waits

URL = "https://api.example/v1"
TOKEN = Sandbox.token
PAGE: dict[str, t.Any] = {"count": 0, "next": None, "results": []}


def client(url: str = URL, **options: t.Any) -> Client:
    """Return what asks this address, as tap-organizers does."""
    auth = HeaderToken("Authorization", "Token ", TOKEN)
    options.setdefault("policy", TapOrganizers.retry_policy)
    return Client(url, [Account(auth, RateLimiter(), settings="api_token")], user_agent="tap-test/1", **options)


def ask(client: Client, path: str, params: t.Any = None, *, read: t.Any = None, **facts: t.Any) -> t.Any:
    """Return the decoded answer to a request."""
    request = Request(path, params, **facts)
    return client.parse(request, client.fetch(request), read)


class Mocked(requests_mock.Adapter):
    """What sends no request, but answers it as a test says."""

    def get(self, url: t.Any, *responses: t.Any, **response: t.Any) -> t.Any:
        """Say how a GET is answered."""
        return self.register_uri("GET", url, *responses, **response)

    def post(self, url: t.Any, *responses: t.Any, **response: t.Any) -> t.Any:
        """Say how a POST is answered."""
        return self.register_uri("POST", url, *responses, **response)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Mocked:
    """An API that answers what a test says."""
    mocked = Mocked()

    def send(_: object, request: requests.PreparedRequest, **options: t.Any) -> t.Any:
        return mocked.send(request, **options).raw

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return mocked


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_a_request_carries_the_credential_and_says_who_asks_and_what_for(api: Mocked) -> None:
    api.get(f"{URL}/organizers", json=PAGE)
    ask(client(), "/organizers", {"page": "1", "since": "2026-01-01T00:00:00+01:00"})
    sent = api.last_request
    assert sent is not None
    assert sent.headers["Authorization"] == f"Token {TOKEN}"
    assert sent.headers["User-Agent"] == "tap-test/1"
    assert sent.headers["Accept"] == "application/json"
    assert sent.headers["Accept-Language"] == "en"
    assert sent.headers["Accept-Encoding"] == "gzip, deflate"
    assert sent.url == f"{URL}/organizers?page=1&since=2026-01-01T00%3A00%3A00%2B01%3A00"
    assert sent.body is None


def test_a_parameter_with_several_values_is_repeated(api: Mocked) -> None:
    api.get(f"{URL}/orders", json=PAGE)
    ask(client(), "/orders", {"include": ("code", "event")})
    assert api.request_history[0].query == "include=code&include=event"


def test_the_body_of_a_post_is_json_or_a_form(api: Mocked) -> None:
    api.post(f"{URL}/login", json={})
    ask(client(), "/login", method="POST", json={"a": "ö"}, authenticated=False)
    assert api.request_history[0].json() == {"a": "ö"}
    ask(client(), "/login", method="POST", form={"a": "b c"}, authenticated=False)
    assert api.request_history[1].text == "a=b+c"
    assert "Authorization" not in api.request_history[0].headers


def test_a_slash_at_the_end_of_the_address_does_not_matter(api: Mocked) -> None:
    api.get(f"{URL}/organizers", json=PAGE)
    assert ask(client(f"{URL}/"), "/organizers") == PAGE


def test_a_password_for_the_host_in_a_netrc_file_is_not_used(
    api: Mocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example login somebody password of-somebody\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    api.get(f"{URL}/organizers", json=PAGE)
    ask(client(), "/organizers")
    assert api.request_history[0].headers["Authorization"] == f"Token {TOKEN}"


def test_credentials_in_the_address_do_not_replace_the_token(api: Mocked) -> None:
    api.get(requests_mock.ANY, json=PAGE)
    ask(client("https://user:pass@api.example/v1"), "/organizers")
    assert api.request_history[0].headers["Authorization"] == f"Token {TOKEN}"


def test_a_cookie_of_the_server_is_sent_back_to_it(no_waiting: Waits) -> None:
    # A pretix that does not get its cookie back keeps a session for every request.
    with Sandbox(scale=Scale(organizers=1, events=1, orders=0)) as box:
        box.faults.add(Fault(path="organizers", status=503, headers={"Set-Cookie": "session=1; Path=/"}))
        ask(client(box.organizers_url), "/organizers")
        assert [request.headers.get("cookie") for request in box.log] == [None, "session=1", "session=1"]
    assert len(no_waiting.seconds) == 1


@pytest.mark.parametrize("token", ["töken€", "two\nlines", "two\rlines", " blank before"], ids=ascii)
def test_a_token_that_no_header_can_hold_is_an_error_that_does_not_show_it(token: str) -> None:
    sender = Client(
        "http://127.0.0.1:9",
        [Account(HeaderToken("Authorization", "", token), RateLimiter(), settings="api_token")],
    )
    with pytest.raises(ApiError, match="cannot be sent; look at the settings user_agent and api_token") as raised:
        ask(sender, "/organizers", stream="organizers")
    assert token.strip() not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    "url", ["ftp://api.example", "https://", "http://[::1", "nonsense", "http://a..b/v1", "https://*"]
)
def test_an_address_that_is_none_is_told_at_once(url: str, no_waiting: Waits) -> None:
    with pytest.raises(ApiError, match="api_url is not an address"):
        ask(client(url), "/organizers")
    assert no_waiting.seconds == []


# --- the redirect -----------------------------------------------------------------------------------------------------


def test_the_trailing_slash_is_learnt_once_and_used_from_then_on(api: Mocked) -> None:
    api.get(f"{URL}/organizers", status_code=301, headers={"Location": f"{URL}/organizers/?page=1"})
    api.get(f"{URL}/organizers/", json=PAGE)
    api.get(f"{URL}/organizers/a/events/", json=PAGE)
    sender = client()
    assert ask(sender, "/organizers", {"page": "1"}) == PAGE
    assert ask(sender, "/organizers", {"page": "2"}) == PAGE
    assert ask(sender, "/organizers/a/events") == PAGE
    assert [request.url.removeprefix(URL) for request in api.request_history] == [
        "/organizers?page=1",
        "/organizers/?page=1",
        "/organizers/?page=2",
        "/organizers/a/events/",
    ]


def test_a_redirect_is_followed_to_the_letter(api: Mocked) -> None:
    api.get(f"{URL}/moved/", status_code=301, headers={"Location": f"{URL}/elsewhere"})
    api.get(f"{URL}/elsewhere", json=PAGE)
    sender = client()
    sender.trailing_slash = True
    assert ask(sender, "/moved") == PAGE


def test_a_path_that_is_no_list_gets_no_slash(api: Mocked) -> None:
    api.get(f"{URL}/version", json={})
    sender = client()
    sender.trailing_slash = True
    ask(sender, "/version", is_list=False)
    assert api.request_history[0].path == "/v1/version"


@pytest.mark.parametrize("location", ["/v1/other/", "other/", f"{URL}/other/"], ids=["path", "relative", "whole"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_is_followed_with_method_and_credential(
    api: Mocked, status: int, location: str
) -> None:
    api.post(f"{URL}/organizers", status_code=status, headers={"Location": location})
    api.post(f"{URL}/other/", json=PAGE)
    assert ask(client(), "/organizers", {"a": "b"}, method="POST") == PAGE
    assert api.request_history[1].headers["Authorization"] == f"Token {TOKEN}"
    assert api.request_history[1].query == "a=b"


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("https://evil.example/v1/organizers/", id="another host"),
        pytest.param("http://api.example/v1/organizers/", id="another scheme"),
        pytest.param("https://api.example:8443/v1/organizers/", id="another port"),
        pytest.param("//evil.example/v1/organizers/", id="another host, same scheme"),
        pytest.param("https://api.example@evil.example/", id="a host that looks like a user"),
        pytest.param("https://api.example.evil.example/", id="a host that begins the same"),
        pytest.param("ftp://api.example/v1/organizers/", id="no http at all"),
    ],
)
def test_a_redirect_to_somewhere_else_is_refused_and_nothing_is_sent_there(api: Mocked, location: str) -> None:
    api.get(f"{URL}/organizers", status_code=302, headers={"Location": location})
    with pytest.raises(ApiError, match="the credential stays with the host it was given for: set api_url") as raised:
        ask(client(), "/organizers", stream="organizers")
    assert len(api.request_history) == 1
    assert raised.value.status == 302


@pytest.mark.parametrize(
    ("headers", "what"),
    [
        pytest.param({"Location": f"{URL}/organizers"}, "redirected more than once", id="to itself"),
        pytest.param({}, "redirected more than once", id="to nowhere"),
        pytest.param({"Location": "https://[bad/"}, "redirected to an invalid address", id="to no address"),
    ],
)
def test_a_redirect_that_leads_nowhere_is_an_error(api: Mocked, headers: dict[str, str], what: str) -> None:
    api.get(f"{URL}/organizers", status_code=302, headers=headers)
    with pytest.raises(ApiError, match=what):
        ask(client(), "/organizers")
    assert len(api.request_history) <= 2


def test_a_redirect_to_a_host_without_a_path_leads_to_its_root(api: Mocked) -> None:
    api.get(f"{URL}/organizers", status_code=302, headers={"Location": "https://api.example"})
    api.get("https://api.example/", text="<html>")
    with pytest.raises(ApiError, match="a web page instead of JSON"):
        ask(client(), "/organizers")


def test_a_loop_of_redirects_ends_after_the_first(api: Mocked) -> None:
    api.get(f"{URL}/a", status_code=302, headers={"Location": f"{URL}/b"})
    api.get(f"{URL}/b", status_code=302, headers={"Location": f"{URL}/a"})
    with pytest.raises(ApiError, match="redirected more than once"):
        ask(client(), "/a")
    assert [request.path for request in api.request_history] == ["/v1/a", "/v1/b"]


# --- sender again -----------------------------------------------------------------------------------------------------

TIMES: dict[str, t.Any] = {"status_code": 400, "json": {"detail": "Try again."}}


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_transient_400_is_asked_again_up_to_three_times(api: Mocked, no_waiting: Waits, failures: int) -> None:
    api.get(f"{URL}/organizers", [*[TIMES] * failures, {"json": PAGE}])
    assert ask(client(), "/organizers") == PAGE
    assert no_waiting.seconds == [2, 4, 8][:failures]


def test_a_lasting_400_is_an_error_after_three_retries_that_quotes_the_api(api: Mocked, no_waiting: Waits) -> None:
    api.get(f"{URL}/organizers", **TIMES)
    with pytest.raises(Unavailable, match=r"^organizers: Try again\. \(/organizers, status 400\)$"):
        ask(client(), "/organizers", stream="organizers")
    assert no_waiting.seconds == [2, 4, 8]
    assert len(api.request_history) == 4


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_statuses_that_pass_are_asked_again(api: Mocked, no_waiting: Waits, status: int) -> None:
    api.get(f"{URL}/organizers", [*[{"status_code": status}] * 6, {"json": PAGE}])
    assert ask(client(), "/organizers") == PAGE
    assert no_waiting.seconds == [2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize("status", [201, 204, 304, 405, 410, 418, 451, 501])
def test_statuses_that_do_not_pass_are_an_error_at_once(api: Mocked, no_waiting: Waits, status: int) -> None:
    api.get(f"{URL}/organizers", status_code=status)
    with pytest.raises(ApiError, match=f"status {status}"):
        ask(client(), "/organizers")
    assert no_waiting.seconds == []


def test_failures_of_different_kinds_are_counted_apart(api: Mocked, no_waiting: Waits) -> None:
    broken: dict[str, t.Any] = {"content": b"{"}
    api.get(f"{URL}/organizers", [{"status_code": 500}, TIMES, broken, TIMES, TIMES, broken, {"json": PAGE}])
    assert ask(client(), "/organizers") == PAGE
    assert no_waiting.seconds == [2, 4, 8, 16, 32, 64]


def test_a_status_that_is_final_for_this_list_is_not_asked_again(api: Mocked, no_waiting: Waits) -> None:
    api.get(f"{URL}/organizers", **TIMES)
    with pytest.raises(ApiError):
        ask(client(), "/organizers", no_retry=frozenset({400}))
    assert no_waiting.seconds == []


@pytest.mark.parametrize(("told", "wait"), [("7", 7), ("0", 0), ("a date", 30)])
@pytest.mark.parametrize("status", [400, 429, 503])
def test_retry_after_wins_over_the_backoff(api: Mocked, no_waiting: Waits, status: int, told: str, wait: float) -> None:
    if told == "a date":
        told = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=wait), usegmt=True)
    answer = {"status_code": status, "headers": {"Retry-After": told}}
    api.get(f"{URL}/organizers", [answer, {"json": PAGE}])
    ask(client(), "/organizers")
    assert sum(no_waiting.seconds) == pytest.approx(wait, abs=10 if wait == 30 else 0.1)


@pytest.mark.parametrize("told", ["86400", "a date"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_of_a_day_is_an_error_without_sleeping(
    api: Mocked, no_waiting: Waits, status: int, told: str
) -> None:
    if told == "a date":
        told = format_datetime(datetime.now(timezone.utc) + timedelta(days=1), usegmt=True)
    api.get(f"{URL}/organizers", status_code=status, headers={"Retry-After": told})
    with pytest.raises(Unavailable, match=r"the server asks to wait 86\d\d\d s, which is too long"):
        ask(client(), "/organizers")
    assert no_waiting.seconds == []


def test_a_429_holds_everyone_who_uses_the_gate(api: Mocked, no_waiting: Waits) -> None:
    api.get(f"{URL}/a", [{"status_code": 429, "headers": {"Retry-After": "30"}}, {"json": PAGE}])
    sender = client()
    began = no_waiting.now
    ask(sender, "/a")
    sender.accounts[""].limiter.hold(0)
    assert no_waiting.now - began == 30
    api.get(f"{URL}/b", [{"status_code": 503, "headers": {"Retry-After": "30"}}, {"json": PAGE}])
    ask(sender, "/b")
    assert sender.accounts[""].limiter._next <= no_waiting.now, "a 503 is of this request alone"


def test_requests_of_other_threads_wait_for_the_end_of_a_429(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(query="n=0", status=429, headers={"Retry-After": "1"}))
    sender = client(sandbox.organizers_url, connections=8)
    ask(sender, "/organizers/", {"n": "warm"})
    first = threading.Thread(target=ask, args=(sender, "/organizers/", {"n": "0"}))
    first.start()
    while not sandbox.requests("organizers") or sandbox.requests("organizers")[-1].status != 429:
        time.sleep(0.005)
    time.sleep(0.05)
    refused_at = time.time()
    others = [threading.Thread(target=ask, args=(sender, "/organizers/", {"n": str(n)})) for n in range(1, 6)]
    for thread in others:
        thread.start()
    for thread in [first, *others]:
        thread.join()
    later = [entry.time_started for entry in sandbox.requests("organizers") if entry.time_started > refused_at]
    assert len(later) == 6
    assert min(later) >= refused_at + 0.8


# --- errors -----------------------------------------------------------------------------------------------------------


def test_a_refused_token_is_an_error_at_once_that_names_the_setting(api: Mocked, no_waiting: Waits) -> None:
    api.get(f"{URL}/organizers", status_code=401, json={"detail": "Invalid token."})
    with pytest.raises(
        CredentialRefused,
        match=r"credential was refused \(Invalid token\.\); look at the setting api_token \(/organizers, status 401\)",
    ):
        ask(client(), "/organizers", stream="organizers")
    assert no_waiting.seconds == []
    assert len(api.request_history) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind", "what"),
    [
        pytest.param(403, {"detail": "No permission."}, Forbidden, "No permission.", id="denied"),
        pytest.param(403, None, Forbidden, "access denied", id="denied without a word"),
        pytest.param(404, {"detail": "Not found."}, NotFound, "Not found.", id="an object is not there"),
        pytest.param(404, None, NotFound, "not found; look at the setting api_url", id="no such path"),
        pytest.param(422, {"error": "Odd."}, ApiError, "Odd.", id="error"),
        pytest.param(422, {"page": ["Bad.", "Worse."]}, ApiError, "page: Bad. Worse.", id="by parameter"),
        pytest.param(422, {"detail": ["Bad.", "Worse."]}, ApiError, "Bad. Worse.", id="several"),
        pytest.param(422, {"error": {"code": 7, "message": "Odd."}}, ApiError, "Odd.", id="with a code"),
        pytest.param(422, {"email": ["jane@example.org"]}, ApiError, ERROR_STATUS, id="not a parameter"),
        pytest.param(422, ["jane@example.org"], ApiError, ERROR_STATUS, id="a list"),
        pytest.param(422, "jane@example.org", ApiError, ERROR_STATUS, id="a text"),
        pytest.param(422, {"detail": [{"email": "jane@example.org"}]}, ApiError, ERROR_STATUS, id="rows"),
        pytest.param(422, {"detail": {"email": "jane@example.org"}}, ApiError, ERROR_STATUS, id="a row"),
        pytest.param(422, {"detail": "two\n  lines"}, ApiError, "two lines", id="on one line"),
        pytest.param(422, {}, ApiError, ERROR_STATUS, id="nothing"),
        pytest.param(422, 17, ApiError, ERROR_STATUS, id="a number"),
    ],
)
def test_an_error_quotes_the_api_on_one_line(
    api: Mocked, status: int, body: object, kind: type[ApiError], what: str
) -> None:
    content = b"<html>Oh no</html>" if body is None else json.dumps(body).encode()
    api.get(f"{URL}/x", status_code=status, content=content)
    with pytest.raises(kind) as raised:
        ask(client(), "/x", {"page": "1"}, stream="things")
    assert type(raised.value) is kind
    assert str(raised.value) == f"things: {what} (/x, status {status})"
    assert (raised.value.stream, raised.value.path, raised.value.status) == ("things", "/x", status)


ROWS: dict[str, t.Any] = {"count": 1, "next": None, "results": [{"email": "jane@example.org"}]}


@pytest.mark.parametrize("body", [ROWS, ROWS["results"], {"token": "new-token", "detail": ["x", 1]}], ids=range(3))
@pytest.mark.parametrize("status", [201, 202, 203, 204, 206, 226, 300, 304, 400, 401, 403, 404, 422, 500, 503, 599])
def test_rows_are_never_quoted_whatever_the_status(api: Mocked, no_waiting: Waits, status: int, body: object) -> None:
    api.get(f"{URL}/x", status_code=status, json=body)
    with pytest.raises(ApiError) as raised:
        ask(client(), "/x", stream="things")
    assert "jane" not in str(raised.value)
    assert "token" not in str(raised.value).replace("api_token", "")
    assert str(raised.value).endswith(f" (/x, status {status})")
    assert (no_waiting.seconds != []) == (status in TapOrganizers.retry_policy.statuses)


@pytest.mark.parametrize("status", [200, 201, 203, 400, 401, 403, 500])
@pytest.mark.usefixtures("no_waiting")
def test_of_an_answer_to_a_login_nothing_is_ever_quoted(api: Mocked, status: int) -> None:
    body = {"token": "new-token", "detail": "your token is new-token", "error": "no: new-token"}
    api.post(f"{URL}/login", status_code=status, json=body)
    facts = {"method": "POST", "is_login": True, "stream": "login"}
    if status == 200:
        assert ask(client(), "/login", **facts) == body
        return
    with kept_log() as log, pytest.raises(ApiError) as raised:
        ask(client(), "/login", **facts)
    assert "new-token" not in str(raised.value)
    assert not any("new-token" in record.getMessage() for record in log)


@pytest.mark.parametrize(("body", "unknown"), [({"detail": "Not found."}, False), (None, True)], ids=["json", "html"])
def test_a_404_tells_an_unknown_path_from_an_object_that_is_gone(
    api: Mocked,
    body: object,
    unknown: bool,  # noqa: FBT001
) -> None:
    api.get(f"{URL}/x", status_code=404, content=b"<html/>" if body is None else json.dumps(body).encode())
    with pytest.raises(NotFound) as raised:
        ask(client(), "/x")
    assert raised.value.is_unknown_path is unknown


@pytest.mark.parametrize(
    "content",
    [b'{"detail": "\xff\xfe"}', b'{"detail": "cut', b"", b"[" * 100_000, b'{"detail": "' + b"x" * 400_000 + b'"}'],
    ids=["invalid utf-8", "cut", "empty", "deep", "long"],
)
def test_an_error_whose_body_cannot_be_read_is_still_that_error(api: Mocked, content: bytes) -> None:
    api.get(f"{URL}/x", status_code=403, content=content)
    with pytest.raises(Forbidden) as raised:
        ask(client(), "/x")
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize("status", [200, 403, 422, 401])
def test_secrets_that_the_server_echoes_are_cleared(api: Mocked, status: int) -> None:
    api.get(f"{URL}/x", status_code=status, json={"error": f"You sent Token {TOKEN}!"})

    def read(body: t.Any) -> t.Any:
        raise BrokenAnswer(f"the API answered with an error: {body['error']}")

    with pytest.raises(ApiError, match=r"You sent Token \*\*\*!") as raised:
        ask(client(), "/x", read=read)
    assert TOKEN not in repr(raised.value) + raised.value.reason


def test_a_secret_that_begins_another_does_not_leave_the_rest_of_it() -> None:
    auth = SessionLogin(None, "abc-and-more", "abc")
    assert Client(URL, [Account(auth, RateLimiter())]).clear("x abc-and-more abc") == "x *** ***"


@pytest.mark.parametrize(
    ("error", "what"),
    [
        pytest.param(requests.ConnectionError("refused"), "the connection failed or broke off", id="refused"),
        pytest.param(requests.ConnectTimeout("slow"), "no connection in time", id="connect"),
        pytest.param(requests.ReadTimeout("slow"), r"no answer in time \(setting request_timeout\)", id="read"),
        pytest.param(requests.exceptions.SSLError("bad"), "the TLS connection failed", id="tls"),
        pytest.param(requests.exceptions.ProxyError("bad"), "the proxy did not connect", id="proxy"),
        pytest.param(requests.exceptions.ChunkedEncodingError("cut"), "the answer broke off", id="cut"),
    ],
)
def test_a_connection_that_never_worked_is_given_up_soon(
    api: Mocked, no_waiting: Waits, error: Exception, what: str
) -> None:
    api.get(f"{URL}/organizers", exc=error)
    with pytest.raises(Unavailable, match=f"organizers: {what}.*; look at the ") as raised:
        ask(client(), "/organizers", stream="organizers")
    assert len(api.request_history) == TRIES_BEFORE_FIRST_ANSWER + 1
    assert no_waiting.seconds == [2, 4]
    assert "api.example" not in str(raised.value)


def test_a_connection_that_worked_before_is_tried_longer(api: Mocked, no_waiting: Waits) -> None:
    api.get(f"{URL}/organizers", [{"json": PAGE}, *[{"exc": requests.ConnectionError}] * 6, {"json": PAGE}])
    sender = client()
    ask(sender, "/organizers")
    ask(sender, "/organizers")
    assert no_waiting.seconds == [2, 4, 8, 16, 32, 64]


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="plain"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', {"a": 1}, id="a byte order mark in front"),
        pytest.param(b' \n[1, "\xc3\xbc"] ', [1, "ü"], id="a bare list with blanks around"),
        pytest.param(b'{"a": 1, "a": 2}', {"a": 2}, id="a key twice: the last one"),
        pytest.param(b"null", None, id="null"),
        pytest.param(b'{"a": 12345678901234567890123}', {"a": 12345678901234567890123}, id="a large number"),
        pytest.param(b'"\\u00fc\\ud83d\\ude00"', "ü😀", id="escapes"),
    ],
)
def test_json_is_decoded(api: Mocked, content: bytes, expected: object) -> None:
    api.get(f"{URL}/x", content=content)
    assert ask(client(), "/x") == expected


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"results": [{"id": 1}, {"i', id="cut off"),
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"a": "\xff\xfe"}', id="invalid utf-8"),
        pytest.param(b'{"a": NaN}', id="NaN"),
        pytest.param(b'{"a": Infinity}', id="Infinity"),
        pytest.param(b'{"a": "b\n"}', id="a line feed"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="another encoding"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="nested without end"),
        pytest.param(b'{"a": 1} {"b": 2}', id="two values"),
        pytest.param(b"oops", id="a word"),
    ],
)
def test_what_is_not_json_is_asked_for_twice_more_and_then_an_error(
    api: Mocked, no_waiting: Waits, content: bytes
) -> None:
    api.get(f"{URL}/x", content=content)
    with pytest.raises(BrokenAnswer, match=r"^things: the answer is not whole or not JSON \(/x\)$"):
        ask(client(), "/x", stream="things")
    assert no_waiting.seconds == [2, 4]


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        pytest.param(b"<!DOCTYPE html><p>Log in", {}, id="looks like a page"),
        pytest.param(b"\n <html>", {"Content-Type": "application/json"}, id="looks like a page, says it is none"),
        pytest.param(b"Log in", {"Content-Type": "text/html; charset=utf-8"}, id="says it is a page"),
    ],
)
def test_a_web_page_in_place_of_json_is_an_error_at_once(
    api: Mocked, no_waiting: Waits, content: bytes, headers: dict[str, str]
) -> None:
    api.get(f"{URL}/x", content=content, headers=headers)
    with pytest.raises(BrokenAnswer, match="a web page instead of JSON; look at the setting api_url"):
        ask(client(), "/x")
    assert no_waiting.seconds == []


def test_json_is_believed_whatever_its_content_type_says(api: Mocked) -> None:
    api.get(f"{URL}/x", content=b'{"a": 1}', headers={"Content-Type": "text/html"})
    assert ask(client(), "/x") == {"a": 1}


def test_what_is_not_json_takes_no_more_memory_than_json_may(api: Mocked, no_waiting: Waits) -> None:
    api.get(f"{URL}/x", content=b'{"results": [' + b"{}," * 100_000 + b"{}]} and more")
    sender = client(max_bytes=1 << 20)
    tracemalloc.start()
    with pytest.raises(Unreadable):
        ask(sender, "/x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20
    assert no_waiting.seconds == [2, 4]


@pytest.mark.parametrize("char", ["x", "\u20ac", "\U0001f600", "\\u20ac", "\\ud83d\\ude00"])
def test_a_text_takes_no_more_memory_than_is_counted_however_its_characters_are_written(char: str) -> None:
    content = f'{{"text": "{char}{"x" * 1_000_000}"}}'.encode()
    text = json.loads(content)["text"]
    assert len(content) + sys.getsizeof(text) <= memory_of(content) + 1000


def test_a_page_larger_than_allowed_is_an_error_that_names_the_setting(api: Mocked, no_waiting: Waits) -> None:
    api.get(f"{URL}/x", content=b" " * (2 << 20))
    with pytest.raises(BrokenAnswer, match=r"takes more than 1 MB of memory; .*raise the setting max_page_megabytes"):
        ask(client(max_bytes=1 << 20), "/x")
    assert no_waiting.seconds == []


def test_what_read_makes_of_the_body_is_the_reply(api: Mocked) -> None:
    api.get(f"{URL}/x", json=[1, 2, 3])
    assert ask(client(), "/x", read=sum) == 6


def test_what_read_refuses_is_an_error_with_stream_and_path(api: Mocked) -> None:
    api.get(f"{URL}/x", json={})

    def read(body: object) -> object:
        raise BrokenAnswer(f"the answer is {body}")

    with pytest.raises(BrokenAnswer, match=r"^things: the answer is {} \(/x\)$"):
        ask(client(), "/x", stream="things", read=read)


@pytest.mark.parametrize(
    ("headers", "server_time"),
    [
        ({"Date": "Sun, 22 Nov 2026 06:00:00 GMT"}, "2026-11-22T06:00:00Z"),
        ({"Date": "Sun, 22 Nov 2026 07:00:00 +0100"}, "2026-11-22T06:00:00Z"),
        ({"Date": "Sun, 22 Nov 2026 06:00:00 -0000"}, "2026-11-22T06:00:00Z"),
        ({"Date": "Sun, 22 Nov 2026 06:00:00 GMT", "X-Page-Generated": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00Z"),
        ({"Date": "now"}, None),
        ({"Date": "Fri, 31 Dec 9999 23:59:59 -0100"}, None),
        ({"Date": f"Sun, 22 Nov {'9' * 20} 06:00:00 GMT"}, None),
        ({}, None),
    ],
    ids=["date", "other zone", "no zone", "generated", "a word", "after all time", "no year", "nothing"],
)
def test_a_reply_tells_the_servers_own_time(api: Mocked, headers: dict[str, str], server_time: str | None) -> None:
    api.get(f"{URL}/x", json={}, headers=headers)
    assert client().fetch(Request("/x")).server_time == server_time


def test_an_answer_keeps_the_headers_that_somebody_looks_at_and_no_others(api: Mocked) -> None:
    api.get(f"{URL}/x", json={}, headers={"X-Page-Generated": "now", "Retry-After": "1", "X-Other": "z" * 1000})
    assert client().fetch(Request("/x")).headers == {"X-Page-Generated": "now", "Retry-After": "1"}


def test_an_answer_is_proven_whole_before_it_is_handed_out_and_decoded_by_who_wants_it(
    api: Mocked, no_waiting: Waits
) -> None:
    api.get(f"{URL}/x", [{"text": '{"count": 1, "res'}, {"json": PAGE}])
    sender = client()
    reply = sender.fetch(Request("/x"))
    assert len(api.request_history) == 2
    assert len(no_waiting.seconds) == 1
    assert sender.parse(Request("/x"), reply) == PAGE
    assert sender.parse(Request("/x"), reply, lambda body: body["count"]) == 0
    assert len(api.request_history) == 2


@pytest.mark.parametrize(
    ("value", "becomes", "changes"),
    [
        pytest.param(rb'"a\ud800"', "a\ufffd", [repair.HALF_CHARACTERS], id="half a character"),
        pytest.param(b"1e400", "1e400", [repair.INEXACT_NUMBERS], id="a number that Python cannot hold"),
        pytest.param(b"1e-400", "1e-400", [repair.INEXACT_NUMBERS], id="a number that Python takes for 0"),
    ],
)
def test_what_a_decoder_refuses_costs_no_list_and_is_told_once_for_each_field(
    api: Mocked, caplog: pytest.LogCaptureFixture, value: bytes, becomes: str, changes: list[str]
) -> None:
    row = b'{"name": %s, "rates": [1, {"x": %s}]}' % (value, value)
    api.get(f"{URL}/x", content=b'{"results": [%s, %s]}' % (row, row))
    sender = client()
    for _ in range(2):
        body = ask(sender, "/x", stream="things")
        assert body == {"results": [{"name": becomes, "rates": [1, {"x": becomes}]}] * 2}
    assert caplog.messages == [f"things: {field} {change}" for field in ("name", "rates[].x") for change in changes]
    assert len(api.request_history) == 2


def test_an_error_is_read_in_the_same_way(api: Mocked) -> None:
    api.get(f"{URL}/x", status_code=422, content=b'{"detail": "a \\ud83d"}')
    with pytest.raises(ApiError, match="a \ufffd"):
        ask(client(), "/x")


def test_stopping_wakes_who_waits_to_ask_again(api: Mocked) -> None:
    api.get(f"{URL}/x", status_code=503, headers={"Retry-After": "500"})
    sender = client()
    ended = list[BaseException]()

    def fetch() -> None:
        try:
            sender.fetch(Request("/x"))
        except BaseException as error:  # noqa: BLE001 - looked at below
            ended.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    while not api.request_history:
        time.sleep(0.01)
    sender.stop()
    thread.join(10)
    assert [type(error) for error in ended] == [Stopped]
    with pytest.raises(Stopped):
        sender.fetch(Request("/x"))


# --- a session that expires -------------------------------------------------------------------------------------------


def session_client(login: t.Callable[[], str], token: str | None = "old") -> Client:
    auth = SessionLogin(login, token, "password")
    return Client(URL, [Account(auth, RateLimiter(), settings="email and password")])


def test_a_token_that_expires_in_mid_run_is_renewed_once_and_the_request_repeated(
    api: Mocked, no_waiting: Waits
) -> None:
    logins: list[str] = []

    def login() -> str:
        logins.append("new")
        return "new"

    api.get(f"{URL}/x", status_code=401)
    api.get(f"{URL}/x", json=PAGE, request_headers={"Authorization": "Bearer new"})
    assert ask(session_client(login), "/x") == PAGE
    assert logins == ["new"]
    assert no_waiting.seconds == []


def test_a_new_token_that_is_refused_as_well_is_an_error_at_once(api: Mocked, no_waiting: Waits) -> None:
    api.get(f"{URL}/x", status_code=401, json={"error": "bad token new"})
    with pytest.raises(
        CredentialRefused, match=r"refused \(bad token \*\*\*\); look at the setting email and password"
    ):
        ask(session_client(lambda: "new"), "/x")
    assert len(api.request_history) == 2
    assert no_waiting.seconds == []


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("plain-1", "/a/plain-1/b"),
        ("with/slash", "/a/with%2Fslash/b"),
        ("100%", "/a/100%25/b"),
        ("a?b#c", "/a/a%3Fb%23c/b"),
        ("two words", "/a/two%20words/b"),
        ("größe", "/a/gr%C3%B6%C3%9Fe/b"),
        ("{slug}", "/a/%7Bslug%7D/b"),
        ("a..b", "/a/a..b/b"),
        ("%2e%2e", "/a/%252e%252e/b"),
        (17, "/a/17/b"),
    ],
)
def test_identifiers_are_percent_encoded_in_a_path(value: object, path: str) -> None:
    assert fill_path("/a/{slug}/b", {"slug": value, "other": "x"}) == path


@pytest.mark.parametrize("value", [".", "..", ""])
def test_an_identifier_that_would_name_another_path_is_an_error(value: str) -> None:
    with pytest.raises(ApiError, match="empty or made of dots"):
        fill_path("/a/{slug}/b", {"slug": value})


# --- real faults ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def faulty() -> Iterator[Sandbox]:
    """A sandbox that tests of this module break and mend."""
    with Sandbox(scale=Scale(organizers=2, events=4, orders=10)) as box:
        yield box


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="reset_before"),
        Fault(kind="reset_mid_body"),
        Fault(kind="wrong_content_length"),
        Fault(kind="truncated_gzip"),
        Fault(kind="truncated_json"),
        Fault(kind="timeout", seconds=0.6),
        Fault(kind="bad_utf8"),
        Fault(kind="nan"),
        Fault(kind="close_after"),
        Fault(kind="drip", seconds=0.3),
        Fault(kind="slow", seconds=0.1),
        Fault(status=500),
        Fault(status=503, headers={"Retry-After": "3"}),
        Fault(status=429, headers={"Retry-After": "3"}),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status or ''}".strip(),
)
def test_a_fault_that_passes_costs_nothing_but_time(faulty: Sandbox, no_waiting: Waits, fault: Fault) -> None:
    faulty.faults.clear()
    sender = client(faulty.organizers_url, timeout=0.4)
    expected = ask(sender, "/organizers/")
    faulty.faults.add(fault)
    assert ask(sender, "/organizers/") == expected
    assert ask(sender, "/organizers/") == expected
    assert fault.fired == 1
    sender.close()
    assert len(no_waiting.seconds) <= 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(kind="reset_before", times=None), Unavailable),
        (Fault(kind="reset_mid_body", times=None), Unavailable),
        (Fault(kind="wrong_content_length", times=None), Unavailable),
        (Fault(kind="truncated_gzip", times=None), BrokenAnswer),
        (Fault(kind="truncated_json", times=None), BrokenAnswer),
        (Fault(kind="timeout", seconds=0.6, times=None), Unavailable),
        (Fault(kind="deep_nesting", times=None), BrokenAnswer),
        (Fault(kind="html", times=None), BrokenAnswer),
        (Fault(kind="gzip_bomb", n=30_000_000, times=None), BrokenAnswer),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_a_fault_that_lasts_is_an_error_of_one_line(
    faulty: Sandbox, no_waiting: Waits, fault: Fault, kind: type[ApiError]
) -> None:
    faulty.faults.clear()
    faulty.faults.add(fault)
    sender = client(faulty.organizers_url, timeout=5 if fault.kind == "gzip_bomb" else 0.3, max_bytes=1 << 20)
    with pytest.raises(kind) as raised:
        ask(sender, "/organizers/", stream="organizers")
    sender.close()
    assert len(str(raised.value).splitlines()) == 1
    assert str(raised.value).startswith("organizers: ")
    assert sum(no_waiting.seconds) < 200


def test_answers_are_compressed_and_connections_kept(faulty: Sandbox) -> None:
    faulty.faults.clear()
    faulty.clear_log()
    sender = client(faulty.organizers_url)
    for _ in range(5):
        ask(sender, "/organizers/")
    sender.close()
    assert faulty.stats()["connections"] == 1
    assert all(entry.headers["accept-encoding"] == "gzip, deflate" for entry in faulty.requests("organizers"))


def test_a_compressed_page_is_measured_as_it_is_unpacked(api: Mocked) -> None:
    packed = gzip.compress(json.dumps({"a": "x" * 5_000_000}).encode())
    assert len(packed) < 1 << 20
    api.get(f"{URL}/x", content=packed, headers={"Content-Encoding": "gzip"})
    with pytest.raises(BrokenAnswer, match="more than 1 MB of memory"):
        ask(client(max_bytes=1 << 20), "/x")


def test_no_log_line_at_any_level_shows_the_credential(faulty: Sandbox, no_waiting: Waits) -> None:
    faulty.faults.clear()
    faulty.faults.add(Fault(status=500), Fault(kind="reset_before"), Fault(kind="truncated_gzip"))
    with kept_log(logging.DEBUG) as log:
        sender = client(faulty.organizers_url)
        ask(sender, "/organizers/")
        sender.close()
    text = "\n".join(f"{record.getMessage()} {record.__dict__}" for record in log)
    assert "GET /api/v1/organizers/" in text, "the debug log is on"
    assert TOKEN not in text
    assert no_waiting.seconds


@pytest.mark.parametrize(
    "location", ["https://api.example/v1/other", "https://api.example:443/v1/other", "https://API.example/v1/other"]
)
@pytest.mark.parametrize("url", [URL, URL.replace("//", "//user:password@"), URL.replace("example", "example:443")])
def test_a_host_is_the_same_however_it_is_written(api: Mocked, url: str, location: str) -> None:
    api.get(requests_mock.ANY, json=PAGE)
    api.get(f"{url}/organizers", status_code=301, headers={"Location": location})
    assert ask(client(url), "/organizers") == PAGE
    assert [request.path for request in api.request_history] == ["/v1/organizers", "/v1/other"]


@pytest.mark.parametrize("body", [b"[" + b"{}," * (1 << 20) + b"{}]", b"[" + b"1," * (1 << 20) + b"x"])
@pytest.mark.usefixtures("no_waiting")
def test_an_error_that_is_kept_does_not_keep_the_answer(body: bytes) -> None:
    with raw_server(lambda connection: connection.reply(body)) as server:
        sender = client(server.url, max_bytes=4 << 20)
        job = Job(sender, Request("/x", stream="things"))
        job.send(RateLimiter.acquire)
        sender.close()
    assert isinstance(job.error, BrokenAnswer)
    assert sender.budget.used == 0


def test_an_error_that_is_reported_does_not_keep_what_it_is_about() -> None:
    report = Report()
    kept: list[weakref.ref[t.Any]] = []

    def read_a_broken_page() -> None:
        page = set("rows")
        kept.append(weakref.ref(page))
        try:
            rows: dict[str, str] = {}
            rows[page.pop()]
        except KeyError:
            raise BrokenAnswer("no rows", stream="things") from None

    try:
        read_a_broken_page()
    except BrokenAnswer as error:
        report.add(Outcome("things", {}, Ending.FAILED, error))
    assert [str(outcome.error) for outcome in report.errors(Ending.FAILED)] == ["things: no rows"]
    assert kept[0]() is None
