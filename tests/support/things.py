"""A tap of one stream whose fields a test says."""

from __future__ import annotations

import copy
import typing as t

from singer_sdk import typing as th

from rest_tap.access import Access
from rest_tap.account import Account
from rest_tap.auth import HeaderToken
from rest_tap.limiter import RateLimiter
from rest_tap.schema import Integer, fields
from rest_tap.settings import setting, shared_settings
from rest_tap.stream import ListStream
from rest_tap.tap import RestTap
from rest_tap.tree import Node, build_nodes
from tests.conftest import kept_signals

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_tap.outcome import Ending
    from rest_tap.report import Report
    from rest_tap.schema import Schema

Json = dict[str, t.Any]


class Things(ListStream):
    """Something with an id."""

    name = "things"
    path = "/things"
    primary_keys = ("id",)


class ThingsTap(RestTap):
    """A tap of things."""

    name = "tap-things"
    config_jsonschema = th.PropertiesList(
        setting("api_url", th.StringType, "URL", "Where."), *shared_settings()
    ).to_dict()

    #: Set before one is made.
    stream_type: t.ClassVar[type[Things]] = Things

    def discover_streams(self) -> Sequence[Things]:
        """Return the one stream."""
        return [self.stream_type(self, self.bookmarks)]

    def make_accounts(self) -> list[Account]:
        """Return an account with a token."""
        return [Account(HeaderToken("api_key", "", "none"), RateLimiter())]

    def make_access(self, report: Report, failing: t.Iterable[Ending]) -> Access:
        """Return what takes every error for a failed list."""
        return Access(report, failing)

    def build_tree(self) -> list[Node]:
        """Return the one stream."""
        return build_nodes(t.cast("t.Iterable[ListStream]", self.streams.values()))


def things(
    properties: dict[str, Schema],
    *,
    config: Json | None = None,
    left_out: t.Iterable[tuple[str, ...]] = (),
    removed: t.Iterable[str] = (),
    given_catalog: bool = True,
) -> Things:
    """Return the stream of a tap as it is before its first record.

    Args:
        properties: Its fields, besides the id.
        config: Settings, such as maps.
        left_out: Breadcrumbs that the catalog deselects.
        removed: Fields that the catalog's schema lacks.
        given_catalog: Whether the tap is run with a catalog.
    """
    stream_type = type("Things", (Things,), {"properties": fields(id=Integer(), **copy.deepcopy(properties))})
    tap_type = type("ThingsTap", (ThingsTap,), {"stream_type": stream_type})
    settings = {"api_url": "http://localhost", **copy.deepcopy(config or {})}
    with kept_signals():
        catalog = tap_type(config={"api_url": "http://localhost"}).catalog_dict
        entry = catalog["streams"][0]
        for name in removed:
            del entry["schema"]["properties"][name]
            entry["metadata"] = [one for one in entry["metadata"] if one["breadcrumb"][1:2] != [name]]
        known = {tuple(one["breadcrumb"]): one["metadata"] for one in entry["metadata"]}
        for crumb in left_out:
            if crumb not in known:
                entry["metadata"].append({"breadcrumb": list(crumb), "metadata": {}})
                known[crumb] = entry["metadata"][-1]["metadata"]
            known[crumb]["selected"] = False
        known[()]["selected"] = True
        tap = tap_type(config=settings, catalog=catalog if given_catalog else None)
        return t.cast("Things", tap.streams["things"])
