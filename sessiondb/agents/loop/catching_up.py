"""Bring in what agents have written since the last import, within a moment, before a search is answered.

Files are known by their names and stats, and read from where their import ended. One process does it at a time: others
wait for it, for as long as they would have taken themselves. What is too much for a moment waits for the next import.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from sessiondb.database import SessionDB
from sessiondb.errors import SessionDBError
from sessiondb.storage.locks import first_of

SECONDS = 0.3
"""How long an answer is kept waiting, about."""

LOOKING = 0.05
"""Seconds of it for the stats."""

MAX_BYTES = 1024 * 1024
"""Bytes that are read in this time at most: one transaction ends before the clock is looked at."""


class _TimeIsUpError(Exception):
    """The import is left where it is: what is committed by then stays."""


def catch_up(path: Path) -> int:
    """Import what has grown, and return how many logs wait to be imported; a lock is no error, they wait then."""
    # An agent that searches through MCP is asked for by a person who waits, but the answer should know what was said a
    # minute ago:
    #
    #     look       stats of the logs that are known, 0.05 s at most
    #     queue      one process imports; the others wait for it, and look once more
    #     import     the logs that have grown least, 1 MiB together, until the time is up
    #     answer     with what there is, and how many logs still wait
    deadline = time.monotonic() + SECONDS
    try:
        waiting = _waiting(path)
        if waiting:
            with first_of(path.with_name(f"{path.name}.import"), deadline) as is_first:
                # Who had it first may have brought in all there was.
                waiting = _waiting(path)
                if is_first and waiting:
                    waiting = _imported(path, waiting, deadline)
    except (SessionDBError, OSError):
        # The search itself says what is wrong with the database, where anything is.
        return 0
    return len(waiting)


def _waiting(path: Path) -> list[str]:
    with SessionDB(path, read_only=True, time_budget=SECONDS) as db:
        return list(db.waiting_logs(seconds=LOOKING).paths)


def _imported(path: Path, waiting: Sequence[str], deadline: float) -> list[str]:
    """Import what fits into the time, and return what is left."""

    def look_at_the_clock(phase: str, done: int, total: int) -> None:
        # Asked after each transaction, the one place at which an import can be left without losing work.
        if time.monotonic() > deadline:
            raise _TimeIsUpError

    with SessionDB(path, time_budget=max(deadline - time.monotonic(), 0), migrate=False) as db:
        few = list(_within(MAX_BYTES, db, waiting))
        try:
            if few:
                db.import_logs(*few, progress=look_at_the_clock)
        except _TimeIsUpError:
            return [log for log in waiting if log not in few or _has_grown(db, log)]
        except SessionDBError:
            return list(waiting)
    # Of what was read nothing waits, be it that it is no log at all.
    return [log for log in waiting if log not in few]


def _within(most: int, db: SessionDB, logs: Sequence[str]) -> Iterator[str]:
    """Yield logs, those that have grown least first, as long as they have not grown by more than that together."""
    known = db.imported_sizes(logs)
    growth = {log: max(_size(log) - known.get(log, (0, 0))[0], 0) for log in logs}
    # The least first: most logs have grown by a turn, and one that is new and large would take all the time alone.
    for log in sorted(growth, key=lambda log: growth[log]):
        most -= growth[log]
        if most < 0:
            return
        yield log


def _has_grown(db: SessionDB, log: str) -> bool:
    return db.imported_sizes([log]).get(log, (0, 0))[0] != _size(log)


def _size(log: str) -> int:
    try:
        return os.path.getsize(log)
    except OSError:
        return 0
