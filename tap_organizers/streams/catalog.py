"""Products, prices, questions, vouchers, check-in lists and seats of an event."""

from __future__ import annotations

import typing as t

from rest_tap.paging import PageNumber, Paginator
from rest_tap.request import fill_path
from rest_tap.schema import (
    Array,
    Boolean,
    Date,
    DateTime,
    Decimal,
    I18n,
    Integer,
    Json,
    Object,
    Record,
    String,
    fields,
)
from tap_organizers.client import OrganizersStream
from tap_organizers.streams.nested import ANSWER, CHECKIN, DOWNLOAD, PRINT_LOG, SEAT
from tap_organizers.streams.parents import IS_SERIES, EventChildStream

if t.TYPE_CHECKING:
    from rest_tap.stream import Context


VARIATION = fields(
    id=Integer("Identifier, assigned by the server."),
    value=I18n("Name of the variation."),
    active=Boolean("Whether it is active."),
    description=I18n("Text."),
    position=Integer("Position for sorting."),
    default_price=Decimal("Price, null to use the price of the item."),
    price=Decimal("Effective price."),
    original_price=Decimal("Former price shown struck through."),
    free_price_suggestion=Decimal("Suggested price when the price is free."),
    require_approval=Boolean("Whether an organizer has to approve before payment."),
    require_membership=Boolean("Whether a membership is needed to buy it."),
    require_membership_types=Array(Integer, "Membership types that qualify."),
    require_membership_hidden=Boolean("Whether it is hidden from people without membership."),
    checkin_attention=Boolean("Whether check-in apps should call for attention."),
    checkin_text=String("Text check-in apps show on a scan."),
    available_from=DateTime("Not available before this time."),
    available_from_mode=String("hide or info: what buyers see before available_from."),
    available_until=DateTime("Not available after this time."),
    available_until_mode=String("hide or info: what buyers see after available_until."),
    all_sales_channels=Boolean("Whether it is available on every sales channel."),
    limit_sales_channels=Array(String, "Identifiers of the sales channels it is restricted to, if not all."),
    hide_without_voucher=Boolean("Whether it is hidden unless a voucher is entered."),
    meta_data=Json("Values of the meta properties, by property name.", personal=False),
    sales_channels=Array(String, "Legacy: identifiers of all sales channels it is available on."),
)


ADDON = fields(
    addon_category=Integer("Category the add-ons are chosen from."),
    min_count=Integer("Fewest that have to be chosen."),
    max_count=Integer("Most that can be chosen."),
    position=Integer("Position for sorting."),
    price_included=Boolean("Whether the add-on is free."),
    multi_allowed=Boolean("Whether the same add-on can be chosen more than once."),
)


BUNDLE = fields(
    bundled_item=Integer("Item that is contained."),
    bundled_variation=Integer("Variation that is contained."),
    count=Integer("Number."),
    designated_price=Decimal("Part of the price that is attributed to the contained item."),
)


PROGRAM_TIME = fields(
    start=DateTime("Start."),
    end=DateTime("End."),
    location=I18n("Place."),
)


OPTION = fields(
    id=Integer("Identifier, assigned by the server."),
    identifier=String("Identifier of the option."),
    answer=I18n("Text of the option."),
    position=Integer("Position for sorting."),
)


class TaxRules(EventChildStream):
    """A rule by which an event's products are taxed."""

    name = "tax_rules"
    path = "/organizers/{organizer}/events/{event}/taxrules"
    primary_keys = ("id",)
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=I18n("Name."),
        default=Boolean("Whether it is the default."),
        rate=Decimal("Rate in percent."),
        code=String("Code of the reason for the rate."),
        price_includes_tax=Boolean("Whether prices are gross."),
        eu_reverse_charge=Boolean("Whether reverse charge is applied."),
        home_country=String("Country of the merchant."),
        internal_name=String("Name shown only in the backend."),
        keep_gross_if_rate_changes=Boolean("Whether the gross price is kept when another rate applies."),
        custom_rules=Array(Json, "Rules for special countries or customers.", personal=False),
    )


