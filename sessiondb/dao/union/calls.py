"""The tool calls of a session, and their answers, as a union with what is stored.

A call and its answer may come in either order, and from different files:

    asked, then answered    the call waits, and the answer finds it by its id
    answered, then asked    the answer stands as a call that no message asks for, until one does
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sessiondb.dao.union.incoming import AnyMessage, Incoming
from sessiondb.dao.union.renewal import filled, renewed, replaced
from sessiondb.dao.union.row_buffer import Call, Message, RowBuffer, storable
from sessiondb.importers.base import INHERITING, MessageRecord, ToolResult
from sessiondb.records.export_rows import CallRow, storable_json
from sessiondb.storage.connection import Connection

_Renew = Callable[[Any, Any], Any]

_FIND_CALLS = "SELECT id, message_id, result_message_id, returned_at FROM tool_calls WHERE"
# A call of a session that one comes from, above the message that it forked at: asked there, and answered.
_ANSWERED_ABOVE = """
WITH RECURSIVE above (id) AS (
  SELECT parent_id FROM sessions WHERE id = :session
  UNION SELECT h.session_id FROM sessions AS s
    JOIN messages AS h ON h.external_id = json_extract(s.metadata, '$.forked_at')
  WHERE s.id = :session AND json_valid(s.metadata)
  UNION SELECT s.parent_id FROM sessions AS s JOIN above AS a ON s.id = a.id WHERE s.relation = 'fork'
)
SELECT 1 FROM above AS a JOIN tool_calls AS t ON t.session_id = a.id AND t.call_id = :call_id
WHERE t.message_id IS NOT NULL AND t.result_message_id IS NOT NULL LIMIT 1
"""


# What becomes of the columns of a row where a current file says something else now. A text is never taken away, nor put
# where a secret was taken out of it.
_ASKED = {"name": filled, "called_at": filled, "arguments": renewed}
_ANSWERED = {"is_error": filled, "returned_at": filled, "result": renewed}
_ANSWERING = {"created_at": filled, "parts": replaced, "metadata": replaced}


class Calls:
    """The rows of `tool_calls`, in a union."""

    def __init__(self, connection: Connection, rows: RowBuffer) -> None:
        self._db = connection
        self._rows = rows

    def take(self, session: Incoming, message: Message, record: AnyMessage) -> list[Call]:
        """Take the calls that a message asks for; return their rows, in order."""
        if message.calls is None:
            found = self._db.value("SELECT count(*) FROM tool_calls WHERE message_id = ?", (message.id,))
            message.calls = int(found)
        # How a call is known again, where its message is there already:
        #
        #     it has an id    by that, in its session: the first not taken, as some agents give one id to several
        #     it has none     by its message, as the next of those; a further piece of a message only ever adds calls
        # A message that is new asks for calls that are new: most are, and need no look-up.
        had_calls = message.calls > 0
        continues = isinstance(record, MessageRecord) and record.continues
        asked_at = record.created_at
        if continues and record.tool_calls:
            # An answer that came in pieces asks for all its calls when it began, as one that was read as a whole.
            asked_at = self._began(message) or asked_at
        rows: list[Call] = []
        for record_call in record.tool_calls:
            if isinstance(record_call, CallRow):
                call = record_call
            else:
                call_id, name, arguments = record_call
                call = CallRow(call_id, None, name, arguments, message.calls, asked_at)
            row = self._same_call(session, message, call, rows, continues) if had_calls else None
            if row is None:
                row = self._ask(session, message, call)
                message.calls += 1
                session.is_changed |= not message.is_new
            elif session.is_current:
                self._ask_anew(session, row, call)
            rows.append(row)
        return rows

    def _ask_anew(self, session: Incoming, row: Call, call: CallRow) -> None:
        """Let a stored call ask for what a current file says now: its arguments may have been streamed."""
        if call.call_id is not None:
            session.told_again.setdefault(call.call_id, []).append(row)
        if row.values is None:
            self._say_now(
                session, "tool_calls", row.id, _ASKED, (call.name, call.called_at, storable(call.arguments))
            )

    def answer_anew(self, session: Incoming, record: ToolResult) -> bool:
        """Let a stored answer be what a current file says now; say whether there is one.

        Some agents give one id to several calls: the answer is that of the first of those which the file has told
        before it.
        """
        known = self.known(session, record.call_id)
        told = session.told_again.get(record.call_id or "", [])
        if told:
            call = told.pop(0)
        elif len(known) == 1 and record.call_id not in session.told_again:
            call = known[0]
        else:
            return False
        if call.answered_by is None or call.values is not None:
            return False
        at, result = record.created_at, storable(record.result)
        self._say_now(session, "tool_calls", call.id, _ANSWERED, (_flag(record.is_error), at, result))
        said = (at, storable_json(record.parts), storable_json(record.metadata))
        self._say_now(session, "messages", call.answered_by, _ANSWERING, said)
        return True

    def _say_now(
        self, session: Incoming, table: str, id: int, columns: Mapping[str, _Renew], said: Sequence[Any]
    ) -> None:
        """Let the columns of a stored row be what is said now."""
        stored = self._db.row(f"SELECT {', '.join(columns)} FROM {table} WHERE id = ?", (id,)) or ()
        now = tuple(renew(old, new) for renew, old, new in zip(columns.values(), stored, said, strict=True))
        if now != stored:
            assignments = ", ".join(f"{name} = ?" for name in columns)
            self._db.execute(f"UPDATE {table} SET {assignments} WHERE id = ?", (*now, id))
            session.is_changed = True

    def _began(self, message: Message) -> str | None:
        if message.values is None:
            began: str | None = self._db.value("SELECT created_at FROM messages WHERE id = ?", (message.id,))
            return began
        return cast("str | None", message.get(("created_at",))[0])

    def answer(self, session: Incoming, call: Call, message: Message, record: ToolResult | CallRow) -> None:
        """Give a call, written or not, the answer that a message holds."""
        moment = record.created_at if isinstance(record, ToolResult) else record.returned_at
        self._rows.answer(call, (storable(record.result), _flag(record.is_error), moment, message.id))
        session.answered = True
        session.is_changed |= not message.is_new

    def date_answer(self, calls: list[Call], moment: str | None) -> None:
        """Give an answer that came without a time the one that another file has for it."""
        call = next((call for call in calls if call.returned_at is None and call.values is None), None)
        if moment is not None and call is not None:
            call.returned_at = moment
            self._db.execute("UPDATE tool_calls SET returned_at = ? WHERE id = ?", (moment, call.id))
            self._db.execute("UPDATE messages SET created_at = ? WHERE id = ?", (moment, call.answered_by))

    def add(
        self, session: Incoming, call: CallRow, asked_by: int | None = None, answered_by: int | None = None
    ) -> Call:
        """Add a call as it stands: one that no message asks for is an answer whose call is not known."""
        row = self._rows.call(
            session.id, asked_by, answered_by, call.position, call.call_id, call.name, storable(call.arguments),
            storable(call.result), _flag(call.is_error), call.called_at, call.returned_at,
        )  # fmt: skip
        session.row.calls += 1
        self.known(session, asked_by if call.call_id is None else call.call_id).append(row)
        return row

    def known(self, session: Incoming, key: str | int | None) -> list[Call]:
        """Return the calls with an id that the session has, in order: some agents give one id to several.

        Calls without an id are found by the id of the message that asks for them.
        """
        if key is None or session.is_exact:
            return []
        rows = session.calls.get(key)
        if rows is None:
            rows = session.calls[key] = []
            if not session.is_new:
                where = "call_id = ?" if isinstance(key, str) else "message_id = ? AND call_id IS NULL"
                sql = f"{_FIND_CALLS} session_id = ? AND {where} ORDER BY id"
                rows += [Call(*row) for row in self._db.rows(sql, (session.id, key))]
        return rows

    def _ask(self, session: Incoming, message: Message, call: CallRow) -> Call:
        """Add a call to a message, unless its answer came first: then that has its question now."""
        for row in self.known(session, call.call_id):
            # The answer came first, as in logs that write calls when they are done.
            if row.asked_by is None:
                question = (message.id, call.position, call.name, storable(call.arguments), call.called_at)
                self._rows.ask(row, question)
                return row
        return self.add(session, call, message.id)

    def _same_call(
        self, session: Incoming, message: Message, call: CallRow, taken: list[Call], continues: bool
    ) -> Call | None:
        """Return the first call of a message with the same id, or like it none, that is not taken."""
        # Without an id a call is one of its message, but not where a further piece of that brings more calls.
        key: str | int | None = call.call_id
        if key is None and not continues:
            key = message.id
        for row in self.known(session, key):
            if row.asked_by == message.id and row not in taken:
                return row
        return None


def is_left_answer(db: Connection, session: Incoming, call_id: str) -> bool:
    """Say whether an answer is one to a call that the session left to another when an earlier part of its log was read.

    Answers have no ids of their own.
    """
    has_copies = session.is_fork or (
        session.row.fields["agent"] in INHERITING and session.row.fields.get("parent_id") is not None
    )
    return has_copies and db.row(_ANSWERED_ABOVE, {"session": session.id, "call_id": call_id}) is not None


def _flag(value: bool | None) -> int | None:
    return None if value is None else int(value)
