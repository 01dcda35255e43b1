"""An account of an API: its credential and its rate limit."""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from rest_tap.auth import Authenticator
    from rest_tap.limiter import RateLimiter


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Account:
    """A credential, and the rate limit that holds for it alone.

    Attributes:
        auth: Puts the credential into headers.
        limiter: Says when a request may go out.
        name: What requests name it by; empty where there is one.
        settings: Names of the settings to look at if the credential is refused.
    """

    auth: Authenticator
    limiter: RateLimiter
    name: str = ""
    settings: str = ""