class ItemCategories(EventChildStream):
    """A category of products in the shop."""

    name = "item_categories"
    path = "/organizers/{organizer}/events/{event}/categories"
    primary_keys = ("id",)
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=I18n("Name."),
        internal_name=String("Name shown only in the backend."),
        description=I18n("Text."),
        position=Integer("Position for sorting."),
        is_addon=Boolean("Whether its items are sold only as add-ons."),
        cross_selling_mode=String("How it is offered in the checkout; null for not at all."),
        cross_selling_condition=String("Condition for the offer: always, discounts, products."),
        cross_selling_match_products=Array(Integer, "Items that trigger the offer."),
    )


class Items(EventChildStream):
    """A product of an event: a ticket, or something sold beside it."""

    name = "items"
    child_key = "item"
    path = "/organizers/{organizer}/events/{event}/items"
    primary_keys = ("id",)
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        category=Integer("Item category."),
        name=I18n("Name."),
        internal_name=String("Name shown only in the backend."),
        active=Boolean("Whether it is active."),
        all_sales_channels=Boolean("Whether it is available on every sales channel."),
        limit_sales_channels=Array(String, "Identifiers of the sales channels it is restricted to, if not all."),
        description=I18n("Text."),
        default_price=Decimal("Price, unless a variation or date overrides it."),
        free_price=Boolean("Whether buyers may pay more."),
        free_price_suggestion=Decimal("Suggested price when the price is free."),
        tax_rate=Decimal("Rate of the tax rule; derived."),
        tax_rule=Integer("Tax rule."),
        admission=Boolean("Whether it grants admission."),
        personalized=Boolean("Whether attendee data is collected."),
        position=Integer("Position for sorting."),
        picture=String("Address of the picture."),
        available_from=DateTime("Not available before this time."),
        available_from_mode=String("hide or info: what buyers see before available_from."),
        available_until=DateTime("Not available after this time."),
        available_until_mode=String("hide or info: what buyers see after available_until."),
        require_voucher=Boolean("Whether it is sold only with a voucher."),
        hide_without_voucher=Boolean("Whether it is hidden unless a voucher is entered."),
        allow_cancel=Boolean("Whether buyers may cancel."),
        require_bundling=Boolean("Whether it is sold only as part of another item."),
        min_per_order=Integer("Fewest per order."),
        max_per_order=Integer("Most per order."),
        checkin_attention=Boolean("Whether check-in apps should call for attention."),
        checkin_text=String("Text check-in apps show on a scan."),
        has_variations=Boolean("Whether variations exist."),
        variations=Array(VARIATION, "Variations."),
        addons=Array(ADDON, "Add-on configuration."),
        bundles=Array(BUNDLE, "Contained items."),
        program_times=Array(PROGRAM_TIME, "Program times, e.g. of a workshop."),
        original_price=Decimal("Former price shown struck through."),
        require_approval=Boolean("Whether an organizer has to approve before payment."),
        generate_tickets=Boolean("Whether tickets are made; null for the event default."),
        show_quota_left=Boolean("Whether the remaining number is shown; null for the event default."),
        hidden_if_available=Integer("Legacy: hidden while this quota is available."),
        hidden_if_item_available=Integer("Hidden while this item is available."),
        hidden_if_item_available_mode=String("hide or info."),
        allow_waitinglist=Boolean("Whether the waiting list is offered."),
        issue_giftcard=Boolean("Whether the purchase creates a gift card."),
        meta_data=Json("Values of the meta properties, by property name.", personal=False),
        require_membership=Boolean("Whether a membership is needed to buy it."),
        require_membership_types=Array(Integer, "Membership types that qualify."),
        require_membership_hidden=Boolean("Whether it is hidden from people without membership."),
        grant_membership_type=Integer("Membership type that is granted."),
        grant_membership_duration_like_event=Boolean("Whether the membership lasts as long as the event."),
        grant_membership_duration_days=Integer("Days the membership lasts."),
        grant_membership_duration_months=Integer("Months the membership lasts."),
        validity_mode=String("null, fixed or dynamic."),
        validity_fixed_from=DateTime("Start of fixed validity."),
        validity_fixed_until=DateTime("End of fixed validity."),
        validity_dynamic_duration_minutes=Integer("Minutes of dynamic validity."),
        validity_dynamic_duration_hours=Integer("Hours of dynamic validity."),
        validity_dynamic_duration_days=Integer("Days of dynamic validity."),
        validity_dynamic_duration_months=Integer("Months of dynamic validity."),
        validity_dynamic_start_choice=Boolean("Whether the buyer chooses the start."),
        validity_dynamic_start_choice_day_limit=Integer("How many days ahead it can be chosen."),
        media_policy=String("How reusable media are used with the item."),
        media_type=String("Type of reusable medium."),
        sales_channels=Array(String, "Legacy: identifiers of all sales channels it is available on."),
    )


