"""Orders with all that belongs to them, written in bulk."""

# mypy: ignore-errors
from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import count, cycle
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F
from filling.invent import (
    ALPHABET,
    CITIES,
    OPENED,
    SHOWTIME,
    code,
    full_name,
    included_tax,
    mail,
    name_parts,
    phone,
    png,
    secret,
)
from filling.versions import BlockedTicketSecret, PrintLog
from pretix.base.models import (
    Checkin,
    Invoice,
    InvoiceAddress,
    InvoiceLine,
    Item,
    Order,
    OrderFee,
    OrderPayment,
    OrderPosition,
    OrderRefund,
    QuestionAnswer,
    RevokedTicketSecret,
    Transaction,
)

if TYPE_CHECKING:
    from filling.shops import Stock


@dataclass
class Orders:
    """Rows of many orders, kept back to be written in a few statements."""

    orders: list[Order] = field(default_factory=list)
    addresses: list[InvoiceAddress] = field(default_factory=list)
    positions: list[OrderPosition] = field(default_factory=list)
    addons: list[OrderPosition] = field(default_factory=list)
    fees: list[OrderFee] = field(default_factory=list)
    payments: list[OrderPayment] = field(default_factory=list)
    refunds: list[OrderRefund] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)


STATUSES = ["p", "p", "n", "p", "c", "p", "p", "e", "p", "n"]


def make_orders(stocks: list[Stock], number: int) -> None:
    """Orders in turn over the events, with all that belongs to them."""
    for start in range(0, number, 1000):
        rows = Orders()
        for index, stock in zip(range(start, min(start + 1000, number)), cycle(stocks), strict=False):
            make_order(rows, stock, index)
        write(rows)


