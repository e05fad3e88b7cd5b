"""Write the token counts of an import: one for each response, however often it was logged."""

from __future__ import annotations

from sessiondb.dao.import_batch import ImportBatch
from sessiondb.dao.import_messages import ImportMessages
from sessiondb.dao.import_session import ImportSession
from sessiondb.dao.row_buffer import TOKENS, Row
from sessiondb.importers.base import TokenRecord, is_worldwide

_OUTPUT = TOKENS.index("output")
_FIND = f"SELECT {', '.join(TOKENS)} FROM token_counts WHERE request_key = ?"
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
        known = self._find(session, record.request_key)
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
            batch.origins[_origin(key)] = session.id
            batch.rows.tokens(values)
            return
        # The count stays with the session that it was first seen in, and with the message there.
        known[3:] = values[3:]
        if batch.rows.is_written_tokens(known):
            batch.db.execute(_UPDATE, [*known[2:], *known[:2]])

    def _find(self, session: ImportSession, request_key: str) -> Row | None:
        """Return the count of a response that this session has, or the one that it copied it from."""
        row = session.tokens.get(request_key)
        if row is None:
            row = self._stored(session, request_key)
            if row is not None:
                session.tokens[request_key] = row
        return row

    def _stored(self, session: ImportSession, request_key: str) -> Row | None:
        db, found = self._batch.db, None
        if not session.is_new:
            found = db.row(f"{_FIND} AND session_id = ?", (request_key, session.id))
        # A copied response tells itself: its session may have begun with lines of its own.
        if found is None and (session.has_replayed or is_worldwide(request_key.partition(":")[0])):
            origin = self._batch.origins.get(_origin(request_key))
            unwritten = self._batch.rows.unwritten_tokens(origin, request_key) if origin else None
            if unwritten is not None:
                return unwritten
            found = db.row(_FIND, (request_key,))
        return None if found is None else list(found)


def _origin(request_key: str) -> str:
    """Return the name of a count among the batch's origins: a message may have the same id as its response."""
    return f"tokens {request_key}"
