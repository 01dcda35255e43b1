"""Every list is swept once at most every N days, and at least every N days plus one run."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import itertools
import json
import typing as t

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rest_tap.sweep import CIRCLE, Arc, SweepPosition, arc_since, place_of, position_after

BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
HOUR, MONTH = 3_600, 31 * 86_400
places = st.integers(0, CIRCLE - 1)


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of a schedule: seconds since the one before it, the setting, whether it fails, events made before it."""

    seconds: float
    days: int
    fails: bool
    new: tuple[int, ...]


def schedules(days: st.SearchStrategy[int]) -> st.SearchStrategy[list[Run]]:
    """Return runs hourly to monthly, steady ones and others."""
    seconds = st.one_of(st.just(HOUR), st.just(86_400), st.floats(HOUR, 2 * 86_400), st.floats(HOUR, MONTH))
    run = st.builds(Run, seconds, days, st.sampled_from([False, False, False, True]), st.just(()))
    with_events = st.builds(Run, seconds, days, st.booleans(), st.tuples(places))
    return st.lists(st.one_of(run, run, with_events), min_size=1, max_size=120)


def thawed(progress: SweepPosition | None) -> SweepPosition | None:
    """Return what the next run reads from the state."""
    return None if progress is None else SweepPosition.from_state(json.loads(json.dumps(progress.to_state())))


@dataclasses.dataclass
class Sweep:
    """Runs after each other, and when each list was swept: in days, and in circles of the setting of that time."""

    kept: SweepPosition | None = None
    now: dt.datetime = BEGIN
    circles: float = 0.0
    places: set[int] = dataclasses.field(default_factory=set)
    swept: dict[int, list[tuple[float, float]]] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(list)
    )

    def run(self, run: Run) -> None:
        """Run once; circles are counted since the last run that did not fail."""
        self.now += dt.timedelta(seconds=run.seconds)
        self.places |= set(run.new)
        if run.fails:
            return
        arc = arc_since(self.kept, self.now, run.days)
        since = 1.0 if self.kept is None else min(1.0, (self.now - self.kept.at).total_seconds() / (run.days * 86_400))
        self.circles += since
        for place in self.places:
            if arc.covers(place):
                self.swept.setdefault(place, []).append((self.circles, since))
        self.kept = thawed(position_after(self.kept, arc, self.now))


@given(st.sets(places, max_size=30), schedules(st.just(7)) | schedules(st.integers(1, 90)))
def test_every_list_is_swept_once_in_a_circle_and_one_run(lists: set[int], schedule: list[Run]) -> None:
    sweep = Sweep(places=set(lists))
    for run in schedule:
        sweep.run(run)
    slack = 1e-9 * len(schedule)
    for times in sweep.swept.values():
        for (before, arc_before), (now, arc) in itertools.pairwise(times):
            # The list's moment lies somewhere in the time that an arc stands for.
            assert 1 - arc_before - slack <= now - before <= 1 + arc + slack
    if sweep.kept is not None:
        for place in lists:
            assert sweep.circles - sweep.swept[place][-1][0] <= 1 + slack


@given(st.lists(places, min_size=1, max_size=30), st.integers(1, 40), st.integers(1, 5), st.integers(1, 24))
def test_steady_runs_sweep_each_list_as_often_as_days_have_passed(
    lists: list[int], days: int, circles: int, hours: int
) -> None:
    sweep = Sweep(places=set(lists))
    runs = days * circles * 24 // hours
    for _ in range(runs + 1):
        sweep.run(Run(hours * HOUR, days, fails=False, new=()))
    passed = runs * hours / 24 / days
    for place in lists:
        assert passed - 1 <= len(sweep.swept[place]) - 1 <= passed + 1


@given(st.integers(0, 3 * CIRCLE), st.lists(st.integers(0, CIRCLE), max_size=8), places)
def test_arcs_that_meet_share_no_list_and_leave_out_none(begin: int, lengths: list[int], place: int) -> None:
    ends = [begin, *(begin + total for total in itertools.accumulate(lengths))]
    parts = [Arc(*pair).covers(place) for pair in itertools.pairwise(ends)]
    whole = sum(1 for rounds in range(15) if begin <= place + rounds * CIRCLE < ends[-1])
    assert sum(parts) == whole


@given(places, st.integers(0, 3 * CIRCLE))
def test_a_circle_has_every_list(place: int, begin: int) -> None:
    arc = Arc(begin, begin + CIRCLE)
    assert arc.is_circle
    assert arc.covers(place)
    assert not Arc(begin, begin).covers(place)


# --- filters, shards, clocks ------------------------------------------------------------------------------------------


