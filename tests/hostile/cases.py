"""Several hundred ways in which a server can answer, most of them made from few lists."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import itertools
import json
import struct
import typing as t
import zlib
from socket import SO_LINGER, SOL_SOCKET
from urllib.parse import quote

from tests.hostile.api import (
    ATTENDEES,
    PASSWORD,
    PERSON,
    PLACES,
    TOKEN,
    Answer,
    after,
    attendee,
    attendees,
    event,
    organizer,
    page,
    rules_of,
    says,
    sends,
    tax_rule,
)
from tests.support.echoes import ECHOES

if t.TYPE_CHECKING:
    from tests.support.raw import Connection


@dataclasses.dataclass(frozen=True)
class Case:
    """One way.

    Attributes:
        place: The request that is answered so; see :data:`tests.hostile.api.PLACES`.
        answer: The answer.
        times: How often; for ever if None.
        budget: Seconds of ``max_runtime_seconds``, where the answer takes longer.
        personal_data: Whether fields about people are read, and those that no schema names.
        is_good: Whether this is an answer like any other, so that all rows have to come.
    """

    place: str
    answer: Answer
    times: int | None = None
    budget: int | None = None
    personal_data: bool = False
    is_good: bool = False

    @property
    def tap(self) -> str:
        """Return the command that sends this request."""
        return "tap-ticketing" if PLACES[self.place].startswith("/v1/") else "tap-organizers"


CASES: dict[str, Case] = {}


def large(make: t.Callable[[], bytes], status: str = "200 OK", **headers: str) -> Answer:
    """Return what answers with something that is made only when it is asked for."""
    made = functools.cache(make)
    return lambda connection: connection.reply(made(), status, **headers)


GOOD = page(rules_of("autumn"))
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#: Right answers at some places, of which the first is a list that many cases are about.
GOOD_AT = {
    "rules": GOOD,
    "login": json.dumps({"token": TOKEN, "user": {"email": PERSON}}).encode(),
    "attendees": attendees(*ATTENDEES),
}
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def length(content: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(content)


def chunks(content: bytes, size: int = 40, extension: bytes = b"") -> bytes:
    parts = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)


def add(group: str, place: str, cases: dict[str, Answer], **facts: t.Any) -> None:
    for name, answer in cases.items():
        CASES[f"{group}: {name}"] = Case(place, answer, **facts)


# --- framing ----------------------------------------------------------------------------------------------------------


def reset(connection: Connection) -> None:
    connection.socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    raise OSError


def well_framed(good: bytes) -> dict[str, Answer]:
    """Return answers like any other, each put together in its own way."""
    return {
        "chunked": sends(CHUNKED + chunks(good) + b"0\r\n\r\n", closes=False),
        "one byte a chunk": sends(CHUNKED + chunks(good, 1) + b"0\r\n\r\n", closes=False),
        "chunk extensions": sends(CHUNKED + chunks(good, 40, b";a=b") + b"0\r\n\r\n", closes=False),
        "trailers": sends(CHUNKED + chunks(good) + b"0\r\nX-T: 1\r\n\r\n", closes=False),
        "HTTP/1.0 to the end": sends(b"HTTP/1.0 200 OK\r\n\r\n" + good),
        "without length": sends(HEAD + b"\r\n" + good),
        "bare line feeds": sends(b"HTTP/1.1 200 OK\nContent-Length: %d\n\n" % len(good) + good),
        "no reason phrase": sends(b"HTTP/1.1 200\r\n" + length(good) + good, closes=False),
        "interim answers before": sends(
            b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + HEAD + length(good) + good, closes=False
        ),
        "a length of zeros before": sends(HEAD + b"Content-Length: 000%d\r\n\r\n" % len(good) + good, closes=False),
    }


def badly_framed(good: bytes) -> dict[str, Answer]:
    """Return answers that no client can be sure of."""
    return {
        "too long a length": sends(HEAD + b"Content-Length: 99999\r\n\r\n" + good),
        "too short a length": sends(HEAD + b"Content-Length: 50\r\n\r\n" + good),
        "a length below zero": sends(HEAD + b"Content-Length: -1\r\n\r\n" + good),
        "a length that is none": sends(HEAD + b"Content-Length: many\r\n\r\n" + good),
        "an absurd length": sends(HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n" + good),
        "two lengths": sends(HEAD + b"Content-Length: 5\r\n" + length(good) + good),
        "length and chunks": sends(HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks(good)),
        "chunks without end": sends(CHUNKED + chunks(good)),
        "a chunk's size that is none": sends(CHUNKED + b"zz\r\n" + good + b"\r\n0\r\n\r\n"),
        "a chunk's size below zero": sends(CHUNKED + b"-5\r\n" + good + b"\r\n0\r\n\r\n"),
        "an absurd chunk": sends(CHUNKED + b"f" * 30 + b"\r\n" + good),
        "a chunk shorter than told": sends(CHUNKED + b"ffff\r\n" + good + b"\r\n0\r\n\r\n"),
        "nothing": sends(b""),
        "blank lines": sends(b"\r\n" * 50),
        "no HTTP": sends(b"SSH-2.0-OpenSSH_9.9\r\n"),
        "HTTP/0.9": sends(good),
        "binary": sends(bytes(range(256)) * 20),
        "a status of one digit": sends(b"HTTP/1.1 2 OK\r\n\r\n"),
        "a status of four digits": sends(b"HTTP/1.1 2000 OK\r\n\r\n"),
        "a status that is a word": sends(b"HTTP/1.1 fine OK\r\n\r\n"),
        "a long status line": sends(b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n"),
        "a header without colon": sends(HEAD + b"nonsense\r\n" + length(good) + good),
        "a header with a blank name": sends(HEAD + b" : x\r\n" + length(good) + good),
        "a folded header": sends(HEAD + b"X: a\r\n b\r\n" + length(good) + good),
        "a header with a NUL": sends(HEAD + b"X: a\x00b\r\n" + length(good) + good),
        "a header beyond ASCII": sends(HEAD + b"X: \xff\xfe\r\n" + length(good) + good),
        "a long header": sends(HEAD + b"X: " + b"x" * 100_000 + b"\r\n" + length(good) + good),
        "many headers": sends(HEAD + b"".join(b"X-%d: x\r\n" % n for n in range(500)) + length(good) + good),
        "headers only": sends(HEAD + length(good)),
        "half a header": sends(HEAD + b"Content-Le"),
        "a reset": reset,
        "two answers at once": sends((HEAD + length(good) + good) * 2, closes=False),
        "another answer behind": sends(HEAD + length(good) + good + b"garbage", closes=False),
        "unknown transfer coding": sends(HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks(good)),
    }


for place, good in GOOD_AT.items():
    suffix = "" if place == "rules" else f" at the {place}"
    once = 1 if place == "attendees" else None  # the cursor would not move on
    cases = {f"{name}{suffix}": answer for name, answer in well_framed(good).items()}
    add("framing", place, cases, times=once, is_good=True)
    add("framing", place, {f"{name}{suffix}": answer for name, answer in badly_framed(good).items()})

# --- statuses ---------------------------------------------------------------------------------------------------------

STATUSES = (
    *(101, 102, 103, 201, 202, 203, 204, 205, 206, 207, 226, 299, 300, 304, 305, 306, 399),
    *(400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 413, 414, 415, 418, 421, 422, 423, 425, 426, 428),
    *(429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 507, 508, 511, 520, 599, 600, 999),
)
PERSONAL = page([{**tax_rule(1), "email": PERSON}])
BODIES: dict[str, bytes] = {
    "rows": PERSONAL,
    "a list of rows": json.dumps([{"email": PERSON}, PERSON]).encode(),
    "a token": json.dumps({"detail": f"You sent {TOKEN}.", "email": PERSON}).encode(),
    "nothing": b"",
    "a web page": f"<html><p>{TOKEN} {PERSON}</p></html>".encode(),
}
for number, body in itertools.product(STATUSES, BODIES):
    # Each status with two of the bodies, each body with many statuses.
    if (STATUSES.index(number) + list(BODIES).index(body)) % 5 < 2:
        add("status", "rules", {f"{number} with {body}": says(BODIES[body], f"{number} Status")})
for number, place in itertools.product((201, 301, 400, 401, 403, 404, 429, 500, 599), ("organizers", "events")):
    add("status", place, {f"{number} at {place}": says(BODIES["rows"], f"{number} {TOKEN}")})
for text in ("-5", "1e9", "NaN", "999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", TOKEN, "²", "\x1b[31m"):
    add("status", "rules", {f"429, Retry-After {text[:12]!a}": says(b"", "429 Slow down", Retry_After=text)})

WITH_TOKEN = json.dumps({"token": TOKEN, "error": f"{TOKEN} {PASSWORD}", "user": {"email": PERSON}}).encode()
for number in STATUSES:
    add("status", "login", {f"{number} at the login": says(WITH_TOKEN, f"{number} Status")})
for number, place in itertools.product(
    (201, 206, 301, 400, 401, 402, 403, 404, 422, 500, 599), ("attendees", "orders")
):
    told = json.dumps({"detail": f"You sent {TOKEN}", "attendees": [{"email": PERSON}], "data": [{"email": PERSON}]})
    add("status", place, {f"{number} at the {place}": says(told.encode(), f"{number} {TOKEN}")})

# --- redirects --------------------------------------------------------------------------------------------------------

LOCATIONS = {
    "elsewhere": "http://elsewhere.invalid/",
    "the token as host": f"http://{TOKEN.lower()}.invalid/",
    "the token as user": f"http://{TOKEN}:{TOKEN}@elsewhere.invalid/",
    "another scheme": "https://127.0.0.1/",
    "another port": "http://127.0.0.1:1/",
    "a file": "file:///etc/passwd",
    "a script": "javascript:alert(1)",
    "no address": "http://[::1",
    "itself": "",
    "its root": "/",
    "up": "../../../../..",
    "blanks": "  ",
    "lines": "http://x.invalid/\x0bFORGED",
    "escapes": "http://\x1b[31m.invalid/",
    "a long one": "http://" + "x" * 50_000,
    "a bad port": "http://127.0.0.1:99999999/",
    "not ASCII": "http://\xe9\xe8.invalid/",
}
for status in ("301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"):
    for name, location in list(LOCATIONS.items())[:: 1 if status.startswith("302") else 6]:
        add("redirect", "rules", {f"{status} to {name}": says(b"", status, Location=location)})

for name, location in LOCATIONS.items():
    # Before the first login, no session token is known.
    known = location.replace(TOKEN, quote(PASSWORD)).replace(TOKEN.lower(), quote(PASSWORD))
    add("redirect", "login", {f"the login to {name}": says(b"", "302 Found", Location=known)})

# --- cookies ----------------------------------------------------------------------------------------------------------


def cookies(*values: str) -> Answer:
    lines = "".join(f"Set-Cookie: {value}\r\n" for value in values)
    return sends(
        f"HTTP/1.1 200 OK\r\nContent-Length: {len(GOOD)}\r\n{lines}\r\n".encode("latin-1") + GOOD, closes=False
    )


add(
    "cookies",
    "rules",
    {
        "a session": cookies("pretix_session=abcdef123456; Path=/"),
        "many": cookies(*(f"session{n}={'x' * 500}; Path=/" for n in range(60))),
        "large": cookies(*(f"c{n}={'x' * 60_000}; Path=/" for n in range(15))),
        "the token": cookies(f"session={TOKEN}; Path=/"),
        "of everybody": cookies("session=1; Domain=.com", "session=2; Domain=127.0.0.1"),
        "without end": cookies("session=1; Expires=never; Max-Age=-99999999999999999999"),
        "nonsense": cookies(";;;===", "=", "session", "\xff=\xfe"),
    },
    is_good=True,
)

add("cookies", "rules", {"too large": cookies(*(f"c{n}={'x' * 60_000}; Path=/" for n in range(80)))})

# --- compression ------------------------------------------------------------------------------------------------------


def packed(content: bytes, encoding: str) -> Answer:
    return says(content, Content_Encoding=encoding, Content_Type="application/json")


RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
RAW_DEFLATED = RAW.compress(GOOD) + RAW.flush()
add(
    "compression",
    "rules",
    {
        "gzip": packed(gzip.compress(GOOD), "gzip"),
        "x-gzip": packed(gzip.compress(GOOD), "X-GZip"),
        "zlib": packed(zlib.compress(GOOD), "deflate"),
        "deflate": packed(RAW_DEFLATED, "deflate"),
        "two parts": packed(gzip.compress(GOOD[:50]) + gzip.compress(GOOD[50:]), "gzip"),
        "identity": packed(GOOD, "identity"),
        "utf-8": packed(GOOD, "UTF-8"),
    },
    is_good=True,
)
add(
    "compression",
    "rules",
    {
        "cut": packed(gzip.compress(GOOD)[:-30], "gzip"),
        "only its head": packed(gzip.compress(GOOD)[:10], "gzip"),
        "not packed": packed(GOOD, "gzip"),
        "not packed, deflate": packed(GOOD, "deflate"),
        "a wrong sum": packed(gzip.compress(GOOD)[:-8] + b"\0" * 8, "gzip"),
        "twice": packed(gzip.compress(gzip.compress(GOOD)), "gzip, gzip"),
        "brotli": packed(b"\x0b\x02\x80" + GOOD, "br"),
        "zstd": packed(b"\x28\xb5\x2f\xfd" + GOOD, "zstd"),
        "garbage behind": packed(gzip.compress(GOOD) + b"garbage", "gzip"),
        "a bomb": large(lambda: gzip.compress(b" " * (250 << 20), 1), Content_Encoding="gzip"),
        "a bomb of objects": large(lambda: gzip.compress(many(b"{}", 20 << 20), 1), Content_Encoding="gzip"),
        "a bomb of zlib": large(lambda: zlib.compress(b" " * (250 << 20), 1), Content_Encoding="deflate"),
        "a bomb in an error": large(lambda: gzip.compress(b" " * (250 << 20), 1), "400 Bad", Content_Encoding="gzip"),
    },
)

# --- shapes of JSON ---------------------------------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    return page([{**tax_rule(1), "x": "DEEP"}]).replace(b'"DEEP"', b"[" * depth + b"]" * depth)


def many(item: bytes, count: int) -> bytes:
    # Repeated and not joined: a join of millions stops all threads, the servers of other cases too, for seconds.
    return page([]).replace(b"[]", b"[" + (item + b",") * (count - 1) + item + b"]")


def named(name: str) -> bytes:
    return page([tax_rule(1, name={"en": name})])


VALUES: dict[str, bytes] = {
    "null": b"null",
    "true": b"true",
    "a number": b"17",
    "a text": b'"text"',
    "a list": b"[]",
    "a list of texts": b'["x", "y"]',
    "a list of null": b"[null]",
    "an object": b"{}",
    "an object of objects": b'{"results": {"results": []}}',
    "rows that are null": b'{"count": 1, "results": null}',
    "rows that are texts": b'{"count": 1, "results": ["x"]}',
    "rows that are lists": b'{"count": 1, "results": [[1]]}',
    "a row that is null": b'{"count": 1, "results": [null]}',
    "no comma": b'{"count": 1 "results": []}',
    "cut": GOOD[:-20],
    "NaN": page([tax_rule(1, rate=float("nan"))]),
    "Infinity": page([tax_rule(1, rate=float("inf"))]),
    "no UTF-8": GOOD.replace(b'"19.00"', b'"\xff"'),
    "a line feed in a text": GOOD.replace(b'"19.00"', b'"a\nb"'),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a mark in front": b"\xef\xbb\xbf" + GOOD,
    "comments": b"/* x */" + GOOD,
    "two values": GOOD + GOOD,
    "a key twice": GOOD.replace(b'"id": 0', b'"id": 7, "id": 0'),
    "5,000 digits": GOOD.replace(b'"id": 0', b'"id": ' + b"9" * 5000),
    "30 digits": GOOD.replace(b'"id": 0', b'"id": ' + b"9" * 30),
    **{
        f"an id that is {name}": page([tax_rule(value)])
        for name, value in {
            "null": None,
            "a list": [1],
            "an object": {"a": 1},
            "a text": "x",
            "true": True,
            "a fraction": 1.5,
            "a text of lines": "a\nFORGED",
            "a long text": "x" * 100_000,
        }.items()
    },
    "no id": page([{"name": "x"}]),
    "empty rows": page([{}] * 5),
    **{f"{depth} lists in one another": nested(depth) for depth in (50, 400, 900, 5000, 100_000)},
    "count of 10^18": GOOD.replace(b'"count": 3', b'"count": 1000000000000000000'),
    "count below zero": GOOD.replace(b'"count": 3', b'"count": -3'),
    "count that is a text": GOOD.replace(b'"count": 3', b'"count": "three"'),
    "next that is a number": GOOD.replace(b'"next": null', b'"next": 17'),
    "next elsewhere": GOOD.replace(b'"next": null', b'"next": "http://elsewhere.invalid/?page=2"'),
    "next without end": GOOD.replace(b'"next": null', b'"next": "?page=999999999"'),
    "a megabyte of blanks": b" " * (1 << 20) + GOOD,
    "100,000 rows": page([tax_rule(n) for n in range(100_000)]),
    "100,000 unknown fields": page([tax_rule(0, **{f"field_{n}": n for n in range(100_000)})]),
    "an unknown_fields of its own": page([tax_rule(0, unknown_fields={"a": 1}), tax_rule(1), tax_rule(2)]),
    "names that forge": page([tax_rule(0, **{"a\n2026-01-01 | ERROR    | x | FORGED": 1, "\x1b[31mFORGED": 2})]),
    "keys of all kinds": page([tax_rule(0, **{"": 1, "\x00": 2, "\u202e": 3, "__proto__": 4, "a.b": 5, "$": 6})]),
}
add("json", "rules", {name: says(body, Content_Type="application/json") for name, body in VALUES.items()})
#: Values that decoders refuse, or take for others.
ODD: dict[str, bytes] = {
    "a number without end": b"1e999",
    "a number next to nothing": b"1e-400",
    "a number of 400 digits": b"9" * 400 + b".5",
    "a number of 5,000 digits": b"9" * 5000,
    "half a character": b'"\\ud800"',
    "half a character in a name": b'{"\\ud800": 1, "\\udc00": 2}',
}
for place, value in (("rules", b'"19.00"'), ("attendees", b'"2026-01-01T10:00:00+0300"')):
    odd = {f"{name} at the {place}": says(GOOD_AT[place].replace(value, one)) for name, one in ODD.items()}
    add("odd values", place, odd, times=1, is_good=True)
add(
    "odd values",
    "events",
    {
        f"{name} in place of a slug": says(page([event("X"), event("spring")]).replace(b'"X"', one))
        for name, one in ODD.items()
    },
)
add(
    "json at the events",
    "events",
    {name: says(VALUES[name]) for name in ("null", "a list", "an object", "a row that is null", "empty rows", "cut")},
)
add(
    "json at the organizers",
    "organizers",
    {name: says(VALUES[name]) for name in ("null", "a list", "an object", "a row that is null", "empty rows", "cut")},
)
#: The same shapes for the other API, whose lists have other names, and a total in place of a count.
SHORT = [VALUES[name] for name in ("null", "a list", "an object", "a row that is null", "empty rows", "cut")]
ROWS_AT = {"attendees": b'"attendees"', "tickets": b'"tickets"', "orders": b'"data"', "ticketing events": b'"events"'}
for (name, value), (place, key) in itertools.product(VALUES.items(), ROWS_AT.items()):
    if place == "attendees" or (place == "orders" and len(value) < 1 << 16) or value in SHORT:
        shaped = (
            value.replace(b'"results"', key)
            .replace(b'"count"', b'"total"')
            .replace(b'"id"', b'"ticket_code": "T", "id"')
        )
        add("json", place, {f"{name} at the {place}": says(shaped)})
add("json", "login", {f"{name} at the login": says(value) for name, value in VALUES.items() if len(value) < 1 << 20})
TOTALS: tuple[t.Any, ...] = (
    -1,
    0,
    2,
    4,
    10**6,
    10**18,
    10**400,
    1.5,
    "3",
    "three",
    True,
    None,
    [],
    {},
    [3],
    {"total": 3},
)
for total in TOTALS:
    add("total", "attendees", {f"{str(total)[:20]} in place of 3": says(attendees(*ATTENDEES, total=total))})
    add("total", "attendees", {f"{str(total)[:20]}, told once": says(attendees(*ATTENDEES, total=total))}, times=1)
add(
    "version",
    "version",
    {
        name: says(body)
        for name, body in {
            "null": b"null",
            "a list": b"[]",
            "a number": b'{"pretix": 17}',
            "the token": b'{"pretix": "%s"}' % TOKEN.encode(),
            "lines": b'{"pretix": "1\\nFORGED"}',
            "a web page": b"<html>",
            "long": b'{"pretix": "' + b"x" * 100_000 + b'"}',
        }.items()
    },
)

# --- slugs ------------------------------------------------------------------------------------------------------------

SLUGS: dict[str, t.Any] = {
    **{repr(value)[:12]: value for value in (None, 17, True, 1.5, [], ["x"], {}, {"a": 1}, "", " ", ".", "..", "...")},
    "a slash": "a/b",
    "a way up": "../../x",
    "a query": "a?b=c#d",
    "per cent": "%2e%2e",
    "braces": "{organizer}",
    "lines": "a\n2026-01-01 | ERROR    | x | FORGED",
    "escapes": "\x1b[31mFORGED",
    "NUL": "a\x00b",
    "right to left": "\u202eabc",
    "letters": "größe-ß-ǰ",
    "an emoji": "\U0001f600",
    "long": "x" * 5_000,
    "half a character": "HALF",
}
for name, slug in SLUGS.items():
    for place, made in (("organizers", organizer(slug)), ("events", event(slug))):
        content = page([made]).replace(b'"HALF"', b'"a\\udc00"')
        add("slug", place, {f"{name} at {place}": says(content)})
for place, row in (("organizers", {"name": "x"}), ("events", {"name": {"en": "x"}})):
    add("slug", place, {f"none at {place}": says(page([row])), f"twice at {place}": says(page([organizer()] * 2))})

#: Ticket codes go into the state and, as the cursor, into the address of the next page.
for name, code in SLUGS.items():
    content = attendees(code, "TA9").replace(b'"HALF"', b'"a\\udc00"')
    last = attendees("TA9", code).replace(b'"HALF"', b'"a\\udc00"')
    add("ticket code", "attendees", {f"{name}, first": says(content)}, times=1)
    add("ticket code", "attendees", {f"{name}, last": says(last)}, times=1)
    add("ticket code", "attendees", {f"{name}, for ever": says(last)})

# --- echoes -----------------------------------------------------------------------------------------------------------

for name, echo in ECHOES.items():
    text = echo(TOKEN)
    add(
        "echo",
        "rules",
        {
            f"{name}, in a detail": says(json.dumps({"detail": f"Bad: {text}"}).encode(), "422 Bad"),
            f"{name}, at the end of a long detail": says(json.dumps({"detail": "." * 280 + text}).encode(), "500 Bad"),
            f"{name}, in an error with 200": says(json.dumps({"error": f"Bad: {text}"}).encode()),
            f"{name}, as the name of a field": says(page([tax_rule(0, **{text: 1}), tax_rule(1), tax_rule(2)])),
        },
    )
    fields = {
        "record": [tax_rule(0, **{text: 1}), tax_rule(1), tax_rule(2)],
        "field": [tax_rule(0, seat={text: 1}), tax_rule(1), tax_rule(2)],
    }
    for where, rows in fields.items():
        add("echo", "rules", {f"{name}, as a name in a {where}": says(page(rows))}, personal_data=True)
    rows = [attendee(code, **{text: {text: 1}}, ticket_type={"id": 1, text: 2}) for code in ATTENDEES]
    add(
        "echo",
        "attendees",
        {f"{name}, as a name": says(attendees(attendees=rows, total=3))},
        times=1,
        personal_data=True,
    )
    for place, secret in (("login", PASSWORD), ("attendees", TOKEN), ("orders", TOKEN)):
        told = echo(secret)
        answers = {
            "an error with 200": says(json.dumps({"error": f"Bad: {told}"}).encode()),
            "a detail": says(json.dumps({"detail": "." * 280 + told}).encode(), "422 Bad"),
        }
        add("echo", place, {f"{name}, in {where} at the {place}": one for where, one in answers.items()})
    add("echo", "events", {f"{name}, as a slug": says(page([event(text)]))})
    add(
        "echo",
        "rules",
        {f"{name}, in a redirect": says(b"", "302 Found", Location=f"http://x.invalid/{text.strip()}")}
        if text.isascii() and "\n" not in text
        else {},
    )

# --- without end ------------------------------------------------------------------------------------------------------

SLOW: dict[str, Answer] = {
    "silence": after(b"", lambda _: b""),
    "interim answers": after(b"", lambda _: b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a status line": after(b"HTTP/1.1 200 ", lambda _: b"x"),
    "headers": after(HEAD + b"X: ", lambda _: b"x"),
    "a body": after(HEAD + b"Content-Length: 1000000\r\n\r\n[", lambda _: b" "),
    "chunks": after(CHUNKED, lambda _: b"1\r\n \r\n"),
    "a chunk's size": after(CHUNKED + b"1;x=", lambda _: b"x"),
    "trailers": after(CHUNKED + chunks(GOOD) + b"0\r\n", lambda n: b"X-%d: x\r\n" % n),
    "gzip": after(HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"[")[:10], lambda _: b"\0"),
    "a pause that is asked for": says(b"", "503 Busy", Retry_After="300"),
}
for place in ("organizers", "rules", "login", "attendees"):
    add("drip", place, {f"{name} at {place}": answer for name, answer in SLOW.items()}, budget=2)
add(
    "flood",
    "rules",
    {
        "interim answers": after(b"", lambda _: b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, 0),
        "a chunk's size": after(CHUNKED + b"1;x=", lambda _: b"x" * 100_000, 0),
        "a body": after(HEAD + b"\r\n[", lambda _: b" " * 100_000, 0),
        "trailers": after(CHUNKED + b"0\r\n", lambda _: b"X: x\r\n" * 20_000, 0),
    },
)
