"""What the taps do with each kind of bad input, found out by giving it to them: `docs/bad-input.md`."""

from __future__ import annotations

import copy
import json
import logging
import typing as t
from types import MappingProxyType

from singer_sdk.exceptions import ConfigValidationError

from rest_tap import checks, unexpected
from rest_tap.normalise import Normaliser
from rest_tap.schema import (
    Array,
    Boolean,
    Date,
    DateTime,
    Decimal,
    I18n,
    Integer,
    Number,
    String,
    record_schema,
)
from tap_organizers.tap import TapOrganizers
from tools.streams import table

Json = dict[str, t.Any]

TYPES: dict[str, t.Callable[[], Json]] = {
    "text": String,
    "money, rate": Decimal,
    "whole number": Integer,
    "number": Number,
    "true or false": Boolean,
    "time": DateTime,
    "date": Date,
    "translated text, object": I18n,
    "list of texts": lambda: Array(String),
}
VALUES: tuple[t.Any, ...] = (
    *("", "text", "17", "007", "1.50", "true", "yes", 17, 17.0, 1.5, 2**63, True, 1),
    *("2026-01-31T10:00:00+01:00", "2026-01-31 10:00:00", "2026-01-31", "0000-00-00 00:00:00"),
    *([], ["a", 1, {}], {}, {"de": "Konzert"}),
)

CONFIG: Json = {"api_url": "https://api.example.com", "api_token": "secret"}


class Case(t.NamedTuple):
    """Something that a user may write."""

    what: str
    config: t.Mapping[str, t.Any] = MappingProxyType({})
    catalog: t.Callable[[Json], object] | None = None
    state: t.Any = None


def _entry(catalog: Json, name: str = "tax_rules") -> Json:
    return next(entry for entry in catalog["streams"] if entry["tap_stream_id"] == name)


def _select(catalog: Json, *names: str) -> None:
    for entry in catalog["streams"]:
        entry["metadata"] = [one for one in entry["metadata"] if one["breadcrumb"]]
        entry["metadata"].append({"breadcrumb": [], "metadata": {"selected": entry["tap_stream_id"] in names}})


def _rename(catalog: Json) -> None:
    entry = copy.deepcopy(_entry(catalog))
    entry.update(tap_stream_id="tax_rule", stream="tax_rule")
    catalog["streams"].append(entry)


def _type(field: str, **schema: t.Any) -> t.Callable[[Json], object]:
    return lambda catalog: _entry(catalog)["schema"]["properties"].update({field: schema})


CASES = (
    Case("An unknown setting", {"organisers": ["democon"]}),
    Case("A setting of another type", {"max_concurrency": "many"}),
    Case("A map of an unknown stream", {"stream_maps": {"order": {"email": None}}}),
    Case(
        "A map of a stream that is not selected",
        {"stream_maps": {"customers": {"email": None}}},
        lambda catalog: _select(catalog, "events"),
    ),
    Case(
        "Batch files in a folder that cannot be made",
        {"batch_config": {"encoding": {"format": "jsonl"}, "storage": {"root": "/dev/null/batches"}}},
    ),
    Case("A catalog that is none", catalog=lambda catalog: catalog.pop("streams")),
    Case("A catalog that selects nothing", catalog=_select),
    Case("An unknown stream", catalog=_rename),
    Case("A type that a key or the replication key does not have", catalog=_type("id", type=["string"])),
    Case("A type that is not nullable", catalog=_type("rate", type=["string"])),
    Case("A rule for values that is not supported", catalog=_type("rate", type=["string", "null"], maxLength=5)),
    Case("Another type for a field", catalog=_type("rate", type=["number", "null"])),
    Case("A state that is none", state={"foo": 1}),
    Case("A state as `meltano state get` prints it", state={"singer_state": {"bookmarks": {}}}),
    Case("A whole STATE message", state={"type": "STATE", "value": {"bookmarks": {}}}),
    Case("Another tap's state", state={"bookmarks": {"users": {"replication_key_value": "2026-01-01"}}}),
    Case("A bookmark of another shape", state={"bookmarks": {"orders": {"organizers": "2026-01-01T00:00:00Z"}}}),
)
VARIABLES = (
    ("A variable of another type", {"TAP_ORGANIZERS_MAX_CONCURRENCY": "many"}),
    ("A variable that is neither true nor false", {"TAP_ORGANIZERS_PERSONAL_DATA": "flase"}),
    ("A variable that is empty", {"TAP_ORGANIZERS_START_DATE": ""}),
    ("A variable for no setting", {"TAP_ORGANIZERS_ORGANISERS": "democon"}),
)


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def outcome(case: Case) -> tuple[str, str]:
    """Return how a run ends before its first request, and the line that says so."""
    catalog = json.loads(json.dumps(TapOrganizers(config=CONFIG, validate_config=False).catalog_dict))
    given = None
    if case.catalog is not None:
        case.catalog(catalog)
        given = catalog
    handler, root, disabled = _Kept(), logging.getLogger(), logging.root.manager.disable
    root.addHandler(handler)
    logging.disable(logging.NOTSET)
    try:
        TapOrganizers(config={**CONFIG, **case.config}, catalog=given, state=case.state)
    except ConfigValidationError as error:
        return "error", "; ".join(error.errors) or str(error)
    finally:
        logging.disable(disabled)
        root.removeHandler(handler)
    return ("warning", handler.lines[0]) if handler.lines else ("taken", "")


