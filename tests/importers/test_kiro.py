"""Kiro's conversations, of its two tables."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import kiro
from sessiondb.importers.base import MessageRecord, SessionRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.odd_values import assert_storable, spoilt
from tests.helpers.records import of

SESSION = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
SECRET = "sk-made-up-roses-0123456789"
SCHEMA = """
CREATE TABLE state (key TEXT, value BLOB);
CREATE TABLE auth_kv (key TEXT, value TEXT);
CREATE TABLE conversations (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE conversations_v2 (key TEXT, conversation_id TEXT, value TEXT, created_at INTEGER, updated_at INTEGER);
"""
TALK = {
    "conversation_id": SESSION,
    "model_info": {"model_id": "m"},
    "history": [
        {
            "user": {
                "content": {"Prompt": {"prompt": "Which bed is dry?"}},
                "timestamp": "2026-10-01T10:00:00+02:00",
            },
            "assistant": {
                "ToolUse": {
                    "message_id": "a1",
                    "content": "Look.",
                    "tool_uses": [{"id": "c1", "name": "execute_bash", "args": {"command": "ls"}}],
                }
            },
        },
        {
            "user": {
                "content": {
                    "ToolUseResults": {
                        "tool_use_results": [
                            {
                                "tool_use_id": "c1",
                                "content": [{"Json": {"stdout": "dry"}}],
                                "status": "Success",
                            }
                        ]
                    }
                },
                "timestamp": None,
            },
            "assistant": {"Response": {"message_id": "a2", "content": "The left one."}},
            "request_metadata": {"model_id": "m"},
        },
    ],
}


def store(folder: Path, new: Any = None, old: Any = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "data.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        connection.execute("INSERT INTO auth_kv VALUES ('token', ?)", (SECRET,))
        if new is not None:
            row = ("/garden", SESSION, json.dumps(new), 1_790_000_000_000, 1_790_000_060_000)
            connection.execute("INSERT INTO conversations_v2 VALUES (?, ?, ?, ?, ?)", row)
        if old is not None:
            connection.execute("INSERT INTO conversations VALUES ('/garden', ?)", (json.dumps(old),))
    return path


@pytest.mark.parametrize("table", ["new", "old", "both"])
def test_a_conversation_is_a_session_whichever_table_has_it(tmp_path: Path, table: str) -> None:
    new, old = (TALK if table in (name, "both") else None for name in ("new", "old"))
    path = store(tmp_path / "kiro-cli", new, old)
    assert_owed(kiro, path, in_parts=False)
    found = list(kiro.read(Source(path)))
    (session,) = of(SessionRecord, found)
    assert (session.id, session.agent, session.project, session.model) == (SESSION, "kiro", "/garden", "m")
    assert [(one.role, one.content, one.created_at) for one in of(MessageRecord, found)] == [
        ("user", "Which bed is dry?", "2026-10-01T08:00:00.000Z"),
        ("assistant", "Look.", "2026-10-01T08:00:00.000Z"),
        ("assistant", "The left one.", None),
    ]
    answers = [(one.call_id, one.result, one.is_error) for one in of(ToolResult, found)]
    assert answers == [("c1", '{"stdout":"dry"}', False)]


def test_what_amazon_q_left_is_its_own(tmp_path: Path) -> None:
    (session,) = of(SessionRecord, list(kiro.read(Source(store(tmp_path / "amazon-q", None, TALK)))))
    assert session.agent == "amazon-q"


def test_no_token_of_a_user_comes_into_ours(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "x.db") as db:
        report = Ingest(db.connection).run([str(store(tmp_path / "kiro-cli", TALK))])
        assert report.sessions_added == {SESSION}
    assert SECRET.encode() not in (tmp_path / "x.db").read_bytes()


@pytest.mark.parametrize("seed", range(30))
def test_odd_values_stop_nothing(tmp_path: Path, seed: int) -> None:
    assert_storable(kiro.read(Source(store(tmp_path, spoilt(TALK, random.Random(seed))))))
