"""The commands of the README, run as they stand by a newcomer with an empty home, with the wheel for the name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import typing as t

import pytest
import yaml

from tests.meltano.conftest import MELTANO, ROOT, uv, uv_cache
from tests.meltano.truth import InJsonl, sandbox_rows
from tests.support.pages import command, example, filled_in, script

if t.TYPE_CHECKING:
    from pathlib import Path

    from sandbox.box import Sandbox
    from tests.meltano.conftest import Project

pytestmark = pytest.mark.meltano


class Newcomer:
    """Somebody with a Python, an empty home, and nothing set in the environment."""

    def __init__(self, folder: Path) -> None:
        """Make the home."""
        self.home = folder / "home"
        self.home.mkdir()
        # The versions that are locked, so that a release of Meltano's does not change what is tested.
        locked = (ROOT / "requirements" / "meltano.txt").read_text(encoding="utf-8")
        pins = re.findall(r"^[\w.-]+==\S+(?: ; [^\\\n]+)?", locked, re.MULTILINE)
        (self.home / "pins.txt").write_text("\n".join(pins), encoding="utf-8")
        passed = {name: value for name, value in os.environ.items() if re.match("PIP_|UV_|SSL_|LANG|LC_|TMPDIR", name)}
        self.environment = {
            **passed,
            "HOME": str(self.home),
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "PATH": f"{self.home}/venv/bin:{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin",
            "PIP_CONSTRAINT": str(self.home / "pins.txt"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_CACHE_DIR": uv_cache(),
        }
        if index := passed.get("PIP_INDEX_URL"):
            # As the README says of package mirrors.
            self.environment.setdefault("UV_DEFAULT_INDEX", index)

    def makes_an_environment(self) -> None:
        """Make a virtual environment with pip in it; it is on the path."""
        uv("venv", "--quiet", "--seed", "--python", sys.executable, self.home / "venv")

    def runs(self, commands: str, folder: Path | None = None, **settings: str) -> str:
        """Run a script of the shell, and return what it prints."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=folder or self.home,
            env=self.environment | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    return Newcomer(tmp_path_factory.mktemp("newcomer"))


