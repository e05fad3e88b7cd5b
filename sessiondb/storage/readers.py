"""Connections for reading: a pool of those that one open database needs at the same time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sessiondb.errors import DatabaseBusy, DatabaseError
from sessiondb.storage import files, statements

IDLE = 4
"""Readers that are kept open for the next reads."""

CACHE = 16 * 1024
"""KiB of pages that a reader keeps at most: a search looks at thousands of rows, each on a page of its own."""

Row = tuple[Any, ...]


def open_file(path: Path, options: str, cache: int, wait: float = 0) -> sqlite3.Connection:
    """Open a SQLite file with our pragmas; `cache` is in KiB, and SQLite itself waits `wait` seconds for others.

    Raises the errors of sessiondb.errors.
    """
    uri = f"{path.absolute().as_uri()}?{options}"
    try:
        connection = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=0
        )
    except sqlite3.Error as error:
        raise statements.failure(path, error, 0) from error
    if "SESSIONDB_DEBUG" in os.environ:
        from sessiondb.storage import debug

        debug.trace(connection)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = FILE")
        connection.execute(f"PRAGMA cache_size = -{cache}")
        connection.execute(f"PRAGMA busy_timeout = {int(wait * 1000)}")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        if not statements.is_busy(error):
            connection.close()
            raise statements.failure(path, error, 0) from error
    return connection


class Readers:
    """Readers of one file: taken for a read, and given back after it; each sees what is committed by then.

    SQLite makes shared memory beside a file with write-ahead logging, for reading too. Where the folder does
    not allow that (`read_only`) and the file was closed cleanly, all is in the file itself: it is read as
    it is, and opened anew when it changes.

    A reader beside a writer may do whatever that may, but write: SQLite does not even read the CHECK
    constraints of a file that it opens for reading only, and `PRAGMA integrity_check` passes over them.
    """

    def __init__(self, path: Path, file: files.OpenedFile, time_budget: float, *, read_only: bool) -> None:
        self._path = path
        self._file = file
        self._time_budget = time_budget
        self._read_only = read_only
        self._idle: list[sqlite3.Connection] = []
        self._snapshots: dict[int, sqlite3.Connection] = {}
        self._is_closed = False
        # How the file looked when it was opened without shared memory.
        self._frozen: tuple[int, ...] | None = None

    def take(self) -> sqlite3.Connection:
        """Return the reader of this thread's snapshot, an idle one, or a new one."""
        if self._snapshots and (reader := self._snapshots.get(threading.get_ident())) is not None:
            return reader
        self._file.check()
        if self._frozen is not None and self._stamp() != self._frozen:
            self._close_idle()
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def give_back(self, reader: sqlite3.Connection) -> None:
        """Keep a reader for the next one who takes it. Raises DatabaseBusy where what it read is worthless."""
        if self._snapshots and reader in self._snapshots.values():
            return
        if self._is_closed or len(self._idle) >= IDLE:
            reader.close()
            return
        # Read without locks, as `immutable` is: whether someone wrote meanwhile shows in the file's stamp alone.
        if self._frozen is not None and self._stamp() != self._frozen:
            reader.close()
            raise DatabaseBusy(f"{self._path} was changed while it was read: try again")
        self._idle.append(reader)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of this thread see the database as it is at the first one of the block."""
        reader = self.take()
        thread = threading.get_ident()
        reader.execute("BEGIN")
        self._snapshots[thread] = reader
        try:
            yield
        finally:
            # Whoever stopped reading may have closed the database, or forked.
            if self._snapshots.pop(thread, None) is not None:
                with contextlib.suppress(sqlite3.Error):
                    reader.execute("COMMIT")
                self.give_back(reader)

    def close(self) -> None:
        """Close the idle readers; those in use are closed when they are given back."""
        self._is_closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def let_go(self) -> None:
        """Keep all readers as they are for as long as the process lives."""
        files.leak(*self._idle, *self._snapshots.values())
        self._idle.clear()
        self._snapshots.clear()

    def _open(self) -> sqlite3.Connection:
        self._frozen = None
        try:
            # Another process may be recovering the log or closing: readers wait for that as well.
            reader = open_file(
                self._path, "mode=ro" if self._read_only else "mode=rw", CACHE, self._time_budget
            )
            # Opened for writing where possible, for SQLite recovers a log only then; query_only keeps it from
            # writing.
            reader.execute(f"PRAGMA query_only = {'OFF' if self._read_only else 'ON'}")
            return reader
        except DatabaseError as error:
            is_barred = statements.code_of(error.__cause__) in (statements.CANTOPEN, statements.READONLY)
            if not (self._read_only and is_barred) or _may_write(self._path.absolute().parent):
                raise
            stamp = self._stamp()
            if stamp == (-1,):
                raise
            reader = open_file(self._path, "mode=ro&immutable=1", CACHE)
            self._frozen = stamp
            return reader

    def _stamp(self) -> tuple[int, ...]:
        try:
            return self._file.stamp()
        except OSError as error:
            raise DatabaseError(f"cannot read {self._path}: {error.strerror or error}") from error


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
