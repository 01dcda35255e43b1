"""pretix's own settings, except for what would leave this machine."""
# mypy: ignore-errors

from pretix.settings import *  # noqa: F403

EMAIL_BACKEND = EMAIL_CUSTOM_SMTP_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
# Nobody logs in, and a slow hash would be most of the time that members take to make.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
