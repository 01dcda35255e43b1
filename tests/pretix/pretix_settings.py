"""pretix's own settings, except for what would leave this machine."""
# mypy: ignore-errors

import os

from pretix.settings import *  # noqa: F403

EMAIL_BACKEND = EMAIL_CUSTOM_SMTP_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
# Nobody logs in, and a slow hash would be most of the time that members take to make.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


class _NoMigrations:
    """Says of every app that it has no migrations."""

    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None: ...


# Tables are then made from the models as they are, in seconds. pretix's own tests do the same.
if os.environ.get("PRETIX_WITHOUT_MIGRATIONS"):
    MIGRATION_MODULES = _NoMigrations()
