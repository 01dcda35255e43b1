"""How a tap's streams hang together, drawn for Mermaid: what is read below what, and what costs no request."""

from __future__ import annotations

import importlib
import inspect
import typing as t

from tools.streams import FOR_ALL, overview, streams

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap

    from rest_tap.stream import ListStream
    from rest_tap.tap import RestTap

    #: Streams that a run reads below each stream.
    Below = dict[ListStream, list[ListStream]]

HEAD = """\
# Streams

Written by `make docs` from the stream classes; change those.

Each name leads to the stream's fields. Records carry the keys of their parents. Streams without an entry under
*Incremental by* are read in full in every run. The diagrams below show where each is read, and what costs requests.
"""

LEGEND = """\
## How to read the diagrams

- A solid arrow leads to a list below each row: at least one request for each of these.
- A thick arrow leads to one list with the rows of all events of an organizer. With the setting `events` it is read
  below each of these instead.
- A dotted arrow leads to rows that stand in the rows before it: they cost no request.
- A rounded box stands in another diagram; a hexagon is a list that is read on the way and is no stream.
- A dashed border: the catalog leaves it out unless it is asked for.
"""

#: A style that GitHub's light and dark pages both show.
DASHED = "classDef left_out stroke-dasharray: 5 5"


def page(taps: t.Iterable[type[Tap]]) -> str:
    """Return the page with a diagram for each area of each tap."""
    taps = list(taps)
    lists = [f"## {tap.name}\n\n{overview(tap)}" for tap in taps]
    return "\n".join([HEAD, *lists, LEGEND, *(_chapter(tap) for tap in taps)])


def _chapter(tap: type[Tap]) -> str:
    lines = [f"## How the streams of {tap.name} hang together\n"]
    for title, diagram in diagrams(tap):
        lines += [f"### {title}\n", f"```mermaid\n{diagram}```\n"]
    return "\n".join(lines)


def diagrams(tap: type[Tap]) -> Iterator[tuple[str, str]]:
    """Yield title and text of each diagram: of each module of streams, or of each way they can be arranged."""
    below = _below(tap)
    areas: dict[str, list[ListStream]] = {}
    for stream in _listed(tap, below):
        areas.setdefault(type(stream).__module__, []).append(stream)
    if "partition_by_event" not in tap.config_jsonschema["properties"]:
        for module, area in areas.items():
            title = inspect.cleandoc(importlib.import_module(module).__doc__ or "").partition("\n")[0]
            yield title.rstrip("."), _diagram(area, _listed(tap, below), below)
        return
    for title, settings in (
        ("Each a list of its own", {}),
        ("With the setting `partition_by_event`", {"partition_by_event": True}),
    ):
        below = _below(tap, **settings)
        yield title, _diagram(_listed(tap, below), _listed(tap, below), below)


def _below(tap: type[Tap], **settings: t.Any) -> Below:
    """Return what a run reads below each stream, in the order of the tap's tree."""
    found = t.cast("RestTap", tap(config={**FOR_ALL.get(tap.name, {}), **settings}, validate_config=False))
    for stream in found.streams.values():
        stream.selected = True
    nodes = [node for root in found.build_tree() for node in root.walk()]
    below: Below = {}
    for node in nodes:
        below[node.stream] = [*node.nested, *(child.stream for child in node.children)]
        for nested in node.nested:
            below.setdefault(nested, [])
    return below


def _listed(tap: type[Tap], below: Below) -> list[ListStream]:
    """Return the streams of the catalog, in the tap's order."""
    by_name = {stream.name: stream for stream in below}
    return [by_name[stream.name] for stream in streams(tap)]


def _diagram(area: list[ListStream], listed: list[ListStream], below: Below) -> str:
    """Return what leads to the streams of one area, and what these lead to within it."""
    edges = list(_edges(listed, area, below))
    lines = ["flowchart LR"]
    others = [stream for edge in edges for stream in edge if stream not in area]
    for stream in dict.fromkeys(others):
        shape = "([{}])" if stream in listed else "{{{{{}}}}}"
        lines.append(f"  {stream.name}{shape.format(stream.name)}")
    lines += [f"  {stream.name}" if stream.selected_by_default else f"  {stream.name}:::left_out" for stream in area]
    lines += [f"  {parent.name} {_arrow(child)} {child.name}" for parent, child in edges]
    if any(line.endswith(":::left_out") for line in lines):
        lines.append(f"  {DASHED}")
    return "".join(f"{line}\n" for line in lines)


def _edges(listed: list[ListStream], area: list[ListStream], below: Below) -> Iterator[tuple[ListStream, ListStream]]:
    for parent in listed:
        for child in below[parent]:
            grandchildren = [grandchild for grandchild in below.get(child, ()) if grandchild in area]
            if child in area:
                yield parent, child
            elif child not in listed and grandchildren:
                # A list that is only read to find what is below it.
                yield parent, child
                yield from ((child, grandchild) for grandchild in grandchildren)


def _arrow(stream: ListStream) -> str:
    if stream.nested_in is not None:
        return "-.->"
    return "==>" if getattr(stream, "event_path", "") else "-->"
