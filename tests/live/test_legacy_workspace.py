"""What a store of one conversation per project folder does, row by row, as its users call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.dao.removal import Removals
from sessiondb.errors import Conflict, DatabaseForeign, InvalidInput, NotFound
from sessiondb.records import SessionFilter

ROOT = "/home/ann/quill"
CALL = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
STATE: list[dict[str, Any]] = [
    {"role": "user", "content": "What is here?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "tests/"},
    {"role": "assistant", "content": "A folder."},
]
MORE: list[dict[str, Any]] = [
    {"role": "user", "content": "And in it?"},
    {"role": "assistant", "content": "Tests."},
]


def test_save_the_whole_state(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT, model="some-model")
    assert db.save(session.id, STATE, tokens={"input": 120, "output": 30}) == 4
    assert db.save(session.id, STATE + MORE, tokens={"input": 300, "output": 80}) == 2
    session = db.sessions.get(session.id)
    assert (session.project, session.model, session.message_count) == (ROOT, "some-model", 5)
    assert (session.tokens.input, session.tokens.output) == (300, 80)
    assert db.history(session.id) == STATE + MORE


def test_save_an_unchanged_state_writes_nothing(db: SessionDB, tmp_path: Path) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE, tokens={"input": 120})
    with SessionDB(tmp_path / "sessions.db", read_only=True) as other:
        version = other.connection.value("PRAGMA data_version")
        assert db.save(session.id, STATE, tokens={"input": 120}) == 0
        assert db.save(session.id, []) == 0
        assert other.connection.value("PRAGMA data_version") == version
        assert db.save(session.id, STATE + MORE, tokens={"input": 300}) == 2
        assert other.connection.value("PRAGMA data_version") == version + 1


def test_save_is_one_commit_a_turn(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    with pytest.raises(InvalidInput):
        db.save(session.id, [*STATE, {"role": "robot"}], tokens={"input": 1})
    assert db.restore(session.id) == db.restore(project=ROOT)
    assert db.history(session.id) == []
    assert db.tokens.total(session.id).input is None


@pytest.mark.parametrize(
    ("state", "added"),
    [
        ([STATE[0], *STATE[2:], *MORE], 2),  # cut in the middle, as contexts are
        (STATE[3:] + MORE, 2),
        ([{"role": "system", "content": "A summary."}, *STATE[2:], *MORE], 2),
        ([*STATE, *MORE, *STATE], 6),  # the same said twice
        (STATE[2:], 0),
    ],
)
def test_save_a_state_that_lost_its_older_messages(
    db: SessionDB, state: list[dict[str, Any]], added: int
) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE)
    assert db.save(session.id, state) == added
    new = state[len(state) - added :]
    found = db.restore(session.id)
    assert found is not None
    assert [message["content"] for message in found.messages] == [
        message["content"] for message in STATE + new
    ]


def test_save_a_state_of_another_conversation_is_refused(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE)
    with pytest.raises(Conflict, match="the 2 messages have nothing in common with the latest of session"):
        db.save(session.id, MORE)
    with pytest.raises(NotFound):
        db.save("nowhere", MORE)


def test_save_blocks_of_anthropic(db: SessionDB) -> None:
    state: list[dict[str, Any]] = [
        {"role": "user", "content": [{"type": "text", "text": "What is here?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "ls", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "tests/"}]},
    ]
    session = db.sessions.start("loop", project=ROOT)
    assert [db.save(session.id, state[:size]) for size in (1, 2, 3, 3)] == [1, 1, 1, 0]
    found = db.restore(project=ROOT, format="anthropic")
    assert found is not None
    assert found.messages == state


def test_load_the_newest_session_of_this_workspace(db: SessionDB) -> None:
    assert db.sessions.latest(project=ROOT) is None
    for name, project in (
        ("old", ROOT),
        ("new", f"{ROOT}/"),
        ("other", "/home/ann/other"),
        ("nowhere", None),
    ):
        db.sessions.start("loop", id=name, project=project)
    found = db.sessions.latest(project=ROOT)
    assert found is not None
    assert found.id == "new"
    db.messages.append("old", "user", "I am back.")
    found = db.sessions.latest(project=ROOT)
    assert found is not None
    assert found.id == "old"


def test_load_the_newest_session_of_this_workspace_through_an_index(db: SessionDB) -> None:
    statements: list[str] = []
    db.connection.sqlite.set_trace_callback(statements.append)
    db.sessions.latest(project=ROOT)
    db.connection.sqlite.set_trace_callback(None)
    plan = db.connection.rows(f"EXPLAIN QUERY PLAN {statements[0]}")
    steps = [row[3] for row in plan]
    assert "SEARCH s USING INDEX idx_sessions_project_id (project_id=?)" in steps
    assert not {"SCAN s", "USE TEMP B-TREE FOR ORDER BY"} & set(steps)


def test_load_fails_where_the_file_cannot_be_read(tmp_path: Path) -> None:
    broken = tmp_path / "sessions.db"
    broken.write_text("{" * 5000)
    with pytest.raises(DatabaseForeign):
        SessionDB(broken)


def test_restore_messages_and_token_usage_in_one_call(db: SessionDB) -> None:
    session = db.sessions.start("loop", project=ROOT)
    db.save(session.id, STATE, tokens={"input": 120, "output": 30})
    db.sessions.consolidate(session.id, 2)
    found = db.restore(project=ROOT)
    assert found is not None
    assert found.session.id == session.id
    assert found.messages == STATE
    assert (found.tokens.input, found.tokens.output, found.tokens.total) == (120, 30, 150)
    assert db.save(found.session.id, found.messages + MORE) == 2
    assert db.restore(project="/home/ann/new") is None
    with pytest.raises(NotFound):
        db.restore("nowhere")
    with pytest.raises(InvalidInput, match="restore what"):
        db.restore()


def test_delete_sessions_older_than_some_hours(db: SessionDB) -> None:
    for name, day in (
        ("old", "2026-03-01"),
        ("pinned", "2026-03-01"),
        ("new", "2026-03-09"),
        ("open", "2026-03-01"),
    ):
        db.sessions.start("loop", id=name, project=ROOT, started_at=f"{day}T12:00:00Z")
        if name != "open":
            db.sessions.end(name, at=f"{day}T12:00:00Z")
    db.sessions.set_pinned("pinned")
    removed = Removals(db.connection).prune("2026-03-08T12:00:00.000Z", SessionFilter(project=ROOT))
    assert removed.sessions == ["old"]
    assert removed.kept == {"open": 1, "pinned": 1}
