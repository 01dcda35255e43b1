"""Bookmarks: found in one step, small, and mergeable."""

from __future__ import annotations

import copy
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest_tap.state import Bookmarks
from rest_tap.state import State as Kept

State = dict[str, t.Any]
WHEN = "2026-11-22T05:57:34Z"


def merged(base: State, update: State) -> State:
    """Return what ``meltano state merge`` makes of two states: dictionaries are merged, all else is replaced."""
    result = copy.deepcopy(base)
    for key, value in update.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def test_a_bookmark_stands_under_its_stream_level_and_keys() -> None:
    state: State = {}
    Bookmarks(Kept(state), "orders", "organizers").put(WHEN, "democon")
    Bookmarks(Kept(state), "checkins", "events").put(WHEN, "democon", "spring")
    assert state == {
        "bookmarks": {
            "orders": {"organizers": {"democon": WHEN}},
            "checkins": {"events": {"democon": {"spring": WHEN}}},
        }
    }


def test_looking_at_a_state_leaves_nothing_in_it() -> None:
    state: State = {}
    bookmarks = Bookmarks(Kept(state), "orders", "organizers")
    assert bookmarks.get("democon") is None
    assert bookmarks.get("democon", "spring") is None
    assert bookmarks.items() == []
    assert state == {}


def test_a_bookmark_is_found_again() -> None:
    bookmarks = Bookmarks(Kept(), "orders", "events")
    bookmarks.put({"since": WHEN, "at": WHEN}, "democon", "spring")
    assert bookmarks.get("democon", "spring") == {"since": WHEN, "at": WHEN}
    assert bookmarks.get("democon", "summer") is None
    assert bookmarks.get("democon", "spring", "since", "more") is None
    assert bookmarks.items() == [("democon", {"spring": {"since": WHEN, "at": WHEN}})]


def has_changed(state: Kept) -> bool:
    """Return whether a state has changed since this was asked last."""
    changed, state.is_changed = state.is_changed, False
    return changed


def test_a_state_knows_whether_it_has_changed() -> None:
    state = Kept()
    bookmarks = state.bookmarks("orders", "organizers")
    assert not has_changed(state)
    bookmarks.put(WHEN, "democon")
    assert has_changed(state)
    bookmarks.put(WHEN, "democon")
    bookmarks.drop("other")
    assert not has_changed(state)
    bookmarks.put({"since": WHEN}, "democon")
    assert has_changed(state)
    bookmarks.drop("democon")
    assert has_changed(state)


def test_values_in_the_form_of_the_sdk_change_a_state_only_if_they_are_others() -> None:
    state = Kept()
    state.update("attendees", {"replication_key_value": "T1", "total": 3}, drop=("total",))
    assert has_changed(state)
    state.update("attendees", {"replication_key_value": "T1", "total": 3}, drop=("total",))
    assert not has_changed(state)
    state.update("attendees", {"replication_key_value": "T1"}, drop=("total",))
    assert has_changed(state)
    assert state.of("attendees") == {"replication_key_value": "T1"}


def test_a_dropped_bookmark_is_gone_and_dropping_none_does_no_harm() -> None:
    state: State = {}
    bookmarks = Bookmarks(Kept(state), "events", "active")
    bookmarks.put(WHEN, "1")
    bookmarks.put(WHEN, "2")
    bookmarks.drop("1")
    bookmarks.drop("1")
    assert bookmarks.items() == [("2", WHEN)]


@pytest.mark.parametrize(
    "state",
    [
        {"bookmarks": {"orders": {"organizers": "text"}}},
        {"bookmarks": {"orders": {"organizers": ["list"]}}},
        {"bookmarks": {"orders": {"organizers": None}}},
        {"bookmarks": {"orders": {"organizers": {"democon": "text"}}}},
        {"bookmarks": {"orders": {"replication_key_value": WHEN}}},
    ],
    ids=["text", "list", "null", "text deeper", "of the SDK"],
)
def test_a_state_of_another_shape_is_read_as_none_and_written_over(state: State) -> None:
    bookmarks = Bookmarks(Kept(state), "orders", "organizers")
    assert bookmarks.get("democon", "spring") is None
    bookmarks.put(WHEN, "democon", "spring")
    assert bookmarks.get("democon", "spring") == WHEN


slugs = st.text(min_size=1, max_size=4)
marks = st.one_of(st.just(WHEN), st.fixed_dictionaries({"since": st.just(WHEN), "at": st.sampled_from(["a", "b"])}))
places = st.dictionaries(st.tuples(st.sampled_from(["orders", "checkins"]), slugs, slugs), marks, max_size=6)


def state_of(bookmarks: dict[tuple[str, str, str], t.Any]) -> State:
    state: State = {}
    for (stream, organizer, event), value in bookmarks.items():
        Bookmarks(Kept(state), stream, "events").put(value, organizer, event)
    return state


@given(places, places)
def test_merging_the_states_of_two_shards_keeps_the_bookmarks_of_both(
    first: dict[tuple[str, str, str], t.Any], second: dict[tuple[str, str, str], t.Any]
) -> None:
    state = merged(state_of(first), state_of(second))
    for (stream, organizer, event), value in {**first, **second}.items():
        assert Bookmarks(Kept(state), stream, "events").get(organizer, event) == value
