"""Orders, payments, transactions, invoices and check-ins."""

from __future__ import annotations

import functools
import typing as t

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL

from rest_tap.nested import NestedList
from rest_tap.schema import (
    Array,
    Boolean,
    Date,
    DateTime,
    Decimal,
    I18n,
    Integer,
    Json,
    Number,
    Object,
    Record,
    String,
    fields,
)
from tap_organizers.client import OrganizersStream
from tap_organizers.incremental import CreationOrderedStream, EventIncrementalStream, IncrementalStream
from tap_organizers.streams.nested import ANSWER, CHECKIN, DOWNLOAD, PRINT_LOG, SEAT
from tap_organizers.streams.parents import AllEventsStream, EventChildStream

if t.TYPE_CHECKING:
    from singer_sdk import Stream

    from rest_tap.request import Params
    from rest_tap.stream import Context


ITEM_PRICE_OVERRIDE = fields(
    item=Integer("Item."),
    price=Decimal("Price on this date."),
    disabled=Boolean("Whether it is not sold on this date."),
    available_from=DateTime("Not available before this time."),
    available_until=DateTime("Not available after this time."),
)


VARIATION_PRICE_OVERRIDE = fields(
    variation=Integer("Item variation."),
    price=Decimal("Price on this date."),
    disabled=Boolean("Whether it is not sold on this date."),
    available_from=DateTime("Not available before this time."),
    available_until=DateTime("Not available after this time."),
)


FEE = fields(
    id=Integer("Identifier, assigned by the server."),
    fee_type=String("Kind of fee: service, payment, shipping, cancellation, insurance, late, other, giftcard."),
    value=Decimal("Gross amount of the fee."),
    description=String("Text of the fee."),
    internal_type=String("Finer type of the fee, e.g. a payment provider."),
    tax_rate=Decimal("Tax rate in percent."),
    tax_value=Decimal("Tax contained in the price."),
    tax_rule=Integer("Tax rule."),
    tax_code=String("Code of the reason for the tax rate."),
    canceled=Boolean("Whether it was canceled."),
)


INVOICE_ADDRESS = fields(
    last_modified=DateTime("Time of the last change of the address."),
    is_business=Boolean("Whether it is a business address."),
    company=String("Company.", personal=True),
    name=String("Full name.", personal=True),
    name_parts=Json("Components of the name; the keys depend on the name scheme.", personal=True),
    street=String("Street.", personal=True),
    zipcode=String("Postal code.", personal=True),
    city=String("City.", personal=True),
    country=String("Country, ISO 3166-1 alpha-2 (very old rows may hold free text).", personal=True),
    state=String("State, for countries that have them in addresses.", personal=True),
    vat_id=String("VAT id.", personal=True),
    vat_id_validated=Boolean("Whether the VAT id was checked successfully."),
    custom_field=String("Value of the extra address field the organizer defined.", personal=True),
    internal_reference=String("Reference of the customer.", personal=True),
    transmission_type=String("How invoices are sent."),
    transmission_info=Json("Data needed to send them.", personal=True),
)


