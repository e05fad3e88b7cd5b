"""What must be true of a database whatever was done to the process that wrote it."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from sessiondb.storage.migrations import SCHEMA_VERSION, schema_objects

_TRUTHS = {
    "integrity": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "foreign keys": "SELECT * FROM pragma_foreign_key_check",
    "numbers without gaps": """
      SELECT session_id FROM messages WHERE session_id <> 'strange'
      GROUP BY 1 HAVING min(seq) <> 1 OR max(seq) <> count(*)""",
    "counted messages": """
      SELECT id FROM sessions AS s WHERE message_count <> (SELECT count(*) FROM messages
        WHERE session_id = s.id AND role IN ('user', 'assistant'))""",
    "counted tool calls": """
      SELECT id FROM sessions AS s WHERE tool_call_count <>
        (SELECT count(*) FROM tool_calls WHERE session_id = s.id)""",
    "nothing left of what is removed": """
      SELECT session_id FROM deletions WHERE session_id IN (SELECT id FROM sessions)""",
}


def faults(path: Path) -> dict[str, Any]:
    """Return what is wrong with a database, read with nothing of ours; a file that is not there is sound."""
    if not path.exists() or path.stat().st_size == 0:
        return {}
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as plain:
        version = plain.execute("PRAGMA user_version").fetchone()[0]
        if version < SCHEMA_VERSION:
            truths = {name: _TRUTHS[name] for name in ("integrity", "foreign keys")}
            return _untrue(plain, truths)
        found = _untrue(plain, _TRUTHS)
        schema = dict(plain.execute("SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view')"))
        wanted = {
            name: made.sql for name, made in schema_objects().items() if made.type in ("trigger", "view")
        }
        if schema != wanted:
            found["triggers and views"] = sorted(set(schema.items()) ^ set(wanted.items()))
        return found | _damaged_indexes(plain)


def _untrue(plain: sqlite3.Connection, truths: dict[str, str]) -> dict[str, Any]:
    rows = {name: plain.execute(sql).fetchall() for name, sql in truths.items()}
    return {name: found for name, found in rows.items() if found}


def _damaged_indexes(plain: sqlite3.Connection) -> dict[str, Any]:
    """Compare each index with its table, but those that say themselves that they are behind."""
    found = {}
    behind = dict(plain.execute("SELECT index_name, pending_from FROM search_state"))
    indexes = "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%fts5%'"
    for (index,) in plain.execute(indexes).fetchall():
        if behind.get(index) is not None:
            continue
        try:
            plain.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")
        except sqlite3.DatabaseError as error:
            found[index] = str(error)
    return found
