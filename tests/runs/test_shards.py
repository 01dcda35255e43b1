"""Several runs that share the work read what one would read: nothing is left out, and nothing read twice."""

from __future__ import annotations

import json
import typing as t
from collections import Counter

import pytest
from singer_sdk.exceptions import ConfigValidationError

from rest_tap.shards import Shards
from sandbox import Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tests.conftest import Json, Result, discovered, entry_of, only, organizers_config, run_tap

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rest_tap.tap import RestTap

#: How the organizers' lists may be divided: the setting shard_events_of.
BY_ORGANIZER: list[str] = []
BY_EVENT = ["*"]
MIXED = ["riverside", "org3"]
DIVISIONS = pytest.mark.parametrize(
    "divided", [BY_ORGANIZER, BY_EVENT, MIXED], ids=["by organizer", "by event", "mixed"]
)
SHARDS = 3
SCALE = Scale(organizers=4, events=4, tax_rules=3, orders=40, ticketing_events=9, attendees=90)
#: Streams of each kind: parents, below organizers and below events, cut out of others, incremental at both levels.
SOME = (
    *("organizers", "events", "customers", "tax_rules", "vouchers", "transactions", "revoked_ticket_secrets"),
    *("orders", "order_positions", "order_payments", "order_refunds"),
)

Keys = Counter[tuple[t.Any, ...]]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    """Enough organizers and events for each shard to have some; only read."""
    with Sandbox(scale=SCALE) as box:
        yield box


@pytest.fixture
def changing() -> Iterator[Sandbox]:
    """The same, for a test that changes the data."""
    with Sandbox(scale=SCALE) as box:
        yield box


@pytest.fixture(scope="module")
def everything(box: Sandbox) -> Keys:
    """Return what one run reads."""
    return keys([run_tap(organizers_config(box))])


def ticketing_config(box: Sandbox, **settings: t.Any) -> Json:
    """Return settings with which tap-ticketing reads a sandbox event by event."""
    paths = {"events": "/seller/events", "attendees": "/events/attendees", "tickets": "/events/tickets"}
    return {
        "api_url": box.oveit_url,
        "session_token": box.session_token,
        **{f"{name}_path": path for name, path in paths.items()},
        "partition_by_event": True,
        **settings,
    }


def incremental(config: Json) -> Json:
    """Return a catalog of some streams, in which all that can be is read incrementally."""
    catalog = only(discovered(config), *SOME)
    for stream in ("order_payments", "order_refunds"):
        entry_of(catalog, stream)["replication_method"] = "INCREMENTAL"
    return catalog


def run_shards(
    config: Json,
    count: int = SHARDS,
    *,
    catalog: Json | None = None,
    state: Json | None = None,
    tap: type[RestTap] = TapOrganizers,
) -> list[Result]:
    """Run all shards, each from the same state."""
    return [
        run_tap({**config, "shard_index": index, "shard_count": count}, catalog, _copy(state), tap=tap)
        for index in range(count)
    ]


def keys(results: Iterable[Result]) -> Keys:
    """Count the records of some runs by stream and primary key."""
    return Counter(
        (stream, *(json.dumps(row[key]) for key in result.schemas[stream]["key_properties"]))
        for result in results
        for stream, rows in result.records.items()
        for row in rows
    )


def twice(found: Keys) -> list[tuple[t.Any, ...]]:
    """Return what came more than once."""
    return [key for key, count in found.items() if count > 1]


def last_state(result: Result) -> Json:
    """Return where a run ended; a shard with nothing to read leaves nothing."""
    return result.states[-1] if result.states else {"bookmarks": {}}


def merged(results: Iterable[Result]) -> Json:
    """Merge the last states of some runs as `meltano state merge` does: into dictionaries, else replaced."""
    whole: Json = {}
    for result in results:
        _merge(whole, json.loads(json.dumps(last_state(result))))
    return whole


def _merge(into: Json, other: Json) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _copy(state: Json | None) -> Json | None:
    return None if state is None else t.cast("Json", json.loads(json.dumps(state)))


