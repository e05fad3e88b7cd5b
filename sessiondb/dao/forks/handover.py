"""Sessions that are to be removed hand over what others go on from.

What a fork shares with its original is stored once, with the original. Before that one goes, a fork that stays
takes the shared messages to its beginning, with their calls and counts, and hangs on where the original hung;
the next fork finds them there.

    A    a1 a2 a3             A is removed:   B    a1 a2 b1
    B    ..... b1                             C    ..... c1
    C    ..... c1
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sessiondb.dao.forks.chain import Segment, descendants, fork_link, lines_of, link_fork, segments
from sessiondb.dao.forks.transfer import move
from sessiondb.storage.connection import Connection

_TIMES = """
SELECT coalesce(created_at, '') FROM messages WHERE session_id = ? AND seq <= ? AND role <> 'tool' ORDER BY seq
"""
_TITLE = "SELECT title, title_source FROM sessions WHERE id = ?"
_KEEP_TITLE = "UPDATE sessions SET title = ?, title_source = ? WHERE id = ?"
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
                link_fork(self._db, heir, before[-1].session, at)
            self._db.execute(_KEEP_TITLE, (*(title or (None, None)), heir))

    def heirs(self, session_ids: Sequence[str]) -> list[str]:
        """Return the sessions that stay and come from some that go, a parent before its forks.

        Of two forks of one session the first is the one that ends with what both share, or else went on earlier: the
        one that an import of what stays would take for the original (see originals.py).
        """
        below = descendants(self._db, session_ids, only_forks=True)
        heirs = [id for id in below if id not in self._removed]
        return sorted(heirs, key=lambda id: (below[id], self._times(id), id)) if len(heirs) > 1 else heirs

    def _times(self, session_id: str) -> list[str]:
        """Return the times of a session's whole conversation."""
        pieces = [*segments(self._db, session_id), Segment(session_id, _ALL)]
        return [at for piece in pieces for at in self._db.column(_TIMES, piece)]

    def _take(self, heir: str, segment: Segment) -> None:
        """Move the messages of a segment to the beginning of a session, which comes from where they came from.

        What the giver keeps behind them goes on from there.
        """
        giver = segment.session
        lines = lines_of(self._db, segment)
        parent, at = fork_link(self._db, giver)
        _, own_at = fork_link(self._db, heir)
        if lines:
            move(self._db, lines, heir)
        link_fork(self._db, heir, parent, at)
        link_fork(self._db, giver, heir, own_at, "fork")
