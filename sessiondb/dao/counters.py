"""What is counted of a session: the counters in its row, and the sums of its token counts."""

from __future__ import annotations

from sessiondb.records.sessions import TOKEN_BUCKETS
from sessiondb.storage.connection import Connection

_COUNTERS = {
    "message_count": "(SELECT count(*) FROM messages WHERE session_id = s.id"
    " AND role IN ('user', 'assistant'))",
    "tool_call_count": "(SELECT count(*) FROM tool_calls WHERE session_id = s.id)",
}
"""The counters of `sessions AS s`, and what they should be. Triggers keep them; bulk loads and moves recount."""

_ARE_WRONG = " OR ".join(f"s.{name} <> {truth}" for name, truth in _COUNTERS.items())
_RECOUNT = "UPDATE sessions AS s SET " + ", ".join(f"{name} = {truth}" for name, truth in _COUNTERS.items())


def count_wrong(db: Connection) -> int:
    """Return how many sessions have a counter that is not what it should be."""
    return int(db.value(f"SELECT count(*) FROM sessions AS s WHERE {_ARE_WRONG}"))


def recount(db: Connection, session_id: str) -> None:
    """Set the counters of a session to what it holds."""
    db.execute(f"{_RECOUNT} WHERE id = ?", (session_id,))


def recount_wrong(db: Connection) -> None:
    """Set the counters of all sessions to what they hold; rows that are true stay untouched."""
    db.execute(f"{_RECOUNT} WHERE {_ARE_WRONG}")


def token_sums() -> str:
    """Return the sums of TOKEN_BUCKETS over `token_counts AS t`, as SQL.

    They are exact up to 2^53, and never an error; NULL is unknown.
    """
    sums = (f"CASE WHEN count(t.{name}) THEN CAST(total(t.{name}) AS INTEGER) END" for name in TOKEN_BUCKETS)
    return ", ".join(sums)