def variable_outcome(variables: dict[str, str]) -> tuple[str, str]:
    """Return the same for variables of the environment."""
    known, prefix = TapOrganizers.config_jsonschema["properties"], "TAP_ORGANIZERS_"
    try:
        found = checks.read_environment(variables, prefix, known)
    except ConfigValidationError as error:
        return "error", str(error)
    line = checks.unknown_variables(variables, prefix, known)
    return ("warning", line) if line else ("taken", "" if found else "as if it were not there")


def becomes(kind: t.Callable[[], Json], value: t.Any) -> str:
    """Return what leaves the tap for a value, as JSON; what is lost in it is kept in unknown_fields."""
    record = {"id": 1, "field": copy.deepcopy(value)}
    misfits = Normaliser(record_schema({"id": Integer(), "field": kind()}, ("id",)), ("id",))([record])
    text = f"`{json.dumps(record['field'], ensure_ascii=False)}`"
    return f"{text}, kept" if misfits else text


def example() -> str:
    """Return the table that ends a run which met new fields and a value of another type."""
    events, orders = unexpected.Unexpected(), unexpected.Unexpected()
    for _ in range(12):
        events.count_unknown("", "tax_zone", "", is_kept=True)
    for _ in range(1488):
        orders.count_unknown("positions[]", "attendee_phone", "", is_kept=True)
    for _ in range(3):
        orders.count_misfit("expires", "date-time", "", is_kept=True)
    return "\n".join(unexpected.unexpected_table({"events": events, "orders": orders}))


def page() -> str:
    """Return the page."""
    rows = [
        (f"`{json.dumps(one, ensure_ascii=False)}`", *(becomes(kind, one) for kind in TYPES.values())) for one in VALUES
    ]
    values = table(("The API sends", *TYPES), rows)
    cases = [(case.what, *outcome(case)) for case in CASES]
    cases += [(what, *variable_outcome(variables)) for what, variables in VARIABLES]
    inputs = table(("What is written", "Outcome", "What the tap says"), cases)
    return f"""\
# Bad input

Written by `make docs`, which gives each of these to the taps.

## Values

Every value leaves as its schema says, whatever the API sends. A value of another type is converted if it can be
converted back; otherwise the column is null, the value is kept in `unknown_fields` under its path (`starts_at`,
`positions[0].valid_from`), and one warning for each stream and field says so. *kept* stands for that below. Where a
part of a value is left out, such as a secret inside of an object, nothing of it is kept.

{values}
- Times leave in UTC. A time without an offset is taken as UTC; a day alone is no time.
- Whole numbers are those of 64 bits, which is what databases keep.
- A row without its key, or with one that cannot be a key, is left out, with a warning: no loader could tell it from
  others. At the end the run says how many of each stream there were. The list that they came in is incomplete then, as
  if they had not come: its stream's version is not activated, and where lists are short its bookmark stays, so that the
  next run reads it again. The exit status is 0.
- A list inside of a row, such as the positions of an order, that did not come, or has what is no object, is no empty
  one: its stream is incomplete in the same way, and at the end the run says how many such parts of each stream there
  were.
- U+FFFD stands in place of NUL (`\\u0000`) in texts, with a warning: PostgreSQL and others cannot keep it.
- So it does in place of half of a surrogate pair (`\\ud800`), which is no character, in texts and names; one warning
  for each stream and field says so. Names of one object that are the same then are numbered.
- A number that no double is (`1e400`, `1e-400`, `1.23456789012345678901`) is taken for the text of its digits, with a
  warning for each stream and field: so a column of text has it as it was sent, a column of numbers is null, kept.
  17 digits are enough for every double.
- Where a name stands twice in an object, the last one counts, as in every reader of JSON.
- What JSON does not allow (bytes that are not UTF-8, UTF-16, `NaN`, `Infinity`, a line feed in a text) makes an answer
  unreadable: nobody knows what was meant. Its list is an error, after three tries, until the server sends something
  else.
- A field that no schema names is kept in `unknown_fields`, or inside the object that it came in; a server's own field
  `unknown_fields` is one of them. With `personal_data: false` all of these are left out.
- What a stream map makes is held to the schema that the SDK gives the map, in the same way.

## What the server sends that no schema names

A server that is newer than this release sends fields that the streams do not have yet. A run that met such fields, or
values that do not fit, ends with a warning and a table of them, also where it ends early:

```text
{example()}
```

*sent as* is the JSON type. The schema says `nothing` of a field that it does not name; anything else in that column is
what a value should have been. *value* tells whether it is in the output: a row's own field in `unknown_fields`, an
object's field in that object. With `personal_data: false` it is `left out`. Names are cut after
{unexpected.MAX_NAME_LENGTH} characters, odd ones are in quotes, and after {unexpected.MAX_FIELDS} lines the rest is
counted. No line has a value, so paste them as they are into an
[issue]({unexpected.ISSUES}), with the line above, which has the tap's version:

```text
Title: tap-organizers does not know orders.positions[].attendee_phone

The server: pretix 2026.8, the field comes from the plugin …
The log:
(the lines)
```

Until a release has the field, read it from `unknown_fields`, or let your own catalog name it.

## Settings, catalog, state

An error ends the run with exit status 1 before its first request; a warning does not.

{inputs}
A map that fails on a row, such as `sha256(email)` where `email` is null, ends the run with one line, which does not
show the row. A filter (`__filter__`) also holds back what is cut out of the rows and what is below them. Catalog and
state may be in UTF-8, UTF-16 or UTF-32; another encoding, `NaN` and objects nested more than {checks.MAX_DEPTH} deep
are errors.
"""
