"""The first example of docs/extra-streams.md, loaded: from the project's file, and from the environment."""

from __future__ import annotations

import json
import typing as t

import pytest

from sandbox import Fault
from tests.support.pages import blocks

if t.TYPE_CHECKING:
    from tests.meltano.loads import Loads
    from tests.meltano.truth import Json

pytestmark = pytest.mark.meltano

PAGE = "docs/extra-streams.md"
HOME = "https://example.org"
ROWS = [
    {"id": 1, "code": "wZnL", "description": "Poster", "external_target": HOME, "order_count": 3, "click_count": 40},
    {"id": 2, "code": "IfVJ", "description": "Letter", "external_target": HOME, "order_count": 0, "click_count": 7},
]


def test_a_declared_list_is_loaded_from_the_file_and_from_the_environment(loads: Loads) -> None:
    body = json.dumps({"count": 2, "next": None, "previous": None, "results": ROWS})
    loads.box.faults.add(Fault(r"/events/[^/]+/campaigns/?$", status=200, body=body, times=1000))
    in_file, variable = (
        next(block.text for block in blocks(PAGE) if block.language == language) for language in ("yaml", "ini")
    )
    project = loads.project
    (project.folder / "orchestrate").mkdir(exist_ok=True)
    example = project.folder / "orchestrate" / "campaigns.meltano.yml"
    example.write_text(in_file, encoding="utf-8")
    settings = {
        "TAP_PRETIX_CAMPAIGNS_API_URL": loads.box.organizers_url,
        "TAP_PRETIX_CAMPAIGNS_API_TOKEN": loads.box.token,
    }
    by_file, by_variable = loads.places("campaigns-in-file"), loads.places("campaigns-in-variable")
    project.meltano("run", "tap-pretix-campaigns", "target-duckdb", **settings, **by_file.settings)
    settings["TAP_PRETIX_CAMPAIGNS_EXTRA_STREAMS"] = variable.strip().partition("=")[2].strip("'")
    project.meltano("run", "tap-pretix-campaigns", "target-duckdb", **settings, **by_variable.settings)
    example.unlink()
    loaded = {row["id"]: row for row in by_file.duckdb.rows("campaigns")}
    assert [{name: loaded[row["id"]][name] for name in row} for row in ROWS] == ROWS
    assert own_columns(loaded[1]) == {"organizer", "event", *ROWS[0], "unknown_fields"}
    undeclared = {row["id"]: row for row in by_variable.duckdb.rows("campaigns")}
    assert own_columns(undeclared["1"]) == {"organizer", "event", "id", "unknown_fields"}
    assert "Poster" in str(undeclared["1"]["unknown_fields"])


def own_columns(row: Json) -> set[str]:
    return {name for name in row if not name.startswith("_sdc")}
