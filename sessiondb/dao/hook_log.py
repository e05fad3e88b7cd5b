"""The log of hooks: when each was called, and what it put before a model."""

from __future__ import annotations

from sessiondb import timestamps
from sessiondb.records.hooks import HookEntry
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import row_limit

KEPT = 10_000
"""Entries that are kept: a log must not outgrow what it tells of."""

_COLUMNS = "at, agent, event, session_id, project, tokens"


class HookLog:
    """The table `hook_log`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def add(self, entry: HookEntry, digest: str | None) -> None:
        """Note a call, and forget the oldest beyond KEPT."""
        with self._db.transaction():
            self._db.execute(
                f"INSERT INTO hook_log ({_COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    entry.at or timestamps.now(),
                    entry.agent,
                    entry.event,
                    entry.session_id,
                    entry.project,
                    entry.tokens,
                    digest,
                ),
            )
            self._db.execute("DELETE FROM hook_log WHERE id <= (SELECT max(id) FROM hook_log) - ?", (KEPT,))

    def was_said(self, session_id: str, event: str, digest: str) -> bool:
        """Say whether a session was given this text last at an event."""
        found = self._db.value(
            "SELECT digest FROM hook_log WHERE session_id = ? AND event = ? AND digest IS NOT NULL"
            " ORDER BY id DESC LIMIT 1",
            (session_id, event),
        )
        return bool(found == digest)

    def was_ever_said(self, session_id: str, digest: str) -> bool:
        """Say whether a session was given this text at any time."""
        sql = "SELECT 1 FROM hook_log WHERE session_id = ? AND digest = ? LIMIT 1"
        return self._db.row(sql, (session_id, digest)) is not None

    def latest(self, limit: int | None = 20) -> list[HookEntry]:
        """Return the newest entries, the newest first. Raises InvalidInput for a limit below 0."""
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM hook_log ORDER BY id DESC LIMIT ?", (row_limit(limit),))
        return [HookEntry(*row) for row in rows]

    def last_calls(self) -> dict[str, str]:
        """Return for each agent that has called a hook the time of its last call."""
        rows = self._db.rows("SELECT agent, max(at) FROM hook_log GROUP BY agent")
        return {str(agent): str(at) for agent, at in rows}
