"""The stand-in APIs speak as the real ones do, and break as asked."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from rest_tap.schema import UNKNOWN_FIELDS
from sandbox import KINDS, Fault, RateLimit, Request, Sandbox, Scale, samples
from sandbox.lists import ALSO, BY_NAME, LISTS
from sandbox.ticketing import arrival_of, ticket_code
from tap_organizers.tap import TapOrganizers
from tests.conftest import kept_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, Any]

with kept_signals():
    STREAMS = {
        stream.name: stream
        for stream in TapOrganizers(config={}, validate_config=False, setup_mapper=False).discover_streams()
    }
EVENT = "/organizers/riverside/events/jazz-1"
ORDERS = "/organizers/riverside/orders/"


class Client:
    """Asks a sandbox over one connection."""

    def __init__(self, box: Sandbox, token: str | None = None) -> None:
        self.box = box
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Token {token or box.token}"

    def ask(self, path: str, **params: Any) -> requests.Response:
        return self.http.get(self.box.organizers_url + path, params=params, timeout=5, allow_redirects=False)

    def page(self, path: str, **params: Any) -> Any:
        answer = self.ask(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, path: str, **params: Any) -> list[Row]:
        found: list[Row] = []
        for page in range(1, 1000):
            data = self.page(path, page=page, **params)
            found += data["results"]
            if data["next"] is None:
                return found
        raise AssertionError(path)

    def post(self, url: str, data: Any = None, *, token: str | None = None, **params: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.box.ticketing.session_token}"}
        return requests.post(url, data=data, params=params, headers=headers, timeout=5)

    def attendees(self, url: str | None = None, **params: Any) -> Iterator[list[Row]]:
        since: dict[str, str] = {}
        for _ in range(1000):
            page = self.post(url or f"{self.box.ticketing_url}/v1/attendees", **params, **since).json()["attendees"]
            if not page:
                return
            yield page
            since = {"since": page[-1]["ticket_code"]}


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """A sandbox for tests that only read."""
    with Sandbox() as box:
        yield box


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A sandbox of one's own."""
    with Sandbox() as box:
        yield box


@pytest.fixture
def client(box: Sandbox) -> Iterator[Client]:
    client = Client(box)
    yield client
    client.http.close()


@pytest.fixture
def reader(shared: Sandbox) -> Iterator[Client]:
    client = Client(shared)
    yield client
    client.http.close()


# --- part B: the protocol -------------------------------------------------------------------------


def test_a_list_comes_in_an_envelope_with_absolute_links(reader: Client) -> None:
    first = reader.page("/organizers/riverside/events/", is_public="true")
    assert first["count"] > len(first["results"]) == 50
    assert first["previous"] is None
    second = reader.http.get(first["next"], timeout=5).json()
    assert "is_public=true" in first["next"]
    assert first["next"].startswith(reader.box.organizers_url)
    assert second["next"] is None
    assert second["previous"].endswith("/events/?is_public=true")
    slugs = [row["slug"] for row in first["results"] + second["results"]]
    assert slugs == sorted(set(slugs))


@pytest.mark.parametrize(("asked", "rows"), [("10", 10), ("50", 50), ("1000", 50), ("0", 50), ("-3", 50), ("many", 50)])
def test_page_size_is_cut_to_50_and_ignored_where_invalid(reader: Client, asked: str, rows: int) -> None:
    assert len(reader.page("/organizers/riverside/events/", page_size=asked)["results"]) == rows


def test_past_the_last_page_is_404(reader: Client) -> None:
    answer = reader.ask("/organizers/riverside/events/", page=3)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Invalid page."})
    assert reader.page("/organizers/riverside/events/", page="last")["next"] is None
    assert reader.page(f"{EVENT}/vouchers/", code="no such")["results"] == []


def test_a_missing_slash_is_redirected_with_the_query(reader: Client) -> None:
    answer = reader.ask("/organizers", page_size=2)
    assert answer.status_code == 301
    assert answer.headers["Location"] == "/api/v1/organizers/?page_size=2"


def test_version_has_no_slash(reader: Client) -> None:
    assert reader.page("/version")["pretix"] == "2026.8.0"
    assert reader.ask("/version/").status_code == 404


def test_an_unknown_path_is_html_before_credentials_are_looked_at(reader: Client) -> None:
    answer = requests.get(reader.box.organizers_url + "/organizers/riverside/nonsense/", timeout=5)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("headers", [{"api_key": "{}"}, {"Authorization": "Token {}"}, {"Authorization": "Bearer {}"}])
def test_a_token_is_taken_from_either_header(shared: Sandbox, headers: dict[str, str]) -> None:
    url = shared.organizers_url + "/organizers/"
    good = {name: value.format(shared.token) for name, value in headers.items()}
    bad = {name: value.format("wrong") for name, value in headers.items()}
    assert requests.get(url, headers=good, timeout=5).json()["count"] == 3
    refused = requests.get(url, headers=bad, timeout=5)
    assert (refused.status_code, refused.json()) == (401, {"detail": "Invalid token."})
    assert refused.headers["WWW-Authenticate"] == "Token"
    assert "not provided" in requests.get(url, timeout=5).json()["detail"]


@pytest.mark.parametrize("path", ["/organizers/nobody/events/", "/organizers/riverside/events/none/items/"])
def test_an_unknown_organizer_or_event_is_403(reader: Client, path: str) -> None:
    answer = reader.ask(path)
    assert answer.status_code == 403
    assert answer.json() == {"detail": "You do not have permission to perform this action."}


def test_a_single_row_is_served_below_its_list(reader: Client) -> None:
    assert "valid_keys" in reader.page(f"{EVENT}/")
    assert reader.page(ORDERS + "GALA9/")["code"] == "GALA9"
    assert reader.ask(ORDERS + "NONE/").status_code == 404


