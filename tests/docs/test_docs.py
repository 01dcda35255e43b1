"""What users read says what the code does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml

from tap_organizers.streams import STREAMS
from tap_organizers.streams.parents import AllEventsStream
from tests.conftest import kept_signals
from tests.support.pages import PAGES, blocks, command, commands
from tools.docs import ROOT, TAPS, documents, hub_definition
from tools.settings import all_settings, own_settings

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_tap.tap import RestTap
    from tests.conftest import Run

#: Kinds of settings that Meltano Hub's schema allows and Meltano takes from the environment.
KINDS = {"array", "boolean", "date_iso8601", "integer", "object", "options", "password", "string"}

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
    text = text[text.index("streams of tap-organizers hang") : text.index("streams of tap-ticketing hang")]
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
def test_every_setting_has_a_label_and_a_sentence_about_it(tap: type[RestTap]) -> None:
    for setting in own_settings(tap):
        assert setting["label"]
        assert setting["description"].endswith("."), setting["name"]


@each_tap
def test_every_setting_has_a_kind_that_survives_the_hub(tap: type[RestTap]) -> None:
    """The hub makes `number` an integer, and Meltano then refuses 0.5 from the environment."""
    assert {setting["kind"] for setting in all_settings(tap)} <= KINDS


@each_tap
def test_no_setting_is_taken_for_a_password(tap: type[RestTap]) -> None:
    """The hub makes a password of each text setting with one of these words anywhere inside its name."""
    mistaken = re.compile("password|id|token|key|secret")
    assert not [
        setting["name"]
        for setting in own_settings(tap)
        if setting["kind"] in {"string", "options"} and mistaken.search(setting["name"])
    ]


@each_tap
def test_no_setting_is_named_like_a_key_that_paths_are_made_of(tap: type[RestTap]) -> None:
    """The SDK fills paths from settings, too."""
    assert not {setting["name"] for setting in own_settings(tap)} & {"organizer", "event"}


@each_tap
def test_the_hub_definition_has_its_keys_in_order(tap: type[RestTap]) -> None:
    """The hub's linter asks for it, and refuses a document's start."""
    text = (ROOT / "hub" / f"{tap.name}.yml").read_text(encoding="utf-8")
    assert not text.startswith("---")
    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert keys == sorted(keys)
    names = [setting["name"] for setting in hub_definition(tap)["settings"]]
    assert names == sorted(names)


#: What the Hub's schema of an extractor says, as far as it concerns these two: nothing beside it is allowed.
HUB_SETTING = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "label", "kind", "description"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z_.]+$"},
        "label": {"type": "string", "minLength": 1},
        "kind": {"enum": sorted(KINDS)},
        "description": {"type": "string", "minLength": 1},
        "value": {},
        "sensitive": {"const": True},
        "options": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["label", "value"],
                "properties": {"label": {"type": "string"}, "value": {"type": "string"}},
            },
        },
    },
}
TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "minItems": 1, "items": TEXT}
HUB_DEFINITION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        **dict.fromkeys(["label", "description", "domain_url", "repo", "pip_url", "executable", "next_steps"], TEXT),
        "name": {"pattern": "^tap-[a-z]+$"},
        "namespace": {"pattern": "^tap_[a-z]+$"},
        "variant": {"pattern": "^[a-z-]+$"},
        "logo_url": {"pattern": r"^/assets/logos/extractors/[a-z]+\.(svg|png)$"},
        "keywords": {**TEXTS, "contains": {"const": "meltano_sdk"}},
        "maintenance_status": {"enum": ["active", "beta", "development", "inactive", "unknown"]},
        "quality": {"enum": ["gold", "silver", "bronze", "unknown"]},
        "capabilities": {
            "type": "array",
            "items": {
                "enum": [
                    *["properties", "catalog", "discover", "state", "about", "stream-maps", "schema-flattening"],
                    *["activate-version", "batch", "test", "log-based", "structured-logging"],
                ]
            },
        },
        "log_parser": {"const": "singer-sdk"},
        "settings": {"type": "array", "items": HUB_SETTING},
        "settings_group_validation": {"type": "array", "minItems": 1, "items": TEXTS},
        "supported_python_versions": {"const": ["3.10", "3.11", "3.12", "3.13", "3.14"]},
        "select": TEXTS,
    },
}
HUB_DEFINITION["required"] = sorted(HUB_DEFINITION["properties"].keys() - {"select"})  # type: ignore[attr-defined]


@each_tap
def test_the_hub_definition_is_what_the_hub_takes(tap: type[RestTap]) -> None:
    definition = yaml.safe_load((ROOT / "hub" / f"{tap.name}.yml").read_text(encoding="utf-8"))
    jsonschema.validate(definition, HUB_DEFINITION)
    assert definition["name"] == definition["executable"] == tap.name
    known = {setting["name"] for setting in definition["settings"]}
    assert all(set(group) <= known for group in definition["settings_group_validation"])


@each_tap
def test_the_hub_definition_has_a_logo_without_text_or_ground(tap: type[RestTap]) -> None:
    logo = ET.fromstring((ROOT / "hub" / Path(hub_definition(tap)["logo_url"]).name).read_text("utf-8"))
    assert logo.tag == "{http://www.w3.org/2000/svg}svg"
    assert logo.get("viewBox") == "0 0 512 512"
    assert {part.tag.partition("}")[2] for part in logo.iter()} <= {
        "svg",
        "g",
        "path",
    }


@each_tap
def test_the_hub_knows_variant_and_maintainer(tap: type[RestTap]) -> None:
    variants, maintainers = (
        yaml.safe_load((ROOT / "hub" / name).read_text(encoding="utf-8"))
        for name in ("default_variants.yml", "maintainers.yml")
    )
    variant = hub_definition(tap)["variant"]
    assert variants["extractors"][tap.name] == variant
    assert maintainers[variant].keys() == {"label", "name", "url"}


@each_tap
def test_the_listing_is_what_the_command_says_of_itself(tap: type[RestTap], run_command: Run) -> None:
    """The Hub refreshes its definitions from `--about`."""
    about = json.loads(run_command("--about", "--format=json", command=tap.name).stdout)
    definition = hub_definition(tap)
    assert sorted(about["capabilities"]) == definition["capabilities"]
    assert about["supported_python_versions"] == definition["supported_python_versions"]

    def leaves(schema: dict[str, t.Any], prefix: str = "") -> Iterator[tuple[str, dict[str, t.Any]]]:
        for name, facts in schema["properties"].items():
            if facts.get("properties") and name != "stream_maps":
                yield from leaves(facts, f"{prefix}{name}.")
            else:
                yield prefix + name, facts

    said = dict(leaves(about["settings"]))
    listed = {setting["name"]: setting for setting in definition["settings"]}
    assert said.keys() == listed.keys()
    for name, facts in said.items():
        assert facts.get("default") == listed[name].get("value"), name
        assert facts.get("description") in {listed[name]["description"], None}, name
        assert bool(facts.get("secret")) == bool(listed[name].get("sensitive")), name


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
        assert there.is_file(), f"{target}: only links to files survive in the site"
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return what links can name on a page, as GitHub makes it of its headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_site_has_every_page_in_its_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = set(re.findall(r"^ +- ([\w/-]+\.md)$|^- ([\w/-]+\.md)$", text, re.MULTILINE))
    found = {one or other for one, other in named}
    assert found == {page.relative_to(ROOT).as_posix() for page in PAGES} - {"AGENTS.md"}
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert not [page.name for page in PAGES if page.parent != ROOT and f"({page.name})" not in index + "(index.md)"]


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


#: Commands of the pages that no test runs as they stand, and why.
NOT_RUN = {
    "make test": "it is what runs this",
    "make docs test": "tests/docs/test_adding_a_stream.py does, in parts",
    "make test-pretix": ".ci/run does, beside this",
    "make test-pretix-versions": ".ci/run does, beside this",
    "make test-meltano": "likewise",
    "make test-dbt": "likewise",
    "make test-orchestrate": "likewise",
    "make test-slow": "likewise",
    "make bench-guard": "likewise, where there is valgrind",
    "make reliability": "takes an hour, and writes a page",
    "make test-next": "installs whatever was published since",
    "make watch-pretix": "likewise; tests/pretix/test_watch.py does it with a pretix that is known",
    "make lock": "brings whatever was published since",
    "make site": "needs an environment of its own; .ci/run does",
    'airflow pools set ticketing_api 3 "shards at once"': "tests/orchestrate/test_airflow.py, for two shards",
    "TICKETING_TAP=tap-pretix TICKETING_LOADER=target-postgres TICKETING_SHARDS=3 airflow dags test ticketing_taps": (
        "likewise, into files"
    ),
}


def run_by_tests(function: str) -> set[tuple[str, ...]]:
    """Return what tests call a function of tests/support/pages.py with."""
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return set(re.findall(rf'\b{function}\(\s*"([^"]+)",\s*"([^"]+)"\s*\)', sources))


def test_every_command_of_the_pages_is_run_by_a_test_or_listed_with_the_reason_why_not() -> None:
    whole, alone = run_by_tests("script"), run_by_tests("command")
    listed = {
        (block.page, block.heading, one)
        for page in PAGES
        for block in blocks(page.relative_to(ROOT).as_posix())
        if not block.language
        for one in commands(block.text)
    }
    assert whole
    assert alone
    missing = [
        f"{page}: {one}"
        for page, heading, one in sorted(listed)
        if (page, heading) not in whole and (page, one) not in alone and one not in NOT_RUN
    ]
    assert missing == []
    assert NOT_RUN.keys() <= {one for _, _, one in listed}, "no longer on a page"


def test_pages_have_code_in_fences_only() -> None:
    """So that every command is found, see tests/support/pages.py."""
    for page in PAGES:
        text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        assert re.findall(r"\n\n {4,}\S.*", text) == [], page


def test_shards_get_plugins_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "orchestrate").mkdir()
    shutil.copy(ROOT / "orchestrate" / "shard_plugins.py", tmp_path / "orchestrate")
    line = command("docs/scale.md", "python orchestrate/shard_plugins.py tap-pretix target-postgres 3")
    subprocess.run([sys.executable, *line.split()[1:]], cwd=tmp_path, check=True)
    (written,) = (tmp_path / "orchestrate").glob("*.meltano.yml")
    plugins = yaml.safe_load(written.read_text(encoding="utf-8"))["plugins"]
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert len(plugins["extractors"]) == len(plugins["loaders"]) == 3
    assert f"dev:{plugins['extractors'][0]['name']}-to-{plugins['loaders'][0]['name']}`" in page
