"""Write the continuity notes of an import."""

from __future__ import annotations

from sessiondb.dao.union.batch import ImportBatch
from sessiondb.dao.union.session import ImportSession
from sessiondb.importers.base import NoteRecord

# Notes that stand for a state have no time of their own in the logs: theirs is that of the last save.
_STATES = ("question", "workstream", "summary")


class ImportNotes:
    """The rows of `notes`, in an import's batch."""

    def __init__(self, batch: ImportBatch) -> None:
        self._db = batch.db

    def add(self, session: ImportSession, record: NoteRecord) -> None:
        """Take a note, or what has become of one; its session must be written."""
        found = self._db.value(
            "SELECT id FROM notes WHERE session_id = ? AND kind = ? AND body = ?"
            " AND (created_at = ? OR kind IN (?, ?, ?))",
            (session.id, record.kind, record.body, record.created_at, *_STATES),
        )
        if found is None:
            found = self._db.execute(
                "INSERT INTO notes (session_id, project_id, kind, body, created_at, context, resolution, author,"
                " assignee, due_at, resolved_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (session.id, session.fields.get("project_id"), *record[1:10]),
            ).lastrowid
            session.is_changed = True
        elif record.resolved_at is not None or record.resolution is not None:
            changed = self._db.execute(
                "UPDATE notes SET resolved_at = coalesce(resolved_at, :at), resolution = coalesce(resolution, :how)"
                " WHERE id = :id AND"
                " (resolved_at IS NOT coalesce(resolved_at, :at) OR resolution IS NOT coalesce(resolution, :how))",
                {"at": record.resolved_at, "how": record.resolution, "id": found},
            ).rowcount
            session.is_changed = session.is_changed or changed > 0
        self._db.executemany(
            "INSERT OR IGNORE INTO note_translations (note_id, lang, body) VALUES (?, ?, ?)",
            [(found, lang, body) for lang, body in (record.translations or {}).items()],
        )
