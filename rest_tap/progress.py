"""How far the run is: a line every few seconds while it goes on, a table at its end.

On a terminal it is one line that is written over; elsewhere it is a line in the log.
Nothing of it goes to standard output, which belongs to the messages.
"""

from __future__ import annotations

import logging
import sys
import time
import typing as t

from rest_tap.outcome import NOT_ALLOWED

if t.TYPE_CHECKING:
    from rest_tap.http import Client
    from rest_tap.listing import Listing
    from rest_tap.messages import Messages
    from rest_tap.reader import Reader
    from rest_tap.report import Report

logger = logging.getLogger(__name__)

#: Seconds between two lines: in a log, on a terminal.
LOG_SECONDS = 10.0
LIVE_SECONDS = 0.5


class ProgressLog:
    """Logs how far a run is, unless the settings say not to."""

    def __init__(self, messages: Messages, http: Client, reader: Reader, *, enabled: bool) -> None:
        """Begin to count the time."""
        self.enabled = enabled
        self._messages = messages
        self._http = http
        self._reader = reader
        self._started = self._logged_at = time.monotonic()
        self._rows_logged = 0
        self._live: t.Any = None
        # Asked once: it is a system call, and lets other threads go first.
        self._is_live = enabled and sys.stderr.isatty()

    def tick(self) -> None:
        """Log how far it is, if it is time to."""
        now = time.monotonic()
        if not self.enabled or now - self._logged_at < (LIVE_SECONDS if self._is_live else LOG_SECONDS):
            return
        line = self._line(now)
        self._logged_at, self._rows_logged = now, self._messages.rows
        if self._is_live:
            self._show(line)
        else:
            logger.info("%s", line)

    def _line(self, now: float) -> str:
        rows = self._messages.rows
        rate = (rows - self._rows_logged) / max(now - self._logged_at, 0.001)
        levels = " > ".join(map(_level, self._reader.path))
        waited = self._http.waited
        held = f", {waited:.0f} s held back by the rate limit" if waited >= 1 else ""
        return (
            f"{levels or 'starting'}: {rows} rows, {rate:.0f} rows/s, "
            f"{self._http.sent} requests, {self._reader.in_flight} in flight{held}"
        )

    def _show(self, line: str) -> None:
        if self._live is None:
            from tqdm import tqdm  # noqa: PLC0415 - only where somebody looks

            self._live = tqdm(bar_format="{desc}", file=sys.stderr, leave=False, dynamic_ncols=True)
        self._live.set_description_str(line)

    def close(self) -> None:
        """Remove the live line."""
        if self._live is not None:
            self._live.close()
            self._live = None

    def summary(self, report: Report) -> None:
        """Log what the run has read, stream by stream."""
        if not self.enabled:
            return
        head = ("stream", "rows", "requests", "seconds", "retries", "denied", "unknown fields")
        table = [head, *self._table(report)]
        widths = [max(len(row[column]) for row in table) for column in range(len(head))]
        for row in table:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            logger.info("%s", "  ".join(cells).rstrip())
        logger.info(
            "%d rows with %d requests in %.1f s",
            self._messages.rows,
            self._http.sent,
            time.monotonic() - self._started,
        )

    def _table(self, report: Report) -> t.Iterator[tuple[str, ...]]:
        tallies, outputs = self._http.tallies, self._messages.outputs
        denied = report.total(*NOT_ALLOWED)
        for name in sorted({*outputs, *tallies, *denied}):
            output, tally = outputs.get(name), tallies.get(name)
            yield (
                name,
                str(output.rows) if output else "-",  # read only to find what is below its rows
                str(tally.requests if tally else 0),
                f"{tally.seconds if tally else 0:.1f}",
                str(tally.retries if tally else 0),
                str(denied.get(name, 0)),
                str(len(output.encoder.unexpected.unknown_fields) if output else 0),
            )


def _level(listing: Listing) -> str:
    """Return e.g. ``events 120/500``: a list that is being read, its rows done and expected."""
    count = listing.paginator.count
    return f"{listing.stream.name} {listing.done}" + (f"/{count}" if count else "")
