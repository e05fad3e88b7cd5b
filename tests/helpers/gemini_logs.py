"""Gemini CLI's session files: their header, messages, calls and token counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sessiondb.importers import gemini
from sessiondb.importers.base import MessageRecord, Record
from sessiondb.importers.files.source import Source
from tests.helpers.records import of

SESSION = "0d9f2f0e-4c1b-4c55-9d0c-0f4a7a3a1b2c"
HEADER = {
    "sessionId": SESSION,
    "projectHash": "f" * 64,
    "startTime": "2026-04-29T21:39:22.319Z",
    "lastUpdated": "2026-04-29T21:50:00.000Z",
    "kind": "main",
}
NOON = "2026-04-29T12:00:00.000Z"


def user(message_id: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"id": message_id, "timestamp": NOON, "type": "user", "content": content, **more}


def reply(message_id: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"id": message_id, "timestamp": NOON, "type": "gemini", "content": content, "model": "g-3", **more}


def tokens(**counts: int) -> dict[str, Any]:
    zero = {"input": 0, "output": 0, "cached": 0, "thoughts": 0, "tool": 0, "total": 0}
    return {"tokens": {**zero, **counts}}


def call(call_id: str | None, answer: Any, **more: Any) -> dict[str, Any]:
    response = {"functionResponse": {"id": call_id, "name": "ls", "response": answer}}
    return {
        "id": call_id,
        "name": "ls",
        "args": {"dir": "ü"},
        "result": [response],
        "status": "success",
        **more,
    }


def write(path: Path, lines: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def records(path: Path, **where: Any) -> list[Record]:
    return list(gemini.read(Source(path, **where)))


def said(found: list[Record]) -> list[tuple[str, str | None]]:
    return [(message.role, message.content) for message in of(MessageRecord, found)]
