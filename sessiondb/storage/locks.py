"""Let writers take turns where SQLite alone does not keep them apart safely.

SQLite 3.7.0 to 3.51.2 can lose committed data in WAL mode when two connections write or checkpoint at the
same instant (sqlite.org/wal.html, "The WAL-Reset Bug"; fixed in 3.51.3). There, every write, checkpoint and
close of a writing connection holds an advisory lock on a file of its own beside the database:
`sessions.db.lock`. Elsewhere no lock file is made.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from sessiondb.errors import DatabaseError
from sessiondb.storage import debug

FIXED_IN = (3, 51, 3)
FIRST_PAUSE = 0.0005
MAX_PAUSE = 0.02


def pauses() -> Iterator[float]:
    """Yield how many seconds to wait before each new try: growing, with jitter, so that waiting writers
    spread out.
    """
    pause = waited = FIRST_PAUSE
    yield waited
    # Most never wait even once, and a command should start at once.
    import random

    is_told = debug.is_on("lock")
    for tries in itertools.count(2):
        if is_told:
            debug.write("lock", f"waited {waited * 1000:.1f} ms for another writer, try {tries}")
        waited = pause * random.uniform(0.5, 1.5)
        yield waited
        pause = min(pause * 1.5, MAX_PAUSE)


class WriterLock:
    """An exclusive lock among the processes and connections that write to one database file."""

    def __init__(self, database: Path) -> None:
        # Whatever link leads to the database: SQLite follows links too.
        self._path = f"{os.path.realpath(database)}.lock"
        self._handle: int | None = None

    @contextlib.contextmanager
    def held(self, deadline: float) -> Iterator[None]:
        """Hold the lock for the block; waits until `deadline` (of time.monotonic()), then raises
        TimeoutError. Raises DatabaseError where the lock file cannot be opened or locked.
        """
        if sqlite3.sqlite_version_info >= FIXED_IN:
            yield
            return
        try:
            self._take(deadline)
        except TimeoutError:
            raise
        except OSError as error:
            raise DatabaseError(f"cannot lock {self._path}: {error.strerror or error}") from error
        try:
            yield
        finally:
            # A forked child has none any more: the lock is its parent's.
            if self._handle is not None:
                _unlock(self._handle)

    def close(self) -> None:
        """Give the lock file's handle back, and the lock with it; in a forked child, only its own handle."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _take(self, deadline: float) -> None:
        for pause in pauses():
            if self._handle is None:
                flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
                self._handle = os.open(self._path, flags, 0o600)
            is_locked = _try_lock(self._handle)
            if not self._is_current(self._handle):
                # Someone removed the file: others make a new one, and take turns by that.
                self.close()
            elif is_locked:
                return
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(pause)

    def _is_current(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self._path))
        except FileNotFoundError:
            return False


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
