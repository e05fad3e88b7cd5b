"""What the writers of an import share: one transaction's rows on their way, and what is known meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sessiondb.chat.content import clean_text
from sessiondb.dao.ledger import Ledger
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.union.row_buffer import RowBuffer
from sessiondb.dao.union.session import ImportSession
from sessiondb.storage.connection import Connection


class ImportBatch:
    """One transaction of an import, which reads many files.

    `bulk`: the insert triggers are away (SearchIndex.bulk), so that the counters must be kept by hand.
    `restore`: sessions with a tombstone come back.
    `path` is the file being read; `fallback_time` is for sessions that no time is known of: when that file
    was last changed. `is_first`: no messages were there before.
    """

    def __init__(
        self, connection: Connection, lookups: Lookups, ledger: Ledger, *, bulk: bool, restore: bool = False
    ) -> None:
        self.db = connection
        self.lookups = lookups
        self.ledger = ledger
        self.bulk = bulk
        self.restore = restore
        self.rows = RowBuffer(connection)
        self.path = ""
        self.fallback_time = ""
        # The sessions of the file being read; None stands for one that was removed on purpose.
        self.sessions: dict[str, ImportSession | None] = {}
        # Which session brought a message, by external_id.
        self.origins: dict[str, str] = {}
        self.is_first = connection.row("SELECT 1 FROM messages LIMIT 1") is None
        # Set by the writer: writes all rows that wait.
        self.write: Callable[[], None] = lambda: None
        self._ids: dict[tuple[str | None, ...], Any] = {}

    def agent(self, name: str) -> str:
        """Return the agent's name, which is its key; see Lookups."""
        if ("agent", name) not in self._ids:
            self._ids["agent", name] = self.lookups.agent(name)
        return name

    def model(self, name: str | None) -> int | None:
        """Return the id of a model."""
        if name is None:
            return None
        if ("model", name) not in self._ids:
            self._ids["model", name] = self.lookups.model(name)
        found: int | None = self._ids["model", name]
        return found

    def project(self, path: str | None, name: str | None) -> int | None:
        """Return the id of a project."""
        if (path, name) not in self._ids:
            self._ids[path, name] = self.lookups.project(path, name)
        found: int | None = self._ids[path, name]
        return found


def storable(text: str | None) -> str | None:
    """Return text as SQLite can hold it."""
    return clean_text(text) if text is not None and "\0" in text else text
