"""`make demo`: serve the sandbox, load it with `meltano run`, make the marts with dbt, show what they answer."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from demo.show import show_events, show_questions, show_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "output" / "demo"
DATABASE = OUTPUT / "demo.duckdb"
REPORT = OUTPUT / "report.html"
PICTURE = OUTPUT / "sales.svg"
MELTANO = ROOT / ".meltano-venv" / "bin" / "meltano"

COMMAND = (
    "meltano run --full-refresh tap-pretix target-duckdb tap-oveit target-duckdb dbt-duckdb:build dbt-duckdb:report"
)
#: What Meltano logs: level, who says it, and what; with colours in it.
LOGGED = re.compile(r"^\S+ \[(\w+) *\] (\S+) +(.*)")
COLOUR = re.compile(r"\x1b\[[\d;]*m")
#: Of all that, what is worth a line here: who says it, what it begins with, what to say instead.
TOLD = (
    ("meltano", r"Running job with name '\w+:(\S+)-to-(\S+)'", r"\1 | \2"),
    ("tap-", r"(\d+ rows with \d+ requests in [\d.]+ s)", r"  read: \1"),
    ("dbt-", r".*Found (\d+ models, .*)", r"dbt build: \1"),
    ("dbt-", r".*OK created sql table model (\S+)", r"  made: \1"),
    ("dbt-", r".*(Done\. PASS=.*)", r"  \1"),
    ("dbt-", r"report: (.*)", r"  written: \1"),
)


def main() -> None:
    """Load both taps' streams, make the marts, and print what they answer."""
    start = time.monotonic()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    DATABASE.unlink(missing_ok=True)
    with sandbox() as served:
        print("Both APIs are served on this machine:", served["organizers_url"], served["oveit_url"])
        run(served)
    show_tables(DATABASE)
    show_events(DATABASE)
    show_questions(DATABASE)
    print(f"\n{time.monotonic() - start:.0f} s. What is left of it:")
    print(f"  {DATABASE.relative_to(ROOT)}: the database; the marts are in the schema marts")
    print(f"  {REPORT.relative_to(ROOT)}: sales curves, revenue, check-ins and refunds to look at")
    print("Next: open the report in a browser; ask your own questions (docs/marts.md); read your own shop (README.md).")
    print(f"\n{REPORT.as_uri()}")


def run(served: dict[str, str]) -> None:
    """Run Meltano, tell how far it is, and show all that it said if it fails."""
    settings = {
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "1",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "NO_COLOR": "1",
        # Where Meltano keeps its logs: nothing is written outside of the clone.
        "XDG_STATE_HOME": str(ROOT / ".cache" / "state"),
        "TAP_PRETIX_API_URL": served["organizers_url"],
        "TAP_PRETIX_API_TOKEN": served["token"],
        "TAP_OVEIT_API_URL": served["oveit_url"],
        "TAP_OVEIT_EMAIL": served["email"],
        "TAP_OVEIT_PASSWORD": served["password"],
        "TARGET_DUCKDB_FILEPATH": str(DATABASE),
        "DBT_DUCKDB_PATH": str(DATABASE),
        "DBT_REPORT_PATH": str(REPORT),
        "DBT_DUCKDB_REPORT_PATH": str(REPORT),
        "DBT_REPORT_PICTURE": str(PICTURE),
    }
    print("$", COMMAND, flush=True)
    said = []
    with subprocess.Popen(
        [MELTANO, *COMMAND.split()[1:]],
        cwd=ROOT,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            said.append(line)
            if told := tell(line):
                print(told, flush=True)
    if process.returncode:
        sys.exit("".join(said[-200:]) + f"\nmeltano ended with exit status {process.returncode}")


def tell(line: str) -> str | None:
    """Return what to say of a line of Meltano's log, if anything."""
    logged = LOGGED.match(COLOUR.sub("", line))
    if logged is None:
        return None
    level, source, text = logged.groups()
    if level in {"error", "critical"}:
        return f"{source}: {text}"
    for who, pattern, words in TOLD:
        if source.startswith(who) and (found := re.match(pattern, text)):
            return found.expand(words)
    return None


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
