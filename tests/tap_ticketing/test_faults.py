"""Under faults: all rows, or one line and an exit status that is not 0; never a secret, never a false STATE."""

from __future__ import annotations

import dataclasses
import itertools
import json
import typing as t

import pytest

from rest_tap.errors import ApiError, BrokenAnswer, ErrorAnswer, ListsFailed
from sandbox import Fault, Request, Sandbox
from tests.support.ticketing import SHAPES, bookmarks, codes, fails, lists, logins, run, settings, ticketing_box

if t.TYPE_CHECKING:
    from tests.conftest import Json, Run, Waits

both_shapes = pytest.mark.parametrize("shape", SHAPES)
LISTS = ("events", "attendees", "tickets")


# --- an error that looks like an answer ---------------------------------------------------------------------------


@both_shapes
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "body",
    [
        '{"error": "Something went wrong"}',
        '{"error": "Something went wrong", "events": [], "attendees": [], "tickets": []}',
    ],
    ids=["alone", "beside empty lists"],
)
def test_an_error_with_status_200_is_never_an_empty_page(name: str, body: str, shape: str, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(f"/{name}$", status=200, body=body, times=None))
    result, line = fails(settings(sandbox, shape))
    count = 1 if shape == "flat" or name == "events" else len(sandbox.ticketing.events)
    assert isinstance(result.error, ErrorAnswer if count == 1 else ListsFailed)
    start = "" if count == 1 else f"{count} lists could not be read: {name} ({count}); e.g. "
    assert line.startswith(f"{start}{name}: the API answered with an error: Something went wrong (/")
    assert result.records[name] == []
    assert bookmarks(result.states[-1] if result.states else {"bookmarks": {}}, name) is None or name == "events"


@pytest.mark.parametrize(
    "body",
    ["null", "[]", "17", '"none"', "{}", '{"attendees": null}', '{"attendees": {}}', '{"attendees": [null]}'],
)
def test_what_is_not_a_page_is_never_an_empty_page(body: str, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("/attendees$", status=200, body=body, times=None))
    result, line = fails(settings(sandbox))
    assert isinstance(result.error, BrokenAnswer)
    assert line.startswith("attendees: ")
    assert result.records["attendees"] == []


@pytest.mark.parametrize(("name", "key"), [("events", "id"), ("attendees", "id"), ("tickets", "code")])
@pytest.mark.parametrize("row", [{}, {"id": None, "code": None, "ticket_code": "T1"}])
def test_a_row_without_its_key_is_an_error(name: str, key: str, row: Json, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(f"/{name}$", status=200, body=json.dumps({name: [row]}), times=None))
    _, line = fails(settings(sandbox))
    assert f"{name}: a row has no {key} (" in line


@both_shapes
def test_an_error_in_the_middle_of_a_list_loses_nothing(shape: str) -> None:
    with ticketing_box(events=1, attendees=160) as box:
        box.faults.add(Fault("/attendees$", "error_200", after=2))
        first, line = fails(settings(box, shape))
        assert "Something went wrong" in line
        assert codes(first) == box.ticketing.codes()[:100]
        second = run(settings(box, shape), state=first.states[-1])
        assert codes(second) == box.ticketing.codes()[100:]


# --- an answer that does not come ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault("", status=status, times=2, after=1) for status in (429, 503)),
        Fault("", "reset_before", times=2, after=1),
        Fault("", "reset_mid_body", times=2, after=1),
        Fault("", "truncated_json", times=2, after=1),
        Fault("", "truncated_gzip", times=2, after=1),
        Fault("", "wrong_content_length", times=2, after=1),
        Fault("", "bad_utf8", times=2, after=1),
        Fault("", "close_after", times=3, after=1),
        Fault("", "bom", times=None, after=1),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}" if fault.status else str(fault.kind),
)
def test_what_passes_is_asked_for_again(fault: Fault, no_waiting: Waits) -> None:
    fault = dataclasses.replace(fault)
    with ticketing_box(events=2, attendees=60) as box:
        box.faults.add(fault)
        result = run(settings(box, max_concurrency=1))
        assert codes(result) == box.ticketing.codes()
        assert len(result.records["tickets"]) == 60
        assert fault.fired >= 2
        assert all(seconds in {2.0, 4.0} for seconds in no_waiting.seconds)
        assert len(logins(box)) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_does_not_pass_ends_the_run_after_waits_that_double(
    status: int, sandbox: Sandbox, no_waiting: Waits
) -> None:
    sandbox.faults.add(Fault("/attendees$", status=status, times=None))
    _, line = fails(settings(sandbox, max_concurrency=1))
    assert line.startswith("attendees: ")
    assert f"status {status}" in line
    assert no_waiting.seconds == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
    assert len(lists(sandbox)) == 7


