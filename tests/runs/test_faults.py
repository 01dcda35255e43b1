"""Every fault ends as promised: all rows, or one line and a true state; and no secret is ever seen."""

from __future__ import annotations

import itertools
import random
import typing as t

import pytest

from rest_tap.errors import ApiError
from rest_tap.limiter import RateLimiter
from sandbox import KINDS, Fault, Sandbox, Scale
from tests.conftest import organizers_config
from tests.support.command import DO_NOT_WAIT
from tests.support.faults import FAULTS, PLACES, TIMES, bench, fault, random_faults
from tests.support.loading import read

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Result, Run, Waits
    from tests.support.faults import Bench

PLACES_IN_TURN = dict(zip(FAULTS, itertools.cycle(PLACES), strict=False))
#: What a run may come to when a fault stays: never "complete" for these.
FINAL = ("status 401", "status 410", "a web page with 200", '`{"error"}` with 200', "redirect to another host")


@pytest.fixture(scope="module")
def it() -> Iterator[Bench]:
    """A sandbox, and what a run that nothing disturbs reads from it."""
    with bench() as it:
        yield it


def test_every_kind_of_fault_that_the_sandbox_has_is_tried() -> None:
    assert {facts["kind"] for facts in FAULTS.values()} == set(KINDS)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_stays_loses_no_row_and_shows_no_secret(name: str, it: Bench) -> None:
    place = PLACES[PLACES_IN_TURN[name]]
    assert it.break_it(place, fault(name, place, None)).problems == ()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(PLACES)))
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_anywhere_loses_no_row(name: str, number: int, it: Bench) -> None:
    # Each fault at each place, once or three times or for ever in turn; `make reliability` has them all.
    place = list(PLACES.values())[number]
    often = list(TIMES)[(number + list(FAULTS).index(name)) % len(TIMES)]
    assert it.break_it(place, fault(name, place, TIMES[often])).problems == ()


@pytest.mark.parametrize("where", ["orders, first page", "tax rules of one event", "attendees, first page"])
@pytest.mark.parametrize("name", FINAL)
def test_what_does_not_pass_is_an_error(name: str, where: str, it: Bench) -> None:
    place = PLACES[where]
    assert it.break_it(place, fault(name, place, None)).kind == "error"


def run_at_random(it: Bench, runs: int) -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    for number in range(runs):
        chance = random.Random(seed + number)
        where = chance.choice(list(PLACES))
        faults = random_faults(chance, PLACES[where])
        outcome = it.break_it(PLACES[where], *faults, runs=chance.choice([1, 1, 3]), workers=chance.choice([1, 4]))
        assert outcome.problems == (), f"seed {seed + number}, {where}, {faults}"


def test_faults_at_random_lose_no_row_and_show_no_secret(it: Bench) -> None:
    run_at_random(it, 12)


@pytest.mark.slow
def test_faults_at_random_in_200_runs_lose_no_row_and_show_no_secret(it: Bench) -> None:
    run_at_random(it, 200)


# --- nobody listens ---------------------------------------------------------------------------------------------------

SCALE_OF_ORDERS = Scale(organizers=1, events=2, tax_rules=1, orders=400, ticketing_events=1, attendees=1)


def codes(box: Sandbox, *results: Result) -> tuple[set[str], set[str]]:
    """Return the orders that there are, and those that came."""
    there = {order["code"] for order in box.organizers.organizers["riverside"].sales["orders"]}
    return there, {row["code"] for result in results for row in result.records["orders"]}


def close_at(box: Sandbox, count: int) -> None:
    """Stop serving in the middle of an answer: connections are refused from then on."""
    box.on_request(lambda _request, box: box.close() if len(box.requests("/orders/$")) == count else None)


@pytest.mark.parametrize("workers", [1, 8])
def test_a_server_that_goes_away_is_one_line_and_the_next_run_completes(
    workers: int,
    no_waiting: Waits,  # noqa: ARG001 - retries do not wait
) -> None:
    with Sandbox(scale=SCALE_OF_ORDERS) as box:
        close_at(box, 4)
        first = read(box, "orders", max_concurrency=workers, fails=ApiError)
        port = box.port
    assert str(first.error) == (
        "orders: the connection was refused; look at the setting api_url, and at the network "
        "(/organizers/riverside/orders)"
    )
    with Sandbox(scale=SCALE_OF_ORDERS, port=port) as box:
        second = read(box, "orders", state=first.states[-1])
        there, came = codes(box, first, second)
    assert came == there
    assert len(second.records["orders"]) < len(there)


def test_a_server_that_comes_back_while_the_tap_waits_is_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [Sandbox(scale=SCALE_OF_ORDERS)]
    waits: list[float] = []

    def sleep(_limiter: RateLimiter, seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            boxes.append(Sandbox(scale=SCALE_OF_ORDERS, port=boxes[0].port))

    monkeypatch.setattr(RateLimiter, "sleep", sleep)
    try:
        close_at(boxes[0], 4)
        there, came = codes(boxes[0], read(boxes[0], "orders", max_concurrency=1))
    finally:
        for box in boxes:
            box.close()
    assert waits == [2.0, 4.0, 8.0]
    assert came == there


# --- the real command -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["status 410", "null", "a web page with 200"])
def test_an_error_is_one_line_and_an_exit_status(name: str, quiet_sandbox: Sandbox, run_command: Run) -> None:
    facts = next(facts for title, facts in FAULTS.items() if title.endswith(name) or name in title)
    quiet_sandbox.faults.add(Fault(path="/events/$", times=None, **facts))
    try:
        finished = run_command(config=organizers_config(quiet_sandbox))
    finally:
        quiet_sandbox.faults.clear()
    assert finished.code == 1
    assert len(finished.errors) == 1
    assert finished.errors[0].startswith("2 lists could not be read: events (2); e.g. events: ")
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_password_of_a_proxy_is_nowhere_though_everything_is_logged(scheme: str, run_command: Run) -> None:
    proxy = "http://canary-user:canary-password@127.0.0.1:9"
    config = {"api_url": f"{scheme}://tickets.example/api/v1", "api_token": "canary-token"}
    environment = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": "", "TAP_ORGANIZERS_LOGLEVEL": "DEBUG"}
    lowered = {name.lower(): value for name, value in environment.items()}
    finished = run_command(config=config, environment={**environment, **lowered, DO_NOT_WAIT: "1"})
    assert finished.code == 1
    assert len(finished.errors) == 1
    for secret in ("canary-user", "canary-password", "canary-token"):
        assert secret not in finished.stdout + finished.stderr
