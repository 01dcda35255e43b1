"""What becomes of a list that cannot be read, and of the run: whether it goes on, and how it ends.

When a list cannot be read, the run asks :meth:`Access.restart` whether to read it in another way, and otherwise
hands the error to :meth:`Access.list_failed`. That raises an error again which every other list would meet as well, so
that the run ends. For any other error the tap's own ``access.py`` decides how the list ended (:meth:`Access.decide`),
and the run goes on. At its end :meth:`Access.raise_failures` raises an error if any list ended in one of
:func:`failing_endings`.

A denied list is one that the credential may not read: it ends with ``Ending.DENIED`` (or ``Ending.WITHHELD``, where
the answer is empty instead). Which errors mean that is up to the API: for ``tap_organizers`` a 403, which is a
:class:`rest_tap.errors.Forbidden`; for ``tap_ticketing`` a 402 or an error with status 200, while a 403 refuses the
session token. ``decide`` returns the outcome, with a message that says what is missing. Whether the run then fails is
up to the setting ``on_denied`` of each tap. A list whose parents may not be read is denied, too
(:meth:`Access.fallback_failed`). The bookmark of the list stays, as that of any list that was not read to
its end.
"""

from __future__ import annotations

import logging
import typing as t

from rest_tap.errors import ApiError, BrokenAnswer, Forbidden, ListsFailed, Unavailable
from rest_tap.outcome import NOT_ALLOWED, Ending, Outcome
from rest_tap.report import MAX_NAMES

if t.TYPE_CHECKING:
    from rest_tap.listing import AdmittedPage, Listing
    from rest_tap.paging import Paginator
    from rest_tap.report import Report

logger = logging.getLogger(__name__)

#: Sends a request beside the lists; returns what the answer says, or raises an ApiError.
Ask = t.Callable[..., t.Any]

#: Lists in a row that fail because the server is unavailable, after which it counts as down and the run ends.
MAX_UNAVAILABLE_LISTS = 5


def is_fatal(error: ApiError) -> bool:
    """Return whether an error ends the run, because every other list would fail with it.

    That is a refused credential, a host that cannot be reached and a setting that cannot be
    sent. What has a status, or a body, is about one list; so is an answer that broke off or did not come.
    """
    if error.concerns_all:
        return True
    was_connected = isinstance(error, Unavailable) and error.was_connected
    return error.status is None and not isinstance(error, BrokenAnswer) and not was_connected


def raise_if_fatal(error: ApiError) -> None:
    """Raise an error again that ends the run.

    Raises:
        ApiError: It concerns everything.
    """
    if is_fatal(error):
        raise error


def failing_endings(config: t.Mapping[str, t.Any], *, is_test: bool) -> frozenset[Ending]:
    """Return the endings of a list that make the run end with exit status 1, by ``on_error`` and ``on_denied``.

    A connection test goes on without denied lists: it says which they are.
    """
    failed = {Ending.FAILED} if config["on_error"] == "fail" else set()
    return frozenset(failed | NOT_ALLOWED if config.get("on_denied") == "fail" and not is_test else failed)


