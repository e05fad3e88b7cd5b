"""Where an import replaces what is stored, instead of adding to it: misread files, and rival sources of a session.

Otherwise an import only adds, so that nothing is lost of files that were cut, rotated or deleted.

Misread: where an earlier version took a file for another agent's, or its records were wrong, that rule would keep the
wrong rows for ever. What the old reading of the same file gave is then removed first. What people put on the session
stays: tags, notes, a title, a pin. Sessions that other files gave too, or that were written to since, are only added
to, as ever.

Rivals: formats whose messages have no ids may keep one session in several places, as Hermes does in its database and in
its exports, and a union of them would hold everything twice. So one file owns the messages: the one with the higher
authority, then the one with more messages.

    no other file gave the session     its records are taken as they come
    another file owns its messages     its records are held back to the end of the file; then they replace what is
                                       stored, or only fill gaps in the session's own row
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sessiondb.importers import is_index
from sessiondb.importers.base import MessageRecord, SessionRecord, ToolResult

if TYPE_CHECKING:
    from sessiondb.dao.union.incoming import Incoming
    from sessiondb.dao.union.union import Union
    from sessiondb.storage.connection import Connection

_ROWS = ("tool_calls", "messages", "token_counts")
# Messages that no import brought: all of those have external ids, but for tools' answers.
_WRITTEN_HERE = "SELECT 1 FROM messages WHERE session_id = ? AND external_id IS NULL AND role <> 'tool'"
_IS_MARKED = """
SELECT pinned OR coalesce(title_source = 'user', 0)
  OR EXISTS (SELECT 1 FROM session_tags WHERE session_id = s.id)
  OR EXISTS (SELECT 1 FROM notes WHERE session_id = s.id)
FROM sessions AS s WHERE id = ?
"""
_HAND_OVER = (
    "UPDATE OR IGNORE session_tags SET session_id = :heir WHERE session_id = :id",
    "UPDATE notes SET session_id = :heir WHERE session_id = :id",
    "UPDATE sessions SET pinned = 1 WHERE id = :heir AND (SELECT pinned FROM sessions WHERE id = :id)",
    "UPDATE sessions SET title = (SELECT title FROM sessions WHERE id = :id), title_source = 'user'"
    " WHERE id = :heir AND (SELECT title_source FROM sessions WHERE id = :id) = 'user'",
    "UPDATE sessions SET parent_id = :heir WHERE parent_id = :id AND id <> :heir",
)
_EMPTY = """
UPDATE sessions SET agent = :agent, metadata = NULL, model_id = NULL,
  title = iif(title_source = 'user', title, NULL), title_source = iif(title_source = 'user', 'user', NULL)
