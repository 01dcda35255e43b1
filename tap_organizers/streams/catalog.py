"""What an event sells, and by which rules."""

from __future__ import annotations

from rest_tap.schema import Array, Boolean, Decimal, I18n, Integer, Json, String, fields
from tap_organizers.streams.parents import EventChildStream


class TaxRules(EventChildStream):
    """A rule by which an event's products are taxed."""

    name = "tax_rules"
    path = "/organizers/{organizer}/events/{event}/taxrules"
    primary_keys = ("id",)
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=I18n("Name."),
        default=Boolean("Whether it is the default."),
        rate=Decimal("Rate in percent."),
        code=String("Code of the reason for the rate."),
        price_includes_tax=Boolean("Whether prices are gross."),
        eu_reverse_charge=Boolean("Whether reverse charge is applied."),
        home_country=String("Country of the merchant."),
        internal_name=String("Name shown only in the backend."),
        keep_gross_if_rate_changes=Boolean("Whether the gross price is kept when another rate applies."),
        custom_rules=Array(Json, "Rules for special countries or customers."),
    )
