"""Put right what an earlier version misread: a file's sessions are replaced or taken back, not added to.

An import only adds, so that nothing is lost of files that were cut, rotated or deleted. Where an earlier
version took a file for another agent's, or its records were wrong, that rule would keep the wrong rows for
ever. What the old reading of the same file gave is then removed first. What people put on the session stays:
tags, notes, a title, a pin. Sessions that other files gave too, or that were written to since, are only added
to, as ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sessiondb.dao.ledger import Ledger
from sessiondb.storage.connection import Connection

_ROWS = ("tool_calls", "messages", "token_counts")
# Messages that no import brought: all of those have external ids, but for tools' answers.
_WRITTEN_HERE = "SELECT 1 FROM messages WHERE session_id = ? AND external_id IS NULL AND role <> 'tool'"
_IS_MARKED = """
SELECT pinned OR coalesce(title_source = 'user', 0)
  OR EXISTS (SELECT 1 FROM session_tags WHERE session_id = s.id)
  OR EXISTS (SELECT 1 FROM notes WHERE session_id = s.id)
FROM sessions AS s WHERE id = ?
"""
_HAND_OVER = (
    "UPDATE OR IGNORE session_tags SET session_id = :heir WHERE session_id = :id",
    "UPDATE notes SET session_id = :heir WHERE session_id = :id",
    "UPDATE sessions SET pinned = 1 WHERE id = :heir AND (SELECT pinned FROM sessions WHERE id = :id)",
    "UPDATE sessions SET title = (SELECT title FROM sessions WHERE id = :id), title_source = 'user'"
    " WHERE id = :heir AND (SELECT title_source FROM sessions WHERE id = :id) = 'user'",
    "UPDATE sessions SET parent_id = :heir WHERE parent_id = :id AND id <> :heir",
)
_EMPTY = """
UPDATE sessions SET agent = :agent, metadata = NULL, model_id = NULL,
  title = iif(title_source = 'user', title, NULL), title_source = iif(title_source = 'user', 'user', NULL)
WHERE id = :id
"""


class OldReading(NamedTuple):
    """The sessions that a lower version of an importer read from a file.

    `is_wrong`: they are replaced; else only those that another agent has now.
    """

    sessions: frozenset[str] = frozenset()
    is_wrong: bool = False


NOTHING_OLD = OldReading()


class Misread:
    """The sessions of one file that are to be put right, inside a transaction of the caller."""

    def __init__(self, connection: Connection, ledger: Ledger, path: str) -> None:
        self._db = connection
        self._ledger = ledger
        self._path = path

    def is_only_here(self, session_id: str) -> bool:
        """Say whether all of a session's messages come from the file."""
        return (
            not self._ledger.is_given_elsewhere(session_id, self._path)
            and self._db.row(_WRITTEN_HERE, (session_id,)) is None
        )

    def clear(self, session_id: str) -> None:
        """Remove what was said in a session, so that it is read anew."""
        for table in _ROWS:
            self._db.execute(f"DELETE FROM {table} WHERE session_id = ?", (session_id,))

    def withdraw(self, session_ids: Iterable[str], given: Collection[str], agent: str) -> list[str]:
        """Take back sessions that the file does not hold; return the ids of those that had come from it alone.

        `given` are the sessions that it holds instead, of which one with the same native id, or the only one,
        inherits what people put on the old one. Without it a session that bears such a thing stays, empty and
        as that of `agent`, until there is an importer for it.
        """
        withdrawn = []
        for session_id in session_ids:
            if not self.is_only_here(session_id):
                continue
            self._disclaim(session_id)
            withdrawn.append(session_id)
            self.clear(session_id)
            heir = self._heir(session_id, given)
            if heir is not None:
                for statement in _HAND_OVER:
                    self._db.execute(statement, {"id": session_id, "heir": heir})
            if heir is None and self._db.value(_IS_MARKED, (session_id,)):
                self._db.execute("INSERT OR IGNORE INTO agents (name) VALUES (?)", (agent,))
                self._db.execute(_EMPTY, {"id": session_id, "agent": agent})
            else:
                self._db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
        return withdrawn

    def _heir(self, session_id: str, given: Collection[str]) -> str | None:
        if len(given) == 1:
            return next(iter(given))
        same = "SELECT 1 FROM sessions WHERE id = ? AND native_id = (SELECT native_id FROM sessions WHERE id = ?)"
        return next((id for id in given if self._db.row(same, (id, session_id)) is not None), None)

    def _disclaim(self, session_id: str) -> None:
        self._db.execute(
            "DELETE FROM import_sessions WHERE session_id = ?"
            " AND import_id = (SELECT id FROM imports WHERE path = ?)",
            (session_id, self._path),
        )
