"""What a credential sees of a real pretix, and what the settings make the tap read of it."""

from __future__ import annotations

import datetime as dt
import typing as t

import pytest
import requests

from rest_tap.errors import CredentialRefused, Forbidden
from tap_organizers.client import permission_before
from tap_organizers.streams import STREAMS
from tests.conftest import run_tap
from tests.pretix.lists import LISTS
from tests.pretix.reading import (
    Door,
    Row,
    catalog,
    differences,
    misfits,
    moment,
    read,
    settings,
    true_rows,
    truth,
    union,
)
from tests.pretix.server import PretixServer

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Run
    from tests.pretix.reading import Truth

#: Parents first; each list of them is longer than two pages somewhere.
PARENTS = ("organizers", "events", "tax_rules")
NAMES = [str(stream.name) for stream in t.cast("t.Any", STREAMS)]
#: What a token of the team `limited` has, on one event.
READS_ORDERS = "event.orders:read"


@pytest.fixture(scope="module")
def true(pretix: PretixServer) -> Truth:
    return truth(pretix, "harbour", "lantern", streams=[name for name in NAMES if name != "data_shredders"])


@pytest.fixture(scope="module")
def changing() -> Iterator[PretixServer]:
    """A server of our own, whose data tests may change."""
    with PretixServer() as server:
        yield server


# --- organizers, events, tax rules ------------------------------------------------------------------------------------


@pytest.mark.parametrize("organizer", ["harbour", "lantern"])
def test_a_token_reads_its_organizer_with_events_and_tax_rules(
    organizer: str, pretix: PretixServer, tokens: dict[str, str], true: Truth
) -> None:
    with Door(pretix.url) as door:
        result = read(settings(door.api_url, tokens[organizer]), *PARENTS)
    assert [row["slug"] for row in result.records["organizers"]] == [organizer]
    for name in PARENTS:
        here = true_rows(true, name, lambda row: row.get("organizer", row.get("slug")) == organizer)
        assert differences(union(result)[name], here) == {}
        assert misfits(result, name) == []
    longest = {"harbour": "tax_rules", "lantern": "events"}[organizer]
    assert len(result.records[longest]) > 100
    assert [request.status for request in door.asked].count(301) == 1
    assert result.warnings() == []


def test_an_access_token_reads_the_organizers_that_it_is_for(pretix: PretixServer, tokens: dict[str, str]) -> None:
    config = settings(pretix.api_url, tokens["oauth"], auth_prefix="Bearer", organizers=["harbour", "meadow"])
    result = read(config, "organizers", "events")
    true = truth(pretix, "harbour", "meadow", streams=["organizers", "events"])
    for name in ("organizers", "events"):
        assert differences(union(result)[name], true_rows(true, name)) == {}


def test_a_refresh_token_lasts_and_reads_the_organizers_that_it_is_for(pretix: PretixServer) -> None:
    grant = pretix.run("oauth.py", "--organizer", "harbour", "--organizer", "meadow")
    given = {name: grant[name] for name in ("client_id", "client_secret", "refresh_token")}
    config = {**settings(pretix.api_url, ""), **given, "api_token": None}
    true = truth(pretix, "harbour", "meadow", streams=["organizers", "events"])
    for _ in range(2):
        result = read(config, "organizers", "events")
        for name in ("organizers", "events"):
            assert differences(union(result)[name], true_rows(true, name)) == {}
        assert result.warnings() == []
    # The access token that a use of it ends is the only thing that changes.
    old = {"Authorization": f"Bearer {grant['access_token']}"}
    assert requests.get(f"{pretix.api_url}/organizers/", headers=old, timeout=30).status_code == 401
    form = {"grant_type": "refresh_token", **given}
    answer = requests.post(f"{pretix.api_url}/oauth/token", data=form, timeout=30).json()
    assert answer["refresh_token"] == grant["refresh_token"]
    assert answer["expires_in"] == 24 * 3600
    refused = run_tap({**config, "client_secret": "none"}, catalog("events"), fails=CredentialRefused)
    assert "look at the setting client_id and client_secret and refresh_token" in str(refused.error)


def test_several_tokens_read_in_one_run_what_each_reads_alone(pretix: PretixServer, tokens: dict[str, str]) -> None:
    config = {**settings(pretix.api_url, ""), "api_token": None}
    given = {"harbour": tokens["harbour"], "meadow": tokens["meadow"], "attic": tokens["inactive"]}
    result = run_tap({**config, "api_tokens": given}, catalog(*PARENTS), fails=CredentialRefused)
    true = truth(pretix, "harbour", "meadow", streams=list(PARENTS))
    for name in PARENTS:
        assert differences(union(result)[name], true_rows(true, name)) == {}
    assert "refused: 1 of 3 tokens (api_tokens, organizer attic)" in result.warnings()[-1]


