"""The pinned pretix has what the streams have; what another one has more, or less, is named."""

from __future__ import annotations

import typing as t
from pathlib import Path

from tools.watch_pretix import described, differences

if t.TYPE_CHECKING:
    from tests.pretix.server import PretixServer


def test_the_streams_are_those_of_the_pinned_pretix(pretix: PretixServer) -> None:
    assert list(differences(described(str(pretix.installation.python)))) == []


def test_what_a_doctored_pretix_has_is_named(pretix: PretixServer) -> None:
    found = described(str(pretix.installation.python), Path(__file__).with_name("doctored.py"))
    assert list(differences(found)) == [
        (
            "+ the list /organizers/{organizer}/events/{event}/exhibitors is new"
            " (ExhibitorViewSet, permission event.exhibitors:read): id: integer, name: string"
        ),
        "~ the field quotas.closed is of type string, not boolean",
        "- the field quotas.size is gone",
        "+ the field discounts.colour is new: string",
    ]
