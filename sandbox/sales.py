"""Invented organizers, events, and what they sell: the generated half of the pretix-shaped data.

Everything follows from the seed, byte for byte. Times are `datetime` objects in UTC and become text when they are sent,
in the server's time zone. Keys that start with `_` stay on the server.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from sandbox import samples

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

Row = dict[str, Any]

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ3789"
ORGANIZERS = (
    ("riverside", "Riverside Concerts"),
    ("sommerfest", "Sommerfest Köln e. V."),
    ("bigtop", "Big Top 🎪 Circus"),
)
KINDS = (
    ("Jazz Night", "Jazznacht", "jazz"),
    ("Chamber Music", "Kammermusik", "chamber"),
    ("Opera Gala", "Operngala", "opera"),
    ("Poetry Slam", "Poetry-Slam", "slam"),
    ("Science Fair", "Wissenschaftsmarkt", "science"),
    ("Food Market", "Genussmarkt", "food"),
    ("Open-Air Cinema", "Freiluftkino", "cinema"),
)
PLACES: tuple[tuple[str, str, float, float, str] | None, ...] = (
    ("Riverside Hall", "Köln", 50.9375, 6.9603, "Europe/Berlin"),
    ("Teatr Wielki", "Łódź", 51.7769, 19.4547, "Europe/Warsaw"),
    ("Sala São Paulo", "São Paulo", -23.5338, -46.6394, "America/Sao_Paulo"),
    ("渋谷ホール", "東京", 35.6595, 139.7005, "Asia/Tokyo"),
    None,
)
FIRST_NAMES = ("Ada", "Zoë", "Łukasz", "Noor", "Søren", "María", "Jean-Luc", "Aiko", "Bob", "Özlem", "Kwame", "Ines")
LAST_NAMES = ("Nowak", "O'Brien", "Müller", "García", "Öztürk", "Tanaka", "Østergård", "Smith", "de la Cruz", "Weiß")
COUNTRIES = ("DE", "DE", "DE", "PL", "FR", "JP", "US")
#: Of an event, where nothing else is asked for.
TAX_RULES = 3
#: Rate, code, and name of the tax rules that an event may have; the first is the default.
TAXES = (
    ("19.00", "S/standard", {"en": "VAT", "de": "MwSt."}),
    ("7.00", "S/reduced", {"en": "Reduced VAT", "de": "Ermäßigte MwSt."}),
    ("0.00", "E", {"en": "Exempt ♿"}),
    ("8.1250", None, {"en": "Sales tax"}),
    ("5.50", "S/reduced", None),
)


@dataclass
class Event:
    """An event, its number on the server, and what its lists need to know."""

    number: int
    row: Row
    tax_rules: int = TAX_RULES
    subevents: list[int] = field(default_factory=list)

    @property
    def slug(self) -> str:
        """The event's slug."""
        return str(self.row["slug"])