class ItemChildStream(OrganizersStream):
    """A list that each product has. A field of the product's row says whether it is empty."""

    parent_stream_type = Items
    parent_keys = fields(
        **EventChildStream.parent_keys,
        item=Integer("Product."),
    )
    nested_keys: t.ClassVar[t.Mapping[str, str]] = {"item": "id"}
    #: Field of the product's row that holds the same rows without their ids.
    row_field: t.ClassVar[str] = ""

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:
        """Return nothing where the product's row says that the list is empty.

        A row of a server from before the field says nothing: it is asked, until it is known to lack the list, too.
        """
        if self.row_field and self.row_field not in parent and not self.is_absent:
            return (context,)
        return (context,) if parent.get(self.row_field) else ()


class ItemVariations(ItemChildStream):
    """A variation of a product, such as a reduced price."""

    name = "item_variations"
    nested_in = "variations"
    primary_keys = ("id",)
    properties = VARIATION


class ItemAddons(ItemChildStream):
    """A category of products that can or must be added to a product."""

    name = "item_addons"
    path = "/organizers/{organizer}/events/{event}/items/{item}/addons"
    row_field = "addons"
    primary_keys = ("id",)
    selected_by_default = False
    properties = fields(id=Integer("Identifier, assigned by the server."), **ADDON)


class ItemBundles(ItemChildStream):
    """A product that is part of another one's price."""

    name = "item_bundles"
    path = "/organizers/{organizer}/events/{event}/items/{item}/bundles"
    row_field = "bundles"
    primary_keys = ("id",)
    selected_by_default = False
    properties = fields(id=Integer("Identifier, assigned by the server."), **BUNDLE)


class ItemProgramTimes(ItemChildStream):
    """A time slot that a product gives access to."""

    name = "item_program_times"
    path = "/organizers/{organizer}/events/{event}/items/{item}/program_times"
    row_field = "program_times"
    primary_keys = ("id",)
    selected_by_default = False
    since_version = "2025.10"
    properties = fields(id=Integer("Identifier, assigned by the server."), **PROGRAM_TIME)

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:
        """Return nothing for an event series, which answers 400 here (docs/pretix.md, "Single lists")."""
        return () if context.get(IS_SERIES) else super().contexts(parent, context)


class ItemMetaProperties(EventChildStream):
    """A property that an event's products can carry in ``meta_data``."""

    name = "item_meta_properties"
    path = "/organizers/{organizer}/events/{event}/item_meta_properties"
    primary_keys = ("id",)
    since_version = "4.20"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=String("Name."),
        default=String("Value used when an item sets none."),
        required=Boolean("Whether a value is required."),
        allowed_values=Array(String, "Allowed values; null for any."),
    )


