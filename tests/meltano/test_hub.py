"""A user's first steps in an empty project, with the Hub's definitions and the built wheel."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import typing as t

import pytest
import yaml

from tests.meltano.conftest import ROOT, Project
from tests.meltano.truth import InJsonl, sandbox_rows
from tools.docs import TAPS, VARIANT, hub_definition

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.box import Sandbox

pytestmark = pytest.mark.meltano


@pytest.fixture(scope="module")
def definitions(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the Hub's definitions, changed to install the wheel."""
    folder = tmp_path_factory.mktemp("definitions")
    for tap in TAPS:
        definition = {**hub_definition(tap), "pip_url": wheel.as_uri()}
        (folder / f"{tap.name}.yml").write_text(yaml.safe_dump(definition), encoding="utf-8")
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    loader = next(one for one in project["plugins"]["loaders"] if one["name"] == "target-jsonl")
    loader["variant"] = VARIANT
    (folder / "target-jsonl.yml").write_text(yaml.safe_dump(loader), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def hub(definitions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the definitions as Meltano Hub serves its own, and return the address."""
    site = tmp_path_factory.mktemp("hub")
    plugins = site / "meltano" / "api" / "v1" / "plugins" / "extractors"
    plugins.mkdir(parents=True)
    handler = functools.partial(QuietHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        index = {}
        for tap in TAPS:
            definition = yaml.safe_load((definitions / f"{tap.name}.yml").read_text(encoding="utf-8"))
            (plugins / f"{tap.name}--{VARIANT}").write_text(json.dumps(definition), encoding="utf-8")
            ref = f"{url}/meltano/api/v1/plugins/extractors/{tap.name}--{VARIANT}"
            index[tap.name] = {
                "default_variant": VARIANT,
                "logo_url": url + definition["logo_url"],
                "variants": {VARIANT: {"ref": ref}},
            }
        (plugins / "index").write_text(json.dumps(index), encoding="utf-8")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield url
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word about it."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def as_locked(definition: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a definition as Meltano keeps it, to which a password is a text that is sensitive."""
    settings = [
        {**setting, "kind": "string" if setting["kind"] == "password" else setting["kind"]}
        for setting in definition["settings"]
    ]
    return {**definition, "plugin_type": "extractors", "settings": settings}


def test_an_empty_project_gets_both_taps_from_the_hub(
    hub: str, definitions: Path, tmp_path: Path, box: Sandbox, credentials: dict[str, str]
) -> None:
    outside = Project(tmp_path)
    outside.meltano("init", "first", "--no-usage-stats")
    project = Project(tmp_path / "first")
    project.settings = {**credentials, "MELTANO_HUB_URL": hub}

    for tap in TAPS:
        project.meltano("add", "--no-install", tap.name)
        definition = yaml.safe_load((definitions / f"{tap.name}.yml").read_text(encoding="utf-8"))
        assert project.locked(tap.name, VARIANT) == as_locked(definition)
    project.meltano("add", "--no-install", "target-jsonl", "--from-ref", str(definitions / "target-jsonl.yml"))
    project.meltano("install")
    for tap in TAPS:
        project.meltano("config", "test", tap.name)

    project.meltano("run", "tap-organizers", "target-jsonl", "tap-ticketing", "target-jsonl")
    for name, stream, keys in (("tap-organizers", "organizers", ["slug"]), ("tap-ticketing", "tickets", ["code"])):
        rows = sandbox_rows(box, name)[stream]
        folder = project.folder / "output" / name.replace("-", "_")
        assert InJsonl(folder).count(stream, keys) == (rows, rows)
    output = project.folder / "output" / "tap_organizers"
    # What opens doors is excluded by the definition that `meltano add` took from the Hub.
    assert not (output / "revoked_ticket_secrets.jsonl").exists()
    assert '"secret"' not in (output / "order_positions.jsonl").read_text(encoding="utf-8")


def test_an_empty_project_gets_both_taps_without_a_hub(
    hub: str, definitions: Path, tmp_path: Path, credentials: dict[str, str]
) -> None:
    """By the address of a definition, or by its file."""
    Project(tmp_path).meltano("init", "second", "--no-usage-stats")
    project = Project(tmp_path / "second")
    # A hub that is none: nothing may be asked of it.
    project.settings = {**credentials, "MELTANO_HUB_URL": "http://127.0.0.1:9"}
    address = f"{hub}/meltano/api/v1/plugins/extractors/tap-organizers--{VARIANT}"
    project.meltano("add", "tap-organizers", "--from-ref", address)
    project.meltano("add", "tap-ticketing", "--from-ref", str(definitions / "tap-ticketing.yml"))
    project.meltano("config", "test", "tap-organizers")
