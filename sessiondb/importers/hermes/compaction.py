"""Tell which messages of Hermes stand twice: a compaction writes those that it keeps anew.

It keeps the first messages and the last ones, with a summary between them:

    in one session    all that was said so far is marked as compacted; what is kept is written once more behind it, at
                      one moment, under new ids and times
    in two            the session ends ("compression"), and what is kept begins a new one, its child

The first writing of a message is taken: it has the message's own time, and an earlier import has seen it there.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sessiondb.chat.content import json_text

_SAID = ("role", "content", "tool_call_id", "tool_calls")
_WANTED = ("id", "session_id", "role", "content", "timestamp")
_ARCHIVED = ("active", "compacted")
# Rows that a summary may take between the messages that are kept, the most of these that are looked for, and how long
# writing them takes, in seconds.
_MOST_BETWEEN = 2
_MOST_KEPT = 64
_BURST = 1.0


class Row(NamedTuple):
    """A message by its id, what it says, when it was written, and whether a compaction has marked it."""

    id: Any
    said: int
    moment: float = 0.0
    is_archived: bool = False


def written_again(
    connection: sqlite3.Connection, columns: set[str], session: Any, continued: Any = None
) -> set[int]:
    """Return the ids of a session's messages that stand before in it, or in the session that it continues."""
    if not columns >= set(_WANTED):
        return set()
    rows = _rows(connection, columns, session)
    again = repeated(_rows(connection, columns, continued), rows) if continued is not None else set()
    return again | _within(rows)


def rows_of(messages: Iterable[Any]) -> list[Row]:
    """Return the messages of an export as rows, by their places."""
    return [
        Row(place, hash(tuple(json_text(message.get(name)) for name in _SAID)))
        for place, message in enumerate(messages)
        if isinstance(message, Mapping)
    ]


def repeated(before: Sequence[Row], rows: Sequence[Row]) -> set[Any]:
    """Return the ids of the rows with which a session goes on from what was said before it was compacted."""
    return {row.id for row in _repeated(before, rows[: _MOST_BETWEEN + 2 * _MOST_KEPT])}


def _rows(connection: sqlite3.Connection, columns: set[str], session: Any) -> list[Row]:
    has_archive = columns >= set(_ARCHIVED)
    shown = " AND (active = 1 OR compacted = 1)" if has_archive else ""
    said = [name if name in columns else "NULL" for name in _SAID]
    query = f"SELECT id, timestamp, {'active' if has_archive else '1'}, {', '.join(said)} FROM messages"
    found = []
    for row in connection.execute(f"{query} WHERE session_id = ?{shown} ORDER BY id", (session,)):
        id, moment, active, *texts = tuple(row)
        moment = float(moment) if isinstance(moment, int | float) else 0.0
        found.append(Row(id, hash(tuple(texts)), moment, not active))
    return found


def _within(rows: list[Row]) -> set[int]:
    """Return the ids of the rows that a compaction has written behind what it marked."""
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


def _repeated(before: Sequence[Row], block: Sequence[Row]) -> list[Row]:
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
