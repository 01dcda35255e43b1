"""A tap as the SDK's documentation and template teach it: RESTStream, parents and children, the default writer."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import APIKeyAuthenticator, BearerTokenAuthenticator
from singer_sdk.pagination import BaseHATEOASPaginator, JSONPathPaginator
from singer_sdk.streams import RESTStream

GIVEN = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


class NextLink(BaseHATEOASPaginator):
    """Follows `next`."""

    def get_next_url(self, response: Any) -> str | None:
        """Return the link to the next page."""
        url: str | None = response.json()["next"]
        return url


class OrganizersStream(RESTStream):
    """A list of the organizers' API."""

    records_jsonpath = "$.results[*]"

    @property
    def url_base(self) -> str:
        """Return the API's address."""
        return str(self.config["api_url"])

    @property
    def authenticator(self) -> APIKeyAuthenticator:
        """Return what puts the token into a header."""
        return APIKeyAuthenticator(key="api_key", value="token", location="header")

    def get_new_paginator(self) -> NextLink:
        """Return how pages are found."""
        return NextLink()

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return the query."""
        return dict(p.split("=", 1) for p in next_page_token.query.split("&")) if next_page_token else {"page_size": 50}


def schema(stream: str, *parents: str) -> dict[str, Any]:
    """Return a stream's schema, with the keys of its parents."""
    properties = dict(GIVEN["schemas"].get(stream, {}).get("properties", {}))
    return {"type": "object", "properties": {**{parent: th.StringType().to_dict() for parent in parents}, **properties}}


class Organizers(OrganizersStream):
    """Organizers."""

    name = "organizers"
    path = "/organizers/"
    primary_keys: ClassVar[tuple[str, ...]] = ("slug",)
    schema = schema("organizers")

    def get_child_context(self, record: Any, context: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return what children need."""
        return {"organizer": record["slug"]}


class Events(OrganizersStream):
    """Events of an organizer."""

    name = "events"
    parent_stream_type = Organizers
    path = "/organizers/{organizer}/events/"
    primary_keys: ClassVar[tuple[str, ...]] = ("organizer", "slug")
    schema = schema("events", "organizer")

    def get_child_context(self, record: Any, context: Any) -> dict[str, Any]:
        """Return what children need."""
        return {"organizer": context["organizer"], "event": record["slug"]}


class TaxRules(OrganizersStream):
    """Tax rules of an event."""

    name = "tax_rules"
    parent_stream_type = Events
    path = "/organizers/{organizer}/events/{event}/taxrules/"
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    schema = schema("tax_rules", "organizer", "event")


class Orders(OrganizersStream):
    """Orders of an organizer."""

    name = "orders"
    parent_stream_type = Organizers
    path = "/organizers/{organizer}/orders/"
    primary_keys: ClassVar[tuple[str, ...]] = ("organizer", "code")
    schema = schema("orders", "organizer")


class Attendees(RESTStream):
    """Attendees."""

    name = "attendees"
    path = "/v1/attendees"
    http_method = "POST"
    records_jsonpath = "$.attendees[*]"
    primary_keys: ClassVar[tuple[str, ...]] = ("id",)
    schema = schema("attendees")

    @property
    def url_base(self) -> str:
        """Return the API's address."""
        return str(self.config["api_url"])

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        """Return what puts the token into a header."""
        return BearerTokenAuthenticator(token=GIVEN["token"])

    def get_new_paginator(self) -> JSONPathPaginator:
        """Return how pages are found."""
        return JSONPathPaginator("$.attendees[-1:].ticket_code")

    def get_url_params(self, context: Any, next_page_token: Any) -> dict[str, Any]:  # noqa: ARG002
        """Return the query."""
        return {"since": next_page_token} if next_page_token else {}


class TapTaught(Tap):
    """The tap."""

    name = "tap-taught"
    config_jsonschema = th.PropertiesList(th.Property("api_url", th.StringType, required=True)).to_dict()

    def discover_streams(self) -> list[Stream]:
        """Return the streams that are asked for."""
        known = (Organizers, Events, TaxRules, Orders, Attendees)
        return [stream(tap=self) for stream in known if stream.name in GIVEN["streams"]]


if __name__ == "__main__":
    TapTaught(config={"api_url": GIVEN["api_url"]}).sync_all()
