"""What users read says what the code does."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from tap_organizers.streams import STREAMS
from tap_organizers.streams.parents import AllEventsStream
from tests.conftest import kept_signals
from tools.docs import ROOT, TAPS, documents, hub_definition
from tools.settings import all_settings, own_settings

if t.TYPE_CHECKING:
    from singer_sdk import Tap

#: Kinds of settings that Meltano Hub's schema allows and Meltano takes from the environment.
KINDS = {"array", "boolean", "date_iso8601", "integer", "object", "options", "password", "string"}

#: What people read.
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]

each_tap = pytest.mark.parametrize("tap", TAPS, ids=lambda tap: tap.name)


@pytest.fixture(scope="module")
def meltano() -> dict[str, t.Any]:
    project: dict[str, t.Any] = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    return project


def test_what_is_generated_is_up_to_date() -> None:
    with kept_signals():  # taps run for some of it
        wanted = documents()
    stale = [
        str(path.relative_to(ROOT))
        for path, text in wanted.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, "run `make docs`"


#: What a diagram says of a stream: the arrow that leads to it.
ARROWS = {"-->": "own lists", "==>": "one list of all events", "-.->": "no request"}


def test_the_diagrams_have_every_stream_once_with_what_its_class_says_of_its_requests() -> None:
    text = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
    text = text[text.index("## tap-organizers") : text.index("## tap-ticketing")]
    boxes = re.findall(r"^  (\w+)(?::::left_out)?$", text, re.MULTILINE)
    assert sorted(boxes) == sorted(str(stream.name) for stream in t.cast("t.Any", STREAMS))
    left_out = re.findall(r"^  (\w+):::left_out$", text, re.MULTILINE)
    assert set(left_out) == {stream.name for stream in t.cast("t.Any", STREAMS) if not stream.selected_by_default}
    arrows = {
        (child, parent, ARROWS[arrow])
        for parent, arrow, child in re.findall(r"^  (\w+) (\S+) (\w+)$", text, re.MULTILINE)
    }
    expected = {
        (stream.name, stream.parent_stream_type.name, "no request" if stream.nested_in else "own lists")
        for stream in t.cast("t.Any", STREAMS)
        if stream.parent_stream_type and not issubclass(stream, AllEventsStream)
    }
    expected |= {
        (stream.name, "organizers", "one list of all events")
        for stream in t.cast("t.Any", STREAMS)
        if issubclass(stream, AllEventsStream) and stream.name != "order_refunds"
    }
    # Refunds come along with the sweep for payments, seats of a series by way of its dates.
    expected |= {("order_refunds", "order_payments", "no request")}
    expected |= {("seats_by_date", "events", "own lists"), ("seats", "seats_by_date", "own lists")}
    assert arrows == expected


@each_tap
def test_every_setting_has_a_label_and_a_sentence_about_it(tap: type[Tap]) -> None:
    for setting in own_settings(tap):
        assert setting["label"]
        assert setting["description"].endswith("."), setting["name"]


@each_tap
def test_every_setting_has_a_kind_that_survives_the_hub(tap: type[Tap]) -> None:
    """The hub makes `number` an integer, and Meltano then refuses 0.5 from the environment."""
    assert {setting["kind"] for setting in all_settings(tap)} <= KINDS


@each_tap
def test_no_setting_is_taken_for_a_password(tap: type[Tap]) -> None:
    """The hub makes a password of each text setting with one of these words anywhere inside its name."""
    mistaken = re.compile("password|id|token|key|secret")
    assert not [
        setting["name"]
        for setting in own_settings(tap)
        if setting["kind"] in {"string", "options"} and mistaken.search(setting["name"])
    ]


@each_tap
def test_no_setting_is_named_like_a_key_that_paths_are_made_of(tap: type[Tap]) -> None:
    """The SDK fills paths from settings, too."""
    assert not {setting["name"] for setting in own_settings(tap)} & {"organizer", "event"}


@each_tap
def test_the_hub_definition_has_its_keys_in_order(tap: type[Tap]) -> None:
    """The hub's linter asks for it, and refuses a document's start."""
    text = (ROOT / "hub" / f"{tap.name}.yml").read_text(encoding="utf-8")
    assert not text.startswith("---")
    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert keys == sorted(keys)
    names = [setting["name"] for setting in hub_definition(tap)["settings"]]
    assert names == sorted(names)


@each_tap
def test_the_hub_definition_has_what_the_hub_asks_for(tap: type[Tap]) -> None:
    definition = hub_definition(tap)
    assert {"name", "namespace", "variant", "label", "description", "domain_url", "repo", "pip_url", "quality"} <= {
        name for name, value in definition.items() if value
    }
    assert definition["supported_python_versions"] == ["3.10", "3.11", "3.12", "3.13", "3.14"]
    assert (ROOT / "hub" / Path(definition["logo_url"]).name).is_file()


def test_the_presets_set_what_the_taps_know(meltano: dict[str, t.Any]) -> None:
    known = {tap.name: {setting["name"] for setting in own_settings(tap)} for tap in TAPS}
    presets = [plugin for plugin in meltano["plugins"]["extractors"] if "inherit_from" in plugin]
    assert [preset["name"] for preset in presets] == ["tap-pretix", "tap-oveit"]
    for preset in presets:
        assert set(preset["config"]) <= known[preset["inherit_from"]]


def test_no_plugin_needs_the_hub(meltano: dict[str, t.Any]) -> None:
    for plugin in [plugin for plugins in meltano["plugins"].values() for plugin in plugins]:
        assert "namespace" in plugin or "inherit_from" in plugin


def test_the_example_environment_names_settings_that_there_are(meltano: dict[str, t.Any]) -> None:
    known = {
        f"{plugin['name']}_{setting['name']}".upper().replace("-", "_")
        for plugin in _with_inherited(meltano)
        for setting in plugin["settings"]
    }
    named = re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE)
    assert named
    assert set(named) <= known


def _with_inherited(meltano: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    plugins = [plugin for plugins in meltano["plugins"].values() for plugin in plugins]
    by_name = {plugin["name"]: plugin for plugin in plugins}
    return [{**by_name.get(plugin.get("inherit_from"), {}), **plugin} for plugin in plugins]


@pytest.mark.parametrize("page", sorted(str(path.relative_to(ROOT)) for path in PAGES))
def test_links_lead_to_files_and_headings(page: str) -> None:
    here = ROOT / page
    links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", here.read_text(encoding="utf-8"))
    for target, anchor in links:
        there = here.parent / target if target else here
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return what links can name on a page, as GitHub makes it of its headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_make_targets_in_the_pages_are_there() -> None:
    targets = set(re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        target
        for page in ROOT.glob("*.md")
        for target in re.findall(r"(?:^|`)make ([a-z.][\w./-]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert named
    assert named <= targets


def test_every_dependency_is_accounted_for() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    sections = pyproject[pyproject.index("\ndependencies") : pyproject.index("[project.optional")]
    sections += pyproject[pyproject.index("[dependency-groups]") : pyproject.index("[tool.hatch")]
    names = set(re.findall(r'"([A-Za-z][\w-]+)(?=[<>=~;]|"[,\]])', sections))
    names = {"types-" if name.startswith("types-") else name for name in names}
    for file in (ROOT / "requirements").glob("*.in"):
        names |= {line.split("[")[0].split("=")[0].split("~")[0] for line in file.read_text(encoding="utf-8").split()}
    assert len(names) > 10
    assert [name for name in sorted(names) if f"`{name}" not in text] == []


@pytest.mark.parametrize("lock", sorted(path.name for path in (ROOT / "requirements").glob("*.txt")))
def test_lock_files_name_no_index(lock: str) -> None:
    """They hold for any mirror."""
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links", text)
    assert "--hash=sha256:" in text
