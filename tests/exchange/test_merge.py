"""Merging two databases: a union, in batches, of what is ours."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseForeign, DatabaseMissing, InvalidInput
from sessiondb.exchange import merge
from sessiondb.storage.turns import Pace
from tests.helpers.stores import (
    AT,
    change,
    copy_of,
    count,
    counts,
    exported,
    fill,
    merged,
    remove,
    said,
    texts,
)


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """Return a database with something of everything."""
    return fill(tmp_path / "ours.db")


@pytest.fixture
def theirs(tmp_path: Path, ours: Path) -> Path:
    """Return a copy of our database, as another machine has it."""
    return copy_of(ours, tmp_path / "theirs.db")


def test_an_empty_database_becomes_equal(tmp_path: Path, theirs: Path) -> None:
    report = merged(tmp_path / "new.db", theirs)

    assert counts(report) == (["before", "strange", "chat", "tools"], [], [], 9, 6)
    assert exported(tmp_path / "new.db") == exported(theirs)


def test_a_database_is_its_own_copy(ours: Path, theirs: Path) -> None:
    before = exported(ours)

    report = merged(ours, theirs)

    assert counts(report) == ([], [], [], 0, 0)
    assert sorted(report.unchanged) == ["before", "chat", "strange", "tools"]
    assert exported(ours) == before


def test_the_other_database_is_left_as_it_was(ours: Path, theirs: Path) -> None:
    change(ours, said("chat", "More", 58))
    before = theirs.read_bytes()

    merged(ours, theirs)

    assert theirs.read_bytes() == before


def test_what_is_only_in_the_log_of_the_other_comes_too(tmp_path: Path, ours: Path) -> None:
    with SessionDB(ours) as db:
        said("chat", "Not in the file yet", 58)(db)
        copy = tmp_path / "copy.db"
        shutil.copy(ours, copy)
        shutil.copy(f"{ours}-wal", f"{copy}-wal")

    merged(tmp_path / "new.db", copy)

    assert texts(tmp_path / "new.db", "chat")[-1] == (3, "Not in the file yet")


@pytest.mark.parametrize("large", [False, True], ids=["small", "large"])
def test_new_messages_come_after_ours(
    ours: Path, theirs: Path, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if large:
        monkeypatch.setattr(merge, "LARGE", 0)
        monkeypatch.setattr(Pace.__init__, "__defaults__", (1, 1, 1))
    change(
        theirs, said("chat", "A word for walruses", 55), lambda db: db.sessions.end("chat", at=AT.format(56))
    )

    report = merged(ours, theirs)

    assert counts(report) == ([], ["chat"], [], 1, 0)
    assert exported(ours) == exported(theirs)
    with SessionDB(ours) as db:
        assert [hit.seq for hit in db.search("walruses").hits] == [3]
        assert (db.sessions.get("chat").message_count, db.sessions.get("chat").end_reason) == (3, "ended")
    assert counts(merged(ours, theirs)) == ([], [], [], 0, 0)


def test_three_machines_come_to_the_same(tmp_path: Path, ours: Path, theirs: Path) -> None:
    third = tmp_path / "third.db"
    shutil.copy(theirs, third)
    change(ours, said("chat", "From the first", 51))
    change(theirs, lambda db: db.sessions.end("chat", "done", at=AT.format(59)))
    change(third, lambda db: remove(db, "tools", "rm", "2026-03-05T00:00:00.000Z"))

    for other in (theirs, third):
        merged(ours, other)
    for path in (theirs, third):
        merged(path, ours)

    assert exported(ours) == exported(theirs) == exported(third)


def test_progress_is_told_in_sessions(ours: Path, theirs: Path) -> None:
    told: list[tuple[str, int, int]] = []
    with SessionDB(ours) as db:
        merge.merge(db, theirs, progress=lambda *step: told.append(step))

    assert told == [("read", 4, 4)]


def test_what_is_no_database_of_ours_is_refused_in_words(tmp_path: Path, ours: Path) -> None:
    foreign, newer = tmp_path / "foreign.db", tmp_path / "newer.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    change(newer, lambda db: db.connection.execute("PRAGMA user_version = 99"))

    with SessionDB(ours) as db:
        with pytest.raises(DatabaseForeign, match="is a SQLite database of another program"):
            merge.merge(db, foreign)
        with pytest.raises(DatabaseForeign, match="has schema 99, and this sessiondb knows up to"):
            merge.merge(db, newer)
        with pytest.raises(DatabaseMissing, match=r"there is no database .*absent\.db to merge"):
            merge.merge(db, tmp_path / "absent.db")
        with pytest.raises(InvalidInput, match="is the database itself"):
            merge.merge(db, ours)


def test_a_merge_that_stops_is_completed_by_the_next(
    ours: Path, theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace.__init__, "__defaults__", (1, 1, 1))
    new = tmp_path / "new.db"

    def stop(phase: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with SessionDB(new) as db, pytest.raises(KeyboardInterrupt):
        merge.merge(db, theirs, progress=stop)
    with SessionDB(new) as db:
        assert 0 < count(db, "sessions") < 4

    merged(new, theirs)

    assert exported(new) == exported(theirs)
