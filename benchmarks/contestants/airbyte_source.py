"""Airbyte's declarative CDK, with a manifest as its connector builder writes it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.concurrent_declarative_source import ConcurrentDeclarativeSource

GIVEN = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
KEYS = {
    "organizers": ["slug"],
    "events": ["slug"],
    "tax_rules": ["id"],
    "orders": ["code"],
    "attendees": ["id"],
}
NEXT_LINK = {
    "type": "DefaultPaginator",
    "page_token_option": {"type": "RequestPath"},
    "pagination_strategy": {
        "type": "CursorPagination",
        "cursor_value": "{{ response.get('next') }}",
        "stop_condition": "{{ not response.get('next') }}",
    },
}
SINCE = {
    "type": "DefaultPaginator",
    "page_token_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "since"},
    "pagination_strategy": {
        "type": "CursorPagination",
        "cursor_value": "{{ last_record['ticket_code'] }}",
        "stop_condition": "{{ not response.get('attendees') }}",
    },
}


def stream(name: str, path: str, field: str = "results", parent: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return a stream's part of the manifest."""
    is_attendees = name == "attendees"
    retriever: dict[str, Any] = {
        "type": "SimpleRetriever",
        "requester": {
            "type": "HttpRequester",
            "url_base": GIVEN["api_url"],
            "path": path,
            "http_method": "POST" if is_attendees else "GET",
            "authenticator": {"type": "BearerAuthenticator", "api_token": GIVEN["token"]}
            if is_attendees
            else {
                "type": "ApiKeyAuthenticator",
                "api_token": "token",
                "inject_into": {"type": "RequestOption", "inject_into": "header", "field_name": "api_key"},
            },
            "request_parameters": {} if is_attendees else {"page_size": "50"},
        },
        "record_selector": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": [field]},
        },
        "paginator": SINCE if is_attendees else NEXT_LINK,
    }
    if parent is not None:
        name_of, partition = parent
        retriever["partition_router"] = {
            "type": "SubstreamPartitionRouter",
            "parent_stream_configs": [
                {
                    "type": "ParentStreamConfig",
                    "parent_key": "slug",
                    "partition_field": partition,
                    "stream": STREAMS[name_of],
                }
            ],
        }
    return {
        "type": "DeclarativeStream",
        "name": name,
        "primary_key": KEYS[name],
        "retriever": retriever,
        "schema_loader": {
            "type": "InlineSchemaLoader",
            "schema": {"type": "object", "properties": {}, **GIVEN["schemas"].get(name, {})},
        },
    }


STREAMS: dict[str, dict[str, Any]] = {}
SLICE = "{{ stream_partition.organizer }}"
EVENT_PATH = "/organizers/{{ stream_partition.parent_slice.organizer }}/events/{{ stream_partition.event }}"
if GIVEN["kind"] == "organizers":
    STREAMS["organizers"] = stream("organizers", "/organizers/")
    STREAMS["events"] = stream("events", f"/organizers/{SLICE}/events/", parent=("organizers", "organizer"))
    STREAMS["tax_rules"] = stream("tax_rules", f"{EVENT_PATH}/taxrules/", parent=("events", "event"))
    STREAMS["orders"] = stream("orders", f"/organizers/{SLICE}/orders/", parent=("organizers", "organizer"))
else:
    STREAMS["attendees"] = stream("attendees", "/v1/attendees", "attendees")


def manifest() -> dict[str, Any]:
    """Return the whole manifest."""
    whole: dict[str, Any] = {
        "version": "7.0.0",
        "type": "DeclarativeSource",
        "check": {"type": "CheckStream", "stream_names": [GIVEN["streams"][0]]},
        "streams": [STREAMS[name] for name in GIVEN["streams"]],
        "spec": {
            "type": "Spec",
            "connection_specification": {"type": "object", "properties": {}, "additionalProperties": True},
        },
    }
    if GIVEN["concurrency"]:
        level = GIVEN["concurrency"]
        whole["concurrency_level"] = {
            "type": "ConcurrencyLevel",
            "default_concurrency": level,
            "max_concurrency": level,
        }
    return whole


def catalog() -> dict[str, Any]:
    """Return the configured catalog: everything, whole."""
    return {
        "streams": [
            {
                "stream": {
                    "name": name,
                    "json_schema": {"type": "object", "properties": {}, **GIVEN["schemas"].get(name, {})},
                    "supported_sync_modes": ["full_refresh"],
                },
                "sync_mode": "full_refresh",
                "destination_sync_mode": "overwrite",
            }
            for name in GIVEN["streams"]
        ]
    }


if __name__ == "__main__":
    folder = Path(GIVEN["folder"])
    (folder / "config.json").write_text("{}", encoding="utf-8")
    (folder / "catalog.json").write_text(json.dumps(catalog()), encoding="utf-8")
    configured = ConfiguredAirbyteCatalogSerializer.load(catalog())
    source = ConcurrentDeclarativeSource(catalog=configured, config={}, state=None, source_config=manifest())
    launch(source, ["read", "--config", str(folder / "config.json"), "--catalog", str(folder / "catalog.json")])
