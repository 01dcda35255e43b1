"""An account of an API: its credential, its rate limit, and the streams whose lists it was denied lately."""

from __future__ import annotations

import dataclasses
import math
import time
import typing as t

if t.TYPE_CHECKING:
    from rest_tap.auth import Authenticator
    from rest_tap.limiter import RateLimiter


#: Seconds in which a new credential does not expire.
FRESH_SECONDS = 60.0


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
    _forbidden: dict[str, float] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def note_forbidden(self, stream: str) -> None:
        """Take note that a new credential may not read a list of this stream."""
        self._forbidden[stream] = time.monotonic()

    def is_forbidden(self, stream: str) -> bool:
        """Return whether a 403 for a list of this stream is about the list, and not about an expired credential.

        It is, shortly after a new credential was answered so. Later, the credential may have expired.
        """
        return time.monotonic() - self._forbidden.get(stream, -math.inf) < FRESH_SECONDS
