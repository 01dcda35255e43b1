"""Breaks everything that can break between a tap and its API, and says what came of it.

`make reliability` does so for all faults, times and places, and writes the result to
`docs/reliability.md`; `python -m tests.support.faults` with words for those places only that have one
in their name, `-v` to see each run. The tests do a part of it, and runs with faults at random.

An outcome is found by comparing all rows that were written with those of a run that nothing
disturbed, never by "it did not crash"; and after each run that did not write all, another
one goes on from its last STATE, without the fault: then nothing may be missing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import email.utils
import faulthandler
import json
import logging
import sys
import textwrap
import time
import traceback
import typing as t
from collections import Counter, defaultdict
from pathlib import Path
from unittest import mock

import msgspec

from rest_tap.errors import ApiError, Stopped
from rest_tap.limiter import RateLimiter
from sandbox import KINDS, Fault, Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tests.conftest import Result, Waits, discovered, only, run_tap
from tests.support import loading, ticketing

if t.TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    from rest_tap.tap import RestTap
    from tests.conftest import Json

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
SCALE = Scale(organizers=1, events=3, tax_rules=60, orders=210, ticketing_events=2, attendees=130)
STREAMS = ("events", "tax_rules", "orders", "order_positions", "invoices", "checkins")
ORDERS = ("orders", "order_positions")
KEYS = {
    "organizers": "slug",
    "events": "slug",
    "orders": "code",
    "invoices": "number",
    "attendees": "ticket_code",
    "tickets": "code",
}
Tables = dict[str, dict[t.Any, str]]
#: Seconds without a byte after which a connection counts as broken, and seconds that are longer.
PATIENCE, TOO_LONG = 0.15, 0.4
#: Seconds that no run takes.
SUSPICIOUS = 20


# --- what can go wrong ------------------------------------------------------------------------------------------------


def http_date(seconds: int) -> str:
    """Return a time from now as headers name it."""
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


STATUSES = (400, 401, 403, 404, 408, 409, 410, 418, 425, 429, 500, 501, 502, 503, 504)
#: Every fault by the name that the table has.
FAULTS: dict[str, Json] = {
    **{f"status {status}": {"kind": "status", "status": status} for status in STATUSES},
    "404 with a web page": {"kind": "html", "status": 404},
    "502 with a web page": {"kind": "html", "status": 502},
    "429, `Retry-After` in seconds": {"kind": "status", "status": 429, "headers": {"Retry-After": "7"}},
    "503, `Retry-After` as a date": {"kind": "status", "status": 503, "headers": {"Retry-After": http_date(90)}},
    "429, `Retry-After` of a day": {"kind": "status", "status": 429, "headers": {"Retry-After": "86400"}},
    "429, `Retry-After` that is nonsense": {"kind": "status", "status": 429, "headers": {"Retry-After": "soon"}},
    "a web page with 200": {"kind": "html"},
    '`{"error"}` with 200': {"kind": "error_200"},
    "an empty body with 200": {"kind": "status", "status": 200, "body": b""},
    "`{}` with 200": {"kind": "status", "status": 200, "body": "{}"},
    "rows that are texts": {
        "kind": "status",
        "status": 200,
        "body": '{"count": 1, "next": null, "results": ["x"], "attendees": ["x"]}',
    },
    "redirect to another host": {"kind": "redirect", "url": "http://elsewhere.example/x"},
    "redirect to another scheme": {"kind": "redirect", "url": "https://127.0.0.1/x"},
    "redirect in a loop": {"kind": "redirect", "url": ""},
    "redirect to itself without end": {"kind": "redirect", "status": 308, "url": "?"},
    **{
        f"`next` is `{url}`": {"kind": "next_url", "url": url}
        for url in ("http://elsewhere.example/?page=2", "?page=1")
    },
    "`next` is missing": {"kind": "next_url", "url": ""},
    "`next` is nonsense": {"kind": "next_url", "url": "javascript:alert(1)"},
    "`count` is too large": {"kind": "count", "n": 500},
    "`count` is too small": {"kind": "count", "n": 1},
    "a page lacks its last row": {"kind": "shrink", "n": 1},
    "a page lacks all rows": {"kind": "shrink", "n": 50},
    "10 MB of text in a row": {"kind": "huge_string", "n": 10_000_000},
    "5,000 lists in one another": {"kind": "deep_nesting", "n": 5_000},
    "late by less than the time-out": {"kind": "slow", "seconds": PATIENCE / 4},
    "late by more than the time-out": {"kind": "slow", "seconds": TOO_LONG},
    "silence, then the end": {"kind": "timeout", "seconds": TOO_LONG},
    "in drops": {"kind": "drip", "seconds": PATIENCE / 2},
    "a compressed bomb": {"kind": "gzip_bomb", "n": 8_000_000},
    **{
        KINDS[kind].split(",")[0] if kind != "close_after" else "connection closed after the answer": {"kind": kind}
        for kind in (
            "null",
            "bare_list",
            "no_results",
            "repeat_page",
            "extra_fields",
            "missing_fields",
            "wrong_types",
            "numbers_as_text",
            "nan",
            "truncated_json",
            "duplicate_keys",
            "bad_utf8",
            "bom",
            "reset_before",
            "reset_mid_body",
            "close_after",
            "wrong_content_length",
            "truncated_gzip",
        )
    },
}
#: Kinds that say something wrong of a row, and leave it what it is.
LIES = {"missing_fields", "wrong_types", "numbers_as_text"}
TIMES: dict[str, int | None] = {"once": 1, "three times": 3, "for ever": None}


@dataclasses.dataclass(frozen=True)
class Place:
    """Which requests a fault hits, and in which run."""

    path: str
    after: int = 0
    query: str | None = None
    tap: type[RestTap] = TapOrganizers
    streams: tuple[str, ...] = STREAMS
    #: Whether the run goes on from a state, with every order changed meanwhile.
    later_run: bool = False
    settings: tuple[tuple[str, t.Any], ...] = ()


OVEIT = (*ticketing.OVEIT.items(),)
PLACES = {
    "orders, first page": Place("/orders/$", streams=ORDERS),
    "orders, a later page": Place("/orders/$", after=2, streams=ORDERS),
    "changed orders, first page": Place("/orders/$", streams=ORDERS, later_run=True),
    "changed orders, a later page": Place("/orders/$", after=1, streams=ORDERS, later_run=True),
    "invoices, first page": Place("/invoices/$", query="page=1", streams=("invoices",)),
    "invoices, a later page": Place("/invoices/$", query="page=2", streams=("invoices",)),
    "tax rules of one event": Place("/jazz-1/taxrules/$", streams=("events", "tax_rules", "checkins")),
    "the list of events": Place("/events/$", streams=("events", "tax_rules")),
    "attendees, first page": Place("/attendees$", tap=TapTicketing, streams=("attendees",)),
    "attendees, a later page": Place("/attendees$", after=1, tap=TapTicketing, streams=("attendees",)),
    "attendees of one event": Place(
        "/attendees$", query="id=", tap=TapTicketing, streams=("events", "attendees"), settings=OVEIT
    ),
    "the log-in": Place("/login$", tap=TapTicketing, streams=("tickets",)),
}


# --- one run ----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Outcome:
    """What came of a run."""

    #: complete, warned (rows are missing, and the log says so), or error.
    kind: str
    #: Answers that the fault spoiled, requests in all.
    spoiled: int
    requests: int
    #: Rows missing after the run, and after the one that went on from its state.
    missing: int
    lost: int
    line: str = ""
    problems: tuple[str, ...] = ()


#: What a secret could be logged by.
LOGGERS = ("urllib3", "requests", "rest_tap", "singer_sdk", "tap-organizers", "tap-ticketing")


class Bench:
    """A sandbox, what a run that nothing disturbs reads from it, and runs with faults."""

    def __init__(self) -> None:
        self.box = loading.settled(Sandbox(scale=SCALE))
        self.secrets = {self.box.token, self.box.password, "canary-proxy"}
        self._levels = {name: logging.getLogger(name).level for name in LOGGERS}
        for name in LOGGERS:
            logging.getLogger(name).setLevel(logging.DEBUG)
        before = self.run(Place("", streams=ORDERS))
        self.state, self.before = before.states[-1], tables(before)
        orders = self.box.organizers.organizers["riverside"].sales["orders"]
        for order in orders[:-20]:
            self.box.organizers.change_order("riverside", order["code"], comment="changed")
        self._truth: dict[Place, Tables] = {}

    def close(self) -> None:
        """Stop serving, and log as before."""
        self.box.close()
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)

    def config(self, place: Place) -> Json:
        """Return the settings for a place."""
        if place.tap is TapOrganizers:
            return loading.settings(self.box)
        more = {"progress": False, **dict(place.settings)}
        url = self.box.oveit_url if place.settings else self.box.ticketing_url
        return {**more, "api_url": url, "email": self.box.email, "password": self.box.password}

    def catalog(self, place: Place) -> Json:
        """Return the catalog for a place."""
        if place.tap is TapOrganizers:
            return loading.catalog(*place.streams)
        return only(discovered(self.config(place), TapTicketing), *place.streams)

    def run(self, place: Place, state: Json | None = None, workers: int = 4) -> Result:
        """Run a tap; an endless run is ended after a minute."""

        kinds = {fault.kind for fault in self.box.faults}

        def prepare(tap: RestTap) -> None:
            tap.http.timeout = PATIENCE if kinds & {"slow", "timeout", "drip"} else 30
            tap.http.rules.max_bytes = 24_000_000 if kinds else 1 << 28
            if "gzip_bomb" in kinds:
                tap.http.rules.max_bytes = 1 << 21

        config = {**self.config(place), "max_concurrency": workers, "max_runtime_seconds": 60}
        state = json.loads(json.dumps(state))
        return run_tap(config, self.catalog(place), state, tap=place.tap, may_fail=Exception, prepare=prepare)

    def truth(self, place: Place) -> Tables:
        """Return what a run that nothing disturbs reads."""
        key = dataclasses.replace(place, path="", after=0, query=None, later_run=False)
        if key not in self._truth:
            self._truth[key] = tables(self.run(key))
        return self._truth[key]

    def break_it(self, place: Place, *faults: Fault, runs: int = 1, workers: int = 4) -> Outcome:
        """Run with faults, and once more without them."""
        truth = self.truth(place)
        # What an answer says of a row, a client has to believe: then it is the keys that have to be complete.
        values = not {fault.kind for fault in faults} & LIES
        found: Tables = {stream: dict(rows) for stream, rows in self.before.items()} if place.later_run else {}
        state, problems = self.state if place.later_run else None, []
        kind, line, spoiled, requests, missing = "", "", 0, 0, 0
        for number in range(runs):
            self.box.clear_log()
            self.box.faults.add(*faults if number == 0 else [dataclasses.replace(f, seen=0, fired=0) for f in faults])
            try:
                result = self.run(place, state, workers)
            finally:
                spoiled = sum(fault.fired for fault in self.box.faults)
                self.box.faults.clear()
            requests = len(self.box.requests(place.path))
            merge(found, tables(result))
            missing = len(difference(truth, found, values=values))
            said = [text for text in result.lines() if "skipped" in text or " came in all readings" in text]
            line = str(result.error) if result.error else "; ".join(said)
            kind = "error" if result.error else "warned" if missing and said else "complete"
            problems += self.leaks(result)
            if result.error and not isinstance(result.error, ApiError):
                problems.append(f"{type(result.error).__name__} is no error of the API")
            if result.error and ("\n" in line or len(line) > 600):
                problems.append(f"not one line: {line}")
            if kind == "complete" and missing:
                problems.append(f"{missing} rows missing in silence: {difference(truth, found, values=values)[:3]}")
            state = result.states[-1] if result.states else state
            if kind == "complete":
                break
        if kind == "complete" and not missing:
            return Outcome(kind, spoiled, requests, 0, 0, line, tuple(problems))
        after = self.run(place, state)
        if after.error:
            problems.append(f"the run after it ends with {after.error}")
        merge(found, tables(after))
        left = difference(truth, found, values=values)
        if left:
            problems.append(f"{len(left)} rows lost for good: {left[:3]}")
        if {key for stream in found for key in found[stream]} - {key for stream in truth for key in truth[stream]}:
            problems.append("rows came that are not there")
        return Outcome(kind, spoiled, requests, missing, len(left), line, tuple(problems))

    def leaks(self, result: Result) -> list[str]:
        """Return which secrets can be seen in what a run wrote, logged and raised."""
        texts = [result.output.decode(), *(record.getMessage() for record in result.log)]
        texts += [str(record.exc_info) for record in result.log if record.exc_info]
        if result.error is not None:
            texts += traceback.format_exception(result.error)
        whole = "\n".join(texts)
        secrets = self.secrets | {self.box.session_token}
        secrets |= {
            request.headers["authorization"].partition(" ")[2]
            for request in self.box.log
            if "authorization" in request.headers
        }
        return [f"a secret can be seen: {secret[:4]}…" for secret in secrets if secret and secret in whole]


def tables(result: Result) -> Tables:
    """Return all rows of a run by stream and key, without the time they were read and what was added to them."""
    found: Tables = defaultdict(dict)
    for stream, rows in result.records.items():
        for row in rows:
            shown = {name: value for name, value in row.items() if name != "unknown_fields"}
            key = str(row.get(KEYS.get(stream, "id"))), row.get("event") if stream == "tax_rules" else None
            found[stream][key] = msgspec.json.encode(shown, order="sorted").decode()
    return found


def merge(found: Tables, newer: Tables) -> None:
    """Write rows over those that are there."""
    for stream, rows in newer.items():
        found.setdefault(stream, {}).update(rows)


def difference(truth: Tables, found: Tables, *, values: bool = True) -> list[t.Any]:
    """Return the keys of rows that are missing or, by their values, not as they are on the server."""
    return [
        (stream, key)
        for stream, rows in truth.items()
        for key, row in rows.items()
        if key not in found.get(stream, {}) or (values and found[stream][key] != row)
    ]


@contextlib.contextmanager
def waiting_costs_nothing() -> Iterator[None]:
    """Let waits of the rate limiter, so of retries, take no time; a proxy is named that must not be asked."""
    waits = Waits()

    def sleep(limiter: RateLimiter, seconds: float) -> None:
        if limiter._stopped.is_set():
            raise Stopped
        waits.sleep(seconds)

    proxies = {"HTTPS_PROXY": "http://canary-user:canary-proxy@127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    with (
        mock.patch("rest_tap.limiter.time", waits),
        mock.patch.object(RateLimiter, "sleep", sleep),
        mock.patch.dict("os.environ", proxies),
    ):
        yield


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """Give a bench on which waiting costs nothing."""
    with waiting_costs_nothing():
        it = Bench()
        try:
            yield it
        finally:
            it.close()


def fault(name: str, place: Place, times: int | None, **more: t.Any) -> Fault:
    """Return a fault of the list above at a place."""
    return Fault(
        **{"path": place.path, "query": place.query, "after": place.after, "times": times, **FAULTS[name], **more}
    )


def random_faults(chance: random.Random, place: Place) -> list[Fault]:
    """Return a few faults at random, anywhere in a run."""
    anywhere = "" if chance.random() < 0.3 else place.path
    # A row that the server leaves out of a list cannot be missed where nothing counts them.
    names = [name for name in FAULTS if anywhere or place.tap is TapOrganizers or FAULTS[name]["kind"] != "shrink"]
    return [
        Fault(
            **{
                "path": anywhere,
                "times": chance.choice([1, 1, 2, 4, None]),
                "after": chance.randrange(6),
                "probability": chance.choice([1.0, 0.5, 0.2]),
                "seed": chance.randrange(10**6),
                **FAULTS[chance.choice(names)],
            }
        )
        for _ in range(chance.randint(1, 4))
    ]


# --- the table --------------------------------------------------------------------------------------------------------

HEAD = """# Reliability: what happens when an API misbehaves

