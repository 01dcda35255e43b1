"""Requests and replies: plain values, without I/O."""

from __future__ import annotations

import dataclasses
import typing as t
from urllib.parse import quote

from rest_tap.errors import ApiError
from rest_tap.times import http_date_to_utc

#: Query parameters; several values stand for a parameter that is repeated.
Params = t.Mapping[str, str | tuple[str, ...]]

#: The headers of an answer that are used; no others are kept.
KEPT_HEADERS = ("Content-Type", "Date", "Location", "Retry-After", "X-Page-Generated")


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A request to the API; each try sends the same.

    Attributes:
        path: Path below ``api_url``, percent-encoded.
        params: Query parameters.
        method: GET, or POST where the list is a POST.
        json: JSON to send.
        form: Form fields to send.
        stream: Name for messages.
        authenticated: Whether to send the credential.
        is_list: Whether the path takes a trailing slash where the server wants them.
        no_retry: Statuses that are not tried again, whatever the policy says.
        validated_on_decode: Whether only decoding proves that the answer is JSON; whoever decodes it asks again if not.
        is_login: Whether the answer may hold a new credential, so that nothing of it is ever quoted.
        account: Name of the account that asks; empty where there is one.
    """

    path: str
    params: Params | None = None
    method: str = "GET"
    json: t.Mapping[str, t.Any] | None = None
    form: t.Mapping[str, str] | None = None
    stream: str = ""
    authenticated: bool = True
    is_list: bool = True
    no_retry: frozenset[int] = frozenset()
    validated_on_decode: bool = False
    is_login: bool = False
    account: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one try, undecoded.

    Rows that wait decoded take ten times the room, and have left the processor's cache
    when they are written: so bytes wait, and who writes them decodes them
    (:func:`rest_tap.replies.decode`).

    Attributes:
        status: The status of HTTP.
        headers: Those of :data:`KEPT_HEADERS` that came, by these names.
        content: The body, unpacked.
        received: When it arrived here, by this machine's clock, in UTC.
        url: Where was asked, without the query.
        lease: Holds the room in memory that the body takes, as long as there is a reference to it.
    """

    status: int
    headers: t.Mapping[str, str]
    content: bytes
    received: str
    url: str = ""
    lease: object = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def server_time(self) -> str | None:
        """Return when the server began to work on it, as it says itself.

        ``X-Page-Generated`` is a header of pretix; the ``Date`` of others is given in UTC.
        """
        return self.headers.get("X-Page-Generated") or http_date_to_utc(self.headers.get("Date", ""))


def fill_path(template: str, values: t.Mapping[str, t.Any]) -> str:
    """Return a path with each ``{name}`` replaced by its percent-encoded value.

    Raises:
        ApiError: The value ``.`` or ``..`` would name another path: clients and servers
            resolve dots in paths even where they are percent-encoded.
    """
    encoded = {name: quote(str(value), safe="") for name, value in values.items()}
    if any(value in {".", "..", ""} for value in encoded.values()):
        raise ApiError("an identifier is empty or made of dots and cannot stand in a path", path=template)
    return template.format_map(encoded)
