"""Databases as a later sessiondb may leave them: changed by plain SQL, with a greater number of their schema."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from sessiondb.storage.migrations import SCHEMA_VERSION

NEWER = SCHEMA_VERSION + 2

MORE = {
    "only the number": (),
    "a table more": ("CREATE TABLE moods (session_id TEXT REFERENCES sessions (id), mood TEXT) STRICT",),
    "a column more": (
        "ALTER TABLE sessions ADD COLUMN mood TEXT",
        "ALTER TABLE messages ADD COLUMN weight REAL NOT NULL DEFAULT 1",
    ),
    "a trigger more": (
        "CREATE TRIGGER moody AFTER INSERT ON messages BEGIN SELECT raise(ABORT, 'moody'); END",
    ),
}
"""Changes that leave all that this sessiondb knows where it is."""

LESS = {
    "a column gone": ("ALTER TABLE tool_calls DROP COLUMN returned_at", "tool_calls.returned_at"),
    "a column with another name": (
        "ALTER TABLE messages RENAME COLUMN reasoning TO thinking",
        "messages.reasoning",
    ),
    "a table gone": ("DROP TABLE note_translations", "note_translations"),
    "a table with another name": ("ALTER TABLE token_counts RENAME TO bills", "token_counts"),
}
"""A change, and what is not there any more by it."""


def make_newer(path: Path, *statements: str) -> None:
    """Let a database look as a later sessiondb may have left it."""
    with contextlib.closing(sqlite3.connect(path)) as plain:
        for statement in statements:
            plain.execute(statement)
        plain.execute(f"PRAGMA user_version = {NEWER}")
        plain.commit()
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