Whatever an API or a network does wrong, a run ends in one of three ways:

- **complete**: every row came; exit status 0.
- **error**: a list could not be read; all others were, unless the error concerns them, too. One line says stream, path,
  status and reason; exit status 1. The next run goes on and completes.
- **said**: a list did not come whole; the log says which, and how many rows are missing. Exit status 0. The next run
  completes.

No row is lost without a word. The table below shows this fault by fault, as `make reliability` found it: it spoils the
answers of the sandbox in each of these ways, at each of {places} places, {runs:,} runs in all.

{listed}

After each run that did not write every row, a second run goes on from its last STATE, without the fault. All rows that
were written are compared, field by field, with those of an undisturbed run; where an answer tells wrong things about a
row, key by key. *Tries* is how many answers were spoiled at most before the run went on or gave up. *Lost* counts rows
that were missing without a word, or that the next run did not bring.

No client can notice a server that leaves rows out of a list without a count (events and tickets behind a login), or
that leaves them out of the count as well.

Other tests end in the same ways: a server that refuses connections in mid-run, and 200 runs with random faults (`make
test-slow`); the same faults in front of a real pretix (`make test-pretix`); a tap, a loader or a `meltano run` that is
killed with `kill -9`, and a full disk (`make test-meltano`).

An answer that never ends ends after ten times `request_timeout`, wherever in it the server takes its time, and at once
when the time budget is spent. What each of some 1,300 hostile ways to answer comes to (framing, statuses, redirects,
cookies, compression, shapes of JSON, slugs, echoed secrets, drips) is tested with the real command in `tests/hostile`:
all rows, or a line and a STATE from which the next run completes; below 300 MB, without a traceback and without a
secret in the log or STATE.

