"""The tap: its settings, its streams, and what happens on a list that may not be read."""

from __future__ import annotations

import functools
import typing as t

from singer_sdk import typing as th
from singer_sdk.exceptions import ConfigValidationError

from rest_tap.auth import HeaderToken
from rest_tap.errors import ApiError, Denied, NotThere
from rest_tap.request import Request, fill_path
from rest_tap.settings import GENERIC, Services, service_setting, setting, shared_settings
from rest_tap.shards import Shards
from rest_tap.state import Bookmarks
from rest_tap.tap import RestTap
from rest_tap.times import parse_time
from tap_organizers.sight import ONE_ROW, Sight
from tap_organizers.streams import STREAMS
from tap_organizers.streams.catalog import SeriesDates
from tap_organizers.streams.parents import AllEventsStream

if t.TYPE_CHECKING:
    import datetime as dt

    from singer_sdk import Stream

    from rest_tap.client import Context
    from tap_organizers.client import OrganizersStream
    from tap_organizers.streams.sales import OrderMoneyStream


SERVICES: Services = {
    GENERIC: {"auth_header": "api_key", "auth_prefix": ""},
    "pretix": {"auth_header": "Authorization", "auth_prefix": "Token"},
}


class TapOrganizers(RestTap):
    """Organizers, their events and everything below, from an API of pretix's shape."""

    name = "tap-organizers"
    services = SERVICES

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
            required=True,
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
            "What to do about a list that the credential may not read: 'fail' ends the run and "
            "names the missing permission, 'skip' goes on, with a warning and a summary.",
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
            default=300,
        ),
        *shared_settings(),
    ).to_dict()

    def __init__(self, **kwargs: t.Any) -> None:
        """Take the settings, and start with nothing denied."""
        self._organizers_seen: set[str] = set()
        self._absent: set[str] = set()
        self._gone: dict[tuple[str, str], bool] = {}
        self._withheld: dict[tuple[str | None, ...], Denied | None] = {}
        #: What the credential sees, as far as known.
        self.sight = Sight(self)
        #: Events that are series of dates, by organizer and slug, as far as read.
        self.series: set[tuple[str, str]] = set()
        self._is_arranged = False
        super().__init__(**kwargs)

    def check_config(self) -> None:
        """Check the address and what only looks like a date.

        Raises:
            ConfigValidationError: Naming the setting.
        """
        errors = []
        url = str(self.config["api_url"])
        if not url.startswith(("https://", "http://")):
            errors.append("setting api_url must begin with https:// (or http://)")
        errors += [
            f"setting {name} is not a date and time such as 2026-01-31T00:00:00Z"
            for name in ("events_ended_after", "start_date")
            if self.config.get(name) is not None and parse_time(self.config[name]) is None
        ]
        if not str(self.config["api_token"]).strip():
            errors.append("setting api_token is empty")
        if self.config["shard_index"] >= self.config["shard_count"]:
            errors.append("setting shard_index must be less than shard_count (it counts from 0)")
        if errors:
            raise ConfigValidationError(errors[0], errors=errors, schema={})

    @property
    def credential_settings(self) -> str:
        """Return the names of the settings to look at if the token is refused."""
        return "api_token (and auth_header, auth_prefix)"

    def make_auth(self) -> HeaderToken:
        """Return what puts the token into requests."""
        prefix = str(self.config["auth_prefix"]).strip()
        return HeaderToken(
            self.config["auth_header"],
            f"{prefix} " if prefix else "",
            str(self.config["api_token"]).strip(),
        )

    @property
    def requests_per_minute(self) -> int | None:
        """Return this run's part of the limit, which is one organizer's account's.

        Shards that read different organizers do not share one; those that divide an
        organizer's events do.
        """
        limit = self.config.get("requests_per_minute")
        if limit is None or not self.config.get("shard_events_of"):
            return limit
        return max(1, int(limit) // int(self.config["shard_count"]))

    def discover_streams(self) -> list[OrganizersStream]:
        """Return all streams; needs neither network nor credentials."""
        return [stream(self) for stream in STREAMS]

    @property
    def streams(self) -> dict[str, Stream]:
        """Return all streams by name, each below the stream whose rows or lists it needs."""
        streams = super().streams
        if not self._is_arranged:
            self._is_arranged = True
            self._arrange(streams)
        return streams

    def _arrange(self, streams: t.Mapping[str, Stream]) -> None:
        """Put streams where this run reads them from, which settings and catalog decide."""
        organizers, events, orders = (streams[name] for name in ("organizers", "events", "orders"))
        payments, refunds = (t.cast("OrderMoneyStream", streams[name]) for name in ("order_payments", "order_refunds"))
        level = organizers
        if self.config.get("events"):
            # Lists of all events would be read for a few of them: each has its own as well.
            level = events
            for stream in list(organizers.child_streams):
                if isinstance(stream, AllEventsStream):
                    organizers.child_streams.remove(stream)
                    events.child_streams.append(stream)
        for money in (payments, refunds):
            if money.replication_method == "INCREMENTAL":
                level.child_streams.remove(money)
                money.ride_with(orders)
        if {payments.replication_method, refunds.replication_method} == {"FULL_TABLE"} and (payments.selected):
            level.child_streams.remove(refunds)
            refunds.ride_with(payments)
        dates = SeriesDates(self)
        dates.child_streams.append(streams["seats"])
        events.child_streams.append(dates)

    # What the settings choose

    def wants_organizer(self, slug: object) -> bool:
        """Return whether this organizer shall be read; remember that it exists."""
        self._organizers_seen.add(str(slug))
        wanted = self.config.get("organizers")
        return not wanted or slug in wanted

    def check_organizers(self) -> None:
        """Check, after the list of organizers, that all in the settings were in it.

        Raises:
            ApiError: One was not; nothing of it could have been read.
        """
        missing = sorted(set(self.config.get("organizers") or ()) - self._organizers_seen)
        if missing:
            msg = (
                f"organizer {', '.join(missing)} of the setting organizers is not among those "
                "that the credential sees (a team token sees one organizer only)"
            )
            raise ApiError(msg, stream="organizers")

    def wants_event(self, organizer: object, slug: object) -> bool:
        """Return whether this event shall be read."""
        wanted = self.config.get("events")
        return not wanted or slug in wanted or f"{organizer}/{slug}" in wanted

    @property
    def events_ended_after(self) -> dt.datetime | None:
        """Return the end before which an event's lists are left alone."""
        return parse_time(self.config.get("events_ended_after"))

    # What is this shard's

    @functools.cached_property
    def shards(self) -> Shards:
        """Return which part of the work is this run's."""
        return Shards(self.config["shard_index"], self.config["shard_count"])

    def owns(self, organizer: object, event: object = None) -> bool:
        """Return whether this run reads an organizer's lists, or those of an event."""
        divided = self.config.get("shard_events_of") or ()
        if event is not None and (organizer in divided or "*" in divided):
            return self.shards.owns(str(organizer), str(event))
        return self.shards.owns(str(organizer))

    def reads_below(self, organizer: object) -> bool:
        """Return whether this run has anything to read below an organizer."""
        divided = self.config.get("shard_events_of") or ()
        return self.owns(organizer) or organizer in divided or "*" in divided

    def load_state(self, state: dict[str, t.Any]) -> None:
        """Take the bookmarks of an earlier run, as far as they are this shard's.

        What others own is dropped: merged after their run, it would set theirs back.

        Raises:
            ConfigValidationError: The state is not one.
        """
        super().load_state(state)
        if self.config["shard_count"] == 1:
            return
        for stream in self.state.get("bookmarks", {}):
            organizers, events = (Bookmarks(self.state, stream, level) for level in ("organizers", "events"))
            for organizer in organizers.names():
                if not self.owns(organizer):
                    organizers.drop(organizer)
            for organizer, known in events.items():
                for event in list(known) if isinstance(known, dict) else ():
                    if not self.owns(organizer, event):
                        del known[event]

    # Lists that cannot be read

    @functools.cached_property
    def server_version(self) -> str:
        """Return the version that a pretix server tells, or an empty text for other servers."""
        try:
            body = self.ask(Request("/version", is_list=False, stream="version"))
        except ApiError:
            return ""
        return str(body.get("pretix") or "") if isinstance(body, dict) else ""

    def is_gone(self, context: Context) -> bool:
        """Return whether the event of a list does not exist (any more).

        A deleted event answers 403 below itself, like one that never existed and like a
        permission that is missing (docs/pretix.md, "Errors"): only asking for the event tells.

        Raises:
            ApiError: Its organizer is not there either: it is the credential that may read
                nothing any more.
        """
        event = (str(context.get("organizer")), str(context.get("event")))
        if event not in self._gone:
            path = fill_path("/organizers/{organizer}/events/{event}", context)
            try:
                self.ask(Request(path, stream="events"))
            except (Denied, NotThere):
                self.ask(Request(fill_path("/organizers/{organizer}", context), stream="organizers"))
                self.logger.warning("event %s/%s is gone; nothing below it is read", *event)
                self._gone[event] = True
            else:
                self._gone[event] = False
        return self._gone[event]

    def denied(self, stream: OrganizersStream, error: Denied, context: Context) -> bool:
        """Return whether to go on without a denied list.

        Raises:
            Denied: With the permission that is missing, if the settings say to fail.
        """
        if "event" in context and self.is_gone(context):
            return True
        needed = (
            f"it takes the permission {stream.permission} ({stream.permission_before} before pretix 2026.3)"
            if stream.permission
            else f"the credential has no access to {' '.join(map(str, context.values()))}"
            if context
            else "the credential may not read it"
        )
        if self.config["on_denied"] == "fail" and stream.ABORT_AT_RECORD_COUNT is None:
            msg = f"{error.reason}; {needed}. Set on_denied to 'skip' to read the rest"
            raise Denied(msg, stream=stream.name, path=error.path, status=error.status) from None
        if "event" in context:
            self.sight.add_denied(stream, context)
        if stream.name not in self.run.progress.denied:
            self.logger.warning("%s: skipped, denied; %s", stream.name, needed)
        self.run.progress.denied[stream.name] += 1
        return True

    def is_withheld(self, stream: OrganizersStream, witness: str, context: Context) -> bool:
        """Return whether a list is empty because the credential may not read its rows.

        Such a list answers 200; another list of an event says so, and is asked for once for
        each organizer (or event) and permission.

        Args:
            stream: The stream of the list.
            witness: Path of a list of one event that takes the same permission and is denied.
            context: The context of the list.

        Raises:
            Denied: It is, and the settings say to fail.
        """
        place = (context["organizer"], context.get("event"), stream.permission)
        if place not in self._withheld:
            self._withheld[place] = self._refusal(stream, witness, context)
        refusal = self._withheld[place]
        return refusal is not None and self.denied(stream, refusal, context)

    def _refusal(self, stream: OrganizersStream, witness: str, context: Context) -> Denied | None:
        """Return what the API says to a list of one event, if that is no."""
        event = context.get("event")
        try:
            event = event or self.sight.an_event(context)
            if event is not None:
                path = fill_path(witness, {**context, "event": event})
                self.ask(Request(path, ONE_ROW, stream=stream.name), stream.read)
        except Denied as error:
            # Without an event it is the events themselves that may not be listed.
            return None if event and self.is_gone({**context, "event": event}) else error
        except NotThere:  # A server without that list, or the event has gone.
            pass
        return None

    def is_absent(self, stream: OrganizersStream) -> bool:
        """Return whether it is known that this server does not have a stream's lists."""
        return stream.name in self._absent

    def not_there(self, stream: OrganizersStream, error: NotThere) -> bool:
        """Return whether to go on without a list that this server does not have."""
        if error.is_unknown_path and stream.is_there:
            return False
        if not error.is_unknown_path:
            self.logger.warning("%s: skipped, gone since its parent was listed (%s)", stream.name, error.path)
        elif stream.name not in self._absent:
            self._absent.add(stream.name)
            since = f"; pretix has it since {stream.since_version}" if stream.since_version else ""
            server = f"this server ({self.server_version})" if self.server_version else "this server"
            self.logger.info("%s: skipped, %s does not have it%s", stream.name, server, since)
        return True

    def close_run(self) -> None:
        """Sum up which lists were denied, and what the credential sees."""
        denied = self.run.progress.denied
        if denied:
            lists = ", ".join(f"{name} ({count})" for name, count in sorted(denied.items()))
            self.logger.warning("skipped as denied (number of lists): %s", lists)
        self.sight.say(self.logger, denied)

    def check_connection(self) -> None:
        """Say what the credential sees.

        Raises:
            ApiError: The address, the credential or the settings are wrong.
        """
        stream = t.cast("OrganizersStream", self.streams["organizers"])
        answer = self.ask(Request(stream.list_path({}), stream=stream.name), stream.read)
        slugs = [str(row.get("slug")) for row in answer.rows]
        for slug in slugs:
            self.wants_organizer(slug)
        self.check_organizers()
        version = self.server_version
        self.logger.info(
            "connected%s; the credential sees %s",
            f" to pretix {version}" if version else "",
            f"organizer {', '.join(slugs)}" if slugs else "no organizer",
        )
