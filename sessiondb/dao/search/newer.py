"""Where the words of a message were said again, later: in its session, and in others of its project."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from sessiondb.storage.connection import Connection

_COUNT = "SELECT count(*) FROM (SELECT 1 FROM messages_fts WHERE messages_fts MATCH ? LIMIT ?)"
_HOLDING = (
    "SELECT f.rowid FROM messages_fts AS f WHERE f.messages_fts MATCH ?"
    " AND f.rowid IN (SELECT value FROM json_each(?))"
)
# Rare words are in few messages: all of them are looked at.
_LATER = """
SELECT m.session_id, m.seq, m.created_at
FROM messages_fts AS f JOIN messages AS m ON m.id = f.rowid JOIN sessions AS s ON s.id = m.session_id
WHERE f.messages_fts MATCH :words AND m.role IN ('user', 'assistant') AND {condition}
ORDER BY m.created_at DESC, m.seq DESC LIMIT 1
"""
_IN_SESSION = _LATER.format(condition="m.session_id = :session_id AND m.seq > :seq")
_IN_PROJECT = _LATER.format(
    condition="m.session_id <> :session_id AND m.created_at > :created_at"
    " AND s.project_id = (SELECT project_id FROM sessions WHERE id = :session_id)"
)

Place = tuple[str, int, str]
"""Session, seq and time of a message."""


class NewerQueries:
    """Reads of the index of messages, by single words."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def messages(self) -> int:
        """Return how many messages there are, about."""
        return int(self._db.value("SELECT coalesce(max(id), 0) FROM messages"))

    def count(self, word: str, most: int) -> int:
        """Return in how many messages a word is, `most` where it is in that many or more."""
        return int(self._db.value(_COUNT, (_expression([word]), most)))

    def holding(self, word: str, message_ids: Iterable[int]) -> set[int]:
        """Return those of some messages that hold a word."""
        rows = self._db.rows(_HOLDING, (_expression([word]), json.dumps(list(message_ids))))
        return {row[0] for row in rows}

    def in_session(self, words: Sequence[str], session_id: str, seq: int) -> Place | None:
        """Return the last message of a session, after one, that holds all of some words."""
        return self._place(_IN_SESSION, {"words": _expression(words), "session_id": session_id, "seq": seq})

    def in_project(self, words: Sequence[str], session_id: str, created_at: str) -> Place | None:
        """Return the newest message after a time that holds them, in another session of a session's project."""
        of = {"words": _expression(words), "session_id": session_id, "created_at": created_at}
        return self._place(_IN_PROJECT, of)

    def _place(self, sql: str, parameters: Mapping[str, object]) -> Place | None:
        row = self._db.row(sql, dict(parameters))
        return None if row is None else (row[0], row[1], row[2] or "")


def _expression(words: Iterable[str]) -> str:
    return " AND ".join('"' + word.replace('"', '""') + '"' for word in words)
