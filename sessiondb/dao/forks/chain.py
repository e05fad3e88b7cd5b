"""What a fork's conversation begins with: messages that the sessions hold from which it comes.

A fork goes on from the message that its metadata names (`forked_at`), which its parent holds, or one further
up. What comes before that, and the answers to that message's calls, is the fork's conversation too, though it
is stored once. Segments are its pieces, the oldest first.

    A    a1 a2 a3 a4          B forked at a2, C at b1
    B    ..... b1 b2          segments of C: A up to 2, B up to 1
    C    ........ c1
"""

from __future__ import annotations

from typing import NamedTuple

from sessiondb.storage.connection import Connection

_LINK = """
SELECT parent_id, json_extract(metadata, '$.forked_at') FROM sessions
WHERE id = ? AND relation = 'fork' AND parent_id IS NOT NULL AND json_valid(metadata)
"""
_HELD = "SELECT id, seq FROM messages WHERE session_id = ? AND external_id = ? ORDER BY seq DESC LIMIT 1"
_ANSWERS = """
SELECT max(a.seq) FROM tool_calls AS t JOIN messages AS a ON a.id = t.result_message_id
WHERE t.message_id = ? AND a.session_id = ?
"""


class Segment(NamedTuple):
    """The messages of a session up to a seq."""

    session: str
    last: int


def segments(connection: Connection, session_id: str) -> list[Segment]:
    """Return what a session's conversation begins with, the oldest first; [] for one that is no fork."""
    found: list[Segment] = []
    seen = {session_id}
    at: str | None = session_id
    while at is not None:
        segment = _before(connection, at)
        if segment is None or segment.session in seen:
            break
        seen.add(segment.session)
        found.append(segment)
        at = segment.session
    return found[::-1]


def _before(connection: Connection, session_id: str) -> Segment | None:
    """Return who holds the message that a session forked at, and up to where it shares that one's messages."""
    link = connection.row(_LINK, (session_id,))
    if link is None or link[1] is None:
        return None
    holder, forked_at = link
    seen = set[str]()
    while holder is not None and holder not in seen:
        seen.add(holder)
        held = connection.row(_HELD, (holder, forked_at))
        if held is not None:
            id, seq = held
            answered = connection.value(_ANSWERS, (id, holder))
            return Segment(holder, max(seq, answered or 0))
        link = connection.row(_LINK, (holder,))
        holder = link[0] if link is not None else None
    return None
