"""A server of an earlier version lacks some lists: they are named, and the rest is read."""

from __future__ import annotations

import collections
import typing as t

import pytest

from rest_tap.errors import ApiError
from sandbox import Fault, Sandbox, Scale
from sandbox.lists import LISTS
from tap_organizers.access import is_before
from tap_organizers.streams import STREAMS
from tests.conftest import SMALL, discovered, only, organizers_config, run_tap
from tests.support import truth

if t.TYPE_CHECKING:
    from tests.conftest import Result

NAMES = [str(stream.name) for stream in t.cast("t.Any", STREAMS)]
#: The versions that were compared (of the reference), and one that has but the lists of single events' orders.
VERSIONS = ("2026.3.0", "2026.2.0", "2025.7.1", "2024.8.0", "2023.8.1", "2023.7.3", "4.16.1")


def absent(version: str) -> dict[str, str]:
    """Return the streams that a server of this version does not have, and the first version that has each."""

    def number(text: str) -> list[int]:
        return [int(part) for part in text.split(".")[:2]]

    found = {facts.name: facts.since for facts in LISTS if facts.since and number(facts.since) > number(version)}
    # Each event had its own list of these before.
    return {name: since for name, since in found.items() if name not in {"orders", "invoices"}}


def skipped(result: Result) -> list[str]:
    """Return what was said of lists that are not there."""
    return [line for line in result.lines() if "does not have it" in line]


def test_orders_are_read_event_by_event_where_there_is_no_list_of_all_events() -> None:
    with Sandbox(scale=SMALL) as box:
        whole = run_tap(organizers_config(box), only(discovered({}), "orders", "order_positions", "order_payments"))
        box.organizers.version = "2023.7.3"
        config = organizers_config(box)
        result = run_tap(config, only(discovered(config), "orders", "order_positions", "order_payments"))
        for stream, keys in (
            ("orders", ("code",)),
            ("order_positions", ("id",)),
            ("order_payments", ("order", "local_id")),
        ):
            assert sorted(tuple(row[key] for key in keys) for row in result.records[stream]) == sorted(
                tuple(row[key] for key in keys) for row in whole.records[stream]
            )
        assert whole.records["orders"]
        said = "this server (2023.7.3) does not have the list of all events; read event by event"
        assert [line for line in result.lines() if "event by event" in line] == [f"orders: {said}"]
        assert result.warnings() == []
        again = run_tap(config, only(discovered(config), "orders", "order_positions"), result.states[-1])
        assert again.records["orders"] == []
        payments = run_tap(config, only(discovered(config), "orders", "order_payments"), result.states[-1])
        assert len(payments.records["order_payments"]) == len(whole.records["order_payments"])


def test_a_list_that_neither_organizers_nor_events_have_is_looked_for_once_in_each_place() -> None:
    with Sandbox(scale=SMALL) as box:
        box.organizers.version = "2025.6.0"
        config = organizers_config(box)
        result = run_tap(config, only(discovered(config), "transactions"))
        assert len(skipped(result)) == 1
        asked = collections.Counter(request.path for request in box.requests("/(events|transactions)/$"))
        again = [path for path, times in asked.items() if times > 1]
        # A 404 has to come twice to count: for the first organizer, and for its first event.
        assert sorted(len(path.split("/events/")) for path in again) == [1, 2]
        assert max(asked.values()) == 2


@pytest.mark.parametrize("tells_version", [True, False])
def test_a_list_that_a_server_is_too_old_for_is_not_asked_for_at_each_event(
    tells_version: bool,  # noqa: FBT001
) -> None:
    with Sandbox(scale=Scale(organizers=1, events=40, orders=0)) as box:
        box.organizers.version = "2024.7.0"
        if not tells_version:
            box.faults.add(Fault("/version$", status=404, times=None))
        config = {**organizers_config(box), "max_concurrency": 1}
        result = run_tap(config, only(discovered(config), "auto_checkin_rules", "vouchers"))
        assert [line.partition(":")[0] for line in skipped(result)] == ["auto_checkin_rules"]
        events = {request.path for request in box.requests("/vouchers/$")}
        asked = {request.path for request in box.requests("/auto_checkin_rules/$")}
        # Those that were asked for ahead are answered, too.
        assert len(asked) < 15 if tells_version else len(asked) == len(events)
        assert len(events) == 40


@pytest.mark.parametrize(
    ("version", "since", "before"),
    [
        ("2024.7.0", "2024.8", True),
        ("2024.8.0", "2024.8", False),
        ("2024.10.0.dev0", "2024.8", False),
        ("4.20.1", "2023.8", True),
        ("4.9", "4.17", True),
        ("", "2024.8", False),
        ("unknown", "2024.8", False),
        ("2024.7.0", "", False),
    ],
)
def test_versions_are_compared_as_numbers(version: str, since: str, before: bool) -> None:  # noqa: FBT001
    assert is_before(version, since) is before


@pytest.mark.parametrize("version", VERSIONS)
def test_lists_that_came_later_are_named_once_and_all_others_come_complete(version: str) -> None:
    with Sandbox(scale=SMALL) as box:
        box.organizers.version = version
        config = organizers_config(box)
        result = run_tap(config, only(discovered(config), *NAMES))
        missing = absent(version)
        assert missing
        assert sorted(skipped(result)) == sorted(
            f"{name}: skipped, this server ({version}) does not have it; pretix has it since {since}"
            for name, since in missing.items()
        )
        assert sorted(result.warnings()) == sorted(skipped(result))
        assert len(box.requests("/version$")) == 1
        for stream in t.cast("t.Any", STREAMS):
            if stream.name in missing:
                assert result.records[stream.name] == []
            else:
                keys = [tuple(row[key] for key in stream.primary_keys) for row in result.records[stream.name]]
                assert sorted(keys, key=repr) == truth.keys(box, stream)


@pytest.mark.parametrize("status", [403, 418])
def test_orders_of_events_that_cannot_be_listed_keep_no_other_list_from_being_read(status: int) -> None:
    with Sandbox(scale=SMALL) as box:
        whole = run_tap(organizers_config(box), only(discovered({}), "orders", "customers"))
        box.organizers.version = "2023.7.3"
        first = next(iter(box.organizers.organizers))
        box.faults.add(Fault(f"/organizers/{first}/events/$", status=status, times=None))
        config = organizers_config(box)
        result = run_tap(config, only(discovered(config), "orders", "customers"), fails=ApiError)
        assert result.records["customers"] == whole.records["customers"]
        orders = {row["code"] for row in whole.records["orders"] if row["organizer"] != first}
        assert {row["code"] for row in result.records["orders"]} == orders
        assert f"/organizers/{first}/events, status {status}" in str(result.error)
