"""Which of two sessions with the same messages had them first.

A fork's log begins with copies of the lines that it goes on from. The original is the session

- that is not a sub-agent's, where the other one is;
- that the other one names as its parent;
- whose log does not mark the common lines as copies, where the other's does;
- that has lines of its own before the last common one: a fork copies first, and goes on then;
- that ends with the common lines, or else went on from there at an earlier time;
- at last, that of the two which descends from no other, or has the smaller id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sessiondb.storage.connection import Connection

_SESSION = """
SELECT id, parent_id, relation, json_extract(metadata, '$.parent_id'), json_extract(metadata, '$.forked_at'),
  json_extract(metadata, '$.forked_from')
FROM sessions WHERE id = ?
"""
_ROWS = "SELECT id, seq, created_at FROM messages WHERE session_id = ? AND role <> 'tool' ORDER BY seq"
_ABOVE = """
WITH RECURSIVE above (id) AS (
  SELECT parent_id FROM sessions WHERE id = ?
  UNION SELECT s.parent_id FROM sessions AS s JOIN above AS a ON s.id = a.id
)
SELECT id FROM above WHERE id IS NOT NULL
"""


class Copy(NamedTuple):
    """A message that a session's log has and another session holds, or the answer to a call of such a message.

    `after` is the seq of the session's own message that comes before it. An answer has the id of its call, a message
    the external id.
    """

    after: int
    external_id: str | None = None
    call_id: str | None = None


class Line(NamedTuple):
    """A message of one session, and the place of its copy in another one's log: after the message with seq `after`.

    An answer to a tool call has no external id here.
    """

    id: int
    holder: str
    seq: int
    created_at: str | None
    after: int
    external_id: str | None


class Descent(NamedTuple):
    """What is known of where a session comes from.

    `awaited` is a parent that is not there yet. `forked_at` is the last message that it copied; where its log says so,
    it names the session `forked_from` too.
    """

    id: str
    parent_id: str | None
    relation: str | None
    awaited: str | None
    forked_at: str | None
    forked_from: str | None

    @property
    def named_parent(self) -> str | None:
        """Return the parent, whether it is there or not."""
        return self.forked_from or self.parent_id or self.awaited

    @property
    def may_be_linked(self) -> bool:
        """Say whether its parent is not known, or only from the messages that it has copied."""
        if self.forked_from is not None or self.awaited is not None:
            return False
        return self.parent_id is None or self.forked_at is not None


class Originals:
    """Tells originals from copies, by what is stored of sessions."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def descent(self, session_id: str) -> Descent:
        """Return what is known of a session, which must be there."""
        row = self._db.row(_SESSION, (session_id,))
        assert row is not None
        return Descent(*row)

    def above(self, session_id: str) -> set[str]:
        """Return the ids of a session's parent, of that one's parent, and so on."""
        return {row[0] for row in self._db.rows(_ABOVE, (session_id,))}

    def is_original(self, session: Descent, other: Descent, lines: Sequence[Line], last: Line) -> bool:
        """Say whether the first of two sessions had their common lines first.

        `lines` are all that it has and others hold, in order; `last` is the last that the other one holds.
        """
        for ours, theirs in (
            (session.relation == "subagent", other.relation == "subagent"),
            (session.named_parent == other.id, other.named_parent == session.id),
            (self._marks(session, last), self._marks(other, last)),
        ):
            if ours != theirs:
                return theirs
        common = {line.id for line in lines}
        own = self._db.rows(_ROWS, (session.id,))
        others = [row for row in self._db.rows(_ROWS, (other.id,)) if row[0] not in common]
        ours_before = any(seq <= last.after for _, seq, _ in own)
        theirs_before = any(seq < last.seq for _, seq, _ in others)
        if ours_before != theirs_before:
            return ours_before
        # What comes next may be a copy from a third session.
        after = [(seq, 1, at) for _, seq, at in own if seq > last.after]
        later = lines[lines.index(last) + 1 :]
        after += [(line.after, 2, line.created_at) for line in later if line.external_id is not None][:1]
        ours_next = min(after)[2] or "" if after else ""
        theirs_next = next((at or "" for _, seq, at in others if seq > last.seq), "")
        if ours_next != theirs_next:
            return ours_next < theirs_next
        ours, theirs = (self._descends(one, two) for one, two in ((session, other), (other, session)))
        return theirs if ours != theirs else session.id < other.id

    def _marks(self, session: Descent, line: Line) -> bool:
        """Say whether a session's log marks a line as a copy: it marks all up to the one that it forked at."""
        if session.forked_from is None or session.forked_at is None:
            return False
        later = "SELECT 1 FROM messages WHERE external_id = ? AND created_at >= ?"
        is_later = self._db.row(later, (session.forked_at, line.created_at)) is not None
        return is_later or session.forked_at == line.external_id

    def _descends(self, session: Descent, other: Descent) -> bool:
        """Say whether a session comes from another one, or from the parent of that one."""
        is_below = bool(self.above(session.id) & {other.id, other.parent_id})
        return is_below and session.parent_id != other.parent_id
