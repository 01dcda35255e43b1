"""Takes secrets out of the names of fields: a server chooses these, and they appear in columns, logs and reports.

Values are data, and are not changed.
"""

from __future__ import annotations

import typing as t

from rest_tap.redact import MAX_TEXT_LENGTH, masked

if t.TYPE_CHECKING:
    from rest_tap.schema import Record

#: Names that are remembered as harmless; a server may send any number.
NAMES_KEPT = 10_000


class NameClearer:
    """Takes secrets out of names, and remembers which are harmless."""

    def __init__(self) -> None:
        """Start with no name known."""
        self._harmless: set[str] = set()
        #: Whether a name was changed.
        self.has_cleared = False

    def clear(self, value: t.Any) -> None:
        """Clear all names inside a value, in place."""
        if value.__class__ is dict:
            if not value.keys() <= self._harmless:
                self._clear_own(value)
            value = value.values()
        elif value.__class__ is not list:
            return
        for one in value:
            if one.__class__ is dict or one.__class__ is list:
                self.clear(one)

    def holds_secret(self, name: str, value: t.Any) -> bool:
        """Return whether a name, or one inside its value, is to be cleared."""
        if self._cleared(name) != name:
            return True
        if value.__class__ is dict:
            return any(self.holds_secret(inner, value[inner]) for inner in value)
        return value.__class__ is list and any(self.holds_secret(name, one) for one in value)

    def _cleared(self, name: str) -> str:
        """Return a name without secrets, cut if it is very long."""
        if name in self._harmless:
            return name
        cleared = masked(name[:MAX_TEXT_LENGTH])
        if cleared == name and len(self._harmless) < NAMES_KEPT:
            self._harmless.add(name)
        return cleared

    def _clear_own(self, value: Record) -> None:
        cleared = {name: self._cleared(name) for name in value}
        if all(name == new for name, new in cleared.items()):
            return
        self.has_cleared = True
        items = list(value.items())
        value.clear()
        for name, one in items:
            new, number = cleared[name], 1
            while new in value:
                number += 1
                new = f"{cleared[name]} {number}"
            value[new] = one
