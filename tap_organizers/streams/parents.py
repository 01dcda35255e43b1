"""Organizers and events, and the levels of streams below them."""

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
from rest_tap.times import parse_time
from tap_organizers.client import OrganizersStream

if t.TYPE_CHECKING:
    from rest_tap.client import Context
    from rest_tap.paging import Page
    from tap_organizers.tap import TapOrganizers


class Organizers(OrganizersStream):
    """A company or person that sells tickets; everything else belongs to one."""

    name = "organizers"
    path = "/organizers"
    primary_keys = ("slug",)
    properties = fields(
        name=String("Name."),
        slug=String("Short name used in URLs."),
        public_url=String("Address of the public shop page."),
        plugins=Array(String, "Module names of the active plugins."),
    )

    def accepts(self, row: Record, context: Context) -> bool:  # noqa: ARG002
        """Return whether the settings want this one, and this shard has to do with it."""
        slug = row.get("slug")
        return self.organizers_tap.wants_organizer(slug) and self.organizers_tap.reads_below(slug)

    def rows(self, row: Record, context: Context) -> t.Iterable[Record]:
        """Return the organizer, unless it is another shard's and only its events are divided."""
        return super().rows(row, context) if self.organizers_tap.owns(row.get("slug")) else ()

    def get_child_context(self, record: Record, context: t.Any) -> dict[str, t.Any]:  # noqa: ARG002
        """Return the key that lists below an organizer need."""
        return {"organizer": record["slug"]}

    def list_read(self, context: Context, page: t.Any) -> None:  # noqa: ARG002
        """Complain about organizers that the settings name and the credential does not see."""
        self.organizers_tap.check_organizers()


class OrganizerChildStream(OrganizersStream):
    """A list that each organizer has one of. A subclass states path, keys and fields."""

    parent_stream_type = Organizers
    parent_keys = fields(organizer=String("Organizer, by slug."))

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:  # noqa: ARG002
        """Return the organizer, or the event where events are chosen, if it is this shard's."""
        is_ours = "event" in context or self.organizers_tap.owns(context["organizer"])
        return (context,) if is_ours else ()


class AllEventsStream(OrganizerChildStream):
    """A list of an organizer with the rows of all its events, which each event also has for itself.

    Below an event the API answers 403 if the credential may not read the list. The
    organizer's list answers 200 in any case, without the rows of events that the credential
    does not see, or of which it may not read them (docs/pretix.md, "Permissions").
    """

    #: Path of the same list for one event; used if events are chosen.
    event_path: t.ClassVar[str] = ""

    def __init__(self, tap: TapOrganizers) -> None:
        """Start with no row seen."""
        super().__init__(tap)
        self._with_rows: set[t.Any] = set()

    def list_path(self, context: Context) -> str:
        """Return the path of the list: of one event, if that is what is read."""
        return fill_path(self.event_path if "event" in context else self.path, context)

    def page_read(self, context: Context, page: Page) -> None:
        """Take note that there are rows which the credential may read."""
        if page.rows:
            self._with_rows.add(context["organizer"])
        super().page_read(context, page)

    def list_read(self, context: Context, page: Page) -> None:
        """Set the bookmark, if the list is not without rows because they may not be read.

        Otherwise rows that may be read again one day would lie before the bookmark. To ask
        in every run that brings nothing would double its requests, so the bookmark stays
        where it is for a day, which loses nothing, and then it is found out.
        """
        if "event" not in context:
            self.organizers_tap.sight.add_list(self, context)
            if self.permission and context["organizer"] not in self._with_rows:
                if not self.is_stale(context, page):
                    self.run.touch()
                    return
                if self.organizers_tap.is_withheld(self, self.event_path, context):
                    return
        super().list_read(context, page)


class Events(OrganizerChildStream):
    """Something that tickets are sold for: a single event, or a series of dates."""

    name = "events"
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

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:  # noqa: ARG002
        """Return the organizer: each shard that has events of it has to look for them."""
        return (context,)

    def accepts(self, row: Record, context: Context) -> bool:
        """Return whether the settings want this one, and it is this shard's."""
        organizer, slug = context.get("organizer"), row.get("slug")
        self.organizers_tap.sight.add_event(organizer, slug)
        return self.organizers_tap.wants_event(organizer, slug) and self.organizers_tap.owns(organizer, slug)

    def list_read(self, context: Context, page: Page) -> None:  # noqa: ARG002
        """Take note that all events are known that the credential sees."""
        self.organizers_tap.sight.end_events(context["organizer"])

    def get_child_context(
        self,
        record: Record,
        context: t.Any,
    ) -> dict[str, t.Any] | None:
        """Return the keys that lists below an event need; None if it ended long ago."""
        if record.get("has_subevents"):
            self.organizers_tap.series.add((context["organizer"], record["slug"]))
        bound = self.organizers_tap.events_ended_after
        # A series has no end of its own: its last date may come any time.
        if bound is not None and not record.get("has_subevents"):
            end = parse_time(record.get("date_to")) or parse_time(record.get("date_from"))
            if end is not None and end < bound:
                return None
        return {"organizer": context["organizer"], "event": record["slug"]}


class EventChildStream(OrganizersStream):
    """A list that each event has one of. A subclass states path, keys and fields."""

    parent_stream_type = Events
    parent_keys = fields(
        organizer=String("Organizer, by slug."),
        event=String("Event, by slug; unique within its organizer only."),
    )
