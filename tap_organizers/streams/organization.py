"""Sales channels, seating plans, teams, devices and webhooks of an organizer."""

from __future__ import annotations

from rest_tap.schema import (
    Array,
    Boolean,
    DateTime,
    I18n,
    Integer,
    Json,
    String,
    fields,
)
from tap_organizers.client import OrganizersStream
from tap_organizers.streams.parents import OrganizerChildStream

CHOICE = fields(
    key=String("Value stored in meta_data."),
    label=I18n("Public name of the value; the key can be absent."),
)


class SalesChannels(OrganizerChildStream):
    """A way to sell tickets: the shop, the box office, the API."""

    name = "sales_channels"
    path = "/organizers/{organizer}/saleschannels"
    primary_keys = ("organizer", "identifier")
    permission = "organizer.settings.general:write"
    since_version = "2024.7"
    properties = fields(
        identifier=String("Identifier, unique inside the organizer."),
        type=String("Kind of channel."),
        label=I18n("Name."),
        position=Integer("Position for sorting."),
    )


class SeatingPlans(OrganizerChildStream):
    """A plan of seats that events can use."""

    name = "seating_plans"
    path = "/organizers/{organizer}/seatingplans"
    primary_keys = ("id",)
    selected_by_default = False
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=String("Name."),
        layout=Json("Full plan: size, categories, zones with rows and seats.", personal=False),
    )


class EventMetaProperties(OrganizerChildStream):
    """A property that events can carry in ``meta_data``."""

    name = "event_meta_properties"
    path = "/organizers/{organizer}/event_meta_properties"
    primary_keys = ("id",)
    since_version = "2026.8"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=String("Name of the property, unique inside the organizer."),
        default=String("Value used when an event sets none."),
        required=Boolean("Whether a value is required."),
        protected=Boolean("Whether only organizer administrators may set it."),
        filter_public=Boolean("Whether visitors can filter by it."),
        public_label=I18n("Public name."),
        filter_allowed=Boolean("Whether it can be used as a filter at all."),
        choices=Array(CHOICE, "Allowed values; null for any."),
    )


class Teams(OrganizerChildStream):
    """A group of users or tokens and what they may do."""

    name = "teams"
    child_key = "team"
    path = "/organizers/{organizer}/teams"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "organizer.teams:write"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=String("Name."),
        require_2fa=Boolean("Whether two-factor authentication is required."),
        all_events=Boolean("Whether it covers all events of the organizer."),
        limit_events=Array(String, "Slugs of the events it is restricted to, if not all."),
        all_event_permissions=Boolean("Whether the team has every permission on its events."),
        limit_event_permissions=Array(String, "Permissions on events, if not all."),
        all_organizer_permissions=Boolean("Whether the team has every permission on the organizer."),
        limit_organizer_permissions=Array(String, "Permissions on the organizer, if not all."),
        can_change_event_settings=Boolean("Legacy permission flag, computed from the permission lists."),
        can_change_items=Boolean("Legacy permission flag, computed from the permission lists."),
        can_view_orders=Boolean("Legacy permission flag, computed from the permission lists."),
        can_change_orders=Boolean("Legacy permission flag, computed from the permission lists."),
        can_checkin_orders=Boolean("Legacy permission flag, computed from the permission lists."),
        can_view_vouchers=Boolean("Legacy permission flag, computed from the permission lists."),
        can_change_vouchers=Boolean("Legacy permission flag, computed from the permission lists."),
        can_create_events=Boolean("Legacy permission flag, computed from the permission lists."),
        can_change_organizer_settings=Boolean("Legacy permission flag, computed from the permission lists."),
        can_change_teams=Boolean("Legacy permission flag, computed from the permission lists."),
        can_manage_gift_cards=Boolean("Legacy permission flag, computed from the permission lists."),
        can_manage_customers=Boolean("Legacy permission flag, computed from the permission lists."),
        can_manage_reusable_media=Boolean("Legacy permission flag, computed from the permission lists."),
    )


class TeamChildStream(OrganizersStream):
    """A list that each team has."""

    parent_stream_type = Teams
    parent_keys = fields(**OrganizerChildStream.parent_keys, team=Integer("Team."))


class TeamMembers(TeamChildStream):
    """A user in a team."""

    name = "team_members"
    path = "/organizers/{organizer}/teams/{team}/members"
    primary_keys = ("organizer", "team", "id")
    selected_by_default = False
    permission = "organizer.teams:write"
    properties = fields(
        id=Integer("id of the user; the same user can be in several teams."),
        email=String("E-mail address.", personal=True),
        fullname=String("Full name.", personal=True),
        require_2fa=Boolean("Whether the account uses two-factor authentication."),
    )


class TeamInvites(TeamChildStream):
    """An invitation into a team that is not accepted yet."""

    name = "team_invites"
    path = "/organizers/{organizer}/teams/{team}/invites"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "organizer.teams:write"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        email=String("Invited e-mail address.", personal=True),
    )


class TeamApiTokens(TeamChildStream):
    """An API token of a team, without the token itself."""

    name = "team_api_tokens"
    path = "/organizers/{organizer}/teams/{team}/tokens"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "organizer.teams:write"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        name=String("Name of the token; the token itself is never shown."),
        active=Boolean("Whether it still works."),
    )


class Devices(OrganizerChildStream):
    """A scanner or cash register that is connected to the organizer."""

    name = "devices"
    path = "/organizers/{organizer}/devices"
    primary_keys = ("organizer", "device_id")
    selected_by_default = False
    permission = "organizer.devices:read"
    properties = fields(
        device_id=Integer("Number of the device, unique inside the organizer."),
        unique_serial=String("Serial number, unique on the server."),
        initialization_token=String("One-time token to connect the device.", secret=True),
        all_events=Boolean("Whether it covers all events of the organizer."),
        limit_events=Array(String, "Slugs of the events it is restricted to, if not all."),
        revoked=Boolean("Whether access was withdrawn."),
        name=String("Name."),
        created=DateTime("Time of creation, set by the server."),
        initialized=DateTime("Time of the first connection."),
        hardware_brand=String("Reported hardware brand."),
        hardware_model=String("Reported hardware model."),
        os_name=String("Reported operating system."),
        os_version=String("Reported version of the operating system."),
        software_brand=String("Reported app."),
        software_version=String("Reported version of the app."),
        security_profile=String(
            "Set of endpoints the device may use: full, pretixscan, "
            "pretixscan_online_noorders, pretixscan_online_kiosk."
        ),
    )


class Webhooks(OrganizerChildStream):
    """An address that is called when something happens."""

    name = "webhooks"
    path = "/organizers/{organizer}/webhooks"
    primary_keys = ("id",)
    selected_by_default = False
    permission = "organizer.settings.general:write"
    properties = fields(
        id=Integer("Identifier, assigned by the server."),
        enabled=Boolean("Whether it is switched on."),
        target_url=String("Address that is called; may contain credentials.", secret=True),
        all_events=Boolean("Whether it covers all events of the organizer."),
        limit_events=Array(String, "Slugs of the events it is restricted to, if not all."),
        action_types=Array(String, "Notifications it subscribes to."),
        comment=String("Internal note.", personal=True),
    )