WHERE id = :id
"""


class OldReading(NamedTuple):
    """The sessions that a lower version of an importer read from a file.

    `is_wrong`: they are replaced; else only those that another agent has now.
    """

    sessions: frozenset[str] = frozenset()
    is_wrong: bool = False


NOTHING_OLD = OldReading()


class Misread:
    """What a lower version read from one file, which is to be put right inside a transaction of the caller."""

    def __init__(self, union: Union, path: str, old: OldReading) -> None:
        self._union = union
        self._db = union.db
        self._ledger = union.ledger
        self._path = path
        self._old = old

    def put_right(self, session: Incoming, record: SessionRecord) -> None:
        """Remove what was read of a session, where that was wrong or taken for another agent's."""
        if session.id not in self._old.sessions:
            return
        is_others = session.row.fields["agent"] != record.agent
        if not (is_others or self._old.is_wrong) or not self._is_only_here(session.id):
            return
        clear(self._db, session.id)
        self._union.agent(record.agent)
        session.row.forget(record.agent, record.native_id)
        session.last_seq = session.start_seq = 0
        session.is_changed = True

    def withdraw_all(self, agent: str) -> list[str]:
        """Take back all sessions of the file, which is a log of `agent` that nobody can read; return their ids."""
        return self._withdraw(sorted(self._old.sessions), (), agent)

    def withdraw_others(self, sessions: Sequence[Incoming]) -> None:
        """Take back the sessions that the file gave under another agent's name and does not give any more."""
        gone = self._old.sessions - {session.id for session in sessions}
        agents = {session.row.fields["agent"] for session in sessions}
        if gone and len(agents) == 1:
            (agent,) = agents
            sql = "SELECT id FROM sessions WHERE id IN (SELECT value FROM json_each(?)) AND agent <> ? ORDER BY id"
            others = self._db.column(sql, (json.dumps(list(gone)), agent))
            self._withdraw(others, [session.id for session in sessions], agent)

    def _withdraw(self, session_ids: Iterable[str], given: Collection[str], agent: str) -> list[str]:
        """Take back sessions that the file does not hold; return the ids of those that had come from it alone.

        `given` are the sessions that it holds instead, of which one with the same native id, or the only one,
        inherits what people put on the old one. Without it a session that bears such a thing stays, empty and
        as that of `agent`, until there is an importer for it.
        """
        self._union.flush()
        withdrawn = []
        for session_id in session_ids:
            if not self._is_only_here(session_id):
                continue
            # The ledger first: it would have the file give a session that is gone.
            self._disclaim(session_id)
            withdrawn.append(session_id)
            clear(self._db, session_id)
            heir = self._heir(session_id, given)
            if heir is not None:
                for statement in _HAND_OVER:
                    self._db.execute(statement, {"id": session_id, "heir": heir})
            if heir is None and self._db.value(_IS_MARKED, (session_id,)):
                self._db.execute("INSERT OR IGNORE INTO agents (name) VALUES (?)", (agent,))
                self._db.execute(_EMPTY, {"id": session_id, "agent": agent})
            else:
                self._db.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
        return withdrawn

    def _heir(self, session_id: str, given: Collection[str]) -> str | None:
        if len(given) == 1:
            return next(iter(given))
        same = "SELECT 1 FROM sessions WHERE id = ? AND native_id = (SELECT native_id FROM sessions WHERE id = ?)"
        return next((id for id in given if self._db.row(same, (id, session_id)) is not None), None)

    def _disclaim(self, session_id: str) -> None:
        self._db.execute(
            "DELETE FROM import_sessions WHERE session_id = ?"
            " AND import_id = (SELECT id FROM imports WHERE path = ?)",
            (session_id, self._path),
        )

    def _is_only_here(self, session_id: str) -> bool:
        """Say whether all of a session's messages come from the file."""
        return (
            all(is_index(*giver) for giver in self._ledger.givers(session_id, self._path))
            and self._db.row(_WRITTEN_HERE, (session_id,)) is None
        )


def settle(session: Incoming, union: Union, path: str) -> None:
    """Decide who owns the messages of a session that a file and others have.

    Of a file that does not, only the session's own records are left of those that wait.
    """
    # Hermes' database (authority 30) and an export of it (20) hold one session:
    #
    #     database, then export    the export is the lesser: only gaps in the session's own row are filled from it
    #     export, then database    what is stored is cleared, and comes again from the database
    #     two exports              the one with more messages
    count = sum(isinstance(record, MessageRecord | ToolResult) for record in session.held)
    stored = int(union.db.value("SELECT count(*) FROM messages WHERE session_id = ?", (session.id,)))
    theirs = union.ledger.rival(session.id, path) or 0
    # A database is believed before an export of it, whatever it holds; of two of one kind the one with more messages,
    # as an export is the session of the time when it was made. Where they are equal, what is stored stays.
    session.is_owner = (session.authority or 0, count) > (theirs, stored)
    if not session.is_owner:
        session.held = [record for record in session.held if isinstance(record, SessionRecord)]
        return
    # All of it goes, and comes again with the records that were held back: without ids no message can be told from
    # one that is stored, so that anything left would stand twice.
    clear(union.db, session.id)
    union.ledger.disown(session.id)
    session.last_seq = session.start_seq = 0
    session.is_changed = True


def clear(connection: Connection, session_id: str) -> None:
    """Remove what was said in a session, so that it is read anew."""
    for table in _ROWS:
        connection.execute(f"DELETE FROM {table} WHERE session_id = ?", (session_id,))
