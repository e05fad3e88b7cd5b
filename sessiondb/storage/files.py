"""The database as a file: private modes, one that is gone when it is closed, and what must not happen to an open one.

An open database may lose its file, when someone removes or replaces that, and its process may be forked. A child must
not use, and not even close, what its parent has open: SQLite's locks and its log belong to the parent. A child that
closes an inherited connection clears the index of the log, in memory that both share; one that keeps the lock file open
keeps its lock.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sqlite3
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from sessiondb.errors import DatabaseBusy, DatabaseError, DatabaseMissing, InvalidInput

LOG_BYTES = 32 * 1024 * 1024
"""How long the log may be before its readers are waited for; and how much it grows before that is tried again."""

PATIENCE = 0.25
"""Seconds that a writer waits for the readers of each LOG_BYTES; other writers wait with it."""

MAX_PATIENCE = 1.0

_PAUSE = 0.005


def is_there(path: Path) -> bool:
    """Say whether there is a file or folder at a path.

    Raises InvalidInput where the system does not let anybody look, such as below a folder of somebody else:
    `Path.exists` raises OSError there, and `os.path.exists` says that there is none.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidInput(
            f"cannot look at {path} ({why}): give another path, or change its permissions"
        ) from error
    return True


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


def opened(path: Path, *, read_only: bool) -> OpenedFile:
    """Return the file of a path, made if need be. Raises DatabaseMissing, and DatabaseError where it cannot be."""
    try:
        if not read_only:
            private_folder(path.parent)
            private_file(path)
        elif not path.exists():
            raise DatabaseMissing(f"there is no database at {path} yet: `sessiondb import auto` creates one")
        return OpenedFile(path)
    except OSError as error:
        act = "open" if read_only else "make"
        raise DatabaseError(f"cannot {act} the database {path}: {error.strerror or error}") from error


class OpenedFile:
    """The file that a path named when it was opened.

    SQLite goes on with the file that it has open when its name is taken away: what it writes then is lost,
    and its log lies beside the file that bears the name now.
    """

    def __init__(self, path: Path) -> None:
        # A relative path means another file once the process changes its folder.
        self._path = os.path.abspath(path)
        self._was_empty = True
        self._is_lost = False
        found = os.stat(self._path)
        # As SQLite itself tells files apart.
        self._identity = (found.st_dev, found.st_ino)
        # SQLite follows links before it names the log.
        self._log_path = os.path.realpath(path) + "-wal"
        self._log: tuple[int, int] | None = None

    def check(self) -> None:
        """Raise DatabaseError where the path names another file by now, or none, or the file was emptied."""
        try:
            found = os.stat(self._path)
        except OSError as error:
            self._is_lost = True
            raise DatabaseError(
                f"{self._path} was removed or moved while it was open ({error.strerror}):"
                " what is written now would be lost; open the database again"
            ) from error
        if (found.st_dev, found.st_ino) != self._identity:
            self._is_lost = True
            raise DatabaseError(
                f"{self._path} was replaced by another file while it was open:"
                " what is written now would be lost; open the database again"
            )
        if found.st_size:
            self._was_empty = False
        elif not self._was_empty:
            raise DatabaseError(f"{self._path} was emptied while it was open: restore a backup")

    def check_log(self) -> int:
        """Return the size of the log beside the file.

        Raises DatabaseError where it is not the one of the first call, or is gone.

        To be called where the log is in use, so that there is one: no connection removes it under another.
        """
        try:
            found = os.stat(self._log_path)
        except FileNotFoundError as error:
            raise DatabaseError(
                f"{self._log_path} was removed while it was in use: what is written now may be lost;"
                " close the database, which saves what that log held, and open it again"
            ) from error
        except OSError as error:
            raise DatabaseError(f"cannot see {self._log_path}: {error.strerror}") from error
        identity = (found.st_dev, found.st_ino)
        if self._log is None:
            self._log = identity
        elif identity != self._log:
            self._is_lost = True
            raise DatabaseError(
                f"{self._log_path} was replaced while it was in use: what is written now would be lost;"
                " open the database again"
            )
        return found.st_size

    def is_lost(self) -> bool:
        """Say whether the path, or the log beside it, names another file by now, or the path none."""
        with contextlib.suppress(DatabaseError):
            self.check()
        return self._is_lost

    def is_at(self, path: Path) -> bool:
        """Say whether a path names this file."""
        with contextlib.suppress(OSError):
            found = os.stat(path)
            return (found.st_dev, found.st_ino) == self._identity
        return False

    def stamp(self) -> tuple[int, ...]:
        """Return what changes with each change of the file, and -1 for a log beside it that holds anything.

        Raises OSError.
        """
        found = os.stat(self._path)
        with contextlib.suppress(FileNotFoundError):
            if os.stat(self._log_path).st_size:
                return (-1,)
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class LogLimit:
    """Keeps the write-ahead log of one writer short while somebody reads all the time.

    SQLite begins its log anew where a writer comes at a moment in which nobody reads from it. Where readers overlap
    (two searches in turn, a page of Datasette) there is no such moment: the log grows with each commit, and what is
    read of it takes longer. So from LOG_BYTES on a writer asks for one, when its own transaction is on the disk: who
    reads is waited for, who comes meanwhile reads the file alone, and the log is emptied.
    """

    def __init__(self, sqlite: sqlite3.Connection) -> None:
        self._sqlite = sqlite
        self._limit = LOG_BYTES
        # A log that was longer is cut when it begins anew by itself.
        sqlite.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")

    def keep(self, size: int) -> None:
        """Empty a log of `size` bytes where that is too long. To be called without a transaction, in one's turn."""
        if size < self._limit:
            return
        # Readers are waited for, and every writer waits along: a quarter of a second at 32 MiB, more where the log has
        # outgrown that, as each further MiB makes all reads slower. Where it was in vain, the next try is 32 MiB later,
        # not at the next commit, which would make each of them wait.
        patience = min(PATIENCE * size / LOG_BYTES, MAX_PATIENCE)
        # What was written is in the log, whatever goes wrong here: the next writer, or the last one to close, meets it.
        with contextlib.suppress(sqlite3.Error):
            self._limit = LOG_BYTES if self._is_emptied(patience) else size + LOG_BYTES

    def _is_emptied(self, patience: float) -> bool:
        deadline = time.monotonic() + patience
        # Asked again and again, without a busy_timeout: with one SQLite waits for a place in the log which one reader
        # leaves and takes anew within microseconds, though it has long seen all there is, and looks at no other.
        # TRUNCATE, unlike RESTART, gives the space back to the disk.
        while self._sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]:
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        return True


