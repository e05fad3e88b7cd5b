"""Which logs have changed since they were imported, as far as a few milliseconds tell.

Looked at are the logs of the sessions that were active last, and the folders that these lie in, for logs that are new
there. Only names and stats are read. Nothing is said of what was not looked at.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence

from sessiondb import timestamps
from sessiondb.dao.ledger import LastSeen, Ledger, Stat
from sessiondb.dao.tables import Tables
from sessiondb.records.imports import WaitingLogs

SESSIONS = 200
"""Sessions whose logs are looked at: those active last."""


def waiting_logs(db: Tables, *, seconds: float, idle: float = 0.0) -> WaitingLogs:
    """Return which logs have changed, or are new, since the last import; looking takes `seconds` at most, about.

    Where the last import is less than `idle` seconds ago, nothing is looked at.
    """
    ledger = Ledger(db.connection)
    files, is_all = ledger.newest(SESSIONS)
    last = max((file.imported_at for file in files), default=None)
    if last is None:
        return WaitingLogs(None, (), (), is_all=True)
    imported, now = timestamps.to_datetime(last).timestamp(), time.time()
    # After a clock was set back the last import may be yet to come: then it is looked at once more than need be.
    if imported <= now < imported + idle:
        return WaitingLogs(last, (), (), is_all=False)
    imported = min(imported, now)

    # Loaded only now, and before the time counts: most commands that ask are told that the import is not long ago.
    from sessiondb.ingest.discovery import look
    from sessiondb.ingest.rules import users_rules

    rules = users_rules()
    kept_out = rules.ignored_places() if rules else set()
    deadline = time.perf_counter() + seconds

    def in_time() -> bool:
        return time.perf_counter() < deadline

    changed = [file.path for file in files if in_time() and _has_changed(file, look)]
    new = list(_new_beside([file.path for file in files], imported, kept_out, in_time))
    known = ledger.known(new)
    unknown = tuple(path for path in new if path not in known)
    return WaitingLogs(last, tuple(changed), unknown, is_all=is_all and in_time())


def _has_changed(file: LastSeen, look: Callable[[str, os.stat_result], Stat]) -> bool:
    try:
        found = look(file.path, os.stat(file.path))
    except OSError:
        return False
    return (found.size, found.mtime_ns) != (file.size, file.mtime_ns)


def _new_beside(
    logs: Sequence[str], since: float, kept_out: Collection[tuple[int, int]], in_time: Callable[[], bool]
) -> Iterator[str]:
    """Yield the files that changed after a time in the folders of logs, and in folders that are new beside several.

    They end as the logs there do: not all that is JSON in a folder somewhere is a log.
    """
    from sessiondb.ingest.discovery import is_candidate

    endings: dict[str, set[str]] = {}
    for log in logs:
        endings.setdefault(os.path.dirname(log), set()).add(os.path.splitext(log)[1])
    beside: dict[str, list[str]] = {}
    for folder in endings:
        beside.setdefault(os.path.dirname(folder), []).append(folder)
    for above, folders in beside.items():
        if len(folders) > 1:
            ends = set().union(*(endings[folder] for folder in folders))
            for entry in _entries(above, since, kept_out, in_time):
                if entry.path not in endings and entry.is_dir():
                    endings[entry.path] = ends
    for folder, ends in endings.items():
        for entry in _entries(folder, since, kept_out, in_time):
            is_log = os.path.splitext(entry.name)[1] in ends and is_candidate(entry.name)
            with contextlib.suppress(OSError):
                if is_log and entry.is_file() and entry.stat().st_mtime >= since:
                    yield entry.path


def _entries(
    folder: str, since: float, kept_out: Collection[tuple[int, int]], in_time: Callable[[], bool]
) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a folder that changed after a time, as long as there is time."""
    if not in_time():
        return
    try:
        status = os.stat(folder)
        if status.st_mtime < since or (status.st_dev, status.st_ino) in kept_out:
            return
        with os.scandir(folder) as listing:
            yield from itertools.takewhile(lambda _: in_time(), listing)
    except OSError:
        return
