"""What a store of one conversation per key, with consolidation, does, row by row, as its users call it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from sessiondb import SessionDB
from sessiondb.errors import DatabaseForeign, InvalidInput, NotFound
from sessiondb.records import SessionFilter


def test_get_or_create_by_key(db: SessionDB) -> None:
    session = db.sessions.get_or_start("telegram:123", "nano", title="Ann")
    assert db.sessions.get_or_start("telegram:123", "nano", title="Bob") == session
    assert db.sessions.get_or_start("cli:direct", "nano").id != session.id
    db.sessions.end(session.id)
    again = db.sessions.get_or_start("telegram:123", "nano")
    assert again.id != session.id
    assert (again.key, again.title) == ("telegram:123", None)


def test_get_or_create_by_key_needs_no_cache(db: SessionDB, tmp_path: Path) -> None:
    session = db.sessions.get_or_start("cli:direct", "nano")
    with SessionDB(tmp_path / "sessions.db") as other:
        other.messages.append(session.id, "user", "From another process")
    assert [message["content"] for message in db.history(session.id)] == ["From another process"]
    key = db.connection.rows(
        "EXPLAIN QUERY PLAN SELECT id FROM sessions WHERE key = 'a' AND ended_at IS NULL"
    )
    assert [row[3] for row in key] == ["SEARCH sessions USING INDEX idx_sessions_open_key (key=?)"]


def test_add_a_message_with_any_extra_fields(db: SessionDB) -> None:
    session = db.sessions.get_or_start("cli:direct", "nano")
    extra: dict[str, Any] = {
        "media": ["/tmp/a.png"],
        "latency_ms": 12.5,
        "_hidden": True,
        "source": None,
        "nested": {"ä": [1, "测试"]},
    }
    message = db.messages.append(session.id, "user", "Look", **extra)
    assert message.metadata == extra
    assert message.created_at is not None
    assert db.history(session.id) == [{"role": "user", "content": "Look", **extra}]


def test_add_a_message_with_fields_named_like_our_arguments(db: SessionDB) -> None:
    session = db.sessions.get_or_start("cli:direct", "nano")
    said: dict[str, Any] = {"role": "user", "content": "Hi", "session_id": "cli:direct", "self": 1, "id": 7}
    db.messages.append(session.id, **said)
    with db.turn(session.id) as turn:
        turn.append(**said)
    assert db.history(session.id) == [said, said]


@pytest.mark.parametrize(
    ("timestamp", "stored"),
    [
        ("2026-03-01T09:00:00.250Z", "2026-03-01T09:00:00.250Z"),
        (1772355600.5, "2026-03-01T09:00:00.500Z"),
        ("soon", None),
    ],
)
def test_add_a_message_with_the_time_it_was_said(
    db: SessionDB, timestamp: object, stored: str | None
) -> None:
    session = db.sessions.start("nano", id="s", started_at="2026-01-01")
    message = db.messages.append(session.id, "user", "Hi", timestamp=timestamp)
    with db.turn(session.id) as turn:
        assert turn.append("user", "Hi", timestamp=timestamp).created_at == (stored or ANY)
    assert message.created_at == (stored or ANY)
    assert db.sessions.get("s").last_active_at == (stored or ANY)
    assert db.history(session.id)[0] == {"role": "user", "content": "Hi", "timestamp": timestamp}


def test_history_for_the_model(db: SessionDB) -> None:
    session = db.sessions.get_or_start("cli:direct", "nano")
    call = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    turn = [
        {"role": "user", "content": "What is here?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "name": "ls", "content": "tests/"},
        {"role": "assistant", "content": "A folder."},
    ]
    for message in turn * 3:
        db.messages.append(session.id, **message)  # type: ignore[arg-type]
    assert db.history(session.id) == turn * 3
    assert db.history(session.id, limit=10) == turn * 2  # no orphaned answer at its beginning
    db.sessions.consolidate(session.id, 6)
    assert db.history(session.id) == turn
    assert db.history(session.id, max_tokens=20) == [turn[0], turn[3]]


@pytest.mark.once
def test_history_for_the_model_costs_the_same_for_a_long_session(db: SessionDB) -> None:
    def steps(session_id: str) -> int:
        count = 0

        def tick() -> int:
            nonlocal count
            count += 1
            return 0

        db.connection.sqlite.set_progress_handler(tick, 100)
        assert len(db.history(session_id, limit=20)) == 20
        db.connection.sqlite.set_progress_handler(None, 0)
        return count

    lengths = {"short": 60, "long": 6000}
    for name, length in lengths.items():
        db.sessions.start("nano", id=name)
        with db.connection.transaction():
            db.connection.executemany(
                "INSERT INTO messages (session_id, seq, role, content) VALUES (?, ?, ?, 'x')",
                [(name, seq, "user" if seq % 2 else "assistant") for seq in range(1, length + 1)],
            )
            db.connection.executemany(
                "INSERT INTO token_counts (session_id, output) VALUES (?, 1)", [(name,)] * (length // 2)
            )
    assert steps("long") <= steps("short") + 1


def test_last_consolidated_moves_forward_only_and_is_visible(db: SessionDB) -> None:
    session = db.sessions.get_or_start("cli:direct", "nano")
    for number in range(4):
        db.messages.append(session.id, "user", str(number))
    db.sessions.consolidate(session.id, 3)
    assert db.sessions.get(session.id).consolidated == 3
    for wrong in (2, 5):
        with pytest.raises(
            InvalidInput, match=f"cannot consolidate {wrong} messages of .*: 3 are already, of 4"
        ):
            db.sessions.consolidate(session.id, wrong)
    with pytest.raises(NotFound):
        db.sessions.consolidate("nowhere", 1)
    assert [message["content"] for message in db.history(session.id)] == ["3"]


def test_clear(db: SessionDB, tmp_path: Path) -> None:
    session = db.sessions.get_or_start("cli:direct", "nano", metadata={"mood": "good"})
    for number in range(3):
        db.messages.append(session.id, "user", str(number))
    db.sessions.consolidate(session.id, 2)
    with SessionDB(tmp_path / "sessions.db") as other:
        before = other.connection.value("PRAGMA data_version")
        assert db.messages.clear(session.id) == 3
        assert other.connection.value("PRAGMA data_version") == before + 1  # one commit
        assert other.history(session.id) == []
    session = db.sessions.get(session.id)
    assert (session.message_count, session.consolidated, session.metadata) == (0, 0, {"mood": "good"})


def test_clear_is_activity(db: SessionDB) -> None:
    session = db.sessions.start("nano", key="cli:direct", started_at="2026-03-01")
    db.messages.clear(session.id)
    assert db.sessions.get(session.id).last_active_at > "2026-03-02"


def test_add_a_tools_answer_under_the_name_of_the_tool(db: SessionDB) -> None:
    session = db.sessions.start("nano", key="cli:direct")
    db.messages.append(session.id, "assistant", tool_calls=[{"name": "wc"}])
    answer = db.messages.append(session.id, "tool", "3", tool_name="wc")
    stray = db.messages.append(session.id, "tool", "tests/", tool_name="ls", tool_call_id="c9")
    assert [(call.name, call.message_id) for call in answer.tool_calls] == [("wc", answer.id - 1)]
    assert [(call.name, call.call_id) for call in stray.tool_calls] == [("ls", "c9")]


def test_every_change_is_one_append(db: SessionDB) -> None:
    session = db.sessions.get_or_start("cli:direct", "nano")
    changed = []
    for _ in range(50):
        before = db.connection.sqlite.total_changes
        db.messages.append(session.id, "user", "x")
        changed.append(db.connection.sqlite.total_changes - before)
    assert max(changed) <= min(changed[:10]) + 20


def test_list_sessions_newest_first(db: SessionDB) -> None:
    for number, key in enumerate(("cli:direct", "telegram:1", "telegram:2")):
        db.sessions.get_or_start(key, "nano", started_at=f"2026-03-0{number + 1}T00:00:00Z")
    assert [session.key for session in db.sessions.page(SessionFilter(agent="nano"))] == [
        "telegram:2",
        "telegram:1",
        "cli:direct",
    ]


def test_a_broken_file_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "sessions.db"
    with SessionDB(path) as db:
        db.sessions.get_or_start("cli:direct", "nano")
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    with pytest.raises(DatabaseForeign, match=r"sessions\.db is not a SQLite database"):
        SessionDB(path)


def test_metadata_per_session(db: SessionDB) -> None:
    session = db.sessions.get_or_start("cli:direct", "nano", metadata={"mood": "good", "seen": 1})
    db.sessions.set_metadata(session.id, {"seen": 2, "mood": None, "where": {"city": "القاهرة"}})
    assert db.sessions.get(session.id).metadata == {"seen": 2, "where": {"city": "القاهرة"}}
    with pytest.raises(NotFound):
        db.sessions.set_metadata("nowhere", {"a": 1})


def test_metadata_is_set_key_by_key_each_as_a_whole(db: SessionDB) -> None:
    session = db.sessions.get_or_start("cli:direct", "nano", metadata={"a": {"b": 1}, "c": None, "d": 1})
    db.sessions.set_metadata(session.id, {"a": {"e": None}, "d": None})
    assert db.sessions.get(session.id).metadata == {"a": {"e": None}, "c": None}
