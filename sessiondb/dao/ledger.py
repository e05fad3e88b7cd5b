"""The ledger of imported files: what was read, how far, from which sessions, and what could not be read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sessiondb import timestamps
from sessiondb.importers import is_index
from sessiondb.importers.prompt_history import FORMATS
from sessiondb.storage.connection import Connection
from sessiondb.storage.values import stored_json


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
    has_messages: bool = True
    """Whether a session that it gave has any, or comes from another one, which has what they share."""


class LastSeen(NamedTuple):
    """How a log looked when it was imported last, and when that was."""

    path: str
    size: int
    mtime_ns: int
    imported_at: str


Claims = dict[str, tuple[int | None, bool]]
"""The sessions that a file gave: with what authority, and whether their messages are the file's."""

Trouble = tuple[int | None, int | None, str]
"""What could not be read of a file: line, byte offset (None for both: the file as a whole) and reason."""

_STAT = "device, inode, size, mtime_ns, ctime_ns"
_READ = "format, parser_version, byte_offset, lines, head_digest, tail_digest, state"
_COLUMNS = f"path, {_STAT}, {_READ}, imported_at".split(", ")
_NEWEST = """
SELECT path, size, mtime_ns, imported_at FROM imports
WHERE format IS NOT NULL AND id IN (
  SELECT import_id FROM import_sessions
  WHERE session_id IN (SELECT id FROM sessions ORDER BY last_active_at DESC LIMIT ?)
  UNION SELECT * FROM (SELECT id FROM imports ORDER BY id DESC LIMIT 20)
)
ORDER BY mtime_ns DESC
"""
_ID = "(SELECT id FROM imports WHERE path = ?)"
_RECORD = (
    f"INSERT INTO imports ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    f" ON CONFLICT (path) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[1:])}"
)
_CLAIM = (
    f"INSERT INTO import_sessions (import_id, session_id, authority, is_owner) VALUES ({_ID}, ?, ?, ?)"
    " ON CONFLICT (import_id, session_id)"
    " DO UPDATE SET authority = excluded.authority, is_owner = excluded.is_owner"
)


READ_AND_LOST = -2
"""In place of a version: what the file gave is no longer all there. It is read anew, and what it gave is replaced."""


