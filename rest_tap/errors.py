"""The errors a run can end with, each one line that says what to look at.

    FatalAPIError (the SDK's)
    └── ApiError            a request that failed, or whose answer cannot be used
        ├── BrokenAnswer    200, but not what the contract says
        │   ├── Unreadable   200, but no JSON, or not all of it
        │   └── ErrorAnswer  200, but ``{"error": …}`` instead of rows
        ├── Forbidden       the credential may not read this list (403)
        ├── NotFound        the server does not know this path or object (404)
        ├── CredentialRefused   the credential itself is not accepted
        ├── Unavailable     no usable answer in any of the tries
        └── ListsFailed     several lists could not be read, all others were
    StopRun                 the run ends early and in order; not an error of the API
    Stopped                 what waited was woken, because the run is over

A message never holds a token, a password or a row: it is built from the stream's name,
the path, the status and the API's own detail, cut short and cleared of secrets.
"""

# ruff: noqa: N818 - the names say what is the matter
from __future__ import annotations

import typing as t

from singer_sdk.exceptions import FatalAPIError


class ApiError(FatalAPIError):
    """A request that failed, or whose answer cannot be used; it is not tried again.

    Attributes:
        stream: Name of the stream that was read.
        path: Path of the request below ``api_url``, without credentials.
        status: HTTP status, or None where there was no answer.
        concerns_all: Whether every other list would meet it as well.
    """

    concerns_all = False

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

    def at(self, stream: str, path: str) -> ApiError:
        """Return an error of the same kind that says where it happened."""
        return type(self)(self.reason, stream=stream, path=path)

    def let_go(self) -> None:
        """Let go of the frames in which it was raised: whoever keeps the error would keep their answers and rows."""
        self.__traceback__ = self.__context__ = self.__cause__ = None


class BrokenAnswer(ApiError):
    """The answer came with a good status but is not what the contract says."""


class Unreadable(BrokenAnswer):
    """The body is no JSON, or not all of it came; another try may bring a better one."""


class ErrorAnswer(BrokenAnswer):
    """The API says that something is wrong, though with a good status."""


class Forbidden(ApiError):
    """The credential is accepted, but may not read this list."""


class NotFound(ApiError):
    """The server does not know this path (an older version), or the object is gone.

    Attributes:
        is_unknown_path: The answer was a web page: it is the path that the server does not
            know, and not an object below it.
    """

    is_unknown_path = False


class CredentialRefused(ApiError):
    """The token, or the e-mail and password, are not accepted."""

    concerns_all = True


class Unavailable(ApiError):
    """The server gave no usable answer in any of the tries: no connection, or a status that may pass.

    Attributes:
        was_connected: The server took the connection, and did not answer on it or broke off: it may answer others.
    """

    was_connected = False


class ListsFailed(ApiError):
    """Several lists could not be read; all others were.

    Attributes:
        lists: How many could not be read, by stream.
    """

    def __init__(self, lists: t.Mapping[str, int], examples: t.Mapping[str, ApiError]) -> None:
        """Build the one line.

        Args:
            lists: How many could not be read, by stream.
            examples: What was wrong with the first of each stream.
        """
        counts = ", ".join(f"{stream} ({count})" for stream, count in lists.items())
        errors = "; ".join(map(str, examples.values()))
        super().__init__(f"{sum(lists.values())} lists could not be read: {counts}; e.g. {errors}")
        self.lists = dict(lists)


class StopRun(Exception):
    """The run ends here, in order: a time budget is spent or a signal came.

    Attributes:
        signum: The signal that asked for it; None for a spent budget.
    """

    def __init__(self, reason: str, signum: int | None = None) -> None:
        """Keep the reason for the closing log line."""
        super().__init__(reason)
        self.signum = signum


class Stopped(Exception):
    """Raised in whatever waits when the run is over; never shown to users."""


# What errors of HTTP say. Texts of a server are cleared of secrets before they get here.

NOT_JSON = "the answer is not whole or not JSON"
UNREADABLE_ANSWER = "an answer that is not whole or not JSON"
WEB_PAGE = "answered with a web page instead of JSON; look at the setting api_url"
HEADERS_TOO_LARGE = "the headers of the answer take more than 1 MB"
DENIED = "access denied"
NOT_FOUND = "not found; look at the setting api_url"
ERROR_STATUS = "the server answered with an error"
UNEXPECTED_STATUS = "answered with a status that is not 200; what came with it is not used"
REDIRECTED_AGAIN = "redirected more than once"
REDIRECTED_NOWHERE = "redirected to an invalid address"
BAD_ADDRESS = "the setting api_url is not an address"
BAD_PROXY = "the proxy that the environment names (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) is not an address"
SOCKS_PROXY = "the environment names a SOCKS proxy, for which the package PySocks has to be installed"


def redirected_elsewhere(where: str) -> str:
    """Return the message about a redirect to another scheme, host or port."""
    return (
        f"redirected to {where}; the credential stays with the host it was given for: set api_url to where the API is"
    )


def credential_refused(settings: str, detail: str) -> str:
    """Return the message about a refused credential, with the API's own words if there are any."""
    return f"the credential was refused{f' ({detail})' if detail else ''}; look at the setting {settings}"


def bad_header(settings: str) -> str:
    """Return the message about a header that cannot be sent."""
    return f"a header holds characters that cannot be sent; look at the settings user_agent and {settings}"


def page_too_large(megabytes: int) -> str:
    """Return the message about a page that is larger than the settings allow."""
    return f"the page takes more than {megabytes} MB of memory; if that is right, raise the setting max_page_megabytes"
