"""A small API over raw sockets, of which one request is answered as a case wants it."""

from __future__ import annotations

import json
import typing as t
from urllib.parse import parse_qs

from tests.support.raw import Connection, RawServer

if t.TYPE_CHECKING:
    from collections.abc import Callable

#: A secret that is like nothing else: what is echoed of it is found.
TOKEN = "zq7KxW4vJp9TnB2mRfYd8HcG3sLgVwX6"
PASSWORD = "Kq8vZr5t Wm2xYs7nLb4cPd9fGh3jTe6u"
PERSON = "jane.roe@people.example"
EVENTS = ("autumn", "spring")
ROWS = 3

Answer = t.Callable[[Connection], object]


def page(rows: list[t.Any], **more: t.Any) -> bytes:
    """Return a page that is the whole list."""
    return json.dumps({"count": len(rows), "next": None, "previous": None, "results": rows, **more}).encode()


def organizer(slug: t.Any = "house", **more: t.Any) -> dict[str, t.Any]:
    return {"slug": slug, "name": "The House", "public_url": "https://example.org", **more}


def event(slug: t.Any, **more: t.Any) -> dict[str, t.Any]:
    return {
        "slug": slug,
        "name": {"en": "An event"},
        "live": True,
        "has_subevents": False,
        "date_from": "2026-01-01T10:00:00Z",
        "date_to": None,
        **more,
    }


def tax_rule(number: t.Any, **more: t.Any) -> dict[str, t.Any]:
    return {"id": number, "name": {"en": "VAT"}, "rate": "19.00", "price_includes_tax": True, **more}


def rules_of(slug: str) -> list[dict[str, t.Any]]:
    return [tax_rule(EVENTS.index(slug) * 10 + number) for number in range(ROWS)]


def healthy(target: str) -> bytes | None:  # noqa: PLR0911 - a path each
    """Return the right answer to a request, or None where there is none."""
    parts = [part for part in target.partition("?")[0].split("/") if part]
    match parts:
        case ["organizers"]:
            return page([organizer()])
        case ["organizers", "house", "events"]:
            return page([event(slug) for slug in EVENTS])
        case ["organizers", "house", "events", slug, "taxrules"] if slug in EVENTS:
            return page(rules_of(slug))
        case ["organizers", "house", "events", slug] if slug in EVENTS:
            return json.dumps(event(slug)).encode()
        case ["organizers", "house"]:
            return json.dumps(organizer()).encode()
        case ["version"]:
            return b'{"pretix": "2026.8.0"}'
    return None


ATTENDEES, ORDERS = ("TA1", "TA2", "TA3"), ("51", "52")


def attendee(code: t.Any, **more: t.Any) -> dict[str, t.Any]:
    return {"id": f"a-{code}", "ticket_code": code, "values": [], "created_at": "2026-01-01T10:00:00+0300", **more}


def attendees(*codes: t.Any, **more: t.Any) -> bytes:
    """Return a page of attendees with these codes, which says that there are no others."""
    rows = [attendee(code) for code in codes]
    return json.dumps({"fields": [], "total": len(rows), "attendees": rows, **more}).encode()


def healthy_ticketing(path: str, query: dict[str, list[str]]) -> bytes | None:  # noqa: PLR0911 - a path each
    """Return the right answer of the other API, or None where there is none."""
    match path:
        case "/v1/login":
            return json.dumps({"token": TOKEN, "user": {"email": PERSON}, "expires_in": 172_800}).encode()
        case "/v1/events":
            return b'{"events": [{"id": 1, "name": "An event", "ticket_types": []}]}'
        case "/v1/attendees":
            since = query.get("since")
            if since is None:
                return attendees(*ATTENDEES)
            known = since[0] == ATTENDEES[-1]
            return attendees(total=len(ATTENDEES)) if known else b'{"error": "Unknown ticket code"}'
        case "/v1/tickets":
            return json.dumps({"tickets": [{"code": code, "checked_in": False} for code in ATTENDEES]}).encode()
        case "/v1/orders":
            rows = [{"id": order, "email": PERSON, "items": [{"name": "Ticket"}]} for order in ORDERS]
            return json.dumps({"data": rows if query.get("p") == ["1"] else []}).encode()
    return None


#: The requests that cases spoil, by a short name.
PLACES = {
    "login": "/v1/login",
    "ticketing events": "/v1/events",
    "attendees": "/v1/attendees",
    "tickets": "/v1/tickets",
    "orders": "/v1/orders",
    "organizers": "/organizers",
    "events": "/organizers/house/events",
    "rules": "/organizers/house/events/autumn/taxrules",
    "version": "/version",
}


class Api(RawServer):
    """The API; ``spoil`` answers the request at one place."""

    def __init__(self, place: str = "", spoil: Answer | None = None, times: int | None = None) -> None:
        self._place = PLACES.get(place, "")
        self._spoil = spoil
        self._left = times
        super().__init__(self._respond)

    def _respond(self, connection: Connection) -> None:
        target, _, query = connection.target.partition("?")
        path = target.rstrip("/")
        if self._spoil is not None and path == self._place and self._left != 0:
            if self._left is not None:
                self._left -= 1
            self._spoil(connection)
            return
        body = healthy_ticketing(path, parse_qs(query)) if path.startswith("/v1/") else healthy(connection.target)
        if body is None:
            connection.reply(b'{"detail": "Not found."}', "404 Not Found", Content_Type="application/json")
        else:
            connection.reply(body, Content_Type="application/json")


def says(body: bytes, status: str = "200 OK", **headers: str) -> Answer:
    """Return what answers like this."""
    return lambda connection: connection.reply(body, status, **headers)


def sends(content: bytes, *, closes: bool = True) -> Answer:
    """Return what sends these bytes, whatever they are, and hangs up."""

    def answer(connection: Connection) -> None:
        connection.send(content)
        if closes:
            raise OSError

    return answer


def after(start: bytes, piece: Callable[[int], bytes], pause: float = 0.02) -> Answer:
    """Return what sends the start of an answer and then piece after piece without end."""

    def answer(connection: Connection) -> None:
        connection.send(start)
        connection.drip(piece, pause)

    return answer
