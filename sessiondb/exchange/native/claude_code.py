"""Claude Code: `projects/<folder>/<id>.jsonl`. It takes the file of a session from its folder, and no other.

Each line has an id and names the one before it; a summary begins a chain of its own, so that what it sums up is not
sent again. Tried with releases 2.1.197 and 2.1.332.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from sessiondb.exchange.native.conversation import Call, Head, Turn, is_uuid, uuid_of

AGENT = "claude-code"
# What the agent itself writes of an answer that no model gave. Without a model it never answers.
_NO_MODEL = "<synthetic>"


def new_id() -> str:
    """Return an id for a session."""
    return str(uuid4())


def takes(native_id: str) -> bool:
    """Say whether the agent takes an id: anything but a UUID is a title to it."""
    return is_uuid(native_id)


def find(native_id: str, places: Sequence[Path]) -> Path | None:
    """Return the agent's file of a session."""
    found = (path for place in places for path in place.glob(f"*/{native_id}.jsonl"))
    return next(found, None)


def path_of(head: Head) -> Path:
    """Return where the agent looks for a session: in its older folder, unless only the other one is there."""
    place = next((place for place in head.places if os.path.isdir(place)), head.places[0])
    return place / re.sub(r"[^A-Za-z0-9]", "-", head.folder) / f"{head.native_id}.jsonl"


def lines(head: Head, turns: Iterable[Turn]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a session."""
    envelope = {"isSidechain": False, "userType": "external", "cwd": head.folder, "sessionId": head.native_id}
    envelope["version"] = _last(head.metadata.get("version")) or "2.1.0"
    above: str | None = None
    if head.title:
        yield {"type": "custom-title", "customTitle": head.title, "sessionId": head.native_id}
    for turn in turns:
        uuid = uuid_of(turn)
        line = {"parentUuid": None if turn.is_summary else above, **envelope, "type": turn.role}
        line |= {"message": _message(turn), "uuid": uuid, "timestamp": turn.at}
        yield {**line, "isCompactSummary": True} if turn.is_summary else line
        above = uuid
        for number, call in enumerate(turn.calls):
            uuid = uuid_of(turn, f"answer {number}")
            message = {"role": "user", "content": [_answer(call)]}
            line = {"parentUuid": above, **envelope, "type": "user", "message": message}
            yield line | {"uuid": uuid, "timestamp": call.returned_at}
            above = uuid


def _message(turn: Turn) -> dict[str, Any]:
    if turn.role == "user":
        return {"role": "user", "content": turn.text}
    blocks: list[dict[str, Any]] = [{"type": "text", "text": turn.text}] if turn.text.strip() else []
    blocks += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": call.object} for call in turn.calls
    ]
    # The agent puts lines together whose messages have one id, or all of them none.
    message = {"id": turn.id, "type": "message", "role": "assistant"}
    return {**message, "model": turn.model or _NO_MODEL, "content": blocks}


def _answer(call: Call) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": call.id, "content": call.result}
    return {**block, "is_error": True} if call.is_error else block


def _last(values: Any) -> str | None:
    found = values[-1] if isinstance(values, list) and values else values
    return found if isinstance(found, str) else None