@dataclass
class Organizer:
    """An organizer with its events, and its sales over all events."""

    number: int
    row: Row
    events: dict[str, Event] = field(default_factory=dict)
    #: Rows by list: subevents, orders, transactions, invoices, checkins.
    sales: dict[str, list[Row]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("subevents", "orders", "transactions", "invoices", "checkins"):
            self.sales[name] = []
        self._ids: dict[str, Iterator[int]] = {}
        self._codes: set[str] = set()

    @property
    def slug(self) -> str:
        """The organizer's slug."""
        return str(self.row["slug"])

    def next_id(self, name: str) -> int:
        """Return an id that no other row of this kind has on the server."""
        return next(self._ids.setdefault(name, itertools.count(self.number * 10_000_000 + 1)))

    def next_code(self, rng: random.Random) -> str:
        """Return a code that no other order of this organizer has; the first is the same for all, as may happen."""
        code = "GALA9"
        while code in self._codes:
            code = "".join(rng.choices(ALPHABET, k=5))
        self._codes.add(code)
        return code


@dataclass(frozen=True)
class Product:
    """What a position can be of: the place of an item and of its variation in the samples, and its price."""

    item: int
    variation: int | None
    price: Decimal
    admission: bool


def products() -> list[Product]:
    """Return what every event sells, from the samples."""
    found = []
    for place, item in enumerate(samples.load("items"), 1):
        variations: list[tuple[int | None, str]] = [(at, row["price"]) for at, row in enumerate(item["variations"], 1)]
        for at, price in variations or [(None, item["default_price"])]:
            found.append(Product(place, at, Decimal(price), item["admission"]))
    return found


def money(value: Decimal) -> str:
    """Return an amount as the API writes it."""
    return str(value.quantize(Decimal("0.01"), ROUND_HALF_UP))


def tax_in(gross: Decimal, rate: str) -> str:
    """Return the tax contained in a gross price."""
    return money(gross - gross * 100 / (100 + Decimal(rate)))


def make_event(number: int, slug: str, place: int, now: datetime, rng: random.Random, *, series: bool = False) -> Event:
    """Return an event; `place` in its organizer's programme decides its name, town and date.

    Half of them are over; those that sell best, the first, are still to come.
    """
    english, german, _ = KINDS[place % len(KINDS)]
    town = PLACES[place % len(PLACES)]
    start = (now + timedelta(days=(place * 37 + 200) % 300 - 150)).replace(hour=18, minute=0, second=0, microsecond=0)
    edition = place // len(KINDS) + 1
    channels = ["web", "box-office"] if place % 3 else ["web"]
    return Event(
        number,
        {
            "name": {"en": f"{english} {edition}", "de": f"{german} {edition}"},
            "slug": slug,
            "live": place % 11 != 10,
            "testmode": place % 13 == 12,
            "currency": ("EUR", "PLN", "BRL", "JPY", "EUR")[place % 5],
            "date_from": start,
            "date_to": start + timedelta(hours=4) if place % 4 else None,
            "date_admission": start - timedelta(hours=1) if place % 2 else None,
            "is_public": place % 9 != 8,
            "presale_start": start - timedelta(days=120) if place % 3 else None,
            "presale_end": start - timedelta(hours=2) if place % 5 == 1 else None,
            "location": {"en": f"{town[0]}, {town[1]}"} if town else None,
            "geo_lat": town[2] if town else None,
            "geo_lon": town[3] if town else None,
            "has_subevents": series,
            "meta_data": {"genre": english.split()[0], "season": str(start.year)} if place % 2 else {},
            "seating_plan": None,
            "plugins": ["pretix.plugins.banktransfer", "pretix.plugins.ticketoutputpdf"],
            "seat_category_mapping": {},
            "timezone": town[4] if town else "UTC",
            "item_meta_properties": {"color": "blue"} if place % 3 == 0 else {},
            "all_sales_channels": place % 3 == 0,
            "limit_sales_channels": [] if place % 3 == 0 else channels,
            "public_url": f"https://tickets.example/{slug}/",
            "sales_channels": channels,
            "best_availability_state": rng.choice((100, 20, 0, None)),
            "valid_keys": {"pretix_sig1": ["MCowBQYDK2VwAyEA"]},
        },
    )


def make_subevent(organizer: Organizer, event: Event, place: int, now: datetime, stride: int) -> Row:
    """Return one date of a series."""
    start = event.row["date_from"] + timedelta(days=7 * place)
    first = place == 0
    row = {
        "id": organizer.next_id("subevents"),
        "name": {"en": f"{event.row['name']['en']}, week {place + 1}"},
        "date_from": start,
        "date_to": start + timedelta(hours=3) if place % 2 == 0 else None,
        "active": place % 7 != 6,
        "date_admission": start - timedelta(hours=1) if first else None,
        "presale_start": start - timedelta(days=60) if first else None,
        "presale_end": start - timedelta(hours=1) if first else None,
        "location": event.row["location"] or {"en": "To be announced"},
        "geo_lat": 50.9375 if first else None,
        "geo_lon": 6.9603 if first else None,
        "event": event.slug,
        "is_public": True,
        "frontpage_text": {"en": "Doors open at 7 pm", "de": "Einlass 19 Uhr"} if first else None,
        "seating_plan": 1 if place == 1 else None,
        "item_price_overrides": [_override("item", event.number * stride + 1)] if first else [],
        "variation_price_overrides": [_override("variation", (event.number * stride + 2) * stride + 1)]
        if first
        else [],
        "meta_data": {"performer": "Łukasz Trio"} if place % 3 == 0 else {},
        "seat_category_mapping": {"Stalls": event.number * stride + 1} if place == 1 else {},
        "last_modified": now - timedelta(days=100 - place, seconds=place * 1237, microseconds=place * 7001),
        "comment": "Piano tuned?" if first else None,
        "best_availability_state": (100, 20, None)[place % 3],
    }
    event.subevents.append(row["id"])
    return row


def _override(kind: str, key: int) -> Row:
    opens = datetime(2025, 1, 1, tzinfo=timezone.utc)
    closes = datetime(2025, 12, 31, tzinfo=timezone.utc)
    return {kind: key, "price": "35.00", "disabled": False, "available_from": opens, "available_until": closes}


def tax_rules(event: Event, stride: int) -> list[Row]:
    """Return the tax rules of an event; a pure function, so that five thousand events cost nothing."""
    rows = []
    for place in range(event.tax_rules):
        rate, code, name = TAXES[place % len(TAXES)]
        many = place >= len(TAXES)
        if many:
            rate = f"{Decimal(rate) + place // len(TAXES)}"
        rows.append(
            {
                "id": event.number * stride + place + 1,
                "name": {key: f"{text} {place + 1}" for key, text in name.items()} if many and name else name,
                "default": place == 0,
                "rate": rate,
                "code": code,
                "price_includes_tax": place % 4 != 3,
                "eu_reverse_charge": place % 5 == 1,
                "home_country": "DE" if place % 2 == 0 else "",
                "internal_name": f"rule {place + 1}" if place % 2 else None,
                "keep_gross_if_rate_changes": place % 3 == 2,
                "custom_rules": [{"country": "AT", "address_type": "", "action": "vat", "rate": "20.00"}]
                if place % 3 == 0
                else None,
            }
        )
    return rows


def sale_times(count: int, now: datetime, rng: random.Random) -> list[datetime]:
    """Return when things were sold, in order: growing over half a year, more at weekends and in the evening."""
    times: list[datetime] = []
    while len(times) < count:
        day = now - timedelta(days=180 * (1 - rng.random() ** 0.6))
        weight = (0.55, 0.5, 0.6, 0.7, 1.0, 0.95, 0.8)[day.weekday()]
        hour = min(23, max(0, round(rng.gauss(17, 4))))
        moment = day.replace(
            hour=hour, minute=rng.randrange(60), second=rng.randrange(60), microsecond=rng.randrange(10**6)
        )
        if moment < now - timedelta(minutes=10) and rng.random() < weight:
            times.append(moment)
    return sorted(times)


class Till:
    """Makes orders, with everything that hangs on them."""

    def __init__(self, rng: random.Random, now: datetime, stride: int) -> None:
        self.rng = rng
        self.now = now
        self.stride = stride
        self.products = products()
        self.customers = [row["identifier"] for row in samples.load("customers")]

    def sell(self, organizer: Organizer, event: Event, moment: datetime, positions: int | None = None) -> Row:
        """Add an order with its transactions, check-ins and invoice to the organizer's sales, and return it."""
        rng = self.rng
        code = organizer.next_code(rng)
        status = rng.choices("pnec", weights=(82, 7, 4, 7))[0]
        buyer = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
        email = None if rng.random() < 0.05 else f"guest{rng.randrange(10**5)}@mail.example"
        count = positions or rng.choices((1, 2, 3, 4), weights=(35, 45, 12, 8))[0]
        rows = [self._position(organizer, event, code, place, moment, status) for place in range(1, count + 1)]
        if count > 1 and rng.random() < 0.1:
            rows[-1]["canceled"] = True
        fees = self._fees(organizer, event)
        valid = [Decimal(row["price"]) for row in rows if not row["canceled"]]
        total = sum(valid, Decimal(0)) + sum(Decimal(fee["value"]) for fee in fees if not fee["canceled"])
        paid_at = moment + timedelta(minutes=rng.randrange(2, 9)) if status == "p" else None
        canceled_at = moment + timedelta(hours=rng.randrange(1, 200)) if status == "c" else None
        # Nothing that was sold before the sandbox opened changes when or after it does.
        latest = max(moment, self.now - timedelta(minutes=1))
        touched = [moment, paid_at or moment, *(scan["datetime"] for row in rows for scan in row["checkins"])]
        touched += [scan["_created"] for row in rows for scan in row["checkins"]]
        provider = rng.choice(("banktransfer", "stripe_card", "paypal", "manual"))
        business = rng.random() < 0.3
        order: Row = {
            "_pk": organizer.next_id("orders"),
            "code": code,
            "event": event.slug,
            "status": status,
            "testmode": bool(event.row["testmode"]),
            "secret": f"{rng.getrandbits(64):016x}",
            "email": email,
            "phone": "+4922112345" if rng.random() < 0.2 else None,
            "locale": rng.choice(("en", "de", "de-informal", "pl")),
            "datetime": moment,
            "expires": (moment + timedelta(days=14)).replace(hour=21, minute=59, second=59, microsecond=0),
            "payment_date": paid_at.date() if paid_at else None,
            "payment_provider": provider if paid_at else None,
            "fees": fees,
            "total": money(total),
            "tax_rounding_mode": "line",
            "comment": "VIP, call back 📞" if rng.random() < 0.05 else "",
            "custom_followup_at": (moment + timedelta(days=30)).date() if rng.random() < 0.05 else None,
            "invoice_address": self._address(buyer, moment) if business else None,
            "positions": rows,
            "downloads": [_download(organizer, event, f"orders/{code}")] if paid_at else [],
            "checkin_attention": rng.random() < 0.03,
            "checkin_text": "Wheelchair" if rng.random() < 0.03 else None,
            "last_modified": min(max([*touched, canceled_at or moment]), latest),
            "payments": self._payments(total, moment, paid_at, provider, status),
            "refunds": [],
            "require_approval": rng.random() < 0.02 and status == "n",
            "sales_channel": rng.choices(("web", "box-office"), weights=(9, 1))[0],
            "url": f"https://tickets.example/{organizer.slug}/{event.slug}/order/{code}/",
            "customer": rng.choice(self.customers) if rng.random() < 0.25 else None,
            "valid_if_pending": rng.random() < 0.02,
            "api_meta": {"crm": str(rng.randrange(1000))} if rng.random() < 0.05 else {},
            "cancellation_date": min(canceled_at, latest) if canceled_at else None,
            "plugin_data": {"note": "fragile"} if rng.random() < 0.03 else {},
        }
        if canceled_at and order["payments"]:
            self.refund(order, total, min(canceled_at, latest))
        organizer.sales["orders"].append(order)
        self._book(organizer, event, order)
        for position in rows[1:]:
            # What opens no door is bought along with what does.
            position["addon_to"] = None if position["item"] == rows[0]["item"] else rows[0]["id"]
        if status in {"p", "c"} and (business or rng.random() < 0.2):
            invoice = self._invoice(organizer, event, order, buyer)
            organizer.sales["invoices"].append(invoice)
            if status == "c":
                organizer.sales["invoices"].append(self._cancellation(organizer, invoice, order["cancellation_date"]))
        return order

    def _position(
        self, organizer: Organizer, event: Event, code: str, place: int, moment: datetime, status: str
    ) -> Row:
        rng = self.rng
        product = rng.choices(self.products, weights=[6 if found.admission else 2 for found in self.products])[0]
        item = event.number * self.stride + product.item
        name = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}" if rng.random() < 0.7 else None
        given, _, family = (name or "").partition(" ")
        rate = TAXES[0][0]
        row: Row = {
            "id": organizer.next_id("positions"),
            "order": code,
            "positionid": place,
            "item": item,
            "variation": item * self.stride + product.variation if product.variation else None,
            "price": money(product.price),
            "attendee_name": name,
            "attendee_name_parts": {"_scheme": "given_family", "given_name": given, "family_name": family}
            if name
            else {},
            "company": "Tanaka 株式会社" if rng.random() < 0.05 else None,
            "street": "Am Ufer 3" if rng.random() < 0.05 else None,
            "zipcode": "50667" if rng.random() < 0.05 else None,
            "city": "Köln" if rng.random() < 0.05 else None,
            "country": rng.choice(COUNTRIES) if rng.random() < 0.3 else None,
            "state": "CA" if rng.random() < 0.05 else None,
            "discount": event.number * self.stride + 1 if rng.random() < 0.05 else None,
            "attendee_email": f"visitor{rng.randrange(10**5)}@mail.example" if rng.random() < 0.5 else None,
            "voucher": event.number * self.stride + 1 if rng.random() < 0.05 else None,
            "tax_rate": rate,
            "tax_value": tax_in(product.price, rate),
            "secret": f"{rng.getrandbits(80):020x}",
            "addon_to": None,
            "subevent": rng.choice(event.subevents) if event.subevents else None,
            "checkins": [],
            "print_logs": [],
            "downloads": [],
            "answers": self._answers(event) if rng.random() < 0.4 else [],
            "tax_rule": event.number * self.stride + 1,
            "pseudonymization_id": "".join(rng.choices(ALPHABET, k=10)),
            "seat": _seat(event.number * self.stride + 1) if rng.random() < 0.05 else None,
            "canceled": False,
            "tax_code": TAXES[0][1],
            "valid_from": moment if rng.random() < 0.05 else None,
            "valid_until": moment + timedelta(days=365) if rng.random() < 0.05 else None,
            "blocked": ["admin"] if rng.random() < 0.03 else None,
            "voucher_budget_use": "5.00" if rng.random() < 0.05 else None,
            "plugin_data": {"badge": "gold"} if rng.random() < 0.03 else {},
            "pdf_data": {"positionid": str(place), "attendee_name": name or ""},
            "_datetime": moment,
        }
        row["downloads"] = [_download(organizer, event, f"orderpositions/{row['id']}")] if status == "p" else []
        if (
            status == "p"
            and event.row["date_from"] < self.now
            and moment < event.row["date_from"]
            and rng.random() < 0.85
        ):
            self._scan(organizer, event, row)
        return row

    def _scan(self, organizer: Organizer, event: Event, position: Row) -> None:
        """Check a position in; now and then its code was shown too early before."""
        rng = self.rng
        at = event.row["date_from"] - timedelta(minutes=rng.randrange(90), seconds=rng.randrange(60))
        entrance = event.number * self.stride + (2 if rng.random() < 0.1 else 1)
        good = rng.random() > 0.05
        for successful in (True,) if good else (False, True):
            at += timedelta(seconds=20)
            scan = {
                "id": organizer.next_id("checkins"),
                "datetime": at,
                "list": entrance,
                "auto_checked_in": rng.random() < 0.05,
                "gate": 1 if rng.random() < 0.5 else None,
                "device": 1 if rng.random() < 0.5 else None,
                "device_id": 1 if rng.random() < 0.5 else None,
                "type": "entry",
                "_created": at + timedelta(seconds=rng.randrange(1, 60)),
            }
            if successful:
                position["checkins"].append(scan)
            organizer.sales["checkins"].append(
                {
                    **scan,
                    "_event": event.slug,
                    "successful": successful,
                    "error_reason": None if successful else "rules",
                    "error_explanation": None if successful else "Too early",
                    "position": position["id"],
                    "created": scan["_created"],
                }
            )
        if rng.random() < 0.2:
            position["print_logs"].append(
                {
                    "id": organizer.next_id("print_logs"),
                    "successful": True,
                    "datetime": at,
                    "source": "pretixSCAN",
                    "type": "badge",
                    "device_id": 1,
                    "info": {"printer": "front desk"},
                }
            )

    def _answers(self, event: Event) -> list[Row]:
        questions = samples.load("questions")
        answers = []
        for place, question in enumerate(questions, 1):
            number = event.number * self.stride + place
            options = question["options"]
            answers.append(
                {
                    "question": number,
                    "answer": options[0]["answer"]["en"] if options else "42",
                    "question_identifier": question["identifier"],
                    "options": [number * self.stride + 1] if options else [],
                    "option_identifiers": [options[0]["identifier"]] if options else [],
                }
            )
        return answers[: self.rng.randrange(1, len(answers) + 1)]

    def _fees(self, organizer: Organizer, event: Event) -> list[Row]:
        rng = self.rng
        kinds = [("service", "2.50", False)] if rng.random() < 0.4 else []
        kinds += [("shipping", "4.90", True)] if rng.random() < 0.08 else []
        return [
            {
                "id": organizer.next_id("fees"),
                "fee_type": kind,
                "value": value,
                "description": "Postage" if canceled else "",
                "internal_type": "letter" if canceled else "",
                "tax_rate": TAXES[0][0],
                "tax_value": tax_in(Decimal(value), TAXES[0][0]),
                "tax_rule": event.number * self.stride + 1 if canceled else None,
                "tax_code": TAXES[0][1],
                "canceled": canceled,
            }
            for kind, value, canceled in kinds
        ]

    def _payments(
        self, total: Decimal, moment: datetime, paid_at: datetime | None, provider: str, status: str
    ) -> list[Row]:
        if paid_at is None and status != "c":
            return [payment(1, "created", total, moment, None, provider)] if self.rng.random() < 0.5 else []
        found = []
        if self.rng.random() < 0.1:
            found.append(payment(1, "failed", total, moment, None, provider))
        state = "confirmed" if status == "p" else "refunded"
        at = moment + timedelta(minutes=2)
        return [*found, payment(len(found) + 1, state, total, at, paid_at or at, provider)]

    @staticmethod
    def refund(order: Row, amount: Decimal, at: datetime, state: str = "done") -> Row:
        """Add a refund to an order, and return it; as on the real server, this does not touch `last_modified`."""
        payments = order["payments"]
        row = {
            "local_id": len(order["refunds"]) + 1,
            "state": state,
            "source": "buyer",
            "amount": money(amount),
            "payment": payments[-1]["local_id"] if payments else None,
            "created": at,
            "execution_date": at + timedelta(minutes=1) if state == "done" else None,
            "comment": "Sold out, sorry" if payments else None,
            "provider": payments[-1]["provider"] if payments else "manual",
            "details": {"iban": "DE02120300000000202051"},
        }
        order["refunds"].append(row)
        return row

    def _address(self, name: str, moment: datetime) -> Row:
        given, _, family = name.partition(" ")
        business = self.rng.random() < 0.5
        return {
            "last_modified": moment,
            "is_business": business,
            "company": "Weiß & Söhne GmbH" if business else "",
            "name": name,
            "name_parts": {"_scheme": "given_family", "given_name": given, "family_name": family},
            "street": "Hauptstraße 1",
            "zipcode": "10115",
            "city": "Berlin",
            "country": self.rng.choice(COUNTRIES),
            "state": "",
            "vat_id": "DE123456789" if business else "",
            "vat_id_validated": business,
            "custom_field": "Room 5" if business else None,
            "internal_reference": "PO-7" if business else "",
            "transmission_type": "email",
            "transmission_info": {"transmission_email_address": "billing@mail.example"} if business else None,
        }

    def _book(self, organizer: Organizer, event: Event, order: Row) -> None:
        """Add the ledger's rows: each position and fee once, and once more with -1 when it was canceled or expired.

        What waits for an approval is not booked.
        """
        if order["require_approval"]:
            return
        expired = min(order["expires"], max(order["datetime"], self.now - timedelta(minutes=1)))
        ended = order["cancellation_date"] or (expired if order["status"] == "e" else None)
        for row, fee in [*((row, False) for row in order["positions"]), *((row, True) for row in order["fees"])]:
            gone = ended or (order["last_modified"] if row["canceled"] else None)
            for count, at in ((1, order["datetime"]), *([(-1, gone)] if gone else [])):
                organizer.sales["transactions"].append(
                    {
                        "id": organizer.next_id("transactions"),
                        "order": order["code"],
                        "created": at + timedelta(milliseconds=350),
                        "datetime": at,
                        "positionid": None if fee else row["positionid"],
                        "count": count,
                        "item": None if fee else row["item"],
                        "variation": None if fee else row["variation"],
                        "subevent": None if fee else row["subevent"],
                        "price": row["value"] if fee else row["price"],
                        "tax_rate": row["tax_rate"],
                        "tax_rule": row["tax_rule"],
                        "tax_code": row["tax_code"],
                        "tax_value": row["tax_value"],
                        "fee_type": row["fee_type"] if fee else None,
                        "internal_type": row["internal_type"] if fee else None,
                        "event": event.slug,
                    }
                )

    def _invoice(self, organizer: Organizer, event: Event, order: Row, buyer: str) -> Row:
        number = organizer.next_id("invoices")
        address = order["invoice_address"]
        business = bool(address and address["is_business"])
        first = address is not None
        euro = event.row["currency"] == "EUR"
        return {
            "_pk": number,
            "_nr": number,
            "event": event.slug,
            "order": order["code"],
            "number": f"{organizer.slug.upper()}-{number % 10_000_000:05}",
            "is_cancellation": False,
            "invoice_from": "Am Ufer 1",
            "invoice_from_name": organizer.row["name"],
            "invoice_from_zipcode": "50667",
            "invoice_from_city": "Köln",
            "invoice_from_state": "NW" if first else None,
            "invoice_from_country": "DE",
            "invoice_from_tax_id": "214/5000/1234" if first else None,
            "invoice_from_vat_id": "DE987654321" if first else None,
            "invoice_to": f"{buyer}\nHauptstraße 1\n10115 Berlin" if first else "",
            "invoice_to_is_business": business if first else None,
            "invoice_to_company": address["company"] if first else None,
            "invoice_to_name": buyer if first else None,
            "invoice_to_street": address["street"] if first else None,
            "invoice_to_zipcode": address["zipcode"] if first else None,
            "invoice_to_city": address["city"] if first else None,
            "invoice_to_state": address["state"] if first else None,
            "invoice_to_country": address["country"] if first else None,
            "invoice_to_vat_id": address["vat_id"] if first else None,
            "invoice_to_beneficiary": "" if first else None,
            "invoice_to_transmission_info": address["transmission_info"] if first else None,
            "custom_field": address["custom_field"] if first else None,
            "date": order["datetime"].date(),
            "refers": None,
            "locale": "en",
            "introductory_text": "Thank you for your order.",
            "additional_text": "",
            "payment_provider_text": "",
            "payment_provider_stamp": "paid" if first else None,
            "footer_text": "Riverside Concerts, Am Ufer 1, 50667 Köln",
            "lines": [self._line(event, row, place) for place, row in enumerate(order["positions"], 1)]
            + [self._line(event, fee, len(order["positions"]) + at) for at, fee in enumerate(order["fees"], 1)],
            "foreign_currency_display": None if euro else "EUR",
            "foreign_currency_rate": None if euro else "4.2713",
            "foreign_currency_rate_date": None if euro else order["datetime"].date(),
            "internal_reference": address["internal_reference"] if first else "",
            "transmission_type": "email",
            "transmission_provider": "email_pdf" if first else None,
            "transmission_status": "completed" if first else "unknown",
            "transmission_date": order["last_modified"] if first else None,
        }

    @staticmethod
    def _cancellation(organizer: Organizer, invoice: Row, at: datetime) -> Row:
        number = organizer.next_id("invoices")
        lines = [
            {**line, "gross_value": f"-{line['gross_value']}", "tax_value": f"-{line['tax_value']}"}
            for line in invoice["lines"]
        ]
        return {
            **invoice,
            "_pk": number,
            "_nr": number,
            "number": f"{organizer.slug.upper()}-{number % 10_000_000:05}",
            "is_cancellation": True,
            "refers": invoice["number"],
            "date": at.date(),
            "lines": lines,
        }

    @staticmethod
    def _line(event: Event, row: Row, place: int) -> Row:
        fee = "fee_type" in row
        start = None if fee else event.row["date_from"]
        return {
            "position": place,
            "description": "Fee" if fee else "Ticket",
            "item": None if fee else row["item"],
            "variation": None if fee else row["variation"],
            "subevent": None if fee else row["subevent"],
            "attendee_name": None if fee else row["attendee_name"],
            "event_date_from": start,
            "event_date_to": None if fee else event.row["date_to"],
            "period_start": start,
            "period_end": start,
            "gross_value": row["value"] if fee else row["price"],
            "tax_value": row["tax_value"],
            "tax_rate": row["tax_rate"],
            "tax_code": row["tax_code"],
            "tax_name": "VAT",
            "fee_type": row["fee_type"] if fee else None,
            "fee_internal_type": row["internal_type"] if fee else None,
            "event_location": None if fee or not event.row["location"] else event.row["location"]["en"],
        }


