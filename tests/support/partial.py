"""Every way in which a run can be partial, and what a loader that believes in versions has deleted then.

For each way there are runs from a state and without one, with and without a sweep; after each, a loader in small
(:mod:`tests.support.warehouse`) has taken all messages. Then plain runs follow. No row that exists is ever missing
from the loader's tables if it was there before.
`make reliability` writes the table of them into `docs/reliability.md`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import pickle
import random
import typing as t

from rest_tap.errors import ApiError, StopRun
from sandbox import Fault, Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tests.conftest import Json, Result, copied, discovered, only, organizers_config, run_tap, select
from tests.support.faults import FAULTS, PATIENCE, TIMES, waiting_costs_nothing
from tests.support.ticketing import settings as ticketing_settings
from tests.support.warehouse import Warehouse, aged

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rest_tap.tap import RestTap

SCALE = Scale(organizers=3, events=7, tax_rules=55, orders=70, ticketing_events=3, attendees=60)
#: Of each kind: lists of organizers and of events, below other rows, incremental, cut out of others.
STREAMS = (
    *("organizers", "events", "customers", "gift_cards", "invoices", "subevents", "orders", "order_positions"),
    *("order_fees", "order_answers", "order_payments", "order_refunds", "transactions", "checkins", "tax_rules"),
    *("items", "item_variations", "questions", "question_options", "vouchers", "quotas", "checkin_lists"),
)
#: As long as the sweep of the tests takes, and the time between two runs of it.
DAYS, AGE = 2, 1.0
#: Where faults are put: paths of the organizers' API.
PLACES = (
    *("/organizers/$", "/events/$", "/customers/$", "/orders/$", "/transactions/$", "/invoices/$", "/taxrules/$"),
    *("/jazz-1/taxrules/$", "/items/$", "/questions/$", "/checkins/$", "/vouchers/$", "/subevents/$", ""),
)


#: Whether the run sweeps, and whether it goes on from a state.
Case = tuple[bool, bool]
CASES: tuple[Case, ...] = ((False, True), (False, False), (True, True), (True, False))


@dataclasses.dataclass(frozen=True)
class Way:
    """One way in which a run is partial.

    Attributes:
        name: What the table calls it.
        settings: Settings besides the usual ones.
        faults: What goes wrong on the server.
        catalog: Changes the catalog.
        prepare: Changes the tap before it runs.
        prefix: How much of the messages the loader gets before it (or the tap) is killed, of 1.
    """

    name: str
    settings: tuple[tuple[str, t.Any], ...] = ()
    faults: tuple[Fault, ...] = ()
    catalog: Callable[[Json], object] | None = None
    prepare: Callable[[t.Any], object] | None = None
    prefix: float | None = None


@dataclasses.dataclass
class Found:
    """What came of a way.

    Attributes:
        runs: Runs that were made.
        activations: Versions that were activated in the partial run.
        deleted: Rows that exist and were deleted.
        problems: Whatever is not as promised.
    """

    runs: int = 0
    activations: int = 0
    deleted: int = 0
    problems: list[str] = dataclasses.field(default_factory=list)


class Bench:
    """A server, and what a loader has after one whole run."""

    def __init__(self, box: Sandbox, tap: type[RestTap] = TapOrganizers, shape: str = "flat") -> None:
        """Read everything once, with and without a sweep."""
        self.box, self.tap, self._shape = box, tap, shape
        catalog = discovered(self.config(), tap)
        if tap is TapOrganizers:
            only(catalog, *STREAMS)
        self._catalog = pickle.dumps(catalog)
        self.before = {sweep: self._begin(sweep=sweep) for sweep in (False, True)}

    def config(self, **settings: t.Any) -> Json:
        """Return settings, with versions."""
        usual = {"progress": False, "emit_activate_version_messages": True, **settings}
        if self.tap is TapOrganizers:
            return organizers_config(self.box, **usual)
        return ticketing_settings(self.box, self._shape, **usual)

    def _begin(self, *, sweep: bool) -> tuple[Warehouse, Json]:
        result = self.run(None, sweep=sweep)
        assert result.error is None, repr(result.error)
        return Warehouse().load(result.messages), result.states[-1]

    def run(self, state: Json | None, way: Way | None = None, *, sweep: bool = False) -> Result:
        """Run the tap, partially or not."""
        settings = dict(way.settings) if way else {}
        catalog = pickle.loads(self._catalog)
        if way and way.catalog:
            way.catalog(catalog)
        config = self.config(**({"sweep_days": DAYS} if sweep else {}), **settings)
        kinds = {fault.kind for fault in self.box.faults}

        def prepare(tap: RestTap) -> None:
            tap.http.timeout = PATIENCE if kinds & {"slow", "timeout", "drip"} else 30
            tap.http.rules.max_bytes = 1 << 21 if "gzip_bomb" in kinds else 24_000_000 if kinds else 1 << 28
            if way and way.prepare:
                way.prepare(tap)

        return run_tap(config, catalog, copied(state), tap=self.tap, may_fail=Exception, prepare=prepare)

    def try_way(self, way: Way, cases: t.Iterable[Case] = CASES) -> Found:
        """Run it in each of these cases, each time with plain runs after it."""
        found = Found()
        for sweep, has_state in cases:
            warehouse, state = self.before[sweep]
            self._try(way, found, warehouse.copy(), state if has_state else None, sweep=sweep)
        return found

    def _try(self, way: Way, found: Found, warehouse: Warehouse, state: Json | None, *, sweep: bool) -> None:
        there, start = warehouse.existing(), warehouse.activations
        case = f"{way.name}, {'with' if state else 'without'} a state, {'with' if sweep else 'without'} a sweep"
        # Half of the ring is due.
        state = aged(state, DAYS / 2) if state else None
        self.box.faults.add(*(dataclasses.replace(fault, seen=0, fired=0) for fault in way.faults))
        try:
            result = self.run(state, way, sweep=sweep)
        finally:
            self.box.faults.clear()
        if result.error is not None and not isinstance(result.error, (ApiError, StopRun)):
            found.problems.append(f"{case}: {type(result.error).__name__}: {result.error}")
        messages = result.messages
        if way.prefix is not None:
            messages = messages[: int(len(messages) * way.prefix)]
        states = [message["value"] for message in messages if message["type"] == "STATE"]
        state = states[-1] if states else state
        warehouse.load(messages)
        found.activations += warehouse.activations - start
        found.runs += 1
        self._look(found, warehouse, there, f"{case}: the partial run")
        for number in range(DAYS + 1 if sweep else 1):
            result = self.run(aged(state, AGE), sweep=sweep)
            if result.error is not None:
                found.problems.append(f"{case}: a plain run ends with {result.error}")
                return
            warehouse.load(result.messages)
            state = result.states[-1]
            found.runs += 1
            self._look(found, warehouse, there, f"{case}: plain run {number}")

    @staticmethod
    def _look(found: Found, warehouse: Warehouse, there: set[tuple[str, t.Any]], where: str) -> None:
        """Take note of rows that exist (nothing is deleted on the server) and are gone."""
        gone = there - warehouse.existing()
        if gone:
            found.deleted += len(gone)
            found.problems.append(f"{where} has deleted {len(gone)} rows that exist, as {sorted(gone, key=repr)[:3]}")


# --- ways ---------------------------------------------------------------------------------------------------------


def deselect(*streams: str) -> Callable[[Json], None]:
    """Return what takes streams out of a catalog."""

    def change(catalog: Json) -> None:
        for entry in catalog["streams"]:
            if entry["tap_stream_id"] in streams:
                select(entry, selected=False)

    return change


def stop_at(page: int) -> Callable[[t.Any], None]:
    """Return what lets a signal come at a page."""

    def prepare(tap: t.Any) -> None:
        seen = itertools.count()
        fetch = tap.http.fetch

        def hooked(*arguments: t.Any) -> t.Any:
            if next(seen) == page:
                tap._handle_termination(15, None)
            return fetch(*arguments)

        tap.http.fetch = hooked

    return prepare


def by_settings() -> Iterator[Way]:
    """Yield each setting that narrows a run, and catalogs that do."""
    narrowing: list[Json] = [
        {"organizers": ["sommerfest"]},
        {"organizers": ["riverside", "sommerfest"]},
        {"events": ["jazz-1"]},
        {"events": ["riverside/jazz-1"], "organizers": ["riverside"]},
        {"events_ended_after": "2026-01-01T00:00:00Z"},
        {"events_ended_after": "2100-01-01T00:00:00Z"},
        {"start_date": "2026-06-01T00:00:00Z"},
        {"start_date": "2100-01-01T00:00:00Z"},
        {"personal_data": False},
        {"overlap_seconds": 0},
        {"max_runtime_seconds": 1},
        {"emit_activate_version_messages": False},
        {"sweep_after_days": 0},
        *({"shard_index": index, "shard_count": 2} for index in range(2)),
        *({"shard_index": index, "shard_count": 3, "shard_events_of": ["*"]} for index in range(3)),
        *({"stream_maps": {name: {"__filter__": "False"}}} for name in ("organizers", "events", "items", "orders")),
        {"stream_maps": {"events": {"__filter__": "record['slug'] < 'k'"}}},
        {"stream_maps": {"tax_rules": {"__filter__": "record['id'] % 2 == 0"}}},
        {"stream_maps": {"orders": None}},
        {"stream_maps": {"orders": {"__alias__": "orders"}, "events": {"only": "slug"}}},
        {"batch_config": {"encoding": {"format": "jsonl", "compression": "gzip"}, "storage": {"root": "file:///tmp"}}},
    ]
    for settings in narrowing:
        words = ", ".join(f"`{name}: {json.dumps(value)}`" for name, value in settings.items())
        yield Way(words, tuple(settings.items()))
    for streams in (("orders",), ("order_positions",), ("events",), ("organizers",), ("items",), ("orders", "events")):
        yield Way(f"{', '.join(streams)} deselected", catalog=deselect(*streams))


def by_denial() -> Iterator[Way]:
    """Yield lists that may not be read, are not there or fail, whatever the settings make of that."""
    choices: tuple[Json, ...] = ({"on_denied": "skip"}, {"on_error": "skip"}, {})
    for on, status, path in itertools.product(choices, (403, 404, 500), PLACES):
        facts: Json = {"path": path, "times": None, "kind": "status", "status": status, "after": 3 if not path else 0}
        yield Way(f"{status} {json.dumps(on)} {path}", tuple(on.items()), (Fault(**facts),))


def by_fault() -> Iterator[Way]:
    """Yield each fault of the reliability matrix, each time at some places in turn."""
    places = itertools.cycle(PLACES)
    for name, often in itertools.product(FAULTS, TIMES):
        for on_error in ("fail", "skip"):
            path = next(places)
            fault = Fault(path=path, times=TIMES[often], **FAULTS[name])
            yield Way(f"{name} {often} {path} {on_error}", (("on_error", on_error),), (fault,))


def by_end(chance: random.Random, number: int) -> Iterator[Way]:
    """Yield runs that end before their end: by a signal, by kill -9 of the tap, by the end of the loader."""
    for page in range(0, number, 2):
        yield Way(f"a signal at request {page}", prepare=stop_at(page))
    for _ in range(number):
        yield Way("kill -9", prefix=chance.random())


# --- the table ----------------------------------------------------------------------------------------------------

HEAD = """
## What partial runs delete

