"""What a record of a log adds to its session."""

from __future__ import annotations

from sessiondb.chat.memory_frame import is_framed
from sessiondb.dao.union.calls import is_left_answer
from sessiondb.dao.union.incoming import Incoming
from sessiondb.dao.union.notes import take_note
from sessiondb.dao.union.union import Union
from sessiondb.dao.union.written import Part
from sessiondb.importers.base import INHERITED, MessageRecord, SessionRecord, TokenRecord, ToolResult
from sessiondb.records import Channel
from sessiondb.records.export_rows import CallRow

UNDATED_NOTES = ("question", "workstream", "summary")
"""Notes that stand for a state have no time of their own in the logs: theirs is that of the last save."""


class Records:
    """Takes the records of logs into their sessions.

    `children`: by the id of a session the sub-agents that its log names, and that had another parent before.
    """

    def __init__(self, union: Union) -> None:
        self._union = union
        self._content = union.content
        self.children: dict[str, list[str]] = {}

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
            self.learn(session, record)
        else:
            session.row.widen(record.created_at)
            # A note refers to its session and its project by their rows: both must be there.
            if not session.row.written:
                self._union.write()
            project_id = session.row.fields.get("project_id")
            _, is_changed = take_note(self._union, record, session.id, project_id, UNDATED_NOTES)
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
        if session.added > known:
            if record.model is not None:
                session.row.fields["model_id"] = self._union.model(record.model)
            if (
                record.role == "user"
                and record.content
                and not (record.metadata and "kind" in record.metadata)
            ):
                session.row.set_title(record.content, "prompt")
        if record.tool_calls:
            self._union.calls.take(session, message, record)

    def learn(self, session: Incoming, record: SessionRecord) -> None:
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
            model_id = union.model(record.model)
            session.is_changed |= fields.get("model_id") != model_id
            fields["model_id"] = model_id
        # A parent that is known stays for a sub-agent: see `children`. A fork's is what its log says last.
        if record.parent_id is not None and record.parent_id != session.id:
            if session.is_new or record.relation != "subagent" or fields.get("parent_id") is None:
                fields["parent_id"] = record.parent_id
            elif fields["parent_id"] != record.parent_id:
                # A fork's log may name itself as the parent of sub-agents that it has copied.
                self.children.setdefault(record.parent_id, []).append(session.id)

    def _result(self, session: Incoming, record: ToolResult) -> None:
        """Take a tool's answer: to a call that is known, or as one whose call is not."""
        session.row.widen(record.created_at)
        content, call_id = self._content, record.call_id
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
