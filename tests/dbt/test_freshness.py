"""How old the loaded rows are, in both databases; and the schedule that keeps them young."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.dbt.conftest import SCHEDULE, Dbt, InDuckDB, Warehouse

if t.TYPE_CHECKING:
    from tests.dbt.conftest import Database


def states(dbt: Dbt, on: Database, *arguments: str, fails: bool = False) -> dict[str, str]:
    """Return the state of each source."""
    dbt.run("source", "freshness", *arguments, on=on, fails=fails)
    found = json.loads((dbt.folder / on.target / "sources.json").read_text(encoding="utf-8"))["results"]
    return {row["unique_id"].removeprefix("source.ticketing."): row["status"] for row in found}


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_what_was_just_loaded_is_fresh(warehouse: Warehouse, dbt: Dbt, target: str) -> None:
    found = states(dbt, getattr(warehouse, target))
    assert set(found.values()) == {"pass"}
    assert {"organizers.events", "organizers.seats", "ticketing.tickets"} <= found.keys()
    # Without news there are no new rows.
    assert not {"organizers.orders", "organizers.order_positions", "ticketing.attendees"} & found.keys()


def test_what_is_old_is_said_to_be(dbt: Dbt, tables: InDuckDB) -> None:
    tables.execute(
        "update tap_pretix.events set _sdc_extracted_at = _sdc_extracted_at - interval '37 hours'",
        "update tap_oveit.tickets set _sdc_extracted_at = _sdc_extracted_at - interval '8 days'",
        # It is the newest row that counts.
        "update tap_pretix.items set _sdc_extracted_at = _sdc_extracted_at - interval '8 days'"
        " where id <> (select min(id) from tap_pretix.items)",
        "delete from tap_pretix.vouchers",
        "drop table tap_pretix.quotas",
    )
    found = states(dbt, tables, fails=True)
    assert {name: state for name, state in found.items() if state != "pass"} == {
        "organizers.events": "warn",
        "ticketing.tickets": "error",
    }


def test_rows_that_do_not_say_when_they_were_read(dbt: Dbt, tables: InDuckDB) -> None:
    tables.execute(
        "create table tap_pretix.less as select * exclude (_sdc_extracted_at) from tap_pretix.events",
        "drop table tap_pretix.events",
        "alter table tap_pretix.less rename to events",
    )
    said = dbt.run("source", "freshness", "--select", "source:organizers.events", on=tables, fails=True)
    assert "has no _sdc_extracted_at: let the loader add it" in said


def test_the_schedule_is_listed(warehouse: Warehouse) -> None:
    listed = json.loads(warehouse.project.meltano("schedule", "list", "--format", "json"))
    (schedule,) = listed["schedules"]["job"]
    assert schedule["name"] == SCHEDULE
    assert schedule["cron_interval"] == "0 5 * * *"
    assert schedule["job"]["tasks"] == ["tap-pretix target-postgres dbt-postgres:build"]
