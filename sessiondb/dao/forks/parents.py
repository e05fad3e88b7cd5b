"""Which session comes from which: parents that come into the database after their children."""

from __future__ import annotations

import json

from sessiondb.dao.forks.ancestry import Ancestry, Original
from sessiondb.dao.forks.transfer import Transfer
from sessiondb.dao.union.row_buffer import RowBuffer
from sessiondb.importers.base import INHERITED
from sessiondb.storage.connection import Connection

# A session whose parent is not there yet has that one's id in its metadata.
_PARENT = "json_extract(metadata, '$.parent_id')"
_WITH_NEW_PARENT = f"parent_id IS NULL AND {_PARENT} IN (SELECT id FROM sessions) AND {_PARENT} <> id"
_COPIES = f"""
SELECT m.id, m.external_id, m.role, m.content FROM messages AS m
WHERE m.session_id = ? AND m.external_id IS NOT NULL AND json_extract(m.metadata, '$.{INHERITED}') ORDER BY m.seq
"""
_SET_FORKED_AT = """
UPDATE sessions SET metadata = json_set(coalesce(metadata, '{}'), '$.forked_at', ?) WHERE id = ? AND relation = 'fork'
"""
_REMOVE_EMPTY = """
DELETE FROM sessions WHERE id = :id AND NOT pinned AND title_source IS NOT 'user'
  AND NOT EXISTS (SELECT 1 FROM messages WHERE session_id = :id)
  AND NOT EXISTS (SELECT 1 FROM notes WHERE session_id = :id)
  AND NOT EXISTS (SELECT 1 FROM session_tags WHERE session_id = :id)
"""


def link_parents(connection: Connection) -> None:
    """Link sessions to parents that have come after them, inside the caller's transaction.

    What they hold as copies of a parent that is there now is left to it.
    """
    children = [row[0] for row in connection.rows(f"SELECT id FROM sessions WHERE {_WITH_NEW_PARENT}")]
    if not children:
        return
    connection.execute(
        f"UPDATE sessions SET parent_id = {_PARENT},"
        f" metadata = nullif(json_remove(metadata, '$.parent_id'), '{{}}') WHERE {_WITH_NEW_PARENT}"
    )
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
    if not copies:
        return
    parent = connection.value("SELECT parent_id FROM sessions WHERE id = ?", (child,))
    ancestry, transfer = Ancestry(connection, parent), Transfer(connection, RowBuffer(connection))
    last: Original | None = None
    for id, external_id, role, content in copies:
        calls = "SELECT call_id FROM tool_calls WHERE message_id = ? ORDER BY id"
        original = ancestry.take(role, content, [row[0] for row in connection.rows(calls, (id,))])
        if original is None:
            connection.execute(
                f"UPDATE messages SET metadata = nullif(json_remove(metadata, '$.{INHERITED}'), '{{}}') WHERE id = ?",
                (id,),
            )
            continue
        transfer.drop_copy(child, external_id, original.session, original.id)
        last = original
    if ancestry.is_counted and last is not None:
        connection.execute(
            "DELETE FROM token_counts WHERE session_id = ? AND request_key GLOB ?", (child, f"{INHERITED}:*")
        )
    transfer.tidy(child)
    if last is not None:
        connection.execute(_SET_FORKED_AT, (last.external_id, child))
        connection.execute(_REMOVE_EMPTY, {"id": child})
