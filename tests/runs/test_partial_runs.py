"""No partial run makes a loader delete a row that exists, versions on."""

from __future__ import annotations

import random
import typing as t

import pytest

from sandbox import Scale
from tests.support.partial import CASES, KINDS, Way, bench, by_denial, by_end, by_settings, cases_of

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.partial import Bench

#: Ways that are tried each time, by a part of their name; more by `make test-slow`, all by `make reliability`.
SOME = (
    *('`organizers: ["sommerfest"]', '`events: ["jazz-1"]', "`shard_index: 0`, `shard_count: 2", '`start_date: "2026'),
    '`stream_maps: {"orders": null',
)


#: Enough for ways that leave out organizers, events or pages, which read everything four times each.
SMALL = Scale(organizers=2, events=4, tax_rules=55, orders=70, ticketing_events=1, attendees=1)


@pytest.fixture(scope="module")
def it() -> Iterator[Bench]:
    """A server, and what a loader has after one whole run."""
    with bench(scale=SMALL) as it:
        yield it


@pytest.fixture(scope="module")
def whole() -> Iterator[Bench]:
    """The server that `make reliability` tries all ways on."""
    with bench() as it:
        yield it


#: Ways of a kind that `make test-slow` tries.
AT_ONCE = 40
#: With a state and without; with a sweep and without: each way in two of these four.
OPPOSITE = (CASES[::3], CASES[1:3])


@pytest.mark.parametrize(
    ("number", "way"),
    list(enumerate(way for way in by_settings() if way.name.startswith(SOME))),
    ids=lambda value: value.name if isinstance(value, Way) else "",
)
def test_a_setting_that_narrows_a_run_deletes_nothing(number: int, way: Way, it: Bench) -> None:
    assert it.try_way(way, OPPOSITE[number % 2]).problems == []


@pytest.mark.parametrize("number", [8, 30, 60, 100])
def test_a_list_that_cannot_be_read_deletes_nothing(number: int, it: Bench) -> None:
    assert it.try_way(list(by_denial())[number], CASES[2:3]).problems == []


def test_a_run_that_ends_early_deletes_nothing(it: Bench) -> None:
    for number, way in enumerate(by_end(random.Random(1), 4)):
        assert it.try_way(way, CASES[number % 4 :][:1]).problems == [], way.name


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_partial_run_deletes_a_row_that_exists(kind: str, whole: Bench) -> None:
    # Some of each kind; `make reliability` tries all.
    ways = list(enumerate(KINDS[kind]()))
    for number, way in random.Random(28).sample(ways, min(AT_ONCE, len(ways))):
        assert whole.try_way(way, cases_of(kind, number)).problems == [], way.name
