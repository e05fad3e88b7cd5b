"""A VS Code chat as its log of changes leaves it.

A change is `{kind, k, v, i}`, where `k` is the path to a value: 0 is the whole chat, 1 sets `v`, 2 pushes the elements
of `v` after the array was cut to `i`, where that is given, and 3 deletes.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterator
from typing import Any

from sessiondb.importers.files.json_lines import object_of

_WHOLE, _SET, _PUSH, _DELETE = range(4)
_REQUESTS = "requests"
# In a private database of SQLite's own, which goes to a temporary file where it outgrows the cache.
_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA cache_size = -16384;
CREATE TABLE requests (place INTEGER PRIMARY KEY, request BLOB);
BEGIN;
"""
_MOST_ADDED = 10_000


def is_change(line: dict[str, Any]) -> bool:
    """Say whether a line is a change of a kind that is known."""
    kind = line.get("kind")
    return (
        type(kind) is int
        and _WHOLE <= kind <= _DELETE
        and (kind == _WHOLE or isinstance(line.get("k"), list))
    )


class Chat:
    """The header of a chat, and its requests in order. Only one of those is in memory. To be closed."""

    def __init__(self) -> None:
        self.header: dict[str, Any] = {}
        # A chat may be a log of hundreds of megabytes, of which one request is changed at a time: the others wait in a
        # temporary database of SQLite's, on the disk where they are many.
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES)
        self._count = 0
        # The request that is being changed.
        self._place: int | None = None
        self._request: Any = None

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._all("SELECT request FROM requests ORDER BY place")

    def backwards(self) -> Iterator[dict[str, Any]]:
        """Yield the requests from the last one back."""
        return self._all("SELECT request FROM requests ORDER BY place DESC")

    def _all(self, query: str) -> Iterator[dict[str, Any]]:
        self._put_back()
        for (request,) in self._db.execute(query):
            yield object_of(marshal.loads(request))

    def set(self, whole: dict[str, Any]) -> None:
        """Take a chat as a whole in place of what there is."""
        self.header = {key: value for key, value in whole.items() if key != _REQUESTS}
        self._cut(0)
        for request in whole.get(_REQUESTS) or ():
            self.append(request)

    def append(self, request: Any) -> None:
        """Add a request. Raises ValueError for one that is nested too deeply."""
        self._db.execute("INSERT INTO requests VALUES (?, ?)", (self._count, marshal.dumps(request)))
        self._count += 1

    def apply(self, change: dict[str, Any]) -> None:
        """Apply a change. Raises LookupError, TypeError or ValueError where the chat has no such place."""
        kind, path, value = change["kind"], change.get("k") or [], change.get("v")
        if kind == _WHOLE or not path:
            self.set(object_of(value))
        elif path[0] != _REQUESTS:
            _change(self.header, path, change)
        elif len(path) > 1:
            _change(self._at(path[1]), path[2:], change) if path[2:] else self._replace(path[1], change)
        elif kind == _PUSH:
            if type(change.get("i")) is int:
                # Cut, not written into: what was behind that place is gone.
                self._cut(max(0, change["i"]))
            for request in value or ():
                self.append(request)
        else:
            self._cut(0)
            for request in (value or ()) if kind == _SET else ():
                self.append(request)

    def _at(self, place: Any) -> Any:
        if type(place) is not int or not 0 <= place < self._count:
            raise LookupError(f"no request {place!r}")
        if place != self._place:
            self._put_back()
            # The changes of a response that is being streamed are all of one request: it is decoded once.
            row = self._db.execute("SELECT request FROM requests WHERE place = ?", (place,)).fetchone()
            self._place, self._request = place, marshal.loads(row[0])
        return self._request

    def _replace(self, place: Any, change: dict[str, Any]) -> None:
        if place == self._count and change["kind"] == _SET:
            self.append(change.get("v"))
            return
        self._at(place)
        self._request = change.get("v") if change["kind"] == _SET else {}

    def _put_back(self) -> None:
        if self._place is not None:
            values = (marshal.dumps(self._request), self._place)
            self._db.execute("UPDATE requests SET request = ? WHERE place = ?", values)
            self._place = self._request = None

    def _cut(self, length: int) -> None:
        self._put_back()
        self._db.execute("DELETE FROM requests WHERE place >= ?", (length,))
        self._count = min(self._count, length)


def _change(root: Any, path: list[Any], change: dict[str, Any]) -> None:
    for key in path[:-1]:
        root = root[key]
    key, kind = path[-1], change["kind"]
    if kind == _DELETE:
        del root[key]
    elif kind == _SET:
        _set(root, key, change.get("v"))
    else:
        if isinstance(root, dict):
            root.setdefault(key, [])
        array = root[key]
        if type(change.get("i")) is int:
            del array[max(0, change["i"]) :]
        array.extend(change.get("v") or ())


def _set(root: Any, key: Any, value: Any) -> None:
    if isinstance(root, list) and type(key) is int and len(root) <= key <= len(root) + _MOST_ADDED:
        root.extend([None] * (key + 1 - len(root)))
    root[key] = value
