"""The one place that opens SQLite: file modes, pragmas, BEGIN IMMEDIATE, retries, and errors in words."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sessiondb.errors import (
    Conflict,
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseError,
    DatabaseForeign,
    DatabaseMissing,
)
from sessiondb.storage import debug
from sessiondb.storage.locks import WriterLock, pauses

TIME_BUDGET = 30.0
"""Seconds that a write waits for other writers, unless told otherwise."""

Row = tuple[Any, ...]

_BUSY = ("locked", "busy")
_DAMAGED = ("malformed", "corrupt", "disk i/o error")


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it, readable by its owner alone; folders that exist stay as they are."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)


def private_file(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one. SQLite gives -wal and -shm the
    same mode.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _current_task() -> object:
    """Return the asyncio task that runs on this thread, None where there is none."""
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio.current_task() if asyncio else None
    except RuntimeError:
        return None


class Connection:
    """A connection to one database file, safe to share between threads of one process.

    Reads return whole lists, so that nothing is left open. Writes belong inside `transaction()`.
    Every sqlite3.Error leaves as an error of sessiondb.errors.
    """

    def __init__(self, path: Path, *, read_only: bool = False, time_budget: float = TIME_BUDGET) -> None:
        self.path = path
        self.read_only = read_only
        self._time_budget = time_budget
        self._lock = threading.RLock()
        self._depth = 0
        self._task: object = None
        self._process = os.getpid()
        self._writers = WriterLock(path)
        try:
            self._sqlite = self._open()
        except OSError as error:
            raise DatabaseError(f"cannot make the database {path}: {error.strerror or error}") from error

    def _open(self) -> sqlite3.Connection:
        if self.read_only:
            if not self.path.exists():
                raise DatabaseMissing(
                    f"there is no database at {self.path} yet: `sessiondb import auto` makes one"
                )
            options = "mode=ro"
        else:
            private_folder(self.path.parent)
            private_file(self.path)
            options = "mode=rw"
        uri = f"{self.path.absolute().as_uri()}?{options}"
        with self._errors():
            connection = sqlite3.connect(
                uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=0
            )
            debug.trace(connection)
            try:
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA temp_store = MEMORY")
                # Another process may be recovering the log or closing: readers wait for that as well.
                connection.execute(
                    f"PRAGMA busy_timeout = {int(self._time_budget * 1000) if self.read_only else 0}"
                )
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                if not any(word in str(error) for word in _BUSY):
                    connection.close()
                    raise
            except sqlite3.DatabaseError:
                connection.close()
                raise
        return connection

    def use_wal(self) -> None:
        """Set write-ahead logging: readers never wait for a writer. It stays set in the file."""
        with self._exclusive(), self._errors():
            mode = self._retry("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode != "wal":
                # No shared memory here, as on a network file system: the rollback journal, with the sync that
                # makes it durable.
                self._sqlite.execute("PRAGMA synchronous = EXTRA")

    @contextlib.contextmanager
    def bulk_load(self) -> Iterator[None]:
        """Run the block with pragmas for a load of many rows, and with its pages on disk when it ends.

        32 MiB of page cache keep in memory what is touched again and again. Commits are synced with the next
        checkpoint, not each: what a power cut takes back is taken back whole, with the ledger of what was
        imported, and the next run brings it again.
        """
        with self._lock, self._errors():
            cache_size = self._sqlite.execute("PRAGMA cache_size").fetchone()[0]
            self._sqlite.execute("PRAGMA cache_size = -32768")
            self._sqlite.execute("PRAGMA synchronous = NORMAL")
        try:
            yield
        finally:
            with self._lock, self._errors():
                self._sqlite.execute("PRAGMA synchronous = FULL")
                self._sqlite.execute(f"PRAGMA cache_size = {cache_size}")
        self.maintain("PRAGMA wal_checkpoint(PASSIVE)")

    @property
    def sqlite(self) -> sqlite3.Connection:
        """The connection itself, for sqlite-utils and for maintenance; its errors are sqlite3's own."""
        return self._sqlite

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        with self._lock, self._errors():
            return self._retry(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Row | None:
        """Return the first row of a query, None where there is none."""
        with self._lock, self._errors():
            row: Row | None = self._retry(sql, parameters).fetchone()
            return row

    def value(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """Return the first column of the first row, None where there is none."""
        row = self.row(sql, parameters)
        return row[0] if row else None

    def stream(self, sql: str, parameters: Sequence[Any] = (), *, size: int = 500) -> Iterator[Row]:
        """Yield the rows of a query, `size` fetched at a time."""
        with self._lock, self._errors():
            cursor = self._retry(sql, parameters)
        while True:
            with self._lock, self._errors():
                batch = cursor.fetchmany(size)
            if not batch:
                return
            yield from batch

    def execute(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        """Run one writing statement, inside a transaction."""
        with self._lock, self._errors():
            self._check_transaction()
            return self._sqlite.execute(sql, parameters)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> sqlite3.Cursor:
        """Run one writing statement for many rows, inside a transaction."""
        with self._lock, self._errors():
            self._check_transaction()
            return self._sqlite.executemany(sql, rows)

    def script(self, sql: str) -> None:
        """Run several statements, inside a transaction or outside, without committing one that is open."""
        with self._lock, self._errors():
            statement = ""
            for line in sql.splitlines(keepends=True):
                statement += line
                if sqlite3.complete_statement(statement):
                    self._sqlite.execute(statement)
                    statement = ""
            if statement.strip():
                self._sqlite.execute(statement)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block as one write transaction: all of it is on disk when the block ends, or none of it
        after an error.

        A block inside another one belongs to it. Other threads wait. Raises DatabaseBusy when other processes
        hold the file for longer than the time budget, DatabaseError where the file is open for reading only.
        """
        if self.read_only:
            raise DatabaseError(f"{self.path} is open for reading only")
        with self._lock:
            if self._depth:
                self._check_transaction()
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                return
            with self._exclusive():
                with self._errors():
                    self._retry("BEGIN IMMEDIATE")
                self._depth, self._task = 1, _current_task()
                try:
                    yield
                    with self._errors():
                        self._retry("COMMIT")
                finally:
                    self._depth, self._task = 0, None
                    if self._sqlite.in_transaction:
                        with self._errors():
                            self._sqlite.execute("ROLLBACK")

    @property
    def is_nested(self) -> bool:
        """Say whether a transaction is open within another one."""
        return self._depth > 1

    def begin_anew(self) -> None:
        """Undo what the open transaction did so far, as SQLite may have done already, and begin it anew."""
        with self._lock, self._errors():
            if self._sqlite.in_transaction:
                self._sqlite.execute("ROLLBACK")
            self._retry("BEGIN IMMEDIATE")

    def _check_transaction(self) -> None:
        """Refuse to write into a transaction that SQLite has undone (a full disk), or that another task has open."""
        if not self._depth:
            return
        if not self._sqlite.in_transaction:
            raise DatabaseError(
                f"{self.path}: an error has undone the transaction: leave its block and begin anew"
            )
        if self._task is not _current_task():
            raise DatabaseError(
                f"{self.path}: another asyncio task has a transaction open on this thread: never await inside one,"
                " put it into a function for `await db.run(function)`"
            )

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run the block as a part of the transaction that is undone alone when it raises."""
        self.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK TO part")
            self.execute("RELEASE part")
            raise
        self.execute("RELEASE part")

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other writers away for statements that run outside a transaction: VACUUM, a checkpoint."""
        with self._lock, self._exclusive():
            yield

    def maintain(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a statement such as VACUUM that cannot stand in a transaction, alone among writers."""
        with self.exclusive(), self._errors():
            return self._retry(sql, parameters).fetchall()

    def close(self) -> None:
        """Close the file; safe to call twice. The last writer to close brings the log into the file."""
        with self._lock:
            if self._process == os.getpid() and not self.read_only:
                with self._exclusive(), self._errors():
                    self._sqlite.close()
            else:
                self._sqlite.close()
            self._writers.close()

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        if self._process != os.getpid():
            raise DatabaseError(f"{self.path} was opened before a fork: open it again in the child process")
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._writers.held(time.monotonic() + self._time_budget))
            except TimeoutError:
                raise self._busy() from None
            yield

    def _retry(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        deadline = time.monotonic() + self._time_budget
        for pause in pauses():
            try:
                return self._sqlite.execute(sql, parameters)
            except sqlite3.OperationalError as error:
                if (
                    self._depth
                    or not any(word in str(error) for word in _BUSY)
                    or time.monotonic() > deadline
                ):
                    raise
            time.sleep(pause)
        raise AssertionError("pauses() never ends")

    def _busy(self) -> DatabaseBusy:
        return DatabaseBusy(
            f"{self.path} is being written by another process for more than {self._time_budget:g} s:"
            " try again when it is done"
        )

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise Conflict(f"{self.path}: {error}") from error
        except sqlite3.Error as error:
            text = str(error).lower()
            if any(word in text for word in _BUSY):
                raise self._busy() from error
            if "not a database" in text:
                raise DatabaseForeign(f"{self.path} is not a SQLite database: give another path") from error
            if any(word in text for word in _DAMAGED):
                raise DatabaseDamaged(f"{self.path} is damaged ({error}): run `sessiondb doctor`") from error
            if "unable to open" in text:
                raise DatabaseError(
                    f"{self.path} cannot be opened: it is a folder, or you may not read it"
                ) from error
            raise DatabaseError(f"{self.path}: {error}") from error
