"""How part B is served: the protocol of pretix's API v1.

Credentials, then permissions, then filters, order and page, anew for each request, as a database
does; so all that can go wrong while rows change goes wrong here, too.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from email.utils import format_datetime
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from sandbox import samples
from sandbox.lists import BY_NAME, List, canonical, find
from sandbox.organizers import AnswerError, Organizers, Token
from sandbox.web import Request, Response, html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.sales import Row

ROOT = "/api/v1"
#: Addresses without a slash at their end, and the one of the root.
FIXED = {"/version", "/me", "/"}
METHODS = {"GET", "HEAD", "OPTIONS"}
DENIED = {"detail": "You do not have permission to perform this action."}
NOT_FOUND = {"detail": "Not found."}
#: What a malformed boolean is, is ignored.
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?)?")


def answer(data: Organizers, request: Request) -> Response:  # noqa: PLR0911 - one for each kind
    """Answer a request below `/api/v1`; whoever encodes the answer holds the lock, or rows change under it."""
    path = request.path[len(ROOT) :]
    if path == "/oauth/token" and request.method == "POST":
        return _refresh(data, request)
    found = find(path)
    is_known = path in FIXED | {""} if found is None else data.has(*found[:2])
    if not is_known:
        # Before the credentials are looked at, and no JSON: the server has no such path.
        return html(404, "Not Found")
    if not path.endswith("/") and path not in FIXED:
        query = f"?{request.query_string}" if request.query_string else ""
        return Response(301, body=b"", headers={"Location": f"{request.path}/{query}"})
    try:
        token = authenticate(data, request)
        if request.method not in METHODS:
            text = f'Method "{request.method}" not allowed.'
            return Response(405, {"detail": text}, {"Allow": ", ".join(sorted(METHODS))})
        with data.lock:
            data.commit_due()
            if found is None:
                return _fixed(data, path, _host(data, request))
            facts, keys, single = found
            response = View(data, request, token, path, facts, keys).answer(single)
            # Every web server says when; a list without `X-Page-Generated` has no other clock.
            clock = {"Date": format_datetime(data.now(), usegmt=True)}
            return replace(
                response, headers={**clock, **response.headers}, encode=lambda shown: encode(shown, data.timezone)
            )
    except AnswerError as refused:
        return refused.response


def _refresh(data: Organizers, request: Request) -> Response:
    try:
        with data.lock:
            return Response(data=data.refresh(dict(parse_qsl(request.body.decode()))))
    except AnswerError as refused:
        return refused.response


def authenticate(data: Organizers, request: Request) -> Token:
    """Return what the credential may do; 401 if there is none that is valid."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() not in {"token", "bearer"}:
        given = request.headers.get("api_key", "")
    token = data.tokens.get(given.strip())
    if token is not None and token.active:
        return token
    detail = "Invalid token." if given else "Authentication credentials were not provided."
    detail = detail if token is None else "Token inactive or deleted."
    raise AnswerError(401, {"detail": detail}, {"WWW-Authenticate": "Token"})


def _fixed(data: Organizers, path: str, host: str) -> Response:
    if path == "/version":
        numeric = "".join(part.zfill(3) for part in data.version.split("."))
        return Response(data={"pretix": data.version, "pretix_numeric": int(f"{numeric}5000")})
    if path == "/":
        return Response(data={"organizers": f"{host}{ROOT}/organizers/"})
    return Response(403, DENIED)


def _host(data: Organizers, request: Request) -> str:
    return data.public_url or f"http://{request.headers.get('host', 'localhost')}"


def encode(shown: object, zone: tzinfo) -> bytes:
    """Return JSON with times in the server's zone."""

    def text(value: object) -> str:
        if isinstance(value, datetime):
            return time_text(value, zone)
        if isinstance(value, date):
            return value.isoformat()
        raise TypeError(type(value))

    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"), default=text).encode()


def time_text(moment: datetime, zone: tzinfo) -> str:
    """Return a time as pretix writes it: `Z` for UTC, microseconds only where there are any."""
    text = moment.astimezone(zone).isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