One list of each stream in turn answers 500, malformed JSON, 403 or 404, breaks off or does not answer, for ever: of all
others every row comes, and the run says which list it was (`tests/runs/test_one_broken_list.py`, some of it in `make
test`, all in `make test-slow`). What ends a run at once is a refused credential, a setting that cannot be sent, a host
that cannot be reached; and five lists in a row without an answer.

1,002 runs were sent SIGTERM or SIGINT at a random moment, a third each with `max_concurrency` 1, 2 and 8: none hung,
each that was not through before ended with the exit status of its signal, and the next run completed it
(`SIGNAL_RUNS=334 pytest -m slow tests/runs/test_signals.py`, at commit 8c32f5e).

What takes most memory of all that a server can send, as `pytest -m slow -s tests/hostile/test_memory.py` measured it
at commit 8774e13:

| A server sends | Outcome | Most memory |
| --- | --- | ---: |
| 18 pages of 250 MB, as gzip 255 kB each | refused, exit status 1 | 135 MB |
| a page of 64 MB of `{{}}` | refused, exit status 1 | 102 MB |
| 5.4 MB of cookies with each of 18 answers | refused, exit status 1 | 54 MB |
| 3,000,000 rows without `count` | all rows | 101 MB |
| 1,200,000 names that no schema has | refused, exit status 1 | 108 MB |

