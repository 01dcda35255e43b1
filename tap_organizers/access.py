"""What the errors of this API's lists mean, and what the credential may see.

Below an event the API answers 403 to a permission that is missing, and to an event that was
deleted or never existed. An organizer's list with the rows of all its events answers 200
whatever the credential may read, and lacks the rows that it may not (docs/pretix.md). That shows
in the number of events that the credential sees, and in the lists of single events.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import logging
import re
import typing as t

from rest_tap.access import Access, raise_if_fatal
from rest_tap.errors import ApiError, CredentialRefused, Forbidden, NotFound, credential_refused
from rest_tap.outcome import NOT_ALLOWED, Ending, Outcome
from rest_tap.paging.page_size import ONE_ROW
from rest_tap.request import Request, fill_path
from tap_organizers.access_report import AccessReport
from tap_organizers.client import permission_before

if t.TYPE_CHECKING:
    from rest_tap.access import Ask
    from rest_tap.listing import AdmittedPage, Listing
    from rest_tap.paging import Paginator
    from rest_tap.report import Report
    from rest_tap.stream import Context
    from tap_organizers.client import OrganizersStream
    from tap_organizers.scope import Scope

logger = logging.getLogger(__name__)


class OrganizersAccess(Access):
    """Decides how this API's lists ended; asks once for each event and permission that it has to know of."""

    def __init__(
        self,
        report: Report,
        failing: t.Iterable[Ending],
        ask: Ask,
        scope: Scope,
        events: OrganizersStream,
    ) -> None:
        """Start with nothing known.

        Args:
            report: Where outcomes are counted.
            failing: Endings of a list that make the run end with an error.
            ask: Sends a request beside the lists.
            scope: What the settings choose.
            events: The stream of events.
        """
        super().__init__(report, failing)
        self._ask = ask
        self._scope = scope
        self._accounts = scope.accounts
        #: Accounts that were refused, and those whose organizers were listed.
        self._refused: dict[str, ApiError] = {}
        self._listed: set[str] = set()
        self._access_report = AccessReport(ask, events)
        #: Slugs of the organizers that were listed.
        self._organizers: set[str] = set()
        #: Events that exist no more, or do, as far as that was asked.
        self._gone: dict[tuple[str, str], bool] = {}
        self._withheld: dict[tuple[str | None, ...], Forbidden | None] = {}
        #: Streams whose lists this server has for each event only.
        self._by_event: set[str] = set()
        self._asked_again: set[tuple[t.Any, ...]] = set()
        self._server_version: str | None = None

    # Lists that an error has ended

    def restart(self, listing: Listing, error: ApiError) -> Paginator | None:
        """Return how to read a list once more, and take note of that: a 404 has to come twice before it is believed."""
        stream = _stream(listing)
        place = (stream.name, *listing.context.values())
        if (
            isinstance(error, NotFound)
            and not listing.pages_read
            and not _means_there_is_none(stream, error)
            and place not in self._asked_again
            and not stream.is_absent
            and ("event" in listing.context or stream.name not in self._by_event)
        ):
            self._asked_again.add(place)
            return stream.paginator(listing.context)
        return super().restart(listing, error)

    def decide(self, listing: Listing, error: ApiError) -> Outcome:
        """Decide how a list ended in an error; ask for its event where that may be gone.

        Raises:
            ApiError: The organizer is not there either: the credential may read nothing any more.
        """
        stream = _stream(listing)
        if isinstance(error, Forbidden):
            if stream.name == "organizers" and len(self._accounts.tokens) > 1 and not listing.pages_read:
                raise as_refused(error, stream.account(listing.context))
            if "event" in listing.context and self.ask_if_gone(listing.context):
                return self.outcome(listing, Ending.GONE)
            if not listing.pages_read:
                return self._deny(listing, Ending.DENIED, error)
        if isinstance(error, NotFound) and not listing.pages_read:
            if _means_there_is_none(stream, error):
                return self.outcome(listing, Ending.COMPLETE)
            if stream.parent_stream_type is not None or self._ask_if_declaration_is_wrong(listing, error):
                return self._missing(listing, error)
        return super().decide(listing, error)

    def account_failed(self, listing: Listing, error: ApiError) -> Outcome:
        """Take note of an account that was refused, and warn: nothing more is read with it, and the others go on.

        Raises:
            ApiError: It concerns everything, or no account is left.
        """
        account = _stream(listing).account(listing.context)
        if not isinstance(error, CredentialRefused):
            raise error
        if account not in self._refused:
            logger.warning("%s; nothing more is read with this token, the others go on", error)
        self._refused[account] = error
        if len(self._refused) == len(self._accounts.tokens):
            raise error
        return self.outcome(listing, Ending.FAILED, error)

    def _ask_if_declaration_is_wrong(self, listing: Listing, error: NotFound) -> bool:
        """Return whether a list is missing because its declaration is wrong, and not api_url; ask for the version."""
        if not listing.stream.is_extra or not error.is_unknown_path:
            return False
        return bool(self.server_version(self._accounts.of(listing.context)))

    def _deny(self, listing: Listing, ending: Ending, error: Forbidden) -> Outcome:
        """Take note of a list that may not be read, and warn; return its outcome, with the permission that it takes."""
        stream = _stream(listing)
        context = listing.context
        keys = [key for key in stream.parent_keys if key in context]
        old_name = "" if stream.is_extra else permission_before(stream.permission)
        before = f" ({old_name} before pretix 2026.3)" if old_name else ""
        needed = (
            f"it takes the permission {stream.permission}{before}"
            if stream.permission
            else f"the credential has no access to {' '.join(str(context[key]) for key in keys)}"
            if keys
            else "the credential may not read it"
        )
        if "event" in context:
            self._access_report.add_denied(stream, context)
        if ending not in self.failing and not self.report.count(stream.name, *NOT_ALLOWED):
            logger.warning("%s: skipped, denied; %s", stream.name, needed)
        if ending in self.failing:
            needed += ". Set on_denied to 'skip' if it need not be read"
        return self.denied_outcome(listing, ending, error, needed)

    def _missing(self, listing: Listing, error: NotFound) -> Outcome:
        """Warn that the server lacks a list, or that what the list belongs to is gone; return its outcome."""
        stream = _stream(listing)
        if not error.is_unknown_path:
            logger.warning("%s: skipped, gone since its parent was listed (%s)", stream.name, error.path)
            return self.outcome(listing, Ending.GONE)
        has_answered = self.report.count(stream.name, Ending.COMPLETE, Ending.INCOMPLETE)
        if stream.fallback and "event" not in listing.context and (stream.name in self._by_event or not has_answered):
            if stream.name not in self._by_event:
                self._by_event.add(stream.name)
                server = self._server(listing.context)
                logger.info("%s: %s does not have the list of all events; read event by event", stream.name, server)
            return self.outcome(listing, Ending.ABSENT)
        if has_answered:
            return self.outcome(listing, Ending.FAILED, error)
        if not stream.is_absent:
            stream.is_absent = True
            version = self.server_version(self._accounts.of(listing.context))
            # With a fallback, the version is that of the list of all events; each event may have had its own before.
            is_older = is_before(version, stream.since_version or "")
            stream.is_absent_everywhere = is_older and not stream.fallback
            since = f"; pretix has it since {stream.since_version}" if stream.since_version else ""
            logger.warning("%s: skipped, %s does not have it%s", stream.name, self._server(listing.context), since)
        return self.outcome(listing, Ending.ABSENT)

    def _server(self, context: Context) -> str:
        version = self.server_version(self._accounts.of(context))
        return f"this server ({version})" if version else "this server"

    def server_version(self, account: str) -> str:
        """Ask a server once for its version of pretix; return that, or an empty text for other servers.

        Args:
            account: Who asks.
        """
        if self._server_version is None:
            self._server_version = ""
            with contextlib.suppress(ApiError):
                body = self._ask(Request("/version", is_list=False, stream="version", account=account))
                self._server_version = str(body.get("pretix") or "") if isinstance(body, dict) else ""
        return self._server_version

    def ask_if_gone(self, context: Context) -> bool:
        """Ask for the event of a list, until there is an answer; return whether it does not exist (any more).

        Raises:
            ApiError: Its organizer is not there either, or the error concerns everything.
        """
        event = (str(context["organizer"]), str(context["event"]))
        if event not in self._gone:
            account = self._accounts.of(context)
            try:
                path = fill_path("/organizers/{organizer}/events/{event}", context)
                if self._ask_if_there(Request(path, stream="events", account=account)):
                    self._gone[event] = False
                else:
                    path = fill_path("/organizers/{organizer}", context)
                    self._ask(Request(path, stream="organizers", account=account))
                    logger.warning("event %s/%s is gone; nothing below it is read", *event)
                    self._gone[event] = True
            except (Forbidden, NotFound):
                raise
            except ApiError as error:
                raise_if_fatal(error)
                return False
        return self._gone[event]

    def _ask_if_there(self, request: Request) -> bool:
        """Send a request; return whether it is answered neither as missing nor as denied."""
        try:
            self._ask(request)
        except (Forbidden, NotFound):
            return False
        return True

    # Lists that were read to their end

    def verify(self, listing: Listing, outcome: Outcome) -> Outcome:
        """Take note of a list that was read to its end; where it is empty, ask whether its rows are withheld.

        An empty list may mean a missing permission; moving its bookmark would lose the hidden
        rows for good. The check costs a request, so it is made at most once a day for a list
        with a bookmark; until then the bookmark stays.

        Raises:
            ApiError: The organizer is not there any more.
        """
        stream = _stream(listing)
        context = listing.context
        if stream.name == "organizers":
            self._listed.add(stream.account(context))
        if stream.name == "events":
            self._access_report.note_all_events(context["organizer"])
        if "event" not in context and stream.event_path:
            for node in (listing.node, *listing.companions):
                self._access_report.add_list(t.cast("OrganizersStream", node.stream), context)
            if stream.permission and not listing.distinct:
                if listing.last is not None and not stream.is_stale(context, listing.last):
                    return dataclasses.replace(outcome, is_certain=False)
                return self._ask_if_withheld(listing, outcome, stream.event_path)
        elif stream.denied_path and not listing.distinct and listing.expected:
            return self._ask_if_withheld(listing, outcome, stream.denied_path)
        return outcome

    def _ask_if_withheld(self, listing: Listing, outcome: Outcome, witness: str) -> Outcome:
        """Ask for a list of one event; return another outcome, that the rows are withheld, if that is denied."""
        stream = _stream(listing)
        context = listing.context
        place = (context["organizer"], context.get("event"), stream.permission)
        if place not in self._withheld:
            self._withheld[place] = self._ask_for_refusal(stream, witness, context)
        refusal = self._withheld[place]
        return outcome if refusal is None else self._deny(listing, Ending.WITHHELD, refusal)

    def _ask_for_refusal(self, stream: OrganizersStream, witness: str, context: Context) -> Forbidden | None:
        """Ask for an event's list that takes the same permission; return the refusal, or None if it is not refused."""
        event = context.get("event")
        try:
            event = event or self._access_report.ask_for_event(context)
            if event is not None:
                path = fill_path(witness, {**context, "event": event})
                account = self._accounts.of(context)
                self._ask(Request(path, ONE_ROW, stream=stream.name, account=account), stream.read)
        except Forbidden as error:
            # Without an event it is the events themselves that may not be listed.
            return None if event and self.ask_if_gone({**context, "event": event}) else error
        except NotFound:  # A server without that list, or the event has gone.
            pass
        return None

    # What the credential sees

    def note_page(self, listing: Listing, page: AdmittedPage) -> None:
        """Take note of the organizers and events that there are."""
        if listing.stream.name == "organizers":
            self._organizers.update(str(row.get("slug")) for row in page.new_rows)
        elif listing.stream.name == "events":
            for row in page.new_rows:
                self._access_report.add_event(listing.context["organizer"], row.get("slug"))

    def finish(self) -> list[Outcome]:
        """Ask how many events there are, where that is unknown; return a failure for each name that does not exist."""
        self._access_report.finish()
        errors = [
            ApiError(
                f"organizer {slug} of the setting api_tokens is not among those that its token sees",
                stream="organizers",
            )
            for account in sorted(self._listed)
            for slug in self._accounts.unseen(account)
        ]
        if self.report.is_read_to_the_end("organizers"):
            errors += unknown_names("organizers", self._scope.organizers, self._organizers)
        if self._scope.shards.count == 1 and self.report.is_read_to_the_end("events"):
            slugs = {name.partition("/")[2] for name in self._access_report.events}
            errors += unknown_names("events", self._scope.events, slugs | self._access_report.events)
        return [Outcome(error.stream, {}, Ending.FAILED, error=error) for error in errors]

    def log(self) -> None:
        """Log which lists were denied, and what the credential sees."""
        denied = self.report.total(*NOT_ALLOWED)
        if denied and Ending.DENIED not in self.failing:
            lists = ", ".join(f"{name} ({count})" for name, count in denied.items())
            logger.warning("skipped as denied (number of lists): %s", lists)
        self._access_report.log(logger, denied)
        if self._refused:
            logger.warning(
                "refused: %d of %d tokens (%s); what only they see is missing, and no version is activated",
                len(self._refused),
                len(self._accounts.tokens),
                "; ".join(self._refused),
            )


