"""One request, asked until it is answered or there is no use in asking.

Everything between a path and decoded JSON: credentials, the one redirect that is
followed, the gate, retries, strict decoding, and errors that say what to look at.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import email.utils
import functools
import logging
import threading
import time
import typing as t
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.utils import requote_uri

from rest_tap.errors import (
    ApiError,
    BrokenAnswer,
    CredentialRefused,
    Denied,
    NotThere,
    Unanswered,
)
from rest_tap.retry import RetryPolicy, seconds_of

if t.TYPE_CHECKING:
    from requests.structures import CaseInsensitiveDict
    from typing_extensions import Unpack

    from rest_tap.auth import Authenticator
    from rest_tap.gate import Gate
    from rest_tap.pagination import Params

logger = logging.getLogger(__name__)

#: Status that the retry policy knows a body by that came whole but is not JSON.
UNREADABLE = 0
#: Connections that fail before any has succeeded say "wrong address" more than "busy".
TRIES_BEFORE_FIRST_ANSWER = 2
DETAIL_LENGTH = 300
CHUNK = 1 << 18

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY = 200, 401, 403, 404, 429
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Reply(t.NamedTuple):
    """A decoded answer.

    Attributes:
        body: The decoded JSON.
        server_time: When the server began to work on it (``X-Page-Generated``, a header
            of pretix, or else ``Date``), as it says itself.
        received: When it arrived here, by this machine's clock, in UTC.
    """

    body: t.Any
    server_time: str | None
    received: str


class _Received(t.NamedTuple):
    """An answer with a good status, as it came."""

    content: bytes
    headers: t.Mapping[str, str]
    received: str
    credential: dict[str, str]


class Facts(t.TypedDict, total=False):
    """What there is to say about a request besides its path and parameters.

    Attributes:
        method: GET, or POST where the list is a POST.
        body: JSON to send.
        form: Form fields to send.
        stream: Name for messages.
        authenticated: Whether to send the credential.
        is_list: Whether the path takes a trailing slash where the server wants them.
        read: Checks the decoded body; may raise :class:`CredentialRefused`, where the API
            says so with a good status, and :class:`BrokenAnswer`.
        final: Statuses that asking again does not mend here.
    """

    method: str
    body: t.Mapping[str, t.Any] | None
    form: t.Mapping[str, str] | None
    stream: str
    authenticated: bool
    is_list: bool
    read: t.Callable[[t.Any], t.Any] | None
    final: frozenset[int]


@dataclasses.dataclass(slots=True)
class _Request:
    """What is asked, however often."""

    path: str
    params: Params | None
    method: str = "GET"
    body: t.Mapping[str, t.Any] | None = None
    form: t.Mapping[str, str] | None = None
    stream: str = ""
    authenticated: bool = True
    is_list: bool = True
    read: t.Callable[[t.Any], t.Any] | None = None
    final: frozenset[int] = frozenset()
    #: Path to ask for instead, after a redirect.
    target: str = ""
    #: Where was asked last.
    url: str = ""

    @property
    def where(self) -> t.Any:
        """Return what an error says about the place."""
        return {"stream": self.stream, "path": self.path}

    def error(self, error: ApiError) -> ApiError:
        """Return an error of the same kind that says the place."""
        return type(error)(error.reason, **self.where)


@dataclasses.dataclass(slots=True)
class _Failure:
    """What came instead of an answer."""

    error: ApiError
    status: int | None = None
    retry_after: str | None = None
    is_refusal: bool = False
    redirect: str = ""


@dataclasses.dataclass(slots=True)
class Tally:
    """What reading one stream has cost."""

    requests: int = 0
    retries: int = 0
    seconds: float = 0.0


def fill_path(template: str, values: t.Mapping[str, t.Any]) -> str:
    """Return a path with each ``{name}`` replaced by its percent-encoded value.

    Raises:
        ApiError: The value ``.`` or ``..`` would name another path: clients and servers
            resolve dots in paths even where they are percent-encoded.
    """
    encoded = {name: quote(str(value), safe="") for name, value in values.items()}
    if any(value in {".", "..", ""} for value in encoded.values()):
        msg = "an identifier is empty or made of dots and cannot stand in a path"
        raise ApiError(msg, path=template)
    return template.format_map(encoded)


class _Session(requests.Session):
    """A session that leaves redirects alone: by itself it would read their bodies, however long."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """Return None: there is none to follow."""
        return


class _Adapter(HTTPAdapter):
    """Connections to one API: which pool they stand in is found out once and not for each request."""

    _pool: t.Any = None

    def get_connection_with_tls_context(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Return the pool of the API's scheme and host, or of the proxy before it."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: t.Any) -> str:
        """Return what stands in the first line of a request."""
        if proxies:
            return super().request_url(request, proxies)
        return "/" + (request.url or "").split("/", 3)[3]

    def close(self) -> None:
        """Close all connections; another request begins with a new pool."""
        self._pool = None
        super().close()


class Asking:
    """A request on its way to an answer, which two threads may bring there in turn.

    One thread lets the answer come; another one, later, decodes it while its bytes are
    about to be used: rows that wait decoded take ten times the room, and have left the
    processor's cache when they are written. Should the bytes turn out not to be an
    answer, it is asked again by who finds out.
    """

    __slots__ = ("_failed", "_received", "_redirected", "_renewed", "_request", "_transport")

    def __init__(self, transport: Transport, request: _Request) -> None:
        """Prepare the request; nothing is sent yet."""
        self._transport = transport
        self._request = request
        self._failed: list[int | None] = []
        self._renewed = self._redirected = False
        self._received: _Received | None = None

    def receive(self) -> _Received:
        """Ask until an answer with a good status has come, and return it undecoded.

        Raises:
            ApiError: There is none; the subclass says why.
        """
        transport, request = self._transport, self._request
        while self._received is None:
            transport.gate.enter()
            credential = transport.auth.headers() if request.authenticated else {}
            with transport.slots:
                outcome = transport.attempt(request, credential)
            if isinstance(outcome, _Received):
                self._received = outcome
            else:
                self._fail(outcome, credential)
        return self._received

    def reply(self) -> Reply:
        """Return the decoded answer.

        Raises:
            ApiError: There is no usable answer; the subclass says why.
        """
        transport, request = self._transport, self._request
        while True:
            received = self.receive()
            outcome = transport.understand(request, received)
            if isinstance(outcome, Reply):
                return outcome
            self._received = None
            self._fail(outcome, received.credential)

    def _fail(self, failure: _Failure, credential: dict[str, str]) -> None:
        """Prepare to ask again, or raise what there is to say."""
        if failure.redirect and not self._redirected:
            self._request.target = failure.redirect
            self._redirected = True
        elif failure.is_refusal and not self._renewed and self._transport.auth.renew(credential):
            self._renewed = True
        else:
            self._failed.append(failure.status)
            self._transport.wait(self._failed, failure, self._request)


class Transport:
    """Asks one API; shared by all streams and threads of a tap."""

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        api_url: str,
        auth: Authenticator,
        gate: Gate,
        *,
        policy: RetryPolicy | None = None,
        user_agent: str = "",
        timeout: float = 60,
        connections: int = 1,
        max_bytes: int = 1 << 28,
        login_refused: frozenset[int] = frozenset({_UNAUTHORIZED}),
        credential_settings: str = "",
    ) -> None:
        """Prepare a session; nothing is sent yet.

        Args:
            api_url: Where paths begin.
            auth: Puts the credential into headers.
            gate: Says when a request may go out.
            policy: Says whether to ask again.
            user_agent: Value of that header.
            timeout: Seconds without a byte after which a connection counts as broken.
            connections: Requests at once, and connections to keep open.
            max_bytes: Decoded size at which a page is refused.
            login_refused: Statuses that say the credential is not valid (any more).
            credential_settings: Names of the settings to look at if it is refused.
        """
        self.api_url = api_url.rstrip("/")
        self.auth = auth
        self.gate = gate
        self.policy = policy or RetryPolicy(
            limits={400: 3, UNREADABLE: 2, None: 6},
        )
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.login_refused = login_refused
        self.credential_settings = credential_settings
        #: Whether this server wants list paths to end with a slash; learnt from a redirect.
        self.trailing_slash = False
        #: What each stream has cost, by name.
        self.tallies: dict[str, Tally] = {}
        self._tally_lock = threading.Lock()
        #: Whoever asks, also the reader itself: no more at once than there are connections.
        self.slots = threading.BoundedSemaphore(connections)
        self._answered = False
        #: The headers of a request that carry the credential of now, checked.
        self._checked: dict[tuple[t.Any, ...], CaseInsensitiveDict[str]] = {}
        self._decoder = msgspec.json.Decoder()
        self._session = _Session()
        self._session.headers.update(
            {
                "User-Agent": user_agent,
                "Accept": "application/json",
                # Texts of the API are translated; errors and labels shall not depend on
                # the machine (docs/pretix.md, "Requests").
                "Accept-Language": "en",
                "Accept-Encoding": "gzip, deflate",
            }
        )
        self._session.mount("http://", _Adapter(pool_maxsize=connections))
        self._session.mount("https://", _Adapter(pool_maxsize=connections))
        # Proxies and certificates of the environment, looked up once and not per request.
        try:
            self._environment = self._session.merge_environment_settings(
                self.api_url, {}, stream=True, verify=None, cert=None
            )
        except ValueError as error:
            raise ApiError(self._unsendable(error)) from None

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def ask(self, path: str, params: Params | None = None, **facts: Unpack[Facts]) -> Reply:
        """Return the decoded answer to a request.

        Args:
            path: Path below ``api_url``, percent-encoded.
            params: Query parameters.
            facts: What else there is to say; see :class:`Facts`.

        Raises:
            ApiError: There is no usable answer; the subclass says why.
        """
        return self.asking(path, params, **facts).reply()

    def asking(self, path: str, params: Params | None = None, **facts: Unpack[Facts]) -> Asking:
        """Return such a request before it is sent."""
        return Asking(self, _Request(path, params, **facts))

    def wait(self, failed: list[int | None], failure: _Failure, request: _Request) -> None:
        """Wait until it is time to ask again.

        Raises:
            ApiError: It has no use to ask again.
        """
        attempt, alike = len(failed), failed.count(failure.status)
        wait = self.policy.delay(attempt, failure.status, failure.retry_after, alike=alike)
        told = seconds_of(failure.retry_after)
        if told is not None and told > self.policy.longest_wait:
            reason = f"{failure.error.reason}; the server asks to wait {told:.0f} s, which is too long"
            raise type(failure.error)(reason, **request.where, status=failure.status) from None
        hopeless = not self._answered and attempt > TRIES_BEFORE_FIRST_ANSWER
        if wait is None or hopeless or failure.is_refusal or failure.status in request.final:
            raise failure.error from None
        self._count(request, retries=1)
        what = f"status {failure.status}" if failure.status else "a broken answer"
        logger.warning(
            "%s: asking again in %.0f s after %s (%s)",
            request.stream or "login",
            wait,
            what,
            request.path,
        )
        if failure.status == _TOO_MANY:
            self.gate.hold(wait)
        else:
            self.gate.sleep(wait)

    def attempt(self, request: _Request, credential: dict[str, str]) -> _Received | _Failure:
        """Ask once.

        Raises:
            ApiError: The answer is whole, and no other is to be expected.
        """
        started = time.monotonic()
        try:
            response = self._send(request, credential)
            content = self._content(response)
        except _SENDS_NOTHING as error:
            raise ApiError(self._unsendable(error), **request.where) from None
        except requests.RequestException as error:
            reason = f"{_broken(error)}; look at the setting api_url, and at the network"
            return _Failure(Unanswered(reason, stream=request.stream, path=request.path))
        except BrokenAnswer as error:
            raise request.error(error) from None
        finally:
            self._count(request, requests=1, seconds=time.monotonic() - started)
        self._answered = True
        status = response.status_code
        if status == _OK:
            return _Received(content, response.headers, now(), credential)
        if status in _REDIRECTS:
            return _Failure(
                ApiError("redirected more than once", **request.where, status=status),
                status,
                redirect=self._redirect(response, request),
            )
        return _Failure(
            self._failure(response, content, request),
            status,
            response.headers.get("Retry-After"),
            is_refusal=request.authenticated and status in self.login_refused,
        )

    def understand(self, request: _Request, received: _Received) -> Reply | _Failure:
        """Decode an answer and check it.

        Raises:
            ApiError: It came whole, and no other is to be expected.
        """
        try:
            decoded = self._decode(received)
            body = request.read(decoded) if request.read else decoded
        except CredentialRefused as error:
            refused = self._refused(request, _OK, self.clear(error.reason))
            return _Failure(refused, _OK, is_refusal=request.authenticated)
        except BrokenAnswer as error:
            error.reason = self.clear(error.reason)
            broken = request.error(error)
            if error.status != UNREADABLE:
                raise broken from None
            return _Failure(broken, UNREADABLE)
        return Reply(body, _server_time(received.headers), received.received)

    @property
    def sent(self) -> int:
        """Return how many requests were sent."""
        return sum(tally.requests for tally in self.tallies.values())

    def _count(self, request: _Request, *, requests: int = 0, retries: int = 0, seconds: float = 0) -> None:
        with self._tally_lock:
            tally = self.tallies.setdefault(request.stream or "login", Tally())
            tally.requests += requests
            tally.retries += retries
            tally.seconds += seconds

    def _send(self, request: _Request, credential: t.Mapping[str, str]) -> requests.Response:
        origin, base = self._address
        path = request.target or f"{base}{request.path}"
        if request.is_list and self.trailing_slash and not path.endswith("/"):
            path += "/"
        request.url = origin + path
        # By hand, because ``Session.prepare_request`` does for every request what is the same
        # for all: it takes the address apart, checks the headers, looks for a .netrc file.
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = origin + requote_uri(path)
        if request.params:
            prepared.url += f"?{urlencode(request.params, doseq=True)}"
        prepared.headers = self._headers(request.method, credential)
        if request.body or request.form or self._session.cookies:
            prepared.headers = prepared.headers.copy()
            prepared.prepare_cookies(self._session.cookies)
        if request.body or request.form:
            prepared.prepare_body(request.form or {}, None, request.body)
        return self._session.send(prepared, timeout=self.timeout, allow_redirects=False, **self._environment)

    @functools.cached_property
    def _address(self) -> tuple[str, str]:
        """Return scheme and host of ``api_url``, and its path.

        Raises:
            RequestException: It is not an address.
        """
        prepared = requests.Request("GET", self.api_url, auth=_as_it_is).prepare()
        there = urlsplit(prepared.url or "")
        return f"{there.scheme}://{there.netloc}", there.path.rstrip("/")

    def _headers(self, method: str, credential: t.Mapping[str, str]) -> CaseInsensitiveDict[str]:
        """Return the headers of every request with this credential, checked.

        Raises:
            InvalidHeader: They cannot be sent.
        """
        key = (method, *credential.items())
        headers = self._checked.get(key)
        if headers is None:
            given = {**self._session.headers, **credential}
            headers = requests.Request(method, self.api_url, headers=given, auth=_as_it_is).prepare().headers
            # With a new token, the headers with the one before are of no use any more.
            self._checked = {key: headers}
        return headers

    def _content(self, response: requests.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        with response:
            for chunk in response.iter_content(CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > self.max_bytes:
                    msg = (
                        f"the page is larger than {self.max_bytes >> 20} MB; if that is right, "
                        "raise the setting max_page_megabytes"
                    )
                    raise BrokenAnswer(msg)
        return b"".join(chunks)

    def _decode(self, received: _Received) -> t.Any:
        content = received.content
        try:
            return self._decoder.decode(content.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            pass
        if content.lstrip()[:1] == b"<" or "html" in received.headers.get("Content-Type", ""):
            msg = "answered with a web page instead of JSON; look at the setting api_url"
            raise BrokenAnswer(msg)
        error = BrokenAnswer("the answer is not whole or not JSON")
        error.status = UNREADABLE
        raise error

    def _redirect(self, response: requests.Response, request: _Request) -> str:
        """Return the path to ask for instead, without query; learn the trailing slash."""
        here = urlsplit(request.url)
        try:
            there = urlsplit(requests.compat.urljoin(request.url, response.headers.get("Location", "")))
        except ValueError:
            msg = "redirected to something that is no address"
            raise ApiError(msg, **request.where, status=response.status_code) from None
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            msg = (
                f"redirected to {there.scheme}://{there.hostname}; the credential stays with "
                "the host it was given for: set api_url to where the API is"
            )
            raise ApiError(msg, **request.where, status=response.status_code)
        if there.path == f"{here.path}/":
            self.trailing_slash = True
        return there.path or "/"

    def _failure(self, response: requests.Response, content: bytes, request: _Request) -> ApiError:
        """Return the error that a status other than 200 stands for."""
        status = response.status_code
        detail = self.clear(_detail(content))
        if status in self.login_refused:
            return self._refused(request, status, detail)
        kind: type[ApiError] = ApiError
        if status == _FORBIDDEN:
            kind = Denied
        elif status == _NOT_FOUND:
            kind = NotThere
        elif status in self.policy.statuses:
            kind = Unanswered
        what = detail or {
            _FORBIDDEN: "access denied",
            _NOT_FOUND: "not found; look at the setting api_url",
            _TOO_MANY: "too many requests; look at the setting requests_per_minute",
        }.get(status, "refused")
        error = kind(what, **request.where, status=status)
        if isinstance(error, NotThere):
            error.is_unknown_path = not detail
        return error

    def _refused(self, request: _Request, status: int | None, detail: str) -> CredentialRefused:
        return CredentialRefused(
            f"the credential was refused{f' ({detail})' if detail else ''}; "
            f"look at the setting {self.credential_settings}",
            **request.where,
            status=status,
        )

    def _unsendable(self, error: Exception) -> str:
        if isinstance(error, (UnicodeError, requests.exceptions.InvalidHeader)):
            return (
                "a header holds characters that cannot be sent; look at the settings "
                f"user_agent and {self.credential_settings}"
            )
        if isinstance(error, requests.exceptions.InvalidProxyURL):
            return "the proxy that the environment names is not an address"
        return "the setting api_url is not an address"

    def clear(self, text: str) -> str:
        """Return a text without any secret that may have been echoed in it."""
        # Longer ones first: one may be the beginning of another.
        for secret in sorted(self.auth.secrets(), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


#: What fails before anything is sent, and would fail again.
_SENDS_NOTHING = (
    UnicodeError,
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationParseError,
)

#: What may break, from the particular to the general; without the URL and addresses that
#: the exceptions spell out.
_BREAKS: tuple[tuple[type[Exception], str], ...] = (
    (requests.exceptions.SSLError, "the TLS certificate of the server was not accepted"),
    (requests.exceptions.ProxyError, "the proxy did not connect"),
    (requests.Timeout, "no answer in time (setting request_timeout)"),
    (requests.ConnectionError, "the connection failed or broke off"),
    (requests.RequestException, "the answer broke off"),
)


def _broken(error: requests.RequestException) -> str:
    if "NameResolution" in repr(error):
        return "the host name is not known"
    return next(what for kind, what in _BREAKS if isinstance(error, kind))


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing: otherwise requests makes a header of a user in the address, in place of the token."""
    return request


