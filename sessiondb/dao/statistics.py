"""What is in the file, counted: its status, sessions by what they have in common, tokens by time."""

from __future__ import annotations

import sqlite3

from sessiondb.dao.activity import TIMES, Activity
from sessiondb.dao.search.indexes import INDEXES, SearchIndex
from sessiondb.dao.sessions.filter import where_clause
from sessiondb.errors import InvalidInput
from sessiondb.records import Group, SessionFilter, Stats, Status
from sessiondb.records.statistics import GROUPS
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import one_text, page_of

# By what sessions are grouped: the name of the group, as SQL over the joins below.
_GROUPS = {
    "agent": "s.agent",
    "project": "coalesce(p.path, p.name)",
    "platform": "c.platform",
    "model": "m.name",
    "tag": "g.name",
    "month": "strftime('%Y-%m', s.last_active_at, 'localtime')",
}


class Statistics:
    """Reads of the whole file."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def status(self) -> Status:
        """Return the state of the database."""
        index = SearchIndex(self._db)
        pending = {entry.name: index.pending(entry.name) for entry in INDEXES}
        log = self._db.path.with_name(f"{self._db.path.name}-wal")
        page_size = self._number("PRAGMA page_size")
        return Status(
            path=str(self._db.path),
            bytes=self._db.path.stat().st_size + (log.stat().st_size if log.exists() else 0),
            free_bytes=page_size * self._number("PRAGMA freelist_count"),
            schema=self._number("PRAGMA user_version"),
            sqlite=sqlite3.sqlite_version,
            journal=str(self._db.value("PRAGMA journal_mode")),
            sessions=self._number("SELECT count(*) FROM sessions"),
            open_sessions=self._number("SELECT count(*) FROM sessions WHERE ended_at IS NULL"),
            messages=self._number("SELECT CAST(total(message_count) AS INTEGER) FROM sessions"),
            tool_calls=self._number("SELECT CAST(total(tool_call_count) AS INTEGER) FROM sessions"),
            notes=self._number("SELECT count(*) FROM notes"),
            agents=dict(
                self._db.rows("SELECT agent, count(*) FROM sessions GROUP BY agent ORDER BY 2 DESC, 1")
            ),
            pending={name: rows for name, rows in pending.items() if rows},
            files=self._number("SELECT count(*) FROM imports WHERE format IS NOT NULL"),
            last_import_at=self._db.value("SELECT max(imported_at) FROM imports"),
        )

    def stats(self, by: str, where: SessionFilter, *, limit: int | None = None, offset: int = 0) -> Stats:
        """Return what is grouped by one of GROUPS.

        Of sessions those with most messages come first, of months the newest. By tag, a session counts once for each of
        its tags. Raises InvalidInput for another grouping, and for a limit or offset below 0.
        """
        page = page_of(limit, offset)
        one_text(by, "by")
        if by == "tool" or by in TIMES:
            activity = Activity(self._db)
            groups = activity.tools(where) if by == "tool" else activity.times(by, where)
            return Stats(groups[page], len(groups))
        name = _expression(_GROUPS, by)
        clause, parameters = where_clause(where)
        tags = "LEFT JOIN session_tags AS st ON st.session_id = s.id LEFT JOIN tags AS g ON g.id = st.tag_id"
        rows = self._db.rows(
            f"SELECT {name}, count(*), sum(s.ended_at IS NULL), CAST(total(s.message_count) AS INTEGER),"
            " CAST(total(s.tool_call_count) AS INTEGER), min(s.started_at), max(s.last_active_at)"
            " FROM sessions AS s"
            " LEFT JOIN projects AS p ON p.id = s.project_id"
            " LEFT JOIN channels AS c ON c.id = s.channel_id"
            f" LEFT JOIN models AS m ON m.id = s.model_id {tags if by == 'tag' else ''}"
            f" {clause} GROUP BY 1 ORDER BY {'1 DESC' if by == 'month' else '4 DESC, 1'}",
            parameters,
        )
        return Stats([Group(*row) for row in rows[page]], len(rows))

    def _number(self, sql: str) -> int:
        return int(self._db.value(sql) or 0)


def _expression(known: dict[str, str], by: str) -> str:
    if by not in known:
        raise InvalidInput(f"cannot group by {by!r}: give one of {', '.join(GROUPS)}")
    return known[by]
