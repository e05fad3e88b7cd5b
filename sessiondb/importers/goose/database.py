"""Read `sessions.db`: sessions, their messages, and since 2026 what each call of a model took."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from sessiondb.chat.content import text_or_none
from sessiondb.importers.base import MessageRecord, Record, SessionRecord, TokenRecord, session_id
from sessiondb.importers.files.json_lines import object_of
from sessiondb.importers.files.source import Source
from sessiondb.importers.goose.messages import AGENT, DATABASE, Messages, tokens
from sessiondb.importers.line_reader import joined
from sessiondb.importers.opencode.db import decode
from sessiondb.timestamps import normalise

_MESSAGES = frozenset(("content_json", "created_timestamp"))
_LEDGER = frozenset(("session_id", "created_timestamp", "input_tokens", "output_tokens"))
# What a session is called until somebody or something names it.
_NO_TITLE = re.compile(r"(New (session|chat)|CLI Session)( \d+)?", re.IGNORECASE)


def fits(tables: Mapping[str, frozenset[str]]) -> bool:
    """Say whether a database with these tables and columns is Goose's."""
    return "sessions" in tables and tables.get("messages", frozenset()) >= _MESSAGES


def read(source: Source) -> Iterator[Record]:
    """Yield the sessions that have messages, the oldest first."""
    folder = str(source.path.absolute().parent)
    with source.sqlite() as connection:
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        ledger = {row[0] for row in connection.execute("SELECT name FROM pragma_table_info('usage_ledger')")}
        columns = {row[0] for row in connection.execute("SELECT name FROM pragma_table_info('sessions')")}
        order = "created_at, id" if "created_at" in columns else "id"
        for row in connection.execute(f"SELECT * FROM sessions ORDER BY {order}").fetchall():
            known = dict(row)
            session = _session(known, folder)
            found = [*joined(_messages(source, connection, session.id, known["id"]))]
            if any(isinstance(record, MessageRecord) for record in found):
                yield session
                yield from found
                counted = _ledger(connection, session, known["id"]) if ledger >= _LEDGER else []
                yield from _linked(counted, found) if counted else _sums(session, known)


def _session(row: dict[str, Any], folder: str) -> SessionRecord:
    native_id = text_or_none(row["id"]) or "unknown"
    parent = text_or_none(row.get("parent_session_id"))
    title = text_or_none(row.get("name")) or text_or_none(row.get("description"))
    if title and not row.get("user_set_name") and _NO_TITLE.fullmatch(title):
        title = None
    kind, cost = text_or_none(row.get("session_type")), row.get("accumulated_cost")
    details = {
        "provider": text_or_none(row.get("provider_name")),
        "session_type": kind if kind != "user" else None,
        "cost": cost if isinstance(cost, float) else None,
        "archived": bool(row.get("archived_at")),
    }
    return SessionRecord(
        session_id(AGENT, native_id, folder),
        AGENT,
        native_id,
        project=text_or_none(row.get("working_dir")),
        parent_id=session_id(AGENT, parent, folder) if parent else None,
        relation="subagent" if parent else None,
        title=title,
        model=text_or_none(object_of(decode(row.get("model_config_json"))).get("model_name")),
        started_at=_time(row.get("created_at")),
        authority=DATABASE,
        metadata={key: value for key, value in details.items() if value} or None,
    )


def _time(value: Any) -> str | None:
    """Return a time that SQLite wrote, which is UTC where it names no zone."""
    is_bare = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?", value)
    return normalise(f"{value}Z" if is_bare else value)


def _messages(
    source: Source, connection: sqlite3.Connection, session: str, native_id: Any
) -> Iterator[Record]:
    messages = Messages(session, {}, source.tz)
    query = "SELECT * FROM messages WHERE session_id = ? ORDER BY created_timestamp, id"
    for row in connection.execute(query, (native_id,)):
        known = dict(row)
        content = decode(known["content_json"])
        if not isinstance(content, list):
            source.problem(f"message {known.get('id')} of {native_id} has no array of blocks", whole=True)
            continue
        message = {
            "id": known.get("message_id"),
            "role": known.get("role"),
            "created": known["created_timestamp"] or _time(known.get("timestamp")),
            "content": content,
            "metadata": decode(known.get("metadata_json")),
        }
        try:
            yield from list(messages.records(message))
        except RecursionError:
            source.problem(f"message {known.get('id')} of {native_id} is nested too deeply", whole=True)


def _ledger(connection: sqlite3.Connection, session: SessionRecord, native_id: Any) -> list[TokenRecord]:
    query = (
        "SELECT rowid AS number, * FROM usage_ledger WHERE session_id = ? ORDER BY created_timestamp, rowid"
    )
    found = []
    for row in connection.execute(query, (native_id,)):
        counts = dict(row)
        counted = tokens(session.id, f"ledger:{counts.get('id') or counts['number']}", counts)
        if counted is not None:
            at = normalise(counts["created_timestamp"])
            found.append(counted._replace(counted_at=at, model=counted.model or session.model))
    return found


def _sums(session: SessionRecord, row: dict[str, Any]) -> Iterator[TokenRecord]:
    """Yield what a session took in all, for one that was before the ledger."""
    counted = tokens(session.id, "session", row, "accumulated_")
    if counted is not None:
        yield counted._replace(counted_at=_time(row.get("updated_at")), model=session.model)


def _linked(counted: list[TokenRecord], found: list[Record]) -> Iterator[TokenRecord]:
    """Yield the counts, each with the answer of its second."""
    answers: dict[str, list[str]] = {}
    for record in found:
        if isinstance(record, MessageRecord) and record.role == "assistant" and record.created_at:
            answers.setdefault(record.created_at, []).append(record.external_id or "")
    for one in counted:
        at_once = answers.get(one.counted_at or "")
        yield one._replace(message=at_once.pop(0)) if at_once else one
