"""Writes a Meltano plugin for each shard: two runs of one plugin at once would overwrite each other's files.

    python orchestrate/shard_plugins.py tap-pretix target-postgres 3

makes `tap-pretix-0of3 target-postgres-0of3` and so on, which inherit everything from those two. `meltano.yml` includes
the file that it writes.
"""

import json
import sys
from pathlib import Path

FILE = "orchestrate/shards.meltano.yml"


def plugins(tap: str, loader: str, shards: int) -> dict[str, object]:
    """Return the plugins' definitions."""
    names = [f"{shard}of{shards}" for shard in range(shards)]
    return {
        "plugins": {
            "extractors": [
                {
                    "name": f"{tap}-{name}",
                    "inherit_from": tap,
                    # All shards load into the tap's own schema; Meltano would name one after each.
                    "load_schema": tap.replace("-", "_"),
                    "config": {"shard_index": shard, "shard_count": shards},
                }
                for shard, name in enumerate(names)
            ],
            "loaders": [{"name": f"{loader}-{name}", "inherit_from": loader} for name in names],
        }
    }


def main() -> None:
    """Write them into the Meltano project at hand."""
    tap, loader, shards = sys.argv[1:]
    # YAML is a superset of JSON.
    Path(FILE).write_text(json.dumps(plugins(tap, loader, int(shards)), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