def as_refused(error: Forbidden, account: str) -> CredentialRefused:
    """Return the error that an account may not even list its organizers."""
    reason = credential_refused(account, error.reason)
    return CredentialRefused(reason, stream=error.stream, path=error.path, status=error.status)


def _stream(listing: Listing) -> OrganizersStream:
    """Return the stream of a list, all of which are this API's."""
    return t.cast("OrganizersStream", listing.stream)


def _means_there_is_none(stream: OrganizersStream, error: NotFound) -> bool:
    """Return whether a 404 means that there is no such object, where not every parent has one."""
    return stream.is_optional and not error.is_unknown_path


def is_before(version: str, since: str) -> bool:
    """Return whether a version of pretix is from before another one; False if either is not known."""
    first, second = ([int(part) for part in re.findall(r"\d+", text)[:2]] for text in (version, since))
    return bool(first and second) and first < second


def unknown_names(setting: str, wanted: t.Iterable[str], known: t.Collection[str]) -> t.Iterator[ApiError]:
    """Yield an error for each name of a setting that is not known, with the nearest that are."""
    for name in sorted(set(wanted) - set(known)):
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        sees = " (a team token sees one organizer only)" if setting == "organizers" else ""
        yield ApiError(
            f"{setting.removesuffix('s')} {name} of the setting {setting} is not among those "
            f"that the credential sees{sees}{hint}",
            stream=setting,
        )
