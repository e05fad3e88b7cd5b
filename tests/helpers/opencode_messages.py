"""OpenCode's messages and parts, as all of its stores hold them."""

from __future__ import annotations

from typing import Any

SES = "ses_2f1e0d9c8b7aABCDEFGHIJKLMN"
START = 1_780_000_000_000
Message = tuple[dict[str, Any], list[dict[str, Any]]]


def reply(number: int, *parts: dict[str, Any], **more: Any) -> Message:
    fields = {
        "id": f"msg_{number}",
        "role": "assistant",
        "time": {"created": START + number * 1000, "completed": START + number * 1000 + 500},
        "modelID": "m-1",
        "providerID": "p-1",
        "path": {"cwd": "/home/me/shop", "root": "/home/me/shop"},
    }
    return {**fields, **more}, list(parts)


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def tool(call_id: str, **state: Any) -> dict[str, Any]:
    given = {
        "status": "completed",
        "input": {"command": "ls"},
        "output": "a.txt",
        "time": {"start": START, "end": START + 2500},
    }
    return {"type": "tool", "tool": "bash", "callID": call_id, "state": {**given, **state}}
