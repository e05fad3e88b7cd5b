"""Write what importers yield, as a union with what is there: nothing twice, nothing lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sessiondb import timestamps
from sessiondb.chat.memory_frame import is_framed
from sessiondb.dao.forks.ownership import Ownership
from sessiondb.dao.forks.parents import Ancestry
from sessiondb.dao.ledger import Claims
from sessiondb.dao.union.calls import is_copied_answer
from sessiondb.dao.union.incoming import AnyMessage, Incoming, SessionFields
from sessiondb.dao.union.merge import Merge, Merged
from sessiondb.dao.union.notes import take_note
from sessiondb.dao.union.replacing import NOTHING_OLD, Claim, Misread, OldReading
from sessiondb.dao.union.row_buffer import Message
from sessiondb.dao.union.sessions import Batch, storable
from sessiondb.dao.union.stand_ins import displace, has_talk, is_marked, is_stand_in, is_talk
from sessiondb.dao.union.union import Union
from sessiondb.dao.union.written import Part, Written
from sessiondb.errors import Conflict, SessionDBError
from sessiondb.importers.base import (
    INHERITED,
    MessageRecord,
    Record,
    SessionRecord,
    TokenRecord,
    ToolResult,
)
from sessiondb.records import Channel
from sessiondb.records.export_rows import CallRow
from sessiondb.records.export_rows import Row as ExportRow

ODD_RECORDS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a record that is not as base.py says makes Python raise on its way into the database."""


class Added(NamedTuple):
    """What a file brought: ids of the sessions that are new, changed, and as they were, and the messages added.

    `claims` has them all, with their authority and whether their stored messages are this file's; `identities` the
    records by which a later piece of the file finds them again.
    """

    new: list[str]
    updated: list[str]
    unchanged: list[str]
    messages: int
    claims: Claims
    identities: dict[str, SessionRecord]


NOTHING_ADDED = Added([], [], [], 0, {}, {})