def payment(local_id: int, state: str, amount: Decimal, created: datetime, paid: datetime | None, provider: str) -> Row:
    """Return a payment."""
    return {
        "local_id": local_id,
        "state": state,
        "amount": money(amount),
        "created": created,
        "payment_date": paid,
        "provider": provider,
        "payment_url": "https://pay.example/session/9f3a" if state == "created" else None,
        "details": {"card": "visa", "last4": "4242"} if provider == "stripe_card" else {},
    }


def again(row: Row, cycle: int) -> Row:
    """Return an order, transaction, check-in or invoice as another one of the same kind."""
    if not cycle:
        return row
    code = f"{row.get('order', row.get('code', ''))}{cycle}"
    fresh = {
        "code": code,
        "order": code,
        "number": f"{row.get('number')}-{cycle}",
        "_nr": row.get("_nr", 0) + cycle * 10**9,
        "_pk": row.get("_pk", 0) + cycle * 10**9,
        "id": row.get("id", 0) + cycle * 10**9,
    }
    row = {name: fresh.get(name, value) for name, value in row.items()}
    for name in ("positions", "fees"):
        if name in row:
            row[name] = [again(part, cycle) for part in row[name]]
    return row


def _download(organizer: Organizer, event: Event, thing: str) -> Row:
    url = f"https://tickets.example/api/v1/organizers/{organizer.slug}/events/{event.slug}/{thing}/download/pdf/"
    return {"output": "pdf", "url": url}


def _seat(number: int) -> Row:
    return {
        "id": number,
        "name": "Row 1, seat 1",
        "seat_guid": "stalls-1-1",
        "zone_name": "Stalls",
        "row_name": "1",
        "row_label": "Row 1",
        "seat_label": "Seat 1",
        "seat_number": "1",
    }
