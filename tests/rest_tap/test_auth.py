"""How a request shows who asks: tokens for good, and logins of which one serves a whole run."""

from __future__ import annotations

import threading
import time
import typing as t

import pytest

from rest_tap.auth import Authenticator, HeaderToken, SessionLogin
from rest_tap.errors import CredentialRefused

if t.TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("header", "prefix", "sent"),
    [
        pytest.param("api_key", "", "s3cret", id="the token alone"),
        pytest.param("Authorization", "Token ", "Token s3cret", id="a word before it"),
    ],
)
def test_a_header_token_is_sent_as_the_settings_say(header: str, prefix: str, sent: str) -> None:
    auth: Authenticator = HeaderToken(header, prefix, "s3cret")
    assert auth.headers() == {header: sent}
    assert list(auth.secrets()) == ["s3cret"]


def test_a_header_token_cannot_be_renewed() -> None:
    auth = HeaderToken("api_key", "", "s3cret")
    assert auth.renew(auth.headers()) is False


class Service:
    """Exchanges credentials for tokens, slowly, and counts."""

    def __init__(self) -> None:
        self.logins = 0

    def login(self) -> str:
        self.logins += 1
        time.sleep(0.05)
        return f"token-{self.logins}"


def at_once(count: int, work: Callable[[], object]) -> list[object]:
    """Let many threads do the same at the same time; return results, and errors in their place."""
    barrier, results = threading.Barrier(count), list[object]()

    def run() -> None:
        barrier.wait()
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - looked at by the test
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_nobody_logs_in_before_a_request_needs_it() -> None:
    service = Service()
    SessionLogin(service.login, None, "password")
    assert service.logins == 0


def test_many_threads_that_need_the_first_token_cause_one_login() -> None:
    service = Service()
    auth = SessionLogin(service.login, None, "password")
    assert at_once(16, auth.headers) == [{"Authorization": "Bearer token-1"}] * 16
    assert service.logins == 1


def test_many_threads_that_find_the_token_expired_at_once_cause_one_login() -> None:
    service = Service()
    auth = SessionLogin(service.login, None, "password")
    refused = auth.headers()
    assert at_once(16, lambda: auth.renew(refused)) == [True] * 16
    assert service.logins == 2
    assert auth.headers() == {"Authorization": "Bearer token-2"}


def test_headers_asked_for_while_another_thread_logs_in_are_the_new_ones() -> None:
    service = Service()
    auth = SessionLogin(service.login, None, "password")
    refused = auth.headers()
    renewing = threading.Thread(target=auth.renew, args=(refused,))
    renewing.start()
    time.sleep(0.02)
    assert auth.headers() == {"Authorization": "Bearer token-2"}
    renewing.join()


def test_a_refused_login_is_not_tried_again_by_the_others() -> None:
    tries, error = [], CredentialRefused("wrong")

    def login() -> str:
        tries.append(1)
        time.sleep(0.05)
        raise error

    auth = SessionLogin(login, None, "password")
    assert at_once(16, auth.headers) == [error] * 16
    assert len(tries) == 1


def test_a_given_token_is_used_first_and_cannot_be_renewed_without_a_login() -> None:
    auth = SessionLogin(None, "given")
    assert auth.headers() == {"Authorization": "Bearer given"}
    assert auth.renew(auth.headers()) is False


def test_a_given_token_is_renewed_where_there_is_a_login() -> None:
    service = Service()
    auth = SessionLogin(service.login, "given", "password")
    assert auth.headers() == {"Authorization": "Bearer given"}
    assert service.logins == 0
    assert auth.renew(auth.headers()) is True
    assert auth.headers() == {"Authorization": "Bearer token-1"}


def test_every_token_of_the_run_stays_a_secret() -> None:
    service = Service()
    auth = SessionLogin(service.login, "given", "password", "")
    auth.renew(auth.headers())
    auth.renew(auth.headers())
    assert set(auth.secrets()) == {"given", "password", "token-1", "token-2"}
