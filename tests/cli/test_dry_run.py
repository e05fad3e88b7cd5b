"""A dry_run writes like an import, and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.cli.dry_run import open_for_dry_run
from sessiondb.errors import DatabaseForeign


def test_what_is_written_is_there_meanwhile_and_gone_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.sessions.start("agent", id="before")

    with open_for_dry_run(path) as db:
        db.sessions.start("agent", id="tried")
        db.messages.append("before", "user", "a zeppelin")
        meanwhile = db.connection.rows("SELECT id, message_count FROM sessions ORDER BY id")

    with SessionDB(path) as db:
        assert meanwhile == [("before", 1), ("tried", 0)]
        assert db.connection.rows("SELECT id, message_count FROM sessions") == [("before", 0)]
        assert db.search("zeppelin").hits == []


def test_a_missing_database_stays_missing(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "sessions.db"

    with open_for_dry_run(path) as db:
        db.sessions.start("agent", id="tried")
        assert db.sessions.get("tried").agent == "agent"

    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_block_goes_through(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    SessionDB(path).close()

    with pytest.raises(ZeroDivisionError), open_for_dry_run(path) as db:
        db.sessions.start("agent", id="tried")
        raise ZeroDivisionError

    with SessionDB(path) as db:
        assert db.connection.value("SELECT count(*) FROM sessions") == 0


def test_an_older_database_is_not_migrated_for_it(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db, db.connection.transaction():
        db.connection.execute("PRAGMA user_version = 1")

    with pytest.raises(DatabaseForeign, match="sessiondb optimize"), open_for_dry_run(path):
        pass

    assert list(tmp_path.glob("*backup*")) == []
