"""Goose's sessions: the database, and the files before it."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sessiondb import SessionDB
from sessiondb.importers import goose
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.odd_values import assert_storable, spoilt
from tests.helpers.records import of, read_soundly, rows

START = 1_790_000_000
"""2026-09-21T14:13:20Z."""
HEADER = {"working_dir": "/garden", "description": "Dry beds", "message_count": 4, "total_tokens": 99}
SCHEMA = """
CREATE TABLE sessions (id, name, description, user_set_name, session_type, working_dir, created_at, updated_at,
  provider_name, model_config_json, accumulated_input_tokens, accumulated_output_tokens, accumulated_total_tokens,
  accumulated_cost, parent_session_id, total_tokens);
CREATE TABLE messages (id INTEGER PRIMARY KEY, message_id, session_id, role, content_json, created_timestamp, timestamp,
  tokens, metadata_json);
CREATE TABLE usage_ledger (id INTEGER PRIMARY KEY, session_id, created_timestamp, model, input_tokens, output_tokens,
  total_tokens, cache_read_tokens, cache_write_tokens, cost, is_compaction);
"""
ROW = {
    "id": "20260921_1",
    "name": "Dry beds",
    "description": "",
    "user_set_name": 0,
    "session_type": "user",
    "working_dir": "/garden",
    "created_at": "2026-09-21 14:13:20",
    "updated_at": "2026-09-21 14:13:25",
    "provider_name": "p",
    "model_config_json": '{"model_name": "m"}',
    "accumulated_input_tokens": 1900,
    "accumulated_output_tokens": 60,
    "accumulated_total_tokens": 1960,
    "accumulated_cost": 0.5,
    "parent_session_id": None,
    "total_tokens": 990,
}


def message(number: int, role: str, *blocks: Any, **more: Any) -> dict[str, Any]:
    return {"id": f"msg_{number}", "role": role, "created": START + number, "content": list(blocks), **more}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def request(id: str, name: str, **arguments: Any) -> dict[str, Any]:
    value = {"name": name, "arguments": arguments}
    return {"type": "toolRequest", "id": id, "toolCall": {"status": "success", "value": value}}


def response(id: str, value: Any, status: str = "success", **more: Any) -> dict[str, Any]:
    return {"type": "toolResponse", "id": id, "toolResult": {"status": status, "value": value, **more}}


TALK = [
    message(0, "user", text("Which bed is dry?")),
    message(1, "assistant", {"type": "thinking", "thinking": "Look."}, request("c1", "shell", command="ls")),
    message(2, "user", response("c1", [text("dry")])),
    message(3, "assistant", text("The left one.")),
]
LOG = [HEADER, *TALK]


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(row)
    connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})", list(row.values())
    )


def store(path: Path, talk: list[Any], *ledger: dict[str, Any], **row: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        known = {**ROW, **row}
        insert(connection, "sessions", known)
        insert(connection, "sessions", {**ROW, "id": "20260921_9", "name": "without a word"})
        for one in talk:
            told = {
                "message_id": one.get("id"),
                "session_id": known["id"],
                "role": one.get("role"),
                "content_json": json.dumps(one.get("content")),
                "created_timestamp": one.get("created"),
                "metadata_json": json.dumps(one.get("metadata", {"userVisible": True})),
            }
            insert(connection, "messages", told)
        for counts in ledger:
            insert(connection, "usage_ledger", {"session_id": known["id"], "model": "m", **counts})
    return path


records = partial(read_soundly, goose)


@pytest.mark.parametrize("form", ["log", "database"])
def test_blocks_become_messages_calls_and_answers(tmp_path: Path, form: str) -> None:
    path = (
        write(tmp_path / "20260921_1.jsonl", LOG) if form == "log" else store(tmp_path / "sessions.db", TALK)
    )
    assert_owed(goose, path, in_parts=form == "log")
    found = records(path)
    session = of(SessionRecord, found)[0]
    assert (session.native_id, session.title, session.project) == ("20260921_1", "Dry beds", "/garden")
    assert rows(found) == [
        ("user", "Which bed is dry?", None),
        ("assistant", None, None),
        ("assistant", "The left one.", None),
    ]
    asked = of(MessageRecord, found)[1]
    assert (asked.reasoning, asked.created_at) == ("Look.", "2026-09-21T14:13:21.000Z")
    assert [tuple(call) for call in asked.tool_calls] == [("c1", "shell", '{"command":"ls"}')]
    assert [(one.call_id, one.result, one.is_error) for one in of(ToolResult, found)] == [
        ("c1", "dry", False)
    ]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (response("c", {"content": [text("dry")], "isError": False}), ("dry", False)),
        (response("c", {"content": [text("no")], "isError": True}), ("no", True)),
        (response("c", None, "error", error="no such tool"), ("no such tool", True)),
        (
            response(
                "c",
                [
                    {**text("for the model"), "annotations": {"audience": ["assistant"]}},
                    {**text("for the user"), "annotations": {"audience": ["user"]}},
                ],
            ),
            ("for the model", False),
        ),
    ],
)
def test_an_answer_is_what_the_model_was_told(tmp_path: Path, block: Any, expected: tuple[str, bool]) -> None:
    (answer,) = of(ToolResult, records(write(tmp_path / "x.jsonl", [message(0, "user", block)])))
    assert (answer.result, answer.is_error) == expected


def test_what_only_the_model_sees_is_no_talk(tmp_path: Path) -> None:
    hidden = message(4, "user", text("They spoke of beds."), metadata={"userVisible": False})
    notice = {"type": "systemNotification", "notificationType": "inlineMessage", "msg": "Compacted"}
    talk = [TALK[0], hidden, message(5, "assistant", notice), message(6, "assistant", text("Left."))]
    assert rows(records(store(tmp_path / "sessions.db", talk))) == [
        ("user", "Which bed is dry?", None),
        ("system", "They spoke of beds.", "compact_summary"),
        ("system", "Compacted", "notice"),
        ("assistant", "Left.", None),
    ]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (
            {"input_tokens": 1000, "output_tokens": 70, "total_tokens": 1070, "cache_read_tokens": 200},
            (800, 200, None),
        ),
        (
            {
                "input_tokens": 1000,
                "output_tokens": 70,
                "total_tokens": 1275,
                "cache_read_tokens": 200,
                "cache_write_tokens": 5,
            },
            (1000, 200, 5),
        ),
    ],
)
def test_the_ledger_is_counted_in_place_of_the_sums(tmp_path: Path, counts: Any, expected: Any) -> None:
    ledger = {"created_timestamp": START + 3, "cost": 0.25, **counts}
    (count,) = of(TokenRecord, records(store(tmp_path / "sessions.db", TALK, ledger)))
    assert (count.input, count.cache_read, count.cache_write) == expected
    assert (count.output, count.cost_microdollars, count.model, count.message) == (70, 250_000, "m", "msg_3")


def test_without_a_ledger_the_sums_of_a_session_are_counted(tmp_path: Path) -> None:
    (count,) = of(TokenRecord, records(store(tmp_path / "sessions.db", TALK)))
    assert (count.input, count.output, count.cost_microdollars) == (1900, 60, 500_000)


@pytest.mark.parametrize(
    ("row", "title"),
    [
        ({"name": "New session 4"}, None),
        ({"name": "New session 4", "user_set_name": 1}, "New session 4"),
        ({"name": "", "description": "Beds"}, "Beds"),
    ],
)
def test_a_name_that_nobody_gave_is_no_title(tmp_path: Path, row: Any, title: str | None) -> None:
    assert of(SessionRecord, records(store(tmp_path / "sessions.db", TALK, **row)))[0].title == title


def test_a_session_that_another_began_is_linked(tmp_path: Path) -> None:
    row = {"id": "20260921_2", "session_type": "sub_agent", "parent_session_id": "20260921_1"}
    (child,) = of(SessionRecord, records(store(tmp_path / "sessions.db", TALK, **row)))
    (parent,) = of(SessionRecord, records(store(tmp_path / "other" / "sessions.db", TALK)))
    assert child.relation == "subagent"
    assert child.parent_id != parent.id  # ids are unique in their folder
    assert child.metadata == {"provider": "p", "session_type": "sub_agent", "cost": 0.5}


@pytest.mark.parametrize("order", [1, -1])
def test_what_the_database_took_over_from_a_file_is_there_once(tmp_path: Path, order: int) -> None:
    named = [{**one, "id": f"new_{number}"} for number, one in enumerate(TALK)]
    paths = [write(tmp_path / "20260921_1.jsonl", LOG), store(tmp_path / "sessions.db", named)]
    with SessionDB(tmp_path / "x.db") as db:
        for path in [*paths[::order], *paths]:
            Ingest(db.connection).run([str(path)])
        told = db.connection.rows("SELECT role, external_id FROM messages ORDER BY seq")
        assert told == [("user", "new_0"), ("assistant", "new_1"), ("tool", None), ("assistant", "new_3")]
        assert db.connection.rows("SELECT input, output FROM token_counts") == [(1900, 60)]


def test_a_rewritten_conversation_adds_only_what_is_new(tmp_path: Path) -> None:
    path = store(tmp_path / "sessions.db", TALK)
    with SessionDB(tmp_path / "x.db") as db:
        Ingest(db.connection).run([str(path)])
        path.unlink()
        store(path, [*TALK, message(9, "user", text("Thanks"))], session_type="user")
        Ingest(db.connection).run([str(path)])
        assert db.connection.value("SELECT count(*) FROM messages") == 5


def test_pieces_of_one_response_are_one_message(tmp_path: Path) -> None:
    talk = [TALK[0], message(1, "assistant", text("The")), message(1, "assistant", text("left."))]
    assert rows(records(store(tmp_path / "sessions.db", talk)))[1:] == [("assistant", "The\n\nleft.", None)]


@pytest.mark.parametrize("seed", range(20))
def test_odd_values_stop_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    talk = [{**one, "content": spoilt(one["content"], chance)} for one in TALK * 3]
    counts = {"created_timestamp": START, "input_tokens": chance.choice([-5, "x", 1.5]), "output_tokens": -1}
    assert_storable(goose.read(Source(store(tmp_path / "sessions.db", talk, counts))))
