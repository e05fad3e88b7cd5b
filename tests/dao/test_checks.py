"""What other programs left in a database is named, and does not stop the commands that meet it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sessiondb import SessionDB
from sessiondb.dao import checks
from sessiondb.dao.maintenance import Maintenance
from sessiondb.records import Finding


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.sessions.start("me", id="s", title="a title")
        for number in range(3):
            db.messages.append("s", "user", f"words {number}")
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def problems(path: Path) -> list[Finding]:
    with SessionDB(path) as db:
        return Maintenance(db.connection).check()


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("messages_count_ai", "CREATE TRIGGER {name} AFTER INSERT ON messages BEGIN SELECT 1; END"),
        ("open_followups", "CREATE VIEW {name} AS SELECT 1 AS id"),
        ("idx_sessions_key", "CREATE INDEX {name} ON sessions (title)"),
    ],
)
def test_what_bears_the_right_name_and_does_something_else_is_put_right(
    path: Path, name: str, instead: str
) -> None:
    kind = instead.split()[1]
    change(path, f"DROP {kind} {name}", instead.format(name=name))
    assert problems(path) == [Finding("schema", f"{name} is not what it should be", True)]
    with SessionDB(path) as db:
        assert Maintenance(db.connection).repair() == []
        db.messages.append("s", "user", "one more")
        assert db.sessions.get("s").message_count == 4


def test_a_gap_in_the_order_is_named(path: Path) -> None:
    change(path, "INSERT INTO messages (session_id, seq, role) VALUES ('s', 9999, 'user')")
    assert problems(path) == [
        Finding("order", "the messages of 1 session are not numbered one after the other", False)
    ]


def list_sessions(db: SessionDB) -> object:
    return db.sessions.get("s").title


def find(db: SessionDB) -> object:
    return len(db.search("words").hits)


def history(db: SessionDB) -> object:
    return len(db.history("s"))


@pytest.mark.parametrize(
    ("statement", "act", "expected", "problem"),
    [
        (
            "UPDATE sessions SET title = CAST(x'fffe80' AS TEXT)",
            list_sessions,
            "\ufffd\ufffd\ufffd",
            "text of 1 rows of sessions",
        ),
        (
            "UPDATE messages SET content = CAST(x'fffe80' AS TEXT) WHERE seq = 1",
            find,
            1,
            "text of 1 rows of messages",
        ),
        ("UPDATE sessions SET metadata = '{oops'", list_sessions, "a title", "sessions.metadata of 1 rows"),
        ("UPDATE messages SET parts = '{oops' WHERE seq = 1", history, 3, "messages.parts of 1 rows"),
        ("UPDATE messages SET created_at = 'yesterday'", find, 1, "CHECK constraint failed in messages"),
        ("UPDATE sessions SET last_active_at = 'yesterday'", find, 1, "CHECK constraint failed in sessions"),
    ],
)
def test_what_other_programs_wrote_is_read_and_named(
    path: Path, statement: str, act: Callable[[SessionDB], object], expected: object, problem: str
) -> None:
    change(path, "PRAGMA ignore_check_constraints = ON", statement)
    with SessionDB(path, read_only=True) as db:
        assert act(db) == expected
    found = problems(path)
    assert {finding.check for finding in found} == {"values"}
    assert any(finding.problem.startswith(problem) for finding in found)


def test_much_free_space_is_found_and_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MUCH_FREE", 100_000)
    path = tmp_path / "roomy.db"
    with SessionDB(path) as db:
        db.sessions.start("agent", id="long")
        for _ in range(20):
            db.messages.append("long", "user", "word " * 20_000)
        db.remove("long")
        size = path.stat().st_size

        (found,) = db.check()

        assert (found.check, found.can_repair) == ("space", True)
        assert db.repair() == []
    assert path.stat().st_size < size / 2
