"""The ticketing API as an SDK stream: what its lists have in common."""

from __future__ import annotations

import typing as t

from rest_tap.client import Context, ListStream
from rest_tap.errors import ApiError, BrokenAnswer, ErrorAnswer, NotThere
from rest_tap.paging import Page, Paginator, SinglePage
from rest_tap.schema import Integer, fields

if t.TYPE_CHECKING:
    from tap_ticketing.tap import TapTicketing


class TicketingStream(ListStream):
    """A list that is asked for by a POST, with its parameters in the query string."""

    method = "POST"
    #: The setting that names the path.
    path_setting: t.ClassVar[str] = ""

    def __init__(self, tap: TapTicketing) -> None:
        """Take the settings of this API."""
        super().__init__(tap)
        self.ticketing_tap = tap

    def list_path(self, context: Context) -> str:  # noqa: ARG002
        """Return the path that the settings give."""
        return f"/{self.config[self.path_setting].lstrip('/')}"

    def list_params(self, context: Context) -> dict[str, str]:
        """Return the event that is asked for, where lists are read event by event."""
        event = context.get("event_id")
        return {} if event is None else {self.config["event_parameter"]: str(event)}

    def paginator(self, context: Context) -> Paginator:
        """Return that the list comes in one page."""
        return SinglePage(self.list_params(context))

    def read(self, body: t.Any) -> Page:
        """Return the rows of a decoded answer; never those beside an error, or outside an object.

        Raises:
            BrokenAnswer: It is not what the contract says.
        """
        if isinstance(body, list):
            msg = "the answer is a list instead of an object"
            raise BrokenAnswer(msg)
        if isinstance(body, dict) and body.get("error"):
            body = {"error": body["error"]}
        try:
            page = super().read(body)
        except ErrorAnswer as error:
            if "missing parameter" not in error.reason.lower() or self.config["partition_by_event"]:
                raise
            msg = f"{error.reason}; look at the setting partition_by_event"
            raise ErrorAnswer(msg) from None
        for key in self.own_keys:
            if None in [row.get(key) for row in page.rows]:
                msg = f"a row has no {key}"
                raise BrokenAnswer(msg)
        return page

    def forgives(self, error: ApiError, context: Context) -> bool:
        """Return whether the event is gone: deleted since the events were listed."""
        event = context.get("event_id")
        if event is None or not isinstance(error, (ErrorAnswer, NotThere)):
            return False
        if not self.ticketing_tap.event_is_gone(event):
            return False
        self.logger.warning("%s: event %s is gone (%s)", self.name, event, error.reason)
        return True


class BelowEvent(TicketingStream):
    """The same list, one for each event: rows carry ``event_id``."""

    parent_keys = fields(event_id=Integer("Event that the list was asked for."))
    #: Never: each run sees the events that are active then, and a loader would take the
    #: rows of all others for deleted.
    emit_activate_version_messages = False
