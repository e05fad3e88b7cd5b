"""Which logs have changed since they were imported, as far as a few milliseconds tell.

Looked at are the logs of the sessions that were active last, and the folders that these lie in, for logs that are new
there. Only names and stats are read. Nothing is said of what was not looked at.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from sessiondb import timestamps
from sessiondb.dao.ledger import Ledger
from sessiondb.dao.tables import Tables
from sessiondb.records.imports import WaitingLogs

SESSIONS = 200
"""Sessions whose logs are looked at: those active last."""

LEVELS = 2
"""Folders above a log in which new ones are looked for: its own, and for a new project or day the one above."""


def waiting_logs(db: Tables, *, seconds: float, idle: float = 0.0) -> WaitingLogs:
    """Return which logs have changed, or are new, since the last import; looking takes `seconds` at most, about.

    Where the last import is less than `idle` seconds ago, nothing is looked at.
    """
    deadline = time.perf_counter() + seconds
    ledger = Ledger(db.connection)
    files, is_all = ledger.newest(SESSIONS)
    last = max((file.imported_at for file in files), default=None)
    if last is None:
        return WaitingLogs(None, (), (), is_all=True)
    imported = timestamps.to_datetime(last).timestamp()
    if time.time() - imported < idle:
        return WaitingLogs(last, (), (), is_all=False)

    def in_time() -> bool:
        return time.perf_counter() < deadline

    changed = [file.path for file in files if in_time() and _has_changed(file.path, file.size, file.mtime_ns)]
    new = list(_new_in(_folders(file.path for file in files), imported, in_time))
    known = ledger.known(new)
    unknown = tuple(path for path in new if path not in known)
    return WaitingLogs(last, tuple(changed), unknown, is_all=is_all and in_time())


def _has_changed(path: str, size: int, mtime_ns: int) -> bool:
    # Imported when something is looked at: most commands that ask are told that the last import is not long ago.
    from sessiondb.ingest.discovery import look

    try:
        found = look(path, os.stat(path))
    except OSError:
        return False
    return (found.size, found.mtime_ns) != (size, mtime_ns)


def _folders(paths: Iterable[str]) -> list[str]:
    """Return the folders of logs, and those above them: the nearest first."""
    nearest = dict.fromkeys(map(os.path.dirname, paths))
    above = list(nearest)
    for _ in range(LEVELS - 1):
        above = list(dict.fromkeys(map(os.path.dirname, above)))
        nearest |= dict.fromkeys(above)
    return list(nearest)


def _new_in(folders: Iterable[str], since: float, in_time: Callable[[], bool]) -> Iterator[str]:
    """Yield the files that changed after a time in folders that did, and in folders that are new in those."""
    from sessiondb.ingest.discovery import is_candidate, is_walked
    from sessiondb.ingest.rules import users_rules

    waiting = deque(folders)
    seen = users_rules().ignored_places()
    known = set(waiting)
    while waiting and in_time():
        folder = waiting.popleft()
        try:
            status = os.stat(folder)
            if status.st_mtime < since or (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError:
            continue
        names = {entry.name for entry in entries}
        for entry in entries:
            if not in_time():
                return
            try:
                if entry.is_dir():
                    if entry.path not in known and is_walked(entry.name, names):
                        waiting.append(entry.path)
                elif is_candidate(entry.name) and entry.stat().st_mtime >= since:
                    yield entry.path
            except OSError:
                continue
