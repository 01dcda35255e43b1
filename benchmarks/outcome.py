"""What a reader wrote: how many rows of which keys, and how many bytes."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Stream → the fields that tell its rows apart in the benchmark's data.
KEYS = {
    "organizers": ("slug",),
    "events": ("slug",),
    "tax_rules": ("id",),
    "orders": ("code",),
    "order_positions": ("id",),
    "order_answers": ("position", "question"),
    "order_fees": ("id",),
    "order_payments": ("order", "local_id"),
    "order_refunds": ("order", "local_id"),
    "attendees": ("id",),
}


class Row(msgspec.Struct):
    """As much of a row as tells it from others."""

    id: int | str | None = None
    slug: str | None = None
    code: str | None = None
    #: In orders these are objects.
    order: Any = None
    position: Any = None
    local_id: int | None = None
    question: Any = None


class AirbyteRecord(msgspec.Struct):
    """An Airbyte record."""

    stream: str
    data: Row


class SingerLine(msgspec.Struct):
    """A Singer message."""

    type: str
    stream: str = ""
    record: Row | None = None


class AirbyteLine(msgspec.Struct):
    """An Airbyte message."""

    type: str
    record: AirbyteRecord | None = None


@dataclass
class Written:
    """What came out of a run."""

    rows: int = 0
    record_bytes: int = 0
    state_bytes: int = 0
    keys: dict[str, set[Any]] = field(default_factory=dict)

    def add(self, stream: str, row: Row, size: int) -> None:
        """Count a row."""
        self.rows += 1
        self.record_bytes += size
        self.keys.setdefault(stream, set()).add(tuple(getattr(row, key) for key in KEYS[stream]))

    def digest(self) -> str:
        """Return what is the same for the same sets of keys."""
        text = "\n".join(f"{stream} {sorted(map(str, keys))}" for stream, keys in sorted(self.keys.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(kind: str, out: Path, folder: Path) -> Written:
    """Return what was written to standard output or, by dlt, to files."""
    written = Written()
    if kind == "dlt":
        for stream, row, size in _dlt(folder):
            written.add(stream, row, size)
        return written
    kinds: dict[str, type[AirbyteLine | SingerLine]] = {"airbyte": AirbyteLine, "singer": SingerLine}
    decode = msgspec.json.Decoder(kinds[kind]).decode
    with out.open("rb") as lines:
        for line in lines:
            message = decode(line)
            if message.type == "STATE":
                written.state_bytes += len(line)
            elif isinstance(message, AirbyteLine) and message.record is not None:
                written.add(message.record.stream, message.record.data, len(line))
            elif isinstance(message, SingerLine) and message.record is not None:
                written.add(message.stream, message.record, len(line))
    return written


def _dlt(folder: Path) -> Iterator[tuple[str, Row, int]]:
    decode = msgspec.json.Decoder(list[Row]).decode
    for path in folder.glob("measured/normalize/extracted/*/new_jobs/*"):
        stream = path.name.partition(".")[0]
        if stream not in KEYS:
            continue
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as lines:
            for line in lines:
                rows = decode(line)
                for row in rows:
                    yield stream, row, len(line) // len(rows)
