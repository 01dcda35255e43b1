"""Fills an empty pretix with invented data: rows for every list of the API, values in every field.

Run by pretix's interpreter. Without arguments it makes the organizers that the tests rely on:

- `harbour`: one of everything. Events `concert` (seats), `series` (dates, with seats of their own),
  `workshop`, `museum` (more tax rules than two pages hold), and some that are far away, not live,
  or empty.
- `lantern`: more events than two pages hold, nearly all of them empty.
- `meadow`: the same event slugs, order codes, and customer and device numbers as `harbour`.
- `attic`: no events at all.

With `--organizer` it adds one more organizer of the size that is asked for. It prints JSON:
credentials in `tokens`, what this version of pretix lacks in `left_out`, and whatever else a test
needs to know.

Times are fixed, so that a test may name them; only what pretix itself stamps carries the time of
filling.
"""

# mypy: ignore-errors

from __future__ import annotations

import argparse
import json
import random
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils.timezone import now
from filling.catalog import full_stock
from filling.house import (
    make_bank_imports,
    make_channels,
    make_customers,
    make_devices,
    make_exports,
    make_gift_cards,
    make_memberships,
    make_meta_properties,
    make_plans,
    make_settings,
    make_teams,
    make_webhooks,
    use_gift_cards,
)
from filling.invent import OPENED, SHOWTIME, secret, text
from filling.sales import dress_orders, make_orders, move_date
from filling.shops import (
    Shop,
    bare_events,
    full_access,
    make_event,
    make_shop,
    small_stock,
    tax_rules,
)
from filling.versions import has, leave_out_unknown_fields, link, what_was_left_out
from pretix.api.models import OAuthAccessToken, OAuthApplication
from pretix.base.models import (
    EventMetaValue,
    GiftCardAcceptance,
    Organizer,
    User,
)

#: More than a page of orders.
MODIFIED_TOGETHER = 60


def make_harbour(user: User) -> tuple[Shop, dict[str, str]]:
    shop = make_shop("harbour", "Hafenbühne Süd · Причал 空")
    tokens = {"harbour": full_access(shop)}
    make_channels(shop)
    make_meta_properties(shop)
    make_plans(shop)
    make_customers(shop, 60)
    make_memberships(shop, 300)
    make_gift_cards(shop)
    make_devices(shop)
    concert = make_event(
        shop,
        "concert",
        text("Harbour concert · Ночь 空", "Hafenkonzert"),
        date_to=SHOWTIME + timedelta(hours=4),
        date_admission=SHOWTIME - timedelta(hours=1),
        presale_start=OPENED,
        presale_end=SHOWTIME - timedelta(hours=2),
        location=text("Quay 3\nKleinwassern", "Kai 3\nKleinwassern"),
        geo_lat=53.543764,
        geo_lon=9.966431,
        seating_plan=shop.plans[0],
        all_sales_channels=False,
    )
    link(concert, "limit_sales_channels", shop.channels.values())
    series = make_event(shop, "series", text("Nights at the pier", "Nächte am Pier"), has_subevents=True)
    workshop = make_event(
        shop,
        "workshop.2041_a",
        text("Knots for beginners"),
        currency="CHF",
        is_public=False,
        # It has seats, which pretix never makes without a plan.
        seating_plan=shop.plans[0],
    )
    museum = make_event(shop, "museum", text("Museum of taxes", "Steuermuseum"), live=False)
    make_event(
        shop,
        "past",
        text("Long ago"),
        date_from=OPENED - timedelta(days=900),
        date_to=OPENED - timedelta(days=899),
    )
    make_event(shop, "draft", text("Nothing yet"), testmode=True, live=False)
    for event in (concert, series):
        for prop, value in zip(shop.meta_properties, ("Shanty", "s1"), strict=False):
            EventMetaValue.objects.create(event=event, property=prop, value=value)
    make_settings(shop, [concert, series, workshop])
    stocks = [full_stock(shop, concert), full_stock(shop, series), full_stock(shop, workshop)]
    tax_rules(museum, 125)
    for device in shop.devices:
        if not device.all_events:
            device.limit_events.add(concert)
    make_orders(stocks, 270)
    for stock in stocks:
        dress_orders(stock)
    move_date(stocks[1], MODIFIED_TOGETHER)
    use_gift_cards(shop)
    tokens |= make_teams(shop, user, concert)
    make_exports(shop, concert, user)
    make_bank_imports(shop, concert)
    make_webhooks(shop, concert)
    return shop, tokens