def test_an_inactive_token_is_one_line_that_names_the_setting(
    pretix: PretixServer, tokens: dict[str, str], run_command: Run
) -> None:
    finished = run_command(config=settings(pretix.api_url, tokens["inactive"]))
    assert finished.code != 0
    assert len(finished.errors) == 1
    assert "Token inactive or deleted" in finished.errors[0]
    assert "api_token" in finished.errors[0]
    assert tokens["inactive"] not in finished.stdout + finished.stderr


def test_the_connection_test_says_the_version_and_what_the_token_sees(
    pretix: PretixServer, tokens: dict[str, str], run_command: Run
) -> None:
    finished = run_command("--test", config=settings(pretix.api_url, tokens["meadow"]))
    assert finished.code == 0, finished.stderr
    assert f"connected to pretix {pretix.installation.version}; the credential sees organizer meadow" in finished.stderr


def test_an_organizer_that_the_token_does_not_see_is_an_error(
    pretix: PretixServer, tokens: dict[str, str], run_command: Run
) -> None:
    finished = run_command(config=settings(pretix.api_url, tokens["meadow"], organizers=["meadow", "harbour"]))
    assert finished.code != 0
    assert "harbour" in finished.errors[0]


# --- a token that may read orders of one event ------------------------------------------------------------------------


def visible(name: str, row: Row, event: str) -> bool:
    """Return whether the token of the team `limited` may read a row, by the reference."""
    if row.get("organizer", row.get("slug")) != "harbour":
        return False
    if name == "events":
        return bool(row["slug"] == event)
    return bool(row.get("event", event) == event)


def test_a_limited_token_reads_what_it_may_and_is_told_the_rest(
    pretix: PretixServer, tokens: dict[str, str], true: Truth
) -> None:
    event = pretix.filled["limited_to"]
    result = read(settings(pretix.api_url, tokens["limited"], on_denied="skip"))
    rows = union(result)
    denied = set()
    for name in NAMES:
        needed = LISTS.get(name, LISTS["order_positions"]).stream.permission
        if needed is not None and READS_ORDERS not in needed:
            denied.add(name)
            assert name not in rows
            continue
        if name.endswith("_exporters"):
            # Only those that the team may run.
            assert name in rows
            continue
        here = true_rows(true, name, lambda row, name=name: visible(name, row, event))  # type: ignore[misc]
        assert differences(rows.get(name, {}), here) == {}, name
    (sight,) = [line for line in result.lines() if line.startswith("the credential sees 1 event of harbour; ")]
    assert "(invoices, order_payments, orders, subevents, transactions) have rows of no others" in sight
    # Lists below denied ones are not asked for, and not mentioned.
    below = {"team_members", "team_invites", "team_api_tokens", "gift_card_transactions"}
    (summary,) = [line for line in result.warnings() if line.startswith("skipped as denied")]
    told = {part.split()[0] for part in summary.partition(": ")[2].split(", ")}
    assert told == denied - below
    for name in told:
        (line,) = [line for line in result.warnings() if line.startswith(f"{name}: ")]
        assert str(LISTS[name].stream.permission) in line
        assert permission_before(LISTS[name].stream.permission) in line


@pytest.mark.parametrize(("on_denied", "code"), [("skip", 0), ("fail", 1)])
def test_a_denied_list_ends_the_run_only_if_it_shall(
    on_denied: str, code: int, pretix: PretixServer, tokens: dict[str, str], run_command: Run
) -> None:
    config = settings(pretix.api_url, tokens["limited"], on_denied=on_denied)
    finished = run_command(config=config, catalog=catalog("organizers", "gift_cards", "checkins"))
    assert min(finished.code, 1) == code
    assert ("organizer.giftcards:read" in "".join(finished.errors)) == (code == 1)
    assert [row["slug"] for row in finished.records("organizers")] == ["harbour"]


def may_see(server: PretixServer, team: int | None, *permissions: str) -> dict[str, t.Any]:
    """Make a team of `harbour` that sees all events, or change what it may read; return the API's answer."""
    url = f"{server.api_url}/organizers/harbour/teams/" + (f"{team}/" if team else "")
    headers = {"Authorization": f"Token {server.tokens['harbour']}"}
    limits = {"limit_events": [], "all_event_permissions": False, "limit_event_permissions": permissions}
    body = {"name": "Press", "all_events": True, **limits, "limit_organizer_permissions": []}
    answer = requests.request("PATCH" if team else "POST", url, json=body, headers=headers, timeout=60)
    found: dict[str, t.Any] = answer.json()
    if team is None:
        token = requests.post(f"{url}{found['id']}/tokens/", json={"name": "press"}, headers=headers, timeout=60)
        found["token"] = token.json()["token"]
    return found


