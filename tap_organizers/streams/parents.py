"""Organizers and events, and what the streams below them share."""

from __future__ import annotations

import typing as t

from rest_tap.request import fill_path
from rest_tap.schema import (
    Array,
    Boolean,
    DateTime,
    I18n,
    Integer,
    Json,
    Number,
    Record,
    String,
    fields,
)
from tap_organizers.client import OrganizersStream

if t.TYPE_CHECKING:
    from rest_tap.stream import Context


#: In a context, says that the event is a series of dates. No placeholder or field can have such a name.
IS_SERIES = "is a series"


class Organizers(OrganizersStream):
    """A company or person that sells tickets; everything else belongs to one."""

    name = "organizers"
    child_key = "organizer"
    path = "/organizers"
    primary_keys = ("slug",)
    properties = fields(
        name=String("Name."),
        slug=String("Short name used in URLs."),
        public_url=String("Address of the public shop page."),
        plugins=Array(String, "Module names of the active plugins."),
    )

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:  # noqa: ARG002
        """Return a context for each account: it is asked for the organizers that it sees."""
        return self.scope.accounts.contexts()

    def received(
        self,
        rows: list[Record],
        context: Context,
        passes: t.Callable[[Record], bool],  # noqa: ARG002
    ) -> list[Record]:
        """Take note of which organizers the account sees; return those that it reads."""
        account = self.account(context)
        return [row for row in rows if self.scope.accounts.claim(row["slug"], account)]

    def accepts(self, row: Record, context: Context) -> bool:  # noqa: ARG002
        """Return whether the settings choose this organizer, and this shard reads anything of it."""
        return self.scope.wants_organizer(row.get("slug"))

    def rows(self, row: Record, context: Context) -> t.Iterable[Record]:
        """Return the organizer, unless it is another shard's and only its events are divided."""
        return super().rows(row, context) if self.scope.owns(row.get("slug")) else ()

    def get_child_context(self, record: Record, context: t.Any) -> dict[str, t.Any]:  # noqa: ARG002
        """Return the key that lists below an organizer need, without the account that sees it."""
        return {"organizer": record["slug"]}


class OrganizerChildStream(OrganizersStream):
    """A list that each organizer has. A subclass states path, keys and fields."""

    parent_stream_type = Organizers
    parent_keys = fields(organizer=String("Organizer, by slug."))

    def is_wanted(self, context: Context) -> bool:
        """Return whether the server has the list, and the organizer is this shard's or an event's list replaces it."""
        return super().is_wanted(context) and self.scope.owns_list(context)


class AllEventsStream(OrganizerChildStream):
    """A list of an organizer with the rows of all its events, which each event also has for itself.

    Below an event the API answers 403 if the credential may not read the list. The
    organizer's list answers 200 in any case, without the rows of events that the credential
    does not see or whose list it may not read (docs/pretix.md, "Permissions").
    """

    #: Servers that are older than the list, and forks, have it only for each event.
    fallback = "events"

    def list_path(self, context: Context) -> str:
        """Return the path of the list: of one event, if that is what is read."""
        return fill_path(self.event_path if "event" in context else self.path, context)


class Events(OrganizerChildStream):
    """Something that tickets are sold for: a single event, or a series of dates."""

    name = "events"
    child_key = "event"
    path = "/organizers/{organizer}/events"
    primary_keys = ("organizer", "slug")
    properties = fields(
        name=I18n("Name of the event."),
        slug=String("Unique inside the organizer only."),
        live=Boolean("Whether the shop is open to the public."),
        testmode=Boolean("Whether test mode is (was) on."),
        currency=String("ISO 4217 code."),
        date_from=DateTime("Start."),
        date_to=DateTime("End, if set."),
        date_admission=DateTime("Time doors open, if set."),
        is_public=Boolean("Whether it is shown in public lists."),
        presale_start=DateTime("No sale before this time."),
        presale_end=DateTime("No sale after this time."),
        location=I18n("Place, multi-line."),
        geo_lat=Number("Latitude."),
        geo_lon=Number("Longitude."),
        has_subevents=Boolean("Whether the event is a series of dates."),
        meta_data=Json("Values of the meta properties, by property name.", personal=False),
        seating_plan=Integer("Seating plan in use."),
        plugins=Array(String, "Module names of the active plugins."),
        seat_category_mapping=Json("Item that is sold for each seat category of the plan.", personal=False),
        timezone=String("Time zone of the event; times in rows come in the time zone of the server."),
        item_meta_properties=Json("Default value of each item meta property, by name.", personal=False),
        all_sales_channels=Boolean("Whether it is available on every sales channel."),
        limit_sales_channels=Array(String, "Identifiers of the sales channels it is restricted to, if not all."),
        public_url=String("Address of the public shop page."),
        sales_channels=Array(String, "Legacy: identifiers of all sales channels it is available on."),
    )

    def is_wanted(self, context: Context) -> bool:  # noqa: ARG002
        """Return True: each shard that has events of an organizer has to look for them."""
        return True

    def accepts(self, row: Record, context: Context) -> bool:
        """Return whether the settings choose this event, and this shard reads it."""
        return self.scope.wants_event(context.get("organizer"), row.get("slug"))

    def is_settled(self, row: Record) -> bool:
        """Return whether the event ended so long ago that the sweep is enough for what is below it."""
        return self.scope.is_settled(row)

    def get_child_context(
        self,
        record: Record,
        context: t.Any,
    ) -> dict[str, t.Any] | None:
        """Return the keys that lists below an event need; None if it ended long ago."""
        if not self.scope.reads_below_event(record):
            return None
        keys = {"organizer": context["organizer"], "event": record["slug"]}
        return {**keys, IS_SERIES: True} if record.get("has_subevents") else keys


class EventChildStream(OrganizersStream):
    """A list that each event has. A subclass states path, keys and fields."""

    parent_stream_type = Events
    parent_keys = fields(
        **OrganizerChildStream.parent_keys,
        event=String("Event, by slug; unique within its organizer only."),
    )
