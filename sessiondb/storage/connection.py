"""The one place that runs SQL: transactions, what a read sees, maintenance, and errors in words.

    who                         works on              sees
    a thread in a transaction   the writer            what it wrote itself, too
    all other reads             a reader of the pool  what is committed

One thread (and asyncio task) at a time has the writer. Whoever reads never waits for it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from sessiondb.errors import Conflict, DatabaseBusy, DatabaseError, DatabaseMissing, InvalidInput
from sessiondb.storage import files, statements
from sessiondb.storage.readers import Readers, Row, open_file
from sessiondb.storage.statements import Parameters, attempt, bindable, cleaned, refusal, too_large
from sessiondb.storage.turns import Holder, Pace, Turns, Unhurried

__all__ = ["TIME_BUDGET", "Connection", "Row"]

TIME_BUDGET = 30.0
"""Seconds that a write waits for other writers, unless told otherwise."""

MOST_TIME = 1e6
"""Seconds that anybody waits at most, however many are given: 11 days, which locks can count."""

WAL_PATIENCE = 1.0
"""Seconds that opening a database waits for its readers to set write-ahead logging; the next one tries again."""

COPIED = 4096
"""Pages that one step of a copy takes: 16 MB."""

RESTORED = "restored"
"""The key in `meta` of a mark that each restored backup has anew: by it a writer knows that the file was replaced."""

_MARK = f"SELECT value FROM meta WHERE key = '{RESTORED}'"

STEPS = 1000
"""Steps of SQLite's machine after which a deadline is looked at: far below a millisecond."""

CACHE, LOAD_CACHE = 2 * 1024, 32 * 1024
"""KiB of pages that the writer keeps at most, and while it loads many rows."""

T = TypeVar("T")


