"""Lists of a real pretix that try to lose rows: ties in their order, deletions while they are read.

The tests of this file change the data of their servers.
"""

from __future__ import annotations

import random
import time
import typing as t

import pytest

from tests.pretix.reading import read, settings, true_rows, truth, union
from tests.pretix.server import PretixServer

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Result

ROWS = 130
#: Lists that the API can give in no order that tells all rows apart, as docs/pretix.md has them. Where rows are
#: missing from one of them, the run says so.
WITHOUT_ORDER = {
    "badge_layouts",
    "customers",
    "gift_card_transactions",
    "gift_cards",
    "item_meta_properties",
    "memberships",
    "seating_plans",
    "team_api_tokens",
    "team_invites",
    "ticket_layouts",
    "webhooks",
}
#: Those that were complete in every try: memberships are read customer by customer where that is needed.
ALWAYS_COMPLETE = {"memberships"}
ORDERS = 400


@pytest.fixture(scope="module")
def tied() -> Iterator[tuple[PretixServer, dict[str, int]]]:
    """A server whose lists have ties longer than two pages, and of which streams."""
    with PretixServer() as server:
        yield server, server.run("ties.py", "--organizer", "harbour", "--event", "concert", "--rows", str(ROWS))


@pytest.fixture(scope="module")
def tied_rows(tied: tuple[PretixServer, dict[str, int]]) -> Result:
    server, made = tied
    return read(settings(server.api_url, server.tokens["harbour"]), *made)


def test_ties_lose_no_row_or_the_run_says_how_many(
    tied: tuple[PretixServer, dict[str, int]], tied_rows: Result
) -> None:
    server, made = tied
    true = truth(server, "harbour", streams=made)
    warned = {line.partition(":")[0] for line in tied_rows.warnings() if "rows" in line and " of " in line}
    found = union(tied_rows)
    missing = {name: len(true_rows(true, name).keys() - found[name].keys()) for name in made}
    print({name: number for name, number in missing.items() if number})
    assert all(len(true_rows(true, name)) >= ROWS for name in made)
    assert {name for name, number in missing.items() if number} == warned
    assert warned <= WITHOUT_ORDER - ALWAYS_COMPLETE
    for name in made:
        assert not found[name].keys() - true_rows(true, name).keys()


def test_a_tie_that_many_rows_share_is_read_on_from_a_bookmark_too(
    tied: tuple[PretixServer, dict[str, int]], tied_rows: Result
) -> None:
    server, _ = tied
    streams = ("orders", "subevents", "transactions", "reusable_media")
    true = truth(server, "harbour", streams=streams)
    # Before all of it, so that each list goes on from a bookmark and comes to its tie.
    marks = {name: {"organizers": {"harbour": "2001-01-01T00:00:00Z"}} for name in streams}
    result = read(settings(server.api_url, server.tokens["harbour"]), *streams, state={"bookmarks": marks})
    for name in streams:
        assert union(result)[name].keys() == true_rows(true, name).keys(), name
    assert not result.warnings()
    assert tied_rows.states[-1]["bookmarks"].keys() >= set(streams)


@pytest.fixture(scope="module")
def crowd() -> Iterator[PretixServer]:
    """A server with an organizer `crowd` of some orders."""
    with PretixServer(extra=("--organizer", "crowd", "--orders", str(ORDERS))) as server:
        yield server


@pytest.mark.parametrize(("stream", "rate"), [("transactions", 8), ("orders", 4), ("order_payments", 8)])
def test_a_first_load_while_rows_are_deleted_and_added_loses_none(stream: str, rate: int, crowd: PretixServer) -> None:
    config = settings(crowd.api_url, crowd.tokens["crowd"])
    seed = str(random.randrange(10**6))
    command = ("thin.py", "--organizer", "crowd", "--rate", str(rate), "--seconds", "600", "--seed", seed)
    thinning = crowd.start_script(*command)
    time.sleep(2)
    first = read(config, stream)
    thinning.stop()
    again = read(config, stream, state=first.states[-1] if first.states else None)
    true = truth(crowd, "crowd", streams=[stream])
    lost = true_rows(true, stream).keys() - union(first, again)[stream].keys()
    print(f"seed {seed}: {len(true_rows(true, stream))} rows, {len(lost)} lost")
    assert not lost
