"""What goes wrong in loaded data is found, by the test that is there for it, which names the rows."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from tests.dbt.conftest import Dbt, InDuckDB

AUDIT = "marts_dbt_test__audit"


def one(tables: InDuckDB, query: str) -> t.Any:
    """Return the only value of a query."""
    return tables.query(query)[0][0]


def named(tables: InDuckDB, test: str, column: str) -> set[t.Any]:
    """Return what the failing rows of a test name."""
    return {value for (value,) in tables.query(f'select "{column}" from {AUDIT}.{test}')}


def test_each_test_finds_the_fault_that_it_is_there_for(dbt: Dbt, tables: InDuckDB) -> None:
    orders = "tap_pretix.orders as o where o.status = 'p' and not o.testmode"

    def order(number: int, having: str) -> tuple[str, str, str]:
        where = f"{orders} and exists ({having}) order by o.organizer, o.code limit 1 offset {number}"
        found = tables.query(f"select o.organizer, o.code, 'pretix/' || o.organizer || '/' || o.event from {where}")[0]
        return found[0], found[1], found[2]

    of_order = 'x.organizer = o.organizer and x."order" = o.code'
    shop, without_fee, first = order(0, f"select 1 from tap_pretix.order_fees as x where {of_order} and not canceled")
    store, unbooked, second = order(7, f"select 1 from tap_pretix.transactions as x where {of_order}")
    house, unpaid, _ = order(14, f"select 1 from tap_pretix.order_payments as x where {of_order} and amount <> '0.00'")
    assert len({(shop, without_fee), (store, unbooked), (house, unpaid)}) == 3
    outside = one(
        tables,
        "select min(p.id) from tap_pretix.order_positions as p join tap_pretix.orders as o"
        " on o.organizer = p.organizer and o.code = p.\"order\" where o.status = 'e' and not o.testmode",
    )
    astray = one(
        tables,
        "select max(p.id) from tap_pretix.order_positions as p join tap_pretix.orders as o"
        ' on o.organizer = p.organizer and o.code = p."order" where not o.testmode',
    )
    lost = tables.query("select event_id, code from tap_oveit.tickets order by code limit 1")[0]
    tables.execute(
        f"delete from tap_pretix.order_fees where organizer = '{shop}' and \"order\" = '{without_fee}'",
        "delete from tap_pretix.transactions where id = (select min(id) from tap_pretix.transactions"
        f" where organizer = '{store}' and \"order\" = '{unbooked}')",
        f"delete from tap_pretix.order_payments where organizer = '{house}' and \"order\" = '{unpaid}'",
        "insert into tap_pretix.checkins by name select * replace"
        f" (99 as id, {outside} as position, true as successful, 'entry' as type) from tap_pretix.checkins limit 1",
        "insert into tap_pretix.order_payments by name"
        " select * replace ('NOWHERE' as \"order\") from tap_pretix.order_payments limit 1",
        f"update tap_pretix.order_positions set item = 999 where id = {astray}",
        f"delete from tap_oveit.tickets where code = '{lost[1]}'",
        f"delete from tap_oveit.attendees where ticket_code = '{lost[1]}'",
        f"delete from tap_oveit.attendee_answers where ticket_code = '{lost[1]}'",
        # A loader that keeps no keys has loaded a table twice.
        "create table twice as select * from tap_pretix.quotas union all select * from tap_pretix.quotas",
        "drop table tap_pretix.quotas",
        "alter table twice rename to quotas",
        "create table tap_pretix.quotas as select * from quotas",
    )
    dbt.run("run", on=tables)
    dbt.run("test", "--store-failures", on=tables, fails=True)
    failed = {test for test, status in dbt.results(tables).items() if status == "fail"}
    found = {
        "order_totals_are_positions_and_fees": {f"pretix/{shop}/{without_fee}"},
        "journal_is_orders": {f"pretix/{store}/{unbooked}"},
        "payments_less_refunds_are_paid": {f"pretix/{house}/{unpaid}"},
        "revenue_is_tickets_and_fees": {first, second},
        "checked_in_is_at_most_sold": {f"pretix/{outside}"},
        "oveit_counts_the_same_tickets": {lost[0]},
        "every_row_arrives": {"fct_payments"},
        "stg_organizers__order_payments__organizer_order_code": {"NOWHERE"},
        "stg_organizers__order_positions__item_id": {999},
    }
    columns = {
        "revenue_is_tickets_and_fees": "event_key",
        "checked_in_is_at_most_sold": "event_key",
        "oveit_counts_the_same_tickets": "event_id",
        "every_row_arrives": "mart",
        "stg_organizers__order_payments__organizer_order_code": "order_code",
        "stg_organizers__order_positions__item_id": "item_id",
    }
    assert {test: named(tables, test, columns.get(test, "order_key")) for test in found} == found
    of_keys = {test for test in failed if test.startswith("ticketing_source_loaded_key_organizers_quotas")}
    assert len(of_keys) == 1
    # Nothing else is said to be wrong, but what follows from these.
    assert failed - of_keys - found.keys() == {"fct_tickets__ticket_type_key"}
