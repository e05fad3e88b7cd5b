"""The messages of a session and their token counts, as a union with what is stored.

Import and merge both write through here, and through calls.py and notes.py. A message is looked for in its session, as
its policy says. One that is there takes what it lacks; any other is added. Whether another session holds the same is
asked when the session is in: see Union.finish.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from sessiondb.dao.union.incoming import AnyMessage, Incoming
from sessiondb.dao.union.renewal import is_cut_at_a_secret, renewed, replaced
from sessiondb.dao.union.row_buffer import TOKENS, Count, Message, RowBuffer, storable
from sessiondb.importers.base import (
    INHERITED,
    MessageRecord,
    TokenRecord,
    ToolResult,
    is_globally_unique,
)
from sessiondb.records.export_rows import TokensRow, storable_json
from sessiondb.records.sessions import BILLING_DETAILS
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import stored_json

AnyTokens = TokenRecord | TokensRow

_SPOKEN = ("user", "assistant")
_GROWING = ("content", "reasoning", "parts", "finish_reason", "metadata", "created_at", "model_id")
_CREATED_AT = _GROWING.index("created_at")
# The last answer that is stored, which may have been read while it was written; and the ids of the calls that it asks
# for.
_LAST_ANSWER = """
SELECT id, external_id, content, reasoning FROM messages
WHERE session_id = ? AND role = 'assistant' ORDER BY seq DESC LIMIT 1
"""
_SAME_WORDS = """
SELECT id, external_id FROM messages WHERE session_id = ? AND created_at = ? AND role = ? AND content IS ?
"""
_ASKED = "SELECT call_id FROM tool_calls WHERE message_id = ?"
_A_MESSAGE = "JSON of a message that an import goes on with"
_details = attrgetter(*BILLING_DETAILS)
_SERVER_TOOLS = TOKENS.index("server_tools")
_FIND_COUNT = f"SELECT {', '.join(TOKENS)} FROM token_counts WHERE request_key = ?"
_SAME_COUNTS = f"SELECT count(*) FROM token_counts WHERE {' AND '.join(f'{name} IS ?' for name in TOKENS)}"


class Content:
    """The rows of `messages` and `token_counts`, in a union. `model` gives the id of a model's name."""

    def __init__(
        self, connection: Connection, rows: RowBuffer, model: Callable[[str | None], int | None]
    ) -> None:
        self._db = connection
        self._rows = rows
        self._model = model
        # Which session brought a message, by external_id.
        self._origins: dict[str, str] = {}

    # Messages

    def message(self, session: Incoming, record: AnyMessage) -> Message:
        """Take a message, without its calls; return its row."""
        message = session.policy.find(session, record)
        if message is None and session.is_current and isinstance(record, MessageRecord):
            message = self._grown_beyond_its_id(session, record)
        if message is None:
            return self.add_message(session, record)
        # What the file says of it twice adds up, as at a first reading.
        is_last_word = session.is_current and not message.is_told
        self._grow(session, message, record, self._now if is_last_word else self._grown)
        return message

    def add_message(self, session: Incoming, record: AnyMessage | ToolResult) -> Message:
        """Add a message at the end of a session; a tool's answer has its text in the call."""
        external_id = record.external_id
        if isinstance(record, ToolResult):
            role, content, reasoning, model_id, finish_reason = "tool", None, None, None, None
        else:
            role, content, reasoning = record.role, storable(record.content), storable(record.reasoning)
            model_id, finish_reason = self._model(record.model), record.finish_reason
            if role in _SPOKEN:
                session.row.spoken += 1
        message = self._rows.message(
            session.id, session.next_seq(), role, content, reasoning, storable_json(record.parts), external_id,
            model_id, finish_reason, record.created_at, storable_json(record.metadata),
        )  # fmt: skip
        if external_id is not None:
            session.messages[external_id] = message
            origin = self._origins.setdefault(external_id, session.id)
            if origin != session.id and is_globally_unique(external_id):
                session.has_common = True
        return message

    def find_by_id(self, session: Incoming, external_id: str) -> Message | None:
        """Return a message that the session has, by the id that its agent gave it."""
        message = session.messages.get(external_id)
        # A new session has nothing in the database: most sessions of a first import never ask it.
        if message is None and not session.is_new:
            found = self._db.value(
                "SELECT id FROM messages WHERE external_id = ? AND session_id = ?", (external_id, session.id)
            )
            if found is not None:
                message = session.messages[external_id] = Message(found)
        return message

    def find_by_words(self, session: Incoming, record: AnyMessage) -> Message | None:
        """Return a stored prompt that says the same at the same time, under the id that a copy of it has.

        It may have been taken over from a fork, whose log was read before more was known of this session.
        """
        said = (session.id, record.created_at, record.role, storable(record.content))
        row = self._db.row(_SAME_WORDS, said) if record.created_at else None
        if row is None or row[1] in session.messages or record.external_id is None:
            return None
        message = session.messages[record.external_id] = session.messages[row[1]] = Message(row[0])
        return message

    def last_dated(self, session: Incoming) -> int:
        """Return the seq of the last message that has got a time which it did not have."""
        sql = "SELECT max(seq) FROM messages WHERE id IN (SELECT value FROM json_each(?))"
        return int(self._db.value(sql, (json.dumps(session.dated),)) or 0)

    def _grown_beyond_its_id(self, session: Incoming, record: MessageRecord) -> Message | None:
        """Return the last answer that is stored where a new one is what has become of that; give it the id of now.

        Some stores give no ids: what stands for one is made of the beginning of the text, or of the first call.
        """
        if record.role != "assistant" or record.external_id is None:
            return None
        row = self._db.row(_LAST_ANSWER, (session.id,))
        if row is None or row[1] is None or row[1] in session.messages:
            return None
        id, old_id, content, reasoning = row
        asked = set(self._db.column(_ASKED, (id,)))
        has_grown = (
            bool(content or reasoning or asked)
            and (record.content or "").startswith(content or "")
            and (record.reasoning or "").startswith(reasoning or "")
            and asked <= {call.call_id for call in record.tool_calls}
        )
        if not has_grown:
            return None
        self._db.execute("UPDATE messages SET external_id = ? WHERE id = ?", (record.external_id, id))
        message = session.messages[record.external_id] = session.messages[old_id] = Message(id)
        return message

    def _now(self, stored: tuple[Any, ...], record: AnyMessage) -> tuple[Any, ...]:
        """Return the columns of _GROWING as a record has them; a text is never taken away."""
        content, reasoning, parts, _, metadata, created_at, model_id = stored
        return (
            renewed(content, storable(record.content)),
            renewed(reasoning, storable(record.reasoning)),
            replaced(parts, storable_json(record.parts)),
            record.finish_reason,
            replaced(metadata, storable_json(record.metadata)),
            record.created_at or created_at,
            self._model(record.model) or model_id,
        )

    def _grown(self, stored: tuple[Any, ...], record: AnyMessage) -> tuple[Any, ...]:
        """Return the columns of _GROWING with what a record adds to them."""
        content, reasoning, parts, finish_reason, metadata, created_at, model_id = stored
        # A text only grows: a log that was read while it was written had the beginning of it. What is no continuation
        # of what is stored is another reading of the same line, and of two the first stays.
        add = _longer
        if isinstance(record, MessageRecord) and record.continues:
            add = _joined
            if record.parts:
                parts = storable_json([*stored_json(parts, [], _A_MESSAGE), *record.parts])
            if record.metadata:
                metadata = storable_json({**record.metadata, **stored_json(metadata, {}, _A_MESSAGE)})
        return (
            add(content, storable(record.content)),
            add(reasoning, storable(record.reasoning)),
            parts,
            finish_reason or record.finish_reason,
            metadata,
            created_at or record.created_at,
            model_id or self._model(record.model),
        )

    def _grow(
        self, session: Incoming, message: Message, record: AnyMessage, add: Callable[..., tuple[Any, ...]]
    ) -> None:
        """Add to a message what it does not have yet: it was read while it was being written."""
        message.is_told = True
        if message.values is None:
            # Written already: ask for what it has, which a row that waits has in memory.
            sql = f"SELECT {', '.join(_GROWING)} FROM messages WHERE id = ?"
            stored = self._db.row(sql, (message.id,)) or ()
        else:
            stored = message.get(_GROWING)
        grown = add(stored, record)
        if grown == stored:
            return
        session.is_changed = True
        if stored[_CREATED_AT] is None and grown[_CREATED_AT] is not None:
            session.dated.append(message.id)
        if message.values is None:
            assignments = ", ".join(f"{name} = ?" for name in _GROWING)
            self._db.execute(f"UPDATE messages SET {assignments} WHERE id = ?", (*grown, message.id))
        else:
            message.change(_GROWING, grown)

    # Tokens

    def tokens(self, session: Incoming, record: AnyTokens, message: Message | None) -> None:
        """Take the tokens of a response; several counts of one response are one: see Count.with_further.

        The count stays with the session and the message that it was first seen with. `message` is that here.
        """
        key = record.request_key
        values = [
            session.id, key, message.id if message else None, self._model(record.model), record.counted_at,
            record.input, record.cache_read, record.cache_write, record.output, record.reasoning,
            record.cost_microdollars,
            *_details(record),
        ]  # fmt: skip
        # Lists, not records: as many as there are responses, and the buffer compares and merges them by place.
        values[_SERVER_TOOLS] = storable_json(values[_SERVER_TOOLS])
        if key is None:
            # Two equal counts without a key may be two requests, or one that was read twice. As many are kept as
            # one source holds at most: add_keyless_tokens compares the numbers when the session is in.
            session.keyless[tuple(values)] = session.keyless.get(tuple(values), 0) + 1
            return
        known = session.counts.get(key) or self._find_count(session, key)
        if known is not None and known.values[0] != session.id and message is not None:
            # The two logs may differ in what they say of the cache: the original's is right, whichever comes first.
            noted = session.counts_elsewhere.setdefault(message.id, Count(values))
            noted.values = noted.with_further(values) or noted.values
        if known is None:
            known = self._rows.tokens(values)
            # What comes with a new message, or may be its parent's, is told by what becomes of that.
            is_apart = message is None or not message.is_new
            session.is_changed |= is_apart and not key.startswith(INHERITED)
        elif (more := known.with_further(values)) is not None:
            self._rows.recount(known, more)
            session.is_changed = True
        session.counts[key] = known

    def add_keyless_tokens(self, session: Incoming) -> None:
        """Add the counts that no request is known of, as many of the same as there are."""
        for values, number in session.keyless.items():
            for _ in range(number - int(self._db.value(_SAME_COUNTS, values))):
                self._rows.tokens(list(values))
                session.is_changed = True
        session.keyless.clear()

    def _find_count(self, session: Incoming, key: str) -> Count | None:
        """Return the count of a response that this session has, or that another has which it is copied from.

        A copied response tells itself by a key that is unique in the world: its session may have begun with
        lines of its own.
        """
        found = None
        if not session.is_new:
            found = self._db.row(f"{_FIND_COUNT} AND session_id = ?", (key, session.id))
        # A key may be one that other agents give out too (a counter, a line number): it is looked for in other
        # sessions only where it cannot be theirs by chance.
        if found is None and is_globally_unique(key.partition(":")[0]):
            waiting = self._rows.waiting_tokens(key)
            if waiting is not None:
                return waiting
            found = self._db.row(_FIND_COUNT, (key,))
        return None if found is None else Count(list(found))


def _joined(stored: str | None, new: str | None) -> str | None:
    return f"{stored}\n\n{new}" if stored and new else stored or new


def _longer(stored: str | None, new: str | None) -> str | None:
    if not stored:
        return new
    if new is not None and (new.startswith(stored) or is_cut_at_a_secret(stored, new)):
        return new
    return stored
