"""The plan of the house: imports point down the list in docs/architecture.md, and each tool has one home."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sessiondb"
FILES = sorted(PACKAGE.rglob("*.py"))

# Packages that only some files may import, by the paths that these begin with.
HOMES = {
    "click": ("cli/",),
    "datasette": ("web/",),
    "tabulate": ("cli/tables.py",),
    "mcp": ("agents/loop/mcp_server.py",),
    "markdown_it": ("exchange/html/markup.py", "cli/screen/"),
    "rich": ("cli/screen/", "cli/browse/"),
    "pygments": ("cli/screen/markdown.py",),
    "textual": ("cli/browse/",),
    "dateutil": ("timestamps/typed.py",),
    "watchfiles": ("ingest/events.py",),
    "sqlite_utils": ("dao/", "storage/", "database/"),
}

# What the command line may use: what anybody may, and where the default database is.
LIBRARY = (
    "__version__", "agents.", "cli", "chat.", "database.", "errors", "importers.", "records", "settings.",
    "timestamps", "web.",
)  # fmt: skip

# How many floors the files and folders of one room may stand on, each knowing only those below.
MAX_FLOORS = 5

# SQL on our schema: a statement that names one of its tables.
STATEMENT = re.compile(
    r"\b(?:FROM|JOIN|INTO|UPDATE)\s+(?:sessions|messages|tool_calls|token_counts|notes|projects|channels|models|agents"
    r"|tags|session_tags|imports|import_errors|deletions|meta)\b(?!\s*[,.](?!\s))"
)


def relative(file: Path) -> str:
    """Return a file's path below the package."""
    return file.relative_to(PACKAGE).as_posix()


def room(module: str) -> str:
    """Return the file or folder at the top of the package that a module is in."""
    return module.split(".")[1] if "." in module else "__init__"


@cache
def layers() -> dict[str, int]:
    """Return for each room the number of its layer, 1 on top, as the document says."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    found = re.findall(r"^(\d+)\. ((?:`\w+` ?)+)", text, re.MULTILINE)
    return {name: int(number) for number, names in found for name in re.findall(r"`(\w+)`", names)}


@cache
def imported(file: Path) -> tuple[str, ...]:
    """Return the modules that a file imports, anywhere in it, in full."""
    return tuple(_imported(file))


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def texts(file: Path) -> Iterator[str]:
    """Yield the strings of a file, those with values in them too, but for docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def test_every_room_is_on_the_list() -> None:
    rooms = {name.partition("/")[0].removesuffix(".py") for name in map(relative, FILES)}

    assert rooms == set(layers())


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_imports_point_down_the_list(file: Path) -> None:
    own = relative(file).partition("/")[0].removesuffix(".py")
    others = {room(name) for name in imported(file) if name.split(".")[0] == "sessiondb"}
    if own == "cli":
        others.discard("__version__")

    above = {name for name in others - {own} if layers()[name] <= layers()[own]}

    assert above == set()


@pytest.mark.parametrize("file", sorted((PACKAGE / "cli").rglob("*.py")), ids=relative)
def test_the_command_line_is_a_client_of_the_library(file: Path) -> None:
    ours = {name.removeprefix("sessiondb.") for name in imported(file) if name.startswith("sessiondb.")}

    assert {name for name in ours if not name.startswith(LIBRARY)} == set()


@pytest.mark.parametrize("package", HOMES)
def test_a_package_is_imported_in_its_home_alone(package: str) -> None:
    using = {relative(file) for file in FILES if package in {name.split(".")[0] for name in imported(file)}}

    assert {name for name in using if not name.startswith(HOMES[package])} == set()


def test_importers_open_foreign_databases_in_one_place() -> None:
    # A database without a name is one of the importer's own, in a temporary file.
    pattern = re.compile(r"\bsqlite3\.connect\((?!\"\")")
    opening = {relative(file) for file in FILES if pattern.search(file.read_text(encoding="utf-8"))}

    assert {name for name in opening if name.startswith("importers/")} == {"importers/files/sqlite_source.py"}


def test_sql_on_our_schema_stands_in_dao_and_storage() -> None:
    using = {
        relative(file)
        for file in FILES
        if not relative(file).startswith(("dao/", "storage/", "importers/"))
        and any(STATEMENT.search(text) for text in texts(file))
    }

    assert using == set()


def modules() -> dict[str, Path]:
    """Return the package's modules by their names in full."""
    names = {
        file: ".".join(["sessiondb", *file.relative_to(PACKAGE).with_suffix("").parts]) for file in FILES
    }
    return {name.removesuffix(".__init__"): file for file, name in names.items()}


@cache
def floors(folder: str) -> dict[str, int]:
    """Return for each file and folder in one of the package's how many floors it stands on: 1 knows none beside it."""
    known = modules()
    inside = {name: file for name, file in known.items() if PACKAGE / folder in file.parents}
    part = {name: name.split(".")[2] if name.count(".") > 1 else "" for name in inside}
    below: dict[str, set[str]] = {}
    for name, file in inside.items():
        others = {part[other] for other in map(_known, imported(file)) if other in inside}
        below.setdefault(part[name], set()).update(others - {part[name], ""})
    found: dict[str, int] = {}
    for name in TopologicalSorter(below).static_order():
        found[name] = 1 + max((found[other] for other in below.get(name, ())), default=0)
    return found


def _known(name: str) -> str:
    known = modules()
    return name if name in known else name.rpartition(".")[0]


@pytest.mark.parametrize("folder", ["dao", "importers"])
def test_the_parts_of_a_room_stand_on_few_floors(folder: str) -> None:
    assert max(floors(folder).values()) <= MAX_FLOORS


def test_no_files_import_each_other_in_a_circle() -> None:
    known = modules()
    imports = {
        name: {other if other in known else other.rpartition(".")[0] for other in imported(file)}
        & known.keys()
        for name, file in known.items()
    }
    # Each importer is one of those that the choice among them asks.
    del imports["sessiondb.importers"]

    TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle
