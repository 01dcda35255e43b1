"""`meltano run` from the sandbox into real loaders: what arrives, as what, and what a second run makes of it."""

from __future__ import annotations

import json
import typing as t

import pytest

from sandbox.box import Sandbox, Scale
from tap_organizers.tap import TapOrganizers
from tests.meltano.conftest import ROOT
from tests.meltano.loads import DATABASES, LOADERS, LOADS, Load, Loads, Places, read
from tests.meltano.truth import KEYS, InDuckDB, Loaded, sandbox_rows
from tools.streams import deselected, table

if t.TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.meltano

each_load = pytest.mark.parametrize(("tap", "loader"), [(tap, loader) for tap in LOADS for loader in LOADS[tap]])
each_loader = pytest.mark.parametrize("loader", LOADERS)

SELECT = json.dumps([*(f"{stream}.*" for stream in KEYS["tap-organizers"]), *deselected(TapOrganizers)])
#: Columns of the table of types, and what is in them for kinds of columns.
HEAD = ("In the stream", "PostgreSQL", "DuckDB", "JSON lines", "CSV")
KINDS = {
    "text; money and rates with all digits": "text",
    "empty text": "empty text",
    "whole number": "whole number",
    "number (coordinates)": "number",
    "true or false": "true or false",
    "time": "time",
    "date": "date",
    "object": "object",
    "list of objects": "list of objects",
    "list of texts": "list of texts",
    "list of whole numbers": "list of whole numbers",
    "list of anything": "list of anything",
}


def once(box: Sandbox, tap: str) -> dict[str, tuple[int, int]]:
    """Return the counts where each row is there once."""
    return {stream: (rows, rows) for stream, rows in sandbox_rows(box, tap).items()}


@each_load
def test_every_row_arrives(tap: str, loader: str, loads: Loads) -> None:
    assert loads.twice(tap)[0].counts[loader] == once(loads.box, tap)


@each_load
def test_every_value_arrives(tap: str, loader: str, loads: Loads) -> None:
    """Nested ones, times to the microsecond, money to the last digit."""
    for stream, (left, true) in loads.twice(tap)[0].alike[loader].items():
        assert left == true, stream


@each_load
def test_a_second_run_repeats_nothing_where_keys_are_known(tap: str, loader: str, loads: Loads) -> None:
    """target-jsonl appends to its files and target-csv replaces them, so these show what the second run has read."""
    counts, expected = loads.twice(tap)[1].counts[loader], once(loads.box, tap)
    if loader in DATABASES:
        assert counts == expected
    elif loader == "target-jsonl":
        assert {stream: keys for stream, (_, keys) in counts.items()} == sandbox_rows(loads.box, tap)
        assert counts != expected
    else:
        whole = KEYS[tap].keys() & {"organizers", "items", "vouchers", "tickets"}
        assert {stream: counts[stream] for stream in whole} == {stream: expected[stream] for stream in whole}
        assert counts != expected


@pytest.fixture(scope="module")
def mapped(loads: Loads) -> Load:
    """One run into all loaders, flattened and through a stream map."""
    places = loads.places("mapped")
    config = {
        "flattening_enabled": True,
        "flattening_max_depth": 1,
        "stream_maps": {"orders": {"email": "sha256(email) if email else None", "origin": "'shop'"}},
    }
    loads.project.meltano(
        *["run", "--state-id-suffix", "mapped", *(one for loader in LOADERS for one in ("tap-organizers", loader))],
        TAP_ORGANIZERS__SELECT=SELECT,
        TAP_ORGANIZERS_FLATTENING_ENABLED="true",
        TAP_ORGANIZERS_FLATTENING_MAX_DEPTH="1",
        TAP_ORGANIZERS_STREAM_MAPS=json.dumps(config["stream_maps"]),
        **places.settings,
    )
    return Load.of(read(loads.box, "tap-organizers", **config), places.loaded, KEYS["tap-organizers"])


@each_loader
def test_flattened_and_mapped_rows_arrive(loader: str, mapped: Load, loads: Loads) -> None:
    lost = []
    for stream, (left, true) in mapped.alike[loader].items():
        if left != true and loader == "target-duckdb" and has_only_text(loads.places("mapped").duckdb, stream):
            # https://github.com/jwills/target-duckdb/pull/58: it takes the first row for names of columns.
            lost.append(stream)
            assert len(true) - len(left) == 1
            assert left == {key: true[key] for key in left}
        else:
            assert left == true, stream
    assert bool(lost) == (loader == "target-duckdb"), "docs/loaders.md warns of it"
    orders = mapped.alike[loader]["orders"][0].values()
    data = loads.box.organizers
    assert {row["invoice_address__country"] for row in orders if row["invoice_address__country"]} == {
        order["invoice_address"]["country"]
        for slug in data.organizers
        for order in data.rows(f"/organizers/{slug}/orders/")
        if order["invoice_address"]
    }
    assert {row["origin"] for row in orders} == {"shop"}


def has_only_text(tables: InDuckDB, stream: str) -> bool:
    """Return whether all columns of a table are text."""
    types = tables.answer(f"select distinct data_type from information_schema.columns where table_name = '{stream}'")
    return [row["data_type"] for row in types] == ["VARCHAR"]


