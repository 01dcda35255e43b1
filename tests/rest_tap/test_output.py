"""The buffer that messages go through."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import typing as t

import pytest
from singer_sdk.singerlib.encoding.simple import (
    ActivateVersionMessage,
    RecordMessage,
    SchemaMessage,
    SimpleSingerWriter,
    StateMessage,
)

from rest_tap.messages import Messages
from rest_tap.output import FLUSH_BYTES, BytesWriter
from rest_tap.state import State

if t.TYPE_CHECKING:
    from collections.abc import Iterator


class Pipe(io.TextIOWrapper):
    """Standard output that tells what has gone through it, and how often it was flushed."""

    def __init__(self) -> None:
        self.raw_bytes = io.BytesIO()
        self.flushes = 0
        super().__init__(self.raw_bytes, encoding="utf-8")

    def flush(self) -> None:
        self.flushes += 1
        super().flush()

    def sent(self) -> bytes:
        return self.raw_bytes.getvalue()


@contextlib.contextmanager
def piped() -> Iterator[Pipe]:
    """Replace standard output."""
    pipe = Pipe()
    with contextlib.redirect_stdout(pipe):
        yield pipe


def test_lines_wait_until_there_are_many_of_them() -> None:
    with piped() as pipe:
        writer = BytesWriter()
        line = b"x" * 1000 + b"\n"
        while len(writer._buffer) + len(line) < FLUSH_BYTES:
            writer.write_lines(line)
        assert pipe.sent() == b""
        writer.write_lines(line)
        assert len(pipe.sent()) >= FLUSH_BYTES
        assert pipe.sent() == line * (len(pipe.sent()) // len(line))
        assert pipe.flushes == 2


def test_the_first_records_go_out_at_once() -> None:
    with piped() as pipe:
        writer = BytesWriter()
        writer.write_message(SchemaMessage("things", {"type": "object"}, ["id"]))
        assert pipe.sent() == b""
        writer.write_records(b"a\n")
        assert pipe.sent().endswith(b"}\na\n")
        writer.write_records(b"b\n")
        assert pipe.sent().endswith(b"}\na\n")


def test_a_state_goes_out_at_once_behind_all_that_it_speaks_of() -> None:
    with piped() as pipe:
        writer = BytesWriter()
        writer.write_lines(b"a\n")
        writer.write_message(SchemaMessage("things", {"type": "object"}, ["id"]))
        assert pipe.sent() == b""
        Messages(writer, State({"bookmarks": {}})).begin()
        first, schema, state = pipe.sent().splitlines()
        assert first == b"a"
        assert json.loads(schema)["type"] == "SCHEMA"
        assert json.loads(state) == {"type": "STATE", "value": {"bookmarks": {}}}


def test_a_connection_test_begins_with_no_state() -> None:
    with piped() as pipe:
        Messages(BytesWriter(), State({"bookmarks": {}}), is_test=True).begin()
        assert pipe.sent() == b""


def test_an_empty_buffer_is_not_written() -> None:
    with piped() as pipe:
        writer = BytesWriter()
        writer.flush()
        assert (pipe.sent(), pipe.flushes) == (b"", 0)


@pytest.mark.parametrize(
    "message",
    [
        SchemaMessage("things", {"properties": {"id": {"type": ["integer"]}}}, ["id"], ["at"]),
        SchemaMessage("things", {"properties": {}}, []),
        StateMessage({"bookmarks": {"orders": {"organizers": {"ö": "2026-01-01T00:00:00Z"}}}}),
        ActivateVersionMessage("things", 1_700_000_000),
        RecordMessage("things", {"id": 1, "n": None, "deep": [{"a": 1.5}]}),
    ],
    ids=["schema", "schema without keys", "state", "version", "record"],
)
def test_a_message_reads_as_the_sdk_writes_it(message: t.Any) -> None:
    line = BytesWriter().serialize_message(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == json.loads(SimpleSingerWriter().format_message(message))


def test_standard_output_may_be_replaced_by_a_text_buffer() -> None:
    out, writer = io.StringIO(), BytesWriter()
    writer.write_lines("Straße\n".encode())
    with contextlib.redirect_stdout(out):
        writer.flush()
    assert out.getvalue() == "Straße\n"


def test_text_that_others_print_stays_in_its_place() -> None:
    with piped() as pipe:
        writer = BytesWriter()
        writer.write_lines(b"one\n")
        writer.flush()
        pipe.write("two\n")
        writer.write_lines(b"three\n")
        writer.flush()
        assert pipe.sent() == b"one\ntwo\nthree\n"


def test_a_closed_pipe_is_told_and_nothing_is_written_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = BytesWriter()
    out = os.fdopen(writing, "w")
    monkeypatch.setattr(sys, "stdout", out)
    writer.write_lines(b"x" * (FLUSH_BYTES - 1))
    with pytest.raises(BrokenPipeError):
        writer.write_lines(b"y\n")
    assert not writer._buffer
    with contextlib.suppress(BrokenPipeError):
        out.close()


class Slow(io.RawIOBase):
    """A pipe that takes some bytes at a time, and now and then none."""

    def __init__(self) -> None:
        self.taken = bytearray()
        self.turn = 0

    def writable(self) -> bool:
        return True

    def write(self, data: t.Any) -> int | None:
        self.turn += 1
        if self.turn % 3 == 0:
            return None
        self.taken += bytes(data[:7])
        return min(7, len(data))


def test_a_write_that_is_cut_short_goes_on_where_it_was() -> None:
    slow, writer = Slow(), BytesWriter()
    out = io.TextIOWrapper(io.BufferedWriter(slow), encoding="utf-8")
    writer.write_lines(b"0123456789" * 5 + b"\n")
    with contextlib.redirect_stdout(out):
        writer.flush()
    assert bytes(slow.taken) == b"0123456789" * 5 + b"\n"
