"""Lets a user allow an application, as the page for that does: `oauth.py --organizer harbour --organizer meadow`.

Run by pretix's interpreter. Prints the application's id and secret, and the tokens that it gets, as JSON.
"""
# mypy: ignore-errors

from __future__ import annotations

import argparse
import json
import secrets
from datetime import timedelta

from django.utils.timezone import now
from pretix.api.models import OAuthAccessToken, OAuthApplication, OAuthRefreshToken
from pretix.base.models import Organizer, User


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", default="reader@mail.example")
    parser.add_argument("--organizer", action="append", default=[])
    options = parser.parse_args()
    user = User.objects.get(email=options.user)
    secret = secrets.token_hex(32)
    application = OAuthApplication.objects.create(
        user=user,
        name="A tap",
        redirect_uris="https://app.example/",
        client_type="confidential",
        authorization_grant_type="authorization-code",
        client_secret=secret,
    )
    access = OAuthAccessToken.objects.create(
        user=user, application=application, token=secrets.token_hex(20), scope="read", expires=now() + timedelta(days=1)
    )
    access.organizers.set(Organizer.objects.filter(slug__in=options.organizer))
    refresh = OAuthRefreshToken.objects.create(
        user=user, application=application, token=secrets.token_hex(20), access_token=access
    )
    told = {
        "client_id": application.client_id,
        "client_secret": secret,
        "access_token": access.token,
        "refresh_token": refresh.token,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
