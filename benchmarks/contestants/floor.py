"""What there is to do at the least: ask with `requests`, decode, encode, write Singer lines; `threads` at a time."""

from __future__ import annotations

import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import requests
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Row = dict[str, Any]

decode = msgspec.json.Decoder().decode
encode = msgspec.json.Encoder().encode


class Floor:
    """Reads and writes, and does nothing else."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.out = sys.stdout.buffer
        threads = given["threads"]
        self.session = requests.Session()
        self.session.mount("http://", HTTPAdapter(pool_maxsize=threads))
        self.map: Callable[..., Iterable[Any]] = ThreadPoolExecutor(threads).map if threads > 1 else map

    def page(self, path: str, number: int) -> Any:
        """Return a page."""
        params = {"page": number, "page_size": 50}
        return decode(self.session.get(self.given["api_url"] + path, params=params).content)

    def rows(self, path: str) -> Iterator[list[Row]]:
        """Yield the pages' rows of a list."""
        first = self.page(path, 1)
        yield first["results"]
        if first["next"]:
            last = math.ceil(first["count"] / len(first["results"]))
            for page in self.map(lambda number: self.page(path, number), range(2, last + 1)):
                yield page["results"]

    def write(self, stream: str, rows: list[Row], **keys: str) -> None:
        """Write RECORD messages."""
        now = datetime.now(timezone.utc).isoformat()
        for row in rows:
            row.update(keys)
        lines = [encode({"type": "RECORD", "stream": stream, "record": row, "time_extracted": now}) for row in rows]
        if lines:
            self.out.write(b"\n".join(lines) + b"\n")

    def organizers(self) -> None:
        """Read organizers, events, and what is below."""
        streams = self.given["streams"]
        for organizers in self.rows("/organizers/"):
            self.write("organizers", organizers)
            for organizer in organizers:
                slug = organizer["slug"]
                events = []
                for page in self.rows(f"/organizers/{slug}/events/"):
                    self.write("events", page, organizer=slug)
                    events += [row["slug"] for row in page]
                if "tax_rules" in streams:
                    self.tax_rules(slug, events)
                if "orders" in streams:
                    for page in self.rows(f"/organizers/{slug}/orders/"):
                        if "order_positions" in streams:
                            self.parts(page, organizer=slug)
                        self.write("orders", page, organizer=slug)

    def parts(self, orders: list[Row], **keys: str) -> None:
        """Write what is cut out of orders."""
        positions, answers = [], []
        lists: dict[str, list[Row]] = {"fees": [], "payments": [], "refunds": []}
        for order in orders:
            above = {"event": order["event"], "order": order["code"]}
            dated = {**above, "order_last_modified": order["last_modified"]}
            for position in order["positions"]:
                positions.append({**position, **dated})
                answers += [{**answer, **dated, "position": position["id"]} for answer in position["answers"]]
            for name, rows in lists.items():
                rows += [{**row, **(dated if name == "fees" else above)} for row in order[name]]
        self.write("order_positions", positions, **keys)
        self.write("order_answers", answers, **keys)
        for name, rows in lists.items():
            self.write(f"order_{name}", rows, **keys)

    def tax_rules(self, organizer: str, events: list[str]) -> None:
        """Read the lists below events; where there is one event, its pages at once."""

        def first(event: str) -> Any:
            return self.page(f"/organizers/{organizer}/events/{event}/taxrules/", 1)

        if len(events) == 1:
            for page in self.rows(f"/organizers/{organizer}/events/{events[0]}/taxrules/"):
                self.write("tax_rules", page, organizer=organizer, event=events[0])
            return
        for event, page in zip(events, self.map(first, events), strict=True):
            self.write("tax_rules", page["results"], organizer=organizer, event=event)

    def ticketing(self) -> None:
        """Read attendees: each page names the next one, so there is nothing to do ahead."""
        self.session.headers["Authorization"] = f"Bearer {self.given['token']}"
        params: dict[str, str] = {}
        while True:
            answer = self.session.post(self.given["api_url"] + "/v1/attendees", params=params)
            rows = decode(answer.content)["attendees"]
            if not rows:
                return
            params = {"since": rows[-1]["ticket_code"]}
            self.write("attendees", rows)


if __name__ == "__main__":
    floor = Floor(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    getattr(floor, floor.given["kind"])()
    floor.out.flush()
