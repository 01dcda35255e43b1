"""The settings that both taps take; `make docs` writes them into `docs/settings.md`, `meltano.yml` and `hub/`."""

from __future__ import annotations

import typing as t

from singer_sdk import typing as th

#: What each value of the setting ``service`` gives to other settings.
Services = t.Mapping[str, t.Mapping[str, t.Any]]
#: The service that is none in particular, and the default.
GENERIC = "generic"


def setting(
    name: str,
    kind: th.JSONTypeHelper[t.Any] | type[th.JSONTypeHelper[t.Any]],
    title: str,
    description: str,
    **facts: t.Any,
) -> th.Property[t.Any]:
    """Return a setting; title and description are what every listing shows.

    No setting is a JSON ``number``: Meltano Hub makes an integer of it.
    """
    return th.Property(name, kind, title=title, description=description, **facts)


def service_setting(services: Services, description: str) -> th.Property[t.Any]:
    """Return the setting that chooses one of the services.

    The settings that a service gives values to must not have a default of their own: Meltano
    passes defaults on as if the user had given them, and what the user gives wins.
    """
    return setting("service", th.StringType(allowed_values=list(services)), "Service", description, default=GENERIC)


def with_service(services: Services, config: t.Mapping[str, t.Any], service: object = None) -> dict[str, t.Any]:
    """Return the settings, with the values of the service for those that are not set."""
    return {**services.get(str(service or GENERIC), {}), **config}


def shared_settings() -> list[th.Property[t.Any]]:
    """Return the settings that are about the network and the run, not about an API."""
    return [
        setting(
            "start_date",
            th.DateTimeType,
            "Start date",
            "Earliest time to read incremental streams from on a first run; everything if not set. "
            "Never used in place of a cursor.",
        ),
        setting(
            "progress",
            th.BooleanType,
            "Progress",
            "Whether to log how far the run is every few seconds, and a table at its end.",
            default=True,
        ),
        setting(
            "on_error",
            th.StringType(allowed_values=["fail", "skip"]),
            "On a list that cannot be read",
            "How a run ends that has read all lists but some: 'fail' with exit status 1, 'skip' with 0. Both "
            "log the lists that are missing, and leave their bookmarks for the next run.",
            default="fail",
        ),
        setting(
            "personal_data",
            th.BooleanType,
            "Personal data",
            "Whether to read fields about people: names, addresses, answers. If false they are left "
            "out, and with them all that no schema names, at any depth, whatever the catalog selects.",
            default=True,
        ),
        setting(
            "emit_activate_version_messages",
            th.BooleanType,
            "Activate versions",
            "Whether to send ACTIVATE_VERSION for streams that are read in full. Loaders delete, or mark as "
            "deleted, what the run has not read.",
            default=False,
        ),
        setting(
            "user_agent",
            th.StringType,
            "User agent",
            "Value of the User-Agent header; the tap's name and version if not set.",
        ),
        setting(
            "request_timeout",
            th.IntegerType(minimum=1, maximum=86_400),
            "Request timeout",
            "Seconds without a byte after which a connection counts as broken. A whole answer may take "
            "ten times as long.",
            default=60,
        ),
        setting(
            "max_concurrency",
            th.IntegerType(minimum=1, maximum=64),
            "Requests at once",
            "Requests in flight at once, over all streams; 1 reads strictly one after the other.",
            default=8,
        ),
        setting(
            "requests_per_minute",
            th.IntegerType(minimum=1, maximum=1_000_000),
            "Requests per minute",
            "Requests are spread evenly so that no more than this many go out in a minute, for each account. "
            "No limit if not set.",
        ),
        setting(
            "shard_index",
            th.IntegerType(minimum=0, maximum=1_000_000),
            "Shard",
            "Number of this run, from 0, where several runs share the work.",
            default=0,
        ),
        setting(
            "shard_count",
            th.IntegerType(minimum=1, maximum=1_000_000),
            "Shards",
            "How many runs share the work. Each list is read by exactly one of them.",
            default=1,
        ),
        setting(
            "max_page_megabytes",
            th.IntegerType(minimum=1, maximum=1_000_000),
            "Largest page",
            "Memory that one answer may take as text and decoded, in megabytes; a larger one is refused.",
            default=96,
        ),
        setting(
            "sweep_days",
            th.IntegerType(minimum=1, maximum=366),
            "Sweep",
            "Days in which everything is read from its beginning once, a part of it in each run, so that deletions "
            "and changes that no filter shows arrive. No sweep if not set.",
        ),
        setting(
            "max_runtime_seconds",
            th.IntegerType(minimum=1, maximum=366 * 86_400),
            "Time budget",
            "Seconds after which the run ends in order, with its state written; the next run goes "
            "on from there. No limit if not set.",
        ),
    ]
