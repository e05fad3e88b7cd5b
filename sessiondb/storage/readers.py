"""What a read sees, and by which connection: a pool of those that one open database needs at the same time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sessiondb.errors import DatabaseBusy, DatabaseError, DatabaseNewer
from sessiondb.storage import files, statements
from sessiondb.storage.statements import Parameters, attempt

if TYPE_CHECKING:
    from sessiondb.storage.turns import Turns

IDLE = 4
"""Readers that are kept open for the next reads."""

CACHE = 16 * 1024
"""KiB of pages that a reader keeps at most: a search looks at thousands of rows, each on a page of its own."""

STEPS = 1000
"""Steps of SQLite's machine after which a deadline is looked at: far below a millisecond."""

Row = tuple[Any, ...]
T = TypeVar("T")


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
        # foreign_keys is off by default, for each connection anew. FULL syncs each commit, as a message that `append`
        # returned for must outlive a power cut. Large sorts go to files rather than to memory.
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
        # Where a reader can be:
        #
        #     idle        in the pool, open, with its pages cached; up to IDLE of them
        #     taken       by one read; it sees what was committed when its statement began
        #     snapshot    by a thread, for a block: BEGIN makes all its reads see one moment
        #     frozen      any of these, where the file is read without locks (`immutable`): good while its stamp is
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
        """Let all reads of this thread see the database as it is now, or in the snapshot that this one is a part of."""
        thread = threading.get_ident()
        if thread in self._snapshots:
            yield
            return
        reader = self.take()
        self._snapshots[thread] = reader
        try:
            self._begin(reader)
            yield
        finally:
            # Whoever stopped reading may have closed the database, or forked.
            if self._snapshots.pop(thread, None) is not None:
                with contextlib.suppress(sqlite3.Error):
                    reader.execute("COMMIT")
                self.give_back(reader)

    def _begin(self, reader: sqlite3.Connection) -> None:
        try:
            reader.execute("BEGIN")
            # BEGIN alone takes no snapshot: SQLite does so with the first SELECT, which waits for a writer where the
            # file has a rollback journal.
            attempt(reader, "SELECT 1 FROM sqlite_master", (), self._time_budget).close()
        except sqlite3.Error as error:
            raise statements.failure(self._path, error, self._time_budget) from error

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


