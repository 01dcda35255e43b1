"""Orders: all of them, each once, whatever is not documented of their list; and what is cut out of them."""

from __future__ import annotations

import collections
import json
import typing as t
from urllib.parse import parse_qs

import pytest
from singer_sdk.exceptions import ConfigValidationError

from sandbox import Fault, Request, Sandbox
from tests.support.ticketing import fails, run, settings, ticketing_box

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Json, Result, Run

STREAMS = ("orders", "order_items", "order_tickets", "order_invoices")
ENDS = ("empty", "null", "repeat", "error")
PATHS = {"flat": "/v1/orders", "partitioned": "/crm/orders"}
both_shapes = pytest.mark.parametrize("shape", PATHS)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """Serve 120 orders."""
    with ticketing_box(events=3, attendees=240) as box:
        yield box


def config(box: Sandbox, shape: str = "partitioned", **more: t.Any) -> Json:
    """Return settings with which orders are read."""
    return settings(box, shape, **{"orders_path": PATHS[shape], "emit_activate_version_messages": True, **more})


def ids(result: Result) -> list[int]:
    """Return the ids of the orders that were written, in order."""
    return [int(row["id"]) for row in result.records["orders"]]


def asked(box: Sandbox) -> list[str | None]:
    """Return the pages that were asked for."""
    return [request.parameter("p") for request in box.requests("/orders$")]


def activated(result: Result) -> set[str]:
    """Return the streams whose version was activated."""
    return {message["stream"] for message in result.messages if message["type"] == "ACTIVATE_VERSION"}


def warnings(result: Result, about: str) -> list[str]:
    """Return the warnings with these words in them."""
    return [line for line in result.warnings() if about in line]


# The list


@both_shapes
@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("size", [7, 50, 1000])
@pytest.mark.parametrize("end", ENDS)
def test_all_orders_come_once(end: str, size: int, newest_first: t.Any, shape: str, box: Sandbox) -> None:
    box.ticketing.orders_end, box.ticketing.order_page_size = end, size
    box.ticketing.newest_orders_first = newest_first
    result = run(config(box, shape), *STREAMS)
    assert sorted(ids(result)) == box.ticketing.orders()
    # A list of one page that ends in an error, or is repeated for ever, proves nothing.
    is_proven = size < 120 or end in {"empty", "null"}
    assert activated(result) == (set(STREAMS) if is_proven else set())
    assert bool(warnings(result, "there may be more")) is not is_proven


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_orders_that_come_in_meanwhile_hide_no_other(end: str, newest_first: t.Any, box: Sandbox) -> None:
    before = box.ticketing.orders()
    box.ticketing.orders_end, box.ticketing.order_page_size = end, 10
    box.ticketing.newest_orders_first = newest_first
    box.on_request(lambda request, box: box.ticketing.add_orders() if request.path.endswith("/orders") else None)
    result = run(config(box), "orders")
    assert not [one for one, count in collections.Counter(ids(result)).items() if count > 1]
    assert set(before) <= set(ids(result)) <= set(box.ticketing.orders())


@pytest.mark.parametrize("newest_first", [False, True])
def test_an_order_that_is_deleted_meanwhile_hides_no_other(newest_first: t.Any, box: Sandbox) -> None:
    box.ticketing.order_page_size, box.ticketing.newest_orders_first = 10, newest_first
    every = box.ticketing.orders()
    gone = every[-5] if newest_first else every[5]

    def delete(request: Request, box: Sandbox) -> None:
        if request.path.endswith("/orders") and request.parameter("p") == "3":
            box.ticketing.remove_order(gone)

    box.on_request(delete)
    result = run(config(box), "orders")
    assert set(ids(result)) == set(every)
    assert len(ids(result)) == len(every)
    assert activated(result) == {"orders"}


def test_pages_are_asked_for_from_1_on_until_one_is_empty_and_back(box: Sandbox) -> None:
    run(config(box), "orders")
    assert asked(box) == ["1", "2", "3", "4", "3", "2", "1"]


def test_a_list_without_orders_is_complete() -> None:
    with ticketing_box(events=1, attendees=0) as box:
        result = run(config(box), *STREAMS)
        assert asked(box) == ["1"]
    assert ids(result) == []
    assert activated(result) == set(STREAMS)


def test_an_error_in_mid_list_is_a_failure_and_the_other_lists_are_read(box: Sandbox) -> None:
    box.ticketing.order_page_size = 10
    box.faults.add(Fault("/orders$", "error_200", query="(^|&)p=5($|&)", times=None))
    result, line = fails(config(box), "orders", "tickets")
    assert "orders: the API answered with an error" in line
    assert len(ids(result)) == 110
    assert len(result.records["tickets"]) == 240
    assert activated(result) == set()


