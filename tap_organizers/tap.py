"""The tap: its settings, and how streams, scope and access are put together."""

from __future__ import annotations

import functools
import typing as t

from singer_sdk import typing as th

from rest_tap.account import Account
from rest_tap.auth import HeaderToken, SessionLogin
from rest_tap.errors import ApiError, CredentialRefused, Forbidden
from rest_tap.limiter import RateLimiter
from rest_tap.request import Request
from rest_tap.retry import TRANSIENT, RetryPolicy
from rest_tap.settings import GENERIC, Services, service_setting, setting, shared_settings
from rest_tap.tap import RestTap
from rest_tap.times import parse_time
from tap_organizers import oauth
from tap_organizers.access import OrganizersAccess, as_refused, unknown_names
from tap_organizers.accounts import BY_OAUTH, wrong_tokens
from tap_organizers.extra import SETTING as EXTRA_STREAMS
from tap_organizers.extra import extra_streams
from tap_organizers.incremental import OVERLAP_SECONDS
from tap_organizers.scope import SWEEP_AFTER_DAYS, Scope
from tap_organizers.streams import STREAMS
from tap_organizers.streams.catalog import SeriesDates
from tap_organizers.tree import build_tree

if t.TYPE_CHECKING:
    from rest_tap.outcome import Ending
    from rest_tap.report import Report
    from rest_tap.tree import Node
    from tap_organizers.accounts import Token
    from tap_organizers.client import OrganizersStream


SERVICES: Services = {
    GENERIC: {"auth_header": "api_key", "auth_prefix": ""},
    "pretix": {"auth_header": "Authorization", "auth_prefix": "Token"},
}


