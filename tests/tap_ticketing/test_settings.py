"""Every setting of tap-ticketing but the login, and what is said of a wrong one."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from singer_sdk.exceptions import ConfigValidationError

from sandbox import Fault, Sandbox
from tests.support.ticketing import (
    OVEIT,
    SHAPES,
    codes,
    every_code,
    fails,
    lists,
    run,
    settings,
)

if t.TYPE_CHECKING:
    from tests.conftest import Json, Waits

both_shapes = pytest.mark.parametrize("shape", SHAPES)


@pytest.mark.parametrize("slash", ["/", ""])
def test_the_paths_are_settings(slash: str, sandbox: Sandbox) -> None:
    preset = {name: slash + value.lstrip("/") for name, value in OVEIT.items() if name.endswith("_path")}
    result = run(settings(sandbox, "partitioned", **preset, api_url=sandbox.oveit_url + "/"))
    assert len(codes(result)) == 60
    assert {request.path for request in sandbox.log} == {f"/oveit/api/{path.lstrip('/')}" for path in preset.values()}


def test_the_preset_for_oveit_reads_as_the_tests_do(sandbox: Sandbox) -> None:
    meltano = yaml.safe_load((Path(__file__).parents[2] / "meltano.yml").read_text(encoding="utf-8"))
    (preset,) = [entry for entry in meltano["plugins"]["extractors"] if entry["name"] == "tap-oveit"]
    assert preset["inherit_from"] == "tap-ticketing"
    assert preset["config"] == {
        "api_url": "https://l.oveit.com/api",
        "service": "oveit",
        "emit_activate_version_messages": True,
    }
    credentials = {"email": sandbox.email, "password": sandbox.password}
    result = run({**preset["config"], "api_url": sandbox.oveit_url, **credentials})
    assert codes(result) == every_code(sandbox, "partitioned")


@pytest.mark.parametrize("parameter", [None, "event"])
def test_the_event_is_asked_for_in_a_parameter_of_any_name(parameter: str | None, sandbox: Sandbox) -> None:
    sandbox.ticketing.event_parameter = parameter or "id"
    more = {"event_parameter": parameter} if parameter else {}
    result = run(settings(sandbox, "partitioned", **more))
    assert len(codes(result)) == 60
    asked = {request.parameter(parameter or "id") for request in lists(sandbox)}
    assert asked == {str(event) for event in sandbox.ticketing.events}


def test_a_neutral_service_can_be_read_event_by_event_and_oveits_shape_has_to_be(sandbox: Sandbox) -> None:
    result = run(settings(sandbox, "flat", partition_by_event=True))
    assert codes(result) == every_code(sandbox, "partitioned")
    _, line = fails(settings(sandbox, "partitioned", partition_by_event=False))
    assert "attendees: the API answered with an error: Missing parameter: id; look at the setting partition" in line


@pytest.mark.parametrize("agent", [None, "acme-etl/3"])
def test_requests_say_who_asks_and_in_which_language(agent: str | None, sandbox: Sandbox) -> None:
    run(settings(sandbox, **({"user_agent": agent} if agent else {})))
    agents = {request.headers["user-agent"] for request in sandbox.log}
    assert len(agents) == 1
    assert agents.pop().startswith(agent or "tap-ticketing/")
    assert {request.headers["accept-language"] for request in sandbox.log} == {"en"}


def test_a_server_that_does_not_answer_is_given_up_after_the_request_timeout(
    sandbox: Sandbox, no_waiting: Waits
) -> None:
    sandbox.faults.add(Fault("/tickets$", "timeout", seconds=5))
    result = run(settings(sandbox, request_timeout=1), "tickets")
    assert len(result.records["tickets"]) == 60
    assert no_waiting.seconds == [2.0]
    assert len(lists(sandbox, "tickets")) == 2


def test_requests_are_spread_over_the_minute(sandbox: Sandbox, no_waiting: Waits) -> None:
    run(settings(sandbox, "partitioned", requests_per_minute=60, max_concurrency=1), "tickets")
    assert len(sandbox.log) == 6
    assert 4.5 < sum(no_waiting.seconds) < 5.5


def test_a_page_beyond_the_limit_is_refused_with_the_setting_named(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("/tickets$", "huge_string", n=1_100_000, times=None))
    _, line = fails(settings(sandbox, max_page_megabytes=1))
    assert "tickets: the page takes more than 1 MB of memory; if that is right, raise the setting max_page" in line
    assert len(run(settings(sandbox, max_page_megabytes=3)).records["tickets"]) == 60


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"api_url": "api.example.com"}, "api_url"),
        ({"login_body": "xml"}, "login_body"),
        ({"follow_ended_events_days": -1}, "follow_ended_events_days"),
        ({"partition_by_event": "maybe"}, "partition_by_event"),
        ({"max_concurrency": 0}, "max_concurrency"),
        ({"request_timeout": "soon"}, "request_timeout"),
    ],
)
def test_a_setting_that_is_wrong_is_named_before_the_first_request(wrong: Json, named: str, sandbox: Sandbox) -> None:
    with pytest.raises(ConfigValidationError) as raised:
        run({**settings(sandbox, password="canary-7e57"), **wrong})
    assert named in f"{raised.value} {raised.value.errors}"
    assert "canary-7e57" not in f"{raised.value} {raised.value.errors}"
    assert sandbox.log == []


def test_api_url_is_required() -> None:
    with pytest.raises(ConfigValidationError) as raised:
        run({"email": "a@example.com", "password": "canary-7e57"})
    assert "api_url" in f"{raised.value} {raised.value.errors}"
    assert "canary-7e57" not in f"{raised.value} {raised.value.errors}"


@both_shapes
def test_no_other_path_is_ever_asked_and_everything_is_a_post(shape: str, sandbox: Sandbox) -> None:
    run(settings(sandbox, shape))
    assert {request.method for request in sandbox.log} == {"POST"}
    names = {request.path.rpartition("/")[2] for request in sandbox.log}
    assert names == {"login", "events", "attendees", "tickets"}
    parameters = {name for request in sandbox.log for name in request.query}
    assert parameters == ({"since"} if shape == "flat" else {"since", "id"})
