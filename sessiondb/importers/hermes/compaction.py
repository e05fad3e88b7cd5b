"""Tell which messages of a Hermes database stand in it twice: a compaction writes those that it keeps anew.

It marks all that was said so far as compacted, then writes a summary and the last messages once more, at one
moment, under new ids and times.
"""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

_WANTED = ("id", "session_id", "role", "content", "timestamp", "active", "compacted")
# Rows that a summary may take before the messages that are kept, the most of these that are looked for, and how
# long writing them takes, in seconds.
_MOST_BEFORE = 2
_MOST_KEPT = 64
_BURST = 1.0


class _Row(NamedTuple):
    id: int
    said: int
    moment: float
    is_archived: bool


def written_again(connection: sqlite3.Connection, columns: set[str], session: Any) -> set[int]:
    """Return the ids of a session's compacted messages that a later row has once more."""
    if not columns >= set(_WANTED):
        return set()
    archived = "SELECT 1 FROM messages WHERE session_id = ? AND active = 0 AND compacted = 1"
    if connection.execute(archived, (session,)).fetchone() is None:
        return set()
    further = "".join(f", {name}" for name in ("tool_call_id", "tool_calls") if name in columns)
    rows: list[_Row] = []
    for row in connection.execute(
        f"SELECT id, timestamp, active, role, content{further} FROM messages"
        " WHERE session_id = ? AND (active = 1 OR compacted = 1) ORDER BY id",
        (session,),
    ):
        id, moment, active, *said = tuple(row)
        moment = float(moment) if isinstance(moment, int | float) else 0.0
        rows.append(_Row(id, hash(tuple(said)), moment, not active))
    found: set[int] = set()
    for at in range(len(rows) - 2):
        if rows[at].is_archived and rows[at + 1].moment > rows[at].moment:
            found.update(row.id for row in _kept(rows, at))
    return found


def _kept(rows: list[_Row], at: int) -> list[_Row]:
    """Return the rows up to a place that stand once more behind it, written at one moment."""
    latest = rows[at + 1].moment + _BURST
    block = [row for row in rows[at + 1 : at + 1 + _MOST_BEFORE + _MOST_KEPT] if row.moment <= latest]
    for before in range(_MOST_BEFORE + 1):
        again = [row.said for row in block[before:]]
        for size in range(min(len(again), at + 1), 0, -1):
            old = rows[at - size + 1 : at + 1]
            if before + size > 1 and [row.said for row in old] == again[:size]:
                return old
    return []
