"""Texts and names in messages to users: on one line, and not too many."""

from __future__ import annotations

import difflib
import typing as t

#: Names that one line lists.
MAX_LISTED_NAMES = 10


def one_line(text: str) -> str:
    """Return a text on one line, with another character in place of those that are not printable."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(text.split()))


def join_names(names: t.Iterable[object], known: t.Iterable[str] = ()) -> str:
    """Return names joined by commas, each with a hint at the most similar known one; only the first few."""
    known = list(known)
    texts = []
    for name in map(str, names):
        short = one_line(name)[:60]
        near = difflib.get_close_matches(name, known, n=1)
        texts.append(f"{short} (did you mean {near[0]}?)" if near else short)
    more = f" and {len(texts) - MAX_LISTED_NAMES} more" if len(texts) > MAX_LISTED_NAMES else ""
    return ", ".join(texts[:MAX_LISTED_NAMES]) + more
