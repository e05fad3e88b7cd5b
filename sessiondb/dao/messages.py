"""Messages with their tool calls: the live append, and reading a transcript."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sessiondb import timestamps
from sessiondb.chat.incoming import Draft, draft
from sessiondb.dao import titles
from sessiondb.dao.forks.chain import segments
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.search.guard import despite_search
from sessiondb.dao.tool_calls import ToolCalls
from sessiondb.errors import Conflict, NotFound
from sessiondb.records import Message, ToolCall
from sessiondb.storage.connection import Connection
from sessiondb.storage.statements import as_stored
from sessiondb.storage.values import (
    json_value,
    mapping,
    moment,
    page_size,
    said_at,
    stored_json,
    whole_number,
)

_COLUMNS = """
  m.id, m.session_id, m.seq, m.role, m.content, m.reasoning, m.parts, m.external_id, o.name, m.finish_reason,
  m.created_at, m.metadata
"""
_FROM = "FROM messages AS m LEFT JOIN models AS o ON o.id = m.model_id"
_ARGUMENTS = (
    "tool_calls",
    "tool_call_id",
    "name",
    "is_error",
    "reasoning",
    "model",
    "finish_reason",
    "external_id",
)


FIRST, LAST = -(2**62), 2**62
"""A seq below and one above all others. Ours begin with 1; other tools number from 0, or as they like."""


class Messages:
    """The table `messages`, with the `tool_calls` of each."""

    def __init__(self, connection: Connection, lookups: Lookups) -> None:
        self._db = connection
        self._lookups = lookups
        self._calls = ToolCalls(connection)

    def append(  # noqa: PLR0913
        self,
        session_id: str,
        /,
        role: str,
        content: Any = None,
        *,
        tool_calls: Iterable[Mapping[str, Any]] | None = None,
        tool_call_id: str | None = None,
        name: str | None = None,
        is_error: bool | None = None,
        reasoning: str | None = None,
        model: str | None = None,
        finish_reason: str | None = None,
        external_id: str | None = None,
        created_at: str | datetime | None = None,
        **extra: Any,
    ) -> Message:
        """Append a message to an open session and return it; when this returns, it is on disk.

        A message as the API or another store has it goes in as `append(session_id, **message)`. `role` is
        system, developer, user, assistant, tool, function, or session_meta for what a log says of itself.
        `content` is text, or a provider's list of parts, which is kept as it is; tool calls and answers in
        it, as Anthropic writes them, are understood. `tool_calls` are dicts with id, name and arguments (a
        dict or JSON text), or as OpenAI writes them. A message of role tool answers the call
        `tool_call_id`. `model` is the session's from then on, and the first prompt names a session without a
        title. `created_at` is the message's `timestamp`, or now, unless given. Any further fields, and values
        that are of another type than these, are kept in `metadata`. Raises NotFound, InvalidInput for what
        makes no sense or is no JSON, Conflict where the session has ended. A damaged search index does not
        stop it.
        """
        fields = {"role": role, "content": content, **extra}
        given = (tool_calls, tool_call_id, name, is_error, reasoning, model, finish_reason, external_id)
        fields.update(pair for pair in zip(_ARGUMENTS, given, strict=True) if pair[1] is not None)
        return self._append(session_id, draft(fields), said_at(created_at, extra.get("timestamp")))

    def append_whole(
        self, session_id: str, message: Mapping[str, Any], *, created_at: str | None = None
    ) -> Message:
        """Append a message that is a dict and is to come back with every field it has; else as `append`.

        `created_at` is when it was said, unless it says so itself.
        """
        fields = dict(mapping(message, "a message"))
        given = fields.get("created_at")
        if isinstance(given, datetime):
            created_at = moment(fields.pop("created_at"))
        elif readable := timestamps.normalise(given):
            created_at = readable
        return self._append(
            session_id, draft(fields, keep=True), said_at(created_at, fields.get("timestamp"))
        )

    def move(self, session_id: str, after: int, to_session_id: str) -> None:
        """Move a session's messages after seq `after`, with their tool calls, to the end of another session.

        Calls that stay and were answered there are unanswered again. What was counted of them stays counted.
        """
        whole_number(after, "a seq")
        despite_search(self._db, lambda: self._move(session_id, after, to_session_id))

    def get(self, message_id: int) -> Message:
        """Return a message by its id. Raises NotFound."""
        found = self._messages("WHERE m.id = ?", (message_id,))
        if not found:
            raise NotFound(f"there is no message {message_id}")
        return found[0]

    def transcript(
        self, session_id: str, *, first: int | None = None, last: int | None = None
    ) -> list[Message]:
        """Return a session's messages in order, from seq `first` to `last`, each with its tool calls."""
        return self._messages(
            "WHERE m.session_id = ? AND m.seq BETWEEN ? AND ? ORDER BY m.seq",
            (session_id, FIRST if first is None else first, LAST if last is None else last),
        )

    def first_told(self, session_id: str) -> list[Message]:
        """Return the first message of a person, or of whoever began the session, in a list that may be empty."""
        return self._messages(
            "WHERE m.session_id = ? AND m.role = 'user' ORDER BY m.seq LIMIT 1", (session_id,)
        )

    def inherited(self, session_id: str) -> list[Message]:
        """Return what a fork's conversation begins with, in order: messages that other sessions hold."""
        parts = segments(self._db, session_id)
        return [message for part in parts for message in self.transcript(part.session, last=part.last)]

    def conversation_newest_first(
        self, session_id: str, *, after: int | None = None, batch: int = 64
    ) -> Iterator[Message]:
        """Yield a conversation's messages from the last one back: as `newest_first`, then what a fork begins with.

        What is consolidated, up to seq `after`, is left out, and so is all before it.
        """
        yield from self.newest_first(session_id, after=after, batch=batch)
        for part in reversed(segments(self._db, session_id)) if after is None else ():
            yield from self.newest_first(part.session, last=part.last, batch=batch)

    def newest_first(
        self, session_id: str, *, after: int | None = None, last: int = LAST, batch: int = 64
    ) -> Iterator[Message]:
        """Yield a session's messages from the one with seq `last` back to the one after seq `after`.

        They are read `batch` at a time: the cost goes by how many are taken, not by the session's length.
        """
        # A model's context takes the last messages that fit: of a session of 10,000 some dozen are read.
        batch = page_size(batch, "batch")
        before = whole_number(last, "a seq") + 1
        while True:
            found = self._messages(
                "WHERE m.session_id = ? AND m.seq > ? AND m.seq < ? ORDER BY m.seq DESC LIMIT ?",
                (session_id, FIRST if after is None else after, before, batch),
            )
            yield from found
            if len(found) < batch:
                return
            # On by seq and not by OFFSET, which would read again what was passed over.
            before = found[-1].seq

    def last_user_turn(self, session_id: str) -> Message | None:
        """Return the last message in which a user speaks, None where there is none."""
        found = self._messages(
            "WHERE m.session_id = ? AND m.role = 'user' AND NOT EXISTS"
            " (SELECT 1 FROM tool_calls WHERE result_message_id = m.id) ORDER BY m.seq DESC LIMIT 1",
            (session_id,),
        )
        return found[0] if found else None

    def unanswered(self, session_id: str) -> list[ToolCall]:
        """Return the calls of the latest assistant message that have no answer yet.

        They are what an agent that was cut off does next; there are none once more than answers has followed.
        """
        return self._calls.unanswered(session_id)

    def find(self, session_id: str, name: str) -> int:
        """Return the seq of the message that a person named by its seq or its agent's own id.

        Raises NotFound.
        """
        found = self._db.value(
            "SELECT seq FROM messages WHERE session_id = :session_id"
            " AND (CAST(seq AS TEXT) = :name OR external_id = :name) ORDER BY external_id IS :name, seq",
            {"session_id": session_id, "name": name},
        )
        if found is None:
            raise NotFound(
                f"session {session_id} has no message {name}:"
                f" give a seq up to {self.last_seq(session_id)}, or an id"
            )
        return int(found)

    def first_seq(self, session_id: str) -> int:
        """Return the seq of a session's first message, 1 where it has none, and but for those of other tools."""
        found = self._db.value("SELECT min(seq) FROM messages WHERE session_id = ?", (session_id,))
        return 1 if found is None else int(found)

    def last_seq(self, session_id: str) -> int:
        """Return the seq of a session's last message, 0 where it has none."""
        return int(self._db.value("SELECT max(seq) FROM messages WHERE session_id = ?", (session_id,)) or 0)

    def remove_last(self, session_id: str) -> Message | None:
        """Remove the last message of an open session and return it; None where it has none.

        Calls that it answered are unanswered again. Raises NotFound, Conflict where the session has ended.
        """
        return despite_search(self._db, lambda: self._remove_last(session_id))

    def clear(self, session_id: str) -> int:
        """Remove all messages of a session, its tool calls with them, and return how many there were.

        This is activity of the session. Raises NotFound.
        """
        return despite_search(self._db, lambda: self._clear(session_id))

    def _append(self, session_id: str, row: Draft, created_at: str) -> Message:
        columns = (
            row.reasoning,
            json_value(row.parts),
            row.external_id,
            row.finish_reason,
            created_at,
            json_value(row.metadata or None),
        )
        return despite_search(self._db, lambda: self._add(session_id, row, columns))

    def _add(self, session_id: str, row: Draft, columns: tuple[str | None, ...]) -> Message:
        # Under the write lock already: nobody else takes this seq, however many processes append.
        last, title, model_id = self._open(session_id)
        seq, model = last + 1, self._lookups.model(row.model)
        message_id = self._db.execute(
            "INSERT INTO messages (session_id, seq, role, content, model_id, reasoning, parts, external_id,"
            " finish_reason, created_at, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            # Triggers do the rest: the counters of the session, its last activity, and the index of talk.
            (session_id, seq, row.role, row.content, model, *columns),
        ).lastrowid
        assert message_id is not None
        created_at = columns[4]
        assert created_at is not None
        calls = [
            self._calls.ask(session_id, message_id, position, call, created_at)
            for position, call in enumerate(row.calls)
        ]
        for answer in row.answers:
            calls.append(self._calls.answer(session_id, message_id, answer, created_at))
        titles.name_by(self._db, session_id, row, title)
        if model not in (None, model_id):
            self._db.execute("UPDATE sessions SET model_id = ? WHERE id = ?", (model, session_id))
        return self._written((message_id, session_id, seq), row, columns, calls)

    def _written(
        self,
        ids: tuple[int, str, int],
        row: Draft,
        columns: tuple[str | None, ...],
        calls: list[ToolCall],
    ) -> Message:
        """Return the message that was just written, as `get` does: to read it back takes a fifth of an append."""
        reasoning, parts, external_id, finish_reason, created_at, metadata = columns
        values = (
            *ids, row.role, row.content, reasoning, parts, external_id, row.model, finish_reason, created_at, metadata,
        )  # fmt: skip
        # Of several answers the order is that of their calls; and what is no plain text SQLite may store otherwise.
        is_plain = all(value is None or type(value) is str for value in values[3:]) and type(ids[1]) is str
        if len(row.answers) > 1 or (row.answers and row.calls) or not is_plain:
            return self.get(ids[0])
        return _message(as_stored(values), tuple(calls))

    def _remove_last(self, session_id: str) -> Message | None:
        last = self._open(session_id)[0]
        found = self.transcript(session_id, first=last, last=last)
        if not found:
            return None
        self._calls.take_back(found[0].id)
        self._db.execute("DELETE FROM messages WHERE id = ?", (found[0].id,))
        self._limit_consolidated(session_id, last - 1)
        if found[0].role == "user":
            titles.renew(self._db, [session_id])
        return found[0]

    def _limit_consolidated(self, session_id: str, count: int) -> None:
        self._db.execute(
            "UPDATE sessions SET consolidated = min(consolidated, ?) WHERE id = ?",
            (max(count, 0), session_id),
        )

    def _move(self, session_id: str, after: int, to_session_id: str) -> None:
        self._open(session_id)
        where = {"session_id": session_id, "after": after, "to": to_session_id}
        self._calls.move(where)
        self._db.execute(
            "UPDATE token_counts SET message_id = NULL WHERE message_id IN"
            " (SELECT id FROM messages WHERE session_id = :session_id AND seq > :after)",
            where,
        )
        self._db.execute(
            # In one statement, and upwards: every seq that is taken is free in the other session.
            "UPDATE messages SET session_id = :to, seq = seq - :after + :known"
            " WHERE session_id = :session_id AND seq > :after",
            {**where, "known": self.last_seq(to_session_id)},
        )
        titles.renew(self._db, [session_id, to_session_id])
        self._limit_consolidated(session_id, after)

    def _clear(self, session_id: str) -> int:
        changed = self._db.execute(
            "UPDATE sessions SET consolidated = 0, last_active_at = max(last_active_at, ?) WHERE id = ?",
            (timestamps.now(), session_id),
        ).rowcount
        if not changed:
            raise NotFound(f"there is no session {session_id} to clear")
        self._db.execute("DELETE FROM tool_calls WHERE session_id = ?", (session_id,))
        removed = self._db.execute("DELETE FROM messages WHERE session_id = ?", (session_id,)).rowcount
        titles.renew(self._db, [session_id])
        return removed

    def _open(self, session_id: str) -> tuple[int, str | None, int | None]:
        """Return the seq of the last message of an open session, 0 where it has none, its title and its model's id."""
        row = self._db.row(
            "SELECT ended_at, (SELECT max(seq) FROM messages WHERE session_id = s.id), title, model_id"
            " FROM sessions AS s WHERE id = ?",
            (session_id,),
        )
        if row is None:
            raise NotFound(f"there is no session {session_id}: start it first")
        if row[0] is not None:
            raise Conflict(f"session {session_id} ended at {row[0]}: reopen it first")
        return row[1] or 0, row[2], row[3]

    def _messages(self, clause: str, parameters: Sequence[Any]) -> list[Message]:
        rows = self._db.rows(f"SELECT {_COLUMNS} {_FROM} {clause}", parameters)
        calls = self._calls.of_messages([row[0] for row in rows]) if rows else {}
        return [_message(row, tuple(calls.get(row[0], ()))) for row in rows]


def _message(row: Sequence[Any], calls: tuple[ToolCall, ...]) -> Message:
    values = list(row)
    values[6] = stored_json(row[6], None, f"messages.parts of message {row[2]} of session {row[1]}", list)
    values[11] = stored_json(row[11], {}, f"messages.metadata of message {row[2]} of session {row[1]}")
    values.append(calls)
    return Message(*values)