POSITION = fields(
    id=Integer("Identifier, assigned by the server."),
    order=String("Order code."),
    positionid=Integer("Running number of the position inside the order."),
    item=Integer("Item."),
    variation=Integer("Item variation."),
    price=Decimal("Price, gross unless stated otherwise."),
    attendee_name=String("Name of the attendee.", personal=True),
    attendee_name_parts=Json(
        "Components of the attendee name; the keys depend on the name scheme, _scheme names it.", personal=True
    ),
    company=String("Company.", personal=True),
    street=String("Street.", personal=True),
    zipcode=String("Postal code.", personal=True),
    city=String("City.", personal=True),
    country=String("Country, ISO 3166-1 alpha-2 (very old rows may hold free text).", personal=True),
    state=String("State, for countries that have them in addresses.", personal=True),
    discount=Integer("Automatic discount that was applied."),
    attendee_email=String("E-mail address of the attendee.", personal=True),
    voucher=Integer("Voucher."),
    tax_rate=Decimal("Tax rate in percent."),
    tax_value=Decimal("Tax contained in the price."),
    secret=String("Content of the ticket barcode.", secret=True),
    addon_to=Integer("Position this one is an add-on to."),
    subevent=Integer("Date of the event series."),
    checkins=Array(CHECKIN, "Successful check-ins of the position, on all lists."),
    print_logs=Array(PRINT_LOG, "Print jobs reported by apps."),
    downloads=Array(DOWNLOAD, "Ticket files that can be fetched now (depends on settings and order status)."),
    answers=Array(ANSWER, "Answers to questions."),
    tax_rule=Integer("Tax rule."),
    pseudonymization_id=String("Random code of the position, e.g. for lead scanning.", personal=True),
    seat=Object(SEAT, "Assigned seat."),
    canceled=Boolean("Whether it was canceled."),
    tax_code=String("Code of the reason for the tax rate."),
    valid_from=DateTime("Ticket not valid before this time."),
    valid_until=DateTime("Ticket not valid after this time."),
    blocked=Array(String, "Reasons the ticket is blocked for, null if it is not."),
    voucher_budget_use=Decimal("Part of the voucher budget used by this position."),
    plugin_data=Json("Values contributed by plugins.", personal=True),
)


#: What the providers that come with pretix tell of a payment and is more than a number: the rest is open.
PROVIDER_DETAILS = fields(
    gift_card=Object(
        fields(
            id=Integer("Gift card."),
            secret=String("The code that is redeemed.", secret=True),
            organizer=String("Slug of the organizer that issued it."),
        ),
        "Gift card that was used.",
    ),
)


PAYMENT = fields(
    local_id=Integer("Running number inside the order, from 1."),
    state=String("created, pending, confirmed, canceled, failed or refunded."),
    amount=Decimal("Amount."),
    created=DateTime("Time of creation, set by the server."),
    payment_date=DateTime("Time the payment was confirmed."),
    provider=String("Identifier of the payment provider."),
    payment_url=String("Page where the customer can go on with an open payment.", secret=True),
    details=Object(
        PROVIDER_DETAILS,
        "Provider-specific data; keys differ by provider and can be absent.",
        personal=True,
        is_open=True,
    ),
)


REFUND = fields(
    local_id=Integer("Running number inside the order, from 1."),
    state=String("external, created, transit, done, failed or canceled."),
    source=String("admin, buyer or external."),
    amount=Decimal("Amount."),
    payment=Integer("local_id of the refunded payment."),
    created=DateTime("Time of creation, set by the server."),
    execution_date=DateTime("Time the refund was completed."),
    comment=String("Reason, partly shown to the customer.", personal=True),
    provider=String("Identifier of the payment provider."),
    details=Object(
        PROVIDER_DETAILS,
        "Provider-specific data; keys differ by provider and can be absent.",
        personal=True,
        is_open=True,
    ),
)


LINE = fields(
    position=Integer("Number of the line, from 1."),
    description=String("Text of the line.", personal=True),
    item=Integer("Item."),
    variation=Integer("Item variation."),
    subevent=Integer("Date of the event series."),
    attendee_name=String("Name of the attendee.", personal=True),
    event_date_from=DateTime("Legacy name of period_start."),
    event_date_to=DateTime("Legacy name of period_end."),
    period_start=DateTime("Start of the service period."),
    period_end=DateTime("End of the service period."),
    gross_value=Decimal("Gross amount of the line."),
    tax_value=Decimal("Tax contained in it."),
    tax_rate=Decimal("Tax rate in percent."),
    tax_code=String("Code of the reason for the tax rate."),
    tax_name=String("Name of the tax."),
    fee_type=String("Kind of fee."),
    fee_internal_type=String("Finer type of the fee."),
    event_location=String("Place of the event."),
)


