"""Lists whose order has ties, so that pages repeat some rows and drop as many others."""

from __future__ import annotations

import typing as t

import pytest

from sandbox import Fault, Sandbox, Scale
from tests.conftest import discovered, only, run_tap
from tests.support.loading import settings

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Result

ROWS = 230
CARD = "/organizers/riverside/giftcards/"
#: Stream → path of one of its lists.
LISTS = {
    "memberships": "/organizers/riverside/memberships/",
    "gift_cards": CARD,
    "team_api_tokens": "/organizers/riverside/teams/{team}/tokens/",
    "gift_card_transactions": CARD + "{card}/transactions/",
    "ticket_layouts": "/organizers/riverside/events/jazz-1/ticketlayouts/",
    "badge_layouts": "/organizers/riverside/events/jazz-1/badgelayouts/",
    "item_meta_properties": "/organizers/riverside/events/jazz-1/item_meta_properties/",
    "seating_plans": "/organizers/riverside/seatingplans/",
}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Next to nothing, before a test adds rows."""
    with Sandbox(scale=Scale(organizers=1, events=1, tax_rules=1, orders=8, ticketing_events=1, attendees=1)) as box:
        yield box


def many_equal(box: Sandbox, stream: str, rows: int = ROWS) -> str:
    """Fill one list of a stream with rows of which only the id differs; return its path."""
    data = box.organizers
    team = data.rows("/organizers/riverside/teams/")[0]["id"]
    card = data.rows(CARD)[0]["id"]
    path = LISTS[stream].format(team=team, card=card)
    found = data.rows(path)
    template = found[0]
    found[:] = [{**template, "id": template["id"] + n * 1000, "_pk": n} for n in range(rows)]
    if stream == "gift_cards":
        found[:] = [{**row, "secret": f"s{row['id']}"} for row in found]
    return path


def read(box: Sandbox, stream: str, **more: t.Any) -> Result:
    """Read one stream."""
    config = settings(box, **more)
    return run_tap(config, only(discovered(config), stream))


def missing(box: Sandbox, result: Result, stream: str, path: str) -> set[t.Any]:
    """Return the ids that did not come."""
    return {row["id"] for row in box.organizers.rows(path)} - {row["id"] for row in result.records[stream]}


def said(result: Result) -> list[str]:
    """Return the warnings about rows that did not come."""
    return [line for line in result.warnings() if "rows" in line and "came" in line]


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("stream", LISTS)
def test_a_list_with_equal_rows_is_complete_or_the_run_says_what_is_missing(
    stream: str, concurrency: int, box: Sandbox
) -> None:
    path = many_equal(box, stream)
    box.organizers.shuffle_ties(path)
    result = read(box, stream, max_concurrency=concurrency)
    gone = missing(box, result, stream, path)
    if gone:
        assert any(f"{stream}: {ROWS - len(gone)} of {ROWS} rows" in line for line in said(result))
    else:
        assert said(result) == []
    assert len(gone) < ROWS / 20
    ids = [row["id"] for row in result.records[stream]]
    assert len(ids) == len(set(ids))


def test_memberships_that_do_not_come_otherwise_are_read_customer_by_customer(box: Sandbox) -> None:
    path = many_equal(box, "memberships", 600)
    customers = [row["identifier"] for row in box.organizers.rows("/organizers/riverside/customers/")]
    for number, row in enumerate(box.organizers.rows(path)):
        row["customer"] = customers[number % len(customers)]
    box.organizers.shuffle_ties(path)
    result = read(box, "memberships")
    assert missing(box, result, "memberships", path) == set()
    assert said(result) == []


def test_a_list_with_a_total_order_is_read_once(box: Sandbox) -> None:
    path = many_equal(box, "gift_cards")
    read(box, "gift_cards")
    assert len([request for request in box.requests(f"{path}$") if request.status == 200]) == 5


def test_rows_that_the_server_never_shows_are_said_with_their_numbers(box: Sandbox) -> None:
    path = many_equal(box, "gift_cards")
    box.faults.add(Fault(f"{path}$", kind="count", n=ROWS + 7, times=None))
    result = read(box, "gift_cards")
    assert missing(box, result, "gift_cards", path) == set()
    assert [line.split(" rows")[0] for line in said(result)] == [f"gift_cards: {ROWS} of {ROWS + 7}"]
