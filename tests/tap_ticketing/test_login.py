"""Logging in: once, in the body, again when the token expires, and never twice with what was refused."""

from __future__ import annotations

import json
import threading
import typing as t

import pytest
from singer_sdk.exceptions import ConfigValidationError

from sandbox import Fault, Request, Sandbox
from tap_ticketing.tap import TapTicketing
from tests.conftest import Json, Run, Waits, discovered
from tests.support.command import DO_NOT_WAIT
from tests.support.ticketing import SHAPES, codes, every_code, fails, lists, logins, run, settings, ticketing_box

if t.TYPE_CHECKING:
    from tests.conftest import Json

CANARY = "canary-7e57-0b5e"


# --- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="neither"),
        pytest.param({"email": CANARY, "password": CANARY, "session_token": CANARY}, id="both"),
        pytest.param({"email": CANARY}, id="only the e-mail"),
        pytest.param({"password": CANARY}, id="only the password"),
        pytest.param({"email": CANARY, "session_token": CANARY}, id="a token and half of the login"),
        pytest.param({"email": CANARY, "password": ""}, id="an empty password"),
        pytest.param({"email": CANARY, "password": None}, id="a password that is null"),
    ],
)
def test_anything_but_one_way_to_log_in_is_an_error_before_the_first_request(given: Json, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigValidationError) as raised:
        run({"api_url": sandbox.ticketing_url, **given})
    assert str(raised.value) == "give either the settings email and password, or session_token"
    assert CANARY not in str(raised.value.errors)
    assert sandbox.log == []


@pytest.mark.parametrize("name", ["password", "session_token"])
def test_a_secret_of_the_wrong_type_is_named_and_not_shown(name: str, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigValidationError, match=f"^setting {name} must be a string$"):
        run({"api_url": sandbox.ticketing_url, "email": sandbox.email, name: [CANARY]})
    assert sandbox.log == []


def test_the_command_says_in_one_line_what_is_wrong_with_the_settings(sandbox: Sandbox, run_command: Run) -> None:
    config = {"api_url": sandbox.ticketing_url, "email": CANARY, "password": CANARY, "session_token": CANARY}
    finished = run_command(config=config, command="tap-ticketing")
    assert finished.code != 0
    assert finished.stdout == ""
    assert "give either the settings email and password, or session_token" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert CANARY not in finished.stderr
    assert sandbox.log == []


def test_discovery_needs_no_way_to_log_in() -> None:
    catalog = discovered({"api_url": "http://127.0.0.1:9"}, TapTicketing)
    assert [entry["tap_stream_id"] for entry in catalog["streams"]] == [
        "attendee_answers",
        "attendee_fields",
        "attendees",
        "events",
        "tickets",
    ]


# --- logging in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["form", "json"])
@pytest.mark.parametrize("shape", SHAPES)
def test_credentials_travel_in_the_body_of_one_login_and_nowhere_else(body: str, shape: str, sandbox: Sandbox) -> None:
    sandbox.ticketing.password = 'pass & wörd=1/"2'
    result = run(settings(sandbox, shape, login_body=body, password=sandbox.ticketing.password))
    assert len(codes(result)) == 60
    (login,) = logins(sandbox)
    kind = "application/json" if body == "json" else "application/x-www-form-urlencoded"
    assert login.headers["content-type"] == kind
    assert "authorization" not in login.headers
    assert login.query_string == ""
    if body == "json":
        assert json.loads(login.body) == {"email": sandbox.email, "password": sandbox.ticketing.password}
    for request in sandbox.log:
        assert request is login or request.body == b""
        assert "pass" not in request.query_string
        assert not request.headers.get("authorization", "").startswith("Basic")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_session_token_is_used_without_a_login(shape: str, sandbox: Sandbox) -> None:
    config = settings(sandbox, shape, session_token=sandbox.ticketing.session_token)
    result = run({**config, "email": None, "password": None})
    assert len(codes(result)) == 60
    assert logins(sandbox) == []
    assert {request.headers["authorization"] for request in sandbox.log} == {
        f"Bearer {sandbox.ticketing.session_token}"
    }


def test_every_request_carries_the_token_of_the_login(sandbox: Sandbox) -> None:
    run(settings(sandbox, "partitioned"))
    token = next(token for token in sandbox.ticketing.sessions if token != sandbox.ticketing.session_token)
    assert {request.headers.get("authorization") for request in sandbox.log if request not in logins(sandbox)} == {
        f"Bearer {token}"
    }


# --- a token that expires -----------------------------------------------------------------------------------------


