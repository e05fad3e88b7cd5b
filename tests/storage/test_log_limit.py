"""The write-ahead log stays short, though readers overlap without a moment between them."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
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


def overlap(path: Path, stop: threading.Event) -> None:
    """Read with two connections in turn, so that one of them has begun before the other ends."""
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(reading(path))
        after = stack.enter_context(reading(path))
        while not stop.wait(0.01):
            before.execute("COMMIT")
            before.execute("BEGIN")
            before.execute("SELECT count(*) FROM messages").fetchone()
            before, after = after, before


def write(db: SessionDB, megabytes: int) -> None:
    for _ in range(megabytes * 20):
        db.messages.append("s", "user", "word " * 10_000)


def test_the_log_is_emptied_though_somebody_always_reads(path: Path) -> None:
    log, stop = path.with_name("sessions.db-wal"), threading.Event()
    reader = threading.Thread(target=overlap, args=(path, stop))
    reader.start()
    sizes = [0]
    try:
        with SessionDB(path) as db:
            # How soon depends on how busy the machine is.
            while sizes[-1] == max(sizes) and len(sizes) < 30:
                write(db, 1)
                sizes.append(log.stat().st_size)
    finally:
        stop.set()
        reader.join()
    assert sizes[-1] < max(sizes)


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
