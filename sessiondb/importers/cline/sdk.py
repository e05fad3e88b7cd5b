"""Read a session as Cline keeps it today: its messages, and the manifest beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, session_id
from sessiondb.importers.cline.classic import agent_of, times_of
from sessiondb.importers.cline.messages import Conversation
from sessiondb.importers.files.json_lines import object_of, objects_of
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.small import bytes_beside
from sessiondb.importers.files.source import Source
from sessiondb.timestamps import normalise

_ENDING = ".messages.json"
# What follows the id of the session that began a sub-agent in the sub-agent's own.
_CHILD = "__"


def read(source: Source, document: dict[str, Any]) -> Iterator[Record]:
    """Yield one session."""
    path = plain_path(source.path).absolute()
    native_id = text_or_none(document.get("sessionId")) or path.name.removesuffix(_ENDING)
    manifest = _manifest(path, native_id)
    agent, scope = agent_of(path), str(path.parent.parent)
    parent = text_or_none(manifest.get("parent_session_id"))
    if parent is None and _CHILD in native_id:
        parent = native_id.partition(_CHILD)[0]
    id = session_id(agent, native_id, scope)
    messages = objects_of(document.get("messages"))
    first, last = times_of(messages, source)
    started, ended = (normalise(manifest.get(key), source.tz) for key in ("started_at", "ended_at"))
    folder = text_or_none(manifest.get("cwd")) or text_or_none(manifest.get("workspace_root"))
    details = {"provider": manifest.get("provider"), "source": manifest.get("source")}
    session = SessionRecord(
        id,
        agent,
        native_id,
        project=folder,
        parent_id=session_id(agent, parent, scope) if parent else None,
        relation="subagent" if parent else None,
        title=text_or_none(object_of(manifest.get("metadata")).get("title")),
        model=text_or_none(manifest.get("model")),
        started_at=first or started,
        last_active_at=last or ended,
        metadata={key: text for key, value in details.items() if (text := text_or_none(value))} or None,
    )
    yield session
    conversation = Conversation(id, source)
    conversation.model = session.model
    prompt = text_or_none(document.get("system_prompt"))
    if prompt:
        at = session.started_at
        yield MessageRecord(id, "system", prompt, f"{id}:system", at, metadata={"kind": "instructions"})
    for message in messages:
        yield from conversation.records(message)


def _manifest(path: Path, native_id: str) -> dict[str, Any]:
    try:
        return object_of(json.loads(bytes_beside(path.with_name(f"{native_id}.json"))))
    except (OSError, ValueError, RecursionError):
        return {}
