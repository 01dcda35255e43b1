"""Not everything is loaded, not everything is wanted: the package makes of it what there is."""

from __future__ import annotations

import re
import shutil
import subprocess

import yaml

from tests.dbt.conftest import MARTS, PACKAGE, Dbt, InDuckDB, columns, content
from tools.dbt import SCHEMAS
from tools.dbt import tables as catalog

#: Marts that there is something in if Oveit alone was loaded, or pretix.
OF_OVEIT = set(MARTS) - {"fct_payments"}


def filled(tables: InDuckDB) -> set[str]:
    """Return the marts that have rows."""
    return {mart for mart in MARTS if tables.query(f"select count(*) from marts.{mart}")[0][0]}


def test_oveit_alone_also_where_the_lists_do_not_name_the_event(dbt: Dbt, tables: InDuckDB) -> None:
    expected = tables.query("select event_id, count(*) from tap_oveit.tickets group by event_id order by event_id")
    # As tap-ticketing reads it without partition_by_event.
    tables.execute("drop schema tap_pretix cascade", "create schema flat")
    tables.execute("create table flat.events as from tap_oveit.events")
    # When rows were loaded would tell those apart that are the same without the event.
    columns = "columns(lambda name: name <> 'event_id' and not starts_with(name, '_sdc_'))"
    for table in ("tickets", "attendees", "attendee_answers", "attendee_fields"):
        tables.execute(f"create table flat.{table} as select distinct {columns} from tap_oveit.{table}")
    dbt.run("build", on=tables, ticketing_schema="flat")
    assert filled(tables) == OF_OVEIT
    rows = tables.query("select event_key, count(*) from marts.fct_tickets group by event_key order by event_key")
    assert rows == [(f"oveit/{event}", count) for event, count in expected]


def test_nothing_but_the_orders_of_oveit(dbt: Dbt, tables: InDuckDB) -> None:
    tables.execute("drop schema tap_pretix cascade")
    for table in ("events", "tickets", "attendees", "attendee_answers", "attendee_fields"):
        tables.execute(f"drop table tap_oveit.{table}")
    # States that the sandbox does not have, and a currency that the buyer chose.
    tables.execute(
        "update tap_oveit.orders set status = 'Pending', currency = 'RON' where id in"
        " (select id from tap_oveit.orders where not is_canceled order by id limit 3)"
    )
    dbt.run("build", on=tables)
    assert filled(tables) == {"dim_organizers", "dim_customers", "fct_orders"}
    found = tables.query(
        "select state, currency, count(*), count(total) from marts.fct_orders group by all order by all"
    )
    expected = tables.query(
        "select case when is_canceled then 'canceled' when status = 'Pending' then 'pending' else 'paid' end as state,"
        " currency, count(*), 0 from tap_oveit.orders group by all order by all"
    )
    assert found == expected
    assert {row[0] for row in found} == {"canceled", "paid", "pending"}
    assert tables.query("select count(*) from marts.dim_customers") == tables.query(
        "select count(distinct lower(email)) from tap_oveit.orders where not is_canceled"
    )


def test_pretix_alone_without_people(dbt: Dbt, tables: InDuckDB) -> None:
    buyers = tables.query(
        "select count(distinct lower(trim(email))) from tap_pretix.orders where email is not null and not testmode"
        " and (status = 'p' or (status = 'n' and not require_approval))"
    )
    tables.execute("drop schema tap_oveit cascade")
    dbt.run("build", on=tables, personal_data=False, salt="it's salty")
    assert filled(tables) == set(MARTS)
    assert tables.query("select count(*) from marts.dim_customers") == buyers
    everything = [*tables.query("select table_schema, table_name from information_schema.tables")]
    for schema, table in everything:
        if schema.startswith("marts"):
            assert not [
                name for name in columns(tables, table, schema) if re.search("email$|attendee_name|phone", name)
            ]
            assert not [row for row in content(tables, table, schema) if "@mail" in " ".join(row)], table


def test_a_few_streams_in_another_language(dbt: Dbt, tables: InDuckDB) -> None:
    kept = {"events", "orders", "order_positions"}
    names = [
        name for (name,) in tables.query("select table_name from duckdb_tables() where schema_name = 'tap_pretix'")
    ]
    tables.execute("drop schema tap_oveit cascade", *(f"drop table tap_pretix.{name}" for name in {*names} - kept))
    # Columns can be missing, too.
    tables.execute(
        "create table tap_pretix.less as select * exclude (checkins, voucher) from tap_pretix.order_positions"
    )
    tables.execute("drop table tap_pretix.order_positions", "alter table tap_pretix.less rename to order_positions")
    dbt.run("build", on=tables, languages=["xx", "de"])
    assert filled(tables) == {
        "dim_events",
        "dim_event_dates",
        "dim_customers",
        "fct_orders",
        "fct_tickets",
        "event_days",
    }
    (found,) = tables.query("select count(*), count(case when name like 'Jazznacht%' then 1 end) from marts.dim_events")
    assert found[0] > found[1] > 0


