"""Paths that must not be written: those of a database, of what SQLite keeps beside it, and of logs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.errors import Conflict, InvalidInput
from tests.helpers.stores import contents, fill

LOG = '{"messages": [{"role": "user", "content": "Where is the lantern?"}]}\n'


@pytest.fixture
def full(tmp_path: Path) -> Path:
    return fill(tmp_path / "full.db")


def linked(path: Path, make: Callable[[Path, Path], object]) -> Path:
    link = path.with_name("link.jsonl")
    make(path, link)
    return link


@pytest.mark.parametrize(
    "name",
    [
        lambda path: path,
        lambda path: linked(path, lambda path, link: link.symlink_to(path)),
        lambda path: linked(path, os.link),
        lambda path: Path(f"{path}-wal"),
        lambda path: Path(f"{path}-shm"),
        lambda path: Path(f"{path}-journal"),
        lambda path: Path(f"{path}.lock"),
    ],
    ids=["itself", "symlink", "hard link", "wal", "shm", "journal", "lock"],
)
@pytest.mark.parametrize(
    "act",
    [
        lambda db, path: db.export(path),
        lambda db, path: db.export(path, overwrite=False),
        lambda db, path: db.export(path, format="md"),
        lambda db, path: db.backup(path),
        lambda db, path: SessionDB.recover(db.path, path),
    ],
    ids=["export", "new export", "markdown", "backup", "recover"],
)
def test_nothing_is_written_over_the_database_that_is_open(
    full: Path, name: Callable[[Path], Path], act: Callable[[SessionDB, Path], object]
) -> None:
    with SessionDB(full) as db:
        target, before = name(full), contents(db)

        with pytest.raises(InvalidInput):
            act(db, target)
        assert contents(db) == before
        db.sessions.start("quill", id="later")
    with SessionDB(full) as db:
        assert db.sessions.get("later").agent == "quill"
        assert db.check() == [finding for finding in db.check() if finding.check == "order"]


@pytest.mark.parametrize("is_ours", [True, False])
def test_an_export_takes_the_place_of_no_other_database(tmp_path: Path, full: Path, is_ours: bool) -> None:
    other = tmp_path / "other.db"
    if is_ours:
        SessionDB(other).close()
    else:
        with sqlite3.connect(other) as foreign:
            foreign.execute("CREATE TABLE bills (id INTEGER)")
    before = other.read_bytes()

    with SessionDB(full) as db:
        with pytest.raises(InvalidInput, match=r"other\.db is a database, which this would destroy"):
            db.export(other)
        with pytest.raises(InvalidInput, match=r"other\.db-wal belongs to the database .*other\.db:"):
            db.export(Path(f"{other}-wal"))
    assert other.read_bytes() == before


def test_no_database_is_made_where_another_has_its_log(tmp_path: Path, full: Path) -> None:
    target = f"{full}-wal"
    calls: list[Callable[[], Any]] = [
        lambda: SessionDB(target),
        lambda: SessionDB.import_into(target, tmp_path),
        lambda: SessionDB.merge_into(target, full),
        lambda: SessionDB.restore_backup(full, target),
    ]
    for call in calls:
        with pytest.raises(InvalidInput, match="belongs to the database"):
            call()
        assert not Path(target).exists()


def test_an_export_takes_the_place_of_no_log(tmp_path: Path) -> None:
    log = tmp_path / "chats.jsonl"
    log.write_text(LOG)
    with SessionDB(tmp_path / "sessions.db") as db:
        db.import_logs(log)
        with pytest.raises(InvalidInput, match=r"chats\.jsonl is a log that was imported \(openai-chat\)"):
            db.export(log)
        assert log.read_text() == LOG
        # What an export has written before is nobody's log, also when it was imported.
        db.export(tmp_path / "out.jsonl")
        db.import_logs(tmp_path / "out.jsonl")
        assert db.export(tmp_path / "out.jsonl").sessions == 1


def test_a_database_cannot_be_merged_into_itself_through_a_link(full: Path) -> None:
    link = linked(full, os.link)
    with SessionDB(full) as db:
        for path in (full, link):
            with pytest.raises(InvalidInput, match="is the database itself"):
                db.merge(path)


def test_an_export_may_replace_what_is_no_database(tmp_path: Path, full: Path) -> None:
    for name in ("notes-wal", "session.lock"):
        (tmp_path / name).write_text("mine")
        with SessionDB(full) as db:
            with pytest.raises(Conflict):
                db.export(tmp_path / name, overwrite=False)
            assert db.export(tmp_path / name).sessions == 4


NO_PATHS = ["a\0b", "", 5, None, b"a\0b", "~nobody-of-that-name/x"]


@pytest.mark.parametrize("given", NO_PATHS, ids=repr)
@pytest.mark.parametrize(
    "act",
    [
        lambda db, path: db.export(path),
        lambda db, path: db.backup(path),
        lambda db, path: db.merge(path),
        lambda db, path: db.merge_into(path, db.path),
        lambda db, path: db.import_into(path),
        lambda db, path: db.recover(db.path, path),
        lambda db, path: db.recover(path, db.path.with_name("new.db")),
        lambda db, path: db.restore_backup(path, db.path),
        lambda db, path: db.restore_backup(db.path, path),
        lambda db, path: db.free_reserve(path),
        lambda db, path: SessionDB(path),
    ],
)
def test_what_is_no_path_is_refused_in_words(
    full: Path, given: Any, act: Callable[[SessionDB, Any], object]
) -> None:
    with SessionDB(full) as db, pytest.raises(InvalidInput, match=r"path|no home folder"):
        act(db, given)


@pytest.mark.parametrize("given", NO_PATHS[:-1], ids=repr)
def test_a_source_of_an_import_that_is_no_path_is_refused_in_words(full: Path, given: Any) -> None:
    with SessionDB(full) as db, pytest.raises(InvalidInput, match=r"path|source"):
        db.import_logs(given)