class Subevents(IncrementalStream, AllEventsStream):
    """One date of an event series."""

    name = "subevents"
    path = "/organizers/{organizer}/subevents"
    event_path = "/organizers/{organizer}/events/{event}/subevents"
    primary_keys = ("id",)
    replication_key = "last_modified"
    since_parameter = "modified_since"
    tie_breaker = "id"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=I18n("Name."),
        date_from=DateTime("Start."),
        date_to=DateTime("End, if set."),
        active=Boolean("Whether it is active."),
        date_admission=DateTime("Time doors open, if set."),
        presale_start=DateTime("No sale before this time."),
        presale_end=DateTime("No sale after this time."),
        location=I18n("Place, multi-line."),
        geo_lat=Number("Latitude."),
        geo_lon=Number("Longitude."),
        event=String("Slug of the event."),
        is_public=Boolean("Whether it is shown in public lists."),
        frontpage_text=I18n("Text shown on the start page of the date."),
        seating_plan=Integer("Seating plan in use."),
        item_price_overrides=Array(ITEM_PRICE_OVERRIDE, "Prices and sale windows that differ for this date, per item."),
        variation_price_overrides=Array(
            VARIATION_PRICE_OVERRIDE, "Prices and sale windows that differ for this date, per variation."
        ),
        meta_data=Json("Values of the meta properties, by property name.", personal=False),
        seat_category_mapping=Json("Item that is sold for each seat category of the plan.", personal=False),
        last_modified=DateTime("Time of the last change, set by the server."),
        comment=String("Internal note.", personal=True),
    )

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:
        """Return nothing for a single event, where lists are read event by event."""
        return () if parent.get("has_subevents") is False else super().contexts(parent, context)


class Orders(CreationOrderedStream, AllEventsStream):
    """An order with its positions, fees, payments and refunds, as last modified.

    A fully canceled order has status ``c`` while its positions keep ``canceled: false``;
    ``canceled: true`` marks positions canceled one by one.
    """

    name = "orders"
    path = "/organizers/{organizer}/orders"
    event_path = "/organizers/{organizer}/events/{event}/orders"
    since_version = "2023.8"
    primary_keys = ("organizer", "code")
    replication_key = "last_modified"
    since_parameter = "modified_since"
    tie_breaker = "code"
    permission = "event.orders:read"
    params: t.ClassVar[Params] = {"include_canceled_positions": "true", "include_canceled_fees": "true"}
    properties = fields(
        code=String("Order code, unique inside the organizer."),
        event=String("Slug of the event."),
        status=String("n pending, p paid, e expired, c canceled."),
        testmode=Boolean("Whether the order was made in test mode; only such orders can be deleted."),
        secret=String("Gives access to the order page without login.", secret=True),
        email=String("E-mail address of the buyer.", personal=True),
        phone=String("Phone number of the buyer.", personal=True),
        locale=String("Language used towards the buyer."),
        datetime=DateTime("Time of creation."),
        expires=DateTime("Payment deadline."),
        payment_date=Date("Deprecated: date of the last payment."),
        payment_provider=String("Deprecated: provider of the last payment."),
        fees=Array(FEE, "Fees; canceled ones only with include_canceled_fees=true."),
        total=Decimal("Total the buyer owes."),
        tax_rounding_mode=String(
            "How tax is rounded over the order: line, sum_by_net, sum_by_net_only_business, sum_by_net_keep_gross."
        ),
        comment=String("Internal note.", personal=True),
        custom_followup_at=Date("Date of an internal reminder."),
        invoice_address=Object(INVOICE_ADDRESS, "Invoice address, null if none was given."),
        positions=Array(
            POSITION, "Positions (tickets and products); canceled ones only with include_canceled_positions=true."
        ),
        downloads=Array(DOWNLOAD, "Ticket files that can be fetched now (depends on settings and order status)."),
        checkin_attention=Boolean("Whether check-in apps should call for attention."),
        checkin_text=String("Text check-in apps show on a scan.", personal=True),
        last_modified=DateTime(
            "Time of the last change of the order, its positions, fees, answers, check-ins or "
            "invoice address; not of payments and refunds."
        ),
        payments=Array(PAYMENT, "Payment attempts."),
        refunds=Array(REFUND, "Refunds."),
        require_approval=Boolean("Whether an organizer has to approve before payment."),
        sales_channel=String("Identifier of the sales channel."),
        url=String("Order page; contains the secret.", secret=True),
        customer=String("Identifier of the customer account, if any.", personal=True),
        valid_if_pending=Boolean("Whether the tickets are valid although unpaid."),
        api_meta=Json("Object API clients may store their own data in.", personal=True),
        cancellation_date=DateTime("Time of the last full cancellation."),
        plugin_data=Json("Values contributed by plugins.", personal=True),
    )

    def get_child_context(self, record: Record, context: t.Any) -> dict[str, t.Any]:
        """Return the keys of an order."""
        return {"organizer": context["organizer"], "event": record["event"], "order": record["code"]}


