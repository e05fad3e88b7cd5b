"""Codex: `sessions/YYYY/MM/DD/rollout-<local time>-<id>.jsonl`, found from any folder.

Items are what the model gets, events what the terminal shows. Where its database of threads names a place for the
session, the file must lie there. Tried with 0.171.0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sessiondb.exchange.native.conversation import Call, Head, Turn, is_uuid
from sessiondb.importers.codex.state import rollout_path
from sessiondb.importers.files.packed import SUFFIXES

AGENT = "codex"
_KEPT = ("originator", "cli_version", "source")


def new_id() -> str:
    """Return an id for a session."""
    return str(uuid4())


def takes(native_id: str) -> bool:
    """Say whether the agent takes an id: it is a UUID."""
    return is_uuid(native_id)


def find(native_id: str, places: Sequence[Path]) -> Path | None:
    """Return the agent's file of a session."""
    patterns = [f"rollout-*{native_id}.jsonl{suffix}" for suffix in ("", *SUFFIXES)]
    found = (path for place in _folders(places) for pattern in patterns for path in place.rglob(pattern))
    return next(found, None)


def path_of(head: Head) -> Path:
    """Return where the agent looks for a session."""
    databases = [place for place in head.places if place.suffix == ".sqlite"]
    for database in sorted(databases, reverse=True):
        if (named := rollout_path(database, head.native_id)) is not None:
            return named
    began = datetime.fromisoformat(head.started_at.replace("Z", "+00:00")).astimezone()
    name = f"rollout-{began:%Y-%m-%dT%H-%M-%S}-{head.native_id}.jsonl"
    return _folders(head.places)[0] / f"{began:%Y}" / f"{began:%m}" / f"{began:%d}" / name


def lines(head: Head, turns: Iterable[Turn]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a session."""
    known = {key: value for key in _KEPT if (value := head.metadata.get(key))}
    meta = {"originator": "codex_cli_rs", "cli_version": "0.171.0", "source": "cli", **known}
    meta |= {"id": head.native_id, "timestamp": head.started_at, "cwd": head.folder}
    yield {"timestamp": head.started_at, "type": "session_meta", "payload": meta}
    for turn in turns:
        if turn.is_summary:
            # The agent sends it in place of what was before it, but for some of the prompts.
            yield {"timestamp": turn.at, "type": "compacted", "payload": {"message": turn.text}}
        elif turn.text:
            kind = "input_text" if turn.role == "user" else "output_text"
            content = [{"type": kind, "text": turn.text}]
            yield _item(turn.at, {"type": "message", "role": turn.role, "content": content})
            event = "user_message" if turn.role == "user" else "agent_message"
            payload = {"type": event, "message": turn.text}
            yield {"timestamp": turn.at, "type": "event_msg", "payload": payload}
        # What a model asks for at once stands together: an answer ends its message.
        yield from (_item(call.called_at, _call(call)) for call in turn.calls)
        yield from (_item(call.returned_at, _output(call)) for call in turn.calls)


def _call(call: Call) -> dict[str, Any]:
    known = {"call_id": call.id, "name": call.name}
    if isinstance(call.arguments, str):
        return {"type": "custom_tool_call", "status": "completed", **known, "input": call.arguments}
    return {"type": "function_call", **known, "arguments": json.dumps(call.arguments, ensure_ascii=False)}


def _output(call: Call) -> dict[str, Any]:
    kind = "custom_tool_call_output" if isinstance(call.arguments, str) else "function_call_output"
    return {"type": kind, "call_id": call.id, "output": call.result}


def _item(at: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": at, "type": "response_item", "payload": payload}


def _folders(places: Sequence[Path]) -> list[Path]:
    return [place for place in places if place.suffix != ".sqlite"]
