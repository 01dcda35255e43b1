"""Writes what is generated, from the taps themselves: `python -m tools.docs`, or `make docs`.

`documents()` has each file as it should be; tests/docs/test_docs.py compares that with the files as they are.
"""

from __future__ import annotations

import json
import logging
import re
import typing as t
from pathlib import Path

import yaml

from benchmarks import report
from tap_organizers.tap import TapOrganizers
from tap_ticketing.tap import TapTicketing
from tools import bad_input, dbt, snapshots
from tools.diagrams import page
from tools.imports import diagram, import_graph
from tools.requests import cost, counted
from tools.settings import Setting, all_settings, own_settings, required_groups
from tools.streams import deselected, reference, streams, table

if t.TYPE_CHECKING:
    from singer_sdk import Tap

    from rest_tap.tap import RestTap

ROOT = Path(__file__).resolve().parents[1]
TAPS: tuple[type[RestTap], ...] = (TapOrganizers, TapTicketing)

REPOSITORY = "https://github.com/ticketing-taps/ticketing-taps"
VARIANT = "ticketing-taps"

DEFINITIONS = """\
# Both taps with all of their settings, and the loaders that they are tested with, for a Meltano project that names this
# file in include_paths. Written by `make docs`.
"""

#: What Meltano Hub asks for and the taps cannot know.
HUB: dict[str, dict[str, t.Any]] = {
    "tap-organizers": {
        "label": "pretix",
        "description": "Open-source ticket sales for events",
        "domain_url": "https://docs.pretix.eu/dev/api/",
        "keywords": ["api", "events", "meltano_sdk", "pretix", "ticketing"],
        "next_steps": (
            "For pretix, set `service` to `pretix` and `api_url` to `https://pretix.eu/api/v1`, or to your own"
            " server's. `api_token` is the token of a team, made in pretix under *Organizer > Teams*; the tap reads"
            " what the team may see. `api_tokens` takes those of several organizers."
        ),
    },
    "tap-ticketing": {
        "label": "Oveit",
        "description": "Event ticketing and access control",
        "domain_url": "https://l.oveit.com/api-documentation",
        "keywords": ["api", "events", "meltano_sdk", "oveit", "ticketing"],
        "next_steps": (
            "For Oveit, set `service` to `oveit` and `api_url` to `https://l.oveit.com/api`. Log in with `email` and"
            " `password`, or give a `session_token`."
        ),
    },
}

#: Streams that the first lines of the README name, beside the number of all others.
NAMED_IN_README = ("organizers", "events", "orders", "payments", "check-ins")


def main() -> None:
    """Write all that is generated."""
    logging.disable(logging.WARNING)  # that the taps have no settings here
    wanted = documents()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in set(snapshots.FOLDER.rglob("*.json")) - wanted.keys():
        path.unlink()


def documents() -> dict[Path, str]:
    """Return the text that each generated file should have."""
    meltano, settings, scale, loaders = (
        (ROOT / name).read_text(encoding="utf-8")
        for name in ("meltano.yml", "docs/settings.md", "docs/scale.md", "docs/loaders.md")
    )
    for tap in TAPS:
        settings = _between(settings, f"<!-- settings of {tap.name}", f"<!-- {tap.name}: end", _settings_table(tap))
        meltano = _between(meltano, f"    executable: {tap.name}", "  - name:", _meltano(tap))
    settings = _between(settings, "<!-- services", "<!-- services: end", _services_table())
    scale = _between(scale, "<!-- requests", "<!-- requests: end", counted())
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    architecture = _between(architecture, "<!-- imports", "<!-- imports: end", _import_diagrams())
    readme = _counts_in_readme((ROOT / "README.md").read_text(encoding="utf-8"), scale)
    loaders = _between(loaders, "<!-- speed", "<!-- speed: end", report.loader_speeds())
    marts = (ROOT / "docs" / "marts.md").read_text(encoding="utf-8")
    marts = _between(marts, "<!-- marts:", "<!-- marts: end", dbt.chapters(dbt.marts()))
    marts = _between(marts, "<!-- questions:", "<!-- questions: end", dbt.answered())
    measured = report.kept()
    return {
        ROOT / "README.md": readme,
        ROOT / "docs" / "loaders.md": loaders,
        ROOT / "meltano.yml": meltano,
        ROOT / "docs" / "settings.md": settings,
        ROOT / "docs" / "scale.md": scale,
        ROOT / "docs" / "architecture.md": architecture,
        ROOT / "hub" / "ticketing.meltano.yml": definitions(meltano),
        ROOT / "docs" / "streams.md": page(TAPS),
        ROOT / "docs" / "bad-input.md": bad_input.page(),
        report.PAGE: report.page(measured),
        report.PICTURE: report.picture(measured["workloads"]),
        ROOT / "docs" / f"{TapOrganizers.name}.md": reference(TapOrganizers, cost),
        ROOT / "docs" / f"{TapTicketing.name}.md": reference(TapTicketing),
        **{ROOT / "hub" / f"{tap.name}.yml": _yaml(hub_definition(tap), sort_keys=True) for tap in TAPS},
        ROOT / "docs" / "marts.md": marts,
        **dbt.documents(),
        **snapshots.snapshots(),
        ROOT / "hub" / "default_variants.yml": _yaml({"extractors": {tap.name: VARIANT for tap in TAPS}}),
        ROOT / "hub" / "maintainers.yml": _yaml({VARIANT: {"label": VARIANT, "name": VARIANT, "url": REPOSITORY}}),
    }


