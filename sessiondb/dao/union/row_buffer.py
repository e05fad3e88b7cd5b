"""Rows of messages, tool calls and token counts on their way into the database, many at a time.

A row is in one of three states, which its handle names:

    stored    it was in the database before: the handle knows its id, `values` is None
    waiting   it is in the buffer: `values` is the row to be, and may still be changed
    written   the buffer has written it: `values` is None again, so that a gigabyte of rows can go

Whoever changes a row asks for `values` first: what waits is changed in place, everything else by an UPDATE.
Ids are given out when a row begins to wait, so that rows can name each other before any is written.
"""

from __future__ import annotations

from typing import Any

from sessiondb.chat.text import clean_text
from sessiondb.records.sessions import BILLING_DETAILS
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
    "reasoning", "cost_microdollars", *BILLING_DETAILS,
)  # fmt: skip
_QUESTION = ("message_id", "position", "name", "arguments", "called_at")
_ANSWER = ("result", "is_error", "returned_at", "result_message_id")
_QUESTION_PLACES, _ANSWER_PLACES = (tuple(map(CALL.index, names)) for names in (_QUESTION, _ANSWER))
_COUNTED_AT = TOKENS.index("counted_at")
_COUNT = TOKENS[2:]

_CONTENT, _REASONING = MESSAGE.index("content"), MESSAGE.index("reasoning")
_ARGUMENTS, _RESULT = map(CALL.index, ("arguments", "result"))
_MESSAGE = TOKENS.index("message_id")
_MODEL, _COST = map(TOKENS.index, ("model_id", "cost_microdollars"))
_INPUTS = slice(TOKENS.index("input"), TOKENS.index("output"))
_OUTPUT = TOKENS.index("output")
_BUCKETS = slice(TOKENS.index("input"), TOKENS.index("cost_microdollars"))


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _update(table: str, columns: tuple[str, ...], where: str) -> str:
    return f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in columns)} WHERE {where}"


_INSERT_MESSAGES = _insert("messages", MESSAGE)
_INSERT_CALLS = _insert("tool_calls", CALL)
_INSERT_TOKENS = _insert("token_counts", TOKENS)
_ASK = _update("tool_calls", _QUESTION, "id = ?")
_REPLY = _update("tool_calls", _ANSWER, "id = ?")
_COUNT_AGAIN = _update("token_counts", _COUNT, "session_id = ? AND request_key = ?")


# Handles, not rows: what a record to come may ask of a row that was taken before, at a few bytes each.
class Message:
    """The handle of a message. `calls` is how many tool calls it asks for, None where nobody has counted yet."""

    __slots__ = ("calls", "id", "is_new", "is_told", "values")

    def __init__(self, id: int, values: list[Any] | None = None, calls: int | None = None) -> None:
        self.id = id
        self.values = values
        self.is_new = values is not None
        # Whether its file has told it, this time.
        self.is_told = self.is_new
        self.calls = calls

    def get(self, columns: tuple[str, ...]) -> tuple[Any, ...]:
        """Return columns of a row that waits."""
        assert self.values is not None
        return tuple(self.values[MESSAGE.index(column)] for column in columns)

    def change(self, columns: tuple[str, ...], values: tuple[Any, ...]) -> None:
        """Change a row that waits."""
        assert self.values is not None
        for column, value in zip(columns, values, strict=True):
            self.values[MESSAGE.index(column)] = value


class Call:
    """The handle of a tool call: the ids of the messages that ask for it and that answer it, as far as known."""

    __slots__ = ("answered_by", "asked_by", "id", "returned_at", "values")

    def __init__(
        self,
        id: int,
        asked_by: int | None,
        answered_by: int | None,
        returned_at: str | None,
        values: list[Any] | None = None,
    ) -> None:
        self.id = id
        self.asked_by = asked_by
        self.answered_by = answered_by
        self.returned_at = returned_at
        self.values = values


class Count:
    """The handle of a token count: numbers, so its `values` stay; `is_waiting` says whether it is yet to be written."""

    __slots__ = ("is_waiting", "values")

    def __init__(self, values: list[Any], *, is_waiting: bool = False) -> None:
        self.values = values
        self.is_waiting = is_waiting

    @property
    def key(self) -> str:
        """Return the key of the request that it is of."""
        return str(self.values[1])

    def with_further(self, values: list[Any]) -> list[Any] | None:
        """Return the count with another one of the same response; None where that adds nothing."""
        # Streamed lines repeat the usage so far: the greatest output is the last word, and of several with that the
        # greatest input. Adding them up would count a response as often as it has lines.
        known, is_same_session = self.values[_MESSAGE], self.values[0] == values[0]
        more = (values[_OUTPUT] or 0) - (self.values[_OUTPUT] or 0)
        if more == 0 and is_same_session:
            more = _sum(values[_INPUTS]) - _sum(self.values[_INPUTS])
        both, other = (list(values), self.values) if more > 0 else (list(self.values), values)
        # Not all logs of a session tell its message, its model, or its time.
        both[_MESSAGE] = values[_MESSAGE] if known is None and is_same_session else known
        _fill(both, other, slice(_COUNTED_AT, _COUNTED_AT + 1))
        _fill(both, other, slice(_MODEL, _MODEL + 1))
        # What is said for the bill is said of the same tokens.
        if both[_BUCKETS] == other[_BUCKETS]:
            _fill(both, other, slice(_COST, None))
        return None if both == self.values else both