def make_lantern(user: User) -> dict[str, str]:
    shop = make_shop("lantern", "Théâtre à la lanterne")
    token = full_access(shop)
    shop.organizer.teams.get().members.add(user)
    events = bare_events(shop, 125)
    make_orders([small_stock(shop, event) for event in events[:3]], 9)
    return {"lantern": token}


def make_meadow(user: User) -> tuple[Shop, dict[str, str]]:
    """Whatever is unique only inside an organizer is here as it is in `harbour`."""
    shop = make_shop("meadow", "Wiesenfest & Co.")
    token = full_access(shop)
    shop.organizer.teams.get().members.add(user)
    make_customers(shop, 5)
    make_devices(shop)
    stocks = [
        small_stock(shop, make_event(shop, "concert", text("Meadow concert", "Wiesenkonzert"))),
        small_stock(shop, make_event(shop, "workshop.2041_a", text("Scythes for beginners"))),
    ]
    make_orders(stocks, 30)
    return shop, {"meadow": token}


def access_token(user: User, organizers: list[Organizer]) -> str:
    application = OAuthApplication.objects.create(
        user=user, name="Tests", redirect_uris="https://app.example/", client_type="confidential"
    )
    token = OAuthAccessToken.objects.create(
        user=user,
        application=application,
        token=secret(40),
        scope="read",
        expires=now() + timedelta(days=3650),
    )
    token.organizers.set(organizers)
    return str(token.token)


def fill() -> dict[str, Any]:
    user = User.objects.create_user("reader@mail.example", "!", fullname="Alva Quill")
    harbour, tokens = make_harbour(user)
    tokens |= make_lantern(user)
    meadow, token = make_meadow(user)
    tokens |= token
    attic = make_shop("attic", "Nothing here yet")
    tokens["attic"] = full_access(attic)
    attic.organizer.teams.get().members.add(user)
    if has(GiftCardAcceptance, "acceptor"):
        GiftCardAcceptance.objects.create(issuer=harbour.organizer, acceptor=meadow.organizer, active=True)
    organizers = list(Organizer.objects.order_by("slug"))
    # One organizer is left out, so that "what the token sees" and "what there is" are not the same.
    tokens["oauth"] = access_token(user, [row for row in organizers if row.slug != "attic"])
    return {
        "tokens": tokens,
        "organizers": [row.slug for row in organizers],
        "limited_to": "concert",
        "modified_together": MODIFIED_TOGETHER,
    }


def fill_more(options: argparse.Namespace) -> dict[str, Any]:
    # Numbers that are unique on the whole server have to be others than in the call before.
    random.seed(options.organizer)
    shop = make_shop(options.organizer, f"Large house {options.organizer}")
    token = full_access(shop)
    events = bare_events(shop, options.events)
    stocks = [small_stock(shop, event) for event in events[: options.selling]]
    make_orders(stocks, options.orders)
    if options.tax_rules:
        tax_rules(events[0], options.tax_rules)
    return {"tokens": {options.organizer: token}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organizer", help="slug of one more organizer to make")
    parser.add_argument("--events", type=int, default=1, help="how many events it has")
    parser.add_argument("--selling", type=int, default=3, help="how many of them have products and orders")
    parser.add_argument("--orders", type=int, default=0, help="how many orders they have together")
    parser.add_argument("--tax-rules", type=int, default=0, help="how many more tax rules the first event has")
    options = parser.parse_args()
    leave_out_unknown_fields()
    answer = fill_more(options) if options.organizer else fill()
    answer["left_out"] = what_was_left_out()
    # Now and not when the server gets around to it, so that its plans are the same in every run.
    with connection.cursor() as cursor:
        cursor.execute("analyze")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
