"""The sandbox as a whole: both APIs behind one port, with faults, latency, a rate limit, and a log."""

from __future__ import annotations

import math
import re
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox import control, pages
from sandbox.faults import Fault, Faults
from sandbox.organizers import NOW, Organizers
from sandbox.ticketing import Ticketing
from sandbox.web import Request, Response, Server, html

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType

    from typing_extensions import Self

TOKEN = "sandbox-0123456789abcdef0123456789abcdef"
EMAIL = "reader@sandbox.example"
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True)
class Scale:
    """How much data there is. The default is small, and has more than one page of whatever is paged."""

    organizers: int = 3
    #: In the first organizer; the others have a twentieth, at least four.
    events: int = 70
    #: In the first organizer's first event; the others have three.
    tax_rules: int = 60
    #: Over all organizers.
    orders: int = 400
    #: Stream → rows in each of its lists, for streams with a sample file; made while they are read from 10,000 on.
    rows: dict[str, int] = field(default_factory=dict)
    ticketing_events: int = 6
    #: Over all events of part A.
    attendees: int = 180


class RateLimit:
    """So many requests in a window, then 429; whoever goes on asking all the same is banned, as hosts threaten."""

    def __init__(self, per_minute: int, window: float = 60.0, strikes: int = 3, grace: float = 0.5) -> None:
        self.limit = per_minute
        self.window = window
        #: So many requests in the pause are too many; those within `grace` were on their way already.
        self.strikes = strikes
        self.grace = grace
        self.banned = False
        self.refused = 0
        self._lock = threading.Lock()
        # No window has begun: not even on a machine that has itself just begun to count its time.
        self._start, self._count = -math.inf, 0
        self._ignored = 0
        self._first_refusal = 0.0

    def refuse(self, _request: Request) -> Response | None:
        """Count a request, and return what it gets in place of an answer."""
        with self._lock:
            now = time.monotonic()
            if self.banned:
                return Response(403, {"detail": "Access revoked: the rate limit was ignored."})
            if now - self._start >= self.window:
                self._start, self._count, self._first_refusal, self._ignored = now, 0, 0.0, 0
            self._count += 1
            if self._count <= self.limit:
                return None
            self.refused += 1
            self._first_refusal = self._first_refusal or now
            self._ignored += now - self._first_refusal > self.grace
            self.banned = self._ignored >= self.strikes
            wait = max(1, int(self._start + self.window - now + 0.999))
            return Response(429, {"detail": "Request was throttled."}, {"Retry-After": str(wait)})


class AccountLimits:
    """A rate limit for each credential, as hosts have one for each account."""

    def __init__(self, per_minute: int, window: float = 60.0) -> None:
        self._limits: dict[str, RateLimit] = defaultdict(lambda: RateLimit(per_minute, window))
        self._lock = threading.Lock()

    @property
    def banned(self) -> bool:
        """Whether any account was banned."""
        return any(limit.banned for limit in self._limits.values())

    @property
    def refused(self) -> int:
        """How many requests got 429, of all accounts."""
        return sum(limit.refused for limit in self._limits.values())

    def refuse(self, request: Request) -> Response | None:
        """Count a request of its account, and return what it gets in place of an answer."""
        with self._lock:
            limit = self._limits[request.headers.get("authorization", "")]
        return limit.refuse(request)


