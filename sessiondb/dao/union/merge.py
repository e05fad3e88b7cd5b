"""Take in rows from another database, or from its export, as a union with what is here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sessiondb.dao.deletion import delete_sessions
from sessiondb.dao.exports import Exports
from sessiondb.dao.forks.handover import Handover
from sessiondb.dao.union.incoming import SessionFields
from sessiondb.dao.union.merge_fields import outlives, united
from sessiondb.dao.union.merged_session import MergedSession, columns
from sessiondb.dao.union.notes import take_note
from sessiondb.dao.union.stand_ins import has_talk, without_prompts
from sessiondb.dao.union.union import Union
from sessiondb.records.export_rows import (
    DeletionRow,
    HeaderRow,
    MessageRow,
    NoteRow,
    Row,
    SessionRow,
    TokensRow,
)
from sessiondb.records.sessions import PROMPTS_ONLY


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
    """Takes rows in their order, inside one transaction of the caller, and adds to `merged` what they bring.

    Both databases are believed alike: see merge_fields for what becomes of a session that both hold, and align for
    which messages are the same.
    """

    def __init__(self, union: Union, merged: Merged) -> None:
        self.merged = merged
        self._union = union
        self._db = union.db
        self._exports = Exports(self._db)
        self._current: MergedSession | None = None
        # Of a redacted export: what is here is better, and its rows are not told from what was taken out.
        self._is_redacted = False
        self._passed_over: set[str] = set()
        self._notes: Counter[tuple[Any, ...]] = Counter()

    def add(self, row: Row) -> None:
        """Take a row; those of a session come after the session's own."""
        if isinstance(row, MessageRow):
            if self._current is not None:
                self._current.add(row)
        elif isinstance(row, TokensRow):
            if self._current is not None:
                self._current.tokens(row)
        elif isinstance(row, SessionRow):
            self._end_session()
            self._begin(row)
        elif isinstance(row, NoteRow):
            self._note(row)
        elif isinstance(row, DeletionRow):
            self._delete(row)
        elif isinstance(row, HeaderRow):
            self._is_redacted = row.redacted
        if self._union.rows.is_full:
            self._union.write()

    def finish(self) -> None:
        """End with the last session; the caller flushes the union."""
        self._end_session()

    # Sessions

    def _begin(self, theirs: SessionRow) -> None:
        deleted_at, last_seq, written = self._union.find(theirs.id)
        if deleted_at is not None:
            if not self._union.restore and not outlives(theirs, deleted_at):
                self.merged.kept_away.append(theirs.id)
                return
            self._union.sessions.bring_back(theirs.id)
        ours = self._exports.session(theirs.id)
        if ours is not None and self._is_redacted:
            self._passed_over.add(theirs.id)
            self.merged.unchanged.append(theirs.id)
            return
        fields = SessionFields(dict(written), written)
        is_marked_there = PROMPTS_ONLY.encode() in bytes(theirs.metadata)
        is_beside = is_marked_there and not fields.is_prompts_only and has_talk(self._db, theirs.id, written)
        if ours is not None and is_beside:
            theirs = without_prompts(theirs, ours)
        row = theirs if ours is None else united(ours, theirs)
        if ours is not None and row.title_source == "prompt" and b'"forked_at"' in bytes(ours.metadata):
            # Theirs may be the first prompt of what it has copied.
            row = msgspec.structs.replace(row, title=ours.title, title_source=ours.title_source)
        if row != ours:
            fields.fields |= columns(self._union, row)
            fields.tags.update(row.tags)
        if ours is None:
            fields.fields |= {"id": row.id, "agent": row.agent, "consolidated": row.consolidated}
        self._current = MergedSession(self._union, self._exports, theirs, fields, last_seq)
        self._current.drops_prompts = is_beside
        session = self._current.session
        session.is_changed = row != ours
        if fields.is_prompts_only and not is_marked_there:
            session.waits_for = "a word"
        self._union.open[session.id] = session
        for call in theirs.calls if session.is_new else ():
            self._union.calls.add(session, call)

    def _end_session(self) -> None:
        """Write what is left of the session whose rows came last."""
        current, self._current = self._current, None
        if current is None:
            return
        current.end()
        session, merged = current.session, self.merged
        changed = self._union.finish([session])
        del self._union.open[session.id]
        others = changed - {*merged.added, *merged.updated}
        merged.updated += sorted(others)
        merged.unchanged = [id for id in merged.unchanged if id not in others]
        merged.messages += session.added
        kind = merged.added if session.is_new else merged.updated
        (kind if session.is_changed else merged.unchanged).append(session.id)

    # Tombstones and notes

    def _delete(self, row: DeletionRow) -> None:
        """Remove a session that was removed there, unless it has outlived that, and keep the tombstone."""
        self._union.flush()
        session = self._exports.session(row.id)
        if session is not None and (self._union.restore or outlives(session, row.deleted_at)):
            return
        self._db.execute(
            "INSERT INTO deletions (session_id, deleted_at, reason, agent, native_id, title)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (session_id)"
            " DO UPDATE SET deleted_at = excluded.deleted_at, reason = excluded.reason"
            " WHERE excluded.deleted_at > deleted_at",
            (row.id, row.deleted_at, row.reason, row.agent, row.native_id, row.title),
        )
        if session is not None:
            delete_sessions(self._db, [row.id], row.reason, Handover(self._db, [row.id]))
            self.merged.removed.append(row.id)

    def _note(self, row: NoteRow) -> None:
        self._end_session()
        session_id = row.session
        if session_id in self._passed_over:
            return
        if session_id is not None:
            _, _, written = self._union.find(session_id)
            if not written:
                # Pruned here: as a prune does, it leaves the notes of projects.
                reason = self._db.value("SELECT reason FROM deletions WHERE session_id = ?", (session_id,))
                if reason != "prune" or not (row.project or row.project_name):
                    return
                session_id = None
        project_id = self._union.project(row.project, row.project_name)
        key = (session_id, None if session_id else project_id, row.kind, row.body, row.created_at)
        is_new, _ = take_note(self._union, row, session_id, project_id, nth=self._notes[key])
        self._notes[key] += 1
        self.merged.notes += is_new
