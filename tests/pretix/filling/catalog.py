"""The full catalog of an event: everything that it can be configured with."""

# mypy: ignore-errors
from __future__ import annotations

import random
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

from django.core.files.base import ContentFile
from filling.invent import (
    CITIES,
    OPENED,
    SHOWTIME,
    code,
    full_name,
    mail,
    name_parts,
    phone,
    png,
    text,
)
from filling.shops import Shop, Stock, logged, tax_rules
from filling.versions import AutoCheckinRule, ItemProgramTime, has, link
from pretix.base.models import (
    CartPosition,
    CheckinList,
    Discount,
    Event,
    Item,
    ItemAddOn,
    ItemBundle,
    ItemCategory,
    ItemMetaProperty,
    ItemMetaValue,
    ItemVariation,
    ItemVariationMetaValue,
    Question,
    QuestionAnswer,
    QuestionOption,
    Quota,
    Seat,
    SeatCategoryMapping,
    SubEvent,
    SubEventItem,
    SubEventItemVariation,
    SubEventMetaValue,
    TaxRule,
    Voucher,
    WaitingListEntry,
)
from pretix.plugins.badges.models import BadgeItem, BadgeLayout
from pretix.plugins.sendmail.models import Rule
from pretix.plugins.ticketoutputpdf.models import TicketLayout, TicketLayoutItem


def full_stock(shop: Shop, event: Event, *, rules: int = 4) -> Stock:
    """Everything that an event can be configured with."""
    made_rules = tax_rules(event, rules)
    categories = make_categories(event)
    items, variations = make_items(shop, event, made_rules, categories)
    stock = Stock(shop, event, items["ticket"], items["special"], variations, items["addon"], made_rules)
    link(categories[2], "cross_selling_match_products", [items["ticket"]])
    make_questions(stock)
    if event.has_subevents:
        make_dates(stock)
    else:
        make_program(stock)
    make_seats(stock)
    make_quotas(stock)
    make_discounts(stock)
    make_vouchers(stock)
    make_lists(stock)
    make_waiting_list(stock)
    make_carts(stock)
    make_plugin_rows(stock)
    logged(
        event,
        made_rules[0],
        categories[0],
        items["ticket"],
        stock.questions["N"],
        stock.discounts[0],
    )
    return stock


def make_categories(event: Event) -> list[ItemCategory]:
    rows = [
        {
            "name": text("Admission", "Eintritt"),
            "description": text("Doors at six", "Einlass um sechs"),
            "position": 1,
        },
        {"name": text("Food"), "is_addon": True, "position": 2, "internal_name": "Küche"},
        {
            "name": text("More"),
            "position": 3,
            "cross_selling_mode": "both",
            "cross_selling_condition": "products",
        },
        {"name": text("Empty 空"), "position": 3},
    ]
    return [ItemCategory.objects.create(event=event, **row) for row in rows]


