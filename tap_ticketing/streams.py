"""The streams: events, their attendees and what those answered, and tickets; orders are in a module of their own.

Each list of these exists in two forms: one for all events, and one below each event (setting
``partition_by_event``), whose rows and keys carry ``event_id``.
"""

from __future__ import annotations

import json
import typing as t

from rest_tap.errors import ApiError, ErrorAnswer, NotFound
from rest_tap.paging import Cursor, Page, Paginator, SinglePage
from rest_tap.schema import (
    Anything,
    Array,
    Boolean,
    DateTime,
    Integer,
    Object,
    Placeholder,
    Record,
    String,
    fields,
)
from tap_ticketing.bookmarks import TicketBookmark, read_bookmark, write_bookmark
from tap_ticketing.client import BelowEvent, TicketingStream, event_id
from tap_ticketing.orders import ORDER_STREAMS

if t.TYPE_CHECKING:
    from singer_sdk import Tap

    from rest_tap.state import State
    from rest_tap.stream import Context, ListStream
    from tap_ticketing.scope import Scope

#: Statuses that may mean that a bookmark's ticket is gone; so does an error with status 200.
UNKNOWN_TICKET = frozenset({400, 404, 410, 422})

ADDON = fields(
    id=Integer("Add-on."),
    name=String("Name."),
    is_bundled=Boolean("Whether it comes with the ticket."),
    uses=Integer("How often it can be used."),
    enabled=Boolean("Whether it can be used now."),
)
TICKET_TYPE = fields(
    id=Integer("Ticket type."),
    name=String("Name."),
    price=String("Price with its currency, as text."),
    addons=Array(ADDON, "Add-ons of the ticket type."),
)
CHECKIN = fields(
    addon_id=Integer("Add-on that was checked in; null for the ticket itself."),
    date=DateTime("Time of the check-in."),
)


class Events(TicketingStream):
    """Something that tickets are sold for. The service lists active events only."""

    name = "events"
    #: An event that has ended is not on the list any more, and is there all the same.
    lists_everything = False
    path_setting = "events_path"
    records_key = "events"
    primary_keys = ("id",)
    properties = fields(
        id=Integer("Event."),
        name=String("Name."),
        location=String("Place."),
        starts_at=DateTime("Start; null for perpetual events."),
        ticket_types=Array(TICKET_TYPE, "Kinds of tickets on sale."),
        tickets=Integer("Tickets there are."),
        tickets_checked_in=Integer("Tickets that were checked in."),
        tickets_sold=Integer("Tickets sold."),
        hash=String("Public identifier of the event."),
    )

    def received(
        self,
        rows: list[Record],
        context: Context,  # noqa: ARG002
        passes: t.Callable[[Record], bool],
    ) -> list[Record]:
        """Take note of this shard's active events; return them, and after them those that ended a short while ago."""
        for row in rows:
            row["id"] = event_id(row)
        ours = [row for row in rows if self.scope.owns(row["id"])]
        active = [row["id"] for row in ours]
        followed = self.scope.followed
        followed.note_active(self.state, (row["id"] for row in ours if passes(row)))
        ended = followed.ended_lately(self.state, active)
        followed.forget(self.state, active)
        return [*ours, *(Placeholder(id=event_id({"id": event})) for event in ended)]

    def rows(self, row: Record, context: Context) -> t.Iterable[Record]:
        """Return the row, unless it is only there for what is below it."""
        return () if isinstance(row, Placeholder) else super().rows(row, context)

    def get_child_context(self, record: Record, context: t.Any) -> dict[str, t.Any]:  # noqa: ARG002
        """Return the key that lists below an event need."""
        return {"event_id": record["id"]}


