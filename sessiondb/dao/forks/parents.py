"""Which session comes from which, and what it has inherited from there.

A parent may come into the database after its children: a session whose parent is not there yet has that one's id in
its metadata, and `link_parents` links the two when it has come.

Codex copies a parent's conversation into the file of a fork or a sub-agent, under ids and times of their own, without
saying which message is which. A copy is told by what it says, in the order of the parent's log (`Ancestry`); where the
parent is not there, copies are kept, and compared again when it comes.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from sessiondb.dao.forks.chain import AWAITED, FORKED_AT, PLACED
from sessiondb.dao.forks.transfer import Transfer
from sessiondb.dao.values import sound
from sessiondb.importers.base import INHERITED, INHERITING
from sessiondb.storage.connection import Connection

_WITH_NEW_PARENT = f"parent_id IS NULL AND {AWAITED} IN (SELECT id FROM sessions) AND {AWAITED} <> id"
_COPIES = f"""
SELECT m.id, m.external_id, m.role, m.content FROM messages AS m
WHERE m.session_id = ? AND m.external_id IS NOT NULL
  AND json_extract({sound("m.metadata")}, '$.{INHERITED}') ORDER BY m.seq
"""
_SET_FORKED_AT = f"UPDATE sessions SET metadata = {PLACED} WHERE id = :id AND relation = 'fork'"
_DETACH = "UPDATE token_counts SET message_id = NULL WHERE message_id = ? AND request_key GLOB ?"
_FORKED_AT = f"SELECT {FORKED_AT} FROM sessions WHERE id = ?"
_INHERITED_COUNTS = "SELECT 1 FROM token_counts WHERE session_id = ? AND request_key GLOB ? LIMIT 1"
_INHERITING = """
WITH RECURSIVE below (id) AS (
  SELECT id FROM sessions WHERE parent_id = :id
  UNION SELECT s.id FROM sessions AS s JOIN below AS b ON s.parent_id = b.id
)
SELECT s.id FROM below JOIN sessions AS s ON s.id = below.id
WHERE s.agent IN (SELECT value FROM json_each(:agents))
"""
_REMOVE_EMPTY = """
DELETE FROM sessions WHERE id = :id AND NOT pinned AND title_source IS NOT 'user'
  AND NOT EXISTS (SELECT 1 FROM messages WHERE session_id = :id)
  AND NOT EXISTS (SELECT 1 FROM notes WHERE session_id = :id)
  AND NOT EXISTS (SELECT 1 FROM session_tags WHERE session_id = :id)
"""
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
_IS_COUNTED = "SELECT 1 FROM token_counts WHERE session_id = ? LIMIT 1"


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
            self.is_counted = self.is_counted or connection.row(_IS_COUNTED, (ancestor,)) is not None

    def take(self, role: str, content: str | None, calls: Sequence[str | None]) -> Original | None:
        """Return the next message that says this, after the one that was returned last."""
        named = ",".join(call for call in calls if call is not None)
        places = self._places.get(_key(role, content, named or None), ())
        # Forward only: of equal messages ("yes", "go on") the next one is meant, never one before.
        found = bisect_left(places, self._at)
        if found == len(places):
            return None
        self._at = places[found] + 1
        return self._originals[places[found]]


def _key(role: str, content: str | None, calls: str | None) -> bytes:
    """Return a short key of a message: what it says, or else what it asks for."""
    text = f"{role}\0{content}" if content else f"{role}\1{calls}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def link_parents(connection: Connection) -> None:
    """Link sessions to parents that have come after them, inside the caller's transaction.

    What they hold as copies of a parent that is there now is left to it.
    """
    children = [row[0] for row in connection.rows(f"SELECT id FROM sessions WHERE {_WITH_NEW_PARENT}")]
    if not children:
        return
    connection.execute(
        f"UPDATE sessions SET parent_id = {AWAITED},"
        f" metadata = nullif(json_remove(metadata, '$.parent_id'), '{{}}') WHERE {_WITH_NEW_PARENT}"
    )
    # A grandchild's copies are its grandparent's, which its parent must have given up by then.
    for child in _the_eldest_first(connection, children):
        _leave_copies(connection, child)
        leave_copies(connection, child)
        Transfer(connection).drop_own_twins(child)


def leave_copies(connection: Connection, parent: str) -> None:
    """Let a session leave to its ancestors what they have by now, and those that come from it leave it to it.

    Inside the caller's transaction.
    """
    _leave_copies(connection, parent)
    children = [
        row[0] for row in connection.rows(_INHERITING, {"id": parent, "agents": json.dumps(INHERITING)})
    ]
    for child in _the_eldest_first(connection, children):
        _leave_copies(connection, child)


def _the_eldest_first(connection: Connection, children: list[str]) -> list[str]:
    """Return sessions in an order in which none comes before one that it descends from."""
    parents: dict[str, str] = dict(
        connection.rows(
            "SELECT id, parent_id FROM sessions WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(children),),
        )
    )
    ordered: dict[str, None] = {}
    for child in children:
        line: dict[str, None] = {}
        at: str | None = child
        while at in parents and at not in ordered and at not in line:
            line[at] = None
            at = parents[at]
        ordered |= dict.fromkeys(reversed(line))
    return list(ordered)


def _leave_copies(connection: Connection, child: str) -> None:
    """Remove the copies that a session holds of what its ancestors hold."""
    copies = connection.rows(_COPIES, (child,))
    is_counted = connection.row(_INHERITED_COUNTS, (child, f"{INHERITED}:*")) is not None
    if not (copies or is_counted):
        return
    parent = connection.value("SELECT parent_id FROM sessions WHERE id = ?", (child,))
    ancestry, transfer = Ancestry(connection, parent or ""), Transfer(connection)
    last: Original | None = None
    for id, external_id, role, content in copies:
        calls = "SELECT call_id FROM tool_calls WHERE message_id = ? ORDER BY id"
        original = ancestry.take(role, content, [row[0] for row in connection.rows(calls, (id,))])
        if original is not None:
            # Its bill stays here until the parent's own is known, which has another key.
            connection.execute(_DETACH, (id, f"{INHERITED}:*"))
            transfer.drop_copy(child, external_id, original.session, original.id)
            last = original
    # The parent's own log has the bill of these responses.
    has_left = last is not None or connection.value(_FORKED_AT, (child,)) is not None
    if ancestry.is_counted and has_left:
        connection.execute(
            "DELETE FROM token_counts WHERE session_id = ? AND request_key GLOB ?", (child, f"{INHERITED}:*")
        )
    transfer.tidy(child)
    if last is not None:
        connection.execute(_SET_FORKED_AT, {"id": child, "at": last.external_id})
        connection.execute(_REMOVE_EMPTY, {"id": child})
