"""What a session has inherited: messages that stand in its log as copies, under ids and times of their own.

Codex copies a parent's conversation into the file of a fork or a sub-agent without saying which message is
which. A copy is told by what it says, in the order of the parent's log; where the parent is not there, copies
are kept, and compared again when it comes.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from sessiondb.storage.connection import Connection

_CHAIN = """
WITH RECURSIVE above (id, parent_id, depth) AS (
  SELECT id, parent_id, 0 FROM sessions WHERE id = ?
  UNION SELECT s.id, s.parent_id, a.depth + 1 FROM sessions AS s JOIN above AS a ON s.id = a.parent_id
  WHERE a.depth < 1000
)
SELECT id FROM above ORDER BY depth DESC
"""
_SAID = """
SELECT m.id, m.session_id, m.external_id, m.role, m.content,
  (SELECT group_concat(t.call_id) FROM tool_calls AS t WHERE t.message_id = m.id)
FROM messages AS m WHERE m.session_id = ? AND m.role <> 'tool' ORDER BY m.seq
"""
_COUNTED = "SELECT 1 FROM token_counts WHERE session_id = ? LIMIT 1"


class Original(NamedTuple):
    """A message that a copy is of."""

    id: int
    session: str
    external_id: str


class Ancestry:
    """The messages of a session and of those that it comes from, to find the originals of copies one by one.

    `is_counted`: their tokens are known.
    """

    def __init__(self, connection: Connection, session_id: str) -> None:
        self._at = 0
        self._places: dict[bytes, list[int]] = {}
        self._originals: list[Original] = []
        self.is_counted = False
        for (ancestor,) in connection.rows(_CHAIN, (session_id,)):
            for id, holder, external_id, role, content, calls in connection.stream(
                _SAID, (ancestor,), size=256
            ):
                if external_id is not None:
                    key = _key(role, content, calls)
                    self._places.setdefault(key, []).append(len(self._originals))
                    self._originals.append(Original(id, holder, external_id))

            self.is_counted = self.is_counted or connection.row(_COUNTED, (ancestor,)) is not None

    def __bool__(self) -> bool:
        """Say whether there is anything to inherit."""
        return bool(self._originals)

    def take(self, role: str, content: str | None, calls: Sequence[str | None]) -> Original | None:
        """Return the next message that says this, after the one that was returned last."""
        named = ",".join(call for call in calls if call is not None)
        places = self._places.get(_key(role, content, named or None), ())
        found = bisect_left(places, self._at)
        if found == len(places):
            return None
        self._at = places[found] + 1
        return self._originals[places[found]]


def _key(role: str, content: str | None, calls: str | None) -> bytes:
    """Return a short key of a message: what it says, or else what it asks for."""
    text = f"{role}\0{content}" if content else f"{role}\1{calls}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