class Settings(t.NamedTuple):
    """What a run reads: a scope's name, and which half of all lists that is."""

    scope: str | None
    reads: t.Callable[[int], bool]


WHOLE = Settings("", lambda _: True)
EVEN, ODD = Settings("even", lambda place: place % 2 == 0), Settings("odd", lambda place: place % 2 == 1)
SHARDS = [Settings(None, settings.reads) for settings in (EVEN, ODD)]


@given(
    st.sets(places, max_size=20),
    st.lists(st.tuples(st.floats(HOUR, 10 * 86_400), st.sampled_from([WHOLE, WHOLE, EVEN, ODD, *SHARDS])), max_size=60),
)
def test_filters_and_shards_between_make_no_list_wait_longer(
    lists: set[int], runs: list[tuple[float, Settings]]
) -> None:
    kept: SweepPosition | None = None
    now, days = BEGIN, 7
    last: dict[tuple[int, Settings], dt.datetime] = {}
    for seconds, settings in runs:
        now += dt.timedelta(seconds=seconds)
        arc = arc_since(kept, now, days, settings.scope)
        for place in lists:
            if not settings.reads(place):
                continue
            seen = [at for (known, _), at in last.items() if known == place]
            if arc.covers(place):
                last[place, settings] = now
            else:
                # Left to a run that moves the sweep, for which the others wait a circle at most.
                assert seen
                assert now - max(seen) <= dt.timedelta(days=2 * days, seconds=1)
        kept = thawed(position_after(kept, arc, now, settings.scope))


@given(st.permutations(range(4)), st.floats(HOUR, MONTH), st.integers(0, 1))
def test_whichever_shard_s_state_is_merged_last_the_sweep_stays(order: list[int], seconds: float, has: int) -> None:
    kept = SweepPosition(5 * CIRCLE // 3, BEGIN) if has else None
    states = []
    for number in order:
        now = BEGIN + dt.timedelta(seconds=seconds + number)
        states.append(position_after(kept, arc_since(kept, now, 7, None), now, None))
    assert set(states) == {kept}


@given(st.floats(-10 * 86_400, 10 * 86_400), places)
def test_a_clock_that_was_set_back_sweeps_rather_too_much(seconds: float, place: int) -> None:
    now = BEGIN + dt.timedelta(seconds=seconds)
    kept = SweepPosition(place, BEGIN)
    arc = arc_since(kept, now, 7)
    if seconds < -HOUR:
        assert arc.is_circle
        assert position_after(kept, arc, now) == SweepPosition(place + CIRCLE, now)
    elif seconds < 0:
        assert arc.begin == arc.end
        assert position_after(kept, arc, now) == kept
    else:
        assert position_after(kept, arc, now) == SweepPosition(arc.end, now)


# --- the state --------------------------------------------------------------------------------------------------------


def test_the_state_has_two_values_whatever_the_number_of_lists() -> None:
    progress = SweepPosition(12_345, dt.datetime(2026, 11, 22, 5, 52, 34, tzinfo=dt.timezone(dt.timedelta(hours=1))))
    assert progress.to_state() == {"place": 12_345, "at": "2026-11-22T04:52:34Z"}
    assert thawed(progress) == progress
    assert thawed(SweepPosition(1, BEGIN, "a1b2")) == SweepPosition(1, BEGIN, "a1b2")


GOOD = {"place": 5, "at": "2026-01-01T00:00:00Z"}
BAD: list[dict[str, t.Any]] = [{"place": -1}, {"place": True}, {"place": 1.5}, {"at": "soon"}, {"at": 7}, {"scope": 5}]


@pytest.mark.parametrize("kept", [None, 5, "x", [], {}, {"place": 5}, *({**GOOD, **bad} for bad in BAD)])
def test_a_state_that_cannot_be_used_sweeps_everything(kept: t.Any) -> None:
    assert SweepPosition.from_state(kept) is None
    assert arc_since(None, BEGIN, 7) == Arc(0, CIRCLE)


@given(st.text(), st.text())
@example("a", "b/c")
def test_a_place_is_the_same_in_every_run_and_another_one_for_other_keys(one: str, other: str) -> None:
    assert place_of("democon", "spring") == 124_953_383_437
    assert 0 <= place_of(one, other) < CIRCLE
    assert place_of(one, other) != place_of(f"{one}/{other}")


def test_places_are_spread_evenly() -> None:
    counts = collections.Counter(place_of("democon", f"event-{number}") * 20 // CIRCLE for number in range(20_000))
    assert len(counts) == 20
    assert all(850 < count < 1150 for count in counts.values())