class Questions(EventChildStream):
    """Something that buyers are asked for each ticket, or once for the order."""

    name = "questions"
    path = "/organizers/{organizer}/events/{event}/questions"
    primary_keys = ("id",)
    properties = fields(
        container_type=String("P: asked for each ticket; O: asked once for the order."),
        id=Integer("Identifier, assigned by the server."),
        question=I18n("Text of the question."),
        type=String(
            "N number, S one line, T lines, B yes-no, C one choice, "
            "M several choices, F file, D date, H time, W date and time, CC country, TEL phone."
        ),
        required=Boolean("Whether a value is required."),
        items=Array(Integer, "Items the question is asked for."),
        options=Array(OPTION, "Options of choice questions."),
        position=Integer("Position for sorting."),
        ask_during_checkin=Boolean("Whether it is asked at check-in instead."),
        show_during_checkin=Boolean("Whether the answer is shown at check-in."),
        identifier=String("Identifier, unique inside the event."),
        dependency_question=Integer("Question it depends on."),
        dependency_values=Array(String, "Answers of that question that make it appear."),
        hidden=Boolean("Whether buyers never see it."),
        dependency_value=String("Legacy: first entry of dependency_values."),
        print_on_invoice=Boolean("Whether the answer is printed on invoices."),
        help_text=I18n("Help text."),
        valid_number_min=Decimal("Smallest number."),
        valid_number_max=Decimal("Largest number."),
        valid_date_min=Date("Earliest date."),
        valid_date_max=Date("Latest date."),
        valid_datetime_min=DateTime("Earliest time."),
        valid_datetime_max=DateTime("Latest time."),
        valid_string_length_max=Integer("Longest text."),
        valid_string_length_min=Integer("Shortest text."),
        valid_file_portrait=Boolean("Whether the file has to be a portrait photo."),
    )

    #: Questions of the current event that are asked for each position.
    _per_position: t.Container[t.Any] = ()

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:  # noqa: ARG002
        """Return the list twice: questions asked per position, and once per order.

        The API lists only the former unless it is asked with ``container_type=O``
        (docs/pretix.md, "Single lists").
        """
        return ({**context, "container_type": "P"}, {**context, "container_type": "O"})

    def paginator(self, context: Context) -> Paginator:
        """Return the pages of the questions that are asked in this way."""
        if context.get("container_type") == "O":
            return PageNumber({"container_type": "O"})
        return super().paginator(context)

    def received(self, rows: list[Record], context: Context, passes: t.Callable[[Record], bool]) -> list[Record]:
        """Leave out questions that come a second time: a server that does not know the filter repeats itself."""
        rows = super().received(rows, context, passes)
        if context.get("container_type") == "O":
            return [row for row in rows if row.get("id") not in self._per_position]
        self._per_position = {row.get("id") for row in rows}
        return rows

    def get_child_context(self, record: Record, context: t.Any) -> dict[str, t.Any]:
        """Return the keys of a question."""
        return {
            "organizer": context["organizer"],
            "event": context["event"],
            "question": record["id"],
        }


class QuestionOptions(OrganizersStream):
    """An answer to choose for a question."""

    parent_stream_type = Questions
    parent_keys = fields(
        **EventChildStream.parent_keys,
        question=Integer("Question."),
    )
    nested_keys: t.ClassVar[t.Mapping[str, str]] = {"question": "id"}
    name = "question_options"
    nested_in = "options"
    primary_keys = ("id",)
    properties = OPTION


class Quotas(EventChildStream):
    """How many of a group of products can be sold in all."""

    name = "quotas"
    path = "/organizers/{organizer}/events/{event}/quotas"
    primary_keys = ("id",)
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=String("Name."),
        size=Integer("Size; null for unlimited."),
        items=Array(Integer, "Items."),
        variations=Array(Integer, "Variations."),
        subevent=Integer("Date of the event series."),
        closed=Boolean("Whether it is closed."),
        close_when_sold_out=Boolean("Whether it closes for good when sold out."),
        release_after_exit=Boolean("Whether capacity is freed when people leave."),
        ignore_for_event_availability=Boolean("Whether it does not count for the availability of the event."),
    )


