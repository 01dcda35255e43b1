"""Settings, catalogs and states from hostile or careless hands: a right run, or one line that says what is wrong."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import typing as t
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rest_tap.checks import check_catalog, check_state, read_json
from rest_tap.errors import Stopped
from rest_tap.exits import exit_on_error
from rest_tap.limiter import RateLimiter
from sandbox import Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tests.conftest import Waits, discovered, entry_of, kept_log, only, run_tap, select
from tests.support import loading, ticketing

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_tap.tap import RestTap
    from tests.conftest import Json, Result

SCALE = Scale(organizers=2, events=3, tax_rules=12, orders=60, ticketing_events=3, attendees=70)
STREAMS = {
    TapOrganizers: ("events", "tax_rules", "orders", "order_positions", "transactions", "checkins"),
    TapTicketing: ("events", "attendees", "attendee_answers", "tickets"),
}
CANARY = "canary-91d7c2"
Keys = dict[str, list[str]]

both_taps = pytest.mark.parametrize("tap", [TapOrganizers, TapTicketing], ids=["tap-organizers", "tap-ticketing"])


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Data that nothing changes, behind secrets that can be told from all else; and waits that cost nothing."""
    waits = Waits()

    def sleep(limiter: RateLimiter, seconds: float) -> None:
        if limiter._stopped.is_set():
            raise Stopped
        waits.sleep(seconds)

    with (
        Sandbox(scale=SCALE) as box,
        mock.patch("rest_tap.limiter.time", waits),
        mock.patch.object(RateLimiter, "sleep", sleep),
    ):
        box.ticketing.password = CANARY
        yield loading.settled(box)


def settings_of(tap: type[RestTap], box: Sandbox) -> Json:
    """Return settings with which a tap reads the sandbox."""
    if tap is TapOrganizers:
        return loading.settings(box, overlap_seconds=0)
    return {**ticketing.settings(box, "partitioned"), "password": CANARY, "progress": False}


def catalog_of(tap: type[RestTap], box: Sandbox) -> Json:
    """Return a catalog that selects some streams of each kind."""
    if tap is TapOrganizers:
        return loading.catalog(*STREAMS[tap])
    found = discovered(settings_of(tap, box), tap)
    return only(found, *STREAMS[tap])


def attempt(tap: type[RestTap], config: t.Any, catalog: t.Any, state: t.Any = None) -> Result | str:
    """Run a tap as the command does; return what came, or the one line that it ends with."""
    with kept_log() as log, contextlib.suppress(SystemExit), exit_on_error(logging.getLogger("the end")):
        catalog, state = (read_json(json.dumps(given), "given") for given in (catalog, state))
        check_catalog(catalog)
        if state is not None:
            check_state(state)
        return run_tap(config, catalog, state, tap=tap)
    (line,) = [record.getMessage() for record in log if record.name == "the end"]
    assert "\n" not in line
    assert Sandbox.token not in line
    assert CANARY not in line
    return line


def keys(*results: Result) -> Keys:
    """Return the keys of all rows by stream, in order of keys, each as often as it came."""
    found: Keys = {}
    names = ("organizer", "event", "event_id", "attendee_id", "field_id", "id", "code", "slug")
    for result in results:
        for stream, rows in result.records.items():
            found.setdefault(stream, []).extend(json.dumps([row.get(name) for name in names]) for row in rows)
    return {stream: sorted(rows) for stream, rows in found.items() if rows}


@pytest.fixture(scope="module")
def truth(box: Sandbox) -> dict[type[RestTap], Keys]:
    """Return what each tap reads when nothing is wrong."""
    found: dict[type[RestTap], Keys] = {}
    for tap in (TapOrganizers, TapTicketing):
        result = attempt(tap, settings_of(tap, box), catalog_of(tap, box))
        assert not isinstance(result, str)
        found[tap] = keys(result)
        assert set(found[tap]) | {"checkins"} >= set(STREAMS[tap])
    return found


#: What no setting, catalog or state means, and nothing that is a time or a ticket.
JUNK: list[t.Any] = [
    *(None, True, False, 0, -1, 5, 1.5, -1.5, 10**12, 10**30, "", "text", "two\nlines", "\x00", "\ud800", "é" * 300),
    *([], [None], ["x"], [["x"]], [1], {}, {"a": None}, {"a": {"b": []}}, [{}], "__NULL__", "../../x", "{organizer}"),
]


#: Stands for: take it away.
GONE = "(gone)"
Edit = tuple[list[t.Any], t.Any]


