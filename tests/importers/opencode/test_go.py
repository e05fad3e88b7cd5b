"""The database of the first OpenCode, in Go, and of Crush."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sessiondb.importers import opencode
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, ToolCallRecord, ToolResult
from sessiondb.importers.files.sample import Sample
from sessiondb.importers.files.source import Source
from tests.helpers.odd_values import spoilt
from tests.helpers.records import of

HASHED = {
    "sha256": "709e80c88487a2411e1ee4dfb9f22a861492d20c4765150c0c794abd70f8147c",
    "media_type": "image/png",
    "bytes": 3,
}


GO_SCHEMA = """
CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY, version_id INTEGER);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, parent_session_id TEXT, title TEXT NOT NULL, message_count INTEGER,
    prompt_tokens INTEGER, completion_tokens INTEGER, cost REAL, updated_at INTEGER, created_at INTEGER);
CREATE TABLE files (id TEXT PRIMARY KEY, session_id TEXT, path TEXT, content TEXT, version TEXT);
CREATE TABLE messages (
    id TEXT PRIMARY KEY, session_id TEXT, role TEXT, parts TEXT DEFAULT '[]', model TEXT, created_at INTEGER,
    updated_at INTEGER, finished_at INTEGER);
"""


def go_database(path: Path) -> Path:
    path.parent.mkdir()
    said = [
        {"type": "text", "data": {"text": "Look at it"}},
        {"type": "binary", "data": {"Path": "a.png", "MIMEType": "image/png", "Data": "AAAA"}},
    ]
    asked = [
        {"type": "reasoning", "data": {"thinking": "Hm.", "signature": "x"}},
        {
            "type": "tool_call",
            "data": {"id": "call_1", "name": "agent", "input": '{"prompt":"Go"}', "finished": True},
        },
        {"type": "finish", "data": {"reason": "tool_use", "time": 1_750_000_002}},
    ]
    answered = [
        {
            "type": "tool_result",
            "data": {"tool_call_id": "call_1", "name": "agent", "content": "Done", "is_error": False},
        }
    ]
    rows = [
        ("m1", "user", said, None, 0, None),
        ("m2", "assistant", asked, "m-1", 1, 2),
        ("m3", "tool", answered, None, 3, None),
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(GO_SCHEMA)
        session = "INSERT INTO sessions VALUES (?, ?, ?, 3, 900, 40, 0.5, 1750000009, 1750000000)"
        connection.execute(session, ("8b1f7a54-5a50-4b44-9a0a-7d3f1e0c9b11", None, "Look"))
        connection.execute(session, ("call_1", "8b1f7a54-5a50-4b44-9a0a-7d3f1e0c9b11", "Task"))
        for message_id, role, parts, model, begun, ended in rows:
            connection.execute(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, 1750000009, ?)",
                (
                    message_id,
                    "8b1f7a54-5a50-4b44-9a0a-7d3f1e0c9b11",
                    role,
                    json.dumps(parts),
                    model,
                    1_750_000_000 + begun,
                    ended and 1_750_000_000 + ended,
                ),
            )
    return path


def records(path: Path) -> list[Record]:
    return list(opencode.read(Source(path)))


@pytest.mark.parametrize(
    ("folder", "has_provider", "agent"),
    [("saved", False, "opencode"), ("saved", True, "crush"), (".opencode", True, "opencode")],
)
def test_a_copy_of_a_crush_database_is_known_by_its_columns(
    tmp_path: Path, folder: str, has_provider: bool, agent: str
) -> None:
    path = go_database(tmp_path / folder / "copy.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        if has_provider:
            connection.execute("ALTER TABLE messages ADD provider TEXT")
    assert {record.agent for record in of(SessionRecord, records(path))} == {agent}


@pytest.mark.parametrize(("folder", "agent"), [(".opencode", "opencode"), (".crush", "crush")])
def test_database_of_the_go_program_is_read(tmp_path: Path, folder: str, agent: str) -> None:
    """Times are seconds there, the counts are no totals, and a sub-agent's session is named by its call."""
    path = go_database(tmp_path / folder / f"{agent}.db")
    assert opencode.sniff(Sample(path)) == 2
    found = records(path)
    session = "8b1f7a54-5a50-4b44-9a0a-7d3f1e0c9b11"
    counts = {"prompt_tokens": 900, "completion_tokens": 40, "cost": 0.5}
    assert found[:-1] == [
        SessionRecord(
            session,
            agent,
            session,
            project=str(tmp_path),
            title="Look",
            started_at="2025-06-15T15:06:40.000Z",
            metadata=counts,
        ),
        MessageRecord(
            session,
            "user",
            "Look at it",
            "m1",
            "2025-06-15T15:06:40.000Z",
            parts=[{"type": "binary", "path": "a.png", **HASHED}],
        ),
        MessageRecord(
            session,
            "assistant",
            None,
            "m2",
            "2025-06-15T15:06:41.000Z",
            "Hm.",
            model="m-1",
            finish_reason="tool_use",
            tool_calls=(ToolCallRecord("call_1", "agent", '{"prompt":"Go"}'),),
        ),
        ToolResult(session, "call_1", "Done", False, "2025-06-15T15:06:43.000Z", "agent", "m3:0"),
    ]
    child = found[-1]
    assert isinstance(child, SessionRecord)
    assert (child.native_id, child.parent_id, child.relation) == ("call_1", session, "subagent")
    assert child.id not in ("call_1", session)


@pytest.mark.parametrize("seed", range(30))
def test_values_of_any_type_in_a_message_never_raise(tmp_path: Path, seed: int) -> None:
    """Whatever a message's parts hold, the sessions are read."""
    path = go_database(tmp_path / ".opencode" / "opencode.db")
    chance = random.Random(seed)
    with closing(sqlite3.connect(path)) as connection, connection:
        for row in connection.execute("SELECT id, parts FROM messages").fetchall():
            parts = json.dumps(spoilt(json.loads(row[1]), chance))
            connection.execute("UPDATE messages SET parts = ? WHERE id = ?", (parts, row[0]))
    assert len(of(SessionRecord, records(path))) == 2