class OrderPartStream(OrganizersStream):
    """A list that stands in each order's row, and costs no request."""

    parent_stream_type: type[Stream] | None = Orders
    parent_keys = fields(
        **EventChildStream.parent_keys,
        order=String("Order, by code; unique within its organizer only."),
    )
    nested_keys: t.ClassVar[t.Mapping[str, str]] = {
        "event": "event",
        "order": "code",
        "order_last_modified": "last_modified",
    }
    permission = "event.orders:read"


class OrderPositions(OrderPartStream):
    """A ticket or product within an order, as last modified with the order."""

    name = "order_positions"
    nested_in = "positions"
    primary_keys = ("id",)
    replication_key = "order_last_modified"
    properties = fields(
        **POSITION,
        order_last_modified=DateTime("When the order was last modified; the time that this stream goes by."),
    )


class OrderAnswers(OrderPartStream):
    """The answer to one question for one ticket."""

    name = "order_answers"
    nested_in = "positions"
    inner_lists = (NestedList("answers", {"position": "id"}),)
    primary_keys = ("position", "question")
    replication_key = "order_last_modified"
    properties = fields(
        position=Integer("Order position that the question was asked for."),
        order_last_modified=DateTime("When the order was last modified; the time that this stream goes by."),
        **ANSWER,
    )


class OrderFees(OrderPartStream):
    """A fee within an order: shipping, payment, cancellation and the like."""

    name = "order_fees"
    nested_in = "fees"
    primary_keys = ("id",)
    replication_key = "order_last_modified"
    properties = fields(
        **FEE,
        order_last_modified=DateTime("When the order was last modified; the time that this stream goes by."),
    )


class OrderMoneyStream(CreationOrderedStream, AllEventsStream):
    """Payments or refunds: read completely, from a short form of all orders, or with the orders.

    The short form has only the few fields that are needed. A run that reads all orders has all payments and
    refunds in them, and does not read it. With ``INCREMENTAL`` in the catalog
    the rows are taken from the orders that have changed, at no cost, and are only as
    fresh as these (docs/pretix.md, "What moves an order's last_modified").
    """

    parent_keys = OrderPartStream.parent_keys
    permission = OrderPartStream.permission
    path = "/organizers/{organizer}/orders"
    event_path = "/organizers/{organizer}/events/{event}/orders"
    since_version = "2023.8"
    row_keys = ("code",)
    #: Field of an order that the records stand in.
    part: t.ClassVar[str] = ""
    nested_keys: t.ClassVar[t.Mapping[str, str]] = {"event": "event", "order": "code"}
    params: t.ClassVar[Params] = {"include": ("code", "event", "datetime", "payments", "refunds")}

    @property
    def replication_method(self) -> str:
        """Return FULL_TABLE, unless the catalog asks for something else."""
        return str(self.forced_replication_method or REPLICATION_FULL_TABLE)

    @property
    def replication_methods(self) -> tuple[str, ...]:
        """Return both, though the rows themselves have nothing to go on from."""
        return (REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL)

    @functools.cached_property
    def nested_lists(self) -> tuple[NestedList, ...]:
        """Return where the records stand in an order, whichever list that came with."""
        return (NestedList(self.part, self.nested_keys),)


