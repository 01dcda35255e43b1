"""The streams: events, their attendees and what those answered, and tickets.

Each list exists in two forms: one for all events, and one below each event (setting
``partition_by_event``), whose rows and keys carry ``event_id``.
"""

from __future__ import annotations

import json
import typing as t

from rest_tap.pagination import Answer, Cursor, Pagination
from rest_tap.schema import (
    Anything,
    Array,
    Boolean,
    DateTime,
    Integer,
    Object,
    Record,
    String,
    fields,
)
from rest_tap.state import Bookmarks
from tap_ticketing.client import BelowEvent, TicketingStream

if t.TYPE_CHECKING:
    from rest_tap.client import Context
    from rest_tap.errors import ApiError
    from tap_ticketing.tap import TapTicketing

ADDON = fields(
    id=Integer("Add-on.", lenient=True),
    name=String("Name."),
    is_bundled=Boolean("Whether it comes with the ticket."),
    uses=Integer("How often it can be used.", lenient=True),
    enabled=Boolean("Whether it can be used now."),
)
TICKET_TYPE = fields(
    id=Integer("Ticket type.", lenient=True),
    name=String("Name."),
    price=String("Price with its currency, as text."),
    addons=Array(ADDON, "Add-ons of the ticket type."),
)
CHECKIN = fields(
    addon_id=Integer("Add-on that was checked in; null for the ticket itself.", lenient=True),
    date=DateTime("Time of the check-in."),
)


class Followed(dict[str, t.Any]):
    """An event that has left the list of active events, but is still read below."""


class Events(TicketingStream):
    """Something that tickets are sold for. The service lists active events only."""

    name = "events"
    path_setting = "events_path"
    records_key = "events"
    primary_keys = ("id",)
    properties = fields(
        id=Integer("Event.", lenient=True),
        name=String("Name."),
        location=String("Place."),
        starts_at=DateTime("Start; null for perpetual events."),
        ticket_types=Array(TICKET_TYPE, "Kinds of tickets on sale."),
        tickets=Integer("Tickets there are.", lenient=True),
        tickets_checked_in=Integer("Tickets that were checked in.", lenient=True),
        tickets_sold=Integer("Tickets sold.", lenient=True),
        hash=String("Public identifier of the event."),
    )

    def read(self, body: t.Any) -> Answer:
        """Return the active events, and after them those that ended a short while ago.

        The last check-ins come after the end, when the event has left the list.
        """
        answer = super().read(body)
        for row in answer.rows:
            row["id"] = event_id(row)
        followed = self.ticketing_tap.events_to_follow([row["id"] for row in answer.rows])
        answer.rows += [Followed(id=event) for event in followed]
        return answer

    def rows(self, row: Record, context: Context) -> t.Iterable[Record]:
        """Return the row, unless it is only there for what is below it."""
        return () if isinstance(row, Followed) else super().rows(row, context)

    def get_child_context(self, record: Record, context: t.Any) -> dict[str, t.Any]:  # noqa: ARG002
        """Return the key that lists below an event need."""
        return {"event_id": record["id"]}


class Attendees(TicketingStream):
    """A person who holds a ticket, with what was asked of them.

    The cursor shows new attendees only. Who also wants changes to those already read
    asks for ``FULL_TABLE`` in the catalog.
    """

    name = "attendees"
    path_setting = "attendees_path"
    records_key = "attendees"
    primary_keys: t.Sequence[str] = ("id",)
    replication_key = "ticket_code"
    properties = fields(
        id=String("Attendee.", lenient=True),
        created_at=DateTime("Time of the registration."),
        ticket_code=String("Code of the ticket.", lenient=True),
        ticket_id=String("Ticket.", lenient=True),
        ticket_type=Object(
            fields(id=Integer("Ticket type.", lenient=True), name=String("Name.")),
            "Kind of the ticket.",
        ),
        values=Array(
            Anything,
            "Answers in the order of the form's fields: texts, lists and files. attendee_answers has them by name.",
            personal=True,
        ),
        order_id=String("Order.", lenient=True),
        order_uuid=String("Public identifier of the order.", lenient=True),
        checkins=Array(CHECKIN, "Check-ins of the ticket."),
        links=Array(Anything, "Links of the ticket.", personal=True),
    )

    def __init__(self, tap: TapTicketing) -> None:
        """Find the bookmarks."""
        super().__init__(tap)
        self.bookmarks = Bookmarks(tap.state, self.name, "events")

    def since(self, context: Context) -> str | None:
        """Return the cursor that an earlier run has reached in this list."""
        if self.replication_method != "INCREMENTAL":
            return None
        event = context.get("event_id")
        if event is not None:
            kept = self.bookmarks.get(str(event))
        else:
            bookmark = self.tap_state.get("bookmarks", {}).get(self.name, {})
            kept = bookmark.get("replication_key_value")
        if kept is not None and not isinstance(kept, str):
            self.logger.warning("%s: the bookmark is not a ticket code; reading all", self.name)
            return None
        return kept or None

    def pagination(self, context: Context) -> Pagination:
        """Return the cursor, from the bookmark."""
        return Cursor("ticket_code", "since", self.since(context), self.list_params(context))

    def starts_over(self, error: ApiError, context: Context) -> bool:
        """Return whether the bookmark's ticket may be gone: then the whole list is read."""
        since = self.since(context)
        if since is None or error.status not in {None, 200, 400, 404, 410, 422}:
            return False
        self.logger.warning("%s: cannot go on from the bookmark, reading the whole list (%s)", self.name, error.reason)
        self._keep(None, context)
        return True

    def page_read(self, context: Context, answer: Answer) -> None:
        """Move the bookmark to the last ticket that was written."""
        if answer.rows and self.replication_method == "INCREMENTAL":
            self._keep(str(answer.rows[-1]["ticket_code"]), context)

    def _keep(self, cursor: str | None, context: Context) -> None:
        event = context.get("event_id")
        if event is None:
            bookmark = self.tap_state.setdefault("bookmarks", {}).setdefault(self.name, {})
            bookmark["replication_key"] = self.replication_key
            bookmark["replication_key_value"] = cursor
        elif cursor is None:
            self.bookmarks.drop(str(event))
        else:
            self.bookmarks.put(cursor, str(event))
        self.run.touch()