def test_orders_that_a_token_may_not_read_are_denied_and_come_once_it_may(changing: PretixServer) -> None:
    """Though pretix answers 200 with an empty list of the organizer's orders."""
    team = may_see(changing, None)
    streams = ("orders", "transactions", "invoices", "order_payments")
    with Door(changing.url) as door:
        config = settings(door.api_url, team["token"], on_denied="skip")
        blind = read(config, *streams)
    assert not any(blind.records.values())
    assert all(f"it takes the permission {READS_ORDERS}" in line for line in blind.warnings()[:-1])
    assert blind.warnings()[-1].endswith("invoices (1), order_payments (1), orders (1), transactions (1)")
    # The first page of each list, the number of events, one event's list, and whether the event is there.
    assert sorted({request.status for request in door.asked}) == [200, 301, 403]
    assert len([request for request in door.asked if "/events/" in request.path and request.status == 403]) == 1
    with pytest.raises(Forbidden, match=READS_ORDERS):
        read(settings(changing.api_url, team["token"]), "orders")
    may_see(changing, team["id"], READS_ORDERS)
    seeing = read(config | {"api_url": changing.api_url}, *streams, state=blind.states[-1] if blind.states else None)
    there = truth(changing, "harbour", streams=streams)
    for name in streams:
        assert differences(union(seeing)[name], true_rows(there, name)) == {}, name
    assert seeing.warnings() == []


def test_tickets_of_check_in_lists_are_denied_to_a_token_that_may_only_scan(changing: PretixServer) -> None:
    """Though pretix answers 200 without rows."""
    team = may_see(changing, None, "event.orders:checkin")
    result = read(
        settings(changing.api_url, team["token"], on_denied="skip"), "checkin_lists", "checkin_list_positions"
    )
    lists = truth(changing, "harbour", streams=["checkin_lists"])
    assert differences(union(result)["checkin_lists"], true_rows(lists, "checkin_lists")) == {}
    assert not result.records["checkin_list_positions"]
    told, summary = result.warnings()
    assert told.startswith(f"checkin_list_positions: skipped, denied; it takes the permission {READS_ORDERS}")
    full = [row for row in result.records["checkin_lists"] if row["position_count"]]
    assert summary.endswith(f"checkin_list_positions ({len(full)})")
    assert full


# --- settings ---------------------------------------------------------------------------------------------------------