def make_items(
    shop: Shop, event: Event, rules: list[TaxRule], categories: list[ItemCategory]
) -> tuple[dict[str, Item], list[ItemVariation]]:
    properties = [
        ItemMetaProperty.objects.create(event=event, name="stage", default="main", required=True),
        ItemMetaProperty.objects.create(event=event, name="colour", default="", allowed_values="red\nblue\ngrün"),
    ]
    ticket = Item.objects.create(
        event=event,
        category=categories[0],
        name=text("Ticket", "Eintrittskarte"),
        internal_name="T1",
        description=text("One seat, one drink", "Ein Platz, ein Getränk"),
        default_price=Decimal("23.00"),
        original_price=Decimal("27.50"),
        tax_rule=rules[0],
        admission=True,
        personalized=True,
        generate_tickets=True,
        position=1,
        available_from=OPENED,
        available_until=SHOWTIME,
        available_until_mode="info",
        min_per_order=1,
        max_per_order=9,
        checkin_attention=True,
        checkin_text="Check the student card",
        show_quota_left=True,
        media_policy="reuse_or_new",
        media_type="barcode",
        validity_mode="fixed",
        validity_fixed_from=SHOWTIME - timedelta(days=1),
        validity_fixed_until=SHOWTIME + timedelta(days=1),
        picture=ContentFile(png(), "ticket.png"),
    )
    special = Item.objects.create(
        event=event,
        category=categories[0],
        name=text("Balcony", "Rang"),
        default_price=Decimal("42.00"),
        tax_rule=rules[0],
        admission=True,
        personalized=True,
        position=2,
        all_sales_channels=False,
        require_approval=False,
        require_membership=bool(shop.membership_types),
        hidden_if_item_available=ticket,
        hidden_if_item_available_mode="info",
        validity_mode="dynamic",
        validity_dynamic_duration_minutes=30,
        validity_dynamic_duration_hours=2,
        validity_dynamic_duration_days=1,
        validity_dynamic_duration_months=1,
        validity_dynamic_start_choice=True,
        validity_dynamic_start_choice_day_limit=90,
        grant_membership_type=shop.membership_types[0] if shop.membership_types else None,
        grant_membership_duration_days=30,
    )
    link(special, "limit_sales_channels", [shop.channels["web"]])
    special.require_membership_types.set(shop.membership_types[:1])
    addon = Item.objects.create(
        event=event,
        category=categories[1],
        name=text("Soup", "Suppe"),
        default_price=Decimal("6.00"),
        free_price=True,
        free_price_suggestion=Decimal("7.00"),
        tax_rule=rules[1],
        position=3,
        require_bundling=False,
    )
    voucher_only = Item.objects.create(
        event=event,
        name=text("Backstage"),
        default_price=Decimal("0.00"),
        hide_without_voucher=True,
        active=False,
        position=4,
    )
    variations = [
        ItemVariation.objects.create(
            item=special,
            value=text("Left", "Links"),
            description=text("With a column", "Mit Säule"),
            position=0,
            default_price=Decimal("40.00"),
            original_price=Decimal("45.00"),
            free_price_suggestion=Decimal("41.00"),
            all_sales_channels=False,
            checkin_attention=True,
            checkin_text="Left stairs",
            available_from=OPENED,
            available_until=SHOWTIME,
            require_membership=bool(shop.membership_types),
        ),
        ItemVariation.objects.create(item=special, value=text("Right", "Rechts"), position=1, active=True),
    ]
    link(variations[0], "limit_sales_channels", [shop.channels["web"]])
    variations[0].require_membership_types.set(shop.membership_types[:1])
    ItemMetaValue.objects.create(item=ticket, property=properties[0], value="side")
    ItemVariationMetaValue.objects.create(variation=variations[0], property=properties[1], value="red")
    ItemAddOn.objects.create(
        base_item=ticket, addon_category=categories[1], max_count=2, position=1, price_included=True
    )
    ItemAddOn.objects.create(
        base_item=special,
        addon_category=categories[1],
        min_count=1,
        max_count=1,
        multi_allowed=True,
    )
    ItemBundle.objects.create(base_item=special, bundled_item=addon, count=2, designated_price=Decimal("3.00"))
    ItemBundle.objects.create(
        base_item=voucher_only,
        bundled_item=special,
        bundled_variation=variations[1],
        count=1,
        designated_price=0,
    )
    return {"ticket": ticket, "special": special, "addon": addon}, variations


