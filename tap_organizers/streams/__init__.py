"""All streams, in the order in which they are read."""

from __future__ import annotations

import typing as t

from tap_organizers.streams.catalog import TaxRules
from tap_organizers.streams.parents import Events, Organizers

if t.TYPE_CHECKING:
    from tap_organizers.client import OrganizersStream

STREAMS: tuple[type[OrganizersStream], ...] = (
    Organizers,
    Events,
    TaxRules,
)
