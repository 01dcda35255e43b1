"""The login: a session token for e-mail and password."""

from __future__ import annotations

import typing as t

from rest_tap.errors import ApiError, CredentialRefused, NotFound
from rest_tap.request import Request
from rest_tap.retry import refuses_login

if t.TYPE_CHECKING:
    from rest_tap.http import Client

#: The settings that it takes.
CREDENTIAL_SETTINGS = "email and password"


def session_token(http: Client, config: t.Mapping[str, t.Any]) -> str:
    """Return a new session token.

    Args:
        http: What sends the request.
        config: The settings.

    Raises:
        CredentialRefused: E-mail or password are wrong; asking again would not help.
        ApiError: The login could not be reached, or answered something else.
    """
    path = f"/{config['login_path'].lstrip('/')}"
    body = {"email": config["email"], "password": config["password"]}
    as_json = config["login_body"] == "json"
    request = Request(
        path,
        method="POST",
        json=body if as_json else None,
        form=None if as_json else body,
        stream="login",
        authenticated=False,
        is_list=False,
        is_login=True,
    )
    refused = f"the login was refused; look at the settings {CREDENTIAL_SETTINGS}"
    try:
        answer = http.parse(request, http.fetch(request))
    except NotFound as error:
        reason = "the login is not there; look at the settings api_url and login_path"
        missing = NotFound(reason, stream="login", path=path, status=error.status)
        missing.concerns_all = True  # without a session token, no list can be read
        raise missing from None
    except ApiError as error:
        if refuses_login(error):
            raise CredentialRefused(refused, stream="login", path=path, status=error.status) from None
        error.concerns_all = True  # likewise
        raise
    token = answer.get("token") if isinstance(answer, dict) else None
    if isinstance(token, str) and token:
        return token
    # Errors come with status 200, too (Oveit: {"error": "…"}); what they say may hold a token.
    is_error = isinstance(answer, dict) and "error" in answer
    settings = f"{CREDENTIAL_SETTINGS}, and at login_path and login_body"
    without = f"the login was answered without a token; look at the settings {settings}"
    raise CredentialRefused(refused if is_error else without, stream="login", path=path)