def test_writing_is_refused(reader: Client) -> None:
    answer = reader.http.post(reader.box.organizers_url + ORDERS, json={}, timeout=5)
    assert answer.status_code == 405


def test_gzip_is_sent_only_when_asked_for(reader: Client) -> None:
    url = reader.box.organizers_url + "/organizers/"
    plain = reader.http.get(url, headers={"Accept-Encoding": "identity"}, timeout=5)
    packed = reader.http.get(url, headers={"Accept-Encoding": "gzip"}, timeout=5)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.json() == packed.json()


def test_requests_share_a_connection(box: Sandbox, client: Client) -> None:
    for _ in range(3):
        client.ask("/organizers/")
    assert {request.connection for request in box.log} == {1}


# --- part B: filters and order --------------------------------------------------------------------


def test_modified_since_is_inclusive(reader: Client) -> None:
    rows = reader.rows(ORDERS, ordering="last_modified")
    assert [row["last_modified"] for row in rows] == sorted(row["last_modified"] for row in rows)
    since = rows[-3]["last_modified"]
    newer = reader.rows(ORDERS, modified_since=since)
    assert {row["code"] for row in newer} == {row["code"] for row in rows if row["last_modified"] >= since}


def test_created_before_is_exclusive(reader: Client) -> None:
    rows = reader.rows(ORDERS)
    border = rows[10]["datetime"]
    assert len(reader.rows(ORDERS, created_before=border)) == 10
    assert len(reader.rows(ORDERS, created_since=border)) == len(rows) - 10
    transactions = "/organizers/riverside/transactions/"
    assert reader.rows(transactions, created_since="2025-09-01") == [
        row for row in reader.rows(transactions) if row["created"] >= "2025-09-01"
    ]


@pytest.mark.parametrize("value", ["yesterday", "2025-13-01", "2025-01-01T00:00:00 01:00", "2025-01-01T00:00:00+"])
def test_a_malformed_time_is_400(reader: Client, value: str) -> None:
    answer = reader.ask(ORDERS, modified_since=value)
    assert (answer.status_code, answer.json()) == (400, {"modified_since": ["Enter a valid date/time."]})


def test_a_plus_that_is_not_encoded_is_a_blank(reader: Client) -> None:
    since = "?modified_since=2025-01-01T00:00:00"
    assert reader.ask(f"{ORDERS}{since}+01:00").status_code == 400
    assert reader.ask(f"{ORDERS}{since}%2B01:00").status_code == 200


def test_an_unknown_order_or_parameter_is_ignored(reader: Client) -> None:
    plain = reader.page(ORDERS)
    for params in ({"ordering": "total"}, {"nonsense": "1"}, {"testmode": "perhaps"}):
        answer = reader.page(ORDERS, **params)
        assert answer["results"] == plain["results"]
    assert reader.page(ORDERS, ordering="-datetime")["results"] != plain["results"]
    assert reader.ask(f"{EVENT}/quotas/", subevent="x").status_code == 400


def test_events_are_filtered_by_their_end_but_a_series_has_none(reader: Client) -> None:
    def slugs(**params: str) -> set[str]:
        return {row["slug"] for row in reader.rows("/organizers/riverside/events/", **params)}

    series = slugs(has_subevents="true")
    assert len(series) == 1
    assert series <= slugs(is_past="false")
    assert not series & (slugs(is_past="true") | slugs(is_future="true") | slugs(ends_after="2000-01-01"))
    assert slugs(is_past="true") | slugs(is_past="false") == slugs()
    assert slugs(ends_after="2025-09-15T12:00:00Z") == slugs(is_future="true")


def test_canceled_parts_come_only_when_asked_for(reader: Client) -> None:
    def canceled(**params: str) -> tuple[int, int]:
        rows = reader.rows(ORDERS, **params)
        parts = [[part["canceled"] for row in rows for part in row[name]] for name in ("positions", "fees")]
        return sum(parts[0]), sum(parts[1])

    assert canceled() == (0, 0)
    positions, fees = canceled(include_canceled_positions="true", include_canceled_fees="true")
    assert positions
    assert fees


def test_include_and_exclude_reach_one_level_down(reader: Client) -> None:
    assert set(reader.page(ORDERS, include=["code", "payments"])["results"][0]) == {"code", "payments"}
    row = reader.page(ORDERS, include=["code", "positions.id"])["results"][0]
    assert set(row["positions"][0]) == {"id"}
    assert "fees" not in reader.page(ORDERS, exclude="fees")["results"][0]
    assert "secret" not in reader.page(ORDERS, exclude="positions.secret")["results"][0]["positions"][0]
    assert reader.ask(ORDERS, exclude="positions.nonsense").status_code == 500


def test_pages_tell_when_they_were_made(reader: Client) -> None:
    for path in (
        ORDERS,
        "/organizers/riverside/subevents/",
        "/organizers/riverside/reusablemedia/",
        f"{EVENT}/orders/",
    ):
        assert reader.ask(path).headers["X-Page-Generated"].startswith("2025-09-15T12:")
    assert "X-Page-Generated" not in reader.ask("/organizers/riverside/events/").headers


def test_the_event_level_list_is_part_of_the_organizers(reader: Client) -> None:
    for name in ("orders", "transactions", "invoices", "orderpositions", "subevents"):
        below = reader.page(f"{EVENT}/{name}/")["count"]
        assert below < reader.page(f"/organizers/riverside/{name}/")["count"]


def test_questions_asked_per_order_are_listed_apart(reader: Client) -> None:
    assert {row["identifier"] for row in reader.rows(f"{EVENT}/questions/")} == {"MEAL", "SHOE"}
    assert {row["identifier"] for row in reader.rows(f"{EVENT}/questions/", container_type="O")} == {"HEARD"}


