"""Part B: organizers, their events and everything below, behind the protocol of pretix's API v1.

`Organizers` holds the data and the switches; `answer` is the API. Lists are looked up by path, filtered, ordered and cut
into pages anew for each request, as a database does, so that all that can go wrong while rows change goes wrong here, too.
"""

from __future__ import annotations

import json
import random
import re
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

from sandbox import samples, sales
from sandbox.lists import BY_NAME, ROUTES, List, words
from sandbox.sales import Event, Organizer, Row
from sandbox.web import Request, Response, html

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = "/api/v1"
#: Past, so that no client's clock is behind the server's; fixed, so that every run reads the same.
NOW = datetime(2025, 9, 15, 12, tzinfo=timezone.utc)
#: Longer lists are made while they are read, and can be neither changed nor sorted in other ways.
LAZY_FROM = 10_000
NO_SLASH = {"/version", "/me"}
DENIED = {"detail": "You do not have permission to perform this action."}


class Error(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, data: object, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.response = Response(status, data, headers or {})


@dataclass
class Token:
    """What a credential may see; None is everything."""

    organizers: frozenset[str] | None = None
    events: frozenset[str] | None = None
    permissions: frozenset[str] | None = None
    active: bool = True

    def may(self, permission: str | None) -> bool:
        """Return whether one of the permissions (`a or b`) is granted."""
        return permission is None or self.permissions is None or bool(self.permissions & set(permission.split(" or ")))


class Organizers:
    """The data of part B, its switches, and what changes it."""

    def __init__(  # noqa: PLR0913
        self,
        token: str,
        *,
        seed: int = 1,
        organizers: int = 3,
        events: int = 70,
        tax_rules: int = 60,
        orders: int = 400,
        rows: dict[str, int] | None = None,
        now: datetime = NOW,
    ) -> None:
        #: One lock for all data: a request sees it as it is at one moment.
        self.lock = threading.RLock()
        #: The zone that the server writes times in.
        self.timezone: tzinfo = timezone.utc
        #: The host that `next` and `previous` name, if not the one that was asked for.
        self.public_url: str | None = None
        #: Seconds until a change is visible, though it is stamped with the time when it was made.
        self.commit_delay = 0.0
        self.max_page_size = 50
        self.tokens = {token: Token()}
        self._now, self._started = now, time.monotonic()
        self._counts = rows or {}
        self._stride = 10 ** max(2, len(str(max([tax_rules, *self._counts.values()]))))
        self._random = random.Random(seed)
        self._till = sales.Till(self._random, now, self._stride)
        self._numbers = 0
        self._stored: dict[str, list[Row]] = {}
        self._pending: list[tuple[float, Callable[[], None]]] = []
        self._denied: list[tuple[re.Pattern[str], int]] = []
        self._shuffled: list[re.Pattern[str]] = []
        self.organizers: dict[str, Organizer] = {}
        self._fill(organizers, events, tax_rules, orders)

    # --- data -----------------------------------------------------------------------------------------------------

    def _fill(self, organizers: int, events: int, tax_rules: int, orders: int) -> None:
        shares, now = (0.62, 0.25, 0.13), self._now
        for place in range(organizers):
            slug, name = sales.ORGANIZERS[place] if place < len(sales.ORGANIZERS) else (f"org{place}", f"Organizer {place}")
            organizer = self.add_organizer(slug, name)
            for at in range(events if place == 0 else max(4, events // 20)):
                # The first slug is the same everywhere: event slugs are unique inside their organizer only.
                event = self.add_event(slug, f"{sales.KINDS[at % len(sales.KINDS)][2]}-{at + 1}", has_subevents=at == 1)
                self._event(slug, event["slug"]).tax_rules = tax_rules if place == at == 0 else 3
                if at == 1:
                    for week in range(8):
                        date = sales.make_subevent(organizer, self._event(slug, event["slug"]), week, now, self._stride)
                        organizer.sales["subevents"].append(date)
            share = shares[place] if place < len(shares) else 0.05
            self._sell(organizer, round(orders * share))

    def _sell(self, organizer: Organizer, count: int) -> None:
        """Sell to events as a public does: a few draw most of it, and nobody buys when it is over."""
        programme = list(organizer.events.values())
        for moment in sales.sale_times(count, self._now, self._random):
            open_events = [found for found in programme if found.row["date_from"] > moment] or programme
            weights = [1 / (1 + place) for place in range(len(open_events))]
            self._till.sell(organizer, self._random.choices(open_events, weights)[0], moment)

    def now(self) -> datetime:
        """Return the server's time."""
        return self._now + timedelta(seconds=time.monotonic() - self._started)

    def _event(self, organizer: str, event: str) -> Event:
        return self.organizers[organizer].events[event]

    # --- changes --------------------------------------------------------------------------------------------------

    def _commit(self, change: Callable[[], None]) -> None:
        with self.lock:
            if self.commit_delay:
                self._pending.append((time.monotonic() + self.commit_delay, change))
            else:
                change()

    def _commit_due(self) -> None:
        while self._pending and self._pending[0][0] <= time.monotonic():
            self._pending.pop(0)[1]()

    def add_organizer(self, slug: str, name: str | None = None, **fields: Any) -> Organizer:
        """Add an organizer without events."""
        row = {
            "name": name or slug,
            "slug": slug,
            "public_url": f"https://tickets.example/{quote(slug)}/",
            "plugins": ["pretix.plugins.banktransfer"],
        }
        with self.lock:
            self.organizers[slug] = Organizer(len(self.organizers) + 1, {**row, **fields})
            return self.organizers[slug]

    def add_event(self, organizer: str, slug: str, **fields: Any) -> Row:
        """Add an event, in every list at once; `fields` go into its row."""
        with self.lock:
            found = self.organizers[organizer]
            place = len(found.events)
            self._numbers += 1
            event = sales.make_event(self._numbers, slug, place, self._now, self._random)
            plan = found.number * self._stride + 1 if place % 6 == 3 else None  # noqa: PLR2004
            event.row.update({"seating_plan": plan, **fields})
            found.events[slug] = event
            return event.row

    def delete_event(self, organizer: str, slug: str) -> None:
        """Delete an event with all that hangs on it."""
        with self.lock:
            found = self.organizers[organizer]
            del found.events[slug]
            for name, rows in found.sales.items():
                found.sales[name] = [row for row in rows if _event_of(row) != slug]
            below = f"/organizers/{quote(organizer, safe='')}/events/{quote(slug, safe='')}/"
            self._stored = {path: rows for path, rows in self._stored.items() if not path.startswith(below)}

    def add_tax_rules(self, organizer: str, event: str, count: int = 1) -> list[Row]:
        """Add tax rules to an event, and return them."""
        with self.lock:
            path = f"/organizers/{quote(organizer, safe='')}/events/{quote(event, safe='')}/taxrules/"
            rows, found = self.rows(path), self._event(organizer, event)
            found.tax_rules += count
            added = sales.tax_rules(found, self._stride)[-count:]
            rows.extend(added)
            return added

    def add_subevent(self, organizer: str, event: str, **fields: Any) -> Row:
        """Add a date to a series."""
        with self.lock:
            parent, series = self.organizers[organizer], self._event(organizer, event)
            row = sales.make_subevent(parent, series, len(series.subevents), self._now, self._stride)
            row.update({"last_modified": self.now(), **fields})
            self._commit(lambda: parent.sales["subevents"].append(row))
            return row

    def move_subevent(self, organizer: str, subevent: int, days: int = 1) -> list[str]:
        """Move a date; all its orders get one and the same `last_modified`. Return their codes."""
        with self.lock:
            found, now = self.organizers[organizer], self.now()
            row = next(row for row in found.sales["subevents"] if row["id"] == subevent)
            orders = [
                order
                for order in found.sales["orders"]
                if any(position["subevent"] == subevent for position in order["positions"])
            ]

            def change() -> None:
                row.update(date_from=row["date_from"] + timedelta(days=days), last_modified=now)
                for order in orders:
                    order["last_modified"] = now

            self._commit(change)
            return [order["code"] for order in orders]

    def add_order(self, organizer: str, event: str, positions: int = 2, **fields: Any) -> Row:
        """Sell something now; visible after `commit_delay`."""
        with self.lock:
            found, now = self.organizers[organizer], self.now()
            lists = ("orders", "transactions", "invoices", "checkins")
            sold = {name: len(found.sales[name]) for name in lists}
            order = self._till.sell(found, self._event(organizer, event), now, positions)
            order["last_modified"] = now
            order.update(fields)
            if self.commit_delay:
                late = {name: found.sales[name][sold[name] :] for name in lists}
                for name in lists:
                    del found.sales[name][sold[name] :]

                def change() -> None:
                    for name, rows in late.items():
                        found.sales[name].extend(rows)

                self._commit(change)
            return order

    def order(self, organizer: str, code: str) -> Row:
        """Return an order's row; change it freely."""
        return next(row for row in self.organizers[organizer].sales["orders"] if row["code"] == code)

    def change_order(self, organizer: str, code: str, *, touch: bool = True, **fields: Any) -> Row:
        """Change an order now; `touch=False` leaves `last_modified` alone, as some changes do."""
        order, stamp = self.order(organizer, code), {"last_modified": self.now()} if touch else {}
        self._commit(lambda: order.update({**fields, **stamp}))
        return order

    def cancel_position(self, organizer: str, code: str, positionid: int = 1) -> Row:
        """Cancel one position: it leaves the order unless canceled ones are asked for."""
        order, now = self.order(organizer, code), self.now()

        def change() -> None:
            order["positions"][positionid - 1]["canceled"] = True
            order["last_modified"] = now

        self._commit(change)
        return order

    def add_payment(self, organizer: str, code: str, amount: str = "10.00", state: str = "confirmed") -> Row:
        """Add a payment to an order: its `last_modified` stays as it is."""
        order, now = self.order(organizer, code), self.now()
        row = sales.payment(len(order["payments"]) + 1, state, Decimal(amount), now, now, "manual")
        self._commit(lambda: order["payments"].append(row))
        return row

    def add_refund(self, organizer: str, code: str, amount: str = "10.00", state: str = "done") -> Row:
        """Add a refund to an order: its `last_modified` stays as it is."""
        with self.lock:
            return sales.Till.refund(self.order(organizer, code), Decimal(amount), self.now(), state)

    def delete_order(self, organizer: str, code: str) -> None:
        """Delete an order without a trace, as happens to test orders."""
        with self.lock:
            found = self.organizers[organizer]
            for name in ("orders", "transactions", "invoices"):
                found.sales[name] = [row for row in found.sales[name] if row.get("order", row.get("code")) != code]

    def rows(self, path: str) -> list[Row]:
        """Return the rows of one list, such as `/organizers/riverside/events/jazz-1/quotas/`, to be changed at will."""
        with self.lock:
            facts, keys = _route(path)
            if facts.name in {"subevents", "orders", "transactions", "invoices"} and "event" not in keys:
                return self.organizers[keys["organizer"]].sales[facts.name]
            key = _canonical(path)
            if key not in self._stored:
                self._stored[key] = list(self._rows(facts, keys, key))
            return self._stored[key]

    def add_rows(self, path: str, *rows: Row) -> None:
        """Add rows to a list."""
        found = self.rows(path)
        self._commit(lambda: found.extend(rows))

    def delete_row(self, path: str, key: object) -> None:
        """Delete the row with this key from a list."""
        with self.lock:
            facts, keys = _route(path)
            if facts.name == "events":
                self.delete_event(keys["organizer"], str(key))
                return
            rows = self.rows(path)
            rows[:] = [row for row in rows if str(row[facts.key]) != str(key)]

    # --- switches -------------------------------------------------------------------------------------------------

    def add_token(
        self,
        token: str | None = None,
        *,
        organizers: Sequence[str] | None = None,
        events: Sequence[str] | None = None,
        permissions: Sequence[str] | None = None,
    ) -> str:
        """Make one more credential, limited to organizers, events and permissions (None: all), and return it."""
        token = token or f"token{len(self.tokens)}" + "".join(self._random.choices(sales.ALPHABET, k=20))
        self.tokens[token] = Token(*(None if x is None else frozenset(x) for x in (organizers, events, permissions)))
        return token

    def revoke_token(self, token: str) -> None:
        """Deactivate a credential."""
        self.tokens[token].active = False

    def deny(self, path: str, status: int = 403) -> None:
        """Answer 403 (or 404, or an HTML 404 for 0) wherever this regular expression is found in a list's path."""
        self._denied.append((re.compile(path), status))

    def allow_all(self) -> None:
        """Take back all `deny`."""
        self._denied.clear()

    def shuffle_ties(self, path: str) -> None:
        """Let lists with this in their path order equal rows anew for each page, as PostgreSQL may.

        Pages then repeat some rows and drop as many others, while `count` is right; other page sizes, other rows.
        """
        self._shuffled.append(re.compile(path))

    # --- the API --------------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Response:
        """Answer a request below `/api/v1`; whoever encodes the answer holds the lock, or rows change under it."""
        path = request.path[len(ROOT) :]
        try:
            if not path.endswith("/") and path not in NO_SLASH:
                if _find(path) is None and path:
                    return html(404, "Not Found")
                query = f"?{request.query_string}" if request.query_string else ""
                return Response(301, body=b"", headers={"Location": f"{request.path}/{query}"})
            found = _find(path)
            if found is None and path not in {*NO_SLASH, "/"}:
                return html(404, "Not Found")
            token = self._authenticate(request)
            if request.method not in {"GET", "HEAD", "OPTIONS"}:
                raise Error(405, {"detail": f'Method "{request.method}" not allowed.'}, {"Allow": "GET, HEAD, OPTIONS"})
            with self.lock:
                self._commit_due()
                if found is None:
                    return self._fixed(path, request)
                return replace(self._list(request, token, path, *found), encode=self._encode)
        except Error as error:
            return error.response

    def _fixed(self, path: str, request: Request) -> Response:
        if path == "/version":
            return Response(data={"pretix": "2026.8.0", "pretix_numeric": 20260080005000})
        if path == "/":
            return Response(data={"organizers": self._host(request) + ROOT + "/organizers/"})
        raise Error(403, DENIED)

    def _authenticate(self, request: Request) -> Token:
        challenge = {"WWW-Authenticate": "Token"}
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in {"token", "bearer"}:
            given = request.headers.get("api_key", "")
        if not given:
            raise Error(401, {"detail": "Authentication credentials were not provided."}, challenge)
        token = self.tokens.get(given.strip())
        if token is None:
            raise Error(401, {"detail": "Invalid token."}, challenge)
        if not token.active:
            raise Error(401, {"detail": "Token inactive or deleted."}, challenge)
        return token

    def _list(self, request: Request, token: Token, path: str, facts: List, keys: dict[str, str], single: str | None) -> Response:
        generated = {"X-Page-Generated": self._time(self.now())} if facts.page_generated else {}
        self._check(token, facts, keys, path)
        rows: Sequence[Row] = self._visible(token, facts, keys, self._rows(facts, keys, _canonical(path)))
        if facts.shape == "object":
            return Response(data=self._object(request, rows[0]))
        if single is not None:
            row = next((row for row in rows if str(row.get(facts.key)) == single), None)
            if row is None:
                raise Error(404 if facts.key != "slug" else 403, {"detail": "Not found."} if facts.key != "slug" else DENIED)
            return Response(data=self._shown(request, facts, row, keys, single=True))
        rows = self._filtered(request, facts, rows)
        if facts.shape == "unpaged":
            page = [self._shown(request, facts, row, keys) for row in rows]
            return Response(data={"count": len(page), "next": None, "previous": None, "results": page})
        return self._page(request, facts, keys, rows, path, generated)

    def _check(self, token: Token, facts: List, keys: dict[str, str], path: str) -> None:
        """Raise what a credential gets for this list, before any row is looked at."""
        for pattern, status in self._denied:
            if pattern.search(path):
                raise Error(status, DENIED if status == 403 else {"detail": "Not found."})  # noqa: PLR2004
        organizer = keys.get("organizer")
        if organizer is not None:
            found = self.organizers.get(organizer)
            if found is None or (token.organizers is not None and organizer not in token.organizers):
                raise Error(403, DENIED)
            event = keys.get("event")
            if event is not None and (
                event not in found.events or (token.events is not None and event not in token.events)
            ):
                raise Error(403, DENIED)
        if not token.may(facts.permission) and not (facts.soft and "event" not in keys):
            own = facts.name.endswith("scheduled_exports") or facts.name == "bank_import_jobs"
            raise Error(403, {"detail": "No permission to see these."} if own else DENIED)

    def _visible(self, token: Token, facts: List, keys: dict[str, str], rows: Sequence[Row]) -> Sequence[Row]:
        """Leave out what the credential may not see but gets no 403 for."""
        if facts.name == "organizers":
            return [row for row in rows if token.organizers is None or row["slug"] in token.organizers]
        if facts.soft and "event" not in keys:
            if not token.may(facts.permission):
                return []
            if token.events is not None:
                name = "slug" if facts.name == "events" else "event"
                return [row for row in rows if row.get(name) in token.events]
        return rows

    def _rows(self, facts: List, keys: dict[str, str], path: str) -> Sequence[Row]:
        """Return all rows of a list, in no particular order."""
        if path in self._stored:
            return self._stored[path]
        name = facts.name
        if name == "organizers":
            return [found.row for found in self.organizers.values()]
        organizer = self.organizers[keys["organizer"]]
        if name == "events":
            return [found.row for found in organizer.events.values()]
        slug = keys.get("event")
        if name in organizer.sales:
            rows = organizer.sales[name]
            return rows if slug is None else [row for row in rows if _event_of(row) == slug]
        if name == "order_positions":
            orders = organizer.sales["orders"]
            return [row for order in orders if slug in {None, order["event"]} for row in _positions(order)]
        if name in {"order_payments", "order_refunds"}:
            order = next((row for row in organizer.sales["orders"] if row["code"] == keys["order"]), None)
            if order is None or order["event"] != slug:
                raise Error(404, {"detail": "No Order matches the given query."})
            return list(order[name.removeprefix("order_")])
        if slug is not None and name == "tax_rules":
            return sales.tax_rules(organizer.events[slug], self._stride)
        return self._sample_rows(facts, keys, organizer)

    def _sample_rows(self, facts: List, keys: dict[str, str], organizer: Organizer) -> Sequence[Row]:
        event = organizer.events[keys["event"]] if "event" in keys else None
        if facts.name == "seats":
            series = bool(event and event.row["has_subevents"])
            if series != ("subevent" in keys):
                raise Error(404, {"detail": "Not found."})
            if event and series and keys["subevent"] not in map(str, event.subevents):
                raise Error(404, {"detail": "Not found."})
        number = int(keys["subevent"]) if "subevent" in keys else event.number if event else organizer.number
        parent: Row | None = None
        if len(facts.parents) > (2 if event else 1):
            # Three levels down: the parent's row decides.
            parent = self._parent(facts, keys)
            number = parent["id"]
        if facts.name == "item_program_times" and event and event.row["has_subevents"]:
            raise Error(400, ["Program times cannot be used with event series."])
        if facts.name == "checkin_list_positions":
            return [
                {**row, "checkins": [scan for scan in row["checkins"] if scan["list"] == number]}
                for order in organizer.sales["orders"]
                if order["event"] == keys["event"] and order["status"] == "p"
                for row in _positions(order)
                if not row["canceled"]
            ]
        nested = samples.NESTED.get(facts.name)
        if nested and parent is not None:
            return [{"id": number * self._stride + place, **row} for place, row in enumerate(parent[nested[1]], 1)]
        templates = samples.load(facts.name)

        def make(i: int) -> Row:
            row = samples.multiplied(facts, templates, i) if count > len(templates) else templates[i]
            return self._own(facts, row, number, i, organizer, event)

        count = self._counts.get(facts.name, len(templates))
        if count < LAZY_FROM:
            return [make(i) for i in range(count)]
        return samples.Rows(count, make, facts.time)

    def _own(self, facts: List, template: Row, number: int, i: int, organizer: Organizer, event: Event | None) -> Row:
        """Return a sample's row as one of this parent: with its own id, pointing at its own neighbours."""

        def refer(name: str, place: int | None, nested: int | None) -> Any:
            if name in {"organizer", "event"}:
                return organizer.slug if name == "organizer" or event is None else event.slug
            other = BY_NAME[name]
            if other.key != "id" or name in {"subevents", "order_positions"}:
                rows = self._rows(other, {"organizer": organizer.slug}, "")
                return rows[(i if place is None else place - 1) % len(rows)][other.key] if rows else None
            if place is None:
                place = i % self._counts.get(name, len(samples.load(name))) + 1
            parent = event.number if "event" in other.parents and event else organizer.number
            if nested:
                return (parent * self._stride + place) * self._stride + nested
            return parent * self._stride + place

        row: Row = samples.resolve(template, refer)
        if facts.key == "id" and facts.shape != "object":
            row["id"] = number * self._stride + i + 1
            for parent, field, with_id in samples.NESTED.values():
                if parent == facts.name and with_id:
                    for place, inner in enumerate(row[field], 1):
                        inner["id"] = row["id"] * self._stride + place
        if facts.key == "device_id":
            row["device_id"] = i + 1
        row.setdefault("_pk", row.get("id", i))
        if event and event.row["has_subevents"] and event.subevents and row.get("subevent", 0) is None:
            row["subevent"] = event.subevents[i % len(event.subevents)]
        return row

    def _parent(self, facts: List, keys: dict[str, str]) -> Row:
        last = facts.parents[-1]
        parts = facts.path.strip("/").split("/")
        path = "/" + "/".join(parts[: parts.index("{" + last + "}")]) + "/"
        filled = path.format(**{name: quote(value, safe="") for name, value in keys.items()})
        above, its_keys = _route(filled)
        rows = self._rows(above, its_keys, _canonical(filled))
        if isinstance(rows, samples.Rows):
            wanted = int(keys[last]) % self._stride - 1
            rows = [rows[wanted]] if 0 <= wanted < len(rows) else []
        for row in rows:
            if str(row["id"]) == keys[last]:
                return row
        raise Error(404, {"detail": "Not found."})

    # --- filters, order, pages ------------------------------------------------------------------------------------

    def _filtered(self, request: Request, facts: List, rows: Sequence[Row]) -> Sequence[Row]:
        for known in facts.filters:
            text = request.parameter(known.parameter)
            if text:
                rows = self._filter(known.parameter, known.kind, known.field, text, rows)
        if facts.name == "questions":
            container = request.parameter("container_type") or "P"
            rows = [row for row in rows if row.get("_container_type", "P") == container]
        return rows

    def _filter(self, parameter: str, kind: str, field: str, text: str, rows: Sequence[Row]) -> Sequence[Row]:
        if parameter in {"is_past", "is_future", "ends_after"}:
            return self._by_end(parameter, text, rows)
        if parameter == "payment_provider":
            return [row for row in rows if any(payment["provider"] == text for payment in row["payments"])]
        if kind in {">=", "<"}:
            moment = self._moment(parameter, text)
            if isinstance(rows, samples.Rows) and kind == ">=" and field == rows.time:
                return rows.since(moment)
            if kind == ">=":
                return [row for row in rows if row[field] is not None and row[field] >= moment]
            return [row for row in rows if row[field] is not None and row[field] < moment]
        if kind == "bool":
            wanted = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
            return rows if wanted is None else [row for row in rows if row[field] is wanted]
        if kind == "int":
            if not text.isdigit():
                raise Error(400, {parameter: ["Enter a number."]})
            return [row for row in rows if row[field] == int(text)]
        folded = text.lower()
        return [row for row in rows if str(row[field]).lower() == folded]

    def _by_end(self, parameter: str, text: str, rows: Sequence[Row]) -> Sequence[Row]:
        """Filter by when events end. A series has no end: it is neither past nor future, only not past."""
        if parameter == "ends_after":
            moment = self._moment(parameter, text)
            return [row for row in rows if not row.get("has_subevents") and _end(row) >= moment]
        wanted = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
        if wanted is None:
            return rows
        now = self.now()

        def matches(row: Row) -> bool:
            return not row.get("has_subevents") and (_end(row) < now if parameter == "is_past" else _end(row) >= now)

        return [row for row in rows if matches(row) is wanted]

    def _moment(self, parameter: str, text: str) -> datetime:
        """Read a date or time; without a zone it is meant in the server's."""
        # Python 3.10 knows no `Z`, and any version would take a blank before an offset.
        fits = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?)?", text)
        try:
            if fits:
                day, clock, fraction, zone = fits.groups()
                clock = clock or "00:00:00"
                clock = clock if clock.count(":") == 2 else f"{clock}:00"  # noqa: PLR2004
                fraction = (fraction or ".0").ljust(7, "0")
                moment = datetime.strptime(f"{day}T{clock}{fraction}", "%Y-%m-%dT%H:%M:%S.%f")  # noqa: DTZ007
                if zone is None:
                    return moment.replace(tzinfo=self.timezone)
                return moment.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo)
        except ValueError:
            pass
        raise Error(400, {parameter: ["Enter a valid date/time."]})

    def _sorted(self, request: Request, facts: List, rows: Sequence[Row], path: str, start: int, size: int) -> Sequence[Row]:
        asked = (request.parameter("ordering") or "").split(",")
        order = [field for field in asked if field.lstrip("-") in facts.allowed]
        order = [*order, "-pk"] if order else list(facts.order)
        if isinstance(rows, samples.Rows):
            ascending = rows if rows.order.step > 0 else rows[::-1]
            return ascending[::-1] if order[0].startswith("-") else ascending
        found = list(rows)
        if any(pattern.search(path) for pattern in self._shuffled):
            # What a database without a total order does, made worse: another order of equal rows for every page.
            found.sort(key=lambda row: zlib.crc32(f"{row.get(facts.key)}/{start}/{size}".encode()))
            order = [field for field in order if field.lstrip("-") not in {"pk", "id"}]
        for field in reversed(order):
            name = field.lstrip("-")
            found.sort(key=lambda row: _sort_key(row, name), reverse=field.startswith("-"))
        return found

    def _page(
        self, request: Request, facts: List, keys: dict[str, str], rows: Sequence[Row], path: str, headers: dict[str, str]
    ) -> Response:
        count = len(rows)
        asked = request.parameter("page_size") or ""
        size = min(int(asked), self.max_page_size) if asked.isdigit() and int(asked) > 0 else self.max_page_size
        last = max(1, -(-count // size))
        text = request.parameter("page") or "1"
        number = last if text == "last" else int(text) if text.isdigit() else 0
        if not 1 <= number <= last:
            raise Error(404, {"detail": "Invalid page."})
        start = (number - 1) * size
        page = self._sorted(request, facts, rows, path, start, size)[start : start + size]

        def link(to: int) -> str:
            query = {name: values for name, values in request.query.items() if name != "page"}
            if to > 1:
                query["page"] = [str(to)]
            text = urlencode(sorted(query.items()), doseq=True)
            return self._host(request) + request.path + (f"?{text}" if text else "")

        data = {
            "count": count,
            "next": link(number + 1) if number < last else None,
            "previous": link(number - 1) if number > 1 else None,
            "results": [self._shown(request, facts, row, keys) for row in page],
        }
        return Response(data=data, headers=headers)

    def _host(self, request: Request) -> str:
        return self.public_url or f"http://{request.headers.get('host', 'localhost')}"

    # --- rows as they are shown -----------------------------------------------------------------------------------

    def _shown(self, request: Request, facts: List, row: Row, keys: dict[str, str], *, single: bool = False) -> Row:
        """Return a copy of a row as this request sees it."""
        shown = {
            name: value
            for name, value in row.items()
            if not name.startswith("_")
            and (name not in facts.only_with or request.parameter(facts.only_with[name]) not in {None, "", "false"})
            and (name != "valid_keys" or single)
        }
        if facts.name == "orders":
            shown = self._shown_order(request, shown)
        if facts.name in {"order_positions", "transactions"} and "event" in keys:
            shown.pop("event", None)
        if facts.name in {"order_positions", "checkin_list_positions"}:
            shown["checkins"] = [_public(scan) for scan in shown["checkins"]]
        if facts.name == "reusable_media" and len(shown["linked_orderpositions"]) < 2:  # noqa: PLR2004
            shown["linked_orderposition"] = next(iter(shown["linked_orderpositions"]), None)
        if facts.name == "reusable_media" and len(shown["linked_orderpositions"]) >= 2:  # noqa: PLR2004
            shown.pop("linked_orderposition", None)
        return _trimmed(request, shown)

    @staticmethod
    def _shown_order(request: Request, order: Row) -> Row:
        canceled = request.parameter("include_canceled_positions") == "true"
        order["positions"] = [
            {**_public(row), "checkins": [_public(scan) for scan in row["checkins"]]}
            for row in order["positions"]
            if canceled or not row["canceled"]
        ]
        if request.parameter("pdf_data") != "true":
            for row in order["positions"]:
                del row["pdf_data"]
        if request.parameter("include_canceled_fees") != "true":
            order["fees"] = [fee for fee in order["fees"] if not fee["canceled"]]
        return order

    def _object(self, request: Request, row: Row) -> Row:
        if request.parameter("explain"):
            return {
                name: {"value": value, "label": name.replace("_", " ").capitalize(), "help_text": "", "readonly": False}
                for name, value in row.items()
                if not name.startswith("_")
            }
        return _public(row)

    def _encode(self, data: object) -> bytes:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=self._text).encode()

    def _text(self, value: object) -> str:
        if isinstance(value, datetime):
            return self._time(value)
        if isinstance(value, date):
            return value.isoformat()
        raise TypeError(type(value))

    def _time(self, moment: datetime) -> str:
        text = moment.astimezone(self.timezone).isoformat()
        return text[:-6] + "Z" if text.endswith("+00:00") else text


def _find(path: str) -> tuple[List, dict[str, str], str | None] | None:
    """Return the list that a path names, its parents' keys, and the row's key if the path goes on to a single row."""
    named, keys = words(path)
    if named not in ROUTES:
        return None
    facts, parents = ROUTES[named]
    values = [unquote(key) for key in keys]
    if len(values) not in {len(parents), len(parents) + 1}:
        return None
    single = values[len(parents)] if len(values) > len(parents) else None
    return facts, dict(zip(parents, values, strict=False)), single


def _route(path: str) -> tuple[List, dict[str, str]]:
    found = _find(path)
    if found is None or found[2] is not None:
        message = f"no list {path}"
        raise ValueError(message)
    return found[0], found[1]


def _canonical(path: str) -> str:
    return "/".join(quote(unquote(part), safe="") for part in path.split("/"))


def _public(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.startswith("_")}


def _event_of(row: Row) -> object:
    return row.get("event", row.get("_event"))


def _end(row: Row) -> datetime:
    end: datetime = row["date_to"] or row["date_from"]
    return end


def _positions(order: Row) -> list[Row]:
    """Return an order's positions as rows of their own, with what they can be ordered by."""
    extra = {"_order__datetime": order["datetime"], "_order__code": order["code"], "_order__status": order["status"]}
    return [{**row, "event": order["event"], "_order__email": order["email"], **extra} for row in order["positions"]]


def _sort_key(row: Row, name: str) -> tuple[bool, Any]:
    value = row.get("_pk", row.get("id")) if name == "pk" else row.get(name, row.get("_" + name))
    return (value is None, 0 if value is None else json.dumps(value) if isinstance(value, dict) else value)


def _trimmed(request: Request, row: Row) -> Row:
    """Apply `include` and `exclude`, which also reach one level down."""
    include, exclude = request.query.get("include"), request.query.get("exclude")
    if include:
        row = _picked(row, include)
    for name in exclude or ():
        field, _, inner = name.partition(".")
        if inner and isinstance(row.get(field), list):
            if any(inner not in part for part in row[field]):
                raise Error(500, {"detail": "A server error occurred."})
            row[field] = [{k: v for k, v in part.items() if k != inner} for part in row[field]]
        else:
            row.pop(field, None)
    return row


def _picked(row: Row, include: list[str]) -> Row:
    picked: Row = {}
    for name, value in row.items():
        inner = {wanted.partition(".")[2] for wanted in include if wanted.partition(".")[0] == name}
        if "" in inner:
            picked[name] = value
        elif inner and isinstance(value, list):
            picked[name] = [{k: v for k, v in part.items() if k in inner} for part in value]
    return picked