# Across os.fork()


class Inheritable(Protocol):
    """What is told that it is in a forked child now, and known by its file."""

    def after_fork(self) -> None:
        """Let go of all that is the parent's."""

    def is_at(self, path: Path) -> bool:
        """Say whether this is the file of that path, and open."""

    def refuse_other(self) -> None:
        """Raise DatabaseBusy where this thread has a transaction open."""


_opened: weakref.WeakSet[Any] = weakref.WeakSet()
_kept: list[object] = []


def watch(opened: Inheritable) -> None:
    """Tell an object when it finds itself in a forked child."""
    _opened.add(opened)


def is_open(path: Path) -> bool:
    """Say whether this process has a database open: to close its file by other means would drop SQLite's locks."""
    return any(opened.is_at(path) for opened in list(_opened))


def refuse_nested(path: Path, asking: object = None) -> None:
    """Raise DatabaseBusy where this thread has a transaction open in a file, through whatever connection but the one
    that asks.

    What waited for the file then would wait for itself.
    """
    # Nearly always only one is open: this is asked before each write.
    if asking is not None and len(_opened) == 1:
        return
    for opened in list(_opened):
        if opened is not asking and opened.is_at(path):
            opened.refuse_other()


def is_kept_by_this_thread(path: Path) -> bool:
    """Say whether this thread has a transaction open in a file, through whatever connection."""
    try:
        refuse_nested(path)
    except DatabaseBusy:
        return True
    return False


def leak(*handles: object) -> None:
    """Keep objects for as long as the process lives: none of them is closed, at its end either."""
    if not _kept:
        atexit.register(_never_free)
    _kept.extend(handles)


def _never_free() -> None:
    import ctypes

    for handle in _kept:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(handle))


def _in_child() -> None:
    for opened in list(_opened):
        opened.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


# In memory, as programs and their tests ask for it with ":memory:"


def temporary_folder(owner: object) -> tuple[Path, Callable[[], Any]]:
    """Return a private folder and what removes it, at the latest with its owner or the process that made it.

    It is a folder because a database is read and written through several connections, which cannot share
    what is in memory.
    """
    import tempfile

    folder = tempfile.mkdtemp(prefix="sessiondb-")
    return Path(folder), weakref.finalize(owner, _remove, folder, os.getpid())


def _remove(folder: str, process: int) -> None:
    # A child that was forked has a copy of the owner, and must leave the folder to its parent.
    if os.getpid() == process:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
