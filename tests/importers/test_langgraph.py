"""Checkpoints of LangGraph and histories of LangChain, read without either."""

from __future__ import annotations

import json
import pickle
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sessiondb import SessionDB
from sessiondb.importers import langgraph
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.odd_values import assert_storable, spoilt
from tests.helpers.records import of, read_all

THREAD = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
ASK, ANSWER, RESULT, LAST = (f"6b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a1{number}" for number in range(4))
HUMAN = {"content": "Which bed is dry?", "type": "human", "id": ASK, "name": None}
CALLED = {
    "content": [
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "c1", "name": "read", "input": {"path": "x"}},
    ],
    "type": "ai",
    "id": ANSWER,
    "tool_calls": [{"name": "read", "args": {"path": "x"}, "id": "c1", "type": "tool_call"}],
    "response_metadata": {"model_name": "m", "finish_reason": "tool_calls"},
    "usage_metadata": {
        "input_tokens": 100,
        "output_tokens": 20,
        "input_token_details": {"cache_read": 40, "cache_creation": 10},
        "output_token_details": {"reasoning": 5},
    },
}
TOOL = {
    "content": "dry",
    "type": "tool",
    "id": RESULT,
    "tool_call_id": "c1",
    "name": "read",
    "status": "error",
}
SAID = {"content": "The left one.", "type": "ai", "id": LAST, "tool_calls": []}
CLASSES = {"human": "HumanMessage", "ai": "AIMessage", "tool": "ToolMessage", "system": "SystemMessage"}
SCHEMA = "thread_id TEXT, checkpoint_ns TEXT, checkpoint_id TEXT, parent_checkpoint_id TEXT, type TEXT, checkpoint BLOB"

HISTORY = "id INTEGER PRIMARY KEY, session_id TEXT, message TEXT"


def model(fields: Any, code: int = 5) -> msgspec.msgpack.Ext:
    """Return a message as LangGraph packs it."""
    name = CLASSES.get(str(fields.get("type")) if isinstance(fields, dict) else "", "AIMessage")
    parts = [f"langchain_core.messages.{name}", name, fields, "model_validate_json"]
    return msgspec.msgpack.Ext(code, msgspec.msgpack.encode(parts))


def state(minute: int, *messages: Any, channel: str = "messages") -> bytes:
    packed = [model(one) if isinstance(one, dict) else one for one in messages]
    values = {"branch": None, channel: packed, "summary": "x"}
    return msgspec.msgpack.encode(
        {"v": 4, "ts": f"2026-10-01T08:{minute:02}:00+00:00", "channel_values": values}
    )


