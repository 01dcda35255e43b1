"""People, cards and machines of an organizer, and its settings."""

# mypy: ignore-errors
from __future__ import annotations

import json
from datetime import time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from filling.invent import OPENED, SHOWTIME, code, full_name, mail, name_parts, phone, secret, text
from filling.shops import permissions_before
from filling.versions import ReusableMedium, SalesChannel, has, link
from pretix.api.models import WebHook
from pretix.base.models import (
    Customer,
    Device,
    Event,
    EventMetaProperty,
    Gate,
    GiftCard,
    GiftCardTransaction,
    Membership,
    MembershipType,
    Order,
    OrderPosition,
    SeatingPlan,
    Team,
    TeamAPIToken,
    TeamInvite,
    User,
)
from pretix.base.models.exports import ScheduledEventExport, ScheduledOrganizerExport
from pretix.plugins.banktransfer.models import BankImportJob, BankTransaction

if TYPE_CHECKING:
    from filling.shops import Shop


def make_customers(shop: Shop, number: int) -> None:
    """Customers, three of them anonymized: without an address their order in the API's list is
    open.
    """
    shop.customers = Customer.objects.bulk_create(
        [
            Customer(
                organizer=shop.organizer,
                identifier=f"K{code(index, 6)}",
                email=None if index < 3 else mail(index, "customer"),
                phone=phone(index) if index % 2 else None,
                password="!",
                name_parts=name_parts(index) if index >= 3 else {},
                name_cached=full_name(index) if index >= 3 else "",
                is_active=index % 10 != 0,
                is_verified=index % 4 != 0,
                last_login=OPENED + timedelta(days=index) if index % 3 else None,
                locale=("en", "de")[index % 2],
                external_identifier=f"crm-{index}" if index % 3 == 0 else None,
                notes="Likes the aisle · mag den Gang" if index % 5 == 0 else None,
            )
            for index in range(number)
        ]
    )


def make_memberships(shop: Shop, number: int) -> None:
    """Season tickets of two kinds, all for the same season.

    The default order of their list leaves nearly all of them tied, and its pages lose rows. With
    one kind only, PostgreSQL finds them in order as they are and loses next to nothing.
    """
    shop.membership_types = [
        MembershipType.objects.create(organizer=shop.organizer, name=text("Season", "Saison"), max_usages=40),
        MembershipType.objects.create(
            organizer=shop.organizer,
            name=text("Friends", "Freunde"),
            transferable=True,
            allow_parallel_usage=True,
        ),
    ]
    Membership.objects.bulk_create(
        [
            Membership(
                customer=shop.customers[index % len(shop.customers)],
                membership_type=shop.membership_types[index % 3 == 0],
                testmode=index % 50 == 0,
                canceled=index % 75 == 1,
                date_start=SHOWTIME - timedelta(days=200),
                date_end=SHOWTIME + timedelta(days=165),
                attendee_name_parts=name_parts(index) if index % 2 else None,
            )
            for index in range(number)
        ]
    )


