"""Older versions of pretix, started for real: the rows of their databases, and what they lack, named.

Not with the other tests of a real pretix, as each version has to be installed: `make test-pretix-versions`.
"""

from __future__ import annotations

import typing as t

import pytest

from tests.pretix.reading import (
    NAMES,
    READ,
    Door,
    Truth,
    compared,
    misfits,
    read,
    settings,
    true_rows,
    truth,
    undeclared,
    unexplained,
    union,
)
from tests.pretix.server import OLDER, PretixServer

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Result
    from tests.pretix.reading import Asked, Rows

pytestmark = pytest.mark.pretix_versions

VERSIONS = sorted((path.stem for path in OLDER.glob("*.txt")), key=lambda name: [int(part) for part in name.split(".")])

#: The first version with a list, where that is not the oldest one here.
SINCE = {
    "auto_checkin_rules": "2024.8",
    "blocked_ticket_secrets": "4.17",
    "checkins": "2025.10",
    "event_meta_properties": "2026.8",
    "event_scheduled_exports": "2023.10",
    "item_meta_properties": "4.20",
    "item_program_times": "2025.10",
    "organizer_scheduled_exports": "2023.10",
    "reusable_media": "4.19",
    "sales_channels": "2024.7",
    "seats": "2024.8",
    "transactions": "2025.7",
}
#: Lists of all events that came later than those of single events.
ALL_EVENTS_SINCE = {"orders": "2023.8", "invoices": "2023.8", "transactions": "2025.7"}


class Reading(t.NamedTuple):
    """What a server of one version has, and what a run over all streams brought of it."""

    server: PretixServer
    true: Truth
    results: dict[str, Result]
    asked: list[Asked]

    @property
    def version(self) -> str:
        """Return the version of pretix."""
        return self.server.installation.version

    @property
    def rows(self) -> Rows:
        """Return the rows of all organizers."""
        return union(*self.results.values())

    def lacks(self, since: dict[str, str]) -> dict[str, str]:
        """Return the streams of which this version does not have the list yet, and since when it is there."""
        return {name: first for name, first in since.items() if number(first) > number(self.version)}


def number(version: str) -> list[int]:
    """Return a version as numbers that can be compared: year and month."""
    return [int(part) for part in version.split(".")[:2]]


@pytest.fixture(scope="module", params=VERSIONS)
def reading(request: pytest.FixtureRequest) -> Iterator[Reading]:
    with PretixServer(version=request.param) as server, Door(server.url) as door:
        true = truth(server, *READ)
        results = {slug: read(settings(door.api_url, server.tokens[slug])) for slug in READ}
        yield Reading(server, true, results, door.asked)


def test_every_list_has_the_rows_and_values_of_the_database(reading: Reading) -> None:
    rows, lacking = reading.rows, reading.lacks(SINCE)
    found = {}
    for name in NAMES:
        if name in lacking:
            assert not rows.get(name), name
            continue
        there = true_rows(reading.true, name)
        assert there, name
        if wrong := unexplained(name, rows.get(name, {}), there, reading.results["harbour"].warnings()):
            found[name] = wrong
    assert not found


def test_values_are_compared(reading: Reading) -> None:
    rows = reading.rows
    for name in ("events", "orders", "order_positions", "order_payments", "order_refunds"):
        assert len(compared(reading.true, name, rows[name])) >= 5, name


def test_what_the_server_lacks_is_named_once(reading: Reading) -> None:
    server = f"this server ({reading.version})"
    missing = {
        f"{name}: skipped, {server} does not have it; pretix has it since {since}"
        for name, since in reading.lacks(SINCE).items()
    }
    for slug, result in reading.results.items():
        # Nothing else is warned of: no field that is not in the schema, no filter without effect.
        said = [line for line in result.warnings() if not line.startswith("gift_card_transactions: ")]
        assert len(said) == len(set(said))
        # Where an organizer has no seats and no products, their lists are not asked for.
        assert set(said) == missing if slug == "harbour" else set(said) <= missing
        by_event = [line.partition(":")[0] for line in result.lines() if "event by event" in line]
        assert sorted(by_event) == sorted(reading.lacks(ALL_EVENTS_SINCE))


def test_a_list_that_the_server_is_too_old_for_is_not_asked_for_at_each_event(reading: Reading) -> None:
    def asked(name: str) -> set[str]:
        return {one.path.removesuffix("/") for one in reading.asked if one.path.rstrip("/").endswith(f"/{name}")}

    late = {"auto_checkin_rules": "auto_checkin_rules", "event_scheduled_exports": "scheduled_exports"}
    for stream in late.keys() & reading.lacks(SINCE).keys():
        at_events = {path for path in asked(late[stream]) if "/events/" in path}
        # The first one of each run, and those that were asked for ahead of it.
        assert 0 < len(at_events) < len(asked("vouchers")), stream


def test_every_record_fits_its_schema_and_no_field_is_new(reading: Reading) -> None:
    for result in reading.results.values():
        for name in NAMES:
            assert misfits(result, name) == [], name
            if result.records[name]:
                assert undeclared(result, name) == set(), name


def test_a_later_run_goes_on_where_this_one_stopped(reading: Reading) -> None:
    first = reading.results["harbour"]
    again = read(settings(reading.server.api_url, reading.server.tokens["harbour"]), "orders", state=first.states[-1])
    assert again.error is None
    assert len(again.records["orders"]) < len(first.records["orders"])


def test_a_limited_token_reads_its_event_and_is_told_the_permission_by_its_old_name(reading: Reading) -> None:
    config = settings(reading.server.api_url, reading.server.tokens["limited"], on_denied="skip")
    result = read(config, "orders", "vouchers")
    there = true_rows(reading.true, "orders", lambda row: (row["organizer"], row["event"]) == ("harbour", "concert"))
    assert union(result)["orders"].keys() == there.keys()
    (line,) = [line for line in result.warnings() if line.startswith("vouchers: ")]
    assert "can_view_vouchers before pretix 2026.3" in line