def make_questions(stock: Stock) -> None:
    event = stock.event
    shared = {"event": event, "container_type": "P"}
    special: dict[str, dict[str, Any]] = {
        "N": {
            "valid_number_min": Decimal(1),
            "valid_number_max": Decimal("99.5"),
            "required": True,
        },
        "S": {
            "valid_string_length_max": 50,
            "print_on_invoice": True,
            "help_text": text("As on your badge", "Wie am Schild"),
        },
        "T": {"valid_string_length_min": 2, "valid_string_length_max": 500, "hidden": True},
        "B": {"ask_during_checkin": True, "show_during_checkin": True},
        "F": {"valid_file_portrait": True},
        "D": {"valid_date_min": date(1940, 1, 1), "valid_date_max": date(2040, 1, 1)},
        "W": {"valid_datetime_min": OPENED, "valid_datetime_max": SHOWTIME},
    }
    kinds = ("N", "S", "T", "B", "C", "M", "F", "D", "H", "W", "CC", "TEL")
    for position, kind in enumerate(kinds):
        question = Question.objects.create(
            **shared,
            identifier=f"Q-{kind}",
            type=kind,
            question=text(f"Question {kind}?", f"Frage {kind}?"),
            position=position,
            **special.get(kind, {}),
        )
        question.items.set([stock.ticket, stock.special])
        stock.questions[kind] = question
        if kind in "CM":
            stock.options += [
                QuestionOption.objects.create(
                    question=question,
                    identifier=f"{kind}{index}",
                    answer=text(answer, german),
                    position=index,
                )
                for index, (answer, german) in enumerate(
                    (("Blue", "Blau"), ("Red, or green", "Rot, oder grün"), ("空", "空"))
                )
            ]
    # A question that is asked only after a certain answer to another.
    dependent = stock.questions["T"]
    dependent.dependency_question = stock.questions["C"]
    dependent.dependency_values = ["C0", "C1"]
    dependent.save()
    if not has(Question, "container_type"):
        return
    of_order = Question.objects.create(
        event=event,
        container_type="O",
        identifier="Q-ORDER",
        type="C",
        question=text("How did you hear of us?", "Woher kennen Sie uns?"),
        position=99,
    )
    QuestionOption.objects.create(question=of_order, identifier="O0", answer=text("A poster", "Plakat"))
    stock.questions["order"] = of_order


def make_program(stock: Stock) -> None:
    for hour in range(2 if ItemProgramTime else 0):
        ItemProgramTime.objects.create(
            item=stock.ticket,
            start=SHOWTIME + timedelta(hours=hour),
            end=SHOWTIME + timedelta(hours=hour + 1),
            location=text("Main hall", "Großer Saal") if hour else None,
        )


