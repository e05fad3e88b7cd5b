"""sessiondb browse as a command: when it cannot run, and when `sessiondb` alone offers it."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.cli import browse
from tests.helpers.waiting import HANG

Run = Callable[..., Result]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database of one session."""
    path = tmp_path / "s.db"
    with SessionDB(path) as db:
        db.messages.append(db.sessions.start("codex", title="Recipe parser").id, "user", "Hello")
    return path


def in_terminal(path: Path, arguments: list[str], keys: dict[str, bytes]) -> str:
    """Run `sessiondb` on a terminal of its own; where a text is seen, type some keys. Return all that was seen."""
    own, theirs = pty.openpty()
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "SESSIONDB_PATH": str(path),
        "TERM": "xterm",
    }
    program = [sys.executable, "-m", "sessiondb", *arguments]
    process = subprocess.Popen(program, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    seen, waiting, deadline = "", dict(keys), time.monotonic() + HANG
    while time.monotonic() < deadline:
        if select.select([own], [], [], 0.1)[0]:
            try:
                seen += os.read(own, 65536).decode(errors="replace")
            except OSError:
                break
        elif process.poll() is not None:
            break
        for text in [text for text in waiting if text in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)][:1]:
            os.write(own, waiting.pop(text))
    process.kill()
    process.wait()
    os.close(own)
    assert not waiting, seen
    return seen


def test_sessiondb_alone_offers_it_on_a_terminal(path: Path) -> None:
    seen = in_terminal(path, [], {"Browse your sessions now?": b"y\r", "1/1": b"q"})

    assert "Usage: sessiondb" in seen
    assert "Recipe parser" in seen


def test_sessiondb_alone_is_help_where_nobody_can_browse(run: Run, path: Path) -> None:
    assert run().stderr.startswith("Usage: sessiondb") or run().stdout.startswith("Usage: sessiondb")


def test_it_needs_a_terminal(run: Run, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browse, "is_at_terminal", lambda: False)
    SessionDB(path).close()

    result = run("--db", str(path), "browse")

    assert (result.exit_code, result.stderr) == (
        1,
        "Error: browse needs a terminal: use list, search, and show instead\n",
    )


def test_without_textual_it_says_what_to_install(
    run: Run, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "is_installed", lambda: False)

    result = run("--db", str(path), "browse")

    assert result.stderr == "Error: browse needs Textual: install it with pip install 'sessiondb[tui]'\n"


def test_textual_is_imported_by_nothing_else(path: Path) -> None:
    code = """
import sys
from sessiondb.cli.group import cli
cli(["list"], standalone_mode=False)
print("textual" in sys.modules)
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "SESSIONDB_PATH": str(path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "False"
