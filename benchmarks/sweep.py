"""What the sweep saves: requests and state of runs with and without it, written into `docs/scale.md`.

    python -m benchmarks.sweep            # half an hour; --quick leaves the larger accounts out

Runs of one tap in this process, an hour or a day after each other as far as the state knows. Only requests are
counted, so the load of the machine does not matter.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import io
import json
import sys
from typing import Any

from benchmarks.scale import write
from sandbox import Sandbox, Scale
from tap_organizers.tap import TapOrganizers

#: Events, how many of them ended long ago, hours between two runs.
CASES = ((100, 90, 1), (1_000, 900, 1), (500, 475, 24), (5_000, 4_750, 24), (10_000, 9_990, 1))
DAYS = 7


def account(events: int, past: int) -> Sandbox:
    """Return a server with so many events, of which the first ones ended long ago."""
    box = Sandbox(scale=Scale(organizers=1, events=events, tax_rules=3, orders=100, ticketing_events=1, attendees=1))
    now = dt.datetime.now(dt.timezone.utc)
    for number, event in enumerate(box.organizers.organizers["riverside"].events.values()):
        date = now + dt.timedelta(days=-400 if number < past else 20)
        event.row |= {"has_subevents": False, "date_from": date.isoformat(), "date_to": None}
    organizer = box.organizers.organizers["riverside"]
    template = organizer.sales["checkins"][0]
    # One at each event, because an event without any leaves nothing in the state.
    organizer.sales["checkins"] = [
        {**template, "id": number, "_event": event} for number, event in enumerate(organizer.events)
    ]
    return box


def run(box: Sandbox, state: dict[str, Any] | None, settings: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Run the tap; return its last state, and how many requests it took."""
    config = {"api_url": box.organizers_url, "api_token": box.token, "service": "pretix", "progress": False, **settings}
    box.clear_log()
    out = io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(out):
        TapOrganizers(config=config, state=state).sync_all()
    out.flush()
    lines = out.buffer.getvalue().splitlines()
    last = next(line for line in reversed(lines) if line.startswith(b'{"type":"STATE"'))
    value: dict[str, Any] = json.loads(last)["value"]
    return value, sum(request.status != 301 for request in box.requests())


def older(state: dict[str, Any], hours: int) -> dict[str, Any]:
    """Return a state as if its run were so many hours older, as far as the sweep goes."""
    sweep = state["bookmarks"].get("sweep")
    if sweep:
        at = dt.datetime.fromisoformat(sweep["at"].replace("Z", "+00:00")) - dt.timedelta(hours=hours)
        sweep["at"] = at.isoformat()
    return state


def measure(events: int, past: int, hours: int) -> str:
    """Return a line of the table."""
    found = []
    with account(events, past) as box:
        for settings in ({}, {"sweep_days": DAYS}):
            versions = {"emit_activate_version_messages": True, **settings}
            state, first = run(box, None, versions)
            counts = []
            for _ in range(3 if settings else 1):
                state, count = run(box, older(state, hours), versions)
                counts.append(count)
            found.append((first, counts, len(json.dumps(state))))
    (first, (without,), size), (_, counts, size_with) = found
    swept = sum(counts) / len(counts)
    print(events, past, hours, found, file=sys.stderr, flush=True)
    return (
        f"| {events:,} | {past:,} | {hours} | {first:,} | {without:,} | {swept:,.0f} | {swept / without:.0%} "
        f"| {size:,} B / {size_with:,} B |"
    )


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave the larger accounts out")
    given = parser.parse_args()
    head = ("events", "of them past", "hours between", "first run", "without", "with, mean of three", "", "state")
    lines = [f"| {' | '.join(head)} |", f"|{'---:|' * len(head)}"]
    lines += [measure(*case) for case in sorted(CASES) if not (given.quick and case[0] >= 1_000)]
    write({"sweep": lines}, "benchmarks.sweep")


if __name__ == "__main__":
    main()
