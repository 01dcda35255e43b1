"""Says what a pretix has that the streams of tap-organizers do not, and the other way round.

`python -m tools.watch_pretix PYTHON` asks the pretix that is installed for that interpreter; `make watch-pretix`
installs the newest. The exit status is 0 where both are the same. Each line is something to
do: a list is a stream to write, a field a line in its class and in its sample; CONTRIBUTING.md says how.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t
from pathlib import Path

from rest_tap.schema import UNKNOWN_FIELDS
from sandbox.lists import ALSO, BY_NAME, LISTS
from tap_organizers.tap import TapOrganizers
from tools.streams import streams

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Schema = dict[str, t.Any]
#: What pretix has at a path: `view`, `permission`, `filters`, and `fields` (None where rows are made by hand).
Server = dict[str, dict[str, t.Any]]

#: What pretix's interpreter runs.
INSIDE = Path(__file__).with_name("inside_pretix.py")
#: Paths that answer GET, and are no lists to read.
NOT_READ = {
    "/organizers/{organizer}/checkinrpc/search": "finds positions, which are read",
    "/organizers/{organizer}/events/{event}/clone": "copies events, which are read",
    "/organizers/{organizer}/events/{event}/ticketpdfrenderer": "makes files",
}
#: Fields of the server that no stream has.
NOT_TAKEN = {
    r"events\.valid_keys": "only where one event is asked for",
    r".*\.pdf_data": "costs the server a file each",
    r"(events|subevents)\.best_availability_state": "only with a parameter that costs the server much",
    r"quotas\.available(_number)?": "likewise",
}
#: Fields that the tap adds to the server's.
ADDED = {"questions.container_type", "order_positions.order_last_modified"}
#: Fields of streams that only earlier versions of pretix send.
NOT_SENT = {"checkin_lists": {"auto_checkin_sales_channels"}, "sendmail_rules": {"include_pending"}}
#: Permissions of which only a part brings rows.
WIDER = {"checkin_list_positions": "event.orders:read or event.orders:checkin"}
#: Fields that rows have though no serializer declares them.
UNDECLARED = re.compile(
    r"(events|items|discounts|item_variations|items\.variations)\.sales_channels|teams\.can_\w+|.*\.settings"
)


def main(arguments: list[str]) -> int:
    """Print what differs, a line each, and return the exit status."""
    (python,) = arguments
    lines = list(differences(described(python)))
    print("\n".join(lines or ["pretix has what the streams have"]))
    return bool(lines)


def described(python: str, script: Path = INSIDE) -> Server:
    """Return what the pretix of an interpreter has."""
    done = subprocess.run([python, "-I", script], stdout=subprocess.PIPE, text=True, check=True)
    found: Server = json.loads(done.stdout)
    return found


def differences(server: Server) -> Iterator[str]:
    """Yield what is new (`+`), gone (`-`) or other (`~`) on a server, a line each."""
    by_path = {_without_names(path): (path, found) for path, found in server.items()}
    paths = ALSO | {facts.path: facts.name for facts in LISTS}
    known = {_without_names(path): (name, path.rstrip("/")) for path, name in paths.items()}
    for path in sorted(by_path.keys() - known.keys() - {_without_names(path) for path in NOT_READ}):
        yield _new_list(*by_path[path])
    for path in sorted(known.keys() - by_path.keys()):
        yield "- the list of {} is gone: {}".format(*known[path])
    for stream in streams(TapOrganizers):
        if stream.name not in BY_NAME:
            continue  # cut out of other rows
        facts = BY_NAME[stream.name]
        _, found = by_path.get(_without_names(facts.path), ("", None))
        if found is None:
            continue
        if found["permission"] not in {None, facts.permission, WIDER.get(stream.name)}:
            yield f"~ {stream.name} needs the permission {found['permission']}, not {facts.permission}"
        filters = {one for one in found["filters"] if one.endswith("_since")}
        for name in sorted(filters - {one.parameter for one in facts.filters}):
            yield f"+ {stream.name} can be filtered by {name}"
        if found["fields"] is not None:
            keys = {*getattr(stream, "parent_keys", ()), UNKNOWN_FIELDS} - found["fields"].keys()
            own = {name: schema for name, schema in stream.schema["properties"].items() if name not in keys}
            yield from _fields(found["fields"], own, f"{stream.name}.")


def _new_list(path: str, found: dict[str, t.Any]) -> str:
    fields = ", ".join(f"{name}: {field['type'] or 'any'}" for name, field in (found["fields"] or {}).items())
    return f"+ the list {path} is new ({found['view']}, permission {found['permission']}): {fields}"


def _fields(fields: Mapping[str, t.Any], properties: Mapping[str, Schema], where: str) -> Iterator[str]:
    for name, field in fields.items():
        path, kind = f"{where}{name}", field["type"]
        if name not in properties:
            if not any(re.fullmatch(known, path) for known in NOT_TAKEN):
                yield f"+ the field {path} is new: {kind or 'any'}"
            continue
        schema = properties[name]
        if kind not in {None, *_types(schema)}:
            yield f"~ the field {path} is of type {kind}, not {' or '.join(_types(schema))}"
        inner = schema.get("properties") or schema.get("items", {}).get("properties")
        if inner and "fields" in field:
            yield from _fields(field["fields"], inner, f"{path}.")
    for path in sorted(f"{where}{name}" for name in properties.keys() - fields.keys()):
        stream, _, field_name = path.partition(".")
        if path not in ADDED and field_name not in NOT_SENT.get(stream, ()) and not UNDECLARED.fullmatch(path):
            yield f"- the field {path} is gone"


def _types(schema: Schema) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]


def _without_names(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path.rstrip("/"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