def _counts_in_readme(readme: str, scale: str) -> str:
    """Return the README with the number of streams, and of the requests that a run takes, as they are.

    Args:
        readme: The README as it is.
        scale: The page with the table of requests.
    """
    more = len(streams(TapOrganizers)) - len(NAMED_IN_README)
    readme = re.sub(rf"({NAMED_IN_README[-1]}\s+and )\d+(?= more streams)", rf"\g<1>{more}", readme)
    wanted = re.compile(
        r"(With\s+(?P<events>\d+) events and nothing new, a run takes )\d+( requests .*? and )\d+"
        r"( for all .*? with `sweep_days: 7` )\d+( and )\d+(?=, once)",
        re.DOTALL,
    )
    said = wanted.search(readme)
    row = said and re.search(rf"^\| {said['events']} \|.*$", scale, re.MULTILINE)
    if said is None or row is None:
        raise ValueError("README.md does not say how many requests a run takes, or docs/scale.md does not")
    cells = [cell.strip().split(" / ") for cell in row[0].strip("| ").split("|")[3:5]]
    (now, all_now), (swept, all_swept) = ([cell[run] for cell in cells] for run in (1, 2))
    counts = f"{said[1]}{now}{said[3]}{all_now}{said[4]}{swept}{said[5]}{all_swept}"
    return readme[: said.start()] + counts + readme[said.end() :]


def _import_diagrams() -> str:
    """Return a diagram of the imports within each package that users run."""
    graph = import_graph(ROOT)
    packages = ("rest_tap", "tap_organizers", "tap_ticketing")
    return "".join(f"### {package}\n\n```mermaid\n{diagram(graph, package)}```\n\n" for package in packages)


def definitions(meltano: str) -> str:
    """Return the taps and loaders of `meltano.yml`, without the presets, for another project to include."""
    wanted = re.split(r"^(?:  #.*\n)*  utilities:", meltano[meltano.index("plugins:\n") :], flags=re.MULTILINE)[0]
    plugins = re.split(r"(?=^  (?:- |\w))", wanted, flags=re.MULTILINE)
    kept = "".join(plugin for plugin in plugins if "\n    inherit_from:" not in plugin)
    return DEFINITIONS + kept.replace("pip_url: -e .", f"pip_url: {TapOrganizers.package_name}")


def hub_definition(tap: type[RestTap]) -> dict[str, t.Any]:
    """Return the tap's entry for Meltano Hub."""
    return {
        **HUB[tap.name],
        "capabilities": _capabilities(tap),
        "executable": tap.name,
        "log_parser": "singer-sdk",
        "logo_url": f"/assets/logos/extractors/{tap.name.removeprefix('tap-')}.svg",
        "maintenance_status": "active",
        "name": tap.name,
        "namespace": tap.name.replace("-", "_"),
        "pip_url": tap.package_name,
        "quality": "silver",
        "repo": REPOSITORY,
        "settings": sorted(all_settings(tap), key=lambda setting: str(setting["name"])),
        "settings_group_validation": required_groups(tap),
        "supported_python_versions": tap.get_supported_python_versions(),
        "variant": VARIANT,
        **_select(tap),
    }


def _meltano(tap: type[RestTap]) -> str:
    plugin = {
        "capabilities": _capabilities(tap),
        "log_parser": "singer-sdk",
        **_select(tap),
        "settings_group_validation": required_groups(tap),
        "settings": all_settings(tap),
    }
    return "".join(f"    {line}" for line in _yaml(plugin).splitlines(keepends=True))


def _capabilities(tap: type[Tap]) -> list[str]:
    return sorted(str(one) for one in tap.capabilities)


def _select(tap: type[Tap]) -> dict[str, list[str]]:
    excluded = deselected(tap)
    return {"select": ["*.*", *excluded]} if excluded else {}


def _settings_table(tap: type[Tap]) -> str:
    rows = [
        (f"`{setting['name']}`", _kind(setting), _default(setting), setting["description"])
        for setting in own_settings(tap)
    ]
    return table(("Setting", "Kind", "Default", "Meaning"), rows)


def _services_table() -> str:
    services = [(tap, service, values) for tap in TAPS for service, values in tap.services.items()]
    rows = [
        (
            f"`{tap.name}`",
            f"`{service}`",
            ", ".join(f"`{name}`: {_shown(value)}" for name, value in values.items()),
        )
        for tap, service, values in services
    ]
    return table(("Tap", "`service`", "Sets"), rows)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"`{json.dumps(value)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "empty"


def _kind(setting: Setting) -> str:
    if "options" in setting:
        return ", ".join(f"`{option['value']}`" for option in setting["options"])
    return {"password": "secret", "date_iso8601": "date-time"}.get(setting["kind"], str(setting["kind"]))


def _default(setting: Setting) -> str:
    return _shown(setting["value"]) if setting.get("value", "") != "" else ""


def _yaml(data: dict[str, t.Any], *, sort_keys: bool = False) -> str:
    return yaml.safe_dump(data, sort_keys=sort_keys, allow_unicode=True, width=110)


def _between(text: str, start: str, end: str, content: str) -> str:
    """Return the text with the lines replaced that follow the start's and come before the end's."""
    head, found, rest = text.partition(start)
    marker, _, rest = rest.partition("\n")
    _, closed, tail = f"\n{rest}".partition(f"\n{end}")
    if not (found and closed):
        message = f"no {start} … {end} in the file"
        raise ValueError(message)
    return f"{head}{start}{marker}\n{content}{end}{tail}"


if __name__ == "__main__":
    main()
