"""Every time format, in and out."""

from __future__ import annotations

import contextlib
import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rest_tap.times import format_minute, format_time, known_to_utc, parse_time, to_utc

UTC = dt.timezone.utc
EARLY, LATE = (dt.datetime(year, 1, 1) for year in (2, 9998))  # noqa: DTZ001 - hypothesis adds the zones


@pytest.mark.parametrize(
    ("text", "in_utc"),
    [
        ("2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
        ("2026-01-31T10:00:00+00:00", "2026-01-31T10:00:00Z"),
        ("2026-01-31T10:00:00+01:00", "2026-01-31T09:00:00Z"),
        ("2026-01-31T00:30:00+01:00", "2026-01-30T23:30:00Z"),
        ("2026-01-31T10:00:00.123456-05:30", "2026-01-31T15:30:00.123456Z"),
        ("2026-01-31T10:00:00+0300", "2026-01-31T07:00:00Z"),
        ("2026-01-31T10:00:00", "2026-01-31T10:00:00Z"),
        ("2026-01-31 10:00:00+01:00", "2026-01-31T09:00:00Z"),
        ("2026-01-31T24:30:00+01:00", None),
        ("tomorrow", None),
        ("", None),
        ("0000-00-00 00:00:00", None),
        ("0000-00-00T00:00:00Z", None),
        ("2026-01-31", None),
        ("20260131T100000Z", None),
        ("2026-W05-6T10:00:00Z", None),
        ("2026-01-31t10:00:00z", "2026-01-31T10:00:00Z"),
        ("2026-01-31T10:00Z", "2026-01-31T10:00:00Z"),
        ("2026-01-31T10:00:60Z", None),
        ("2026-02-30T10:00:00+01:00", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("9999-12-31T23:59:59-05:00", None),
    ],
)
def test_times_leave_in_utc_and_what_is_none_does_not(text: str, in_utc: str | None) -> None:
    assert to_utc(text) == in_utc


offsets = st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)).map(
    lambda delta: dt.timezone(dt.timedelta(minutes=delta.total_seconds() // 60))
)


@given(st.datetimes(EARLY, LATE, timezones=offsets))
def test_a_time_stays_the_same_time(when: dt.datetime) -> None:
    text = to_utc(when.isoformat())
    assert text is not None
    assert text.endswith("Z")
    assert parse_time(text) == when
    assert to_utc(text) == text


@given(st.one_of(st.text(), st.integers(), st.none(), st.floats(), st.lists(st.text())))
def test_what_is_no_time_is_none(value: object) -> None:
    found = parse_time(value)
    assert found is None or found.tzinfo is not None


def test_a_time_without_zone_is_in_utc() -> None:
    assert parse_time("2026-01-31T10:00:00") == dt.datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert parse_time("2026-01-31") == dt.datetime(2026, 1, 31, tzinfo=UTC)


def test_times_are_written_in_utc_and_to_the_minute_where_that_will_do() -> None:
    at = dt.datetime(2026, 1, 31, 10, 20, 30, 5, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert format_time(at) == "2026-01-31T09:20:30.000005Z"
    assert format_minute(at) == "2026-01-31T09:20Z"
    assert parse_time(format_minute(at)) == at.replace(second=0, microsecond=0)


# --- headers of HTTP --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["2026-01-31", "2024-02-29", "0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("between", ["T", "t", " "])
@pytest.mark.parametrize("fraction", ["", ".5", ".000000", ".123456", ".1234567"])
def test_the_short_way_for_what_is_known_to_be_a_time_comes_to_the_same(day: str, between: str, fraction: str) -> None:
    offsets = ["", "Z", "z", "+00:00", "-00:00", "+0300", "+03:30", "-1200", "+14:00", "+23:59"]
    texts = [
        f"{day}{between}{clock}{fraction}{offset}"
        for clock in ("00:00:00", "23:59:59", "12:30:45")
        for offset in offsets
    ]
    known = [text for text in texts if is_known(text)]
    assert len(known) > len(texts) // 2
    for text in known:
        in_utc = text if text[-1] == "Z" and between == "T" else to_utc(text)
        with contextlib.nullcontext() if in_utc else pytest.raises(OverflowError):
            assert known_to_utc(text) == in_utc


def is_known(text: str) -> bool:
    """Return whether msgspec takes a text for a time, which is how the tap knows one."""
    try:
        msgspec.convert(text, dt.datetime)
    except msgspec.ValidationError:
        return False
    return True