def test_seats_of_a_series_are_below_its_dates(reader: Client) -> None:
    date = reader.rows("/organizers/riverside/events/chamber-2/subevents/")[0]["id"]
    assert reader.page(f"{EVENT}/seats/")["count"] == 2
    assert reader.ask("/organizers/riverside/events/chamber-2/seats/").status_code == 404
    assert reader.page(f"/organizers/riverside/events/chamber-2/subevents/{date}/seats/")["count"] == 2
    item = reader.rows("/organizers/riverside/events/chamber-2/items/")[0]["id"]
    answer = reader.ask(f"/organizers/riverside/events/chamber-2/items/{item}/program_times/")
    assert answer.status_code == 400
    assert isinstance(answer.json(), list)


def test_nested_lists_hold_what_their_parents_hold(reader: Client) -> None:
    items = reader.rows(f"{EVENT}/items/")
    for field in ("variations", "addons", "bundles", "program_times"):
        assert any(item[field] for item in items)
        for item in items:
            below = reader.rows(f"{EVENT}/items/{item['id']}/{field}/")
            assert [{**row, "id": 0} for row in below] == [{**row, "id": 0} for row in item[field]]
    assert reader.ask(f"{EVENT}/items/1/variations/").status_code == 404
    question = reader.rows(f"{EVENT}/questions/")[0]
    assert question["options"] == reader.rows(f"{EVENT}/questions/{question['id']}/options/")
    order = reader.rows(ORDERS)[0]
    of_order = f"/organizers/riverside/events/{order['event']}/orders/{order['code']}/"
    assert reader.rows(of_order + "payments/") == order["payments"]
    assert reader.rows(of_order + "refunds/") == order["refunds"]


# --- part B: the data -----------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_data() -> None:
    pages = []
    for seed in (1, 1, 2):
        with Sandbox(seed) as box:
            pages.append(Client(box).page(ORDERS)["results"])
    assert pages[0] == pages[1] != pages[2]


def test_slugs_and_codes_are_unique_inside_an_organizer_only(reader: Client) -> None:
    slugs = [{row["slug"] for row in reader.rows(f"/organizers/{name}/events/")} for name in ("riverside", "bigtop")]
    codes = [{row["code"] for row in reader.rows(f"/organizers/{name}/orders/")} for name in ("riverside", "bigtop")]
    assert slugs[0] & slugs[1]
    assert codes[0] & codes[1]


def test_ids_are_unique_on_the_server(reader: Client) -> None:
    for name in ("items", "taxrules", "vouchers", "checkinlists", "checkins"):
        ids = [
            row["id"]
            for organizer in ("riverside", "bigtop")
            for event in reader.rows(f"/organizers/{organizer}/events/")
            for row in reader.rows(f"/organizers/{organizer}/events/{event['slug']}/{name}/")
        ]
        assert len(ids) == len(set(ids)) > 10


def test_rows_point_at_rows_that_exist(reader: Client) -> None:
    orders = [row for row in reader.rows(f"{EVENT}/orders/") if row["positions"]]
    items = {row["id"]: row for row in reader.rows(f"{EVENT}/items/")}
    lists = {row["id"] for row in reader.rows(f"{EVENT}/checkinlists/")}
    customers = {row["identifier"] for row in reader.rows("/organizers/riverside/customers/")}
    rules = {row["id"] for row in reader.rows(f"{EVENT}/taxrules/")}
    for position in (position for order in orders for position in order["positions"]):
        variations = {row["id"] for row in items[position["item"]]["variations"]}
        assert position["variation"] in (variations or {None})
        assert position["tax_rule"] in rules
        assert {scan["list"] for scan in position["checkins"]} <= lists
    assert {order["customer"] for order in orders} - {None} <= customers


def test_sales_are_spread_over_months(reader: Client) -> None:
    rows = reader.rows(ORDERS)
    months = [row["datetime"][:7] for row in rows]
    assert len(set(months)) >= 6
    assert {row["status"] for row in rows} == {"n", "p", "e", "c"}
    assert reader.page(f"{EVENT}/taxrules/")["count"] == 60


