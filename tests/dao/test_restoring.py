"""A backup in the place of the database: beside readers and writers, and in place of what is no database any more."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseError,
    DatabaseForeign,
    DatabaseMissing,
    InvalidInput,
)
from sessiondb.storage.migrations import SCHEMA_VERSION
from tests.helpers.damaging import overwrite, pages_of
from tests.helpers.old_databases import make_oldest
from tests.helpers.stores import contents, fill
from tests.helpers.waiting import HANG


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a database, its backup, and what was written since."""
    path = fill(tmp_path / "sessions.db")
    with SessionDB(path) as db:
        db.backup(tmp_path / "backup.db")
        db.sessions.start("agent", id="later")
        db.messages.append("later", "user", "after the backup")
    return path


@pytest.fixture
def backup(path: Path) -> Path:
    """Return the backup."""
    return path.with_name("backup.db")


def held(path: Path) -> dict[str, list[Any]]:
    with SessionDB(path) as db:
        assert {finding.check for finding in db.check()} <= {"order"}
        return contents(db)


def test_a_backup_takes_the_place_of_the_database_and_that_is_kept(path: Path, backup: Path) -> None:
    before, wanted = held(path), held(backup)

    restored = SessionDB.restore_backup(backup, path)

    assert held(path) == wanted
    assert restored.replaced is not None
    assert held(Path(restored.replaced)) == before
    assert (restored.path, restored.sessions) == (str(path), len(wanted["sessions"]))
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert list(path.parent.glob(".*")) == []


def test_a_writer_that_was_open_before_is_told_and_writes_nothing(path: Path, backup: Path) -> None:
    with SessionDB(path) as db:
        db.messages.append("later", "user", "before")
        SessionDB.restore_backup(backup, path)
        for _ in range(2):
            with pytest.raises(DatabaseError, match="was replaced by a backup while it was open"):
                db.sessions.start("agent", id="lost")
        assert db.connection.value("SELECT count(*) FROM sessions WHERE id IN ('later', 'lost')") == 0
    with SessionDB(path) as again:
        again.sessions.start("agent", id="found")


def test_a_reader_sees_the_backup_from_its_next_read_on(path: Path, backup: Path) -> None:
    with SessionDB(path, read_only=True) as reader, reader.connection.snapshot():
        assert reader.connection.value("SELECT count(*) FROM sessions WHERE id = 'later'") == 1
        SessionDB.restore_backup(backup, path)
        assert reader.connection.value("SELECT count(*) FROM sessions WHERE id = 'later'") == 1
    with SessionDB(path, read_only=True) as reader:
        assert reader.connection.value("SELECT count(*) FROM sessions WHERE id = 'later'") == 0


WRITER = """
import sys
from sessiondb import SessionDB
from sessiondb.errors import DatabaseError
while True:
    with SessionDB(sys.argv[1], time_budget=300) as db:
        try:
            for number in range(10_000):
                id = db.sessions.start("agent").id
                print(id, flush=True)
        except DatabaseError as error:
            assert "replaced by a backup" in str(error), error
            print("told", flush=True)
"""


@pytest.mark.once
def test_what_running_writers_wrote_is_in_the_kept_file_or_in_the_database(path: Path, backup: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said: list[str] = []
    threads = [
        threading.Thread(target=lambda out=writer.stdout: said.extend(out), daemon=True) for writer in writers
    ]
    for thread in threads:
        thread.start()
    kept = []
    try:
        for _ in range(3):
            count = len(said)
            while len(said) < count + 20:
                assert all(writer.poll() is None for writer in writers)
            kept.append(SessionDB.restore_backup(backup, path, time_budget=HANG).replaced)
        count = len(said)
        while len(said) < count + 20:
            assert all(writer.poll() is None for writer in writers)
    finally:
        for writer in writers:
            writer.terminate()
        for thread, writer in zip(threads, writers, strict=True):
            thread.join()
            assert writer.stdout is not None
            writer.stdout.close()
            writer.wait()
    written = {line.strip() for line in said} - {"told"}
    found = {row[0] for file in (path, *map(Path, filter(None, kept))) for row in held(file)["sessions"]}
    assert "told\n" in said
    assert len(written) >= 80
    assert written - found == set()


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 2000])
def test_where_there_is_no_database_the_backup_takes_the_place(
    path: Path, backup: Path, content: bytes | None
) -> None:
    wanted = held(backup)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)

    restored = SessionDB.restore_backup(backup, path)

    assert held(path) == wanted
    if content:
        assert restored.replaced is not None
        assert Path(restored.replaced).read_bytes() == content