@pytest.mark.parametrize("status", [400, 404, 405, 409, 418])
def test_other_statuses_end_the_run_at_once(status: int, sandbox: Sandbox, no_waiting: Waits) -> None:
    sandbox.faults.add(Fault("/attendees$", status=status, times=None))
    _, line = fails(settings(sandbox))
    assert f"Fault {status}" in line
    assert no_waiting.seconds == []
    assert len(lists(sandbox)) == 1


def test_retry_after_wins_over_the_backoff(sandbox: Sandbox, no_waiting: Waits) -> None:
    sandbox.faults.add(Fault("/attendees$", status=503, headers={"Retry-After": "7"}))
    assert len(codes(run(settings(sandbox)))) == 60
    assert no_waiting.seconds == [7.0]


def test_a_retry_after_of_a_day_ends_the_run_instead(sandbox: Sandbox, no_waiting: Waits) -> None:
    sandbox.faults.add(Fault("/attendees$", status=429, headers={"Retry-After": "86400"}, times=None))
    _, line = fails(settings(sandbox))
    assert "status 429" in line
    assert no_waiting.seconds == []


def test_a_server_that_is_not_there_is_said_in_one_line_before_long(no_waiting: Waits) -> None:
    with ticketing_box() as box:
        config = settings(box)
    _, line = fails(config)
    assert line == ("login: the connection was refused; look at the setting api_url, and at the network (/v1/login)")
    assert no_waiting.seconds == [2.0, 4.0]


def test_after_a_broken_connection_the_bookmark_stays(sandbox: Sandbox, no_waiting: Waits) -> None:
    state = run(settings(sandbox), "attendees").states[-1]
    sandbox.clear_log()
    sandbox.faults.add(Fault("/attendees$", "reset_before", times=None))
    result, _ = fails(settings(sandbox), "attendees", state=state)
    assert result.states in ([], [state])
    assert {request.parameter("since") for request in lists(sandbox)} == {sandbox.ticketing.codes()[-1]}
    assert len(no_waiting.seconds) == 6


@both_shapes
def test_a_redirect_to_another_host_gets_no_credential(shape: str, sandbox: Sandbox) -> None:
    with ticketing_box() as stranger:
        sandbox.faults.add(Fault("", "redirect", status=307, url=stranger.url + "/ticketing/v1/events", times=None))
        _, line = fails(settings(sandbox, shape))
        assert "redirected to http://127.0.0.1" in line
        assert stranger.log == []


# --- chance -------------------------------------------------------------------------------------------------------


@both_shapes
@pytest.mark.parametrize("seed", range(3))
def test_runs_that_fail_by_chance_add_up_to_everything(seed: int, shape: str, no_waiting: Waits) -> None:
    """However often it breaks: runs from the last STATE on, until one comes to its end."""
    kinds = ("status", "reset_mid_body", "truncated_json", "error_200", "html", "no_results", "null")
    with ticketing_box(events=4, attendees=100) as box:
        box.ticketing.page_size = 5
        box.ticketing.overlap = seed % 3
        box.faults.add(
            *(
                Fault("/attendees$", kind, probability=0.03, times=None, seed=seed * 10 + n)
                for n, kind in enumerate(kinds)
            )
        )
        config = settings(box, shape, max_concurrency=1 + seed)
        seen: list[str] = []
        state: Json | None = None
        for _ in range(200):
            result = run(config, "attendees", state=state, may_fail=ApiError)
            seen += codes(result)
            state = result.states[-1] if result.states else state
            if result.error is None:
                break
        assert result.error is None
        assert set(seen) == set(box.ticketing.codes())
        assert set(no_waiting.seconds) <= {2.0, 4.0, 8.0}


