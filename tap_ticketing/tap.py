"""The tap: its settings, and how streams, scope and access are put together."""

from __future__ import annotations

import functools
import typing as t

from singer_sdk import typing as th

from rest_tap.account import Account
from rest_tap.auth import SessionLogin
from rest_tap.limiter import RateLimiter
from rest_tap.settings import GENERIC, Services, service_setting, setting, shared_settings
from rest_tap.tap import RestTap
from rest_tap.tree import Node, build_nodes
from rest_tap.wording import join_names
from tap_ticketing import login
from tap_ticketing.access import TicketingAccess
from tap_ticketing.followed import FOLLOW_DAYS
from tap_ticketing.orders import DEFAULT_INCLUDES, INCLUDES, included
from tap_ticketing.scope import Scope
from tap_ticketing.streams import PARTITIONED_STREAMS, STREAMS

if t.TYPE_CHECKING:
    from rest_tap.outcome import Ending
    from rest_tap.report import Report
    from tap_ticketing.client import TicketingStream


SERVICES: Services = {
    GENERIC: {
        "login_path": "/v1/login",
        "events_path": "/v1/events",
        "attendees_path": "/v1/attendees",
        "tickets_path": "/v1/tickets",
        "orders_path": "",
        "partition_by_event": False,
    },
    "oveit": {
        "login_path": "/seller/login",
        "events_path": "/seller/events",
        "attendees_path": "/events/attendees",
        "tickets_path": "/events/tickets",
        "orders_path": "/crm/orders",
        "partition_by_event": True,
    },
}


class TapTicketing(RestTap):
    """Events, attendees and tickets from an event API behind a login."""

    name = "tap-ticketing"
    services = SERVICES
    bookmark_levels: t.ClassVar[t.Mapping[str, int]] = {"events": 1, "active": 1, "totals": 1, "shortfalls": 1}
    #: Oveit answers an invalid or expired token with 403, others with 401.
    refused_statuses: t.ClassVar[frozenset[int]] = frozenset({401, 403})

    config_jsonschema: t.ClassVar[dict[str, t.Any]] = th.PropertiesList(
        setting(
            "api_url",
            th.StringType,
            "API URL",
            "Where the API begins, e.g. https://api.example.com; for Oveit https://l.oveit.com/api.",
            required=True,
        ),
        setting(
            "email",
            th.StringType,
            "E-mail",
            "E-mail address to log in with, together with the password.",
        ),
        setting(
            "password",
            th.StringType,
            "Password",
            "Password to log in with. It is sent in the body of the login request only.",
            secret=True,
        ),
        setting(
            "session_token",
            th.StringType,
            "Session token",
            "A token that you already have, in place of e-mail and password. The tap cannot renew it.",
            secret=True,
        ),
        service_setting(
            SERVICES,
            "The service behind the API: 'oveit' sets the paths and partition_by_event. Values that you give "
            "yourself win.",
        ),
        setting(
            "login_path",
            th.StringType,
            "Login path",
            "Path of the login. If not set, /v1/login, or /seller/login for Oveit.",
        ),
        setting(
            "login_body",
            th.StringType(allowed_values=["form", "json"]),
            "Login body",
            "How the login expects e-mail and password: as form fields or as JSON.",
            default="form",
        ),
        setting(
            "events_path",
            th.StringType,
            "Events path",
            "Path of the list of events. If not set, /v1/events, or /seller/events for Oveit.",
        ),
        setting(
            "attendees_path",
            th.StringType,
            "Attendees path",
            "Path of the list of attendees. If not set, /v1/attendees, or /events/attendees for Oveit.",
        ),
        setting(
            "tickets_path",
            th.StringType,
            "Tickets path",
            "Path of the list of tickets. If not set, /v1/tickets, or /events/tickets for Oveit.",
        ),
        setting(
            "orders_path",
            th.StringType,
            "Orders path",
            "Path of the list of orders. If not set, no orders are read, or those of /crm/orders for Oveit, which has "
            "them in its paid plans.",
        ),
        setting(
            "orders_include",
            th.ArrayType(th.StringType),
            "Included in orders",
            f"What to ask for beside each order: {', '.join(INCLUDES[:-1])} or {INCLUDES[-1]}. Without items, tickets "
            "or invoices there is no stream order_items, order_tickets or order_invoices.",
            default=list(DEFAULT_INCLUDES),
        ),
        setting(
            "on_denied",
            th.StringType(allowed_values=["fail", "skip"]),
            "On denied orders",
            "How a run ends whose account may not read the orders, as in a plan without them: 'fail' with exit status "
            "1, 'skip' with 0 and a warning. All else is read.",
            default="skip",
        ),
        setting(
            "partition_by_event",
            th.BooleanType,
            "Read event by event",
            "Whether to ask for attendees and tickets of one event at a time; their rows then carry event_id. "
            "If not set, false, or true for Oveit.",
        ),
        setting(
            "event_parameter",
            th.StringType,
            "Event parameter",
            "Query parameter that names the event where lists are read event by event.",
            default="id",
        ),
        setting(
            "follow_ended_events_days",
            th.IntegerType(minimum=0, maximum=36_600),
            "Follow ended events",
            "Days for which attendees and tickets of an event are still read after it has left the "
            "list of active events; the last check-ins come late. 0 for not at all.",
            default=FOLLOW_DAYS,
        ),
        *shared_settings(),
    ).to_dict()

    def wrong_settings(self) -> t.Iterator[str]:
        """Yield what is wrong with the settings of the login, of shards and of orders."""
        yield from super().wrong_settings()
        has_login = [bool(self.config.get(name)) for name in ("email", "password")]
        has_token = bool(self.config.get("session_token"))
        if has_token is any(has_login) or (any(has_login) and not all(has_login)):
            yield "give either the settings email and password, or session_token"
        if self.config["shard_count"] > 1 and not self.config["partition_by_event"]:
            yield "setting shard_count: one list for all events cannot be shared; set partition_by_event"
        if unknown := [name for name in included(self.config) if name not in INCLUDES]:
            yield f"setting orders_include: there is no {join_names(unknown, INCLUDES)}"

    def make_accounts(self) -> list[Account]:
        """Return the account of the session token, which logs in where the settings have no token."""
        token = self.config.get("session_token")
        log_in = None if token else lambda: login.session_token(self.http, self.config)
        auth = SessionLogin(log_in, token or None, self.config.get("password", ""))
        settings = "session_token" if token else login.CREDENTIAL_SETTINGS
        return [Account(auth, RateLimiter(self.requests_per_minute), settings=settings)]

    @functools.cached_property
    def scope(self) -> Scope:
        """Return what the settings choose."""
        return Scope(self.config)

    def discover_streams(self) -> list[TicketingStream]:
        """Return all streams; needs neither network nor credentials."""
        return [stream(self, self.bookmarks, self.scope) for stream in self._stream_types]

    @property
    def _stream_types(self) -> tuple[type[TicketingStream], ...]:
        streams = PARTITIONED_STREAMS if self.config.get("partition_by_event") else STREAMS
        return tuple(stream for stream in streams if stream.is_offered(self.config))

    def build_tree(self) -> list[Node]:
        """Return which stream is read below which, for what is selected."""
        return build_nodes(self.streams_in_order(self._stream_types))

    def make_access(self, report: Report, failing: t.Iterable[Ending]) -> TicketingAccess:
        """Return what judges the errors of lists in a run."""
        events = t.cast("TicketingStream", self.streams["events"])
        return TicketingAccess(report, failing, self.ask, events)

    def owns(self, *keys: str) -> bool:
        """Return whether this run reads the lists of an event."""
        return self.scope.owns(*keys)
