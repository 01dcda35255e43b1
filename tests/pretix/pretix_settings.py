"""pretix's own settings, except for what would leave this machine."""
# mypy: ignore-errors

import os

import django
from pretix.settings import *  # noqa: F403

EMAIL_BACKEND = EMAIL_CUSTOM_SMTP_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
# Nobody logs in, and a slow hash would be most of the time that members take to make.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


class _NoMigrations:
    """Says of every app that it has no migrations."""

    def __contains__(self, app: str) -> bool:
        return True

    def __getitem__(self, app: str) -> None: ...


if os.environ.get("PRETIX_IS_OLDER"):
    # Tables are made from the models as they are, in seconds. pretix's own tests do the same.
    MIGRATION_MODULES = _NoMigrations()
# The page that 4.16 answers to an unknown path shows styles that nobody has built.
if django.VERSION < (4,):
    STATICFILES_STORAGE = "django.contrib.staticfiles.storage.StaticFilesStorage"
    COMPRESS_ENABLED = False
    COMPRESS_PRECOMPILERS = ()