class Reading:
    """The reads of an open database, each of which finds a connection of its own:

    in a transaction of this thread    the writer, which sees what was written so far
    in a snapshot of this thread       the reader that the snapshot keeps
    else                               an idle reader of the pool, or a new one
    """

    path: Path
    read_only: bool
    _sqlite: sqlite3.Connection
    _readers: Readers
    _turns: Turns
    time_budget: float
    _is_closed = _is_inherited = False
    # The newest schema that this sessiondb knows, once the file's own was looked at.
    _known: int | None = None

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """Return all rows of a query."""
        return self._read(sql, parameters, sqlite3.Cursor.fetchall)

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """Return the first row of a query, None where there is none."""
        return self._read(sql, parameters, _first)

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """Return the first column of the first row, None where there is none."""
        row = self._read(sql, parameters, _first)
        return row[0] if row else None

    def column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return the first column of all rows of a query."""
        return [row[0] for row in self.rows(sql, parameters)]

    def pairs(self, sql: str, parameters: Parameters = ()) -> dict[Any, Any]:
        """Return the rows of a query with two columns: the first of each leads to the second."""
        # Row by row, so that no tuples are kept: there may be thousands.
        return self._read(sql, parameters, dict)

    def stream(self, sql: str, parameters: Sequence[Any] = (), *, size: int = 500) -> Iterator[Row]:
        """Yield the rows of a query as they were at its beginning, `size` fetched at a time."""
        reader = self._reader()
        cursor: sqlite3.Cursor | None = None
        done = 0
        try:
            while True:
                try:
                    cursor = cursor or self._run_past(reader, sql, parameters, done)
                    batch = cursor.fetchmany(size)
                except sqlite3.Error as error:
                    if not _decodes_anything_now(reader, error):
                        raise self._failure(error) from error
                    # The rows before the broken one were handed out already: the statement is begun anew, and goes on
                    # behind them.
                    cursor = None
                    continue
                if not batch:
                    return
                done += len(batch)
                yield from batch
        finally:
            if cursor is not None and not self._is_inherited:
                # Whoever stopped reading may have closed the database.
                with contextlib.suppress(sqlite3.Error):
                    cursor.close()
            self._give_back(reader)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of this thread see the database as it is now."""
        self._check_usable()
        with contextlib.nullcontext() if self._turns.mine() is not None else self._readers.snapshot():
            yield

    @contextlib.contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Let the reads of this thread end in time, as of one moment: one that takes longer raises DatabaseError."""
        end = time.monotonic() + seconds
        with self.snapshot():
            reader = self._reader()
            reader.set_progress_handler(lambda: time.monotonic() > end, STEPS)
            try:
                yield
            finally:
                reader.set_progress_handler(None, 0)

    @contextlib.contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Let the block use a connection for reading itself; an sqlite3.Error leaves in words."""
        reader = self._reader()
        try:
            yield reader
        except sqlite3.Error as error:
            raise self._failure(error) from error
        finally:
            self._give_back(reader)

    def _read(self, sql: str, parameters: Parameters, fetch: Callable[[sqlite3.Cursor], T]) -> T:
        reader = self._reader()
        try:
            try:
                return fetch(self._run(reader, sql, parameters))
            except sqlite3.Error as error:
                if not _decodes_anything_now(reader, error):
                    raise self._failure(error) from error
                return fetch(self._run(reader, sql, parameters))
        finally:
            self._give_back(reader)

    def _reader(self) -> sqlite3.Connection:
        self._check_usable()
        return self._readers.take() if self._turns.mine() is None else self._sqlite

    def _give_back(self, reader: sqlite3.Connection) -> None:
        if self._is_inherited:
            files.leak(reader)
        elif reader is not self._sqlite or self.read_only:
            self._readers.give_back(reader)

    def _run(self, sqlite: sqlite3.Connection, sql: str, parameters: Parameters) -> sqlite3.Cursor:
        # A statement inside a transaction waits for nobody: what it sees would stay the same.
        time_budget = 0 if sqlite.in_transaction else self.time_budget
        return attempt(sqlite, sql, parameters, time_budget)

    def _run_past(
        self, sqlite: sqlite3.Connection, sql: str, parameters: Parameters, done: int
    ) -> sqlite3.Cursor:
        cursor = self._run(sqlite, sql, parameters)
        for _ in range(done):
            cursor.fetchone()
        return cursor

    def _check_usable(self) -> None:
        if self._is_inherited:
            raise DatabaseError(f"{self.path} was opened before a fork: open it again in the child process")
        if self._is_closed:
            raise DatabaseError(f"{self.path} is closed: open it again")

    def _failure(self, error: sqlite3.Error) -> Exception:
        if statements.code_of(error) == statements.ERROR and (newer := self._newer(error)) is not None:
            return newer
        is_open = self._turns.mine() is not None and not self._is_closed and self._sqlite.in_transaction
        return statements.failure(self.path, error, 0 if is_open else self.time_budget)

    def _newer(self, error: sqlite3.Error) -> DatabaseNewer | None:
        """Return the error for a statement that failed of a newer schema; None where it is not that."""
        if self._known is None or self._is_closed or self._is_inherited:
            return None
        reader = self._reader()
        try:
            (version,) = reader.execute("PRAGMA user_version").fetchone()
        except sqlite3.Error:
            return None
        finally:
            self._give_back(reader)
        return statements.newer(self.path, version, self._known, error) if version > self._known else None


def _may_write(folder: Path) -> bool:
    return os.access(folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _first(cursor: sqlite3.Cursor) -> Row | None:
    row: Row | None = cursor.fetchone()
    # A statement that is not at its end would hold on to what it sees.
    cursor.close()
    return row


def _decodes_anything_now(reader: sqlite3.Connection, error: sqlite3.Error) -> bool:
    """Take texts that are no UTF-8, as foreign tools write them, from now on; False where that was not it."""
    if not statements.is_undecodable(error) or reader.text_factory is not str:
        return False
    # Only now: it takes its time for each text.
    reader.text_factory = lambda text: text.decode("utf-8", "replace")
    return True
