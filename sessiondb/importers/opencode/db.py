"""Read OpenCode's database: sessions, messages and parts, one row each, all but the keys as JSON.

Later releases keep a message with all its parts as one row of `session_message`, and sessions in `session_v2`;
see present.py. A session may have begun in the old tables and gone on in the new ones.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from sessiondb.chat.content import text_or_none
from sessiondb.chat.text import clean_json
from sessiondb.importers.base import Record
from sessiondb.importers.files.source import Source
from sessiondb.importers.opencode import present
from sessiondb.importers.opencode.messages import Conversation, agent_of
from sessiondb.importers.opencode.parts import moment_of, number

_SESSION = {"id", "title", "time_created"}
_SESSIONS = ("session_v2", "session")
_OLD = {
    "message": {"id", "session_id", "time_created", "data"},
    "part": {"id", "message_id", "data"},
}
_PRESENT = {"session_message": {"id", "session_id", "type", "data"}}


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
    has_sessions = any(tables.get(table, frozenset()) >= _SESSION for table in _SESSIONS)
    return has_sessions and (_has(tables, _OLD) or _has(tables, _PRESENT))


def _has(tables: Mapping[str, frozenset[str]], wanted: Mapping[str, set[str]]) -> bool:
    return all(columns <= tables.get(table, frozenset()) for table, columns in wanted.items())


def read(source: Source, connection: sqlite3.Connection) -> Iterator[Record]:
    """Yield the records of all sessions, the oldest first, so that a fork comes after what it repeats."""
    scope = str(source.path.absolute().parent)
    agent = agent_of(source.path)
    known = tables(connection)
    store = _Messages(source, connection, known)
    for row in _sessions(connection, known):
        messages = store.of_session(row["id"])
        first = next(messages, None)
        conversation = Conversation(_info(row), first[1] if first else {}, scope, source, agent)
        yield conversation.session
        for message_id, info, parts in chain([first] if first else [], messages):
            yield from conversation.message(message_id, info, parts)
        yield from conversation.end()


def _sessions(connection: sqlite3.Connection, known: Mapping[str, frozenset[str]]) -> list[dict[str, Any]]:
    """Return the rows of all sessions, the oldest first; one that is in both tables as the newer one has it."""
    found: dict[Any, dict[str, Any]] = {}
    for table in _SESSIONS:
        if known.get(table, frozenset()) >= _SESSION:
            for row in connection.execute(f"SELECT * FROM {table}"):
                found.setdefault(row["id"], dict(row))
    return sorted(found.values(), key=lambda row: (number(row["time_created"]), str(row["id"])))


class _Messages:
    """The messages of a database, each with its id, in the shape of an export: info and parts."""

    def __init__(
        self, source: Source, connection: sqlite3.Connection, known: Mapping[str, frozenset[str]]
    ) -> None:
        self._source = source
        self._connection = connection
        self._has_old = _has(known, _OLD)
        columns = known.get("session_message", frozenset())
        self._order = ", ".join(name for name in ("seq", "time_created", "id") if name in columns)
        self._has_present = _has(known, _PRESENT)

    def of_session(self, session: Any) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
        """Yield the messages of a session, in their order."""
        last = -1.0
        for id, info, parts in self._old(session) if self._has_old else ():
            last = max(last, moment_of(info))
            yield id, info, parts
        for id, info, parts in self._present(session) if self._has_present else ():
            # Up to where the old tables end, the new one may have the same once more.
            if moment_of(info) > last:
                yield id, info, parts

    def _old(self, session: Any) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
        messages = "SELECT id, data FROM message WHERE session_id = ? ORDER BY time_created, id"
        parts = "SELECT id, data FROM part WHERE message_id = ? ORDER BY id"
        for id, data in self._connection.execute(messages, (session,)):
            info = _object(self._source, f"message {id}", data)
            if info is not None:
                rows = self._connection.execute(parts, (id,))
                found = (_object(self._source, f"part {part}", data, part) for part, data in rows)
                yield str(id), info, [part for part in found if part is not None]

    def _present(self, session: Any) -> Iterator[tuple[str, dict[str, Any], list[Any]]]:
        query = f"SELECT id, type, data FROM session_message WHERE session_id = ? ORDER BY {self._order}"
        for id, kind, data in self._connection.execute(query, (session,)):
            value = _object(self._source, f"message {id}", data)
            message = None if value is None else present.message(kind, value)
            if message is not None:
                yield str(id), *message


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
        return clean_json(json.loads(text))
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


def holds(database: Path, session: str) -> bool:
    """Say whether a database of OpenCode has a session. Raises ImportFailed where it cannot be read."""
    with Source(database).sqlite() as connection:
        known = tables(connection)
        found = (
            connection.execute(f"SELECT 1 FROM {table} WHERE id = ?", (session,)).fetchone()
            for table in _SESSIONS
            if known.get(table, frozenset()) >= _SESSION
        )
        return any(row is not None for row in found)


def latest_model(database: Path) -> tuple[str, str] | None:
    """Return the model of the session that was last active, and its provider. Raises ImportFailed as `holds` does."""
    with Source(database).sqlite() as connection:
        known = tables(connection)
        for table in _SESSIONS:
            if known.get(table, frozenset()) >= {"model", "time_updated"}:
                rows = connection.execute(
                    f"SELECT model FROM {table} WHERE model <> '' ORDER BY time_updated DESC"
                )
                for row in rows:
                    model = _decoded(row[0])
                    if model is not None:
                        return model
    return None


def _decoded(text: Any) -> tuple[str, str] | None:
    try:
        value = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    model = text_or_none(value.get("id")) if isinstance(value, dict) else None
    provider = text_or_none(value.get("providerID")) if isinstance(value, dict) else None
    return (model, provider) if model and provider else None