def write(path: Path, *checkpoints: Any, thread: str = THREAD) -> Path:
    """Write checkpoints in their order: states, or each with its namespace and how it is written."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS checkpoints ({SCHEMA})")
        for number, one in enumerate(checkpoints):
            space, kind, data = one if isinstance(one, tuple) else ("", "msgpack", one)
            row = (thread, space, f"1f1eb27f-{number:04}", None, kind, data)
            connection.execute("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)", row)
    return path


STEPS = (state(0), state(1, HUMAN), state(2, HUMAN, CALLED, TOOL), state(3, HUMAN, CALLED, TOOL, SAID))


def history(path: Path, *messages: Any, columns: str = HISTORY) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE message_store ({columns})")
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            connection.execute("INSERT INTO message_store (session_id, message) VALUES ('one', ?)", (text,))
    return path


records = partial(read_all, langgraph)


def rows_of(found: Iterable[Record]) -> list[tuple[str, str | None, str | None]]:
    return [(one.role, one.content, one.created_at) for one in of(MessageRecord, found)]


def at(minute: int) -> str:
    return f"2026-10-01T08:{minute:02}:00.000Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.sqlite"


def test_a_thread_has_its_messages_with_the_time_of_the_checkpoint_that_had_them_first(path: Path) -> None:
    found = records(write(path, *STEPS))
    assert rows_of(found) == [
        ("user", "Which bed is dry?", at(1)),
        ("assistant", "I look.", at(2)),
        ("assistant", "The left one.", at(3)),
    ]
    called = of(MessageRecord, found)[1]
    assert (called.external_id, called.model, called.finish_reason, called.parts) == (
        ANSWER,
        "m",
        "tool_calls",
        None,
    )
    assert [tuple(call) for call in called.tool_calls] == [("c1", "read", '{"path":"x"}')]
    (told,) = of(ToolResult, found)
    assert (told.call_id, told.result, told.is_error, told.name) == ("c1", "dry", True, "read")
    (counted,) = of(TokenRecord, found)
    assert (counted.input, counted.cache_read, counted.cache_write, counted.output) == (50, 40, 10, 20)
    assert (counted.reasoning, counted.model, counted.message) == (5, "m", ANSWER)
    (session,) = of(SessionRecord, found)
    assert (session.id, session.agent, session.started_at, session.last_active_at) == (
        THREAD,
        "langgraph",
        at(0),
        at(3),
    )


def test_it_gives_what_every_importer_owes(path: Path) -> None:
    assert_owed(langgraph, write(path, *STEPS), in_parts=False)


def test_what_was_removed_later_or_gone_back_from_stays_and_what_changed_is_as_it_is_now(path: Path) -> None:
    branch = {**SAID, "id": "other", "content": "The right one."}
    changed = {**SAID, "content": "The left one, by the wall."}
    found = records(write(path, *STEPS, state(4, HUMAN, branch), state(5, changed, branch)))
    assert [row[1] for row in rows_of(found)] == [
        "Which bed is dry?",
        "I look.",
        "The left one, by the wall.",
        "The right one.",
    ]


def test_a_graph_within_the_graph_is_a_sub_agent_with_what_the_thread_does_not_have(path: Path) -> None:
    inner = {**HUMAN, "id": "inner", "content": "Look at the beds"}
    spaces = [("worker:1", "msgpack", state(2, HUMAN, inner)), ("idle:2", "msgpack", state(2, HUMAN))]
    found = records(write(path, *STEPS, *spaces))
    main, child = of(SessionRecord, found)
    assert (child.parent_id, child.relation, child.native_id) == (main.id, "subagent", f"{THREAD}|worker:1")
    assert [one.content for one in of(MessageRecord, found) if one.session == child.id] == [
        "Look at the beds"
    ]


@pytest.mark.parametrize("code", [4, 5])
@pytest.mark.parametrize("channel", ["messages", "chat"])
def test_messages_are_found_whatever_the_channel_is_called(path: Path, channel: str, code: int) -> None:
    fields = {key: value for key, value in HUMAN.items() if key != "type"}
    parts = ["m", "HumanMessage", fields, "f"]
    packed = msgspec.msgpack.Ext(code, msgspec.msgpack.encode(parts))
    assert rows_of(records(write(path, state(1, packed, channel=channel)))) == [
        ("user", HUMAN["content"], at(1))
    ]


def test_state_in_json_and_messages_without_ids_are_read(path: Path) -> None:
    constructed = {
        "lc": 2,
        "type": "constructor",
        "id": ["langchain", "HumanMessage"],
        "kwargs": {"content": "Dry?"},
    }
    values = [
        constructed,
        {"role": "assistant", "content": "Left."},
        ["user", "And now?"],
        ["user", "And now?"],
    ]
    steps = [
        (
            "",
            "json",
            json.dumps(
                {"ts": f"2026-10-01T08:0{number}:00Z", "channel_values": {"messages": values[:number]}}
            ),
        )
        for number in range(1, 5)
    ]
    assert rows_of(records(write(path, *steps))) == [
        ("user", "Dry?", at(1)),
        ("assistant", "Left.", at(2)),
        ("user", "And now?", at(3)),
        ("user", "And now?", at(4)),
    ]


def test_pickled_encrypted_and_damaged_state_is_named_and_never_run(path: Path) -> None:
    harm = pickle.dumps({"channel_values": {}})
    trap = msgspec.msgpack.Ext(0, msgspec.msgpack.encode(["os", "system", "touch harm"]))
    source = Source(
        write(
            path,
            ("", None, harm),
            ("", "msgpack+aes", b"x"),
            ("", "msgpack", b"\xc1"),
            ("", "msgpack", state(1, trap, HUMAN)),
        )
    )
    assert rows_of(langgraph.read(source)) == [("user", HUMAN["content"], at(1))]
    reasons = [problem.reason.partition(": ")[2] for problem in source.problems]
    assert reasons[:2] == [
        "its state is written as a pickle, which cannot be read",
        "its state is written as msgpack+aes, which cannot be read",
    ]
    assert len(reasons) == 3
    assert not Path("harm").exists()


def test_objects_in_objects_without_an_end_are_no_message(path: Path) -> None:
    nested: Any = HUMAN
    for _ in range(400):
        nested = model({"content": "x", "type": "human", "more": nested})
    source = Source(write(path, state(1, nested, HUMAN)))
    assert [row[1] for row in rows_of(langgraph.read(source))] == ["x", HUMAN["content"]]


def test_a_history_of_langchain_is_a_session_of_it(path: Path) -> None:
    found = records(
        history(
            path,
            {"type": "system", "data": {"content": "You help."}},
            {"type": "human", "data": HUMAN},
            {"type": "ai", "data": CALLED},
            {"type": "tool", "data": TOOL},
            json.dumps(json.dumps({"type": "AIMessageChunk", "data": {"content": "Left."}})),
        )
    )
    assert rows_of(found) == [
        ("system", "You help.", None),
        ("user", "Which bed is dry?", None),
        ("assistant", "I look.", None),
        ("assistant", "Left.", None),
    ]
    assert of(MessageRecord, found)[0].metadata == {"kind": "instructions"}
    assert [one.call_id for one in of(ToolResult, found)] == ["c1"]
    (session,) = of(SessionRecord, found)
    assert (session.agent, session.native_id) == ("langchain", "one")
    assert len(of(TokenRecord, found)) == 1


def test_a_history_with_a_column_for_times_has_them_and_rows_that_are_no_messages_are_named(
    path: Path,
) -> None:
    columns = f"{HISTORY}, created_at TEXT DEFAULT '2026-10-01 08:01:00+00:00'"
    source = Source(history(path, {"type": "human", "data": HUMAN}, "torn", {"type": "x"}, columns=columns))
    assert rows_of(langgraph.read(source)) == [("user", "Which bed is dry?", at(1))]
    assert [one.reason for one in source.problems] == [
        "row 2 of message_store is no message",
        "row 3 of message_store is no message",
    ]


def test_a_thread_that_goes_on_is_imported_once(tmp_path: Path, path: Path) -> None:
    with SessionDB(tmp_path / "x.db") as db:
        for count in (2, 3, 4, 4):
            path.unlink(missing_ok=True)
            Ingest(db.connection).run([str(write(path, *STEPS[:count]))])
        said = db.connection.rows("SELECT role, content FROM messages ORDER BY seq")
        assert [row[0] for row in said] == ["user", "assistant", "tool", "assistant"]
        assert db.connection.value("SELECT sum(output) FROM token_counts") == 20


def packable(value: Any) -> Any:
    """Return a JSON value as msgpack can have it."""
    if isinstance(value, dict):
        return {key: packable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [packable(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if not isinstance(value, int) or abs(value) < 2**63 else float(value)


@pytest.mark.parametrize("seed", range(60))
def test_odd_values_and_bytes_end_nothing_and_can_be_stored(path: Path, seed: int) -> None:
    chance = random.Random(seed)
    messages = [spoilt(one, chance) for one in (HUMAN, CALLED, TOOL, SAID)]
    whole = {"channel_values": {"messages": messages}}
    models = state(1, *(model(packable(one)) for one in messages))
    torn = bytearray(models)
    for _ in range(3):
        torn[chance.randrange(len(torn))] = chance.randrange(256)
    plain = msgspec.msgpack.encode(packable(whole))
    write(path, models, bytes(torn), plain, ("", "json", json.dumps(whole)))
    history(path, *({"type": "human", "data": one} for one in messages))
    assert_storable(langgraph.read(Source(path)))
