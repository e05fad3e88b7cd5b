"""Read OpenCode's database: sessions, messages and parts, one row each, all but the keys as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sessiondb.chat.content import clean, text_or_none
from sessiondb.importers.base import Record
from sessiondb.importers.files.source import Source
from sessiondb.importers.opencode.messages import Conversation, Replays, agent_of

_COLUMNS = {
    "session": {"id", "title", "time_created"},
    "message": {"id", "session_id", "time_created", "data"},
    "part": {"id", "message_id", "data"},
}


def tables(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Return the tables of a database and their columns."""
    rows = connection.execute(
        "SELECT m.name, c.name FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    )
    found: dict[str, set[str]] = {}
    for table, column in rows:
        found.setdefault(table, set()).add(column)
    return {table: frozenset(columns) for table, columns in found.items()}


def fits(tables: Mapping[str, frozenset[str]]) -> bool:
    """Say whether a database with these tables and columns is OpenCode's."""
    return all(columns <= tables.get(table, frozenset()) for table, columns in _COLUMNS.items())


def read(source: Source, connection: sqlite3.Connection) -> Iterator[Record]:
    """Yield the records of all sessions, the oldest first, so that a fork comes after what it repeats."""
    scope = str(source.path.absolute().parent)
    replays: Replays = {}
    agent = agent_of(source.path)
    messages = "SELECT id, data FROM message WHERE session_id = ? ORDER BY time_created, id"
    parts = "SELECT id, data FROM part WHERE message_id = ? ORDER BY id"
    for row in connection.execute("SELECT * FROM session ORDER BY time_created, id"):
        conversation = Conversation(_info(dict(row)), scope, source, replays, agent)
        yield conversation.session
        for message_id, data in connection.execute(messages, (row["id"],)):
            info = _object(source, f"message {message_id}", data)
            if info is not None:
                rows = connection.execute(parts, (message_id,))
                found = (_object(source, f"part {part_id}", data, part_id) for part_id, data in rows)
                kept = [part for part in found if part is not None]
                yield from conversation.message(str(message_id), info, kept)
        yield from conversation.end()


def _object(source: Source, what: str, data: Any, part_id: Any = None) -> dict[str, Any] | None:
    """Decode a JSON object, and give it its row's id; report what is none."""
    value = decode(data)
    if isinstance(value, dict):
        return value if part_id is None else {**value, "id": part_id}
    source.problem(f"{what} is not a JSON object", whole=True)
    return None


def decode(data: Any) -> Any:
    """Return the value of a JSON column, cleaned; None where it is no JSON."""
    if not isinstance(data, str | bytes):
        return None
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        if "\\u0000" not in text:
            return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        pass  # the slow way reads what the fast one refuses, such as half a surrogate pair
    try:
        return clean(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _info(row: dict[str, Any]) -> dict[str, Any]:
    """Return a session's row in the shape that it has in exports and in the tree."""
    summary = {kind: row.get(f"summary_{kind}") for kind in ("additions", "deletions", "files")}
    return {
        "id": text_or_none(row["id"]) or "",
        "projectID": row.get("project_id"),
        "parentID": row.get("parent_id"),
        "workspaceID": row.get("workspace_id"),
        "directory": row.get("directory"),
        "path": row.get("path"),
        "slug": row.get("slug"),
        "title": row["title"],
        "version": row.get("version"),
        "agent": row.get("agent"),
        "model": decode(row.get("model")),
        "revert": decode(row.get("revert")),
        "share": {"url": row.get("share_url")},
        "summary": summary,
        "time": {
            "created": row["time_created"],
            "updated": row.get("time_updated"),
            "archived": row.get("time_archived"),
        },
    }
