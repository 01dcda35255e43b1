"""Prints what `tools/inside_pretix.py` does, of a pretix with a list and some fields that no pretix has."""
# mypy: ignore-errors

import importlib.util
from pathlib import Path

INSIDE = Path(__file__).resolve().parents[2] / "tools" / "inside_pretix.py"


def main() -> None:
    spec = importlib.util.spec_from_file_location("inside_pretix", INSIDE)
    inside = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(inside)
    lists = inside.lists
    inside.lists = lambda: doctor() or lists()
    inside.main()


def doctor() -> None:
    from django.urls import include, re_path
    from pretix.api import urls
    from pretix.api.serializers.discount import DiscountSerializer
    from pretix.api.serializers.item import QuotaSerializer
    from rest_framework import routers, serializers, viewsets

    DiscountSerializer._declared_fields["colour"] = serializers.CharField()
    DiscountSerializer.Meta.fields = (*DiscountSerializer.Meta.fields, "colour")
    QuotaSerializer._declared_fields["closed"] = serializers.CharField()
    QuotaSerializer.Meta.fields = tuple(name for name in QuotaSerializer.Meta.fields if name != "size")

    class ExhibitorSerializer(serializers.Serializer):
        id = serializers.IntegerField()
        name = serializers.CharField()

    class ExhibitorViewSet(viewsets.ReadOnlyModelViewSet):
        serializer_class = ExhibitorSerializer
        permission = "event.exhibitors:read"

    router = routers.DefaultRouter()
    router.register("exhibitors", ExhibitorViewSet, basename="exhibitors")
    prefix = r"^organizers/(?P<organizer>[^/]+)/events/(?P<event>[^/]+)/"
    urls.urlpatterns.append(re_path(prefix, include(router.urls)))


if __name__ == "__main__":
    main()