def test_chosen_events_are_read_by_lists_of_their_own(
    pretix: PretixServer, tokens: dict[str, str], true: Truth
) -> None:
    chosen = ("concert", "series")
    streams = [
        *("events", "subevents", "orders", "order_positions", "order_answers", "order_fees", "order_payments"),
        *("order_refunds", "transactions", "invoices", "checkins", "tax_rules", "questions"),
    ]
    with Door(pretix.url) as door:
        config = settings(door.api_url, tokens["harbour"], events=["concert", "harbour/series"])
        result = read(config, *streams)
    for name in streams:
        here = true_rows(
            true,
            name,
            lambda row: row.get("organizer") == "harbour" and row.get("event", row.get("slug")) in chosen,
        )
        assert here
        assert differences(union(result)[name], here) == {}, name
    asked = [request.path for request in door.asked if request.status == 200]
    for noun in ("orders", "transactions", "invoices", "subevents"):
        assert f"/organizers/harbour/{noun}/" not in asked
    assert {path.split("/")[4] for path in asked if "/events/" in path and path.count("/") > 4} == set(chosen)
    # The dates of a series only: a single event has none.
    assert "/organizers/harbour/events/concert/subevents/" not in asked
    # Pages of 50, and no more than two requests beyond them for a list whose rows come by time.
    for event in chosen:
        orders = len([row for row in result.records["orders"] if row["event"] == event])
        pages = -(-orders // 50)
        # Orders, and payments with refunds.
        assert asked.count(f"/organizers/harbour/events/{event}/orders/") <= 2 * (pages + 2)


def test_lists_below_events_that_ended_before_are_left_alone(
    pretix: PretixServer, tokens: dict[str, str], true: Truth
) -> None:
    def ended(row: Row) -> bool:
        return not row["has_subevents"] and moment(row["date_to"] or row["date_from"]) < bound

    bound = dt.datetime(2030, 1, 1, tzinfo=dt.timezone.utc)
    events = [row for row in true["events"]["rows"] if row["organizer"] == "harbour"]
    past = {row["slug"] for row in events if ended(row)}
    assert past
    with Door(pretix.url) as door:
        config = settings(door.api_url, tokens["harbour"], events_ended_after=bound.isoformat())
        result = read(config, "events", "tax_rules", "orders")
    assert {row["slug"] for row in result.records["events"]} == {row["slug"] for row in events}
    asked = {request.path.split("/")[4] for request in door.asked if request.path.endswith("/taxrules/")}
    assert asked == {row["slug"] for row in events} - past
    assert "series" in asked
    # One list of all events' orders, which is not made smaller by leaving out events.
    orders = true_rows(true, "orders", lambda row: row["organizer"] == "harbour")
    assert union(result)["orders"].keys() == orders.keys()


# --- what changes while the tap reads ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("event", "page"), [("draft", 1), ("museum", 2)])
def test_an_event_deleted_during_the_run_does_not_end_it(event: str, page: int, changing: PretixServer) -> None:
    """Before its list of tax rules is asked for, or between two pages of it."""
    token = changing.tokens["harbour"]
    url = f"{changing.api_url}/organizers/harbour/events/{event}/"
    deleted: list[int] = []

    def delete(path: str, params: dict[str, list[str]]) -> None:
        if not deleted and path.endswith(f"/{event}/taxrules/") and params["page"] == [str(page)]:
            answer = requests.delete(url, headers={"Authorization": f"Token {token}"}, timeout=60)
            deleted.append(answer.status_code)

    with Door(changing.url, before=delete) as door:
        config = settings(door.api_url, token, max_concurrency=1)
        result = read(config, *PARENTS, "quotas", "vouchers")
    assert deleted == [requests.codes.no_content]
    assert [line for line in result.warnings() if "gone" in line] == [
        f"event harbour/{event} is gone; nothing below it is read"
    ]
    assert not [line for line in result.warnings() if "denied" in line]
    true = truth(changing, "harbour", streams=["tax_rules", "quotas", "vouchers"])
    rows = union(result)
    for name in ("tax_rules", "quotas", "vouchers"):
        there = {key: row for key, row in rows[name].items() if row["event"] != event}
        assert differences(there, true_rows(true, name)) == {}


def test_scheduled_exports_that_the_server_cannot_show_do_not_end_the_run(changing: PretixServer) -> None:
    changing.run("spoil.py", "--organizer", "harbour", "--event", "concert")
    with Door(changing.url) as door:
        config = settings(door.api_url, changing.tokens["harbour"], on_error="skip")
        result = read(config, "organizers", "organizer_scheduled_exports", "event_scheduled_exports", "webhooks")
    broken = [request.path for request in door.asked if request.status == 500]
    # Each once: asking again would not mend it.
    assert sorted(broken) == [
        "/organizers/harbour/events/concert/scheduled_exports/",
        "/organizers/harbour/scheduled_exports/",
    ]
    failed = [line for line in result.warnings() if "status 500" in line]
    assert sorted(line.partition(":")[0] for line in failed) == [
        "event_scheduled_exports",
        "organizer_scheduled_exports",
    ]
    assert len(result.records["webhooks"]) == 3


# --- another time zone ------------------------------------------------------------------------------------------------


def test_a_server_in_another_time_zone_is_read_to_the_same_truth(true: Truth) -> None:
    streams = ["events", "subevents", "orders", "order_positions", "order_payments", "transactions", "checkins"]
    with PretixServer(timezone="Europe/Berlin") as server:
        config = settings(server.api_url, server.tokens["harbour"])
        first = read(config, *streams)
        here = {name: true_rows(true, name, lambda row: row["organizer"] == "harbour") for name in streams}
        for name, there in here.items():
            assert differences(union(first)[name], there) == {}, name
        assert [misfit for name in streams for misfit in misfits(first, name)] == []
        churned = server.run("churn.py", "--organizer", "harbour", "--seconds", "6", "--late", "1", "--delay", "1")
        # An hour and five minutes: a bookmark whose offset was dropped would begin too late or too early.
        second = read(config, *streams, state=first.states[-1])
        after = truth(server, "harbour", streams=streams)
        gone = churned["done"]["delete"]
        rows = union(first, second)
        # A deleted test order takes its check-ins along, which name a position and no order.
        lost = {row["id"] for row in rows["order_positions"].values() if row["order"] in gone}
        for name in streams:
            kept = {
                key: row
                for key, row in rows[name].items()
                if row.get("order", row.get("code")) not in gone and row.get("position") not in lost
            }
            assert differences(kept, true_rows(after, name)) == {}, name
        # In the winter the server is an hour ahead of UTC.
        start = min(moment(row["last_modified"]) for row in second.records["orders"])
        assert start >= moment(first.states[-1]["bookmarks"]["orders"]["organizers"]["harbour"])
        assert 0 < len(second.records["orders"]) < len(here["orders"])
