"""One conversation in several stores of its agent: imported once and counted once, in any order."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.conversations import MINUTE, imported, in_any_order, write

# Hermes

HERMES = "20260301_090000_a1b2c3d4"
CALL = [{"id": "c1", "type": "function", "function": {"name": "web", "arguments": "{}"}}]
HERMES_TALK: list[dict[str, Any]] = [
    {"role": "user", "content": "What is a quokka?"},
    {"role": "assistant", "content": "", "finish_reason": "tool_calls", "tool_calls": CALL},
    {"role": "tool", "tool_call_id": "c1", "content": "marsupial"},
    {"role": "assistant", "content": "A marsupial."},
]
HERMES_SAID = ["What is a quokka?", "", "marsupial", "A marsupial."]


def hermes_transcript(folder: Path) -> Path:
    lines = [line | {"timestamp": "2026-03-01T09:00:05.1"} for line in HERMES_TALK]
    return write(
        folder / "sessions" / f"{HERMES}.jsonl", {"role": "session_meta", "model": "m", "tools": []}, *lines
    )


def hermes_log(folder: Path) -> Path:
    path = folder / "sessions" / f"session_{HERMES}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    times = {"session_start": "2026-03-01T09:00:00", "last_updated": "2026-03-01T09:05:00"}
    log = {
        "session_id": HERMES,
        "model": "m",
        "platform": "cli",
        "tools": [],
        **times,
        "messages": HERMES_TALK,
    }
    path.write_text(json.dumps(log, indent=2))
    return path


def hermes_database(folder: Path) -> Path:
    path = folder / "state.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
          CREATE TABLE schema_version (version);
          CREATE TABLE sessions (id, source, model, started_at, input_tokens, output_tokens);
          CREATE TABLE messages (id, session_id, role, content, tool_call_id, tool_calls, finish_reason, timestamp);
        """)
        connection.execute("INSERT INTO sessions VALUES (?, 'cli', 'm', 1772355600.0, 300, 40)", (HERMES,))
        for number, line in enumerate(HERMES_TALK):
            calls = json.dumps(line["tool_calls"]) if "tool_calls" in line else None
            row = (
                number,
                HERMES,
                line["role"],
                line["content"],
                line.get("tool_call_id"),
                calls,
                line.get("finish_reason"),
            )
            connection.execute(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, 1772355605.0 + number)
            )
    return path


def hermes_export(folder: Path) -> Path:
    rows = [
        line | {"id": number, "timestamp": 1772355605.0 + number} for number, line in enumerate(HERMES_TALK)
    ]
    session = {
        "id": HERMES,
        "source": "cli",
        "started_at": 1772355600.0,
        "input_tokens": 300,
        "output_tokens": 40,
    }
    return write(folder / "export.jsonl", session | {"messages": rows})


HERMES_STORES = [hermes_transcript, hermes_log, hermes_database, hermes_export]


@pytest.mark.parametrize("first", HERMES_STORES)
@pytest.mark.parametrize("second", HERMES_STORES)
def test_a_hermes_session_is_one_in_any_two_of_its_stores(
    tmp_path: Path, first: Callable[[Path], Path], second: Callable[[Path], Path]
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    files = [first(tmp_path / "a"), second(tmp_path / "b")]

    found = imported(tmp_path / "x.db", files)

    has_tokens = {first, second} & {hermes_database, hermes_export}
    assert list(found) == [HERMES]
    assert found[HERMES].said == HERMES_SAID
    assert [call.name for message in found[HERMES].messages[1:3] for call in message.tool_calls] == [
        "web",
        "web",
    ]
    assert found[HERMES].tokens == ((300, 40) if has_tokens else (None, None))


def test_the_longer_of_two_hermes_files_is_taken_whole_in_either_order(tmp_path: Path) -> None:
    transcript, log = hermes_transcript(tmp_path), hermes_log(tmp_path)
    document = json.loads(log.read_text())
    document["messages"] = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        *HERMES_TALK,
    ]
    log.write_text(json.dumps(document))

    for found in in_any_order([transcript, log], tmp_path):
        assert found[HERMES].said == ["Hello", "Hi", *HERMES_SAID]


# Gemini

GEMINI = "0d9f2f0e-4c1b-4c55-9d0c-0f4a7a3a1b2c"