class OrderPayments(OrderMoneyStream):
    """A payment of an order, or an attempt at one.

    A change of a payment alone does not move the order's ``last_modified``, so the complete list is
    read in every run unless the catalog asks for ``INCREMENTAL``.
    """

    name = "order_payments"
    part = "payments"
    primary_keys = ("organizer", "order", "local_id")
    properties = PAYMENT


class OrderRefunds(OrderMoneyStream):
    """A refund of an order, done or about to be.

    A change of a refund alone does not move the order's ``last_modified``, so the complete list is
    read in every run unless the catalog asks for ``INCREMENTAL``.
    """

    name = "order_refunds"
    part = "refunds"
    primary_keys = ("organizer", "order", "local_id")
    properties = REFUND


class Transactions(CreationOrderedStream, AllEventsStream):
    """One line of the sales journal: a product or fee sold, changed or canceled. Never changed afterwards."""

    name = "transactions"
    path = "/organizers/{organizer}/transactions"
    event_path = "/organizers/{organizer}/events/{event}/transactions"
    primary_keys = ("id",)
    replication_key = "created"
    since_parameter = "created_since"
    creation_field = "created"
    since_version = "2025.7"
    params: t.ClassVar[Params] = {"ordering": "created,id"}
    tie_breaker = "id"
    permission = "event.orders:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        order=String("Order code."),
        created=DateTime("Time of creation, set by the server."),
        datetime=DateTime("Time the transaction counts for; equals created except for rows made up later."),
        positionid=Integer("Position inside the order, null for fees."),
        count=Integer("Quantity; negative for a reversal."),
        item=Integer("Item, null for fees."),
        variation=Integer("Item variation."),
        subevent=Integer("Date of the event series."),
        price=Decimal("Gross price of one unit."),
        tax_rate=Decimal("Tax rate in percent."),
        tax_rule=Integer("Tax rule."),
        tax_code=String("Code of the reason for the tax rate."),
        tax_value=Decimal("Tax contained in the price of one unit."),
        fee_type=String(
            "Kind of fee, null for positions: service, payment, shipping, cancellation, insurance, "
            "late, other, giftcard."
        ),
        internal_type=String("Finer type of the fee, e.g. a payment provider."),
        event=String("Slug of the event."),
    )


