"""Credentials of requests: plain values in, headers out."""

from __future__ import annotations

import threading
import typing as t

from rest_tap.errors import CredentialRefused


class Authenticator(t.Protocol):
    """What a client needs to know about credentials."""

    def headers(self) -> dict[str, str]:
        """Return the headers that carry the credential now."""
        ...

    def renew(self, refused: dict[str, str]) -> bool:
        """Try to get a new credential after these headers were refused.

        Returns:
            Whether the request is worth repeating with what :meth:`headers` gives now.
        """
        ...

    def secrets(self) -> t.Iterable[str]:
        """Return every value that must not be seen in a message."""
        ...


class HeaderToken:
    """A token in a request header, which never changes: ``Authorization: Token …``, ``api_key: …``."""

    def __init__(self, header: str, prefix: str, token: str) -> None:
        """Take the header's name, the word before the token, and the token."""
        self._headers = {header: f"{prefix}{token}"}
        self._token = token

    def headers(self) -> dict[str, str]:
        """Return the one header."""
        return self._headers

    def renew(self, refused: dict[str, str]) -> bool:  # noqa: ARG002
        """Return False: a fixed token cannot be renewed."""
        return False

    def secrets(self) -> t.Iterable[str]:
        """Return the token."""
        return (self._token,)


class SessionLogin:
    """A session token as ``Authorization: Bearer …``, got by logging in when needed.

    One login serves the whole run: requests that find the token expired at the same
    time wait for the one that renews it, and take its result. A login that was refused is
    not tried again: accounts get locked by that.
    """

    def __init__(self, login: t.Callable[[], str] | None, token: str | None, *secrets: str) -> None:
        """Take what logs in, or a token, or both.

        Args:
            login: Exchanges the credentials for a new token; None where only a token
                was given, which then cannot be renewed.
            token: A token that the user already has.
            secrets: Other values to keep out of messages.
        """
        self._login = login
        self._token = token
        self._secrets = {secret for secret in (*secrets, token) if secret}
        self._lock = threading.Lock()
        self._refusal: CredentialRefused | None = None

    def headers(self) -> dict[str, str]:
        """Return the header; logs in first if there is no token yet."""
        with self._lock:
            if self._token is None and self._login is not None:
                self._renew(self._login)
            return {"Authorization": f"Bearer {self._token}"}

    def renew(self, refused: dict[str, str]) -> bool:
        """Log in again, unless another request has done so since these headers were made."""
        with self._lock:
            if refused.get("Authorization") != f"Bearer {self._token}":
                return True
            if self._login is None:
                return False
            self._renew(self._login)
            return True

    def _renew(self, login: t.Callable[[], str]) -> None:
        if self._refusal is not None:
            raise self._refusal
        try:
            self._token = login()
        except CredentialRefused as error:
            self._refusal = error
            raise
        self._secrets.add(self._token)

    def secrets(self) -> t.Iterable[str]:
        """Return the password, and every token of this run."""
        return tuple(self._secrets)
