"""The sandbox by remote control, for tests and benchmarks in another process: JSON below `/_sandbox/`.

GET    log, stats                 what was asked
DELETE log, faults                forget it
POST   faults   {…} or [{…}]      fields of `Fault`
POST   latency  0.02              seconds
POST   rate_limit 360             requests a minute, or null
POST   mutate   {"on": "organizers", "call": "add_order", "args": ["riverside", "jazz-1"], "kwargs": {}}
                {"on": "ticketing", "set": {"page_size": 10}}
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Protocol

from sandbox.faults import Fault, Faults
from sandbox.web import Request, Response

ROOT = "/_sandbox/"


class Controlled(Protocol):
    """What can be controlled: :class:`sandbox.box.Sandbox`."""

    log: list[Request]
    faults: Faults
    latency: Any
    organizers: Any
    ticketing: Any

    @property
    def banned(self) -> bool:
        """Whether it answers nothing any more."""
        ...

    def clear_log(self) -> None:
        """Forget what was asked."""
        ...

    def stats(self) -> dict[str, int]:
        """Count what was asked."""
        ...

    def limit(self, per_minute: int | None) -> None:
        """Answer so many requests a minute."""
        ...


def answer(box: Controlled, request: Request) -> Response:
    """Do what the request says; 400 with the reason if it makes no sense."""
    what = request.path[len(ROOT) :].strip("/")
    try:
        data = json.loads(request.body) if request.body else None
        result = _do(box, request.method, what, data)
    except (ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
        return Response(400, {"error": f"{type(error).__name__}: {error}"})
    return Response(data=result, encode=_encode)


def _do(box: Controlled, method: str, what: str, data: Any) -> Any:  # noqa: PLR0911
    if (method, what) == ("GET", "log"):
        return [request.as_json() for request in list(box.log)]
    if (method, what) == ("DELETE", "log"):
        return box.clear_log()
    if (method, what) == ("GET", "stats"):
        return {**box.stats(), "banned": box.banned}
    if (method, what) == ("GET", "faults"):
        return [asdict(fault) for fault in box.faults]
    if (method, what) == ("DELETE", "faults"):
        return box.faults.clear()
    if (method, what) == ("POST", "faults"):
        return box.faults.add(*(Fault(**fault) for fault in (data if isinstance(data, list) else [data])))
    if (method, what) == ("POST", "latency"):
        box.latency = float(data)
        return None
    if (method, what) == ("POST", "rate_limit"):
        return box.limit(data)
    if (method, what) == ("POST", "mutate"):
        return _mutate(box, data)
    message = f"cannot {method} {what}"
    raise ValueError(message)


def _mutate(box: Controlled, data: dict[str, Any]) -> Any:
    target = {"box": box, "organizers": box.organizers, "ticketing": box.ticketing}[data.get("on", "box")]
    names = [*data.get("set", {}), *([data["call"]] if "call" in data else [])]
    for name in names:
        if name.startswith("_") or not hasattr(target, name):
            message = f"nothing called {name}"
            raise ValueError(message)
    for name, value in data.get("set", {}).items():
        setattr(target, name, value)
    if "call" in data:
        return getattr(target, data["call"])(*data.get("args", []), **data.get("kwargs", {}))
    return None


def _encode(data: object) -> bytes:
    def text(value: object) -> object:
        return value.isoformat() if isinstance(value, (date, datetime)) else repr(value)

    return json.dumps(data, ensure_ascii=False, default=text).encode()
