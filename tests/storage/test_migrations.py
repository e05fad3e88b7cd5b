"""The schema: made once by many processes, refused where it is not ours, the same as its files say."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import sqlite3
import stat
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseError, DatabaseForeign, DatabaseMissing
from sessiondb.query.text import SPACED_RANGES, STRIPPED_RANGES
from sessiondb.storage.connection import Connection
from sessiondb.storage.migrations import APPLICATION_ID, SCHEMA_VERSION, migrations
from tests.helpers.waiting import HANG

pytestmark = pytest.mark.usefixtures("migrated_databases")

CONTRACT = {
    "sessions": """
        id agent native_id key project_id channel_id parent_id relation title model_id started_at last_active_at
        ended_at end_reason consolidated pinned origin metadata message_count tool_call_count
    """,
    "messages": """
        id session_id seq role content reasoning parts external_id model_id finish_reason created_at
        metadata
    """,
    "tool_calls": """
        message_id session_id position call_id name arguments result is_error called_at returned_at
    """,
    "token_counts": """
        session_id message_id model_id input cache_read cache_write output reasoning cost_microdollars
        request_key counted_at
    """,
    "notes": """
        session_id project_id kind body context resolution author assignee due_at resolved_at created_at
    """,
    "note_translations": "note_id lang body",
    "channels": "platform chat_type chat_id chat_name user_id user_name thread_id",
    "projects": "path name",
}


def open_many(
    path: str, gate: multiprocessing.synchronize.Barrier, results: multiprocessing.Queue[str]
) -> None:
    gate.wait()
    try:
        with SessionDB(path) as db:
            results.put(db.connection.value("SELECT value FROM meta WHERE key = 'database_id'"))
    except Exception as error:
        results.put(f"{type(error).__name__}: {error}")


@pytest.mark.once
def test_sixteen_processes_that_open_a_missing_file_at_once_make_one_database(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    gate, results = context.Barrier(16), context.Queue()
    path = tmp_path / "sessions.db"
    processes = [context.Process(target=open_many, args=(str(path), gate, results)) for _ in range(16)]
    for process in processes:
        process.start()
    found = {results.get(timeout=HANG) for _ in processes}
    for process in processes:
        process.join()
    assert len(found) == 1
    assert len(found.pop()) == 16
    with SessionDB(path) as db:
        assert db.connection.value("PRAGMA integrity_check") == "ok"
        assert db.connection.value("PRAGMA user_version") == SCHEMA_VERSION


def test_file_and_folder_are_private_from_the_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "sessions.db"
    old = os.umask(0)
    try:
        with SessionDB(path) as db:
            db.sessions.start("agent")
            files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert set(files) >= {"sessions.db", "sessions.db-wal", "sessions.db-shm"}
    assert set(files.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == stat.S_IMODE(path.parents[1].stat().st_mode) == 0o700


def test_schema_version_is_the_number_of_the_newest_file() -> None:
    numbers = [migration.number for migration in migrations()]
    assert numbers == list(range(1, SCHEMA_VERSION + 1))


def test_schema_is_the_sum_of_its_files(tmp_path: Path) -> None:
    plain = sqlite3.connect(":memory:")
    for migration in migrations():
        plain.executescript(migration.sql)
    query = "SELECT type, name, sql FROM sqlite_master ORDER BY type, name"
    with SessionDB(tmp_path / "sessions.db") as db:
        assert db.connection.rows(query) == plain.execute(query).fetchall()
    plain.close()


def test_every_table_opens_with_a_sentence_about_it() -> None:
    for migration in migrations():
        lines = migration.sql.splitlines()
        assert lines[0].startswith(f"-- {migration.number:04}: ")
        for number, line in enumerate(lines):
            if line.startswith(("CREATE TABLE", "CREATE VIEW")):
                assert re.fullmatch(r"-- .*\.", lines[number - 1]), line


@pytest.mark.parametrize("table", CONTRACT)
def test_table_has_its_columns(tmp_path: Path, table: str) -> None:
    with SessionDB(tmp_path / "sessions.db") as db:
        columns = {row[1] for row in db.connection.rows(f"PRAGMA table_info({table})")}
        (sql,) = db.connection.row("SELECT sql FROM sqlite_master WHERE name = ?", (table,)) or ("",)
    assert columns >= set(CONTRACT[table].split())
    assert "STRICT" in sql


def test_segment_patterns_of_the_schema_are_those_of_the_query_parser() -> None:
    def pattern(ranges: tuple[tuple[int, int], ...]) -> str:
        return "".join(chr(a) if a == b else f"{chr(a)}-{chr(b)}" for a, b in ranges)

    sql = next(migration.sql for migration in migrations() if migration.number == 3)
    assert f"GLOB '[{pattern(SPACED_RANGES)}]'" in sql
    assert f"GLOB '[{pattern(STRIPPED_RANGES)}]'" in sql
    assert f"GLOB '*[{pattern(SPACED_RANGES + STRIPPED_RANGES)}]*'" in sql


def test_file_of_another_program_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url)")
    other.close()
    with pytest.raises(DatabaseForeign, match=r"other\.db is a SQLite database of another program"):
        SessionDB(path)
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]
    other.close()


def test_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all, but long enough to have a header" * 20)
    for read_only in (True, False):
        with pytest.raises(DatabaseForeign, match="is not a SQLite database"):
            SessionDB(path, read_only=read_only)
    assert path.read_text().startswith("not a database")


def test_older_schema_is_backed_up_and_migrated_when_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sessions.db"
    with monkeypatch.context() as patch:
        patch.setattr("sessiondb.storage.migrations.SCHEMA_VERSION", 3)
        patch.setattr("sessiondb.storage.migrations.migrations", lambda: migrations()[:3])
        old = Connection(path)
        from sessiondb.storage.migrations import migrate

        migrate(old)
        old.execute("INSERT INTO agents (name) VALUES ('kept')")
        old.close()
    with pytest.raises(DatabaseForeign, match="has schema 3"):
        SessionDB(path, read_only=True)
    with SessionDB(path) as db:
        assert db.connection.value("PRAGMA user_version") == SCHEMA_VERSION
        assert db.connection.rows("SELECT name FROM agents") == [("kept",)]
    backup = tmp_path / "sessions.db.v3.backup"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    copy = sqlite3.connect(backup)
    assert copy.execute("PRAGMA user_version").fetchone() == (3,)
    assert copy.execute("SELECT name FROM agents").fetchone() == ("kept",)
    copy.close()


def test_a_schema_number_that_was_set_back_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.sessions.start("me", id="s")
    for version in range(1, SCHEMA_VERSION):
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute(f"PRAGMA user_version = {version}")
        for read_only in (True, False):
            with pytest.raises(DatabaseForeign, match=rf"says that it has schema {version}.*") as refused:
                SessionDB(path, read_only=read_only)
            assert f'sqlite3 {path} "PRAGMA user_version = {SCHEMA_VERSION}"' in str(refused.value)
    assert list(tmp_path.glob("*.backup*")) == []
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    with SessionDB(path) as db:
        assert db.sessions.get("s").agent == "me"


def test_failed_migration_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sessions.db"
    broken = migrations()[1]._replace(sql="CREATE TABLE half (id);\nCREATE TABLE half (id);")
    with monkeypatch.context() as patch:
        patch.setattr("sessiondb.storage.migrations.migrations", lambda: (migrations()[0], broken))
        with pytest.raises(DatabaseError, match="half already exists"):
            SessionDB(path)
    check = sqlite3.connect(path)
    assert check.execute("PRAGMA user_version").fetchone() == (0,)
    assert check.execute("SELECT name FROM sqlite_master WHERE name = 'half'").fetchall() == []
    check.close()
    with SessionDB(path) as db:
        assert db.connection.value("PRAGMA application_id") == APPLICATION_ID


def test_reading_never_makes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "none" / "sessions.db"
    with pytest.raises(DatabaseMissing, match="there is no database at"):
        SessionDB(path, read_only=True)
    assert not path.parent.exists()


def test_reading_an_empty_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    path.touch()
    with pytest.raises(DatabaseForeign, match="is an empty file"):
        SessionDB(path, read_only=True)
    assert path.stat().st_size == 0