class Discounts(EventChildStream):
    """A discount that the cart applies automatically."""

    name = "discounts"
    path = "/organizers/{organizer}/events/{event}/discounts"
    primary_keys = ("id",)
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        active=Boolean("Whether it is active."),
        internal_name=String("Name shown only in the backend."),
        position=Integer("Position for sorting."),
        all_sales_channels=Boolean("Whether it is available on every sales channel."),
        limit_sales_channels=Array(String, "Identifiers of the sales channels it is restricted to, if not all."),
        available_from=DateTime("Not available before this time."),
        available_until=DateTime("Not available after this time."),
        subevent_mode=String("mixed, same or distinct: how dates combine."),
        subevent_date_from=DateTime("Only for dates from this time."),
        subevent_date_until=DateTime("Only for dates until this time."),
        condition_all_products=Boolean("Whether all items count for the condition."),
        condition_limit_products=Array(Integer, "Items that count, if not all."),
        condition_apply_to_addons=Boolean("Whether add-ons count."),
        condition_min_count=Integer("Fewest matching positions."),
        condition_min_value=Decimal("Smallest matching value."),
        benefit_discount_matching_percent=Decimal("Discount in percent."),
        benefit_only_apply_to_cheapest_n_matches=Integer("Number of positions per match that are discounted."),
        benefit_same_products=Boolean("Whether the same positions get the discount."),
        benefit_limit_products=Array(Integer, "Items that get it, if not the same."),
        benefit_apply_to_addons=Boolean("Whether add-ons get it."),
        benefit_ignore_voucher_discounted=Boolean("Whether positions discounted by voucher do not get it."),
        condition_ignore_voucher_discounted=Boolean("Whether positions discounted by voucher do not count."),
        sales_channels=Array(String, "Legacy: identifiers of all sales channels it is available on."),
    )


class Vouchers(EventChildStream):
    """A code that gives a price, a reservation or access to a hidden product."""

    name = "vouchers"
    path = "/organizers/{organizer}/events/{event}/vouchers"
    primary_keys = ("id",)
    permission = "event.vouchers:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        created=DateTime("Time of creation; null for vouchers older than the field."),
        code=String("The code that is entered.", secret=True),
        max_usages=Integer("How often it can be used."),
        redeemed=Integer("How often it was used; changes without any log of the voucher."),
        min_usages=Integer("Fewest at the first use."),
        valid_until=DateTime("Not valid after this time."),
        block_quota=Boolean("Whether it reserves quota."),
        allow_ignore_quota=Boolean("Whether it works beyond the quota."),
        price_mode=String("none, set, subtract or percent."),
        value=Decimal("Value for price_mode."),
        item=Integer("Item."),
        variation=Integer("Item variation."),
        quota=Integer("Quota whose items it is valid for."),
        tag=String("Free tag for grouping."),
        comment=String("Internal note.", personal=True),
        subevent=Integer("Date of the event series."),
        show_hidden_items=Boolean("Whether it reveals hidden items."),
        seat=String("seat_guid of the seat it is valid for."),
        all_addons_included=Boolean("Whether add-ons are free."),
        all_bundles_included=Boolean("Whether contained items are free."),
        budget=Decimal("Largest total discount."),
        budget_used=Decimal("Discount used so far."),
    )


class WaitingListEntries(EventChildStream):
    """Somebody who wants to be told when a sold-out product is available."""

    name = "waiting_list_entries"
    path = "/organizers/{organizer}/events/{event}/waitinglistentries"
    primary_keys = ("id",)
    permission = "event.orders:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        created=DateTime("Time of entry."),
        name=String("Full name.", personal=True),
        name_parts=Json("Components of the name; the keys depend on the name scheme.", personal=True),
        email=String("E-mail address.", personal=True),
        phone=String("Phone number.", personal=True),
        voucher=Integer("Voucher that was sent."),
        item=Integer("Item."),
        variation=Integer("Item variation."),
        locale=String("Language code."),
        subevent=Integer("Date of the event series."),
        priority=Integer("Priority; higher first."),
    )


