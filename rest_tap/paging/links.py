"""What a page says about the one that follows it."""

from __future__ import annotations

import typing as t
from urllib.parse import parse_qs

import msgspec

from rest_tap.errors import BrokenAnswer
from rest_tap.paging.page_size import PAGE_PARAMETER

if t.TYPE_CHECKING:
    from rest_tap.paging.base import Page
    from rest_tap.schema import Record

#: Digits of the largest page number that a link may name.
MAX_DIGITS = 18


def following_page(number: int, page: Page) -> int | None:
    """Return the number of the page that follows this one, or None after the last.

    Raises:
        BrokenAnswer: ``next`` does not lead on.
    """
    if page.is_bare:
        raise BrokenAnswer("the answer is a list instead of an object, which does not tell whether there is more")
    if page.is_silent:
        raise BrokenAnswer("the answer has neither 'next' nor 'count', and so does not tell whether there is more")
    following = page_in_link(page.envelope.get("next"))
    if following is None:
        return None
    if following <= number:
        raise BrokenAnswer(f"page {number} names page {following} as the next one")
    if not page.rows:
        raise BrokenAnswer("an empty page names a next one")
    return following


def page_in_link(link: object) -> int | None:
    """Return the page number that a ``next`` link names; its host is not looked at.

    Raises:
        BrokenAnswer: There is a link, but no page number in it.
    """
    if link is None or link == "":
        return None
    # Not ``urlsplit``: it would look at the host, and may refuse it.
    query = link.partition("?")[2].partition("#")[0] if isinstance(link, str) else ""
    numbers = parse_qs(query).get(PAGE_PARAMETER, [])
    if len(numbers) != 1 or not numbers[0].isdecimal() or len(numbers[0]) > MAX_DIGITS:
        raise BrokenAnswer("the link to the next page names no page number")
    return int(numbers[0])


def fingerprint(rows: list[Record]) -> int:
    """Return a hash of a page; the rows themselves change as they are written."""
    return hash(msgspec.json.encode(rows))


def fingerprint_in_any_order(rows: list[Record], keys: t.Sequence[str] = ()) -> int:
    """Return a hash of a page that does not depend on the order of its rows.

    Args:
        rows: The rows of a page.
        keys: The fields that identify a row, whatever else in them changes from answer to answer.
    """

    def identity(row: Record) -> t.Any:
        values = [row.get(key) for key in keys]
        return values if values and None not in values else row

    return hash(frozenset(msgspec.json.encode(identity(row)) for row in rows))
