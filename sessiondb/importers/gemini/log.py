"""Play a Gemini CLI event log to its end, and keep what the messages that it took back had cost."""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from sessiondb.chat.content import text_or_none

# In a private database of SQLite's own, which goes to a temporary file where it outgrows the cache.
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA cache_size = -16384;
CREATE TABLE messages (place INTEGER PRIMARY KEY, id TEXT UNIQUE, message BLOB);
CREATE TABLE gone (id TEXT PRIMARY KEY);
CREATE TABLE paid (place INTEGER PRIMARY KEY, id TEXT UNIQUE, paid BLOB);
BEGIN;
"""
_PUT = "INSERT INTO messages (id, message) VALUES (?, ?) ON CONFLICT DO UPDATE SET message = excluded.message"
_PAY = "INSERT INTO paid (id, paid) VALUES (?, ?) ON CONFLICT DO UPDATE SET paid = excluded.paid"
_MESSAGES = (
    "SELECT m.id, m.message, p.paid FROM messages AS m LEFT JOIN paid AS p USING (id) ORDER BY m.place"
)
_TAKEN_BACK = "SELECT id, paid FROM paid WHERE id NOT IN (SELECT id FROM messages) ORDER BY place"
_FROM = "FROM messages WHERE place >= coalesce((SELECT place FROM messages WHERE id = ?), 0)"
_GONE = "SELECT id FROM gone WHERE id NOT IN (SELECT id FROM messages) ORDER BY id"


class Paid(NamedTuple):
    """The tokens of one API response, whether or not its message is still there."""

    tokens: dict[str, Any]
    model: Any
    timestamp: Any


class Written(NamedTuple):
    """A message that is still there, and what it cost, where that is known."""

    id: str
    message: dict[str, Any]
    paid: Paid | None


class Chat:
    """The state of a chat: its header, its messages in order, and the tokens of every message ever written.

    Only the header is held in memory. To be closed.
    """

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    @property
    def is_empty(self) -> bool:
        """Say whether there are no messages."""
        return self._db.execute("SELECT 1 FROM messages LIMIT 1").fetchone() is None

    def messages(self, *, newest_first: bool = False) -> Iterator[Written]:
        """Yield the messages that are left, in their order or from the last one back."""
        for message_id, message, paid in self._db.execute(f"{_MESSAGES} {'DESC' if newest_first else ''}"):
            cost = None if paid is None else Paid(*marshal.loads(paid))
            yield Written(message_id, marshal.loads(message), cost)

    def gone(self) -> tuple[str, ...]:
        """Return the ids of the messages that a person went back to before, and that have not come again."""
        return tuple(row[0] for row in self._db.execute(_GONE))

    def taken_back(self) -> Iterator[tuple[str, Paid]]:
        """Yield the ids of messages that are not there any more, with what they had cost."""
        for message_id, paid in self._db.execute(_TAKEN_BACK):
            yield message_id, Paid(*marshal.loads(paid))

    def apply(self, record: Any) -> bool:
        """Apply one line; say False where it is no record of this format.

        Raises ValueError for a message that is nested too deeply.
        """
        if not isinstance(record, dict):
            return False
        if isinstance(record.get("$rewindTo"), str):
            self._rewind(record["$rewindTo"])
        elif "id" in record:
            return self._put(record)
        elif isinstance(record.get("$set"), dict):
            self.set(record["$set"])
        elif "sessionId" in record:
            self.set(record)
        else:
            return False
        return True

    def set(self, changes: dict[str, Any]) -> None:
        """Set fields of the header; `messages` replaces all messages. Raises ValueError as `apply` does."""
        self.header.update((key, value) for key, value in changes.items() if key != "messages")
        if isinstance(changes.get("messages"), list):
            self._db.execute("DELETE FROM messages")
            for message in changes["messages"]:
                self._put(message)

    def _rewind(self, first: str) -> None:
        """Take back a message and all after it; an unknown id takes back everything, as in Gemini CLI."""
        self._db.execute(f"INSERT OR IGNORE INTO gone SELECT id {_FROM}", (first,))
        self._db.execute(f"DELETE {_FROM}", (first,))

    def _put(self, message: Any) -> bool:
        """Add a message, or replace in place the one with its id."""
        message_id = text_or_none(message.get("id")) if isinstance(message, dict) else None
        if message_id is None:
            return False
        self._db.execute(_PUT, (message_id, marshal.dumps(message)))
        if isinstance(message.get("tokens"), dict):
            paid = (message["tokens"], message.get("model"), message.get("timestamp"))
            self._db.execute(_PAY, (message_id, marshal.dumps(paid)))
        return True
