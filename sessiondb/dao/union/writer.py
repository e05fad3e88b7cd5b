"""Write what importers yield, as a union with what is there: nothing twice, nothing lost."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from sessiondb import timestamps
from sessiondb.dao.forks.forks import Forks, Kin
from sessiondb.dao.ledger import Claims
from sessiondb.dao.union.batch import ImportBatch
from sessiondb.dao.union.merge import Merge
from sessiondb.dao.union.messages import ImportMessages
from sessiondb.dao.union.misread import NOTHING_OLD, Misread, OldReading
from sessiondb.dao.union.notes import ImportNotes
from sessiondb.dao.union.session import ImportSession
from sessiondb.dao.union.sessions import ImportSessions
from sessiondb.dao.union.tokens import ImportTokens
from sessiondb.errors import Conflict, SessionDBError
from sessiondb.importers.base import MessageRecord, NoteRecord, Record, SessionRecord, TokenRecord, ToolResult
from sessiondb.records.rows import Row as ExportRow

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

    `claims` has them all, with their authority and whether their stored messages are this file's.
    """

    new: list[str]
    updated: list[str]
    unchanged: list[str]
    messages: int
    claims: Claims


class ImportWriter:
    """Takes the records of one file after another, inside one transaction of the caller.

    Rows are held back until they are many, those of finished files too: `flush` at the end.
    """

    def __init__(self, batch: ImportBatch) -> None:
        self._batch = batch
        self._sessions = ImportSessions(batch)
        self._messages = ImportMessages(batch)
        self._tokens = ImportTokens(batch, self._messages)
        self._notes = ImportNotes(batch)
        self._merge = self._new_merge()
        self._old = NOTHING_OLD
        self._misread = Misread(batch.db, batch.ledger, "")
        self._forks = Forks(batch.db, batch.rows)
        batch.write = self._write
        # Sessions of finished files of which rows are held back.
        self._unflushed: set[str] = set()

    def begin(self, path: str, changed_ns: int, old: OldReading = NOTHING_OLD) -> None:
        """Begin a file, which was last changed at a time in nanoseconds since 1970.

        `old` is what a lower version of the importer took from it, which is put right.
        """
        self._old = old
        self._misread = Misread(self._batch.db, self._batch.ledger, path)
        self._batch.path = path
        self._batch.fallback_time = timestamps.from_epoch(changed_ns / 1e9)
        self._batch.sessions = {}
        self._merge = self._new_merge()

    def add(self, record: Record | ExportRow) -> None:
        """Take a record; its session's own record must have come before. Rows of an export are merged."""
        if not isinstance(record, tuple):
            # They share the buffer, in which rows of earlier files may wait for their sessions.
            self._sessions.write()
            self._merge.add(record)
        elif isinstance(record, SessionRecord):
            session = self._session(record)
            if session is not None:
                self._sessions.learn(session, record)
        else:
            session = self._batch.sessions.get(record.session)
            if session is None:
                return
            if session.held is not None:
                session.held.append(record)
            else:
                self._take(session, record)

    def finish(self) -> Added:
        """End the file: decide on what is held back, and return what the file brought."""
        self._merge.end_session()
        sessions = [session for session in self._batch.sessions.values() if session is not None]
        for session in sessions:
            if session.held is not None:
                self._settle_rivalry(session)
        self._sessions.settle(sessions)
        self._unflushed.update(session.id for session in sessions)
        others = self._settle_forks(sessions)
        for session in sessions:
            session.is_changed = session.is_changed or session.added > 0
        self._withdraw_others(sessions)
        self._interleave(sessions)
        merged = self._merge.merged
        all_merged = [*merged.added, *merged.updated, *merged.unchanged]
        return Added(
            [session.id for session in sessions if session.is_new] + merged.added,
            [session.id for session in sessions if not session.is_new and session.is_changed]
            + merged.updated
            + others,
            [session.id for session in sessions if not session.is_new and not session.is_changed]
            + merged.unchanged,
            sum(session.added for session in sessions) + merged.messages,
            {session.id: (session.authority, session.is_owner) for session in sessions}
            | dict.fromkeys(all_merged, (None, True)),
        )

    def flush(self) -> None:
        """Write all that is held back."""
        self._sessions.write()
        self._batch.rows.write()
        self._batch.ledger.flush()
        self._unflushed.clear()

    def _session(self, record: SessionRecord) -> ImportSession | None:
        sessions = self._batch.sessions
        if record.id not in sessions:
            if record.id in self._unflushed:
                self.flush()
            found = sessions[record.id] = self._sessions.find(record)
            may_rival = found is not None and not found.is_new and record.authority is not None
            if found and not found.is_new and record.id in self._old.sessions:
                self._put_right(found, record)
            if found and may_rival and self._batch.ledger.rival(record.id, self._batch.path) is not None:
                found.held = []
        return sessions[record.id]

    def withdraw(self, agent: str) -> list[str]:
        """Take back what a lower version read from the file, which is a log of `agent`; return the ids."""
        self.flush()
        return self._misread.withdraw(sorted(self._old.sessions), (), agent)

    def _withdraw_others(self, sessions: list[ImportSession]) -> None:
        """Take back the sessions that the file gave under another agent's name and does not give any more."""
        gone = self._old.sessions - {session.id for session in sessions}
        agents = {session.agent for session in sessions}
        if gone and len(agents) == 1:
            self.flush()
            (agent,) = agents
            other = [
                id
                for id in sorted(gone)
                if self._batch.db.value("SELECT agent FROM sessions WHERE id = ?", (id,)) not in (None, agent)
            ]
            self._misread.withdraw(other, [session.id for session in sessions], agent)

    def _put_right(self, session: ImportSession, record: SessionRecord) -> None:
        """Remove what a lower version read of a session, where that was wrong or taken for another agent's."""
        is_others = session.fields["agent"] != record.agent
        if not (is_others or self._old.is_wrong) or not self._misread.is_only_here(session.id):
            return
        self._misread.clear(session.id)
        self._batch.agent(record.agent)
        session.forget(record.agent)

    def _take(
        self, session: ImportSession, record: MessageRecord | ToolResult | TokenRecord | NoteRecord
    ) -> None:
        if isinstance(record, MessageRecord):
            self._messages.add(session, record)
        elif isinstance(record, ToolResult):
            self._messages.add_result(session, record)
        elif isinstance(record, TokenRecord):
            self._tokens.add(session, record)
        else:
            session.saw(record.created_at)
            if not session.written:
                self._write()
            self._notes.add(session, record)
        if self._batch.rows.is_full:
            self._write()

    def _write(self) -> None:
        """Write all that came before, in the middle of a file."""
        sessions = self._batch.sessions.values()
        self._sessions.settle(session for session in sessions if session is not None and session.held is None)
        self.flush()

    def _settle_rivalry(self, session: ImportSession) -> None:
        """Take the messages of this file in place of the stored ones, or leave them, as authority and number say."""
        batch = self._batch
        held, session.held = session.held or [], None
        count = sum(isinstance(record, MessageRecord | ToolResult) for record in held)
        stored = int(batch.db.value("SELECT count(*) FROM messages WHERE session_id = ?", (session.id,)))
        theirs = batch.ledger.rival(session.id, batch.path) or 0
        session.is_owner = (session.authority or 0, count) > (theirs, stored)
        if not session.is_owner:
            # A file that is not believed only fills gaps.
            session.fields |= {name: value for name, value in session.written.items() if value is not None}
            return
        for table in ("tool_calls", "messages", "token_counts"):
            batch.db.execute(f"DELETE FROM {table} WHERE session_id = ?", (session.id,))
        batch.ledger.disown(session.id)
        session.last_seq = 0
        session.is_changed = True
        for record in held:
            assert not isinstance(record, SessionRecord)
            self._take(session, record)

    def _settle_forks(self, sessions: list[ImportSession]) -> list[str]:
        """Give what sessions of this file share with others to the originals; return the others that changed."""
        kin = [(session, one) for session in sessions if (one := self._kin(session)) is not None]
        if not kin:
            return []
        self.flush()
        changed = set[str]()
        for session, one in kin:
            settled = self._forks.settle(one)
            changed |= settled.changed
            session.added -= settled.dropped
        for session in sessions:
            session.is_changed = session.is_changed or session.id in changed
        return sorted(changed - {session.id for session in sessions})

    def _interleave(self, sessions: list[ImportSession]) -> None:
        """Put what a further file of a session has added in order of time: its lines may be the earlier ones."""
        for session in sessions:
            if (
                session.added
                and session.stored_seq
                and self._batch.ledger.is_given_elsewhere(session.id, self._batch.path)
            ):
                self.flush()
                self._forks.interleave(session.id, session.stored_seq)

    def _kin(self, session: ImportSession) -> Kin | None:
        """Return what a session shares with others, None where it is nothing."""
        late: list[str] = []
        if session.added and session.has_worldwide_ids and not self._batch.is_first:
            own = (external_id for external_id, row in session.messages.items() if len(row) > 1)
            late = self._forks.shared(session.id, own)
        if not session.copies and not late:
            return None
        sessions = self._batch.sessions.values()
        children = [one.id for one in sessions if one is not None and one.other_parent == session.id]
        keys = session.copied_counts.items()
        return Kin(session.id, session.copies, late, children, tuple(keys), session.is_new)

    def _new_merge(self) -> Merge:
        batch = self._batch
        return Merge(batch.db, batch.lookups, batch.rows, bulk=batch.bulk, restore=batch.restore)


def is_records_fault(error: Exception) -> bool:
    """Say whether an error is about a row of one file, so that others may still be written."""
    about_values = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
    return (
        not isinstance(error, SessionDBError)
        or isinstance(error, Conflict)
        or isinstance(error.__cause__, about_values)
    )