# --- secrets ------------------------------------------------------------------------------------------------------


CANARY = 'canary-7e57"&ä=0b5e'


def assert_hidden(secrets: t.Iterable[str], box: Sandbox, *texts: str) -> None:
    """Check that no secret is in a text, or in any address that was asked."""
    asked = [f"{request.path}?{request.query_string}" for request in box.log]
    for secret in secrets:
        forms = {secret, json.dumps(secret)[1:-1], secret.replace("&", "%26")}
        for text in (*texts, *asked):
            assert not [form for form in forms if form in text]


DEBUG = {"TAP_TICKETING_LOGLEVEL": "DEBUG", "LOGLEVEL": "DEBUG"}


@pytest.mark.parametrize(("body", "shape"), [("form", "flat"), ("json", "partitioned")])
def test_password_and_tokens_are_nowhere_though_everything_is_logged(body: str, shape: str, run_command: Run) -> None:
    with ticketing_box(attendees=120) as box:
        box.ticketing.password = CANARY
        pages = itertools.count(1)

        def expire(request: Request, _: Sandbox) -> None:
            if request.path.endswith("/attendees") and next(pages) == 3:
                box.ticketing.expire_tokens()

        box.on_request(expire)
        config = settings(box, shape, password=CANARY, login_body=body)
        finished = run_command(config=config, command="tap-ticketing", environment=DEBUG)
        assert finished.code == 0, finished.stderr
        assert "DEBUG" in finished.stderr
        assert len(logins(box)) >= 2
        assert len(box.ticketing.sessions) >= 3
        assert_hidden({CANARY, *box.ticketing.sessions}, box, finished.stdout, finished.stderr)
        assert any(message["type"] == "STATE" for message in finished.messages)


@pytest.mark.parametrize(("credentials", "shape"), [("login", "partitioned"), ("session_token", "flat")])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("", status=400, times=None, after=2),
        Fault("/login$", status=400, body="echo", times=None),
        Fault("/login$", status=200, body="echo", times=None),
        Fault("/attendees$", status=400, body="echo", times=None),
        Fault("/attendees$", status=200, body="echo", times=None),
        Fault("/attendees$", status=403, body="echo", times=None),
        Fault("/attendees$", "html", times=None),
        Fault("/attendees$", "truncated_json", times=None),
        Fault("/attendees$", "deep_nesting", times=None),
        Fault("/attendees$", "redirect", url="http://localhost:9/", times=None),
    ],
    ids=lambda fault: f"{fault.kind} {fault.path} {fault.status or ''}".strip(),
)
def test_no_failure_shows_a_secret(
    fault: Fault,
    credentials: str,
    shape: str,
    sandbox: Sandbox,
    caplog: pytest.LogCaptureFixture,
    no_waiting: Waits,
) -> None:
    """Some answers echo what they were sent."""
    caplog.set_level("DEBUG")
    fault = dataclasses.replace(fault)
    config = settings(sandbox, shape, password="canary-7e57-0b5e")
    sandbox.ticketing.password = config["password"]
    if credentials == "session_token":
        config = {**config, "email": None, "password": None, "session_token": sandbox.ticketing.session_token}
        if fault.path == "/login$":
            sandbox.ticketing.expire_tokens()
    if fault.body == "echo":

        def echo(request: Request, _: Sandbox) -> None:
            sent = [request.headers.get("authorization"), request.body.decode()]
            fault.body = json.dumps({"error": f"Not so: {sent}"})

        sandbox.on_request(echo)
    sandbox.faults.add(fault)
    result, line = fails(config)
    texts, error = [result.output.decode(), line, caplog.text], result.error
    while error is not None:
        texts.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    assert_hidden({"canary-7e57-0b5e", *sandbox.ticketing.sessions}, sandbox, *texts)
    assert set(no_waiting.seconds) <= {2.0, 4.0}