@dataclass(frozen=True)
class View:
    """One request for one list, or for one row of it."""

    data: Organizers
    request: Request
    token: Token
    path: str
    facts: List
    #: Of the parents.
    keys: dict[str, str]

    def answer(self, single: str | None) -> Response:
        """Return the page that was asked for, or the row with this key."""
        facts = self.facts
        generated = time_text(self.data.now(), self.data.timezone)
        self.check()
        # The list's own path, also when it is one row of it that was asked for.
        path = self.path if single is None else self.path.rstrip("/").rpartition("/")[0] + "/"
        rows = self.visible(self.data.list_rows(facts, self.keys, canonical(path)))
        if facts.shape == "object":
            return Response(data=self.shown_object(rows[0]))
        if single is not None:
            row = next((row for row in rows if str(row.get(facts.key)) == single), None)
            if row is not None:
                return Response(data=self.shown(row, single=True))
            # An organizer or event that does not exist looks like one that belongs to somebody else.
            raise AnswerError(403, DENIED) if facts.key == "slug" else AnswerError(404, NOT_FOUND)
        rows = self.filtered(rows)
        if facts.shape == "unpaged":
            results = [self.shown(row) for row in rows]
            return Response(data={"count": len(rows), "next": None, "previous": None, "results": results})
        return Response(data=self.page(rows), headers={"X-Page-Generated": generated} if facts.page_generated else {})

    # --- permissions ----------------------------------------------------------------------------

    def check(self) -> None:
        """Raise what this credential gets for this list, before any row is looked at."""
        facts, keys, token = self.facts, self.keys, self.token
        for pattern, status in self.data.denied:
            if pattern.search(self.path):
                error = AnswerError(status, DENIED)
                error.response = html(404, "Not Found") if status == 404 else error.response
                raise error
        if "organizer" in keys:
            organizer = self.data.organizers.get(keys["organizer"])
            if organizer is None or not _among(organizer.slug, token.organizers):
                raise AnswerError(403, DENIED)
            if "event" in keys and not (keys["event"] in organizer.events and _among(keys["event"], token.events)):
                raise AnswerError(403, DENIED)
        if not token.may(facts.permission) and (not facts.soft or "event" in keys) and not self._only_scans:
            own_text = facts.name.endswith("scheduled_exports") or facts.name == "bank_import_jobs"
            raise AnswerError(403, {"detail": "You may not see these."} if own_text else DENIED)

    @property
    def _only_scans(self) -> bool:
        """Whether these are tickets for a scanner, who has to search for them."""
        may = self.token.may
        return self.facts.name == "checkin_list_positions" and may("event.orders:checkin") > may("event.orders:read")

    def visible(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Leave out what the credential may not see though it gets no 403."""
        if self.facts.name == "organizers":
            return [row for row in rows if _among(row["slug"], self.token.organizers)]
        if self._only_scans:
            return []
        if not self.facts.soft or "event" in self.keys:
            return rows
        if not self.token.may(self.facts.permission):
            return []
        if self.token.events is None:
            return rows
        name = "slug" if self.facts.name == "events" else "event"
        return [row for row in rows if _among(row.get(name), self.token.events)]

    # --- filters --------------------------------------------------------------------------------

    def filtered(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Apply the filters among the parameters; unknown parameters are ignored."""
        for known in self.facts.filters:
            text = self.request.parameter(known.parameter)
            if text:
                rows = self._filter(known.parameter, known.kind, known.field, text, rows)
        if self.facts.name == "questions":
            container = self.request.parameter("container_type") or "P"
            rows = [row for row in rows if row.get("_container_type", "P") == container]
        return rows

    def _filter(self, parameter: str, kind: str, field: str, text: str, rows: Sequence[Row]) -> Sequence[Row]:
        if parameter in {"is_past", "is_future", "ends_after"}:
            return self._by_end(parameter, text, rows)
        if parameter == "payment_provider":
            return [row for row in rows if any(payment["provider"] == text for payment in row["payments"])]
        if kind in {">=", "<"}:
            return self._by_time(kind, field, self._moment(parameter, text), rows)
        if kind == "bool":
            wanted = BOOLEANS.get(text.lower())
            return rows if wanted is None else [row for row in rows if row[field] is wanted]
        if kind == "int" and not text.isdigit():
            raise AnswerError(400, {parameter: ["Enter a number."]})
        folded = text.lower()
        return [row for row in rows if str(row[field]).lower() == folded]

    @staticmethod
    def _by_time(kind: str, field: str, moment: datetime, rows: Sequence[Row]) -> Sequence[Row]:
        """Return the rows from a moment on, or before it; rows without the time are in neither."""
        since = kind == ">="
        if isinstance(rows, samples.Rows) and field in rows.times:
            return rows.since(field, moment) if since else rows.before(field, moment)
        return [row for row in rows if row[field] is not None and (row[field] >= moment) is since]

    def _by_end(self, parameter: str, text: str, rows: Sequence[Row]) -> Sequence[Row]:
        """Filter by when events end. A series has no end: it is neither past nor future, only not past."""

        def end(row: Row) -> datetime:
            moment: datetime = row["date_to"] or row["date_from"]
            return moment

        if parameter == "ends_after":
            moment = self._moment(parameter, text)
            return [row for row in rows if not row.get("has_subevents") and end(row) >= moment]
        wanted, now, past = BOOLEANS.get(text.lower()), self.data.now(), parameter == "is_past"
        if wanted is None:
            return rows
        return [row for row in rows if (not row.get("has_subevents") and (end(row) < now) is past) is wanted]

    def _moment(self, parameter: str, text: str) -> datetime:
        """Read a date or time; without a zone it is meant in the server's."""
        # Not `fromisoformat`, which knows no `Z` in Python 3.10. A `+` that was not encoded is a blank: malformed.
        found = TIME.fullmatch(text)
        try:
            if found:
                day, clock, seconds, fraction, zone = found.groups()
                text = f"{day}T{clock or '00:00'}{seconds or ':00'}{fraction or '.0'}"
                moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f")  # noqa: DTZ007
                return moment.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo if zone else self.data.timezone)
        except ValueError:
            pass
        raise AnswerError(400, {parameter: ["Enter a valid date/time."]})

    # --- order and pages ------------------------------------------------------------------------

    def ordered(self, rows: Sequence[Row], start: int, size: int) -> Sequence[Row]:
        """Return the rows in the order asked for; unknown fields are ignored."""
        asked = (self.request.parameter("ordering") or "").split(",")
        order = [field for field in asked if field.lstrip("-") in self.facts.allowed]
        order = [*order, "-pk"] if order else list(self.facts.order)
        if isinstance(rows, samples.Rows):
            return rows.ascending()[::-1] if order[0].startswith("-") else rows.ascending()
        found = list(rows)
        if any(pattern.search(self.path) for pattern in self.data.shuffled):
            # What a database without a total order does, made worse: equal rows in another order for every page.
            found.sort(key=lambda row: zlib.crc32(f"{row.get(self.facts.key)}/{start}/{size}".encode()))
            order = [field for field in order if field.lstrip("-") not in {"pk", "id"}]
        for field in reversed(order):
            _sort(found, field.lstrip("-"), reverse=field.startswith("-"))
        return found

    def page(self, rows: Sequence[Row]) -> Row:
        """Return one page in its envelope; past the last one is 404."""
        count, most = len(rows), self.data.max_page_size
        asked = self.request.parameter("page_size") or ""
        size = min(int(asked), most) if asked.isdigit() and int(asked) > 0 else most
        last = max(1, -(-count // size))
        text = self.request.parameter("page") or "1"
        number = last if text == "last" else int(text) if text.isdigit() else 0
        if not 1 <= number <= last:
            raise AnswerError(404, {"detail": "Invalid page."})
        start = (number - 1) * size
        return {
            "count": count,
            "next": self._link(number + 1) if number < last else None,
            "previous": self._link(number - 1) if number > 1 else None,
            "results": [self.shown(row) for row in self.ordered(rows, start, size)[start : start + size]],
        }

    def _link(self, page: int) -> str:
        query = {name: values for name, values in self.request.query.items() if name != "page"}
        if page > 1:
            query["page"] = [str(page)]
        text = urlencode(sorted(query.items()), doseq=True)
        return _host(self.data, self.request) + self.request.path + (f"?{text}" if text else "")

    # --- rows as they are shown -----------------------------------------------------------------

    def shown(self, row: Row, *, single: bool = False) -> Row:
        """Return a copy of a row as this request sees it."""
        facts = self.facts
        hidden = {name for name, condition in facts.only_with.items() if not self._met(condition)}
        if facts.name == "events" and not single:
            hidden.add("valid_keys")
        if facts.name in {"order_positions", "transactions"} and "event" in self.keys:
            hidden.add("event")
        # What stands in a row as well came with its own list.
        hidden.update(
            field
            for name, (parent, field, _) in samples.NESTED.items()
            if parent == facts.name and not self.data.has(BY_NAME[name], self.keys)
        )
        shown = {name: value for name, value in _public(row).items() if name not in hidden}
        if facts.name == "orders":
            self._show_parts(shown)
        if facts.name in {"order_positions", "checkin_list_positions"}:
            shown = _shown_position(shown)
        return _trimmed(shown, self.request.query.get("include", []), self.request.query.get("exclude", []))

    def _met(self, condition: str) -> bool:
        if ":" in condition:
            return self.token.may(condition)
        return self.request.parameter(condition) not in {None, "", "false"}

    def _show_parts(self, order: Row) -> None:
        canceled = self.request.parameter("include_canceled_positions") == "true"
        positions = [_shown_position(row) for row in order["positions"] if canceled or not row["canceled"]]
        if self.request.parameter("pdf_data") != "true":
            for row in positions:
                row.pop("pdf_data", None)
        order["positions"] = positions
        if self.request.parameter("include_canceled_fees") != "true":
            order["fees"] = [fee for fee in order["fees"] if not fee["canceled"]]

    def shown_object(self, row: Row) -> Row:
        """Return settings, with labels if they are asked for."""
        if not self.request.parameter("explain"):
            return _public(row)
        return {
            name: {"value": value, "label": name.replace("_", " ").capitalize(), "help_text": "", "readonly": False}
            for name, value in _public(row).items()
        }


def _among(name: object, allowed: frozenset[str] | None) -> bool:
    return allowed is None or name in allowed


def _public(row: Row) -> Row:
    return {name: value for name, value in row.items() if name[0] != "_"}


def _shown_position(row: Row) -> Row:
    return {**_public(row), "checkins": [_public(scan) for scan in row["checkins"]]}


def _sort(rows: list[Row], name: str, *, reverse: bool) -> None:
    try:
        # Ten times faster, which tells in lists of tens of thousands.
        rows.sort(key=itemgetter("_pk" if name == "pk" else name), reverse=reverse)
    except (KeyError, TypeError):
        rows.sort(key=partial(_sort_key, name=name), reverse=reverse)


def _sort_key(row: Row, *, name: str) -> tuple[bool, Any]:
    """Order nulls last, as PostgreSQL does, and objects by their text."""
    value = row.get("_pk", row.get("id")) if name == "pk" else row.get(name, row.get("_" + name))
    return (value is None, 0 if value is None else json.dumps(value) if isinstance(value, dict) else value)


def _trimmed(row: Row, include: list[str], exclude: list[str]) -> Row:
    """Apply `include` and `exclude`, which also reach one level down."""
    if include:
        row = _picked(row, include)
    for name in exclude:
        field, _, inner = name.partition(".")
        if inner and isinstance(row.get(field), list):
            if any(inner not in part for part in row[field]):
                raise AnswerError(500, {"detail": "A server error occurred."})
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
