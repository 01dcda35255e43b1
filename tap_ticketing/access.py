"""What the errors of this API's lists mean.

A denied list is one that the account's plan lacks: it is answered 402, or with an error and status 200, in place of
its first page. A 401 or 403 refuses the session token (``refused_statuses`` of the tap), so there is another login;
a 403 to the new token is about the list, which has failed then, and a 401 ends the run.
"""

from __future__ import annotations

import logging
import typing as t

from rest_tap.access import Access, raise_if_fatal
from rest_tap.errors import ApiError, ErrorAnswer, NotFound
from rest_tap.outcome import Ending, Outcome
from rest_tap.request import Request
from tap_ticketing.client import event_id

if t.TYPE_CHECKING:
    from rest_tap.access import Ask
    from rest_tap.listing import Listing
    from rest_tap.report import Report
    from tap_ticketing.client import TicketingStream

logger = logging.getLogger(__name__)

_PAYMENT_REQUIRED = 402


class TicketingAccess(Access):
    """Decides how this API's lists ended: whether the event is gone, or the account's plan lacks the list."""

    def __init__(self, report: Report, failing: t.Iterable[Ending], ask: Ask, events: TicketingStream) -> None:
        """Start with no event found gone.

        Args:
            report: Where outcomes are counted.
            failing: Endings of a list that make the run end with an error.
            ask: Sends a request beside the lists.
            events: The stream of events.
        """
        super().__init__(report, failing)
        self._ask = ask
        self._events = events

    def decide(self, listing: Listing, error: ApiError) -> Outcome:
        """Decide how a list ended in an error; ask for the events where its own may be gone, and warn."""
        event = listing.context.get("event_id")
        if event is not None and isinstance(error, (ErrorAnswer, NotFound)) and self._ask_if_gone(event):
            logger.warning("%s: event %s is gone (%s)", listing.stream.name, event, error.reason)
            return self.outcome(listing, Ending.GONE)
        stream = t.cast("TicketingStream", listing.stream)
        may_be_denied = isinstance(error, ErrorAnswer) or error.status == _PAYMENT_REQUIRED
        if may_be_denied and stream.may_be_denied and not listing.pages_read:
            return self._deny(listing, error)
        return super().decide(listing, error)

    def _deny(self, listing: Listing, error: ApiError) -> Outcome:
        """Warn that the account's plan lacks a list, and return its outcome."""
        setting = t.cast("TicketingStream", listing.stream).path_setting
        hint = f"its plan may not include the list. If it need not be read, deselect it or set {setting} to ''"
        if Ending.DENIED not in self.failing:
            logger.warning("%s: skipped, denied: %s; %s", listing.stream.name, error.reason, hint)
        return self.denied_outcome(listing, Ending.DENIED, error, hint)

    def _ask_if_gone(self, event: t.Any) -> bool:
        """Ask for the list of active events; return whether an event is not on it (any more)."""
        stream = self._events
        request = Request(stream.list_path({}), method=stream.method, stream=stream.name)
        try:
            return event not in {event_id(row) for row in self._ask(request, stream.read).rows}
        except ApiError as error:
            raise_if_fatal(error)
            return False
