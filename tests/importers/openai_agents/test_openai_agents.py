"""The Agents SDK's SQLite sessions: tables by any name, items, encrypted ones, tokens by turn."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from sessiondb.errors import ImportFailed
from sessiondb.importers import openai_agents
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolCallRecord,
    ToolResult,
)
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Problem, Source
from tests.helpers.odd_values import assert_storable, with_odd_values

AT = "2026-03-01T09:00:00.000Z"
WRITTEN_AT = "2026-03-01 09:00:00"  # CURRENT_TIMESTAMP: UTC without a zone
FAKE = {"id": "__fake_id__"}
ITEMS: list[dict[str, Any]] = [
    {"role": "user", "content": "What is in the bay?"},
    {
        **FAKE,
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Look."}],
        "encrypted_content": "x",
    },
    {**FAKE, "type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"at": "\\u65e5"}'},
    {**FAKE, "type": "function_call", "call_id": "c2", "name": "listen", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "a boat"},
    {
        "type": "function_call_output",
        "call_id": "c2",
        "output": [
            {"type": "input_text", "text": "a horn"},
            {"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8="},
        ],
    },
    {**FAKE, "type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A boat."}]},
]
PAYLOAD = {
    "sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "media_type": "image/png",
    "bytes": 5,
}
ENCRYPTED = {"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": "gAAAA"}


def make(
    path: Path, items: dict[str, list[Any]], sessions: str = "agent_sessions", table: str = "agent_messages"
) -> Path:
    """Make or extend a database with the items of some sessions."""
    sessions, table = (name.replace('"', '""') for name in (sessions, table))
    with sqlite3.connect(path) as connection:
        connection.executescript(
            f"""
            PRAGMA synchronous = OFF;
            CREATE TABLE IF NOT EXISTS "{sessions}" (
                session_id TEXT PRIMARY KEY, created_at TIMESTAMP, updated_at TIMESTAMP);
            CREATE TABLE IF NOT EXISTS "{table}" (
                id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL, message_data TEXT NOT NULL,
                created_at TIMESTAMP, FOREIGN KEY (session_id) REFERENCES "{sessions}" (session_id));
            """
        )
        for session, found in items.items():
            connection.execute(
                f'INSERT OR IGNORE INTO "{sessions}" VALUES (?, ?, ?)',
                (session, "2026-03-01 08:59:00", "2026-03-01 09:30:00"),
            )
            for item in found:
                data = item if isinstance(item, str | bytes) else json.dumps(item)
                connection.execute(
                    f'INSERT INTO "{table}" (session_id, message_data, created_at) VALUES (?, ?, ?)',
                    (session, data, WRITTEN_AT),
                )
    connection.close()
    return path


def read(path: Path) -> tuple[list[Record], list[Problem]]:
    source = Source(path)
    return list(openai_agents.read(source)), source.problems


def test_items_become_messages_calls_and_answers(tmp_path: Path) -> None:
    records, problems = read(make(tmp_path / "agents.db", {"conversation_123": ITEMS}))
    assert problems == []
    session = records[0]
    assert isinstance(session, SessionRecord)
    calls = (ToolCallRecord("c1", "look", '{"at":"日"}'), ToolCallRecord("c2", "listen", "{}"))
    assert records == [
        SessionRecord(
            session.id,
            "openai-agents",
            "conversation_123",
            started_at="2026-03-01T08:59:00.000Z",
            last_active_at="2026-03-01T09:30:00.000Z",
        ),
        MessageRecord(session.id, "user", "What is in the bay?", "1", AT),
        MessageRecord(session.id, "assistant", None, "2", AT, "Look.", tool_calls=calls),
        ToolResult(session.id, "c1", "a boat", None, AT, external_id="5"),
        ToolResult(
            session.id,
            "c2",
            "a horn",
            None,
            AT,
            external_id="6",
            parts=[{"type": "input_image", "image_url": PAYLOAD}],
        ),
        MessageRecord(session.id, "assistant", "A boat.", "7", AT),
    ]


def test_tables_are_found_by_their_columns_and_keep_their_sessions_apart(tmp_path: Path) -> None:
    path = make(tmp_path / "app.sqlite", {"s": ITEMS[:1]}, "chats", 'my "items')
    make(path, {"s": [{"role": "user", "content": "Other"}]}, "further chats", "further items")
    assert openai_agents.sniff(Sample(path)) == 2
    records, _ = read(path)
    sessions = [record for record in records if isinstance(record, SessionRecord)]
    assert [session.native_id for session in sessions] == ["s", "s"]
    assert len({session.id for session in sessions}) == 2
    texts = {record.content for record in records if isinstance(record, MessageRecord)}
    assert texts == {"What is in the bay?", "Other"}


def test_a_session_id_counts_in_its_database_only(tmp_path: Path) -> None:
    paths = [make(tmp_path / name, {"s": ITEMS}) for name in ("a.db", "b.db")]
    ids = {record.id for path in paths for record in read(path)[0] if isinstance(record, SessionRecord)}
    assert len(ids) == 2


def test_a_growing_session_keeps_what_it_had(tmp_path: Path) -> None:
    path = tmp_path / "agents.db"
    for count in range(1, len(ITEMS)):
        path.unlink(missing_ok=True)
        before, _ = read(make(path, {"s": ITEMS[:count]}))
        after, _ = read(make(path, {"s": ITEMS[count:]}))
        known = {record.external_id for record in after if isinstance(record, MessageRecord | ToolResult)}
        assert {
            record.external_id for record in before if isinstance(record, MessageRecord | ToolResult)
        } <= known


def test_an_encrypted_database_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "agents.db", {"s": [ENCRYPTED, ENCRYPTED]})
    assert openai_agents.sniff(Sample(path)) == 2
    with pytest.raises(
        ImportFailed, match=r"agents\.db is encrypted \(EncryptedSession\): only its own program"
    ):
        read(path)


def test_encrypted_sessions_among_others_are_reported(tmp_path: Path) -> None:
    records, problems = read(make(tmp_path / "agents.db", {"closed": [ENCRYPTED], "open": ITEMS}))
    assert [record.native_id for record in records if isinstance(record, SessionRecord)] == ["open"]
    assert [problem.reason for problem in problems] == [
        "left out what is encrypted (EncryptedSession) in 1 of its sessions"
    ]


def test_rows_that_are_no_objects_are_reported_and_the_rest_read(tmp_path: Path) -> None:
    records, problems = read(make(tmp_path / "agents.db", {"s": ["{torn", "[]", b"\xff", ITEMS[0]]}))
    assert len(records) == 2
    reasons = [f"row {row} of agent_messages is not a JSON object" for row in (1, 2, 3)]
    assert [problem.reason for problem in problems] == reasons


def advanced(path: Path) -> Path:
    """Make a database with the further tables of AdvancedSQLiteSession: two turns, and another second one."""
    answers = [
        {"role": role, "content": text}
        for text in ("one", "two", "two again")
        for role in ("user", "assistant")
    ]
    make(path, {"s": answers})
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE message_structure (
                session_id TEXT, message_id INTEGER, branch_id TEXT, user_turn_number INTEGER);
            CREATE TABLE turn_usage (
                session_id TEXT, branch_id TEXT, user_turn_number INTEGER, requests INTEGER,
                input_tokens INTEGER, output_tokens INTEGER, input_tokens_details JSON,
                output_tokens_details JSON, created_at TIMESTAMP);
            INSERT INTO message_structure VALUES
                ('s', 1, 'main', 1), ('s', 2, 'main', 1), ('s', 3, 'main', 2), ('s', 4, 'main', 2),
                ('s', 1, 'alt', 1), ('s', 2, 'alt', 1), ('s', 5, 'alt', 2), ('s', 6, 'alt', 2);
            INSERT INTO turn_usage VALUES
                ('s', 'main', 1, 1, 10, 3, NULL, NULL, '2026-03-01 09:00:00'),
                ('s', 'main', 2, 2, 100, 20, '{"cached_tokens": 60, "cache_write_tokens": 7}',
                    '{"reasoning_tokens": 5}', '2026-03-01 09:00:00'),
                ('s', 'alt', 2, 1, 90, 8, '{"cached_tokens": 50}', '[]', '2026-03-01 09:00:00');
            """
        )
    connection.close()
    return path


