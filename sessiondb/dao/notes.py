"""Continuity notes: decisions, failures, wins, follow-ups, questions, workstreams and summaries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from os import PathLike
from typing import Any, NamedTuple

from sessiondb.dao import note_changes
from sessiondb.dao.lookups import Lookups, normal_path
from sessiondb.dao.search.guard import despite_search
from sessiondb.errors import InvalidInput, NotFound
from sessiondb.records import Note
from sessiondb.records.notes import KINDS, STATUSES, NoteChange
from sessiondb.storage.connection import Connection, Row
from sessiondb.storage.values import due, mapping, moment, row_limit, stored_json

_SELECT = """
SELECT n.id, n.kind, n.body, n.created_at, n.session_id, coalesce(p.path, p.name), n.context, n.resolution,
  n.author, n.assignee, n.due_at, n.resolved_at,
  (SELECT json_group_object(t.lang, t.body) FROM note_translations AS t WHERE t.note_id = n.id),
  n.status, n.supersedes, (SELECT max(r.id) FROM notes AS r WHERE r.supersedes = n.id),
  (SELECT json_group_array(json_array(c.at, c.status, c.author)) FROM note_changes AS c WHERE c.note_id = n.id)
FROM notes AS n LEFT JOIN projects AS p ON p.id = n.project_id
"""


class Scope(NamedTuple):
    """Whose notes: of a session, of a project (its folder's path, or its name) over all sessions, or all."""

    session_id: str | None = None
    project: str | PathLike[str] | None = None

    def where(self) -> tuple[str, dict[str, Any]]:
        """Return conditions over the alias `n`, true for no scope, and their parameters."""
        conditions = ["TRUE"]
        if self.session_id is not None:
            conditions.append("n.session_id = :session_id")
        if self.project is not None:
            conditions.append(
                "n.project_id IN (SELECT id FROM projects WHERE path = :project OR name = :project)"
            )
        project = None if self.project is None else normal_path(self.project)
        return " AND ".join(conditions), {"session_id": self.session_id, "project": project}


class Notes:
    """The tables `notes`, `note_translations` and `note_changes`."""

    def __init__(self, connection: Connection, lookups: Lookups) -> None:
        self._db = connection
        self._lookups = lookups

    def add(  # noqa: PLR0913
        self,
        kind: str,
        body: str,
        *,
        session_id: str | None = None,
        project: str | PathLike[str] | None = None,
        context: str | None = None,
        resolution: str | None = None,
        author: str | None = None,
        assignee: str | None = None,
        due_at: str | date | None = None,
        created_at: str | datetime | None = None,
        translations: Mapping[str, str | None] | None = None,
        supersedes: int | None = None,
    ) -> Note:
        """Add a note to a session, a project, or both, and return it; a session's project is taken over.

        `supersedes` is the id of a note that it takes the place of, and that is no longer current then; without a
        session and a project the new one belongs where that does.

        `kind` is decision, failure, win, followup, question, workstream or summary. `due_at` is a day
        (`2026-03-01`) or a time. `translations` maps language codes to the body in them; empty ones do not
        count. A question that is open there in the same words is not asked twice: the first one is returned.
        A note is activity of its session, which stays ended where it was. Raises InvalidInput for an unknown
        kind, an empty body or a time that cannot be read, NotFound where there is no such session or note.
        """
        if kind not in KINDS:
            raise InvalidInput(f"unknown kind of note {kind!r}: give one of {', '.join(KINDS)}")
        if not isinstance(body, str) or not body.strip():
            raise InvalidInput("a note needs a text")
        created = moment(created_at)
        columns: dict[str, Any] = {
            "session_id": session_id,
            "kind": kind,
            "body": body,
            "context": context,
            "resolution": resolution,
        }
        columns |= {
            "author": author,
            "assignee": assignee,
            "due_at": due(due_at),
            "created_at": created,
            "supersedes": supersedes,
        }

        # One transaction, and once more past a search index that is found damaged: see despite_search.
        def write() -> Note:
            row = {**columns, **self._place_of(session_id, project, supersedes)}
            note_id = self._open_question(row) if kind == "question" and supersedes is None else None
            if note_id is None:
                note_id = self._insert(row)
                self._was_active(row["session_id"], created)
            if supersedes is not None:
                note_changes.change(self._db, supersedes, "superseded", author, created)
            self._translate(note_id, translations or {})
            return self.get(note_id)

        return despite_search(self._db, write)

    def get(self, note_id: int) -> Note:
        """Return a note by its id. Raises NotFound."""
        row = self._db.row(f"{_SELECT} WHERE n.id = ?", (note_id,))
        if row is None:
            raise NotFound(f"there is no note {note_id}: `sessiondb note list` lists them")
        return _note(row)

    def of_session(self, session_id: str) -> list[Note]:
        """Return a session's notes, the oldest first."""
        return self.find(session_id=session_id)

    def find(
        self,
        *,
        session_id: str | None = None,
        project: str | PathLike[str] | None = None,
        kind: str | None = None,
        is_open: bool | None = None,
        status: str | None = None,
    ) -> list[Note]:
        """Return notes, the oldest first: of a session, of a project over all its sessions; None is any.

        `is_open`: True those that are current: neither done, superseded nor obsolete.
        """
        condition, parameters = Scope(session_id, project).where()
        if kind is not None:
            condition += " AND n.kind = :kind"
        if is_open is not None:
            condition += f" AND n.status {'=' if is_open else '<>'} 'open'"
        if status is not None:
            condition += " AND n.status = :status"
        rows = self._db.rows(
            f"{_SELECT} WHERE {condition} ORDER BY n.created_at, n.id",
            {**parameters, "kind": kind, "status": status},
        )
        return [_note(row) for row in rows]

    def set_status(
        self,
        note_id: int,
        status: str,
        resolution: str | None = None,
        *,
        author: str | None = None,
        at: str | datetime | None = None,
    ) -> Note:
        """Say what has become of a note, by whom if known, and return it with its history.

        `status` is open, done, superseded or obsolete; one that it has already changes nothing. `resolution` says
        how it came; it is set in either case. This is activity of the note's session. Raises NotFound, and
        InvalidInput for another status.
        """
        if status not in STATUSES:
            raise InvalidInput(f"unknown status {status!r}: give one of {', '.join(STATUSES)}")
        changed_at = moment(at)

        def write() -> Note:
            note = self.get(note_id)
            note_changes.change(self._db, note_id, status, author, changed_at)
            if resolution is not None:
                self._db.execute("UPDATE notes SET resolution = ? WHERE id = ?", (resolution, note_id))
            self._was_active(note.session_id, changed_at)
            return self.get(note_id)

        return despite_search(self._db, write)

    def resolve(
        self, note_id: int, resolution: str | None = None, *, at: str | datetime | None = None
    ) -> Note:
        """Mark a note as done or answered, and return it; one that is no longer open keeps its status and time.

        `resolution` says how; it is set in either case. This too is activity of the note's session. Raises
        NotFound.
        """
        status = self.get(note_id).status
        return self.set_status(note_id, "done" if status == "open" else status, resolution, at=at)

    def translate(self, note_id: int, translations: Mapping[str, str | None]) -> Note:
        """Add a note's text in further languages, by language code, and return it.

        Raises Conflict where there is no such note.
        """
        with self._db.transaction():
            self._translate(note_id, translations)
            note = self.get(note_id)
            self._was_active(note.session_id, moment(None))
            return note

    def counts(
        self, *, project: str | PathLike[str] | None = None, limit: int | None = 20
    ) -> list[tuple[str, int, int]]:
        """Return the sessions that have notes, the newest activity first: id, decisions, open follow-ups."""
        condition, parameters = Scope(project=project).where()
        rows = self._db.rows(
            "SELECT s.id, count(CASE WHEN n.kind = 'decision' THEN 1 END),"
            " count(CASE WHEN n.kind = 'followup' AND n.status = 'open' THEN 1 END)"
            f" FROM notes AS n JOIN sessions AS s ON s.id = n.session_id WHERE {condition}"
            " GROUP BY s.id ORDER BY s.last_active_at DESC, s.id LIMIT :limit",
            {**parameters, "limit": row_limit(limit)},
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def latest_scope(self) -> Scope:
        """Return whose notes are the latest: of the session active last that has some, or of the project that
        a note without a session was taken of since; no scope where there are no notes.
        """
        row = self._db.row(
            "SELECT n.session_id, NULL, s.last_active_at AS at"
            " FROM notes AS n JOIN sessions AS s ON s.id = n.session_id"
            " UNION ALL SELECT NULL, coalesce(p.path, p.name), max(n.created_at, coalesce(n.resolved_at, ''))"
            " FROM notes AS n JOIN projects AS p ON p.id = n.project_id WHERE n.session_id IS NULL"
            " ORDER BY at DESC, 1 LIMIT 1"
        )
        return Scope() if row is None else Scope(row[0], row[1])

    def _translate(self, note_id: int, translations: Mapping[str, str | None]) -> None:
        for lang, text in mapping(translations, "translations").items():
            if text:
                self._db.execute(
                    "INSERT INTO note_translations (note_id, lang, body) VALUES (?, ?, ?)"
                    " ON CONFLICT (note_id, lang) DO UPDATE SET body = excluded.body",
                    (note_id, lang, text),
                )

    def _was_active(self, session_id: str | None, at: str) -> None:
        self._db.execute(
            # Never backwards: a note may be dated before what was said last. What an import ended ends at its last
            # activity; what a person ended stays as they did.
            "UPDATE sessions SET last_active_at = :at, ended_at = iif(end_reason = 'imported', :at, ended_at)"
            " WHERE id = :session_id AND last_active_at < :at",
            {"session_id": session_id, "at": at},
        )

    def _place_of(
        self, session_id: str | None, project: str | PathLike[str] | None, supersedes: int | None
    ) -> dict[str, Any]:
        """Return the session and project that a note belongs to."""
        old = None if supersedes is None else self.get(supersedes)
        # What takes the place of a decision belongs to the project, which outlives the session of that.
        if old is not None and session_id is None and project is None:
            session_id, project = (None, old.project) if old.project else (old.session_id, None)
        return {"session_id": session_id, "project_id": self._project_of(session_id, project)}

    def _project_of(self, session_id: str | None, project: str | PathLike[str] | None) -> int | None:
        project_id = self._lookups.project(project)
        if session_id is None:
            if project_id is None:
                raise InvalidInput("a note belongs to a session or a project: give one of them")
            return project_id
        row = self._db.row("SELECT project_id FROM sessions WHERE id = ?", (session_id,))
        if row is None:
            raise NotFound(f"there is no session {session_id} to add a note to")
        found: int | None = row[0] if project_id is None else project_id
        return found

    def _open_question(self, row: Mapping[str, Any]) -> int | None:
        found = self._db.value(
            "SELECT id FROM notes WHERE kind = 'question' AND status = 'open' AND body = :body"
            " AND session_id IS :session_id AND project_id IS :project_id",
            {name: row[name] for name in ("body", "session_id", "project_id")},
        )
        return None if found is None else int(found)

    def _insert(self, row: Mapping[str, Any]) -> int:
        note_id = self._db.execute(
            f"INSERT INTO notes ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
        ).lastrowid
        assert note_id is not None
        return note_id


def _note(row: Row) -> Note:
    values = list(row)
    values[12] = stored_json(row[12], {}, f"the translations of note {row[0]}")
    changes: list[tuple[str, str, str | None]] = stored_json(row[16], [], f"the history of note {row[0]}")
    values[16] = sorted((NoteChange(*change) for change in changes), key=NoteChange.order)
    return Note(*values)
