"""Maintenance of the file: each kind of damage is found, named, and repaired where it can be."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao.maintenance import Maintenance
from sessiondb.dao.removal import Removals
from sessiondb.dao.search.indexes import INDEXES
from sessiondb.errors import DatabaseError, InvalidInput
from sessiondb.records import Backup, Finding
from sessiondb.storage.connection import Connection
from sessiondb.storage.copies import copy_compactly, copy_pages


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    for number in range(3):
        session = db.sessions.start("agent", id=f"session-{number}", title="Ferry", project="/home/mira")
        db.messages.append(session.id, "user", "When does the ferry leave? 渡船")
        calls = [{"id": "c1", "name": "clock", "arguments": "{}"}]
        db.messages.append(session.id, "assistant", "I look.", tool_calls=calls)
        db.messages.append(session.id, "tool", "at noon", tool_call_id="c1")
        db.notes.add("decision", "take the ferry", session_id=session.id)
    return db


def write(db: SessionDB, *statements: str) -> None:
    for statement in statements:
        with db.connection.transaction():
            db.connection.execute(statement)


def checks(found: list[Finding]) -> set[str]:
    return {finding.check for finding in found}


def test_a_sound_database_has_no_findings(db: SessionDB) -> None:
    assert Maintenance(db.connection).check() == []


def test_checking_changes_nothing(db: SessionDB) -> None:
    before = list(db.connection.sqlite.iterdump())

    Maintenance(db.connection).check()

    assert list(db.connection.sqlite.iterdump()) == before


@pytest.mark.parametrize("index", [index.name for index in INDEXES])
def test_a_damaged_index_is_rebuilt(db: SessionDB, index: str) -> None:
    write(db, f"DELETE FROM {index}_data WHERE id > 10")
    maintenance = Maintenance(db.connection)

    assert checks(maintenance.check()) == {"search"}
    assert maintenance.repair() == []
    assert len(db.search("ferry", scope="all").hits) == 3


def test_an_index_at_odds_with_its_table_is_rebuilt(db: SessionDB) -> None:
    write(db, "DROP TRIGGER messages_au", "UPDATE messages SET content = 'a zeppelin' WHERE id = 1")
    maintenance = Maintenance(db.connection)

    found = maintenance.check()

    assert Finding("schema", "messages_au is missing", True) in found
    assert Finding("search", "the index messages_fts is damaged", True) in found
    assert maintenance.repair() == []
    assert [hit.session_id for hit in db.search("zeppelin").hits] == ["session-0"]


def test_rows_written_while_a_trigger_was_missing_are_found_again(db: SessionDB) -> None:
    write(
        db,
        "DROP TRIGGER messages_ai",
        "DROP TRIGGER messages_count_ai",
        "INSERT INTO messages (session_id, seq, role, content)"
        " VALUES ('session-0', 4, 'user', 'a zeppelin 飞艇')",
    )
    maintenance = Maintenance(db.connection)

    assert {"schema", "counters"} <= checks(maintenance.check())
    assert maintenance.repair() == []
    assert [len(db.search(word).hits) for word in ("zeppelin", "飞艇")] == [1, 1]
    assert db.sessions.get("session-0").message_count == 3


def test_rows_an_unfinished_import_left_are_indexed(db: SessionDB) -> None:
    write(db, "UPDATE search_state SET pending_from = 0 WHERE index_name = 'tool_calls_fts'")
    maintenance = Maintenance(db.connection)

    assert maintenance.check() == [Finding("search", "the index tool_calls_fts lacks 3 rows", True)]
    assert maintenance.repair() == []
    assert len(db.search("noon", scope="tools").hits) == 3


@pytest.mark.parametrize(
    ("counter", "text"), [("message_count", "1 session"), ("tool_call_count", "1 session")]
)
def test_wrong_counters_are_counted_anew(db: SessionDB, counter: str, text: str) -> None:
    truth = getattr(db.sessions.get("session-1"), counter)
    write(db, f"UPDATE sessions SET {counter} = 99 WHERE id = 'session-1'")
    maintenance = Maintenance(db.connection)

    assert maintenance.check() == [
        Finding("counters", f"message or tool call counts of {text} are wrong", True)
    ]
    assert maintenance.repair() == []
    assert getattr(db.sessions.get("session-1"), counter) == truth


def test_references_to_nothing_are_named_and_left_alone(db: SessionDB) -> None:
    db.connection.sqlite.execute("PRAGMA foreign_keys = OFF")
    write(db, "UPDATE sessions SET project_id = 99 WHERE id = 'session-2'")
    db.connection.sqlite.execute("PRAGMA foreign_keys = ON")
    maintenance = Maintenance(db.connection)

    expected = [Finding("references", "row 3 of sessions points to nothing in projects", False)]
    assert maintenance.check() == expected
    assert maintenance.repair() == expected


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
def test_files_that_others_can_read_are_closed(db: SessionDB) -> None:
    db.path.chmod(0o644)
    maintenance = Maintenance(db.connection)

    assert maintenance.check() == [
        Finding("modes", f"{db.path} can be read by others: its mode should be 600", True)
    ]
    assert maintenance.repair() == []
    assert stat.S_IMODE(db.path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
def test_only_the_default_folder_must_be_private(
    db: SessionDB, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    elsewhere = Maintenance(db.connection).check()
    monkeypatch.setattr("sessiondb.settings.paths.user_data", lambda: tmp_path)
    default = tmp_path / "sessiondb" / "sessions.db"
    with SessionDB(default) as other:
        default.parent.chmod(0o755)
        found = Maintenance(other.connection).check()

    assert elsewhere == []
    assert found == [
        Finding("modes", f"{default.parent} can be read by others: its mode should be 700", True)
    ]


def test_a_damaged_page_is_named(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        for number in range(200):
            db.sessions.start("agent", id=f"session-{number:03}", title="x" * 200)
        root = int(
            db.connection.value("SELECT rootpage FROM sqlite_master WHERE name = 'idx_sessions_agent'")
        )
        size = int(db.connection.value("PRAGMA page_size"))
    with path.open("r+b") as file:
        file.seek((root - 1) * size + 200)
        file.write(b"\xff" * (size - 200))

    with SessionDB(path) as db:
        found = Maintenance(db.connection).check()

    assert "file" in checks(found)
    assert all("restore a backup" in finding.problem for finding in found if finding.check == "file")


@pytest.mark.parametrize(
    "shrink", [lambda db: Removals(db.connection).vacuum(), lambda db: Maintenance(db.connection).optimize()]
)
def test_titles_are_still_found_after_a_rewrite_of_the_file(
    db: SessionDB, shrink: Callable[[SessionDB], object]
) -> None:
    Removals(db.connection).remove(["session-0"])

    shrink(db)

    assert Maintenance(db.connection).check() == []
    assert {hit.session_id for hit in db.search("ferry").hits} == {"session-1", "session-2"}


def test_a_backup_is_whole_private_and_writable(db: SessionDB, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    backup = Maintenance(db.connection).back_up(target)

    assert backup == Backup(str(target), target.stat().st_size)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with SessionDB(target) as copy:
        assert Maintenance(copy.connection).check() == []
        assert copy.messages.append("session-0", "user", "one more").seq == 4
        assert copy.messages.transcript("session-1") == db.messages.transcript("session-1")


def test_a_failed_backup_leaves_no_file(db: SessionDB, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    db.connection.sqlite.executescript(
        "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE (' WHERE name = 'meta'"
    )

    with pytest.raises(DatabaseError):
        Maintenance(db.connection).back_up(target)

    assert not target.exists()


def test_a_backup_overwrites_nothing(db: SessionDB, tmp_path: Path) -> None:
    (tmp_path / "copy.db").touch()

    with pytest.raises(InvalidInput, match="exists already"):
        Maintenance(db.connection).back_up(tmp_path / "copy.db")


def test_optimize_finishes_what_an_import_left_and_empties_the_log(db: SessionDB) -> None:
    write(db, "UPDATE search_state SET pending_from = 10 WHERE index_name = 'messages_fts'")
    for _ in range(2):
        db.messages.append("session-0", "user", "a zeppelin 飞艇")

    done = Maintenance(db.connection).optimize()

    assert (done.indexed, done.bytes_after) == (2, db.path.stat().st_size)
    assert len(db.search("zeppelin", flat=True).hits) == 2
    assert db.path.with_name("sessions.db-wal").stat().st_size == 0
    assert Maintenance(db.connection).check() == []
    with sqlite3.connect(db.path) as other:
        assert other.execute("SELECT count(*) FROM sqlite_stat1").fetchone()[0] > 0
    other.close()


@pytest.mark.parametrize("is_read_only", [False, True])
def test_a_backup_after_a_removal_finds_the_right_titles(tmp_path: Path, is_read_only: bool) -> None:
    path, copy = tmp_path / "sessions.db", tmp_path / "copy.db"
    with SessionDB(path) as db:
        for word in ("alpha", "beta", "gamma", "delta"):
            db.sessions.start("agent", id=word, title=f"{word} report")
        db.remove("beta")

    with SessionDB(path, read_only=is_read_only) as db:
        db.backup(copy)

    with SessionDB(copy) as backup:
        assert backup.check() == []
        assert [hit.session_id for hit in backup.search("gamma").hits] == ["gamma"]


def test_pages_that_are_copied_without_the_right_to_write_keep_their_index(tmp_path: Path) -> None:
    path, copy = tmp_path / "sessions.db", tmp_path / "copy.db"
    with SessionDB(path) as db:
        for word in ("alpha", "beta", "gamma"):
            db.sessions.start("agent", id=word, title=f"{word} report")
        db.remove("beta")

    with closing(Connection(path, read_only=True)) as reader:
        with pytest.raises(DatabaseError, match="open read-only"):
            copy_compactly(reader, copy)
        copy_pages(reader, copy)

    copy.chmod(0o600)
    with SessionDB(copy) as backup:
        assert backup.check() == []
