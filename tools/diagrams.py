"""How a tap's streams hang together, drawn for Mermaid: what is read below what, and what costs no request."""

from __future__ import annotations

import importlib
import inspect
import typing as t

from tools.streams import overview, streams

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Stream, Tap

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
    arranged = _arranged(tap)
    areas: dict[str, list[Stream]] = {}
    for stream in arranged:
        areas.setdefault(type(stream).__module__, []).append(stream)
    if len(areas) > 1:
        for module, area in areas.items():
            title = inspect.cleandoc(importlib.import_module(module).__doc__ or "").partition("\n")[0]
            yield title.rstrip("."), _diagram(area, arranged)
        return
    yield "Each a list of its own", _diagram(arranged, arranged)
    arranged = _arranged(tap, partition_by_event=True)
    yield "With the setting `partition_by_event`", _diagram(arranged, arranged)


def _arranged(tap: type[Tap], **settings: t.Any) -> list[Stream]:
    """Return all streams in the tap's order, each below what a run reads it from."""
    order = [stream.name for stream in streams(tap)]
    found = tap(config=settings, validate_config=False).streams
    return [found[name] for name in order]


def _diagram(area: list[Stream], arranged: list[Stream]) -> str:
    """Return what leads to the streams of one area, and what these lead to within it."""
    edges = list(_edges(arranged, area))
    drawn = {id(stream) for stream in area}
    lines = ["flowchart LR"]
    others = [stream for edge in edges for stream in edge if id(stream) not in drawn]
    for stream in dict.fromkeys(others):
        shape = "([{}])" if stream in arranged else "{{{{{}}}}}"
        lines.append(f"  {stream.name}{shape.format(stream.name)}")
    lines += [f"  {stream.name}" if stream.selected_by_default else f"  {stream.name}:::left_out" for stream in area]
    lines += [f"  {parent.name} {_arrow(child)} {child.name}" for parent, child in edges]
    if any(line.endswith(":::left_out") for line in lines):
        lines.append(f"  {DASHED}")
    return "".join(f"{line}\n" for line in lines)


def _edges(arranged: list[Stream], area: list[Stream]) -> Iterator[tuple[Stream, Stream]]:
    for parent in arranged:
        for child in parent.child_streams:
            below = [grandchild for grandchild in child.child_streams if grandchild in area]
            if child in area:
                yield parent, child
            elif child not in arranged and below:
                # A list that is only read to find what is below it.
                yield parent, child
                yield from ((child, grandchild) for grandchild in below)


def _arrow(stream: Stream) -> str:
    if getattr(stream, "nested_in", None) is not None:
        return "-.->"
    return "==>" if getattr(stream, "event_path", "") else "-->"
