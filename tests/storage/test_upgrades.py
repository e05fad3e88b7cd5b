"""Databases as released versions wrote them are upgraded without loss; see tests/data/README.md."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.recovery.source import content_tables
from sessiondb.errors import DatabaseError
from sessiondb.storage.migrations import SCHEMA_VERSION
from tests.helpers.old_databases import KEPT, unpack

pytestmark = pytest.mark.usefixtures("migrated_databases")


def rows(path: Path) -> dict[str, tuple[list[str], list[tuple[Any, ...]]]]:
    """Return the columns and the rows of each table that holds content, read with nothing of ours."""
    found = {}
    with contextlib.closing(sqlite3.connect(path)) as plain:
        for table in content_tables(SCHEMA_VERSION):
            columns = [row[1] for row in plain.execute(f"PRAGMA table_info({table})")]
            if columns:
                found[table] = (columns, sorted(plain.execute(f"SELECT * FROM {table}").fetchall(), key=repr))
    return found


@pytest.mark.parametrize("name", KEPT)
def test_an_upgrade_keeps_every_row_and_column(tmp_path: Path, name: str) -> None:
    path = unpack(name, tmp_path / "sessions.db")
    before = rows(path)
    written = path.read_bytes()

    with SessionDB(path) as db:
        assert {finding.check for finding in db.check()} <= {"order"}
        if "full" in name:
            assert db.search("ferry").hits

    after = rows(path)
    for table, (columns, content) in before.items():
        assert set(columns) <= set(after[table][0])
        places = [after[table][0].index(column) for column in columns]
        assert (
            sorted((tuple(row[place] for place in places) for row in after[table][1]), key=repr) == content
        ), table
    version = int(name.split("-")[1])
    if version < SCHEMA_VERSION:
        copy = tmp_path / f"sessions.db.v{version}.backup"
        assert rows(copy) == before
    assert written[:16] == b"SQLite format 3\0"


def test_what_cannot_be_cleared_up_stops_no_upgrade(tmp_path: Path) -> None:
    path = unpack("schema-0009-full", tmp_path / "sessions.db")
    before = rows(path)
    # A folder is none that a file's removal can take away.
    left = tmp_path / ".sessions.db.v9.backup.1.part"
    left.mkdir()

    with SessionDB(path) as db:
        assert db.search("ferry").hits

    assert rows(tmp_path / "sessions.db.v9.backup") == before
    assert left.exists()


def test_where_no_backup_can_be_made_nothing_is_upgraded(tmp_path: Path) -> None:
    # Too long for the file beside it that becomes the backup.
    path = unpack("schema-0009-full", tmp_path / f"{'s' * 235}.db")
    written = path.read_bytes()

    with pytest.raises(DatabaseError, match=r"cannot make the backup .*\.v9\.backup: File name too long"):
        SessionDB(path)

    assert path.read_bytes() == written
    shorter = path.rename(tmp_path / "sessions.db")
    with SessionDB(shorter) as db:
        assert db.search("ferry").hits


def test_there_is_something_of_everything_in_it(tmp_path: Path) -> None:
    path = unpack("schema-0009-full", tmp_path / "sessions.db")

    empty = {table for table, (_, content) in rows(path).items() if not content}
    assert empty <= {"native_files", "import_errors"}