class Attendees(TicketingStream):
    """A person who holds a ticket, with what was asked of them.

    The cursor brings new attendees only. To have changes to those already read, too, ask
    for ``FULL_TABLE`` in the catalog.
    """

    name = "attendees"
    path_setting = "attendees_path"
    records_key = "attendees"
    primary_keys: tuple[str, ...] = ("id",)
    replication_key = "ticket_code"
    properties = fields(
        id=String("Attendee."),
        created_at=DateTime("Time of the registration."),
        ticket_code=String("Code of the ticket."),
        ticket_id=String("Ticket."),
        ticket_type=Object(
            fields(id=Integer("Ticket type."), name=String("Name.")),
            "Kind of the ticket.",
        ),
        values=Array(
            Anything,
            "Answers in the order of the form's fields: texts, lists and files. attendee_answers has them by name.",
            personal=True,
        ),
        order_id=String("Order."),
        order_uuid=String("Public identifier of the order."),
        checkins=Array(CHECKIN, "Check-ins of the ticket."),
        links=Array(Anything, "Links of the ticket.", personal=True),
    )

    def __init__(self, tap: Tap, state: State, scope: Scope) -> None:
        """Start with no list begun."""
        super().__init__(tap, state, scope)
        self._cursors: dict[t.Any, Cursor] = {}

    def bookmarked_streams(self) -> list[ListStream]:
        """Return the selected streams that go on from a bookmark of this list: not the fields of its form."""
        return [stream for stream in super().bookmarked_streams() if not isinstance(stream, AttendeeFields)]

    def paginator(self, context: Context) -> Paginator:
        """Begin to read on from the bookmark; only the first page where just the form is wanted."""
        params = self.list_params(context)
        if not self.bookmarked_streams():
            return SinglePage(params)
        is_due = self.sweep.is_due(self.sweep_keys(context))
        return self._cursor(context, TicketBookmark() if is_due else self._read_bookmark(context.get("event_id")))

    def _cursor(self, context: Context, since: TicketBookmark) -> Cursor:
        """Return a new cursor for a list, and take note of it."""
        cursor = Cursor(
            "ticket_code",
            "since",
            since.code,
            self.list_params(context),
            total=since.total,
            missing=since.shortfall or 0,
            keys=self.identity,
        )
        self._cursors[context.get("event_id")] = cursor
        return cursor

    def restart(self, error: ApiError, context: Context) -> Paginator | None:
        """Begin to read from the beginning, if the ticket of the bookmark may be gone."""
        event = context.get("event_id")
        may_be_gone = isinstance(error, (ErrorAnswer, NotFound)) or error.status in UNKNOWN_TICKET
        if not may_be_gone or self._read_bookmark(event).code is None:
            return None
        return self._cursor(context, TicketBookmark())

    def reads_all(self, context: Context) -> bool:
        """Return whether this run reads the list from its beginning."""
        cursor = self._cursors.get(context.get("event_id"))
        return cursor is None or cursor.since is None

    def page_read(self, context: Context, page: Page) -> None:
        """Move the bookmark to the last ticket that was written."""
        if page.rows and page.reached is not None:
            cursor = self._cursors.get(context.get("event_id"))
            passed = None if cursor is None else cursor.rows_passed
            self._write_bookmark(TicketBookmark(page.reached, passed), context.get("event_id"))

    def list_read(self, context: Context, page: Page) -> None:  # noqa: ARG002
        """Set the bookmark, with the total that the next run can be compared with, and what is missing of it."""
        event = context.get("event_id")
        cursor = self._cursors.pop(event, None)
        if cursor is None:
            return
        if cursor.restarted:
            self.logger.warning(
                "%s: the ticket of the bookmark seems to be gone, the whole list was read%s",
                self.name,
                _of_event(event),
            )
        self._write_bookmark(TicketBookmark(cursor.since, cursor.total, cursor.rows_missing or None), event)

    def _read_bookmark(self, event: t.Any) -> TicketBookmark:
        """Return the bookmark of a list, if all that goes on from it has the same; warn of one that is no code."""
        if not self.is_incremental:
            return TicketBookmark()
        bookmark, *others = [read_bookmark(self.state, stream.name, event) for stream in self.bookmarked_streams()]
        if any(other.code != bookmark.code for other in others):
            # One of the streams was selected later, and lacks the rows before.
            return TicketBookmark()
        if bookmark.code is not None and not isinstance(bookmark.code, str):
            self.logger.warning("%s: the bookmark is not a ticket code; reading all", self.name)
            return TicketBookmark()
        total = bookmark.total if type(bookmark.total) is int else None
        is_short = total is not None and type(bookmark.shortfall) is int and 0 < bookmark.shortfall <= total
        return TicketBookmark(bookmark.code or None, total, bookmark.shortfall if is_short else None)

    def _write_bookmark(self, bookmark: TicketBookmark, event: t.Any) -> None:
        if not self.is_incremental:
            return
        for stream in self.bookmarked_streams():
            write_bookmark(self.state, stream.name, event, bookmark)


