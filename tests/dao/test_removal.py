"""Prune and rm: what goes, what stays, and what is left of it."""

from __future__ import annotations

import pytest

from sessiondb import SessionDB
from sessiondb.dao.removal import Removals
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.errors import NotFound
from sessiondb.records import SessionFilter

OLD, NEW, CUT = "2026-01-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"
ALL = SessionFilter()


@pytest.fixture
def db(db: SessionDB) -> SessionDB:
    for name, moment, ends in (
        ("old", OLD, True),
        ("new", NEW, True),
        ("open", OLD, False),
        ("pinned", OLD, True),
    ):
        db.sessions.start("agent", id=name, project="/work/app", started_at=moment, title=f"the {name} one")
        call = {"id": "c1", "name": "ls", "arguments": {"path": "."}}
        db.messages.append(name, "user", f"hello {name} 你好", created_at=moment)
        db.messages.append(name, "assistant", None, tool_calls=[call], created_at=moment)
        db.messages.append(name, "tool", "src", tool_call_id="c1", created_at=moment)
        db.tokens.add(name, input=1, output=2, request_key="r")
        db.notes.add("decision", f"keep {name}", session_id=name, created_at=moment)
        if ends:
            db.sessions.end([name], at=moment)
    db.sessions.set_pinned("pinned")
    return db


def left(db: SessionDB) -> list[str]:
    return sorted(session.id for session in db.sessions.page(ALL))


def assert_sound(db: SessionDB) -> None:
    assert db.connection.rows("PRAGMA integrity_check") == [("ok",)]
    assert db.connection.rows("PRAGMA foreign_key_check") == []
    assert IndexRepair(db.connection).damaged() == []


def test_prune_keeps_open_pinned_and_recent_sessions(db: SessionDB) -> None:
    removal = Removals(db.connection).prune(CUT, ALL)
    assert (removal.sessions, removal.messages, removal.dry_run) == (["old"], 3, False)
    assert removal.kept == {"open": 1, "pinned": 1}
    assert removal.bytes == len("hello old 你好".encode()) + len('{"path":"."}src')
    assert left(db) == ["new", "open", "pinned"]
    for table in ("messages", "tool_calls", "token_counts"):
        assert db.connection.value(f"SELECT count(*) FROM {table} WHERE session_id = 'old'") == 0
    assert_sound(db)


def test_dry_run_says_the_same_and_removes_nothing(db: SessionDB) -> None:
    planned = Removals(db.connection).prune(CUT, ALL, dry_run=True)
    assert planned.dry_run
    assert len(left(db)) == 4
    done = Removals(db.connection).prune(CUT, ALL)
    assert (planned.sessions, planned.messages, planned.bytes, planned.kept) == (
        done.sessions,
        done.messages,
        done.bytes,
        done.kept,
    )


def test_prune_takes_open_sessions_when_told(db: SessionDB) -> None:
    removal = Removals(db.connection).prune(CUT, ALL, include_open=True)
    assert sorted(removal.sessions) == ["old", "open"]
    assert removal.kept == {"open": 0, "pinned": 1}
    assert_sound(db)


def test_prune_keeps_the_newest_sessions(db: SessionDB) -> None:
    removal = Removals(db.connection).prune("2027-01-01T00:00:00.000Z", ALL, keep=1)
    assert removal.sessions == ["old"]
    assert left(db) == ["new", "open", "pinned"]


@pytest.mark.parametrize(
    ("where", "gone"),
    [
        (SessionFilter(agent="agent"), ["old"]),
        (SessionFilter(agent="other"), []),
        (SessionFilter(project="app"), ["old"]),
        (SessionFilter(project="/nowhere"), []),
    ],
)
def test_prune_goes_by_filter(db: SessionDB, where: SessionFilter, gone: list[str]) -> None:
    assert Removals(db.connection).prune(CUT, where).sessions == gone


def test_prune_goes_by_last_activity_not_by_start(db: SessionDB) -> None:
    db.sessions.reopen("old")
    db.messages.append("old", "user", "back again", created_at=NEW)
    db.sessions.end(["old"])
    assert Removals(db.connection).prune(CUT, ALL).sessions == []


def test_removed_sessions_leave_tombstones(db: SessionDB) -> None:
    Removals(db.connection).prune(CUT, ALL)
    Removals(db.connection).remove(["new"])
    tombstones = "SELECT session_id, agent, title, reason FROM deletions ORDER BY reason"
    assert db.connection.rows(tombstones) == [
        ("old", "agent", "the old one", "prune"),
        ("new", "agent", "the new one", "rm"),
    ]


def test_notes_of_a_project_outlive_prune_but_not_rm(db: SessionDB) -> None:
    Removals(db.connection).prune(CUT, ALL)
    assert db.connection.rows("SELECT body, session_id FROM notes WHERE body = 'keep old'") == [
        ("keep old", None)
    ]
    Removals(db.connection).remove(["new"])
    assert db.connection.rows("SELECT body FROM notes WHERE body = 'keep new'") == []
    assert_sound(db)


def test_rm_takes_whatever_is_named(db: SessionDB) -> None:
    removal = Removals(db.connection).remove(["open", "pinned", "open"])
    assert (removal.sessions, removal.messages) == (["open", "pinned"], 6)
    assert left(db) == ["new", "old"]
    assert_sound(db)


def test_rm_of_an_unknown_session_removes_nothing(db: SessionDB) -> None:
    with pytest.raises(NotFound, match="there is no session nobody"):
        Removals(db.connection).remove(["old", "nobody"])
    assert len(left(db)) == 4


def test_vacuum_gives_space_back(db: SessionDB) -> None:
    for _ in range(200):
        db.messages.append("open", "user", "long " * 500)
    db.connection.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
    before = db.path.stat().st_size
    Removals(db.connection).remove(["open"])
    freed = Removals(db.connection).vacuum()
    assert freed > 300_000
    assert db.path.stat().st_size == before - freed or db.path.stat().st_size < before - 300_000
    assert_sound(db)


def test_search_finds_nothing_of_a_removed_session(db: SessionDB) -> None:
    assert {hit.session_id for hit in db.search("你好").hits} == {"old", "new", "open", "pinned"}
    Removals(db.connection).remove(["old"])
    assert {hit.session_id for hit in db.search("你好").hits} == {"new", "open", "pinned"}
