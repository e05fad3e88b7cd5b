"""Locks among processes, each of them an advisory lock on a file, which ends with its process.

    WriterLock    whose turn it is to write, where SQLite alone does not keep processes apart safely;
                  by its _Queue the one that has waited longest comes first
    first_of      for what one process does for all
    ProcessMark   for what a process makes, which others clear away once that has ended

SQLite 3.7.0 to 3.51.2 can lose committed data in WAL mode when two connections write or checkpoint at the
same instant (sqlite.org/wal.html, "The WAL-Reset Bug"; fixed in 3.51.3). There, every write, checkpoint and
close of a writing connection holds an advisory lock on a file of its own beside the database:
`sessions.db.lock`. Elsewhere no lock file is made.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sessiondb.errors import DatabaseError
from sessiondb.storage import statements

FIXED_IN = (3, 51, 3)

PATIENCE = 0.1
"""Seconds after which a writer that waits comes before those who came later."""

# Since when the first one waits, and when it said so last, by the clock that all processes of a machine share; behind
# the byte that Windows locks. It says so every _FIRST_PAUSE, or as a busy machine lets it.
_QUEUE, _QUEUE_AT = struct.Struct("<dd"), 16
_FIRST_PAUSE, _FORGOTTEN = 0.002, 0.25


class WriterLock:
    """An exclusive lock among the processes and connections that write to one database file."""

    def __init__(self, database: Path) -> None:
        # Whatever link leads to the database: SQLite follows links too.
        self._path = f"{os.path.realpath(database)}.lock"
        self._handle: int | None = None

    def take(self, deadline: float) -> None:
        """Take the lock; waits until `deadline` (of time.monotonic()), then raises TimeoutError.

        Raises DatabaseError where the lock file cannot be opened or locked.
        """
        if sqlite3.sqlite_version_info >= FIXED_IN:
            return
        try:
            self._take(deadline)
        except TimeoutError:
            raise
        except OSError as error:
            raise DatabaseError(f"cannot lock {self._path}: {error.strerror or error}") from error

    def give_back(self) -> None:
        """Let others have the lock."""
        # A forked child has none any more: the lock is its parent's.
        if self._handle is not None:
            _unlock(self._handle)

    def is_wanted(self) -> bool:
        """Say whether a process has waited for PATIENCE; True where SQLite alone would know it."""
        return sqlite3.sqlite_version_info >= FIXED_IN or (
            self._handle is not None and _Queue(self._handle).is_waited_in()
        )

    def close(self) -> None:
        """Give the lock file's handle back, and the lock with it; in a forked child, only its own handle."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _take(self, deadline: float) -> None:
        since = time.monotonic()
        for pause in statements.pauses():
            if self._handle is None:
                flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
                self._handle = os.open(self._path, flags, 0o600)
            # How a writer that waits gets its turn:
            #
            #     at first            whoever finds the lock free takes it: no order, and no time lost
            #     after 0.1 s         it writes into the lock file since when it waits, and looks again every 2 ms
            #     others              see that, and stand back, as long as it goes on saying so
            #     it has the lock     it takes its name out
            place = _Queue(self._handle).ask(since)
            is_locked = not place.is_behind and _try_lock(self._handle)
            # Checked after the lock was tried, not before: the file may be removed between the two.
            if not self._is_current(self._handle):
                # Someone removed the file: others make a new one, and take turns by that.
                self.close()
            elif is_locked:
                if place.is_first:
                    _Queue(self._handle).leave()
                return
            if time.monotonic() > deadline:
                if place.is_first and self._handle is not None:
                    _Queue(self._handle).leave()
                raise TimeoutError
            time.sleep(min(pause, _FIRST_PAUSE) if place.is_first else pause)

    def _is_current(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self._path))
        except FileNotFoundError:
            return False


class _Place(NamedTuple):
    """Where a writer stands: behind one that has waited longer, or as the first of those who have waited long."""

    is_behind: bool
    is_first: bool


class _Queue:
    """Who of those that have waited long has waited longest, so that it is the next: written into the lock file.

    Whoever finds the lock free takes it, which is fastest for all, until somebody has waited for PATIENCE: as for an
    import's transaction. From then on those who came later stand back. It is a hint, as the lock itself keeps
    writers apart: one who has died, and does not say again that it waits, is passed over.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def ask(self, since: float) -> _Place:
        """Return the place of a writer that waits since then, having taken note of it where it has waited long."""
        now = time.monotonic()
        first, seen = self._read()
        if _is_alive(first, seen, now) and first < since:
            return _Place(is_behind=True, is_first=False)
        if now < since + PATIENCE:
            return _Place(is_behind=False, is_first=False)
        self._write(since, now)
        return _Place(is_behind=False, is_first=True)

    def is_waited_in(self) -> bool:
        """Say whether anybody has waited long, and waits still."""
        try:
            return _is_alive(*self._read(), time.monotonic())
        except OSError:
            return True

    def leave(self) -> None:
        """Take note that the first one waits no more."""
        self._write(0.0, 0.0)

    def _read(self) -> tuple[float, float]:
        os.lseek(self._handle, _QUEUE_AT, os.SEEK_SET)
        found = os.read(self._handle, _QUEUE.size)
        return _QUEUE.unpack(found) if len(found) == _QUEUE.size else (0.0, 0.0)

    def _write(self, first: float, seen: float) -> None:
        # A full disk keeps nobody from waiting.
        with contextlib.suppress(OSError):
            os.lseek(self._handle, _QUEUE_AT, os.SEEK_SET)
            os.write(self._handle, _QUEUE.pack(first, seen))


def _is_alive(first: float, seen: float, now: float) -> bool:
    return first <= seen <= now < seen + _FORGOTTEN


class ProcessMark:
    """A file that says that its process lives: locked from its making to the end of the block, or of the process.

    Raises OSError where it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        _try_lock(self._handle)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        os.close(self._handle)


def is_left(mark: Path) -> bool:
    """Say whether the process that made a mark has ended without removing it."""
    try:
        handle = os.open(mark, os.O_RDWR)
    except OSError:
        return False
    try:
        return _try_lock(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def first_of(path: Path, deadline: float) -> Iterator[bool]:
    """Be the only one in the block, by a lock on a file that is made; say whether that came about by a time.

    Who comes later waits until `deadline` (of time.monotonic()). Raises OSError where the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        is_first = _try_lock(handle)
        while not is_first and time.monotonic() < deadline:
            time.sleep(_FIRST_PAUSE)
            is_first = _try_lock(handle)
        yield is_first
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
