"""Prints the lists of an installed pretix as JSON: their paths, permissions, filters and fields.

It is run by pretix's interpreter, by itself, and needs no database: see :mod:`tools.watch_pretix`.
"""
# mypy: ignore-errors

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
import typing as t
from pathlib import Path
from unittest.mock import MagicMock

Fields = dict[str, t.Any]


def main() -> None:
    """Print what :func:`lists` returns."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "pretix.cfg"
        config.write_text(f"[pretix]\ndatadir={folder}\n")
        os.environ |= {"PRETIX_CONFIG_FILE": str(config), "DJANGO_SETTINGS_MODULE": "pretix.settings"}
        with contextlib.redirect_stdout(sys.stderr):
            import django

            django.setup()
            from django.db.models import QuerySet
            from django_scopes import scopes_disabled

            # Some serializers choose rows by what they are given, which are no real objects here.
            QuerySet._filter_or_exclude = lambda rows, *_, **__: rows  # noqa: SLF001
            with scopes_disabled():
                found = lists()
        json.dump(found, sys.stdout)


def lists() -> dict[str, t.Any]:
    """Return each path below an organizer that answers GET with a list, or with an object."""
    from pretix.api.urls import urlpatterns

    found = {}
    for pattern, callback in _walk(urlpatterns):
        view, actions = getattr(callback, "cls", None), getattr(callback, "actions", None)
        is_list = actions.get("get") == "list" if actions else hasattr(view, "get")
        # Each list has a second path for another format; and each router one for itself.
        if not is_list or "(?P<format>" in pattern or view.__name__ == "APIRootView":
            continue
        path = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^)]*\))*\)", r"{\1}", pattern).replace("^", "").replace("$", "")
        if path.startswith("organizers/"):
            found[f"/{path.rstrip('/')}"] = {
                "view": view.__name__,
                "permission": _permission(view),
                "filters": sorted(getattr(getattr(view, "filterset_class", None), "base_filters", ())),
                "fields": _fields_of_view(view),
            }
    return found


def _walk(patterns: list[t.Any], prefix: str = "") -> t.Iterator[tuple[str, t.Any]]:
    for pattern in patterns:
        here = f"{prefix}{pattern.pattern}"
        if hasattr(pattern, "url_patterns"):
            yield from _walk(pattern.url_patterns, here)
        else:
            yield here, pattern.callback


def _permission(view: type) -> str | None:
    named = getattr(view, "permission", None)
    return named if named is None or isinstance(named, str) else " or ".join(named)


class _Context(dict):
    """Has whatever a serializer asks for, so that it shows all of its fields."""

    def __missing__(self, key: str) -> MagicMock:
        return MagicMock()

    def get(self, key: str, default: t.Any = None) -> t.Any:
        return default if key in {"include", "exclude", "expand"} else MagicMock()


def _fields_of_view(view: type) -> Fields | None:
    """Return the fields of a view's rows; None for a view that makes its rows itself."""
    serializer = getattr(view, "serializer_class", None)
    if serializer is None:
        return None
    given = {}
    while True:
        try:
            return _fields(serializer(instance=MagicMock(), context=_Context(), **given))
        except KeyError as missing:  # noqa: PERF203 - an argument that the view would give
            if missing.args[0] in given:
                raise
            given[missing.args[0]] = MagicMock()


def _fields(serializer: t.Any) -> Fields:
    found = {}
    for name, field in serializer.fields.items():
        if field.write_only:
            continue
        inner = getattr(field, "child", field)
        found[name] = {"type": _type(field)}
        if hasattr(inner, "fields"):
            found[name]["fields"] = _fields(inner)
    return found


def _type(field: t.Any) -> str | None:
    """Return the JSON type of a field's values; None where that depends on the row."""
    from rest_framework import serializers as s

    kinds = {
        "boolean": s.BooleanField,
        "integer": (s.IntegerField, s.PrimaryKeyRelatedField),
        "number": s.FloatField,
        "array": (s.ListField, s.ManyRelatedField, s.ListSerializer, s.MultipleChoiceField),
        "object": (s.BaseSerializer, s.DictField),
        "string": (
            *(s.CharField, s.ChoiceField, s.DateField, s.DateTimeField, s.DecimalField),
            *(s.FileField, s.TimeField, s.UUIDField),
        ),
    }
    return next((name for name, classes in kinds.items() if isinstance(field, classes)), None)


if __name__ == "__main__":
    main()
