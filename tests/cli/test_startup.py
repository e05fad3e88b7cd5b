"""Start-up: a reading command loads click, the standard library, and what it needs of sessiondb."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Parts of the standard library that take milliseconds, and that no listing or search needs.
HEAVY = {
    "asyncio", "concurrent.futures", "csv", "email", "hashlib", "http", "importlib.metadata",
    "importlib.resources", "logging", "multiprocessing", "random", "secrets", "shutil", "socket", "ssl",
    "statistics", "tempfile", "unittest", "urllib.request", "xml", "zipfile", "zoneinfo",
}  # fmt: skip

PROGRAM = """
import sys
before = set(sys.modules)
from sessiondb.cli import main
sys.argv = ["sessiondb", *sys.argv[1:]]
try:
    main()
finally:
    import json
    print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)
"""


def loaded(path: Path, *arguments: str) -> set[str]:
    """Return the modules that a command loads in a process of its own."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            f"import sys; sys.path[:0] = {sys.path!r}\n{PROGRAM}",
            *arguments,
            "--db",
            str(path),
        ],
        env={name: value for name, value in os.environ.items() if name != "COLUMNS"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


COMMANDS = [
    ("list",),
    ("list", "--json"),
    ("show", "@last"),
    ("search", "ferry"),
    ("search", "ferry", "--json"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_only_click_and_the_standard_library_are_loaded(filled: Path, command: tuple[str, ...]) -> None:
    modules = loaded(filled, *command)

    packages = {name.partition(".")[0] for name in modules}
    assert packages - sys.stdlib_module_names == {"click", "sessiondb"}


@pytest.mark.parametrize("command", [("list",), ("search", "ferry"), ("usage",)])
def test_tables_in_colours_load_no_renderer(
    filled: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    packages = {name.partition(".")[0] for name in loaded(filled, *command)}
    assert packages & {"rich", "textual", "markdown_it", "pygments", "tabulate"} == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_heavy_of_the_standard_library_is_loaded(filled: Path, command: tuple[str, ...]) -> None:
    assert loaded(filled, *command) & HEAVY == set()


# What a command may load of ours: these packages, and no more modules than this.
PACKAGES = {
    "sessiondb",
    "sessiondb.chat",
    "sessiondb.cli",
    "sessiondb.dao",
    "sessiondb.database",
    "sessiondb.records",
    "sessiondb.settings",
    "sessiondb.storage",
    "sessiondb.timestamps",
}
BUDGETS = {
    "list": (PACKAGES | {"sessiondb.dao.search", "sessiondb.dao.sessions"}, 50),
    "search": (PACKAGES | {"sessiondb.dao.search", "sessiondb.query", "sessiondb.search"}, 70),
}


@pytest.mark.parametrize("command", BUDGETS)
def test_a_command_stays_within_its_packages_and_its_budget(filled: Path, command: str) -> None:
    packages, most = BUDGETS[command]
    arguments = ("search", "ferry") if command == "search" else (command,)

    ours = {name for name in loaded(filled, *arguments) if name.startswith("sessiondb")}

    modules = ours - packages
    assert {name.rpartition(".")[0] for name in modules} <= packages
    assert len(ours) <= most


def test_search_loads_neither_the_session_records_nor_the_writing_half(filled: Path) -> None:
    modules = loaded(filled, "search", "ferry")

    assert (
        modules
        & {
            "sessiondb.chat.content",
            "sessiondb.dao.messages",
            "sessiondb.dao.search.indexes",
            "sessiondb.dao.sessions.sessions",
            "sessiondb.importers",
            "sessiondb.records.sessions",
        }
        == set()
    )
