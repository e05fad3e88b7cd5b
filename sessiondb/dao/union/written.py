"""Tell what this database has written in an agent's own format when the agent's files bring it back.

    written    1 2 3            the conversation of a session, in a file of its own
    the agent  1 2 3 4 5        1 to 3 are here already, whatever the agent calls them: 4 and 5 are new

A file is known by the session that it is to the agent. Gemini CLI makes another session of a file that it is given,
with the same messages: that one is known by its first prompt.
"""

from __future__ import annotations

from collections.abc import Mapping

from sessiondb.dao.native_files import NativeFile, NativeFiles
from sessiondb.importers.base import (
    MessageRecord,
    NoteRecord,
    SessionRecord,
    TakenBack,
    TokenRecord,
    ToolResult,
)
from sessiondb.storage.connection import Connection

Part = MessageRecord | ToolResult | TokenRecord | NoteRecord | TakenBack


class Written:
    """The files that were written, by the sessions that they are to their agents."""

    def __init__(self, connection: Connection) -> None:
        self._files = NativeFiles(connection)
        known = self._files.known()
        self._by_session: dict[str, NativeFile] = {file.session_id: file for file in reversed(known)}
        self._by_first: Mapping[str, NativeFile] = {file.first_id: file for file in known if file.first_id}
        self._ids: dict[str, frozenset[str]] = {}

    @property
    def sources(self) -> frozenset[str]:
        """Return the sessions whose own logs were written: their messages are not what an import has read of them."""
        return frozenset(id for id, file in self._by_session.items() if not file.is_continuation)

    def is_continuation(self, session_id: str) -> bool:
        """Say whether a session began with what was written of another one."""
        file = self._by_session.get(session_id)
        return file is not None and file.is_continuation

    def placed(self, record: SessionRecord, path: str) -> SessionRecord:
        """Return what a file says of a session, with its place among the others where it continues one.

        When it began is then told by what is new in it. The head of a file that was written here tells only of its end.
        """
        file = self._by_session.get(record.id)
        if file is None:
            return record
        if not file.is_continuation:
            if file.path != path:
                return record
            return record._replace(metadata=None, project=None, model=None, started_at=None)
        return record._replace(parent_id=file.source_id, relation="continuation", started_at=None)

    def adopts(self, session_id: str, record: Part) -> bool:
        """Say whether a message shows that its session was made of a file, which was not known so far."""
        if not self._by_first or session_id in self._by_session:
            return False
        if not isinstance(record, MessageRecord) or record.role != "user":
            return False
        file = self._by_first.get(record.external_id or "")
        if file is None or session_id == file.source_id:
            return False
        self._files.add_copy(file, session_id)
        self._by_session[session_id] = file._replace(session_id=session_id)
        return True

    def holds(self, session_id: str, record: Part) -> bool:
        """Say whether a record was written from here."""
        if session_id not in self._by_session or isinstance(record, NoteRecord):
            return False
        if isinstance(record, TakenBack):
            return True
        ids = self._ids.get(session_id)
        if ids is None:
            ids = self._ids[session_id] = self._files.ids(session_id)
        if isinstance(record, TokenRecord):
            return record.message in ids
        return name_of(record) in ids


def name_of(record: MessageRecord | ToolResult) -> str | None:
    """Return under which name a record is noted: an answer under that of its call."""
    if isinstance(record, ToolResult) and record.call_id is not None:
        return f"answer to {record.call_id}"
    return record.external_id
