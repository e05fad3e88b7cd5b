"""Which logs have changed since they were imported, told from stats in a few milliseconds."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.ingest import freshness
from tests.ingest.test_rules import ID, line

LONG = 300.0
DAY = 24 * 3600.0


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a folder with two logs of two projects, which have been as they are for an hour."""
    folder = tmp_path / "projects"
    for number in range(2):
        line(folder / f"-home-p{number}" / f"{ID.format(number)}.jsonl", f"/home/p{number}", f"text {number}")
    then = time.time() - 3600
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (then, then))
    os.utime(folder, (then, then))
    return folder


def imported(db: SessionDB, logs: Path, seconds_ago: float = 1800) -> None:
    """Import the logs so long ago."""
    db.import_logs(logs)
    ago = f"{-seconds_ago:+} seconds"
    with db.connection.transaction():
        db.connection.execute(
            "UPDATE imports SET imported_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?)", (ago,)
        )


def test_nothing_is_said_of_a_database_without_imports(db: SessionDB) -> None:
    assert (db.waiting_logs(seconds=LONG).paths, db.waiting_logs().last_import_at) == ((), None)


def test_logs_that_are_as_they_were_do_not_wait(db: SessionDB, logs: Path) -> None:
    imported(db, logs)
    found = db.waiting_logs(seconds=LONG)
    assert (found.paths, found.is_all) == ((), True)


def test_logs_that_grew_and_logs_that_are_new_wait(db: SessionDB, logs: Path) -> None:
    imported(db, logs)
    line(logs / "-home-p0" / f"{ID.format(0)}.jsonl", None, "more", 1)
    line(logs / "-home-p1" / f"{ID.format(2)}.jsonl", "/home/p1", "a new session")
    line(logs / "-home-p3" / f"{ID.format(3)}.jsonl", "/home/p3", "a new project")
    (logs / "-home-p3" / "other.json").write_text("{}")
    (logs / "-home-p1" / "other.json").write_text("{}")
    found = db.waiting_logs(seconds=LONG)
    assert found.changed == (str(logs / "-home-p0" / f"{ID.format(0)}.jsonl"),)
    assert sorted(found.new) == [
        str(logs / "-home-p1" / f"{ID.format(2)}.jsonl"),
        str(logs / "-home-p3" / f"{ID.format(3)}.jsonl"),
    ]
    db.import_logs(logs)
    assert db.waiting_logs(seconds=LONG).paths == ()


def test_what_lies_beside_the_only_folder_of_logs_is_not_taken_for_logs(db: SessionDB, logs: Path) -> None:
    shutil.rmtree(logs / "-home-p1")
    imported(db, logs)
    line(logs / "elsewhere" / f"{ID.format(3)}.jsonl", "/home/p3", "in a folder that may be anybody's")
    assert db.waiting_logs(seconds=LONG).paths == ()


def test_logs_that_are_gone_do_not_wait(db: SessionDB, logs: Path) -> None:
    imported(db, logs)
    shutil.rmtree(logs)
    assert db.waiting_logs(seconds=LONG).paths == ()


def test_nothing_is_looked_at_soon_after_an_import(db: SessionDB, logs: Path) -> None:
    imported(db, logs, seconds_ago=DAY - 100)
    line(logs / "-home-p0" / f"{ID.format(0)}.jsonl", None, "more", 1)
    assert db.waiting_logs(seconds=LONG, idle=DAY).paths == ()
    assert len(db.waiting_logs(seconds=LONG, idle=DAY - 200).paths) == 1


@pytest.mark.parametrize("idle", [0.0, DAY])
def test_logs_that_grew_wait_though_the_clock_was_set_back(db: SessionDB, logs: Path, idle: float) -> None:
    imported(db, logs, seconds_ago=-3600)
    line(logs / "-home-p0" / f"{ID.format(0)}.jsonl", None, "more", 1)
    line(logs / "-home-p1" / f"{ID.format(2)}.jsonl", "/home/p1", "a new session")
    late = time.time() + 10
    os.utime(logs / "-home-p1", (late, late))
    os.utime(logs / "-home-p1" / f"{ID.format(2)}.jsonl", (late, late))
    assert len(db.waiting_logs(seconds=LONG, idle=idle).paths) == 2


def test_what_is_kept_out_does_not_wait(db: SessionDB, logs: Path, configure: Callable[[str], Path]) -> None:
    imported(db, logs)
    line(logs / "-home-p3" / f"{ID.format(3)}.jsonl", "/home/p3", "a new project")
    configure(f'[import]\nignore_folders = ["{logs}/-home-p3"]')
    assert db.waiting_logs(seconds=LONG).paths == ()


def test_nothing_is_claimed_of_what_was_not_looked_at(
    db: SessionDB, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(db, logs)
    for number in range(2):
        line(logs / f"-home-p{number}" / f"{ID.format(number)}.jsonl", None, "more", 1)
    found = db.waiting_logs(seconds=0)
    assert (found.paths, found.is_all) == ((), False)
    monkeypatch.setattr(freshness, "SESSIONS", 1)
    found = db.waiting_logs(seconds=LONG)
    assert found.is_all is False
    assert set(found.paths) <= set(db.waiting_logs(seconds=LONG).paths)
