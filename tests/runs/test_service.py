"""The setting `service`: what it gives to other settings, and what wins."""

from __future__ import annotations

import typing as t

import pytest

from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing

if t.TYPE_CHECKING:
    from rest_tap.tap import RestTap
    from tests.conftest import Json

CREDENTIALS: dict[type[RestTap], Json] = {
    TapOrganizers: {"api_url": "https://api.invalid", "api_token": "t"},
    TapTicketing: {"api_url": "https://api.invalid", "session_token": "t"},
}
GENERIC_HEADER = {"auth_header": "api_key", "auth_prefix": ""}
PRETIX_HEADER = {"auth_header": "Authorization", "auth_prefix": "Token"}
GENERIC_PATHS = {
    "login_path": "/v1/login",
    "events_path": "/v1/events",
    "attendees_path": "/v1/attendees",
    "tickets_path": "/v1/tickets",
    "partition_by_event": False,
}
OVEIT_PATHS = {
    "login_path": "/seller/login",
    "events_path": "/seller/events",
    "attendees_path": "/events/attendees",
    "tickets_path": "/events/tickets",
    "partition_by_event": True,
}

each_tap = pytest.mark.parametrize("tap", CREDENTIALS, ids=lambda tap: str(tap.name))


@pytest.mark.parametrize(
    ("tap", "given", "expected"),
    [
        pytest.param(TapOrganizers, {}, GENERIC_HEADER, id="contract, organizers"),
        pytest.param(TapTicketing, {}, GENERIC_PATHS, id="contract, ticketing"),
        pytest.param(TapOrganizers, {"service": "pretix"}, PRETIX_HEADER, id="pretix"),
        pytest.param(TapTicketing, {"service": "oveit"}, OVEIT_PATHS, id="oveit"),
        pytest.param(
            TapOrganizers,
            {"service": "pretix", "auth_prefix": "Bearer"},
            {**PRETIX_HEADER, "auth_prefix": "Bearer"},
            id="what is given wins",
        ),
        pytest.param(
            TapOrganizers, {"service": "pretix", "auth_prefix": ""}, {"auth_prefix": ""}, id="an empty text is given"
        ),
        pytest.param(
            TapTicketing,
            {"service": "oveit", "partition_by_event": False},
            {**OVEIT_PATHS, "partition_by_event": False},
            id="false is given",
        ),
        pytest.param(
            TapOrganizers,
            {"service": "pretix", "auth_header": None},
            PRETIX_HEADER,
            id="null is not, as Meltano passes it",
        ),
        pytest.param(TapTicketing, {"service": None}, GENERIC_PATHS, id="no service"),
    ],
)
def test_a_service_sets_what_the_settings_do_not(tap: type[RestTap], given: Json, expected: Json) -> None:
    config = tap(config={**CREDENTIALS[tap], **given}).config
    assert {name: config[name] for name in expected} == expected


def test_a_service_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_TICKETING_SERVICE", "oveit")
    monkeypatch.setenv("TAP_TICKETING_EVENTS_PATH", "/mine")
    tap = TapTicketing(config=dict(CREDENTIALS[TapTicketing]), parse_env_config=True)
    expected = {**OVEIT_PATHS, "events_path": "/mine"}
    assert {name: tap.config[name] for name in expected} == expected
    assert "event_id" in tap.streams["tickets"].schema["properties"]


@each_tap
def test_the_settings_of_a_service_have_no_default_that_meltano_would_pass_on(tap: type[RestTap]) -> None:
    settings = tap.config_jsonschema["properties"]
    assert settings["service"]["enum"] == list(tap.services)
    assert settings["service"]["default"] == "generic"
    named = {name for values in tap.services.values() for name in values}
    assert all(values.keys() == named for values in tap.services.values())
    assert {name: settings[name].get("default") for name in named} == dict.fromkeys(named)


@each_tap
def test_streams_are_found_without_any_settings(tap: type[RestTap]) -> None:
    found = tap(validate_config=False)
    assert found.config.keys() >= found.services["generic"].keys()
    assert found.streams
