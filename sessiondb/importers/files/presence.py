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
from typing import NamedTuple

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


class _Folder(NamedTuple):
    """The names in a folder as path_text writes them, and apart those of links that lead nowhere."""

    names: frozenset[str]
    dangling: frozenset[str]


class Presence:
    """Answers for many files, and reads each folder once: what it says is as of then."""

    def __init__(self) -> None:
        self._folder = cache(_folder)
        self._ids = cache(_ids)

    def is_there(self, path: str, format: str | None, device: int | None) -> bool | None:
        """Say whether a file is there; None where that cannot be known.

        `path` is as path_text writes it; `device` is the one that the file was on.
        """
        folder, name = os.path.split(path)
        found = self._folder(folder)
        if found is None:
            return self._without_folder(path, folder, format, device)
        if name in found.names or _is_among(name, found.names) or self._has_moved(path, name, format):
            return True
        # A file system may write such a name in another way than the one it was found under.
        if not name.isascii() and os.path.exists(path):
            return True
        is_unknown = name in found.dangling or (_is_empty(found) and _is_elsewhere(folder, device))
        return None if is_unknown else False

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
        if self._has_moved(path, os.path.basename(path), format):
            return True
        store = _STORES[format].fullmatch(path) if format in _STORES else None
        found = self._folder(store[1]) if store else None
        if store is None or found is None or (_is_empty(found) and _is_elsewhere(store[1], device)):
            return None
        return False

    def _has_moved(self, path: str, name: str, format: str | None) -> bool:
        """Say whether Codex has put a session into its archive, or taken it out again."""
        day = _ROLLOUT_DAY.match(name)
        store = _STORES[format].fullmatch(path) if day and format in _STORES else None
        if store is None or day is None:
            return False
        home = os.path.dirname(store[1])
        places = (os.path.join(home, "archived_sessions"), os.path.join(home, "sessions", *day.groups()))
        return any(_is_among(name, found.names) for place in places if (found := self._folder(place)))


def _folder(path: str) -> _Folder | None:
    """Return what is in a folder, None where it cannot be read."""
    try:
        with os.scandir(_with_bytes(path)) as entries:
            found = {
                path_text(entry.name): entry.is_symlink() and not os.path.exists(entry) for entry in entries
            }
    except (OSError, ValueError):
        return None
    dangling = frozenset(name for name, is_dangling in found.items() if is_dangling)
    return _Folder(frozenset(found.keys() - dangling), dangling)


def _is_empty(folder: _Folder) -> bool:
    return not (folder.names or folder.dangling)


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
    plain = next((name.removesuffix(suffix) for suffix in SUFFIXES if name.endswith(suffix)), name)
    return plain in names or any(plain + suffix in names for suffix in SUFFIXES)


def _is_elsewhere(folder: str, device: int | None) -> bool:
    """Say whether a folder is on another device than the file was."""
    try:
        return device is not None and os.stat(_with_bytes(folder)).st_dev & 2**63 - 1 != device
    except OSError:
        return True
