"""What the error of a list means: whether it ends the run, and else how the list ended."""

from __future__ import annotations

import logging
import typing as t

from rest_tap.errors import ApiError, BrokenAnswer, Unanswered
from rest_tap.outcome import Ending, Outcome

if t.TYPE_CHECKING:
    from rest_tap.listing import AdmittedPage, Listing
    from rest_tap.paging import Paginator
    from rest_tap.report import Report

logger = logging.getLogger(__name__)

#: Lists in a row without an answer after which the server counts as down.
LISTS_WITHOUT_ANSWER = 5


def concerns_everything(error: ApiError) -> bool:
    """Return whether an error would meet every other list as well.

    That is a refused credential, a host that cannot be reached and a setting that cannot be
    sent. What has a status, or a body, is about one list.
    """
    return error.concerns_all or (error.status is None and not isinstance(error, BrokenAnswer))


class Access:
    """Judges the errors of lists. A tap's own says what its API means by them."""

    def __init__(self, report: Report, failing: t.Iterable[Ending] = (Ending.FAILED,)) -> None:
        """Take the report, which counts what is decided here.

        Args:
            report: Where outcomes are counted.
            failing: Endings of a list that make the run end with an error.
        """
        self.report = report
        self.failing = frozenset(failing)
        self._unanswered = 0

    def judge(self, listing: Listing, error: ApiError) -> Outcome | Paginator:
        """Return how a list ended that an error has stopped, or how to read it once more.

        Raises:
            ApiError: It concerns everything, so the run ends.
        """
        if concerns_everything(error):
            raise error
        self._unanswered = self._unanswered + 1 if isinstance(error, Unanswered) else 0
        if self._unanswered >= LISTS_WITHOUT_ANSWER:
            raise error
        if not listing.pages_read and not listing.is_restarted:
            again = listing.stream.restart(error, listing.context)
            if again is not None:
                logger.warning(
                    "%s: cannot go on from the bookmark, reading the whole list%s (%s)",
                    listing.stream.name,
                    f" of {listing.where}" if listing.where else "",
                    error.reason,
                )
                return again
        return self.decide(listing, error)

    def part_ended(self, listing: Listing, error: ApiError) -> Outcome:  # noqa: ARG002
        """Return how the list of one account ended, with all below it, if an error concerns that account alone.

        Raises:
            ApiError: It concerns everything, so the run ends.
        """
        raise error

    def decide(self, listing: Listing, error: ApiError) -> Outcome:
        """Return how a list ended that an error has stopped; the API's own meanings go here."""
        return self.ended(listing, Ending.FAILED, error)

    def check(self, listing: Listing, outcome: Outcome) -> Outcome:  # noqa: ARG002
        """Return how a list really ended that was read to its end."""
        return outcome

    def complete(self, listing: Listing) -> Outcome:
        """Return how a list ended that was read to its end."""
        self._unanswered = 0
        is_whole = listing.is_complete and not listing.unwritten
        outcome = self.ended(listing, Ending.COMPLETE if is_whole else Ending.INCOMPLETE)
        return self.check(listing, outcome)

    def ended(self, listing: Listing, ending: Ending, error: ApiError | None = None) -> Outcome:
        """Return an outcome with the numbers of a list."""
        return Outcome(
            listing.stream.name,
            listing.context,
            ending,
            rows=listing.distinct,
            missing=listing.missing,
            unwritten=listing.unwritten,
            error=error,
            from_start=listing.from_start,
        )

    def note_page(self, listing: Listing, page: AdmittedPage) -> None:
        """Take note of a page that is about to be written."""

    def finish(self) -> list[Outcome]:
        """Return the failures that show at the end only."""
        return []

    def log(self) -> None:
        """Log at the end of a run what is to be said once."""