def test_tokens_of_turns_are_counted_once_in_each_branch(tmp_path: Path) -> None:
    records, problems = read(advanced(tmp_path / "agents.db"))
    session, branch = [record for record in records if isinstance(record, SessionRecord)]
    assert [(record.session, record.content) for record in records if isinstance(record, MessageRecord)] == [
        *((session.id, text) for text in ("one", "one", "two", "two")),
        *((branch.id, text) for text in ("two again", "two again")),
    ]
    assert [record for record in records if isinstance(record, TokenRecord)] == [
        TokenRecord(session.id, f"{session.id}:main:1", 10, None, None, 3, message="2", counted_at=AT),
        TokenRecord(session.id, f"{session.id}:main:2", 33, 60, 7, 20, 5, message="4", counted_at=AT),
        TokenRecord(branch.id, f"{session.id}:alt:2", 40, 50, None, 8, message="6", counted_at=AT),
    ]
    assert problems == []


def test_a_branch_is_a_fork_of_the_one_that_it_was_made_from(tmp_path: Path) -> None:
    path = advanced(tmp_path / "agents.db")
    with sqlite3.connect(path) as connection:
        said = (
            "INSERT INTO agent_messages (session_id, message_data) VALUES ('s', ?)",
            "INSERT INTO message_structure",
        )
        for text in ("three", "unplaced"):
            connection.execute(said[0], (json.dumps({"role": "user", "content": text}),))
        connection.executemany(
            f"{said[1]} VALUES ('s', ?, 'late', ?)", [(1, 1), (2, 1), (5, 2), (6, 2), (7, 3)]
        )
    connection.close()
    records, _ = read(path)
    main, alt, late = [record for record in records if isinstance(record, SessionRecord)]
    assert [(one.native_id, one.parent_id, one.relation, one.metadata) for one in (main, alt, late)] == [
        ("s", None, None, None),
        ("s#alt", main.id, "fork", {"branch": "alt", "forked_from": main.id, "forked_at": "2"}),
        ("s#late", alt.id, "fork", {"branch": "late", "forked_from": alt.id, "forked_at": "6"}),
    ]
    messages = [record for record in records if isinstance(record, MessageRecord)]
    assert [message.content for message in messages if message.session == late.id] == ["three"]
    assert [message.content for message in messages if message.session == main.id][-1] == "unplaced"


def test_rows_that_are_only_in_the_write_ahead_log_are_read(tmp_path: Path) -> None:
    path = make(tmp_path / "agents.db", {"s": ITEMS[:1]})
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    data = json.dumps({"role": "user", "content": "Only there"})
    connection.execute("INSERT INTO agent_messages (session_id, message_data) VALUES ('s', ?)", (data,))
    connection.commit()
    records, _ = read(path)
    connection.close()
    last = records[-1]
    assert isinstance(last, MessageRecord)
    assert (last.content, last.created_at) == ("Only there", None)


def test_other_databases_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE messages (id INTEGER, data TEXT)")
    connection.close()
    assert openai_agents.sniff(Sample(path)) == 0
    with pytest.raises(ImportFailed, match="no table of items"):
        read(path)


def test_odd_values_anywhere_never_raise(tmp_path: Path) -> None:
    odd = [item for item in ITEMS for item in with_odd_values(item) if isinstance(item, dict)]
    records, _ = read(make(tmp_path / "agents.db", {"s": [*odd, *ITEMS]}))
    assert_storable(records)
    last = records[-1]
    assert isinstance(last, MessageRecord)
    assert (last.role, last.content) == ("assistant", "A boat.")