def make_gift_cards(shop: Shop) -> None:
    """Gift cards; the first with more transactions than two pages hold, most at one moment."""
    organizer = shop.organizer
    shop.gift_cards = GiftCard.objects.bulk_create(
        [
            GiftCard(
                issuer=organizer,
                customer=shop.customers[index] if index % 3 == 0 else None,
                secret=f"GIFT{code(index, 8)}",
                testmode=index % 11 == 0,
                expires=SHOWTIME if index % 4 == 0 else None,
                conditions="Not for soup · nicht für Suppe" if index % 4 == 0 else None,
                currency=("EUR", "CHF")[index % 2],
            )
            for index in range(55)
        ]
    )
    for index, card in enumerate(shop.gift_cards):
        # Five cards a day, bought in the same instant.
        GiftCard.objects.filter(pk=card.pk).update(issuance=OPENED + timedelta(days=index // 5))
    rows = [
        GiftCardTransaction(
            card=shop.gift_cards[0],
            value=Decimal("500.00") if index == 0 else Decimal("-1.50"),
            acceptor=organizer if index % 2 else None,
            text="Topped up · aufgeladen" if index % 5 == 0 else None,
            info={"terminal": index} if index % 7 == 0 else None,
        )
        for index in range(135)
    ]
    rows += [
        GiftCardTransaction(card=card, value=Decimal("25.00"), acceptor=organizer) for card in shop.gift_cards[1:20]
    ]
    GiftCardTransaction.objects.bulk_create(rows)
    for index, row in enumerate(rows):
        # Seven of ten were imported in one go; those between them came later.
        row.datetime = OPENED + timedelta(days=30) if index % 10 < 7 else OPENED + timedelta(days=31, hours=index)
    GiftCardTransaction.objects.bulk_update(rows, ["datetime"])


def use_gift_cards(shop: Shop) -> None:
    """Tie gift cards and media to orders, now that there are some."""
    sold = OrderPosition.all.filter(order__event__organizer=shop.organizer, canceled=False)
    positions = list(sold.order_by("pk")[:20])
    if has(GiftCard, "owner_ticket"):
        GiftCard.objects.filter(pk=shop.gift_cards[0].pk).update(owner_ticket=positions[0])
    spent = GiftCardTransaction.objects.filter(card=shop.gift_cards[0]).order_by("pk")[1:20]
    for row, used in zip(spent, positions, strict=False):
        GiftCardTransaction.objects.filter(pk=row.pk).update(order=used.order)
    for index in range(56 if ReusableMedium else 0):
        medium = ReusableMedium.objects.create(
            organizer=shop.organizer,
            type=("barcode", "nfc_uid", "nfc_mf0aes")[index % 3],
            identifier=f"{index:012X}",
            claim_token=secret(12) if index % 4 == 0 else None,
            label=f"Wristband {index}" if index % 4 == 0 else None,
            active=index % 9 != 0,
            expires=SHOWTIME if index % 5 == 0 else None,
            customer=shop.customers[index] if index % 5 == 0 else None,
            linked_giftcard=shop.gift_cards[index] if index % 6 == 0 and index < 50 else None,
            info={"batch": "A"} if index % 2 else {},
            notes="Clasp is worn · abgenutzt" if index % 8 == 0 else None,
        )
        if index < 10:
            link(medium, "linked_orderpositions", positions[index : index + 1 + index % 2])
        ReusableMedium.objects.filter(pk=medium.pk).update(
            created=OPENED + timedelta(hours=index),
            updated=OPENED + timedelta(days=1, hours=index // 3),
        )


def make_devices(shop: Shop) -> None:
    organizer = shop.organizer
    shop.gates = [Gate.objects.create(organizer=organizer, name=name, identifier=name) for name in ("North", "South")]
    for index in range(4):
        set_up = index > 0
        device = Device.objects.create(
            organizer=organizer,
            name=f"Scanner {index} · Süd",
            all_events=index != 2,
            gate=shop.gates[index % 2],
            revoked=index == 3,
            initialized=OPENED if set_up else None,
            api_token=secret(48) if set_up else None,
            hardware_brand="Brack" if set_up else None,
            hardware_model="B1" if set_up else None,
            os_name="Android" if set_up else None,
            os_version="15" if set_up else None,
            software_brand="pretixSCAN" if set_up else None,
            software_version="2.1" if set_up else None,
            security_profile=("full", "pretixscan")[index % 2],
        )
        shop.devices.append(device)


def make_plans(shop: Shop) -> None:
    seats = [
        {
            "seat_guid": f"1-{n}",
            "seat_number": str(n),
            "position": {"x": 20 * n, "y": 0},
            "category": "Stalls",
        }
        for n in range(4)
    ]
    row = {
        "row_number": "1",
        "row_number_position": "both",
        "position": {"x": 0, "y": 0},
        "seats": seats,
    }
    for name in ("Hall · Großer Saal", "Hall · Großer Saal", "Yard"):
        layout = {
            "name": name,
            "categories": [{"name": "Stalls", "color": "#335577"}],
            "zones": [{"name": "Parkett · Süd", "position": {"x": 0, "y": 0}, "rows": [row], "areas": []}],
            "size": {"width": 200, "height": 100},
        }
        shop.plans.append(SeatingPlan.objects.create(organizer=shop.organizer, name=name, layout=json.dumps(layout)))


def make_meta_properties(shop: Shop) -> None:
    rows = [
        {
            "name": "genre",
            "default": "Jazz",
            "filter_public": True,
            "public_label": text("Genre", "Stil"),
            "position": 1,
        },
        {
            "name": "season",
            "required": True,
            "protected": True,
            "filter_allowed": False,
            "position": 2,
            "choices": [
                {"key": "s1", "label": {"en": "Spring", "de": "Frühling"}},
                {"key": "s2", "label": {"en": "Autumn"}},
            ],
        },
        {"name": "näh-nummer", "position": 2},
    ]
    shop.meta_properties = [EventMetaProperty.objects.create(organizer=shop.organizer, **row) for row in rows]


def make_teams(shop: Shop, user: User, limited_to: Event) -> dict[str, str]:
    """Teams with members, invitations and tokens; returns the credentials of those that see less
    than everything.
    """
    organizer = shop.organizer
    everyone = organizer.teams.get(name="Readers of everything")
    everyone.members.add(user)
    limited = Team.objects.create(
        organizer=organizer,
        name="Orders of one event",
        limit_event_permissions={"event.orders:read": True},
        **permissions_before(Team, "can_view_orders"),
    )
    limited.limit_events.add(limited_to)
    former = Team.objects.create(
        organizer=organizer,
        name="Box office · Kasse",
        all_events=True,
        limit_event_permissions={
            "event.orders:read": True,
            "event.orders:checkin": True,
            "event.vouchers:read": True,
        },
        limit_organizer_permissions={"organizer.giftcards:read": True},
        **permissions_before(
            Team, "can_view_orders", "can_checkin_orders", "can_view_vouchers", "can_manage_gift_cards"
        ),
    )
    for index in range(6):
        member = User.objects.create_user(
            mail(index, f"crew-{organizer.slug}-"),
            "!",
            fullname=full_name(index) if index else None,
        )
        former.members.add(member)
        if index % 2:
            limited.members.add(member)
        TeamInvite.objects.create(team=former, email=mail(index, "invited"), token=secret())
        # Tokens of one name, whose order in the API's list is open.
        TeamAPIToken.objects.create(team=former, name="till", active=index % 2 == 0)
    unused = TeamAPIToken.objects.create(team=limited, name="former app", active=False)
    return {
        "limited": TeamAPIToken.objects.create(team=limited, name="orders").token,
        "inactive": unused.token,
    }


def make_settings(shop: Shop, events: list[Event]) -> None:
    """Few settings are in the database unless someone changed them; the API fills in the rest."""
    for key, value in {
        "customer_accounts": True,
        "reusable_media_active": True,
        "reusable_media_type_barcode": True,
        "organizer_info_text": text("At the harbour", "Am Hafen"),
        "locales": ["en", "de", "de-informal"],
    }.items():
        shop.organizer.settings.set(key, value)
    for event in events:
        for key, value in {
            "timezone": "Europe/Berlin",
            "locales": ["en", "de", "de-informal"],
            "ticket_download": True,
            "ticketoutput_pdf__enabled": True,
            "payment_banktransfer__enabled": True,
            "payment_manual__enabled": True,
            "attendee_names_asked": True,
            "invoice_generate": "True",
            "payment_term_last": "RELDATE/14/-/date_from/",
            "frontpage_text": text("Welcome", "Willkommen"),
        }.items():
            event.settings.set(key, value)


def make_exports(shop: Shop, event: Event, owner: User) -> None:
    shared = {
        "owner": owner,
        "locale": "en",
        "mail_additional_recipients": mail(1, "office"),
        "mail_additional_recipients_cc": mail(2, "office"),
        "mail_additional_recipients_bcc": mail(3, "office"),
        "mail_subject": "Weekly · wöchentlich",
        "mail_template": "See the file.",
        "schedule_rrule_time": time(4, 30),
        "error_counter": 1,
    }
    # Never due: a date in the past would be run by whoever runs pretix's periodic tasks.
    weekly = {
        "schedule_rrule": "DTSTART:20410101T000000\nRRULE:FREQ=WEEKLY",
        "schedule_next_run": SHOWTIME,
    }
    form = {"_format": "xlsx"}
    for export, times in (("orderlist", weekly), ("orderlist", {})):
        ScheduledEventExport.objects.create(
            event=event, export_identifier=export, export_form_data=form, **shared, **times
        )
        ScheduledOrganizerExport.objects.create(
            organizer=shop.organizer,
            export_identifier=export,
            export_form_data={**form, "all_events": True},
            timezone="Europe/Berlin",
            **shared,
            **times,
        )


def make_webhooks(shop: Shop, event: Event) -> None:
    for index in range(3):
        hook = WebHook.objects.create(
            organizer=shop.organizer,
            enabled=index != 1,
            # A host that cannot exist (RFC 2606): nothing that these tests do reaches anyone.
            target_url=f"https://hooks.example/{index}",
            all_events=index != 2,
            comment="For the crew · Mannschaft" if index else None,
        )
        hook.listeners.create(action_type="pretix.event.order.placed")
        hook.listeners.create(action_type="pretix.event.order.paid")
        if not hook.all_events:
            hook.limit_events.add(event)


def make_bank_imports(shop: Shop, event: Event) -> None:
    order = Order.objects.filter(event=event).first()
    for index in range(3):
        job = BankImportJob.objects.create(
            organizer=shop.organizer,
            event=event if index == 0 else None,
            currency="EUR" if index else None,
            state=("completed", "error", "pending")[index],
        )
        for number in range(2):
            BankTransaction.objects.create(
                organizer=None if index == 0 else shop.organizer,
                event=event if index == 0 else None,
                import_job=job,
                currency="EUR" if index else None,
                state=("valid", "nomatch")[number],
                message="" if number == 0 else "unknown reference",
                external_id=f"{index}-{number}" if number else None,
                checksum=f"{index}{number}" * 16,
                payer=full_name(number),
                reference=f"CONCERT {order.code}",
                amount=order.total,
                date="2025-02-03",
                iban="DE02120300000000202051",
                bic="BYLADEM1001",
                order=order if number == 0 else None,
                comment="Thanks" if number else "",
            )


def make_channels(shop: Shop) -> None:
    if SalesChannel is None:
        return
    shop.channels["api.kiosk"] = SalesChannel.objects.create(
        organizer=shop.organizer,
        identifier="api.kiosk",
        type="api",
        label=text("Kiosk", "Büdchen"),
        position=3,
    )
