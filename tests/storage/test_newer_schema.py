"""A database that a later sessiondb wrote: it is read as far as it is known, and never written."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseError, DatabaseNewer
from sessiondb.records import SessionFilter
from sessiondb.storage.migrations import SCHEMA_VERSION, migrations, missing
from tests.helpers.newer_databases import LESS, MORE, NEWER, make_newer

REFUSED = (
    f"has schema {NEWER}, and this sessiondb knows up to {SCHEMA_VERSION}: .* upgrade sessiondb for all else"
)

READS: dict[str, Callable[[SessionDB], Any]] = {
    "list": lambda db: [session.title for session in db.sessions.page(SessionFilter())],
    "show": lambda db: [message.content for message in db.transcript("s").messages],
    "search": lambda db: [hit.session_id for hit in db.search("harbour").hits],
    "history": lambda db: db.history("s"),
    "notes": lambda db: [note.body for note in db.notes.find()],
    "stats": lambda db: db.stats("agent").total,
    "status": lambda db: db.status().messages,
    "check": lambda db: [finding.check for finding in db.check()],
}

WRITES: dict[str, Callable[[SessionDB], Any]] = {
    "append": lambda db: db.messages.append("s", "user", "more"),
    "end": lambda db: db.sessions.end("s", "done"),
    "note": lambda db: db.notes.add("decision", "a note", session_id="s"),
    "remove": lambda db: db.remove("s"),
    "optimize": lambda db: db.optimize(),
    "repair": lambda db: db.repair(),
}


def fill(path: Path) -> None:
    with SessionDB(path) as db:
        db.sessions.start("me", id="s", title="The harbour")
        db.messages.append("s", "user", "Where is the harbour?")
        db.messages.append("s", "assistant", "Behind the mill.", tool_calls=[{"id": "1", "name": "look"}])
        db.notes.add("decision", "The harbour is closed", session_id="s")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    fill(path)
    return path


def content(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as plain:
        return sorted(plain.iterdump())


@pytest.mark.parametrize("change", MORE)
@pytest.mark.parametrize("read", READS)
def test_what_a_newer_schema_has_more_does_not_hinder_reading(path: Path, change: str, read: str) -> None:
    with SessionDB(path, read_only=True) as db:
        before = READS[read](db)
    make_newer(path, *MORE[change])
    with SessionDB(path, read_only=True) as db:
        assert db.newer_schema == NEWER
        assert READS[read](db) == (["schema"] if read == "check" else before)


@pytest.mark.parametrize("change", MORE)
def test_a_newer_database_is_not_opened_for_writing(path: Path, change: str) -> None:
    make_newer(path, *MORE[change])
    before = content(path)
    with pytest.raises(DatabaseNewer, match=REFUSED):
        SessionDB(path)
    with pytest.raises(DatabaseNewer, match=REFUSED):
        SessionDB.import_into(path, path)
    assert content(path) == before
    assert {file.name for file in path.parent.iterdir()} <= {path.name, f"{path.name}.lock"}


@pytest.mark.parametrize("write", WRITES)
def test_a_writer_that_was_open_refuses_once_the_schema_is_newer(path: Path, write: str) -> None:
    with SessionDB(path) as db:
        db.messages.append("s", "user", "before")
        make_newer(path, *MORE["a column more"])
        before = content(path)
        with pytest.raises(DatabaseNewer, match=REFUSED):
            WRITES[write](db)
        assert content(path) == before
        assert READS["list"](db) == ["The harbour"]


def test_a_newer_database_that_is_open_for_reading_takes_no_writes(path: Path) -> None:
    make_newer(path)
    with SessionDB(path, read_only=True) as db, pytest.raises(DatabaseError, match="open read-only"):
        db.messages.append("s", "user", "more")


@pytest.mark.parametrize("change", LESS)
def test_what_a_newer_schema_lacks_is_named_by_what_reads_it_and_by_the_check(
    path: Path, change: str
) -> None:
    statement, gone = LESS[change]
    make_newer(path, statement)
    name = gone.rpartition(".")[2]
    failures = []
    with SessionDB(path, read_only=True) as db:
        for read in READS.values():
            try:
                read(db)
            except DatabaseNewer as error:
                failures.append(str(error))
        assert missing(db.connection) == [gone]
        assert f"{gone} is not there any more: what reads it fails" in [f.problem for f in db.check()]
    words = rf"is not in it any more \(no such .*{name}\); upgrade sessiondb"
    assert [bool(re.search(words, failure)) for failure in failures] == [True] * max(len(failures), 1)
    assert len(failures) < len(READS)


def test_a_reader_that_was_open_says_that_the_schema_is_newer_now(path: Path) -> None:
    with SessionDB(path, read_only=True) as db:
        assert db.newer_schema is None
        make_newer(path, LESS["a column with another name"][0])
        with pytest.raises(DatabaseNewer, match=r"no such column: .*reasoning"):
            db.transcript("s")


def test_a_known_schema_lacks_nothing_and_a_statement_that_fails_of_it_is_not_called_newer(
    path: Path,
) -> None:
    with SessionDB(path) as db:
        assert missing(db.connection) == []
        with pytest.raises(DatabaseError, match="no such table: nowhere") as failed:
            db.connection.rows("SELECT * FROM nowhere")
    assert not isinstance(failed.value, DatabaseNewer)


def test_a_newer_database_is_not_merged_for_what_is_unknown_in_it_would_be_left_behind(
    path: Path, tmp_path: Path
) -> None:
    make_newer(path, *MORE["a table more"])
    with SessionDB(tmp_path / "other.db") as db:
        for dry_run in (False, True):
            with pytest.raises(DatabaseNewer, match=REFUSED):
                db.merge(path, dry_run=dry_run)
        assert not db.sessions.has_any()


def test_a_newer_database_can_be_exported_and_backed_up_whole(path: Path, tmp_path: Path) -> None:
    make_newer(path, *MORE["a table more"], "INSERT INTO moods VALUES ('s', 'glad')")
    with SessionDB(path, read_only=True) as db:
        db.export(tmp_path / "all.jsonl")
        db.backup(tmp_path / "backup.db")
    assert "Behind the mill." in (tmp_path / "all.jsonl").read_text()
    assert content(tmp_path / "backup.db") == content(path)


def test_each_migration_changes_the_schema_which_is_how_a_writer_that_is_open_learns_of_it() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as plain:
        count = 0
        for migration in migrations():
            plain.executescript(migration.sql)
            before, (count,) = count, plain.execute("PRAGMA schema_version").fetchone()
            assert count > before, migration.name
