"""dlt's rest_api source into a database: extract, normalise, load, with dlt's own presets but for what is given."""

from __future__ import annotations

import dlt
from dlt.sources.rest_api import rest_api_source
from dlt_source import GIVEN, organizers, ticketing

KEYS = {"organizers": ["slug"], "events": ["slug"], "orders": ["code"], "attendees": ["id"]}


def main() -> None:
    """Read everything, and load it."""
    config = {"organizers": organizers, "ticketing": ticketing}[GIVEN["kind"]]()
    source = rest_api_source(config, name="source")
    if not GIVEN["parts"]:
        source.max_table_nesting = 0
    for name, resource in source.resources.items():
        resource.apply_hints(write_disposition=GIVEN["disposition"], primary_key=KEYS[name])
    destination = getattr(dlt.destinations, GIVEN["destination"])(GIVEN["credentials"])
    pipeline = dlt.pipeline(
        "measured", pipelines_dir=GIVEN["folder"], destination=destination, dataset_name=GIVEN["schema"]
    )
    pipeline.run(source)


if __name__ == "__main__":
    main()
