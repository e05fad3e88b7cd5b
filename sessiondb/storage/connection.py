"""The one place that runs SQL: transactions, what a read sees, maintenance, and errors in words.

    who                         works on              sees
    a thread in a transaction   the writer            what it wrote itself, too
    all other reads             a reader of the pool  what is committed

One thread (and asyncio task) at a time has the writer. Whoever reads never waits for it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import Any

from sessiondb.errors import Conflict, DatabaseBusy, DatabaseError, InvalidInput
from sessiondb.storage import files, statements
from sessiondb.storage.readers import Readers, Reading, Row, open_file
from sessiondb.storage.statements import Parameters, attempt, bindable, cleaned, refusal, too_large
from sessiondb.storage.turns import Holder, Pace, Turns, Unhurried

__all__ = ["TIME_BUDGET", "Connection", "Row"]

TIME_BUDGET = 30.0
"""Seconds that a write waits for other writers, unless told otherwise."""

MOST_TIME = 1e6
"""Seconds that anybody waits at most, however many are given: 11 days, which locks can count."""

WAL_PATIENCE = 1.0
"""Seconds that opening a database waits for its readers to set write-ahead logging; the next one tries again."""

RESTORED = "restored"
"""The key in `meta` of a mark that each restored backup has anew: by it a writer knows that the file was replaced."""

_MARK = f"SELECT value FROM meta WHERE key = '{RESTORED}'"

# The pages that a statement or a part of a transaction may have to undo: in a file of their own they are two thirds
# of all that a turn writes. With them in memory is what is sorted, however much: what goes through the whole file sorts
# on the disk.
_UNDO_IN_MEMORY, _SORT_ON_DISK = "PRAGMA temp_store = MEMORY", "PRAGMA temp_store = FILE"

CACHE, LOAD_CACHE = 2 * 1024, 32 * 1024
"""KiB of pages that the writer keeps at most, and while it loads many rows."""


class Connection(Reading):
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
            raise InvalidInput(f"time_budget must be 0 or more seconds, not {time_budget!r}")
        self.time_budget = time_budget = min(time_budget, MOST_TIME)
        self._turns = Turns(path, time_budget)
        self._loading_thread: int | None = None
        self._is_wal = True
        # The mark of a restored backup at the opening.
        self._mark: Row | None = None
        # SQLite's own count of changes of the schema, as of the last look at the mark and the schema's number.
        self._schema_count: int | None = None
        self._synchronous = "FULL"
        self._file = files.opened(path, read_only=read_only)
        self._readers = Readers(path, self._file, time_budget, read_only=read_only)
        if read_only:
            self._sqlite = self._readers.take()
            self._readers.give_back(self._sqlite)
        else:
            self._sqlite = open_file(path, "mode=rw", CACHE)
            self._log_size = 0
            self._log_limit = files.LogLimit(self._sqlite)
        files.watch(self)

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
        patience = min(self.time_budget, WAL_PATIENCE)
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

    def watch_schema(self, known: int) -> None:
        """Let each transaction from now on raise where a backup was put in the place of this database, or where its
        schema is newer than `known`. A read that fails of such a schema says so.
        """
        self._known = known
        if not self.read_only:
            self._mark = self.row(_MARK)
            self._sqlite.execute(_UNDO_IN_MEMORY)

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
        """The writer itself, for sqlite-utils and for maintenance; its errors are sqlite3's own.

        Raises DatabaseError where it is closed.
        """
        self._check_usable()
        return self._sqlite

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
        when others hold the file for longer than the time budget, at once where another connection of this thread does;
        DatabaseError where the file is open read-only, or was removed or replaced.
        """
        self._check_usable()
        holder = self._turns.mine()
        if holder is not None and holder.depth:
            with self._part(holder):
                yield
            return
        if self.read_only:
            raise DatabaseError(f"{self.path} is open read-only")
        files.refuse_nested(self.path, self)
        # The order in which locks are taken, the same everywhere, so that none waits in a circle: threads and
        # tasks (Turns), processes (WriterLock), then SQLite's own by BEGIN IMMEDIATE.
        with self._turns.held(what, depth=1):
            self._begin()
            try:
                yield
                self._commit()
            finally:
                self._undo("ROLLBACK")
            self._log_limit.keep(self._log_size)

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

    @property
    def is_wanted(self) -> bool:
        """Say whether another thread or process waits to write, or may, where that cannot be known."""
        return self._turns.are_wanted()

    def must_be_idle(self) -> None:
        """Raise DatabaseError where this thread has a transaction open, for which what comes would wait."""
        if self.in_transaction:
            self._turns.refuse_own()

    def refuse_other(self) -> None:
        """Raise DatabaseBusy where this thread has a transaction open, for which another connection would wait."""
        self._turns.refuse_other()

    def begin_anew(self) -> None:
        """Undo what the open transaction did so far, as SQLite may have done already, and begin it anew."""
        self._check_usable()
        if not self.in_transaction or self.is_nested:
            raise DatabaseError(f"{self.path}: only the outermost transaction can be restarted")
        self._undo("ROLLBACK")
        self._begin()

    @contextlib.contextmanager
    def bulk_load(self, cache: int = LOAD_CACHE) -> Iterator[None]:
        """Run the block with a large page cache, in KiB, and with its pages on disk when it ends.

        Commits of this thread are synced with the next checkpoint, not each: what a power cut takes back is
        taken back whole, with the ledger of what was imported, and the next run brings it again.

        Pages that become free are not written once more to overwrite them, as SQLite is built to do on some systems.
        """
        with self._turns.held_here("a load of many rows"):
            erases = self._sqlite.execute("PRAGMA secure_delete").fetchone()[0]
            self._set_for_load(cache, "FAST")
            self._loading_thread = threading.get_ident()
        try:
            yield
        finally:
            self._loading_thread = None
            self._check_usable()
            # Where the file cannot be read any more, what has failed before says why.
            with self._turns.held_here("a load of many rows"), contextlib.suppress(sqlite3.Error):
                self._set_for_load(CACHE, erases)
        self.maintain("PRAGMA wal_checkpoint(PASSIVE)")

    def _set_for_load(self, cache: int, secure_delete: int | str) -> None:
        self._sqlite.execute(f"PRAGMA cache_size = -{cache}")
        self._sqlite.execute(f"PRAGMA secure_delete = {secure_delete}").fetchall()

    def maintain(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a statement such as VACUUM that cannot stand in a transaction, alone among writers."""
        with self.writer("maintenance") as sqlite:
            return attempt(sqlite, sql, parameters, self.time_budget).fetchall()

    @contextlib.contextmanager
    def writer(self, what: str, *, alone: bool = True) -> Iterator[sqlite3.Connection]:
        """Let the block use the writer itself, alone among all writers, or else among those of this connection.

        `what` names it to others that wait for it. An sqlite3.Error of the block leaves in words.
        """
        self._check_usable()
        with self._turns.held(what) if alone else self._turns.held_here(what):
            try:
                self._sqlite.execute(_SORT_ON_DISK)
                yield self._sqlite
            except sqlite3.Error as error:
                raise self._failure(error) from error
            finally:
                # A damaged file has said so by then.
                with contextlib.suppress(sqlite3.Error):
                    self._sqlite.execute(_UNDO_IN_MEMORY)

    def prepare(self) -> None:
        """Check that the file is still the one that its path names, and let what comes be as durable as it must be."""
        self._file.check()
        self._set_synchronous()

    def close(self) -> None:
        """Close the file; safe to call twice. The last writer to close brings the log into the file.

        A transaction that this thread has open is undone. Raises DatabaseBusy where one of another thread does not end.
        Where another program writes on and on, it is left to be closed with the process.
        """
        if self._is_closed or self._is_inherited:
            self._is_closed = True
            return
        # Who writes on this thread, through whatever connection, has the file open: this one is not the last.
        alone = self.read_only or self._turns.mine() is not None or files.is_kept_by_this_thread(self.path)
        with contextlib.ExitStack() as stack:
            try:
                if not alone:
                    stack.enter_context(self._turns.held("the end of a connection"))
            except DatabaseBusy:
                if self._turns.are_taken:
                    raise
                self._is_closed = True
                self._let_go()
                return
            self._is_closed = True
            if not self.read_only and self._file.is_lost():
                # SQLite would remove the log by its name, which is another file's by now.
                files.leak(self._sqlite)
                self._readers.let_go()
            else:
                self._readers.close()
                self._sqlite.close()
        self._turns.close()

    def _let_go(self) -> None:
        files.leak(self._sqlite)
        self._readers.let_go()
        self._turns.close()

    def is_at(self, path: Path) -> bool:
        """Say whether this is the file of that path, and open."""
        return not self._is_closed and self._file.is_at(path)

    def after_fork(self) -> None:
        """Let go, in a forked child, of all that is the parent's."""
        self._is_inherited = True
        self._let_go()

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
                f"{self.path}: an error has undone the transaction: leave its block and start again"
            )

    def _begin(self) -> None:
        self._file.check()
        try:
            self._set_synchronous()
            attempt(self._sqlite, "BEGIN IMMEDIATE", (), self.time_budget)
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
            self._log_size = self._file.check_log()
        if self._known is None:
            return
        # A restored backup raises it, as each change of the schema does: one number tells that neither has happened.
        (count,) = self._sqlite.execute("PRAGMA schema_version").fetchone()
        if count != self._schema_count:
            self._check_schema(self._known)
            self._schema_count = count

    def _check_schema(self, known: int) -> None:
        if self._sqlite.execute(_MARK).fetchone() != self._mark:
            raise DatabaseError(
                f"{self.path} was replaced by a backup while it was open: nothing was written; open the database again"
            )
        (version,) = self._sqlite.execute("PRAGMA user_version").fetchone()
        if version > known:
            raise statements.newer(self.path, version, known)

    def _commit(self) -> None:
        self._check_not_undone()
        try:
            # Where the file has a rollback journal, readers may be in the way. No other error is tried again:
            # SQLite has thrown away by then what a second try would report as written.
            attempt(self._sqlite, "COMMIT", (), self.time_budget)
        except sqlite3.Error as error:
            raise statements.failure(self.path, error, self.time_budget) from error
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
