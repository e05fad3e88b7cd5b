"""Copies without a write-ahead log, files in folders that cannot be written, and errors told by their codes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.errors import Conflict, DatabaseBusy, DatabaseDamaged, DatabaseError, DatabaseForeign
from sessiondb.records import SessionFilter
from sessiondb.storage import statements
from tests.helpers.clock import PausingClock
from tests.helpers.other_programs import reading


@pytest.fixture
def moved(tmp_path: Path) -> Path:
    """Return a database as `backup` makes it: with a rollback journal."""
    original, path = tmp_path / "original.db", tmp_path / "sessions.db"
    with SessionDB(original) as db:
        db.sessions.start("me", id="s")
        db.messages.append("s", "user", "hello")
        Maintenance(db.connection).back_up(path)
    with contextlib.closing(sqlite3.connect(path)) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    return path


def test_a_moved_backup_gets_its_write_ahead_log_back(moved: Path) -> None:
    with SessionDB(moved, time_budget=1) as db, SessionDB(moved, read_only=True) as reader:
        next(reader.connection.stream("SELECT id FROM messages"))
        db.messages.append("s", "user", "beside a reader")
        assert db.connection.value("PRAGMA journal_mode") == "wal"
        assert Maintenance(db.connection).check() == []


@pytest.fixture
def reader(moved: Path) -> Iterator[sqlite3.Connection]:
    """Have another program read the database with its rollback journal."""
    with reading(moved) as connection:
        yield connection


def test_a_rollback_journal_that_cannot_be_left_is_named_and_left_later(
    moved: Path, reader: sqlite3.Connection
) -> None:
    with SessionDB(moved, time_budget=0.1) as db:
        assert not db.connection.is_wal
        reader.execute("COMMIT")
        found = Maintenance(db.connection).check()
        assert [finding.check for finding in found] == ["journal"]
        db.messages.append("s", "user", "synced as that needs")
        assert db.connection.sqlite.execute("PRAGMA synchronous").fetchone() == (3,)
        with db.connection.bulk_load():
            db.messages.append("s", "user", "in a load too")
            assert db.connection.sqlite.execute("PRAGMA synchronous").fetchone() == (3,)
        assert Maintenance(db.connection).repair() == []
        assert db.connection.is_wal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> PausingClock:
    made = PausingClock()
    monkeypatch.setattr(statements, "time", made)
    return made


def test_a_write_waits_for_a_reader_of_a_rollback_journal(
    moved: Path, reader: sqlite3.Connection, clock: PausingClock
) -> None:
    with SessionDB(moved, time_budget=5) as db:
        clock.after(0.2, lambda: reader.execute("COMMIT"))
        begun = clock.now
        db.messages.append("s", "user", "after the reader")
        assert 0.2 <= clock.now - begun < 0.3
        assert db.messages.last_seq("s") == 2


def test_a_wait_for_a_reader_is_as_long_as_it_says(
    moved: Path, reader: sqlite3.Connection, clock: PausingClock
) -> None:
    with SessionDB(moved, time_budget=0.3) as db:
        begun = clock.now
        with pytest.raises(DatabaseBusy, match=r"for more than 0\.3 s"):
            db.messages.append("s", "user", "never")
        assert 0.3 <= clock.now - begun < 0.4
        reader.execute("COMMIT")
        assert db.messages.last_seq("s") == 1


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """Yield a folder with a cleanly closed database that this process may read and not write."""
    if os.name != "posix":
        pytest.skip("modes are a matter of POSIX")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with SessionDB(folder / "sessions.db") as db:
            db.sessions.start("me", id="s")
            db.messages.append("s", "user", "hello")
            db.history("s")
        folder.joinpath("sessions.db").chmod(0o644)
        folder.chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:
            # Root may write anywhere.
            _be_nobody(folder)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o755)


def _be_nobody(folder: Path) -> None:
    """Be another user, unless the system has no other here, or lets it into no temporary folder."""
    try:
        os.seteuid(65534)
    except OSError as error:
        pytest.skip(f"takes two users: {error}")
    if not os.access(folder, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        os.seteuid(0)
        pytest.skip("nobody else is let into the temporary folder")


def test_a_database_in_a_folder_that_cannot_be_written_is_read(locked_folder: Path) -> None:
    with SessionDB(locked_folder / "sessions.db", read_only=True) as db:
        assert [message["content"] for message in db.history("s")] == ["hello"]
        assert [session.id for session in db.sessions.page(SessionFilter())] == ["s"]


def test_what_its_owner_writes_meanwhile_is_read_or_refused(locked_folder: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("takes two users")
    path = locked_folder / "sessions.db"
    with SessionDB(path, read_only=True) as db:
        assert db.messages.last_seq("s") == 1
        os.seteuid(0)
        with SessionDB(path) as owner:
            owner.messages.append("s", "user", "more")
        os.seteuid(65534)
        assert db.messages.last_seq("s") == 2


ERRORS = {
    "database is locked": DatabaseBusy,
    "database table is locked: messages": DatabaseBusy,
    "database disk image is malformed": DatabaseDamaged,
    "file is not a database": DatabaseForeign,
    "disk I/O error": DatabaseError,
    "database or disk is full": DatabaseError,
    "attempt to write a readonly database": DatabaseError,
    "no such column: busy": DatabaseError,
    "no such table: the database is locked": DatabaseError,
    'fts5: syntax error near "malformed"': DatabaseError,
}


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_without_a_code_is_told_by_the_beginning_of_its_text(text: str) -> None:
    error = statements.failure(Path("x.db"), sqlite3.OperationalError(text), 30)
    assert type(error) is ERRORS[text]


def test_words_of_a_query_are_no_error_of_the_file(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "sessions.db") as db:
        db.sessions.start("me", id="s")
        db.messages.append("s", "user", "x")
        for words in ("busy", "locked", "malformed", "corrupt"):
            with pytest.raises(DatabaseError, match="no such column") as caught:
                db.connection.rows(f"SELECT {words} FROM messages")
            assert type(caught.value) is DatabaseError
        with pytest.raises(Conflict):
            db.connection.execute("INSERT INTO sessions (id, agent) VALUES ('locked', 'malformed')")
