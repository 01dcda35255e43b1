"""The organizers' API as an SDK stream: what its lists have in common."""

from __future__ import annotations

import typing as t

from rest_tap.client import Context, ListStream
from rest_tap.errors import ApiError, Denied, NotThere
from rest_tap.transport import fill_path

if t.TYPE_CHECKING:
    from rest_tap.pagination import Answer
    from tap_organizers.tap import TapOrganizers


class OrganizersStream(ListStream):
    """A list of this API, whatever it stands below."""

    #: Permission that reading takes, in the words of pretix since 2026.3.
    permission: t.ClassVar[str | None] = None
    #: The same permission in the words of pretix before 2026.3.
    permission_before: t.ClassVar[str | None] = None
    #: First version of pretix that has the list.
    since_version: t.ClassVar[str | None] = None

    #: Path of the same list for one event, where there is one; used if events are chosen.
    event_path: t.ClassVar[str] = ""

    def __init__(self, tap: TapOrganizers) -> None:
        """Take the settings of this API."""
        super().__init__(tap)
        self.organizers_tap = tap
        #: Whether the server has this list: it has answered somewhere.
        self.is_there = False
        self._asked_again: set[tuple[t.Any, ...]] = set()

    def list_path(self, context: Context) -> str:
        """Return the path of the list: of one event, if that is what is read."""
        is_narrow = self.event_path and "event" in context
        return fill_path(self.event_path if is_narrow else self.path, context)

    def read(self, body: t.Any) -> Answer:
        """Return the rows of a decoded answer.

        Raises:
            BrokenAnswer: It is not what the contract says.
        """
        answer = super().read(body)
        self.is_there = True
        return answer

    def starts_over(self, error: ApiError, context: Context) -> bool:
        """Return whether to ask once more: that a list is not there has to be said twice."""
        place = tuple(context.values())
        if not isinstance(error, NotThere) or place in self._asked_again or self.organizers_tap.is_absent(self):
            return False
        self._asked_again.add(place)
        return True

    def forgives(self, error: ApiError, context: Context) -> bool:
        """Return whether to go on without a list that is denied, or that is not there."""
        if isinstance(error, Denied):
            return self.organizers_tap.denied(self, error, context)
        if isinstance(error, NotThere) and self.parent_stream_type is not None:
            return self.organizers_tap.not_there(self, error)
        return False

    def has_gone(self, error: ApiError, context: Context) -> bool:
        """Return whether the event was deleted while the list was read."""
        return isinstance(error, Denied) and "event" in context and self.organizers_tap.is_gone(context)