def test_a_log_that_was_left_behind_is_not_replayed(path: Path, backup: Path, tmp_path: Path) -> None:
    wanted = held(backup)
    with SessionDB(path) as db:
        db.messages.append("later", "user", "only in the log")
        log = Path(f"{path}-wal").read_bytes()
    assert log
    path.unlink()
    Path(f"{path}-wal").write_bytes(log)

    restored = SessionDB.restore_backup(backup, path)

    assert held(path) == wanted
    assert Path(f"{restored.replaced}-wal").read_bytes() == log


@pytest.mark.parametrize("page", ["first", "other"])
def test_a_damaged_database_is_replaced_and_kept(path: Path, backup: Path, page: str) -> None:
    wanted = held(backup)
    overwrite(path, 1 if page == "first" else pages_of(path, "messages")[0])
    damaged = path.read_bytes()

    restored = SessionDB.restore_backup(backup, path)

    assert held(path) == wanted
    assert restored.replaced is not None
    assert len(Path(restored.replaced).read_bytes()) == len(damaged)


def test_an_older_backup_is_brought_up_to_date(path: Path, tmp_path: Path) -> None:
    make_oldest(tmp_path / "old.db")
    before = (tmp_path / "old.db").read_bytes()

    assert SessionDB.restore_backup(tmp_path / "old.db", path).sessions == 6

    with contextlib.closing(sqlite3.connect(path)) as plain:
        assert plain.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert (tmp_path / "old.db").read_bytes() == before
    assert list(tmp_path.glob(".*")) == []


def test_a_database_of_another_page_size_is_replaced_too(path: Path, backup: Path) -> None:
    wanted = held(backup)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
        plain.execute("PRAGMA page_size = 8192")
        plain.execute("VACUUM")

    SessionDB.restore_backup(backup, path)

    assert held(path) == wanted


def spoil(backup: Path) -> None:
    overwrite(backup, pages_of(backup, "messages")[0])


def make_newer(backup: Path) -> None:
    with contextlib.closing(sqlite3.connect(backup)) as plain:
        plain.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def make_foreign(backup: Path) -> None:
    with contextlib.closing(sqlite3.connect(backup)) as plain:
        plain.execute("PRAGMA application_id = 5")


REFUSED: dict[str, tuple[Callable[[Path], Any], type[DatabaseError]]] = {
    "damaged": (spoil, DatabaseDamaged),
    "newer": (make_newer, DatabaseForeign),
    "another program's": (make_foreign, DatabaseForeign),
    "empty": (lambda backup: os.truncate(backup, 0), DatabaseForeign),
    "no database": (lambda backup: backup.write_bytes(b"text" * 5000), DatabaseForeign),
    "missing": (Path.unlink, DatabaseMissing),
}


@pytest.mark.parametrize("way", REFUSED)
def test_a_backup_that_is_not_sound_changes_nothing(path: Path, backup: Path, way: str) -> None:
    before = held(path)
    change, error = REFUSED[way]
    change(backup)

    with pytest.raises(error):
        SessionDB.restore_backup(backup, path)

    assert held(path) == before
    assert list(path.parent.glob(".*")) + list(path.parent.glob("*.backup")) == []


def test_the_database_of_another_program_is_not_replaced(path: Path, backup: Path) -> None:
    make_foreign(path)

    with pytest.raises(DatabaseForeign, match="another program"):
        SessionDB.restore_backup(backup, path)


def test_the_database_itself_is_no_backup(path: Path) -> None:
    with pytest.raises(InvalidInput, match="the database itself"):
        SessionDB.restore_backup(path, path)


def test_a_writer_that_does_not_end_is_waited_for_until_the_time_is_up(path: Path, backup: Path) -> None:
    before = held(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as plain:
        plain.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            SessionDB.restore_backup(backup, path, time_budget=0.3)
        plain.execute("ROLLBACK")

    assert held(path) == before
    assert list(path.parent.glob("*.backup")) == []