def test_a_gemini_document_and_the_log_it_became_are_one(tmp_path: Path) -> None:
    header = {
        "sessionId": GEMINI,
        "projectHash": "f" * 64,
        "startTime": MINUTE.format(1),
        "lastUpdated": MINUTE.format(9),
    }
    tokens = {"input": 10, "output": 5, "cached": 4, "thoughts": 0, "tool": 0, "total": 15}
    messages = [
        {"id": "u1", "timestamp": MINUTE.format(2), "type": "user", "content": "Where are the tests?"},
        {
            "id": "g1",
            "timestamp": MINUTE.format(3),
            "type": "gemini",
            "content": "In tests/.",
            "model": "g",
            "tokens": tokens,
        },
    ]
    more = {"id": "u2", "timestamp": MINUTE.format(4), "type": "user", "content": "Run them."}
    chats = tmp_path / "tmp" / "quill" / "chats"
    log = write(chats / "session-2026-03-01T09-01-0d9f2f0e.jsonl", header, *messages, more)
    document = chats / "session-2026-03-01T09-01-0d9f2f0e.json"
    document.write_text(json.dumps(header | {"messages": messages}))

    for found in in_any_order([document, log], tmp_path):
        assert list(found) == [GEMINI]
        assert found[GEMINI].said == ["Where are the tests?", "In tests/.", "Run them."]
        assert found[GEMINI].tokens == (6, 5)


# OpenCode

OPENCODE = "ses_2f1e0d9c8b7aABCDEFGHIJKLMN"
START = 1_780_000_000_000


def opencode_talk() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    counts = {"input": 100, "output": 10, "reasoning": 5, "cache": {"read": 7, "write": 3}}
    state = {
        "status": "completed",
        "input": {"command": "ls"},
        "output": "a.txt",
        "time": {"start": START, "end": START},
    }
    ask = {"id": "msg_1", "role": "user", "time": {"created": START}}
    answer = {
        "id": "msg_2", "role": "assistant", "time": {"created": START + 1, "completed": START + 2},
        "modelID": "m", "providerID": "p", "tokens": counts, "cost": 0.5,
    }  # fmt: skip
    return [
        (ask, [{"id": "prt_1", "type": "text", "text": "Where are the tests?"}]),
        (
            answer,
            [
                {"id": "prt_2", "type": "tool", "tool": "bash", "callID": "c1", "state": state},
                {"id": "prt_3", "type": "text", "text": "In tests/."},
            ],
        ),
    ]


OPENCODE_SESSION = {
    "id": OPENCODE, "projectID": "prj", "directory": "/home/me/shop", "title": "Tests", "version": "1", "slug": "otter",
    "time": {"created": START, "updated": START + 9},
}  # fmt: skip


def opencode_database(folder: Path) -> Path:
    path = folder / "opencode.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
          CREATE TABLE session (id, project_id, slug, directory, title, version, time_created, time_updated);
          CREATE TABLE message (id, session_id, time_created, data);
          CREATE TABLE part (id, message_id, data);
        """)
        row = [OPENCODE_SESSION[key] for key in ("id", "projectID", "slug", "directory", "title", "version")]
        connection.execute("INSERT INTO session VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, START, START + 9))
        for message, parts in opencode_talk():
            values = (message["id"], OPENCODE, message["time"]["created"], json.dumps(message))
            connection.execute("INSERT INTO message VALUES (?, ?, ?, ?)", values)
            for part in parts:
                connection.execute(
                    "INSERT INTO part VALUES (?, ?, ?)", (part["id"], message["id"], json.dumps(part))
                )
    return path


def opencode_tree(folder: Path) -> Path:
    storage = folder / "storage"
    ids = {"sessionID": OPENCODE}
    for message, parts in opencode_talk():
        dump(storage / "message" / OPENCODE / f"{message['id']}.json", message | ids)
        for part in parts:
            own = {"messageID": message["id"], **ids}
            dump(storage / "part" / message["id"] / f"{part['id']}.json", part | own)
    dump(storage / "session" / "prj" / f"{OPENCODE}.json", OPENCODE_SESSION)
    return storage


def opencode_export(folder: Path) -> Path:
    messages = [{"info": message, "parts": parts} for message, parts in opencode_talk()]
    return dump(folder / "export.json", {"info": OPENCODE_SESSION, "messages": messages})


def dump(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def test_an_opencode_session_is_one_in_all_its_stores(tmp_path: Path) -> None:
    stores = [store(tmp_path) for store in (opencode_database, opencode_tree, opencode_export)]

    for found in in_any_order(stores, tmp_path):
        assert list(found) == [OPENCODE]
        assert found[OPENCODE].said == ["Where are the tests?", "In tests/.", "a.txt"]
        assert found[OPENCODE].tokens == (100, 15)
