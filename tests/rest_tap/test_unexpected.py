"""What rows bring that no schema says, summed up at the end of a run: names and counts, never a value."""

from __future__ import annotations

import typing as t

import pytest

from rest_tap import unexpected
from rest_tap.errors import ApiError, StopRun
from rest_tap.unexpected import ISSUES, MAX_FIELDS, Unexpected, shown, unexpected_table
from sandbox import Fault, Sandbox
from tests.conftest import discovered, only, organizers_config, run_tap
from tests.support.command import ROOT

if t.TYPE_CHECKING:
    from tests.conftest import Result

HOSTILE = "a\n2026-01-01 | ERROR | \x1b[31mno\u202e\U0001f4a5" + "x" * 10_000


def told(result: Result) -> list[str]:
    """Return the table of a run, or nothing; the line before it is checked."""
    lines = [record.getMessage() for record in result.log if record.name == "rest_tap.run"]
    starts = [number for number, line in enumerate(lines) if line.endswith(ISSUES)]
    if not starts:
        return []
    assert lines[starts[0]].startswith("tap-organizers ")
    return lines[starts[0] + 1 :]


def spoil(sandbox: Sandbox) -> None:
    """Have the sandbox send new fields, and values of another type."""
    for event in sandbox.organizers.rows("/organizers/riverside/events/"):
        event["new_field"] = 17
        event["date_to"] = "0000-00-00 00:00:00"
    for order in sandbox.organizers.rows("/organizers/riverside/orders/"):
        if isinstance(order.get("invoice_address"), dict):
            order["invoice_address"]["birth_date"] = "1970-01-01"
        for position in order["positions"]:
            position["attendee_phone"] = "555-0100"


@pytest.mark.parametrize("personal", [True, False])
def test_a_run_ends_with_a_table_of_what_no_schema_says(sandbox: Sandbox, personal: bool) -> None:  # noqa: FBT001
    spoil(sandbox)
    events = len(sandbox.organizers.rows("/organizers/riverside/events/"))
    orders = sandbox.organizers.rows("/organizers/riverside/orders/")
    positions = sum(len(order["positions"]) for order in orders)
    addresses = sum(isinstance(order["invoice_address"], dict) for order in orders)
    config = organizers_config(sandbox, personal_data=personal)
    result = run_tap(config, only(discovered(config), "events", "orders"))
    value = "kept" if personal else "left out"
    assert [" ".join(line.split()) for line in told(result)] == [
        "stream field sent as schema says times value",
        f"events date_to string date-time {events} {value}",
        f"events new_field integer nothing {events} {value}",
        f"orders invoice_address.birth_date string nothing {addresses} {value}",
        f"orders positions[].attendee_phone string nothing {positions} {value}",
    ]
    assert len({line.index("string") for line in told(result)[3:]}) == 1
    assert not any("1970" in line or "555-01" in line or "0000" in line for line in result.warnings())


def test_a_run_without_anything_new_says_nothing_of_it(quiet_sandbox: Sandbox) -> None:
    config = organizers_config(quiet_sandbox)
    assert told(run_tap(config)) == []


@pytest.mark.usefixtures("no_waiting")
def test_a_run_that_ends_early_says_what_it_has_seen(sandbox: Sandbox) -> None:
    spoil(sandbox)
    config = organizers_config(sandbox)
    catalog = only(discovered(config), "events", "tax_rules")
    sandbox.faults.add(Fault("/taxrules/$", status=401))
    assert len(told(run_tap(config, catalog, fails=ApiError))) > 1
    sandbox.faults.clear()
    stopped = run_tap({**config, "max_runtime_seconds": 1}, catalog, may_fail=StopRun, prepare=_stop)
    assert isinstance(stopped.error, StopRun)
    assert len(told(stopped)) > 1


def _stop(tap: t.Any) -> None:
    """Let the run at hand end after its first page of events."""
    make = tap._make_run

    def make_and_stop(**how: t.Any) -> t.Any:
        run = make(**how)
        write = run.messages.checkpoint

        def checkpoint() -> None:
            write()
            if "events" in run.messages.outputs and run.messages.outputs["events"].rows:
                run.stop(15)

        run.messages.checkpoint = checkpoint
        return run

    tap._make_run = make_and_stop


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("attendee_phone", "attendee_phone"),
        ("$ref-2", "$ref-2"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a.b[]", '"a.b[]"'),
        ("größe", '"gr\\u00f6\\u00dfe"'),
        ("\ud800", '"\\ud800"'),
        ("x" * 61, "x" * 60 + "…"),
    ],
)
def test_an_odd_name_is_in_quotes_and_cut(name: str, text: str) -> None:
    assert shown(name) == text


def test_hostile_names_leave_one_printable_line_each(sandbox: Sandbox) -> None:
    event = sandbox.organizers.rows("/organizers/riverside/events/")[0]
    event[HOSTILE] = HOSTILE
    event[sandbox.token] = sandbox.token
    config = organizers_config(sandbox)
    table = told(run_tap(config, only(discovered(config), "events")))
    assert len(table) == 3
    for line in table:
        assert line.isprintable()
        assert line.replace("…", "").replace("***", "").isascii()
        assert len(line) < 200
        assert sandbox.token not in line


def test_any_number_of_names_takes_bounded_memory_and_lines() -> None:
    found = {name: Unexpected() for name in ("a", "b")}
    for name, one in found.items():
        for number in range(1000):
            one.count_unknown("", f"{name}{number:04}" + "x" * 1000, number, is_kept=True)
            one.count_unknown("", f"{name}0000" + "x" * 1000, number, is_kept=True)
    assert {len(one.times) for one in found.values()} == {MAX_FIELDS}
    lines = unexpected_table(found)
    assert len(lines) == 1 + MAX_FIELDS + 1
    assert sum(int(line.split()[-2]) for line in lines[1:]) == 4000
    assert lines[-1] == "and others, 2900 times"


def test_the_places_to_report_are_those_of_the_package() -> None:
    assert f'Issues = "{unexpected.ISSUES}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