| Fault | How often | Tries | Outcome | Lost |
| --- | --- | ---: | --- | ---: |
"""
WORDS = {"complete": "complete", "error": "error", "warned": "said"}


def describe(outcomes: list[Outcome]) -> str:
    """Return outcomes at several places as words."""
    counts = Counter(outcome.kind for outcome in outcomes)
    if len(counts) == 1:
        return WORDS[outcomes[0].kind]
    return ", ".join(f"{WORDS[kind]} ({number})" for kind, number in counts.most_common())


def table(report: Callable[[str], None], places: dict[str, Place]) -> tuple[str, list[str]]:
    """Return the document, and whatever is not as promised."""
    lines: list[str] = []
    problems: list[str] = []
    runs = 0
    with bench() as it:
        for name in FAULTS:
            for often, times in TIMES.items():
                outcomes = []
                for where, place in places.items():
                    # Tap and sandbox are in this process: a run that hangs shows where.
                    faulthandler.dump_traceback_later(SUSPICIOUS)
                    outcome = it.break_it(place, fault(name, place, times))
                    faulthandler.cancel_dump_traceback_later()
                    outcomes.append(outcome)
                    problems += [f"{name}, {often}, {where}: {problem}" for problem in outcome.problems]
                    runs += 1
                    report(f"{name} | {often} | {where} | {outcome}")
                tries = max(outcome.spoiled for outcome in outcomes)
                lost = sum(
                    outcome.lost + (outcome.missing if outcome.kind == "complete" else 0) for outcome in outcomes
                )
                lines.append(f"| {name} | {often} | {tries} | {describe(outcomes)} | {lost} |")
    listed = textwrap.fill(f"{'; '.join(places)}.", 120)
    head = HEAD.format(places=len(places), listed=listed, runs=runs)
    return head + "\n".join(lines) + "\n", problems


def main() -> None:
    """Write the document; exit with 1 if something is not as promised."""
    words = [word for word in sys.argv[1:] if word != "-v"]
    places = {where: place for where, place in PLACES.items() if not words or any(word in where for word in words)}
    from tests.support import partial  # noqa: PLC0415 - it imports this module

    report = print if "-v" in sys.argv else lambda _: None
    text, problems = table(report, places)
    deletions, more = partial.section(report)
    text, problems = text + deletions, problems + more
    DOCUMENT.write_text(text, encoding="utf-8")
    print("\n".join([*problems, f"{len(problems)} problems; {DOCUMENT.name} is written"]))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