def test_an_error_that_goes_away_is_none(box: Sandbox) -> None:
    box.ticketing.order_page_size = 10
    box.faults.add(Fault("/orders$", "error_200", query="(^|&)p=5($|&)", times=1))
    assert sorted(ids(run(config(box), "orders"))) == box.ticketing.orders()


def test_an_error_behind_full_pages_is_told_and_no_version_activated(box: Sandbox) -> None:
    box.ticketing.order_page_size, box.ticketing.orders_end = 40, "error"
    result = run(config(box), "orders")
    assert len(ids(result)) == 120
    (told,) = warnings(result, "there may be more")
    assert (
        "orders: 120 rows came, and there may be more: page 4 is answered with an error, which may be the end" in told
    )
    assert activated(result) == set()


def test_an_expired_token_is_renewed_in_mid_list(box: Sandbox) -> None:
    box.ticketing.order_page_size, box.ticketing.token_uses = 10, 5
    assert sorted(ids(run(config(box), "orders"))) == box.ticketing.orders()


def test_each_order_is_read_by_one_of_the_shards(box: Sandbox) -> None:
    found = [ids(run(config(box, shard_index=index, shard_count=3), "orders")) for index in range(3)]
    assert sorted(map(len, found)) == [0, 0, 120]


def test_every_run_reads_all_orders_also_one_that_sweeps(box: Sandbox) -> None:
    first = run(config(box, sweep_days=7), *STREAMS)
    box.ticketing.remove_order(box.ticketing.orders()[0])
    second = run(config(box, sweep_days=7), *STREAMS, state=first.states[-1])
    assert sorted(ids(second)) == box.ticketing.orders()
    assert activated(second) == set(STREAMS)


# Whether there is one


def test_without_a_path_there_are_no_orders(box: Sandbox) -> None:
    result = run(settings(box))
    assert not set(STREAMS) & set(result.records)
    assert not box.requests("/orders$")


def test_the_service_oveit_has_orders_unless_the_path_is_emptied(box: Sandbox) -> None:
    base = {"api_url": box.oveit_url, "service": "oveit", "email": box.email, "password": box.password}
    assert len(ids(run(base))) == 120
    box.clear_log()
    assert "orders" not in run({**base, "orders_path": ""}).records
    assert not box.requests("/orders$")


@both_shapes
def test_a_plan_without_orders_is_a_denied_list(shape: str, box: Sandbox) -> None:
    box.ticketing.has_orders = False
    result = run(config(box, shape))
    assert len(result.records["tickets"]) == 240
    (told,) = warnings(result, "denied")
    assert "orders: skipped, denied: " in told
    assert "Your plan does not include this feature; its plan may not include the list" in told
    assert "set orders_path to ''" in told
    assert not set(STREAMS) & activated(result)


def test_a_plan_without_orders_can_end_the_run_with_an_error(box: Sandbox) -> None:
    box.ticketing.has_orders = False
    result, line = fails(config(box, on_denied="fail"))
    assert "orders: the API answered with an error: Your plan does not include this feature" in line
    assert len(result.records["tickets"]) == 240


# What is included


def include(box: Sandbox) -> set[str]:
    """Return what orders were asked for with."""
    return {",".join(parse_qs(request.query_string).get("include", [])) for request in box.requests("/orders$")}


def test_what_is_cut_out_of_orders_is_asked_for_by_default(box: Sandbox) -> None:
    result = run(config(box), *STREAMS)
    assert include(box) == {"items,tickets,invoices"}
    tickets = result.records["order_tickets"]
    assert [(row["order_id"], row["position"]) for row in tickets[:3]] == [("900000", 0), ("900000", 1), ("900001", 0)]
    assert {row["ticket"]["code"] for row in tickets} == set(box.ticketing.codes())
    items = result.records["order_items"]
    assert {row["quantity"] for row in items} == {"1", "2"}
    assert sum(int(row["quantity"]) for row in items) == 240
    assert items[0]["unknown_fields"] == {"price": "60.00"}
    assert [row["invoice"]["number"] for row in result.records["order_invoices"]] == list(range(1, 121))


def test_orders_are_asked_for_with_what_the_setting_says(box: Sandbox) -> None:
    names = ["customer", "tickets", "event", "registration_form", "customer_form", "customer"]
    result = run(config(box, orders_include=names))
    assert include(box) == {"customer,tickets,event,registration_form,customer_form"}
    order = result.records["orders"][0]
    assert order["customer"]["email"] == order["email"]
    assert set(order["customer_form"]) == {"Company", "Phone"}
    assert set(order["tickets"][0]) == {"id", "code", "event", "registration_form"}
    assert "order_tickets" in result.records
    assert not {"order_items", "order_invoices"} & set(result.records)


