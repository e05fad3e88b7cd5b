"""Take in rows from another database, or from its export, as a union with what is here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sessiondb.dao.deletion import delete_sessions
from sessiondb.dao.exports import Exports
from sessiondb.dao.forks.handover import Handover
from sessiondb.dao.forks.transfer import renumber
from sessiondb.dao.union.align import Alignment, Known, digest
from sessiondb.dao.union.incoming import AnyMessage, Incoming, SessionFields
from sessiondb.dao.union.merge_fields import outlives, united
from sessiondb.dao.union.notes import take_note
from sessiondb.dao.union.row_buffer import Call, Message
from sessiondb.dao.union.stand_ins import displace, has_talk, is_talk, without_prompts
from sessiondb.dao.union.union import Union
from sessiondb.importers.base import PROMPT_ID
from sessiondb.records import Channel
from sessiondb.records.export_rows import (
    CallRow,
    DeletionRow,
    HeaderRow,
    MessageRow,
    NoteRow,
    Row,
    SessionRow,
    TokensRow,
    stored_json,
)
from sessiondb.records.sessions import PROMPTS_ONLY

_ANSWERED = "SELECT 1 FROM tool_calls WHERE result_message_id = ? AND call_id IS ?"

_PLAIN = (
    "native_id", "key", "parent_id", "relation", "title", "title_source", "started_at", "last_active_at", "ended_at",
    "end_reason", "origin",
)  # fmt: skip
"""The columns of a session that a row has by the same name and with the same value."""


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


class _Current:
    """The session whose rows are coming: where its messages stand here, and the answers that wait for their calls.

    A call's place is the seq of the message that asks for it, there, and its index among that one's calls.
    """

    def __init__(self, session: Incoming, theirs: SessionRow, alignment: Alignment | None = None) -> None:
        self.session = session
        self.theirs = theirs
        self.alignment = alignment
        # By their seq there: the id that each message has here, and the external id of each that another session holds.
        self.ids: dict[int, int] = {}
        self.copied: dict[int, str] = {}
        # Calls until their answer comes, and answers that came before.
        self.unanswered: dict[tuple[int, int], Call] = {}
        self.early: dict[tuple[int, int], tuple[Message, CallRow]] = {}
        # How far it is summarised: the id of the last such message here, and its seq there.
        self.consolidated: tuple[int | None, int] = (None, 0)
        self.last_active_at = str(session.row.fields["last_active_at"])
        # All that is there are prompts, which what is here holds.
        self.drops_prompts = False


class Merge:
    """Takes rows in their order, inside one transaction of the caller; it is their policy too.

    Both databases are believed alike: see merge_fields for what becomes of a session that both hold, and align for
    which messages are the same.
    """

    takes_rows_as_they_are = True

    def __init__(self, union: Union) -> None:
        self.merged = Merged()
        self._union = union
        self._batch = union.batch
        self._content, self._calls = union.content, union.calls
        self._db = union.batch.db
        self._exports = Exports(self._db)
        self._current: _Current | None = None
        # Of a redacted export: what is here is better, and its rows are not told from what was taken out.
        self._is_redacted = False
        self._passed_over: set[str] = set()
        self._notes: Counter[tuple[Any, ...]] = Counter()

    def add(self, row: Row) -> None:
        """Take a row; those of a session come after the session's own."""
        if isinstance(row, MessageRow):
            if self._current is not None:
                self._take(self._current, row)
        elif isinstance(row, TokensRow):
            if self._current is not None:
                self._release(self._current)
                self._tokens(self._current, row)
        elif isinstance(row, SessionRow):
            self._end_session()
            self._begin(row)
        elif isinstance(row, NoteRow):
            self._note(row)
        elif isinstance(row, DeletionRow):
            self._delete(row)
        elif isinstance(row, HeaderRow):
            self._is_redacted = row.redacted
        if self._batch.rows.is_full:
            self._union.write()

    def finish(self) -> Merged:
        """End with the last session, and return what all of them brought; the caller flushes the union."""
        self._end_session()
        return self.merged

    # Its policy

    def find(self, session: Incoming, message: AnyMessage) -> Message | None:
        """Return the message that says the same at the same place; a new session has none."""
        alignment = self._current.alignment if self._current is not None else None
        if alignment is None:
            return None
        assert isinstance(message, MessageRow)
        known = alignment.find(message)
        return None if known is None else Message(known.id)

    def resolve(self, session: Incoming) -> None:
        """Leave the row as it is: what it is to be was decided when it came."""

    def resolve_key(self, session: Incoming, other: str) -> None:
        """Let the open session of a key stay open that was active later."""
        fields = session.row.fields
        other_active_at = self._db.value("SELECT last_active_at FROM sessions WHERE id = ?", (other,))
        if other_active_at >= fields["last_active_at"]:
            fields["ended_at"], fields["end_reason"] = fields["last_active_at"], "merged"
        else:
            self._db.execute(
                "UPDATE sessions SET ended_at = last_active_at, end_reason = 'merged' WHERE id = ?", (other,)
            )

    # Sessions

    def _begin(self, theirs: SessionRow) -> None:
        deleted_at, last_seq, written = self._union.find(theirs.id)
        if deleted_at is not None:
            if not self._batch.restore and not outlives(theirs, deleted_at):
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
            fields.fields |= self._columns(row)
            fields.tags.update(row.tags)
        session = Incoming(theirs.id, fields, self, last_seq)
        session.is_changed = row != ours
        if ours is None:
            fields.fields |= {"id": row.id, "agent": row.agent, "consolidated": row.consolidated}
            self._current = _Current(session, theirs)
        else:
            self._current = _Current(session, theirs, Alignment(self._ours(row.id)))
            self._current.consolidated = (self._last_consolidated(row.id), theirs.consolidated)
        self._current.drops_prompts = is_beside
        if fields.is_prompts_only and not is_marked_there:
            session.waits_for = "a word"
        self._union.open[session.id] = session
        for call in theirs.calls if session.is_new else ():
            self._calls.add(session, call)

    def _columns(self, row: SessionRow) -> dict[str, Any]:
        channel = Channel(*msgspec.structs.astuple(row.channel)) if row.channel is not None else None
        return {name: getattr(row, name) for name in _PLAIN} | {
            "project_id": self._batch.project(row.project, row.project_name),
            "channel_id": self._batch.lookups.channel(channel),
            "model_id": self._batch.model(row.model),
            "pinned": int(row.pinned),
            "metadata": stored_json(row.metadata),
        }

    def _end_session(self) -> None:
        """Write what is left of the session whose rows came last."""
        current, self._current = self._current, None
        if current is None:
            return
        self._release(current)
        session, batch, merged = current.session, self._batch, self.merged
        for message, call in current.early.values():
            self._add_answer(session, message, call)
        # A new session in a bulk load is as it was there: nothing to put in order, and no trigger has touched it.
        if not (batch.bulk and session.is_new):
            self._union.write()
            self._put_in_order(current)
            # The messages' triggers may have moved it on.
            sql = "UPDATE sessions SET last_active_at = ? WHERE id = ?"
            self._db.execute(sql, (current.last_active_at, session.id))
        changed = self._union.finish([session])
        del self._union.open[session.id]
        others = changed - {*merged.added, *merged.updated}
        merged.updated += sorted(others)
        merged.unchanged = [id for id in merged.unchanged if id not in others]
        merged.messages += session.added
        kind = merged.added if session.is_new else merged.updated
        (kind if session.is_changed else merged.unchanged).append(session.id)

    # Messages

    def _take(self, current: _Current, row: MessageRow) -> None:
        """Take a message, unless it is held back, or left out, beside prompts that stand for a session."""
        if current.drops_prompts and (row.external_id or "").startswith(PROMPT_ID):
            return
        if current.session.waits_for is None:
            self._message(current, row)
            return
        current.session.held.append(row)
        if is_talk(row):
            self._displace(current)
            self._release(current)

    def _displace(self, current: _Current) -> None:
        """Let what is there of a session take the place of the prompts that are here."""
        session, theirs = current.session, current.theirs
        self._union.flush()
        displace(self._db, session)
        ours = self._exports.session(session.id)
        assert ours is not None
        row = united(without_prompts(ours, theirs), theirs)
        session.row.fields |= self._columns(row)
        session.row.tags.update(row.tags)
        current.alignment = Alignment(self._ours(session.id))
        current.last_active_at = row.last_active_at

    def _release(self, current: _Current) -> None:
        """Take what was held back until a word was said."""
        for row in current.session.released():
            self._message(current, row)

    def _ours(self, session_id: str) -> Iterator[Known]:
        for id, row in self._exports.messages(session_id):
            yield Known(id, row.seq, row.external_id, digest(row), row.created_at)

    def _message(self, current: _Current, row: MessageRow) -> None:
        session = current.session
        # Row for row as it is there, numbers too. Where copies are left out, the gaps close in the end.
        if session.is_exact:
            session.last_seq = row.seq - 1
        added = session.added
        message = self._content.message(session, row)
        if message is None:
            if row.external_id is not None:
                current.copied[row.seq] = session.copies.renamed.get(row.external_id, row.external_id)
            return
        if current.alignment is not None and session.added > added:
            current.alignment.add(message.id)
        current.ids[row.seq] = message.id
        for index, call in enumerate(self._calls.take(session, message, row) if row.tool_calls else ()):
            early = current.early.pop((row.seq, index), None)
            if early is None:
                current.unanswered[row.seq, index] = call
            else:
                self._answer(session, call, *early)
        for answer in row.answers:
            place = answer.to
            asked = None if place is None else current.unanswered.pop(place, None)
            # Aligned by time, an answer may stand before its call: it waits for that in `early`.
            if place is not None and asked is None and place[0] not in current.ids:
                current.early[place] = (message, answer)
            else:
                self._answer(session, asked, message, answer)

    def _answer(self, session: Incoming, call: Call | None, message: Message, answer: CallRow) -> None:
        """Give a call its answer. One that has another here keeps it, and the new one stands beside it."""
        if call is None or call.answered_by is not None:
            self._add_answer(session, message, answer)
        else:
            self._calls.answer(session, call, message, answer)

    def _add_answer(self, session: Incoming, message: Message, answer: CallRow) -> None:
        if session.is_exact or self._db.row(_ANSWERED, (message.id, answer.call_id)) is None:
            self._calls.add(session, answer, answered_by=message.id)

    def _tokens(self, current: _Current, row: TokensRow) -> None:
        seq = row.message or 0
        self._content.tokens(current.session, row, current.ids.get(seq), current.copied.get(seq))

    def _put_in_order(self, current: _Current) -> None:
        """Number the messages in the order of both, and let the summarised ones end where they end in the one that
        has summarised more.
        """
        if current.alignment is None:
            return
        session = current.session
        order = current.alignment.order()
        if order is not None:
            renumber(self._db, session.id, order)
        ours, theirs = current.consolidated
        ids = [id for id in (ours, current.ids.get(theirs)) if id is not None]
        changed = self._db.execute(
            "UPDATE sessions SET consolidated = found.seq"
            " FROM (SELECT max(seq) AS seq FROM messages WHERE id IN (?, ?)) AS found"
            " WHERE id = ? AND consolidated <> found.seq",
            (ids[0] if ids else None, ids[-1] if ids else None, session.id),
        ).rowcount
        session.is_changed = session.is_changed or changed > 0

    def _last_consolidated(self, session_id: str) -> int | None:
        found = self._db.value(
            "SELECT m.id FROM sessions AS s JOIN messages AS m"
            " ON m.session_id = s.id AND m.seq = s.consolidated WHERE s.id = ?",
            (session_id,),
        )
        return None if found is None else int(found)

    # Tombstones and notes

    def _delete(self, row: DeletionRow) -> None:
        """Remove a session that was removed there, unless it has outlived that, and keep the tombstone."""
        self._union.flush()
        session = self._exports.session(row.id)
        if session is not None and (self._batch.restore or outlives(session, row.deleted_at)):
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
        project_id = self._batch.project(row.project, row.project_name)
        key = (session_id, None if session_id else project_id, row.kind, row.body, row.created_at)
        is_new, _ = take_note(self._batch, row, session_id, project_id, nth=self._notes[key])
        self._notes[key] += 1
        self.merged.notes += is_new