class Sandbox:
    """Both APIs on a free port of this machine, served by threads of this process.

    with Sandbox() as box:
        requests.get(box.organizers_url + "/organizers/", headers={"Authorization": f"Token {box.token}"})
        assert box.log[-1].status == 200
    """

    token = TOKEN
    email = EMAIL
    password = PASSWORD

    def __init__(
        self,
        seed: int = 1,
        scale: Scale | None = None,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        now: datetime = NOW,
        keep_log: bool = True,
        cache: bool = False,
    ) -> None:
        scale = scale or Scale()
        self.organizers = Organizers(
            TOKEN,
            seed=seed,
            organizers=scale.organizers,
            events=scale.events,
            tax_rules=scale.tax_rules,
            orders=scale.orders,
            rows=scale.rows,
            now=now,
        )
        self.ticketing = Ticketing(
            EMAIL, PASSWORD, seed=seed, events=scale.ticketing_events, attendees=scale.attendees, now=now
        )
        self.faults = Faults()
        self.log: list[Request] = []
        #: Seconds for every answer, or what a function says of the request.
        self.latency: float | Callable[[Request], float] = 0.0
        #: Seconds after which the server closes a connection that nothing comes over.
        self.idle_seconds: float | None = None
        self.rate_limit: RateLimit | AccountLimits | None = None
        #: For benchmarks: remember answers, so that a second reader costs no work. Blind to changes of the data.
        self.cache = cache
        self._answers: dict[tuple[str, str], Response] = {}
        self._keep_log = keep_log
        self._hooks: list[Callable[[Request, Sandbox], None]] = []
        self._stopping = threading.Event()
        self._counter = Counter()
        self._server = Server((host, port), self._answer, self._stopping.wait, lambda: self.idle_seconds)
        self.port: int = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}"
        self.organizers_url = self.url + pages.ROOT
        self.ticketing_url = self.url + "/ticketing"
        self.oveit_url = self.url + "/oveit/api"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving, at once, and end all connections."""
        self._stopping.set()
        self._server.stop()

    # --- looking and disturbing -----------------------------------------------------------------------------------

    @property
    def session_token(self) -> str:
        """A token of part A that is valid without a login."""
        return self.ticketing.session_token

    @property
    def banned(self) -> bool:
        """Whether a client ignored the rate limit for too long."""
        return self.rate_limit is not None and self.rate_limit.banned

    def clear_log(self) -> None:
        """Forget all requests."""
        self.log.clear()
        self._counter = Counter()

    def requests(self, path: str = "", method: str | None = None) -> list[Request]:
        """Return the logged requests with this regular expression in their path."""
        found = [request for request in list(self.log) if re.search(path, request.path)]
        return [request for request in found if method in {None, request.method}]

    def stats(self) -> dict[str, int]:
        """Return how many requests and connections there were, and how many requests at once."""
        return self._counter.stats()

    def limit(self, per_minute: int | None, window: float = 60.0, *, each_account: bool = False) -> None:
        """Allow so many requests in a window (None: any number), and forgive who was banned.

        Args:
            per_minute: How many.
            window: Its seconds.
            each_account: Whether each credential may ask so often, and not all together.
        """
        kind = AccountLimits if each_account else RateLimit
        self.rate_limit = None if per_minute is None else kind(per_minute, window)

    def on_request(self, hook: Callable[[Request, Sandbox], None]) -> None:
        """Have this called before each request is answered: it may change the data while a client is paging."""
        self._hooks.append(hook)

    # --- serving --------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> tuple[Response, Fault | None]:
        if request.path.startswith(control.ROOT):
            return control.answer(self, request), None
        if self._keep_log:
            self.log.append(request)
        self._counter.begin(request)
        try:
            return self._answer_api(request)
        finally:
            self._counter.end()

    def _answer_api(self, request: Request) -> tuple[Response, Fault | None]:
        latency = self.latency(request) if callable(self.latency) else self.latency
        if latency:
            time.sleep(latency)
        for hook in self._hooks:
            hook(request, self)
        refused = self.rate_limit.refuse(request) if self.rate_limit else None
        if refused is not None:
            return refused, None
        fault = self.faults.take(request)
        if fault is None:
            return self._ask_cached(request) if self.cache else self._ask_encoded(request), None
        request.fault = fault.kind
        if fault.kind == "slow":
            self._stopping.wait(fault.seconds)
        replaced = fault.replaces()
        if replaced is not None:
            return replaced, fault
        with self.organizers.lock:
            response = self._ask(request)
            fault.spoil(request, response, self._ask)
            response.body = response.content()
        return response, fault

    def _ask(self, request: Request) -> Response:
        """Return what the API answers; decided by the path alone."""
        if request.path == pages.ROOT or request.path.startswith(pages.ROOT + "/"):
            return pages.answer(self.organizers, request)
        return self.ticketing.answer(request) or html(404, "Not Found")

    def _ask_encoded(self, request: Request) -> Response:
        with self.organizers.lock:
            response = self._ask(request)
            response.body = response.content()
        return response

    def _ask_cached(self, request: Request) -> Response:
        key = (request.path + "?" + request.query_string, request.headers.get("authorization", "") + str(request.body))
        if key not in self._answers:
            response = self._ask_encoded(request)
            if request.method != "GET" or response.status != 200:
                return response
            self._answers[key] = response
        return self._answers[key]

    def describe(self) -> dict[str, Any]:
        """Return all that a client needs to know."""
        return {
            "organizers_url": self.organizers_url,
            "ticketing_url": self.ticketing_url,
            "oveit_url": self.oveit_url,
            "control_url": self.url + control.ROOT,
            "token": self.token,
            "email": self.email,
            "password": self.password,
            "session_token": self.session_token,
        }


class Counter:
    """Requests, connections, and requests at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = self._now = self._most = 0
        self._connections: set[int] = set()

    def begin(self, request: Request) -> None:
        """Count a request that came in."""
        with self._lock:
            self._requests += 1
            self._now += 1
            self._most = max(self._most, self._now)
            self._connections.add(request.connection)

    def end(self) -> None:
        """Count a request that is answered."""
        with self._lock:
            self._now -= 1

    def stats(self) -> dict[str, int]:
        """Return the counts."""
        return {"requests": self._requests, "connections": len(self._connections), "most_at_once": self._most}
