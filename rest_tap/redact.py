"""The one place through which every text of a server passes before anybody sees it."""

from __future__ import annotations

import typing as t


class Redactor:
    """Takes secrets out of texts in which a server may have echoed them."""

    def __init__(self, secrets: t.Callable[[], t.Iterable[str]]) -> None:
        """Take what tells the secrets; a login adds to them during a run."""
        self._secrets = secrets

    def clear(self, text: str) -> str:
        """Return a text without any secret that may have been echoed in it."""
        # Longer ones first: one may be the beginning of another.
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text
