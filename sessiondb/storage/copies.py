"""The whole database file at once: copied, overwritten, written anew, and its log brought into it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from sessiondb.errors import DatabaseError
from sessiondb.storage import statements
from sessiondb.storage.connection import Connection

PAGES = 4096
"""Pages that one step of a copy takes: 16 MB."""


def copy_compactly(connection: Connection, target: Path) -> None:
    """Write the database as it is now into an empty file, without free pages; other writers go on.

    Not for one that SQLite has opened for reading only, where it does not know the CHECK constraints: it would copy
    row by row then, and number anew the rows of tables without a number of ours. A search index knows them by it.
    """
    if connection.read_only:
        raise DatabaseError(f"{connection.path} is open read-only: its pages can be copied as they are")
    with connection.writer("a copy", alone=False) as sqlite:
        statements.attempt(sqlite, "VACUUM INTO ?", (str(target),), connection.time_budget)


def copy_pages(connection: Connection, target: Path) -> None:
    """Write the database as it is now into an empty file, page by page, be it damaged; other writers go on."""
    with (
        connection.reader() as sqlite,
        contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        sqlite.backup(copy, pages=PAGES)


def overwrite(
    connection: Connection, source: sqlite3.Connection, pages: int, progress: Callable[[int, int, int], None]
) -> None:
    """Put another database in place of all that is here, in one transaction, alone among writers.

    It is copied in steps of so many pages; `progress` is called after each with SQLite's result code, and what
    it raises undoes all of them. From the first step that is OK on nobody else can write.
    """
    with connection.writer("the restoring of a backup") as sqlite:
        connection.prepare()
        source.backup(sqlite, pages=pages, progress=progress, sleep=statements.MAX_PAUSE)


def vacuum(connection: Connection) -> bool:
    """Write the file anew, without free pages, in little memory; say whether its log could be emptied, too.

    SQLite makes a temporary copy meanwhile: beside the database, where there is room for it if anywhere,
    unless SQLITE_TMPDIR names another folder.
    """
    folder = str(connection.path.absolute().parent)
    is_ours = os.environ.setdefault("SQLITE_TMPDIR", folder) == folder
    try:
        connection.maintain("VACUUM")
    finally:
        if is_ours:
            os.environ.pop("SQLITE_TMPDIR", None)
    return empty_log(connection)


def complete_file(connection: Connection) -> None:
    """Bring all of the log into the file, or raise: to close a database says nothing where the disk is full."""
    if not empty_log(connection):
        raise statements.busy(connection.path, 0)


def empty_log(connection: Connection) -> bool:
    """Bring the log into the file and empty it; say whether no reader kept it."""
    ((is_busy, *_),) = connection.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
    return not is_busy