def flaws(schema: Row, value: Any, where: str, seen: set[str]) -> Iterator[str]:
    """Yield where a value is not what the schema says, and remember which fields were seen."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    kind = "null" if value is None else names[type(value)]
    if not schema:
        return
    if kind not in schema["type"] and not (kind == "integer" and "number" in schema["type"]):
        yield f"{where} is {kind}, not {schema['type']}"
        return
    if kind == "string" and schema.get("format") == "date-time" and not re.match(r"\d{4}-\d\d-\d\dT", value):
        yield f"{where} is no time: {value}"
    if kind == "object" and "properties" in schema:
        for key, inner in value.items():
            if key not in schema["properties"]:
                yield f"{where}.{key} is unknown"
            else:
                seen.add(f"{where}.{key}")
                yield from flaws(schema["properties"][key], inner, f"{where}.{key}", seen)
    if kind == "array" and "items" in schema:
        for inner in value:
            yield from flaws(schema["items"], inner, f"{where}[]", seen)


def declared(schema: Row, where: str) -> Iterator[str]:
    """Yield every field that a schema declares."""
    for key, inner in schema.get("properties", {}).items():
        yield f"{where}.{key}"
        yield from declared(inner, f"{where}.{key}")
    if "items" in schema:
        yield from declared(schema["items"], f"{where}[]")


FLAGS = {
    "include_canceled_positions": "true",
    "include_canceled_fees": "true",
    "with_availability": "true",
    "with_availability_for": "web",
    "pdf_data": "true",
}


def everything(reader: Client, name: str) -> list[Row]:
    """Return rows of a stream: of the first parents, or of all events where a few sales do not have it all."""
    facts = BY_NAME[name]
    if "order" in facts.parents:
        return [row for order in reader.rows(ORDERS) for row in order[name.removeprefix("order_")]]
    if name == "events":
        return [reader.page(f"{EVENT}/", **FLAGS), *reader.rows("/organizers/riverside/events/", **FLAGS)]
    events = ["jazz-1"]
    if name.startswith("checkin"):
        events = [row["slug"] for row in reader.rows("/organizers/riverside/events/")]
    rows: list[Row] = []
    for event in events:
        keys = {"organizer": "riverside", "event": event}
        for parent in set(facts.parents) - set(keys):
            found = reader.rows(facts.path.partition("{" + parent + "}")[0].format(**keys))
            # Of the items, one that has something below it.
            nested = samples.NESTED.get(name)
            keys[parent] = next(row["id"] for row in found if not nested or row[nested[1]])
        path = facts.path.format(**keys)
        rows += [reader.page(path)] if facts.shape == "object" else reader.rows(path, **FLAGS)
    return rows


#: Sent only with a parameter that the tap has no use for, or different for each provider of payments.
UNDECLARED = re.compile(r"\.pdf_data is unknown$|^events\.valid_keys is unknown$|\.details\.\w+ is unknown$")
#: Added by the tap: from what it asked for, and from the row around.
ADDED = {"questions.container_type", "order_positions.order_last_modified"}
ROWS = [name for name, facts in BY_NAME.items() if facts.shape != "object"]


@pytest.mark.parametrize("name", ROWS)
def test_rows_have_the_fields_of_their_stream(reader: Client, name: str) -> None:
    stream, seen = STREAMS[name], set[str]()
    optional = {f"{name}.{field} is unknown" for field in BY_NAME[name].only_with}
    found = {flaw for row in everything(reader, name) for flaw in flaws(stream.schema, row, name, seen)} - optional
    assert {flaw for flaw in found if not UNDECLARED.search(flaw)} == set(), (
        f"correct the class of {name}, or sandbox/samples/{name}.json"
    )
    from_elsewhere = ADDED | {f"{name}.{key}" for key in (*stream.parent_keys, UNKNOWN_FIELDS)}
    missing = {path for path in declared(stream.schema, name) if ".details." not in path} - seen
    assert missing - from_elsewhere == set(), f"add these fields to sandbox/samples/{name}.json"


@pytest.mark.parametrize("name", [name for name, stream in STREAMS.items() if stream.path])
def test_every_stream_has_a_list_of_its_path_and_permission(name: str) -> None:
    assert name in BY_NAME, f'write sandbox/samples/{name}.json, with "path" and "rows"'
    assert f"{STREAMS[name].path}/" in {*ALSO, *(facts.path for facts in LISTS)}, f"see sandbox/samples/{name}.json"
    assert BY_NAME[name].permission == STREAMS[name].permission, f"see sandbox/samples/{name}.json"


def test_no_list_is_without_a_stream() -> None:
    assert BY_NAME.keys() <= STREAMS.keys()


# --- part B: switches -----------------------------------------------------------------------------


def test_the_server_writes_times_in_its_own_zone(box: Sandbox, client: Client) -> None:
    utc = client.page(ORDERS)["results"][0]["datetime"]
    assert utc.endswith("Z")
    box.organizers.timezone = timezone(timedelta(hours=2))
    local = client.page(ORDERS)["results"][0]["datetime"]
    assert local.endswith("+02:00")
    assert datetime.fromisoformat(local) == datetime.fromisoformat(utc.replace("Z", "+00:00"))
    assert client.ask(ORDERS).headers["X-Page-Generated"].endswith("+02:00")
    # The first order is of this moment; without a zone, the server's is meant.
    assert client.page(ORDERS, created_before=local[:19])["count"] == 0


def test_a_token_may_be_limited(box: Sandbox, client: Client) -> None:
    token = box.organizers.add_token(organizers=["riverside"], events=["jazz-1"], permissions=["event.vouchers:read"])
    client.http.headers["Authorization"] = f"Token {token}"
    assert client.page("/organizers/")["count"] == 1
    assert client.page("/organizers/riverside/events/")["count"] == 1
    assert client.page(ORDERS)["count"] == 0
    assert client.page(f"{EVENT}/vouchers/")["count"] == 3
    for path in (
        f"{EVENT}/orders/",
        f"{EVENT}/checkins/",
        "/organizers/bigtop/events/",
        "/organizers/riverside/teams/",
    ):
        assert client.ask(path).status_code == 403
    box.organizers.revoke_token(token)
    assert client.ask("/organizers/").status_code == 401


def test_lists_can_be_denied(box: Sandbox, client: Client) -> None:
    box.organizers.deny(r"/events/[^/]+/vouchers/$")
    assert client.ask(f"{EVENT}/vouchers/").status_code == 403
    assert client.ask(f"{EVENT}/quotas/").status_code == 200
    box.organizers.deny("/quotas/", 404)
    assert client.ask(f"{EVENT}/quotas/").headers["Content-Type"].startswith("text/html")
    box.organizers.allow_all()
    assert client.ask(f"{EVENT}/vouchers/").status_code == 200


def test_the_server_may_believe_in_another_host(box: Sandbox, client: Client) -> None:
    box.organizers.public_url = "https://inside.example"
    assert client.page(ORDERS)["next"] == "https://inside.example/api/v1/organizers/riverside/orders/?page=2"


def test_a_list_without_total_order_loses_rows() -> None:
    with Sandbox(scale=Scale(events=4, orders=20, rows={"memberships": 300, "customers": 20})) as box:
        client, path = Client(box), "/organizers/riverside/memberships/"
        complete = {row["id"] for row in client.rows(path)}
        assert len(complete) == 300
        box.organizers.shuffle_ties("memberships")
        rows = client.rows(path)
        found = {row["id"] for row in rows}
        assert len(rows) == client.page(path)["count"] == 300
        assert found < complete
        assert found != {row["id"] for row in client.rows(path, page_size=49)}
        customers = [row["identifier"] for row in client.rows("/organizers/riverside/customers/")]
        assert len(customers) == 20
        assert {row["id"] for who in customers for row in client.rows(path, customer=who)} == complete


def test_a_change_is_visible_only_after_its_commit(box: Sandbox, client: Client) -> None:
    before = client.page(ORDERS)["count"]
    box.organizers.commit_delay = 0.2
    order = box.organizers.add_order("riverside", "jazz-1")
    time.sleep(0.05)
    reading = client.ask(ORDERS, modified_since="2025-09-15T12:00:00Z")
    assert reading.json()["count"] == 0
    time.sleep(0.2)
    rows = client.rows(ORDERS, modified_since="2025-09-15T12:00:00Z")
    assert [row["code"] for row in rows] == [order["code"]]
    assert rows[0]["last_modified"] < reading.headers["X-Page-Generated"]
    assert client.page(ORDERS)["count"] == before + 1


def test_changes_move_last_modified_as_on_the_real_server(box: Sandbox, client: Client) -> None:
    def since(start: str) -> set[str]:
        return {row["code"] for row in client.rows(ORDERS, modified_since=start)}

    data, start = box.organizers, "2025-09-15T12:00:00Z"
    assert since(start) == set()
    data.add_payment("riverside", "GALA9")
    data.add_refund("riverside", "GALA9")
    assert since(start) == set()
    assert client.page(ORDERS + "GALA9/")["refunds"]
    data.change_order("riverside", "GALA9", touch=False, customer=None)
    assert since(start) == set()
    data.change_order("riverside", "GALA9", comment="moved")
    data.cancel_position("riverside", "GALA9")
    assert since(start) == {"GALA9"}
    date = client.rows("/organizers/riverside/subevents/")[0]["id"]
    moved = data.move_subevent("riverside", date)
    assert moved
    assert since(start) == {"GALA9", *moved}
    assert len({data.order("riverside", code)["last_modified"] for code in moved}) == 1
    data.delete_order("riverside", "GALA9")
    assert since(start) == set(moved)


def test_events_and_rows_come_and_go(box: Sandbox, client: Client) -> None:
    data = box.organizers
    data.add_organizer("new & odd")
    data.add_event("new & odd", "a/b?c", currency="CHF")
    path = "/organizers/new%20%26%20odd/events/a%2Fb%3Fc"
    assert client.page(path + "/")["currency"] == "CHF"
    assert client.page(path + "/taxrules/")["count"] == 3
    data.add_tax_rules("new & odd", "a/b?c", 60)
    assert client.page(path + "/taxrules/")["count"] == 63
    assert len({row["id"] for row in client.rows(path + "/taxrules/")}) == 63
    data.add_subevent("new & odd", "a/b?c")
    data.delete_event("new & odd", "a/b?c")
    assert client.ask(path + "/taxrules/").status_code == 403
    rows = data.rows(f"{EVENT}/quotas/")
    rows[0]["name"] = "Balcony"
    data.add_rows(f"{EVENT}/quotas/", {**rows[0], "id": 9, "surprise": True})
    data.delete_row(f"{EVENT}/quotas/", rows[1]["id"])
    assert {row["name"] for row in client.rows(f"{EVENT}/quotas/")} == {"Balcony"}
    assert client.page(f"{EVENT}/quotas/9/")["surprise"] is True


def test_data_may_change_while_a_client_is_paging(box: Sandbox, client: Client) -> None:
    def delete(request: Request, box: Sandbox) -> None:
        if request.parameter("page") == "2":
            first = box.organizers.rows(ORDERS)[0]["code"]
            box.organizers.delete_order("riverside", first)

    count = client.page(ORDERS)["count"]
    box.on_request(delete)
    rows = client.rows(ORDERS)
    assert len(rows) == count - 1
    last = client.rows(ORDERS, page_size=49)
    assert len({row["code"] for row in rows} & {row["code"] for row in last}) < count


def test_a_million_rows_cost_no_memory_and_no_time() -> None:
    scale = Scale(
        organizers=1, events=3, orders=30, rows=dict.fromkeys(["revoked_ticket_secrets", "orders"], 1_000_000)
    )
    with Sandbox(scale=scale) as box:
        client, path = Client(box), f"{EVENT}/revokedsecrets/"
        first = client.page(path, ordering="created")
        assert first["count"] == 1_000_000
        last = client.page(path, ordering="created", page=20_000)["results"]
        assert len({row["secret"] for row in first["results"] + last}) == 100
        keyset = client.page(path, ordering="created", created_since=first["results"][-1]["created"])
        assert keyset["results"][0] == first["results"][-1]
        assert client.page(path)["results"] == last[::-1]
        orders = client.page(ORDERS, ordering="last_modified", page=15_000)["results"]
        schema = STREAMS["orders"].schema
        found = {flaw for row in orders for flaw in flaws(schema, row, "orders", set())}
        assert {flaw for flaw in found if not UNDECLARED.search(flaw)} == set()
        assert all(part["order"] == row["code"] for row in orders for part in row["positions"])
        newer = client.page(ORDERS, modified_since=orders[7]["last_modified"])
        assert newer["results"][0] == orders[7]
        assert newer["count"] == 1_000_000 - 14_999 * 50 - 7
        events = [
            client.page(f"/organizers/riverside/events/{slug}/orders/") for slug in ("jazz-1", "chamber-2", "opera-3")
        ]
        assert sum(page["count"] for page in events) == 1_000_000
        assert {row["event"] for row in events[0]["results"]} <= {"jazz-1"}


# --- faults ---------------------------------------------------------------------------------------


def test_a_fault_waits_hits_and_ends(box: Sandbox, client: Client) -> None:
    fault = Fault(f"{EVENT}/quotas/$", status=503, headers={"Retry-After": "7"}, body=b"busy", after=1, times=2)
    box.faults.add(fault)
    answers = [client.ask(f"{EVENT}/quotas/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 503, 503, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert answers[1].text == "busy"
    assert client.ask(f"{EVENT}/vouchers/").status_code == 200
    assert (fault.seen, fault.fired) == (4, 2)
    assert [request.fault for request in box.log] == [None, "status", "status", None, None]


def test_a_fault_may_be_for_a_method_or_a_query_or_by_chance(box: Sandbox, client: Client) -> None:
    box.faults.add(Fault("", method="POST"), Fault("/orders/", query="page=2"))
    assert [client.ask(ORDERS, page=page).status_code for page in (1, 2, 3)] == [200, 500, 200]
    box.faults.clear()
    box.faults.add(Fault("/version", times=None, probability=0.3, seed=7))
    statuses = [client.ask("/version").status_code for _ in range(60)]
    assert 5 < statuses.count(500) < 35


def test_faults_in_an_envelope(box: Sandbox, client: Client) -> None:
    def broken(kind: str, **more: Any) -> Any:
        box.faults.add(Fault(ORDERS, kind=kind, **more))
        # Not `.json()`, which may be another parser's, one that takes no NaN.
        return json.loads(client.ask(ORDERS, page=2).text)

    good = client.page(ORDERS, page=2)
    assert broken("null") is None
    assert broken("bare_list") == good["results"]
    assert set(broken("no_results")) == {"count", "next", "previous"}
    assert broken("next_url", url="http://elsewhere/")["next"] == "http://elsewhere/"
    assert broken("count", n=7)["count"] == 7
    assert broken("repeat_page")["results"] == client.page(ORDERS)["results"]
    assert broken("shrink", n=3)["results"] == good["results"][:-3]
    assert broken("error_200") == {"error": "Something went wrong"}
    assert len(broken("huge_string", n=12345)["results"][0]["huge"]) == 12345
    first = good["results"][0]
    assert broken("extra_fields")["results"][0].items() > first.items()
    assert first.items() > broken("missing_fields")["results"][0].items() >= {"code": first["code"]}.items()
    row = broken("wrong_types")["results"][0]
    assert (row["code"], row["total"], row.keys()) == (first["code"], {"is": first["total"]}, first.keys())
    assert broken("numbers_as_text")["results"][0]["positions"][0]["id"] == str(first["positions"][0]["id"])
    row = broken("nan")["results"][0]
    assert row["nan"] != row["nan"]


def test_faults_in_the_bytes(box: Sandbox, client: Client) -> None:
    def broken(kind: str, **more: Any) -> bytes:
        box.faults.add(Fault(ORDERS, kind=kind, **more))
        return client.ask(ORDERS).content

    good = client.ask(ORDERS).content
    assert broken("truncated_json") == good[: len(good) // 2]
    assert broken("bom") == b"\xef\xbb\xbf" + good
    assert b"[" * 5000 in broken("deep_nesting", n=5000)
    assert broken("duplicate_keys").count(b'"id":-1') == 1
    with pytest.raises(UnicodeDecodeError):
        broken("bad_utf8").decode()
    assert b"<html>" in broken("html")


def test_faults_on_the_wire(box: Sandbox, client: Client) -> None:
    def broken(kind: str, **more: Any) -> requests.Response:
        box.faults.add(Fault(ORDERS, kind=kind, **more))
        return client.ask(ORDERS)

    for kind in ("reset_before", "reset_mid_body", "wrong_content_length", "truncated_gzip"):
        with pytest.raises(requests.RequestException):
            broken(kind).json()
    with pytest.raises(requests.ConnectionError):
        broken("timeout", seconds=0.1)
    started = time.monotonic()
    assert broken("drip", seconds=0.3).json()["count"]
    assert broken("slow", seconds=0.2).json()["count"]
    assert time.monotonic() - started > 0.45
    assert len(broken("gzip_bomb", n=3_000_000).content) > 3_000_000
    assert broken("redirect", url="http://elsewhere/", status=307).headers["Location"] == "http://elsewhere/"
    before = box.log[-1].connection
    assert broken("close_after").status_code == 200
    time.sleep(0.05)
    client.ask(ORDERS)
    assert box.log[-1].connection > before


def test_every_kind_of_fault_is_described() -> None:
    with pytest.raises(ValueError, match="unknown kind 'nonsense'"):
        Fault(kind="nonsense")
    assert all(KINDS.values())


def test_an_idle_connection_is_closed(box: Sandbox) -> None:
    box.idle_seconds = 0.05
    connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=5)
    for _ in range(2):
        connection.request("GET", "/api/v1/version", headers={"api_key": box.token})
        connection.getresponse().read()
    time.sleep(0.2)
    assert connection.sock.recv(1) == b""
    connection.close()


def test_each_account_can_have_a_rate_limit_of_its_own(box: Sandbox) -> None:
    box.limit(2, window=30, each_account=True)
    one, other = Client(box), Client(box, token=box.organizers.add_token())
    assert [one.ask("/organizers/").status_code for _ in range(3)] == [200, 200, 429]
    assert [other.ask("/organizers/").status_code for _ in range(3)] == [200, 200, 429]
    assert not box.banned


def test_a_client_that_ignores_the_rate_limit_is_banned(box: Sandbox, client: Client) -> None:
    box.limit(3, window=30)
    assert isinstance(box.rate_limit, RateLimit)
    box.rate_limit.grace = 0.1
    assert [client.ask("/version").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert 0 < int(client.ask("/version").headers["Retry-After"]) <= 30
    assert client.http.get(box.url + "/_sandbox/stats", timeout=5).json()["banned"] is False
    time.sleep(0.15)
    statuses = [client.ask("/version").status_code for _ in range(5)]
    assert box.banned
    assert statuses[-1] == 403
    box.limit(1, window=0.2)
    assert [client.ask("/version").status_code for _ in range(2)] == [200, 429]
    time.sleep(0.25)
    assert client.ask("/version").status_code == 200


def test_latency_holds_for_every_request_and_requests_are_counted(box: Sandbox) -> None:
    box.latency = 0.1

    def ask() -> None:
        requests.get(box.organizers_url + "/version", headers={"api_key": box.token}, timeout=5)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - started >= 0.1
    stats = box.stats()
    assert (stats["requests"], stats["connections"]) == (4, 4)
    assert stats["most_at_once"] > 1
    assert all(request.time_finished - request.time_started >= 0.1 for request in box.log)
    box.latency = lambda request: 0.2 if "organizers" in request.path else 0.0
    started = time.monotonic()
    Client(box).ask("/organizers/")
    assert time.monotonic() - started >= 0.2
    box.clear_log()
    assert box.log == []
    assert box.stats()["requests"] == 0


def test_the_log_tells_what_was_asked(box: Sandbox, client: Client) -> None:
    client.ask(ORDERS, page_size=7, exclude=["fees", "url"])
    (request,) = box.requests(r"/orders/$", "GET")
    assert request.path == "/api/v1/organizers/riverside/orders/"
    assert request.query == {"page_size": ["7"], "exclude": ["fees", "url"]}
    assert request.headers["authorization"] == f"Token {box.token}"
    assert (request.status, request.body) == (200, b"")


# --- part A ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["data", "json", "params"])
def test_login_takes_parameters_in_any_way(shared: Sandbox, way: str) -> None:
    given: dict[str, Any] = {way: {"email": shared.email, "password": shared.password}}
    answer = requests.post(shared.ticketing_url + "/v1/login", timeout=5, **given).json()
    assert set(answer) == {"token", "user", "expires_at", "expires_in"}
    events = Client(shared).post(shared.ticketing_url + "/v1/events", token=answer["token"])
    assert len(events.json()["events"]) == 6


def test_wrong_credentials_and_tokens(shared: Sandbox) -> None:
    def ask(url: str) -> tuple[int, str]:
        answer = requests.post(url, timeout=5, headers={"Authorization": "Bearer wrong"})
        return answer.status_code, answer.json()["error"]

    assert ask(shared.ticketing_url + "/v1/login")[0] == 401
    assert ask(shared.oveit_url + "/seller/login")[0] == 200
    assert ask(shared.ticketing_url + "/v1/events")[0] == 401
    assert ask(shared.oveit_url + "/seller/events")[0] == 403
    assert requests.get(shared.ticketing_url + "/v1/events", timeout=5).status_code == 405
    assert requests.post(shared.ticketing_url + "/v1/nonsense", timeout=5).status_code == 404


def test_attendees_come_by_cursor(reader: Client) -> None:
    pages = list(reader.attendees())
    assert [len(page) for page in pages] == [50, 50, 50, 30]
    rows = [row for page in pages for row in page]
    assert [row["ticket_code"] for row in rows] == reader.box.ticketing.codes()
    assert len({row["id"] for row in rows}) == 180
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0300", row["created_at"]) for row in rows)
    # A cursor is no number to compare.
    codes = [row["ticket_code"] for row in rows]
    assert codes != sorted(codes)
    assert max(codes) != codes[-1]


def test_attendees_and_tickets_of_one_event(reader: Client) -> None:
    box = reader.box
    events = reader.post(box.oveit_url + "/seller/events").json()["events"]
    rows: list[Row] = []
    for event in events:
        mine = [row for page in reader.attendees(box.oveit_url + "/events/attendees", id=event["id"]) for row in page]
        tickets = reader.post(box.oveit_url + "/events/tickets", id=event["id"]).json()["tickets"]
        assert [row["ticket_code"] for row in mine] == [row["code"] for row in tickets]
        rows += mine
    assert len(rows) == 180
    assert {type(row["id"]) for row in rows} == {int, str}
    assert {type(value) for row in rows for value in row["values"]} == {str, list, dict, type(None)}
    assert reader.post(box.oveit_url + "/events/attendees").json() == {"error": "Missing parameter: id"}
    assert reader.post(box.oveit_url + "/events/tickets", id=1).json() == {"error": "Event not found"}
    assert reader.post(box.ticketing_url + "/v1/tickets", id=1).status_code == 404
    assert len(reader.post(box.ticketing_url + "/v1/tickets").json()["tickets"]) == 180


def test_parameters_may_stand_in_the_body(reader: Client) -> None:
    url = reader.box.ticketing_url + "/v1/attendees"
    code = reader.box.ticketing.codes()[0]
    assert reader.post(url, {"since": code}).json() == reader.post(url, since=code).json()


def test_texts_are_translated(shared: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {shared.ticketing.session_token}", "Accept-Language": "de"}
    answer = requests.post(shared.ticketing_url + "/v1/attendees", headers=headers, timeout=5).json()
    assert answer["fields"][0]["name"] == "Vollständiger Name"


def test_switches_of_the_attendee_list(box: Sandbox, client: Client) -> None:
    data, url = box.ticketing, box.ticketing_url + "/v1/attendees"
    last = data.codes()[-1]
    assert client.post(url, since=last).json()["attendees"] == []
    assert client.post(url, since="TZZZZZZ").status_code == 400
    data.errors_as_200 = True
    assert client.post(url, since="nonsense").json() == {"error": "Unknown ticket code"}
    data.unknown_code = "full"
    assert len(client.post(url, since="nonsense").json()["attendees"]) == 50
    data.unknown_code = "empty"
    assert client.post(url, since="nonsense").json()["attendees"] == []
    data.extra_total = 5
    assert client.post(url).json()["total"] == 185
    data.show_total = data.show_fields = False
    assert set(client.post(url).json()) == {"attendees"}
    data.overlap = 3
    rows = [row["ticket_code"] for page in client.attendees() for row in page]
    assert len(rows) > 180 == len(set(rows))
    data.stuck = True
    pages = client.attendees()
    assert next(pages) == next(pages) == next(pages)
    data.stuck, data.overlap, data.page_size, data.event_parameter = False, 0, 20, "event"
    event = next(iter(data.events))
    assert len(client.post(url, event=event).json()["attendees"]) == 20
    data.expired_status = 418
    assert client.post(url, token="wrong").status_code == 418


def test_attendees_arrive_change_and_leave(box: Sandbox, client: Client) -> None:
    data, url = box.ticketing, box.ticketing_url + "/v1/attendees"
    codes = data.codes()
    added = data.add_attendees(3)
    new = client.post(url, since=codes[-1]).json()["attendees"]
    assert [row["ticket_code"] for row in new] == [row["ticket_code"] for row in added]
    data.check_in(codes[0])
    assert client.post(url).json()["attendees"][0]["checkins"]
    tickets = client.post(box.ticketing_url + "/v1/tickets").json()["tickets"]
    assert next(row for row in tickets if row["code"] == codes[0])["checked_in"] is True
    data.remove_attendee(codes[5])
    assert data.codes() == [*codes[:5], *codes[6:], *(row["ticket_code"] for row in added)]
    assert client.post(url, since=codes[5]).status_code == 400


def test_events_end_and_vanish(box: Sandbox, client: Client) -> None:
    data, url = box.ticketing, box.oveit_url + "/events/attendees"
    first, second, *_ = data.events
    data.end_event(first)
    data.vanish_event(second)
    listed = [row["id"] for row in client.post(box.oveit_url + "/seller/events").json()["events"]]
    assert first not in listed
    assert second in listed
    assert client.post(url, id=first).json()["attendees"]
    assert client.post(url, id=second).json() == {"error": "Event not found"}
    added = data.add_event(name="Late show")
    assert added["id"] in [row["id"] for row in client.post(box.oveit_url + "/seller/events").json()["events"]]


def test_tokens_expire(box: Sandbox, client: Client) -> None:
    url = box.ticketing_url + "/v1/events"
    box.ticketing.token_uses = 2
    assert [client.post(url).status_code for _ in range(3)] == [200, 200, 401]
    login = {"email": box.email, "password": box.password}
    token = requests.post(box.ticketing_url + "/v1/login", data=login, timeout=5).json()["token"]
    assert client.post(url, token=token).status_code == 200
    box.ticketing.expire_tokens()
    assert client.post(url, token=token).status_code == 401


def test_faults_hit_part_a_as_well(box: Sandbox, client: Client) -> None:
    url = box.ticketing_url + "/v1/attendees"
    box.faults.add(Fault("/attendees", kind="repeat_page"), Fault("/attendees", kind="count", n=9))
    first = client.post(url, since=box.ticketing.codes()[49]).json()["attendees"]
    assert first[0]["ticket_code"] == box.ticketing.codes()[0]
    assert client.post(url).json()["total"] == 9


def test_a_hundred_thousand_attendees() -> None:
    with Sandbox(scale=Scale(organizers=1, events=2, orders=5, ticketing_events=2, attendees=100_000)) as box:
        codes = box.ticketing.codes()
        assert len(set(codes)) == 100_000
        answer = Client(box).post(box.ticketing_url + "/v1/attendees", since=codes[99_969]).json()
        assert answer["total"] == 100_000
        assert [row["ticket_code"] for row in answer["attendees"]] == codes[99_970:]
    assert [arrival_of(ticket_code(number)) for number in (0, 1, 99_999)] == [0, 1, 99_999]


# --- as a process ---------------------------------------------------------------------------------


def test_it_runs_as_a_process_under_remote_control(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.json"
    command = [sys.executable, "-m", "sandbox", "--url-file", str(file), "--events", "6", "--rows", "vouchers=70"]
    root = Path(__file__).parents[2]
    with subprocess.Popen([*command, "--orders", "20"], stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert json.loads(file.read_text()) == told
        control = told["control_url"]
        headers = {"api_key": told["token"]}

        def ask(path: str) -> requests.Response:
            return requests.get(told["organizers_url"] + path, headers=headers, timeout=5)

        assert ask(f"{EVENT}/vouchers/").json()["count"] == 70
        requests.post(control + "faults", json={"path": "/version", "status": 503, "body": "later"}, timeout=5)
        assert ask("/version").text == "later"
        assert requests.get(control + "faults", timeout=5).json()[0]["fired"] == 1
        change: Row = {"on": "organizers", "call": "add_order", "args": ["riverside", "jazz-1"]}
        code = requests.post(control + "mutate", json=change, timeout=5).json()["code"]
        assert ask(ORDERS + f"{code}/").status_code == 200
        change = {"on": "organizers", "set": {"public_url": "http://inside"}}
        requests.post(control + "mutate", json=change, timeout=5)
        assert ask(f"{EVENT}/vouchers/").json()["next"].startswith("http://inside/")
        assert requests.get(control + "stats", timeout=5).json()["requests"] == 4
        log = requests.get(control + "log", timeout=5).json()
        assert [entry["status"] for entry in log] == [200, 503, 200, 200]
        requests.delete(control + "log", timeout=5)
        requests.post(control + "latency", json=0.1, timeout=5)
        requests.post(control + "rate_limit", json=1, timeout=5)
        assert [ask("/version").status_code for _ in range(2)] == [200, 429]
        assert requests.post(control + "mutate", json={"call": "_answer"}, timeout=5).status_code == 400
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