def test_a_newcomer_reads_pretix_and_oveit_in_ten_minutes(newcomer: Newcomer, wheel: Path, box: Sandbox) -> None:
    install, _, run = script("README.md", "pretix, in five minutes").partition("export ")
    project = newcomer.home / "tickets"
    newcomer.runs(install)
    described = filled_in(
        example("README.md", "pretix, in five minutes", "yaml"),
        {
            "pip_url: ticketing-taps": f"pip_url: {wheel.as_uri()}",
            "https://pretix.eu/api/v1 ": f"{box.organizers_url} ",
        },
    )
    started = (project / "meltano.yml").read_text(encoding="utf-8")
    assert "plugins" not in yaml.safe_load(started)
    (project / "meltano.yml").write_text(f"{started}{described}", encoding="utf-8")
    printed = newcomer.runs("export " + filled_in(run, {"…": box.token}), project)
    assert {name.rpartition("-")[0] for name in printed.split()} >= {"events", "items", "orders", "order_positions"}
    output, true = project / "output", sandbox_rows(box, "tap-pretix")
    for stream, keys in (("orders", ["organizer", "code"]), ("order_positions", ["id"]), ("items", ["id"])):
        (file,) = output.glob(f"{stream}*.jsonl")
        assert InJsonl(output).count(file.stem, keys) == (true[stream], true[stream])
        # What opens doors; links to documents take the token.
        assert not re.search('secret"|payment_url"', file.read_text(encoding="utf-8"))
        assert all("url" not in row for row in InJsonl(output).rows(file.stem))

    # What the README calls the same for Oveit.
    added = filled_in(
        example("README.md", "Oveit, in five minutes", "yaml"),
        {"pip_url: ticketing-taps": f"pip_url: {wheel.as_uri()}", "https://l.oveit.com/api": box.oveit_url},
    )
    both = yaml.safe_load((project / "meltano.yml").read_text(encoding="utf-8"))
    both["plugins"]["extractors"] += yaml.safe_load(added)["plugins"]["extractors"]
    (project / "meltano.yml").write_text(yaml.safe_dump(both), encoding="utf-8")
    commands = run.partition("\n")[2].replace("tap-organizers", "tap-ticketing")
    printed = newcomer.runs(commands, project, TAP_TICKETING_EMAIL=box.email, TAP_TICKETING_PASSWORD=box.password)
    (file,) = output.glob("tickets*.jsonl")
    tickets = sandbox_rows(box, "tap-oveit")["tickets"]
    assert InJsonl(output).count(file.stem, ["code"]) == (tickets, tickets)


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_the_package_installs_alone_and_runs_without_meltano(
    kind: str, wheel: Path, sdist: Path, box: Sandbox, tmp_path: Path
) -> None:
    newcomer = Newcomer(tmp_path)
    newcomer.makes_an_environment()
    config = filled_in(
        example("README.md", "Without Meltano", "json"),
        {"https://pretix.eu/api/v1": box.organizers_url, "…": box.token},
    )
    (newcomer.home / "config.json").write_text(config, encoding="utf-8")
    package = {"wheel": wheel, "sdist": sdist}[kind]
    newcomer.runs(filled_in(script("README.md", "Without Meltano"), {"install ticketing-taps": f"install {package}"}))
    lines = (newcomer.home / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    read = [message for message in map(json.loads, lines) if message["type"] == "RECORD"]
    orders = [message for message in read if message["stream"] == "orders"]
    assert len(orders) == sandbox_rows(box, "tap-pretix")["orders"]
    for tap in ("tap-organizers", "tap-ticketing"):
        assert "--discover" in newcomer.runs(f"{tap} --help")
        assert newcomer.runs(f"{tap} --version").startswith(f"{tap} v")
        assert "api_url" in newcomer.runs(f"{tap} --about")


def test_a_state_is_shown_and_forgotten(project: Project) -> None:
    commands = script("README.md", "Incremental runs")
    path = f"{MELTANO.parent}:{os.environ['PATH']}"
    environment = project.environment(TAP_PRETIX__SELECT='["orders.*"]', PATH=path)
    project.meltano("run", "tap-pretix", "target-duckdb", TAP_PRETIX__SELECT='["orders.*"]')
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["singer_state"]["bookmarks"]["orders"]
    # What the tap says comes through Meltano as text with its level, and not as the JSON between the two.
    assert re.search(r"\[info +\] tap-pretix +stream +rows +requests", done.stderr)
    assert re.search(r"\[info +\] tap-pretix +orders +\d+ +\d+", done.stderr)
    assert "logger_name" not in done.stderr


def test_a_fresh_clone_shows_something_and_writes_what_it_has(newcomer: Newcomer, tmp_path: Path) -> None:
    """`make demo` and `make docs`, from what is in the repository and a bare Python."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    clone = tmp_path / "clone"
    for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines():
        if (ROOT / name).exists():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    before = {path: path.read_bytes() for path in clone.rglob("*.md")}
    home = set(newcomer.home.rglob("*"))
    settings = {"PATH": newcomer.environment["PATH"].partition(":")[2]}
    newcomer.environment.pop("PIP_CONSTRAINT")

    printed = newcomer.runs(command("README.md", "make demo"), clone, **settings)
    assert re.search(r"^tap_organizers\.orders +\d+ ", printed, re.MULTILINE)
    assert re.search(r"^tap_ticketing\.tickets +\d+ ", printed, re.MULTILINE)
    assert (clone / "output" / "demo" / "tickets.png").read_bytes().startswith(b"\x89PNG")

    newcomer.runs(command("CONTRIBUTING.md", "make docs"), clone, **settings)
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in newcomer.home.rglob("*") if ".cache" not in path.parts} <= home