class CheckinLists(EventChildStream):
    """A check-in list: the tickets that are let in at one door."""

    name = "checkin_lists"
    child_key = "checkin_list"
    path = "/organizers/{organizer}/events/{event}/checkinlists"
    primary_keys = ("id",)
    permission = "event.orders:read or event.orders:checkin"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=String("Name."),
        all_products=Boolean("Whether it covers all items."),
        limit_products=Array(Integer, "Items it is restricted to, if not all."),
        subevent=Integer("Date it is restricted to."),
        checkin_count=Integer("Positions checked in; cached for a minute."),
        position_count=Integer("Positions on the list; cached for a minute."),
        include_pending=Boolean("Whether unpaid orders are on the list."),
        allow_multiple_entries=Boolean("Whether a ticket can be scanned more than once."),
        allow_entry_after_exit=Boolean("Whether a ticket is valid again after an exit."),
        rules=Json("Entry rules as JSON logic.", personal=False),
        exit_all_at=DateTime("Time everybody is checked out automatically."),
        addon_match=Boolean("Whether add-ons of a scanned ticket are matched."),
        ignore_in_statistics=Boolean("Whether it is left out of statistics."),
        consider_tickets_used=Boolean("Whether a scan marks the ticket as used."),
        auto_checkin_sales_channels=Array(
            String, "Legacy, until pretix 2024.10: sales channels whose tickets are checked in at once."
        ),
    )


class CheckinListPositions(OrganizersStream):
    """A ticket on a check-in list, with its scans on that list."""

    parent_stream_type = CheckinLists
    parent_keys = fields(
        **EventChildStream.parent_keys,
        checkin_list=Integer("Check-in list."),
    )
    name = "checkin_list_positions"
    path = "/organizers/{organizer}/events/{event}/checkinlists/{checkin_list}/positions"
    primary_keys = ("checkin_list", "id")
    selected_by_default = False
    permission = "event.orders:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        order=String("Order code."),
        positionid=Integer("Running number of the position inside the order."),
        item=Integer("Item."),
        variation=Integer("Item variation."),
        price=Decimal("Price, gross unless stated otherwise."),
        attendee_name=String(
            "Name of the attendee; falls back to the parent position and the invoice address.", personal=True
        ),
        attendee_name_parts=Json(
            "Components of the attendee name; the keys depend on the name scheme, _scheme names it.", personal=True
        ),
        company=String("Company.", personal=True),
        street=String("Street.", personal=True),
        zipcode=String("Postal code.", personal=True),
        city=String("City.", personal=True),
        country=String("Country, ISO 3166-1 alpha-2 (very old rows may hold free text).", personal=True),
        state=String("State, for countries that have them in addresses.", personal=True),
        attendee_email=String("E-mail address of the attendee.", personal=True),
        voucher=Integer("Voucher."),
        tax_rate=Decimal("Tax rate in percent."),
        tax_value=Decimal("Tax contained in the price."),
        secret=String("Content of the ticket barcode.", secret=True),
        addon_to=Integer("Position this one is an add-on to."),
        subevent=Integer("Date of the event series."),
        checkins=Array(CHECKIN, "Successful check-ins on this list only."),
        print_logs=Array(PRINT_LOG, "Print jobs reported by apps."),
        downloads=Array(DOWNLOAD, "Ticket files that can be fetched now (depends on settings and order status)."),
        answers=Array(ANSWER, "Answers to questions."),
        tax_rule=Integer("Tax rule."),
        pseudonymization_id=String("Random code of the position, e.g. for lead scanning.", personal=True),
        seat=Object(SEAT, "Assigned seat."),
        require_attention=Boolean("Whether order or item ask for attention."),
        order__status=String("Status of the order."),
        order__valid_if_pending=Boolean("valid_if_pending of the order."),
        order__require_approval=Boolean("require_approval of the order."),
        order__locale=String("Language of the order."),
        valid_from=DateTime("Ticket not valid before this time."),
        valid_until=DateTime("Ticket not valid after this time."),
        blocked=Array(String, "Reasons the ticket is blocked for, null if it is not."),
    )

    #: With ``event.orders:checkin`` alone, the API answers 200 without rows (docs/pretix.md,
    #: "Permissions"); the event's orders, which take the same permission as these, are denied.
    denied_path = "/organizers/{organizer}/events/{event}/orders"

    def expected_rows(self, parent: Record) -> int | None:
        """Return how many tickets the check-in list has by its own row."""
        count = parent.get("position_count")
        return count if isinstance(count, int) else None


