"""Leave nothing of what was removed: not in side tables, an index, a free page or the write-ahead log."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Sequence

from sessiondb.dao.search.indexes import SearchIndex
from sessiondb.errors import DatabaseBusy
from sessiondb.storage.connection import Connection
from sessiondb.storage.copies import vacuum

_THESE = "IN (SELECT value FROM json_each(?))"

# Names of a kind, and the columns that say who bears one: those that nobody bears go.
_NAMES = {
    "projects": ("id", ("sessions.project_id", "notes.project_id")),
    "channels": ("id", ("sessions.channel_id",)),
    "models": ("id", ("sessions.model_id", "messages.model_id", "token_counts.model_id")),
    "tags": ("id", ("session_tags.tag_id",)),
    "agents": ("name", ("sessions.agent",)),
}

_SOURCES = f"""
SELECT DISTINCT i.path FROM imports AS i JOIN import_sessions AS s ON s.import_id = i.id
WHERE s.session_id {_THESE} ORDER BY 1
"""
# What was read of a file lies in its state: it goes with the last session that the file gave.
_FORGET_SOURCES = f"""
DELETE FROM imports WHERE id IN (SELECT import_id FROM import_sessions WHERE session_id {_THESE})
AND NOT EXISTS (
  SELECT 1 FROM import_sessions AS i JOIN sessions AS s ON s.id = i.session_id WHERE i.import_id = imports.id
)
"""


class Purge:
    """What is done beyond a removal, so that no byte of a session's text is left in the file."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def is_removed(self, session_id: str) -> bool:
        """Say whether a session was removed before: its text may still lie in the file."""
        return self._db.row("SELECT 1 FROM deletions WHERE session_id = ?", (session_id,)) is not None

    def elsewhere(self, session_ids: Sequence[str]) -> list[str]:
        """Return the files that hold these sessions still, and that no purge touches: logs, and our backups."""
        logs = self._db.column(_SOURCES, (json.dumps(list(session_ids)),))
        backups = self._db.path.absolute().parent.glob(f"{glob.escape(self._db.path.name)}.*.backup")
        return [path for path in (*logs, *map(str, sorted(backups))) if os.path.exists(path)]

    def forget(self, session_ids: Iterable[str]) -> None:
        """Forget the titles and sources of removed sessions, and the names that nobody bears any more, inside the
        caller's transaction.
        """
        ids = json.dumps(list(session_ids))
        self._db.execute(f"UPDATE deletions SET title = NULL WHERE session_id {_THESE}", (ids,))
        self._db.execute(_FORGET_SOURCES, (ids,))
        for table, (key, bearers) in _NAMES.items():
            unborne = " AND ".join(
                f"NOT EXISTS (SELECT 1 FROM {bearer.partition('.')[0]} WHERE {bearer} = {table}.{key})"
                for bearer in bearers
            )
            self._db.execute(f"DELETE FROM {table} WHERE {unborne}")

    def erase(self) -> None:
        """Write the indexes and the file anew, and empty the log. Raises DatabaseBusy while others read it."""
        index = SearchIndex(self._db)
        for _ in index.catch_up():
            pass
        index.optimize()
        if not vacuum(self._db):
            raise DatabaseBusy(
                f"{self._db.path} is being read: the text is removed, but its bytes stay in the write-ahead log until"
                " the readers have finished; run the same command again then"
            )