class Expiry:
    """Expires all tokens when a list is asked for the n-th time."""

    def __init__(self, at: int, name: str = "attendees") -> None:
        self.at, self.name, self.seen = at, name, 0

    def __call__(self, request: Request, box: Sandbox) -> None:
        if request.path.endswith(f"/{self.name}"):
            self.seen += 1
            if self.seen == self.at:
                box.ticketing.expire_tokens()


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_token_that_expires_amid_100_pages_costs_one_login_and_no_row(shape: str, status: int) -> None:
    with ticketing_box(events=1, attendees=100) as box:
        box.ticketing.page_size = 1
        box.ticketing.expired_status = status
        box.on_request(Expiry(50))
        result = run(settings(box, shape))
        assert codes(result) == box.ticketing.codes()
        assert len(logins(box)) == 2
        assert [request.status for request in lists(box)].count(status) == 1
        assert len(lists(box)) == 102
        assert result.warnings() == []


class Rush:
    """Lets requests in only when so many have come, and then does something."""

    def __init__(self, requests: int, does: t.Callable[[], None]) -> None:
        self._barrier = threading.Barrier(requests, action=does, timeout=10)
        self._left = requests
        self._lock = threading.Lock()

    def __call__(self, request: Request, _: Sandbox) -> None:
        if request.path.endswith(("/login", "/events")) and not request.parameter("id"):
            return
        with self._lock:
            if self._left == 0:
                return
            self._left -= 1
        self._barrier.wait()


@pytest.mark.parametrize("status", [401, 403])
def test_eight_requests_that_find_the_token_expired_at_once_share_one_login(status: int) -> None:
    with ticketing_box(events=12, attendees=300) as box:
        box.ticketing.expired_status = status
        box.on_request(Rush(8, box.ticketing.expire_tokens))
        result = run(settings(box, "partitioned", max_concurrency=8))
        assert codes(result) == every_code(box, "partitioned")
        assert [request.status for request in box.log].count(status) == 8
        assert len(logins(box)) == 2


def test_a_password_that_is_changed_in_mid_run_is_tried_once_however_many_requests_are_refused() -> None:
    with ticketing_box(events=12, attendees=300) as box:

        def change() -> None:
            box.ticketing.expire_tokens()
            box.ticketing.password = "another one"

        box.on_request(Rush(8, change))
        _, line = fails(settings(box, "partitioned", max_concurrency=8))
        assert "email and password" in line
        assert len(logins(box)) == 2


def test_a_renewed_token_that_is_refused_too_is_not_renewed_again(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("/attendees$", status=401, times=None))
    _, line = fails(settings(sandbox))
    assert line == (
        "attendees: the credential was refused (Fault 401); look at the setting email and password "
        "(/v1/attendees, status 401)"
    )
    assert len(lists(sandbox)) == 2
    assert len(logins(sandbox)) == 2