class Ledger:
    """The tables `imports`, `import_sessions` and `import_errors`.

    What is recorded waits for `flush`, which every question about sessions does by itself.
    """

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._entries: list[tuple[Any, ...]] = []
        self._claims: list[tuple[Any, ...]] = []
        self._forgotten: list[tuple[str]] = []
        self._troubles: list[tuple[Any, ...]] = []

    def stats(self) -> dict[str, tuple[tuple[int, ...], str | None, int]]:
        """Return stat, as a plain tuple, format and parser version of every file in the ledger, by path."""
        rows = self._db.rows(f"SELECT path, format, parser_version, {_STAT} FROM imports")
        return {row[0]: (row[3:], row[1], row[2]) for row in rows}

    def newest(self, sessions: int) -> tuple[list[LastSeen], bool]:
        """Return the logs of so many sessions, those active last, and those that came last; and whether that is all.

        Those that had changed last when they were imported come first. However many there are, few rows are read.
        """
        rows = self._db.rows(_NEWEST, (sessions,))
        more = self._db.value("SELECT 1 FROM sessions LIMIT 1 OFFSET ?", (sessions,))
        return [LastSeen(*row) for row in rows], more is None

    def known(self, paths: Iterable[str]) -> set[str]:
        """Return those of some paths whose files were looked at before, read or refused."""
        rows = self._db.rows(
            "SELECT path FROM imports WHERE path IN (SELECT value FROM json_each(?))",
            (json.dumps(list(paths)),),
        )
        return {path for (path,) in rows}

    def entries(self, paths: Iterable[str]) -> dict[str, Entry]:
        """Return what is known of some files, by path; those that were never read are left out."""
        rows = self._db.rows(
            f"SELECT path, {_STAT}, {_READ},"
            " EXISTS (SELECT 1 FROM import_sessions AS s WHERE s.import_id = imports.id AND NOT s.is_owner),"
            " EXISTS (SELECT 1 FROM import_sessions AS s JOIN sessions AS own ON own.id = s.session_id"
            " WHERE s.import_id = imports.id AND (own.parent_id IS NOT NULL OR own.relation IS NOT NULL"
            " OR EXISTS (SELECT 1 FROM messages WHERE session_id = own.id)))"
            " FROM imports WHERE path IN (SELECT value FROM json_each(?))",
            (json.dumps(list(paths)),),
        )
        return {row[0]: _entry(row) for row in rows}

    def record(self, entry: Entry, claims: Claims, troubles: Iterable[Trouble], *, renews: bool) -> None:
        """Note that a file was read: the sessions it gave, and what it did not give.

        `renews`: the file was read before, and now from its beginning again: what was noted then is forgotten.
        """
        path = entry.path
        # What the importer has noted for itself, to go on from `byte_offset`.
        state = json.dumps(entry.state, ensure_ascii=False) if entry.state else None
        self._entries.append((path, *entry.stat, *entry[2:8], state))
        self.claim(path, claims)
        if renews:
            self._forgotten.append((path,))
        self._troubles += [(path, path, *trouble) for trouble in troubles]

    def claim(self, path: str, claims: Claims) -> None:
        """Note which sessions a file gave that is not read to its end yet."""
        self._claims += [(path, session_id, *claim) for session_id, claim in claims.items()]

    def flush(self) -> None:
        """Write what was recorded since the last time."""
        if not (self._entries or self._claims):
            return
        now = timestamps.now()
        self._db.executemany(_RECORD, [(*row, now) for row in self._entries])
        self._db.executemany(_CLAIM, self._claims)
        self._db.executemany(f"DELETE FROM import_errors WHERE import_id = {_ID}", self._forgotten)
        self._db.executemany(
            f"INSERT INTO import_errors (import_id, path, line, byte_offset, reason) VALUES ({_ID}, ?, ?, ?, ?)",
            self._troubles,
        )
        # The batch that is undone takes its ledger with it: each try begins with a new Ledger.
        self._entries, self._claims, self._forgotten, self._troubles = [], [], [], []

    def rival(self, session_id: str, path: str) -> int | None:
        """Return the authority of another file whose messages a session has, None where there is none."""
        self.flush()
        found = self._db.value(
            "SELECT s.authority FROM import_sessions AS s JOIN imports AS i ON i.id = s.import_id"
            " WHERE s.session_id = ? AND s.authority IS NOT NULL AND s.is_owner AND i.path <> ?",
            (session_id, path),
        )
        return None if found is None else int(found)

    def disown(self, session_id: str) -> None:
        """Note that the messages of a session are no longer those of any file read so far."""
        self.flush()
        self._db.execute("UPDATE import_sessions SET is_owner = 0 WHERE session_id = ?", (session_id,))

    def has_given(self, path: str, session_id: str) -> bool:
        """Say whether a file gave a session before."""
        self.flush()
        return bool(
            self._db.row(
                f"SELECT 1 FROM import_sessions WHERE session_id = ? AND import_id = {_ID}",
                (session_id, path),
            )
        )

    def givers(self, session_id: str, path: str) -> list[tuple[str, str | None]]:
        """Return the other files that gave a session too, each with its format."""
        self.flush()
        return self._db.rows(
            "SELECT i.path, i.format FROM import_sessions AS s JOIN imports AS i ON i.id = s.import_id"
            " WHERE s.session_id = ? AND i.path <> ?",
            (session_id, path),
        )

    def is_given_elsewhere(self, session_id: str, path: str) -> bool:
        """Say whether another file gave a session too."""
        self.flush()
        return bool(
            self._db.row(
                "SELECT 1 FROM import_sessions AS s JOIN imports AS i ON i.id = s.import_id"
                " WHERE s.session_id = ? AND i.path <> ?",
                (session_id, path),
            )
        )

    def is_newest(self, session_id: str, path: str, changed_ns: int) -> bool:
        """Say whether no other log of a session was changed after one, which was changed at `changed_ns`."""
        self.flush()
        others = self._db.rows(
            "SELECT i.path, i.format, i.mtime_ns FROM import_sessions AS s JOIN imports AS i ON i.id = s.import_id"
            " WHERE s.session_id = ? AND i.path <> ?",
            (session_id, path),
        )
        return all(changed <= changed_ns or is_index(other, format) for other, format, changed in others)

    def claims(self, path: str) -> list[str]:
        """Return the ids of the sessions that a file gave."""
        return self._db.column(f"SELECT session_id FROM import_sessions WHERE import_id = {_ID}", (path,))

    def problems_by_path(self) -> dict[str, list[Trouble]]:
        """Return what could not be read of each file, where there is anything."""
        found: dict[str, list[Trouble]] = {}
        for path, line, offset, reason in self._db.rows(
            "SELECT path, line, byte_offset, reason FROM import_errors ORDER BY id"
        ):
            found.setdefault(path, []).append((line, offset, reason))
        return found

    def paths_of(self, session_id: str, *, histories: bool = True) -> list[str]:
        """Return the files that gave a session, the one whose messages are believed first.

        Without `histories` of prompts they are its logs.
        """
        rows = self._db.rows(
            "SELECT i.path, i.format FROM import_sessions AS s JOIN imports AS i ON i.id = s.import_id"
            " WHERE s.session_id = ? ORDER BY s.is_owner DESC, i.path",
            (session_id,),
        )
        return [path for path, format in rows if histories or format not in FORMATS]

    def sessions_given(self, others: Collection[str]) -> set[str]:
        """Return the ids of the sessions that files gave, all but some, and that are still there."""
        given = self._db.column(
            "SELECT session_id FROM import_sessions WHERE import_id NOT IN"
            " (SELECT id FROM imports WHERE path IN (SELECT value FROM json_each(?)))",
            (json.dumps(list(others)),),
        )
        # All that are there are read in their order: to look for each of the given ones takes longer.
        return set(given).intersection(self._db.column("SELECT id FROM sessions"))

    def projects(self, path: str) -> list[tuple[str, str | None, str | None]]:
        """Return the sessions that a file gave, each with the folder and the name of its project."""
        return self._db.rows(
            "SELECT s.id, p.path, p.name FROM imports AS i JOIN import_sessions AS g ON g.import_id = i.id"
            " JOIN sessions AS s ON s.id = g.session_id LEFT JOIN projects AS p ON p.id = s.project_id"
            " WHERE i.path = ?",
            (path,),
        )

    def paths_of_deleted(self) -> set[str]:
        """Return the files that gave sessions which were removed since."""
        rows = self._db.rows(
            "SELECT DISTINCT i.path FROM imports AS i JOIN import_sessions AS s ON s.import_id = i.id"
            " JOIN deletions AS d ON d.session_id = s.session_id"
        )
        return {row[0] for row in rows}


def _entry(row: tuple[Any, ...]) -> Entry:
    path, stat, state, is_contested = row[0], Stat(*row[1:6]), row[12], bool(row[13])
    return Entry(
        path,
        stat,
        *row[6:12],
        state=stored_json(state, None, f"imports.state of {path}"),
        is_contested=is_contested,
        has_messages=bool(row[14]),
    )  # type: ignore[misc]