def _sum(counts: list[int | None]) -> int:
    return sum(count or 0 for count in counts)


def _fill(values: list[Any], others: list[Any], places: slice) -> None:
    """Take from others what values do not have at some places."""
    pairs = zip(values[places], others[places], strict=True)
    values[places] = [other if value is None else value for value, other in pairs]


# A look-up in the database misses what waits here. So whoever looks for a row asks the session's own handles first
# (Incoming.messages, .calls, .counts), and writes all that waits where it looks for another session's rows.
class RowBuffer:
    """Rows that wait, and changes to written ones that must come after them.

    Only for use inside one transaction: it relies on nobody else giving out ids while rows wait.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        # None until rows wait: what is done between two writes may give out ids itself.
        self._next_message: int | None = None
        self._next_call: int | None = None
        self._messages: list[Message] = []
        self._calls: list[Call] = []
        self._asks: list[tuple[Any, ...]] = []
        self._answers: list[tuple[Any, ...]] = []
        self._tokens: list[Count] = []
        self._recounted: list[Count] = []
        self._tokens_by_key: dict[str | None, Count] = {}
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Say whether it is time to write."""
        return self._bytes > MAX_BYTES

    def message(self, *values: Any) -> Message:
        """Take the values of a message, all but its id."""
        id = self._next_message or self._next_id("messages")
        self._next_message = id + 1
        row = [id, *values]
        message = Message(id, row, 0)
        self._messages.append(message)
        self._bytes += 200 + len(row[_CONTENT] or "") + len(row[_REASONING] or "")
        return message

    def call(self, *values: Any) -> Call:
        """Take the values of a tool call, all but its id."""
        id = self._next_call or self._next_id("tool_calls")
        self._next_call = id + 1
        row = [id, *values]
        call = Call(id, row[2], row[3], row[-1], row)
        self._calls.append(call)
        self._bytes += 200 + len(row[_ARGUMENTS] or "") + len(row[_RESULT] or "")
        return call

    def ask(self, call: Call, question: tuple[int, int, str | None, str | None, str | None]) -> None:
        """Give an answer without a call its question: message, position, name, arguments and time."""
        call.asked_by = question[0]
        self._change(call, question, _QUESTION_PLACES, self._asks)

    def answer(self, call: Call, answer: tuple[str | None, int | None, str | None, int]) -> None:
        """Give a call its answer: result, whether it is an error, time and message."""
        call.returned_at, call.answered_by = answer[2:]
        self._change(call, answer, _ANSWER_PLACES, self._answers)
        self._bytes += len(answer[0] or "")

    def _change(
        self, call: Call, part: tuple[Any, ...], places: tuple[int, ...], later: list[tuple[Any, ...]]
    ) -> None:
        """Change a part of a call's row where that waits, else after the inserts: they name messages that wait."""
        if call.values is None:
            later.append((*part, call.id))
        else:
            for place, value in zip(places, part, strict=True):
                call.values[place] = value

    def tokens(self, values: list[Any]) -> Count:
        """Take the values of a token count."""
        count = Count(values, is_waiting=True)
        self._tokens.append(count)
        self._tokens_by_key[values[1]] = count
        return count

    def recount(self, count: Count, values: list[Any]) -> None:
        """Change what a count says; session and key are those that the response was first seen with."""
        count.values[2:] = values[2:]
        if not count.is_waiting:
            # Its message may be one that waits: it comes after the inserts.
            self._recounted.append(count)
            self._tokens_by_key[count.key] = count

    def waiting_tokens(self, request_key: str) -> Count | None:
        """Return a token count that waits, whichever session it is of."""
        return self._tokens_by_key.get(request_key)

    def write(self) -> None:
        """Write all rows; the sessions they belong to must be there."""
        # Messages first, for calls and counts name them; changes last, for they may be of rows that were just
        # inserted.
        self._db.executemany(_INSERT_MESSAGES, [message.values or () for message in self._messages])
        self._db.executemany(_INSERT_CALLS, [call.values or () for call in self._calls])
        self._db.executemany(_ASK, self._asks)
        self._db.executemany(_REPLY, self._answers)
        self._db.executemany(_INSERT_TOKENS, [count.values for count in self._tokens])
        self._db.executemany(
            _COUNT_AGAIN, [(*count.values[2:], *count.values[:2]) for count in self._recounted]
        )
        # From waiting to written: the handles stay, for records to come may name them; the texts go.
        for message in self._messages:
            message.values = None
        for call in self._calls:
            call.values = None
        for count in self._tokens:
            count.is_waiting = False
        self._messages, self._calls, self._asks, self._answers, self._tokens = [], [], [], [], []
        self._tokens_by_key, self._recounted = {}, []
        self._bytes = 0
        self._next_message = self._next_call = None

    def _next_id(self, table: str) -> int:
        # Not the greatest id that is there: that of a removed row is never given to another one.
        return 1 + int(self._db.value("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table,)) or 0)


def storable(text: str | None) -> str | None:
    """Return text as SQLite can hold it."""
    return clean_text(text) if text is not None and "\0" in text else text
