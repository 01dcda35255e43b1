"""A real pretix behind a network that breaks: all rows of its database, or one line and a state that is true."""

from __future__ import annotations

import copy
import itertools
import typing as t

import pytest

from rest_tap.errors import ApiError
from sandbox.faults import Fault
from tests.conftest import run_tap
from tests.pretix.proxy import Proxy
from tests.pretix.reading import catalog, differences, settings, true_rows, truth, union
from tests.support.faults import FAULTS, LIES, TIMES

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_tap.tap import RestTap
    from tests.conftest import Json, Result, Waits
    from tests.pretix.reading import Key, Row, Truth
    from tests.pretix.server import PretixServer

#: Lists of more than one page, by the event that is read: a chain of filters that keeps a state, and numbered pages.
PLACES = {
    "orders, a later page": ("concert", "/concert/orders/$", ("orders", "order_positions")),
    "tax rules, a later page": ("museum", "/museum/taxrules/$", ("events", "tax_rules")),
}
#: Seconds without a byte after which a connection counts as broken, and seconds that are longer: a busy
#: machine's pretix takes a second or two for an answer.
PATIENCE, TOO_LONG = 5, 7
#: Kinds that keep a client waiting; once is enough here.
WAITING = {"slow", "timeout"}
CASES = [
    pytest.param(name, where, often, id=f"{name}, {often}, {where}")
    for name, where, often in zip(FAULTS, itertools.cycle(PLACES), itertools.cycle(TIMES), strict=False)
]


@pytest.fixture(scope="module")
def true(pretix: PretixServer) -> Truth:
    return truth(pretix, "harbour", streams=["orders", "order_positions", "events", "tax_rules"])


@pytest.fixture(scope="module")
def proxy(pretix: PretixServer) -> Iterator[Proxy]:
    """A proxy before the server, for tests that leave it without faults."""
    with Proxy(pretix.url) as proxy:
        yield proxy


def read(config: Json, streams: tuple[str, ...], state: Json | None = None, *, small: bool = False) -> Result:
    """Read these streams, as far as the run comes."""

    def prepare(tap: RestTap) -> None:
        tap.http.timeout = PATIENCE if small else 60
        tap.http.rules.max_bytes = 1 << 22 if small else 1 << 28

    return run_tap(config, catalog(*streams), copy.deepcopy(state), may_fail=ApiError, prepare=prepare)


def as_text(rows: dict[Key, Row]) -> dict[Key, Row]:
    """Return rows with the texts of their keys, and nothing else."""
    return {tuple(map(str, key)): {} for key in rows}


def lacking(
    true: Truth,
    event: str,
    streams: tuple[str, ...],
    *results: Result,
    values: bool = True,
) -> Json:
    """Return what differs between what came of an event and what the database has, by stream: in values, or in keys."""
    found = {}
    for name in streams:
        own = "slug" if name == "events" else "event"
        rows = union(*results).get(name, {})
        there = {
            key: row
            for key, row in true_rows(true, name).items()
            if row["organizer"] == "harbour" and row[own] == event
        }
        wrong = differences(rows, there) if values else differences(as_text(rows), as_text(there))
        if wrong:
            found[name] = wrong
    return found


def said(result: Result, token: str) -> str:
    """Return the one line that the end of a run is, or nothing for a good end; no secret is in it, or in the log."""
    text = "\n".join([result.output.decode(), *(record.getMessage() for record in result.log), str(result.error or "")])
    assert token not in text
    line = str(result.error or "")
    assert "\n" not in line
    return line


@pytest.mark.parametrize(("name", "where", "often"), CASES)
def test_a_fault_before_a_real_server_loses_no_row(
    name: str,
    where: str,
    often: str,
    pretix: PretixServer,
    proxy: Proxy,
    true: Truth,
    no_waiting: Waits,  # noqa: ARG001 - retries do not wait
) -> None:
    event, path, streams = PLACES[where]
    token = pretix.tokens["harbour"]
    config = settings(proxy.api_url, token, events=[event], progress=False)
    facts = dict(FAULTS[name])
    is_late = facts["kind"] in WAITING
    if is_late:
        facts["seconds"] = 0.5 if name == "late by less than the time-out" else TOO_LONG
    values = facts["kind"] not in LIES
    proxy.spoiled.clear()
    proxy.faults.add(Fault(**{"path": path, "after": 1, "times": 1 if is_late else TIMES[often], **facts}))
    try:
        first = read(config, streams, small=True)
    finally:
        proxy.faults.clear()
    assert proxy.spoiled
    line = said(first, token)
    short = [warning for warning in first.warnings() if " came in all readings" in warning]
    if not line and not short:
        assert lacking(true, event, streams, first, values=values) == {}
        return
    assert not line or line.startswith(f"{streams[0] if streams[0] == 'orders' else 'tax_rules'}: ")
    second = read(config, streams, first.states[-1] if first.states else None)
    assert said(second, token) == ""
    assert lacking(true, event, streams, first, second, values=values) == {}


@pytest.mark.parametrize("where", PLACES)
def test_a_server_that_goes_away_in_mid_run_is_one_line_and_the_next_run_completes(
    where: str,
    pretix: PretixServer,
    true: Truth,
    no_waiting: Waits,  # noqa: ARG001 - retries do not wait
) -> None:
    event, path, streams = PLACES[where]
    token = pretix.tokens["harbour"]
    with Proxy(pretix.url) as proxy:
        config = settings(proxy.api_url, token, events=[event], progress=False)
        proxy.faults.add(Fault(path=path, after=1, kind="reset_before"))
        answer = proxy._answer

        def go(request: t.Any) -> t.Any:
            response, fault = answer(request)
            if fault is not None:
                proxy.stop()
            return response, fault

        proxy._server.answer = go
        first = read(config, streams)
    assert proxy.spoiled
    name = "orders" if streams[0] == "orders" else "tax_rules"
    assert said(first, token).startswith(
        f"{name}: the connection was refused; look at the setting api_url, and at the network (/organizers/"
    )
    second = read({**config, "api_url": pretix.api_url}, streams, first.states[-1] if first.states else None)
    assert said(second, token) == ""
    assert lacking(true, event, streams, first, second) == {}


@pytest.mark.parametrize("kind", ["reset_before", "reset_mid_body", "status"])
def test_one_list_that_never_comes_keeps_no_other_from_coming(
    kind: str,
    pretix: PretixServer,
    proxy: Proxy,
    true: Truth,
    no_waiting: Waits,  # noqa: ARG001 - retries do not wait
) -> None:
    token = pretix.tokens["harbour"]
    config = settings(proxy.api_url, token, organizers=["harbour"], progress=False)
    proxy.faults.add(Fault("/events/museum/taxrules/$", kind, status=500, times=None))
    try:
        result = read(config, ("events", "tax_rules", "orders"))
    finally:
        proxy.faults.clear()
    assert said(result, token).startswith("tax_rules: ")
    assert "/events/museum/taxrules" in str(result.error)
    for name in ("events", "tax_rules", "orders"):
        there = true_rows(true, name, lambda row: row["organizer"] == "harbour")
        wanted = {key for key, row in there.items() if name != "tax_rules" or row["event"] != "museum"}
        assert union(result)[name].keys() == wanted, name