class TapOrganizers(RestTap):
    """Organizers, their events and everything below, from an API of pretix's shape."""

    name = "tap-organizers"
    services = SERVICES
    credential_groups = (("api_token",), ("api_tokens",), oauth.SETTINGS)
    bookmark_levels: t.ClassVar[t.Mapping[str, int]] = {"organizers": 1, "events": 2}
    #: The service is known to answer 400 to what it answers well a moment later, but not for long.
    retry_policy: t.ClassVar[RetryPolicy] = RetryPolicy(
        statuses=TRANSIENT | {400, 408, 409, 425}, max_retries_for={400: 3}
    )

    config_jsonschema: t.ClassVar[dict[str, t.Any]] = th.PropertiesList(
        setting(
            "api_url",
            th.StringType,
            "API URL",
            "Where the API begins, e.g. https://pretix.eu/api/v1 or the same on your own server.",
            required=True,
        ),
        setting(
            "api_token",
            th.StringType,
            "API token",
            "The token that the API is read with; made in the backend, for pretix under a team.",
            secret=True,
        ),
        setting(
            "api_tokens",
            th.CustomType(
                {
                    "type": ["array", "object", "null"],
                    "items": {"type": "string"},
                    "additionalProperties": {"type": "string"},
                }
            ),
            "API tokens",
            "Tokens of several accounts, each asked for its organizers: a list of tokens, or an object of organizers' "
            "slugs and their tokens; as JSON in the environment. What several see is read once.",
            secret=True,
        ),
        setting(
            "client_id",
            th.StringType,
            "OAuth client ID",
            "With client_secret and refresh_token, in place of a token or beside it: reads what a user has allowed an "
            "application of pretix's OAuth.",
            secret=True,
        ),
        setting(
            "client_secret",
            th.StringType,
            "OAuth client secret",
            "The secret of that application.",
            secret=True,
        ),
        setting(
            "refresh_token",
            th.StringType,
            "OAuth refresh token",
            "The refresh token that the application got. Each use ends the access token that was made with it before, "
            "so that only one run at a time can read with it.",
            secret=True,
        ),
        service_setting(
            SERVICES,
            "The service behind the API: 'pretix' sets auth_header and auth_prefix. Values that you give yourself win.",
        ),
        setting(
            "auth_header",
            th.StringType,
            "Authentication header",
            "Request header that carries the token. If not set, 'api_key', or 'Authorization' for pretix.",
        ),
        setting(
            "auth_prefix",
            th.StringType,
            "Word before the token",
            "Word before the token in the header, such as 'Bearer' for OAuth. If not set, none, or 'Token' for pretix. "
            "A space follows by itself.",
        ),
        setting(
            "organizers",
            th.ArrayType(th.StringType),
            "Organizers",
            "Slugs of the organizers to read; all that the credential sees if not set.",
        ),
        setting(
            "events",
            th.ArrayType(th.StringType),
            "Events",
            "Slugs of the events to read, as 'event' or 'organizer/event'; all if not set.",
        ),
        setting(
            "events_ended_after",
            th.DateTimeType,
            "Events that ended after",
            "Leave the lists below events alone that ended before this time; the events "
            "themselves, and event series, are always read.",
        ),
        setting(
            "on_denied",
            th.StringType(allowed_values=["fail", "skip"]),
            "On a denied list",
            "How a run ends that has read all lists but those that the credential may not read: 'fail' with "
            "exit status 1, 'skip' with 0. Both name the permissions that are missing.",
            default="fail",
        ),
        setting(
            "shard_events_of",
            th.ArrayType(th.StringType),
            "Organizers to share by event",
            "Slugs of large organizers whose events are divided among the shards; '*' for all. Other "
            "organizers are read by one shard each.",
        ),
        setting(
            "overlap_seconds",
            th.IntegerType(minimum=0, maximum=366 * 86_400),
            "Overlap",
            "Seconds before the last run's time that incremental streams begin at, since rows are "
            "stamped a while before they can be seen. Rows in it come twice.",
            default=OVERLAP_SECONDS,
        ),
        setting(
            "sweep_after_days",
            th.IntegerType(minimum=0, maximum=36_600),
            "Sweep past events",
            "Days after its end from which what is below an event is read by the sweep alone, with sweep_days; "
            "before, and below a series of dates, in every run.",
            default=SWEEP_AFTER_DAYS,
        ),
        setting(
            EXTRA_STREAMS,
            th.CustomType({"type": ["array", "null"], "items": {}}),
            "Extra streams",
            "More lists to read, each declared by an object with its name, path, primary_keys and more.",
        ),
        *shared_settings(),
    ).to_dict()

    def wrong_settings(self) -> t.Iterator[str]:
        """Yield what is wrong with the settings, such as what only looks like a date."""
        yield from super().wrong_settings()
        for name in ("events_ended_after", "start_date"):
            if self.config.get(name) is not None and parse_time(self.config[name]) is None:
                yield f"setting {name} is not a date and time such as 2026-01-31T00:00:00Z"
        yield from wrong_tokens(self.config)

    def make_accounts(self) -> list[Account]:
        """Return an account for each token."""
        return [self._account(token) for token in self.scope.accounts.tokens.values()]

    def _account(self, token: Token) -> Account:
        """Return the account of one token."""
        limiter = RateLimiter(self.requests_per_minute)
        if token.name == BY_OAUTH:
            login = SessionLogin(
                lambda: oauth.access_token(self.http, token.name, self.config),
                None,
                *(str(self.config[name]).strip() for name in oauth.SETTINGS),
            )
            return Account(login, limiter, name=token.name, settings=" and ".join(oauth.SETTINGS))
        prefix = str(self.config["auth_prefix"]).strip()
        header = HeaderToken(self.config["auth_header"], f"{prefix} " if prefix else "", token.value)
        return Account(header, limiter, name=token.name, settings=f"{token.name} (and auth_header, auth_prefix)")

    @property
    def shards_of_account(self) -> int:
        """Return how many shards read with one account, whose limit is that of one organizer.

        Shards that read different organizers do not share one; those that divide an
        organizer's events do.
        """
        return super().shards_of_account if self.config.get("shard_events_of") else 1

    @functools.cached_property
    def scope(self) -> Scope:
        """Return what the settings choose."""
        return Scope(self.config)

    @property
    def sweep_scope(self) -> str | None:
        """Return what names the filters of the settings; None for a shard."""
        return self.scope.filters if super().sweep_scope is not None else None

    def discover_streams(self) -> list[OrganizersStream]:
        """Return all streams; needs neither network nor credentials."""
        return [stream(self, self.bookmarks, self.scope) for stream in self.stream_types]

    @functools.cached_property
    def stream_types(self) -> tuple[type[OrganizersStream], ...]:
        """Return the classes of all streams: those of the code, and those that the settings declare.

        Raises:
            ConfigValidationError: A declaration is wrong.
        """
        return (*STREAMS, *extra_streams(self.config.get(EXTRA_STREAMS) or (), str(self.config.get("api_url"))))

    def build_tree(self) -> list[Node]:
        """Return which stream is read below which, for what is selected."""
        streams = {stream.name: stream for stream in self.streams_in_order(self.stream_types)}
        return build_tree(streams, SeriesDates(self, self.bookmarks, self.scope), self.scope)

    def make_access(self, report: Report, failing: t.Iterable[Ending]) -> OrganizersAccess:
        """Return what judges the errors of lists in a run."""
        events = t.cast("OrganizersStream", self.streams["events"])
        return OrganizersAccess(report, failing, self.ask, self.scope, events)

    def owns(self, *keys: str) -> bool:
        """Return whether this run reads the list of an organizer, or of an organizer's event."""
        return self.scope.owns(*keys)

    def check_connection(self) -> None:
        """Log what the credential sees.

        Raises:
            ApiError: The address, the credential or the settings are wrong.
        """
        stream = t.cast("OrganizersStream", self.streams["organizers"])
        seen: dict[str, list[str]] = {}
        refused: list[ApiError] = []
        is_only = len(self.scope.accounts.tokens) == 1
        for account in self.scope.accounts.tokens:
            request = Request(stream.list_path({}), stream=stream.name, account=account)
            try:
                page = self.ask(request, stream.read)
                seen[account] = [str(row["slug"]) for row in page.rows]
            except CredentialRefused as error:
                refused.append(error)
            except Forbidden as error:
                refused.append(error if is_only else as_refused(error, account))
        if not seen:
            raise refused[0]
        for unknown in unknown_names("organizers", self.scope.organizers, set().union(*seen.values())):
            raise unknown
        version = t.cast("OrganizersAccess", self.run.access).server_version(next(iter(seen)))
        connected = f"connected to pretix {version}" if version else "connected"
        sees = {
            account: f"sees organizer {', '.join(slugs)}" if slugs else "sees no organizer"
            for account, slugs in seen.items()
        }
        if is_only:
            self.logger.info("%s; the credential %s", connected, *sees.values())
            return
        self.logger.info("%s; %d of %d tokens work", connected, len(seen), len(seen) + len(refused))
        for account, what in sees.items():
            self.logger.info("%s: %s", account, what)
        for refusal in refused:
            self.logger.warning("%s", refusal)
