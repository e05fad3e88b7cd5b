"""A dry run writes into a copy that is gone afterwards, and holds no lock on the database."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from sessiondb import SessionDB
from sessiondb.dao.tables import dry_run_copy
from sessiondb.errors import DatabaseError
from sessiondb.storage import dry_run


@pytest.fixture
def db(tmp_path: Path) -> Iterator[SessionDB]:
    with SessionDB(tmp_path / "sessions.db") as opened:
        opened.sessions.start("agent", id="before")
        yield opened


def test_what_is_written_is_in_the_copy_and_gone_afterwards(db: SessionDB, tmp_path: Path) -> None:
    files = sorted(tmp_path.iterdir())

    with dry_run_copy(db) as copy:
        copy.sessions.start("agent", id="tried")
        copy.messages.append("before", "user", "a zeppelin")
        meanwhile = copy.connection.rows("SELECT id, message_count FROM sessions ORDER BY id")

    assert meanwhile == [("before", 1), ("tried", 0)]
    assert db.connection.rows("SELECT id, message_count FROM sessions") == [("before", 0)]
    assert sorted(tmp_path.iterdir()) == files


def test_others_write_while_a_dry_run_goes_on(db: SessionDB) -> None:
    with dry_run_copy(db) as copy, SessionDB(db.path, time_budget=0.1) as other:
        other.sessions.start("agent", id="meanwhile")
        copy.sessions.start("agent", id="tried")

        assert copy.connection.rows("SELECT id FROM sessions ORDER BY id") == [("before",), ("tried",)]


def test_writes_between_the_steps_of_the_copy_do_not_disturb_it(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "PAGES", 1)
    steps = []

    def write(phase: str, done: int, total: int) -> None:
        steps.append((phase, done, total))
        db.sessions.start("agent")

    with dry_run_copy(db, write) as copy:
        assert copy.connection.rows("SELECT id FROM sessions") == [("before",)]

    size = steps[0][2]
    assert steps == [("copy", done, size) for done in range(4096, size + 1, 4096)]


def test_only_its_owner_can_read_the_copy(db: SessionDB) -> None:
    with dry_run_copy(db) as copy:
        assert [stat.S_IMODE(path.stat().st_mode) for path in (copy.path, copy.path.parent)] == [0o600, 0o700]


def test_a_database_open_for_reading_can_be_tried_on(db: SessionDB) -> None:
    with SessionDB(db.path, read_only=True) as reader, dry_run_copy(reader) as copy:
        assert copy.sessions.start("agent", id="tried").id == "tried"


def test_an_error_in_the_block_goes_through(db: SessionDB, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), dry_run_copy(db):
        raise ZeroDivisionError

    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_no_room_for_the_copy_is_told_before_it_is_made(
    db: SessionDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5))

    message = r"a dry run needs [\d,]+ bytes free in .*, and there are 5"
    with pytest.raises(DatabaseError, match=message), dry_run_copy(db):
        pass


def test_what_a_killed_dry_run_left_is_removed_by_the_next_import(db: SessionDB, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from sessiondb import SessionDB\n"
        "from sessiondb.dao.tables import dry_run_copy\n"
        "with dry_run_copy(SessionDB(sys.argv[1])):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(db.path)], check=False)
    assert killed.returncode < 0
    assert len(list(tmp_path.glob(".sessions.db.dry-run-*"))) == 1
    with dry_run_copy(db):
        db.import_logs(str(tmp_path / "nothing"))
        # The one that goes on stays.
        assert len(list(tmp_path.glob(".sessions.db.dry-run-*"))) == 1
    assert list(tmp_path.glob(".sessions.db.dry-run-*")) == []
