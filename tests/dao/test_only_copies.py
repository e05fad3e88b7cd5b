"""Which sessions exist nowhere else any more: by the logs that gave them, and by those alone."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao.only_copies import only_copies
from tests.helpers.claude_logs import SESSIONS, prompt, transcript, write
from tests.helpers.codex_logs import whole_session

ONE, TWO, THREE = SESSIONS[1:4]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".claude"


def gone(db: SessionDB) -> set[str]:
    return only_copies(db.connection).gone


def test_a_session_whose_log_was_deleted_is_the_only_copy(db: SessionDB, home: Path) -> None:
    first, second = transcript(home, ONE), transcript(home, TWO)
    db.import_logs(home)
    assert gone(db) == set()

    first.unlink()
    assert gone(db) == {ONE}

    second.unlink()
    second.parent.rmdir()
    assert gone(db) == {ONE, TWO}


def test_a_log_that_was_packed_is_a_copy(db: SessionDB, home: Path) -> None:
    log = transcript(home, ONE)
    db.import_logs(home)

    log.with_suffix(".jsonl.gz").write_bytes(gzip.compress(log.read_bytes()))
    log.unlink()

    assert gone(db) == set()


def test_nobody_knows_of_logs_on_a_drive_that_is_away(db: SessionDB, tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    transcript(drive, ONE)
    db.import_logs(drive)

    drive.rename(tmp_path / "unplugged")

    copies = only_copies(db.connection)
    assert (copies.gone, copies.unreachable) == (set(), {ONE})


def test_of_a_session_in_several_files_one_is_enough(db: SessionDB, home: Path, tmp_path: Path) -> None:
    log = transcript(home, ONE)
    copy = write(tmp_path / "backup" / "copy.jsonl", [])
    copy.write_bytes(log.read_bytes())
    db.import_logs(home, copy)

    log.unlink()
    assert gone(db) == set()

    write(copy.with_name("another.jsonl"), [])
    copy.unlink()
    assert gone(db) == {ONE}


def test_of_a_session_in_several_files_none_is_gone_while_one_is_out_of_reach(
    db: SessionDB, home: Path, tmp_path: Path
) -> None:
    log = transcript(home, ONE)
    copy = write(tmp_path / "drive" / "copy.jsonl", [])
    copy.write_bytes(log.read_bytes())
    db.import_logs(home, copy)

    log.unlink()
    copy.unlink()
    copy.parent.rmdir()

    copies = only_copies(db.connection)
    assert (copies.gone, copies.unreachable) == (set(), {ONE})


def test_a_sub_agent_is_judged_by_its_own_file(db: SessionDB, home: Path) -> None:
    parent = transcript(home, ONE)
    line = prompt(ONE, "Look for tests", 3, isSidechain=True, agentId="a1b2c3d4")
    child = write(parent.with_suffix("") / "subagents" / "agent-a1b2c3d4.jsonl", [line])
    db.import_logs(home)
    sub = db.connection.value("SELECT id FROM sessions WHERE relation = 'subagent'")

    child.unlink()
    child.parent.rmdir()
    child.parent.parent.rmdir()
    assert gone(db) == {sub}

    parent.unlink()
    assert gone(db) == {sub, ONE}


def test_a_log_that_was_emptied_is_as_good_as_gone(db: SessionDB, home: Path) -> None:
    log = transcript(home, ONE)
    db.import_logs(home)

    log.write_bytes(b"")
    db.import_logs(home)

    assert gone(db) == {ONE}


def test_what_no_import_has_brought_has_no_log_to_lose(db: SessionDB) -> None:
    live = db.sessions.start("my-agent", id="live-1")
    db.messages.append(live.id, "user", "Hello")

    copies = only_copies(db.connection)

    assert (copies.gone, copies.unreachable) == (set(), set())


def test_an_index_is_no_copy(db: SessionDB, tmp_path: Path) -> None:
    home = tmp_path / ".codex"
    lines = whole_session()
    native_id = lines[0]["payload"]["id"]
    rollout = write(
        home / "sessions" / "2026" / "03" / "01" / f"rollout-2026-03-01T10-00-00-{native_id}.jsonl", lines
    )
    state = home / "state_5.sqlite"
    with sqlite3.connect(state) as connection:
        connection.execute("CREATE TABLE threads (id TEXT, rollout_path TEXT, title TEXT, name TEXT)")
        connection.execute("INSERT INTO threads VALUES (?, ?, 'Tests', 'Tests')", (native_id, str(rollout)))
    connection.close()
    db.import_logs(home)
    assert gone(db) == set()

    rollout.unlink()

    assert gone(db) == {native_id}


def test_a_session_that_was_deleted_from_a_database_with_others_is_the_only_copy(
    db: SessionDB, tmp_path: Path
) -> None:
    store = tmp_path / "opencode.db"
    ids = [f"ses_{number:024}" for number in range(3)]
    moment = 1_772_355_600_000
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("CREATE TABLE session (id, title, time_created)")
        connection.execute("CREATE TABLE message (id, session_id, time_created, data)")
        connection.execute("CREATE TABLE part (id, message_id, session_id, time_created, data)")
        for id in ids:
            said = '{"role": "user", "time": {"created": 1772355600000}}'
            part = '{"type": "text", "text": "Hello"}'
            connection.execute("INSERT INTO session VALUES (?, 'Tests', ?)", (id, moment))
            connection.execute("INSERT INTO message VALUES (?, ?, ?, ?)", (f"msg_{id}", id, moment, said))
            row = (f"prt_{id}", f"msg_{id}", id, moment, part)
            connection.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?)", row)
    assert len(db.import_logs(store).sessions_added) == 3
    assert gone(db) == set()

    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DELETE FROM session WHERE id = ?", (ids[1],))
    assert gone(db) == {ids[1]}

    store.write_bytes(b"SQLite format 3\0" + bytes(100))
    copies = only_copies(db.connection)
    assert (copies.gone, copies.unreachable) == (set(), set(ids))
