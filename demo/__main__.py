"""`make demo`: serve the sandbox, load it with `meltano run`, show what arrived."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from demo.chart import draw, run_query
from demo.show import show

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "output" / "demo"
DATABASE = OUTPUT / "demo.duckdb"
CHART = OUTPUT / "tickets.png"
MELTANO = ROOT / ".meltano-venv" / "bin" / "meltano"


def main() -> None:
    """Load both taps' streams and print a table of them."""
    start = time.monotonic()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    DATABASE.unlink(missing_ok=True)
    with sandbox() as served:
        settings = {
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "1",
            "MELTANO_CLI_LOG_LEVEL": "warning",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            # Where Meltano keeps its logs: nothing is written outside of the clone.
            "XDG_STATE_HOME": str(ROOT / ".cache" / "state"),
            "TAP_ORGANIZERS_API_URL": served["organizers_url"],
            "TAP_ORGANIZERS_API_TOKEN": served["token"],
            "TAP_ORGANIZERS_AUTH_HEADER": "Authorization",
            "TAP_ORGANIZERS_AUTH_PREFIX": "Token ",
            "TAP_TICKETING_API_URL": served["ticketing_url"],
            "TAP_TICKETING_EMAIL": served["email"],
            "TAP_TICKETING_PASSWORD": served["password"],
            "TARGET_DUCKDB_FILEPATH": str(DATABASE),
        }
        run = ["meltano", "run", "--full-refresh"]
        for tap in ("tap-organizers", "tap-ticketing"):
            run += [tap, "target-duckdb"]
        print("$", *run, flush=True)
        subprocess.run([MELTANO, *run[1:]], cwd=ROOT, env=os.environ | settings, check=True)
    show(DATABASE)
    for query in ("tickets_by_event_and_day", "revenue_by_tax_rate", "checkin_curve"):
        print(f"\ndocs/sql/{query}.sql: {len(run_query(DATABASE, query))} rows")
    draw(DATABASE, CHART)
    print(f"a picture of the sales: {CHART.relative_to(ROOT)}")
    print(f"\n{time.monotonic() - start:.0f} s. The database stays: {DATABASE.relative_to(ROOT)}")


@contextmanager
def sandbox() -> Iterator[dict[str, str]]:
    """Serve the sandbox for a while, and return its addresses and credentials."""
    command = [sys.executable, "-m", "sandbox", "--no-log"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