class Invoices(AllEventsStream):
    """An invoice or the cancellation of one, with its lines."""

    name = "invoices"
    path = "/organizers/{organizer}/invoices"
    event_path = "/organizers/{organizer}/events/{event}/invoices"
    primary_keys = ("organizer", "number")
    permission = "event.orders:read"
    properties = fields(
        event=String("Slug of the event."),
        order=String("Order code."),
        number=String("Full invoice number, prefix included."),
        is_cancellation=Boolean("Whether the document cancels another one."),
        invoice_from=String("Address of the issuer (free text of older documents or street).", personal=True),
        invoice_from_name=String("Name of the issuer.", personal=True),
        invoice_from_zipcode=String("Postal code of the issuer.", personal=True),
        invoice_from_city=String("City of the issuer.", personal=True),
        invoice_from_state=String("State of the issuer.", personal=True),
        invoice_from_country=String("Country of the issuer.", personal=True),
        invoice_from_tax_id=String("Tax number of the issuer.", personal=True),
        invoice_from_vat_id=String("VAT id of the issuer.", personal=True),
        invoice_to=String("Full address of the recipient as one text.", personal=True),
        invoice_to_is_business=Boolean("Whether the recipient is a business."),
        invoice_to_company=String("Company of the recipient.", personal=True),
        invoice_to_name=String("Name of the recipient.", personal=True),
        invoice_to_street=String("Street of the recipient.", personal=True),
        invoice_to_zipcode=String("Postal code of the recipient.", personal=True),
        invoice_to_city=String("City of the recipient.", personal=True),
        invoice_to_state=String("State of the recipient.", personal=True),
        invoice_to_country=String("Country of the recipient.", personal=True),
        invoice_to_vat_id=String("VAT id of the recipient.", personal=True),
        invoice_to_beneficiary=String("Beneficiary named on the document.", personal=True),
        invoice_to_transmission_info=Json("Data used to send the document.", personal=True),
        custom_field=String("Value of the extra address field the organizer defined.", personal=True),
        date=Date("Date of the document."),
        refers=String("Number of the document that is canceled."),
        locale=String("Language code."),
        introductory_text=String("Text before the lines."),
        additional_text=String("Text after the lines."),
        payment_provider_text=String("Payment instructions.", personal=True),
        payment_provider_stamp=String("Stamp printed on the document, e.g. paid."),
        footer_text=String("Footer.", personal=True),
        lines=Array(LINE, "Lines, in order."),
        foreign_currency_display=String("Currency the total is additionally shown in."),
        foreign_currency_rate=Decimal("Rate used for that."),
        foreign_currency_rate_date=Date("Date of the rate."),
        internal_reference=String("Reference of the customer.", personal=True),
        transmission_type=String("How the document is sent."),
        transmission_provider=String("Provider that sends it."),
        transmission_status=String(
            "pending, inflight, completed, failed, unknown or testmode_ignored; changes after creation."
        ),
        transmission_date=DateTime("Time it was sent."),
    )


class Checkins(EventIncrementalStream, EventChildStream):
    """A scan of a ticket at the door, successful or not."""

    name = "checkins"
    path = "/organizers/{organizer}/events/{event}/checkins"
    primary_keys = ("id",)
    replication_key = "created"
    since_parameter = "created_since"
    before_parameter = "created_before"
    tie_breaker = "id"
    permission = "event.orders:read"
    since_version = "2025.10"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        successful=Boolean("false for refused scans and for annulled check-ins."),
        error_reason=String("Why it failed; annulled for a check-in taken back."),
        error_explanation=String("Longer explanation."),
        position=Integer("Order position; null for a barcode nobody knows."),
        datetime=DateTime("Time of the scan; can be earlier than created when scans are uploaded later."),
        list=Integer("Check-in list."),
        created=DateTime("Time of creation, set by the server."),
        auto_checked_in=Boolean("Whether the check-in was made automatically."),
        gate=Integer("Gate (an id no endpoint resolves)."),
        device=Integer("Internal id of the device, not used anywhere else in the API."),
        device_id=Integer("device_id of the device inside the organizer."),
        type=String("entry or exit."),
    )


class RevokedTicketSecrets(EventIncrementalStream, EventChildStream):
    """A ticket code that is no longer valid, for offline scanners."""

    name = "revoked_ticket_secrets"
    path = "/organizers/{organizer}/events/{event}/revokedsecrets"
    primary_keys = ("id",)
    replication_key = "created"
    since_parameter = "created_since"
    selected_by_default = False
    permission = "event.orders:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        secret=String("Barcode content that is no longer valid.", secret=True),
        created=DateTime("Time of creation, set by the server."),
    )


class BlockedTicketSecrets(EventIncrementalStream, EventChildStream):
    """A ticket code that is blocked, or was, for offline scanners."""

    name = "blocked_ticket_secrets"
    path = "/organizers/{organizer}/events/{event}/blockedsecrets"
    primary_keys = ("id",)
    replication_key = "updated"
    since_parameter = "updated_since"
    tie_breaker = "id"
    selected_by_default = False
    permission = "event.orders:read"
    since_version = "4.17"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        secret=String("Barcode content.", secret=True),
        updated=DateTime("Time of the last change, set by the server."),
        blocked=Boolean("Whether it is blocked now."),
    )
