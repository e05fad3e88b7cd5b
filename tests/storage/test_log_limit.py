"""The write-ahead log stays short, though readers overlap without a moment between them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.storage import files
from tests.helpers.other_programs import reading

LIMIT = 512 * 1024


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a database whose log may be half a megabyte long."""
    monkeypatch.setattr(files, "LOG_BYTES", LIMIT)
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.sessions.start("me", id="s")
    return path


class Overlapping:
    """A clock that goes on in pauses alone, in each of which one of two readers ends and begins again."""

    def __init__(self, *readers: sqlite3.Connection) -> None:
        self._readers = readers
        self.pauses = 0

    def monotonic(self) -> float:
        return self.pauses / 1000

    def sleep(self, seconds: float) -> None:
        reader = self._readers[self.pauses % len(self._readers)]
        self.pauses += 1
        reader.execute("COMMIT")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchone()


def write(db: SessionDB, megabytes: int) -> None:
    for _ in range(megabytes * 20):
        db.messages.append("s", "user", "word " * 10_000)


def test_the_log_is_emptied_though_somebody_always_reads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = path.with_name("sessions.db-wal")
    with SessionDB(path) as db, reading(path) as one, reading(path) as other:
        clock = Overlapping(one, other)
        monkeypatch.setattr(files, "time", clock)
        sizes = [1]
        while sizes[-1] and len(sizes) < 20:
            db.messages.append("s", "user", "word " * 10_000)
            sizes.append(log.stat().st_size)
    assert sizes[-1] == 0
    assert LIMIT < max(sizes) < 2 * LIMIT
    # Each of the two has begun anew once before the log was copied, and once after.
    assert clock.pauses <= 4


def test_one_who_reads_for_long_stops_no_write_and_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_PATIENCE", 0.05)
    log = path.with_name("sessions.db-wal")
    with SessionDB(path) as db:
        with reading(path) as reader:
            write(db, 2)
            assert reader.execute("SELECT count(*) FROM messages").fetchone() == (0,)
            assert log.stat().st_size > LIMIT
        write(db, 2)
        assert log.stat().st_size <= 4 * LIMIT
        assert db.connection.value("SELECT count(*) FROM messages") == 80
        assert db.check() == []


def test_a_log_that_cannot_be_emptied_now_is_no_error_of_a_write(path: Path) -> None:
    with SessionDB(path) as db:
        db.connection.sqlite.set_authorizer(
            lambda action, name, *_: (
                sqlite3.SQLITE_DENY
                if action == sqlite3.SQLITE_PRAGMA and name == "wal_checkpoint"
                else sqlite3.SQLITE_OK
            )
        )
        write(db, 2)
        assert db.connection.value("SELECT count(*) FROM messages") == 40
