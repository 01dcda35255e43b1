"""Settings, exports, and the lists of bundled plugins."""

from __future__ import annotations

import typing as t

from rest_tap.paging import Page, Paginator, SinglePage
from rest_tap.schema import (
    Anything,
    Array,
    Boolean,
    DateTime,
    Decimal,
    I18n,
    Integer,
    Json,
    String,
    Time,
    fields,
)
from tap_organizers.client import OrganizersStream
from tap_organizers.streams.parents import EventChildStream, OrganizerChildStream

if t.TYPE_CHECKING:
    from rest_tap.stream import Context


INPUT_PARAMETER = fields(
    name=String("Parameter name."),
    required=Boolean("Whether the export refuses to run without it."),
    choices=Array(Anything, "Allowed values; only present for choice parameters.", personal=False),
)


EXPORTER = fields(
    identifier=String("Identifier."),
    verbose_name=String("Human-readable name, in the language of the request."),
    input_parameters=Array(INPUT_PARAMETER, "Parameters the export accepts."),
)


SCHEDULED_EXPORT = fields(
    id=Integer("Identifier, assigned by the server."),
    owner=String("E-mail address of the user the export belongs to.", personal=True),
    export_identifier=String("Exporter."),
    export_form_data=Json("Parameters of the export."),
    locale=String("Language code."),
    mail_additional_recipients=String("Further recipients, comma separated.", personal=True),
    mail_additional_recipients_cc=String("Recipients in copy, comma separated.", personal=True),
    mail_additional_recipients_bcc=String("Recipients in blind copy, comma separated.", personal=True),
    mail_subject=String("Subject of the mail."),
    mail_template=String("Text of the mail."),
    schedule_rrule=String("Recurrence rule (RFC 5545)."),
    schedule_rrule_time=Time("Time of day of the run."),
    schedule_next_run=DateTime("Next planned run."),
)


ITEM_ASSIGNMENT = fields(
    item=Integer("Item."),
    sales_channel=String("Identifier of the sales channel."),
)


BADGE_LAYOUT_ITEM_ASSIGNMENT = fields(
    item=Integer("Item."),
)


TRANSACTION = fields(
    state=String("State of the match."),
    message=String("Message about the match.", personal=True),
    checksum=String("Checksum used against double import.", personal=True),
    payer=String("Name of the payer.", personal=True),
    reference=String("Reference text.", personal=True),
    amount=Decimal("Amount."),
    date=String("Date as text; free format."),
    order=String("Matched order."),
    comment=String("Internal note.", personal=True),
    iban=String("IBAN of the payer.", personal=True),
    bic=String("BIC of the payer.", personal=True),
    currency=String("ISO 4217 code."),
    external_id=String("Id at the bank.", personal=True),
)


class SettingsStream(OrganizersStream):
    """All settings of something, as one object."""

    selected_by_default = False
    properties = fields(settings=Json("Every setting by its name; values as the API sends them."))

    def paginator(self, context: Context) -> Paginator:  # noqa: ARG002
        """Return a paginator for one object, without pages."""
        return SinglePage()

    def read(self, body: t.Any) -> Page:
        """Return the object as the one row of a list."""
        return super().read({"results": [{"settings": body}]} if isinstance(body, dict) and body else None)


class OrganizerSettings(SettingsStream, OrganizerChildStream):
    """All settings of an organizer, as one object."""

    name = "organizer_settings"
    path = "/organizers/{organizer}/settings"
    primary_keys = ("organizer",)


class EventSettings(SettingsStream, EventChildStream):
    """All settings of an event, as one object."""

    name = "event_settings"
    path = "/organizers/{organizer}/events/{event}/settings"
    primary_keys = ("organizer", "event")


class OrganizerExporters(OrganizerChildStream):
    """A report that the server can make for an organizer. About the server, not about sales.

    The API leaves out reports that the credential may not make, without saying so.
    """

    name = "organizer_exporters"
    path = "/organizers/{organizer}/exporters"
    primary_keys = ("organizer", "identifier")
    selected_by_default = False
    properties = EXPORTER


class EventExporters(EventChildStream):
    """A report that the server can make for an event. About the server, not about sales.

    The API leaves out reports that the credential may not make, without saying so.
    """

    name = "event_exporters"
    path = "/organizers/{organizer}/events/{event}/exporters"
    primary_keys = ("organizer", "event", "identifier")
    selected_by_default = False
    properties = EXPORTER


class OrganizerScheduledExports(OrganizerChildStream):
    """A report of an organizer that is sent on a schedule.

    A user's credential (OAuth) without the permission sees the user's own reports only; a team's is denied.
    """

    name = "organizer_scheduled_exports"
    path = "/organizers/{organizer}/scheduled_exports"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "organizer.settings.general:write"
    since_version = "2023.10"
    properties = fields(
        **SCHEDULED_EXPORT,
        timezone=String("Time zone of the schedule."),
        error_counter=Integer("Failed runs in a row."),
    )

    no_retry_statuses = frozenset({500})


