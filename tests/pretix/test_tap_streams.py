"""Every stream of the tap against a real pretix: the rows, keys and values of the database."""

from __future__ import annotations

import typing as t

import pytest

from tests.pretix.reading import (
    NAMES,
    READ,
    Door,
    Truth,
    compared,
    declared,
    misfits,
    present,
    read,
    settings,
    true_rows,
    truth,
    undeclared,
    unexplained,
    union,
)
from tools.watch_pretix import NOT_SENT

if t.TYPE_CHECKING:
    from tests.conftest import Result
    from tests.pretix.reading import Asked
    from tests.pretix.server import PretixServer


class Reading(t.NamedTuple):
    """What a run over everything brought, and which requests it took."""

    result: Result
    asked: list[Asked]


@pytest.fixture(scope="module")
def readings(pretix: PretixServer, tokens: dict[str, str]) -> dict[str, Reading]:
    found = {}
    for organizer in READ:
        with Door(pretix.url) as door:
            found[organizer] = Reading(read(settings(door.api_url, tokens[organizer])), door.asked)
    return found


@pytest.fixture(scope="module")
def true(pretix: PretixServer) -> Truth:
    return truth(pretix, *READ)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_has_the_rows_and_values_of_the_database(name: str, readings: dict[str, Reading], true: Truth) -> None:
    rows = union(*(reading.result for reading in readings.values())).get(name, {})
    there = true_rows(true, name)
    assert rows
    assert len(there) == len(true[name]["rows"])
    said = readings["harbour"].result.warnings()
    assert not unexplained(name, rows, there, said)


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_has_the_key_of_the_reference(name: str, readings: dict[str, Reading], true: Truth) -> None:
    result = readings["harbour"].result
    assert result.schemas[name]["key_properties"] == true[name]["primary_key"]
    records = result.records[name]
    keys = {tuple(row[key] for key in true[name]["primary_key"]) for row in records}
    # Check-ins without a time, or with one to come, are found by a second reading of the list: they come twice.
    assert len(keys) == len(records) or name == "checkins"


def test_values_are_compared_where_money_and_dates_are(readings: dict[str, Reading], true: Truth) -> None:
    rows = union(readings["harbour"].result)
    for name, number in {
        "events": 15,
        "tax_rules": 8,
        "orders": 15,
        "order_positions": 15,
        "order_answers": 2,
        "order_fees": 9,
        "order_payments": 5,
        "order_refunds": 8,
        "transactions": 12,
        "invoices": 2,
        "checkins": 6,
        "subevents": 4,
    }.items():
        assert len(compared(true, name, rows[name])) >= number, name


@pytest.mark.parametrize("name", NAMES)
def test_every_record_fits_its_schema(name: str, readings: dict[str, Reading]) -> None:
    assert [misfit for reading in readings.values() for misfit in misfits(reading.result, name)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_an_answer_is_in_the_schema(name: str, readings: dict[str, Reading]) -> None:
    for reading in readings.values():
        if not reading.result.records[name]:
            continue
        assert undeclared(reading.result, name) == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_the_schema_is_in_some_answer(name: str, readings: dict[str, Reading]) -> None:
    result = readings["harbour"].result
    schema = result.schemas[name]["schema"]
    sent = {path for row in result.records[name] for path in present(row, schema)}
    assert set(declared(schema)) - sent == {"unknown_fields"} | NOT_SENT.get(name, set())


def test_nothing_is_warned_of_but_an_order_that_the_server_does_not_keep(readings: dict[str, Reading]) -> None:
    lines = [line for reading in readings.values() for line in reading.result.warnings()]
    assert [line for line in lines if not line.startswith("gift_card_transactions: ")] == []


def test_memberships_come_complete_although_their_pages_lose_rows(readings: dict[str, Reading], true: Truth) -> None:
    asked = [request for request in readings["harbour"].asked if "/memberships/" in request.path]
    # Page after page first, and customer by customer because that was not enough.
    assert any("customer" in request.params for request in asked)
    assert len(asked) <= 8 * 14 + len(true["customers"]["rows"])
    memberships = readings["harbour"].result.records["memberships"]
    assert len({row["id"] for row in memberships}) == len(memberships) == 300


def test_seats_of_a_series_are_asked_for_date_by_date(readings: dict[str, Reading], true: Truth) -> None:
    seats = {row["subevent"] is not None for row in readings["harbour"].result.records["seats"]}
    assert seats == {True, False}
    paths = [request.path for request in readings["harbour"].asked if request.path.endswith("/seats/")]
    # Of the dates without a plan of seats, of which there are more, the tap knows that they have none.
    dates = {row["subevent"] for row in true["seats"]["rows"] if row["subevent"] is not None}
    below = "/organizers/harbour/events"
    asked = {f"{below}/{event}/seats/" for event in ("concert", "workshop.2041_a")}
    assert set(paths) == asked | {f"{below}/series/subevents/{date}/seats/" for date in dates}
    assert 0 < len(dates) < len([row for row in true["subevents"]["rows"] if row["event"] == "series"])


def test_program_times_of_a_series_are_not_asked_for(readings: dict[str, Reading]) -> None:
    asked = [request for request in readings["harbour"].asked if request.path.endswith("/program_times/")]
    assert asked
    assert not any("/events/series/" in request.path for request in asked)


def test_every_request_is_answered(readings: dict[str, Reading]) -> None:
    statuses = [request.status for reading in readings.values() for request in reading.asked]
    assert set(statuses) == {200, 301}
    # The slash at the end of paths is learnt once by each run, but for those on their way meanwhile.
    assert statuses.count(301) == len(READ)


def test_rows_that_stand_in_others_cost_no_request(readings: dict[str, Reading]) -> None:
    paths = {request.path for reading in readings.values() for request in reading.asked}
    nested = ("/variations/", "/options/", "/orderpositions/", "/payments/")
    assert not [path for path in paths if path.endswith(nested)]
