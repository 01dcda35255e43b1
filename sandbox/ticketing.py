"""Part A: events, attendees and tickets behind a login, vendor-neutral and with Oveit's habits.

Both bases serve the same data. Below `/ticketing` errors have a status; below `/oveit/api` nearly
everything is 200, and what went wrong stands in `error`. Attendees are numbered as they arrive and
made from that number when they are asked for, so a hundred thousand cost nothing.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs

from sandbox.sales import FIRST_NAMES, LAST_NAMES
from sandbox.web import Request, Response

Row = dict[str, Any]

NEUTRAL = "/ticketing"
OVEIT = "/oveit/api"
ROUTES = {
    NEUTRAL + "/v1/login": "login",
    NEUTRAL + "/v1/events": "events",
    NEUTRAL + "/v1/attendees": "attendees",
    NEUTRAL + "/v1/tickets": "tickets",
    NEUTRAL + "/v1/orders": "orders",
    OVEIT + "/seller/login": "login",
    OVEIT + "/seller/events": "events",
    OVEIT + "/events/attendees": "attendees",
    OVEIT + "/events/tickets": "tickets",
    OVEIT + "/crm/orders": "orders",
}
#: What can be asked for beside an order, and what beside each of its tickets.
IN_ORDERS = ("invoices", "tickets", "customer_form", "customer", "items")
IN_TICKETS = ("registration_form", "event", "ticket_type", "addons", "wallet_credit")
FIRST_ORDER = 900_000
SESSION_TOKEN = "session-0123456789abcdef"
EASTERN = timezone(timedelta(hours=3))
#: Ticket codes are arrival numbers, multiplied in a ring: they look random, and lead back to the number.
RING, FACTOR = 36**6, 1_234_567_891
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: The words that `Accept-Language` changes.
WORDS = {
    "en": ("Standard", "Reduced", "Full name", "E-mail", "Interests", "Photo", "Birthday"),
    "de": ("Standard", "Ermäßigt", "Vollständiger Name", "E-Mail", "Interessen", "Foto", "Geburtstag"),
    "es": ("Estándar", "Reducida", "Nombre completo", "Correo", "Intereses", "Foto", "Cumpleaños"),
    "fr": ("Standard", "Réduit", "Nom complet", "E-mail", "Intérêts", "Photo", "Anniversaire"),
    "ja": ("一般", "割引", "氏名", "メール", "興味", "写真", "誕生日"),
    "nl": ("Standaard", "Korting", "Volledige naam", "E-mail", "Interesses", "Foto", "Verjaardag"),
}


def ticket_code(arrival: int) -> str:
    """Return the ticket code of an attendee."""
    number, code = arrival * FACTOR % RING, ""
    for _ in range(6):
        number, digit = divmod(number, 36)
        code = DIGITS[digit] + code
    return f"T{code}"


def arrival_of(code: str) -> int | None:
    """Return the attendee's number; None for what cannot be a code."""
    if len(code) != 7 or not set(code[1:]) <= set(DIGITS):
        return None
    return int(code[1:], 36) * pow(FACTOR, -1, RING) % RING


class RefusedError(Exception):
    """An error, as the API tells it."""

    def __init__(self, status: int, text: str, *, even_oveit: bool = False) -> None:
        super().__init__(text)
        self.status = status
        #: Whether Oveit, too, answers with a status other than 200.
        self.even_oveit = even_oveit


@dataclass
class Event:
    """An event, and who came, by number of arrival."""

    row: Row
    arrivals: list[int] = field(default_factory=list)
    #: Over: not listed any more, though its attendees still are.
    ended: bool = False
    #: Deleted: its attendees are an error. Listed until `end_event`, as when it happens between two requests.
    vanished: bool = False


@dataclass
class Session:
    """A token and how often it was used."""

    uses: int = 0
    expired: bool = False


