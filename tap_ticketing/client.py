"""The ticketing API as an SDK stream: what its lists have in common."""

from __future__ import annotations

import typing as t

from rest_tap.errors import BrokenAnswer, ErrorAnswer
from rest_tap.paging import Page, Paginator, SinglePage
from rest_tap.schema import Integer, fields
from rest_tap.stream import Context, ListStream
from rest_tap.typed import column

if t.TYPE_CHECKING:
    from singer_sdk import Tap

    from rest_tap.state import State
    from tap_ticketing.scope import Scope


class TicketingStream(ListStream):
    """A list that is asked for by a POST, with its parameters in the query string."""

    method = "POST"
    envelope = ("error", "fields", "total")
    #: The setting that names the path.
    path_setting: t.ClassVar[str] = ""
    #: Whether an error in place of the first page may only mean that the account does not have the list.
    may_be_denied: t.ClassVar[bool] = False

    @classmethod
    def is_offered(cls, config: t.Mapping[str, t.Any]) -> bool:  # noqa: ARG003
        """Return whether the stream is in the catalog with these settings."""
        return True

    def __init__(self, tap: Tap, state: State, scope: Scope) -> None:
        """Take what the settings choose."""
        super().__init__(tap, state)
        self.scope = scope

    def list_path(self, context: Context) -> str:  # noqa: ARG002
        """Return the path that the settings give."""
        return f"/{self.config[self.path_setting].lstrip('/')}"

    def list_params(self, context: Context) -> dict[str, str]:
        """Return the event that is asked for, where lists are read event by event."""
        event = context.get("event_id")
        return {} if event is None else {self.config["event_parameter"]: str(event)}

    def sweep_keys(self, context: Context) -> tuple[str, ...]:
        """Return what names the place of a list in the sweep."""
        return (self.name, str(context.get("event_id", "")))

    def paginator(self, context: Context) -> Paginator:
        """Return a paginator for a list that comes in one page."""
        return SinglePage(self.list_params(context))

    def read(self, body: t.Any) -> Page:
        """Return the rows of a decoded answer; never those beside an error, or outside an object.

        Raises:
            BrokenAnswer: It is not what the contract says.
        """
        if isinstance(body, list):
            raise BrokenAnswer("the answer is a list instead of an object")
        if isinstance(body, dict) and body.get("error"):
            body = {"error": body["error"]}
        try:
            page = super().read(body)
        except ErrorAnswer as error:
            if "missing parameter" not in error.reason.lower() or self.config["partition_by_event"]:
                raise
            raise ErrorAnswer(f"{error.reason}; look at the setting partition_by_event") from None
        for key in self.own_keys:
            if None in column(page.rows, key):
                raise BrokenAnswer(f"a row has no {key}")
        return page


class BelowEvent(TicketingStream):
    """The same list, one for each event: rows carry ``event_id``."""

    parent_keys = fields(event_id=Integer("Event that the list was asked for."))
    #: Each run sees the events that are active then.
    lists_everything = False


def event_id(row: t.Mapping[str, t.Any]) -> t.Any:
    """Return an event's id as a number; the service sends some as text."""
    value = row.get("id")
    return int(value) if isinstance(value, str) and value.isdecimal() else value
