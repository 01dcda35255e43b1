"""An Airflow DAG: Meltano runs a task for each shard, and the shards' states become one again.

It calls `meltano` in a project that `shard_plugins.py` has written the shards' plugins into. As many shards run at once
as the pool has slots: `airflow pools set ticketing_api 3 "requests that the API bears"`.
"""

import json
import os
import subprocess
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import dag, task

PROJECT = os.environ.get("MELTANO_PROJECT_ROOT", ".")
MELTANO = os.environ.get("MELTANO", "meltano")
ENVIRONMENT = os.environ.get("MELTANO_ENVIRONMENT", "dev")
TAP = os.environ.get("TICKETING_TAP", "tap-pretix")
LOADER = os.environ.get("TICKETING_LOADER", "target-postgres")
SHARDS = int(os.environ.get("TICKETING_SHARDS", "3"))

#: The state that the shards begin with and end in is that of `meltano run TAP LOADER`: one run can go on from it, too.
WHOLE = f"{ENVIRONMENT}:{TAP}-to-{LOADER}"
NAMES = [f"{shard}of{SHARDS}" for shard in range(SHARDS)]
PARTS = [f"{ENVIRONMENT}:{TAP}-{name}-to-{LOADER}-{name}" for name in NAMES]


def meltano(*arguments: str, stdin: str = "") -> str:
    """Run a command of Meltano's and return what it prints."""
    command = [MELTANO, *arguments]
    return subprocess.run(command, cwd=PROJECT, input=stdin, text=True, check=True, stdout=subprocess.PIPE).stdout


def merge(into: Any, state: Any) -> Any:
    """Merge a state into another one as `meltano state merge` does, which takes a start of Meltano for each."""
    for key, value in (state or {}).items():
        into[key] = merge(into[key], value) if isinstance(value, dict) and isinstance(into.get(key), dict) else value
    return into


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
)
def ticketing_taps() -> None:
    """Split the state, read all shards, merge their states."""

    @task
    def split() -> None:
        """Give each shard the whole state; the tap keeps of it what is the shard's."""
        whole = json.loads(meltano("state", "export")).get(WHOLE)
        if whole:
            meltano("state", "import", stdin=json.dumps(dict.fromkeys(PARTS, whole)))

    @task.bash(pool="ticketing_api", cwd=PROJECT)
    def read(shard: str) -> str:
        return f"{MELTANO} --environment={ENVIRONMENT} run {TAP}-{shard} {LOADER}-{shard}"

    @task
    def join() -> None:
        """Make one state of the shards', of those that failed as well: what they have read is true."""
        states = json.loads(meltano("state", "export"))
        whole: Any = {}
        for part in PARTS:
            for kind in ("completed", "partial"):
                merge(whole, states.get(part, {}).get(kind))
        meltano("state", "import", stdin=json.dumps({WHOLE: {"completed": whole, "partial": {}}}))

    # A teardown runs whatever became of the shards, and hides no failure of theirs.
    split() >> read.expand(shard=NAMES) >> join().as_teardown(on_failure_fail_dagrun=True)


ticketing_taps()
