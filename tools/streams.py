"""What a tap's catalog says of its streams, as Markdown."""

from __future__ import annotations

import inspect
import typing as t

from rest_tap.schema import SENSITIVITY

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Stream, Tap

Schema = dict[str, t.Any]


#: Settings without which a tap lacks some of its streams.
FOR_ALL: dict[str, dict[str, t.Any]] = {"tap-ticketing": {"orders_path": "/v1/orders"}}


def streams(tap: type[Tap], **config: t.Any) -> list[Stream]:
    """Return all of the tap's streams in its order, as it discovers them with these settings."""
    return list(tap(config={**FOR_ALL.get(tap.name, {}), **config}, validate_config=False).discover_streams())


def deselected(tap: type[Tap]) -> list[str]:
    """Return patterns for what the catalog leaves out by default.

    Meltano selects all that a project does not exclude, whatever the catalog says, so a project has to exclude it.
    Meltano has no pattern for what lies inside an array: `*` stands for the dots there.
    """
    patterns = []
    for stream in streams(tap):
        for breadcrumb, metadata in stream.metadata.items():
            if metadata.selected_by_default is False:
                field = breadcrumb[1:] or ("*",)
                patterns.append(f"!{stream.name}.{'*'.join(field)}")
    return patterns


def overview(tap: type[Tap]) -> str:
    """Return a table of the streams, a line each."""
    rows = [
        (
            f"[`{stream.name}`]({tap.name}.md#{stream.name})",
            _summary(stream),
            _code(stream.primary_keys),
            stream.replication_key and f"`{stream.replication_key}`",
        )
        for stream in streams(tap)
    ]
    return table(("Stream", "A record is", "Key", "Incremental by"), rows)


def reference(tap: type[Tap], cost: t.Callable[[Stream], str] | None = None) -> str:
    """Return a page with a chapter about each stream and a table of its fields.

    Args:
        tap: The tap.
        cost: Says how many requests a stream takes.
    """
    head = f"# Streams of {tap.name}\n\nWritten by `make docs` from the stream classes; change those.\n"
    return "\n".join([head, *(_chapter(stream, cost) for stream in streams(tap))])


def table(head: tuple[str, ...], rows: t.Iterable[tuple[str | None, ...]]) -> str:
    """Return a Markdown table."""
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str | None) -> str:
    return " ".join((text or "").replace("|", "\\|").split())


def _code(names: t.Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _text(docstring: str | None) -> str:
    """Return a docstring as Markdown."""
    return inspect.cleandoc(docstring or "").replace("``", "`")


def _summary(stream: Stream) -> str:
    """Return the first sentence of the stream's docstring."""
    return _text(type(stream).__doc__).partition("\n\n")[0]


def _chapter(stream: Stream, cost: t.Callable[[Stream], str] | None) -> str:
    facts = [("Key", _code(stream.primary_keys))]
    if stream.parent_stream_type:
        parent = stream.parent_stream_type.name  # type: ignore[misc]  # each of our classes has one
        facts.append(("Parent", f"[`{parent}`](#{parent})"))
    facts.append(
        (
            "Replication",
            f"incremental by `{stream.replication_key}`" if stream.replication_key else "full table",
        )
    )
    if cost is not None:
        facts.append(("Requests", cost(stream)))
    if not stream.selected_by_default:
        facts.append(("Selected", "only when the catalog asks for it"))
    left_out = {breadcrumb for breadcrumb, metadata in stream.metadata.items() if metadata.selected_by_default is False}
    rows = _fields(stream.schema, left_out)
    return "\n".join(
        [
            f"## {stream.name}\n",
            _text(type(stream).__doc__) + "\n",
            *(f"- {name}: {fact}" for name, fact in facts),
            "",
            table(("Field", "Type", "Meaning"), rows),
        ]
    )


def _fields(
    schema: Schema, left_out: set[tuple[str, ...]], breadcrumb: tuple[str, ...] = (), prefix: str = ""
) -> Iterator[tuple[str, ...]]:
    for name, field in schema.get("properties", {}).items():
        here = (*breadcrumb, "properties", name)
        note = " Left out unless selected." if here in left_out else ""
        note += " Personal." if "personal" in field.get(SENSITIVITY, "") else ""
        yield f"`{prefix}{name}`", _type(field), field.get("description", "") + note
        yield from _fields(field, left_out, here, f"{prefix}{name}.")
        yield from _fields(field.get("items", {}), left_out, (*here, "items"), f"{prefix}{name}[].")


def _type(field: Schema) -> str:
    kinds = field.get("type", [])
    kind = next(one for one in ([kinds] if isinstance(kinds, str) else kinds) if one != "null")
    if kind == "array":
        return f"array of {_type(field['items'])}s" if field.get("items", {}).get("type") else "array"
    return str(field.get("format", kind))
