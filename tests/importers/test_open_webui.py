"""Chats of Open WebUI, of its database and of its exports."""

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
from sessiondb.importers import open_webui
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.odd_values import assert_storable, spoilt
from tests.helpers.records import of, read_all

ID = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
ASK, ANSWER, OTHER = (f"6b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a1{number}" for number in range(3))
AT = 1_790_841_600
TEXT = """<details type="reasoning" done="true" duration="2">
<summary>Thought for 2 seconds</summary>
&gt; Look.
</details>
<details type="tool_calls" done="true" id="c1" name="search" arguments="&quot;{\\&quot;q\\&quot;: 1}&quot;" \
result="&quot;dry&quot;" files="">
<summary>Tool Executed</summary>
</details>
The left one."""
NODES: dict[str, dict[str, Any]] = {
    ASK: {
        "id": ASK, "parentId": None, "childrenIds": [ANSWER, OTHER], "role": "user", "content": "Which bed is dry?",
        "timestamp": AT, "files": [{"type": "image", "url": "data:image/png;base64,aGk="}],
    },
    OTHER: {"id": OTHER, "parentId": ASK, "role": "assistant", "content": "The right one.", "timestamp": AT + 1},
    ANSWER: {
        "id": ANSWER, "parentId": ASK, "role": "assistant", "content": TEXT, "model": "m", "timestamp": AT + 5,
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 40}},
    },
}  # fmt: skip
CHAT: dict[str, Any] = {"title": "Beds", "models": ["m"], "history": {"messages": NODES, "currentId": ANSWER}}
LOG: dict[str, Any] = {
    "id": ID, "user_id": "ada", "title": "Beds", "chat": CHAT, "created_at": AT, "updated_at": AT + 60,
    "archived": False, "pinned": True, "meta": {"tags": ["roses"]},
}  # fmt: skip
OLDER = "id TEXT, user_id TEXT, title TEXT, chat JSON"
SCHEMA = f"{OLDER}, created_at INT, updated_at INT, archived INT, pinned INT, meta JSON"


def database(path: Path, *rows: Any, schema: str = SCHEMA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE chat ({schema})")
        for row in rows:
            values = {
                key: json.dumps(value) if key in ("chat", "meta") else value for key, value in row.items()
            }
            marks = ", ".join(f":{key}" for key in values)
            connection.execute(f"INSERT INTO chat ({', '.join(values)}) VALUES ({marks})", values)
    return path


def export(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), "utf-8")
    return path


records = partial(read_all, open_webui)


def test_a_chat_has_the_branch_that_is_shown_with_thoughts_calls_and_tokens(tmp_path: Path) -> None:
    found = records(database(tmp_path / "webui.db", LOG))
    assert found == records(export(tmp_path / "export.json", [LOG]))
    asked, answer = of(MessageRecord, found)
    assert (asked.role, asked.content, asked.created_at) == (
        "user",
        "Which bed is dry?",
        "2026-10-01T08:00:00.000Z",
    )
    assert asked.parts[0]["url"]["bytes"] == 2
    assert (answer.role, answer.content, answer.reasoning, answer.model) == (
        "assistant",
        "The left one.",
        "Look.",
        "m",
    )
    assert [tuple(call) for call in answer.tool_calls] == [("c1", "search", '{"q": 1}')]
    assert [(one.call_id, one.result) for one in of(ToolResult, found)] == [("c1", "dry")]
    (counted,) = of(TokenRecord, found)
    assert (counted.input, counted.cache_read, counted.output, counted.model) == (60, 40, 20, "m")
    (session,) = of(SessionRecord, found)
    assert (session.id, session.agent, session.title, session.is_pinned) == (ID, "open-webui", "Beds", True)
    assert (session.tags, session.last_active_at) == (("roses",), "2026-10-01T08:01:00.000Z")
    assert session.metadata == {"user": "ada", "messages_on_other_branches": 1}


@pytest.mark.parametrize("shape", ["database", "export"])
def test_it_gives_what_every_importer_owes(tmp_path: Path, shape: str) -> None:
    path = database(tmp_path / "x.db", LOG) if shape == "database" else export(tmp_path / "x.json", [LOG])
    assert_owed(open_webui, path, in_parts=False)


def test_a_chat_alone_and_an_older_table_are_read(tmp_path: Path) -> None:
    found = records(export(tmp_path / "chat.json", {"id": ID, **CHAT}))
    assert len(of(MessageRecord, found)) == 2
    older = {key: LOG[key] for key in ("id", "user_id", "title", "chat")}
    path = database(tmp_path / "webui.db", older, schema=OLDER)
    assert len(of(MessageRecord, records(path))) == 2


def test_counts_of_ollama_are_tokens_too_and_a_chat_without_history_is_named(tmp_path: Path) -> None:
    node = {**NODES[ANSWER], "usage": {"prompt_eval_count": 7, "eval_count": 3}}
    chat = {
        **CHAT,
        "title": "New Chat",
        "history": {"messages": {ASK: NODES[ASK], ANSWER: node}, "currentId": "gone"},
    }
    rows = ({**LOG, "title": "New Chat", "chat": chat}, {**LOG, "id": "torn", "chat": 5})
    source = Source(database(tmp_path / "x.db", *rows))
    found = list(open_webui.read(source))
    assert [(one.input, one.output) for one in of(TokenRecord, found)] == [(7, 3)]
    assert of(SessionRecord, found)[0].title is None
    assert [one.reason for one in source.problems] == ["chat torn has no history"]


def test_a_chat_that_goes_on_is_imported_once(tmp_path: Path) -> None:
    with SessionDB(tmp_path / "x.db") as db:
        begun = {**CHAT, "history": {"messages": {ASK: NODES[ASK]}, "currentId": ASK}}
        for chat in (begun, CHAT, CHAT):
            path = tmp_path / "webui.db"
            path.unlink(missing_ok=True)
            Ingest(db.connection).run([str(database(path, {**LOG, "chat": chat}))])
        assert [row[0] for row in db.connection.rows("SELECT role FROM messages ORDER BY seq")] == [
            "user",
            "assistant",
            "tool",
        ]


@pytest.mark.parametrize("seed", range(40))
def test_odd_values_end_nothing_and_can_be_stored(tmp_path: Path, seed: int) -> None:
    spoiled = spoilt(CHAT, random.Random(seed))
    rows = ({**LOG, "chat": spoiled}, {**LOG, "id": "two", "meta": spoiled})
    assert_storable(open_webui.read(Source(database(tmp_path / "x.db", *rows))))