class Ticketing:
    """The data of part A, its switches, and what changes it."""

    def __init__(self, email: str, password: str, *, seed: int, events: int, attendees: int, now: datetime) -> None:
        self.lock = threading.RLock()
        self.email, self.password = email, password
        self.session_token = SESSION_TOKEN
        self.page_size = 50
        #: Name of the parameter that takes an event's id.
        self.event_parameter = "id"
        #: None for these: as the base that was asked would (neutral, Oveit).
        self.errors_as_200: bool | None = None
        self.expired_status: int | None = None
        self.require_event: bool | None = None
        self.mixed_ids: bool | None = None
        self.show_total = True
        self.show_fields = True
        #: What a `since` that is no ticket's code does: `error`, `full` (the list from its start) or `empty`.
        self.unknown_code = "error"
        #: Rows of the page before that are sent once more.
        self.overlap = 0
        #: `since` is ignored, so the first page comes for ever.
        self.stuck = False
        #: How many more rows `total` promises than there are.
        self.extra_total = 0
        #: Whether the account's plan has the list of orders; what follows is not documented of that list.
        self.has_orders = True
        self.order_page_size = 50
        self.newest_orders_first = False
        #: What stands past the last page of orders: `empty`, `null`, `repeat` (the last page) or `error`.
        self.orders_end = "empty"
        #: Requests that a token is good for.
        self.token_uses: int | None = None
        self.sessions = {SESSION_TOKEN: Session()}
        self._seed, self._now, self._started = seed, now, time.monotonic()
        self._random = random.Random(seed)
        self._numbers = itertools.count(1)
        self._span = max(1, attendees)
        #: Event of each attendee, by number of arrival.
        self._came: list[int] = []
        #: When those came that were added later.
        self._times: dict[int, datetime] = {}
        self._changes: dict[int, Row] = {}
        self._removed: set[int] = set()
        self._removed_orders: set[int] = set()
        self.events: dict[int, Event] = {}
        for _ in range(events):
            self.add_event()
        if events:
            weights = [1 / place for place in range(1, events + 1)]
            for event in self._random.choices(list(self.events), weights, k=attendees):
                self._arrive(event)

    # --- data and changes -----------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the server's time."""
        return self._now + timedelta(seconds=time.monotonic() - self._started)

    def add_event(self, **fields: Any) -> Row:
        """Add an active event."""
        with self.lock:
            place = len(self.events)
            number = 4100 + place
            starts = self._now + timedelta(days=9 * place + 3)
            row = {
                "id": number,
                "hash": f"{(number * FACTOR) % 16**8:08x}",
                "name": ("Jazz Night", "Łódź Film Week", "渋谷 Sessions", "Food Market 🍜")[place % 4]
                + f" {place + 1}",
                "location": "Riverside Hall, Köln" if place % 3 != 2 else None,
                # The first has no date: it is open always.
                "starts_at": _stamp(starts) if place else None,
                "ticket_types": [
                    {
                        "id": number * 10 + 1,
                        "name": 0,
                        "price": "100 USD",
                        "addons": [{"id": 7, "name": "Backstage", "is_bundled": True, "uses": 1, "enabled": True}],
                    },
                    {"id": number * 10 + 2, "name": 1, "price": "60 USD", "addons": []},
                ],
            }
            self.events[number] = Event({**row, **fields})
            return self.events[number].row

    def end_event(self, event: int) -> None:
        """Take an event off the list; its attendees can still be read."""
        self.events[event].ended = True

    def vanish_event(self, event: int) -> None:
        """Delete an event's attendees and tickets while it still is on the list."""
        self.events[event].vanished = True

    def add_attendees(self, count: int = 1, event: int | None = None) -> list[Row]:
        """Let so many more arrive now, at one event or spread over all, and return their rows."""
        with self.lock:
            places = list(self.events) if event is None else [event]
            numbers = [self._arrive(places[i % len(places)]) for i in range(count)]
            self._times.update(dict.fromkeys(numbers, self.now()))
            return [self._attendee(number, "en", mixed=False) for number in numbers]

    def remove_attendee(self, code: str) -> None:
        """Delete an attendee with the ticket: its code is unknown from now on."""
        with self.lock:
            number = arrival_of(code) or 0
            self._removed.add(number)
            arrivals = self.events[self._came[number]].arrivals
            del arrivals[bisect_left(arrivals, number)]

    def change_attendee(self, code: str, **fields: Any) -> None:
        """Change fields of an attendee, whose place in the list stays."""
        with self.lock:
            self._changes.setdefault(arrival_of(code) or 0, {}).update(fields)

    def check_in(self, code: str) -> None:
        """Scan a ticket now."""
        self.change_attendee(code, checkins=[{"addon_id": None, "date": _stamp(self.now())}])

    def orders(self) -> list[int]:
        """Return the ids of all orders, the oldest first; each is of two attendees."""
        numbers = range(FIRST_ORDER, FIRST_ORDER + (len(self._came) + 1) // 2)
        return [number for number in numbers if number not in self._removed_orders]

    def add_orders(self, count: int = 1) -> None:
        """Let so many more orders come in now."""
        with self.lock:
            self.add_attendees(len(self._came) % 2)
            for _ in range(count):
                self.add_attendees(2, event=next(iter(self.events)))

    def remove_order(self, order: int) -> None:
        """Delete an order; its attendees stay."""
        self._removed_orders.add(order)

    def expire_tokens(self) -> None:
        """Expire every token that was handed out so far."""
        with self.lock:
            for session in self.sessions.values():
                session.expired = True

    def codes(self, event: int | None = None) -> list[str]:
        """Return all ticket codes of attendees, in order of arrival."""
        return [ticket_code(number) for number in self._scope(event)]

    def _arrive(self, event: int) -> int:
        number = len(self._came)
        self._came.append(event)
        self.events[event].arrivals.append(number)
        return number

    def _scope(self, event: int | None) -> list[int] | range:
        if event is not None:
            return self.events[event].arrivals
        if not self._removed:
            return range(len(self._came))
        return [number for number in range(len(self._came)) if number not in self._removed]

    def _attendee(self, number: int, language: str, *, mixed: bool) -> Row:
        rng = random.Random(number * 1_000_003 + self._seed)
        event = self.events[self._came[number]]
        kind = event.row["ticket_types"][rng.random() < 0.3]
        # Sales grow towards today.
        share = ((number + 1) / self._span) ** 0.6 if number < self._span else 1.0
        created = self._times.get(number, self._now - timedelta(days=150) * max(0.0, 1 - share))
        order = number // 2 + FIRST_ORDER
        name = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
        photo = {"id": number, "name": f"photo{number}.jpg", "mime_type": "image/jpeg", "size": 48213}
        values = [
            name,
            f"visitor{number}@mail.example",
            rng.sample(["Jazz", "Oper", "Café & Kuchen"], rng.randrange(3)),
            photo if rng.random() < 0.2 else None,
            f"19{rng.randrange(50, 99)}-0{rng.randrange(1, 9)}-1{rng.randrange(9)}" if rng.random() < 0.5 else "",
        ]
        row = {
            "id": number + 5_000_000,
            "order_id": order,
            "order_uuid": _uuid(order),
            "ticket_id": number + 7_000_000,
            "ticket_code": ticket_code(number),
            "ticket_type": {"id": kind["id"], "name": _words(language)[kind["name"]]},
            "created_at": _stamp(created),
            "values": values,
            "checkins": [{"addon_id": 7, "date": _stamp(created + timedelta(days=2))}] if rng.random() < 0.4 else [],
            "links": [{"rel": "ticket", "url": f"https://tickets.example/t/{ticket_code(number)}"}],
        }
        for name in ("id", "order_id", "ticket_id"):
            # Documented as numbers, seen as strings.
            if not mixed or number % 2:
                row[name] = str(row[name])
        return {**row, **self._changes.get(number, {})}

    def _ticket(self, number: int) -> Row:
        attendee = self._attendee(number, "en", mixed=False)
        return {
            "code": attendee["ticket_code"],
            "ticket_type_id": attendee["ticket_type"]["id"],
            "checked_in": bool(attendee["checkins"]),
            "checkins": attendee["checkins"],
        }

    def _order(self, order: int, include: set[str], language: str) -> Row:
        first = (order - FIRST_ORDER) * 2
        attendees = [
            self._attendee(number, language, mixed=False) for number in (first, first + 1)[: len(self._came) - first]
        ]
        events = [self.events[self._came[first + place]] for place in range(len(attendees))]
        name, email, *_ = attendees[0]["values"]
        date = datetime.strptime(attendees[0]["created_at"], "%Y-%m-%dT%H:%M:%S%z")
        kinds = [attendee["ticket_type"]["name"] for attendee in attendees]
        parts: Row = {
            "items": [
                {"name": kind, "quantity": str(kinds.count(kind)), "price": "60.00"} for kind in dict.fromkeys(kinds)
            ],
            "invoices": [{"series": "OV", "number": order - FIRST_ORDER + 1, "name": name, "total": "120.00"}],
            "customer": {"name": name, "email": email},
            "customer_form": {"Company": None, "Phone": f"+40 {order}"},
            "tickets": [
                self._order_ticket(attendee, event, include, language)
                for attendee, event in zip(attendees, events, strict=True)
            ],
        }
        return {
            "id": order,
            "uuid": _uuid(order),
            "date": date.isoformat(),
            "date_formatted": f"{date:%b %d, %Y, at %H:%M}",
            "language": "en",
            "currency": "USD",
            "payment_processor": "stripe" if order % 3 else None,
            "status": "Completed",
            "is_canceled": order % 20 == 7,
            "pending_reason": None,
            "email": email,
            **{part: value for part, value in parts.items() if part in include},
        }

    def _order_ticket(self, attendee: Row, event: Event, include: set[str], language: str) -> Row:
        row = self._event_row(event, language)
        parts = {
            "registration_form": dict(zip(_words(language)[2:4], attendee["values"][:2], strict=True)),
            "event": {"id": row["id"], "name": row["name"]},
            "ticket_type": attendee["ticket_type"],
            "addons": [addon["name"] for addon in row["ticket_types"][0]["addons"]],
            "wallet_credit": None,
        }
        return {
            "id": attendee["ticket_id"],
            "code": attendee["ticket_code"],
            **{part: value for part, value in parts.items() if part in include},
        }

    # --- the API --------------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Response | None:
        """Answer a request; None for a path that does not exist."""
        route = ROUTES.get(request.path)
        if route is None:
            return None
        oveit = request.path.startswith(OVEIT)
        with self.lock:
            try:
                if request.method != "POST":
                    raise RefusedError(405, "Method not allowed")  # noqa: TRY301
                given = _parameters(request)
                if route == "login":
                    return Response(data=self._login(given))
                self._authenticate(request, given, oveit=oveit)
                return Response(data=self._list(route, given, _language(request), oveit=oveit))
            except RefusedError as refused:
                as_200 = oveit if self.errors_as_200 is None else self.errors_as_200
                status = 200 if as_200 and not refused.even_oveit else refused.status
                return Response(status, {"error": str(refused)})

    def _login(self, given: dict[str, str]) -> Row:
        if (given.get("email"), given.get("password")) != (self.email, self.password):
            raise RefusedError(401, "Invalid email or password")
        token = f"session-{next(self._numbers)}-{self._random.getrandbits(64):016x}"
        self.sessions[token] = Session()
        seconds = 172_800
        # By the real clock: clients compare it with their own.
        expires = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        return {
            "token": token,
            "user": {
                "id": 77,
                "email": self.email,
                "seller_id ": 12,
                "role": "admin",
                "role_acl_type": None,
                "role_acl_name": None,
                "permissions": ["events"],
            },
            "expires_at": expires.strftime("%Y-%m-%d %H:%M:%S"),
            "expires_in": seconds,
        }

    def _authenticate(self, request: Request, given: dict[str, str], *, oveit: bool) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            token = given.get("token", "")
        session = self.sessions.get(token)
        if session is not None:
            session.uses += 1
            session.expired |= self.token_uses is not None and session.uses > self.token_uses
        if session is None or session.expired:
            status = self.expired_status or (403 if oveit else 401)
            raise RefusedError(status, "Invalid or expired token", even_oveit=True)

    def _list(self, route: str, given: dict[str, str], language: str, *, oveit: bool) -> Row:
        if route == "events":
            active = [event for event in self.events.values() if not event.ended]
            return {"events": [self._event_row(event, language) for event in active]}
        if route == "orders":
            return self._order_page(given, language)
        event = self._asked_event(given, oveit=oveit)
        if route == "tickets":
            return {"tickets": [self._ticket(number) for number in self._scope(event)]}
        scope = self._scope(event)
        start = self._start(scope, given.get("since", ""))
        mixed = oveit if self.mixed_ids is None else self.mixed_ids
        data: Row = {}
        if self.show_fields:
            data["fields"] = _fields(language)
        if self.show_total:
            data["total"] = len(scope) + self.extra_total
        page = scope[start : start + self.page_size]
        return {**data, "attendees": [self._attendee(number, language, mixed=mixed) for number in page]}

    def _order_page(self, given: dict[str, str], language: str) -> Row:
        if not self.has_orders:
            raise RefusedError(402, "Your plan does not include this feature")
        include = set(filter(None, given.get("include", "").split(",")))
        if unknown := sorted(include - {*IN_ORDERS, *IN_TICKETS}):
            raise RefusedError(400, f"Unknown include: {', '.join(unknown)}")
        text, size = given.get("p", "1"), self.order_page_size
        if not text.isdecimal() or text == "0":
            raise RefusedError(400, "Invalid parameter: p")
        orders = self.orders()[:: -1 if self.newest_orders_first else 1]
        page = orders[(int(text) - 1) * size : int(text) * size]
        if not page and orders and self.orders_end == "repeat":
            page = orders[(len(orders) - 1) // size * size :]
        elif not page and text != "1" and self.orders_end == "error":
            raise RefusedError(404, "There is no such page")
        rows = [self._order(order, include, language) for order in page]
        return {"data": rows or (None if self.orders_end == "null" else [])}

    def _event_row(self, event: Event, language: str) -> Row:
        came = len(event.arrivals)
        kinds = [{**kind, "name": _words(language)[kind["name"]]} for kind in event.row["ticket_types"]]
        counts = {"tickets": came + 20, "tickets_checked_in": came * 2 // 5, "tickets_sold": came}
        return {**counts, **event.row, "ticket_types": kinds}

    def _asked_event(self, given: dict[str, str], *, oveit: bool) -> int | None:
        text = given.get(self.event_parameter, "")
        if not text:
            if oveit if self.require_event is None else self.require_event:
                raise RefusedError(400, f"Missing parameter: {self.event_parameter}")
            return None
        event = self.events.get(int(text)) if text.isdigit() else None
        if event is None or event.vanished:
            raise RefusedError(404, "Event not found")
        return int(text)

    def _start(self, scope: list[int] | range, since: str) -> int:
        """Return the place after the row with this code."""
        if not since or self.stuck:
            return 0
        number = arrival_of(since)
        after = bisect_right(scope, -1 if number is None else number)
        if after == 0 or scope[after - 1] != number:
            if self.unknown_code == "error":
                raise RefusedError(400, "Unknown ticket code")
            return 0 if self.unknown_code == "full" else len(scope)
        # Not on the last page, which would never become empty.
        return after if after >= len(scope) else max(0, after - self.overlap)


def _uuid(order: int) -> str:
    return f"00000000-0000-4000-8000-{order:012}"


def _stamp(moment: datetime) -> str:
    """Return a time as Oveit writes it: local, and its offset without a colon."""
    return moment.astimezone(EASTERN).strftime("%Y-%m-%dT%H:%M:%S%z")


def _parameters(request: Request) -> dict[str, str]:
    """Return the parameters from query and body, which may be a form or JSON."""
    given = {name: values[-1] for name, values in request.query.items()}
    if request.body:
        if "json" in request.headers.get("content-type", ""):
            try:
                body = json.loads(request.body)
            except ValueError:
                raise RefusedError(400, "Malformed JSON") from None
            given.update({name: str(value) for name, value in body.items()} if isinstance(body, dict) else {})
        else:
            form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
            given.update({name: values[-1] for name, values in form.items()})
    return given


def _language(request: Request) -> str:
    asked = request.headers.get("accept-language", "en")[:2].lower()
    return asked if asked in WORDS else "en"


def _words(language: str) -> tuple[str, ...]:
    return WORDS[language]


def _fields(language: str) -> list[Row]:
    """Return the registration form, in whose order the `values` of an attendee stand."""
    kinds = ("text", "email", "select", "file", "date")
    return [
        {
            "id": 300 + place,
            "name": name,
            "type": kind,
            "values": ["Jazz", "Oper", "Café & Kuchen"] if kind == "select" else [],
            "is_multiple": kind == "select",
            "is_mandatory": place < 2,
        }
        for place, (kind, name) in enumerate(zip(kinds, _words(language)[2:], strict=True))
    ]
