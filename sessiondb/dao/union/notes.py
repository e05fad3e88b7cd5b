"""Continuity notes, as a union with what is stored."""

from __future__ import annotations

from collections.abc import Sequence

from sessiondb.dao import note_changes
from sessiondb.dao.union.union import Union
from sessiondb.importers.base import NoteRecord
from sessiondb.records.export_rows import NoteRow

AnyNote = NoteRecord | NoteRow

_NOTE = ("kind", "body", "created_at", "context", "resolution", "author", "assignee", "due_at")
_NOTE_GROWING = _NOTE[3:]
_FIND_NOTE = """
SELECT id FROM notes WHERE session_id IS ? AND (session_id IS NOT NULL OR project_id IS ?)
  AND kind = ? AND body = ? AND (created_at = ? OR ?) ORDER BY id LIMIT 1 OFFSET ?
"""
_ADD_NOTE = f"INSERT INTO notes (session_id, project_id, {', '.join(_NOTE)}) VALUES ({', '.join('?' * 10)})"
_FILL_NOTE = (
    f"UPDATE notes SET {', '.join(f'{name} = coalesce({name}, :{name})' for name in _NOTE_GROWING)} WHERE id = :id"
    f" AND ({' OR '.join(f'({name} IS NULL AND :{name} IS NOT NULL)' for name in _NOTE_GROWING)})"
)
_AWAIT_NOTE = "UPDATE notes SET awaits = :name WHERE id = :id AND supersedes IS NULL AND :name IS NOT NULL"


def take_note(
    union: Union,
    record: AnyNote,
    session_id: str | None,
    project_id: int | None,
    undated: Sequence[str] = (),
    nth: int = 0,
) -> tuple[bool, bool]:
    """Take a note, or what has become of one; say whether it was added, and whether anything has changed.

    Its session must be written. Notes that say the same at the same time are one, those of the kinds `undated`
    at any time; `nth` counts those that stand together elsewhere.
    """
    db = union.db
    union.has_notes = True
    # Not by time where a log has none to give: a state that is saved again would be another note each time.
    is_undated = record.kind in undated
    key = (session_id, project_id, record.kind, record.body, record.created_at, is_undated, nth)
    found = db.value(_FIND_NOTE, key)
    is_new = found is None
    values = {name: getattr(record, name) for name in _NOTE}
    if is_new:
        found = db.execute(_ADD_NOTE, (session_id, project_id, *values.values())).lastrowid
    is_changed = is_new or db.execute(_FILL_NOTE, values | {"id": found}).rowcount > 0
    if isinstance(record, NoteRow):
        db.execute(_AWAIT_NOTE, {"name": record.supersedes, "id": found})
    history = [(one.at, one.status, one.author) for one in getattr(record, "history", ())]
    is_changed = note_changes.unite(db, found, history, record.resolved_at) or is_changed
    db.executemany(
        "INSERT OR IGNORE INTO note_translations (note_id, lang, body) VALUES (?, ?, ?)",
        [(found, lang, body) for lang, body in (record.translations or {}).items()],
    )
    return is_new, is_changed
