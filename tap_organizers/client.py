"""The organizers' API as an SDK stream: what its lists have in common."""

from __future__ import annotations

import typing as t

from rest_tap.errors import BrokenAnswer
from rest_tap.stream import ListStream

if t.TYPE_CHECKING:
    from singer_sdk import Tap

    from rest_tap.paging import Page
    from rest_tap.schema import Record
    from rest_tap.state import State
    from rest_tap.stream import Context
    from tap_organizers.scope import Scope


#: The permissions that reading takes, and what they were called before pretix 2026.3.
PERMISSIONS_BEFORE: t.Mapping[str, str] = {
    "event.orders:checkin": "can_checkin_orders",
    "event.orders:read": "can_view_orders",
    "event.orders:write": "can_change_orders",
    "event.settings.general:write": "can_change_event_settings",
    "event.vouchers:read": "can_view_vouchers",
    "organizer.customers:read": "can_manage_customers",
    "organizer.devices:read": "can_change_organizer_settings",
    "organizer.giftcards:read": "can_manage_gift_cards",
    "organizer.reusablemedia:read": "can_manage_reusable_media",
    "organizer.settings.general:write": "can_change_organizer_settings",
    "organizer.teams:write": "can_change_teams",
}


def permission_before(permission: str | None) -> str:
    """Return a permission, or one of several, in the words of pretix before 2026.3; empty if it had no other name."""
    known = (PERMISSIONS_BEFORE.get(one) for one in (permission or "").split(" or "))
    return " or ".join(filter(None, known))


class OrganizersStream(ListStream):
    """A list of this API, whatever it stands below."""

    #: Permission that reading takes, in the words of pretix since 2026.3.
    permission: t.ClassVar[str | None] = None
    #: First version of pretix that has the list.
    since_version: t.ClassVar[str | None] = None
    #: Path of the same list for one event, where it is an organizer's with the rows of all events.
    event_path: t.ClassVar[str] = ""
    #: Path of a list of the event that is answered 403 where this one is answered without its rows.
    denied_path: t.ClassVar[str] = ""
    #: What a row's own key is called in the lists below it: in their context, their records and the paths.
    child_key: t.ClassVar[str] = ""
    #: Whether it is one object that may not exist: a 404 that is no web page then says that there is none.
    is_optional: t.ClassVar[bool] = False

    def __init__(self, tap: Tap, state: State, scope: Scope) -> None:
        """Take what the settings choose."""
        super().__init__(tap, state)
        self.scope = scope
        #: Whether the server was found not to have such a list; and whether it cannot have another one, since it
        #: tells that its version is from before the list.
        self.is_absent = self.is_absent_everywhere = False

    def is_wanted(self, context: Context) -> bool:  # noqa: ARG002
        """Return whether this run reads the list; not if the server cannot have it."""
        return not self.is_absent_everywhere

    def read(self, body: t.Any) -> Page:
        """Return the rows of a decoded answer.

        Raises:
            BrokenAnswer: It is not what the contract says; a slug stands in paths, and has to be a text.
        """
        page = super().read(body)
        if "slug" in self.own_keys and not all(isinstance(row.get("slug"), str) and row["slug"] for row in page.rows):
            raise BrokenAnswer("a row has no slug")
        return page

    def get_child_context(self, record: Record, context: t.Any) -> dict[str, t.Any] | None:
        """Return the keys that lists below a row need; None if they are not read."""
        return {**context, self.child_key: record[self.own_keys[0]]} if self.child_key else dict(context)

    def account(self, context: Context) -> str:
        """Return the name of the account that reads the list."""
        return self.scope.accounts.of(context)

    def sweep_keys(self, context: Context) -> tuple[str, ...]:
        """Return what names the place of a list in the sweep: all below an event have the event's."""
        organizer = str(context.get("organizer", ""))
        return (organizer, str(context["event"])) if "event" in context else (self.name, organizer)

    def is_stale(self, context: Context, page: Page) -> bool:  # noqa: ARG002
        """Return whether the list has no bookmark, or one from more than a day ago."""
        return True
