"""Rows that are compared whatever their order."""

from __future__ import annotations

import json
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable


def as_set(rows: Iterable[dict[str, t.Any]], without: Iterable[str] = ()) -> set[str]:
    """Return different rows as texts; objects in lists stand in any order, as servers send them.

    Args:
        rows: The rows.
        without: Fields to leave out.
    """
    return {_text({name: value for name, value in row.items() if name not in set(without)}) for row in rows}


def _text(value: t.Any) -> str:
    return json.dumps(_ordered(value), sort_keys=True)


def _ordered(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: _ordered(inner) for name, inner in value.items()}
    if isinstance(value, list):
        inside = [_ordered(inner) for inner in value]
        return sorted(inside, key=_text) if inside and isinstance(inside[0], dict) else inside
    return value
