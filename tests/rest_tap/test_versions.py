"""No run, however partial, activates a version under which a row that exists was not read.

A server, a tap and a loader in small: the tap reads lists as its settings, the sweep and its faults let
it, and decides by :mod:`rest_tap.versions`; the loader deletes what an activated version does not have.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import pickle
import types
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rest_tap.state import State as Kept
from rest_tap.sweep import SweepPosition, arc_since, place_of, position_after
from rest_tap.versions import KEYS, Reading, ReadMode, Version, Versions, begin, end

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
ORGANIZERS = ("a", "b")
EVENTS = {(organizer, f"e{number}"): number < 3 for organizer in ORGANIZERS for number in range(4)}
#: Streams, and whether each goes on from bookmarks, is below events, and is cut out of another's rows.
STREAMS = {
    "plans": (False, False, None),
    "rules": (False, True, None),
    "orders": (True, False, None),
    "positions": (True, False, "orders"),
    "scans": (True, True, None),
    "payments": (False, False, None),
}
#: A stream with lists of its own, whose records stand in another one's rows, too.
COMPANION, BESIDE = "payments", "orders"
List = tuple[str, ...]
State = dict[str, t.Any]


class Server:
    """Rows by list; each knows when it was changed."""

    def __init__(self) -> None:
        self.events = dict(EVENTS)
        self.lists: dict[List, dict[int, int]] = {}
        self.tick = 0
        #: Deleted rows, by the identity of their list.
        self.gone: set[tuple[int, int]] = set()
        for key in self.keys():
            self.lists[key] = dict.fromkeys(range(3), 0)
        for organizer in ORGANIZERS:
            self.lists[COMPANION, organizer] = self.lists[BESIDE, organizer]

    def keys(self) -> list[List]:
        """Return all lists that there are."""
        found: list[List] = []
        for name, (_, is_below_event, nested) in STREAMS.items():
            if not nested:
                found += (
                    [(name, *event) for event in self.events] if is_below_event else [(name, o) for o in ORGANIZERS]
                )
        return found


class Loader:
    """Rows by stream and key, each with the version that it came under."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[t.Any, int | None]] = {name: {} for name in STREAMS}

    def activate(self, stream: str, number: int) -> None:
        """Delete what has not come under this version, as target-postgres does."""
        rows = self.rows[stream]
        self.rows[stream] = {key: version for key, version in rows.items() if version and version >= number}


@dataclasses.dataclass(frozen=True)
class Run:
    """How one run is limited, and what goes wrong in it."""

    hours: int = 24
    days: int | None = 7
    emits: bool = True
    streams: frozenset[str] = frozenset(STREAMS)
    organizers: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    start_date: bool = False
    shard: int | None = None
    full_table: bool = False
    fails: frozenset[int] = frozenset()
    denied: frozenset[int] = frozenset()
    incomplete: frozenset[int] = frozenset()
    killed_at: int | None = None
    loses_state: int = 0
    forgets: bool = False
    #: What happens on the server before it: (number of a list, row, whether it is deleted).
    changes: tuple[tuple[int, int, bool], ...] = ()
    #: Number of an event that ends, begins again or is deleted.
    event: tuple[int, str] | None = None


class KilledError(Exception):
    """The process is gone."""


class Tap:
    """Reads what a run has to read, and writes the state when it is worth it."""

    def __init__(self, server: Server, loader: Loader) -> None:
        self.server, self.loader = server, loader
        self.now = BEGIN
        self.state: State = {}

    def run(self, run: Run) -> None:
        """Run once."""
        self.now += dt.timedelta(hours=run.hours)
        reader = Reader(self, run, {} if run.forgets else pickle.loads(pickle.dumps(self.state)))
        try:
            reader.read()
        except KilledError:
            self.state = pickle.loads(reader.states[max(0, len(reader.states) - 1 - run.loses_state)])
        else:
            self.state = pickle.loads(reader.states[-1])


