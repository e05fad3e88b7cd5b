"""Write what importers yield, as a union with what is there: nothing twice, nothing lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sessiondb import timestamps
from sessiondb.chat.memory_frame import is_framed
from sessiondb.dao.forks.parents import remove_unused
from sessiondb.dao.forks.transfer import interleave
from sessiondb.dao.ledger import Claims
from sessiondb.dao.union.calls import is_left_answer
from sessiondb.dao.union.incoming import AnyMessage, Awaited, Incoming, SessionFields
from sessiondb.dao.union.merge import Merge, Merged
from sessiondb.dao.union.notes import take_note
from sessiondb.dao.union.replacing import Misread, OldReading, settle
from sessiondb.dao.union.row_buffer import Message
from sessiondb.dao.union.stand_ins import has_talk
from sessiondb.dao.union.taken_back import take_back
from sessiondb.dao.union.union import Union
from sessiondb.dao.union.written import Part
from sessiondb.importers.base import (
    INHERITED,
    SUPPOSING,
    MessageRecord,
    Record,
    SessionRecord,
    TakenBack,
    TokenRecord,
    ToolResult,
)
from sessiondb.records import Channel
from sessiondb.records.export_rows import CallRow
from sessiondb.records.export_rows import Row as ExportRow

_HAS_FORKS = "SELECT 1 FROM sessions WHERE parent_id = ? AND relation = 'fork' LIMIT 1"
_UNDATED_NOTES = ("question", "workstream", "summary")
"""Notes that stand for a state have no time of their own in the logs: theirs is that of the last save."""


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
    """Takes the records of a file, or of a piece of one, inside one transaction of the caller; it is their policy too.

    A log is believed in what it says of its session, over what was stored before; a title by a person stays, and so
    does the end that a person has set (see SessionFields). Messages are known by the ids that their agents gave them.

    `changed_ns`, in nanoseconds since 1970, is when the file was last changed: for sessions that no time is known of.
    `old` is what a lower version of the importer took from the file, which is put right. `earlier` are the identities
    of the sessions that earlier pieces brought.
    """

    takes_rows_as_they_are = False

    def __init__(
        self,
        union: Union,
        path: str,
        changed_ns: int,
        old: OldReading,
        earlier: Mapping[str, SessionRecord],
    ) -> None:
        self._union = union
        union.open = {}
        self._content = union.content
        # By the id of a session the sub-agents that its log names, and that had another parent before.
        self._children: dict[str, list[str]] = {}
        self._merge: Merge | None = None
        self._merged = Merged()
        self._written = union.written
        self._path = path
        self._changed_ns = changed_ns
        self._fallback_time = timestamps.from_epoch(changed_ns / 1e9)
        read_anew = old.sessions - earlier.keys() - (self._written.sources if self._written else frozenset())
        self._misread = Misread(union, path, old._replace(sessions=read_anew)) if read_anew else None
        self._earlier = earlier
        self._identities: dict[str, SessionRecord] = {}
        # The sessions of the file; None stands for one that was removed on purpose.
        self._sessions: dict[str, Incoming | None] = {}

    # What the file brings
    #
    # The records of a file come in this order, and each waits for what it needs of those before:
    #     session    what the log says of the session; may come again, with more known
    #     message    looked up by its id; what is new becomes a row, what is there takes what it lacks
    #     result     finds the call that waits for it; one without a call waits for that as an orphan
    #     tokens     one row a response: of several counts the one with the greatest output

    def add(self, record: Record | ExportRow) -> None:
        """Take a record; its session's own record must have come before. Rows of an export are merged."""
        if not isinstance(record, tuple):
            if self._merge is None:
                self._merge = Merge(self._union, self._merged)
            self._merge.add(record)
            return
        session = self._session(record) if isinstance(record, SessionRecord) else self._session_of(record)
        if session is None:
            return
        part = self._placed(record) if isinstance(record, SessionRecord) else record
        if session.waits_for is None:
            self.take(session, part)
        else:
            self._union.hold(session, part)

    def _session_of(self, record: Part) -> Incoming | None:
        """Return the session that a record is part of, None where that, or the record, is not taken in."""
        session = self._sessions.get(record.session)
        if session is None and record.session in self._earlier:
            identity = self._earlier[record.session]
            session = self._session(identity)
            if session is not None:
                self._learn(session, self._placed(identity))
        if session is None or self._written is None:
            return session
        if self._written.adopts(session.id, record):
            self._learn(session, self._placed(self._identities[session.id]))
        return None if self._written.holds(session.id, record) else session

    def _placed(self, record: SessionRecord) -> SessionRecord:
        return record if self._written is None else self._written.placed(record, self._path)

    @property
    def is_holding(self) -> bool:
        """Say whether records are held back to the end of the file."""
        return any(session and session.waits_for for session in self._sessions.values())

    def finish(self, *, is_last: bool = True) -> Added:
        """End the file, or a piece of it that is not the last, and return what that brought.

        At the end of the file it is decided on what is held back.
        """
        sessions = [session for session in self._sessions.values() if session is not None]
        if is_last:
            for session in sessions:
                self._settle(session)
        else:
            sessions = [session for session in sessions if not session.waits_for]
        # The end of a file, step by step: what waited is decided on, what is shared with others finds its owner, what
        # was misread goes (after that, for sessions of the file may inherit from those that go), and a second file's
        # lines are put among the first one's.
        others = self._union.finish(sessions, self._children)
        if is_last:
            sessions = [session for session in sessions if not self._is_only_inherited(session)]
        if is_last and self._misread:
            self._misread.withdraw_others(sessions)
        self._interleave(sessions)
        if self._merge:
            self._merge.finish()
        merged = self._merged
        old = [session for session in sessions if not session.is_new]
        claims: Claims = {session.id: (session.authority, session.is_owner) for session in sessions}
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
        return self._misread.withdraw_all(agent) if self._misread else []

    def _session(self, record: SessionRecord) -> Incoming | None:
        if record.id in self._sessions:
            return self._sessions[record.id]
        deleted_at, last_seq, written = self._union.find(record.id)
        if deleted_at is not None:
            if not self._union.restore:
                self._sessions[record.id] = None
                return None
            self._union.sessions.bring_back(record.id)
        # Its own log is here, which holds all of what a history of prompts has of it.
        if record.is_prompts_only and written and has_talk(self._union.db, record.id, written):
            self._sessions[record.id] = None
            return None
        fields = dict(written) or {
            "id": record.id, "agent": record.agent, "native_id": record.native_id, "consolidated": 0, "pinned": 0,
            "origin": self._union.database_id,
        }  # fmt: skip
        session = Incoming(record.id, SessionFields(fields, written), self, last_seq, record.authority)
        if self._misread and not session.is_new:
            self._misread.put_right(session, record)
        session.is_current = (
            record.is_rewritten is True
            and not session.is_new
            and self._union.ledger.is_newest(record.id, self._path, self._changed_ns)
        )
        session.shares = not session.is_new and (
            session.is_fork or self._union.db.row(_HAS_FORKS, (record.id,)) is not None
        )
        # By this id from now on; the record that comes again only adds to it.
        self._sessions[record.id] = session
        self._identities[record.id] = SessionRecord(
            record.id,
            record.agent,
            record.native_id,
            authority=record.authority,
            metadata=record.metadata if record.is_prompts_only else None,
            is_rewritten=record.is_rewritten,
        )
        session.waits_for = self._awaited(session, record)
        if not session.waits_for:
            self._union.open[record.id] = session
        return session

    def _awaited(self, session: Incoming, record: SessionRecord) -> Awaited | None:
        """Return what the records of a session wait for, None where they are taken as they come."""
        may_rival = not session.is_new and record.authority is not None
        if may_rival and self._union.ledger.rival(record.id, self._path) is not None:
            return "its rival"
        return "a word" if session.row.is_prompts_only and not record.is_prompts_only else None

    def _settle(self, session: Incoming) -> None:
        """Decide, at the end of the file, on what waits still."""
        if session.waits_for == "its rival":
            settle(session, self._union, self._path)
        self._union.release(session)
        if not session.is_owner:
            session.row.keep_written()

    def _interleave(self, sessions: list[Incoming]) -> None:
        """Put what a further file of a session has added in order of time: its lines may be the earlier ones."""
        for session in sessions:
            has_news = session.start_seq and (session.added or session.dated)
            if has_news and self._union.ledger.is_given_elsewhere(session.id, self._path):
                self._union.flush()
                # A time that a message did not have may be a later one than those behind it.
                first = session.start_seq if session.added else self._union.content.last_dated(session)
                interleave(self._union.db, session.id, first)

    def _is_only_inherited(self, session: Incoming) -> bool:
        """Leave out a session that nobody has gone on with: all that is in it is its parent's."""
        is_earlier = session.id in self._earlier
        if session.added or not (session.is_new or is_earlier):
            return False
        is_continuation = self._written is not None and self._written.is_continuation(session.id)
        # Of the earlier pieces it is known only what they left.
        is_inherited = session.has_inherited or (is_earlier and session.row.fields.get("relation") == "fork")
        if not (is_inherited or is_continuation):
            return False
        self._union.write()
        if self._union.db.row("SELECT 1 FROM messages WHERE session_id = ?", (session.id,)) is not None:
            return False
        remove_unused(self._union.db, session.id)
        del self._sessions[session.id]
        self._union.open.pop(session.id, None)
        return True

    # What a record adds to its session

    def take(self, session: Incoming, record: Part | SessionRecord) -> None:
        """Take a record into its session, whose row says by then what is known of it."""
        if isinstance(record, MessageRecord):
            # What a hook of ours has told would, found again, drown what it quotes.
            if record.role != "system" or not is_framed(record.content):
                self._message(session, record)
        elif isinstance(record, ToolResult):
            self._result(session, record)
        elif isinstance(record, TokenRecord):
            self._tokens(session, record)
        elif isinstance(record, SessionRecord):
            self._learn(session, record)
        elif isinstance(record, TakenBack):
            take_back(self._union, session, record.external_ids)
        else:
            session.row.widen(record.created_at)
            # A note refers to its session and its project by their rows: both must be there.
            if not session.row.written:
                self._union.write()
            project_id = session.row.fields.get("project_id")
            _, is_changed = take_note(self._union, record, session.id, project_id, _UNDATED_NOTES)
            session.is_changed = session.is_changed or is_changed
        if self._union.rows.is_full:
            self._union.write()

    def _message(self, session: Incoming, record: MessageRecord) -> None:
        """Take a message with the calls that it asks for; what is new in it may tell the session's title and model."""
        is_marked = record.metadata is not None and INHERITED in record.metadata
        session.has_inherited |= is_marked
        # What it has inherited says nothing of when it began.
        begun = session.row.fields.get("started_at") or ""
        if not is_marked or (record.created_at or "") > begun:
            session.row.widen(record.created_at)
        known = session.added
        message = self._content.message(session, record)
        if session.added > known or session.is_current:
            if record.model is not None:
                session.row.fields["model_id"] = self._union.model(record.model)
            session.row.name_by(record)
        if record.tool_calls:
            self._union.calls.take(session, message, record)

    def _learn(self, session: Incoming, record: SessionRecord) -> None:
        """Take over what a record says of its session."""
        union, fields = self._union, session.row.fields
        # It is where it began, whichever of its files comes first.
        is_earlier = record.started_at is not None and record.started_at < (fields.get("started_at") or "")
        session.row.learn(record)
        if (record.project or record.project_name) and (fields.get("project_id") is None or is_earlier):
            fields["project_id"] = union.project(record.project, record.project_name)
        if record.channel is not None and (record.channel.chat_id or fields.get("channel_id") is None):
            fields["channel_id"] = union.lookups.channel(Channel(*record.channel))
        if record.model is not None:
            fields["model_id"] = union.model(record.model)
            session.row.has_model = True
        # A parent that is known stays for a sub-agent: see `_children`. A fork's is what its log says last.
        if record.parent_id is None and record.agent in SUPPOSING:
            session.row.leave_supposed()
        if record.parent_id is not None and record.parent_id != session.id:
            if session.is_new or record.relation != "subagent" or fields.get("parent_id") is None:
                fields["parent_id"] = record.parent_id
            elif fields["parent_id"] != record.parent_id:
                # A fork's log may name itself as the parent of sub-agents that it has copied.
                self._children.setdefault(record.parent_id, []).append(session.id)

    def _result(self, session: Incoming, record: ToolResult) -> None:
        """Take a tool's answer: to a call that is known, or as one whose call is not."""
        session.row.widen(record.created_at)
        content, call_id = self._content, record.call_id
        if session.is_current and self._union.calls.answer_anew(session, record):
            return
        calls = self._union.calls.known(session, call_id)
        call = next((row for row in calls if row.answered_by is None), None)
        # All calls with this id are answered: the file repeats an answer, and may know its time better.
        if calls and call is None:
            self._union.calls.date_answer(calls, record.created_at)
            return
        # An answer is known by its call. An external id beside that would be a second name, which other stores of
        # the same session do not give.
        if call_id is not None and record.external_id is not None:
            record = record._replace(external_id=None)
        if record.external_id is not None and content.find_by_id(session, record.external_id) is not None:
            return
        if call is None and call_id is not None and is_left_answer(self._union.db, session, call_id):
            return
        message = content.add_message(session, record)
        if call is None:
            # An answer came without its call, which may come yet.
            call = self._union.calls.add(session, CallRow(call_id, name=record.name))
        self._union.calls.answer(session, call, message, record)

    def _tokens(self, session: Incoming, record: TokenRecord) -> None:
        message = self._content.find_by_id(session, record.message) if record.message is not None else None
        self._content.tokens(session, record, message)

    # Its policy

    def find(self, session: Incoming, message: AnyMessage) -> Message | None:
        """Return the message with the same id that the session has; one without an id is always new."""
        if message.external_id is None:
            return None
        found = self._union.content.find_by_id(session, message.external_id)
        if found is None and message.role in ("user", "system") and session.shares:
            return self._union.content.find_by_words(session, message)
        return found

    def has_displaced(self, session: Incoming) -> None:
        """Leave it to the records that follow what the session is now."""

    def resolve(self, session: Incoming) -> None:
        """End what the file brings at its last activity: see SessionFields.end."""
        session.row.end(is_new=session.is_new, fallback_time=self._fallback_time)

    def resolve_key(self, session: Incoming, other: str) -> None:
        """Let one open session hold a key: of two from one store the latter, else the one that has it."""
        fields = session.row.fields
        sibling = self._sessions.get(other)
        if sibling is None and not self._union.ledger.has_given(self._path, other):
            # The key is held by a session that this file does not know: a live one, or one of another store. It
            # was there first, and an import never closes what someone works in.
            fields["ended_at"], fields["end_reason"] = fields["last_active_at"], "imported"
            return
        # Of two that one store calls open the later is the current one.
        if sibling is not None:
            sibling.row.release_key()
        self._union.db.execute(
            "UPDATE sessions SET ended_at = last_active_at, end_reason = 'imported' WHERE id = ?", (other,)
        )
