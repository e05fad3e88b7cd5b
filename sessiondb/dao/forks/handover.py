"""Sessions that are to be removed hand over what others go on from.

What a fork shares with its original is stored once, with the original. Before that one goes, a fork that stays
takes the shared messages to its beginning, with their calls and counts, and hangs on where the original hung;
the next fork finds them there.

    A    a1 a2 a3             A is removed:   B    a1 a2 b1
    B    ..... b1                             C    ..... c1
    C    ..... c1
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sessiondb.dao.forks.chain import Segment, fork_link, lines_of, segments
from sessiondb.dao.forks.transfer import Transfer
from sessiondb.dao.values import sound
from sessiondb.storage.connection import Connection

_BELOW = """
WITH RECURSIVE below (id, depth) AS (
  SELECT s.id, 1 FROM sessions AS s
  WHERE s.relation = 'fork' AND s.parent_id IN (SELECT value FROM json_each(?))
  UNION SELECT s.id, b.depth + 1 FROM sessions AS s JOIN below AS b ON s.parent_id = b.id
  WHERE s.relation = 'fork' AND b.depth < 1000
)
SELECT id, max(depth) FROM below GROUP BY id ORDER BY id
"""
_TIMES = """
SELECT coalesce(created_at, '') FROM messages WHERE session_id = ? AND seq <= ? AND role <> 'tool' ORDER BY seq
"""
_TITLE = "SELECT title, title_source FROM sessions WHERE id = ?"
_KEEP_TITLE = "UPDATE sessions SET title = ?, title_source = ? WHERE id = ?"
_LINK = f"""
UPDATE sessions SET parent_id = :parent, relation = iif(:parent IS NULL, NULL, 'fork'), metadata = nullif(
  iif(:at IS NULL, json_remove(coalesce({sound("metadata")}, '{{}}'), '$.forked_at', '$.forked_from'),
    json_set(json_remove(coalesce({sound("metadata")}, '{{}}'), '$.forked_from'), '$.forked_at', :at)),
  '{{}}'
) WHERE id = :id
"""
_ALL = 1 << 62
_SIZE = """
SELECT count(*), coalesce(sum(
  length(CAST(coalesce(m.content, '') || coalesce(m.reasoning, '') || coalesce(m.parts, '') AS BLOB))
  + coalesce((
    SELECT sum(length(CAST(coalesce(t.arguments, '') || coalesce(t.result, '') AS BLOB)))
    FROM tool_calls AS t WHERE t.message_id = m.id
  ), 0)
), 0)
FROM messages AS m WHERE m.session_id = ? AND m.seq <= ?
"""


class Handover:
    """What sessions that are to be removed share with those that stay; `removed` are all that are to go."""

    def __init__(self, connection: Connection, removed: Collection[str]) -> None:
        self._db = connection
        self._removed = frozenset(removed)

    def size(self, session_ids: Sequence[str]) -> tuple[int, int]:
        """Return how many messages, and bytes of text, of some removed sessions others go on from."""
        reach: dict[str, int] = {}
        for heir in self.heirs(session_ids):
            for session, last in segments(self._db, heir):
                if session in self._removed:
                    reach[session] = max(last, reach.get(session, 0))
        these = set(session_ids)
        sizes = [self._db.row(_SIZE, item) or (0, 0) for item in reach.items() if item[0] in these]
        return sum(size[0] for size in sizes), sum(size[1] for size in sizes)

    def run(self, session_ids: Sequence[str]) -> None:
        """Let sessions that stay take over what they share with removed ones, inside the caller's transaction."""
        for heir in self.heirs(session_ids):
            before = segments(self._db, heir)
            parent, _ = fork_link(self._db, heir)
            if not {parent, *(segment.session for segment in before)} & self._removed:
                continue
            # Taking earlier messages gives it an earlier first prompt, by which it would be renamed.
            title = self._db.row(_TITLE, (heir,))
            # The nearest piece first: each taken piece links the heir to where that piece came from, which may go
            # too.
            while before and before[-1].session in self._removed:
                self._take(heir, before[-1])
                before = segments(self._db, heir)
            if before:
                _, at = fork_link(self._db, heir)
                self._db.execute(_LINK, {"id": heir, "parent": before[-1].session, "at": at})
            self._db.execute(_KEEP_TITLE, (*(title or (None, None)), heir))

    def heirs(self, session_ids: Sequence[str]) -> list[str]:
        """Return the sessions that stay and come from some that go, a parent before its forks.

        Of two forks of one session the first is the one that ends with what both share, or else went on earlier: the
        one that an import of what stays would take for the original (see originals.py).
        """
        below = self._db.rows(_BELOW, (json.dumps(list(session_ids)),))
        heirs = [(depth, id) for id, depth in below if id not in self._removed]
        if len(heirs) > 1:
            heirs.sort(key=lambda heir: (heir[0], self._times(heir[1]), heir[1]))
        return [id for _, id in heirs]

    def _times(self, session_id: str) -> list[str]:
        """Return the times of a session's whole conversation."""
        pieces = [*segments(self._db, session_id), Segment(session_id, _ALL)]
        return [row[0] for piece in pieces for row in self._db.rows(_TIMES, piece)]

    def _take(self, heir: str, segment: Segment) -> None:
        """Move the messages of a segment to the beginning of a session, which comes from where they came from.

        What the giver keeps behind them goes on from there.
        """
        giver = segment.session
        lines = lines_of(self._db, segment)
        parent, at = fork_link(self._db, giver)
        _, own_at = fork_link(self._db, heir)
        if lines:
            Transfer(self._db).move(lines, heir)
        self._db.execute(_LINK, {"id": heir, "parent": parent, "at": at})
        self._db.execute(_LINK, {"id": giver, "parent": heir, "at": own_at})