def _detail(content: bytes) -> str:
    """Return the API's own words about an error, on one line and cut short."""
    try:
        body = msgspec.json.decode(content[:CHUNK])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    if isinstance(body, dict):
        body = body.get("detail") or body.get("error") or body
    if isinstance(body, dict):
        text = "; ".join(
            f"{name}: {' '.join(map(str, value)) if isinstance(value, list) else value}" for name, value in body.items()
        )
    elif isinstance(body, list):
        text = " ".join(map(str, body))
    else:
        text = str(body)
    return " ".join(text.split())[:DETAIL_LENGTH]


def _server_time(headers: t.Mapping[str, str]) -> str | None:
    """Return the server's own time, in UTC where it is the ``Date`` of the answer."""
    return headers.get("X-Page-Generated") or _date(headers.get("Date", ""))


@functools.lru_cache(maxsize=16)
def _date(text: str) -> str | None:
    """Return a time of HTTP in ISO 8601; the same one comes with many answers."""
    try:
        date = email.utils.parsedate_to_datetime(text)
        if date.tzinfo is not None:
            date = date.astimezone(dt.timezone.utc).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return f"{date.isoformat()}Z"


def now() -> str:
    """Return the time by this machine's clock, in UTC."""
    return dt.datetime.now(dt.timezone.utc).isoformat()
