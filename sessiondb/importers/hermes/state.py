"""Hermes' database `state.db`, and its export: JSON lines of one session each, with the same fields."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from sessiondb.chat.content import text_or_none
from sessiondb.chat.text import clean_json
from sessiondb.importers.base import Record, SessionRecord
from sessiondb.importers.files.source import Source
from sessiondb.importers.hermes.compaction import written_again
from sessiondb.importers.hermes.index import entry_metadata, is_entry
from sessiondb.importers.hermes.messages import Conversation
from sessiondb.importers.hermes.sessions import (
    AGENT,
    DATABASE,
    EXPORT,
    channel,
    digest,
    mapping,
    rest,
    session_id,
    total_tokens,
)
from sessiondb.records.sessions import Relation
from sessiondb.timestamps import normalise

_FURTHER = (
    *("cost_status", "billing_provider", "git_branch", "git_repo_root", "api_call_count", "profile_name"),
    *("archived", "pinned", "hidden"),
)
_MARKS: tuple[tuple[str, Relation], ...] = (
    ("_branched_from", "fork"),
    ("_delegate_from", "subagent"),
    ("_reset_from", "reset"),
)
_ENDED_BY_RESET = frozenset(
    ("session_reset", "session_switch", "idle", "daily", "suspended", "resume_pending_expired")
)


def is_export(line: Mapping[str, Any]) -> bool:
    """Say whether an object is an exported session."""
    started_at = line.get("started_at")
    numeric = isinstance(started_at, int | float) and not isinstance(started_at, bool)
    return numeric and isinstance(line.get("messages"), list) and "id" in line and "source" in line


def read_state(source: Source) -> Iterator[Record]:
    """Yield the sessions of a database with their messages, compacted ones included, undone ones not.

    Columns came one by one (schema versions 6 to 30), so rows are read by name. A session that the gateway's
    routing table calls a conversation's current one is open, unless it was ended.

    Raises ImportFailed where the file cannot be read.
    """
    with source.sqlite() as connection:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        routes, columns = _routes(connection), _columns(connection, "messages")
        messages = f"SELECT * FROM messages WHERE session_id = ?{_shown(connection)} ORDER BY timestamp, id"
        parents: dict[str, dict[str, Any]] = {}
        for row in _rows(connection, "SELECT * FROM sessions WHERE id IS NOT NULL ORDER BY started_at, id"):
            native_id = str(row["id"])
            session = _session(source, row, routes.get(native_id, {}), parents)
            parents[native_id] = {key: row.get(key) for key in ("end_reason", "session_key")}
            again = written_again(connection, columns, row["id"])
            rows = (one for one in _rows(connection, messages, row["id"]) if one.get("id") not in again)
            yield from _records(source, session._replace(authority=DATABASE), row, rows)


def read_export(source: Source) -> Iterator[Record]:
    """Yield the sessions of an export; the line of a chain of compacted sessions has each in `segments`."""
    for line in source.json_lines(lambda raw: clean_json(msgspec.json.decode(raw)), lambda value: value):
        rows = line.get("segments") or [line] if isinstance(line, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) and is_export(row) for row in rows):
            source.problem("not an exported session: it lacks one of id, source, started_at, messages")
            continue
        parents = {text_or_none(row["id"]) or "": row for row in rows}
        for row in rows:
            session = _session(source, row, {}, parents)
            yield from _records(source, session._replace(authority=EXPORT), row, row["messages"])


def _records(
    source: Source, session: SessionRecord, row: Mapping[str, Any], messages: Iterable[Any]
) -> Iterator[Record]:
    yield session
    conversation = Conversation(source, session.id, distinct=True)
    latest = None
    for number, message in enumerate(messages, start=1):
        for record in conversation.records(message, f"session {session.native_id}, message {number}"):
            latest = record.created_at or latest
            yield record
    counted_at = latest or session.last_active_at or session.ended_at or session.started_at
    tokens = total_tokens(session.id, session.native_id, row)
    if tokens:
        yield tokens._replace(model=session.model, counted_at=counted_at)


def _session(
    source: Source, row: Mapping[str, Any], route: Mapping[str, Any], parents: Mapping[str, Mapping[str, Any]]
) -> SessionRecord:
    native_id = text_or_none(row.get("id")) or ""
    parent = text_or_none(row.get("parent_session_id"))
    origin = mapping(row.get("origin_json")) or mapping(route.get("origin"))
    ended_at = normalise(row.get("ended_at"), source.tz)
    marks = [mark for mark, _ in _MARKS]
    further = {key: row.get(key) for key in _FURTHER}
    further["model_config"] = rest(mapping(row.get("model_config")), marks)
    further["system_prompt"] = digest(row.get("system_prompt"))
    return SessionRecord(
        session_id(native_id, source.path),
        AGENT,
        native_id,
        key=text_or_none(row.get("session_key")) or text_or_none(route.get("session_key")),
        project=text_or_none(row.get("cwd")),
        channel=channel(origin, row, row.get("source")),
        parent_id=session_id(parent, source.path) if parent else None,
        relation=_relation(row, parent, parents.get(parent)) if parent else None,
        title=text_or_none(row.get("title"))
        or text_or_none(row.get("display_name"))
        or text_or_none(route.get("display_name")),
        model=text_or_none(row.get("model")),
        started_at=normalise(row.get("started_at"), source.tz),
        last_active_at=normalise(row.get("last_activity_at") or row.get("last_active"), source.tz),
        ended_at=ended_at,
        end_reason=text_or_none(row.get("end_reason")),
        is_open=True if route and ended_at is None else None,
        metadata={**(entry_metadata(route) or {}), **rest(further, ())} or None,
    )


def _relation(row: Mapping[str, Any], parent_id: str, parent: Mapping[str, Any] | None) -> Relation | None:
    """Return what a session is to its parent; None where the parent's own row is needed to tell.

    A mark counts only where it names this parent: a continuation inherits those of the session it continues.
    """
    config = mapping(row.get("model_config"))
    for mark, relation in _MARKS:
        if config.get(mark) == parent_id:
            return relation
    if row.get("source") == "subagent":
        return "subagent"
    if parent is None:
        return None
    reason = text_or_none(parent.get("end_reason"))
    if reason == "compression":
        return "continuation"
    if reason == "branched":
        return "fork"
    key = text_or_none(row.get("session_key"))
    if reason in _ENDED_BY_RESET and key and key == parent.get("session_key"):
        return "reset"
    # Databases without marks: what neither continues, branches nor resets was handed a task.
    return "subagent"


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _rows(connection: sqlite3.Connection, query: str, *parameters: Any) -> Iterator[dict[str, Any]]:
    for row in connection.execute(query, parameters):
        yield {
            key: clean_json(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
            for key, value in zip(row.keys(), row, strict=True)
        }


def _shown(connection: sqlite3.Connection) -> str:
    """Return the condition that leaves out undone messages: they are inactive, and were not compacted."""
    present = _columns(connection, "messages")
    if "active" not in present:
        return ""
    return " AND (active = 1 OR compacted = 1)" if "compacted" in present else " AND active = 1"


def _routes(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """Return the gateway's routing entries by the session that they name."""
    if "entry_json" not in _columns(connection, "gateway_routing"):
        return {}
    entries = (
        mapping(row["entry_json"]) for row in _rows(connection, "SELECT entry_json FROM gateway_routing")
    )
    return {str(entry["session_id"]): entry for entry in entries if is_entry(entry)}
