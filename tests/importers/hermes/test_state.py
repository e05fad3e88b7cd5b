"""Hermes' state.db and its export."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timezone
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import hermes
from sessiondb.importers.base import ChannelRecord, MessageRecord, Record, SessionRecord, TokenRecord
from sessiondb.importers.files.source import Problem, Source

A, B = "20260301_090000_a1b2c3", "20260301_100000_d4e5f6"
START = 1772355600.0  # 2026-03-01T09:00:00Z

OLD = """
CREATE TABLE schema_version (version INTEGER);
CREATE TABLE sessions (id TEXT PRIMARY KEY, source TEXT, model TEXT, model_config TEXT, system_prompt TEXT,
    parent_session_id TEXT, started_at REAL, ended_at REAL, end_reason TEXT, input_tokens INTEGER,
    output_tokens INTEGER, cache_read_tokens INTEGER, estimated_cost_usd REAL, actual_cost_usd REAL,
    cost_status TEXT, title TEXT);
CREATE TABLE messages (id INTEGER PRIMARY KEY, session_id TEXT, role TEXT, content TEXT, tool_call_id TEXT,
    tool_calls TEXT, timestamp REAL, finish_reason TEXT);
"""
NEW = f"""{OLD}
ALTER TABLE sessions ADD COLUMN cwd TEXT;
ALTER TABLE sessions ADD COLUMN git_branch TEXT;
ALTER TABLE sessions ADD COLUMN session_key TEXT;
ALTER TABLE sessions ADD COLUMN origin_json TEXT;
ALTER TABLE messages ADD COLUMN active INTEGER NOT NULL DEFAULT 1;
ALTER TABLE messages ADD COLUMN compacted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN display_identity BLOB;
CREATE TABLE gateway_routing (scope TEXT, session_key TEXT, entry_json TEXT);
"""


class Store:
    """A state.db to be filled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None)

    def add(self, table: str, **row: Any) -> None:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))

    def session(self, native_id: str = A, **row: Any) -> None:
        self.add("sessions", **{"id": native_id, "source": "cli", "started_at": START, **row})

    def message(self, content: Any, seconds: float, role: str = "user", session: str = A, **row: Any) -> None:
        self.add(
            "messages",
            **{"session_id": session, "role": role, "content": content, "timestamp": START + seconds, **row},
        )

    def read(self) -> list[Record]:
        records, problems = read(self.path)
        assert problems == []
        return records


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Return a database of a recent Hermes."""
    made = Store(tmp_path / "state.db")
    with closing(made.connection):
        made.connection.executescript(NEW)
        yield made


def read(path: Path) -> tuple[list[Record], list[Problem]]:
    source = Source(path, tz=timezone.utc)
    return list(hermes.read(source)), source.problems


def texts(records: list[Record]) -> list[str | None]:
    return [record.content for record in records if isinstance(record, MessageRecord)]


def said_in(records: list[Record]) -> dict[str, list[str | None]]:
    found: dict[str, list[str | None]] = {}
    for record in records:
        if isinstance(record, MessageRecord):
            found.setdefault(record.session, []).append(record.content)
    return found


def sessions(records: list[Record]) -> dict[str, SessionRecord]:
    return {record.id: record for record in records if isinstance(record, SessionRecord)}


def test_an_old_database_is_read_by_the_columns_that_it_has(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.db")
    with closing(store.connection):
        store.connection.executescript(OLD)
        store.session(
            model="m-1",
            title="Ferns",
            ended_at=START + 60,
            end_reason="cli_close",
            input_tokens=10,
            cache_read_tokens=5,
            output_tokens=3,
            estimated_cost_usd=0.25,
            cost_status="estimated",
        )
        store.message("Why?", 1.5)
        store.message("Because.", 2.5, "assistant", finish_reason="stop")
        records = store.read()
    question, answer = (record for record in records if isinstance(record, MessageRecord))
    assert records == [
        SessionRecord(
            A,
            "hermes",
            A,
            channel=ChannelRecord("cli"),
            title="Ferns",
            model="m-1",
            started_at="2026-03-01T09:00:00.000Z",
            ended_at="2026-03-01T09:01:00.000Z",
            end_reason="cli_close",
            authority=30,
            metadata={"cost_status": "estimated"},
        ),
        MessageRecord(A, "user", "Why?", question.external_id, "2026-03-01T09:00:01.500Z"),
        MessageRecord(
            A, "assistant", "Because.", answer.external_id, "2026-03-01T09:00:02.500Z", finish_reason="stop"
        ),
        TokenRecord(
            A,
            f"{A}:total",
            input=10,
            cache_read=5,
            output=3,
            cost_microdollars=250_000,
            model="m-1",
            counted_at="2026-03-01T09:00:02.500Z",
        ),
    ]


def test_undone_messages_are_left_out_and_compacted_ones_stand_once(store: Store) -> None:
    store.session()
    store.message("first", 1, active=0, compacted=1)
    store.message("second", 2, active=0, compacted=1)
    store.message("undone", 3, active=0)
    store.message("second", 2, display_identity=b"\xff\x00")  # the copy that compaction carries on
    store.message("third", 4)
    assert texts(store.read()) == ["first", "second", "third"]


def test_what_a_compaction_writes_anew_stands_once(store: Store) -> None:
    """Under a time of its own, behind the summary or without one; the same words said twice stay two."""
    store.session()
    for second, text in enumerate(("a", "yes", "yes", "b", "c"), 1):
        store.message(text, second, active=0, compacted=1)
    for text in ("Summary", "b", "c"):
        store.message(text, 60, active=0, compacted=1)
    store.message("d", 70, active=0, compacted=1)
    for number, text in enumerate(("c", "d")):
        store.message(text, 90 + number / 100)
    store.message("d", 200)
    assert texts(store.read()) == ["a", "yes", "yes", "b", "c", "Summary", "d", "d"]


def test_the_first_messages_that_a_compaction_keeps_stand_once_too(store: Store) -> None:
    store.session()
    for second, text in enumerate(("a", "b", "c", "d", "e"), 1):
        store.message(text, second, active=0, compacted=1)
    for text in ("a", "b", "Summary", "d", "e"):
        store.message(text, 60)
    store.message("a", 70)
    assert texts(store.read()) == ["a", "b", "c", "d", "e", "Summary", "a"]


def test_what_a_compaction_carries_into_a_new_session_begins_that_one(store: Store) -> None:
    store.session(A, ended_at=START + 50, end_reason="compression")
    store.session(B, started_at=START + 50, parent_session_id=A)
    for second, text in enumerate(("a", "b", "c", "d", "a"), 1):
        store.message(text, second)
    for number, text in enumerate(("a", "Summary", "d", "a", "e")):
        store.message(text, 60 + number / 100, session=B)
    assert said_in(store.read()) == {A: ["a", "b", "c", "d", "a"], B: ["a", "Summary", "d", "a", "e"]}


def test_a_session_that_is_compacted_between_two_imports_is_what_it_is_as_a_whole(
    store: Store, tmp_path: Path
) -> None:
    said = "SELECT session_id, seq, role, content, created_at FROM messages ORDER BY session_id, seq"
    store.session()
    for second, text in enumerate(("a", "b", "c"), 1):
        store.message(text, second)
    with SessionDB(tmp_path / "steps.db") as db:
        db.import_logs(store.path)
        store.connection.execute("UPDATE messages SET active = 0, compacted = 1")
        for text in ("a", "Summary", "b", "c"):
            store.message(text, 60)
        store.message("d", 70)
        db.import_logs(store.path)
        steps = db.connection.rows(said)
    with SessionDB(tmp_path / "whole.db") as db:
        db.import_logs(store.path)
        assert db.connection.rows(said) == steps
    assert [row[3] for row in steps] == ["a", "b", "c", "Summary", "d"]


def test_odd_text_is_made_fit_to_store(store: Store) -> None:
    store.session(title="a\0b")
    store.message('\0json:[{"type":"text","text":"in parts"}]', 1)
    store.connection.execute(
        "INSERT INTO messages (session_id, role, content, timestamp) VALUES (?, 'user', CAST(? AS TEXT), ?)",
        (A, b"caf\xe9", START + 2),
    )
    store.message(b"caf\xe9 blob", 3)
    records = store.read()
    assert texts(records) == ["in parts", "caf\ufffd", "caf\ufffd blob"]
    assert sessions(records)[A].title == "a\ufffdb"


def test_what_the_write_ahead_log_holds_is_read_too(store: Store, tmp_path: Path) -> None:
    store.connection.execute("PRAGMA journal_mode = WAL")
    store.session()
    store.message("in the log", 1)
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("state.db", "state.db-wal"):
        shutil.copy(tmp_path / name, copy / name)
    assert texts(read(copy / "state.db")[0]) == ["in the log"]
    assert sorted(path.name for path in copy.iterdir()) == ["state.db", "state.db-wal"]


@pytest.mark.parametrize(("ended_at", "is_open"), [(None, True), (START + 9, None)])
def test_the_session_that_the_gateway_routes_to_is_open_unless_ended(
    store: Store, ended_at: float | None, is_open: bool | None
) -> None:
    origin = {
        "platform": "telegram",
        "chat_type": "dm",
        "chat_id": 900,
        "user_name": "Ann",
        "chat_topic": "x",
    }
    entry = {
        "session_key": "agent:main:telegram:dm",
        "session_id": A,
        "origin": origin,
        "display_name": "Ann",
    }
    store.add("gateway_routing", entry_json=json.dumps(entry))
    store.add("gateway_routing", entry_json="no JSON")
    store.session(source="telegram", ended_at=ended_at, cwd="/home/ann", git_branch="main")
    assert sessions(store.read())[A]._replace(ended_at=None, started_at=None) == SessionRecord(
        A,
        "hermes",
        A,
        key="agent:main:telegram:dm",
        project="/home/ann",
        channel=ChannelRecord("telegram", "dm", "900", None, None, "Ann"),
        title="Ann",
        is_open=is_open,
        authority=30,
        metadata={"origin": {"chat_topic": "x"}, "git_branch": "main"},
    )


@pytest.mark.parametrize(
    ("parent", "child", "relation"),
    [
        ({"end_reason": "compression"}, {}, "continuation"),
        ({}, {"model_config": json.dumps({"_branched_from": A})}, "fork"),
        ({"end_reason": "branched"}, {}, "fork"),
        ({}, {"model_config": json.dumps({"_delegate_from": A, "max_tokens": None})}, "subagent"),
        ({"end_reason": "compression"}, {"model_config": '{"_branched_from": "other"}'}, "continuation"),
        ({}, {"model_config": json.dumps({"_reset_from": A})}, "reset"),
        ({"end_reason": "daily", "session_key": "k"}, {"session_key": "k"}, "reset"),
        ({"end_reason": "daily", "session_key": "k"}, {}, "subagent"),
        ({}, {}, "subagent"),
    ],
)
def test_a_child_says_what_it_is_to_its_parent(
    store: Store, parent: dict[str, Any], child: dict[str, Any], relation: str
) -> None:
    store.session(**parent)
    store.session(B, parent_session_id=A, started_at=START + 3600, **child)
    session = sessions(store.read())[B]
    assert (session.parent_id, session.relation) == (A, relation)


@pytest.mark.parametrize(
    ("row", "cost"),
    [
        ({"estimated_cost_usd": 0.0, "cost_status": "included"}, None),
        ({"estimated_cost_usd": 0.0, "cost_status": "estimated"}, 0),
        ({"estimated_cost_usd": 0.5, "actual_cost_usd": 0.4, "cost_status": "actual"}, 400_000),
        ({"estimated_cost_usd": "dear"}, None),
        ({"estimated_cost_usd": float("inf")}, None),
    ],
)
def test_a_zero_cost_counts_only_where_it_was_reckoned(
    store: Store, row: dict[str, Any], cost: int | None
) -> None:
    store.session(input_tokens=1, **row)
    (tokens,) = (record for record in store.read() if isinstance(record, TokenRecord))
    assert tokens.cost_microdollars == cost


def test_a_session_without_tokens_has_no_token_record(store: Store) -> None:
    store.session(input_tokens=0, output_tokens=0)
    assert [type(record) for record in store.read()] == [SessionRecord]


def row(native_id: str, *contents: str, **fields: Any) -> dict[str, Any]:
    """Return a line of an export."""
    messages = [
        {"id": number, "role": "user", "content": content, "timestamp": START + number}
        for number, content in enumerate(contents)
    ]
    return {"id": native_id, "source": "cli", "started_at": START, "messages": messages, **fields}


def test_an_exported_chain_is_taken_apart_into_its_sessions(tmp_path: Path) -> None:
    first = row(A, "one", end_reason="compression", input_tokens=3)
    second = row(B, "two", parent_session_id=A)
    chain = {**second, "segments": [first, second], "messages": first["messages"] + second["messages"]}
    path = tmp_path / "out.jsonl"
    path.write_text(json.dumps(chain) + "\n")
    records, problems = read(path)
    assert problems == []
    assert [(record.session, record.content) for record in records if isinstance(record, MessageRecord)] == [
        (A, "one"),
        (B, "two"),
    ]
    found = sessions(records)
    assert {key: session.authority for key, session in found.items()} == {A: 20, B: 20}
    assert (found[B].parent_id, found[B].relation) == (A, "continuation")
    assert [record.request_key for record in records if isinstance(record, TokenRecord)] == [f"{A}:total"]


def test_a_bad_line_of_an_export_is_reported_and_the_rest_read(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    lines = [
        row(A, "one"),
        {"id": B, "source": "cli"},
        [],
        {**row(B, "two"), "segments": [3]},
        row(B, "three"),
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    records, problems = read(path)
    assert texts(records) == ["one", "three"]
    assert [problem.line for problem in problems] == [2, 3, 4]