def make_order(rows: Orders, stock: Stock, index: int) -> None:
    shop, event = stock.shop, stock.event
    number = next(shop.order_numbers)
    # Orders come in pairs of the same second, as they do when presale starts.
    placed = OPENED + timedelta(minutes=37 * (number // 2))
    status = STATUSES[index % len(STATUSES)]
    order = Order(
        code=code(number),
        organizer=shop.organizer,
        event=event,
        status=status,
        testmode=index % 13 == 5,
        email=mail(number) if index % 11 else None,
        phone=phone(number) if index % 3 == 0 else None,
        locale=("en", "de", "de-informal")[index % 3],
        datetime=placed,
        expires=placed + timedelta(days=14),
        cancellation_date=placed + timedelta(days=2) if status == "c" else None,
        total=Decimal(0),
        comment="Rings the bell twice · дважды" if index % 9 == 0 else "",
        custom_followup_at=date(2041, 1, 2) if index % 17 == 0 else None,
        checkin_attention=index % 19 == 0,
        checkin_text="Has a dog" if index % 19 == 0 else None,
        require_approval=status == "n" and index % 20 == 9,
        valid_if_pending=status == "n" and index % 20 == 2,
        sales_channel=shop.channels["api" if index % 7 == 0 and "api" in shop.channels else "web"],
        customer=shop.customers[number % len(shop.customers)] if shop.customers and index % 4 == 0 else None,
        api_meta={"basket": number} if index % 8 == 0 else {},
        tax_rounding_mode="sum_by_net" if index % 23 == 0 else "line",
        secret=secret(16),
    )
    rows.orders.append(order)
    if index % 2 == 0:
        rows.addresses.append(make_address(order, number))
    positions = make_positions(rows, stock, order, index)
    fees = make_fees(rows, stock, order, index)
    order.total = sum((row.price for row in positions if not row.canceled), Decimal(0)) + sum(
        (row.value for row in fees if not row.canceled), Decimal(0)
    )
    make_payments(rows, stock, order, index)
    make_transactions(rows, order, positions, fees)


def make_address(order: Order, number: int) -> InvoiceAddress:
    business = number % 3 == 0
    return InvoiceAddress(
        order=order,
        customer=order.customer,
        is_business=business,
        company="Brack & Söhne GmbH" if business else "",
        name_parts=name_parts(number),
        name_cached=full_name(number),
        street=f"Am Deich {number}",
        zipcode=f"{20000 + number % 9999}",
        city=random.choice(CITIES),
        country="US" if number % 5 == 0 else "DE",
        state="CA" if number % 5 == 0 else "",
        vat_id="DE000000000" if business else "",
        vat_id_validated=business and number % 2 == 0,
        custom_field="Cost centre 7" if business else None,
        internal_reference=f"PO-{number}" if business else "",
        beneficiary="The choir" if business else "",
        transmission_type="email",
        transmission_info={"transmission_email_address": mail(number, "invoice")} if business else None,
    )


def make_positions(rows: Orders, stock: Stock, order: Order, index: int) -> list[OrderPosition]:
    made: list[OrderPosition] = []
    for offset in range(1 + index % 3):
        variation = stock.variations[index % 2] if (index + offset) % 4 == 0 else None
        item = stock.special if variation else stock.ticket
        named = (index + offset) % 5 != 0
        number = index * 3 + offset
        price = (variation.default_price or item.default_price) if variation else item.default_price
        made.append(
            position(
                stock,
                order,
                len(made) + 1,
                item,
                Decimal(price),
                variation=variation,
                subevent=stock.dates[index % 7] if stock.dates else None,
                attendee_name_parts=name_parts(number) if named else {},
                attendee_name_cached=full_name(number) if named else None,
                attendee_email=mail(number, "attendee") if named else None,
                company="Brack & Söhne GmbH" if number % 6 == 0 else None,
                street=f"Hafenstraße {number}" if number % 6 == 0 else None,
                zipcode="20095" if number % 6 == 0 else None,
                city=random.choice(CITIES) if number % 6 == 0 else None,
                country="US" if number % 6 == 0 else None,
                state="NY" if number % 6 == 0 else None,
                canceled=number % 14 == 8,
                valid_from=SHOWTIME if number % 10 == 0 else None,
                valid_until=SHOWTIME + timedelta(hours=6) if number % 10 == 0 else None,
                blocked=["admin"] if number % 25 == 3 else None,
                discount=stock.discounts[0] if stock.discounts and number % 12 == 1 else None,
                voucher=stock.vouchers[0] if stock.vouchers and number % 15 == 2 else None,
                voucher_budget_use=Decimal("12.00") if stock.vouchers and number % 15 == 2 else None,
            )
        )
    rows.positions += made
    if index % 4 == 1:
        extra = position(
            stock,
            order,
            len(made) + 1,
            stock.addon,
            Decimal("6.00"),
            addon_to=made[0],
            subevent=made[0].subevent,
            canceled=index % 16 == 1,
        )
        rows.addons.append(extra)
        made.append(extra)
    return made


def position(stock: Stock, order: Order, number: int, item: Item, price: Decimal, **fields: Any) -> OrderPosition:
    rule = stock.rules[1 if item is stock.addon else 0]
    return OrderPosition(
        order=order,
        organizer=stock.shop.organizer,
        positionid=number,
        item=item,
        price=price,
        tax_rule=rule,
        tax_rate=rule.rate,
        tax_code=getattr(rule, "code", None),
        tax_value=included_tax(price, rule.rate),
        secret=secret(),
        pseudonymization_id="".join(random.choices(ALPHABET, k=10)),
        **fields,
    )


def make_fees(rows: Orders, stock: Stock, order: Order, index: int) -> list[OrderFee]:
    if index % 3:
        return []
    rule = stock.rules[0]
    kinds = (
        "service",
        "shipping",
        "payment",
        "insurance",
        "late",
        "cancellation",
        "other",
        "giftcard",
    )
    made = [
        OrderFee(
            order=order,
            fee_type=kinds[(index // 3 + offset) % len(kinds)],
            value=value,
            description="Handling · Bearbeitung",
            internal_type="handling" if index % 2 else "",
            tax_rule=rule,
            tax_rate=rule.rate,
            tax_code=getattr(rule, "code", None),
            tax_value=included_tax(value, rule.rate),
            canceled=offset == 1,
        )
        for offset, value in enumerate((Decimal("2.50"), Decimal("4.00"))[: 2 if index % 15 == 0 else 1])
    ]
    rows.fees += made
    return made


def make_payments(rows: Orders, stock: Stock, order: Order, index: int) -> None:
    shop = stock.shop
    providers = {
        "banktransfer": {
            "payer": full_name(index),
            "iban": "DE02120300000000202051",
            "bic": "BYLADEM1001",
            "account": None,
        },
        "manual": {"issued_by": "desk"},
        "boxoffice": {
            "pos_id": "1",
            "receipt_id": index,
            "payment_type": "cash",
            "payment_data": {"cash": "20.00"},
        },
        "giftcard": {"gift_card": shop.gift_cards[0].pk if shop.gift_cards else None},
        "offsetting": {"orders": [code(1)]},
    }
    provider = list(providers)[(index + index // 10) % len(providers)]
    info = json.dumps(providers[provider])
    first = len(rows.payments)

    def pay(state: str, amount: Decimal, **fields: Any) -> None:
        rows.payments.append(
            OrderPayment(
                order=order,
                local_id=len(rows.payments) - first + 1,
                state=state,
                amount=amount,
                provider=provider,
                info=info,
                **fields,
            )
        )

    paid_at = order.datetime + timedelta(hours=1)
    if index % 6 == 0:
        pay("failed", order.total)
    if order.status == "p":
        pay("confirmed", order.total, payment_date=paid_at)
    elif order.status == "n":
        pay("created" if index % 2 else "pending", order.total)
    elif order.status == "e":
        pay("canceled", order.total)
    else:
        pay("refunded" if index % 20 == 4 else "confirmed", order.total, payment_date=paid_at)
        # Refunded in two parts, of which the second belongs to no payment.
        half = (order.total / 2).quantize(Decimal("0.01"))
        done = order.datetime + timedelta(days=2, hours=1)
        rows.refunds += [
            OrderRefund(
                order=order,
                local_id=1,
                state="done",
                source="admin",
                amount=half,
                payment=rows.payments[-1],
                execution_date=done,
                comment="Sorry · tut uns leid",
                provider=provider,
                info=info,
            ),
            OrderRefund(
                order=order,
                local_id=2,
                state=("created", "transit", "failed", "canceled", "external")[index // 10 % 5],
                source=("buyer", "external")[index // 10 % 2],
                amount=order.total - half,
                provider="manual",
                info="{}",
            ),
        ]


def make_transactions(rows: Orders, order: Order, positions: list[OrderPosition], fees: list[OrderFee]) -> None:
    """What pretix books: each line once when sold, and once more, negatively, when canceled."""
    if order.require_approval:
        return
    for line in [*positions, *fees]:
        is_fee = isinstance(line, OrderFee)
        amounts = {
            "price": line.value if is_fee else line.price,
            "tax_rate": line.tax_rate,
            "tax_rule": line.tax_rule,
            "tax_code": getattr(line, "tax_code", None),
            "tax_value": line.tax_value,
        }
        what = (
            {"fee_type": line.fee_type, "internal_type": line.internal_type}
            if is_fee
            else {
                "positionid": line.positionid,
                "item": line.item,
                "variation": line.variation,
                "subevent": line.subevent,
            }
        )
        counts = [(1, order.datetime)]
        if line.canceled or order.status in "ce":
            counts.append((-1, order.datetime + timedelta(days=2)))
        rows.transactions += [
            Transaction(order=order, datetime=at, count=number, **amounts, **what) for number, at in counts
        ]


def write(rows: Orders) -> None:
    with transaction.atomic():
        for model, made in (
            (Order, rows.orders),
            (InvoiceAddress, rows.addresses),
            (OrderPosition, rows.positions),
            (OrderPosition, rows.addons),
            (OrderFee, rows.fees),
            (OrderPayment, rows.payments),
            (OrderRefund, rows.refunds),
            (Transaction, rows.transactions),
        ):
            for row in made:
                # Rows were tied together before any of them had an id.
                for relation in ("order", "addon_to", "payment"):
                    if getattr(row, f"{relation}_id", 0) is None and getattr(row, relation, None) is not None:
                        setattr(row, relation, getattr(row, relation))
            manager = model.all if model in (OrderPosition, OrderFee) else model.objects
            manager.bulk_create(made, batch_size=1000)
        backdate(rows)


def backdate(rows: Orders) -> None:
    """Give rows the times that they would have, had they been made in the course of two years and
    not just now.
    """
    ids = [order.pk for order in rows.orders]
    orders = Order.objects.filter(pk__in=ids)
    orders.update(last_modified=F("datetime") + timedelta(days=3, microseconds=123456))
    for payment in rows.payments:
        payment.created = payment.order.datetime + timedelta(minutes=payment.local_id)
    OrderPayment.objects.bulk_update(rows.payments, ["created"], batch_size=1000)
    for refund in rows.refunds:
        refund.created = refund.order.datetime + timedelta(days=2)
    OrderRefund.objects.bulk_update(rows.refunds, ["created"], batch_size=1000)
    Transaction.objects.filter(order_id__in=ids).update(created=F("datetime") + timedelta(seconds=1))


def dress_orders(stock: Stock) -> None:
    """What gathers around orders in a real shop: seats, answers, check-ins, prints, invoices,
    withdrawn secrets.
    """
    positions = list(
        OrderPosition.all.filter(order__event=stock.event, addon_to=None)
        .select_related("order", "item")
        .order_by("order__datetime", "pk")
    )
    seat_positions(stock, positions)
    answer_questions(stock, positions)
    check_in(stock, positions)
    print_tickets(stock, positions[:12])
    RevokedTicketSecret.objects.bulk_create(
        [RevokedTicketSecret(event=stock.event, position=row, secret=secret()) for row in positions[:12]]
    )
    if BlockedTicketSecret is not None:
        BlockedTicketSecret.objects.bulk_create(
            [
                BlockedTicketSecret(event=stock.event, position=row, secret=row.secret, blocked=index % 3 != 0)
                for index, row in enumerate(positions[:12])
            ]
        )
    write_invoices(stock)


def print_tickets(stock: Stock, positions: list[OrderPosition]) -> None:
    if PrintLog is None:
        return
    PrintLog.objects.bulk_create(
        [
            PrintLog(
                position=row,
                datetime=row.order.datetime + timedelta(days=1),
                device=stock.shop.devices[0] if stock.shop.devices and index % 2 else None,
                successful=index % 5 != 0,
                source="badge printer",
                type=("badge", "ticket", "certificate", "other")[index % 4],
                info={"copies": index},
            )
            for index, row in enumerate(positions)
        ]
    )


def seat_positions(stock: Stock, positions: list[OrderPosition]) -> None:
    free = {
        (seat.subevent_id, seat.seat_guid): seat for seat in stock.seats if not seat.blocked and seat.seat_guid != "1-5"
    }
    seated = []
    for row in positions:
        if row.canceled or row.order.status not in "pn" or row.item != stock.ticket or len(seated) == 20:
            continue
        match = next((key for key in free if key[0] == row.subevent_id), None)
        if match is not None:
            row.seat = free.pop(match)
            seated.append(row)
    OrderPosition.all.bulk_update(seated, ["seat"])


def answer_questions(stock: Stock, positions: list[OrderPosition]) -> None:
    plain = {
        "N": "42",
        "S": "Øre & Ohr",
        "T": "Line one\nLine two",
        "B": "True",
        "C": "Blue",
        "M": "Blue, 空",
        "D": "1990-02-28",
        "H": "18:30:00",
        "W": "2030-01-02T03:04:05+00:00",
        "CC": "DE",
        "TEL": phone(1),
    }
    answers = []
    for index, row in enumerate(positions[:40]):
        kinds = list(plain) if index % 4 == 0 else ["S"]
        answers += [
            QuestionAnswer(orderposition=row, question=stock.questions[kind], answer=plain[kind]) for kind in kinds
        ]
    QuestionAnswer.objects.bulk_create(answers)
    chosen = QuestionAnswer.options.through
    by_identifier = {option.identifier: option for option in stock.options}
    links = {"C": ["C0"], "M": ["M0", "M2"]}
    chosen.objects.bulk_create(
        [
            chosen(questionanswer_id=answer.pk, questionoption_id=by_identifier[identifier].pk)
            for answer in answers
            for identifier in links.get(answer.question.type, [])
        ]
    )
    uploaded = QuestionAnswer(orderposition=positions[0], question=stock.questions["F"], answer="file://portrait.png")
    uploaded.file.save("portrait.png", ContentFile(png()))
    uploaded.save()
    if "order" in stock.questions:
        QuestionAnswer.objects.create(order=positions[0].order, question=stock.questions["order"], answer="A poster")
    # Saving these touched the order, which would stand out from the others' invented times.
    order = positions[0].order
    Order.objects.filter(pk=order.pk).update(last_modified=order.datetime + timedelta(days=4))


def check_in(stock: Stock, positions: list[OrderPosition]) -> None:
    main, balcony = stock.lists
    devices, gates = stock.shop.devices, stock.shop.gates
    entitled = [row for row in positions if row.order.status == "p" and not row.canceled]
    made = [
        Checkin(
            position=row,
            list=balcony if row.item == stock.special else main,
            type=kind,
            datetime=SHOWTIME - timedelta(days=365, minutes=index if kind == "entry" else -index),
            device=devices[index % len(devices)] if devices and index % 3 else None,
            gate=gates[index % len(gates)] if gates and index % 3 else None,
            auto_checked_in=index % 10 == 0,
            forced=index % 15 == 0,
        )
        for index, row in enumerate(entitled[:70])
        for kind in ("entry", "exit")[: 2 if index % 5 == 0 else 1]
    ]
    reasons = ("unpaid", "invalid", "already_redeemed", "rules", "product", "blocked")
    made += [
        Checkin(
            list=main,
            successful=False,
            error_reason=reason,
            error_explanation="Come back at eight" if reason == "rules" else None,
            position=None if reason == "invalid" else positions[index],
            raw_barcode=f"unreadable-{index}",
            datetime=SHOWTIME - timedelta(days=364, minutes=index),
        )
        for index, reason in enumerate(reasons)
    ]
    Checkin.all.bulk_create(made)
    everything = Checkin.all.filter(list__event=stock.event)
    everything.update(created=F("datetime") + timedelta(seconds=2))
    # Scans from before pretix noted when they reached it.
    everything.filter(pk__in=[row.pk for row in made[:3]]).update(created=None)


def write_invoices(stock: Stock) -> None:
    orders = Order.objects.filter(event=stock.event, status__in="pc").select_related("invoice_address")
    numbers = count(1)
    originals: list[Invoice] = []
    cancellations: list[Invoice] = []
    for index, order in enumerate(orders.order_by("pk")[:40]):
        original = invoice(order, index, next(numbers))
        originals.append(original)
        if order.status == "c":
            cancellations.append(invoice(order, index, next(numbers), is_cancellation=True, refers=original))
    Invoice.objects.bulk_create(originals)
    for row in cancellations:
        row.refers = row.refers  # which has an id by now
    Invoice.objects.bulk_create(cancellations)
    InvoiceLine.objects.bulk_create([line for row in originals + cancellations for line in invoice_lines(row)])


def invoice(order: Order, index: int, number: int, **fields: Any) -> Invoice:
    event = order.event
    prefix = f"{event.slug.upper()}-"
    address = getattr(order, "invoice_address", None)
    if address is not None:
        fields |= {
            "invoice_to_is_business": address.is_business,
            "invoice_to_company": address.company,
            "invoice_to_name": address.name_cached,
            "invoice_to_street": address.street,
            "invoice_to_zipcode": address.zipcode,
            "invoice_to_city": address.city,
            "invoice_to_state": address.state,
            "invoice_to_country": address.country,
            "invoice_to_vat_id": address.vat_id,
            "invoice_to_beneficiary": address.beneficiary,
            "invoice_to_transmission_info": getattr(address, "transmission_info", None),
            "custom_field": address.custom_field,
            "internal_reference": address.internal_reference,
        }
    if index % 10 == 0:
        fields |= {
            "foreign_currency_display": "PLN",
            "foreign_currency_rate": Decimal("4.2642"),
            "foreign_currency_rate_date": order.datetime.date(),
            "foreign_currency_source": "eu:ecb:eurofxref-daily",
        }
    return Invoice(
        order=order,
        event=event,
        organizer=event.organizer,
        prefix=prefix,
        invoice_no=f"{number:05d}",
        full_invoice_no=f"{prefix}{number:05d}",
        date=order.datetime.date(),
        locale=order.locale,
        invoice_from="Kai 3",
        invoice_from_name="Hafenbühne Süd e. V.",
        invoice_from_zipcode="20095",
        invoice_from_city="Kleinwassern",
        invoice_from_state="NY" if index % 4 == 0 else None,
        invoice_from_country="DE",
        invoice_from_tax_id="00/000/00000",
        invoice_from_vat_id="DE000000000",
        invoice_to="" if address is None else f"{address.name_cached}\n{address.street}",
        introductory_text="Thank you · Danke",
        additional_text="Pay what you owe",
        payment_provider_text="By bank transfer",
        payment_provider_stamp="PAID" if order.status == "p" else None,
        footer_text="Registered at the harbour office",
        transmission_type="email",
        transmission_provider="email_pdf" if index % 2 else None,
        transmission_status=("completed", "pending", "unknown", "failed")[index % 4],
        transmission_date=order.datetime + timedelta(minutes=5) if index % 4 == 0 else None,
        **fields,
    )


def invoice_lines(row: Invoice) -> list[InvoiceLine]:
    sign = -1 if row.is_cancellation else 1
    positions = row.order.positions.select_related("item", "subevent")
    lines = [
        InvoiceLine(
            invoice=row,
            position=at,
            description=f"{sold.item.name}",
            gross_value=sign * sold.price,
            tax_value=sign * sold.tax_value,
            tax_rate=sold.tax_rate,
            tax_name="VAT",
            tax_code=getattr(sold, "tax_code", None),
            item=sold.item,
            variation=sold.variation,
            subevent=sold.subevent,
            attendee_name=sold.attendee_name_cached,
            period_start=SHOWTIME,
            period_end=SHOWTIME + timedelta(hours=3),
            event_location="Kai 3" if at == 0 else None,
        )
        for at, sold in enumerate(positions)
    ]
    return lines + [
        InvoiceLine(
            invoice=row,
            position=at,
            description=fee.description,
            gross_value=sign * fee.value,
            tax_value=sign * fee.tax_value,
            tax_rate=fee.tax_rate,
            tax_name="VAT",
            tax_code=getattr(fee, "tax_code", None),
            fee_type=fee.fee_type,
            fee_internal_type=fee.internal_type,
        )
        for at, fee in enumerate(row.order.fees.all(), len(lines))
    ]


def move_date(stock: Stock, number: int) -> None:
    """As after a date was moved: more orders than fit on a page, all modified in one instant."""
    ids = Order.objects.filter(event=stock.event).order_by("pk").values_list("pk", flat=True)[:number]
    Order.objects.filter(pk__in=list(ids)).update(last_modified=OPENED + timedelta(days=90))
