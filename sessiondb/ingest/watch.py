"""Follow logs as they grow: tell again and again which files below some places have changed.

Only stats are compared. The folders and the files that changed last are looked at each time, the others a
part each time, so that the work of a round has a bound however many files there are; what is kept of a file
is its stat.

With `Events` a look goes where the system says that something has changed, and comes at once; a round by stats alone
still comes every ROUND seconds, for what the system does not tell.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event

from sessiondb.dao.ledger import Stat
from sessiondb.ingest.discovery import absolute, identities, is_candidate, is_walked, look
from sessiondb.ingest.events import Events
from sessiondb.ingest.rules import Rules

ACTIVE = 200
"""Files that changed last, which are looked at in every round."""

SHARE = 2000
"""Further files that a round looks at."""

REST, MAX_REST = 10, 60.0
"""The pause after a round is so many times as long as the round took, but no more than these seconds."""

RETRY = 60.0
"""Seconds after which a file that could not be read is told again."""

ROUND = 30.0
"""Seconds between rounds by stats alone where there are events too."""

# SQLite writes beside a database, and that changes it.
_BESIDE = re.compile(r"-(wal|shm|journal)$")
_OF_PIECES = re.compile(r"[\\/]storage[\\/](message|part)[\\/]")

_YOUNG = 2_000_000_000
_UNKNOWN = -1


class Watch:
    """What is known of the files below some places; those that are there when it is made are no change."""

    def __init__(
        self, sources: Iterable[str], rules: Rules | None = None, database: Path | None = None
    ) -> None:
        self._kept_out = rules.ignored_places() if rules else set()
        self._kept_out |= set(identities(database)) if database else set()
        self._sources = [absolute(source) for source in sources]
        # The folders with when they last changed, and under which name each was found first.
        self._folders: dict[str, int] = {}
        self._names: dict[tuple[int, int], str] = {}
        self._files: dict[str, Stat] = {}
        # The files in the order they are looked at next, and those that changed last, the latest at the end.
        self._round: deque[str] = deque()
        self._active: dict[str, None] = {}
        # Files that could not be read, and those that were told and are to be told again.
        self._unread: set[str] = set()
        self._again: set[str] = set()
        self.changes()
        newest = sorted(self._files, key=lambda path: self._files[path].mtime_ns)[-ACTIVE:]
        self._active = dict.fromkeys(newest)

    def updates(
        self,
        interval: float = 2.0,
        *,
        sleep: Callable[[float], bool] | None = None,
        clock: Callable[[], float] = time.monotonic,
        events: Events | None = None,
    ) -> Iterator[list[str]]:
        """Yield the files that have changed whenever some have; at first all places that are there.

        `interval` is in seconds. `sleep` waits for so long and returns True when it is time to end. A round
        that took long, with what the caller did in it, has a longer pause after it: a large database in use
        is not read all the time. With `events` the interval is that of files named as sources: what lies in a
        folder is told when it changes.
        """
        wait = sleep or Event().wait
        retried = looked = clock()
        if events is not None:
            events.follow(self._folder_sources())
        paths = [source for source in self._sources if os.path.exists(source)]
        if paths:
            yield paths
        rest = 0.0
        while not (wait(rest) or events.wait(interval) if events is not None else wait(max(interval, rest))):
            began = clock()
            if began - retried >= RETRY:
                retried = began
                self.again(self._unread)
                self._unread.clear()
            if events is not None and events.is_on and began - looked < ROUND:
                # Told too much, a look finds nothing; told too little (a full queue, a network disk), the next round by
                # stats does.
                paths = self.changes_at(events.taken())
            else:
                looked = began
                paths = self.changes()
                if events is not None:
                    events.follow(self._folder_sources())
            if paths:
                yield paths
            rest = min(REST * (clock() - began), MAX_REST)

    def _folder_sources(self) -> list[str]:
        return [source for source in self._sources if os.path.isdir(source)]

    def again(self, paths: Iterable[str]) -> None:
        """Let files that were told be told once more: they could not be imported."""
        for path in paths:
            if path in self._files:
                self._files[path] = self._files[path]._replace(mtime_ns=_UNKNOWN)
                self._note(path)
                self._again.add(path)

    def later(self, paths: Iterable[str]) -> None:
        """Let files be told once more in a minute: they could not be read, and may be then."""
        self._unread.update(paths)

    def changes(self) -> list[str]:
        """Return the files that are new or changed, as far as this round looks."""
        changed: list[str] = []
        for source in self._sources:
            if source not in self._folders and source not in self._files:
                changed += self._enter(source)
        # A folder's own time tells of files that come and go, not of files that grow: so the folders are all asked,
        # which finds what is new, and of the files only those that are likely to grow, with a share of the others.
        for folder in list(self._folders):
            changed += self._look_into(folder)
        due = [self._round.popleft() for _ in range(min(SHARE, len(self._round)))]
        for path in dict.fromkeys((*self._active, *due)):
            changed += self._look_at(path)
        self._round.extend(path for path in due if path in self._files)
        return list(dict.fromkeys(changed))

    def changes_at(self, hints: Iterable[str]) -> list[str]:
        """Return the files that are new or changed where something is said to have happened.

        Looked at besides: files that are sources, those to be told again, and folders that have just changed.
        """
        changed: list[str] = []
        for source in self._sources:
            if source in self._files:
                changed += self._look_at(source)
            elif source not in self._folders:
                changed += self._enter(source)
        again, self._again = self._again, set()
        for hint in sorted({*again, *(self._named(_BESIDE.sub("", hint)) for hint in hints)}):
            # OpenCode's older stores write a message in many small files: a round costs less than a look at each.
            if _OF_PIECES.search(hint):
                return list(dict.fromkeys((*changed, *self.changes())))
            changed += self._look_at(hint) if hint in self._files else self._look_above(hint)
        for folder in [folder for folder, at in self._folders.items() if at == _UNKNOWN]:
            changed += self._look_into(folder)
        return list(dict.fromkeys(changed))

    def _named(self, path: str) -> str:
        """Return a path below a source as that is called here: some systems tell it without links."""
        for source in self._sources:
            real = os.path.realpath(source)
            if real != source and path.startswith(real + os.sep):
                return source + path[len(real) :]
        return path

    def _look_above(self, path: str) -> list[str]:
        """Return the files that are new in the nearest known folder above a path that is not known."""
        folder = path
        while folder not in self._folders:
            above = os.path.dirname(folder)
            if above == folder:
                return []
            folder = above
        self._folders[folder] = _UNKNOWN
        return self._look_into(folder)

    def _enter(self, path: str) -> list[str]:
        """Take a source, or an entry of a folder, that is not known yet; return what files that brings."""
        found: list[str] = []
        waiting = [path]
        while waiting:
            path = waiting.pop()
            try:
                status = os.stat(path)
            except OSError:
                continue
            if (status.st_dev, status.st_ino) in self._kept_out:
                continue
            if stat.S_ISREG(status.st_mode):
                self._round.append(path)
                found += self._look_at(path)
            elif stat.S_ISDIR(status.st_mode) and self._is_first(path, status):
                self._folders[path] = _UNKNOWN
                waiting += reversed(self._new_in(path))
        return found

    def _is_first(self, folder: str, status: os.stat_result) -> bool:
        """Say whether a folder is not known under another name, as when a link leads back to it."""
        other = self._names.setdefault((status.st_dev, status.st_ino), folder)
        with contextlib.suppress(OSError):
            if other != folder and os.path.samestat(os.stat(other), status):
                return False
        self._names[status.st_dev, status.st_ino] = folder
        return True

    def _look_into(self, folder: str) -> list[str]:
        """Return the files that are new in a folder and below, if it has changed."""
        return [file for path in self._new_in(folder) for file in self._enter(path)]

    def _new_in(self, folder: str) -> list[str]:
        """Return the files and folders that are new in a folder, if it has changed."""
        try:
            changed_at = os.stat(folder).st_mtime_ns
            if self._folders.get(folder) == changed_at:
                return []
            with os.scandir(folder) as listing:
                entries = {entry.name: entry for entry in listing}
        except OSError:
            self._folders.pop(folder, None)
            return []
        # What comes into it at this very moment may leave the time as it is: soon it is looked into once
        # more.
        is_young = time.time_ns() - changed_at < _YOUNG
        self._folders[folder] = _UNKNOWN if is_young else changed_at
        found: list[str] = []
        names = set(entries)
        for name, entry in sorted(entries.items()):
            if entry.path in self._files or entry.path in self._folders:
                continue
            with contextlib.suppress(OSError):
                if is_walked(name, names) if entry.is_dir() else is_candidate(name, names):
                    found.append(entry.path)
        return found

    def _look_at(self, path: str) -> list[str]:
        """Return the file if it has changed."""
        try:
            found = look(path, os.stat(path))
        except OSError:
            self._files.pop(path, None)
            self._active.pop(path, None)
            return []
        if self._files.get(path) == found:
            return []
        self._files[path] = found
        self._note(path)
        return [path]

    def _note(self, path: str) -> None:
        """Count a file among those that changed last."""
        self._active.pop(path, None)
        self._active[path] = None
        while len(self._active) > ACTIVE:
            del self._active[next(iter(self._active))]
