"""A refresh token of OAuth in place of a token, on the sandbox; on a real server in tests/pretix."""

from __future__ import annotations

import typing as t

import pytest

from rest_tap.errors import CredentialRefused
from sandbox import Fault, Sandbox, Scale
from tests.support.command import DO_NOT_WAIT
from tests.support.loading import read, settings

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import Request
    from tests.conftest import Json, Run

SCALE = Scale(organizers=3, events=6, tax_rules=60, orders=100, ticketing_events=1, attendees=1)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox of three organizers."""
    with Sandbox(scale=SCALE) as box:
        yield box


@pytest.fixture
def grant(box: Sandbox) -> Json:
    """Settings of an application that a user has allowed to read two of them."""
    return {"api_token": None, **box.organizers.add_grant(organizers=["riverside", "bigtop"])}


def test_a_refresh_token_reads_what_the_user_has_allowed(box: Sandbox, grant: Json) -> None:
    result = read(box, "events", "orders", **grant)
    assert {row["organizer"] for row in result.records["events"]} == {"riverside", "bigtop"}
    assert len(box.requests("/oauth/token", "POST")) == 1
    assert result.warnings() == []


def test_an_access_token_that_ends_in_the_middle_is_made_anew(box: Sandbox, grant: Json) -> None:
    expired: list[str] = []

    def expire(request: Request, box: Sandbox) -> None:
        if request.path.endswith("/riverside/orders/") and not expired:
            expired.append(request.path)
            box.organizers.expire_access_tokens(grant["refresh_token"])

    box.on_request(expire)
    result = read(box, "events", "orders", **grant)
    assert len(box.requests("/oauth/token", "POST")) == 2
    whole = read(box, "events", "orders", organizers=["riverside", "bigtop"])
    assert result.records["orders"] == whole.records["orders"]


def test_it_is_one_account_among_others(box: Sandbox, grant: Json) -> None:
    other = box.organizers.add_token(organizers=["sommerfest"])
    result = read(box, "events", **{**grant, "api_tokens": [other]})
    assert {row["organizer"] for row in result.records["events"]} == {"riverside", "bigtop", "sommerfest"}
    box.organizers.grants.clear()
    result = read(box, "events", fails=CredentialRefused, **{**grant, "api_tokens": [other]})
    assert {row["organizer"] for row in result.records["events"]} == {"sommerfest"}
    assert "refused: 1 of 2 tokens (refresh_token)" in result.warnings()[-1]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"refresh_token": "x"}, "refused; look at the setting client_id and client_secret", id="token"),
        pytest.param({"client_secret": "x"}, "refused; look at the setting client_id and client_secret", id="secret"),
        pytest.param({"client_secret": ""}, "give all of the settings client_id, client_secret", id="missing"),
    ],
)
def test_what_is_refused_is_told_in_one_line_and_asked_for_once(
    change: Json, error: str, box: Sandbox, grant: Json, run_command: Run
) -> None:
    finished = run_command(config=settings(box, **{**grant, **change}), environment={DO_NOT_WAIT: "1"})
    assert finished.code == 1
    assert len(finished.errors) == 1
    assert error in finished.errors[0]
    assert len(box.requests("/oauth/token", "POST")) <= 1
    assert not any(grant[name] in finished.stderr for name in ("client_id", "client_secret", "refresh_token"))


@pytest.mark.parametrize("kind", ["html", "null", "error_200"])
def test_an_answer_without_a_token_ends_the_run(kind: str, box: Sandbox, grant: Json) -> None:
    box.faults.add(Fault("/oauth/token", kind=kind, times=None))
    result = read(box, "events", fails=CredentialRefused, **grant)
    assert str(result.error).startswith("login: the credential was refused (")
    assert len(box.requests("/oauth/token", "POST")) == 1


def test_neither_the_old_nor_the_new_tokens_are_seen(box: Sandbox, grant: Json, run_command: Run) -> None:
    loud = {"TAP_ORGANIZERS_LOGLEVEL": "DEBUG", DO_NOT_WAIT: "1"}
    box.faults.add(Fault("/events/$", status=500, times=9, body=f'{{"detail": "{grant["refresh_token"]}"}}'))
    finished = run_command(config=settings(box, **grant), environment=loud)
    access = box.organizers.grants[grant["refresh_token"]].access_token
    for hidden in (access, grant["client_id"], grant["client_secret"], grant["refresh_token"]):
        assert hidden
        assert hidden not in finished.stdout + finished.stderr


def test_a_server_that_changes_the_refresh_token_is_warned_of(box: Sandbox, grant: Json) -> None:
    box.organizers.rotates = True
    result = read(box, "events", **grant)
    assert len(result.records["events"]) == 10
    assert "the server has made a new refresh token" in result.warnings()[0]
    assert grant["refresh_token"][::-1] not in "".join(result.lines())
