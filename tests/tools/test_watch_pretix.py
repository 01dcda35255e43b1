"""What a new pretix brings is named, a line each."""

from __future__ import annotations

import copy
import typing as t

import pytest

from rest_tap.schema import UNKNOWN_FIELDS
from sandbox.lists import ALSO, BY_NAME, LISTS
from tap_organizers.tap import TapOrganizers
from tests.conftest import kept_signals
from tools.streams import streams
from tools.watch_pretix import Server, differences

with kept_signals():
    STREAMS = {stream.name: stream for stream in streams(TapOrganizers)}
DISCOUNTS = "/organizers/{organizer}/events/{event}/discounts"


def fields_of(properties: dict[str, t.Any]) -> dict[str, t.Any]:
    found = {}
    for name, schema in properties.items():
        kinds = [kind for kind in schema["type"] if kind != "null"]
        found[name] = {"type": kinds[0] if len(kinds) == 1 else None}
        inner = schema.get("properties") or schema.get("items", {}).get("properties")
        if inner:
            found[name]["fields"] = fields_of(inner)
    return found


@pytest.fixture
def server() -> Server:
    """A server that has what the streams have."""
    found = {
        facts.path.rstrip("/"): {
            "view": "View",
            "permission": facts.permission,
            "filters": [one.parameter for one in facts.filters],
            "fields": {
                name: field
                for name, field in fields_of(STREAMS[facts.name].schema["properties"]).items()
                if name not in {*STREAMS[facts.name].parent_keys, UNKNOWN_FIELDS}  # type: ignore[attr-defined]
            },
        }
        for facts in LISTS
    }
    return found | {
        path.rstrip("/"): copy.deepcopy(found[BY_NAME[name].path.rstrip("/")]) for path, name in ALSO.items()
    }


def test_a_server_that_has_what_the_streams_have_is_no_news(server: Server) -> None:
    assert list(differences(server)) == []


def test_a_new_list_is_named_with_its_fields(server: Server) -> None:
    server["/organizers/{organizer}/events/{event}/exhibitors"] = {
        "view": "ExhibitorViewSet",
        "permission": "event.exhibitors:read",
        "filters": [],
        "fields": {"id": {"type": "integer"}, "name": {"type": "string"}, "extra": {"type": None}},
    }
    (line,) = differences(server)
    assert line == (
        "+ the list /organizers/{organizer}/events/{event}/exhibitors is new"
        " (ExhibitorViewSet, permission event.exhibitors:read): id: integer, name: string, extra: any"
    )


def test_a_list_that_is_gone_is_named_by_its_stream(server: Server) -> None:
    del server[DISCOUNTS]
    assert list(differences(server)) == [
        "- the list of discounts is gone: /organizers/{organizer}/events/{event}/discounts"
    ]


@pytest.mark.parametrize("path", ["/organizers/{org}/events/{which}/discounts", f"{DISCOUNTS}/"])
def test_what_the_keys_in_a_path_are_called_does_not_matter(path: str, server: Server) -> None:
    server[path] = server.pop(DISCOUNTS)
    assert list(differences(server)) == []


def test_fields_that_are_new_gone_or_of_another_type_are_named(server: Server) -> None:
    fields = server[DISCOUNTS]["fields"]
    fields["colour"] = {"type": "string"}
    del fields["position"]
    fields["active"] = {"type": "string"}
    assert list(differences(server)) == [
        "~ the field discounts.active is of type string, not boolean",
        "+ the field discounts.colour is new: string",
        "- the field discounts.position is gone",
    ]


def test_fields_within_fields_are_named(server: Server) -> None:
    server["/organizers/{organizer}/orders"]["fields"]["positions"]["fields"]["shoe_size"] = {"type": "integer"}
    assert list(differences(server)) == ["+ the field orders.positions.shoe_size is new: integer"]


def test_another_permission_and_a_filter_by_time_are_named(server: Server) -> None:
    server[DISCOUNTS]["permission"] = "event.items:read"
    server[DISCOUNTS]["filters"] += ["modified_since", "colour"]
    assert list(differences(server)) == [
        "~ discounts needs the permission event.items:read, not None",
        "+ discounts can be filtered by modified_since",
    ]
