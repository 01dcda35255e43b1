"""The catalog as text, a file for each stream, so that a changed field shows in review as one line."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tools.streams import FOR_ALL

if t.TYPE_CHECKING:
    from rest_tap.tap import RestTap

Json = dict[str, t.Any]

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "catalog" / "snapshots"
#: Folder of snapshots → tap and settings that decide about its streams.
SHAPES: dict[str, tuple[type[RestTap], Json]] = {
    "tap-organizers": (TapOrganizers, {}),
    "tap-ticketing": (TapTicketing, FOR_ALL["tap-ticketing"]),
    "tap-ticketing-by-event": (TapTicketing, {**FOR_ALL["tap-ticketing"], "partition_by_event": True}),
}
#: The order of an entry's keys in a snapshot, which is not the same in each version of the SDK.
KEYS = ("tap_stream_id", "replication_key", "replication_method", "key_properties", "schema", "stream", "metadata")


def snapshots() -> dict[Path, str]:
    """Return the text that each snapshot should have."""
    return {
        FOLDER / shape / f"{entry['tap_stream_id']}.json": text_of(entry)
        for shape, (tap, config) in SHAPES.items()
        for entry in tap(config=dict(config), validate_config=False, setup_mapper=False).catalog_dict["streams"]
    }


def text_of(entry: Json) -> str:
    """Return an entry as JSON with a line for each field, and for the metadata of each."""
    ordered = {key: entry[key] for key in KEYS if key in entry} | entry
    ordered["metadata"] = sorted(entry["metadata"], key=lambda one: one["breadcrumb"])
    return _text(ordered, "\n") + "\n"


def _text(value: t.Any, newline: str) -> str:
    whole = json.dumps(value, ensure_ascii=False)
    inner = f"{newline}  "
    if '"properties": {' in whole:
        parts = [f"{json.dumps(name)}: {_text(part, inner)}" for name, part in value.items()]
        return "{" + inner + f",{inner}".join(parts) + newline + "}"
    if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
        parts = [f"{json.dumps(name)}: {json.dumps(part, ensure_ascii=False)}" for name, part in value.items()]
        return "{" + inner + f",{inner}".join(parts) + newline + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[" + inner + f",{inner}".join(json.dumps(part, ensure_ascii=False) for part in value) + newline + "]"
    return whole
