"""Invented names, numbers, secrets and times, the same in every run."""

# mypy: ignore-errors
from __future__ import annotations

import random
import string
import struct
import zlib
from datetime import datetime, timezone
from decimal import ROUND_HALF_UP, Decimal
from itertools import count

from i18nfield.strings import LazyI18nString

UTC = timezone.utc
#: When the shops opened: orders are dated from here on.
OPENED = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)
#: When the events take place: late enough to be in the future for as long as these tests may live.
SHOWTIME = datetime(2041, 5, 4, 18, 30, tzinfo=UTC)

PLUGINS = [
    "pretix.plugins.autocheckin",
    "pretix.plugins.badges",
    "pretix.plugins.banktransfer",
    "pretix.plugins.checkinlists",
    "pretix.plugins.manualpayment",
    "pretix.plugins.sendmail",
    "pretix.plugins.ticketoutputpdf",
]

GIVEN = ("Alva", "Bodo", "Ceri", "Dörte", "Élodie", "Fjölnir", "Gül", "Ivo", "Jürg", "Кира", "Łucja", "Миро", "空")
FAMILY = (
    "Quill",
    "Tann-Øster",
    "Vexel",
    "Müßig",
    "d'Orsel",
    "O'Brackish",
    "Ňuvák",
    "Şimdi",
    "Бродовой",
    "星野",
    "Zabłoć",
)
CITIES = ["Kleinwassern", "Østerlund", "Saint-Bref", "Łąkowo", "Нижний Брод"]

#: Of what pretix makes its codes.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ3789"

random.seed(2026)
_secret_numbers = count(1)


def text(en: str, de: str | None = None) -> LazyI18nString:
    return LazyI18nString({"en": en} if de is None else {"en": en, "de": de})


def secret(length: int = 32) -> str:
    """Random as pretix's, but surely unique: the number of its making is part of it."""
    number = f"{next(_secret_numbers):06d}"
    return number + "".join(random.choices(string.ascii_lowercase + string.digits, k=length - len(number)))


def code(number: int, length: int = 5) -> str:
    """The n-th order code; the same numbers give the same codes in every organizer."""
    number = (number * 7919 + 12345) % len(ALPHABET) ** length
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        digits += ALPHABET[digit]
    return digits


def name_parts(number: int) -> dict[str, str]:
    return {
        "_scheme": "given_family",
        "given_name": GIVEN[number % len(GIVEN)],
        "family_name": FAMILY[number * 3 % len(FAMILY)],
    }


def full_name(number: int) -> str:
    parts = name_parts(number)
    return f"{parts['given_name']} {parts['family_name']}"


def mail(number: int, prefix: str = "guest") -> str:
    return f"{prefix}{number}@mail.example"


def phone(number: int) -> str:
    # +44 7700 900xxx is set aside for fiction.
    return f"+447700900{number % 1000:03d}"


def included_tax(price: Decimal, rate: Decimal) -> Decimal:
    return (price - price * 100 / (100 + rate)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def png() -> bytes:
    """A white picture of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0\xff\xff\xff"))
        + chunk(b"IEND", b"")
    )
