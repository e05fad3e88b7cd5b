"""The table `native_files`: what was written in an agent's own format, for the agent to go on with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from sessiondb import timestamps
from sessiondb.storage.connection import Connection


class NativeFile(NamedTuple):
    """A file that holds the conversation of `source_id`, and that its agent knows as the session `session_id`.

    `last_seq` is the last message of the source in it; `native_id` is what the agent calls the session.
    """

    session_id: str
    source_id: str
    last_seq: int
    agent: str
    native_id: str
    path: str
    first_id: str | None = None

    @property
    def is_continuation(self) -> bool:
        """Say whether the agent has the conversation as a session of its own, not as the one that it is here."""
        return self.session_id != self.source_id


_COLUMNS = ", ".join(NativeFile._fields)


class NativeFiles:
    """What was written, the latest first."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, file: NativeFile, ids: Iterable[str]) -> None:
        """Note a file, and the names under which an import finds what is in it."""
        marks = ", ".join("?" * (len(NativeFile._fields) + 2))
        self._db.execute(
            f"INSERT INTO native_files ({_COLUMNS}, ids, written_at) VALUES ({marks})",
            (*file, json.dumps(list(ids), ensure_ascii=False), timestamps.now()),
        )

    def add_copy(self, file: NativeFile, session_id: str) -> None:
        """Note that an agent has made another session of a file, which begins with all that is in it."""
        self._db.execute(
            f"INSERT INTO native_files ({_COLUMNS}, ids, written_at)"
            " SELECT ?, source_id, last_seq, agent, native_id, path, NULL, ids, written_at"
            " FROM native_files WHERE session_id = ? ORDER BY id DESC LIMIT 1",
            (session_id, file.session_id),
        )

    def of_session(self, session_id: str) -> list[NativeFile]:
        """Return the files that are a session to its agent."""
        return self._files("session_id = ?", session_id)

    def from_source(self, session_id: str, agent: str) -> list[NativeFile]:
        """Return the files in which an agent was given the conversation of a session."""
        return self._files("source_id = ? AND agent = ?", session_id, agent)

    def known(self) -> list[NativeFile]:
        """Return all files."""
        return self._files("1")

    def ids(self, session_id: str) -> frozenset[str]:
        """Return the names under which an import finds what was written of a session."""
        rows = self._db.rows(
            "SELECT DISTINCT value FROM native_files, json_each(ids) WHERE session_id = ?", (session_id,)
        )
        return frozenset(row[0] for row in rows)

    def _files(self, where: str, *values: str) -> list[NativeFile]:
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM native_files WHERE {where} ORDER BY id DESC", values)
        return [NativeFile(*row) for row in rows]
