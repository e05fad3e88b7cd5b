"""search --open: the transcript of the best match, in the pager, at the words found."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from sessiondb import SessionDB
from sessiondb.cli.hit_in_transcript import opened
from tests.helpers.waiting import HANG

Run = Callable[..., Result]


@pytest.fixture
def long(path: Path) -> Path:
    """Make a database of one session: talk, a long answer of a tool, more talk; and a note of a project."""
    with SessionDB(path) as db:
        session = db.sessions.start("me", title="Upgrades", id="long")
        for number in range(30):
            db.messages.append(session.id, "user", f"Step {number}\nwhat is next?")
        db.messages.append(session.id, "assistant", tool_calls=[{"id": "c", "name": "sh", "arguments": {}}])
        output = "\n".join(f"line {number}" for number in range(400)) + "\nthe zeppelin broke\nend"
        db.messages.append(session.id, "tool", output, tool_call_id="c")
        db.messages.append(session.id, "user", "Which zeppelin?")
        db.notes.add("decision", "Airships only", project="/src/ships")
    return path


@pytest.mark.parametrize(
    ("query", "scope", "line", "near"),
    [
        ("step 7", "talk", 0, "#8 user"),
        ("zeppelin", "talk", 0, "#33 user"),
        ("zeppelin", "tools", 3, "  | line 397"),
        ("upgrades", "talk", None, "Upgrades"),
    ],
)
def test_it_begins_where_the_words_are(
    long: Path, query: str, scope: str, line: int | None, near: str
) -> None:
    with SessionDB(long, read_only=True) as db:
        hit = db.search(query, scope=scope).hits[0]
        shown = opened(db.transcript("long"), hit)

    assert shown.lines[shown.first - 1].startswith(near)
    if line is None:
        assert shown.first == 1
    elif line:
        assert "zeppelin" in shown.lines[shown.first - 1 + line]


def test_without_a_terminal_the_transcript_is_printed(long: Path, run: Run) -> None:
    result = run("search", "--open", "step", "7")

    assert result.stdout == run("show", "long", "--full").stdout
    assert (result.stderr, result.exit_code) == ("", 0)


def test_nothing_to_open_says_so(long: Path, run: Run) -> None:
    assert run("search", "--open", "dirigible").stderr == "no results\n"
    note = run("search", "--open", "airships")
    assert "Airships" in note.stdout.replace("«", "").replace("»", "")
    assert "a note on the project" in note.stdout


def test_the_pager_is_told_the_line(long: Path, tmp_path: Path) -> None:
    pager = tmp_path / "less"
    pager.write_text(f'#!/bin/sh\necho "$LESS" > {tmp_path}/told\ncat > /dev/null\n')
    pager.chmod(0o755)
    master, terminal = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "sessiondb", "--db", long, "search", "--open", "which", "zeppelin"],
            stdin=terminal,
            stdout=terminal,
            check=True,
            timeout=HANG,
            env={**os.environ, "PAGER": str(pager), "LESS": "-R", "TERM": "xterm"},
        )
    finally:
        os.close(master)
        os.close(terminal)

    with SessionDB(long, read_only=True) as db:
        shown = opened(db.transcript("long"), db.search("which zeppelin").hits[0])
    assert (tmp_path / "told").read_text() == f"-R +{shown.first}\n"
