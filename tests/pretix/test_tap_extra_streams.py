"""The lists of a real pretix by declaration alone: rows, keys and values are those of the streams of the code."""

from __future__ import annotations

import typing as t

import pytest

from tests.conftest import discovered, run_tap
from tests.pretix.reading import settings
from tests.support.declarations import COPY, FROM_THE_REQUEST, declarations, names_of, with_all_fields
from tests.support.rows import as_set

if t.TYPE_CHECKING:
    from tests.conftest import Result
    from tests.pretix.server import PretixServer

DECLARED = declarations()
COPIED = [one["name"].removeprefix(COPY) for one in DECLARED if not one["name"].startswith(f"{COPY}more_")]
#: Without a total order on the server, and without what a class does about it: rows may be missing, and are counted.
WITHOUT_ORDER = {"memberships", "gift_card_transactions"}


@pytest.fixture(scope="module")
def reading(pretix: PretixServer, tokens: dict[str, str]) -> Result:
    config = settings(f"{pretix.url}/api/v1", tokens["harbour"], extra_streams=DECLARED)
    return run_tap(config, with_all_fields(discovered(config)))


@pytest.mark.parametrize("name", COPIED)
def test_a_declared_list_has_the_rows_of_the_stream_of_the_code(name: str, reading: Result) -> None:
    without = FROM_THE_REQUEST.get(name, ())
    own = as_set(reading.records[name], without)
    declared = as_set((row for copy in names_of(name) for row in reading.records[copy]), without)
    assert own
    if name in WITHOUT_ORDER and declared != own:
        assert any(line.startswith(f"{COPY}{name}: ") for line in reading.warnings())
        assert declared < own or name == "gift_card_transactions"
    else:
        assert declared == own
    assert reading.schemas[COPY + name]["key_properties"] == reading.schemas[name]["key_properties"]


def test_nearly_all_lists_of_the_server_can_be_declared() -> None:
    assert len(COPIED) >= 50
    assert {"organizers", "events", "tax_rules"} < set(COPIED)
