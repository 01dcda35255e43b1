"""The organizers' API as an SDK stream: what its lists have in common."""

from __future__ import annotations

import typing as t

from rest_tap.client import Context, ListStream
from rest_tap.errors import ApiError, BrokenAnswer, Denied, NotThere

if t.TYPE_CHECKING:
    from rest_tap.paging import Page
    from tap_organizers.tap import TapOrganizers


class OrganizersStream(ListStream):
    """A list of this API, whatever it stands below."""

    #: Permission that reading takes, in the words of pretix since 2026.3.
    permission: t.ClassVar[str | None] = None
    #: The same permission in the words of pretix before 2026.3.
    permission_before: t.ClassVar[str | None] = None
    #: First version of pretix that has the list.
    since_version: t.ClassVar[str | None] = None

    def __init__(self, tap: TapOrganizers) -> None:
        """Take the settings of this API."""
        super().__init__(tap)
        self.organizers_tap = tap
        #: Whether the server has this list: it has answered somewhere.
        self.is_there = False
        self._asked_again: set[tuple[t.Any, ...]] = set()

    def read(self, body: t.Any) -> Page:
        """Return the rows of a decoded answer.

        Raises:
            BrokenAnswer: It is not what the contract says.
        """
        page = super().read(body)
        if "slug" in self.own_keys:
            for row in page.rows:
                self._check_slug(row.get("slug"))
        self.is_there = True
        return page

    def _check_slug(self, slug: t.Any) -> None:
        """Check what stands in paths, in the state and in the log.

        Raises:
            BrokenAnswer: It is no text, or the server has put the credential there.
        """
        if not isinstance(slug, str) or not slug:
            msg = "a row has no slug"
            raise BrokenAnswer(msg)
        if self.run.http.redactor.mask(slug, is_ours=True) != slug:
            msg = "a slug holds the credential"
            raise BrokenAnswer(msg)

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

    def reads_all(self, context: Context) -> bool:  # noqa: ARG002
        """Return whether this run reads the list from its beginning."""
        return True

    def is_stale(self, context: Context, page: Page) -> bool:  # noqa: ARG002
        """Return whether a list without new rows has had none for so long that it is strange."""
        return True

    def has_gone(self, error: ApiError, context: Context) -> bool:
        """Return whether the event was deleted while the list was read."""
        return isinstance(error, Denied) and "event" in context and self.organizers_tap.is_gone(context)
