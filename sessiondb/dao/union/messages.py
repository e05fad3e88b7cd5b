"""Write the messages and tool calls of an import, as a union with what is there."""

from __future__ import annotations

import json
from typing import Any

from sessiondb.dao.forks.copies import Copy
from sessiondb.dao.union.batch import ImportBatch, storable
from sessiondb.dao.union.row_buffer import ANSWERED_BY, ASKED_BY, CALL, MESSAGE, RETURNED_AT, Row
from sessiondb.dao.union.session import ImportSession
from sessiondb.importers.base import MessageRecord, ToolCallRecord, ToolResult, is_globally_unique

_SPOKEN = ("user", "assistant")

_GROWING = ("content", "reasoning", "parts", "finish_reason", "metadata", "created_at")
_GROWING_PLACES = tuple(map(MESSAGE.index, _GROWING))
_TEXTS = ("arguments", "result")
_CALL_WITHOUT_TEXTS = ", ".join("NULL" if column in _TEXTS else column for column in CALL)
_ANSWERED = """
SELECT 1 FROM messages AS m JOIN tool_calls AS t ON t.message_id = m.id
WHERE m.external_id = :asked_by AND m.session_id <> :session AND t.call_id = :call_id
  AND t.result_message_id IS NOT NULL
"""
_encode = json.JSONEncoder(ensure_ascii=False).encode


