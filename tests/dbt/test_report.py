"""The report, in a real browser: it asks for nothing, complains of nothing, and has the numbers of the marts."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
import typing as t
from decimal import Decimal

import duckdb
import pytest

from tests.dbt.conftest import DBT, MARTS, PACKAGE, Database, InDuckDB, Warehouse
from tests.meltano.conftest import ROOT

if t.TYPE_CHECKING:
    from pathlib import Path

PYTHON = DBT.with_name("python")


def write(database: Database, file: Path) -> str:
    """Write the report of a database, and return it."""
    environment = os.environ | {"DBT_TARGET": database.target, **database.settings}
    subprocess.run([PYTHON, PACKAGE / "report", file], cwd=ROOT, env=environment, check=True, timeout=300)
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser() -> str:
    """Return Chromium, from Debian if there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", *command], check=False, capture_output=True, timeout=600)
    if found := shutil.which("chromium"):
        return found
    pytest.skip("there is no Chromium, and it cannot be installed: no Debian, or not root")


class Seen(t.NamedTuple):
    """What a browser made of a page."""

    page: str
    console: list[str]
    requests: set[str]


def look(browser: str, file: Path, folder: Path, *switches: str) -> Seen:
    """Open a page, wait until it is drawn, and return what came of it."""
    log = folder / "net.json"
    done = subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"),
            "--host-resolver-rules=MAP *.com ~NOTFOUND",
            *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
            *(f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", "--virtual-time-budget=20000"),
            *switches,
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    text = log.read_text(encoding="utf-8")
    requests = {url for url in re.findall(r'"url":"([^"]*)"', text) if re.match("https?:|wss?:", url)}
    # What a browser asks its maker for, whatever the page is.
    requests = {url for url in requests if not re.match(r"https?://[\w.]+\.(google|googleapis|gvt1)\.com[/:]", url)}
    return Seen(done.stdout, re.findall(r"CONSOLE.*", done.stderr), requests)


def rows_of(page: str, name: str) -> list[list[str]]:
    """Return the rows of a table of a page."""
    body = re.search(rf'<table id="{name}">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert body
    rows = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL)
    return [[html.unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)] for row in rows]


def test_both_databases_give_the_same_report(warehouse: Warehouse, tmp_path: Path) -> None:
    ours, theirs = (write(one, tmp_path / f"{one.target}.html") for one in (warehouse.duckdb, warehouse.postgres))
    assert ours == theirs


