"""Maintenance of the file: find what is wrong with it, repair what can be, back it up, keep it small and fast."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from sessiondb.dao.search.indexes import INDEXES, SearchIndex
from sessiondb.errors import DatabaseDamaged, DatabaseError, InvalidInput
from sessiondb.records import Backup, Finding, Optimized
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage import migrations, paths
from sessiondb.storage.connection import Connection
from sessiondb.storage.files import private_file

PROBLEMS = 20
"""Problems of one kind that are named."""

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700

_COUNTERS = {
    "message_count": "(SELECT count(*) FROM messages WHERE session_id = s.id"
    " AND role IN ('user', 'assistant'))",
    "tool_call_count": "(SELECT count(*) FROM tool_calls WHERE session_id = s.id)",
}


class Maintenance:
    """Checks and upkeep of one database, opened for writing."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._search = SearchIndex(connection)

    def check(self) -> list[Finding]:
        """Return what is wrong; nothing is changed."""
        checks: tuple[Callable[[], Iterator[Finding]], ...] = (
            self._pages,
            self._schema,
            self._references,
            self._counters,
            self._indexes,
            self._modes,
        )
        found: list[Finding] = []
        for check in checks:
            try:
                found += check()
            except DatabaseDamaged as damage:
                found.append(Finding.beyond_repair(damage.__cause__ or damage))
        return list(dict.fromkeys(found))

    def repair(self) -> list[Finding]:
        """Put right what can be, and return what is still wrong."""
        found = {finding.check for finding in self.check() if finding.can_repair}
        if "schema" in found:
            with self._db.transaction():
                for sql in self._missing().values():
                    self._db.execute(sql)
        if "counters" in found:
            with self._db.transaction():
                for name, truth in _COUNTERS.items():
                    self._db.execute(f"UPDATE sessions AS s SET {name} = {truth} WHERE {name} <> {truth}")
        # While a trigger was missing, its index may have missed rows without being at odds with itself.
        damaged = [index.name for index in INDEXES] if "schema" in found else []
        for name in dict.fromkeys((*damaged, *self._search.damaged())):
            self._search.rebuild(name)
        for _ in self._search.catch_up():
            pass
        for path, mode in self._wrong_modes():
            path.chmod(mode)
        return self.check()

    def back_up(self, target: Path) -> Backup:
        """Copy the database as it is now into a new file that only its owner can read.

        Writers go on meanwhile. Raises InvalidInput where the file exists, DatabaseError where it cannot be
        written.
        """
        target = target.expanduser()
        if target.exists():
            raise InvalidInput(f"{target} exists already: give the backup another name, or remove that one")
        try:
            private_file(target)
        except OSError as error:
            raise DatabaseError(f"cannot make the backup {target}: {error.strerror or error}") from error
        try:
            self._db.rows("VACUUM INTO ?", (str(target),))
        except BaseException:
            target.unlink()
            raise
        return Backup(str(target), target.stat().st_size)

    def optimize(self, progress: Progress | None = None) -> Optimized:
        """Make all rows searchable, merge the indexes, refresh the planner's statistics, empty the log."""
        before = self._size()
        indexed = sum(self._search.pending(index.name) for index in INDEXES)
        report, done = progress or no_progress, 0
        for rows in self._search.catch_up():
            done += rows
            report("index", min(done, indexed), indexed)
        self._search.optimize()
        self._db.maintain("PRAGMA optimize = 0x10002")
        self._db.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
        return Optimized(indexed, before, self._size())

    def _pages(self) -> Iterator[Finding]:
        for (text,) in self._db.rows(f"PRAGMA integrity_check({PROBLEMS})"):
            # Newer SQLites look into the search indexes too, which `_indexes` checks and which can be repaired.
            if text != "ok" and "FTS" not in text:
                yield Finding.beyond_repair(text)

    def _schema(self) -> Iterator[Finding]:
        for name in self._missing():
            yield Finding("schema", f"{name} is missing", True)

    def _missing(self) -> dict[str, str]:
        """Return the SQL of the triggers, indexes and views that should be there and are not, by name."""
        present = {row[0] for row in self._db.rows("SELECT name FROM sqlite_master")}
        with contextlib.closing(sqlite3.connect(":memory:")) as model:
            for migration in migrations.migrations():
                model.executescript(migration.sql)
            rows = model.execute(
                "SELECT name, sql FROM sqlite_master"
                " WHERE type IN ('trigger', 'index', 'view') AND sql IS NOT NULL"
            )
            return {name: sql for name, sql in rows if name not in present}

    def _references(self) -> Iterator[Finding]:
        for table, rowid, parent, _ in self._db.rows("PRAGMA foreign_key_check")[:PROBLEMS]:
            yield Finding("references", f"row {rowid} of {table} points to nothing in {parent}", False)

    def _counters(self) -> Iterator[Finding]:
        wrong = " OR ".join(f"s.{name} <> {truth}" for name, truth in _COUNTERS.items())
        count = int(self._db.value(f"SELECT count(*) FROM sessions AS s WHERE {wrong}"))
        if count:
            sessions = "1 session" if count == 1 else f"{count} sessions"
            yield Finding("counters", f"message or tool call counts of {sessions} are wrong", True)

    def _indexes(self) -> Iterator[Finding]:
        for name in self._search.damaged():
            yield Finding("search", f"the index {name} is damaged", True)
        for index in INDEXES:
            if pending := self._search.pending(index.name):
                yield Finding("search", f"the index {index.name} lacks {pending} rows", True)

    def _modes(self) -> Iterator[Finding]:
        for path, mode in self._wrong_modes():
            yield Finding("modes", f"{path} can be read by others: its mode should be {mode:o}", True)

    def _wrong_modes(self) -> list[tuple[Path, int]]:
        """Return the paths that others than the owner can use, with the mode they should have.

        A folder is looked at only where it is the default one: others are not ours.
        """
        if os.name != "posix":
            return []
        path = self._db.path
        wanted = {
            path.with_name(f"{path.name}{suffix}"): PRIVATE_FILE
            for suffix in ("", "-wal", "-shm", "-journal", ".lock")
        }
        if path.parent == paths.user_data() / "sessiondb":
            wanted[path.parent] = PRIVATE_FOLDER
        return [
            (place, mode)
            for place, mode in wanted.items()
            if place.exists() and stat.S_IMODE(place.stat().st_mode) & 0o077
        ]

    def _size(self) -> int:
        return self._db.path.stat().st_size
