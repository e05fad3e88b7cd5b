"""The example agent, killed before each of its lines in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.records import SessionFilter
from tests.helpers import example_agent

ROOT = Path(__file__).parents[1]
QUESTION = "What is here?"
ANSWER = "There is a file in src and a file in tests."

# Kills a child before one line after the other, until one comes through; each time another child goes on.
KILLER = """
import os, shutil, sys
import sessiondb.dao.messages, sessiondb.dao.sessions.sessions, sessiondb.dao.tokens
import sessiondb.live.history, sessiondb.live.turn
from tests.helpers import example_agent
from sessiondb import SessionDB

folder, question, expected = sys.argv[1:]

def run(path, kill_at):
    lines = 0
    def trace(frame, event, argument):
        nonlocal lines
        if frame.f_code.co_filename != example_agent.__file__:
            return None
        if event == "line":
            lines += 1
            if lines == kill_at:
                os._exit(9)
        return trace
    with SessionDB(path) as db:
        sys.settrace(trace if kill_at else None)
        answer = example_agent.answer(db, "example", question, "q1")
    os._exit(0 if answer == expected else 1)

def child(name, kill_at):
    process = os.fork()
    if process == 0:
        run(f"{folder}/{name}.db", kill_at)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

if os.fork() == 0:
    SessionDB(f"{folder}/empty.db").close()
    os._exit(0)
os.wait()
code, kill_at = 9, 0
while code == 9:
    kill_at += 1
    shutil.copy(f"{folder}/empty.db", f"{folder}/{kill_at}.db")
    code = child(kill_at, kill_at)
    assert code == 0 or child(kill_at, 0) == 0, kill_at
print(kill_at - 1)
"""


def told(path: Path) -> dict[str, Any]:
    """Return what a database says of the conversation, but for ids and times."""
    with SessionDB(path, read_only=True) as db:
        (session,) = db.sessions.page(SessionFilter(agent="example"))
        tokens = db.tokens.total(session.id)
        return {
            "history": db.history(session.id),
            "tokens": (tokens.input, tokens.output),
            "open": session.is_open,
        }


def test_the_example_answers_and_remembers(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        assert example_agent.answer(db, "example", QUESTION, "q1") == ANSWER
        assert example_agent.answer(db, "example", "And now?", "q2") == ANSWER
        assert example_agent.answer(db, "example", "And now?", "q2") == ANSWER
    roles = [message["role"] for message in told(path)["history"]]
    assert roles == ["user", "assistant", "tool", "tool", "assistant"] * 2


def test_the_example_runs_as_it_stands(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.example_agent", tmp_path / "sessions.db", QUESTION],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (f"{ANSWER}\n", "")


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_the_example_killed_at_any_line_goes_on_where_it_was(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path), QUESTION, ANSWER],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    kills = json.loads(done.stdout)
    assert kills > 30
    undisturbed = told(tmp_path / f"{kills + 1}.db")
    assert [message["role"] for message in undisturbed["history"]] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
    ]
    for kill_at in range(1, kills + 1):
        assert told(tmp_path / f"{kill_at}.db") == undisturbed, f"killed at line event {kill_at}"
