"""What becomes of notes: their status with its history, and which note took the place of which."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sessiondb import timestamps
from sessiondb.storage.connection import Connection

_ADD = "INSERT OR IGNORE INTO note_changes (note_id, at, status, author) VALUES (?, ?, ?, ?)"
_LAST = "SELECT max(at) FROM note_changes WHERE note_id = ?"
_CANDIDATES = (
    "SELECT n.id, n.body FROM notes AS n WHERE n.created_at = ? AND n.kind = ? AND n.id <> ?"
    " ORDER BY n.project_id IS NOT ?, n.id"
)


def change(connection: Connection, note_id: int, status: str, author: str | None, at: str) -> bool:
    """Give a note a status, at a time or just after its last change; say whether it had another."""
    if connection.value("SELECT status FROM notes WHERE id = ?", (note_id,)) == status:
        return False
    last = connection.value(_LAST, (note_id,))
    if last is not None and last >= at:
        at = timestamps.from_datetime(timestamps.to_datetime(last) + timedelta(milliseconds=1))
    connection.execute(_ADD, (note_id, at, status, author))
    return True


def unite(
    connection: Connection,
    note_id: int,
    changes: Iterable[tuple[str, str, str | None]],
    resolved_at: str | None,
) -> bool:
    """Add the history that a note has elsewhere (time, status, author); say whether any of it was new.

    `resolved_at` is all that is known where there is no history: it counts if it is later than what is here.
    """
    known = list(changes)
    if not known and resolved_at is not None:
        is_open = connection.value("SELECT status FROM notes WHERE id = ?", (note_id,)) == "open"
        if is_open and resolved_at > (connection.value(_LAST, (note_id,)) or ""):
            known = [(resolved_at, "done", None)]
    added = [connection.execute(_ADD, (note_id, *one)).rowcount for one in known]
    return any(count > 0 for count in added)


def name_of(kind: str, body: str, created_at: str) -> str:
    """Return the name by which a note of another database is awaited; it does not give away the text."""
    import hashlib  # `show` reads notes too, and has no need of it

    return f"{created_at} {kind} {hashlib.sha256(body.encode(errors='replace')).hexdigest()[:32]}"


def link_notes(connection: Connection) -> None:
    """Link notes to those that they supersede, where these have come by now; inside a transaction of the caller."""
    awaiting = connection.rows(
        "SELECT id, awaits, project_id FROM notes WHERE awaits IS NOT NULL ORDER BY id"
    )
    for note_id, awaits, project_id in awaiting:
        created_at, kind, _ = awaits.split(" ", 2)
        for found, body in connection.rows(_CANDIDATES, (created_at, kind, note_id, project_id)):
            if name_of(kind, body, created_at) == awaits:
                connection.execute(
                    "UPDATE notes SET supersedes = ?, awaits = NULL WHERE id = ?", (found, note_id)
                )
                break
