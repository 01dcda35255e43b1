"""The errors a run can end with, each one line that says what to look at.

    FatalAPIError (the SDK's)
    └── ApiError            an answer that asking again will not mend
        ├── BrokenAnswer    200, but not what the contract says
        │   └── ErrorAnswer  200, but ``{"error": …}`` instead of rows
        ├── Denied          the credential may not read this list
        ├── NotThere        the server does not know this path or object
        ├── CredentialRefused   the credential itself is not accepted
        └── Unanswered      every retry failed
    StopRun                 the run ends early and in order; not an error of the API

A message never holds a token, a password or a row: it is built from the stream's name,
the path, the status and the API's own detail, cut short and cleared of secrets.
"""

# ruff: noqa: N818 - the names say what is the matter
from __future__ import annotations

from singer_sdk.exceptions import FatalAPIError


class ApiError(FatalAPIError):
    """An answer that asking again will not mend.

    Attributes:
        stream: Name of the stream that was read.
        path: Path of the request below ``api_url``, without credentials.
        status: HTTP status, or None where there was no answer.
    """

    def __init__(
        self,
        reason: str,
        *,
        stream: str = "",
        path: str = "",
        status: int | None = None,
    ) -> None:
        """Build the one line: ``stream: reason (path, status)``."""
        where = ", ".join(part for part in (path, f"status {status}" if status else "") if part)
        line = f"{stream}: {reason}" if stream else reason
        super().__init__(f"{line} ({where})" if where else line)
        self.reason = reason
        self.stream = stream
        self.path = path
        self.status = status


class BrokenAnswer(ApiError):
    """The answer came with a good status but is not what the contract says."""


class ErrorAnswer(BrokenAnswer):
    """The API says that something is wrong, though with a good status."""


class Denied(ApiError):
    """The credential is accepted, but may not read this list."""


class NotThere(ApiError):
    """The server does not know this path (an older version), or the object is gone.

    Attributes:
        is_unknown_path: The answer was a web page: it is the path that the server does not
            know, and not an object below it.
    """

    is_unknown_path = False


class CredentialRefused(ApiError):
    """The token, or the e-mail and password, are not accepted."""


class Unanswered(ApiError):
    """No usable answer, however often it was asked."""


class StopRun(Exception):
    """The run ends here, in order: a time budget is spent or a signal came.

    Attributes:
        signum: The signal that asked for it; None for a spent budget.
    """

    def __init__(self, reason: str, signum: int | None = None) -> None:
        """Keep the reason for the closing log line."""
        super().__init__(reason)
        self.signum = signum
