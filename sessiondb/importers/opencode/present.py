"""Turn a row of OpenCode's `session_message` into what exports have: the message's own fields, and its parts.

A row is a message as a whole, of a type: `user`, `assistant`, `synthetic` (what the program says in the user's
place), `shell` (a command that the user ran), `compaction`, and changes of agent or model, which say nothing.
"""

from __future__ import annotations

from typing import Any

from sessiondb.chat.content import json_text, text_or_none
from sessiondb.importers.opencode.parts import field

Message = tuple[dict[str, Any], list[Any]]
_TAKEN = frozenset(("text", "content", "files", "agents", "model", "command", "output", "summary"))


def message(kind: Any, data: dict[str, Any]) -> Message | None:
    """Return info and parts of a message, None for a row that is none."""
    info = {key: value for key, value in data.items() if key not in _TAKEN}
    if kind == "user":
        files = data.get("files")
        rest = (
            [{**one, "type": "file"} for one in files if isinstance(one, dict)]
            if isinstance(files, list)
            else []
        )
        return {**info, "role": "user"}, [*_text(data.get("text")), *rest]
    if kind == "synthetic":
        return {**info, "role": "user"}, [{**part, "synthetic": True} for part in _text(data.get("text"))]
    if kind == "shell":
        said = "\n".join(text for key in ("command", "output") if (text := text_or_none(data.get(key))))
        return {**info, "role": "user"}, [{**part, "synthetic": True} for part in _text(said)]
    if kind == "compaction":
        return {**info, "role": "assistant", "summary": True}, _text(data.get("summary") or data.get("text"))
    if kind == "assistant":
        content = data.get("content")
        known = {"modelID": field(data, "model", "id"), "providerID": field(data, "model", "providerID")}
        parts = [_part(block) for block in content] if isinstance(content, list) else _text(content)
        return {**info, **known, "role": "assistant"}, parts
    return None


def _text(text: Any) -> list[Any]:
    return [{"type": "text", "text": text}] if isinstance(text, str) and text else []


def _part(block: Any) -> Any:
    """Return a block of an answer as a part: tools have their times beside their state, and blocks for an output."""
    if not isinstance(block, dict) or block.get("type") != "tool":
        return block
    state, time = block.get("state"), block.get("time")
    state = dict(state) if isinstance(state, dict) else {}
    blocks = state.pop("content", None)
    texts = [field(one, "text") for one in blocks] if isinstance(blocks, list) else []
    said = "\n".join(text for text in texts if isinstance(text, str))
    state.setdefault("output", said or (json_text(blocks) if blocks else None))
    error = state.get("error")
    if isinstance(error, dict):
        state["error"] = text_or_none(error.get("message")) or json_text(error)
    state["time"] = {"start": field(time, "created"), "end": field(time, "completed")}
    state.setdefault("metadata", state.pop("structured", None))
    return {**block, "tool": block.get("name") or block.get("tool"), "state": state}
