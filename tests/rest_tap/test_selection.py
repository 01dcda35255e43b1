"""What a catalog leaves out, and when."""

from __future__ import annotations

import copy
import typing as t

import pytest

from rest_tap.selection import without_deselected_streams
from tests.conftest import discovered, kept_signals
from tests.support.values import SHAPES

SCHEMA = {"properties": {"id": {"type": ["integer"]}}}
FIELD = {"breadcrumb": ["properties", "id"], "metadata": {"selected": True}}


@pytest.mark.parametrize(
    ("own", "is_left_out"),
    [
        ({"selected": False}, True),
        ({"selected": False, "inclusion": "available"}, True),
        ({"selected": False, "inclusion": "automatic"}, False),
        ({"selected": True}, False),
        ({"selected": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_run_looks_at_no_field_of_a_stream_that_its_catalog_deselects(
    own: dict[str, t.Any] | None,
    *,
    is_left_out: bool,
) -> None:
    metadata = [FIELD] if own is None else [{"breadcrumb": [], "metadata": own}, FIELD]
    entry = {"tap_stream_id": "orders", "schema": SCHEMA, "metadata": metadata}
    (slim,) = without_deselected_streams({"streams": [entry]})["streams"]
    assert slim["tap_stream_id"] == "orders"
    assert (slim == entry) is not is_left_out
    assert (slim["schema"] == {"properties": {}}) is is_left_out


@pytest.mark.usefixtures("no_waiting")
def test_a_stream_can_be_selected_after_the_maps_are_set_up() -> None:
    tap, settings = SHAPES["tap-organizers"]
    catalog = copy.deepcopy(discovered(settings, tap))
    for entry in catalog["streams"]:
        for one in entry["metadata"]:
            one["metadata"]["selected"] = entry["tap_stream_id"] == "organizers"
    with kept_signals():
        made = tap(config={**settings, "api_url": "http://127.0.0.1:9/"}, catalog=catalog)
    assert list(made.mapper.stream_maps) == ["organizers"]
    made.streams["items"].selected = True
    with pytest.raises(Exception, match=r"refused|reach"):
        made.sync_all()
    assert {"organizers", "items"} <= made.mapper.stream_maps.keys()
