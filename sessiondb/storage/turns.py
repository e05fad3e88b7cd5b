"""Whose turn it is to write: one thread, and one asyncio task, at a time, and one process.

    Turns         among the threads and tasks that share a connection
    WriterLock    among processes and connections, where SQLite alone does not keep them apart safely;
                  by its _Queue the one that has waited longest comes first
    Pace          among a load of many rows and the live appends that wait meanwhile
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
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sessiondb.errors import DatabaseBusy, DatabaseError
from sessiondb.storage import statements

FIXED_IN = (3, 51, 3)

TARGET_SECONDS = 0.35
"""How long one transaction may take, about: an append waits for one at most, and may wait for 1 second."""

MIN_BYTES, FIRST_BYTES, MAX_BYTES = 256 * 1024, 4 * 1024 * 1024, 32 * 1024 * 1024

# Other writers look again after MAX_PAUSE and its jitter: the lock stays free for that long before it is taken again.
_GAP = 1.6 * statements.MAX_PAUSE


PATIENCE = 0.1
"""Seconds after which a writer that waits comes before those who came later."""

# Since when the first one waits, and when it said so last, by the clock that all processes of a machine share; behind
# the byte that Windows locks. It says so every _FIRST_PAUSE, or as a busy machine lets it.
_QUEUE, _QUEUE_AT = struct.Struct("<dd"), 16
_FIRST_PAUSE, _FORGOTTEN = 0.002, 0.25


def current_task() -> object:
    """Return the asyncio task that runs on this thread, None where there is none."""
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio.current_task() if asyncio else None
    except RuntimeError:
        return None


class Holder:
    """Who has the writer, for what, and how many transactions deep; 0 where it is none but maintenance."""

    # No dataclass: making one takes Python 1 ms of the 60 in which a command is done.
    __slots__ = ("depth", "since", "task", "thread", "thread_name", "what")

    def __init__(self, what: str, depth: int) -> None:
        self.what = what
        self.depth = depth
        self.thread = threading.get_ident()
        self.thread_name = threading.current_thread().name
        self.task = current_task()
        self.since = time.monotonic()


class Turns:
    """The turns of those who write to one database file. Each wait ends within the time budget."""

    def __init__(self, path: Path, time_budget: float) -> None:
        self._path = path
        self._time_budget = time_budget
        self._lock = threading.Lock()
        self._holder: Holder | None = None
        self._processes = WriterLock(path)

    def mine(self) -> Holder | None:
        """Return what this thread and task have the writer for, None where they do not have it."""
        holder = self._holder
        if holder is None or holder.thread != threading.get_ident():
            return None
        return holder if holder.task is current_task() else None

    @contextlib.contextmanager
    def held(self, what: str, *, depth: int = 0, patience: float | None = None) -> Iterator[Holder]:
        """Have the writer for the block, among threads and among processes.

        Raises DatabaseBusy after the time budget (or `patience`, in seconds), DatabaseError where another
        task of this thread has it.
        """
        deadline = time.monotonic() + (self._time_budget if patience is None else patience)
        with self.held_here(what, depth=depth, deadline=deadline) as holder, contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._processes.held(deadline))
            except TimeoutError:
                raise statements.busy(self._path, self._time_budget) from None
            yield holder

    @contextlib.contextmanager
    def held_here(self, what: str, *, depth: int = 0, deadline: float | None = None) -> Iterator[Holder]:
        """Have the writer for the block among the threads of this process only."""
        holder = self._holder
        if holder is not None and holder.thread == threading.get_ident():
            raise DatabaseError(
                f"{self._path}: another asyncio task has a transaction open on this thread: never await inside"
                " one, put it into a function for `await db.run(function)`"
            )
        wait = self._time_budget if deadline is None else max(0.0, deadline - time.monotonic())
        if not self._lock.acquire(timeout=wait):
            raise self._held_by_other()
        try:
            self._holder = holder = Holder(what, depth)
            yield holder
        finally:
            self._holder = None
            self._lock.release()

    def close(self) -> None:
        """Give the lock file back."""
        self._processes.close()

    def _held_by_other(self) -> DatabaseBusy:
        holder = self._holder
        if holder is None:
            return statements.busy(self._path, self._time_budget)
        return DatabaseBusy(
            f"{self._path} is kept by {holder.what}, open in thread {holder.thread_name}"
            f" for {time.monotonic() - holder.since:.1f} s: end its block first, and never wait inside it for"
            " another thread that writes (await db.run, an executor)"
        )


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
        since = time.monotonic()
        for pause in statements.pauses():
            if self._handle is None:
                flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
                self._handle = os.open(self._path, flags, 0o600)
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
        is_alive = first <= seen <= now < seen + _FORGOTTEN
        if is_alive and first < since:
            return _Place(is_behind=True, is_first=False)
        if now < since + PATIENCE:
            return _Place(is_behind=False, is_first=False)
        self._write(since, now)
        return _Place(is_behind=False, is_first=True)

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


class Pace:
    """How much to write at a time, by how long it took before; and when to begin, so that others get their turn.

    Whoever writes much calls `wait` before each transaction, `begin` in it and `note` after it, and writes about `size`
    in each: bytes, unless other bounds are given.
    """

    def __init__(
        self, first: int = FIRST_BYTES, min_size: int = MIN_BYTES, max_size: int = MAX_BYTES
    ) -> None:
        self.size = first
        self._min_size, self._max_size = min_size, max_size
        self.begun = self._free_since = 0.0

    def wait(self) -> None:
        """Let writers that wait have their turn, unless they had it while the next part was prepared."""
        left = self._free_since + _GAP - time.monotonic()
        if left > 0:
            time.sleep(left)

    def begin(self) -> None:
        """Take note that a transaction has begun: that it holds the lock."""
        self.begun = time.monotonic()

    def note(self, size: int) -> None:
        """Take note that a transaction of such a size has ended just now."""
        self._free_since = time.monotonic()
        seconds = max(self._free_since - self.begun, 0.001)
        if size >= self.size or seconds > TARGET_SECONDS:
            # Down at once where a transaction took too long, up by doubling at most: one quick part may be luck.
            wanted = max(int(size * TARGET_SECONDS / seconds), self._min_size)
            self.size = min(wanted, 2 * self.size, self._max_size)


class Unhurried(Pace):
    """The pace of a load that nobody waits for: as much at a time as memory bears."""

    def __init__(self) -> None:
        super().__init__(first=MAX_BYTES)

    def wait(self) -> None:
        """Do not wait."""

    def note(self, size: int) -> None:
        """Stay at the same size."""
