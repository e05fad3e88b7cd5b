"""One session whose rows come from another database, or from its export: aligned with what is here."""

from __future__ import annotations

from typing import Any

import msgspec

from sessiondb.dao.exports import Exports
from sessiondb.dao.forks.transfer import renumber
from sessiondb.dao.union.align import Alignment, Known, digest
from sessiondb.dao.union.incoming import AnyMessage, Incoming, SessionFields
from sessiondb.dao.union.merge_fields import united
from sessiondb.dao.union.row_buffer import Call, Message
from sessiondb.dao.union.stand_ins import without_prompts
from sessiondb.dao.union.union import Union
from sessiondb.importers.base import PROMPT_ID
from sessiondb.records import Channel
from sessiondb.records.export_rows import CallRow, MessageRow, SessionRow, TokensRow, storable_json

_ANSWERED = "SELECT 1 FROM tool_calls WHERE result_message_id = ? AND call_id IS ?"

_PLAIN = (
    "native_id", "key", "parent_id", "relation", "title", "title_source", "started_at", "last_active_at", "ended_at",
    "end_reason", "origin",
)  # fmt: skip
"""The columns of a session that a row has by the same name and with the same value."""


class MergedSession:
    """A session whose rows come from elsewhere, and what is decided on them: where they stand, which answers wait.

    A call's place is the seq of the message that asks for it, there, and its index among that one's calls.
    """

    takes_rows_as_they_are = True

    def __init__(
        self, union: Union, exports: Exports, theirs: SessionRow, fields: SessionFields, last_seq: int
    ) -> None:
        self.session = session = Incoming(theirs.id, fields, self, last_seq)
        self._union, self._exports, self._db = union, exports, union.db
        self._content = union.content
        self._theirs = theirs
        self._alignment = None if session.is_new else self._ours()
        # By their seq there: the message here that each is.
        self._messages: dict[int, Message] = {}
        # Calls until their answer comes, and answers that came before.
        self._unanswered: dict[tuple[int, int], Call] = {}
        self._early: dict[tuple[int, int], tuple[Message, CallRow]] = {}
        # How far it is summarised: the id of the last such message here, and its seq there.
        self._consolidated = (None if session.is_new else self._last_consolidated(), theirs.consolidated)
        self._last_active_at = str(session.row.fields["last_active_at"])
        # All that is there are prompts, which what is here holds.
        self.drops_prompts = False

    def add(self, row: MessageRow) -> None:
        """Take a message, unless it is held back, or left out, beside prompts that stand for a session."""
        if self.drops_prompts and (row.external_id or "").startswith(PROMPT_ID):
            return
        if self.session.waits_for is None:
            self.take(self.session, row)
        else:
            self._union.hold(self.session, row)

    def tokens(self, row: TokensRow) -> None:
        """Take the tokens of a response."""
        self._union.release(self.session)
        seq = row.message or 0
        self._content.tokens(self.session, row, self._messages.get(seq))

    def end(self) -> None:
        """Take what is left when no more rows come, and bring the messages of both into one order."""
        self._union.release(self.session)
        for message, call in self._early.values():
            self._add_answer(self.session, message, call)
        # A new session in a bulk load is as it was there: nothing to put in order, and no trigger has touched it.
        if not (self._union.bulk and self.session.is_new):
            self._union.write()
            self._put_in_order()
            # The messages' triggers may have moved it on.
            sql = "UPDATE sessions SET last_active_at = ? WHERE id = ?"
            self._db.execute(sql, (self._last_active_at, self.session.id))

    # Its policy

    def find(self, session: Incoming, message: AnyMessage) -> Message | None:
        """Return the message here that says the same at the same place; a new session has none."""
        assert isinstance(message, MessageRow)
        known = self._alignment.find(message) if self._alignment is not None else None
        return None if known is None else Message(known.id)

    def take(self, session: Incoming, row: MessageRow) -> None:
        """Take a message with the calls that it asks for, and those that it answers."""
        # Row for row as it is there, numbers too. Where copies go, the gaps close in the end.
        if session.is_exact:
            session.last_seq = row.seq - 1
        added = session.added
        message = self._content.message(session, row)
        if self._alignment is not None and session.added > added:
            self._alignment.add(message.id, row)
        self._messages[row.seq] = message
        for index, call in enumerate(self._union.calls.take(session, message, row) if row.tool_calls else ()):
            early = self._early.pop((row.seq, index), None)
            if early is None:
                self._unanswered[row.seq, index] = call
            else:
                self._answer(session, call, *early)
        for answer in row.answers:
            place = answer.to
            asked = None if place is None else self._unanswered.pop(place, None)
            # Aligned by time, an answer may stand before its call: it waits for that in `early`.
            if place is not None and asked is None and place[0] not in self._messages:
                self._early[place] = (message, answer)
            else:
                self._answer(session, asked, message, answer)

    def has_displaced(self, session: Incoming) -> None:
        """Unite what is there of the session with what is left of it here, without its prompts."""
        theirs = self._theirs
        ours = self._exports.session(session.id)
        assert ours is not None
        row = united(without_prompts(ours, theirs), theirs)
        session.row.fields |= columns(self._union, row)
        session.row.tags.update(row.tags)
        self._alignment = self._ours()
        self._last_active_at = row.last_active_at

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

    # How it is aligned

    def _ours(self) -> Alignment:
        return Alignment(
            Known(id, row.seq, row.external_id, digest(row), row.created_at, row.role == "user")
            for id, row in self._exports.messages(self.session.id)
        )

    def _answer(self, session: Incoming, call: Call | None, message: Message, answer: CallRow) -> None:
        """Give a call its answer. One that has another here keeps it, and the new one stands beside it."""
        if call is None or call.answered_by is not None:
            self._add_answer(session, message, answer)
        else:
            self._union.calls.answer(session, call, message, answer)

    def _add_answer(self, session: Incoming, message: Message, answer: CallRow) -> None:
        if session.is_exact or self._db.row(_ANSWERED, (message.id, answer.call_id)) is None:
            self._union.calls.add(session, answer, answered_by=message.id)
            session.is_changed |= not message.is_new

    def _put_in_order(self) -> None:
        """Number the messages in the order of both, and let the summarised ones end where they end in the one that
        has summarised more.
        """
        if self._alignment is None:
            return
        session = self.session
        order = self._alignment.order()
        if order is not None:
            renumber(self._db, session.id, order)
        ours, theirs = self._consolidated
        last = self._messages.get(theirs)
        ids = [id for id in (ours, last and last.id) if id is not None]
        changed = self._db.execute(
            "UPDATE sessions SET consolidated = found.seq"
            " FROM (SELECT max(seq) AS seq FROM messages WHERE id IN (?, ?)) AS found"
            " WHERE id = ? AND consolidated <> found.seq",
            (ids[0] if ids else None, ids[-1] if ids else None, session.id),
        ).rowcount
        session.is_changed = session.is_changed or changed > 0

    def _last_consolidated(self) -> int | None:
        found = self._db.value(
            "SELECT m.id FROM sessions AS s JOIN messages AS m"
            " ON m.session_id = s.id AND m.seq = s.consolidated WHERE s.id = ?",
            (self.session.id,),
        )
        return None if found is None else int(found)


def columns(union: Union, row: SessionRow) -> dict[str, Any]:
    """Return the columns of a session as its row from elsewhere has them, by this database's ids."""
    channel = Channel(*msgspec.structs.astuple(row.channel)) if row.channel is not None else None
    return {name: getattr(row, name) for name in _PLAIN} | {
        "project_id": union.project(row.project, row.project_name),
        "channel_id": union.lookups.channel(channel),
        "model_id": union.model(row.model),
        "pinned": int(row.pinned),
        "metadata": storable_json(row.metadata),
    }
