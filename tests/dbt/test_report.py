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

import pytest

from tests.dbt.conftest import DBT, PACKAGE, Database, Warehouse
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
