"""Copilot CLI: `session-state/<id>/events.jsonl`, found from any folder. Tried with 1.0.102."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from sessiondb.exchange.native.conversation import Call, Head, Turn, is_uuid, uuid_of

AGENT = "copilot-cli"
_VERSION = "1.0.102"


def new_id() -> str:
    """Return an id for a session."""
    return str(uuid4())


def takes(native_id: str) -> bool:
    """Say whether the agent takes an id: it is a UUID."""
    return is_uuid(native_id)


def find(native_id: str, places: Sequence[Path]) -> Path | None:
    """Return the agent's file of a session."""
    names = (f"{native_id}/events.jsonl", f"{native_id}.jsonl")
    return next((path for place in places for name in names if os.path.exists(path := place / name)), None)


def path_of(head: Head) -> Path:
    """Return where the agent looks for a session."""
    return head.places[0] / head.native_id / "events.jsonl"


def lines(head: Head, turns: Iterable[Turn]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a session, each of which names the one before it."""
    above: str | None = None
    for type, data, id, at in _events(head, turns):
        yield {"type": type, "data": data, "id": id, "timestamp": at, "parentId": above}
        above = id


def _events(head: Head, turns: Iterable[Turn]) -> Iterator[tuple[str, dict[str, Any], str, str]]:
    version = head.metadata.get("copilotVersion") or _VERSION
    start = {
        "sessionId": head.native_id,
        "version": 1,
        "producer": "copilot-agent",
        "copilotVersion": version,
    }
    context = {"cwd": head.folder} if head.folder else {}
    yield (
        "session.start",
        {**start, "startTime": head.started_at, "context": context},
        str(uuid4()),
        head.started_at,
    )
    for turn in turns:
        if turn.role == "user":
            yield "user.message", {"content": turn.text}, uuid_of(turn), turn.at
            continue
        requests = [
            {"toolCallId": call.id, "name": call.name, "arguments": call.object, "type": "function"}
            for call in turn.calls
        ]
        data = {"messageId": uuid_of(turn, "message"), "content": turn.text, "toolRequests": requests}
        yield "assistant.message", data, uuid_of(turn), turn.at
        for number, call in enumerate(turn.calls):
            begun = {"toolCallId": call.id, "toolName": call.name, "arguments": call.object}
            yield "tool.execution_start", begun, uuid_of(turn, f"begun {number}"), call.called_at
            yield (
                "tool.execution_complete",
                _answer(call),
                uuid_of(turn, f"answer {number}"),
                call.returned_at,
            )


def _answer(call: Call) -> dict[str, Any]:
    answer: dict[str, Any] = {"toolCallId": call.id, "success": not call.is_error}
    if call.is_error:
        return answer | {"error": {"message": call.result, "code": "failure"}}
    return answer | {"result": {"content": call.result}}