With versions on (`emit_activate_version_messages`), a loader deletes what an activated version does not have. So each
of these runs was tried, from a state and without one, with and without a sweep, and plain runs after it. A loader in
small took all messages, or as many as came before it was killed. *Activated* counts the versions that partial runs
activated, since streams that they have read whole are whole. *Deleted* counts rows that exist on the server and were
deleted by the partial run or by one after it.

| Partial run | Ways | Runs | Activated | Deleted |
| --- | ---: | ---: | ---: | ---: |
"""
KINDS: dict[str, Callable[[], Iterator[Way]]] = {
    "settings that narrow it, streams deselected": by_settings,
    "lists denied, absent or failing, skipped or not": by_denial,
    "each fault above, skipped or not": by_fault,
    "a signal, or kill -9 of tap or loader, anywhere": lambda: by_end(random.Random(20261128), 60),
}


@contextlib.contextmanager
def bench(tap: type[RestTap] = TapOrganizers, scale: Scale = SCALE) -> Iterator[Bench]:
    """Give a bench on which waiting costs nothing."""
    with waiting_costs_nothing(), Sandbox(scale=scale) as box:
        yield Bench(box, tap)


def cases_of(kind: str, number: int) -> tuple[Case, ...]:
    """Return all cases for a setting, and for the others one case each, in turn."""
    return CASES if kind.startswith("settings") else (CASES[number % len(CASES)],)


def section(report: Callable[[str], None]) -> tuple[str, list[str]]:
    """Return the part of the document about deletions, and whatever is not as promised."""
    lines, problems = [], []
    with bench() as it:
        for kind, ways in KINDS.items():
            found = [it.try_way(way, cases_of(kind, number)) for number, way in enumerate(ways())]
            problems += [problem for one in found for problem in one.problems]
            runs, activated, deleted = (
                sum(getattr(one, name) for one in found) for name in ("runs", "activations", "deleted")
            )
            lines.append(f"| {kind} | {len(found):,} | {runs:,} | {activated:,} | {deleted} |")
            report(lines[-1])
    return HEAD + "\n".join(lines) + "\n", problems
