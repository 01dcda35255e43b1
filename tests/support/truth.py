"""What is in a sandbox, by stream: read from its data and not through its API."""

from __future__ import annotations

import typing as t

from sandbox.lists import BY_NAME, fill, find_list
from sandbox.organizers import AnswerError

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import Sandbox
    from sandbox.lists import List
    from tap_organizers.client import OrganizersStream

Json = dict[str, t.Any]
Key = tuple[t.Any, ...]


def contexts(box: Sandbox, facts: List) -> Iterator[dict[str, str]]:
    """Yield the parents' keys of every list of this kind that there is."""
    found: list[dict[str, str]] = [{}]
    for parent in facts.parents:
        if parent == "organizer":
            found = [{"organizer": slug} for slug in box.organizers.organizers]
        elif parent == "event":
            found = [
                {**keys, "event": slug}
                for keys in found
                for slug in box.organizers.organizers[keys["organizer"]].events
            ]
        else:
            above = facts.path.partition("{" + parent + "}")[0]
            found = [
                {**keys, parent: str(row["code" if parent == "order" else "id"])}
                for keys in found
                for row in box.organizers.list_rows(*find_list(fill(above, keys)), fill(above, keys))
            ]
    yield from found


def rows(box: Sandbox, name: str) -> Iterator[tuple[dict[str, str], Json]]:
    """Yield all rows of a stream with their parents' keys."""
    if name == "order_fees":
        yield from ((parents, fee) for parents, order in rows(box, "orders") for fee in order["fees"])
        return
    if name == "order_answers":
        for parents, order in rows(box, "orders"):
            for position in order["positions"]:
                yield from (({**parents, "position": position["id"]}, answer) for answer in position["answers"])
        return
    facts = BY_NAME[name]
    for parents in contexts(box, facts):
        # Only what has a seating plan has seats: an event, or each date of a series.
        if name == "seats" and _event(box, parents)["seating_plan"] is None:
            continue
        yield from _of_list(box, facts, parents, fill(facts.path, parents))
    if name == "seats":
        for parents, date in rows(box, "subevents"):
            if date["seating_plan"] is not None:
                of_date = {**parents, "event": date["event"], "subevent": str(date["id"])}
                yield from _of_list(box, facts, of_date, f"seats of {date['id']}")


def _of_list(box: Sandbox, facts: List, parents: dict[str, str], path: str) -> Iterator[tuple[dict[str, str], Json]]:
    try:
        for row in box.organizers.list_rows(facts, parents, path):
            yield parents, row
    except AnswerError:  # a list that this parent does not have
        return


def _event(box: Sandbox, parents: dict[str, str]) -> Json:
    return box.organizers.organizers[parents["organizer"]].events[parents["event"]].row


def keys(box: Sandbox, stream: OrganizersStream) -> list[Key]:
    """Return the primary keys of all records that a stream has to give, sorted."""
    found = []
    for parents, row in rows(box, stream.name):
        known = {**row, **{name: _typed(value) for name, value in parents.items() if name not in row}}
        found.append(tuple(known[key] for key in stream.primary_keys))
    return sorted(found, key=repr)


def _typed(value: t.Any) -> t.Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value