class ImportMessages:
    """The rows of `messages` and `tool_calls`, in an import's batch."""

    def __init__(self, batch: ImportBatch) -> None:
        self._batch = batch
        self._db = batch.db
        self._rows = batch.rows

    def add(self, session: ImportSession, record: MessageRecord) -> None:
        """Take a message with the tool calls that it asks for."""
        session.saw(record.created_at)
        external_id = record.external_id
        if external_id is not None:
            known = self.find(session, external_id)
            if known is not None:
                self._add_again(session, known, record)
                return
            if self._is_copy(session, external_id):
                session.copied_calls |= {call.call_id: external_id for call in record.tool_calls}
                return
        content = storable(record.content)
        model_id = self._batch.model(record.model)
        row = self._rows.message(
            session.id, session.next_seq(), record.role, content, storable(record.reasoning), _json(record.parts),
            external_id, model_id, record.finish_reason, record.created_at, _json(record.metadata),
        )  # fmt: skip
        if external_id is not None:
            session.messages[external_id] = row
            self._batch.origins[external_id] = session.id
        if model_id is not None:
            session.fields["model_id"] = model_id
        if record.role == "user" and content and not (record.metadata and "kind" in record.metadata):
            session.entitle(content, "prompt")
        if record.role in _SPOKEN:
            session.unwritten_spoken += 1
        for position, call in enumerate(record.tool_calls):
            self._add_call(session, row[0], position, call, record.created_at)

    def add_result(self, session: ImportSession, record: ToolResult) -> None:
        """Take a tool's answer: to a call that is known, or as one whose call is not."""
        session.saw(record.created_at)
        call_id = record.call_id
        calls = self._find_calls(session, call_id)
        call = next((row for row in calls if row[ANSWERED_BY] is None), None)
        if calls and call is None:
            self._date(calls, record.created_at)
            return
        external_id = record.external_id if call_id is None else None
        if external_id is not None and self.find(session, external_id) is not None:
            return
        if call is None and self._is_copied_answer(session, call_id):
            # Answers have no ids of their own: a copied answer is one whose call was copied.
            session.copies.append(Copy(session.last_seq, call_id=call_id))
            return
        message = self._rows.message(
            session.id, session.next_seq(), "tool", None, None, _json(record.parts), external_id, None, None,
            record.created_at, _json(record.metadata),
        )  # fmt: skip
        if external_id is not None:
            session.messages[external_id] = message
        if call is None:
            call = self._new_call(session, None, 0, (call_id, record.name, None, None))
        is_error = None if record.is_error is None else int(record.is_error)
        self._rows.answer(call, message[0], storable(record.result), is_error, record.created_at)

    def _date(self, calls: list[Row], moment: str | None) -> None:
        """Give an answer that came without a time the one that another file has for it."""
        call = next((row for row in calls if row[RETURNED_AT] is None), None)
        if moment is not None and call is not None and self._rows.is_written_call(call):
            call[RETURNED_AT] = moment
            self._db.execute("UPDATE tool_calls SET returned_at = ? WHERE id = ?", (moment, call[0]))
            self._db.execute("UPDATE messages SET created_at = ? WHERE id = ?", (moment, call[ANSWERED_BY]))

    def find(self, session: ImportSession, external_id: str) -> Row | None:
        """Return the row of a message that the session has; of a stored one only the id."""
        row = session.messages.get(external_id)
        if row is None and not session.is_new:
            found = self._db.value(
                "SELECT id FROM messages WHERE external_id = ? AND session_id = ?", (external_id, session.id)
            )
            if found is not None:
                row = session.messages[external_id] = [found]
        return row

    def _add_again(self, session: ImportSession, row: Row, record: MessageRecord) -> None:
        """Add to a message what it does not have yet: further text, further tool calls."""
        is_written = self._rows.is_written_message(row)
        if is_written:
            stored = self._db.row(f"SELECT {', '.join(_GROWING)} FROM messages WHERE id = ?", (row[0],)) or ()
        else:
            stored = tuple(row[place] for place in _GROWING_PLACES)
        grown = _grown(stored, record)
        if grown != stored:
            session.is_changed = True
            if is_written:
                assignments = ", ".join(f"{name} = ?" for name in _GROWING)
                self._db.execute(f"UPDATE messages SET {assignments} WHERE id = ?", (*grown, row[0]))
            else:
                for place, value in zip(_GROWING_PLACES, grown, strict=True):
                    row[place] = value
        if record.tool_calls:
            self._add_further_calls(session, row[0], record)

    def _add_further_calls(self, session: ImportSession, message_id: int, record: MessageRecord) -> None:
        """Add the calls that a message lacks: those of a continuation, else those beyond the number it has."""
        position = int(self._db.value("SELECT count(*) FROM tool_calls WHERE message_id = ?", (message_id,)))
        position += self._rows.unwritten_calls_of(message_id)
        calls = record.tool_calls if record.continues else record.tool_calls[position:]
        for call in calls:
            if any(row[ASKED_BY] == message_id for row in self._find_calls(session, call.call_id)):
                continue
            self._add_call(session, message_id, position, call, record.created_at)
            position += 1

    def _add_call(
        self, session: ImportSession, message_id: int, position: int, call: ToolCallRecord, moment: str | None
    ) -> None:
        for row in self._find_calls(session, call.call_id):
            if row[ASKED_BY] is None:
                # The answer came first.
                self._rows.ask(row, (message_id, position, call.name, storable(call.arguments), moment))
                session.is_changed = True
                return
        self._new_call(session, message_id, position, (*call, moment))

    def _new_call(
        self,
        session: ImportSession,
        message_id: int | None,
        position: int,
        call: tuple[str | None, str | None, str | None, str | None],
    ) -> Row:
        call_id, name, arguments, called_at = call
        row = self._rows.call(
            session.id,
            message_id,
            None,
            position,
            call_id,
            name,
            storable(arguments),
            None,
            None,
            called_at,
            None,
        )
        session.unwritten_calls += 1
        session.is_changed = True
        if call_id is not None:
            self._find_calls(session, call_id).append(row)
        return row

    def _find_calls(self, session: ImportSession, call_id: str | None) -> list[Row]:
        """Return the calls with an id that the session has, in order: some agents give one id to several."""
        if call_id is None:
            return []
        rows: list[Row] | None = session.calls.get(call_id)
        if rows is None:
            rows = session.calls[call_id] = []
            if not session.is_new:
                sql = f"SELECT {_CALL_WITHOUT_TEXTS} FROM tool_calls WHERE session_id = ? AND call_id = ? ORDER BY id"
                rows += map(list, self._db.rows(sql, (session.id, call_id)))
        return rows

    def _is_copy(self, session: ImportSession, external_id: str) -> bool:
        """Say whether a message is held by another session, so that one of the two has copied it."""
        if external_id in session.copied:
            return True
        origin = self._batch.origins.get(external_id)
        if origin is None and not session.may_copy:
            return False
        if not is_globally_unique(external_id):
            session.may_copy = session.has_copies
            return False
        session.has_worldwide_ids = True
        is_held = not self._batch.is_first and self._is_held(session, external_id)
        if origin is not None and origin != session.id and not is_held:
            self._batch.write()
            is_held = self._is_held(session, external_id)
        if is_held:
            session.copies.append(Copy(session.last_seq, external_id))
            session.copied.add(external_id)
            session.may_copy = True
        else:
            session.may_copy = session.has_copies
        return is_held

    def _is_held(self, session: ImportSession, external_id: str) -> bool:
        sql = "SELECT 1 FROM messages WHERE external_id = ? AND session_id <> ?"
        return self._db.row(sql, (external_id, session.id)) is not None

    def _is_copied_answer(self, session: ImportSession, call_id: str | None) -> bool:
        """Say whether a call was copied that has its answer where it was copied from."""
        asked_by = session.copied_calls.get(call_id)
        names = {"asked_by": asked_by, "call_id": call_id, "session": session.id}
        return asked_by is not None and self._db.row(_ANSWERED, names) is not None


def _grown(stored: tuple[Any, ...], record: MessageRecord) -> tuple[Any, ...]:
    """Return the columns of _GROWING with what a record adds to them."""
    content, reasoning, parts, finish_reason, metadata, created_at = stored
    add = _joined if record.continues else _longer
    if record.continues and record.parts:
        parts = _json([*json.loads(parts or "[]"), *record.parts])
    if record.continues and record.metadata:
        metadata = _json({**record.metadata, **json.loads(metadata or "{}")})
    return (
        add(content, storable(record.content)),
        add(reasoning, storable(record.reasoning)),
        parts,
        finish_reason or record.finish_reason,
        metadata,
        created_at or record.created_at,
    )


def _json(value: Any) -> str | None:
    return _encode(value) if value else None


def _joined(stored: str | None, new: str | None) -> str | None:
    return f"{stored}\n\n{new}" if stored and new else stored or new


def _longer(stored: str | None, new: str | None) -> str | None:
    if not stored:
        return new
    return new if new is not None and new.startswith(stored) else stored
