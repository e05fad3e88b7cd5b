"""Write the token counts of an import: one for each response, however often it was logged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sessiondb.dao.union.batch import ImportBatch
from sessiondb.dao.union.messages import ImportMessages
from sessiondb.dao.union.row_buffer import TOKENS, Row
from sessiondb.dao.union.session import ImportSession
from sessiondb.importers.base import TokenRecord, is_globally_unique

_OUTPUT = TOKENS.index("output")
_COUNTED_ELSEWHERE: Row = [*[None] * _OUTPUT, 2**63]
_FIND = f"SELECT {', '.join(TOKENS)} FROM token_counts WHERE request_key = ?"
_COUNTED = "SELECT 1 FROM token_counts AS t JOIN messages AS m ON m.id = t.message_id WHERE m.external_id = ? LIMIT 1"
_UPDATE = (
    f"UPDATE token_counts SET {', '.join(f'{name} = ?' for name in TOKENS[2:])}"
    " WHERE session_id = ? AND request_key = ?"
)


class ImportTokens:
    """The rows of `token_counts`, in an import's batch."""

    def __init__(self, batch: ImportBatch, messages: ImportMessages) -> None:
        self._batch = batch
        self._messages = messages

    def add(self, session: ImportSession, record: TokenRecord) -> None:
        """Take the tokens of a response; of several counts for one response the one with the greatest output."""
        known = self._find(session, record)
        if known is not None and (record.output or 0) <= (known[_OUTPUT] or 0):
            return
        batch, key = self._batch, record.request_key
        message = self._messages.find(session, record.message) if record.message is not None else None
        values = [
            session.id, key, message[0] if message else None, batch.model(record.model), record.counted_at,
            record.input, record.cache_read, record.cache_write, record.output, record.reasoning,
            record.cost_microdollars,
        ]  # fmt: skip
        session.is_changed = True
        if known is None:
            session.tokens[key] = values
            batch.rows.tokens(values)
            return
        # The count stays with the session that it was first seen in, and with the message there.
        known[3:] = values[3:]
        if batch.rows.is_written_tokens(known):
            batch.db.execute(_UPDATE, [*known[2:], *known[:2]])

    def _find(self, session: ImportSession, record: TokenRecord) -> Row | None:
        """Return the count of a response that this session has, or the one that it copied it from."""
        request_key = record.request_key
        row = session.tokens.get(request_key)
        if row is None:
            row = self._stored(session, record)
            if row is not None:
                session.tokens[request_key] = row
        return row

    def _stored(self, session: ImportSession, record: TokenRecord) -> Row | None:
        db, request_key = self._batch.db, record.request_key
        found: Sequence[Any] | None = None
        if not session.is_new:
            found = db.row(f"{_FIND} AND session_id = ?", (request_key, session.id))
        # A copied response tells itself: its session may have begun with lines of its own.
        if found is None and (session.copies or is_globally_unique(request_key.partition(":")[0])):
            unwritten = self._batch.rows.unwritten_tokens(request_key)
            if unwritten is not None:
                return unwritten
            found = db.row(_FIND, (request_key,))
            if found is None and record.message in session.copied and db.row(_COUNTED, (record.message,)):
                # Some builds give copies another request.
                session.copied_counts[record.message or ""] = request_key
                return _COUNTED_ELSEWHERE
        return None if found is None else list(found)
