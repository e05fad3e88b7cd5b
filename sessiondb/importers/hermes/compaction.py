"""Tell which messages of Hermes stand twice: a compaction writes those that it keeps anew.

It keeps the first messages and the last ones, with a summary between them. In one session all that was said so far is
marked as compacted, and what is kept is written once more behind it, at one moment, under new ids and times. The first
writing is taken: it has the message's own time, and an earlier import has seen it there.

Where the session ends ("compression") and a new one goes on, what is kept begins the new one, and stays in it: without
that it would be no conversation that a model can go on with, and the old one may be pruned before it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

_SAID = ("role", "content", "tool_call_id", "tool_calls")
_WANTED = {"id", "session_id", "role", "content", "timestamp", "active", "compacted"}
# Rows that a summary may take between the messages that are kept, the most of these that are looked for, and how long
# writing them takes, in seconds.
_MOST_BETWEEN = 2
_MOST_KEPT = 64
_BURST = 1.0


class _Row(NamedTuple):
    """A message by its id, what it says, when it was written, and whether a compaction has marked it."""

    id: int
    said: int
    moment: float
    is_archived: bool


def written_again(connection: sqlite3.Connection, columns: set[str], session: Any) -> set[int]:
    """Return the ids of the rows that a compaction of a session has written behind what it marked."""
    if not columns >= _WANTED:
        return set()
    archived = "SELECT 1 FROM messages WHERE session_id = ? AND active = 0 AND compacted = 1"
    if connection.execute(archived, (session,)).fetchone() is None:
        return set()
    rows = _rows(connection, columns, session)
    found: set[int] = set()
    begin = 0
    for at in range(len(rows) - 2):
        first = rows[at + 1]
        if rows[at].is_archived and first.moment > rows[at].moment:
            block = rows[at + 1 : at + 1 + _MOST_BETWEEN + 2 * _MOST_KEPT]
            kept = _repeated(
                rows[begin : at + 1], [row for row in block if row.moment <= first.moment + _BURST]
            )
            if kept:
                found.update(row.id for row in kept)
                begin = at + 1
    return found


def _rows(connection: sqlite3.Connection, columns: set[str], session: Any) -> list[_Row]:
    said = ", ".join(name if name in columns else "NULL" for name in _SAID)
    query = (
        f"SELECT id, timestamp, active, {said} FROM messages"
        " WHERE session_id = ? AND (active = 1 OR compacted = 1) ORDER BY id"
    )
    found = []
    for id, timestamp, active, *texts in map(tuple, connection.execute(query, (session,))):
        moment = float(timestamp) if isinstance(timestamp, int | float) else 0.0
        found.append(_Row(id, hash(tuple(texts)), moment, not active))
    return found


def _repeated(before: Sequence[_Row], block: Sequence[_Row]) -> list[_Row]:
    """Return those of a block that repeat the first and the last rows before it.

    One row alone is no copy: a person may say the same again.
    """
    pairs = list(zip(before, block, strict=False))
    head = next((at for at, (old, new) in enumerate(pairs) if old.said != new.said), len(pairs))
    for start in range(head, min(head + _MOST_BETWEEN, len(block)) + 1):
        new = [row.said for row in block[start:]]
        for size in range(min(len(new), len(before)), 0, -1):
            if start + size > 1 and [row.said for row in before[-size:]] == new[:size]:
                return [*block[:head], *block[start : start + size]]
    return [*block[:head]] if 0 < head < len(block) else []
