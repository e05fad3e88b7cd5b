"""Make a whole of the rows that could be read: nothing points to what is lost, and what is lost is counted."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from sessiondb import timestamps
from sessiondb.dao.counters import recount_wrong
from sessiondb.dao.forks.transfer import message_ids, renumber
from sessiondb.dao.ledger import READ_AND_LOST
from sessiondb.dao.recovery.source import content_tables
from sessiondb.storage.connection import Connection
from sessiondb.storage.migrations import SCHEMA_VERSION

UNKNOWN = "unknown"
"""The agent of a session whose own row is lost, where no import tells it."""

_AGENT = """coalesce(
  (SELECT i.format FROM imports AS i JOIN import_sessions AS s ON s.import_id = i.id
   WHERE s.session_id = lost.id), ?)"""
_MADE = f"""
INSERT INTO sessions (id, agent, started_at, last_active_at, ended_at, end_reason)
SELECT id, {_AGENT}, coalesce(first, ?), coalesce(last, ?), coalesce(last, ?), 'recovered'
FROM (SELECT value AS id, (SELECT min(created_at) FROM messages WHERE session_id = value) AS first,
        (SELECT max(created_at) FROM messages WHERE session_id = value) AS last FROM json_each(?)) AS lost
"""
# How many messages of a session there are up to one that it was known by its number.
_UP_TO = "(SELECT count(*) FROM messages AS m WHERE m.session_id = {session} AND m.seq <= {seq})"


@dataclass
class Mended:
    """What was done: sessions that were made for what had lost its own, how many messages each session lacks, and how
    many rows of each table went because they belonged to what is lost.
    """

    made: list[str] = field(default_factory=list)
    missing: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)


def mend(db: Connection) -> Mended:
    """Put references, numbers and counters right, inside a transaction of the caller."""
    mended = Mended()
    # Until all is in its place.
    db.execute("PRAGMA defer_foreign_keys = ON")
    db.execute("INSERT OR IGNORE INTO meta (key, value) VALUES ('database_id', ?)", (os.urandom(8).hex(),))
    # A sound file has no session that it also says is removed.
    db.execute("DELETE FROM sessions WHERE id IN (SELECT session_id FROM deletions)")
    mended.made = _make_sessions(db)
    db.execute("INSERT OR IGNORE INTO agents (name) SELECT agent FROM sessions")
    mended.dropped = _let_go(db)
    counted = "SELECT id, message_count + tool_call_count FROM sessions"
    before: dict[str, int] = dict(db.rows(counted))
    recount_wrong(db)
    after: dict[str, int] = dict(db.rows(counted))
    mended.missing = {id: count - after[id] for id, count in before.items() if count > after[id]}
    _number(db)
    return mended


def forget_what_was_read(db: Connection) -> None:
    """Let the next import read all files anew: it brings back what is lost and still in a log."""
    db.execute("UPDATE imports SET parser_version = ?", (READ_AND_LOST,))


def _make_sessions(db: Connection) -> list[str]:
    """Make a session for rows whose own is lost, so that they are not lost with it; return their ids."""
    sources = " UNION ".join(
        f"SELECT {column} AS id FROM {table}"
        for table, column, parent, *_ in _references(db)
        if parent == "sessions" and (table, column) != ("sessions", "parent_id")
    )
    lost = [
        row[0]
        for row in db.rows(
            f"SELECT id FROM ({sources}) WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM sessions)"
            " AND id NOT IN (SELECT session_id FROM deletions) ORDER BY 1"
        )
    ]
    if lost:
        now = timestamps.now()
        db.execute(_MADE, (UNKNOWN, now, now, now, json.dumps(lost)))
    return lost


def _let_go(db: Connection) -> dict[str, int]:
    """Let nothing point to what is lost; return how many rows of each table went, as they are nothing without it."""
    dropped: dict[str, int] = {}
    for table, column, parent, key, is_required in _references(db):
        dangling = f"{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE p.{key} = {table}.{column})"
        if not is_required:
            db.execute(f"UPDATE {table} SET {column} = NULL WHERE {dangling}")
        elif count := db.execute(f"DELETE FROM {table} WHERE {dangling}").rowcount:
            dropped[table] = dropped.get(table, 0) + count
    return dropped


def _references(db: Connection) -> list[tuple[str, str, str, str, bool]]:
    """Return all references of the schema: table, column, the parent's table and key, and whether it must be there.

    Those by which rows go come first: they may leave others without what they point to.
    """
    found = [
        (table, *row)
        for table in content_tables(SCHEMA_VERSION)
        for row in db.rows(
            'SELECT f."from", f."table", f."to", c."notnull" FROM pragma_foreign_key_list(:table) AS f'
            ' JOIN pragma_table_info(:table) AS c ON c.name = f."from"',
            {"table": table},
        )
    ]
    return sorted(found, key=lambda reference: not reference[4])


def _number(db: Connection) -> None:
    """Number the messages of each session without gaps; what named a message by its number names it still."""
    with_gaps = db.column(
        "SELECT session_id FROM messages GROUP BY 1 HAVING min(seq) <> 1 OR max(seq) <> count(*)"
    )
    for session_id in with_gaps:
        up_to = _UP_TO.format(session="sessions.id", seq="sessions.consolidated")
        db.execute(f"UPDATE sessions SET consolidated = {up_to} WHERE id = ?", (session_id,))
        up_to = _UP_TO.format(session="native_files.source_id", seq="native_files.last_seq")
        db.execute(f"UPDATE native_files SET last_seq = {up_to} WHERE source_id = ?", (session_id,))
        renumber(db, session_id, message_ids(db, session_id))