class Reader:
    """One run."""

    def __init__(self, tap: Tap, run: Run, state: State) -> None:
        self.tap, self.limits, self.state = tap, run, state
        #: Pickled, which makes a copy in a tenth of the time.
        self.states = [pickle.dumps(state)]
        kept = SweepPosition.from_state(state.get("sweep"))
        scope = "/".join(sorted(run.organizers | run.events))
        self.scope: str | None = None if run.shard is not None else scope
        self.kept = kept
        self.arc = arc_since(kept, tap.now, run.days, self.scope) if run.days else None
        self.versions = Versions(
            Kept({"bookmarks": state}),
            number=int(tap.now.timestamp()) if run.emits else 0,
            place=kept.place if kept else 0,
            may_activate=run.shard is None,
        )
        self.readings = {name: Reading() for name in run.streams}
        self.steps = 0
        self.has_failed = False
        #: Organizers of which the companion came with what it stands in.
        self.brought: set[str] = set()

    def read(self) -> None:
        """Read everything, and write the last STATE."""
        run = self.limits
        for name in run.streams:
            is_incremental = STREAMS[name][0] and not run.full_table
            is_narrowed = is_incremental and run.start_date
            self.versions.begin(name, ReadMode(is_incremental, run.days is not None, is_narrowed))
        for number, key in enumerate(self.tap.server.keys()):
            streams = [name for name in run.streams if key[0] in (name, STREAMS[name][2])]
            if streams:
                self.read_list(number, key, streams)
                self.keep()
        place = None
        if self.arc is not None and not self.has_failed:
            progress = position_after(self.kept, self.arc, self.tap.now, self.scope)
            if progress is not None and progress != self.kept:
                place = progress.place
                self.state["sweep"] = progress.to_state()
        for stream in self.versions.finish(self.readings, place):
            self.tap.loader.activate(stream, self.versions.by_stream[stream].number)
        self.states.append(pickle.dumps(self.state))

    def keep(self) -> None:
        """Keep the state of a run that may be killed: one that is not leaves its last."""
        if self.limits.killed_at is not None:
            self.states.append(pickle.dumps(self.state))

    def numbers(self, streams: list[str]) -> dict[str, int | None]:
        """Return the versions of the streams that a list serves."""
        return {stream: self.versions.number(stream) for stream in streams}

    def leaves_out(self, key: List) -> bool:
        """Return whether settings leave a list out."""
        run = self.limits
        is_elsewhere = run.shard is not None and place_of(*key[1:]) % 2 != run.shard
        is_unwanted = (run.organizers and key[1] not in run.organizers) or (
            len(key) > 2 and run.events and key[2] not in run.events
        )
        return bool(is_elsewhere or is_unwanted)

    def read_list(self, number: int, key: List, streams: list[str]) -> None:
        """Read one list, as far as this run reads it."""
        run, is_below_event = self.limits, len(key) > 2
        is_due = self.arc is not None and self.arc.covers(place_of(*(key[1:] if is_below_event else key)))
        is_past = is_below_event and self.tap.server.events[key[1], key[2]]
        if self.leaves_out(key) or number in run.denied:
            self.lack(streams, "left out")
        elif key[0] == COMPANION and key[1] in self.brought:
            return
        elif self.arc is not None and is_past and not is_due and not any(map(self.versions.is_loading, streams)):
            for stream in streams:
                self.readings[stream].is_left_to_sweep = True
        elif STREAMS[key[0]][0] and not run.full_table:
            self.read_incremental(number, key, streams, is_due=is_due)
        else:
            others = [COMPANION] if key[0] == BESIDE and COMPANION in run.streams else []
            self.write(number, key, streams, sorted(self.tap.server.lists[key]), others)

    def lack(self, streams: list[str], why: str) -> None:
        """Say that something of these streams was not read."""
        for stream in streams:
            self.readings[stream].lacks.add(why)

    def read_incremental(self, number: int, key: List, streams: list[str], *, is_due: bool) -> None:
        """Read a list from its bookmark, or from its beginning."""
        run, server, name = self.limits, self.tap.server, "/".join(key)
        marks = [self.state.get(stream, {}).get(name) for stream in streams]
        mark = marks[0] if marks.count(marks[0]) == len(marks) else None
        is_same = isinstance(mark, dict) and mark["versions"] == self.numbers(streams)
        since = resumed = -1
        if isinstance(mark, dict) and (is_same or not is_due):
            resumed = mark["row"]
        elif isinstance(mark, int) and not is_due:
            since = mark
        elif run.start_date:
            since = server.tick
            self.lack(streams, "start_date")
        if (isinstance(mark, int) and not is_due) or (resumed >= 0 and not is_same):
            for stream in streams:
                self.readings[stream].is_continued = True
        rows = sorted(row for row, changed in server.lists[key].items() if changed > since and row > resumed)
        is_resumable = since < 0 and len(key) == 2
        # What came under another version is not of this one, however often the reading goes on.
        versions = {stream: self.numbers(streams) if resumed < 0 or is_same else None for stream in streams}
        if is_resumable and key[0] == BESIDE and COMPANION in run.streams:
            versions |= self.companion(name, resumed, is_due=is_due)
        others = versions.keys() - set(streams)
        if self.write(number, key, streams, rows, others, versions if is_resumable else {}):
            for stream in streams:
                self.state.setdefault(stream, {})[name] = server.tick

    def companion(self, name: str, resumed: int, *, is_due: bool) -> dict[str, t.Any]:
        """Return the version of the companion, if it comes with a list read from its beginning or on from a row."""
        came = self.state.get(COMPANION, {}).pop(name, None)
        own = self.numbers([COMPANION])
        if resumed < 0:
            return {COMPANION: own}
        if not came or came["row"] != resumed or (is_due and came["versions"] != own):
            return {}
        self.state[COMPANION][name] = came
        self.readings[COMPANION].is_continued |= came["versions"] != own
        return {COMPANION: own if came["versions"] == own else None}

    def write(
        self,
        number: int,
        key: List,
        streams: list[str],
        rows: list[int],
        others: t.Collection[str] = (),
        versions: t.Mapping[str, t.Any] = types.MappingProxyType({}),
    ) -> bool:
        """Write rows, moving the bookmark of a reading from the beginning; return whether all went well."""
        run = self.limits
        if number in run.incomplete:
            del rows[-1:]
            self.lack(streams, "incomplete")
            for stream in streams:
                self.versions.end_loading(stream)
        for row in rows:
            self.steps += 1
            if run.killed_at is not None and self.steps > run.killed_at:
                raise KilledError
            if number in run.fails and row > 0:
                self.has_failed = True
                self.lack(streams, "failed")
                return False
            row_key = (*key[1:], row)
            for stream in (*streams, *others):
                self.tap.loader.rows[stream][row_key] = self.versions.number(stream)
                if stream in versions:
                    self.state.setdefault(stream, {})["/".join(key)] = {"row": row, "versions": versions[stream]}
            if versions:
                self.keep()
        if others and number not in run.incomplete:
            self.brought.add(key[1])
            self.state.get(COMPANION, {}).pop("/".join(key), None)
        return True


