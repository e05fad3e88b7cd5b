"""Take in rows from another database, or from its export, as a union with what is here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sessiondb.dao.exports import Exports
from sessiondb.dao.forks.forks import Forks
from sessiondb.dao.forks.transfer import COUNTERS
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.union.merge_fields import outlives, united
from sessiondb.dao.union.row_buffer import RowBuffer
from sessiondb.dao.union.session_union import SessionUnion
from sessiondb.records import Channel
from sessiondb.records.rows import (
    DeletionRow,
    HeaderRow,
    MessageRow,
    NoteRow,
    Row,
    SessionRow,
    TokensRow,
    stored_json,
)
from sessiondb.storage.connection import Connection

_TOMBSTONE = (
    "SELECT session_id, deleted_at, reason, agent, native_id, title FROM deletions WHERE session_id = ?"
)
_NOTE_KEY = ("session_id", "project_id", "kind", "body", "created_at")
_NOTE_MORE = ("context", "resolution", "author", "assignee", "due_at", "resolved_at")
_SAME_NOTE = f"""
SELECT id FROM notes WHERE {" AND ".join(f"{name} IS ?" for name in _NOTE_KEY)} ORDER BY id LIMIT 1 OFFSET ?
"""
_FILL_NOTE = (
    f"UPDATE notes SET {', '.join(f'{name} = coalesce({name}, ?)' for name in _NOTE_MORE)} WHERE id = ?"
)


@dataclass
class Merged:
    """What rows from elsewhere brought: ids of sessions, and how many messages and notes were added."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept_away: list[str] = field(default_factory=list)
    messages: int = 0
    notes: int = 0


