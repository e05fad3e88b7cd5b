"""Droid's sessions: messages, reminders in prompts, and the sums that its settings have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sessiondb.importers import droid
from sessiondb.importers.base import MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.ingest.discovery import is_candidate
from tests.helpers.golden import assert_owed
from tests.helpers.records import of

SESSION = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
SETTINGS = {
    "model": "m",
    "tokenUsage": {
        "inputTokens": 60,
        "outputTokens": 20,
        "cacheReadTokens": 40,
        "cacheCreationTokens": 5,
        "thinkingTokens": 8,
    },
}


def message(number: int, role: str, *blocks: Any) -> dict[str, Any]:
    at = f"2026-10-01T08:00:{number:02}.000Z"
    content = [{"type": "text", "text": one} if isinstance(one, str) else one for one in blocks]
    return {
        "type": "message",
        "id": f"m{number}",
        "timestamp": at,
        "message": {"role": role, "content": content},
    }


LOG = [
    {"type": "session_start", "id": SESSION, "title": "Dry beds", "cwd": "/garden", "owner": "user"},
    message(1, "user", "<system-reminder>\nBe brief.\n</system-reminder>\n\nWhich bed is dry?"),
    message(
        2,
        "assistant",
        {"type": "thinking", "thinking": "Look."},
        {"type": "tool_use", "id": "t1", "name": "Execute", "input": {"command": "ls"}},
    ),
    message(3, "user", {"type": "tool_result", "tool_use_id": "t1", "content": "dry", "is_error": False}),
    {"type": "todo_state", "id": "x"},
    message(4, "assistant", "The left one."),
]


def write(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def test_lines_become_messages_calls_and_answers(tmp_path: Path) -> None:
    path = write(tmp_path / f"{SESSION}.jsonl", LOG)
    assert_owed(droid, path)
    found = list(droid.read(Source(path)))
    told = [one for one in of(SessionRecord, found) if one.title]
    assert [(one.id, one.title, one.project) for one in told] == [(SESSION, "Dry beds", "/garden")]
    assert [(one.role, one.content) for one in of(MessageRecord, found)] == [
        ("system", "<system-reminder>\nBe brief.\n</system-reminder>"),
        ("user", "Which bed is dry?"),
        ("assistant", None),
        ("assistant", "The left one."),
    ]
    assert [(one.call_id, one.result, one.is_error) for one in of(ToolResult, found)] == [
        ("t1", "dry", False)
    ]
    assert of(TokenRecord, found) == []


def test_the_settings_beside_have_the_model_and_the_tokens(tmp_path: Path) -> None:
    path = write(tmp_path / f"{SESSION}.jsonl", LOG)
    beside = path.with_name(f"{SESSION}.settings.json")
    beside.write_text(json.dumps(SETTINGS), "utf-8")
    found = list(droid.read(Source(path)))
    (count,) = of(TokenRecord, found)
    assert (count.input, count.cache_read, count.cache_write, count.output, count.reasoning) == (
        60,
        40,
        5,
        20,
        8,
    )
    assert (count.model, count.counted_at) == ("m", "2026-10-01T08:00:04.000Z")
    assert of(SessionRecord, found)[-1].model == "m"
    assert not is_candidate(beside.name)
