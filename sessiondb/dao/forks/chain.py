"""What a fork's conversation begins with: messages that the sessions hold from which it comes.

A fork goes on from the message that its metadata names (`forked_at`), which its parent holds, or one further
up. What comes before that, and the answers to that message's calls, is the fork's conversation too, though it
is stored once. Segments are its pieces, the oldest first.

    A    a1 a2 a3 a4          B forked at a2, C at b1
    B    ..... b1 b2          segments of C: A up to 2, B up to 1
    C    ........ c1

What a session's row says of all this is read and written here: its parent, and in its metadata the place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sessiondb.storage.connection import Connection
from sessiondb.storage.values import sound

FORKED_AT, FORKED_FROM, AWAITED = (
    f"json_extract({sound('metadata')}, '$.{name}')" for name in ("forked_at", "forked_from", "parent_id")
)
"""What the metadata of a row of `sessions` says of its descent: the last message that it has copied, the session that
its log says it is a fork of, and a parent that is not there yet.
"""

_ABOVE = """
WITH RECURSIVE above (id, depth) AS (
  SELECT parent_id, 1 FROM sessions WHERE id = ?
  UNION SELECT s.parent_id, a.depth + 1 FROM sessions AS s JOIN above AS a ON s.id = a.id WHERE a.depth < 1000
)
SELECT id FROM above WHERE id IS NOT NULL GROUP BY id ORDER BY max(depth) DESC
"""
_KNOWN = f"coalesce({sound('metadata')}, '{{}}')"
_SET_PLACE = f"UPDATE sessions SET metadata = json_set({_KNOWN}, '$.forked_at', :at) WHERE id = :id"
_SET_LINK = f"""
UPDATE sessions SET
  parent_id = :parent,
  relation = iif(:parent IS NULL, nullif(relation, 'fork'), coalesce(:relation, relation, 'fork')),
  metadata = nullif(iif(
    :at IS NULL, json_remove({_KNOWN}, '$.forked_at', '$.forked_from'),
    json_set(json_remove({_KNOWN}, '$.forked_from'), '$.forked_at', :at)
  ), '{{}}')
WHERE id = :id
"""
_BELOW = """
WITH RECURSIVE below (id, depth) AS (
  SELECT value, 0 FROM json_each(?)
  UNION SELECT s.id, b.depth + 1 FROM sessions AS s JOIN below AS b ON s.parent_id = b.id
  WHERE b.depth < 1000 AND {}
)
SELECT id, max(depth) FROM below GROUP BY id ORDER BY 2, 1
"""
_LINK = f"SELECT parent_id, {FORKED_AT} FROM sessions WHERE id = ? AND relation = 'fork'"
_LINES = """
SELECT id, session_id, seq, created_at, 0, external_id FROM messages WHERE session_id = ? AND seq <= ? ORDER BY seq
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


class Line(NamedTuple):
    """A message of one session, and the place of its copy in another one's log: after the message with seq `after`,
    which is 0 until that is known.

    An answer to a tool call has no external id here.
    """

    id: int
    holder: str
    seq: int
    created_at: str | None
    after: int
    external_id: str | None


Originals = Mapping[str, Line]
"""The messages of other sessions of which a session has copies, by the external ids of these."""


def fork_link(connection: Connection, session_id: str) -> tuple[str | None, str | None]:
    """Return from which session one forked, and at which message; None for what is not known, or is not there."""
    parent, at = connection.row(_LINK, (session_id,)) or (None, None)
    return parent, at


def link_fork(
    connection: Connection, session_id: str, parent: str | None, at: str | None, relation: str | None = None
) -> None:
    """Note from which session one forked, and at which message; None for one that comes from no other.

    What its log said of that is forgotten, but for what it is to the parent, unless a `relation` is given.
    """
    connection.execute(_SET_LINK, {"id": session_id, "parent": parent, "at": at, "relation": relation})


def place_fork(connection: Connection, session_id: str, at: str | None) -> None:
    """Note at which message a session forked."""
    connection.execute(_SET_PLACE, {"id": session_id, "at": at})


def ancestors(connection: Connection, session_id: str) -> list[str]:
    """Return those that a session comes from, the eldest first."""
    return connection.column(_ABOVE, (session_id,))


def descendants(
    connection: Connection, session_ids: Iterable[str], *, only_forks: bool = False
) -> dict[str, int]:
    """Return sessions and all that come from them, none before one that it comes from, with how far below they are."""
    sql = _BELOW.format("s.relation = 'fork'" if only_forks else "1")
    return dict(connection.rows(sql, (json.dumps(list(session_ids)),)))


def lines_of(connection: Connection, segment: Segment) -> list[Line]:
    """Return the messages of a segment, whose copies begin another log."""
    return [Line(*row) for row in connection.rows(_LINES, segment)]


def segments(connection: Connection, session_id: str) -> list[Segment]:
    """Return what a session's conversation begins with, the oldest first; [] for one that is no fork."""
    found: list[Segment] = []
    seen = set[str]()
    at: str | None = session_id
    while at is not None:
        segment = _before(connection, at)
        seen.add(at)
        # No import makes a circle of parents, but a merge, or another program, may have.
        if segment is None or segment.session in seen:
            break
        found.append(segment)
        at = segment.session
    return found[::-1]


def _before(connection: Connection, session_id: str) -> Segment | None:
    """Return who holds the message that a session forked at, and up to where it shares that one's messages."""
    holder, forked_at = fork_link(connection, session_id)
    seen = set[str]()
    while forked_at is not None and holder is not None and holder not in seen:
        seen.add(holder)
        held = connection.row(_HELD, (holder, forked_at))
        if held is not None:
            id, seq = held
            # The answers to the calls of that message belong to it: without them no model takes the conversation.
            answered = connection.value(_ANSWERS, (id, holder))
            return Segment(holder, max(seq, answered or 0))
        holder, _ = fork_link(connection, holder)
    return None
