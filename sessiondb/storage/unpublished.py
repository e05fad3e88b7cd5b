"""A database that is made as a whole: private while it grows, and under its name only when it is on disk.

While nobody else knows a file it needs no log, no syncing, and no turns, so that each page is written about once:

    .sessions.db.first-load-X/sessions.db     grows; a kill leaves it behind, and the next import sweeps it away
    sessions.db                               a second name of the complete file, unless something has it by then
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sessiondb.storage import files
from sessiondb.storage.beside import FIRST_LOAD, MARK, folder_beside
from sessiondb.storage.turns import Turns

_COMPANIONS = ("", "-wal", "-shm", "-journal")


class Unpublished:
    """Where to make a database, and whether it is whole, so that it may have its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_whole = False


def is_free(database: Path) -> bool:
    """Say whether nothing has the name of a database, or those of the files that belong to one.

    SQLite would bring a log that was left there into the new file.
    """
    return not any(os.path.lexists(f"{database}{suffix}") for suffix in _COMPANIONS)


@contextlib.contextmanager
def unpublished(database: Path, time_budget: float) -> Iterator[Unpublished]:
    """Yield where to make a database, which has its name from the end of the block on, or from Ctrl-C.

    It must be whole and closed by then: otherwise, and after any other error, it is gone. Raises FileExistsError where
    something has the name by then, which stays as it is, and OSError where the disk cannot do this or fails.
    """
    # What can happen on the way, and what is left then:
    #
    #     killed, or out of power           nothing under the name; the folder beside it is swept by the next load
    #     Ctrl-C, and `load` was whole      the database, with what was read so far
    #     another process made one first    theirs; ours is thrown away, and the load is done again into theirs
    #     the disk knows no hard links      OSError before anything is read: the caller loads the usual way
    path = database.absolute()
    files.private_folder(path.parent)
    with folder_beside(path, FIRST_LOAD) as folder:
        # Some file systems know no second names: better to hear of it now.
        os.link(folder / MARK, folder / "probe")
        made = Unpublished(folder / path.name)
        try:
            yield made
        except KeyboardInterrupt:
            with contextlib.suppress(OSError):
                if made.is_whole:
                    _publish(made.path, path, time_budget)
            raise
        if made.is_whole:
            _publish(made.path, path, time_budget)


def _publish(made: Path, path: Path, time_budget: float) -> None:
    # The pages first, then the name: a name that survives a power cut must not lead to a file that did not.
    _sync(made, os.O_RDWR)
    turns = Turns(path, time_budget)
    with contextlib.closing(turns), turns.held("a first import"):
        if not is_free(path):
            raise FileExistsError(f"{path} was made meanwhile")
        # Unlike a rename, this never takes the name from a file that has it.
        os.link(made, path)
        with contextlib.suppress(OSError):  # not every system syncs a folder
            _sync(path.parent, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
