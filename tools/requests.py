"""How many requests a run takes: of each stream by its class, and of whole runs as counted on the sandbox."""

from __future__ import annotations

import contextlib
import copy
import datetime as dt
import functools
import io
import pickle
import typing as t

from sandbox import Sandbox, Scale
from sandbox.lists import find
from tap_organizers.incremental import CreationOrderedStream, IncrementalStream
from tap_organizers.streams.catalog import ItemChildStream
from tap_organizers.streams.parents import Events, Organizers
from tap_organizers.streams.sales import OrderMoneyStream
from tap_organizers.tap import TapOrganizers
from tools.streams import streams, table

if t.TYPE_CHECKING:
    from singer_sdk import Stream

#: What it costs to read a list of each kind.
COSTS = {
    "none": "none: the rows stand in those of `{parent}`",
    "organizers": "1 for each 50 rows",
    "organizer": "1 for each organizer and 50 rows",
    "changes": "1 for each organizer and 50 rows, which overlap a little; with a bookmark, of what has changed",
    "creation": "1 for each organizer and 50 rows, and at most 3 more; with a bookmark, of what has changed",
    "sweep": "1 for each organizer and 50 orders, and at most 3 more, in every run; "
    "none with `INCREMENTAL` in the catalog, in a run that reads all `orders`, or for `order_refunds` beside "
    "`order_payments`",
    "event": "1 for each event and 50 rows",
    "event changes": "1 for each event and 50 rows; with a bookmark, of what is new",
    "questions": "2 for each event, and 1 more for each 50 rows",
    "seats": "1 for each event with a plan of seats and 50 rows; for a series, 1 for each 50 dates, "
    "and 1 for each date with a plan and 50 rows",
    "told": "1 for each of `{parent}` that has any",
    "row": "1 for each of `{parent}` and 50 rows",
}


def kind(stream: Stream) -> str:  # noqa: PLR0911 - one for each kind
    """Return which of :data:`COSTS` holds for a stream of tap-organizers."""
    parent = stream.parent_stream_type
    if getattr(stream, "nested_in", None):
        return "none"
    if isinstance(stream, OrderMoneyStream):
        return "sweep"
    if isinstance(stream, ItemChildStream):
        return "told"
    if parent is None:
        return "organizers"
    if stream.name in {"questions", "seats"}:
        return str(stream.name)
    if parent is Organizers:
        is_incremental = isinstance(stream, IncrementalStream)
        return "creation" if isinstance(stream, CreationOrderedStream) else "changes" if is_incremental else "organizer"
    if parent is Events:
        return "event changes" if isinstance(stream, IncrementalStream) else "event"
    return "row"


def cost(stream: Stream) -> str:
    """Return what a stream of tap-organizers costs, in words."""
    parent = stream.parent_stream_type
    # Each of our classes has a name.
    return COSTS[kind(stream)].format(parent=parent and parent.name)  # type: ignore[misc]


# --- whole runs -------------------------------------------------------------------------------------------------------

#: Events of one organizer, and their orders, of the runs that are counted.
SIZES = ((1, 100), (10, 1000), (20, 1000))
#: The share of the sandbox's orders that its first organizer has.
SHARE = 0.62
#: When events ended that the sweep is enough for.
LONG_AGO = "2020-02-02T19:00:00Z"
QUICKSTART = ("events", "items", "orders", "order_positions")


def counted() -> str:
    """Return a table of the requests that runs over the sandbox take.

    A first run, one with nothing new, and the same with a sweep; all events but series of dates ended long ago.
    """
    every = streams(TapOrganizers)
    default = [stream.name for stream in every if stream.selected_by_default]
    selections = {
        "`orders`": ["orders"],
        f"{', '.join(f'`{name}`' for name in QUICKSTART)}": QUICKSTART,
        f"the {len(default)} selected by default": default,
        f"all {len(every)}": [stream.name for stream in every],
    }
    rows = []
    for events, orders in SIZES:
        scale = Scale(organizers=1, events=events, tax_rules=3, orders=round(orders / SHARE), ticketing_events=1)
        # No run changes the data: what one has asked for costs the next ones nothing.
        with Sandbox(scale=scale, cache=True) as box:
            (organizer,) = box.organizers.organizers.values()
            for event in organizer.events.values():
                if not event.row["has_subevents"]:
                    event.row |= {"date_from": LONG_AGO, "date_to": None}
            cells = [" / ".join(map(str, _requests(box, names))) for names in selections.values()]
            rows.append((f"{len(organizer.events)}", f"{len(organizer.sales['orders']):,}", *cells))
    return table(("Events", "Orders", *selections), rows)


@functools.cache
def _catalog() -> bytes:
    """Return the catalog, pickled to be copied fast: it depends neither on the server nor on the sweep."""
    return pickle.dumps(TapOrganizers(config={}, validate_config=False, setup_mapper=False).catalog_dict)


def _requests(box: Sandbox, names: t.Collection[str]) -> list[int]:
    """Return the requests of a first run over some streams, of one from its state, and of one that sweeps."""
    state: t.Any = None
    counts = []
    for is_swept in (False, False, True):
        box.clear_log()
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        config = {"api_url": box.organizers_url, "api_token": box.token, "progress": False}
        if is_swept:
            # As if a run with the sweep had ended an hour ago.
            at = dt.datetime.now(dt.timezone.utc) - dt.timedelta(hours=1)
            state = {"bookmarks": {**state["bookmarks"], "sweep": {"place": 0, "at": at.isoformat()}}}
            for name in names:
                state["bookmarks"].setdefault(name, {}).setdefault("version", 0)
            config["sweep_days"] = 7
        catalog = pickle.loads(_catalog())
        for entry in catalog["streams"]:
            (whole,) = (found["metadata"] for found in entry["metadata"] if not found["breadcrumb"])
            whole["selected"] = entry["tap_stream_id"] in names
        tap = TapOrganizers(config=config, catalog=catalog, state=copy.deepcopy(state))
        with contextlib.redirect_stdout(out):
            tap.sync_all()
        for request in box.log:
            if find(request.path.removeprefix("/api/v1")) is None:
                message = (
                    f"the sandbox has no {request.path}: write the sample of its list, sandbox/samples/<stream>.json"
                )
                raise ValueError(message)
        state = tap.state
        counts.append(len(box.log))
    return counts
