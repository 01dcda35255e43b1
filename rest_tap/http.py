"""Requests are sent here and nowhere else, and repeated until they are answered.

:class:`Client` brings together what each decides for itself: the rate limiter of an account
when a request may go out, its credential what it carries, :mod:`rest_tap.replies` what an
answer means, the retry policy whether to ask again. Only this module and
:mod:`rest_tap.transport` know the library ``requests``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import http.client
import ipaddress
import logging
import math
import threading
import time
import typing as t
import zlib
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.utils import default_headers, requote_uri, select_proxy

from rest_tap import errors
from rest_tap.budget import Budget, Lease
from rest_tap.connection import PROXY_PASSWORD, explain
from rest_tap.cookies import SessionCookies
from rest_tap.errors import ApiError, BrokenAnswer, Forbidden, Unavailable
from rest_tap.limiter import RateLimiter
from rest_tap.redact import Redactor, clear_logs
from rest_tap.replies import DETAIL_LENGTH, Rules, decode, failure, too_large
from rest_tap.request import KEPT_HEADERS, Reply, Request
from rest_tap.retry import Failure, RetryPolicy
from rest_tap.times import now
from rest_tap.transport import Exchange, Transport
from rest_tap.unexpected import MAX_FIELDS
from rest_tap.unpack import unpack
from rest_tap.wire import Allowance, WireTooLarge, allowing

if t.TYPE_CHECKING:
    from requests.structures import CaseInsensitiveDict

    from rest_tap.account import Account

logger = logging.getLogger(__name__)
# It warns of headers that it cannot parse, with a traceback.
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)

CHUNK = 1 << 18
#: Seconds for a connection to come about.
CONNECT_SECONDS = 10.0
#: How many times the time-out a whole answer may take, whatever comes how slowly.
ANSWER_TIMEOUTS = 10
#: Bytes that an answer may take on the wire beside its body: headers, chunks, trailers.
WIRE_OVERHEAD = 1 << 20

_PROXY_AUTHENTICATION = 407


@dataclasses.dataclass(slots=True)
class Tally:
    """What reading one stream has cost; the seconds are those from each request to the end of its answer."""

    requests: int = 0
    retries: int = 0
    seconds: float = 0.0


#: Where a request went, the request as it was sent, and its answer as urllib3 has it, without the body.
_Answered: t.TypeAlias = "tuple[str, requests.PreparedRequest, t.Any]"


@dataclasses.dataclass(slots=True)
class SentRequest:
    """A request that has gone out (:meth:`Client.send`): to be received, or closed.

    Attributes:
        request: What is asked.
        credential: The headers that are the credential.
        url: Where it went, without the query.
        prepared: The request as it was sent.
        exchange: The connection.
        held: Gives back what it takes: the connection, and its place among all that are under way.
        lease: The room in memory of its answer.
        sent_at: When it was sent, by the monotonic clock.
        outcome: What came of it, once it is known.
    """

    request: Request
    credential: dict[str, str]
    url: str
    prepared: requests.PreparedRequest
    exchange: Exchange
    held: contextlib.ExitStack
    lease: Lease
    sent_at: float
    outcome: Reply | Failure | None = None

    def has_come(self, seconds: float) -> bool:
        """Return whether something of its answer comes within so many seconds, or cannot come any more."""
        return self.exchange.has_come(seconds)

    def respond(self) -> _Answered:
        """Return the answer when it begins to come."""
        return self.url, self.prepared, self.exchange.answer()

    def close(self) -> None:
        """Let go of the connection; it is closed unless its answer was read."""
        self.held.close()


class Client:
    """Sends the requests of one tap to one API; shared by all its streams and threads."""

    def __init__(  # noqa: PLR0913 - each is a setting of its own
        self,
        api_url: str,
        accounts: t.Iterable[Account],
        *,
        policy: RetryPolicy | None = None,
        user_agent: str = "",
        timeout: float = 60,
        connections: int = 1,
        max_bytes: int = 96 << 20,
        refused: frozenset[int] = frozenset({401}),
    ) -> None:
        """Prepare connections; nothing is sent yet.

        Args:
            api_url: Where paths begin.
            accounts: Who may ask; a request names one of them.
            policy: Says whether to ask again.
            user_agent: Value of that header.
            timeout: Seconds without a byte after which a connection counts as broken; a whole
                answer may take ten times as long.
            connections: Requests at once, and connections to keep open.
            max_bytes: Memory that an answer may take, as text and decoded.
            refused: Statuses that say the credential is not valid (any more).
        """
        self.api_url = api_url.rstrip("/")
        self.accounts = {account.name: account for account in accounts}
        self._cookies = {name: SessionCookies() for name in self.accounts}
        self.redactor = Redactor(self._secrets)
        clear_logs(self.redactor)
        if _is_unencrypted(self.api_url):
            logger.warning("the setting api_url begins with http://: the credential and all data are sent unencrypted")
        self.rules = Rules(self.redactor, max_bytes, policy or RetryPolicy(), refused)
        self._stopped = threading.Event()
        self.budget = Budget(self._stopped.is_set)
        self.timeout = timeout
        #: Whether this server wants list paths to end with a slash; learnt from a redirect.
        self.trailing_slash = False
        #: What each stream has cost, by name.
        self.tallies: dict[str, Tally] = {}
        self._tally_lock = threading.Lock()
        #: Whoever asks, also the reader itself: no more at once than there are connections.
        self._slots = threading.BoundedSemaphore(connections)
        self._was_reached = False
        #: Repairs that were logged: stream, field and change.
        self._repairs: set[tuple[str, str, str]] = set()
        #: The credential of each account and its requests' headers with it, checked; by account and method.
        self._checked: dict[tuple[str, str], tuple[t.Mapping[str, str], CaseInsensitiveDict[str]]] = {}
        self._own_headers = {
            **default_headers(),
            "User-Agent": user_agent,
            "Accept": "application/json",
            # Texts of the API are translated; errors and labels shall not depend on
            # the machine (docs/pretix.md, "Requests").
            "Accept-Language": "en",
            "Accept-Encoding": "gzip, deflate",
        }
        # All accounts share the connections; each has its own cookies.
        self._transport = Transport(pool_maxsize=connections)
        self._jars = {name: RequestsCookieJar(policy=cookies) for name, cookies in self._cookies.items()}
        # Proxies and certificates of the environment, looked up once and not per request.
        try:
            self._environment: t.Any = requests.Session().merge_environment_settings(
                self.api_url, {}, stream=True, verify=None, cert=None
            )
        except ValueError as error:
            raise ApiError(self._why_not_sent(error)) from None

    def _secrets(self) -> t.Iterator[str]:
        """Yield every value that must not be seen in a message."""
        for name, account in self.accounts.items():
            yield from account.auth.secrets()
            yield from self._cookies[name].secrets()

    def fetch(
        self,
        request: Request,
        wait: t.Callable[[RateLimiter], None] = RateLimiter.acquire,
        failures: t.Iterable[Failure] = (),
        sent: SentRequest | None = None,
    ) -> Reply:
        """Send a request until there is a usable answer; safe to call from many threads.

        Args:
            request: The request, which names its account.
            wait: Waits for its turn.
            failures: The tries before, whose answers turned out to be no JSON.
            sent: The first try, if it has gone out already (:meth:`send`).

        Returns:
            An answer with status 200 whose body is whole JSON, not yet decoded; see ``Request.validated_on_decode``.

        Raises:
            ApiError: There is none; the subclass says why.
            Stopped: :meth:`stop` was called meanwhile.
        """
        account = self.accounts[request.account]
        failures = list(failures)
        if failures:
            self._pause(request, failures)
        redirect, was_renewed = "", False
        while True:
            if sent is not None:
                credential, outcome, sent = sent.credential, self.receive(sent), None
            else:
                wait(account.limiter)
                credential = account.auth.headers() if request.authenticated else {}
                with self._slots:
                    is_forbidden = was_renewed or account.is_forbidden(request.stream)
                    respond = functools.partial(self._respond, request, redirect, credential)
                    outcome = self._try(request, respond, is_forbidden=is_forbidden)
            if isinstance(outcome, Reply):
                return outcome
            if outcome.redirect and not redirect:
                redirect = outcome.redirect
            elif outcome.is_refusal and not was_renewed and account.auth.renew(credential):
                was_renewed = True
            else:
                if was_renewed and isinstance(outcome.error, Forbidden):
                    account.note_forbidden(request.stream)
                failures.append(outcome)
                self._pause(request, failures)

    def send(self, request: Request) -> SentRequest | None:
        """Send a request, whose answer is read later; return None if something has to be waited for before.

        That is a login, a turn, or a connection.

        Raises:
            Stopped: :meth:`stop` was called before.
        """
        account = self.accounts[request.account]
        # Where no credential has been sent yet, a login may be due.
        carried, _ = self._checked.get((request.account, request.method), (None, None))
        is_ready = carried is not None and (carried or not request.authenticated)
        if not is_ready or not self._slots.acquire(blocking=False):
            return None
        with contextlib.ExitStack() as held:
            held.callback(self._slots.release)
            exchange = self._transport.kept()
            if exchange is None:
                return None
            held.callback(exchange.close)
            if not account.limiter.try_acquire():
                return None
            lease, sent_at = self.budget.lease(request), time.monotonic()
            try:
                credential = account.auth.headers() if request.authenticated else {}
                url, prepared = self._prepare(request, "", credential)
                exchange.send(prepared)
            except (ApiError, *_SENDS_NOTHING, *_BREAKS):
                # The server has not seen all of it, so it may be sent again: by a thread, which can wait and retry.
                return None
            return SentRequest(request, credential, url, prepared, exchange, held.pop_all(), lease, sent_at)

    def receive(self, sent: SentRequest, check: t.Callable[[], None] | None = None) -> Reply | Failure:
        """Return what came of a request that was sent; once it is known, the same whenever it is asked for.

        Args:
            sent: The request.
            check: Called now and then while bytes are waited for; raises to wait no longer.

        Raises:
            ApiError: The answer is whole, and no other is to be expected.
        """
        if sent.outcome is None:
            request = sent.request
            is_forbidden = self.accounts[request.account].is_forbidden(request.stream)
            try:
                sent.outcome = self._try(request, sent.respond, is_forbidden=is_forbidden, sent=sent, check=check)
            finally:
                sent.close()
        return sent.outcome

    def expect(self, *requests: Request) -> None:
        """Tell the memory budget which answers are due: these never wait for room."""
        self.budget.set_due(*requests)

    def parse(
        self,
        request: Request,
        reply: Reply,
        read: t.Callable[[t.Any], t.Any] | None = None,
        decode_body: t.Callable[[bytes], t.Any] | None = None,
    ) -> t.Any:
        """Return a decoded answer, or what ``read`` makes of it; nothing is sent, so this may be called anywhere.

        Args:
            request: What was asked.
            reply: The answer.
            read: What is made of the body.
            decode_body: What decodes it, if not as usual.

        Raises:
            BrokenAnswer: It is not what the contract says.
        """
        try:
            body = decode(reply, decode_body, functools.partial(self._log_repair, request.stream))
            return body if read is None else read(body)
        except BrokenAnswer as error:
            reason = self.clear(error.reason)[: 2 * DETAIL_LENGTH]
            cleared = type(error)(reason, stream=request.stream, path=request.path)
        # Outside of the handler: there, the error would carry the one that was not cleared.
        raise cleared

    def _log_repair(self, stream: str, field: str, change: str) -> None:
        """Log what had to be changed in a field so that an answer could be read, once."""
        repair = (stream, field, change)
        if repair not in self._repairs and len(self._repairs) < MAX_FIELDS:
            self._repairs.add(repair)
            logger.warning("%s: %s %s", stream, field, change)

    def clear(self, text: str) -> str:
        """Return a text of the server without any secret that may have been echoed in it."""
        return self.redactor.clear(text)

    def stop(self) -> None:
        """End everything that waits: for the rate limit, for another try, for the next bytes of an answer."""
        self._stopped.set()
        for account in self.accounts.values():
            account.limiter.stop()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    @property
    def sent(self) -> int:
        """Return how many requests were sent."""
        return sum(tally.requests for tally in self.tallies.values())

    @property
    def waited(self) -> float:
        """Return how many seconds requests were held back by rate limits, all together."""
        return sum(account.limiter.waited for account in self.accounts.values())

    def _try(
        self,
        request: Request,
        respond: t.Callable[[], _Answered],
        *,
        is_forbidden: bool = False,
        sent: SentRequest | None = None,
        check: t.Callable[[], None] | None = None,
    ) -> Reply | Failure:
        """Read one answer to a request.

        Args:
            request: What is asked.
            respond: Returns the answer when it begins to come.
            is_forbidden: Whether a 403 is about the list, and not about the credential.
            sent: The request, if it was sent before.
            check: Called now and then while bytes are waited for; raises to wait no longer.

        Raises:
            ApiError: It cannot be sent, or the answer is whole and no other is to be expected.
        """
        started = time.monotonic() if sent is None else sent.sent_at
        lease = self.budget.lease(request) if sent is None else sent.lease
        allowance = Allowance(
            self.timeout * ANSWER_TIMEOUTS,
            self.timeout,
            WIRE_OVERHEAD,
            self._stopped.is_set if check is None else functools.partial(self._is_stopped, check),
            math.inf if sent is None else sent.sent_at,
        )
        try:
            with allowing(allowance):
                url, prepared, response = respond()
                if "Set-Cookie" in response.headers:
                    jar = self._jars[request.account]
                    extract_cookies_to_jar(jar, prepared, response)  # type: ignore[no-untyped-call]
                # Of what is allowed, the text is half at most.
                allowance.size += self.rules.max_bytes // 2
                content = self._content(response, lease, allowance)
                lease.complete()
        except _SENDS_NOTHING as error:
            reason = self._why_not_sent(error, self.accounts[request.account].settings)
            raise ApiError(reason, stream=request.stream, path=request.path) from None
        except _BREAKS as error:
            broken = explain(error, is_tls=self.api_url.startswith("https:"), has_begun=allowance.has_begun)
            unavailable = Unavailable(broken.reason, stream=request.stream, path=request.path)
            if broken.is_lasting:
                raise unavailable from None
            unavailable.was_connected = allowance.has_begun
            return Failure(unavailable, what=broken.what)
        except (WireTooLarge, _TooLarge):
            if allowance.size == WIRE_OVERHEAD:
                raise BrokenAnswer(errors.HEADERS_TOO_LARGE, stream=request.stream, path=request.path) from None
            raise too_large(request, self.rules.max_bytes) from None
        finally:
            self._count(request, requests=1, seconds=time.monotonic() - started)
        if response.status == _PROXY_AUTHENTICATION and self._has_proxy:
            raise Unavailable(PROXY_PASSWORD.reason, stream=request.stream, path=request.path)
        self._was_reached = True
        headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
        reply = Reply(response.status, headers, content, now(), url, lease)
        failed = failure(request, reply, self.rules, self.accounts[request.account].settings, is_forbidden=is_forbidden)
        if failed is None:
            return reply
        if failed.redirect == f"{urlsplit(url).path}/":
            self.trailing_slash = True
        return failed

    def _pause(self, request: Request, failures: list[Failure]) -> None:
        """Wait until it is time to ask again.

        Raises:
            ApiError: It has no use to ask again.
        """
        pause = self.rules.retry.pause(failures, no_retry=request.no_retry, was_reached=self._was_reached)
        self._count(request, retries=1)
        logger.warning(
            "%s: asking again in %.0f s after %s (%s)",
            request.stream or "login",
            pause.seconds,
            failures[-1].what,
            request.path,
        )
        pause.wait(self.accounts[request.account].limiter)

    def _count(self, request: Request, *, requests: int = 0, retries: int = 0, seconds: float = 0) -> None:
        with self._tally_lock:
            tally = self.tallies.setdefault(request.stream or "login", Tally())
            tally.requests += requests
            tally.retries += retries
            tally.seconds += seconds

    def _is_stopped(self, check: t.Callable[[], None]) -> bool:
        check()
        return self._stopped.is_set()

    def _respond(self, request: Request, redirect: str, credential: t.Mapping[str, str]) -> _Answered:
        """Send a request, and return its answer when it begins to come."""
        url, prepared = self._prepare(request, redirect, credential)
        timeout = (min(self.timeout, CONNECT_SECONDS), self.timeout)
        return url, prepared, self._transport.send(prepared, timeout=timeout, **self._environment)

    def _prepare(
        self, request: Request, redirect: str, credential: t.Mapping[str, str]
    ) -> tuple[str, requests.PreparedRequest]:
        """Return where a request goes, and the request as it is sent."""
        origin, base = self._address
        path = redirect or f"{base}{request.path}"
        if request.is_list and self.trailing_slash and not redirect and not path.endswith("/"):
            path += "/"
        # By hand, because a session does for every request what is the same for all: it takes the
        # address apart, checks the headers, looks for a .netrc file, and for cookies where there are none.
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = origin + requote_uri(path)
        if request.params:
            prepared.url += f"?{_query(tuple(request.params.items()))}"
        prepared.headers = self._headers(request, credential)
        if request.json or request.form or self._cookies[request.account].are_any:
            prepared.headers = prepared.headers.copy()
            prepared.prepare_cookies(self._jars[request.account])
        if request.json or request.form:
            prepared.prepare_body(request.form or {}, None, request.json)
        return origin + path, prepared

    @functools.cached_property
    def _address(self) -> tuple[str, str]:
        """Return scheme and host of ``api_url``, and its path.

        Raises:
            RequestException: It is not an address.
        """
        prepared = requests.Request("GET", self.api_url, auth=_no_auth).prepare()
        there = urlsplit(prepared.url or "")
        return f"{there.scheme}://{there.netloc}", there.path.rstrip("/")

    def _headers(self, request: Request, credential: t.Mapping[str, str]) -> CaseInsensitiveDict[str]:
        """Return the headers of every request with this credential, checked once.

        Raises:
            _BadHeader: They cannot be sent.
        """
        key = (request.account, request.method)
        carried, headers = self._checked.get(key, ({}, None))
        if headers is None or carried != credential:
            given = {**self._own_headers, **credential}
            try:
                headers = requests.Request(request.method, self.api_url, headers=given, auth=_no_auth).prepare().headers
            except requests.exceptions.InvalidHeader as error:
                raise _BadHeader from error
            self._checked[key] = (credential, headers)
        return headers

    def _content(self, response: t.Any, lease: Lease, allowance: Allowance) -> bytes:
        """Return the body of an answer, unpacked.

        Raises:
            _TooLarge: It takes more memory than it may: it is there as text and decoded.
        """
        chunks: list[bytes] = []
        size = 0
        with response:
            packed = response.stream(CHUNK, decode_content=False)
            for chunk in unpack(packed, response.headers.get("Content-Encoding", "")):
                chunks.append(chunk)
                size += len(chunk)
                if 2 * size > self.rules.max_bytes:
                    raise _TooLarge
                allowance.extend(lease.grow(len(chunk)))
        return b"".join(chunks)

    def _why_not_sent(self, error: Exception, settings: str = "") -> str:
        if isinstance(error, (UnicodeError, _BadHeader)):
            return errors.bad_header(settings)
        if "SOCKS" in str(error):
            return errors.SOCKS_PROXY
        is_proxy = isinstance(error, requests.exceptions.InvalidProxyURL) or self._has_proxy
        return errors.BAD_PROXY if is_proxy else errors.BAD_ADDRESS

    @property
    def _has_proxy(self) -> bool:
        """Return whether the environment names a proxy for an address that is one."""
        return "_address" in self.__dict__ and bool(select_proxy(self.api_url, self._environment["proxies"]))


class _BadHeader(Exception):  # noqa: N818 - says what is the matter
    """A header of our own cannot be sent; one of an answer is an error of the libraries."""


#: What fails before anything is sent, and would fail again.
_SENDS_NOTHING = (
    UnicodeError,
    _BadHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    urllib3.exceptions.LocationParseError,
)


class _TooLarge(Exception):  # noqa: N818 - says what is the matter
    """A body takes more memory than it may."""


#: What may break on the way.
_BREAKS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    zlib.error,
    ValueError,
)


@functools.lru_cache(maxsize=128)
def _query(params: tuple[tuple[str, str | tuple[str, ...]], ...]) -> str:
    """Return query parameters as they stand in an address; the first pages of all lists of a stream have the same."""
    return urlencode(params, doseq=True)


def _is_unencrypted(url: str) -> bool:
    """Return whether requests to this address would leave the machine unencrypted."""
    try:
        there = urlsplit(url)
    except ValueError:
        return False
    host = there.hostname or ""
    if there.scheme != "http" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave a request as it is: requests would replace the token by a user that the address names."""
    return request
