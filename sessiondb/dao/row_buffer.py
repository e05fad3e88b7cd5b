"""Rows of messages, tool calls and token counts on their way into the database, many at a time."""

from __future__ import annotations

from typing import Any

from sessiondb.connection import Connection

MOST_BYTES = 8 * 1024 * 1024
"""Bytes of text held back before they are written, about."""

MESSAGE = (
    "id", "session_id", "seq", "role", "content", "reasoning", "parts", "external_id", "model_id", "finish_reason",
    "created_at", "metadata",
)  # fmt: skip
CALL = (
    "id", "session_id", "message_id", "result_message_id", "position", "call_id", "name", "arguments", "result", "is_error",
    "called_at", "returned_at",
)  # fmt: skip
TOKENS = (
    "session_id", "request_key", "message_id", "model_id", "counted_at", "input", "cache_read", "cache_write", "output",
    "reasoning", "cost_microdollars",
)  # fmt: skip

Row = list[Any]
"""The values of a row in the order of its columns; the id comes first and is given out at once."""

NAME, ARGUMENTS = CALL.index("name"), CALL.index("arguments")
ASKED_BY, ANSWERED_BY = CALL.index("message_id"), CALL.index("result_message_id")
RESULT, IS_ERROR, RETURNED_AT = CALL.index("result"), CALL.index("is_error"), CALL.index("returned_at")


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


class RowBuffer:
    """Rows that are not written yet. Ids are given out in order, so that rows can name each other before they are written.

    Only for use inside one transaction: it relies on nobody else giving out ids.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._next = {
            table: 1
            + int(connection.value("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table,)) or 0)
            for table in ("messages", "tool_calls")
        }
        self._messages: list[Row] = []
        self._calls: list[Row] = []
        self._answers: list[Row] = []
        self._tokens: list[Row] = []
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Say whether it is time to write."""
        return self._bytes > MOST_BYTES

    def message(self, *values: Any) -> Row:
        """Take the values of a message, all but its id; return the row, which may still be changed."""
        row = [self._next["messages"], *values]
        self._next["messages"] += 1
        self._messages.append(row)
        self._bytes += 200 + len(row[4] or "") + len(row[5] or "")
        return row

    def call(self, *values: Any) -> Row:
        """Take the values of a tool call, all but its id; return the row, which may still be changed."""
        row = [self._next["tool_calls"], *values]
        self._next["tool_calls"] += 1
        self._calls.append(row)
        self._bytes += 200 + len(row[ARGUMENTS] or "") + len(row[RESULT] or "")
        return row

    def answer(
        self, call: Row, message_id: int, result: str | None, is_error: int | None, returned_at: str | None
    ) -> None:
        """Give a call, written or not, its answer."""
        if self.is_written_call(call):
            self._answers.append([result, is_error, returned_at, message_id, call[0]])
            call[ANSWERED_BY] = message_id
        else:
            call[RESULT], call[IS_ERROR], call[RETURNED_AT], call[ANSWERED_BY] = (
                result,
                is_error,
                returned_at,
                message_id,
            )
        self._bytes += len(result or "")

    def tokens(self, row: Row) -> None:
        """Take the values of a token count; they may still be changed until the next `write`."""
        self._tokens.append(row)

    def is_written_message(self, row: Row) -> bool:
        """Say whether a message is in the database, so that changing its row changes nothing."""
        return not self._messages or row[0] < self._messages[0][0]

    def is_written_call(self, row: Row) -> bool:
        """Say whether a tool call is in the database."""
        return not self._calls or row[0] < self._calls[0][0]

    def is_written_tokens(self, row: Row) -> bool:
        """Say whether a token count is in the database."""
        return not any(row is other for other in self._tokens)

    def write(self) -> None:
        """Write all rows; the sessions they belong to must be there."""
        self._db.executemany(_insert("messages", MESSAGE), self._messages)
        self._db.executemany(_insert("tool_calls", CALL), self._calls)
        self._db.executemany(
            "UPDATE tool_calls SET result = ?, is_error = ?, returned_at = ?, result_message_id = ? WHERE id = ?",
            self._answers,
        )
        self._db.executemany(_insert("token_counts", TOKENS), self._tokens)
        for row in self._messages:
            row[4:7] = None, None, None
        for row in self._calls:
            row[ARGUMENTS] = row[RESULT] = None
        self._messages, self._calls, self._answers, self._tokens = [], [], [], []
        self._bytes = 0
