"""How a server may echo what it was sent."""

from __future__ import annotations

import base64
import html
import json
import typing as t
from urllib.parse import quote, quote_plus


def encoded(text: str, before: str = "") -> str:
    return base64.b64encode(f"{before}{text}".encode()).decode()


ECHOES: dict[str, t.Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent in small letters": lambda text: quote(text, safe="").lower(),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "plus for blanks": quote_plus,
    "each character percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "json": json.dumps,
    "json in json": lambda text: json.dumps(json.dumps(text)),
    "json with slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "each character escaped": lambda text: "".join(f"\\u{ord(char):04X}" for char in text),
    "html": html.escape,
    "html by number": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "repr": repr,
    "hexadecimal": lambda text: text.encode().hex(),
    "base64": encoded,
    "base64 behind one": lambda text: encoded(text, "u"),
    "base64 behind two": lambda text: encoded(text, "u:"),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "capitals": str.upper,
    "small letters": str.lower,
    "backwards": lambda text: text[::-1],
    "blanks gone": lambda text: "".join(text.split()),
    "blanks as one": lambda text: " ".join(text.split()),
    "two lines": lambda text: f"{text[: len(text) // 2]}\n  {text[len(text) // 2 :]}",
    "zero width": "\u200b".join,
    "cut": lambda text: text[: max(1, len(text) - 2)],
    "without its beginning": lambda text: text[2:],
}


def shows(text: str, secret: str) -> bool:
    """Return whether a text has a secret in it, or eight characters of it together, in any of these forms."""
    small = text.lower()
    if any(secret[start : start + 8].lower() in small for start in range(len(secret) - 7)):
        return True
    return any(echo(secret).strip("='\"").lower() in small for name, echo in ECHOES.items() if name not in CUT)


#: Forms that are not the whole secret, or that other texts may be by chance.
CUT = {"cut", "without its beginning", "two lines", "zero width"}
