"""Whose turn it is to write, and how much at a time.

Turns         among the threads and asyncio tasks that share a connection: one of each at a time
WriterLock    among processes and connections (storage/locks.py)
Pace          among a load of many rows and the live appends that wait meanwhile
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sessiondb.errors import DatabaseBusy, DatabaseError
from sessiondb.storage import statements
from sessiondb.storage.locks import WriterLock

# How a load of many rows and a live append share the writer:
#
#     load    │ write ≤ 0.25 s │ gap │ write ≤ 0.25 s │ gap │ ...     reads files and cuts pieces in the gaps
#     append         waits ─────► its turn, some milliseconds
#
# Who waits is asleep most of the time, and must wake in a gap: our own writers look every MAX_PAUSE, SQLite's busy
# handler in other programs every 25 ms, later 50 and 100.
TARGET_SECONDS = 0.25
"""How long one transaction may take, about: an append waits for one at most, and may wait for 1 second."""

MIN_BYTES, FIRST_BYTES, MAX_BYTES = 256 * 1024, 4 * 1024 * 1024, 32 * 1024 * 1024

# For how many seconds the lock stays free before a load takes it again.
_GAP = 0.032


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
        # Threads of one process share one connection for writing, and queue here; only the one at the head of this
        # queue asks for the lock among processes.
        self._lock = threading.Lock()
        self._holder: Holder | None = None
        self._waiting = 0
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
        with self.held_here(what, depth=depth, deadline=deadline) as holder:
            try:
                self._processes.take(deadline)
            except TimeoutError:
                raise statements.busy(self._path, self._time_budget) from None
            try:
                yield holder
            finally:
                self._processes.give_back()

    @contextlib.contextmanager
    def held_here(self, what: str, *, depth: int = 0, deadline: float | None = None) -> Iterator[Holder]:
        """Have the writer for the block among the threads of this process only."""
        holder = self._holder
        if holder is not None and holder.thread == threading.get_ident():
            self.refuse_own()
            raise DatabaseError(
                f"{self._path}: another asyncio task has a transaction open on this thread: never await inside"
                " one, put it into a function for `await db.run(function)`"
            )
        wait = self._time_budget if deadline is None else max(0.0, deadline - time.monotonic())
        # Counted while it waits, so that a load of many rows knows that it is wanted (are_wanted).
        if not self._lock.acquire(blocking=False):
            self._waiting += 1
            try:
                if not self._lock.acquire(timeout=wait):
                    raise self._held_by_other()
            finally:
                self._waiting -= 1
        try:
            self._holder = holder = Holder(what, depth)
            yield holder
        finally:
            self._holder = None
            self._lock.release()

    def refuse_own(self) -> None:
        """Raise DatabaseError where this thread and task have the writer already."""
        holder = self.mine()
        if holder is not None:
            raise DatabaseError(
                f"{self._path} is kept by {holder.what}, open here: end its block first, this cannot be a part of it"
            )

    def refuse_other(self) -> None:
        """Raise DatabaseBusy where this thread has a transaction open, for which another connection would wait."""
        holder = self._holder
        if holder is not None and holder.depth and holder.thread == threading.get_ident():
            raise DatabaseBusy(
                f"{self._path} is kept by {holder.what}, open on this thread through another connection: end its"
                " block first, this cannot be a part of it"
            )

    @property
    def are_taken(self) -> bool:
        """Say whether a thread of this process has the writer."""
        return self._holder is not None

    def are_wanted(self) -> bool:
        """Say whether another thread or process waits for the writer, or may, where that cannot be known."""
        return self._waiting > 0 or self._processes.is_wanted()

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


class Pace:
    """How much to write at a time, by how long it took before; and when to begin, so that others get their turn.

    Whoever writes much calls `wait` before each transaction, `begin` in it and `note` after it, and writes about `size`
    in each: bytes, unless other bounds are given.
    """

    is_alone = False
    """Whether nobody else can want to write."""

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
        # Bytes stand for time: what a byte takes differs by the disk, by the size of the database and by what is in the
        # rows, so each transaction is measured, and the next one is made larger or smaller by that.
        # The time that the lock was held, not that of the caller's reading: only that keeps others waiting.
        seconds = max(self._free_since - self.begun, 0.001)
        if size >= self.size or seconds > TARGET_SECONDS:
            # Down at once where a transaction took too long, up by doubling at most: one quick part may be luck.
            wanted = max(int(size * TARGET_SECONDS / seconds), self._min_size)
            self.size = min(wanted, 2 * self.size, self._max_size)


class Unhurried(Pace):
    """The pace of a load that nobody waits for: as much at a time as memory bears."""

    is_alone = True

    def __init__(self) -> None:
        super().__init__(first=MAX_BYTES)

    def wait(self) -> None:
        """Do not wait."""

    def note(self, size: int) -> None:
        """Stay at the same size."""
