"""Hermes' logs and its index, as it writes them: one session, in several kinds of file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sessiondb.importers.base import Record, SessionRecord

A = "20260301_090000_a1b2c3d4"
KEY = "agent:main:telegram:dm"
TURN = "2026-03-01T09:00:05.1"
META: dict[str, Any] = {"role": "session_meta", "tools": [{}, {}], "model": "m-1", "platform": "telegram"}
USER: dict[str, Any] = {"role": "user", "content": "What is a quokka?", "timestamp": TURN}
CALL: dict[str, Any] = {
    "role": "assistant",
    "content": "",
    "reasoning": "look it up",
    "finish_reason": "tool_calls",
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "web", "arguments": "{}"}}],
    "timestamp": TURN,
}
ANSWER: dict[str, Any] = {"role": "tool", "tool_call_id": "c1", "content": "marsupial", "timestamp": TURN}
REPLY: dict[str, Any] = {"role": "assistant", "content": "A marsupial.", "reasoning": None, "timestamp": TURN}
LINES = [META, USER, CALL, ANSWER, REPLY]
ENTRY: dict[str, Any] = {
    "session_key": KEY,
    "session_id": A,
    "created_at": "2026-03-01T09:00:00.000001",
    "updated_at": "2026-03-01T09:05:00",
    "display_name": "Ann",
    "platform": "telegram",
    "chat_type": "dm",
    "input_tokens": 300,
    "output_tokens": 40,
    "total_tokens": 340,
    "origin": {
        "platform": "telegram",
        "chat_id": 900,
        "chat_type": "dm",
        "user_name": "Ann",
        "guild_id": "7",
    },
}
LOG: dict[str, Any] = {
    "session_id": A,
    "model": "m-1",
    "base_url": "https://models.example/v1",
    "platform": "cli",
    "session_start": "2026-03-01T08:59:00",
    "last_updated": "2026-03-01T09:05:00Z",
    "system_prompt": "Be kind.",
    "tools": [{}],
    "message_count": 9,
    "cwd": "/home/ann",
    "messages": [USER, {"role": "session_meta"}, CALL, ANSWER],
}


def write(path: Path, *lines: Any, indent: int | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, str) else json.dumps(line, indent=indent) for line in lines]
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def merged(records: list[Record]) -> tuple[dict[str, Any], list[Record]]:
    """Return what the session records say when later ones fill in, and the other records."""
    known: dict[str, Any] = {}
    for record in records:
        if isinstance(record, SessionRecord):
            known |= {key: value for key, value in record._asdict().items() if value not in (None, ())}
    return known, [record for record in records if not isinstance(record, SessionRecord)]