def places(state: Json) -> dict[tuple[str, ...], t.Any]:
    """Return a state's bookmarks by stream, level and what they belong to."""

    def walk(node: Json, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], t.Any]]:
        for key, value in node.items():
            if isinstance(value, dict) and "since" not in value:
                yield from walk(value, (*path, key))
            else:
                yield (*path, key), value

    return dict(walk(state["bookmarks"], ()))


# --- the split --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "of_2", "of_3", "of_10"),
    [(("riverside",), 1, 2, 9), (("democon", "2026"), 0, 1, 6), (("Größe",), 1, 0, 3), (("4100",), 0, 0, 4)],
    ids=["organizer", "event", "beyond ASCII", "number"],
)
def test_the_split_is_the_same_on_every_machine_and_in_every_version(
    keys: tuple[str, ...], of_2: int, of_3: int, of_10: int
) -> None:
    owners = {count: [i for i in range(count) if Shards(i, count).owns(*keys)] for count in (2, 3, 10)}
    assert owners == {2: [of_2], 3: [of_3], 10: [of_10]}


def test_a_thousand_events_are_shared_about_evenly() -> None:
    parts = [sum(Shards(index, 7).owns("democon", f"event-{n}") for n in range(1000)) for index in range(7)]
    assert sum(parts) == 1000
    assert max(parts) < 1.25 * 1000 / 7


@pytest.mark.parametrize("tap", [TapOrganizers, TapTicketing], ids=["tap-organizers", "tap-ticketing"])
def test_a_shard_beyond_the_last_is_a_config_error(box: Sandbox, tap: type[RestTap]) -> None:
    config = (organizers_config if tap is TapOrganizers else ticketing_config)(box, shard_index=3, shard_count=3)
    with pytest.raises(ConfigValidationError, match="shard_index must be less than shard_count"):
        tap(config=config)


def test_one_list_for_all_events_cannot_be_shared(box: Sandbox) -> None:
    config = ticketing_config(box, shard_count=2, partition_by_event=False)
    with pytest.raises(ConfigValidationError, match="set partition_by_event"):
        TapTicketing(config=config)


# --- rows -------------------------------------------------------------------------------------------------------------


@DIVISIONS
def test_shards_read_every_row_once_and_each_list_once(box: Sandbox, everything: Keys, divided: list[str]) -> None:
    asked: list[set[str]] = []
    parts = []
    for index in range(SHARDS):
        box.clear_log()
        parts += [run_tap(organizers_config(box, shard_events_of=divided, shard_index=index, shard_count=SHARDS))]
        asked += [{request.path for request in box.log if request.path.endswith("/")}]
    assert keys(parts) == everything
    assert not twice(everything)
    assert sum(bool(result.records) for result in parts) > 1
    shared = {path for path, count in Counter(path for paths in asked for path in paths).items() if count > 1}
    # What shards divide they have to find: the organizers, and the events of those whose events are divided.
    finding = {"/api/v1/organizers/"} | {
        f"/api/v1/organizers/{row['slug']}/events/"
        for row in box.organizers.rows("/organizers/")
        if row["slug"] in divided or divided == BY_EVENT
    }
    assert shared == finding


def test_chosen_events_are_shared_like_all(box: Sandbox) -> None:
    slugs = [row["slug"] for row in box.organizers.rows("/organizers/riverside/events/")][::2]
    config = organizers_config(box, events=[*slugs, "org3/jazz-1"])
    catalog = incremental(config)
    whole = keys([run_tap(config, catalog)])
    assert keys(run_shards({**config, "shard_events_of": MIXED}, catalog=catalog)) == whole
    assert not twice(whole)


def test_events_behind_a_login_are_shared(box: Sandbox) -> None:
    config = ticketing_config(box)
    whole = keys([run_tap(config, tap=TapTicketing)])
    parts = run_shards(config, tap=TapTicketing)
    assert keys(parts) == whole
    assert not twice(whole)
    assert all(result.records["events"] for result in parts)


# --- state ------------------------------------------------------------------------------------------------------------


