"""Grok's sessions: items without times, and the summary beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sessiondb import SessionDB
from sessiondb.importers import grok
from sessiondb.importers.base import MessageRecord, SessionRecord, ToolResult
from sessiondb.importers.files.source import Source
from sessiondb.ingest.run import Ingest
from tests.helpers.golden import assert_owed
from tests.helpers.records import of

SESSION = "5b0e7c1d-3f52-4f0e-9d55-0c4f6f1f2a10"
SUMMARY = {
    "info": {"id": SESSION, "cwd": "/garden"},
    "generated_title": "Dry beds",
    "created_at": "2026-10-01T08:00:00.5Z",
    "last_active_at": "2026-10-01T08:05:00Z",
    "current_model_id": "grok-4.5",
    "head_branch": "main",
    "chat_format_version": 1,
}


def answer(text: str, *calls: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "assistant",
        "content": text,
        "tool_calls": list(calls),
        "model_id": "grok-4.5",
        "model_fingerprint": "fp",
    }


def thought(words: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": words}]}


def prompt(number: int, words: str) -> dict[str, Any]:
    return {"type": "user", "content": [{"type": "text", "text": words}], "prompt_index": number}


LOG = [
    {"type": "system", "content": "You are Grok."},
    {
        "type": "user",
        "content": [{"type": "text", "text": "<user_info>linux</user_info>"}],
        "synthetic_reason": "environment_context",
    },
    prompt(0, "Which bed is dry?"),
    thought("Look."),
    answer("", {"id": "c1", "name": "read_file", "arguments": '{"path":"beds.md"}'}),
    {"type": "tool_result", "tool_call_id": "c1", "content": "dry"},
    {
        "type": "backend_tool_call",
        "kind": {"tool_type": "web_search", "id": "ws", "action": {"query": "beds"}},
    },
    answer("The left one."),
    prompt(1, "Which bed is dry?"),
    answer("The left one."),
    thought("He may ask again."),
    prompt(2, "Thanks"),
]


def write(folder: Path, lines: list[Any]) -> Path:
    path = folder / SESSION / "chat_history.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (path.parent / "summary.json").write_text(json.dumps(SUMMARY, indent=1), "utf-8")
    return path


def test_what_stands_before_an_answer_belongs_to_it(tmp_path: Path) -> None:
    path = write(tmp_path, LOG)
    assert_owed(grok, path)
    found = list(grok.read(Source(path)))
    (session,) = of(SessionRecord, found)
    assert (session.id, session.title, session.project, session.model) == (
        SESSION,
        "Dry beds",
        "/garden",
        "grok-4.5",
    )
    assert (session.started_at, session.last_active_at) == (
        "2026-10-01T08:00:00.500Z",
        "2026-10-01T08:05:00.000Z",
    )
    assert session.metadata == {"git_branch": ["main"]}
    messages = of(MessageRecord, found)
    assert [(one.role, one.content, one.reasoning) for one in messages] == [
        ("system", "<user_info>linux</user_info>", None),
        ("user", "Which bed is dry?", None),
        ("assistant", None, "Look."),
        ("assistant", "The left one.", None),
        ("user", "Which bed is dry?", None),
        ("assistant", "The left one.", None),
        ("assistant", None, "He may ask again."),
        ("user", "Thanks", None),
    ]
    calls = [(call.call_id, call.name) for one in messages for call in one.tool_calls]
    assert calls == [("c1", "read_file"), ("ws", "web_search")]
    assert [(one.call_id, one.result) for one in of(ToolResult, found)] == [("c1", "dry")]
    assert len({one.external_id for one in messages}) == len(messages)


def test_a_folder_is_imported_without_a_word_about_the_summary(tmp_path: Path) -> None:
    write(tmp_path, LOG)
    with SessionDB(tmp_path / "x.db") as db:
        report = Ingest(db.connection).run([str(tmp_path / SESSION)])
        assert (report.skipped, report.sessions_added) == ([], {SESSION})
        assert Ingest(db.connection).run([str(tmp_path / SESSION)]).messages_added == 0
