"""Access tokens of pretix's OAuth, which last a day, made with a refresh token, which lasts.

pretix gives the same refresh token again with each use, so it can stand in the settings for good. The
access token that was made before ends with it (docs/pretix.md, "OAuth").
"""

from __future__ import annotations

import logging
import typing as t

import msgspec

from rest_tap.errors import ApiError, BrokenAnswer, CredentialRefused, credential_refused
from rest_tap.request import Request
from rest_tap.retry import refuses_login

if t.TYPE_CHECKING:
    from rest_tap.http import Client

logger = logging.getLogger(__name__)

#: Path below ``api_url``; it has no slash at its end.
PATH = "/oauth/token"
#: The settings that it takes, all of them.
SETTINGS = ("client_id", "client_secret", "refresh_token")

_BAD_REQUEST = 400


def access_token(http: Client, account: str, config: t.Mapping[str, t.Any]) -> str:
    """Return a new access token.

    Args:
        http: What sends the request.
        account: Name of the account whose limit it counts against.
        config: The settings.

    Raises:
        CredentialRefused: Application or refresh token are not accepted, or the answer holds no token.
        ApiError: There is no answer.
    """
    form = {"grant_type": "refresh_token", **{name: str(config[name]).strip() for name in SETTINGS}}
    request = Request(
        PATH,
        method="POST",
        form=form,
        stream="login",
        authenticated=False,
        is_list=False,
        no_retry=frozenset({_BAD_REQUEST}),
        is_login=True,
        account=account,
    )
    try:
        token: _Tokens = http.parse(request, http.fetch(request), _read)
    except ApiError as error:
        if not refuses_login(error) and not isinstance(error, BrokenAnswer):
            raise
        # Whatever it is, asking once more for each list would not mend it.
        said = error.reason if isinstance(error, BrokenAnswer) else ""
        reason = credential_refused(" and ".join(SETTINGS), said)
        raise CredentialRefused(reason, stream="login", path=PATH, status=error.status) from None
    if token.refresh_token not in {None, form["refresh_token"]}:
        logger.warning(
            "the server has made a new refresh token in place of the one in the settings, which a tap cannot keep: "
            "the next run will be refused; use an api_token with this server"
        )
    return token.access_token


class _Tokens(msgspec.Struct):
    """What the server answers, as far as it matters here."""

    access_token: str
    refresh_token: str | None = None


def _read(body: t.Any) -> _Tokens:
    try:
        return msgspec.convert(body, _Tokens)
    except msgspec.ValidationError:
        raise BrokenAnswer("the answer has no access token") from None