def make_dates(stock: Stock) -> None:
    event, shop = stock.event, stock.shop
    dates = SubEvent.objects.bulk_create(
        [
            SubEvent(
                event=event,
                name=text(f"Night {index}", f"Nacht {index}"),
                active=index % 6 != 5,
                is_public=index % 4 != 3,
                # Three dates each begin at the same time: their order in the list hangs on the id
                # alone.
                date_from=SHOWTIME + timedelta(days=index // 3),
                date_to=SHOWTIME + timedelta(days=index // 3, hours=2) if index % 2 else None,
                date_admission=SHOWTIME + timedelta(days=index // 3, hours=-1) if index % 2 else None,
                presale_start=OPENED if index % 3 else None,
                presale_end=SHOWTIME if index % 3 else None,
                location=text(random.choice(CITIES)) if index % 2 else None,
                geo_lat=53.55 if index % 2 else None,
                geo_lon=9.99 if index % 2 else None,
                frontpage_text=text("Bring a lamp", "Bringt eine Lampe mit") if index % 2 else None,
                comment="Piano is out of tune" if index % 5 == 0 else None,
                seating_plan=shop.plans[0] if shop.plans and index < 5 else None,
            )
            for index in range(60)
        ]
    )
    for index, subevent in enumerate(dates):
        SubEvent.objects.filter(pk=subevent.pk).update(last_modified=OPENED + timedelta(hours=index))
    stock.dates = dates
    for subevent in dates[:3]:
        SubEventItem.objects.create(
            subevent=subevent,
            item=stock.ticket,
            price=Decimal("19.50"),
            available_from=OPENED,
            available_until=SHOWTIME,
        )
        SubEventItem.objects.create(subevent=subevent, item=stock.addon, disabled=True)
        SubEventItemVariation.objects.create(
            subevent=subevent,
            variation=stock.variations[0],
            price=Decimal("39.00"),
            available_from=OPENED,
            available_until=SHOWTIME,
        )
        for prop in shop.meta_properties[:1]:
            SubEventMetaValue.objects.create(subevent=subevent, property=prop, value="Jazz")
    SeatCategoryMapping.objects.create(event=event, subevent=dates[0], layout_category="Stalls", product=stock.ticket)


def make_seats(stock: Stock) -> None:
    """Seats of the whole event (more than a page of them), or of its first dates."""
    if not stock.shop.plans:
        return
    if not stock.dates:
        SeatCategoryMapping.objects.create(event=stock.event, layout_category="Stalls", product=stock.ticket)
    stock.seats = Seat.objects.bulk_create(
        [
            Seat(
                event=stock.event,
                subevent=subevent,
                zone_name="Parkett · Süd",
                row_name=str(row),
                row_label=f"Row {row}" if row % 2 else None,
                seat_number=str(number),
                seat_label=f"Seat {number}" if number % 2 else None,
                seat_guid=f"{row}-{number}",
                product=stock.ticket if number else None,
                blocked=row == 3 and number == 3,
                sorting_rank=row * 100 + number,
                x=float(number),
                y=float(row),
            )
            for subevent in (stock.dates[:5] or [None])
            for row in range(2 if stock.dates else 6)
            for number in range(6 if stock.dates else 12)
        ]
    )


def make_quotas(stock: Stock) -> None:
    for index, subevent in enumerate(stock.dates[:3] or [None, None]):
        quota = Quota.objects.create(
            event=stock.event,
            name=f"House {index}",
            size=500 if index else None,
            subevent=subevent,
            close_when_sold_out=index == 1,
            closed=False,
            release_after_exit=index == 0,
            ignore_for_event_availability=index == 1,
        )
        quota.items.set([stock.ticket, stock.special, stock.addon])
        quota.variations.set(stock.variations)
    stock.special.hidden_if_available = quota
    stock.special.save()


def make_discounts(stock: Stock) -> None:
    first = Discount.objects.create(
        event=stock.event,
        internal_name="Four for three",
        position=1,
        all_sales_channels=False,
        available_from=OPENED,
        available_until=SHOWTIME,
        condition_all_products=False,
        condition_min_count=4,
        benefit_discount_matching_percent=Decimal("100.00"),
        benefit_only_apply_to_cheapest_n_matches=1,
        benefit_same_products=False,
        subevent_date_from=OPENED,
        subevent_date_until=SHOWTIME,
    )
    link(first, "limit_sales_channels", [stock.shop.channels["web"]])
    first.condition_limit_products.set([stock.ticket])
    link(first, "benefit_limit_products", [stock.ticket])
    second = Discount.objects.create(
        event=stock.event,
        internal_name="Big baskets",
        condition_min_value=Decimal("100.00"),
        subevent_mode="same",
    )
    stock.discounts = [first, second]


def make_vouchers(stock: Stock) -> None:
    event = stock.event
    quota = event.quotas.first()
    seat = stock.seats[-1] if stock.seats else None
    special = [
        {
            "item": stock.ticket,
            "price_mode": "set",
            "value": Decimal("11.00"),
            "budget": Decimal("200.00"),
            "tag": "press",
        },
        {
            "item": stock.special,
            "variation": stock.variations[0],
            "price_mode": "percent",
            "value": Decimal("50.00"),
        },
        {
            "quota": quota,
            "block_quota": True,
            "allow_ignore_quota": True,
            "comment": "für die Band · Ноты",
        },
        {"item": stock.ticket, "seat": seat, "subevent": seat.subevent if seat else None},
        {
            "price_mode": "subtract",
            "value": Decimal("2.00"),
            "max_usages": 20,
            "min_usages": 2,
            "valid_until": SHOWTIME,
        },
        {"all_addons_included": True, "all_bundles_included": True, "show_hidden_items": False},
        {"subevent": stock.dates[0] if stock.dates else None, "redeemed": 1},
    ]
    stock.vouchers = Voucher.objects.bulk_create(
        [
            Voucher(
                event=event,
                code=f"{code(index, 8)}{index}",
                **(special[index] if index < len(special) else {}),
            )
            for index in range(58)
        ]
    )


def make_lists(stock: Stock) -> None:
    rules = {"and": [{"isBefore": [{"var": "now"}, {"buildTime": ["date_to"]}, 10]}]}
    first = CheckinList.objects.create(
        event=stock.event,
        name="Main entrance",
        rules=rules,
        exit_all_at=SHOWTIME,
        consider_tickets_used=True,
    )
    second = CheckinList.objects.create(
        event=stock.event,
        name="Balcony",
        all_products=False,
        include_pending=True,
        allow_multiple_entries=True,
        ignore_in_statistics=True,
        addon_match=False,
        subevent=stock.dates[0] if stock.dates else None,
    )
    second.limit_products.set([stock.special])
    first.gates.set(stock.shop.gates[:1])
    stock.lists = [first, second]


def make_waiting_list(stock: Stock) -> None:
    WaitingListEntry.objects.bulk_create(
        [
            WaitingListEntry(
                event=stock.event,
                subevent=stock.dates[index % 3] if stock.dates else None,
                name_parts=name_parts(index) if index % 2 else {},
                name_cached=full_name(index) if index % 2 else None,
                email=mail(index, "waiting"),
                phone=phone(index) if index % 3 else None,
                item=stock.special,
                variation=stock.variations[index % 2],
                voucher=stock.vouchers[-1] if index == 0 else None,
                locale=("en", "de")[index % 2],
                priority=index % 3,
            )
            for index in range(12)
        ]
    )


def make_carts(stock: Stock) -> None:
    """Carts of the API, which its list shows, and one of the web shop, which it does not."""
    subevent = stock.dates[0] if stock.dates else None
    seat = next(
        (seat for seat in stock.seats if seat.seat_guid == "1-5" and seat.subevent == subevent),
        None,
    )
    for index, cart in enumerate(("basket-1@api", "basket-1@api", "basket-2@api", "a-visitor's-own")):
        position = CartPosition.objects.create(
            event=stock.event,
            cart_id=cart,
            item=stock.ticket,
            subevent=subevent,
            price=Decimal("23.00"),
            attendee_name_parts=name_parts(index),
            attendee_email=mail(index) if index % 2 else None,
            voucher=stock.vouchers[0] if index == 0 else None,
            seat=seat if index == 0 else None,
            expires=SHOWTIME,
            listed_price=Decimal("23.00"),
        )
        answer = QuestionAnswer.objects.create(cartposition=position, question=stock.questions["M"], answer="Blue, 空")
        answer.options.set([stock.options[3], stock.options[5]])
        CartPosition.objects.create(
            event=stock.event,
            cart_id=cart,
            item=stock.addon if index else stock.special,
            variation=None if index else stock.variations[0],
            subevent=subevent,
            price=Decimal("6.00"),
            addon_to=position,
            is_bundled=index == 1,
            expires=SHOWTIME,
        )


def make_plugin_rows(stock: Stock) -> None:
    event, shop = stock.event, stock.shop
    for index, name in enumerate(("Classic", "Night · Ночь", "Night · Ночь")):
        layout = TicketLayout.objects.create(
            event=event,
            name=name,
            default=index == 0,
            background=ContentFile(b"%PDF-1.4", "ticket.pdf") if index else None,
        )
        if index:
            TicketLayoutItem.objects.create(
                item=stock.ticket if index == 1 else None,
                layout=layout,
                sales_channel=shop.channels["web"],
            )
    for index, name in enumerate(("Badge", "Crew")):
        badge = BadgeLayout.objects.create(
            event=event,
            name=name,
            default=index == 0,
            background=ContentFile(b"%PDF-1.4", "badge.pdf") if index else None,
        )
        BadgeItem.objects.create(item=stock.special if index else stock.ticket, layout=badge)
    BadgeItem.objects.create(item=stock.addon, layout=None)
    rules = [
        {"send_date": SHOWTIME, "send_to": "both"},
        {
            "date_is_absolute": False,
            "send_offset_days": 1,
            "send_offset_time": time(9, 30),
            "offset_to_event_end": True,
            "offset_is_after": True,
            "checked_in_status": "no_checkin",
            "all_products": False,
            "send_to": "attendees",
            "enabled": False,
        },
    ]
    for row in rules:
        rule = Rule.objects.create(
            event=event,
            subject=text("Tonight!", "Heute!"),
            template=text("Come early.", "Kommt früh."),
            **row,
        )
        rule.limit_products.set([] if rule.all_products else [stock.ticket])
    if AutoCheckinRule is None:
        return
    AutoCheckinRule.objects.create(event=event, list=stock.lists[0], mode="paid")
    auto = AutoCheckinRule.objects.create(
        event=event,
        mode="placed",
        all_sales_channels=False,
        all_products=False,
        all_payment_methods=False,
        limit_payment_methods=["banktransfer", "manual"],
    )
    link(auto, "limit_sales_channels", [shop.channels["web"]])
    auto.limit_products.set([stock.ticket])
    auto.limit_variations.set(stock.variations[:1])
