"""A tap's settings in Meltano's words, from the JSON Schema that the tap itself checks its config with."""

from __future__ import annotations

import copy
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap

    from rest_tap.tap import RestTap

Setting = dict[str, t.Any]

#: Settings that the SDK brings without a description.
_DESCRIPTIONS = {
    "batch_config.encoding.compression": "Compression format to use for batch files.",
    "batch_config.encoding.format": "Format to use for batch files.",
    "batch_config.storage.prefix": "Prefix to use when writing batch files.",
    "batch_config.storage.root": "Root path to use when writing batch files.",
}
_LABELS = {"gzip": "GZIP", "jsonl": "JSONL"}


def own_settings(tap: type[Tap]) -> list[Setting]:
    """Return the settings that the tap declares, in its order."""
    return list(_settings(tap.config_jsonschema, own_names(tap)))


def all_settings(tap: type[Tap]) -> list[Setting]:
    """Return the settings that the tap declares, then those that the SDK adds, as `--about` does."""
    schema = copy.deepcopy(tap.config_jsonschema)
    tap.append_builtin_config(schema)
    names = own_names(tap)
    return [*_settings(schema, names), *_settings(schema, set(schema["properties"]) - names)]


def own_names(tap: type[Tap]) -> set[str]:
    """Return the names of the settings that the tap declares, even after the SDK added its own in place."""
    schema: dict[str, t.Any] = {"properties": {}}
    tap.append_builtin_config(schema)
    return {
        name for name, facts in tap.config_jsonschema["properties"].items() if schema["properties"].get(name) != facts
    }


def required_groups(tap: type[RestTap]) -> list[list[str]]:
    """Return the sets of settings of which one has to be complete."""
    required = tap.config_jsonschema.get("required", [])
    return [sorted({*required, *more}) for more in tap.credential_groups or [[]]]


def _settings(schema: dict[str, t.Any], names: t.Collection[str], prefix: str = "") -> Iterator[Setting]:
    for name, facts in schema["properties"].items():
        if not prefix and name not in names:
            continue
        if facts.get("properties") and name != "stream_maps":
            yield from _settings(facts, names, f"{prefix}{name}.")
        else:
            yield _setting(prefix + name, facts)


def _setting(name: str, facts: dict[str, t.Any]) -> Setting:
    kinds = facts.get("type", "string")
    kind = next(one for one in ([kinds] if isinstance(kinds, str) else kinds) if one != "null")
    setting: Setting = {
        "name": name,
        "label": facts.get("title") or name.rpartition(".")[2].replace("_", " ").capitalize(),
        "kind": kind,
        "description": facts.get("description") or _DESCRIPTIONS[name],
    }
    if facts.get("secret"):
        setting |= {"kind": "password", "sensitive": True}
    elif kind == "string" and facts.get("format") == "date-time":
        setting["kind"] = "date_iso8601"
    elif kind == "string" and "enum" in facts:
        options = [one for one in facts["enum"] if one is not None]
        setting |= {
            "kind": "options",
            "options": [{"label": _LABELS.get(one, one.capitalize()), "value": one} for one in options],
        }
    if facts.get("default") is not None:
        setting["value"] = facts["default"]
    return setting
