"""Gemini CLI: a chat that it is given with `--session-file`, and makes a session of its own from.

The file lies apart from the agent's own: of two files in its folder whose ids begin alike it may delete both.
Tried with 0.61.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from sessiondb.exchange.native.conversation import Call, Head, Turn, is_uuid
from sessiondb.exchange.native.places import own_file

AGENT = "gemini-cli"


def new_id() -> str:
    """Return an id for a session."""
    return str(uuid4())


def takes(native_id: str) -> bool:
    """Say whether the agent takes an id: it is a UUID."""
    return is_uuid(native_id)


def find(native_id: str, places: Sequence[Path]) -> Path | None:
    """Return the agent's file of a session."""
    for place in places:
        for path in place.glob(f"*/chats/session-*-{native_id[:8]}.json*"):
            if native_id in path.read_text("utf-8", "replace"):
                return path
    return None


def path_of(head: Head) -> Path:
    """Return where the file is put."""
    began = head.started_at[:16].replace(":", "-")
    return own_file(AGENT, f"session-{began}-{head.native_id[:8]}.jsonl")


def lines(head: Head, turns: Iterable[Turn]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a session."""
    chat = {"sessionId": head.native_id, "projectHash": "-", "startTime": head.started_at}
    yield {**chat, "lastUpdated": head.started_at, "kind": "main"}
    for turn in turns:
        message = {"id": turn.id, "timestamp": turn.at, "content": turn.text}
        if turn.role == "user":
            yield {**message, "type": "user"}
            continue
        known = {"model": turn.model, "toolCalls": [_call(call) for call in turn.calls]}
        yield {**message, "type": "gemini", **{key: value for key, value in known.items() if value}}


def _call(call: Call) -> dict[str, Any]:
    key = "error" if call.is_error else "output"
    response = {"id": call.id, "name": call.name, "response": {key: call.result}}
    return {
        "id": call.id,
        "name": call.name,
        "args": call.object,
        "result": [{"functionResponse": response}],
        "status": "error" if call.is_error else "success",
        "timestamp": call.returned_at,
        "resultDisplay": call.result,
    }
