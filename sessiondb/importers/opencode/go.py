"""Read the database of the first OpenCode, a Go program, and of Crush, which it became.

The times are seconds, whatever the schema's comments say. The token counts are what the context held last,
not what was used: they are kept as metadata of the session. The id of a sub-agent's session is that of the
tool call that began it, and unique in its database only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from sessiondb.chat.content import arguments_text, json_text, payload, text_or_none, without_payloads
from sessiondb.importers.base import (
    MessageRecord,
    Record,
    Role,
    SessionRecord,
    ToolCallRecord,
    ToolResult,
    session_id,
)
from sessiondb.importers.files.source import Source
from sessiondb.importers.opencode.db import decode
from sessiondb.importers.opencode.parts import field
from sessiondb.timestamps import normalise

_COLUMNS = {
    "sessions": {"id", "parent_session_id", "title", "created_at"},
    "messages": {"id", "session_id", "role", "parts", "created_at"},
    "goose_db_version": {"version_id"},
}
_OF_THE_RECORD = ("text", "reasoning", "tool_call", "tool_result", "finish")
_FOLDERS = {".opencode": "opencode", ".crush": "crush"}


def fits(tables: Mapping[str, frozenset[str]]) -> bool:
    """Say whether a database with these tables and columns is one of the Go program's."""
    return all(columns <= tables.get(table, frozenset()) for table, columns in _COLUMNS.items())


def read(source: Source, connection: sqlite3.Connection) -> Iterator[Record]:
    """Yield the records of all sessions, the oldest first."""
    query = "SELECT * FROM messages WHERE session_id = ? ORDER BY created_at, rowid"
    # A column that came after the first OpenCode had become Crush: a copy may lie in any folder.
    columns = {row[1] for row in connection.execute("PRAGMA table_info(messages)")}
    agent = "crush" if "provider" in columns else "opencode"
    for row in connection.execute("SELECT * FROM sessions ORDER BY created_at, rowid"):
        session = _session(source, dict(row), agent)
        yield session
        for message in connection.execute(query, (row["id"],)):
            try:
                yield from list(_message(source, session.id, dict(message)))
            except RecursionError:
                source.problem(f"message {message['id']} is nested too deeply", whole=True)


def _session(source: Source, row: dict[str, Any], otherwise: str) -> SessionRecord:
    folder = source.path.absolute().parent
    agent = _FOLDERS.get(folder.name, otherwise)
    native_id, parent = text_or_none(row["id"]) or "", text_or_none(row["parent_session_id"])
    counts = ("prompt_tokens", "completion_tokens", "cost", "summary_message_id")
    return SessionRecord(
        session_id(agent, native_id, str(folder)),
        agent,
        native_id,
        project=str(folder.parent) if folder.name in _FOLDERS else None,
        parent_id=session_id(agent, parent, str(folder)) if parent else None,
        relation="subagent" if parent else None,
        title=text_or_none(row["title"]),
        started_at=normalise(row["created_at"], source.tz),
        metadata={key: row[key] for key in counts if isinstance(row.get(key), str | int | float)} or None,
    )


def _message(source: Source, session: str, row: dict[str, Any]) -> Iterator[Record]:
    parts = decode(row["parts"])
    if not isinstance(parts, list):
        source.problem(f"message {row['id']}: its parts are not a JSON array", whole=True)
        return
    found = [(field(part, "type"), field(part, "data"), part) for part in parts]
    created_at = normalise(row["created_at"], source.tz)
    if row["role"] != "tool":
        yield _spoken(session, row, found)._replace(created_at=created_at)
    answered_at = normalise(row.get("finished_at"), source.tz) or created_at
    for position, (kind, data, _) in enumerate(found):
        if kind == "tool_result":
            yield ToolResult(
                session,
                text_or_none(field(data, "tool_call_id")),
                json_text(without_payloads(field(data, "content"))),
                field(data, "is_error") is True,
                answered_at,
                text_or_none(field(data, "name")),
                f"{row['id']}:{position}",
            )


def _spoken(session: str, row: dict[str, Any], found: list[tuple[Any, Any, Any]]) -> MessageRecord:
    texts = [field(data, "text") for kind, data, _ in found if kind == "text"]
    thoughts = [field(data, "thinking") for kind, data, _ in found if kind == "reasoning"]
    role: Role = "user" if row["role"] == "user" else "assistant" if row["role"] == "assistant" else "system"
    reasons = (field(data, "reason") for kind, data, _ in found if kind == "finish")
    details = {
        "provider": text_or_none(row.get("provider")),
        "kind": "compact_summary" if row.get("is_summary_message") else None,
    }
    return MessageRecord(
        session,
        role,
        "\n\n".join(text for text in texts if isinstance(text, str)) or None,
        text_or_none(row["id"]),
        reasoning="\n\n".join(text for text in thoughts if isinstance(text, str)) or None,
        parts=[_media(part) for kind, _, part in found if kind not in _OF_THE_RECORD] or None,
        model=text_or_none(row.get("model")),
        finish_reason=text_or_none(next(reasons, None)),
        metadata={key: value for key, value in details.items() if value} or None,
        tool_calls=tuple(_tool_call(data) for kind, data, _ in found if kind == "tool_call"),
    )


def _media(part: Any) -> Any:
    """Return a part that is no text; a file holds its bytes as base64, under Go's own field names."""
    data, path = field(part, "data", "Data"), field(part, "data", "Path")
    if not isinstance(data, str):
        return without_payloads(part)
    media_type = text_or_none(field(part, "data", "MIMEType"))
    return {"type": "binary", "path": path, **payload(data, media_type)}


def _tool_call(data: Any) -> ToolCallRecord:
    call_id, name = text_or_none(field(data, "id")), text_or_none(field(data, "name"))
    return ToolCallRecord(call_id, name, arguments_text(without_payloads(field(data, "input"))))
