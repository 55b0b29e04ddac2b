"""The tree is the architecture: imports point down, without cycles, and this file says where down is."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

LEAVES = {"errors", "vocab", "formats", "settings", "parallel"}

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "vocab": {"errors"},
    "formats": {"errors"},
    "settings": {"errors"},
    "parallel": {"errors"},
    "model": LEAVES,
    "examples": LEAVES | {"model"},
    "ontology": LEAVES,
    "compaction": set(),
    "context": LEAVES | {"model", "compaction"},
    "turtle": {"vocab", "lines"},
    "serialization": LEAVES | {"model", "context", "lines", "turtle"},
    "redirects": LEAVES | {"model"},
    "sources": LEAVES | {"model", "examples", "context", "redirects"},
    "publication": LEAVES | {"model", "examples", "sources"},
    "sorting": set(),
    "dataset": LEAVES | {"model", "sorting"},
    "check": LEAVES | {"model", "sources", "publication", "redirects", "dataset"},
    "store": {"errors", "formats"},  # it answers queries and does not care where its data came from
    "search": {"errors", "vocab", "databases"},  # it reads an index, whoever wrote that
    "release": LEAVES
    | {"model", "sources", "publication", "sorting", "dataset", "check", "store", "search", "context"}
    | {"serialization", "lookups", "lines"},
    "reconciliation": {"errors", "formats", "vocab", "store", "search"},
    "databases": {"errors"},
    "lookups": LEAVES | {"databases", "lines"},  # it reads a file, whoever wrote that
    "description_queries": set(),
    "lines": set(),
    "description": LEAVES
    | {"store", "lines", "lookups", "description_queries"},  # it asks, and does not care which store answers
    "description_index": {"vocab", "lines", "description"},
    "cli": LEAVES | {"model", "sources", "publication", "check", "store", "release", "description"},
    "__main__": {"cli"},
    "webapp": LEAVES
    # It serves releases; sources end where a release begins.
    | {"store", "search", "release", "ontology", "serialization", "reconciliation", "lookups"}
    | {"description", "description_index", "lines"},
}
"""Layer → the other layers of `kg` that it may import. The key is the first name below `kg`."""

WEB = {"flask", "werkzeug", "jinja2", "webapp"}
SERVER = {"granian"}
ENGINES = {"pyoxigraph", "rdflib", "SPARQLWrapper", "pyshacl", "shacl"}


def find_modules(package: str) -> dict[str, Path]:
    """Return dotted name → file of all modules of a package."""
    found = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = find_modules("kg") | find_modules("webapp")
KG = [name for name in MODULES if name.split(".")[0] == "kg"]
WEBAPP = [name for name in MODULES if name.split(".")[0] == "webapp"]


def read_imports(module: str) -> Iterator[tuple[str, int]]:
    """Yield what a module imports, wherever in it, as (dotted name, line)."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            wholes = [f"{base}.{alias.name}" for alias in node.names]
            yield from {(whole if whole in MODULES else base, node.lineno) for whole in wholes}


def layer_of(module: str) -> str:
    """Return the layer of a module of ours: `webapp`, `kg` for the package itself, else its name below `kg`.

    >>> layer_of("kg.store.base")
    'store'
    """
    parts = module.split(".")
    return parts[0] if parts[0] == "webapp" or len(parts) == 1 else parts[1]


def where(module: str, line: int) -> str:
    return f"{MODULES[module].relative_to(ROOT)}:{line}"


def assert_not_imported(module: str, forbidden: set[str], reason: str) -> None:
    faults = [
        f"{where(module, line)}: imports {name}; {reason}"
        for name, line in read_imports(module)
        if name.split(".")[0] in forbidden
    ]
    assert not faults, "\n".join(faults)


def test_every_module_has_a_layer() -> None:
    homeless = {layer_of(name) for name in MODULES} - MAY_IMPORT.keys() - {"kg"}
    assert not homeless, f"say in MAY_IMPORT what these may import: {sorted(homeless)}"


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    layer = layer_of(module)
    allowed = MAY_IMPORT.get(layer, set()) | {layer, "kg"}  # `kg` itself is the version and nothing more
    faults = [
        f"{where(module, line)}: {layer} may not import {name}, only {sorted(MAY_IMPORT.get(layer, set()))}"
        for name, line in read_imports(module)
        if name.split(".")[0] in ("kg", "webapp") and layer_of(name) not in allowed
    ]
    assert not faults, "\n".join(faults)


