"""Opening a database by what a program calls it."""

from __future__ import annotations

import gc
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import InvalidInput


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that the test is in, and that temporary files are made in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_database_in_memory_works_as_any_and_leaves_no_file(folder: Path) -> None:
    with SessionDB(":memory:") as db:
        session = db.sessions.start("me")
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda n: db.messages.append(session.id, "user", f"word{n}"), range(8)))
        with db.turn(session.id) as turn:
            turn.append("assistant", "done")
        assert len(db.messages.transcript(session.id)) == 9
        assert len(db.search("word3").hits) == 1
        (made,) = folder.iterdir()
        assert made.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_each_database_in_memory_is_a_new_one(folder: Path) -> None:
    with SessionDB(":memory:") as one, SessionDB(":memory:") as other:
        one.sessions.start("me")
        assert (one.sessions.has_any(), other.sessions.has_any()) == (True, False)


def test_a_database_in_memory_that_nobody_closed_is_gone_with_its_object(folder: Path) -> None:
    db = SessionDB(":memory:")
    db.connection.close()
    del db
    gc.collect()
    assert list(folder.iterdir()) == []


def test_a_child_that_ends_leaves_its_parents_database_in_memory_alone(folder: Path) -> None:
    from sessiondb.storage.files import _remove

    kept = folder / "kept"
    kept.mkdir()
    _remove(str(kept), os.getpid() + 1)
    assert kept.exists()


@pytest.mark.parametrize("name", ["file:sessions.db", "file::memory:?cache=shared"])
def test_a_uri_is_refused_and_makes_no_file_of_that_name(folder: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="is a URI: give the path of the file"):
        SessionDB(name)
    assert list(folder.iterdir()) == []


def test_a_database_in_memory_cannot_be_read_only(folder: Path) -> None:
    with pytest.raises(InvalidInput, match="a database in memory is new and empty"):
        SessionDB(":memory:", read_only=True)
    assert list(folder.iterdir()) == []
