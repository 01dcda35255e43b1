"""A filled pretix for the tests of this folder: up in seconds, the first time in some minutes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.pretix.server import PretixServer

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent


# First: so that `-m "not pretix"` finds the mark when it deselects.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a real pretix, which is everything here."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.pretix)


@pytest.fixture(scope="session")
def pretix() -> Iterator[PretixServer]:
    """A server with the data of fill.py; tests that change the data start one of their own."""
    with PretixServer() as server:
        yield server


@pytest.fixture(scope="session")
def tokens(pretix: PretixServer) -> dict[str, str]:
    """Credentials of that server, by organizer, and by what is special about them."""
    return pretix.tokens