class EventScheduledExports(EventChildStream):
    """A report of an event that is sent on a schedule.

    A user's credential (OAuth) without the permission sees the user's own reports only; a team's is denied.
    """

    name = "event_scheduled_exports"
    path = "/organizers/{organizer}/events/{event}/scheduled_exports"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "event.settings.general:write"
    since_version = "2023.10"
    properties = fields(
        **SCHEDULED_EXPORT,
        error_counter=Integer("Failed runs in a row."),
    )

    no_retry_statuses = frozenset({500})


class DataShredders(EventChildStream):
    """A way to remove personal data from an event. About the server, not about sales."""

    name = "data_shredders"
    path = "/organizers/{organizer}/events/{event}/shredders"
    primary_keys = ("organizer", "event", "identifier")
    selected_by_default = False
    permission = "event.orders:write"
    properties = fields(
        identifier=String("Identifier."),
        verbose_name=String("Human-readable name, in the language of the request."),
    )


class TicketLayouts(EventChildStream):
    """A design that tickets are printed in."""

    name = "ticket_layouts"
    path = "/organizers/{organizer}/events/{event}/ticketlayouts"
    primary_keys = ("id",)
    selected_by_default = False
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=String("Name."),
        default=Boolean("Whether it is the default."),
        layout=Array(Json, "Elements of the layout.", personal=False),
        background=String("Address of the background PDF (a default file when none was uploaded)."),
        item_assignments=Array(ITEM_ASSIGNMENT, "Items the layout is used for."),
    )


class TicketLayoutItems(EventChildStream):
    """Which design a product is printed in, by sales channel."""

    name = "ticket_layout_items"
    path = "/organizers/{organizer}/events/{event}/ticketlayoutitems"
    primary_keys = ("id",)
    selected_by_default = False
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        layout=Integer("Ticket layout."),
        item=Integer("Item."),
        sales_channel=String("Identifier of the sales channel."),
    )


class BadgeLayouts(EventChildStream):
    """A design that badges are printed in."""

    name = "badge_layouts"
    path = "/organizers/{organizer}/events/{event}/badgelayouts"
    primary_keys = ("id",)
    selected_by_default = False
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=String("Name."),
        default=Boolean("Whether it is the default."),
        layout=Array(Json, "Elements of the layout.", personal=False),
        background=String("Address of the background PDF (a default file when none was uploaded)."),
        item_assignments=Array(BADGE_LAYOUT_ITEM_ASSIGNMENT, "Items the layout is used for."),
    )


class BadgeItems(EventChildStream):
    """Which badge a product is printed with."""

    name = "badge_items"
    path = "/organizers/{organizer}/events/{event}/badgeitems"
    primary_keys = ("id",)
    selected_by_default = False
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        item=Integer("Item."),
        layout=Integer("Badge layout; null for no badge."),
    )


class SendmailRules(EventChildStream):
    """An e-mail that is sent automatically before or after the event."""

    name = "sendmail_rules"
    path = "/organizers/{organizer}/events/{event}/sendmail_rules"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "event.settings.general:write"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        subject=I18n("Subject."),
        template=I18n("Text."),
        all_products=Boolean("Whether it covers all items."),
        limit_products=Array(Integer, "Items it is restricted to, if not all."),
        restrict_to_status=Array(String, "Order states it is sent to."),
        checked_in_status=String("checked_in or no_checkin, to restrict by check-in."),
        send_date=DateTime("Time of sending, if absolute."),
        send_offset_days=Integer("Days of offset, if relative."),
        send_offset_time=Time("Time of day, if relative."),
        date_is_absolute=Boolean("Whether send_date counts."),
        offset_to_event_end=Boolean("Whether the offset counts from the end."),
        offset_is_after=Boolean("Whether it is sent after instead of before."),
        send_to=String("orders, attendees or both."),
        enabled=Boolean("Whether it is switched on."),
        include_pending=Boolean("Legacy, until pretix 2023.6: whether it is sent to unpaid orders, too."),
    )


class AutoCheckinRules(EventChildStream):
    """A rule that checks tickets in automatically."""

    name = "auto_checkin_rules"
    path = "/organizers/{organizer}/events/{event}/auto_checkin_rules"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "event.settings.general:write"
    since_version = "2024.8"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        list=Integer("Check-in list tickets are checked in on; null for all matching lists."),
        mode=String("placed or paid: when it is run."),
        all_sales_channels=Boolean("Whether it is available on every sales channel."),
        limit_sales_channels=Array(String, "Identifiers of the sales channels it is restricted to, if not all."),
        all_products=Boolean("Whether it covers all items."),
        limit_products=Array(Integer, "Items it is restricted to, if not all."),
        limit_variations=Array(Integer, "Variations it is restricted to."),
        all_payment_methods=Boolean("Whether it runs for all payment providers."),
        limit_payment_methods=Array(String, "Providers it is restricted to, if not all."),
    )


class BankImportJobs(OrganizerChildStream):
    """A bank statement that was uploaded, with its lines."""

    name = "bank_import_jobs"
    path = "/organizers/{organizer}/bankimportjobs"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "event.orders:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        event=String("Slug of the event."),
        created=DateTime("Time of creation, set by the server."),
        state=String("State of the job, e.g. pending, running, error, completed."),
        transactions=Array(TRANSACTION, "Bank transactions of the job (no id of their own)."),
        currency=String("ISO 4217 code."),
    )
