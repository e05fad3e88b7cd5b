"""What every test stands on: a home nobody can write to, sample logs, and real ones where there are any."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from sessiondb import SessionDB, timestamps
from sessiondb.settings import file
from sessiondb.storage import migrations
from sessiondb.timestamps import stored
from tests.helpers import further_cases, memory, new_databases
from tests.helpers.clock import Clock

if TYPE_CHECKING:
    import httpx

ROOT = Path(__file__).parents[1]

# No property is about speed: a busy machine must not fail one. SESSIONDB_EXAMPLES asks for more of them.
EXAMPLES = int(os.environ.get("SESSIONDB_EXAMPLES", "50"))
settings.register_profile(
    "any machine", deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# Every variable by which a program finds the user's own files, ours included.
HOMES = (
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_STATE_HOME",
    "CLAUDE_CONFIG_DIR",
    "CLINE_DATA_DIR",
    "CODEX_HOME",
    "COPILOT_HOME",
    "GEMINI_CLI_HOME",
    "HERMES_HOME",
    "LLM_USER_PATH",
    "OPENCLAW_STATE_DIR",
    "OPENCODE_CONFIG",
    "OPENCODE_CONFIG_DIR",
    "OPENCODE_DB",
    "PI_CODING_AGENT_DIR",
    "QWEN_HOME",
    "QWEN_RUNTIME_DIR",
    "SESSIONDB_PATH",
    "VSCODE_APPDATA",
    "VSCODE_PORTABLE",
)


def pytest_configure() -> None:
    """Have temporary folders in memory: each of thousands of databases would wait for a disk at every commit.

    And have Ctrl-C heard: a shell lets its background jobs, and all that they start, ignore it.
    """
    memory.use()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def no_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a regular file: whatever is to be made below it fails, for root too, whom modes do not stop."""
    file = tmp_path_factory.mktemp("nobody") / "no-folder"
    file.touch()
    return file


@pytest.fixture(scope="session", autouse=True)
def unwritable_home(no_folder: Path) -> Iterator[Path]:
    """Move the user's home and all known stores to where nothing can be read or written."""
    with pytest.MonkeyPatch.context() as patch:
        for name in HOMES:
            patch.setenv(name, str(no_folder / name.lower()))
        patch.delenv("SESSIONDB_CONFIG", raising=False)
        yield no_folder


@pytest.fixture(scope="session", autouse=True)
def moments_that_differ() -> Iterator[None]:
    """Let no two moments be the same: in memory a session starts in less than the millisecond that orders them."""
    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        for module in (timestamps, stored):
            patch.setattr(module, "now", clock.now)
        yield


@pytest.fixture(scope="session", autouse=True)
def copied_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let new databases be copies of one that the migrations made; two files of tests/storage have them run."""
    with (
        new_databases.copied(tmp_path_factory.mktemp("made")) as upgrade,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(migrations, "_upgrade", upgrade)
        yield


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that makes a text the file of settings, and returns its path."""
    path = tmp_path / "config.toml"

    def written(text: str) -> Path:
        monkeypatch.setenv("SESSIONDB_CONFIG", str(path))
        path.write_text(text, encoding="utf-8")
        file.forget()
        return path

    return written


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    """Open a new database. A test file that wants it filled takes it in a fixture of the same name."""
    with SessionDB(tmp_path / "sessions.db") as opened:
        yield opened


@pytest.fixture(scope="session")
def samples() -> Path:
    """Return the folder of sample logs written for these tests."""
    return ROOT / "tests" / "data"


def corpus_folder() -> Path:
    """Return where real logs may be: they are no part of the checkout."""
    named = os.environ.get("SESSIONDB_CORPUS")
    return Path(named) if named else ROOT.parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Return the folder of real logs; tests that ask for it are left out where there is none."""
    return corpus_folder()


@pytest.fixture(scope="session")
def corpus_next() -> Path:
    """Return the folder of real logs of further agents, beside the other one."""
    return corpus_folder().with_name("corpus-next")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests on real logs where there are none; `pytest_terminal_summary` says so in one line.

    Marks what is left to one Python, and lets the longest files begin: no process waits for another's at the end.
    """
    further_cases.leave_to_one_python(items, ROOT / "tests")
    items.sort(key=lambda item: item.get_closest_marker("safety") is None)
    if not corpus_folder().is_dir():
        of_corpus = [item for item in items if "corpus" in getattr(item, "fixturenames", ())]
        items[:] = [item for item in items if item not in of_corpus]
        config.hook.pytest_deselected(items=of_corpus)


def pytest_collection_finish() -> None:
    """Leave thousands of tests out of each garbage collection: that was a seventh of the time of short ones."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that tests were left out."""
    folder = corpus_folder()
    if not folder.is_dir():
        terminalreporter.write_line(
            f"Skipped: the tests on real logs, as there are none in {folder}. Set SESSIONDB_CORPUS to a folder of them."
        )


@contextlib.contextmanager
def datasette() -> Iterator[ModuleType]:
    """Lend Datasette's module. It leaves connections to the garbage collector, of which Python 3.13 complains."""
    opened: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def remember(*arguments: Any, **options: Any) -> sqlite3.Connection:
        opened.append(connect(*arguments, **{**options, "check_same_thread": False}))
        return opened[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", remember)
        try:
            yield importlib.import_module("datasette.app")
        finally:
            for connection in opened:
                connection.close()


@pytest.fixture(scope="session")
def datasette_settings() -> Mapping[str, Any]:
    """Return the settings that Datasette knows, with their defaults."""
    with datasette() as module:
        return dict(module.DEFAULT_SETTINGS)


@pytest.fixture(scope="session")
def browse() -> Callable[..., list[httpx.Response]]:
    """Return a function that opens a file in Datasette, with no metadata, and asks for some of its pages."""

    async def ask(site: Any, paths: tuple[str, ...]) -> list[httpx.Response]:
        await site.invoke_startup()
        try:
            return [await site.client.get(path) for path in paths]
        finally:
            site.executor.shutdown()

    def get(database: Path, *paths: str) -> list[httpx.Response]:
        with datasette() as module:
            return asyncio.run(ask(module.Datasette([str(database)]), paths))

    return get
