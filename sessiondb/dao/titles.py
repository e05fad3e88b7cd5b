"""Which message names a session that neither a person nor its agent has called anything: see sessiondb.chat.titles."""

from __future__ import annotations

from collections.abc import Iterable

from sessiondb.chat.incoming import Draft
from sessiondb.chat.titles import better_title, first_title, title_of
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import sound

_KIND = f"json_extract({sound('metadata')}, '$.kind')"
_NAMING = f"""
SELECT role, content, {_KIND} FROM messages
WHERE session_id = ? AND role IN ('user', 'system') AND content <> ''
  AND iif(role = 'user', ifnull({_KIND}, 'command'), {_KIND}) = 'command'
ORDER BY seq
"""
_SET = """
UPDATE sessions SET title = :title, title_source = iif(:title IS NULL, NULL, 'prompt')
WHERE id = :id AND (title IS NULL OR title_source = 'prompt') AND title IS NOT :title
"""


def untitled(db: Connection) -> list[str]:
    """Return the ids of the sessions that have no title."""
    return db.column("SELECT id FROM sessions WHERE title IS NULL")


def renew(db: Connection, session_ids: Iterable[str]) -> None:
    """Call sessions by what is said in them, or nothing, inside the caller's transaction; other titles stay."""
    for id in session_ids:
        given = (
            title_of(role, content, {"kind": kind} if kind is not None else None)
            for role, content, kind in db.stream(_NAMING, (id,), size=8)
        )
        db.execute(_SET, {"title": first_title(given) or None, "id": id})


def name_by(db: Connection, session_id: str, row: Draft, known: str | None) -> None:
    """Call a session by a message that it gets, unless that gives nothing better than what it is called by so far."""
    if title := better_title(known, row.role, row.content, row.metadata):
        db.execute(_SET, {"title": title, "id": session_id})