BATCHES = {
    "TAP_ORGANIZERS_BATCH_CONFIG_ENCODING_FORMAT": "jsonl",
    "TAP_ORGANIZERS_BATCH_CONFIG_ENCODING_COMPRESSION": "gzip",
    "TAP_ORGANIZERS_BATCH_CONFIG_STORAGE_PREFIX": "night-",
}


@pytest.fixture(scope="module")
def takes_batches(loads: Loads) -> dict[str, bool]:
    """Which loaders take batch files; what those got is compared row by row."""
    places, taken = loads.places("batches"), {}
    folder = loads.project.folder / "batches"
    folder.mkdir()
    for loader in LOADERS:
        done = loads.project.try_meltano(
            *["run", "--state-id-suffix", "batches", "tap-organizers", loader],
            TAP_ORGANIZERS__SELECT=SELECT,
            TAP_ORGANIZERS_BATCH_CONFIG_STORAGE_ROOT=folder.as_uri(),
            **BATCHES,
            **places.settings,
        )
        taken[loader] = done.returncode == 0
        assert taken[loader] or "Loader failed" in done.stderr
        if taken[loader]:
            found = Load.of(read(loads.box, "tap-organizers"), {loader: places.loaded[loader]}, KEYS["tap-organizers"])
            assert found.counts[loader] == once(loads.box, "tap-organizers")
            assert all(left == true for left, true in found.alike[loader].values())
    assert {_stream(file) for file in folder.glob("night-*.gz")} == KEYS["tap-organizers"].keys()
    return taken


def _stream(file: Path) -> str:
    return file.name.split("--")[1].partition(".")[0][:-37]


def test_batch_files_arrive_in_postgres(takes_batches: dict[str, bool]) -> None:
    assert takes_batches["target-postgres"]


def fate_of(place: Loaded, key: int) -> str:
    """Return what a loader has made of a tax rule that the API has deleted."""
    rows = [row for row in place.rows("tax_rules") if int(row["id"]) == key]
    if not rows:
        return "gone"
    return "marked" if rows[0].get("_sdc_deleted_at") else "there"


@pytest.fixture(scope="module")
def deleted_rows(loads: Loads) -> dict[str, str]:
    """What each loader makes of a deleted row, by the preset `tap-pretix`."""
    soft, hard = loads.places("deletions"), loads.places("hard_deletions")
    runs: list[tuple[str, Places, dict[str, str]]] = [(loader, soft, {}) for loader in LOADERS]
    runs.append(("target-postgres", hard, {"TARGET_POSTGRES_HARD_DELETE": "true"}))
    found: dict[str, list[str]] = {loader: [] for loader in LOADERS}
    with Sandbox(scale=Scale(organizers=1, events=3, tax_rules=5, orders=10)) as box:
        path = f"/organizers/riverside/events/{next(iter(box.organizers.organizers['riverside'].events))}/taxrules/"
        doomed, *_ = (row["id"] for row in box.organizers.rows(path))
        for number in range(2):
            for loader, places, more in runs:
                loads.project.meltano(
                    *["run", "--state-id-suffix", places.name, "tap-pretix", loader],
                    TAP_PRETIX_API_URL=box.organizers_url,
                    TAP_PRETIX_API_TOKEN=box.token,
                    **{**places.settings, **more},
                )
                if number == 1:
                    found[loader].append(fate_of(places.loaded[loader], doomed))
            if number == 0:
                box.organizers.delete_row(path, doomed)
    return {loader: ", ".join(fates) for loader, fates in found.items()}


#: What the table says of these fates.
FATES = {
    "marked, gone": "marked in `_sdc_deleted_at`, or with `hard_delete` gone",
    "there": "stay",
    "gone": "the last run only",
}


def test_the_table_of_types_is_what_was_found(
    loads: Loads, mapped: Load, takes_batches: dict[str, bool], deleted_rows: dict[str, str]
) -> None:
    first = {loader: [loads.twice(tap)[0] for tap in LOADS if loader in LOADS[tap]] for loader in LOADERS}
    second = {loader: loads.twice(tap)[1] for tap in ("tap-organizers", "tap-pretix") for loader in LOADS[tap]}

    def after_a_second_run(loader: str) -> str:
        counts = second[loader].counts[loader]
        if counts == once(loads.box, "tap-organizers"):
            return "each row once"
        return "read again, there again" if any(rows > keys for rows, keys in counts.values()) else "the last run only"

    def columns_of(loader: str) -> str:
        return (
            "columns" if "invoice_address__country" in next(iter(mapped.alike[loader]["orders"][0].values())) else "one"
        )

    rows = [
        (
            label,
            *(
                " or ".join(sorted(set().union(*(one.forms[loader][kind] for one in first[loader]))))
                for loader in LOADERS
            ),
        )
        for label, kind in KINDS.items()
    ]
    rows.append(("object, with `flattening_enabled`", *map(columns_of, LOADERS)))
    rows.append(("after a second run", *map(after_a_second_run, LOADERS)))
    rows.append(
        ("batch files (`batch_config`)", *("loaded" if takes_batches[loader] else "refused" for loader in LOADERS))
    )
    rows.append(("deleted rows, [with versions](#deleted-rows)", *(FATES[deleted_rows[loader]] for loader in LOADERS)))
    expected = table(HEAD, rows)
    assert expected in (ROOT / "docs" / "loaders.md").read_text(encoding="utf-8"), expected