class Connection:
    """A connection to one database file, safe to share between threads of one process.

    Reads return whole lists, so that nothing is left open. Writes belong inside `transaction()`; one outside
    is a transaction of its own. Every sqlite3.Error leaves as an error of sessiondb.errors.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        time_budget: float = TIME_BUDGET,
        unshared: bool = False,
    ) -> None:
        self.path = path
        self.read_only = read_only
        # Nobody else knows the file, and nothing is lost with it: it needs no log, no syncing, and no turns.
        self._is_unshared = unshared
        if not isinstance(time_budget, int | float) or not time_budget >= 0:
            raise InvalidInput(f"time_budget is 0 or more seconds, not {time_budget!r}")
        self._time_budget = time_budget = min(time_budget, MOST_TIME)
        self._turns = Turns(path, time_budget)
        self._loading_thread: int | None = None
        self._is_closed = self._is_inherited = False
        self._is_wal = True
        # What `meta` says at the opening, in a tuple; None until that is known.
        self._mark: tuple[object, ...] | None = None
        self._synchronous = "FULL"
        self._file = self._make_file()
        self._readers = Readers(path, self._file, time_budget, read_only=read_only)
        if read_only:
            self._sqlite = self._readers.take()
            self._readers.give_back(self._sqlite)
        else:
            self._sqlite = open_file(path, "mode=rw", CACHE)
        files.watch(self)

    def _make_file(self) -> files.OpenedFile:
        try:
            if not self.read_only:
                files.private_folder(self.path.parent)
                files.private_file(self.path)
            elif not self.path.exists():
                raise DatabaseMissing(
                    f"there is no database at {self.path} yet: `sessiondb import auto` makes one"
                )
            return files.OpenedFile(self.path)
        except OSError as error:
            act = "open" if self.read_only else "make"
            raise DatabaseError(
                f"cannot {act} the database {self.path}: {error.strerror or error}"
            ) from error

    def use_wal(self) -> None:
        """Set write-ahead logging: readers never wait for a writer. It stays set in the file.

        Where there is no shared memory, as on a network file system, or readers are in the way for longer
        than a moment, the rollback journal is used with the sync that makes it durable.
        """
        if self._is_unshared:
            # In memory are the old pages that a transaction changes, so that it can be undone; new ones are not.
            self._sqlite.execute("PRAGMA journal_mode = MEMORY")
            self._is_wal = False
            return
        patience = min(self._time_budget, WAL_PATIENCE)
        mode = ""
        try:
            mode = attempt(self._sqlite, "PRAGMA journal_mode", (), patience).fetchone()[0]
            if mode != "wal":
                with self._turns.held("a change of the journal", patience=patience):
                    mode = attempt(self._sqlite, "PRAGMA journal_mode = WAL", (), patience).fetchone()[0]
        except sqlite3.Error as error:
            if not statements.is_busy(error):
                raise self._failure(error) from error
        except DatabaseBusy:
            pass
        self._is_wal = mode == "wal"

    def watch_for_restoring(self) -> None:
        """Let each transaction from now on raise where a backup was put in the place of this database."""
        self._mark = (self.row(_MARK),)

    def share(self) -> None:
        """End the time in which nobody else knew the file: what others rely on is set in it."""
        self._check_usable()
        self._is_unshared = False
        self.use_wal()

    def pace(self) -> Pace:
        """Return how much to write at a time."""
        return Unhurried() if self._is_unshared else Pace()

    def on_writer(self) -> AbstractContextManager[Holder]:
        """Let reads of the block use the writer, while nobody else knows it: a reader takes time to open."""
        return self._turns.held_here("an opening")

    @property
    def is_wal(self) -> bool:
        """Say whether the database uses write-ahead logging."""
        return self._is_wal

    @property
    def sqlite(self) -> sqlite3.Connection:
        """The writer itself, for sqlite-utils and for maintenance; its errors are sqlite3's own."""
        return self._sqlite

    # Reading
    #
    # How a read finds its connection:
    #     in a transaction of this thread    the writer, which sees what was written so far
    #     in a snapshot of this thread       the reader that the snapshot keeps
    #     else                               an idle reader of the pool, or a new one

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
        """Let all reads of this thread see the database as it is at the first one of the block."""
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
        time_budget = 0 if sqlite.in_transaction else self._time_budget
        return attempt(sqlite, sql, parameters, time_budget)

    def _run_past(
        self, sqlite: sqlite3.Connection, sql: str, parameters: Parameters, done: int
    ) -> sqlite3.Cursor:
        cursor = self._run(sqlite, sql, parameters)
        for _ in range(done):
            cursor.fetchone()
        return cursor

    # Writing

    def execute(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Run one writing statement."""
        parameters = bindable(parameters)
        try:
            return self._write(self._sqlite.execute, sql, parameters)
        except UnicodeEncodeError:
            return self._write(self._sqlite.execute, sql, cleaned(parameters))
        except (Conflict, DatabaseError) as error:
            if refused := refusal(parameters):
                raise refused from error
            raise

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> sqlite3.Cursor:
        """Run one writing statement for many rows; they are cleaned, and refused, as one is by `execute`."""
        if not self.in_transaction:
            with self.transaction():
                return self.executemany(sql, rows)
        taken: Parameters = ()

        def each() -> Iterator[Parameters]:
            nonlocal taken
            for row in rows:
                taken = bindable(row)
                yield taken

        given = each()
        try:
            return self._write(self._sqlite.executemany, sql, given)
        except UnicodeEncodeError:
            # The row that it failed of was taken already; those before it are written.
            return self._write(self._sqlite.executemany, sql, map(cleaned, chain([taken], given)))
        except (Conflict, DatabaseError) as error:
            if refused := refusal(taken):
                raise refused from error
            raise

    def script(self, sql: str) -> None:
        """Run several statements as one transaction, or as part of the one that is open."""
        with self.transaction():
            statement = ""
            for line in sql.splitlines(keepends=True):
                statement += line
                if sqlite3.complete_statement(statement):
                    self.execute(statement)
                    statement = ""
            if statement.strip():
                self.execute(statement)

    @contextlib.contextmanager
    def transaction(self, what: str = "a transaction") -> Iterator[None]:
        """Run the block as one write transaction: all of it is on disk when the block ends, or none of it
        after an error. `what` names it to others that wait for it.

        A block inside another one is a part of it that is undone alone when it raises. Raises DatabaseBusy
        when others hold the file for longer than the time budget, DatabaseError where the file is open for
        reading only, or was removed or replaced.
        """
        self._check_usable()
        holder = self._turns.mine()
        if holder is not None and holder.depth:
            with self._part(holder):
                yield
            return
        if self.read_only:
            raise DatabaseError(f"{self.path} is open for reading only")
        # The order in which locks are taken, the same everywhere, so that none waits in a circle: threads and
        # tasks (Turns), processes (WriterLock), then SQLite's own by BEGIN IMMEDIATE.
        with self._turns.held(what, depth=1):
            self._begin()
            try:
                yield
                self._commit()
            finally:
                self._undo("ROLLBACK")

    @property
    def in_transaction(self) -> bool:
        """Say whether this thread has a transaction open."""
        holder = self._turns.mine()
        return holder is not None and holder.depth > 0

    @property
    def is_nested(self) -> bool:
        """Say whether this thread has a transaction open within another one."""
        holder = self._turns.mine()
        return holder is not None and holder.depth > 1

    def begin_anew(self) -> None:
        """Undo what the open transaction did so far, as SQLite may have done already, and begin it anew."""
        self._check_usable()
        if not self.in_transaction or self.is_nested:
            raise DatabaseError(f"{self.path}: only the outermost transaction can be begun anew")
        self._undo("ROLLBACK")
        self._begin()

    @contextlib.contextmanager
    def bulk_load(self) -> Iterator[None]:
        """Run the block with a large page cache, and with its pages on disk when it ends.

        Commits of this thread are synced with the next checkpoint, not each: what a power cut takes back is
        taken back whole, with the ledger of what was imported, and the next run brings it again.
        """
        with self._turns.held_here("a load of many rows"):
            self._sqlite.execute(f"PRAGMA cache_size = -{LOAD_CACHE}")
            self._loading_thread = threading.get_ident()
        try:
            yield
        finally:
            self._loading_thread = None
            self._check_usable()
            # Where the file cannot be read any more, what has failed before says why.
            with self._turns.held_here("a load of many rows"), contextlib.suppress(sqlite3.Error):
                self._sqlite.execute(f"PRAGMA cache_size = -{CACHE}")
        self.maintain("PRAGMA wal_checkpoint(PASSIVE)")

    def maintain(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a statement such as VACUUM that cannot stand in a transaction, alone among writers."""
        self._check_usable()
        with self._turns.held("maintenance"):
            try:
                return attempt(self._sqlite, sql, parameters, self._time_budget).fetchall()
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def complete_file(self) -> None:
        """Bring all of the log into the file, or raise: to close a database says nothing where the disk is full."""
        if not self._empty_log():
            raise statements.busy(self.path, 0)

    def copy_compactly(self, target: Path) -> None:
        """Write the database as it is now into an empty file, without free pages; other writers go on.

        Not for one that SQLite has opened for reading only, where it does not know the CHECK constraints: it would copy
        row by row then, and number anew the rows of tables without a number of ours. A search index knows them by it.
        """
        self._check_usable()
        if self.read_only:
            raise DatabaseError(f"{self.path} is open for reading only: its pages can be copied as they are")
        with self._turns.held_here("a copy"):
            try:
                attempt(self._sqlite, "VACUUM INTO ?", (str(target),), self._time_budget)
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def copy_pages(self, target: Path) -> None:
        """Write the database as it is now into an empty file, page by page, be it damaged; other writers go on."""
        reader = self._reader()
        try:
            with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
                reader.backup(copy, pages=COPIED)
        except sqlite3.Error as error:
            raise self._failure(error) from error
        finally:
            self._give_back(reader)

    def overwrite(
        self, source: sqlite3.Connection, pages: int, progress: Callable[[int, int, int], None]
    ) -> None:
        """Put another database in place of all that is here, in one transaction, alone among writers.

        It is copied in steps of so many pages; `progress` is called after each with SQLite's result code, and what
        it raises undoes all of them. From the first step that is OK on nobody else can write.
        """
        self._check_usable()
        with self._turns.held("the restoring of a backup"):
            self._file.check()
            self._set_synchronous()
            try:
                source.backup(self._sqlite, pages=pages, progress=progress, sleep=statements.MAX_PAUSE)
            except sqlite3.Error as error:
                raise self._failure(error) from error

    def vacuum(self) -> bool:
        """Write the file anew, without free pages, in little memory; say whether its log could be emptied, too.

        SQLite makes a temporary copy meanwhile: beside the database, where there is room for it if anywhere,
        unless SQLITE_TMPDIR names another folder.
        """
        folder = str(self.path.absolute().parent)
        is_ours = os.environ.setdefault("SQLITE_TMPDIR", folder) == folder
        try:
            self.maintain("VACUUM")
        finally:
            if is_ours:
                os.environ.pop("SQLITE_TMPDIR", None)
        return self._empty_log()

    def _empty_log(self) -> bool:
        """Bring the log into the file and empty it; say whether no reader kept it."""
        ((is_busy, *_),) = self.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
        return not is_busy

    def close(self) -> None:
        """Close the file; safe to call twice. The last writer to close brings the log into the file.

        A transaction that this thread has open is undone. Raises DatabaseBusy where another one's does not end.
        """
        if self._is_closed or self._is_inherited:
            self._is_closed = True
            return
        alone = self.read_only or self._turns.mine() is not None
        with contextlib.nullcontext() if alone else self._turns.held("the end of a connection"):
            self._is_closed = True
            if not self.read_only and self._file.is_lost():
                # SQLite would remove the log by its name, which is another file's by now.
                files.leak(self._sqlite)
                self._readers.let_go()
            else:
                self._readers.close()
                self._sqlite.close()
        self._turns.close()

    def is_at(self, path: Path) -> bool:
        """Say whether this is the file of that path, and open."""
        return not self._is_closed and self._file.is_at(path)

    def after_fork(self) -> None:
        """Let go, in a forked child, of all that is the parent's."""
        self._is_inherited = True
        files.leak(self._sqlite)
        self._readers.let_go()
        self._turns.close()

    def _check_usable(self) -> None:
        if self._is_inherited:
            raise DatabaseError(f"{self.path} was opened before a fork: open it again in the child process")
        if self._is_closed:
            raise DatabaseError(f"{self.path} is closed: open it again")

    def _write(self, run: Callable[..., sqlite3.Cursor], sql: str, values: Any) -> sqlite3.Cursor:
        if not self.in_transaction:
            with self.transaction():
                return self._write(run, sql, values)
        self._check_not_undone()
        try:
            return run(sql, values)
        except OverflowError as error:
            raise too_large() from error
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def _check_not_undone(self) -> None:
        """Refuse to go on in a transaction that SQLite has undone, as it does on a full disk."""
        self._check_usable()
        if not self._sqlite.in_transaction:
            raise DatabaseError(
                f"{self.path}: an error has undone the transaction: leave its block and begin anew"
            )

    def _begin(self) -> None:
        self._file.check()
        try:
            self._set_synchronous()
            attempt(self._sqlite, "BEGIN IMMEDIATE", (), self._time_budget)
            self._check_same()
        except sqlite3.Error as error:
            self._undo("ROLLBACK")
            raise self._failure(error) from error
        except DatabaseError:
            self._undo("ROLLBACK")
            raise

    def _check_same(self) -> None:
        """Raise where the log, or a restored backup, has taken another place since: what is written would be lost."""
        if self._is_wal:
            self._file.check_log()
        if self._mark is not None and (self._sqlite.execute(_MARK).fetchone(),) != self._mark:
            raise DatabaseError(
                f"{self.path} was replaced by a backup while it was open: nothing was written; open the database again"
            )

    def _commit(self) -> None:
        self._check_not_undone()
        try:
            # Where the file has a rollback journal, readers may be in the way. No other error is tried again:
            # SQLite has thrown away by then what a second try would report as written.
            attempt(self._sqlite, "COMMIT", (), self._time_budget)
        except sqlite3.Error as error:
            raise statements.failure(self.path, error, self._time_budget) from error
        self._file.check()

    def _undo(self, *statements: str) -> None:
        if not self._is_closed and not self._is_inherited and self._sqlite.in_transaction:
            for statement in statements:
                self._sqlite.execute(statement)

    @contextlib.contextmanager
    def _part(self, holder: Holder) -> Iterator[None]:
        """Run the block as a savepoint of the open transaction."""
        self.execute("SAVEPOINT part")
        holder.depth += 1
        try:
            yield
            self.execute("RELEASE part")
        except BaseException:
            self._undo("ROLLBACK TO part", "RELEASE part")
            raise
        finally:
            holder.depth -= 1

    def _set_synchronous(self) -> None:
        # FULL syncs the log at each commit: what was acknowledged survives a power cut. A rollback journal needs
        # EXTRA for that, which syncs the folder too when the journal goes.
        level = "OFF" if self._is_unshared else "FULL" if self._is_wal else "EXTRA"
        if self._is_wal and self._loading_thread == threading.get_ident():
            level = "NORMAL"
        if level != self._synchronous:
            self._sqlite.execute(f"PRAGMA synchronous = {level}")
            self._synchronous = level

    def _failure(self, error: sqlite3.Error) -> Exception:
        is_open = self._turns.mine() is not None and not self._is_closed and self._sqlite.in_transaction
        return statements.failure(self.path, error, 0 if is_open else self._time_budget)


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
