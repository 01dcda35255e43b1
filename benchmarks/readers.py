"""Who reads: each a program in an environment of its own, which is made once from pinned packages."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.workloads import Workload

HERE = Path(__file__).parent
CACHE = HERE.parent / ".cache" / "bench"
BIN = Path(sys.executable).parent
TAPS_BIN = CACHE / "taps" / "bin"
TOKEN = "session"
TAPS = {"organizers": "tap-organizers", "ticketing": "tap-ticketing"}


@dataclass(frozen=True)
class Reader:
    """A program and how it is set up."""

    key: str
    label: str
    #: Of the environment, of its requirements, and of the script; empty for this project's taps, which have their own.
    environment: str = ""
    script: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def format(self) -> str:
        """Return how rows are written."""
        return self.environment if self.environment in {"dlt", "airbyte"} else "singer"

    def command(self, workload: Workload, api_url: str, folder: Path) -> list[str]:
        """Return the command that reads the workload; whatever it needs is put into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        catalog = discovered(workload.kind)
        config = folder / "given.json"
        if self.environment:
            given = {
                "kind": workload.kind,
                "api_url": api_url,
                "streams": workload.streams,
                "schemas": {entry["stream"]: own_schema(entry) for entry in catalog["streams"]},
                "token": TOKEN,
                "folder": str(folder),
                **self.options,
            }
            config.write_text(json.dumps(given), encoding="utf-8")
            return [str(python_of(self.environment)), str(HERE / "contestants" / self.script), str(config)]
        tap = TAPS[workload.kind]
        credential = {"api_token": TOKEN} if workload.kind == "organizers" else {"session_token": TOKEN}
        options = dict(self.options)
        nested = options.pop("deselected", ())
        config.write_text(json.dumps({"api_url": api_url, **credential, **options}), encoding="utf-8")
        chosen = folder / "catalog.json"
        chosen.write_text(json.dumps(selected(catalog, workload.streams, nested)), encoding="utf-8")
        return [str(TAPS_BIN / tap), "--config", str(config), "--catalog", str(chosen)]


#: A change to one field, and a deselection within objects in arrays: both need a look at each record.
STREAM_MAP = {"orders": {"email": "md5(email) if email else None"}}
NESTED = (
    ("orders", ("properties", "positions", "items", "properties", "attendee_name")),
    ("orders", ("properties", "invoice_address", "properties", "vat_id")),
)

READERS = {
    reader.key: reader
    for reader in (
        Reader("floor", "floor: requests + msgspec, one by one", "floor", "floor.py", {"threads": 1}),
        Reader("floor-8", "floor, 8 threads", "floor", "floor.py", {"threads": 8}),
        Reader("tap", "ticketing-taps"),
        Reader("tap-1", "ticketing-taps, max_concurrency 1", options={"max_concurrency": 1}),
        Reader("tap-map", "ticketing-taps, with a stream map", options={"stream_maps": STREAM_MAP}),
        Reader("tap-nested", "ticketing-taps, nested deselection", options={"deselected": NESTED}),
        Reader("sdk", "Singer SDK, as taught", "sdk", "sdk_tap.py"),
        Reader("dlt", "dlt rest_api, extract only", "dlt", "dlt_source.py", {"parallelized": 0}),
        Reader("dlt-8", "dlt, extract only, parallelized (8)", "dlt", "dlt_source.py", {"parallelized": 8}),
        Reader("airbyte", "Airbyte CDK, declarative", "airbyte", "airbyte_source.py", {"concurrency": 0}),
        Reader("airbyte-8", "Airbyte CDK, concurrency 8", "airbyte", "airbyte_source.py", {"concurrency": 8}),
    )
}


def python_of(environment: str) -> Path:
    """Return the interpreter of an environment."""
    return CACHE / environment / "bin" / "python"


