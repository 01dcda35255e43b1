"""`python -m sandbox`: both APIs as a process of their own, until it is asked to stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
from datetime import timedelta, timezone
from pathlib import Path

from sandbox.box import Sandbox, Scale


def _rows(text: str) -> tuple[str, int]:
    name, _, count = text.partition("=")
    return name, int(count)


def variables(box: Sandbox) -> dict[str, str]:
    """Return the environment in which Meltano's tap-pretix and tap-oveit read the sandbox."""
    return {
        "TAP_PRETIX_API_URL": box.organizers_url,
        "TAP_PRETIX_API_TOKEN": box.token,
        "TAP_OVEIT_API_URL": box.oveit_url,
        "TAP_OVEIT_EMAIL": box.email,
        "TAP_OVEIT_PASSWORD": box.password,
    }


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all, for whoever waits for it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n", encoding="utf-8")
    os.replace(part, path)  # noqa: PTH105


def main() -> None:
    """Serve, and say where: in one line of JSON, or as variables of the environment."""
    scale = Scale()
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="a free one by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="for every answer")
    parser.add_argument("--rate-limit", type=int, help="requests a minute, then 429")
    parser.add_argument("--utc-offset", type=float, default=0.0, help="hours; the zone that part B writes times in")
    parser.add_argument("--url-file", type=Path, help="the line of JSON goes here, too")
    parser.add_argument("--env-file", type=Path, help="settings for Meltano go here, and are what is printed")
    parser.add_argument("--no-log", action="store_true", help="for long runs: keep no requests")
    parser.add_argument("--cache", action="store_true", help="for benchmarks: answer the same question from memory")
    for name in ("organizers", "events", "tax_rules", "orders", "ticketing_events", "attendees"):
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=getattr(scale, name))
    parser.add_argument(
        "--rows", type=_rows, action="append", default=[], metavar="STREAM=N", help="longer sample lists"
    )
    given = parser.parse_args()

    # Before the line is out: whoever reads it may send the signal at once.
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    counts = {name: getattr(given, name) for name in Scale.__dataclass_fields__ if name != "rows"}
    with Sandbox(
        given.seed,
        Scale(**counts, rows=dict(given.rows)),
        given.port,
        host=given.host,
        keep_log=not given.no_log,
        cache=given.cache,
    ) as box:
        box.latency = given.latency_ms / 1000
        box.limit(given.rate_limit)
        box.organizers.timezone = timezone(timedelta(hours=given.utc_offset))
        line = json.dumps(box.describe())
        if given.url_file:
            _write(given.url_file, line)
        if given.env_file:
            line = "\n".join(f"{name}='{value}'" for name, value in variables(box).items())
            _write(given.env_file, line)
            line = f"{line}\n\nServing. The lines above are in {given.env_file}. Ctrl-C ends it."
        print(line, flush=True)
        while not stop.wait(3600):
            pass


if __name__ == "__main__":
    main()
