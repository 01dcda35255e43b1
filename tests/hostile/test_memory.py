"""What takes most memory of all that a server can send: below 300 MB, whether it is read or refused."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import typing as t

import pytest

from tests.hostile.api import TOKEN, Api, page, tax_rule
from tests.runs.test_memory import PROGRAM, ROOT
from tests.support.command import DO_NOT_WAIT
from tests.support.loading import catalog

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.raw import Connection

pytestmark = pytest.mark.slow

MEGABYTES = 300
PAGES, LARGE = 18, 250 << 20
#: Rows on a page of the long list, and on one of the others.
MANY, FEW = 5_000, 50


def number_of(connection: Connection) -> int:
    return int(connection.target.partition("page=")[2].partition("&")[0] or 1)


def envelope(connection: Connection, pages: int, rows: int, **more: t.Any) -> bytes:
    """Return one of so many pages."""
    number = number_of(connection)
    found = [tax_rule((number - 1) * rows + place) for place in range(rows)]
    body = {"next": f"?page={number + 1}" if number < pages else None, "results": found, **more}
    return json.dumps(body).encode()


class LargePages:
    """All pages after the first are large, and packed next to nothing."""

    def __init__(self) -> None:
        self._blanks = gzip.compress(b" " * LARGE, 1)

    def __call__(self, connection: Connection) -> None:
        body = envelope(connection, PAGES, FEW, count=PAGES * FEW)
        packed = gzip.compress(body)
        if number_of(connection) > 1:
            packed = gzip.compress(body[:-1]) + self._blanks + gzip.compress(body[-1:])
        connection.reply(packed, Content_Encoding="gzip")


def empty_objects(connection: Connection) -> None:
    body = page([]).replace(b"[]", b"[" + b"{}," * (64 << 20 >> 2) + b"{}]")
    connection.reply(gzip.compress(body, 1), Content_Encoding="gzip")


def cookies(connection: Connection) -> None:
    lines = "".join(f"Set-Cookie: c{number_of(connection)}_{n}={'x' * 60_000}; Path=/\r\n" for n in range(90))
    body = envelope(connection, PAGES, FEW, count=PAGES * FEW)
    connection.send(f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)


def long_list(connection: Connection) -> None:
    connection.reply(envelope(connection, 3_000_000 // MANY, MANY))


def names(connection: Connection) -> None:
    connection.reply(page([tax_rule(0, **{f"field_{n}": n for n in range(1_200_000)})]))


CASES: dict[str, tuple[t.Callable[[], t.Callable[[Connection], object]], int, str]] = {
    "18 pages of 250 MB, as gzip 255 kB each": (LargePages, PAGES * FEW, "the page takes more than 96 MB of memory"),
    "a page of 64 MB of `{}`": (lambda: empty_objects, 0, "the page takes more than 96 MB of memory"),
    "5.4 MB of cookies with each of 18 answers": (lambda: cookies, 0, "the headers of the answer take more than 1 MB"),
    "3,000,000 rows without `count`": (lambda: long_list, 3_000_000, ""),
    "1,200,000 names that no schema has": (lambda: names, 0, "the page takes more than 96 MB of memory"),
}


@contextlib.contextmanager
def api(case: str) -> Iterator[Api]:
    it = Api("rules", CASES[case][0]())
    try:
        yield it
    finally:
        it.close()


@pytest.mark.parametrize("case", CASES)
def test_no_server_makes_the_tap_take_more_than_300_megabytes(case: str, tmp_path: Path) -> None:
    _, most, refusal = CASES[case]
    arguments = []
    with api(case) as it:
        config = {"api_url": it.url, "api_token": TOKEN, "auth_header": "Authorization", "auth_prefix": "Token"}
        for name, content in {"config": config, "catalog": catalog("tax_rules")}.items():
            (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
            arguments += [f"--{name}", str(tmp_path / name)]
        with (tmp_path / "log").open("wb") as log:
            tap = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *arguments],
                cwd=ROOT,
                env={**os.environ, DO_NOT_WAIT: "1"},
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert tap.stdout is not None
        records = sum(b'"autumn"' in line for line in tap.stdout if line.startswith(b'{"type":"RECORD"'))
        tap.stdout.close()
        code = tap.wait()
    said = (tmp_path / "log").read_text(encoding="utf-8")
    peak = int(next(line for line in said.splitlines() if line.startswith("PEAK")).split()[1]) / (1 << 20)
    print(f"| {case} | {'refused, exit status 1' if code else 'all rows'} | {peak:.0f} MB |")
    assert peak < MEGABYTES
    assert "Traceback" not in said
    if refusal:
        assert code == 1
        assert refusal in said
    else:
        assert (code, records) == (0, most)