class Access:
    """Decides how each list ended. A tap has a subclass, which knows what its API means by an error."""

    def __init__(self, report: Report, failing: t.Iterable[Ending] = (Ending.FAILED,)) -> None:
        """Start with no list judged.

        Args:
            report: Where outcomes are counted.
            failing: Endings of a list that make the run end with an error.
        """
        self.report = report
        self.failing = frozenset(failing)
        self._unavailable = 0

    def restart(self, listing: Listing, error: ApiError) -> Paginator | None:
        """Return how to read a list once more after an error, where that may help, and log that; None otherwise."""
        if is_fatal(error) or listing.pages_read or listing.is_restarted:
            return None
        paginator = listing.stream.restart(error, listing.context)
        if paginator is not None:
            self._unavailable = 0
            logger.warning(
                "%s: cannot go on from the bookmark, reading the whole list%s (%s)",
                listing.stream.name,
                f" of {listing.where}" if listing.where else "",
                error.reason,
            )
        return paginator

    def list_failed(self, listing: Listing, error: ApiError) -> Outcome:
        """Take note of a list that ended in an error, and return its outcome.

        Raises:
            ApiError: It concerns everything, so the run ends.
        """
        raise_if_fatal(error)
        self._unavailable = self._unavailable + 1 if isinstance(error, Unavailable) else 0
        if self._unavailable >= MAX_UNAVAILABLE_LISTS:
            raise error
        return self.decide(listing, error)

    def account_failed(self, listing: Listing, error: ApiError) -> Outcome:  # noqa: ARG002
        """Return how the part of one account ended, if the error concerns that account alone.

        Raises:
            ApiError: It concerns everything, so the run ends.
        """
        raise error

    def decide(self, listing: Listing, error: ApiError) -> Outcome:
        """Decide how a list ended in an error; a subclass knows what its API means by it, and may ask the API."""
        return self.outcome(listing, Ending.FAILED, error)

    def fallback_failed(self, listing: Listing, error: ApiError) -> Outcome:
        """Return how a list ended that the server lacks, where the parents of the lists in its place cannot be read.

        Raises:
            ApiError: It concerns everything, so the run ends.
        """
        raise_if_fatal(error)
        return self.outcome(listing, Ending.DENIED if isinstance(error, Forbidden) else Ending.FAILED, error)

    def verify(self, listing: Listing, outcome: Outcome) -> Outcome:  # noqa: ARG002
        """Return the outcome of a list that was read to its end; a subclass may ask the API whether it is true."""
        return outcome

    def list_complete(self, listing: Listing) -> Outcome:
        """Take note of a list that was read to its end, and return its outcome."""
        self._unavailable = 0
        is_whole = listing.is_complete and not listing.unwritten
        outcome = self.outcome(listing, Ending.COMPLETE if is_whole else Ending.INCOMPLETE)
        return self.verify(listing, outcome)

    def outcome(self, listing: Listing, ending: Ending, error: ApiError | None = None) -> Outcome:
        """Return the outcome of a list that ended in this way."""
        return Outcome(listing.stream.name, listing.context, ending, error=error, from_start=listing.from_start)

    def denied_outcome(self, listing: Listing, ending: Ending, error: ApiError, hint: str) -> Outcome:
        """Return the outcome of a list that may not be read: what the API says about it, and what the user can do."""
        reason = f"{error.reason}; {hint}"
        denied = type(error)(reason, stream=listing.stream.name, path=error.path, status=error.status)
        return self.outcome(listing, ending, denied)

    def warn(self, outcome: Outcome) -> None:
        """Warn of a list that failed and should have been read; only the first few of each stream."""
        is_failure = outcome.ending is Ending.FAILED or outcome.ending in self.failing
        if is_failure and self.report.errors_of(outcome.stream) < MAX_NAMES:
            logger.warning("%s; the other lists are read", outcome.error)

    def note_page(self, listing: Listing, page: AdmittedPage) -> None:
        """Take note of a page that is about to be written."""

    def finish(self) -> list[Outcome]:
        """Ask for what can only be known at the end of the run; return the failures that this shows."""
        return []

    def log(self) -> None:
        """Log a summary at the end of the run."""

    def raise_failures(self) -> None:
        """Raise an error if lists failed that should have been read.

        Raises:
            ApiError: Of the one list that could not be read.
            ListsFailed: Of more than one.
        """
        lists = self.report.total(*self.failing)
        errors: dict[str, ApiError] = {}
        for outcome in self.report.errors(*self.failing):
            if outcome.error is not None:
                errors.setdefault(outcome.stream, outcome.error)
        if sum(lists.values()) == 1:
            raise next(iter(errors.values()))
        if lists:
            raise ListsFailed(lists, dict(list(errors.items())[:MAX_NAMES]))