class CartPositions(EventChildStream):
    """A product reserved in a cart that was made through the API; the shop's own carts are not listed."""

    name = "cart_positions"
    path = "/organizers/{organizer}/events/{event}/cartpositions"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "event.orders:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        cart_id=String("Cart; always ends with @api.", secret=True),
        item=Integer("Item."),
        variation=Integer("Item variation."),
        price=Decimal("Price, gross unless stated otherwise."),
        attendee_name=String("Name of the attendee.", personal=True),
        attendee_name_parts=Json(
            "Components of the attendee name; the keys depend on the name scheme, _scheme names it.", personal=True
        ),
        attendee_email=String("E-mail address of the attendee.", personal=True),
        voucher=Integer("Voucher."),
        addon_to=Integer("Position this one is an add-on to."),
        subevent=Integer("Date of the event series."),
        datetime=DateTime("Time of creation."),
        expires=DateTime("End of the reservation."),
        includes_tax=Boolean("Whether the price is gross."),
        answers=Array(ANSWER, "Answers to questions."),
        seat=Object(SEAT, "Assigned seat."),
        is_bundled=Boolean("Whether it is part of a bundle."),
    )


class Seats(EventChildStream):
    """A seat of the event's plan, and what occupies it."""

    name = "seats"
    path = "/organizers/{organizer}/events/{event}/seats"
    primary_keys = ("id",)
    selected_by_default = False
    since_version = "2024.8"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        subevent=Integer("Date of the event series."),
        zone_name=String("Zone."),
        row_name=String("Row."),
        row_label=String("Extra label of the row."),
        seat_number=String("Number of the seat in the row."),
        seat_label=String("Extra label of the seat."),
        seat_guid=String("Identifier of the seat inside the plan."),
        product=Integer("Item the seat is sold with."),
        blocked=Boolean("Whether it is blocked by hand."),
        orderposition=Integer("Position that holds it."),
        cartposition=Integer("Cart position that holds it."),
        voucher=Integer("Voucher that holds it."),
    )

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:
        """Return the event or date, if it has a plan of seats.

        A single event has its seats below itself, a series below each of its dates; each
        answers 404 at the other place. :class:`SeriesDates` leads here for a series.
        """
        if parent.get("has_subevents") or parent.get("seating_plan") is None:
            return ()
        return (context,)

    def list_path(self, context: Context) -> str:
        """Return the path below the event or the date."""
        if "subevent" not in context:
            return super().list_path(context)
        return fill_path("/organizers/{organizer}/events/{event}/subevents/{subevent}/seats", context)


class SeriesDates(EventChildStream):
    """The dates of a series, read only to find the seats below them; not a stream of the catalog."""

    name = "seats_by_date"
    child_key = "subevent"
    path = "/organizers/{organizer}/events/{event}/subevents"
    primary_keys = ("id",)
    selected_by_default = False
    properties = fields(id=Integer("Date."))

    def contexts(self, parent: Record, context: Context) -> t.Iterable[Context]:
        """Return the event, if it is a series."""
        return (context,) if parent.get("has_subevents") else ()