def install_taps() -> None:
    """Install this project as a user would: alone, with the versions that it is tested with."""
    folder = str(TAPS_BIN.parent)
    subprocess.run([str(BIN / "uv"), "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
    install = [str(BIN / "uv"), "pip", "install", "--quiet", "--python", folder, "--compile-bytecode"]
    constraints = ["--constraint", str(HERE.parent / "requirements" / "dev.txt")]
    subprocess.run([*install, *constraints, str(HERE.parent)], check=True)


def install(environment: str) -> None:
    """Make an environment, unless it is there and as its requirements say."""
    requirements = HERE / "requirements" / f"{environment}.txt"
    done = CACHE / environment / "installed.txt"
    if done.exists() and done.read_bytes() == requirements.read_bytes():
        return
    print(f"making the environment for {environment} …", file=sys.stderr, flush=True)
    uv = str(BIN / "uv")
    folder = str(CACHE / environment)
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
    install = [uv, "pip", "sync", "--quiet", "--python", folder, "--require-hashes", "--compile-bytecode"]
    subprocess.run([*install, str(requirements)], check=True)
    done.write_bytes(requirements.read_bytes())


def lock() -> None:
    """Pin the newest of what is compared, to the hash."""
    compile_ = [str(BIN / "uv"), "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--upgrade"]
    quiet = ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate"]
    for source in sorted((HERE / "requirements").glob("*.in")):
        command = [*compile_, *quiet, "--custom-compile-command", "python -m benchmarks --lock", source.name]
        subprocess.run([*command, "-o", source.with_suffix(".txt").name], check=True, cwd=source.parent)


def versions() -> dict[str, str]:
    """Return the pinned versions of what is measured, by package."""
    names = {"floor": ("requests", "msgspec"), "sdk": ("singer-sdk",), "dlt": ("dlt",), "airbyte": ("airbyte-cdk",)}
    found = {}
    for environment, packages in names.items():
        for line in (HERE / "requirements" / f"{environment}.txt").read_text(encoding="utf-8").splitlines():
            name, _, version = line.partition("==")
            if name in packages:
                found[name] = version.split()[0]
    return found


_catalogs: dict[str, dict[str, Any]] = {}


def discovered(kind: str) -> dict[str, Any]:
    """Return the catalog that the tap of this kind discovers."""
    if kind not in _catalogs:
        found = subprocess.run([str(TAPS_BIN / TAPS[kind]), "--discover"], check=True, capture_output=True)
        _catalogs[kind] = json.loads(found.stdout)
    return _catalogs[kind]


def own_schema(entry: dict[str, Any]) -> dict[str, Any]:
    """Return a stream's schema as another tap would write it."""
    properties = {name: _taught(field) for name, field in entry["schema"]["properties"].items()}
    properties.pop("unknown_fields", None)
    return {"type": "object", "properties": properties}


def _taught(field: dict[str, Any]) -> dict[str, Any]:
    """Return a field as the SDK's own types write it: it fails on objects in arrays that name no properties."""
    inner = {name: _taught(one) for name, one in field.get("properties", {}).items()}
    found = {**field, "properties": inner} if "object" in field.get("type", ()) else dict(field)
    if "items" in field:
        found["items"] = _taught(field["items"])
    return found


def selected(
    catalog: dict[str, Any], streams: tuple[str, ...], deselected: tuple[tuple[str, tuple[str, ...]], ...] = ()
) -> dict[str, Any]:
    """Return the catalog with these streams selected, and some fields not."""
    chosen = copy.deepcopy(catalog)
    left_out = {(stream, crumb) for stream, crumb in deselected}
    for entry in chosen["streams"]:
        name = entry["tap_stream_id"]
        metadata = {tuple(item["breadcrumb"]): item["metadata"] for item in entry["metadata"]}
        metadata.setdefault((), {})["selected"] = name in streams
        for stream, crumb in left_out:
            if stream == name:
                metadata.setdefault(crumb, {"inclusion": "available"})["selected"] = False
        entry["metadata"] = [{"breadcrumb": list(crumb), "metadata": facts} for crumb, facts in metadata.items()]
    return chosen