def test_a_browser_that_is_asked_for_something_is_seen(browser: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text('<img src="http://127.0.0.1:9/picture.png"><script>nothing()</script>', encoding="utf-8")
    seen = look(browser, file, tmp_path)
    assert "http://127.0.0.1:9/picture.png" in seen.requests
    assert seen.console


@pytest.mark.parametrize(("width", "scheme", "name"), [(1200, 1, "light"), (390, 0, "dark")], ids=["desk", "phone"])
def test_a_browser_shows_it(
    width: int, scheme: int, name: str, warehouse: Warehouse, browser: str, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    text = write(warehouse.duckdb, file)
    assert not re.search(r'(src|href)="(?!data:)', text.partition("<script")[0])
    seen = look(
        browser, file, tmp_path, f"--window-size={width},900", f"--blink-settings=preferredColorScheme={scheme}"
    )
    assert seen.console == []
    assert seen.requests == set()
    assert f'data-drawn="{name}"' in seen.page
    charts = re.findall(r'<svg[^>]*role="img"[^>]*aria-label="([^"]+)"', seen.page)
    assert len(charts) == 4
    assert all(re.search(r"\d", chart) for chart in charts)
    for title in ("days before the event", "tickets sold so far", "gross, EUR", "of all who came, %", "month"):
        assert f">{title}</text>" in seen.page
    check_numbers(seen.page, warehouse.duckdb)


def check_numbers(page: str, database: Database) -> None:
    """Hold the numbers on the page against the marts."""
    found = [
        (row[1], int(row[3].replace(",", "")), Decimal(row[6].replace(",", ""))) for row in rows_of(page, "events")
    ]
    expected = database.query(
        "select e.name, count(case when t.is_sold and t.is_admission then 1 end),"
        " coalesce(sum(case when t.is_sold then t.price end), 0) from marts.fct_tickets as t"
        " join marts.dim_events as e using (event_key) group by e.event_key, e.name"
    )
    assert sorted(found) == sorted(expected)
    money = {(row[0], row[1], row[2]): Decimal(row[3].replace(",", "")) for row in rows_of(page, "revenue-table")}
    for currency, month, rate, gross in database.query(
        "select currency, strftime(day, '%Y-%m'), tax_rate, sum(gross) from marts.fct_revenue group by all"
    ):
        assert money.pop((currency, month, "unknown" if rate is None else f"{rate.normalize():f} %")) == gross
    assert not money
    refunds = sum(Decimal(row[3].replace(",", "")) for row in rows_of(page, "refunds-table"))
    assert [(refunds,)] == database.query(
        "select sum(amount) from marts.fct_payments where kind = 'refund' and is_counted"
    )
    # The drawn curve ends where the mart does.
    data = json.loads(re.search(r'id="figures">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    (values,) = data["sales"]["datasets"].values()
    (most,) = database.query("select max(tickets_to_date) from marts.event_days where days_before is not null")[0]
    assert max(row["tickets"] for row in values) == most


#: Names of events, and the currencies that each sells in.
ODD: dict[str, list[str | None]] = {
    "<script>document.title = 'broken'</script><img src=http://127.0.0.1:9/a.png onerror=nothing()> & \"so\"": ["EUR"],
    "מסיבה \u202e abc </td></table>": ["EUR"],
    "Ein sehr langer Name, der nicht enden will " * 8: ["KWD"],
    "Unbrechbar" * 30: ["JPY"],
    "Jazz": ["USD", "RON", None],
}


def invented(file: Path, like: Database, events: dict[str, list[str | None]]) -> InDuckDB:
    """Return marts of the same columns, and in them events that each sold a ticket in each of these currencies."""
    found = InDuckDB(file)
    assert isinstance(like, InDuckDB)
    found.execute(
        f"attach '{like.file}' as theirs (read_only)",
        "create schema marts",
        *(f"create table marts.{mart} as from theirs.marts.{mart} limit 0" for mart in MARTS),
        "create table sold (event integer, name text, number integer, currency text)",
    )
    with duckdb.connect(str(file)) as connection:
        for event, (name, currencies) in enumerate(events.items()):
            for number, currency in enumerate(currencies):
                connection.execute("insert into sold values (?, ?, ?, ?)", [event, name, number, currency])
    key = "'k' || event || '/' || number as event_key"
    date = "'k' || event || '/' || number as event_date_key"
    # What is in no currency has no price and no day.
    price, day = "case when currency <> '' then 1234.5 end", "case when currency <> '' then date '2026-04-01' end"
    values = {
        "dim_organizers": """'o' as organizer_key, '<i>"Us"</i>' as name""",
        "dim_events": f"{key}, 'o' as organizer_key, name, 'e' || event as event, currency",
        "dim_event_dates": f"{key}, {date}, name, timestamp '2026-05-01 20:00' as starts_at,"
        " date '2026-05-01' as starts_on",
        "event_days": f"{key}, {date}, date '2026-04-01' + number as day, 30 - number as days_before, currency,"
        " 1 as tickets, number + 1 as tickets_to_date",
        "fct_tickets": f"{key}, {date}, 'o' as organizer_key, name || number as ticket_key, true as is_sold,"
        f" false as is_canceled, true as is_admission, true as is_checked_in, currency, {price} as price,"
        " timestamp '2026-05-01 19:00' + to_minutes(number) as checked_in_at",
        "fct_revenue": f"{key}, {day} as day, currency, {price} as gross, 'ticket' as kind",
        "fct_payments": "'refund' as kind, true as is_counted, currency, 10 as amount,"
        " timestamp '2026-06-01 10:00' as created_at_local",
    }
    found.execute(*(f"insert into marts.{mart} by name select distinct {of} from sold" for mart, of in values.items()))
    return found


def test_odd_names_and_many_currencies(warehouse: Warehouse, browser: str, tmp_path: Path) -> None:
    marts = invented(tmp_path / "odd.duckdb", warehouse.duckdb, ODD)
    file = tmp_path / "odd.html"
    write(marts, file)
    seen = look(browser, file, tmp_path, "--window-size=390,900")
    assert seen.console == []
    assert seen.requests == set()
    assert "<title>Ticket sales</title>" in seen.page
    assert {row[1] for row in rows_of(seen.page, "events")} == set(ODD)
    assert {row[0] for row in rows_of(seen.page, "events")} == {'<i>"Us"</i>'}
    assert {row[0] for row in rows_of(seen.page, "totals")} == {"EUR", "KWD", "JPY", "USD", "RON", ""}
    assert "Drawn are 4 of 6 currencies" in seen.page
    # Events of the same name are told apart, also in charts.
    named = [row[0] for row in rows_of(seen.page, "sales-table")]
    assert len(set(named)) == 7
    assert {name for name in named if name.startswith("Jazz")} == {f"Jazz, k4/{number}" for number in range(3)}
    assert len(re.findall(r'<svg[^>]*role="img"', seen.page)) == 4


def test_nothing_was_sold(warehouse: Warehouse, browser: str, tmp_path: Path) -> None:
    marts = invented(tmp_path / "empty.duckdb", warehouse.duckdb, {})
    file = tmp_path / "empty.html"
    text = write(marts, file)
    assert text.count("Nothing to show.") == 4
    seen = look(browser, file, tmp_path)
    assert seen.console == []
    assert 'data-drawn="' in seen.page


def test_five_hundred_events(warehouse: Warehouse, browser: str, tmp_path: Path) -> None:
    names: dict[str, list[str | None]] = {f"Event {number}": ["EUR"] for number in range(500)}
    file = tmp_path / "many.html"
    write(invented(tmp_path / "many.duckdb", warehouse.duckdb, names), file)
    seen = look(browser, file, tmp_path)
    assert seen.console == []
    assert len(rows_of(seen.page, "events")) == 500
    assert len(rows_of(seen.page, "sales-table")) == 8
