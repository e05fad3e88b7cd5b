"""Rows of messages, tool calls and token counts on their way into the database, many at a time."""

from __future__ import annotations

from typing import Any

from sessiondb.storage.connection import Connection

MAX_BYTES = 8 * 1024 * 1024
"""Bytes of text held back before they are written, about."""

MESSAGE = (
    "id", "session_id", "seq", "role", "content", "reasoning", "parts", "external_id", "model_id", "finish_reason",
    "created_at", "metadata",
)  # fmt: skip
CALL = (
    "id", "session_id", "message_id", "result_message_id", "position", "call_id", "name", "arguments", "result",
    "is_error", "called_at", "returned_at",
)  # fmt: skip
TOKENS = (
    "session_id", "request_key", "message_id", "model_id", "counted_at", "input", "cache_read", "cache_write", "output",
    "reasoning", "cost_microdollars",
)  # fmt: skip

Row = list[Any]
"""The values of a row in the order of its columns; the id comes first and is given out at once."""

CONTENT, REASONING, PARTS = MESSAGE.index("content"), MESSAGE.index("reasoning"), MESSAGE.index("parts")
FINISH_REASON = MESSAGE.index("finish_reason")
ASKED_BY, ANSWERED_BY = CALL.index("message_id"), CALL.index("result_message_id")
NAME, ARGUMENTS, CALLED_AT = CALL.index("name"), CALL.index("arguments"), CALL.index("called_at")
RESULT, IS_ERROR, RETURNED_AT = CALL.index("result"), CALL.index("is_error"), CALL.index("returned_at")


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


_MESSAGES, _CALLS, _TOKENS = (
    _insert("messages", MESSAGE),
    _insert("tool_calls", CALL),
    _insert("token_counts", TOKENS),
)
_ASKING = ("message_id", "position", "name", "arguments", "called_at")
_ASK = f"UPDATE tool_calls SET {', '.join(f'{column} = ?' for column in _ASKING)} WHERE id = ?"
_ANSWERS = (
    "UPDATE tool_calls SET result = ?, is_error = ?, returned_at = ?, result_message_id = ? WHERE id = ?"
)


class RowBuffer:
    """Rows that are not written yet.

    Ids are given out in order, so that rows can name each other before they are written.
    Only for use inside one transaction: it relies on nobody else giving out ids.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._next_message, self._next_call = (
            1 + int(connection.value("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table,)) or 0)
            for table in ("messages", "tool_calls")
        )
        self._messages: list[Row] = []
        self._calls: list[Row] = []
        self._answers: list[Row] = []
        self._tokens: dict[int, Row] = {}
        self._tokens_by_key: dict[str, Row] = {}
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Say whether it is time to write."""
        return self._bytes > MAX_BYTES

    def message(self, *values: Any) -> Row:
        """Take the values of a message, all but its id; return the row, which may be changed until it is written.

        After that it has the id and the session's.
        """
        row = [self._next_message, *values]
        self._next_message += 1
        self._messages.append(row)
        self._bytes += 200 + len(row[CONTENT] or "") + len(row[REASONING] or "")
        return row

    def call(self, *values: Any) -> Row:
        """Take the values of a tool call, all but its id; return the row, which may still be changed."""
        row = [self._next_call, *values]
        self._next_call += 1
        self._calls.append(row)
        self._bytes += 200 + len(row[ARGUMENTS] or "") + len(row[RESULT] or "")
        return row

    def ask(self, call: Row, values: tuple[int, int, str | None, str | None, str | None]) -> None:
        """Give an orphan answer its question: message, position, name, arguments and time."""
        if self.is_written_call(call):
            self._db.execute(_ASK, (*values, call[0]))
        for column, value in zip(_ASKING, values, strict=True):
            call[CALL.index(column)] = value

    def answer(
        self, call: Row, message_id: int, result: str | None, is_error: int | None, returned_at: str | None
    ) -> None:
        """Give a call, written or not, its answer."""
        call[ANSWERED_BY] = message_id
        if self.is_written_call(call):
            self._answers.append([result, is_error, returned_at, message_id, call[0]])
        else:
            call[RESULT], call[IS_ERROR], call[RETURNED_AT] = result, is_error, returned_at
        self._bytes += len(result or "")

    def tokens(self, row: Row) -> None:
        """Take the values of a token count; they may still be changed until the next `write`."""
        # Rows may be without a key, so only the row itself tells it from others.
        self._tokens[id(row)] = row
        self._tokens_by_key[row[1]] = row

    def is_written_message(self, row: Row) -> bool:
        """Say whether a message is in the database, so that changing its row changes nothing."""
        return not self._messages or row[0] < self._messages[0][0]

    def is_written_call(self, row: Row) -> bool:
        """Say whether a tool call is in the database."""
        return not self._calls or row[0] < self._calls[0][0]

    def unwritten_calls_of(self, message_id: int) -> int:
        """Return how many calls of a message are not in the database yet."""
        return sum(row[ASKED_BY] == message_id for row in self._calls)

    def is_written_tokens(self, row: Row) -> bool:
        """Say whether a token count is in the database."""
        return id(row) not in self._tokens

    def unwritten_tokens(self, request_key: str) -> Row | None:
        """Return the row of a token count that is not in the database yet, whichever session it is of."""
        return self._tokens_by_key.get(request_key)

    def write(self) -> None:
        """Write all rows; the sessions they belong to must be there."""
        self._db.executemany(_MESSAGES, self._messages)
        self._db.executemany(_CALLS, self._calls)
        self._db.executemany(_ANSWERS, self._answers)
        self._db.executemany(_TOKENS, self._tokens.values())
        # The rows are known by their ids from now on, and there may be as many as in a gigabyte of one session.
        for row in self._messages:
            del row[2:]
        for row in self._calls:
            row[NAME] = row[ARGUMENTS] = row[RESULT] = row[CALLED_AT] = row[RETURNED_AT] = None
        self._messages, self._calls, self._answers, self._tokens = [], [], [], {}
        self._tokens_by_key = {}
        self._bytes = 0