class AttendeeFields(TicketingStream):
    """A field of the form that attendees fill in. Comes along with attendees, without a request."""

    name = "attendee_fields"
    parent_stream_type = Attendees
    nested_in = "values"
    primary_keys: t.Sequence[str] = ("id",)
    properties = fields(
        id=String("Field of the form.", lenient=True),
        position=Integer("Place in the form, from 0; answers stand in this order."),
        name=String("Question."),
        type=String("text, email, select, file or date."),
        values=Array(Anything, "What can be chosen."),
        is_multiple=Boolean("Whether more than one answer can be given."),
        is_mandatory=Boolean("Whether an answer must be given."),
    )

    def page_records(self, answer: Answer, rows: t.Iterable[Record], context: Context) -> t.Iterable[Record]:
        """Return the form's fields, once for each list."""
        list(rows)
        form = form_of(answer)
        if (context.get("event_id"), form) == getattr(self, "_last", None):
            return
        self._last = (context.get("event_id"), form)
        for position, field in enumerate(form):
            yield {**field, "position": position}


class AttendeeAnswers(TicketingStream):
    """What an attendee answered to one field of the form. Comes along with attendees."""

    name = "attendee_answers"
    parent_stream_type = Attendees
    nested_in = "values"
    primary_keys: t.Sequence[str] = ("attendee_id", "field_id")
    properties = fields(
        attendee_id=String("Attendee.", lenient=True),
        field_id=String("Field of the form; '#' and the position where the form names none.", lenient=True),
        position=Integer("Place in the form, from 0."),
        name=String("Question."),
        type=String("text, email, select, file or date."),
        value=String("Answer as text; several are joined by a comma, a file is named.", personal=True),
        value_json=String("Answer as the API sent it, as JSON text.", personal=True),
    )

    def page_records(
        self,
        answer: Answer,
        rows: t.Iterable[Record],
        context: Context,  # noqa: ARG002
    ) -> t.Iterable[Record]:
        """Return a record for each answer of each attendee."""
        form = form_of(answer)
        for row in rows:
            for position, value in enumerate(row.get("values") or ()):
                field = form[position] if position < len(form) else {}
                yield {
                    "attendee_id": row.get("id"),
                    "field_id": field.get("id") or f"#{position}",
                    "position": position,
                    "name": field.get("name"),
                    "type": field.get("type"),
                    "value": as_text(value),
                    "value_json": json.dumps(value, ensure_ascii=False),
                }


class Tickets(TicketingStream):
    """A ticket and its check-ins."""

    name = "tickets"
    path_setting = "tickets_path"
    records_key = "tickets"
    primary_keys: t.Sequence[str] = ("code",)
    properties = fields(
        code=String("Code of the ticket.", lenient=True),
        checked_in=Boolean("Whether it was checked in."),
        checkins=Array(CHECKIN, "Check-ins."),
        ticket_type_id=Integer("Ticket type.", lenient=True),
    )


class EventAttendees(BelowEvent, Attendees):
    """A person who holds a ticket of the event, with what was asked of them."""

    parent_stream_type = Events
    primary_keys = ("event_id", "id")


class EventAttendeeFields(BelowEvent, AttendeeFields):
    """A field of the form that the event's attendees fill in."""

    parent_stream_type = EventAttendees
    primary_keys = ("event_id", "id")


class EventAttendeeAnswers(BelowEvent, AttendeeAnswers):
    """What an attendee of the event answered to one field of the form."""

    parent_stream_type = EventAttendees
    primary_keys = ("event_id", "attendee_id", "field_id")


class EventTickets(BelowEvent, Tickets):
    """A ticket of the event and its check-ins."""

    parent_stream_type = Events
    primary_keys = ("event_id", "code")


STREAMS: tuple[type[TicketingStream], ...] = (
    Events,
    Attendees,
    AttendeeFields,
    AttendeeAnswers,
    Tickets,
)
PARTITIONED_STREAMS: tuple[type[TicketingStream], ...] = (
    Events,
    EventAttendees,
    EventAttendeeFields,
    EventAttendeeAnswers,
    EventTickets,
)


def event_id(row: Record) -> t.Any:
    """Return an event's id as the number it is; the service sends some as text."""
    value = row.get("id")
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def form_of(answer: Answer) -> list[Record]:
    """Return the form's fields as an answer tells them."""
    form = answer.envelope.get("fields")
    return [field for field in form if isinstance(field, dict)] if isinstance(form, list) else []


def as_text(value: t.Any) -> str | None:
    """Return an answer as text: a list joined, a file by its name."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := as_text(item)) is not None)
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return str(value["name"])
    return json.dumps(value, ensure_ascii=False)
