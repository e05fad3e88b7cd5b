"""A merge into a database that is not there yet makes it apart, and gives it its name when it is whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseMissing
from tests.helpers.stores import counts, exported, fill
from tests.safety.soundness import faults

_KILLED = """
import os, signal, sys
from sessiondb import SessionDB
kill = lambda *told: os.kill(os.getpid(), signal.SIGKILL)
SessionDB.merge_into(sys.argv[1], sys.argv[2], progress=kill)
"""


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    return fill(tmp_path / "theirs.db")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "sessions.db"


def left_in(folder: Path) -> set[str]:
    return {name for name in os.listdir(folder) if not name.endswith(".lock")}


def test_a_new_database_becomes_equal(path: Path, theirs: Path) -> None:
    report = SessionDB.merge_into(path, theirs)
    assert counts(report) == (["before", "strange", "chat", "tools"], [], [], 9, 6)
    assert left_in(path.parent) == {"sessions.db"}
    assert exported(path) == exported(theirs)
    assert not faults(path)
    with SessionDB(path) as db:
        assert db.connection.value("PRAGMA journal_mode") == "wal"


def test_one_that_is_there_is_merged_into(path: Path, theirs: Path) -> None:
    SessionDB.merge_into(path, theirs)
    assert counts(SessionDB.merge_into(path, theirs))[:2] == ([], [])
    assert exported(path) == exported(theirs)


def test_without_the_other_no_database_is_made(path: Path) -> None:
    with pytest.raises(DatabaseMissing):
        SessionDB.merge_into(path, path.with_name("none.db"))
    assert not path.exists()


def test_a_database_that_others_make_meanwhile_is_merged_into(path: Path, theirs: Path) -> None:
    def make(*told: object) -> None:
        if not path.exists():
            shutil.copy(theirs, path)

    report = SessionDB.merge_into(path, theirs, progress=make)
    assert len(report.unchanged) == 4
    assert exported(path) == exported(theirs)


@pytest.mark.once
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_kill_leaves_no_database_and_the_next_merge_tidies_up(path: Path, theirs: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(path), str(theirs)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not path.exists()
    SessionDB.merge_into(path, theirs)
    assert left_in(path.parent) == {"sessions.db"}


def test_ctrl_c_keeps_what_was_merged(path: Path, theirs: Path) -> None:
    def stop(phase: str, *told: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        SessionDB.merge_into(path, theirs, progress=stop)
    assert not faults(path)
    SessionDB.merge_into(path, theirs)
    assert exported(path) == exported(theirs)