def change(server: Server, run: Run) -> None:
    """Change rows on the server, delete some, end an event or delete it."""
    server.tick += 1
    keys = server.keys()
    for number, row, is_deleted in run.changes:
        rows = server.lists[keys[number % len(keys)]]
        if is_deleted:
            rows.pop(row, None)
            server.gone.add((id(rows), row))
        elif (id(rows), row) not in server.gone:  # ids of what was deleted do not come again
            rows[row] = server.tick
    if run.event is not None:
        number, what = run.event
        event = list(EVENTS)[number % len(EVENTS)]
        if what == "deleted":
            server.events.pop(event, None)
        elif event in server.events:  # nor do events
            server.events[event] = what == "ended"
        for name in ("rules", "scans"):
            if event in server.events:
                server.lists.setdefault((name, *event), {0: server.tick})
            else:
                server.lists.pop((name, *event), None)


def expected(server: Server) -> dict[str, set[t.Any]]:
    """Return the keys of all rows that exist, by stream."""
    return {
        name: {(*key[1:], row) for key, rows in server.lists.items() if key[0] in (name, nested) for row in rows}
        for name, (_, _, nested) in STREAMS.items()
    }


changes = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 4), st.booleans()), max_size=2).map(tuple)
lists = st.frozensets(st.integers(0, 19), min_size=1, max_size=2)
#: What can be odd about a run.
ODDITIES: dict[str, st.SearchStrategy[t.Any]] = {
    "hours": st.sampled_from([1, 100, 1000]),
    "days": st.sampled_from([None, 1, 30]),
    "emits": st.just(False),  # noqa: FBT003
    "streams": st.frozensets(st.sampled_from(sorted(STREAMS)), min_size=1, max_size=4),
    "organizers": st.just(frozenset("a")),
    "events": st.just(frozenset({"e1"})),
    "start_date": st.just(True),  # noqa: FBT003
    "shard": st.integers(0, 1),
    "full_table": st.just(True),  # noqa: FBT003
    "fails": lists,
    "denied": lists,
    "incomplete": lists,
    "forgets": st.just(True),  # noqa: FBT003
    "killed_at": st.integers(0, 60),
    "event": st.tuples(st.integers(0, 7), st.sampled_from(["ended", "open", "deleted"])),
}


