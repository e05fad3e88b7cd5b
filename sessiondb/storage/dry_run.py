"""Try a write on a copy of the database: nothing is changed by it, and nobody waits for it."""

from __future__ import annotations

import contextlib
import glob
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from sessiondb.errors import DatabaseError
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage.connection import Connection
from sessiondb.storage.files import private_file
from sessiondb.storage.turns import ProcessMark, is_left

PAGES = 4096
"""Pages that are copied between two reports of progress: 16 MB."""


MARK = "in-use"
"""The file in the folder of a copy that is locked while its process lives."""

_LONG = 24 * 3600
"""Seconds after which a copy without a mark is taken for left."""


@contextlib.contextmanager
def temporary_copy(database: Path, progress: Progress | None = None) -> Iterator[Path]:
    """Yield the path of a copy of what the database holds on disk at this moment; at the end of the block it is gone.

    Page by page, at the speed of the disk, from one snapshot: other processes write meanwhile. The copy lies
    in a private folder beside the database, for no other place is sure to have room for it and to be as
    safe from other people's eyes. Raises DatabaseError where there is no room.
    """
    path = database.absolute()
    try:
        _check_room(path)
        folder = tempfile.TemporaryDirectory(prefix=_prefix(path), dir=path.parent)
        mark = ProcessMark(Path(folder.name) / MARK)
    except OSError as error:
        raise DatabaseError(
            f"cannot make a copy for the dry run in {path.parent}: {error.strerror or error}"
        ) from error
    with folder as name, mark:
        copy = Path(name) / path.name
        private_file(copy)
        # A connection of its own: this one may be in use by other threads, or within a transaction.
        with contextlib.closing(Connection(path, read_only=True)) as source:
            _copy(source, copy, progress or no_progress)
        yield copy


def sweep(database: Path) -> None:
    """Remove the copies that dry runs of this database have left that were killed."""
    path = database.absolute()
    for folder in path.parent.glob(f"{glob.escape(_prefix(path))}*"):
        mark = folder / MARK
        # Killed before it made the mark, which takes no time.
        is_old = not mark.exists() and time.time() - folder.stat().st_mtime > _LONG
        if is_old or is_left(mark):
            shutil.rmtree(folder, ignore_errors=True)


def _prefix(path: Path) -> str:
    return f".{path.name}.dry-run-"


def _check_room(path: Path) -> None:
    log = path.with_name(f"{path.name}-wal")
    needed = path.stat().st_size + (log.stat().st_size if log.exists() else 0)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise DatabaseError(
            f"a dry run needs {needed:,} bytes free in {path.parent} for a copy of the database,"
            f" and there are {free:,}: make room, or leave out the dry run"
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
