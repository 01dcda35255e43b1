"""What the pages and definitions let Meltano select opens no doors."""

from __future__ import annotations

import fnmatch
import re
import typing as t

import pytest
import yaml

from tests.support.pages import PAGES, ROOT, blocks
from tools.docs import TAPS
from tools.streams import streams

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Where secrets are selected on purpose.
ON_PURPOSE = {("docs/recipes.md", "Select secrets")}

Breadcrumb = tuple[str, ...]


def secrets() -> Iterator[tuple[str, Breadcrumb]]:
    """Yield each field of each stream that the catalog leaves out by default."""
    for tap in TAPS:
        for stream in streams(tap):
            for breadcrumb, metadata in stream.metadata.items():
                if breadcrumb and metadata.selected_by_default is False:
                    yield str(stream.name), breadcrumb


SECRETS = list(secrets())


def matches(pattern: str, stream: str, breadcrumb: Breadcrumb) -> bool:
    """Return whether a pattern of Meltano's is about a field: it reads `a.b.c` as nested properties."""
    of, _, path = pattern.partition(".")
    properties = ".".join(f"properties.{name}" for name in path.split("."))
    return fnmatch.fnmatch(stream, of) and fnmatch.fnmatch(".".join(breadcrumb), properties)


def selected(select: Sequence[str], stream: str, breadcrumb: Breadcrumb) -> bool:
    """Return whether Meltano selects a field, and all that it lies in."""
    around = [breadcrumb[: end + 1] for end, name in enumerate(breadcrumb) if breadcrumb[end - 1] == "properties"]
    taken = [pattern for pattern in select if not pattern.startswith("!")]
    left = [pattern[1:] for pattern in select if pattern.startswith("!")]
    return all(any(matches(one, stream, part) for one in taken) for part in around) and not any(
        matches(one, stream, part) for one in left for part in around
    )


def let_out(select: Sequence[str]) -> list[str]:
    return [f"{stream}: {'.'.join(crumb)}" for stream, crumb in SECRETS if selected(select, stream, crumb)]


def found_in(data: t.Any) -> Iterator[list[str]]:
    """Yield each `select` in a YAML document."""
    if isinstance(data, dict):
        if isinstance(data.get("select"), list):
            yield data["select"]
        for value in data.values():
            yield from found_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from found_in(value)


def shown() -> Iterator[t.Any]:
    """Yield each `select` that users can copy, and where it stands."""
    for page in PAGES:
        for block in blocks(page.relative_to(ROOT).as_posix()):
            if block.language == "yaml" and (block.page, block.heading) not in ON_PURPOSE:
                for number, select in enumerate(found_in(yaml.safe_load(block.text))):
                    yield pytest.param(select, id=f"{block.page}, {block.heading} {number}")
    for file in [ROOT / "meltano.yml", *sorted((ROOT / "hub").glob("*.yml"))]:
        for number, select in enumerate(found_in(yaml.safe_load(file.read_text(encoding="utf-8")))):
            yield pytest.param(select, id=f"{file.name} {number}")


@pytest.mark.parametrize("select", list(shown()))
def test_a_select_that_users_can_copy_leaves_out_what_opens_doors(select: list[str]) -> None:
    assert let_out(select) == []


def test_where_secrets_are_selected_on_purpose_they_are() -> None:
    for page, heading in ON_PURPOSE:
        (block,) = [one for one in blocks(page) if one.heading == heading and one.language == "yaml"]
        (select,) = found_in(yaml.safe_load(block.text))
        assert let_out(select)


@pytest.mark.parametrize(
    ("select", "left"),
    [
        (["*.*"], {"orders.url", "orders.secret", "orders.payments[].payment_url", "vouchers.code"}),
        (["orders.*", "!orders.*secret"], {"orders.url", "orders.payments[].payment_url"}),
        (["orders.*", "!orders.*secret", "!orders.*url"], set()),
        (["orders.code"], set()),
        (["orders.*", "!orders.payments", "!orders.secret", "!orders.url"], {"orders.positions[].secret"}),
    ],
)
def test_a_select_that_lets_something_out_is_found(select: list[str], left: set[str]) -> None:
    found = {re.sub(r"\.items\b", "[]", one.replace(": ", ".").replace("properties.", "")) for one in let_out(select)}
    assert left <= found if left else not found
