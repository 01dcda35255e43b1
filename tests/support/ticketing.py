"""What the tests of tap-ticketing share: settings for both shapes of the API, runs, and what the server was asked."""

from __future__ import annotations

import contextlib
import typing as t

from rest_tap.errors import ApiError
from sandbox import Request, Sandbox, Scale
from tap_ticketing.tap import TapTicketing
from tests.conftest import Json, Result, discovered, only, run_tap

if t.TYPE_CHECKING:
    from collections.abc import Iterator

#: What the service `oveit` sets.
OVEIT: Json = {
    "login_path": "/seller/login",
    "events_path": "/seller/events",
    "attendees_path": "/events/attendees",
    "tickets_path": "/events/tickets",
    "partition_by_event": True,
}
SHAPES = ("flat", "partitioned")


@contextlib.contextmanager
def ticketing_box(*, events: int = 4, attendees: int = 60) -> Iterator[Sandbox]:
    """Serve so many events and attendees, and nearly nothing of the other API."""
    scale = Scale(organizers=1, events=1, tax_rules=1, orders=1, ticketing_events=events, attendees=attendees)
    with Sandbox(scale=scale) as box:
        yield box


def settings(box: Sandbox, shape: str = "flat", **more: t.Any) -> Json:
    """Return settings with which the tap reads a sandbox: one list for all events, or as Oveit wants it."""
    base = (
        {"api_url": box.ticketing_url}
        if shape == "flat"
        else {
            "api_url": box.oveit_url,
            **OVEIT,
        }
    )
    return {**base, "email": box.email, "password": box.password, **more}


def run(
    config: Json,
    *streams: str,
    state: Json | None = None,
    full_table: bool = False,
    fails: type[BaseException] | None = None,
    may_fail: type[BaseException] | None = None,
) -> Result:
    """Run the tap in this process; all streams, or only these."""
    catalog = None
    if streams or full_table:
        catalog = discovered(config, TapTicketing)
        if streams:
            only(catalog, *streams)
        for entry in catalog["streams"] if full_table else ():
            entry["replication_method"] = "FULL_TABLE"
    return run_tap(config, catalog, state, tap=TapTicketing, fails=fails, may_fail=may_fail)


def fails(config: Json, *streams: str, state: Json | None = None) -> tuple[Result, str]:
    """Run the tap, which ends with an error of the API; return what it wrote and the error's line."""
    result = run(config, *streams, state=state, fails=ApiError)
    line = str(result.error)
    assert "\n" not in line
    return result, line


def codes(result: Result, stream: str = "attendees") -> list[str]:
    """Return the ticket codes of a stream's records, in order."""
    return [record["ticket_code"] for record in result.records[stream]]


def by_event(box: Sandbox) -> list[str]:
    """Return all ticket codes in the order in which they are read event by event."""
    return [code for event in box.ticketing.events for code in box.ticketing.codes(event)]


def every_code(box: Sandbox, shape: str) -> list[str]:
    """Return all ticket codes in the order in which they are read."""
    return box.ticketing.codes() if shape == "flat" else by_event(box)


def logins(box: Sandbox) -> list[Request]:
    """Return the requests that logged in, or tried to."""
    return box.requests("/login$")


def lists(box: Sandbox, name: str = "attendees") -> list[Request]:
    """Return the requests for a list."""
    return box.requests(f"/{name}$")


def since(box: Sandbox) -> list[str | None]:
    """Return the cursors that attendees were asked for from, in order."""
    return [request.parameter("since") for request in lists(box)]


def bookmarks(state: Json, stream: str = "attendees") -> t.Any:
    """Return a stream's bookmark in a state."""
    return state["bookmarks"].get(stream)