def test_deleted_rows_are_left_out_unless_they_are_wanted(dbt: Dbt, tables: InDuckDB) -> None:
    gone = "organizer = (select min(organizer) from tap_pretix.organizers_there)"
    tables.execute("create table tap_pretix.organizers_there as select slug as organizer from tap_pretix.organizers")
    every = ["orders", "order_positions", "order_fees", "order_payments", "order_refunds", "transactions"]
    for table in every:
        tables.execute(
            f"alter table tap_pretix.{table} add column if not exists _sdc_deleted_at timestamp",
            f"update tap_pretix.{table} set _sdc_deleted_at = now() where {gone}",
        )
    query = "select count(*) from tap_pretix.orders where not testmode"
    (all_of_them,), (those_left,) = tables.query(query)[0], tables.query(f"{query} and not {gone}")[0]
    assert all_of_them > those_left > 0
    for keep, expected in ((False, those_left), (True, all_of_them)):
        dbt.run("run", "--select", "+fct_orders", "+fct_revenue", on=tables, keep_deleted=keep)
        (count,) = tables.query("select count(*) from marts.fct_orders where service = 'pretix'")[0]
        assert count == expected


def test_every_model_and_column_is_described(tables: InDuckDB, dbt: Dbt) -> None:
    dbt.run("run", on=tables)
    described: dict[str, set[str]] = {}
    for file in PACKAGE.glob("models/**/*.yml"):
        model = ""
        for line in file.read_text(encoding="utf-8").splitlines():
            if found := re.match(r"( *)- name: (\w+)$", line):
                if len(found[1]) <= 1:
                    model = found[2]
                    described[model] = set()
                else:
                    described[model].add(found[2])
    lacking = {
        table: {*columns(tables, table, schema)} - described.get(table, set())
        for schema in ("marts", "marts_staging")
        for (table,) in tables.query(
            f"select table_name from information_schema.tables where table_schema = '{schema}'"
        )
    }
    # All columns of their staging models, and what is described; a column for each question.
    for table in ("int_organizers__orders", "int_ticketing__orders", "answers_wide"):
        del lacking[table]
    assert {table: names for table, names in lacking.items() if names} == {}


def test_tickets_alone_of_which_nobody_knows_the_event_or_the_day(dbt: Dbt, tables: InDuckDB) -> None:
    tables.execute(
        "create schema flat", "create table flat.tickets as select distinct * exclude (event_id) from tap_oveit.tickets"
    )
    dbt.run("build", on=tables, organizers_schema="nowhere", ticketing_schema="flat")
    assert filled(tables) == {"dim_organizers", "fct_tickets", "fct_revenue", "fct_checkins"}
    assert tables.query("select count(*), count(event_key), count(sold_on) from marts.fct_tickets") == [
        (tables.query("select count(*) from flat.tickets")[0][0], 0, 0)
    ]


def test_what_was_read_without_people(dbt: Dbt, tables: InDuckDB) -> None:
    for source, schema in SCHEMAS.items():
        for name, table in catalog()[source].items():
            there = columns(tables, name, schema)
            personal = {column.source for column in table.columns if column.is_personal} & {*there}
            if personal:
                left_out = ", ".join(f'"{column}"' for column in sorted(personal))
                tables.execute(
                    f"create table {schema}.less as select * exclude ({left_out}) from {schema}.{name}",
                    f"drop table {schema}.{name}",
                    f"alter table {schema}.less rename to {name}",
                )
    tables.execute("drop table tap_oveit.attendee_answers", "drop table tap_pretix.order_answers")
    dbt.run("build", on=tables)
    # Buyers are told apart by their addresses, which are not there.
    assert filled(tables) == set(MARTS) - {"dim_customers", "answers_wide"}


def test_another_project_installs_it_from_git(dbt: Dbt, tables: InDuckDB) -> None:
    repository, project = dbt.folder / "repository", dbt.folder / "shop"
    shutil.copytree(PACKAGE, repository / "dbt", ignore=shutil.ignore_patterns("__pycache__"))
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@shop.example", "commit", "-q", "-m", "all"],
    ):
        subprocess.run(["git", *command], cwd=repository, check=True)
    (project / "models").mkdir(parents=True)
    files = {
        "packages.yml": {"packages": [{"git": repository.as_uri(), "subdirectory": "dbt", "revision": "main"}]},
        "dbt_project.yml": {
            "name": "shop",
            "profile": "ticketing",
            "vars": {"ticketing": {"organizers_schema": "shop", "languages": ["de"]}},
            "models": {"ticketing": {"marts": {"+schema": "answers"}}},
        },
    }
    for name, content_of in files.items():
        (project / name).write_text(yaml.safe_dump(content_of), encoding="utf-8")
    (project / "models" / "best.sql").write_text(
        "select event_key, count(*) as sold from {{ ref('ticketing', 'fct_tickets') }} group by event_key",
        encoding="utf-8",
    )
    # Where the loader was told to put them.
    names = tables.query("select table_name from duckdb_tables() where schema_name = 'tap_pretix'")
    tables.execute("create schema shop", *(f"create table shop.{name} as from tap_pretix.{name}" for (name,) in names))
    tables.execute("drop schema tap_pretix cascade")
    own = Dbt(dbt.folder, project)
    own.run("deps", on=tables)
    own.run("build", on=tables)
    assert tables.query("select count(*) from marts.best")[0][0] > 0
    assert tables.query("select count(*) from marts_answers.fct_orders where service = 'pretix'")[0][0] > 0
