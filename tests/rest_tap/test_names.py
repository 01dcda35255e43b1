"""Names of fields that hold a secret never leave the tap, wherever in a record they stand."""

from __future__ import annotations

import json
import typing as t
import weakref

import pytest

from rest_tap.names import NAMES_KEPT, NameClearer
from rest_tap.records import RecordEncoder
from rest_tap.redact import Redactor
from rest_tap.schema import Anything, Array, I18n, Integer, Json, Object, String, fields
from tests.support.echoes import ECHOES, shows
from tests.support.things import things

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Json as Record

SECRET = "zq7KxW4vJp9TnB2mRfYd8HcG3sLgVwX6"
FIELDS = fields(
    name=String(),
    title=I18n(),
    meta=Json(),
    anything=Array(Anything),
    parts=Array(fields(code=String(), meta=Json())),
    kind=Object(fields(id=Integer(), name=String())),
)


@pytest.fixture(autouse=True)
def redactor(monkeypatch: pytest.MonkeyPatch) -> Redactor:
    """Know the secret."""
    known = Redactor(lambda: [SECRET])
    monkeypatch.setattr("rest_tap.redact._redactors", [weakref.ref(known)])
    return known


def written(record: Record) -> Record:
    """Return what leaves the tap of a record."""
    encoder = RecordEncoder(things(FIELDS))
    (line,) = encoder.lines(encoder.prepare([{"id": 1, **record}]), "now").splitlines()
    return t.cast("Record", json.loads(line)["record"])


def names(value: t.Any) -> Iterator[str]:
    """Yield the names of all fields."""
    if isinstance(value, dict):
        yield from value
    if isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from names(one)


PLACES: dict[str, t.Callable[[str], Record]] = {
    "of the record": lambda name: {name: 1},
    "in an unknown field": lambda name: {"seat": {"row": [{name: 1}]}},
    "in a part": lambda name: {"parts": [{"code": "x"}, {"code": "y", name: 1}]},
    "below a part's unknown field": lambda name: {"parts": [{"code": "y", "seat": {name: 1}}]},
    "in an object": lambda name: {"kind": {"id": 1, name: 2}},
    "in what does not fit": lambda name: {"name": {name: 1}},
}
#: Where the schema lets a server name fields as it likes.
OPEN_PLACES: dict[str, t.Callable[[str], Record]] = {
    "in a translated text": lambda name: {"title": {"en": "x", name: "y"}},
    "in an open object": lambda name: {"meta": {"a": {"b": [[{name: 1}]]}}},
    "in a list of anything": lambda name: {"anything": [1, {name: [1]}]},
    "in a part's open object": lambda name: {"parts": [{"code": "y", "meta": {name: 1}}]},
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("echo", ECHOES)
def test_no_name_holds_a_secret(echo: str, place: str) -> None:
    record = PLACES[place](ECHOES[echo](SECRET))
    found = written(record)
    assert not any(shows(name, SECRET) for name in names(found)), found
    assert len(list(names(found))) >= len(list(names(record)))


@pytest.mark.parametrize("place", OPEN_PLACES)
def test_no_name_in_an_open_object_is_the_secret_as_it_was_sent(place: str) -> None:
    found = written(OPEN_PLACES[place](f"x-{SECRET}"))
    assert not any(shows(name, SECRET) for name in names(found)), found


@pytest.mark.parametrize("place", PLACES)
def test_other_names_and_all_values_leave_as_they_came(place: str) -> None:
    found = written(PLACES[place]("colour"))
    assert "colour" in set(names(found))
    assert written({"name": SECRET, "meta": {"a": SECRET}})["meta"] == {"a": SECRET}


def test_names_that_become_one_keep_their_values_and_their_order() -> None:
    assert written({"meta": {"a": 0, SECRET: 1, SECRET.upper(): 2, "b": 3}})["meta"] == {
        "a": 0,
        "***": 1,
        "*** 2": 2,
        "b": 3,
    }


def test_that_a_name_was_cleared_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    encoder = RecordEncoder(things(FIELDS))
    for number in range(3):
        encoder.lines(encoder.prepare([{"id": number, SECRET: 1, "meta": {SECRET: 1}}]), "now")
    assert [record.getMessage() for record in caplog.records] == [
        "things: the server sends names of fields that hold the credential; *** stands in its place"
    ]


def test_a_name_is_looked_at_once_and_any_number_of_them_takes_bounded_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []

    def look(name: str) -> str:
        looked.append(name)
        return name

    monkeypatch.setattr("rest_tap.names.masked", look)
    clearer = NameClearer()
    for _ in range(3):
        clearer.clear([{"a": 1, "b": {"a": 2}}])
    assert sorted(looked) == ["a", "b"]
    clearer.clear({str(number): number for number in range(NAMES_KEPT + 50)})
    assert len(clearer._harmless) == NAMES_KEPT


def test_a_very_long_name_is_cut() -> None:
    (name,) = written({"x" * 100_000: 1})["unknown_fields"]
    assert len(name) == 4000
