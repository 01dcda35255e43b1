"""One rule for marks over all streams: what identifies or describes a person, and what opens something."""

from __future__ import annotations

import re
import typing as t

import pytest

from rest_tap.schema import PERSONAL, SECRET, SENSITIVITY, UNKNOWN_FIELDS
from tests.support.values import SHAPES, streams

if t.TYPE_CHECKING:
    from collections.abc import Iterator

#: Names of fields that are about a person wherever they stand.
ABOUT_PEOPLE = re.compile(
    r"(attendee_)?(email|name_parts)|attendee_name|phone|customer|fullname|owner|notes|iban|bic|payer|vat_id|street|zipcode"
    r"|option_identifiers|mail_additional_recipients\w*|invoice_(to|from)_(name|street|zipcode|city|vat_id)"
)
#: Names of fields that open something wherever they stand.
OPENS = re.compile(r"secret|payment_url|initialization_token|claim_token|target_url|cart_id")


def marked(schema: dict[str, t.Any], above: str = "", inherited: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield path, name and marks of each field, with those of what it stands in."""
    for name, field in schema.get("properties", {}).items():
        marks = f"{inherited} {field.get(SENSITIVITY, '')}"
        yield f"{above}{name}", name, marks
        for inner in (field, field.get("items", {})):
            yield from marked(inner, f"{above}{name}.", marks)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_field_is_marked_by_its_name_wherever_it_stands(shape: str) -> None:
    for stream in streams(shape):
        for path, name, marks in marked(stream.schema):
            if path in stream.primary_keys:
                continue  # no loader could tell rows apart without them
            if ABOUT_PEOPLE.fullmatch(name):
                assert PERSONAL in marks, f"{stream.name}.{path}"
            if OPENS.fullmatch(name):
                assert SECRET in marks, f"{stream.name}.{path}"


@pytest.mark.parametrize("shape", SHAPES)
def test_what_no_schema_names_is_about_who_knows_whom(shape: str) -> None:
    for stream in streams(shape):
        assert stream.schema["properties"][UNKNOWN_FIELDS][SENSITIVITY] == PERSONAL