@st.composite
def edits(draw: st.DrawFn, value: t.Any) -> list[Edit]:
    """Return a few places in a JSON value, and what to put there."""
    found = []
    for _ in range(draw(st.integers(1, 3))):
        path: list[t.Any] = []
        node = value
        while isinstance(node, (dict, list)) and node and draw(st.integers(0, 5)):
            path.append(draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node)))))
            node = node[path[-1]]
        found.append((path, draw(st.sampled_from([*JUNK, GONE, GONE]))))
    return found


def edited(value: t.Any, changes: list[Edit]) -> t.Any:
    """Return a value with these changes, as far as one has not taken the place of another."""
    whole = {"": copy.deepcopy(value)}
    for path, content in changes:
        *way, last = ["", *path]
        node: t.Any = whole
        with contextlib.suppress(KeyError, IndexError, TypeError):
            for key in way:
                node = node[key]
            node[last]  # only what is there can be changed
            if content == GONE and path:
                del node[last]
            else:
                node[last] = copy.deepcopy(content)
    return whole[""]


# --- settings ---------------------------------------------------------------------------------------------------------

ADDRESSES = ["ftp://127.0.0.1", "http://", "http://[::1", "http://127.0.0.1:1", "http://127.0.0.1:99999", "https:///x"]
TIMES = ["2026-01-31", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "soon"]
NUMBERS = [1, 2, 64, 65, 86_400, 10**6, 10**9, 2**31, 2**63]
#: Settings that no value of leaves out rows.
HARMLESS = {
    *("auth_prefix", "on_denied", "overlap_seconds", "progress", "personal_data", "user_agent", "request_timeout"),
    *("max_concurrency", "requests_per_minute", "shard_events_of", "login_body", "follow_ended_events_days"),
    *("stream_map_config", "faker_config", "flattening_max_key_length", "flattening_separator"),
}


@st.composite
def settings_changed(draw: st.DrawFn, tap: type[RestTap]) -> Json:
    """Return a few settings with values that somebody might give them."""
    names = [*sorted(tap.config_jsonschema["properties"]), "stream_maps", "flattening_enabled", "batch_config", "zzz"]
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    return {
        name: draw(
            st.sampled_from(ADDRESSES + [junk for junk in JUNK if junk != "text"])
            if name == "api_url"
            else st.sampled_from(JUNK + TIMES + NUMBERS)
        )
        for name in chosen
    }


@both_taps
def test_whatever_a_setting_is_it_is_refused_in_one_line_or_works(
    tap: type[RestTap], box: Sandbox, truth: dict[type[RestTap], Keys]
) -> None:
    catalog = catalog_of(tap, box)

    @settings(max_examples=60)
    @given(settings_changed(tap))
    def check(changed: Json) -> None:
        result = attempt(tap, {**settings_of(tap, box), **changed}, catalog)
        if not isinstance(result, str):
            found = keys(result)
            for stream, rows in found.items():
                assert stream not in truth[tap] or set(rows) <= set(truth[tap][stream])
            if set(changed) <= HARMLESS:
                assert found == truth[tap]

    check()


# --- catalogs ---------------------------------------------------------------------------------------------------------


@both_taps
def test_whatever_a_catalog_holds_it_is_refused_in_one_line_or_works(
    tap: type[RestTap], box: Sandbox, truth: dict[type[RestTap], Keys]
) -> None:
    whole = catalog_of(tap, box)
    few = [entry for entry in whole["streams"] if entry["tap_stream_id"] in STREAMS[tap]]
    rest = [entry for entry in whole["streams"] if entry["tap_stream_id"] not in STREAMS[tap]]

    @settings(max_examples=60)
    @given(edits(few))
    def check(changes: list[Edit]) -> None:
        entries = edited(few, changes)
        catalog = {"streams": [*entries, *rest]} if isinstance(entries, list) else entries
        result = attempt(tap, settings_of(tap, box), catalog)
        if not isinstance(result, str):
            for stream, rows in result.records.items():
                assert len(rows) == len(truth[tap].get(stream, rows)), stream
                assert all(key in row for row in rows for key in result.schemas[stream]["key_properties"])

    check()


KEYS_OF = {"tax_rules": ["name"], "orders": ["code"], "transactions": ["event"], "events": []}


@pytest.mark.parametrize("later", [False, True], ids=["a first run", "a later run"])
def test_keys_of_the_catalog_are_the_loaders_and_no_row_is_lost_by_them(
    later: bool,  # noqa: FBT001
    box: Sandbox,
    truth: dict[type[RestTap], Keys],
) -> None:
    config, catalog = settings_of(TapOrganizers, box), catalog_of(TapOrganizers, box)
    for stream, names in KEYS_OF.items():
        entry = entry_of(catalog, stream)
        entry["key_properties"], entry["replication_key"] = names, "status"
        for name in names:
            del entry["schema"]["properties"][name]
            select(entry, False, "properties", name)  # noqa: FBT003
    moments = {"organizers": {"riverside": LONG_AGO, "sommerfest": LONG_AGO}}
    state = {"bookmarks": {"orders": moments, "order_positions": moments, "transactions": moments}}
    result = attempt(TapOrganizers, config, catalog, state if later else None)
    assert not isinstance(result, str)
    assert {stream: len(rows) for stream, rows in result.records.items()} == {
        stream: len(rows) for stream, rows in truth[TapOrganizers].items()
    }
    for stream, names in KEYS_OF.items():
        assert result.schemas[stream]["key_properties"] == names
        assert all(name in row for row in result.records[stream] for name in names)


