"""The harness itself: the filled server, the truth about it, and the streams that both are held to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.pretix.lists import LISTS, WITHOUT_TOTAL_ORDER, Client, Fields, Lists, by_key, declared
from tests.pretix.server import PretixServer
from tools.watch_pretix import NOT_SENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Truth = dict[str, dict[str, Any]]

#: `lantern` has the events, `attic` nothing at all: the lists below their events would cost minutes.
FULL = ["harbour", "meadow"]


@pytest.fixture(scope="module")
def client(pretix: PretixServer, tokens: dict[str, str]) -> Client:
    return Client(pretix.api_url, tokens["harbour"])


@pytest.fixture(scope="module")
def lists(pretix: PretixServer, tokens: dict[str, str]) -> dict[str, Lists]:
    return {slug: Lists(Client(pretix.api_url, tokens[slug]), [slug]) for slug in FULL}


@pytest.fixture(scope="module")
def truth(pretix: PretixServer) -> Truth:
    answer: Truth = pretix.run("truth.py", *(word for slug in FULL for word in ("--organizer", slug)))
    return answer


#: Fields that the tap adds: from what it asked for, and from the row around.
ADDED = {"questions.container_type", "order_fees.order_last_modified", "order_positions.order_last_modified"}


def both(lists: dict[str, Lists], name: str) -> list[dict[str, Any]]:
    return [row for slug in FULL for row in lists[slug][name]]


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_the_rows_of_the_database(name: str, lists: dict[str, Lists], truth: Truth) -> None:
    rows = both(lists, name)
    true = truth[name]["rows"]
    assert truth[name]["primary_key"] == list(LISTS[name].stream.primary_keys)
    assert true
    assert len(rows) == len(true)
    keys, true_keys = by_key(name, rows).keys(), by_key(name, true).keys()
    if name not in WITHOUT_TOTAL_ORDER:
        assert keys == true_keys
    else:
        # Which rows the pages of a list without a total order repeat, and which they drop, is open.
        assert keys <= true_keys


@pytest.mark.parametrize(
    "name", [name for name, listed in LISTS.items() if listed.shape == "paginated" and name != "order_fees"]
)
def test_a_key_is_unique_over_organizers(name: str, truth: Truth) -> None:
    assert len(by_key(name, truth[name]["rows"])) == len(truth[name]["rows"])


@pytest.mark.parametrize(
    "name",
    [
        *("organizers", "events", "subevents", "tax_rules", "orders", "order_positions", "order_fees"),
        *("order_payments", "order_refunds", "transactions", "invoices", "checkins"),
    ],
)
def test_values_are_those_of_the_database(name: str, lists: dict[str, Lists], truth: Truth) -> None:
    rows = by_key(name, both(lists, name))
    for key, true in by_key(name, truth[name]["rows"]).items():
        read = {field: rows[key][field] for field in true if field in rows[key]}
        for field, value in read.items():
            if LISTS[name].fields.get(field, {}).get("format") == "date-time":
                read[field] = in_utc(value)
        # An object in the API, an id in the database.
        if isinstance(read.get("seat"), dict):
            read["seat"] = read["seat"]["id"]
        assert read == {field: value for field, value in true.items() if field in read}


def in_utc(value: str | None) -> str | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("name", LISTS)
def test_answers_and_streams_have_the_same_fields_and_types(name: str, lists: dict[str, Lists]) -> None:
    fields = Fields()
    for row in both(lists, name):
        fields.compare_fields(row, LISTS[name].fields, name)
    # What a payment's details hold differs by provider.
    assert {path for path in fields.unknown if ".details." not in path} == set()
    assert not fields.mistyped
    missing = {path for path in declared(LISTS[name].fields, name) if ".details." not in path} - fields.seen
    assert missing - ADDED == {f"{name}.{field}" for field in NOT_SENT.get(name, set())}


def test_the_filling_leaves_nothing_out(pretix: PretixServer) -> None:
    # What an older version does not have is left out, and so would be a field that is misspelled.
    assert pretix.filled["left_out"] == {}


def test_a_limited_token_sees_the_orders_of_its_event_only(pretix: PretixServer, tokens: dict[str, str]) -> None:
    limited = Client(pretix.api_url, tokens["limited"])
    orders = limited.rows("/organizers/harbour/orders/")
    assert {row["event"] for row in orders} == {pretix.filled["limited_to"]}
    assert limited.get("/organizers/harbour/events/concert/vouchers/").status_code == 403
    assert limited.get("/organizers/harbour/events/workshop.2041_a/orders/").status_code == 403
    assert limited.get("/organizers/meadow/").status_code == 403


def test_an_inactive_token_is_refused(pretix: PretixServer, tokens: dict[str, str]) -> None:
    answer = Client(pretix.api_url, tokens["inactive"]).get("/organizers/")
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Token inactive or deleted."}


def test_an_access_token_sees_several_organizers(pretix: PretixServer, tokens: dict[str, str]) -> None:
    client = Client(pretix.api_url, tokens["oauth"], "Bearer")
    assert [row["slug"] for row in client.rows("/organizers/")] == ["harbour", "lantern", "meadow"]
    assert len(client.rows("/organizers/lantern/events/")) > 100


def test_what_is_unique_in_an_organizer_only_occurs_in_two(lists: dict[str, Lists]) -> None:
    for name, field in (("events", "slug"), ("orders", "code"), ("customers", "identifier"), ("devices", "device_id")):
        harbour, meadow = ({row[field] for row in lists[slug][name]} for slug in FULL)
        assert harbour & meadow, name


def test_more_orders_than_a_page_holds_were_modified_in_one_instant(
    lists: dict[str, Lists], pretix: PretixServer
) -> None:
    times = [row["last_modified"] for row in lists["harbour"]["orders"]]
    assert max(map(times.count, times)) == pretix.filled["modified_together"] > 50


def test_pages_of_a_list_without_a_total_order_lose_rows(client: Client) -> None:
    rows = client.rows("/organizers/harbour/memberships/")
    assert len(rows) == 300
    assert len({row["id"] for row in rows}) < 300


@pytest.fixture(scope="module")
def berlin() -> Iterator[PretixServer]:
    """A server of another time zone, whose data may be changed."""
    with PretixServer(timezone="Europe/Berlin") as server:
        yield server


def test_timestamps_have_the_offset_of_the_servers_zone(berlin: PretixServer, truth: Truth) -> None:
    rows = Client(berlin.api_url, berlin.tokens["meadow"]).rows("/organizers/meadow/orders/")
    assert {row["datetime"][-6:] for row in rows} == {"+01:00"}
    true = {row["code"]: row["datetime"] for row in truth["orders"]["rows"] if row["organizer"] == "meadow"}
    assert {row["code"]: in_utc(row["datetime"]) for row in rows} == true


def test_an_organizer_of_any_size_can_be_added(berlin: PretixServer) -> None:
    size = ("--events", "120", "--orders", "150", "--tax-rules", "70")
    token = berlin.run("fill.py", "--organizer", "large", *size)["tokens"]["large"]
    client = Client(berlin.api_url, token)
    assert len(client.rows("/organizers/large/events/")) == 120
    assert len(client.rows("/organizers/large/orders/")) == 150
    assert len(client.rows("/organizers/large/events/evening-0001/taxrules/")) == 72


def test_churn_says_what_it_did(berlin: PretixServer) -> None:
    before = order_times(berlin)
    begun = datetime.now(timezone.utc)
    writer = berlin.start_script("churn.py", "--organizer", "harbour", "--seconds", "8", "--late", "2", "--delay", "2")
    # The server goes on answering beside it.
    client = Client(berlin.api_url, berlin.tokens["harbour"])
    assert client.get("/organizers/harbour/orders/").status_code == 200
    done = writer.wait()["done"]
    after = order_times(berlin)
    assert {name for name, codes in done.items() if codes} == done.keys()
    assert after.keys() == (before.keys() | set(done["create"]) | set(done["late"])) - set(done["delete"])
    touched = {code for codes in done.values() for code in codes}
    assert all(after[code] == time for code, time in before.items() if code not in touched)
    assert all(after[code] > begun for code in touched & after.keys())
    moved = [after[code] for code in done["bulk"] if code in after]
    assert max(map(moved.count, moved)) > 50


def order_times(server: PretixServer) -> dict[str, datetime]:
    rows = server.run("truth.py", "--organizer", "harbour", "--stream", "orders")["orders"]["rows"]
    return {row["code"]: datetime.fromisoformat(row["last_modified"].replace("Z", "+00:00")) for row in rows}


def test_no_process_outlives_a_killed_run(tmp_path: Path) -> None:
    started, remains = tmp_path / "pid", tmp_path / "remains"
    remains.mkdir()
    run = f"""
import os, pathlib, time
from tests.pretix.server import Process
command = ["sh", "-c", "sleep 600 & echo $! > {started}.part && mv {started}.part {started}; wait"]
process = Process(command, env=dict(os.environ), log=pathlib.Path("{tmp_path}/log"), guard=["--remove", "{remains}"])
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", run], cwd=Path(__file__).parents[2]) as running:
        until(started.exists)
        running.kill()
    pid = int(started.read_text())
    until(lambda: not alive(pid))
    until(lambda: not remains.exists())


def alive(pid: int) -> bool:
    # A zombie that nobody has waited for is as good as gone.
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return not Path("/proc").is_dir()
    return False


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
