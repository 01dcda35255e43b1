"""Who imports whom, type-checking imports included: a graph of modules, its circles, and pictures of it."""

from __future__ import annotations

import ast
import functools
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

#: The packages of the repository from the bottom up. A module imports from its own package and from lower layers.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("rest_tap", "sandbox"),
    ("tap_organizers", "tap_ticketing"),
    ("benchmarks", "demo"),
    ("tools",),
)
PACKAGES = tuple(package for layer in LAYERS for package in layer)

#: Names of modules (a package stands for all that is in it), and what they import.
Graph = dict[str, set[str]]


def import_graph(root: Path, packages: Iterable[str] = PACKAGES) -> Graph:
    """Return the modules of the packages, and what each imports of them."""
    files = {_module(root, path): path for package in packages for path in sorted((root / package).rglob("*.py"))}
    return {name: {found for found in _imported(path, files) if found != name} for name, path in files.items()}


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return the groups of modules that reach one another, largest first."""
    reached = {name: _reached(graph, name) for name in graph}
    groups = {frozenset(other for other in reached[name] if name in reached[other]) for name in graph}
    return sorted((sorted(group) for group in groups if group), key=lambda group: (-len(group), group))


def upward(graph: Mapping[str, Iterable[str]], layers: tuple[tuple[str, ...], ...] = LAYERS) -> list[tuple[str, str]]:
    """Return the imports of a module from a package that does not stand below its own."""
    level = {package: number for number, layer in enumerate(layers) for package in layer}
    return sorted(
        (importer, imported)
        for importer, names in graph.items()
        for imported in names
        if package_of(importer) != package_of(imported)
        if level[package_of(imported)] >= level[package_of(importer)]
    )


def between(graph: Mapping[str, Iterable[str]], importers: str, imported: str) -> list[tuple[str, str]]:
    """Return the imports of modules in one place from modules in another; a place is a module or a package."""
    return sorted(
        (one, other)
        for one, names in graph.items()
        for other in names
        if _is_in(one, importers) and _is_in(other, imported)
    )


def diagram(graph: Mapping[str, Iterable[str]], package: str) -> str:
    """Return a Mermaid diagram of a package's modules; an arrow is left out where others lead the same way."""
    inside = {
        name: {other for other in names if package_of(other) == package}
        for name, names in graph.items()
        if package_of(name) == package and (names or any(name in others for others in graph.values()))
    }
    lines = ["flowchart TD"]
    for name in sorted(inside):
        label = name.removeprefix(f"{package}.")
        lines.append(f"  {_box(name)}[{label}]")
        direct = inside[name]
        further = {far for one in direct for far in _reached(inside, one) if far != one}
        lines += [f"  {_box(name)} --> {_box(other)}" for other in sorted(direct - further)]
    return "\n".join([*lines, ""])


def package_of(module: str) -> str:
    """Return the package at the top of a module's name."""
    return module.partition(".")[0]


def _is_in(module: str, place: str) -> bool:
    return module == place or module.startswith(f"{place}.")


def _box(module: str) -> str:
    return module.replace(".", "_")


def _reached(graph: Mapping[str, Iterable[str]], start: str) -> set[str]:
    """Return what is reached from a module; the module itself only by a circle."""
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += graph[name]
    return found


def _module(root: Path, path: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, modules: Mapping[str, object]) -> Iterator[str]:
    for module, aliases in _imports(path.read_text(encoding="utf-8")):
        inner = [f"{module}.{alias}" for alias in aliases] if module else aliases
        names = [name if name in modules else module or name for name in inner]
        yield from (name for name in names if name in modules)


@functools.cache
def _imports(source: str) -> list[tuple[str, list[str]]]:
    """Return the imports in a module's text: what is imported from, empty for a plain import, and the names."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.append(("", [alias.name for alias in node.names]))
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.module, [alias.name for alias in node.names]))
    return found
