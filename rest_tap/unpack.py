"""The body of an answer, unpacked piece by piece, so that its size can be limited."""

from __future__ import annotations

import itertools
import typing as t
import zlib

#: Bytes that are unpacked at once at most.
MAX_PIECE = 1 << 18

_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
_ZLIB_HEADER = 2


def unpack(chunks: t.Iterable[bytes], encoding: str) -> t.Iterator[bytes]:
    """Yield a body in pieces of a limited size.

    What is packed in a way that was not asked for comes as it is: it will prove to be no
    JSON. So does, without its end, what was cut off. What follows a whole gzip and is
    none is left out.

    Args:
        chunks: The body as it comes.
        encoding: The header ``Content-Encoding``.

    Raises:
        zlib.error: It is not packed as the header says.
    """
    encoding = encoding.strip().lower()
    if encoding in {"gzip", "x-gzip"}:
        return _inflate(chunks, _GZIP)
    if encoding == "deflate":
        return _deflated(iter(chunks))
    return iter(chunks)


def _deflated(chunks: t.Iterator[bytes]) -> t.Iterator[bytes]:
    """Yield a body that is packed as ``deflate``, with or without a zlib header: servers send both."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _ZLIB_HEADER:
            break
    has_header = head[:1] == b"\x78" and int.from_bytes(head[:_ZLIB_HEADER], "big") % 31 == 0
    return _inflate(itertools.chain((head,), chunks), _ZLIB if has_header else _RAW)


def _inflate(chunks: t.Iterable[bytes], kind: int) -> t.Iterator[bytes]:
    inflater, is_first = zlib.decompressobj(kind), True
    for chunk in chunks:
        left = chunk
        while left:
            if inflater.eof:
                if kind != _GZIP:
                    return
                inflater, is_first = zlib.decompressobj(kind), False  # gzip may have several parts
            try:
                piece = inflater.decompress(left, MAX_PIECE)
            except zlib.error:
                if is_first:
                    raise
                return  # what fills up a block, which gzip itself leaves out as well
            left = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if piece:
                yield piece
    if not inflater.eof and (rest := inflater.flush()):
        yield rest
