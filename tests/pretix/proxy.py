"""Stands between the tap and a real server, hands everything on, and spoils answers as the sandbox does."""

from __future__ import annotations

import json
import threading
import typing as t
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from sandbox.faults import Faults
from sandbox.web import Request, Response, Server
from tests.pretix.reading import HOP_BY_HOP

if t.TYPE_CHECKING:
    from typing_extensions import Self

    from sandbox.faults import Fault

#: What a client is told of an answer's headers; the others are about the connection to the server.
KEPT = ("Content-Type", "Date", "X-Page-Generated")


class Proxy:
    """A server of plain HTTP before another one, on a free port.

    Attributes:
        faults: What goes wrong with the answers; nothing at first.
        spoiled: The path of each answer that a fault hit.
        requests: How many requests came.
    """

    def __init__(self, server: str) -> None:
        self.faults = Faults()
        self.spoiled: list[str] = []
        self.requests = 0
        self._to = server
        self._stopping = threading.Event()
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(pool_maxsize=64))
        self._server = Server(("127.0.0.1", 0), self._answer, self._stopping.wait, lambda: None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Refuse every connection from now on, and end those that there are."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._server.stop()
            self._session.close()

    @property
    def api_url(self) -> str:
        """Return where the API begins behind this proxy."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/v1"

    def _answer(self, request: Request) -> tuple[Response, Fault | None]:
        self.requests += 1
        fault = self.faults.take(request)
        if fault is None:
            return self._ask(request), None
        self.spoiled.append(request.path)
        if fault.kind == "slow":
            self._stopping.wait(fault.seconds)
        replaced = fault.replaces()
        if replaced is not None:
            return replaced, fault
        response = self._ask(request)
        fault.spoil(request, response, self._ask)
        return response, fault

    def _ask(self, request: Request) -> Response:
        """Return the server's answer to a request, decoded where it is JSON."""
        headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
        answer = self._session.request(
            request.method,
            self._to + request.path,
            params=request.query,
            headers=headers,
            data=request.body,
            allow_redirects=False,
            timeout=120,
        )
        kept = {name: answer.headers[name] for name in KEPT if name in answer.headers}
        if "Location" in answer.headers:
            there = urlsplit(answer.headers["Location"])
            kept["Location"] = f"{there.path}?{there.query}" if there.query else there.path
        if answer.status_code == requests.codes.ok and "json" in kept.get("Content-Type", ""):
            return Response(answer.status_code, json.loads(answer.content), kept)
        return Response(answer.status_code, headers=kept, body=answer.content)