@st.composite
def runs(draw: st.DrawFn, days: int | None) -> Run:
    """Return a run, odd in one way or in none, seldom in two."""
    names = draw(st.lists(st.sampled_from(sorted(ODDITIES)), max_size=2, unique=True))
    odd = {name: draw(ODDITIES[name]) for name in names}
    return Run(**{"days": days, "changes": draw(changes), "loses_state": draw(st.integers(0, 2)), **odd})


schedules = st.sampled_from([1, 2, 3, None]).flatmap(lambda days: st.lists(runs(days), min_size=2, max_size=10))


@settings(max_examples=300)
@given(schedules)
def test_no_row_that_exists_is_deleted(schedule: list[Run]) -> None:
    server, loader = Server(), Loader()
    tap = Tap(server, loader)
    for number, run in enumerate(schedule):
        change(server, run)
        before = {name: set(rows) for name, rows in loader.rows.items()}
        tap.run(run)
        for name, there in expected(server).items():
            gone = (before[name] & there) - set(loader.rows[name])
            assert not gone, f"run {number} deleted rows of {name} that exist: {gone}"
    # However it went: plain runs bring the tables to what the server has.
    for _ in range(20):
        tap.run(Run())
    assert {name: set(rows) for name, rows in loader.rows.items()} == expected(server)