class AttendeeFields(TicketingStream):
    """A field of the form that attendees fill in. Comes along with attendees, without a request."""

    name = "attendee_fields"
    parent_stream_type = Attendees
    nested_in = "values"
    primary_keys: tuple[str, ...] = ("id",)
    properties = fields(
        id=String("Field of the form; '#' and its position where it has no id."),
        position=Integer("Place in the form, from 0; answers stand in this order."),
        name=String("Question."),
        type=String("text, email, select, file or date."),
        values=Array(Anything, "What can be chosen.", personal=False),
        is_multiple=Boolean("Whether more than one answer can be given."),
        is_mandatory=Boolean("Whether an answer must be given."),
    )

    #: The list and the form whose fields were returned last.
    _last: tuple[t.Any, list[Record]] | None = None

    def page_records(
        self,
        page: Page,
        rows: t.Sequence[Record],  # noqa: ARG002
        context: Context,
    ) -> t.Iterable[Record]:
        """Return the form's fields, once for each list."""
        form = form_of(page)
        if (context.get("event_id"), form) == self._last:
            return
        self._last = (context.get("event_id"), form)
        for position, field in enumerate(form):
            yield {**field, "id": field_id(field, position), "position": position}


class AttendeeAnswers(TicketingStream):
    """What an attendee answered to one field of the form. Comes along with attendees."""

    name = "attendee_answers"
    parent_stream_type = Attendees
    nested_in = "values"
    primary_keys: tuple[str, ...] = ("attendee_id", "field_id")
    replication_key = "ticket_code"
    properties = fields(
        attendee_id=String("Attendee."),
        field_id=String("Field of the form; '#' and the position where the form names none."),
        ticket_code=String("Code of the attendee's ticket; the cursor that this stream goes by."),
        position=Integer("Place in the form, from 0."),
        name=String("Question."),
        type=String("text, email, select, file or date."),
        value=String("Answer as text; several are joined by a comma, a file is named.", personal=True),
        value_json=String("Answer as the API sent it, as JSON text.", personal=True),
    )

    def page_records(
        self,
        page: Page,
        rows: t.Sequence[Record],
        context: Context,  # noqa: ARG002
    ) -> t.Iterable[Record]:
        """Return a record for each answer of each attendee."""
        form = form_of(page)
        for row in rows:
            values = row.get("values")
            for position, value in enumerate(values if isinstance(values, list) else ()):
                field = form[position] if position < len(form) else {}
                yield {
                    "attendee_id": row.get("id"),
                    "field_id": field_id(field, position),
                    "ticket_code": row.get("ticket_code"),
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
    primary_keys: tuple[str, ...] = ("code",)
    properties = fields(
        code=String("Code of the ticket."),
        checked_in=Boolean("Whether it was checked in."),
        checkins=Array(CHECKIN, "Check-ins."),
        ticket_type_id=Integer("Ticket type."),
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
    *ORDER_STREAMS,
)
PARTITIONED_STREAMS: tuple[type[TicketingStream], ...] = (
    Events,
    EventAttendees,
    EventAttendeeFields,
    EventAttendeeAnswers,
    EventTickets,
    *ORDER_STREAMS,
)


def form_of(page: Page) -> list[Record]:
    """Return the fields of the form that an answer describes."""
    form = page.envelope.get("fields")
    return [field if isinstance(field, dict) else {} for field in form] if isinstance(form, list) else []


def field_id(field: Record, position: int) -> t.Any:
    """Return what identifies a field of the form: its id, or else its place."""
    named = field.get("id")
    return f"#{position}" if named is None else named


def _of_event(event: t.Any) -> str:
    return "" if event is None else f" of event {event}"


def as_text(value: t.Any) -> str | None:
    """Return an answer as text: a list joined, a file by its name."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := as_text(item)) is not None)
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return str(value["name"])
    return json.dumps(value, ensure_ascii=False)