def test_no_module_imports_in_a_circle() -> None:
    graph = {
        module: {name for name, _ in read_imports(module) if name in MODULES and name != module}
        for module in MODULES
    }
    # A package's __init__ that imports nothing of ours cannot close a circle, so `import kg` does no harm.
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("imports in a circle: " + " → ".join(error.args[1]))


@pytest.mark.parametrize("module", KG)
def test_the_library_knows_no_http(module: str) -> None:
    assert_not_imported(module, WEB, "kg is a library under the web application and never the reverse")


@pytest.mark.parametrize("module", [name for name in KG if layer_of(name) != "cli"])
def test_only_the_command_line_starts_the_server(module: str) -> None:
    assert_not_imported(module, SERVER, "kg/cli/serving.py starts the server")


def test_the_store_seam_knows_no_engine() -> None:
    assert_not_imported("kg.store.base", ENGINES, "the seam is the same for every engine")


FOLDERS = {
    "kg.store": {"embedded": {"planning"}, "remote": set[str](), "planning": set[str]()},
    "kg.release": {"making": {"dumps"}, "dumps": set[str](), "delivery": set[str]()},
}
"""Layer → its folders → the others that each may import. What lies beside them, all may, and it none."""


@pytest.mark.parametrize("layer", FOLDERS)
def test_within_a_layer_imports_point_down_too(layer: str) -> None:
    folders = FOLDERS[layer]

    def folder_of(name: str) -> str:
        first = name.removeprefix(f"{layer}.").split(".")[0] if name.startswith(f"{layer}.") else ""
        return first if first in folders else ""

    faults = [
        f"{where(module, line)}: {folder_of(module) or layer} may not import {name}"
        for module in KG
        if module.startswith(layer)
        for name, line in read_imports(module)
        if folder_of(name) not in {"", folder_of(module)} | folders.get(folder_of(module), set())
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("module", WEBAPP)
def test_the_web_application_knows_no_engine(module: str) -> None:
    assert_not_imported(
        module,
        {"rdflib", "SPARQLWrapper", "pyshacl", "shacl"},
        "it asks the store, whichever engine is behind it",
    )


@pytest.mark.parametrize("module", ["webapp.protocol", "webapp.negotiation", "webapp.tables"])
def test_the_protocol_is_pure(module: str) -> None:
    assert_not_imported(module, {"flask"}, "it turns plain values into a query, without a request around it")


def test_a_server_carries_nothing_that_only_builds_need() -> None:
    heavy = {"rdflib", "pyshacl", "shacl", "pyld", "SPARQLWrapper", "rich", "kg.check"}
    program = "import sys, kg.cli.serving, webapp.asgi; print(*sys.modules)"
    told = subprocess.check_output([sys.executable, "-c", program], cwd=ROOT, text=True)
    loaded = heavy & set(told.split())
    assert not loaded, f"each costs every server some megabytes and milliseconds: {sorted(loaded)}"


def test_errors_stand_on_nothing() -> None:
    standard = sys.stdlib_module_names
    foreign = [name for name, _ in read_imports("kg.errors") if name.split(".")[0] not in standard]
    assert not foreign, f"kg/errors.py imports {foreign}"


@pytest.mark.parametrize(
    "readme",
    [path for top in ("kg", "webapp", "bench") for path in sorted((ROOT / top).rglob("README.md"))],
    ids=lambda path: str(path.parent.relative_to(ROOT)),
)
def test_a_map_shows_every_module(readme: Path) -> None:
    said = readme.read_text(encoding="utf-8")
    layer = ".".join(readme.parent.relative_to(ROOT).parts)
    folders = [readme.parent, *(readme.parent / folder for folder in FOLDERS.get(layer, ()))]
    modules = {path.name for folder in folders for path in folder.glob("*.py")} - {"__init__.py"}
    missing = sorted(name for name in modules if f"{name}`" not in said)
    assert not missing, f"{readme.relative_to(ROOT)} does not say what these are for: {missing}"


@pytest.mark.parametrize(
    "package",
    [path.parent for path in sorted((ROOT / "kg").glob("*/__init__.py"))],
    ids=lambda path: path.name,
)
def test_a_layer_says_what_it_may_not_import(package: Path) -> None:
    readme = package / "README.md"
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8"))) or ""
    said = docstring + (readme.read_text(encoding="utf-8") if readme.is_file() else "")
    assert "import" in said, f"{package.name}/README.md or its docstring has to say what it may not import"
