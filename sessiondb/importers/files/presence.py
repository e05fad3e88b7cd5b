"""Tell whether a file that was read once is still there: agents delete their logs, pack them, and move them.

its name, packed or not, is in its folder       there
it is where its agent moves logs to             there
a link that leads nowhere                       not known: what it leads to may be on a drive that is away
its folder cannot be read                       not known
its folder is gone, its agent's store is there  gone: agents remove folders too
its folder is gone, and the store as well       not known: a drive may be away, or all of it was moved
its folder is empty, and on another device      not known: so does the place of a drive look that is away
otherwise                                       gone

In a database that is there, a session may have been deleted: `holds` looks for its row.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from sessiondb.errors import ImportFailed
from sessiondb.importers.files.packed import SUFFIXES
from sessiondb.importers.files.source import path_text
from sessiondb.importers.files.sqlite_source import open_read_only

_SEPARATOR = re.escape("/") if os.sep == "/" else r"[/\\]"


def _layout(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("/", _SEPARATOR), re.DOTALL)


# By format: a log in the layout of its agent's store, group 1 being the folder of the whole store.
_STORES = {
    "claude-code": _layout("(.*/projects)/(?:-|[A-Za-z]--)[^/]*/.+"),
    "codex": _layout(r"(.*/(?:archived_)?sessions)/(?:\d{4}/\d\d/\d\d/)?rollout-[^/]+"),
    "copilot-cli": _layout("(.*/session-state)/[0-9a-f-]{36}/.+"),
    "gemini": _layout(r"(.*/\.gemini/tmp)/.+"),
    "qwen-code": _layout(r"(.*/\.qwen/(?:projects|tmp))/.+"),
}
_STORES["codex-legacy"] = _STORES["codex"]
# By format: the tables of a database that have a row for each session, under its native id.
_TABLES = {"hermes": ("sessions",), "opencode": ("session", "session_v2"), "zed": ("threads",)}
_DATABASES = (".db", ".sqlite", ".sqlite3")
_ROLLOUT_DAY = re.compile(r"rollout-(\d{4})-(\d\d)-(\d\d)T")
# How path_text writes a byte that is no UTF-8.
_ESCAPED = re.compile(r"\\x([89a-f][0-9a-f])")


class Presence:
    """Answers for many files, and reads each folder once: what it says is as of then."""

    def __init__(self) -> None:
        self._names = cache(_names)
        self._ids = cache(_ids)

    def is_there(self, path: str, format: str | None, device: int | None) -> bool | None:
        """Say whether a file is there; None where that cannot be known.

        `path` is as path_text writes it; `device` is the one that the file was on.
        """
        folder, name = os.path.split(path)
        names = self._names(folder)
        if names is None:
            return self._without_folder(path, folder, format, device)
        if _is_among(name, names) or os.path.exists(path) or self._has_moved(folder, name, format):
            return None if os.path.islink(path) and not os.path.exists(path) else True
        return None if not names and _is_elsewhere(folder, device) else False

    def holds(self, path: str, format: str | None, native_id: str | None) -> bool | None:
        """Say whether a file that is there holds a session still; None where it cannot be read.

        Only databases are looked into: from other files agents take no single sessions.
        """
        if format not in _TABLES or not path.endswith(_DATABASES) or not os.path.exists(_with_bytes(path)):
            return True
        ids = self._ids(path, _TABLES[format])
        return native_id in ids if isinstance(ids, frozenset) else ids

    def _without_folder(self, path: str, folder: str, format: str | None, device: int | None) -> bool | None:
        if os.path.lexists(_with_bytes(folder)):
            return None  # it is there, and cannot be read
        if self._has_moved(folder, os.path.basename(path), format):
            return True
        store = _STORES[format].fullmatch(path) if format in _STORES else None
        names = self._names(store[1]) if store else None
        if store is None or names is None or (not names and _is_elsewhere(store[1], device)):
            return None
        return False

    def _has_moved(self, folder: str, name: str, format: str | None) -> bool:
        """Say whether Codex has put a session into its archive, or taken it out again."""
        store = _STORES[format].fullmatch(os.path.join(folder, name)) if format in _STORES else None
        day = _ROLLOUT_DAY.match(name)
        if store is None or day is None:
            return False
        home = os.path.dirname(store[1])
        places = (os.path.join(home, "archived_sessions"), os.path.join(home, "sessions", *day.groups()))
        return any(_is_among(name, self._names(place) or frozenset()) for place in places)


def _names(folder: str) -> frozenset[str] | None:
    """Return the names in a folder as path_text writes them, None where it cannot be read."""
    try:
        return frozenset(map(path_text, os.listdir(_with_bytes(folder))))
    except (OSError, ValueError):
        return None


def _ids(path: str, names: tuple[str, ...]) -> frozenset[str] | bool | None:
    """Return the ids of the sessions in a database: True for one without these tables, None for an unreadable one."""
    try:
        with open_read_only(Path(_with_bytes(path))) as connection:
            there = {
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
            queries = [f"SELECT CAST(id AS TEXT) FROM {name}" for name in names if name in there]
            return (
                frozenset(row[0] for sql in queries for row in connection.execute(sql)) if queries else True
            )
    except (ImportFailed, OSError):
        return None


def _with_bytes(path: str) -> str:
    """Return the path that path_text was given; most are the same."""
    if "\\x" not in path or os.path.lexists(path):
        return path
    return _ESCAPED.sub(lambda match: chr(0xDC00 + int(match[1], 16)), path)


def _is_among(name: str, names: frozenset[str]) -> bool:
    """Say whether a file is among those of a folder under its name, or packed, or unpacked."""
    stem, suffix = os.path.splitext(name)
    plain = stem if suffix in SUFFIXES else name
    return name in names or plain in names or any(plain + packed in names for packed in SUFFIXES)


def _is_elsewhere(folder: str, device: int | None) -> bool:
    """Say whether a folder is on another device than the file was."""
    try:
        return device is not None and os.stat(_with_bytes(folder)).st_dev & 2**63 - 1 != device
    except OSError:
        return True