@given(st.lists(changes, min_size=1, max_size=8), st.integers(1, 30), st.sampled_from([1, 6, 24, 50]))
def test_deleted_rows_go_within_two_circles(schedule: list[t.Any], days: int, hours: int) -> None:
    server, loader = Server(), Loader()
    tap = Tap(server, loader)
    for one in schedule:
        run = Run(hours=hours, days=days, changes=one)
        change(server, run)
        tap.run(run)
    for _ in range(2 * (days * 24 // hours + 2)):
        tap.run(Run(hours=hours, days=days))
    assert {name: set(rows) for name, rows in loader.rows.items()} == expected(server)


def test_without_a_sweep_full_tables_are_activated_in_each_run_and_first_loads_once() -> None:
    server, loader = Server(), Loader()
    tap = Tap(server, loader)
    tap.run(Run(days=None, killed_at=35))
    tap.run(Run(days=None))
    # What came with orders came in two runs, under two versions, of which neither may be activated.
    assert len(set(loader.rows[COMPANION].values())) == 2
    tap.run(Run(days=None))
    assert len(set(loader.rows[COMPANION].values())) == 1
    assert {name: set(rows) for name, rows in loader.rows.items()} == expected(server)
    first = dict(tap.state["orders"])
    assert "loading" not in first
    for key in (("rules", "a", "e1"), ("orders", "b")):
        del server.lists[key][1]
    tap.run(Run(days=None))
    assert ("a", "e1", 1) not in loader.rows["rules"]
    assert ("b", 1) in loader.rows["orders"]
    assert tap.state["orders"]["version"] == first["version"]
    tap.state = {}
    tap.run(Run(days=None))
    assert {name: set(rows) for name, rows in loader.rows.items()} == expected(server)


def test_the_state_has_three_values_a_stream_at_most_and_none_without_versions_and_sweep() -> None:
    tap = Tap(Server(), Loader())
    tap.run(Run(days=None, emits=False))
    assert not {"plans", "rules", "sweep"} & tap.state.keys()
    assert "version" not in tap.state["orders"]
    tap.run(Run())
    tap.run(Run())
    assert tap.state["rules"].keys() == {"version", "from"}
    assert tap.state["plans"].keys() == {"version"}
    assert tap.state["sweep"].keys() == {"place", "at"}


# --- one decision after the other -------------------------------------------------------------------------------------

FULL, INCREMENTAL, SWEPT = ReadMode(False, False), ReadMode(True, False), ReadMode(True, True)  # noqa: FBT003


@pytest.mark.parametrize(
    ("kept", "mode", "has_bookmarks", "expected"),
    [
        (None, FULL, False, Version(9, is_loading=True)),
        (None, INCREMENTAL, False, Version(9, is_loading=True)),
        (None, INCREMENTAL, True, Version(9, begun_at=7)),
        (Version(5, is_loading=True), INCREMENTAL, True, Version(5, is_loading=True)),
        (Version(5, is_loading=True), FULL, False, Version(9, is_loading=True)),
        (Version(5), INCREMENTAL, True, Version(5)),
        (Version(5), SWEPT, True, Version(9, begun_at=7)),
        (Version(5), FULL, False, Version(9, begun_at=7)),
        (Version(50), FULL, False, Version(51, begun_at=7)),
        (Version(5, begun_at=3), SWEPT, True, Version(5, begun_at=3)),
        (Version(0), INCREMENTAL, True, Version(9, begun_at=7)),
        (Version(0, is_loading=True), INCREMENTAL, True, Version(9, begun_at=7)),
    ],
)
def test_a_version_changes_only_when_a_complete_reading_begins(
    kept: Version | None,
    mode: ReadMode,
    has_bookmarks: object,
    expected: Version,
) -> None:
    assert begin(kept, mode, number=9, place=7, has_bookmarks=bool(has_bookmarks)) == expected


@pytest.mark.parametrize(
    "reading",
    [Reading(lacks={"denied"}), Reading(is_left_to_sweep=True), Reading(is_continued=True)],
)
def test_a_full_table_is_activated_only_if_all_of_it_was_read(reading: Reading) -> None:
    assert end(Version(5, is_loading=True), FULL, Reading(), None) == (Version(5), True)
    assert end(Version(5, is_loading=True), FULL, reading, None)[1] is False
    assert end(Version(5, begun_at=0), FULL, Reading(), None) == (Version(5), True)
    assert end(Version(5, begun_at=0), FULL, reading, None) == (Version(5), False)


@pytest.mark.parametrize("bookmark", [None, 5, {}, {"version": "5"}, {"version": True}, {"version": 1.5}])
def test_an_entry_that_cannot_be_used_is_none(bookmark: t.Any) -> None:
    assert Version.from_state(bookmark) is None


@given(st.builds(Version, st.integers(0), st.booleans(), st.none() | st.integers(0)))
def test_an_entry_comes_back_from_the_state_as_it_was(version: Version) -> None:
    state = Kept(
        {"bookmarks": {"orders": {"organizers": {"democon": "2026-01-01T00:00:00Z"}, "from": 3, "loading": True}}}
    )
    state.update("orders", version.to_state(), drop=KEYS)
    assert Version.from_state(state.of("orders")) == version
    assert state.of("orders")["organizers"] == {"democon": "2026-01-01T00:00:00Z"}
    state.is_changed = False
    state.update("orders", version.to_state(), drop=KEYS)
    assert not state.is_changed
