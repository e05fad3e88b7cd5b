"""The ledger of imported files: what was read, how far, from which sessions, and what could not be read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from sessiondb import timestamps
from sessiondb.connection import Connection


class Stat(NamedTuple):
    """How a file looked: equal stats mean an unchanged file."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class Entry(NamedTuple):
    """What the ledger knows of a file. `format` is None for a file that is no session log."""

    path: str
    stat: Stat
    format: str | None
    parser_version: int
    byte_offset: int = 0
    lines: int = 0
    head_digest: str | None = None
    tail_digest: str | None = None
    state: dict[str, Any] | None = None
    is_contested: bool = False
    """Whether another file's messages are believed for one of its sessions: it must be read whole to be compared."""


class Ledger:
    """The tables `imports`, `import_sessions` and `import_errors`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def stats(self) -> dict[str, tuple[Stat, str | None, int]]:
        """Return stat, format and parser version of every file in the ledger, by path."""
        rows = self._db.rows(
            "SELECT path, device, inode, size, mtime_ns, ctime_ns, format, parser_version FROM imports"
        )
        return {row[0]: (Stat(*row[1:6]), row[6], row[7]) for row in rows}

    def get(self, path: str) -> Entry | None:
        """Return what is known of a file, None where it was never read."""
        row = self._db.row(
            "SELECT device, inode, size, mtime_ns, ctime_ns, format, parser_version, byte_offset, lines, head_digest,"
            " tail_digest, state, EXISTS (SELECT 1 FROM import_sessions WHERE import_id = imports.id AND NOT is_owner)"
            " FROM imports WHERE path = ?",
            (path,),
        )
        if row is None:
            return None
        return Entry(
            path, Stat(*row[:5]), *row[5:11], json.loads(row[11]) if row[11] else None, bool(row[12])
        )

    def record(
        self,
        entry: Entry,
        sessions: dict[str, tuple[int | None, bool]],
        problems: Iterable[tuple[int | None, int | None, str]],
    ) -> None:
        """Note that a file was read: what it gave (session ids, their authority and whether it owns their messages) and what it did not.

        Problems of a file that was read from its beginning take the place of those noted before.
        """
        state = json.dumps(entry.state, ensure_ascii=False) if entry.state else None
        import_id = self._db.value(
            "INSERT INTO imports (path, device, inode, size, mtime_ns, ctime_ns, format, parser_version, byte_offset, lines,"
            " head_digest, tail_digest, state, imported_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (path) DO UPDATE SET device = excluded.device, inode = excluded.inode, size = excluded.size,"
            " mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, format = excluded.format,"
            " parser_version = excluded.parser_version, byte_offset = excluded.byte_offset, lines = excluded.lines,"
            " head_digest = excluded.head_digest, tail_digest = excluded.tail_digest, state = excluded.state,"
            " imported_at = excluded.imported_at RETURNING id",
            (
                entry.path,
                *entry.stat,
                entry.format,
                entry.parser_version,
                entry.byte_offset,
                entry.lines,
                entry.head_digest,
                entry.tail_digest,
                state,
                timestamps.now(),
            ),
        )
        self._db.executemany(
            "INSERT INTO import_sessions (import_id, session_id, authority, is_owner) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (import_id, session_id) DO UPDATE SET authority = excluded.authority, is_owner = excluded.is_owner",
            [(import_id, session_id, *claim) for session_id, claim in sessions.items()],
        )
        self._db.executemany(
            "INSERT INTO import_errors (import_id, path, line, byte_offset, reason) VALUES (?, ?, ?, ?, ?)",
            [(import_id, entry.path, *problem) for problem in problems],
        )

    def forget_problems(self, path: str) -> None:
        """Drop the problems noted for a file, before it is read from its beginning."""
        self._db.execute(
            "DELETE FROM import_errors WHERE import_id = (SELECT id FROM imports WHERE path = ?)", (path,)
        )

    def problems_by_path(self) -> dict[str, list[tuple[int | None, int | None, str]]]:
        """Return the problems noted for each file that has any: line, byte offset, reason."""
        found: dict[str, list[tuple[int | None, int | None, str]]] = {}
        for path, *problem in self._db.rows(
            "SELECT path, line, byte_offset, reason FROM import_errors ORDER BY id"
        ):
            found.setdefault(path, []).append((problem[0], problem[1], problem[2]))
        return found

    def session_counts(self) -> dict[str, int]:
        """Return how many sessions each file gave, by path."""
        rows = self._db.rows(
            "SELECT i.path, count(*) FROM import_sessions AS s JOIN imports AS i ON i.id = s.import_id GROUP BY 1"
        )
        return {row[0]: row[1] for row in rows}

    def paths_of_deleted(self) -> set[str]:
        """Return the files that gave sessions which were removed since."""
        rows = self._db.rows(
            "SELECT DISTINCT i.path FROM imports AS i JOIN import_sessions AS s ON s.import_id = i.id"
            " JOIN deletions AS d ON d.session_id = s.session_id"
        )
        return {row[0] for row in rows}
