"""The first load of a database that is not there yet: into a private file, published as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sessiondb.dao.tables import Tables
from sessiondb.errors import DatabaseDamaged
from sessiondb.storage.beside import sweep
from sessiondb.storage.connection import TIME_BUDGET
from sessiondb.storage.paths import refuse_companions
from sessiondb.storage.unpublished import Unpublished, is_free, unpublished

T = TypeVar("T")


def load_into(path: Path, load: Callable[[Tables], T]) -> T:
    """Load rows into the database of a path, and make that if need be; return what `load` returns.

    A new one is loaded apart, as long as nobody else makes it meanwhile: then `load` is called again, with theirs.
    """
    refuse_companions(path)
    sweep(path)
    if is_free(path):
        try:
            # Most of what a first import writes, SQLite would write twice: into its log, and from there into the file.
            # Nobody reads a file that has no name yet, so it needs no log.
            return _load_apart(path, load)
        except (OSError, DatabaseDamaged):
            # Somebody was faster, or the disk cannot do this, or failed so that pages could not be set back. What is
            # wrong is told better the usual way, where an old page is kept on the disk.
            pass
    with Tables(path) as db:
        return load(db)


def _load_apart(path: Path, load: Callable[[Tables], T]) -> T:
    with unpublished(path, TIME_BUDGET) as made, Tables(made.path, unshared=True) as db:
        try:
            result = load(db)
        except KeyboardInterrupt:
            # What was read so far is kept, and the next load goes on from there.
            _complete(db, made)
            raise
        _complete(db, made)
        return result


def _complete(db: Tables, made: Unpublished) -> None:
    db.connection.share()
    made.is_whole = True
