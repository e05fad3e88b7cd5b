"""Lines that a file has twice: a copy that was appended to itself, or a writer that wrote each line again.

Only a line that carries a time finer than a second is known to be one that was there: without one, two equal lines may
be two messages, and with a time that a whole turn shares too. Logs that are played, line after line, must have each as
often as it is written.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from sessiondb.timestamps import MS_FROM, normalise

_TIMES = ("timestamp", "time", "ts", "created_at", "createdAt", "created")
"""What formats call the time of a line."""

_BEFORE = 64 * 1024
"""Bytes before the start of a later reading in which its lines are looked for."""

_MAX_LINES = 500_000
"""So many different lines are noted, in 50 MB at most: those that come after them are not looked for."""


class Repeats:
    """The lines of a file that were read so far, by their hashes."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self._seen = set(map(hash, _lines_before(path, start))) if start else set()

    def has(self, line: bytes) -> bool:
        """Say whether a line has been there before, byte for byte, its time included; note it."""
        mark = hash(line)
        if mark in self._seen:
            return _has_time(line)
        if len(self._seen) < _MAX_LINES:
            self._seen.add(mark)
        return False


def begins_again(path: str, end: int, most: int) -> bool:
    """Say whether what stands after `end` is the file's beginning once more, as far as its first line or `most` bytes
    tell. Raises OSError.
    """
    with open(path, "rb", buffering=0) as handle:
        first = handle.read(min(most, end)).partition(b"\n")[0]
        handle.seek(end)
        return handle.read(len(first)) == first


def _lines_before(path: Path, start: int) -> list[bytes]:
    with open(path, "rb", buffering=0) as handle:
        handle.seek(max(0, start - _BEFORE))
        return handle.read(min(start, _BEFORE)).splitlines(keepends=True)


def _has_time(line: bytes) -> bool:
    try:
        value = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and any(_is_fine(value.get(name)) for name in _TIMES)


def _is_fine(value: object) -> bool:
    """Say whether a value is a time that tells parts of a second: text, seconds with a fraction, or milliseconds."""
    if isinstance(value, int):
        return value > MS_FROM and normalise(value) is not None
    has_fraction = "." in value if isinstance(value, str) else isinstance(value, float)
    return has_fraction and normalise(value) is not None
