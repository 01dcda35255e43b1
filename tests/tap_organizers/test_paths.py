"""Slugs come from the API and go into paths: whatever is in them, the right path is asked for."""

from __future__ import annotations

import typing as t
from urllib.parse import quote, unquote

import pytest

from rest_tap.errors import ApiError, BrokenAnswer
from sandbox import Fault, Sandbox, Scale
from tests.conftest import discovered, only, organizers_config, run_tap

if t.TYPE_CHECKING:
    from collections.abc import Iterator

STRANGE = [
    "with/slash",
    "question?mark=1",
    "per%cent",
    "per%2Fcent",
    "hash#tag",
    "two words",
    "größe-日本",
    "plus+and&amp;",
    "a..b",
    "...",
    "{event}",
    "semi;colon",
    "back\\slash",
    "quote'\"",
    "tab\there",
    "http://evil.example",
    "ünïcödé%00",
]


@pytest.fixture
def empty() -> Iterator[Sandbox]:
    """A sandbox whose organizers a test adds."""
    with Sandbox(scale=Scale(organizers=0, orders=0, ticketing_events=1, attendees=1)) as box:
        yield box


@pytest.mark.parametrize("slug", STRANGE, ids=ascii)
@pytest.mark.parametrize("level", ["organizer", "event"])
def test_a_strange_slug_reaches_the_right_path(slug: str, level: str, empty: Sandbox) -> None:
    organizer, event = (slug, "plain") if level == "organizer" else ("plain", slug)
    empty.organizers.add_organizer(organizer)
    empty.organizers.add_event(organizer, event)
    config = organizers_config(empty)
    result = run_tap(config, only(discovered(config), "organizers", "events", "tax_rules"))
    assert [row["slug"] for row in result.records["organizers"]] == [organizer]
    assert [(row["organizer"], row["slug"]) for row in result.records["events"]] == [(organizer, event)]
    assert {(row["organizer"], row["event"]) for row in result.records["tax_rules"]} == {(organizer, event)}
    assert len(result.records["tax_rules"]) == 3
    path = empty.requests("taxrules")[-1].path
    assert path == f"/api/v1/organizers/{quote(organizer, safe='')}/events/{quote(event, safe='')}/taxrules/"
    assert [unquote(part) for part in path.split("/")[4:7:2]] == [organizer, event]


@pytest.mark.parametrize("slug", ["..", ".", ""], ids=["two dots", "a dot", "empty"])
@pytest.mark.parametrize("level", ["organizer", "event"])
def test_a_slug_that_would_lead_to_another_path_is_an_error_and_nothing_is_asked_for(
    slug: str, level: str, empty: Sandbox
) -> None:
    organizer, event = (slug, "plain") if level == "organizer" else ("plain", slug)
    empty.organizers.add_organizer(organizer)
    empty.organizers.add_event(organizer, event)
    config = organizers_config(empty)
    with pytest.raises(ApiError, match="an identifier is empty or made of dots" if slug else "a row has no slug"):
        run_tap(config, only(discovered(config), "tax_rules"))
    allowed = {"/api/v1/organizers/", "/api/v1/organizers", "/api/v1/organizers/plain/events/"}
    assert {entry.path for entry in empty.log} <= allowed


@pytest.mark.parametrize("key", ["null", "true", "1.5", "[]"])
def test_lists_below_a_row_without_a_usable_key_fail_and_all_others_are_read(key: str, empty: Sandbox) -> None:
    empty.organizers.add_organizer("plain")
    for event in ("odd", "right"):
        empty.organizers.add_event("plain", event)
    body = f'{{"count": 1, "next": null, "results": [{{"id": {key}, "addons": [{{}}]}}]}}'
    empty.faults.add(Fault("/odd/items/$", status=200, body=body))
    config = organizers_config(empty)
    result = run_tap(config, only(discovered(config), "item_addons", "tax_rules"), fails=BrokenAnswer)
    assert "item_addons: a row has no usable 'id'" in str(result.error)
    assert {row["event"] for row in result.records["item_addons"]} == {"right"}
    assert {row["event"] for row in result.records["tax_rules"]} == {"odd", "right"}


def test_the_setting_events_names_strange_slugs_as_they_are(empty: Sandbox) -> None:
    empty.organizers.add_organizer("org/one")
    empty.organizers.add_event("org/one", "a b")
    empty.organizers.add_event("org/one", "c")
    config = organizers_config(empty, organizers=["org/one"], events=["org/one/a b"])
    result = run_tap(config, only(discovered(config), "events"))
    assert [row["slug"] for row in result.records["events"]] == ["a b"]


def test_names_do_not_leak_from_one_organizer_into_another(empty: Sandbox) -> None:
    for organizer in ("one", "two"):
        empty.organizers.add_organizer(organizer)
        empty.organizers.add_event(organizer, "same", currency=organizer[:3].upper())
    config = organizers_config(empty, max_concurrency=8)
    result = run_tap(config, only(discovered(config), "events", "tax_rules"))
    assert [(row["organizer"], row["currency"]) for row in result.records["events"]] == [("one", "ONE"), ("two", "TWO")]
    assert [row["organizer"] for row in result.records["tax_rules"]] == ["one"] * 3 + ["two"] * 3
