"""Which session comes from which, and what it has inherited from there.

A parent may come into the database after its children: a session whose parent is not there yet has that one's id in
its metadata, and `link_parents` links the two when it has come.

Codex copies a parent's conversation into the file of a fork or a sub-agent, under ids and times of their own, without
saying which message is which. A copy is told by what it says, in the order of the parent's log (`Ancestry`); where the
parent is not there, copies are kept, and compared again when it comes.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left

from sessiondb.dao.forks.chain import AWAITED, FORKED_AT, Line, ancestors, descendants, place_fork
from sessiondb.dao.forks.transfer import drop_copies, drop_twins, tidy
from sessiondb.importers.base import INHERITED
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import sound

_WITH_NEW_PARENT = f"parent_id IS NULL AND {AWAITED} IN (SELECT id FROM sessions) AND {AWAITED} <> id"
_CALLS = "(SELECT group_concat(t.call_id) FROM tool_calls AS t WHERE t.message_id = m.id)"
_COPIES = f"""
SELECT m.id, m.external_id, m.role, m.content, {_CALLS} FROM messages AS m
WHERE m.session_id = ? AND m.external_id IS NOT NULL
  AND json_extract({sound("m.metadata")}, '$.{INHERITED}') ORDER BY m.seq
"""
_DETACH = "UPDATE token_counts SET message_id = NULL WHERE message_id = ? AND request_key GLOB ?"
_DESCENT = f"SELECT parent_id, relation, {FORKED_AT} FROM sessions WHERE id = ?"
_INHERITED_COUNTS = "SELECT 1 FROM token_counts WHERE session_id = ? AND request_key GLOB ? LIMIT 1"
_IS_EMPTY = """
SELECT 1 FROM sessions WHERE id = :id AND NOT pinned AND title_source IS NOT 'user'
  AND NOT EXISTS (SELECT 1 FROM messages WHERE session_id = :id)
  AND NOT EXISTS (SELECT 1 FROM notes WHERE session_id = :id)
  AND NOT EXISTS (SELECT 1 FROM session_tags WHERE session_id = :id)
"""
_AWAIT = f"""
UPDATE sessions SET parent_id = NULL, metadata = json_set(coalesce({sound("metadata")}, '{{}}'), '$.parent_id', :id)
WHERE parent_id = :id
"""
_SAID = f"""
SELECT m.id, m.session_id, m.seq, m.created_at, 0, m.external_id, m.role, m.content, {_CALLS}
FROM messages AS m WHERE m.session_id = ? AND m.role <> 'tool' AND m.external_id IS NOT NULL ORDER BY m.seq
"""
_IS_COUNTED = "SELECT 1 FROM token_counts WHERE session_id = ? LIMIT 1"


class Ancestry:
    """The messages of a session and of those that it comes from, to find the originals of copies one by one.

    `is_counted`: their tokens are known.
    """

    def __init__(self, connection: Connection, session_id: str) -> None:
        self._at = 0
        self._places: dict[bytes, list[int]] = {}
        self._originals: list[Line] = []
        self.is_counted = False
        for ancestor in [*ancestors(connection, session_id), session_id]:
            for *line, role, content, calls in connection.stream(_SAID, (ancestor,), size=256):
                key = _key(role, content, calls)
                self._places.setdefault(key, []).append(len(self._originals))
                self._originals.append(Line(*line))
            self.is_counted = self.is_counted or connection.row(_IS_COUNTED, (ancestor,)) is not None

    def take(self, role: str, content: str | None, calls: str | None) -> Line | None:
        """Return the next message that says this, after the one that was returned last."""
        places = self._places.get(_key(role, content, calls), ())
        # Forward only: of equal messages ("yes", "go on") the next one is meant, never one before.
        found = bisect_left(places, self._at)
        if found == len(places):
            return None
        self._at = places[found] + 1
        return self._originals[places[found]]


def _key(role: str, content: str | None, calls: str | None) -> bytes:
    """Return a short key of a message: what it says, or else what it asks for."""
    # A digest in place of the text: a parent may hold a gigabyte.
    text = f"{role}\0{content}" if content else f"{role}\1{calls}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def link_parents(connection: Connection) -> None:
    """Link sessions to parents that have come after them, inside the caller's transaction.

    What they hold as copies of a parent that is there now is left to it.
    """
    children = connection.column(f"SELECT id FROM sessions WHERE {_WITH_NEW_PARENT}")
    if not children:
        return
    connection.execute(
        f"UPDATE sessions SET parent_id = {AWAITED},"
        f" metadata = nullif(json_remove(metadata, '$.parent_id'), '{{}}') WHERE {_WITH_NEW_PARENT}"
    )
    # A grandchild's copies are its grandparent's, which its parent must have given up by then.
    for session_id in descendants(connection, children):
        _leave_copies(connection, session_id)
    above = {id: None for child in children for id in ancestors(connection, child)}
    for ancestor in above:
        drop_twins(connection, ancestor)


def remove_unused(connection: Connection, session_id: str) -> None:
    """Remove a session that nobody has gone on with; those that come from it wait for it, as its log may go on yet."""
    names = {"id": session_id}
    connection.execute(_AWAIT, names)
    connection.execute("DELETE FROM sessions WHERE id = :id", names)


def leave_copies(connection: Connection, session_id: str) -> list[Line]:
    """Let a session leave to its ancestors what they have by now, and those that come from it leave it to it.

    Inside the caller's transaction. Return what the session itself has left.
    """
    left = {id: _leave_copies(connection, id) for id in descendants(connection, [session_id])}
    return left[session_id]


def _leave_copies(connection: Connection, child: str) -> list[Line]:
    """Remove the copies that a session holds of what its ancestors hold; return them."""
    copies = connection.rows(_COPIES, (child,))
    is_counted = connection.row(_INHERITED_COUNTS, (child, f"{INHERITED}:*")) is not None
    if not (copies or is_counted):
        return []
    parent, relation, forked_at = connection.row(_DESCENT, (child,)) or (None, None, None)
    ancestry = Ancestry(connection, parent or "")
    originals: dict[str, Line] = {}
    told = list[int]()
    for id, external_id, *said in copies:
        original = ancestry.take(*said)
        if original is not None:
            originals[external_id] = original
            told.append(id)
    # Their bill stays here until the parent's own is known, which has another key.
    connection.executemany(_DETACH, [(id, f"{INHERITED}:*") for id in told])
    left = drop_copies(connection, child, originals)
    # The parent's own log has the bill of these responses; of a sub-agent only those tell that an earlier import has
    # told to be copies.
    if ancestry.is_counted:
        which = "" if left or forked_at is not None else " AND message_id IS NULL"
        sql = f"DELETE FROM token_counts WHERE session_id = ? AND request_key GLOB ?{which}"
        connection.execute(sql, (child, f"{INHERITED}:*"))
    tidy(connection, child)
    if originals:
        if relation == "fork":
            place_fork(connection, child, list(originals.values())[-1].external_id)
        if connection.row(_IS_EMPTY, {"id": child}) is not None:
            remove_unused(connection, child)
    return left