class Merge:
    """Takes rows in their order, inside one transaction of the caller.

    `bulk`: the caller has taken the insert triggers away (SearchIndex.bulk), so the counters are set here.
    `restore`: sessions with a tombstone here come back.
    """

    def __init__(
        self, connection: Connection, lookups: Lookups, rows: RowBuffer, *, bulk: bool, restore: bool = False
    ) -> None:
        self.merged = Merged()
        self._db = connection
        self._lookups = lookups
        self._bulk = bulk
        self._restore = restore
        self._rows = rows
        self._exports = Exports(connection)
        self._forks = Forks(connection, rows)
        self._session: SessionUnion | None = None
        self._row: SessionRow | None = None
        # Of a redacted export: what is here is better, and its rows are not told from what was taken out.
        self._is_redacted = False
        self._passed_over: set[str] = set()
        self._models: dict[str | None, int | None] = {None: None}
        self._notes: Counter[tuple[Any, ...]] = Counter()

    def add(self, row: Row) -> None:
        """Take a row; those of a session come after the session's own."""
        if isinstance(row, MessageRow):
            if self._session is not None:
                self._session.message(row)
        elif isinstance(row, TokensRow):
            if self._session is not None:
                self._session.tokens(row)
        elif isinstance(row, SessionRow):
            self.end_session()
            self._begin(row)
        elif isinstance(row, NoteRow):
            self._note(row)
        elif isinstance(row, DeletionRow):
            self._delete(row)
        elif isinstance(row, HeaderRow):
            self._is_redacted = row.redacted
        if self._rows.is_full:
            self._rows.write()

    def end_session(self) -> None:
        """Write what is left of the session whose rows came last."""
        if self._session is None or self._row is None:
            return
        session, row = self._session, self._row
        session.finish()
        # The messages' triggers may have moved it on.
        self._db.execute("UPDATE sessions SET last_active_at = ? WHERE id = ?", (row.last_active_at, row.id))
        if self._bulk:
            self._db.execute(COUNTERS, (row.id,))
        kin = session.kin(self._forks)
        if kin is not None:
            settled = self._forks.settle(kin)
            session.added -= settled.dropped
            others = settled.changed - {row.id, *self.merged.added, *self.merged.updated}
            self.merged.updated += sorted(others)
            self.merged.unchanged = [id for id in self.merged.unchanged if id not in others]
            session.is_changed = session.is_changed or row.id in settled.changed
        self.merged.messages += session.added
        changed = self.merged.added if session.is_new else self.merged.updated
        (changed if session.is_changed else self.merged.unchanged).append(row.id)
        self._session = self._row = None

    # Sessions

    def _begin(self, theirs: SessionRow) -> None:
        if not self._may_come(theirs):
            self.merged.kept_away.append(theirs.id)
            return
        ours = self._exports.session(theirs.id)
        if ours is not None and self._is_redacted:
            self._passed_over.add(theirs.id)
            self.merged.unchanged.append(theirs.id)
            return
        self._row = theirs if ours is None else united(ours, theirs)
        if ours is not None and self._row.title_source == "prompt" and b'"forked_at"' in bytes(ours.metadata):
            # Theirs may be the first prompt of what it has copied.
            self._row = msgspec.structs.replace(self._row, title=ours.title, title_source=ours.title_source)
        if self._row != ours:
            self._write(self._row, is_new=ours is None)
        self._session = SessionUnion(self._db, self._rows, self._model, theirs, ours is None)
        self._session.is_changed = self._row != ours

    def _may_come(self, theirs: SessionRow) -> bool:
        """Say whether a session may come in: it was not removed here, or it has outlived that."""
        found = self._db.row(_TOMBSTONE, (theirs.id,))
        if found is not None:
            if not self._restore and not outlives(theirs, DeletionRow(*found)):
                return False
            self._db.execute("DELETE FROM deletions WHERE session_id = ?", (theirs.id,))
        return True

    def _write(self, row: SessionRow, *, is_new: bool) -> None:
        columns = self._columns(row) | self._state(row)
        if row.parent_id is not None and not self._exists(row.parent_id):
            # `adopt` links it when the parent comes.
            columns["parent_id"] = None
            columns["metadata"] = self._db.value(
                "SELECT json_set(coalesce(?, '{}'), '$.parent_id', ?)", (columns["metadata"], row.parent_id)
            )
        if is_new:
            columns |= {
                "id": row.id,
                "agent": self._lookups.agent(row.agent),
                "consolidated": row.consolidated,
            }
            sql = f"INSERT INTO sessions ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
            self._db.execute(sql, list(columns.values()))
        else:
            sql = f"UPDATE sessions SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?"
            self._db.execute(sql, [*columns.values(), row.id])
        self._db.executemany(
            "INSERT OR IGNORE INTO session_tags (session_id, tag_id) VALUES (?, ?)",
            [(row.id, self._lookups.tag(tag)) for tag in row.tags],
        )

    def _columns(self, row: SessionRow) -> dict[str, Any]:
        return {
            "native_id": row.native_id,
            "key": row.key,
            "project_id": self._lookups.project(row.project, row.project_name),
            "channel_id": self._channel(row),
            "parent_id": row.parent_id,
            "relation": row.relation,
            "title": row.title,
            "title_source": row.title_source,
            "model_id": self._model(row.model),
            "started_at": row.started_at,
            "last_active_at": row.last_active_at,
            "pinned": int(row.pinned),
            "origin": row.origin,
            "metadata": stored_json(row.metadata),
        }

    def _state(self, row: SessionRow) -> dict[str, str | None]:
        """Return whether a session has ended: of two open ones of a key only the one active later stays
        open.
        """
        state = {"ended_at": row.ended_at, "end_reason": row.end_reason}
        if row.key is None or row.ended_at is not None:
            return state
        other = self._db.row(
            "SELECT id, last_active_at FROM sessions WHERE key = ? AND ended_at IS NULL AND id <> ?",
            (row.key, row.id),
        )
        if other is None:
            return state
        if other[1] >= row.last_active_at:
            return {"ended_at": row.last_active_at, "end_reason": "merged"}
        self._db.execute(
            "UPDATE sessions SET ended_at = last_active_at, end_reason = 'merged' WHERE id = ?", (other[0],)
        )
        return state

    def _channel(self, row: SessionRow) -> int | None:
        if row.channel is None:
            return None
        names = row.channel.__struct_fields__
        return self._lookups.channel(Channel(**{name: getattr(row.channel, name) for name in names}))

    def _exists(self, session_id: str) -> bool:
        return self._db.row("SELECT 1 FROM sessions WHERE id = ?", (session_id,)) is not None

    def _model(self, name: str | None) -> int | None:
        if name not in self._models:
            self._models[name] = self._lookups.model(name)
        return self._models[name]

    # Tombstones and notes

    def _delete(self, row: DeletionRow) -> None:
        """Remove a session that was removed there, unless it has outlived that, and keep the tombstone."""
        session = self._exports.session(row.id)
        if session is not None and (self._restore or outlives(session, row)):
            return
        self._db.execute(
            "INSERT INTO deletions (session_id, deleted_at, reason, agent, native_id, title)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session_id)"
            " DO UPDATE SET deleted_at = excluded.deleted_at, reason = excluded.reason"
            " WHERE excluded.deleted_at > deleted_at",
            (row.id, row.deleted_at, row.reason, row.agent, row.native_id, row.title),
        )
        if session is None:
            return
        if row.reason == "prune":
            self._db.execute(
                "UPDATE notes SET session_id = NULL WHERE session_id = ? AND project_id IS NOT NULL",
                (row.id,),
            )
        self._db.execute("DELETE FROM tool_calls WHERE session_id = ?", (row.id,))
        self._db.execute("DELETE FROM sessions WHERE id = ?", (row.id,))
        self.merged.removed.append(row.id)

    def _note(self, row: NoteRow) -> None:
        self.end_session()
        session_id = row.session
        if session_id in self._passed_over:
            return
        if session_id is not None and not self._exists(session_id):
            # Pruned here: as a prune does, it leaves the notes of projects.
            reason = self._db.value("SELECT reason FROM deletions WHERE session_id = ?", (session_id,))
            if reason != "prune" or not (row.project or row.project_name):
                return
            session_id = None
        project_id = self._lookups.project(row.project, row.project_name)
        key = (session_id, project_id, row.kind, row.body, row.created_at)
        found = self._db.value(_SAME_NOTE, (*key, self._notes[key]))
        self._notes[key] += 1
        more = [getattr(row, name) for name in _NOTE_MORE]
        if found is None:
            columns = (*_NOTE_KEY, *_NOTE_MORE)
            found = self._db.execute(
                f"INSERT INTO notes ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                (*key, *more),
            ).lastrowid
            self.merged.notes += 1
        else:
            self._db.execute(_FILL_NOTE, (*more, found))
        self._db.executemany(
            "INSERT OR IGNORE INTO note_translations (note_id, lang, body) VALUES (?, ?, ?)",
            [(found, lang, body) for lang, body in row.translations.items()],
        )
