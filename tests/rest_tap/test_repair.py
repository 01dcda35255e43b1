"""Answers that are nearly JSON, and what becomes of them."""

from __future__ import annotations

import json
import math
import typing as t
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest_tap.floats import exact
from rest_tap.repair import HALF_CHARACTERS, INEXACT_NUMBERS, repair


def repaired(content: bytes) -> tuple[t.Any, list[tuple[str, str]]]:
    """Return what an answer says once it is plain JSON, and what was told."""
    told: list[tuple[str, str]] = []
    plain = repair(content, lambda field, change: told.append((field, change)))
    assert plain is not None
    return json.loads(plain), told


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(rb'"a\ud800b"', "a\ufffdb", id="the first half of a pair"),
        pytest.param(rb'"\udc00"', "\ufffd", id="the second half"),
        pytest.param(rb'"\ud800\ud83d\ude00"', "\ufffd😀", id="a half before a whole one"),
        pytest.param(rb'"\\ud800 \ud800"', "\\ud800 \ufffd", id="a half beside a text that looks like one"),
        pytest.param(rb'{"\ud800": 1, "\ud801": 2}', {"\ufffd": 1, "\ufffd 2": 2}, id="names"),
        pytest.param('{"\\ud800": 1, "\ufffd": 2}'.encode(), {"\ufffd 2": 1, "\ufffd": 2}, id="a name that there is"),
    ],
)
def test_half_a_character_becomes_the_replacement_character(content: bytes, expected: object) -> None:
    body, told = repaired(content)
    assert body == expected
    assert {change for _, change in told} == {HALF_CHARACTERS}


NO_FLOATS = (
    *("1e400", "-1E+400", "1e-400", "-1e-400", "4.9e-324", "1e99999999999999999999", "1e-99999999999999999999"),
    *("1.23456789012345678901", "12345678901234567890.5", f"0.{'1' * 400}", f"{'9' * 400}.5", "9007199254740993.0"),
    *(f"0.{'0' * 2000}1", "9" * 5000),
)
FLOATS = ("0.1", "0.10000000000000001", "1.50", "-0.0", "0e400", "1e22", "1E5", "123456789.12345679", "5e-324", "1e308")


@pytest.mark.parametrize("text", NO_FLOATS, ids=lambda text: f"{text[:24]} of {len(text)}")
def test_a_number_that_no_float_is_becomes_text(text: str) -> None:
    assert repaired(f'{{"results": [{{"a": {text}}}]}}'.encode()) == (
        {"results": [{"a": text}]},
        [("a", INEXACT_NUMBERS)],
    )


@pytest.mark.parametrize("text", FLOATS)
def test_a_number_that_a_float_is_stays(text: str) -> None:
    assert repaired(text.encode()) == (float(text), [])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_programs_write_for_a_float_is_exact(number: float) -> None:
    for text in (repr(number), f"{number:.17g}", f"{number:.16e}"):
        assert exact(text) == number
    assert math.copysign(1, exact(repr(number))) == math.copysign(1, number)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12))
def test_a_number_is_a_float_only_if_it_keeps_all_digits(number: Decimal) -> None:
    try:
        found = exact(f"{number:f}")
    except ValueError:
        return
    assert number in {Decimal(repr(found)), Decimal(f"{found:.17g}")}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b' {"a": "\\u0000\\u00fc"} ', {"a": "\0ü"}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"[123456789012345678901234567890, -0, 18446744073709551616]", [123456789012345678901234567890, 0, 2**64]),
    ],
)
def test_all_else_stays_as_it_is(content: bytes, expected: object) -> None:
    assert repaired(content) == (expected, [])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"oops",
        b'{"a": 1',
        b'{"a": "\\ud8',
        b'{"a" 1}',
        b"[1,]",
        b"{'a': 1}",
        b"01",
        b"NaN",
        b"[-Infinity]",
        b'"a\nb"',
        b'"M\xfcnchen"',
        b'"\xed\xa0\x80"',
        '""'.encode("utf-16"),
        b"[" * 100_000,
        b"1 2",
    ],
)
def test_what_is_no_json_stays_none(content: bytes) -> None:
    assert repair(content, lambda _field, _change: None) is None


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (rb'{"results": [{"a": {"b": ["\ud800"]}}]}', "a.b[]"),
        (rb'[{"positions": [{"name": "\ud800"}]}]', "positions[].name"),
        (rb'{"next": "\ud800"}', "next"),
        (rb'{"results": ["\ud800"]}', "a row"),
        (rb'{"results": [{"\ud800": 1}]}', r'"\ud800"'),
    ],
)
def test_it_is_told_by_its_field(content: bytes, field: str) -> None:
    assert repaired(content)[1] == [(field, HALF_CHARACTERS)]