def test_a_list_that_answers_403_to_a_new_token_keeps_no_other_from_being_read() -> None:
    with ticketing_box(events=6, attendees=12) as box:
        box.faults.add(*(Fault("/attendees$", query=f"id={event}", status=403, times=None) for event in (4101, 4103)))
        result, line = fails(settings(box, "partitioned", max_concurrency=1))
        read = {code for event in (4100, 4102, 4104, 4105) for code in box.ticketing.codes(event)}
        assert set(codes(result)) == read
        assert "2 lists could not be read: attendees (2); e.g. attendees: Fault 403" in line
        assert len(logins(box)) == 2, "one new token shows that it is not the token"


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_expires_later_is_renewed_though_a_list_was_denied(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if more than a minute had passed between the two.
    monkeypatch.setattr("rest_tap.account.FRESH_SECONDS", 0)
    with ticketing_box(events=6, attendees=60) as box:
        box.ticketing.expired_status = status
        box.faults.add(Fault("/attendees$", query="id=4101", status=403, times=None))
        asked: list[str] = []

        def expire(request: Request, _: Sandbox) -> None:
            if request.path.endswith("/attendees") and request.parameter("id") == "4103" and not asked:
                asked.append(request.path)
                box.ticketing.expire_tokens()

        box.on_request(expire)
        result, line = fails(settings(box, "partitioned", max_concurrency=1))
        assert asked
        read = {code for event in box.ticketing.events if event != 4101 for code in box.ticketing.codes(event)}
        assert set(codes(result)) == read
        assert line == "attendees: Fault 403 (/events/attendees, status 403)"
        assert len(logins(box)) == 3


@pytest.mark.parametrize("shape", SHAPES)
def test_an_expired_session_token_ends_the_run_with_one_line_that_names_the_setting(
    shape: str, sandbox: Sandbox, run_command: Run
) -> None:
    sandbox.ticketing.expire_tokens()
    config = settings(sandbox, shape, session_token=sandbox.ticketing.session_token)
    del config["email"], config["password"]
    finished = run_command(config=config, command="tap-ticketing")
    assert finished.code == 1
    (line,) = finished.errors
    assert "session_token" in line
    assert "Invalid or expired token" in line
    assert sandbox.ticketing.session_token not in finished.stderr
    assert "Traceback" not in finished.stderr
    assert len(sandbox.log) == 1


@pytest.mark.parametrize(
    ("given", "what"),
    [
        pytest.param({"password": CANARY}, "look at the settings email and password", id="wrong password"),
        pytest.param({"session_token": CANARY}, "session_token", id="wrong token"),
        pytest.param({"api_url": "http://127.0.0.1:9"}, "look at the setting api_url", id="nobody there"),
        pytest.param({"api_url": "{url}/elsewhere"}, "the login is not there; look at the settings", id="wrong path"),
    ],
)
def test_the_connection_test_tells_what_is_wrong_apart(
    given: Json, what: str, sandbox: Sandbox, run_command: Run
) -> None:
    config = settings(sandbox, **given)
    config["api_url"] = config["api_url"].format(url=sandbox.url)
    if "session_token" in given:
        del config["email"], config["password"]
    finished = run_command("--test", config=config, command="tap-ticketing", environment={DO_NOT_WAIT: "1"})
    assert finished.code == 1
    (line,) = finished.errors
    assert what in line
    assert CANARY not in finished.stdout + finished.stderr
    assert all(message["type"] == "SCHEMA" for message in finished.messages)


# --- a login that fails -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "shape"), [("form", "flat"), ("json", "partitioned")])
def test_a_wrong_password_costs_one_request_and_one_line(
    shape: str, body: str, sandbox: Sandbox, run_command: Run
) -> None:
    """Part A answers 401, Oveit 200 with an error."""
    config = settings(sandbox, shape, password=CANARY, login_body=body)
    finished = run_command(config=config, command="tap-ticketing")
    assert finished.code == 1
    (line,) = finished.errors
    assert "email and password" in line
    assert CANARY not in finished.stdout + finished.stderr
    assert sandbox.email not in finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
    assert len(sandbox.log) == 1
    assert all(message["type"] != "RECORD" for message in finished.messages)
    # Where a first run begins: nowhere yet.
    assert all(message["value"] == {"bookmarks": {}} for message in finished.messages if message["type"] == "STATE")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_wrong_password_costs_one_request_also_where_there_is_a_bookmark(shape: str, sandbox: Sandbox) -> None:
    state = run(settings(sandbox, shape)).states[-1]
    sandbox.clear_log()
    sandbox.ticketing.password = "another one"
    result, _ = fails(settings(sandbox, shape), "attendees", state=state)
    assert len(sandbox.log) == 1
    assert result.states in ([], [state])


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_login_that_is_refused_is_not_tried_again(status: int, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("/login$", status=status, times=None))
    _, line = fails(settings(sandbox))
    assert line == f"login: the login was refused; look at the settings email and password (/v1/login, status {status})"
    assert len(sandbox.log) == 1


def test_a_login_path_that_does_not_exist_is_not_taken_for_a_wrong_password(sandbox: Sandbox) -> None:
    _, line = fails(settings(sandbox, login_path="/nowhere"))
    assert "login: the login is not there; look at the settings api_url and login_path" in line
    assert "/nowhere, status 404" in line
    assert len(sandbox.log) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_login_that_fails_for_a_while_is_tried_again(status: int, sandbox: Sandbox, no_waiting: Waits) -> None:
    sandbox.faults.add(Fault("/login$", status=status, times=2))
    assert len(codes(run(settings(sandbox)))) == 60
    assert len(logins(sandbox)) == 3
    assert no_waiting.seconds == [2.0, 4.0]


@pytest.mark.parametrize("body", ['{"token": ""}', '{"token": null}', '{"error": "Locked"}', "[]", "null", '"ok"'])
def test_a_login_that_is_answered_without_a_token_ends_the_run(body: str, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("/login$", status=200, body=body, times=None))
    _, line = fails(settings(sandbox))
    if "error" in body:
        assert "login: the login was refused; look at the settings email and password (" in line
    else:
        assert "answered without a token; look at the settings email and password, and at login_path" in line
    assert "Locked" not in line
    assert len(sandbox.log) == 1
