"""What a session from another database shares with other sessions here."""

from __future__ import annotations

from sessiondb.dao.forks.copies import Copy
from sessiondb.dao.forks.forks import Forks, Kin
from sessiondb.importers.base import is_globally_unique
from sessiondb.records.rows import MessageRow, TokensRow
from sessiondb.storage.connection import Connection

_HELD = "SELECT 1 FROM messages WHERE external_id = ? AND session_id <> ?"
_ANSWERED = """
SELECT 1 FROM messages AS m JOIN tool_calls AS t ON t.message_id = m.id
WHERE m.external_id = ? AND m.session_id <> ? AND t.call_id = ? AND t.result_message_id IS NOT NULL
"""
_COUNTED = "SELECT 1 FROM token_counts WHERE request_key = ? AND session_id <> ?"


class UnionCopies:
    """The copies among the messages of one session on its way in.

    Of a session that was here before, they are told as they come, so that nothing is added for a time. Those of a new
    one are looked for when it is in.
    """

    def __init__(self, connection: Connection, session_id: str) -> None:
        self._db = connection
        self._id = session_id
        # After which message of the session's own here, external id, id of the call that is answered.
        self._found: list[tuple[int | None, str | None, str | None]] = []
        self._by_seq: dict[int, str] = {}
        self._new: list[str] = []

    def take(self, row: MessageRow, after: int | None) -> bool:
        """Say whether a message is held by another session here, or answers a call of one that is."""
        if row.external_id is not None:
            if (
                not is_globally_unique(row.external_id)
                or self._db.row(_HELD, (row.external_id, self._id)) is None
            ):
                return False
            self._by_seq[row.seq] = row.external_id
            self._found.append((after, row.external_id, None))
            return True
        for call in row.answers:
            asked_by = self._by_seq.get(call.to[0]) if call.to is not None else None
            if asked_by is None or self._db.row(_ANSWERED, (asked_by, self._id, call.call_id)) is None:
                return False
        self._found += [(after, None, call.call_id) for call in row.answers]
        return bool(row.answers)

    def new(self, row: MessageRow) -> None:
        """Note a message that was added."""
        if row.external_id is not None and is_globally_unique(row.external_id):
            self._new.append(row.external_id)

    def is_counted(self, row: TokensRow) -> bool:
        """Say whether the tokens of a copy are counted with its original."""
        if row.message not in self._by_seq or row.request_key is None:
            return False
        return self._db.row(_COUNTED, (row.request_key, self._id)) is not None

    def kin(self, forks: Forks, is_new: bool) -> Kin | None:
        """Return what the session shares with others, None where it is nothing."""
        late = forks.shared(self._id, self._new) if self._new else []
        if not self._found and not late:
            return None
        rows = self._db.rows("SELECT id, seq FROM messages WHERE session_id = ?", (self._id,))
        seqs: dict[int | None, int] = dict(rows)
        copies = [Copy(seqs.get(after, 0), *names) for after, *names in self._found]
        return Kin(self._id, copies, late, is_new=is_new)
