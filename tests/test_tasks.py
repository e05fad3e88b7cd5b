"""What docs/tasks.md tells people to type does what it says, in two commands at most."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sessiondb import SessionDB
from sessiondb.cli.group import cli
from sessiondb.records import SessionFilter
from tests.helpers.waiting import HANG

PAGE = (Path(__file__).parents[1] / "docs" / "tasks.md").read_text(encoding="utf-8")
TASKS: dict[str, list[list[str]]] = {
    title: [shlex.split(line)[1:] for line in commands.splitlines()]
    for title, commands in re.findall(r"^## ([^\n]+)\n\n```sh\n(.+?)\n```$", PAGE, re.DOTALL | re.MULTILINE)
}

# The two that the page names.
OVEN = "0193aa01-5b3c-4d21-9f0e-6a7b8c9d0e1f"
LOST = "0193aa02-7c4d-4e32-8a1f-7b8c9d0e1f2a"
PRINTS_ITS_WORDS = '#!/bin/sh\necho "$(basename "$0") $*"\n'


def noon() -> datetime:
    """Return the noon of today, where the machine is: days, weeks and months are those that a person there means."""
    return datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)


def days_ago(days: int) -> str:
    """Return the time of some days ago."""
    return (noon() - timedelta(days=days)).isoformat()


def last_month() -> str:
    """Return a time in the middle of the month before this one."""
    return (noon().replace(day=1) - timedelta(days=1)).replace(day=15).isoformat()


def last_week() -> str:
    """Return the Wednesday of the week before this one."""
    return days_ago(noon().weekday() + 5)


@pytest.fixture
def garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a project's folder, with a database, the log of one session but not of the other, and both agents."""
    project = tmp_path / "garden"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("SESSIONDB_PATH", str(tmp_path / "sessions.db"))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    for agent in ("claude", "codex"):
        program = tmp_path / "bin" / agent
        program.parent.mkdir(exist_ok=True)
        program.write_text(PRINTS_ITS_WORDS)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    with SessionDB(tmp_path / "sessions.db") as db:
        tell(db, OVEN, "claude-code", project, last_month(), "Fix the oven timer. My key: ghp_" + "a1B2" * 9)
        tell(db, LOST, "codex", project, days_ago(0), "Where do the figs grow?")
        tell(
            db, "0193aa03-0000-4000-8000-000000000003", "codex", tmp_path, last_week(), "We decided on figs."
        )
        tell(db, "0193aa04-0000-4000-8000-000000000004", "codex", tmp_path, days_ago(400), "An old one.")
        db.notes.add("decision", "Figs by the south wall", session_id=LOST, created_at=last_week())
        db.notes.add("decision", "Plums, long before", session_id=LOST, created_at=days_ago(60))
        db.write_for_agent(OVEN)
    return project


def tell(db: SessionDB, id: str, agent: str, project: Path, at: str, prompt: str) -> None:
    """Store a session that ended."""
    db.sessions.start(agent, id=id, project=project, started_at=at)
    db.messages.append(id, "user", prompt, created_at=at)
    db.messages.append(id, "assistant", "Done: see fig.py.", created_at=at)
    db.sessions.end(id)


def done(task: str) -> list[Result]:
    """Type the commands of a task."""
    return [CliRunner().invoke(cli, command) for command in TASKS[task]]


def printed(task: str) -> list[str]:
    """Return what the commands of a task print; they must succeed."""
    results = done(task)
    assert [(result.exit_code, result.stderr) for result in results if result.exit_code] == []
    return [result.stdout for result in results]


def test_every_task_takes_two_commands_at_most() -> None:
    assert {title: len(commands) for title, commands in TASKS.items() if len(commands) > 2} == {}
    assert [title for title in TASKS if title not in TOLD] == []


def test_what_was_fixed_last_month_is_found_and_read(garden: Path) -> None:
    found, read = printed("Find the session where something was fixed last month, and read it")

    assert "0193aa01" in found
    assert "0193aa02" not in found
    assert "Fix the oven timer." in read


@pytest.mark.skipif(sys.platform == "win32", reason="makes programs of shell scripts")
def test_it_is_resumed(garden: Path, capfd: pytest.CaptureFixture[str]) -> None:
    printed("Resume it")

    assert capfd.readouterr().out == f"claude --resume {OVEN}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="makes programs of shell scripts")
def test_a_session_whose_log_was_deleted_is_resumed(
    garden: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    printed("Resume one whose log was deleted")

    (log,) = (tmp_path / "codex").rglob("*.jsonl")
    assert "Where do the figs grow?" in log.read_text("utf-8")
    assert capfd.readouterr().out == f"codex resume {LOST}\n"


def test_a_page_without_secrets_is_made_for_a_colleague(garden: Path) -> None:
    printed("Send it to a colleague as one HTML file without secrets")

    page = (garden / "oven.html").read_text("utf-8")
    assert "Fix the oven timer. My key: [redacted:" in page
    assert "ghp_" not in page


def test_the_sessions_of_this_project_are_listed(garden: Path) -> None:
    (listed,) = printed("See all sessions of this project")

    assert [id in listed for id in ("0193aa01", "0193aa02", "0193aa03", "0193aa04")] == [
        True,
        True,
        False,
        False,
    ]


def test_what_was_decided_last_week_is_told(garden: Path) -> None:
    notes, talk = printed("What did I decide last week?")

    assert ("Figs by the south wall" in notes, "Plums" in notes) == (True, False)
    assert "0193aa03" in talk


def test_old_sessions_are_cleaned_up(garden: Path, tmp_path: Path) -> None:
    printed("Clean up")

    with SessionDB(tmp_path / "sessions.db") as db:
        left = {session.id[:8] for session in db.sessions.page(SessionFilter())}
    assert "0193aa04" not in left
    assert {"0193aa02", "0193aa03"} <= left


@pytest.mark.skipif(
    sys.platform == "win32" or find_spec("textual") is None, reason="needs a terminal and Textual"
)
def test_sessions_are_browsed_on_a_full_screen(garden: Path) -> None:
    import pty
    import select

    (command,) = TASKS["Browse"]
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
        os.execv(sys.executable, [sys.executable, "-m", "sessiondb", *command])
    shown, until = b"", time.monotonic() + HANG
    try:
        while b"figs grow" not in shown and time.monotonic() < until:
            if select.select([terminal], [], [], 1)[0]:
                shown += os.read(terminal, 65536)
        os.write(terminal, b"q")
        # The terminal of a program that has ended cannot be read any more.
        with suppress(OSError):
            while time.monotonic() < until:
                if select.select([terminal], [], [], 1)[0]:
                    os.read(terminal, 65536)
    finally:
        os.close(terminal)
        _, status = os.waitpid(child, 0)

    assert b"figs grow" in shown
    assert os.waitstatus_to_exitcode(status) == 0


TOLD = (
    "Find the session where something was fixed last month, and read it",
    "Resume it",
    "Resume one whose log was deleted",
    "Send it to a colleague as one HTML file without secrets",
    "See all sessions of this project",
    "What did I decide last week?",
    "Clean up",
    "Browse",
)
"""The tasks that are tested above."""