class ImportWriter:
    """Takes the records of one file after another, inside one transaction of the caller; it is their policy too.

    A log is believed in what it says of its session, over what was stored before; a title by a person stays, and so
    does the end that a person has set (see SessionFields). Messages are known by the ids that their agents gave them.
    """

    takes_rows_as_they_are = False
    # Notes that stand for a state have no time of their own in the logs: theirs is that of the last save.
    undated_notes = ("question", "workstream", "summary")

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._union = Union(batch)
        self._content, self._calls = self._union.content, self._union.calls
        self._merge: Merge | None = None
        self._written = Written(batch.db)
        self._earlier: Mapping[str, SessionRecord] = {}
        self._identities: dict[str, SessionRecord] = {}
        self._path = ""
        self._misread = Misread(self._union, "", NOTHING_OLD)
        self._fallback_time = ""
        # The sessions of the file; None stands for one that was removed on purpose.
        self._sessions: dict[str, Incoming | None] = {}
        self._claims: dict[str, Claim] = {}
        # By the id of a session: sub-agents that its log names, and that had another parent before.
        self._children: dict[str, list[str]] = {}

    # What the file brings
    #
    # The records of a file come in this order, and each waits for what it needs of those before:
    #     session    what the log says of the session; may come again, with more known
    #     message    looked up by its id; what is new becomes a row, what is there takes what it lacks
    #     result     finds the call that waits for it; one without a call waits for that as an orphan
    #     tokens     one row a response: of several counts the one with the greatest output

    def begin(
        self,
        path: str,
        changed_ns: int,
        old: OldReading = NOTHING_OLD,
        earlier: Mapping[str, SessionRecord] = MappingProxyType({}),
    ) -> None:
        """Begin a file, or a further piece of one, which was last changed at a time in nanoseconds since 1970.

        That time is for sessions that no time is known of. `old` is what a lower version of the importer took from
        the file, which is put right. `earlier` are the identities of the sessions that earlier pieces
        brought.
        """
        read_anew = old.sessions - earlier.keys() - self._written.sources
        self._misread = Misread(self._union, path, old._replace(sessions=read_anew))
        self._earlier = earlier
        self._path = path
        self._fallback_time = timestamps.from_epoch(changed_ns / 1e9)
        self._union.open = {}
        self._sessions, self._claims, self._children, self._merge = {}, {}, {}, None
        self._identities = {}

    def add(self, record: Record | ExportRow) -> None:
        """Take a record; its session's own record must have come before. Rows of an export are merged."""
        if not isinstance(record, tuple):
            if self._merge is None:
                self._merge = Merge(self._union)
            self._merge.add(record)
        elif isinstance(record, SessionRecord):
            session = self._session(record)
            if session is not None:
                placed = self._written.placed(record, self._path)
                claim = self._claims[session.id]
                if claim.held is not None and claim.awaits_talk:
                    claim.held.append(placed)
                else:
                    self._learn(session, placed)
        else:
            session = self._sessions.get(record.session)
            if session is None or self._written.is_any:
                session = self._session_of(record)
            if session is None:
                return
            held = self._claims[session.id].held
            if held is None:
                self._take(session, record)
            else:
                held.append(record)
                if self._claims[session.id].awaits_talk and is_talk(record):
                    self._displace(session)

    def _session_of(self, record: Part) -> Incoming | None:
        """Return the session that a record is part of, None where that, or the record, is not taken in."""
        session = self._sessions.get(record.session)
        if session is None and record.session in self._earlier:
            identity = self._earlier[record.session]
            session = self._session(identity)
            if session is not None:
                self._learn(session, self._written.placed(identity, self._path))
        if session is None:
            return None
        if self._written.adopts(session.id, record):
            self._learn(session, self._written.placed(self._identities[session.id], self._path))
        return None if self._written.holds(session.id, record) else session

    @property
    def is_holding(self) -> bool:
        """Say whether records are held back to the end of the file."""
        return any(claim.held is not None for claim in self._claims.values())

    def finish(self, *, is_last: bool = True) -> Added:
        """End the file, or a piece of it that is not the last, and return what that brought.

        At the end of the file it is decided on what is held back.
        """
        sessions = [session for session in self._sessions.values() if session is not None]
        if is_last:
            for session in sessions:
                self._settle_rivalry(session)
            sessions = [session for session in sessions if not self._is_only_inherited(session)]
        else:
            sessions = [session for session in sessions if self._claims[session.id].held is None]
        # Before what was misread is taken back: sessions of the file may inherit from those that go.
        others = self._union.finish(sessions, self._children)
        if is_last:
            self._misread.withdraw_others(sessions)
        self._interleave(sessions)
        merged = self._merge.finish() if self._merge else Merged()
        old = [session for session in sessions if not session.is_new]
        claims: Claims = {
            session.id: (self._claims[session.id].authority, self._claims[session.id].is_owner)
            for session in sessions
        }
        claims |= dict.fromkeys([*merged.added, *merged.updated, *merged.unchanged], (None, True))
        return Added(
            [session.id for session in sessions if session.is_new] + merged.added,
            [session.id for session in old if session.is_changed] + merged.updated + sorted(others),
            [session.id for session in old if not session.is_changed] + merged.unchanged,
            sum(session.added for session in sessions) + merged.messages,
            claims,
            {session.id: self._identities[session.id] for session in sessions},
        )

    def withdraw(self, agent: str) -> list[str]:
        """Take back what a lower version read from the file, which is a log of `agent`; return the ids."""
        return self._misread.withdraw_all(agent)

    def flush(self) -> None:
        """Write all that is held back."""
        self._union.flush()

    def _session(self, record: SessionRecord) -> Incoming | None:
        if record.id in self._sessions:
            return self._sessions[record.id]
        deleted_at, last_seq, written = self._union.find(record.id)
        if deleted_at is not None:
            if not self._batch.restore:
                self._sessions[record.id] = None
                return None
            self._union.sessions.bring_back(record.id)
        if is_stand_in(record) and written and has_talk(self._batch.db, record.id, written):
            self._sessions[record.id] = None
            return None
        fields = dict(written) or {
            "id": record.id, "agent": record.agent, "native_id": record.native_id, "consolidated": 0, "pinned": 0,
            "origin": self._batch.database_id,
        }  # fmt: skip
        session = Incoming(record.id, SessionFields(fields, written), self, last_seq)
        if not session.is_new:
            self._misread.put_right(session, record)
        may_rival = not session.is_new and record.authority is not None
        has_rival = may_rival and self._batch.ledger.rival(record.id, self._path) is not None
        self._sessions[record.id] = session
        stands_in = is_stand_in(record)
        self._identities[record.id] = SessionRecord(
            record.id,
            record.agent,
            record.native_id,
            authority=record.authority,
            metadata=record.metadata if stands_in else None,
        )
        awaits_talk = not stands_in and not has_rival and is_marked(written)
        self._claims[record.id] = Claim(record.authority, has_rival=has_rival, awaits_talk=awaits_talk)
        if not (has_rival or awaits_talk):
            self._union.open[record.id] = session
        return session

    def _settle_rivalry(self, session: Incoming) -> None:
        """Take the messages of this file in place of the stored ones, or leave them: see Claim.settle."""
        claim = self._claims[session.id]
        if claim.awaits_talk:
            # Not a word was said in it.
            self._release(session)
        elif claim.held is not None:
            held = claim.settle(session, self._batch, self._path)
            if claim.is_owner:
                self._union.open[session.id] = session
            self._take_all(session, held)

    def _displace(self, session: Incoming) -> None:
        """Let the log of a session take the place of the prompts that have stood for it."""
        self.flush()
        displace(self._batch.db, session)
        self._release(session)

    def _release(self, session: Incoming) -> None:
        """Take what was held back until a word was said."""
        claim = self._claims[session.id]
        held, claim.held, claim.awaits_talk = claim.held or [], None, False
        self._union.open[session.id] = session
        self._take_all(session, held)

    def _take_all(self, session: Incoming, records: Iterable[Part | SessionRecord]) -> None:
        for record in records:
            if isinstance(record, SessionRecord):
                self._learn(session, record)
            else:
                self._take(session, record)

    def _interleave(self, sessions: list[Incoming]) -> None:
        """Put what a further file of a session has added in order of time: its lines may be the earlier ones."""
        for session in sessions:
            went_on = session.added and session.start_seq
            if went_on and self._batch.ledger.is_given_elsewhere(session.id, self._path):
                self.flush()
                Ownership(self._batch.db).interleave(session.id, session.start_seq)

    def _learn(self, session: Incoming, record: SessionRecord) -> None:
        """Take over what a record says of its session."""
        session.row.learn(record)
        batch, fields = self._batch, session.row.fields
        if (record.project or record.project_name) and fields.get("project_id") is None:
            fields["project_id"] = batch.project(record.project, record.project_name)
        if record.channel is not None and (record.channel.chat_id or fields.get("channel_id") is None):
            fields["channel_id"] = batch.lookups.channel(Channel(*record.channel))
        if record.model is not None:
            fields["model_id"] = batch.model(record.model)
        if record.parent_id is not None and record.parent_id != session.id:
            if session.is_new or record.relation != "subagent" or fields.get("parent_id") is None:
                fields["parent_id"] = record.parent_id
            elif fields["parent_id"] != record.parent_id:
                # A fork's log may name itself as the parent of sub-agents that it has copied.
                self._children.setdefault(record.parent_id, []).append(session.id)

    def _take(self, session: Incoming, record: Part) -> None:
        if isinstance(record, MessageRecord):
            # What a hook of ours has told would, found again, drown what it quotes.
            if record.role != "system" or not is_framed(record.content):
                self._message(session, record)
        elif isinstance(record, ToolResult):
            self._result(session, record)
        elif isinstance(record, TokenRecord):
            self._tokens(session, record)
        else:
            session.row.widen(record.created_at)
            if not session.row.written:
                self._union.write()
            project_id = session.row.fields.get("project_id")
            _, is_changed = take_note(self._batch.db, record, session.id, project_id, self.undated_notes)
            session.is_changed = session.is_changed or is_changed
        if self._batch.rows.is_full:
            self._union.write()

    def _message(self, session: Incoming, record: MessageRecord) -> None:
        """Take a message with the calls that it asks for; what is new in it may tell the session's title and model."""
        # Codex writes its parent's conversation into a fork's log under fresh ids: only what is said tells the
        # copies. Once the ancestry has been asked, what it does not have is the session's own, and loses the
        # mark.
        if record.metadata and INHERITED in record.metadata:
            if self._is_inherited(session, record):
                return
            if session.copies.ancestry:
                kept = {name: value for name, value in record.metadata.items() if name != INHERITED}
                record = record._replace(metadata=kept or None)
        # What it has inherited says nothing of when it began.
        begun = session.row.fields.get("started_at") or ""
        if not (record.metadata and INHERITED in record.metadata) or (record.created_at or "") > begun:
            session.row.widen(record.created_at)
        known = session.added
        message = self._content.message(session, record)
        if message is None:
            return
        if session.added > known:
            if record.model is not None:
                session.row.fields["model_id"] = self._batch.model(record.model)
            if (
                record.role == "user"
                and record.content
                and not (record.metadata and "kind" in record.metadata)
            ):
                session.row.set_title(record.content, "prompt")
        if record.tool_calls:
            self._calls.take(session, message, record)

    def _is_inherited(self, session: Incoming, record: MessageRecord) -> bool:
        """Say whether a record is a copy of what an ancestor of its session holds, and note of what."""
        copies = session.copies
        if copies.ancestry is None:
            parent = session.row.fields.get("parent_id")
            self._union.write()
            copies.ancestry = Ancestry(self._batch.db, parent or "")
        calls = [call.call_id for call in record.tool_calls]
        found = copies.ancestry.take(record.role, storable(record.content), calls)
        if found is not None:
            copies.found.append((session.last_id, found.external_id, None))
            copies.calls |= dict.fromkeys(calls, found.external_id)
            copies.inherited += 1
        return found is not None

    def _is_only_inherited(self, session: Incoming) -> bool:
        """Leave out a session that nobody has gone on with: all that is in it is its parent's."""
        if session.id in self._earlier:
            # Of the earlier pieces it is known only what they left.
            has_own = self._batch.db.row("SELECT 1 FROM messages WHERE session_id = ?", (session.id,))
            is_fork = session.row.fields.get("relation") == "fork"
            is_inherited = (is_fork or self._written.is_continuation(session.id)) and has_own is None
        else:
            is_inherited = session.is_new and (
                bool(session.copies.inherited) or self._written.is_continuation(session.id)
            )
        if session.added or not is_inherited:
            return False
        self._union.write()
        self._batch.db.execute("DELETE FROM sessions WHERE id = ?", (session.id,))
        del self._sessions[session.id], self._claims[session.id]
        self._union.open.pop(session.id, None)
        return True

    def _result(self, session: Incoming, record: ToolResult) -> None:
        """Take a tool's answer: to a call that is known, or as one whose call is not."""
        session.row.widen(record.created_at)
        content, call_id = self._content, record.call_id
        calls = self._calls.known(session, call_id)
        call = next((row for row in calls if row.answered_by is None), None)
        # All calls with this id are answered: the file repeats an answer, and may know its time better.
        if calls and call is None:
            self._calls.date_answer(calls, record.created_at)
            return
        # An answer is known by its call. An external id beside that would be a second name, which other stores of
        # the same session do not give.
        if call_id is not None and record.external_id is not None:
            record = record._replace(external_id=None)
        if record.external_id is not None and content.find_by_id(session, record.external_id) is not None:
            return
        if call is None and is_copied_answer(self._batch.db, session, call_id):
            session.copies.found.append((session.last_id, None, call_id))
            return
        message = content.add_message(session, record)
        if call is None:
            # An answer came without its call, which may come yet.
            call = self._calls.add(session, CallRow(call_id, name=record.name))
        self._calls.answer(session, call, message, record)

    def _tokens(self, session: Incoming, record: TokenRecord) -> None:
        copies = session.copies
        is_inherited = copies.inherited and copies.ancestry and copies.ancestry.is_counted
        if is_inherited and record.request_key.startswith(INHERITED):
            return
        message = self._content.find_by_id(session, record.message) if record.message is not None else None
        copied_id = record.message if record.message in session.copies.ids else None
        self._content.tokens(session, record, message.id if message is not None else None, copied_id)

    # Its policy

    def find(self, session: Incoming, message: AnyMessage) -> Message | None:
        """Return the message with the same id that the session has; one without an id is always new."""
        if message.external_id is None:
            return None
        return self._content.find_by_id(session, message.external_id)

    def resolve(self, session: Incoming) -> None:
        """End what the file brings at its last activity: see SessionFields.end."""
        session.row.end(is_new=session.is_new, fallback_time=self._fallback_time)

    def resolve_key(self, session: Incoming, other: str) -> None:
        """Let one open session hold a key: of two from one store the latter, else the one that has it."""
        fields = session.row.fields
        sibling = self._sessions.get(other)
        if sibling is None and not self._batch.ledger.has_given(self._path, other):
            # The key is held by a session that this file does not know: a live one, or one of another store. It
            # was there first, and an import never closes what someone works in.
            fields["ended_at"], fields["end_reason"] = fields["last_active_at"], "imported"
            return
        if sibling is not None:
            sibling.row.release_key()
        self._batch.db.execute(
            "UPDATE sessions SET ended_at = last_active_at, end_reason = 'imported' WHERE id = ?", (other,)
        )


def is_records_fault(error: Exception) -> bool:
    """Say whether an error is about a row of one file, so that others may still be written."""
    about_values = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
    return (
        not isinstance(error, SessionDBError)
        or isinstance(error, Conflict)
        or isinstance(error.__cause__, about_values)
    )
