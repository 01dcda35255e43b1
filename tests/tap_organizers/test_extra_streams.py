"""Streams that the settings declare: refused with a place and a reason, or read as those of the code are."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from singer_sdk.exceptions import ConfigValidationError

from rest_tap.errors import ApiError, BrokenAnswer
from rest_tap.extra import Declaration
from sandbox import Fault
from tap_organizers.accounts import ACCOUNT
from tap_organizers.extra import extra_streams
from tap_organizers.streams import STREAMS
from tap_organizers.streams.parents import IS_SERIES
from tests.conftest import discovered, entry_of, only, organizers_config, run_tap, select
from tests.support.declarations import (
    ASKED_LESS,
    COPY,
    FROM_THE_REQUEST,
    READ_IN_FULL,
    declaration,
    declarations,
    names_of,
    reason_against,
    with_all_fields,
)
from tests.support.rows import as_set

if t.TYPE_CHECKING:
    from sandbox import Sandbox
    from tests.conftest import Json, Result, Run

EVENT = "/organizers/{organizer}/events/{event}"
QUOTAS: Json = {"name": "my_quotas", "path": f"{EVENT}/quotas", "primary_keys": ["id"]}
ITEMS: Json = {"name": "things", "path": f"{EVENT}/items", "primary_keys": ["id"], "fields": {"id": "integer"}}
BELOW_ITEMS: Json = {
    "name": "more",
    "path": f"{EVENT}/items/{{thing}}/bundles/",
    "parent": "things",
    "primary_keys": ["id"],
}
NOWHERE = {"api_url": "http://localhost:1", "api_token": "x"}
NAMES = [str(stream.name) for stream in t.cast("t.Any", STREAMS) if reason_against(stream) is None]


def read(box: Sandbox, *extra: Json, streams: t.Iterable[str] = (), state: Json | None = None, **more: t.Any) -> Result:
    """Read declared streams with all their fields, and others beside them."""
    config = organizers_config(box, extra_streams=list(extra), **more)
    declared = [one["name"] for one in extra]
    catalog = only(discovered(config), *streams, *declared)
    if declared:
        with_all_fields(catalog, *declared)
    return run_tap(config, catalog, state, may_fail=ApiError)


# --- what cannot be declared ------------------------------------------------------------------------------------------


def error_of(*extra: t.Any) -> list[str]:
    """Return the lines that declarations are refused with."""
    with pytest.raises(ConfigValidationError) as refused:
        extra_streams(list(extra))
    return list(refused.value.errors)


def with_(**facts: t.Any) -> Json:
    return {**QUOTAS, **facts}


WRONG: list[tuple[t.Any, str]] = [
    ("quotas", "extra_streams[0]: has to be an object, with name, path"),
    ([], "extra_streams[0]: has to be an object"),
    (None, "extra_streams[0]: has to be an object"),
    ({}, "extra_streams[0]: object missing required field `name`"),
    ({"name": "a", "path": "/a"}, "extra_streams[0]: object missing required field `primary_keys`"),
    (with_(primary_key="id"), "extra_streams[0]: there is no primary_key (did you mean primary_keys?)"),
    (with_(primary_keys="id"), "extra_streams[0].primary_keys: expected `array`, got `str`"),
    (with_(primary_keys=[1]), "extra_streams[0].primary_keys[0]: expected `str`, got `int`"),
    (with_(fields={'a"b': "string"}), 'extra_streams[0].fields.a"b: must not contain quotes or backslashes'),
    (
        with_(fields={"a": {"type": "object", "fields": {"b\\c": "string"}}}),
        "extra_streams[0].fields.a.fields.b\\c: must not contain quotes or backslashes",
    ),
    (with_(primary_keys=[]), "extra_streams[0].primary_keys: has to name a field of the row"),
    (with_(primary_keys=["event"]), "extra_streams[0].primary_keys: has to name a field of the row"),
    (with_(primary_keys=["id", "id"]), "extra_streams[0].primary_keys: names a key twice"),
    (
        with_(primary_keys=["idd"], fields={"id": "integer"}),
        "extra_streams[0].primary_keys: idd (did you mean id?) is not among the fields",
    ),
    (with_(fields={"id": "object"}), "extra_streams[0].primary_keys: id is of type object; it can be date, "),
    (
        with_(fields={"id": {"type": "string", "secret": True}}),
        "extra_streams[0].primary_keys: id is in every record, so it cannot be marked as secret",
    ),
    (with_(name="Quotas"), "extra_streams[0].name: has to be small letters"),
    (with_(name=""), "extra_streams[0].name: has to be small letters"),
    (with_(name="a" * 64), "extra_streams[0].name: has to be small letters"),
    (with_(name="quotas"), "extra_streams[0].name: there is a stream quotas already"),
    (with_(name="sweep"), "extra_streams[0].name: there is a stream sweep already"),
    (with_(path=""), "extra_streams[0].path: has to begin with a slash"),
    (with_(path="https://x/quotas"), "extra_streams[0].path: has to begin with a slash"),
    (with_(path=f"{EVENT}/quotas?a=1"), "extra_streams[0].path: parameters go into 'params'"),
    (with_(path="/a//b"), "extra_streams[0].path: nothing between two slashes is no part of a path"),
    (with_(path="//elsewhere.example/b"), "extra_streams[0].path: nothing between two slashes is no part of a path"),
    (with_(path="/a//"), "extra_streams[0].path: nothing between two slashes is no part of a path"),
    (with_(path="/a/../b"), "extra_streams[0].path: .. is no part of a path"),
    (with_(path="/organizers/(organizer)/x"), "extra_streams[0].path: (organizer) is no part of a path; a placeholder"),
    (with_(path="/organizers/{organizer.__class__}"), "extra_streams[0].path: {organizer.__class__} is no placeholder"),
    (with_(path="/organizers/{organizer!r}"), "extra_streams[0].path: {organizer!r} is no placeholder"),
    (with_(path="/organizers/{}"), "extra_streams[0].path: {} is no placeholder"),
    (with_(path="/organizers/x{organizer}"), "extra_streams[0].path: x{organizer} is no part of a path"),
    (with_(path="/organizers/{organizer}/{organizer}"), "extra_streams[0].path: {organizer} stands in it twice"),
    (
        with_(path="/organizers/{organiser}/quotas"),
        "extra_streams[0].path: {organiser} (did you mean {organizer}?) is none of {organizer}, ",
    ),
    (
        with_(path="/events/{event}/quotas"),
        "extra_streams[0].path: a row of events takes {organizer}, {event}; before {event} stands nothing",
    ),
    (
        with_(path="/organizers/{organizer}/items/{item}/x"),
        "extra_streams[0].path: a row of items takes {organizer}, {event}, {item}; before {item}",
    ),
    (with_(parent="items"), "extra_streams[0].parent: {event} is always a row of events"),
    (with_(path="/quotas", parent="items"), "extra_streams[0].path: has no placeholder for a row of items"),
    (
        with_(path=f"{EVENT}/quotas/{{quota}}/x", parent="quota"),
        "extra_streams[0].parent: there is no stream quota (did you mean quotas?)",
    ),
    (
        with_(path=f"{EVENT}/x/{{x}}/y", parent="my_quotas"),
        "extra_streams[0].parent: stands below itself: my_quotas below my_quotas",
    ),
    (
        with_(path="/organizers/{organizer}/orders/{order}/x", parent="orders"),
        "extra_streams[0].parent: orders is read on from a bookmark, so not every row comes; declare the list",
    ),
    (
        with_(path=f"{EVENT}/orderpositions/{{position}}/x", parent="order_positions"),
        "extra_streams[0].parent: order_positions is cut out of the rows of another stream",
    ),
    (
        with_(path="/organizers/{organizer}/invoices/{invoice}/x", parent="invoices"),
        "extra_streams[0].parent: invoices is the list of all events at once",
    ),
    (
        with_(path=f"{EVENT}/settings/{{x}}/y", parent="event_settings"),
        "extra_streams[0].parent: a row of event_settings has more than one key of its own, or none",
    ),
    (with_(fields={"id": "integr"}), "extra_streams[0].fields.id: there is no type integr (did you mean integer?)"),
    (with_(fields={"id": "integer", "a": 5}), "extra_streams[0].fields.a: has to be an object, with type"),
    (with_(fields={"id": "integer", "a": {"secret": True}}), "extra_streams[0].fields.a: object missing required"),
    (
        with_(fields={"id": "integer", "price": {"type": "decimel"}}),
        "extra_streams[0].fields.price.type: there is no type decimel (did you mean decimal?)",
    ),
    (
        with_(fields={"id": "integer", "a": {"type": "string", "personel": True}}),
        "extra_streams[0].fields.a: there is no personel (did you mean personal?)",
    ),
    (
        with_(fields={"id": "integer", "a": {"type": "string", "secret": "yes"}}),
        "extra_streams[0].fields.a.secret: expected `bool`, got `str`",
    ),
    (
        with_(fields={"id": "integer", "a": {"type": "string", "items": "string"}}),
        "extra_streams[0].fields.a.items: a field of type string has none",
    ),
    (
        with_(fields={"id": "integer", "a": {"type": "array", "fields": {"b": "string"}}}),
        "extra_streams[0].fields.a.fields: a field of type array has none",
    ),
    (
        with_(fields={"id": "integer", "a": {"type": "array", "items": {"type": "object", "fields": {"b": "txt"}}}}),
        "extra_streams[0].fields.a.items.fields.b: there is no type txt",
    ),
    (
        with_(fields={"id": "integer", "a": {"type": "array", "items": {"type": "string", "secret": True}}}),
        "extra_streams[0].fields.a.items: mark the array itself",
    ),
    (with_(fields={"id": "integer", "unknown_fields": "object"}), "extra_streams[0].fields.unknown_fields: is a name"),
    (with_(fields={"id": "integer", "_sdc_x": "string"}), "extra_streams[0].fields._sdc_x: is a name"),
    (with_(fields={"id": "integer", "": "string"}), "extra_streams[0].fields.: must not be empty or contain spaces"),
    (
        with_(fields={"id": "integer", "a b": "string"}),
        "extra_streams[0].fields.a b: must not be empty or contain spaces",
    ),
    (with_(fields={"id": "integer", "ID": "string"}), "extra_streams[0].fields.ID: loaders would take it for id"),
    (with_(fields={"id": "integer", "event": "string"}), "extra_streams[0].fields.event: is a key that the path gives"),
    (with_(paging="pages"), "extra_streams[0].paging: there is no pages (did you mean page?); it is page or single"),
    (with_(params={"page": "1"}), "extra_streams[0].params.page: is a parameter that the tap sets by itself"),
    (with_(params={"a": 1}), "extra_streams[0].params.a: has to be a text"),
    (with_(params={"a": [True]}), "extra_streams[0].params.a: has to be a text"),
    (with_(params={"a": []}), "extra_streams[0].params.a: has to be a text"),
    (with_(params=[]), "extra_streams[0].params: expected `object`, got `array`"),
    (with_(replication_key="changed"), "extra_streams[0].since_parameter: is missing"),
    (with_(since_parameter="since"), "extra_streams[0].replication_key: is missing"),
    (with_(tie_breaker="id"), "extra_streams[0].tie_breaker: has no meaning without replication_key"),
    (
        with_(replication_key="at", since_parameter="since", fields={"id": "integer", "at": "string"}),
        "extra_streams[0].replication_key: at is of type string; it can be date-time",
    ),
    (
        with_(replication_key="at", since_parameter="since", paging="single"),
        "extra_streams[0].replication_key: a list of one page is read whole each time",
    ),
    (
        with_(replication_key="at", since_parameter="since", params={"ordering": "id"}),
        "extra_streams[0].params.ordering: is a parameter that the tap sets by itself",
    ),
    (
        with_(path="/quotas", replication_key="at", since_parameter="since"),
        "extra_streams[0].replication_key: only lists of an organizer or of an event",
    ),
    (
        with_(replication_key="at", since_parameter="ordering"),
        "extra_streams[0].since_parameter: is a parameter that the tap sets by itself",
    ),
    (with_(primary_keys=["unknown_fields"]), "extra_streams[0].primary_keys.unknown_fields: is a name that the tap"),
    (with_(primary_keys=["a b"]), "extra_streams[0].primary_keys.a b: must not be empty or"),
    (with_(primary_keys=["id", "ID"]), "extra_streams[0].primary_keys.ID: loaders would take it for id"),
    (with_(fields={"id": "integer", "Event": "string"}), "extra_streams[0].fields.Event: is a key that the path gives"),
    (with_(path=f"{EVENT}/items/{{unknown_fields}}/x", parent="items"), "extra_streams[0].path: {unknown_fields} is"),
    (with_(path="/"), "extra_streams[0].path: nothing between two slashes is no part of a path"),
    (
        with_(path="/x/{event}/y/{organizer}"),
        "extra_streams[0].path: a row of organizers takes {organizer};",
    ),
    (with_(selected_by_default="no"), "extra_streams[0].selected_by_default: expected `bool`, got `str`"),
]


@pytest.mark.parametrize(("wrong", "line"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_one_line_that_begins_with_its_place(wrong: t.Any, line: str) -> None:
    (said,) = error_of(wrong)
    assert said.startswith(line)


def test_all_that_is_wrong_is_said_at_once() -> None:
    second = with_(path="/a?b", fields={"id": "txt", "x": "nmber"}, name="second")
    lines = error_of(with_(name="Quotas"), second, 5, with_(name="third"), with_(name="third"))
    assert [line.split(": ")[0] for line in lines] == [
        "extra_streams[0].name",
        "extra_streams[1].fields.id",
        "extra_streams[1].fields.x",
        "extra_streams[1].path",
        "extra_streams[2]",
        "extra_streams[4].name",
    ]
    assert lines[-1] == "extra_streams[4].name: extra_streams[3] has the name third already"


def test_parents_that_stand_below_each_other_are_refused() -> None:
    one = {"name": "one", "path": f"{EVENT}/a/{{a}}/b", "parent": "two", "primary_keys": ["id"]}
    two = {"name": "two", "path": f"{EVENT}/c/{{c}}/d", "parent": "one", "primary_keys": ["id"]}
    assert error_of(one, two) == ["extra_streams[1].parent: stands below itself: one below two below one"]


def test_a_path_from_a_documentation_that_repeats_the_end_of_api_url_is_refused() -> None:
    with pytest.raises(ConfigValidationError, match="/api/v1 is part of api_url already"):
        extra_streams([with_(path=f"/api/v1{EVENT}/quotas")], "https://pretix.eu/api/v1/")


def test_fields_inside_of_fields_come_to_an_end() -> None:
    deep: Json = {"type": "string"}
    for _ in range(500):
        deep = {"type": "object", "fields": {"a": deep}}
    (line,) = error_of(with_(fields={"id": "integer", "a": deep}))
    assert line.endswith("more than 20 deep")


def test_a_name_with_line_feeds_or_without_end_makes_no_long_line() -> None:
    for name in ("a\nb", "a " * 5000):
        (line,) = error_of(with_(fields={"id": "integer", name: "string"}))
        assert len(line) < 200
        assert "\n" not in line


@pytest.mark.parametrize(
    "text",
    ['{"name": "a"}', "quotas", "[1", "[" * 100_000, "null", "[NaN]", '["\\ud800"]'],
    ids=["object", "word", "open", "deep", "null", "no number", "half a character"],
)
def test_a_variable_that_is_no_list_is_refused_in_one_line_without_its_value(text: str, run_command: Run) -> None:
    variables = {"TAP_ORGANIZERS_API_URL": "http://localhost:1", "TAP_ORGANIZERS_API_TOKEN": "x"}
    finished = run_command("--config=ENV", environment={**variables, "TAP_ORGANIZERS_EXTRA_STREAMS": text})
    assert finished.code == 1
    assert finished.stdout == ""
    (line,) = [line for line in finished.stderr.splitlines() if "EXTRA_STREAMS" in line]
    assert line.endswith("the variable TAP_ORGANIZERS_EXTRA_STREAMS is not a JSON list")
    assert "Traceback" not in finished.stderr


@pytest.mark.parametrize("how", ["--discover", "--test", ""])
def test_a_wrong_declaration_ends_every_command_in_one_line(how: str, run_command: Run) -> None:
    finished = run_command(*([how] if how else []), config={**NOWHERE, "extra_streams": [with_(path="x")]})
    assert finished.code == 1
    assert finished.stdout == ""
    assert "extra_streams[0].path: has to begin with a slash" in finished.stderr
    assert "Traceback" not in finished.stderr


#: Any JSON, and what looks like a declaration but for some of its parts.
ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(["id", "string", "integer", "array", "/a", "{event}", EVENT, "things", "single", "page"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
WORDS = sorted({*Declaration.__struct_fields__, "primary_key"})
SPOILED = st.fixed_dictionaries(
    {
        "name": st.just("a") | ANY,
        "path": st.just(f"{EVENT}/items/{{item}}/x") | ANY,
        "primary_keys": st.just(["id"]) | ANY,
    },
    optional={
        **{word: ANY for word in WORDS if word not in {"name", "path", "primary_keys", "fields"}},
        "fields": ANY | st.dictionaries(st.sampled_from(["id", "a", "A", "event"]), ANY, max_size=3),
    },
)


@settings(max_examples=400)
@given(st.lists(SPOILED | ANY, max_size=3))
def test_whatever_is_declared_is_refused_in_lines_with_a_place_or_makes_a_catalog(declared: list[t.Any]) -> None:
    made: tuple[t.Any, ...] = ()
    lines: t.Sequence[str] = ()
    try:
        made = extra_streams(declared)
    except ConfigValidationError as refused:
        lines = refused.errors
    for line in lines:
        assert re.match(r"extra_streams\[\d\][\w.\[\]]*", line)
        assert len(line.splitlines()) == 1
    if not lines:
        assert len(made) == len(declared)
        catalog = discovered({**NOWHERE, "extra_streams": json.loads(json.dumps(declared))})
        for kind in made:
            entry = entry_of(catalog, str(kind.name))
            Draft202012Validator.check_schema(entry["schema"])
            assert entry["key_properties"]


# --- the catalog ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_declared_stream_has_the_catalog_entry_of_the_stream_of_the_code(name: str) -> None:
    catalog = discovered({**NOWHERE, "extra_streams": declarations()})
    own, declared = entry_of(catalog, name), entry_of(catalog, COPY + name)

    def facts(entry: Json) -> Json:
        found = json.loads(json.dumps(entry))
        for fact in ("tap_stream_id", "stream", "replication_key", "replication_method"):
            found.pop(fact, None)
        metadata = {tuple(one["breadcrumb"]): one["metadata"] for one in found.pop("metadata")}
        properties = found["schema"]["properties"]
        for field in properties.values():
            del field["description"]  # of the parents' keys, which a declaration knows less of
        if name in READ_IN_FULL:
            metadata.pop(("properties", own["replication_key"]))
        else:
            assert entry.get("replication_key") == own.get("replication_key")
        return {**found, "metadata": {crumb: one.get("selected-by-default") for crumb, one in metadata.items()}}

    assert facts(declared) == facts(own)


def test_the_catalog_is_made_without_a_network_from_the_environment_or_a_file(run_command: Run) -> None:
    declared = [QUOTAS, BELOW_ITEMS, ITEMS]
    from_file = run_command("--discover", config={**NOWHERE, "extra_streams": declared})
    variables = {"TAP_ORGANIZERS_API_URL": "http://localhost:1", "TAP_ORGANIZERS_API_TOKEN": "x"}
    variables["TAP_ORGANIZERS_EXTRA_STREAMS"] = json.dumps(declared)
    from_environment = run_command("--discover", "--config=ENV", environment=variables)
    assert from_file.code == from_environment.code == 0
    assert from_file.stdout == from_environment.stdout
    names = {entry["tap_stream_id"] for entry in json.loads(from_file.stdout)["streams"]}
    assert {"my_quotas", "things", "more"} < names


def test_a_key_that_is_not_declared_is_a_text_and_a_parents_key_is_what_the_parent_says() -> None:
    catalog = discovered({**NOWHERE, "extra_streams": [QUOTAS, BELOW_ITEMS, ITEMS]})
    assert entry_of(catalog, "my_quotas")["schema"]["properties"]["id"]["type"] == ["string"]
    below = entry_of(catalog, "more")["schema"]["properties"]
    assert list(below) == ["organizer", "event", "thing", "id", "unknown_fields"]
    assert below["thing"]["type"] == ["integer", "null"]


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reading(quiet_sandbox: Sandbox) -> Result:
    """Everything that can be declared, beside the streams of the code."""
    left_out = {COPY + name for name in ASKED_LESS}
    declared = [one for one in declarations() if one["name"] not in left_out]
    config = organizers_config(quiet_sandbox, extra_streams=declared)
    return run_tap(config, with_all_fields(discovered(config)))


@pytest.mark.parametrize("name", NAMES)
def test_a_declared_list_has_the_rows_of_the_stream_of_the_code(name: str, reading: Result) -> None:
    without = FROM_THE_REQUEST.get(name, ())
    own = as_set(reading.records[name], without)
    assert own
    assert as_set((row for copy in names_of(name) for row in reading.records[copy]), without) == own


def test_the_three_first_streams_are_the_same_row_for_row_and_in_order(quiet_sandbox: Sandbox) -> None:
    by_name = {str(stream.name): stream for stream in t.cast("t.Any", STREAMS)}
    declared = [declaration(by_name[name]) for name in ("organizers", "events", "tax_rules")]
    result = read(quiet_sandbox, *declared, streams=("organizers", "events", "tax_rules"))
    for name in ("organizers", "events", "tax_rules"):
        assert result.records[COPY + name] == result.records[name]
        assert len(result.records[name]) > 1


def test_without_fields_all_of_a_row_but_its_key_is_in_unknown_fields(quiet_sandbox: Sandbox) -> None:
    result = read(quiet_sandbox, QUOTAS, streams=["quotas"])
    assert len(result.records["my_quotas"]) == len(result.records["quotas"]) > 0
    for row, own in zip(result.records["my_quotas"], result.records["quotas"], strict=True):
        assert row.keys() == {"organizer", "event", "id", "unknown_fields"}
        rest = {name: value for name, value in own.items() if name not in {"organizer", "event", "id"}}
        assert (row["id"], row["unknown_fields"]) == (str(own["id"]), rest)


def test_what_is_not_declared_is_told_with_types_and_not_as_a_fault_of_the_project(quiet_sandbox: Sandbox) -> None:
    result = read(quiet_sandbox, {**QUOTAS, "fields": {"id": "integer", "name": "boolean"}})
    table = [" ".join(line.split()) for line in result.lines() if line.startswith("  my_quotas ")]
    rows = len(result.records["my_quotas"])
    assert f"my_quotas name string boolean {rows} kept" in table
    assert f"my_quotas items array nothing {rows} kept" in table
    assert not any("Please report" in line for line in result.lines())


def test_a_declared_list_can_be_the_parent_of_another_whether_it_is_selected_or_not(quiet_sandbox: Sandbox) -> None:
    both = read(quiet_sandbox, BELOW_ITEMS, ITEMS, streams=["item_bundles"])
    config = organizers_config(quiet_sandbox, extra_streams=[BELOW_ITEMS, ITEMS])
    alone = run_tap(config, only(discovered(config), "more"))
    own = {(str(row["id"]), row["item"], row["event"]) for row in both.records["item_bundles"]}
    for result in (both, alone):
        assert {(row["id"], row["thing"], row["event"]) for row in result.records["more"]} == own
    assert both.records["things"]
    assert alone.records["things"] == []


def test_lists_below_a_declared_one_are_asked_for_ahead(sandbox: Sandbox) -> None:
    sandbox.latency = 0.02
    read(sandbox, BELOW_ITEMS, ITEMS)
    assert sandbox.stats()["most_at_once"] > 2


def test_a_list_that_is_denied_is_skipped_or_ends_the_run_as_a_built_in_one(sandbox: Sandbox) -> None:
    vouchers = {**QUOTAS, "name": "codes", "path": f"{EVENT}/vouchers", "permission": "event.vouchers:read"}
    token = sandbox.organizers.add_token(permissions=["event.orders:read"])
    skipped = read(sandbox, vouchers, QUOTAS, api_token=token, on_denied="skip")
    assert skipped.error is None
    assert skipped.records["codes"] == []
    assert skipped.records["my_quotas"]
    assert any("codes: skipped, denied; it takes the permission event.vouchers:read" in one for one in skipped.lines())
    failed = read(sandbox, vouchers, api_token=token)
    assert failed.error is not None
    assert "codes" in str(failed.error)


def test_a_list_that_the_server_does_not_have_is_named_once(quiet_sandbox: Sandbox) -> None:
    result = read(quiet_sandbox, {**QUOTAS, "path": f"{EVENT}/exhibitors"})
    assert result.error is None
    (line,) = [line for line in result.lines() if line.startswith("my_quotas: ")]
    assert "does not have it" in line


def test_personal_data_goes_and_so_does_all_that_is_not_declared(quiet_sandbox: Sandbox) -> None:
    fields = {"identifier": "string", "email": {"type": "string", "personal": True}, "locale": "string"}
    people = {
        "name": "people",
        "path": "/organizers/{organizer}/customers",
        "primary_keys": ["organizer", "identifier"],
        "fields": fields,
    }
    result = read(quiet_sandbox, people, personal_data=False)
    assert result.records["people"]
    assert all(row.keys() == {"organizer", "identifier", "locale"} for row in result.records["people"])


def test_a_secret_and_a_deselected_stream_are_left_out_by_default(quiet_sandbox: Sandbox) -> None:
    codes = {
        **QUOTAS,
        "name": "codes",
        "path": f"{EVENT}/vouchers",
        "fields": {"id": "integer", "code": {"type": "string", "secret": True}},
    }
    config = organizers_config(quiet_sandbox, extra_streams=[codes, {**QUOTAS, "selected_by_default": False}])
    metadata = {
        entry["tap_stream_id"]: {tuple(one["breadcrumb"]): one["metadata"] for one in entry["metadata"]}
        for entry in discovered(config)["streams"]
    }
    assert metadata["my_quotas"][()]["selected-by-default"] is False
    assert metadata["codes"][("properties", "code")]["selected-by-default"] is False
    catalog = discovered(config)
    for entry in catalog["streams"]:
        if entry["tap_stream_id"] not in {"codes", "my_quotas"}:
            select(entry, selected=False)
    result = run_tap(config, catalog)
    assert {name for row in result.records["codes"] for name in row} == {"organizer", "event", "id", "unknown_fields"}
    assert result.records["my_quotas"] == []


def changes(level: str) -> Json:
    """Return a list that can be read on from a bookmark."""
    if level == "organizers":
        return {
            "name": "dates",
            "path": "/organizers/{organizer}/subevents",
            "primary_keys": ["id"],
            "replication_key": "last_modified",
            "since_parameter": "modified_since",
            "tie_breaker": "id",
        }
    return {
        "name": "scans",
        "path": f"{EVENT}/revokedsecrets",
        "primary_keys": ["id"],
        "replication_key": "created",
        "since_parameter": "created_since",
    }


@pytest.mark.parametrize("level", ["organizers", "events"])
def test_a_list_with_a_replication_key_goes_on_from_its_bookmark(level: str, sandbox: Sandbox) -> None:
    declared = changes(level)
    first = read(sandbox, declared)
    assert first.records[declared["name"]]
    assert first.states[-1]["bookmarks"][declared["name"]][level]
    second = read(sandbox, declared, state=first.states[-1])
    assert second.records[declared["name"]] == []
    asked = sandbox.requests(f"/{declared['path'].rpartition('/')[2]}/")
    assert any(request.parameter(declared["since_parameter"]) for request in asked)


def test_a_server_that_does_not_know_the_filter_is_read_in_full(sandbox: Sandbox) -> None:
    declared = {**changes("organizers"), "since_parameter": "altered_since"}
    first = read(sandbox, declared)
    second = read(sandbox, declared, state=first.states[-1])
    assert as_set(second.records["dates"]) == as_set(first.records["dates"])


def test_versions_are_activated_when_all_of_a_declared_list_has_come(quiet_sandbox: Sandbox) -> None:
    result = read(quiet_sandbox, QUOTAS, BELOW_ITEMS, ITEMS, emit_activate_version_messages=True)
    activated = [message["stream"] for message in result.messages if message["type"] == "ACTIVATE_VERSION"]
    assert set(activated) == {"my_quotas", "things", "more"}


def events_of(result: Result, stream: str) -> set[str]:
    return {row["event"] for row in result.records[stream]}


def test_the_sweep_reads_below_past_events_only_when_it_is_due(sandbox: Sandbox) -> None:
    first = read(sandbox, QUOTAS, sweep_days=4, sweep_after_days=0)
    second = read(sandbox, QUOTAS, sweep_days=4, sweep_after_days=0, state=first.states[-1])
    past = events_of(first, "my_quotas") - events_of(second, "my_quotas")
    built_in = read(sandbox, streams=["quotas"], sweep_days=4, sweep_after_days=0)
    again = read(sandbox, streams=["quotas"], sweep_days=4, sweep_after_days=0, state=built_in.states[-1])
    assert past == {row["event"] for row in built_in.records["quotas"]} - {
        row["event"] for row in again.records["quotas"]
    }
    assert past


def test_shards_share_declared_lists_of_every_level(quiet_sandbox: Sandbox) -> None:
    top = {"name": "top", "path": "/organizers", "primary_keys": ["slug"]}
    second = {"name": "plans", "path": "/organizers/{organizer}/seatingplans", "primary_keys": ["id"]}
    declared = (top, second, QUOTAS, BELOW_ITEMS, ITEMS)
    whole = read(quiet_sandbox, *declared)
    parts = [
        read(quiet_sandbox, *declared, shard_index=index, shard_count=3, shard_events_of=["*"]) for index in range(3)
    ]
    for one in declared:
        name = str(one["name"])
        rows = [json.dumps(row, sort_keys=True) for part in parts for row in part.records[name]]
        assert sorted(rows) == sorted(json.dumps(row, sort_keys=True) for row in whole.records[name])
        assert rows


def test_parameters_are_sent_with_every_page_and_repeated_ones_more_than_once(sandbox: Sandbox) -> None:
    read(sandbox, {**QUOTAS, "params": {"include": ["id", "name"], "lang": "de"}})
    asked = sandbox.requests("/quotas/")
    assert asked
    assert all("include=id&include=name&lang=de" in request.query_string for request in asked)


# --- one answer -------------------------------------------------------------------------------------------------------

SINGLE: Json = {
    "name": "facts",
    "path": "/organizers/{organizer}/settings",
    "primary_keys": ["organizer"],
    "paging": "single",
}


def test_an_object_in_place_of_a_list_is_one_row(quiet_sandbox: Sandbox) -> None:
    result = read(quiet_sandbox, SINGLE, streams=["organizer_settings"])
    assert [{row["organizer"]: row["unknown_fields"]} for row in result.records["facts"]] == [
        {row["organizer"]: row["settings"]} for row in result.records["organizer_settings"]
    ]


@pytest.mark.parametrize(
    ("body", "key", "rows"),
    [
        ([{"id": 1}, {"id": 2}], "", ["1", "2"]),
        ({"id": 1}, "", ["1"]),
        ({"items": [{"id": 1}, {"id": 2}], "more": 1}, "items", ["1", "2"]),
        ({"items": []}, "items", []),
        ([], "", []),
    ],
    ids=["list", "object", "key", "no rows", "empty list"],
)
def test_one_answer_can_be_a_list_or_an_object(body: t.Any, key: str, rows: list[str], sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("/settings/", status=200, body=json.dumps(body)))
    result = read(
        sandbox, {**SINGLE, "primary_keys": ["organizer", "id"], "records_key": key}, organizers=["riverside"]
    )
    assert [row["id"] for row in result.records["facts"]] == rows
    assert len(sandbox.requests("/settings/")) <= 2  # with the redirect to the slash


def test_more_than_one_row_without_a_key_of_its_own_is_refused(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("/settings/", status=200, body="[{}, {}]"))
    result = read(sandbox, SINGLE, organizers=["riverside"])
    assert isinstance(result.error, BrokenAnswer)
    assert "primary_keys names no field that tells them apart" in str(result.error)


def test_rows_under_another_key_are_paged_too(sandbox: Sandbox) -> None:
    sandbox.faults.add(
        Fault("/quotas/", status=200, body='{"quotas": [{"id": 7}], "next": null, "count": 1}', times=99)
    )
    result = read(sandbox, {**QUOTAS, "records_key": "quotas"}, organizers=["riverside"])
    assert {row["id"] for row in result.records["my_quotas"]} == {"7"}
    missing = read(sandbox, {**QUOTAS, "records_key": "rows"}, organizers=["riverside"])
    assert missing.error is not None
    assert "'rows'" in str(missing.error)


# --- what is not there ------------------------------------------------------------------------------------------------


def test_an_object_that_not_every_row_has_is_no_loss_and_is_asked_for_once(sandbox: Sandbox) -> None:
    facts = {**SINGLE, "path": f"{EVENT}/items/{{item}}/facts", "primary_keys": ["item"]}
    sandbox.faults.add(Fault(r"/items/\d*1/facts/?$", status=200, body='{"colour": "red"}', times=99))
    sandbox.faults.add(Fault(r"/items/\d+/facts/?$", status=404, body='{"detail": "Not found."}', times=99))
    result = read(sandbox, facts, streams=["items"], emit_activate_version_messages=True)
    with_facts = [row["id"] for row in result.records["items"] if row["id"] % 10 == 1]
    assert [row["item"] for row in result.records["facts"]] == with_facts
    assert 0 < len(with_facts) < len(result.records["items"])
    assert result.warnings() == []
    assert {message["stream"] for message in result.messages if message["type"] == "ACTIVATE_VERSION"} >= {"facts"}
    assert len(sandbox.requests("/facts")) == len(result.records["items"])


def test_a_list_below_nothing_that_is_not_there_is_named_and_no_setting_is_blamed(sandbox: Sandbox) -> None:
    accounts = {"name": "accounts", "path": "/var", "primary_keys": ["id"]}
    result = read(sandbox, accounts)
    assert result.error is None
    assert [line for line in result.lines() if "does not have it" in line] == [
        "accounts: skipped, this server (2026.8.0) does not have it"
    ]
    sandbox.faults.add(Fault("/version", status=404, body="<html></html>", times=99))
    assert "look at the setting api_url" in str(read(sandbox, accounts).error)


def test_lists_below_a_row_without_a_usable_key_fail_and_all_others_are_read(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault("/items/$", status=200, body='{"count": 1, "next": null, "results": [{"id": true}]}'))
    result = read(sandbox, BELOW_ITEMS, ITEMS)
    assert "more: a row has no usable 'id'" in str(result.error)
    assert result.records["more"]


def test_a_permission_of_a_declaration_is_one_line_and_no_other_version_is_named(sandbox: Sandbox) -> None:
    teams = {
        "name": "groups",
        "path": "/organizers/{organizer}/teams",
        "primary_keys": ["id"],
        "permission": "a or\n b",
    }
    result = read(sandbox, teams, api_token=sandbox.organizers.add_token(permissions=["c"]), on_denied="skip")
    assert "groups: skipped, denied; it takes the permission a or b" in result.warnings()


def test_lists_below_a_list_that_is_below_nothing_keep_their_own_values(sandbox: Sandbox) -> None:
    fields = {"id": "integer", "name": "string"}
    accounts = {"name": "accounts", "path": "/var", "primary_keys": ["id"], "fields": fields}
    below = {**accounts, "name": "notes", "path": "/var/{account}/notes", "parent": "accounts"}
    for path, rows in (("/var/?$", '[{"id": 5, "name": "ours"}]'), ("/var/5/notes/?$", '[{"id": 1, "name": null}]')):
        sandbox.faults.add(Fault(path, status=200, body=rows, times=9))
    result = read(sandbox, accounts, below)
    assert result.records["accounts"] == [{"id": 5, "name": "ours"}]
    assert result.records["notes"] == [{"account": 5, "id": 1, "name": None}]


def test_what_the_tap_notes_in_a_context_can_be_no_name_of_a_declaration() -> None:
    for note in (ACCOUNT, IS_SERIES):
        assert "must not be empty or contain spaces" in error_of(with_(fields={"id": "integer", note: "string"}))[0]
        assert "is no placeholder" in error_of(with_(path=f"{EVENT}/items/{{{note}}}", parent="items"))[0]
