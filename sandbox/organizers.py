"""The data of part B: organizers, their events and everything below; what changes it, and its switches.

Sales are kept, everything else follows from the parent's number and a sample file when it is asked
for, unless somebody changed it. How it is served is in `pages.py`.
"""

from __future__ import annotations

import random
import re
import threading
import time
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sandbox import sales, samples
from sandbox.lists import BY_NAME, List, canonical, fill, find_list
from sandbox.sales import Event, Organizer, Row
from sandbox.web import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Past, so that no client's clock is behind the server's; fixed, so that every run reads the same.
NOW = datetime(2025, 9, 15, 12, tzinfo=timezone.utc)
VERSION = "2026.8.0"
#: Longer lists are made while they are read, and can be neither changed nor sorted in other ways.
LAZY_FROM = 10_000
EVENT_PATH = "/organizers/{organizer}/events/{event}/"


class AnswerError(Exception):
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


@dataclass
class Grant:
    """What a user has allowed an application of OAuth."""

    client_id: str
    client_secret: str
    token: Token
    #: The access token that is valid now.
    access_token: str = ""


class Organizers:
    """The data of part B, its switches, and what changes it."""

    def __init__(
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
        #: Which pretix it is: lists that came later are not there.
        self.version = VERSION
        #: The host that `next` and `previous` name, if not the one that was asked for.
        self.public_url: str | None = None
        #: Seconds until a change is visible, though it is stamped with the time when it was made.
        self.commit_delay = 0.0
        self.max_page_size = 50
        self.tokens = {token: Token()}
        #: By refresh token.
        self.grants: dict[str, Grant] = {}
        #: Whether a refresh token is another one after each use; pretix keeps it.
        self.rotates = False
        self._now, self._started = now, time.monotonic()
        self._counts = rows or {}
        self._stride = 10 ** max(2, len(str(max([tax_rules, *self._counts.values()]))))
        self._random = random.Random(seed)
        self._till = sales.Till(self._random, now, self._stride)
        self._numbers = 0
        self._stored: dict[str, list[Row]] = {}
        self._pending: list[tuple[float, Callable[[], None]]] = []
        self.denied: list[tuple[re.Pattern[str], int]] = []
        self.shuffled: list[re.Pattern[str]] = []
        self.organizers: dict[str, Organizer] = {}
        self._fill(organizers, events, tax_rules, orders)

    # --- data -----------------------------------------------------------------------------------------------------

    def _fill(self, organizers: int, events: int, tax_rules: int, orders: int) -> None:
        shares, now = (0.62, 0.25, 0.13), self._now
        for place in range(organizers):
            slug, name = (
                sales.ORGANIZERS[place] if place < len(sales.ORGANIZERS) else (f"org{place}", f"Organizer {place}")
            )
            organizer = self.add_organizer(slug, name)
            for at in range(events if place == 0 else max(4, events // 20)):
                # The first slug is the same everywhere: event slugs are unique inside their organizer only.
                event = self.add_event(slug, f"{sales.KINDS[at % len(sales.KINDS)][2]}-{at + 1}", has_subevents=at == 1)
                self._event(slug, event["slug"]).tax_rules = tax_rules if place == at == 0 else sales.TAX_RULES
                if at == 1:
                    for week in range(8):
                        date = sales.make_subevent(organizer, self._event(slug, event["slug"]), week, now, self._stride)
                        organizer.sales["subevents"].append(date)
            share = shares[place] if place < len(shares) else 0.05
            self._sell(organizer, round(orders * share))

    def _sell(self, organizer: Organizer, count: int) -> None:
        """Sell to events as a public does: a few draw most of it, and nobody buys when it is over."""
        programme, rng = list(organizer.events.values()), self._random
        for moment in sales.sale_times(count, self._now, rng):
            draws = (programme[int(len(programme) * rng.random() ** 3)] for _ in range(20))
            event = next((found for found in draws if found.row["date_from"] > moment), programme[0])
            self._till.sell(organizer, event, moment)

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

    def commit_due(self) -> None:
        """Make visible what is due; for whoever holds the lock."""
        now = time.monotonic()
        due = [change for at, change in self._pending if at <= now]
        self._pending = [(at, change) for at, change in self._pending if at > now]
        for change in due:
            change()

    def add_organizer(self, slug: str, name: str | None = None, **fields: Any) -> Organizer:
        """Add an organizer without events."""
        row = {
            "name": name or slug,
            "slug": slug,
            "public_url": f"https://tickets.example/{slug}/",
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
            plan = found.number * self._stride + 1 if place % 6 == 3 else None
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
            below = fill(EVENT_PATH, {"organizer": organizer, "event": slug})
            self._stored = {path: rows for path, rows in self._stored.items() if not path.startswith(below)}

    def add_tax_rules(self, organizer: str, event: str, count: int = 1) -> list[Row]:
        """Add tax rules to an event, and return them."""
        with self.lock:
            path = fill(BY_NAME["tax_rules"].path, {"organizer": organizer, "event": event})
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
            facts, keys = find_list(path)
            if facts.name in {"subevents", "orders", "transactions", "invoices"} and "event" not in keys:
                return self.organizers[keys["organizer"]].sales[facts.name]
            key = canonical(path)
            if key not in self._stored:
                self._stored[key] = list(self.list_rows(facts, keys, key))
            return self._stored[key]

    def add_rows(self, path: str, *rows: Row) -> None:
        """Add rows to a list."""
        found = self.rows(path)
        self._commit(lambda: found.extend(rows))

    def delete_row(self, path: str, key: object) -> None:
        """Delete the row with this key from a list."""
        with self.lock:
            facts, keys = find_list(path)
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

        def only(names: Sequence[str] | None) -> frozenset[str] | None:
            return None if names is None else frozenset(names)

        token = token or f"token{len(self.tokens)}" + "".join(self._random.choices(sales.ALPHABET, k=20))
        self.tokens[token] = Token(only(organizers), only(events), only(permissions))
        return token

    def add_grant(self, *, organizers: Sequence[str] | None = None) -> dict[str, str]:
        """Let a user allow an application of OAuth to read, and return what the application knows of it."""
        token = Token(None if organizers is None else frozenset(organizers))
        names = ("client_id", "client_secret", "refresh_token")
        made = {name: "".join(self._random.choices(sales.ALPHABET, k=40)) for name in names}
        self.grants[made["refresh_token"]] = Grant(made["client_id"], made["client_secret"], token)
        return made

    def refresh(self, form: dict[str, str]) -> Row:
        """Return a new access token for a refresh token; the one before is not valid any more."""
        refresh_token = form.get("refresh_token", "")
        if form.get("grant_type") != "refresh_token":
            raise AnswerError(400, {"error": "unsupported_grant_type"})
        known = {(grant.client_id, grant.client_secret) for grant in self.grants.values()}
        if (form.get("client_id"), form.get("client_secret")) not in known:
            raise AnswerError(401, {"error": "invalid_client"})
        grant = self.grants.get(refresh_token)
        if grant is None or grant.client_id != form["client_id"]:
            raise AnswerError(400, {"error": "invalid_grant"})
        self.expire_access_tokens(refresh_token)
        grant.access_token = "".join(self._random.choices(sales.ALPHABET, k=30))
        self.tokens[grant.access_token] = grant.token
        if self.rotates:
            del self.grants[refresh_token]
            refresh_token = refresh_token[::-1]
            self.grants[refresh_token] = grant
        told = {"access_token": grant.access_token, "refresh_token": refresh_token}
        return {**told, "expires_in": 86400, "token_type": "Bearer", "scope": "read"}

    def expire_access_tokens(self, refresh_token: str) -> None:
        """Let a day go by for what was made with a refresh token."""
        self.tokens.pop(self.grants[refresh_token].access_token, None)

    def revoke_token(self, token: str) -> None:
        """Deactivate a credential."""
        self.tokens[token].active = False

    def deny(self, path: str, status: int = 403) -> None:
        """Answer 403, or `status`, wherever this regular expression is found in a list's path.

        404 is an HTML page, as for a list that this version of the server does not have.
        """
        self.denied.append((re.compile(path), status))

    def has(self, facts: List, keys: dict[str, str]) -> bool:
        """Return whether this version of the server has a list."""
        # What came late for these is the list of all events; each event had its own before.
        is_old = facts.name in {"orders", "invoices"} and "event" in keys
        return is_old or _number(self.version) >= _number(facts.since)

    def allow_all(self) -> None:
        """Take back all `deny`."""
        self.denied.clear()

    def shuffle_ties(self, path: str) -> None:
        """Let lists with this in their path order equal rows anew for each page, as PostgreSQL may.

        Pages then repeat some rows and drop as many others, while `count` is right; other page sizes, other rows.
        """
        self.shuffled.append(re.compile(path))

    # --- what is in a list ----------------------------------------------------------------------

    def list_rows(self, facts: List, keys: dict[str, str], path: str) -> Sequence[Row]:
        """Return all rows of a list, in no particular order."""
        if path in self._stored:
            return self._stored[path]
        if facts.name == "organizers":
            return [found.row for found in self.organizers.values()]
        organizer = self.organizers[keys["organizer"]]
        if facts.name == "events":
            return [found.row for found in organizer.events.values()]
        if facts.name in organizer.sales or facts.name.startswith("order_"):
            return self._sales_rows(facts, organizer, keys)
        event = organizer.events[keys["event"]] if "event" in keys else None
        if event is not None and facts.name == "tax_rules":
            return sales.tax_rules(event, self._stride)
        return self._sample_rows(facts, keys, organizer, event)

    def _sales_rows(self, facts: List, organizer: Organizer, keys: dict[str, str]) -> Sequence[Row]:
        name, slug, orders = facts.name, keys.get("event"), organizer.sales["orders"]
        if name == "order_positions":
            return [row for order in orders if slug in {None, order["event"]} for row in _positions(order)]
        if name in {"order_payments", "order_refunds"}:
            order = next((row for row in orders if (row["code"], row["event"]) == (keys["order"], slug)), None)
            if order is None:
                raise AnswerError(404, {"detail": "No Order matches the given query."})
            return list(order[name.removeprefix("order_")])
        rows = organizer.sales[name]
        if name in self._counts:
            return self._many_sales(facts, rows, slug)
        return rows if slug is None else [row for row in rows if _event_of(row) == slug]

    def _many_sales(self, facts: List, templates: list[Row], slug: str | None) -> samples.Rows:
        """Return what was sold over and over again: a million orders at the price of a few hundred."""
        places = [i for i, row in enumerate(templates) if slug in {None, _event_of(row)}]
        cycles, rest = divmod(self._counts[facts.name], len(templates))

        def make(at: int) -> Row:
            cycle, place = divmod(at, len(places))
            i = cycle * len(templates) + places[place]
            return sales.again(samples.multiplied(facts, templates, i), cycle)

        return samples.Rows(range(cycles * len(places) + bisect_left(places, rest)), make, facts.times)

    def _sample_rows(
        self, facts: List, keys: dict[str, str], organizer: Organizer, event: Event | None
    ) -> Sequence[Row]:
        """Return the rows of a sample as this parent's."""
        series = event is not None and bool(event.row["has_subevents"])
        if facts.name == "item_program_times" and series:
            raise AnswerError(400, ["Program times cannot be used with event series."])
        number = event.number if event else organizer.number
        if facts.name == "seats":
            # A series has seats at its dates, any other event at itself, and 404 at the wrong place.
            dates = {str(date): date for date in event.subevents} if event else {}
            if series != ("subevent" in keys) or (series and keys["subevent"] not in dates):
                raise AnswerError(404, {"detail": "Not found."})
            number = dates[keys["subevent"]] if series else number
        if len(facts.parents) > (2 if event else 1):
            parent = self._parent(facts, keys)
            number = parent["id"]
            if facts.name == "checkin_list_positions":
                return _scanned(organizer, keys["event"], number)
            if facts.name in samples.NESTED:
                rows = parent[samples.NESTED[facts.name][1]]
                return [{"id": number * self._stride + place, **row} for place, row in enumerate(rows, 1)]
        templates = samples.load(facts.name)
        count = self._counts.get(facts.name, len(templates))

        def make(i: int) -> Row:
            row = samples.multiplied(facts, templates, i) if count > len(templates) else templates[i]
            return self._own(facts, row, i, number, organizer, event)

        if count < LAZY_FROM:
            return [make(i) for i in range(count)]
        return samples.Rows(range(count), make, facts.times)

    def _own(self, facts: List, template: Row, i: int, number: int, organizer: Organizer, event: Event | None) -> Row:
        """Return row `i` of a sample as one of this parent: with its own id, pointing at its own neighbours."""

        def refer(name: str, place: int | None, nested: int | None) -> Any:
            return self._key(organizer, event, name, i if place is None else place - 1, nested)

        row: Row = samples.resolve(template, refer)
        if facts.key == "device_id":
            row["device_id"] = i + 1
        elif facts.key == "id" and facts.shape != "object":
            row["id"] = number * self._stride + i + 1
            for parent, field, with_id in samples.NESTED.values():
                for place, inner in enumerate(row[field] if parent == facts.name and with_id else (), 1):
                    inner["id"] = row["id"] * self._stride + place
        row.setdefault("_pk", row.get("id", i))
        if event and event.subevents and row.get("subevent", 0) is None:
            row["subevent"] = number if facts.name == "seats" else event.subevents[i % len(event.subevents)]
        return row

    def _key(self, organizer: Organizer, event: Event | None, name: str, at: int, nested: int | None) -> Any:
        """Return the key of a neighbour: row `at` of another list, round and round if that one is shorter."""
        if name in {"organizer", "event"}:
            return organizer.slug if name == "organizer" or event is None else event.slug
        other = BY_NAME[name]
        if name in {"events", "orders", "order_positions"}:
            rows = self.list_rows(other, {"organizer": organizer.slug}, "")
            return rows[at % len(rows)][other.key] if rows else None
        if other.key != "id":
            templates = samples.load(name)
            return samples.multiplied(other, templates, at % self._counts.get(name, len(templates)))[other.key]
        parent = event.number if "event" in other.parents and event else organizer.number
        length = sales.TAX_RULES if name == "tax_rules" else self._counts.get(name, len(samples.load(name)))
        place = at % length + 1
        key = parent * self._stride + place
        return key * self._stride + nested if nested else key

    def _parent(self, facts: List, keys: dict[str, str]) -> Row:
        """Return the row that a list is nested below; 404 if there is none."""
        name = facts.parents[-1]
        above, its_keys = find_list(fill(facts.path.partition("{" + name + "}")[0], keys))
        rows = self.list_rows(above, its_keys, canonical(fill(above.path, its_keys)))
        if isinstance(rows, samples.Rows):
            at = int(keys[name]) % self._stride - 1 if keys[name].isdigit() else len(rows)
            rows = rows[at : at + 1]
        row = next((row for row in rows if str(row["id"]) == keys[name]), None)
        if row is None:
            raise AnswerError(404, {"detail": "Not found."})
        return row


def _number(version: str) -> list[int]:
    """Return a version as it compares: year and month."""
    return [int(part) for part in version.split(".")[:2] if part]


def _scanned(organizer: Organizer, event: str, checkin_list: int) -> list[Row]:
    """Return the valid positions of an event as a scanner sees them, with their check-ins at one list."""
    not_for_scanners = {"event", "discount", "plugin_data", "canceled", "voucher_budget_use", "tax_code"}
    return [
        {
            **{name: value for name, value in row.items() if name not in not_for_scanners},
            "checkins": [scan for scan in row["checkins"] if scan["list"] == checkin_list],
            "_attendee_name_cached": row["attendee_name"],
            "require_attention": order["checkin_attention"],
            "order__status": order["status"],
            "order__valid_if_pending": order["valid_if_pending"],
            "order__require_approval": order["require_approval"],
            "order__locale": order["locale"],
        }
        for order in organizer.sales["orders"]
        if order["event"] == event and order["status"] == "p"
        for row in _positions(order)
        if not row["canceled"]
    ]


def _event_of(row: Row) -> object:
    return row.get("event", row.get("_event"))


def _positions(order: Row) -> list[Row]:
    """Return an order's positions as rows of their own, with what they can be ordered by."""
    extra = {"_order__datetime": order["datetime"], "_order__code": order["code"], "_order__status": order["status"]}
    return [{**row, "event": order["event"], "_order__email": order["email"], **extra} for row in order["positions"]]
