"""The first import makes the database apart, and gives it its name when it is whole: nobody ever sees half of one."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.union.writer import ImportWriter
from sessiondb.errors import DatabaseError
from sessiondb.ingest import run
from sessiondb.ingest.discovery import Found
from sessiondb.ingest.pieces import Piece
from sessiondb.ingest.run import Ingest
from tests.helpers.stores import contents
from tests.safety.soundness import faults

LOGS = Path(__file__).parents[1] / "data" / "claude-code" / "projects"

_KILLED = """
import os, signal, sys
from sessiondb import SessionDB
kill = lambda *told: os.kill(os.getpid(), signal.SIGKILL)
SessionDB.import_into(sys.argv[1], sys.argv[2], progress=kill)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "sessions.db"


@pytest.fixture
def usual(tmp_path: Path) -> dict[str, Any]:
    """What an import into an open database makes."""
    with SessionDB(tmp_path / "usual.db") as db:
        db.import_logs(LOGS)
        return without_ids_of_its_own(db)


def without_ids_of_its_own(db: SessionDB) -> dict[str, Any]:
    found = contents(db)
    # Each row names the database that it was first written in.
    own = db.connection.value("SELECT value FROM meta WHERE key = 'database_id'")
    return {
        table: sorted(repr(row).replace(repr(own), "'own'") for row in rows) for table, rows in found.items()
    }


def left_in(folder: Path) -> set[str]:
    return {name for name in os.listdir(folder) if not name.endswith(".lock")}


def test_it_makes_what_an_import_into_an_open_database_makes(path: Path, usual: dict[str, Any]) -> None:
    report = SessionDB.import_into(path, LOGS)

    assert report.messages_added
    with SessionDB(path) as db:
        assert without_ids_of_its_own(db) == usual
        assert db.connection.is_wal
        assert db.import_logs(LOGS).messages_added == 0
    assert faults(path) == {}
    assert left_in(path.parent) == {"sessions.db"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nobody_sees_it_before_it_is_whole(path: Path) -> None:
    seen = []
    SessionDB.import_into(path, LOGS, progress=lambda *told: seen.append(path.exists()))

    assert seen
    assert not any(seen)


def test_a_database_that_others_make_meanwhile_is_kept_and_imported_into(
    path: Path, usual: dict[str, Any]
) -> None:
    def write_live(*told: object) -> None:
        with SessionDB(path) as db:
            session = db.sessions.get_or_start("live", "my-agent", id="live")
            db.messages.append(session.id, "user", "What I said meanwhile")

    report = SessionDB.import_into(path, LOGS, progress=write_live)

    with SessionDB(path) as db:
        live = [message.content for message in db.messages.transcript("live")]
        assert live.count("What I said meanwhile") == len(live) > 1
        assert len(contents(db)["messages"]) == len(usual["messages"]) + len(live)
    assert report.messages_added == len(usual["messages"])
    assert left_in(path.parent) == {"sessions.db"}
    assert faults(path) == {}


def test_ctrl_c_keeps_what_was_read_and_the_next_import_goes_on(path: Path, usual: dict[str, Any]) -> None:
    def stop(*told: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SessionDB.import_into(path, LOGS, progress=stop)

    assert faults(path) == {}
    with SessionDB(path) as db:
        assert contents(db)["messages"]
    SessionDB.import_into(path, LOGS)
    with SessionDB(path) as db:
        assert without_ids_of_its_own(db) == usual


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL")
def test_a_kill_leaves_no_database_and_the_next_import_clears_up(path: Path, usual: dict[str, Any]) -> None:
    subprocess.run([sys.executable, "-c", _KILLED, path, LOGS], check=False)

    assert not path.exists()
    assert left_in(path.parent) != set()
    SessionDB.import_into(path, LOGS)
    assert left_in(path.parent) == {"sessions.db"}
    with SessionDB(path) as db:
        assert without_ids_of_its_own(db) == usual


def test_files_are_read_on_while_it_writes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bool] = []
    monkeypatch.setattr(run, "BULK_BYTES", 1)
    read = Ingest._pieces

    def pieces(self: Ingest, changed: list[Found]) -> Iterator[Piece]:
        for piece in read(self, changed):
            written.append(self._db.in_transaction)
            yield piece

    monkeypatch.setattr(Ingest, "_pieces", pieces)

    SessionDB.import_into(path, LOGS)

    assert written == [False, True, True, True]


def test_a_file_with_a_value_that_cannot_be_stored_costs_only_itself(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SessionDB.import_into(path, LOGS)
    with SessionDB(path) as db:
        files = len(db.connection.rows("SELECT 1 FROM imports WHERE format IS NOT NULL"))
    monkeypatch.setattr(run, "BULK_BYTES", 1)
    bad = "c2a9e6f8-1b47-4d05-8e3c-70d5f2b6a914.jsonl"
    begin = ImportWriter.__init__

    def refuse(self: ImportWriter, union: Any, path: str, *rest: Any) -> None:
        if path.endswith(bad):
            raise ValueError("odd")
        begin(self, union, path, *rest)

    monkeypatch.setattr(ImportWriter, "__init__", refuse)

    report = SessionDB.import_into(tmp_path / "other.db", LOGS)

    assert [Path(skipped.path).name for skipped in report.skipped if "odd" in skipped.reason] == [bad]
    with SessionDB(tmp_path / "other.db") as db:
        assert len(db.connection.rows("SELECT 1 FROM imports WHERE format IS NOT NULL")) == files - 1


def test_an_error_between_two_files_is_none_of_the_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BULK_BYTES", 1)
    read = Ingest._pieces

    def pieces(self: Ingest, changed: list[Found]) -> Iterator[Piece]:
        yield next(read(self, changed))
        raise DatabaseError("the disk is gone")

    monkeypatch.setattr(Ingest, "_pieces", pieces)

    with pytest.raises(DatabaseError, match="the disk is gone"):
        SessionDB.import_into(path, LOGS)
    assert left_in(path.parent) == set()


def test_an_error_leaves_nothing(path: Path) -> None:
    def fail(*told: object) -> None:
        raise DatabaseError("the disk is full")

    with pytest.raises(DatabaseError, match="the disk is full"):
        SessionDB.import_into(path, LOGS, progress=fail)

    assert left_in(path.parent) == set()


def test_a_log_that_was_left_there_is_not_brought_into_the_new_database(
    path: Path, tmp_path: Path, usual: dict[str, Any]
) -> None:
    with SessionDB(tmp_path / "other.db") as other:
        other.sessions.start("my-agent", id="of another file")
        path.parent.mkdir()
        shutil.copy(tmp_path / "other.db-wal", f"{path}-wal")

    SessionDB.import_into(path, LOGS)

    assert faults(path) == {}
    with SessionDB(path) as db:
        assert without_ids_of_its_own(db) == usual


def test_it_is_imported_the_usual_way_where_a_file_cannot_have_two_names(
    path: Path, usual: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*names: object) -> None:
        raise PermissionError("not on this file system")

    monkeypatch.setattr(os, "link", refuse)
    SessionDB.import_into(path, LOGS)

    with SessionDB(path) as db:
        assert without_ids_of_its_own(db) == usual
