r"""Reads all shards on a Dask cluster, and merges their states.

    dask scheduler --scheduler-file cluster.json &
    dask worker --scheduler-file cluster.json --nworkers 3 --nthreads 1 &
    python orchestrate/dask_shards.py --cluster cluster.json --shards 12 --config config.json \
        --catalog catalog.json --state state.json --output output/night-1 [-- LOADER …]

Scheduler, workers and this program see the same files. A worker takes a shard, runs the tap into the loader, and keeps
what that prints in `OUTPUT/shard-N/messages.jsonl`; without a loader these are the tap's own messages, and with
`--batch parquet` its rows are in files beside them. A folder gets its name when it is whole: the shard of a worker that
died is done again by another one, and the same command, given again, does only what is missing. At the end
`OUTPUT/state.json` is where the next run goes on, with as many shards as you like.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from dask.distributed import Client, progress


def read_shard(shard: int, *, shards: int, tap: list[str], loader: list[str], batch: str, output: Path) -> Any:
    """Run the tap for one shard, unless it is there already; return the state that it ended with."""
    done = output / f"shard-{shard}"
    if not done.exists():
        part = Path(tempfile.mkdtemp(prefix=f".{done.name}-", dir=output))
        settings: dict[str, Any] = {"shard_index": shard, "shard_count": shards}
        if batch:
            encoding = {"format": batch, "compression": "gzip"}
            settings["batch_config"] = {"encoding": encoding, "storage": {"root": part.as_uri()}}
        (part / "shard.json").write_text(json.dumps(settings), encoding="utf-8")
        pipe([*tap, "--config", str(part / "shard.json")], loader, part / "messages.jsonl")
        if batch:
            # The messages name the files, which are about to move.
            text = (part / "messages.jsonl").read_text(encoding="utf-8")
            (part / "messages.jsonl").write_text(text.replace(part.name, done.name), encoding="utf-8")
        part.rename(done)
    state: Any = {}
    with (done / "messages.jsonl").open("rb") as messages:
        for line in messages:
            if line.startswith((b'{"type":"STATE"', b'{"bookmarks"')):
                state = json.loads(line)
    return state.get("value", state)


def pipe(tap: list[str], loader: list[str], output: Path) -> None:
    """Run the tap into the loader, through this process: when it is killed, both come to their end, too."""
    with (
        output.open("wb") as printed,
        subprocess.Popen(loader, stdin=subprocess.PIPE, stdout=printed) as writing,
        subprocess.Popen(tap, stdout=subprocess.PIPE) as reading,
    ):
        shutil.copyfileobj(reading.stdout, writing.stdin)
    for process in (reading, writing):
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)


def merge(into: Any, state: Any) -> Any:
    """Merge a state into another one as `meltano state merge` does."""
    for key, value in state.items():
        into[key] = merge(into[key], value) if isinstance(value, dict) and isinstance(into.get(key), dict) else value
    return into


def main() -> None:
    """Read what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cluster", required=True, help="file that the scheduler has written")
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("--tap", default="tap-organizers")
    for name in ("config", "catalog", "state"):
        parser.add_argument(f"--{name}", type=Path, help="of the tap, without what is the shard's")
    parser.add_argument("--batch", default="", choices=["jsonl", "parquet"])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("loader", nargs="*", default=["cat"])
    given = parser.parse_args()

    output = given.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    files = ((name, getattr(given, name)) for name in ("config", "catalog", "state"))
    tap = [given.tap, *(word for name, file in files if file for word in (f"--{name}", str(file.resolve())))]
    work = partial(
        read_shard, shards=given.shards, tap=tap, loader=given.loader or ["cat"], batch=given.batch, output=output
    )
    with Client(scheduler_file=given.cluster) as client:
        shards = client.map(work, range(given.shards), retries=2, pure=False)
        progress(shards)
        state: Any = {}
        for of_shard in client.gather(shards):
            merge(state, of_shard)
    (output / "state.json").write_text(json.dumps(state), encoding="utf-8")


if __name__ == "__main__":
    main()
