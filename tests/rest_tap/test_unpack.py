"""Bodies are unpacked whatever pieces they come in, and never more than somebody wants."""

from __future__ import annotations

import gzip
import typing as t
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest_tap.unpack import MAX_PIECE, unpack

TEXT = b'{"a": 1}' * 5000


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


PACKED: dict[str, tuple[str, t.Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "in capitals": (" GZIP", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "zlib": ("deflate", zlib.compress),
    "deflate without header": ("deflate", raw_deflate),
    "not packed": ("", bytes),
    "said to be a text": ("utf-8", bytes),
}


def cut(content: bytes, size: int) -> t.Iterator[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


@pytest.mark.parametrize("size", [1, 2, 3, 100, 1 << 20])
@pytest.mark.parametrize("name", PACKED)
def test_a_body_is_unpacked_whatever_pieces_it_comes_in(name: str, size: int) -> None:
    encoding, pack = PACKED[name]
    assert b"".join(unpack(cut(pack(TEXT), size), encoding)) == TEXT
    assert b"".join(unpack([], encoding)) == b""


def test_gzip_may_have_several_parts() -> None:
    assert b"".join(unpack(cut(gzip.compress(TEXT) + gzip.compress(b"more"), 7), "gzip")) == TEXT + b"more"


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize("rest", [b"\0" * 100, b"\r\n", b"garbage"])
def test_what_follows_a_whole_gzip_is_left_out(rest: bytes, size: int) -> None:
    assert b"".join(unpack(cut(gzip.compress(TEXT) + rest, size), "gzip")) == TEXT


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_bomb_comes_in_small_pieces(encoding: str, pack: t.Callable[[bytes], bytes]) -> None:
    pieces = unpack([pack(b" " * (1 << 26))], encoding)
    assert max(len(piece) for piece in pieces) <= MAX_PIECE


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_what_was_cut_off_comes_without_its_end(encoding: str, pack: t.Callable[[bytes], bytes]) -> None:
    found = b"".join(unpack([pack(TEXT)[:-20]], encoding))
    assert TEXT.startswith(found)


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", ""]))
def test_garbage_is_an_error_or_comes_as_it_is(content: bytes, encoding: str) -> None:
    try:
        found = b"".join(unpack([content], encoding))
    except zlib.error:
        return
    assert found == content or encoding in {"gzip", "deflate"}
