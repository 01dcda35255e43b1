"""dlt's rest_api source, extract step only: rows go to files as they come; nothing is normalised or loaded."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

GIVEN = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
if GIVEN["parallelized"]:
    os.environ["EXTRACT__WORKERS"] = str(GIVEN["parallelized"])

import dlt  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402

NEXT_LINK = {"type": "json_link", "next_url_path": "next"}
PATHS = {
    "organizers": "/organizers/",
    "events": "/organizers/{resources.organizers.slug}/events/",
    "tax_rules": "/organizers/{resources.events._organizers_slug}/events/{resources.events.slug}/taxrules/",
    "orders": "/organizers/{resources.organizers.slug}/orders/",
}
KEYS = {"organizers": ["slug"], "events": ["slug"], "tax_rules": ["slug", "_organizers_slug"], "orders": ["slug"]}


def organizers() -> dict[str, Any]:
    """Return the configuration for the organizers' API."""
    return {
        "client": {
            "base_url": GIVEN["api_url"],
            "auth": {"type": "api_key", "name": "api_key", "api_key": "token", "location": "header"},
        },
        "resource_defaults": {"parallelized": bool(GIVEN["parallelized"])},
        "resources": [
            {
                "name": name,
                "endpoint": {
                    "path": PATHS[name],
                    "params": {"page_size": 50},
                    "data_selector": "results",
                    "paginator": NEXT_LINK,
                },
                "include_from_parent": [] if name == "organizers" else KEYS[name],
            }
            for name in GIVEN["streams"]
        ],
    }


def ticketing() -> dict[str, Any]:
    """Return the configuration for the ticketing API."""
    return {
        "client": {"base_url": GIVEN["api_url"], "auth": {"type": "bearer", "token": GIVEN["token"]}},
        "resources": [
            {
                "name": "attendees",
                "parallelized": bool(GIVEN["parallelized"]),
                "endpoint": {
                    "path": "/v1/attendees",
                    "method": "POST",
                    "data_selector": "attendees",
                    "paginator": {
                        "type": "cursor",
                        "cursor_path": "attendees[-1].ticket_code",
                        "cursor_param": "since",
                        "stop_after_empty_page": True,
                    },
                },
            }
        ],
    }


if __name__ == "__main__":
    config = {"organizers": organizers, "ticketing": ticketing}[GIVEN["kind"]]()
    pipeline = dlt.pipeline("measured", pipelines_dir=GIVEN["folder"], destination="filesystem")
    pipeline.extract(rest_api_source(config, name="source"))
