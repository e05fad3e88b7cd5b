"""Try a write on a copy of the database: nothing is changed by it, and nobody waits for it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sessiondb.errors import DatabaseError
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage.beside import DRY_RUN, folder_beside
from sessiondb.storage.connection import Connection
from sessiondb.storage.copies import PAGES
from sessiondb.storage.files import private_file


@contextlib.contextmanager
def temporary_copy(database: Path, progress: Progress | None = None) -> Iterator[Path]:
    """Yield the path of a copy of what the database holds on disk at this moment; at the end of the block it is gone.

    Page by page, at the speed of the disk, from one snapshot: other processes write meanwhile. Raises
    DatabaseError where there is no room.
    """
    path = database.absolute()
    with contextlib.ExitStack() as stack:
        try:
            _check_room(path)
            copy = stack.enter_context(folder_beside(path, DRY_RUN)) / path.name
            private_file(copy)
        except OSError as error:
            raise DatabaseError(
                f"cannot make a copy for the dry run in {path.parent}: {error.strerror or error}"
            ) from error
        # A connection of its own: this one may be in use by other threads, or within a transaction.
        with contextlib.closing(Connection(path, read_only=True)) as source:
            _copy(source, copy, progress or no_progress)
        yield copy


def _check_room(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    needed = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise DatabaseError(
            f"a dry run needs {needed:,} bytes free in {path.parent} for a copy of the database,"
            f" and there are {free:,}: free some space, or skip the dry run"
        )


def _copy(source: Connection, target: Path, progress: Progress) -> None:
    page_size = int(source.value("PRAGMA page_size"))

    def report(status: int, remaining: int, total: int) -> None:
        progress("copy", (total - remaining) * page_size, total * page_size)

    try:
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
            # What is thrown away need not be safe from a power cut.
            copy.execute("PRAGMA synchronous = OFF")
            # All steps read one snapshot: a writer between two of them would let the copy begin anew.
            source.sqlite.execute("BEGIN")
            source.sqlite.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.sqlite.backup(copy, pages=PAGES, progress=report)
            source.sqlite.execute("COMMIT")
    except sqlite3.Error as error:
        raise DatabaseError(f"cannot copy {source.path} for the dry run: {error}") from error
