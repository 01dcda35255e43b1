"""What the marts of many tickets cost: the demo's tables a thousand times over, and `dbt build` on them.

`python -m benchmarks.marts`, after `make demo` and `make test-dbt` (or `make .dbt-venv/ready`). It prints a table.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "output" / "demo" / "demo.duckdb"
MANY = ROOT / "output" / "many.duckdb"
DBT = ROOT / ".dbt-venv" / "bin" / "dbt"
#: Tables that grow with sales: how the keys of the copies become different.
GROWING = {
    # What the marts do not look at would only make the file large.
    "orders": "code || '-' || n as code, '[]' as positions, '[]' as payments, '[]' as downloads",
    "order_positions": "\"order\" || '-' || n as \"order\", id * 10000 + n as id, '[]' as checkins, '[]' as downloads",
    "order_fees": '"order" || \'-\' || n as "order", id * 10000 + n as id',
    "order_payments": '"order" || \'-\' || n as "order"',
    "order_refunds": '"order" || \'-\' || n as "order"',
    "gift_card_transactions": '"order" || \'-\' || n as "order", id * 10000 + n as id',
    "order_answers": '"order" || \'-\' || n as "order", position * 10000 + n as position',
    "invoices": "\"order\" || '-' || n as \"order\", number || '-' || n as number",
    "transactions": '"order" || \'-\' || n as "order", id * 10000 + n as id',
    "checkins": "position * 10000 + n as position, id * 10000 + n as id",
}


def main() -> None:
    """Make the tables, build the marts, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=1_000_000)
    parser.add_argument("--command", default="build", choices=["build", "run", "test"])
    options = parser.parse_args()
    # In a process of its own: the file stays locked by whoever has written it until that ends.
    with concurrent.futures.ProcessPoolExecutor(1) as executor:
        positions = executor.submit(multiply, options.positions).result()
    start = time.monotonic()
    environment = os.environ | {
        "DBT_DUCKDB_PATH": str(MANY),
        "DBT_TARGET": "duckdb",
        "DBT_TARGET_PATH": str(ROOT / ".cache" / "dbt"),
        "DBT_LOG_PATH": str(ROOT / ".cache" / "dbt"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    where = ["--project-dir", str(ROOT / "dbt"), "--profiles-dir", str(ROOT / "dbt")]
    process = subprocess.Popen([DBT, "--quiet", options.command, *where], env=environment)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"dbt {options.command} failed")
    print("| Positions | Command | Wall | CPU | Memory | File |")
    print("| --: | --- | --: | --: | --: | --: |")
    print(
        f"| {positions:,} | `dbt {options.command}` | {time.monotonic() - start:.0f} s"
        f" | {used.ru_utime + used.ru_stime:.0f} s | {used.ru_maxrss / 1024:,.0f} MB"
        f" | {MANY.stat().st_size / 1024**2:,.0f} MB |"
    )


def multiply(positions: int) -> int:
    """Copy the demo's tables, those that grow as often as it takes, and return how many positions there are."""
    MANY.unlink(missing_ok=True)
    shutil.copy(DEMO, MANY)
    with contextlib.closing(duckdb.connect(str(MANY))) as connection:
        for schema in ("marts", "marts_staging"):
            connection.execute(f"drop schema if exists {schema} cascade")
        times = -(-positions // count(connection))
        for table, keys in GROWING.items():
            connection.execute(
                f"create table many as select * exclude (n) replace ({keys})"
                f" from tap_pretix.{table} cross join range({times}) as copies(n)"
            )
            connection.execute(f"drop table tap_pretix.{table}")
            connection.execute(f"create table tap_pretix.{table} as from many")
            connection.execute("drop table many")
        return count(connection)


def count(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many positions there are."""
    (found,) = connection.execute("select count(*) from tap_pretix.order_positions").fetchall()
    return int(found[0])


if __name__ == "__main__":
    main()
