"""Customers, memberships, gift cards and reusable media."""

from __future__ import annotations

from rest_tap.schema import (
    Array,
    Boolean,
    DateTime,
    Decimal,
    I18n,
    Integer,
    Json,
    String,
    fields,
)
from rest_tap.stream import Supplement
from tap_organizers.client import OrganizersStream
from tap_organizers.incremental import IncrementalStream
from tap_organizers.streams.parents import OrganizerChildStream


class Customers(OrganizerChildStream):
    """A customer account."""

    name = "customers"
    path = "/organizers/{organizer}/customers"
    primary_keys = ("organizer", "identifier")
    permission = "organizer.customers:read"
    properties = fields(
        identifier=String("Identifier of the account, unique inside the organizer."),
        external_identifier=String("Identifier in another system.", personal=True),
        email=String("E-mail address, null after anonymization.", personal=True),
        phone=String("Phone number.", personal=True),
        name=String("Full name.", personal=True),
        name_parts=Json("Components of the name; the keys depend on the name scheme.", personal=True),
        is_active=Boolean("Whether the account can be used."),
        is_verified=Boolean("Whether the e-mail address was confirmed."),
        last_login=DateTime("Time of the last login.", personal=True),
        date_joined=DateTime("Time of registration."),
        locale=String("Language code."),
        last_modified=DateTime("Time of the last change, set by the server."),
        notes=String("Internal notes.", personal=True),
    )


class Memberships(OrganizerChildStream):
    """A membership that a customer has bought."""

    name = "memberships"
    path = "/organizers/{organizer}/memberships"
    primary_keys = ("id",)
    permission = "organizer.customers:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        testmode=Boolean("Whether test mode is (was) on."),
        customer=String("Identifier of the customer account.", personal=True),
        membership_type=Integer("Membership type."),
        date_start=DateTime("Start of validity."),
        date_end=DateTime("End of validity."),
        attendee_name_parts=Json(
            "Components of the attendee name; the keys depend on the name scheme, _scheme names it.", personal=True
        ),
    )

    #: The order of the list has ties (the dates of a season), and 9 of 300 rows did not come however
    #: the pages were cut (docs/pretix.md, "Lists without a total order"). A customer's memberships are few.
    supplement = Supplement(stream="customers", field="identifier", parameter="customer")


class MembershipTypes(OrganizerChildStream):
    """A kind of membership, and what it allows."""

    name = "membership_types"
    path = "/organizers/{organizer}/membershiptypes"
    primary_keys = ("id",)
    permission = "organizer.settings.general:write"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=I18n("Name."),
        transferable=Boolean("Whether it can be used for other people."),
        allow_parallel_usage=Boolean("Whether overlapping use is allowed."),
        max_usages=Integer("How often it can be used."),
    )


class GiftCards(OrganizerChildStream):
    """A gift card and its balance."""

    name = "gift_cards"
    child_key = "gift_card"
    path = "/organizers/{organizer}/giftcards"
    primary_keys = ("id",)
    permission = "organizer.giftcards:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        secret=String("The code that is redeemed.", secret=True),
        issuance=DateTime("Time of creation."),
        value=Decimal("Current balance."),
        currency=String("ISO 4217 code."),
        testmode=Boolean("Whether test mode is (was) on."),
        expires=DateTime("Time of expiry."),
        conditions=String("Conditions of use.", personal=True),
        owner_ticket=Integer("Position the card is attached to."),
        issuer=String("Slug of the organizer that issued it."),
    )


class GiftCardTransactions(OrganizersStream):
    """A sum added to a gift card, or taken from it."""

    parent_stream_type = GiftCards
    parent_keys = fields(
        **OrganizerChildStream.parent_keys,
        gift_card=Integer("Gift card."),
    )
    name = "gift_card_transactions"
    path = "/organizers/{organizer}/giftcards/{gift_card}/transactions"
    primary_keys = ("id",)
    permission = "organizer.giftcards:read"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        datetime=DateTime("Time."),
        value=Decimal("Change of the balance."),
        event=String("Slug of the event of the order."),
        order=String("Order code, if the change came from an order."),
        text=String("Free text.", personal=True),
        info=Json("Free structure written by the client or provider.", personal=True),
        acceptor=String("Slug of the organizer that accepted it."),
    )


class ReusableMedia(IncrementalStream, OrganizerChildStream):
    """A wristband, chip card or the like that stands for a ticket or gift card."""

    name = "reusable_media"
    path = "/organizers/{organizer}/reusablemedia"
    primary_keys = ("id",)
    replication_key = "updated"
    since_parameter = "updated_since"
    # The only list of its kind that pretix (2026.8) leaves without an order among rows with one time.
    tie_breaker = "id"
    selected_by_default = False
    permission = "organizer.reusablemedia:read"
    since_version = "4.19"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        organizer=String("Slug of the organizer (from the request path)."),
        created=DateTime("Time of creation, set by the server."),
        updated=DateTime("Time of the last change, set by the server."),
        type=String("barcode, nfc_uid or nfc_mf0aes."),
        identifier=String("Content of the barcode or chip id.", secret=True),
        claim_token=String("Token to link the medium to an account.", secret=True),
        label=String("Label printed on the medium.", personal=True),
        active=Boolean("Whether it is active."),
        expires=DateTime("Time of expiry."),
        customer=String("Identifier of the linked customer account.", personal=True),
        linked_orderpositions=Array(Integer, "Positions linked to the medium."),
        linked_giftcard=Integer("Gift card linked to the medium."),
        info=Json("Free structure written by the client or provider.", secret=True, personal=True),
        notes=String("Internal notes.", personal=True),
        linked_orderposition=Integer(
            "Legacy: the linked position if there is just one; the key is absent when there are several."
        ),
    )
