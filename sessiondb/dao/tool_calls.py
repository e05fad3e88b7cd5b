"""Tool calls and their answers, as rows of messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sessiondb.chat.incoming import AnswerDraft, CallDraft
from sessiondb.records import ToolCall
from sessiondb.storage.connection import Connection
from sessiondb.storage.statements import as_stored

_COLUMNS = """
  id, session_id, name, arguments, result, is_error, call_id, position, message_id, result_message_id,
  called_at, returned_at
"""
_UNANSWERED = "result = NULL, is_error = NULL, returned_at = NULL, result_message_id = NULL"
_BATCH = 5000


class ToolCalls:
    """The table `tool_calls`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def ask(
        self, session_id: str, message_id: int, position: int, call: CallDraft, called_at: str
    ) -> ToolCall:
        """Add a call that a message asks for, and return it."""
        id = self._db.execute(
            "INSERT INTO tool_calls (session_id, message_id, position, call_id, name, arguments, called_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (session_id, message_id, position, *call, called_at),
        ).lastrowid
        call_id, name, arguments = call
        return _call(
            as_stored(
                (
                    id,
                    session_id,
                    name,
                    arguments,
                    None,
                    None,
                    call_id,
                    position,
                    message_id,
                    None,
                    called_at,
                    None,
                )
            )
        )

    def answer(self, session_id: str, message_id: int, answer: AnswerDraft, returned_at: str) -> ToolCall:
        """Give a call its answer, and return it: the latest one with that id, or else that name, that has none yet.

        An answer to no known call is kept as a row of its own.
        """
        call_id, name, result, is_error = answer
        column, value = ("call_id", call_id) if call_id is not None else ("name", name)
        call = self._db.row(
            f"SELECT {_COLUMNS} FROM tool_calls WHERE session_id = ? AND {column} = ? AND result_message_id IS NULL"
            " AND message_id IS NOT NULL ORDER BY id DESC LIMIT 1",
            (session_id, value),
        )
        if call is None:
            id = self._db.execute(
                "INSERT INTO tool_calls (session_id, call_id, name, result, is_error, returned_at,"
                " result_message_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (session_id, *answer, returned_at, message_id),
            ).lastrowid
            call = (id, session_id, name, None, None, None, call_id, 0, None, None, None, None)
        else:
            self._db.execute(
                "UPDATE tool_calls SET result = ?, is_error = ?, returned_at = ?, result_message_id = ?"
                " WHERE id = ?",
                (result, is_error, returned_at, message_id, call[0]),
            )
        asked = (*call[6:9], message_id, call[10])
        return _call(as_stored((*call[:4], result, is_error, *asked, returned_at)))

    def take_back(self, message_id: int) -> None:
        """Undo the answers that a message gave: its calls are open again."""
        self._db.execute(
            "DELETE FROM tool_calls WHERE result_message_id = ? AND message_id IS NULL", (message_id,)
        )
        self._db.execute(f"UPDATE tool_calls SET {_UNANSWERED} WHERE result_message_id = ?", (message_id,))

    def move(self, where: dict[str, Any]) -> None:
        """Take the calls of the messages after a seq along to another session; see Messages.move.

        An answer that goes away from its call goes as an answer to no known call.
        """
        gone = "(SELECT id FROM messages WHERE session_id = :session_id AND seq > :after)"
        parted = f"result_message_id IN {gone} AND message_id IS NOT NULL AND message_id NOT IN {gone}"
        self._db.execute(
            "INSERT INTO tool_calls (session_id, call_id, name, result, is_error, returned_at, result_message_id)"
            " SELECT :to, call_id, name, result, is_error, returned_at, result_message_id"
            f" FROM tool_calls WHERE {parted}",
            where,
        )
        self._db.execute(f"UPDATE tool_calls SET {_UNANSWERED} WHERE {parted}", where)
        self._db.execute(
            f"UPDATE tool_calls SET session_id = :to WHERE message_id IN {gone}"
            f" OR (message_id IS NULL AND result_message_id IN {gone})",
            where,
        )

    def unanswered(self, session_id: str) -> list[ToolCall]:
        """Return the calls of a session's latest assistant message that have no answer yet, in their order.

        There are none once anything but answers has followed it.
        """
        rows = self._db.rows(
            f"SELECT {_COLUMNS} FROM tool_calls WHERE result_message_id IS NULL"
            " AND message_id = (SELECT id FROM messages WHERE session_id = ? AND role <> 'tool'"
            " ORDER BY seq DESC LIMIT 1) ORDER BY position, id",
            (session_id,),
        )
        return [_call(row) for row in rows]

    def of_messages(self, message_ids: Sequence[int]) -> dict[int, list[ToolCall]]:
        """Return the calls that messages ask for or answer, by message id."""
        found: dict[int, list[ToolCall]] = {}
        for start in range(0, len(message_ids), _BATCH):
            ids = json.dumps(message_ids[start : start + _BATCH])
            for column in ("message_id", "result_message_id"):
                rows = self._db.rows(
                    f"SELECT {_COLUMNS} FROM tool_calls WHERE {column} IN (SELECT value FROM json_each(?))"
                    f" ORDER BY {column}, position, id",
                    (ids,),
                )
                for call in map(_call, rows):
                    owner = call.message_id if column == "message_id" else call.result_message_id
                    assert owner is not None
                    if call not in found.setdefault(owner, []):
                        found[owner].append(call)
        return found


def _call(row: Sequence[Any]) -> ToolCall:
    values = list(row)
    values[5] = None if row[5] is None else bool(row[5])
    return ToolCall(*values)