def test_without_any_of_it_nothing_is_asked_for(box: Sandbox) -> None:
    result = run(config(box, orders_include=[]))
    assert include(box) == {""}
    order = result.records["orders"][0]
    assert order["date"] == "2025-04-24T02:19:51Z"
    assert order["date_formatted"] == "Apr 24, 2025, at 05:19"
    assert not set(STREAMS[1:]) & set(result.records)


def test_a_name_that_cannot_be_included_is_an_error_with_the_nearest(box: Sandbox) -> None:
    with pytest.raises(ConfigValidationError) as raised:
        run(config(box, orders_include=["ticket", "items"]))
    assert raised.value.errors == ["setting orders_include: there is no ticket (did you mean tickets?)"]
    assert box.log == []


def test_without_personal_data_nothing_of_a_person_leaves(box: Sandbox) -> None:
    every = ["invoices", "tickets", "customer_form", "registration_form", "event", "customer", "items"]
    result = run(config(box, orders_include=every, personal_data=False), *STREAMS)
    text = json.dumps([result.records[stream] for stream in STREAMS])
    assert "visitor" not in text
    assert "+40" not in text
    assert set(result.records["order_tickets"][0]) == {"order_id", "position"}
    assert set(result.records["orders"][0]["items"][0]) == {"name", "quantity"}


@pytest.mark.parametrize(
    ("sent", "items"),
    [
        (None, []),
        ([], []),
        ([{"name": "A", "quantity": 2}], [{"name": "A", "quantity": "2"}]),
        ({"0": {"name": "A"}, "1": {"name": "B"}}, [{"name": "A"}, {"name": "B"}]),
        ({"name": "A", "quantity": "1"}, [{"name": "A", "quantity": "1"}]),
        (["A"], [{"unknown_fields": {"item": "A"}}]),
        ([{"name": "A", "position": 7}], [{"name": "A", "unknown_fields": {"item_position": 7}}]),
        ("none", [{"unknown_fields": {"item": "none"}}]),
        ("", []),
    ],
)
def test_items_of_any_shape_lose_nothing(sent: t.Any, items: list[Json], box: Sandbox) -> None:
    first, second = json.dumps({"data": [{"id": 5, "items": sent}]}), json.dumps({"data": []})
    bodies = [first, second, first]  # it is read a second time
    box.faults.add(*(Fault("/orders$", status=200, body=body) for body in bodies))
    result = run(config(box), "orders", "order_items")
    keys = [{"order_id": "5", "position": place} for place in range(len(items))]
    assert result.records["order_items"] == [{**item, **key} for item, key in zip(items, keys, strict=True)]
    assert result.records["orders"][0]["id"] == "5"


def test_parts_that_did_not_come_are_not_taken_for_none(box: Sandbox) -> None:
    body = json.dumps({"data": [{"id": 5}]})
    box.faults.add(*(Fault("/orders$", status=200, body=one) for one in (body, '{"data": []}', body)))
    result = run(config(box), "orders", "order_items")
    assert "order_items" not in result.records
    assert warnings(result, "parts of rows did not come") == [
        "parts of rows did not come or were no objects, so their lists are incomplete: order_items 1"
    ]
    assert "order_items" not in activated(result)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("null", "the answer is null instead of an object"),
        ("[]", "the answer is a list instead of an object"),
        ("{}", "the answer has no 'data'"),
        ('{"data": {}}', "the rows are an object instead of a list"),
        ('{"data": [{"uuid": "x"}]}', "a row has no id"),
    ],
)
def test_what_the_contract_does_not_say_is_an_error_and_no_denial(body: str, error: str, box: Sandbox) -> None:
    box.faults.add(Fault("/orders$", status=200, body=body, times=None))
    _, line = fails(config(box), "orders")
    assert error in line


def test_the_command_reads_orders_with_settings_of_the_environment(box: Sandbox, run_command: Run) -> None:
    given = {
        "API_URL": box.oveit_url,
        "EMAIL": box.email,
        "PASSWORD": box.password,
        "SERVICE": "oveit",
        "ORDERS_INCLUDE": '["items"]',
    }
    environment = {f"TAP_TICKETING_{name}": value for name, value in given.items()}
    finished = run_command("--config=ENV", command="tap-ticketing", environment=environment)
    assert finished.code == 0
    assert len(finished.records("orders")) == 120
    assert include(box) == {"items"}
