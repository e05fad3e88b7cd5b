"""The debug switch: statements and waits on stderr, and nothing without it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseBusy
from sessiondb.storage.debug import MAX_LENGTH


def test_nothing_is_written_unless_asked_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with SessionDB(tmp_path / "sessions.db") as db:
        db.sessions.start("agent", id="first")

    assert capfd.readouterr() == ("", "")


def test_sql_writes_each_statement_with_its_values(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONDB_DEBUG", "lock, sql")

    with SessionDB(tmp_path / "sessions.db") as db:
        db.sessions.start("agent", id="first")

    printed = capfd.readouterr()
    assert printed.out == ""
    assert (
        f"sessiondb[{os.getpid()}] sql: INSERT OR IGNORE INTO agents (name) VALUES ('agent')\n" in printed.err
    )


def test_a_statement_is_one_line_that_drives_no_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONDB_DEBUG", "sql")
    with SessionDB(tmp_path / "sessions.db") as db:
        db.connection.rows("SELECT ?", ("a\n\x1b[2J" + "b" * 2 * MAX_LENGTH,))

    line = next(line for line in capfd.readouterr().err.splitlines() if "SELECT 'a" in line)
    assert "SELECT 'a \\x1b[2Jb" in line
    assert line.endswith(" more characters)")


def test_lock_writes_the_waits_for_another_writer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SESSIONDB_DEBUG", "lock")
    path = tmp_path / "sessions.db"
    with SessionDB(path, time_budget=0.05) as db, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(DatabaseBusy):
            db.sessions.start("agent", id="first")

    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == f"sessiondb[{os.getpid()}] lock: waited 0.5 ms for another writer, try 2"
    assert len(lines) > 3
