"""Which cookies of a server are sent back to it."""

from __future__ import annotations

import typing as t
from http.cookiejar import Cookie, DefaultCookiePolicy

#: Characters of a cookie, name and value, and cookies at once.
MAX_COOKIE_LENGTH, MAX_COOKIES = 4096, 8


class SessionCookies(DefaultCookiePolicy):
    """Keeps session cookies only, and a limited number of them.

    A pretix that does not get its own back stores a new session for every request
    (docs/pretix.md, "Requests").
    """

    def __init__(self) -> None:
        """Start without any."""
        super().__init__()
        self._kept: dict[tuple[str, str, str], str] = {}
        #: The last values that others came in place of: answers under way may still hold them.
        self._replaced: tuple[str, ...] = ()

    def set_ok(self, cookie: Cookie, request: t.Any) -> bool:
        """Return whether to keep a cookie."""
        value = cookie.value or ""
        place = (cookie.domain, cookie.path, cookie.name)
        if "sess" not in cookie.name.lower() or len(cookie.name) + len(value) > MAX_COOKIE_LENGTH:
            return False
        if (len(self._kept) >= MAX_COOKIES and place not in self._kept) or not super().set_ok(cookie, request):
            return False
        if self._kept.get(place, value) != value:
            self._replaced = (*self._replaced, self._kept[place])[-MAX_COOKIES:]
        self._kept[place] = value
        return True

    @property
    def are_any(self) -> bool:
        """Return whether a cookie was ever kept."""
        return bool(self._kept)

    def secrets(self) -> t.Iterable[str]:
        """Return the values that are kept, or were a moment ago: who has them has the session."""
        return (*self._kept.values(), *self._replaced)
