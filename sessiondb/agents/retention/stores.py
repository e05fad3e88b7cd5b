"""What is in the stores of agents that delete logs, and in those that keep a history of prompts: names and stats.

Claude Code   projects/<project>/<id>.jsonl, beside it a folder <id> with what belongs to it
Codex         sessions/<year>/<month>/<day>/rollout-<time>-<id>.jsonl, archived_sessions/
Gemini CLI    tmp/<project>/chats/session-*.json, or .jsonl
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

FILES, SECONDS = 20_000, 0.5
"""How many entries of folders are looked at, and for how long, in one report."""

HISTORY_BYTES = 64 * 1024 * 1024
"""How much is read of a history of prompts."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LOG = re.compile(r"(.+)\.jsonl(?:\.gz|\.zst)?")
_ROLLOUT = re.compile(rf"rollout-.*-({_UUID.pattern})\.jsonl(?:\.gz|\.zst)?")
_CHAT = re.compile(r"session-.*\.jsonl?")
_NAMED_IN_HISTORY = re.compile(rb'"session(?:Id|_id)"\s*:\s*"(' + _UUID.pattern.encode() + rb')"')


class Budget:
    """How much may still be looked at: large stores must not make a command slow."""

    def __init__(self, files: int = FILES, seconds: float = SECONDS) -> None:
        self._files = files
        self._seconds = seconds
        self._end: float | None = None
        self.is_spent = False

    def take(self) -> bool:
        """Say whether one more entry may be looked at."""
        now = time.monotonic()
        # The clock begins with the first.
        self._end = self._end or now + self._seconds
        self._files -= 1
        self.is_spent = self.is_spent or self._files < 0 or now > self._end
        return not self.is_spent


class Log(NamedTuple):
    """A file, when it was changed last (seconds and ns since 1970), and its size in bytes."""

    path: str
    mtime: float
    mtime_ns: int
    size: int


@dataclass
class Store:
    """The logs of a store, the ids of the sessions that have one, and those of folders that have lost theirs."""

    logs: list[Log] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    bereft: set[str] = field(default_factory=set)


def claude_store(projects: Path, budget: Budget) -> Store:
    """Return what Claude Code has in a folder `projects`."""
    store = Store()
    folders: set[str] = set()
    for project in _entries(projects, budget):
        for entry in _entries(project, budget) if os.path.isdir(project) else ():
            if entry.is_dir():
                if _UUID.fullmatch(entry.name):
                    folders.add(entry.name)
                    store.logs += _logs(Path(entry.path) / "subagents", _LOG, budget)
            elif found := _LOG.fullmatch(entry.name):
                store.ids.add(found[1])
                store.logs += _log(entry)
    store.bereft = folders - store.ids if not budget.is_spent else set()
    return store


def gemini_store(folder: Path, budget: Budget) -> Store:
    """Return what Gemini CLI has in a folder `tmp`."""
    store = Store()
    for project in _entries(folder, budget):
        store.logs += _logs(Path(project.path) / "chats", _CHAT, budget)
    return store


def codex_ids(home: Path, budget: Budget) -> set[str]:
    """Return the ids of the sessions that Codex has a log of."""
    found: set[str] = set()
    waiting: list[str | os.DirEntry[str]] = [str(home / "sessions"), str(home / "archived_sessions")]
    while waiting:
        for entry in _entries(waiting.pop(), budget):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry)
            elif rollout := _ROLLOUT.fullmatch(entry.name):
                found.add(rollout[1])
    return found


def ids_in_history(path: Path) -> set[str]:
    """Return the ids of the sessions that a history of prompts names, {} where there is none."""
    try:
        with path.open("rb") as file:
            return {found.decode() for found in _NAMED_IN_HISTORY.findall(file.read(HISTORY_BYTES))}
    except OSError:
        return set()


def _entries(folder: str | os.PathLike[str], budget: Budget) -> Iterator[os.DirEntry[str]]:
    """Yield what is in a folder, nothing where it cannot be read."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not budget.take():
                return
            yield entry


def _logs(folder: Path, name: re.Pattern[str], budget: Budget) -> Iterator[Log]:
    for entry in _entries(folder, budget):
        if name.fullmatch(entry.name):
            yield from _log(entry)


def _log(entry: os.DirEntry[str]) -> Iterator[Log]:
    with suppress(OSError):
        status = entry.stat()
        yield Log(entry.path, status.st_mtime, status.st_mtime_ns, status.st_size)