@DIVISIONS
def test_incremental_streams_are_shared_and_their_states_merge_into_that_of_one_run(
    box: Sandbox, divided: list[str]
) -> None:
    config = organizers_config(box)
    catalog = incremental(config)
    alone = run_tap(config, catalog)
    parts = run_shards({**config, "shard_events_of": divided}, catalog=catalog)
    assert keys(parts) == keys([alone])
    assert not twice(keys(parts))
    of_shards = [set(places(last_state(part))) for part in parts]
    assert set(places(merged(parts))) == set(places(last_state(alone)))
    assert sum(map(len, of_shards)) == len(set().union(*of_shards))


@pytest.mark.parametrize(
    ("before", "after", "divided"),
    [(3, 1, BY_ORGANIZER), (3, 1, BY_EVENT), (1, 3, MIXED), (3, 2, BY_ORGANIZER), (2, 5, BY_EVENT)],
)
def test_another_number_of_shards_goes_on_where_the_last_one_stopped(
    changing: Sandbox, before: int, after: int, divided: list[str]
) -> None:
    config = organizers_config(changing, shard_events_of=divided, overlap_seconds=0)
    catalog = incremental(config)
    first = run_shards(config, before, catalog=catalog)
    sold = [changing.organizers.add_order(slug, "jazz-1")["code"] for slug in ("riverside", "org3")]
    second = run_shards(config, after, catalog=catalog, state=merged(first))
    read = [row["code"] for result in second for row in result.records["orders"]]
    assert sorted(read) == sorted(sold)
    positions = {row["order"] for result in second for row in result.records["order_positions"]}
    assert positions == set(sold)
    # What leaves a bookmark is not read from its beginning again.
    of_orders = [request.query for request in changing.requests(r"/organizers/[^/]+/orders/$")]
    assert sum("modified_since" in query for query in of_orders) >= 4


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3), (3, 2)])
def test_another_number_of_shards_reads_no_attendee_again(changing: Sandbox, before: int, after: int) -> None:
    config = ticketing_config(changing)
    first = run_shards(config, before, tap=TapTicketing)
    assert sum(len(result.records["attendees"]) for result in first) == 90
    events = list(changing.ticketing.events)
    for event in (events[0], events[-1]):
        changing.ticketing.add_attendees(2, event=event)
    second = run_shards(config, after, state=merged(first), tap=TapTicketing)
    found = keys(second)
    assert sum(count for (stream, *_), count in found.items() if stream == "attendees") == 4
    assert not twice(found)


def test_a_shard_drops_the_bookmarks_of_others(box: Sandbox) -> None:
    config = organizers_config(box, shard_events_of=["riverside"])
    catalog = incremental(config)
    parts = run_shards(config, catalog=catalog)
    again = run_shards(config, catalog=catalog, state=merged(parts))
    assert [set(places(last_state(part))) for part in again] == [set(places(last_state(part))) for part in parts]


# --- the limit of requests --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"shard_count": 3}, 360),
        ({"shard_count": 3, "shard_events_of": ["riverside"]}, 120),
        ({"shard_count": 1, "shard_events_of": ["*"]}, 360),
        ({"shard_count": 500, "shard_events_of": ["*"]}, 1),
    ],
    ids=["an organizer each", "one organizer shared", "one shard", "more shards than requests"],
)
def test_the_limit_of_an_account_is_divided_among_the_shards_that_read_it(
    box: Sandbox, settings: Json, expected: int
) -> None:
    tap = TapOrganizers(config=organizers_config(box, requests_per_minute=360, **settings))
    assert tap.requests_per_minute == expected


def test_without_a_limit_there_is_nothing_to_divide(box: Sandbox) -> None:
    settings = {"shard_count": 3, "shard_events_of": ["*"]}
    assert TapOrganizers(config=organizers_config(box, **settings)).requests_per_minute is None
    assert TapTicketing(config=ticketing_config(box, shard_count=3)).requests_per_minute is None


def test_all_shards_behind_a_login_share_its_limit(box: Sandbox) -> None:
    config = ticketing_config(box, requests_per_minute=360, shard_count=3)
    assert TapTicketing(config=config).requests_per_minute == 120
