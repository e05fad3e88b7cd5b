"""Whose turn it is to write: one thread, and one asyncio task, at a time, and one process."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sessiondb.errors import DatabaseBusy, DatabaseError
from sessiondb.storage import failures
from sessiondb.storage.locks import WriterLock


def current_task() -> object:
    """Return the asyncio task that runs on this thread, None where there is none."""
    asyncio = sys.modules.get("asyncio")
    try:
        return asyncio.current_task() if asyncio else None
    except RuntimeError:
        return None


@dataclass(slots=True)
class Holder:
    """Who has the writer, for what, and how many transactions deep; 0 where it is none but maintenance."""

    what: str
    depth: int
    thread: int = field(default_factory=threading.get_ident)
    thread_name: str = field(default_factory=lambda: threading.current_thread().name)
    task: object = field(default_factory=current_task)
    since: float = field(default_factory=time.monotonic)


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
                raise failures.busy(self._path, self._time_budget) from None
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
            return failures.busy(self._path, self._time_budget)
        return DatabaseBusy(
            f"{self._path} is kept by {holder.what}, open in thread {holder.thread_name}"
            f" for {time.monotonic() - holder.since:.1f} s: end its block first, and never wait inside it for"
            " another thread that writes (await db.run, an executor)"
        )