def test_a_key_that_is_no_field_is_refused(box: Sandbox) -> None:
    catalog = catalog_of(TapOrganizers, box)
    entry_of(catalog, "orders")["key_properties"] = ["order_number"]
    assert attempt(TapOrganizers, settings_of(TapOrganizers, box), catalog) == (
        "the catalog entry of orders names the key 'order_number', which is no field of it"
    )


def test_replication_methods_that_do_not_fit_are_told_and_the_streams_read_as_usual(
    box: Sandbox, truth: dict[type[RestTap], Keys]
) -> None:
    catalog = catalog_of(TapOrganizers, box)
    for stream, method in {"tax_rules": "INCREMENTAL", "orders": "LOG_BASED", "vouchers": "LOG_BASED"}.items():
        entry_of(catalog, stream)["replication_method"] = method
    result = attempt(TapOrganizers, settings_of(TapOrganizers, box), catalog)
    assert not isinstance(result, str)
    assert keys(result) == truth[TapOrganizers]
    (warning,) = result.warnings()
    assert warning == (
        "the catalog asks for replication methods that these streams do not have; they are read as usual: "
        "orders (LOG_BASED), tax_rules (INCREMENTAL)"
    )
    assert result.states[-1]["bookmarks"]["orders"]["organizers"].keys() == {"riverside", "sommerfest"}


# --- states -----------------------------------------------------------------------------------------------------------

#: Before every row of the sandbox: whatever is kept or lost of such bookmarks, all rows have to come.
LONG_AGO = "2001-01-01T00:00:00Z"
#: No ticket's code: an API that does not know where to go on from is read from its beginning.
NO_TICKET = "GONE"
STATES: dict[type[RestTap], Json] = {
    TapOrganizers: {
        "bookmarks": {
            "orders": {"organizers": {"riverside": {"since": LONG_AGO, "at": LONG_AGO}, "sommerfest": LONG_AGO}},
            "order_positions": {"organizers": {"riverside": {"since": LONG_AGO, "at": LONG_AGO}}},
            "checkins": {"events": {"riverside": {"jazz-1": "2001-01-01T00:00Z"}}, "organizers": {"riverside": {}}},
            "transactions": {
                "partitions": [{"context": {"organizer": "riverside"}, "replication_key_value": LONG_AGO}],
                "replication_key_value": LONG_AGO,
                "replication_key": "created",
            },
        }
    },
    TapTicketing: {
        "bookmarks": {
            "events": {"active": {"4100": "2026-11-01", "17": "2001-01-01"}},
            "attendees": {"events": {"4100": NO_TICKET, "4101": NO_TICKET}, "totals": {"4100": 3}},
            "attendee_answers": {"events": {"4100": NO_TICKET}, "totals": {"4100": 3}},
            "tickets": {"partitions": [{"context": {"event_id": 4100}, "replication_key_value": NO_TICKET}]},
        }
    },
}


@pytest.mark.parametrize("shards", [1, 2])
@both_taps
def test_whatever_a_state_holds_it_is_refused_in_one_line_or_works(
    tap: type[RestTap], shards: int, box: Sandbox, truth: dict[type[RestTap], Keys]
) -> None:
    catalog = catalog_of(tap, box)
    config = settings_of(tap, box)
    if tap is TapOrganizers and shards > 1:
        config["shard_events_of"] = ["riverside"]

    @settings(max_examples=30 if shards == 1 else 15)
    @given(edits(STATES[tap]))
    def check(changes: list[Edit]) -> None:
        state = edited(STATES[tap], changes)
        results = [
            attempt(tap, {**config, "shard_index": index, "shard_count": shards}, catalog, state)
            for index in range(shards)
        ]
        if all(isinstance(result, str) for result in results):
            return
        found = [result for result in results if not isinstance(result, str)]
        assert len(found) == shards
        every, expected = keys(*found), truth[tap]
        # What shards share is read by each, and events that the state follows are read once more.
        assert {stream: set(rows) for stream, rows in every.items()} == {
            stream: set(rows) for stream, rows in expected.items()
        }
        again = attempt(tap, config, catalog, found[-1].states[-1] if found[-1].states else None)
        assert not isinstance(again, str)

    check()
