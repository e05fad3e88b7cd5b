"""What is looked at of a file to tell its format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from sessiondb.chat.text import clean_json
from sessiondb.errors import ImportFailed
from sessiondb.importers.files.failures import Damaged
from sessiondb.importers.files.json_stream import elements, outline
from sessiondb.importers.files.limits import MAX_OUTLINE, MAX_SNIFFED, SMALL, has_too_many_values
from sessiondb.importers.files.source import Source, open_bytes
from sessiondb.importers.files.sqlite_source import open_read_only

SQLITE_MAGIC = b"SQLite format 3\0"
HEAD = 65536
MAX_LINES = 50


def objects_of_line(text: str) -> list[dict[str, Any]]:
    """Return the objects that stand on a line, [] where it is no line of its own.

    Mostly it is one; two programs that write at once leave several, without a line between them.
    """
    decoder = json.JSONDecoder()
    found: list[dict[str, Any]] = []
    rest = text
    while rest[:1] == "{":
        try:
            value, end = decoder.raw_decode(rest)
            found.append(clean_json(value))
        except (ValueError, RecursionError):
            break
        rest = rest[end:].lstrip()
    # An indented document has lines such as `{"a": 1},`.
    return found if len(found) > 1 or rest[:1] in ("", "{") else []


class Sample:
    """What is looked at to tell a format.

    path      the file
    tables    of a SQLite database: table name -> its column names; else {}
    document  of a file that is one JSON object: that object; else None
    first     of a file that is one JSON array: its first element; else None
    lines     of a file of JSON lines: the first of them that are objects, 50 at most; [] for other files
    tail      the last 64 KiB, as bytes
    has_long_lines  whether lines were passed over that are too long to be looked at
    damage    why the file could not be read further, None for one that could
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: ImportFailed | None = None
        self.has_long_lines = False
        with open_bytes(path) as handle:
            self.head = handle.read(HEAD)
        self._lines: list[dict[str, Any]] = []
        self._reading = self._read_lines()

    @property
    def is_sqlite(self) -> bool:
        """Say whether the file is a SQLite database."""
        return self.head.startswith(SQLITE_MAGIC)

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing in the file."""
        return not self.head.strip(b" \t\r\n\0")

    @cached_property
    def tables(self) -> dict[str, frozenset[str]]:
        """Return the tables and columns of a SQLite database. Raises ImportFailed where it is damaged."""
        if not self.is_sqlite:
            return {}
        with open_read_only(self.path) as connection:
            names = [
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            ]
            columns = "SELECT name FROM pragma_table_info(?)"
            return {name: frozenset(row[0] for row in connection.execute(columns, (name,))) for name in names}

    @cached_property
    def document(self) -> dict[str, Any] | None:
        """Return the JSON object that the whole file is, None where it is none.

        Of a large one the beginning is there: what is cut off there is left out.
        """
        if self.is_sqlite or self.head.lstrip()[:1] != b"{" or len(self.lines_up_to(2)) > 1:
            return None
        try:
            with open_bytes(self.path) as handle:
                beginning = handle.read(MAX_SNIFFED + 1)
            is_large = len(beginning) > MAX_SNIFFED
            if is_large or (len(beginning) > SMALL and has_too_many_values(beginning)):
                value = outline(beginning[:MAX_OUTLINE].decode("utf-8", "replace"))
            else:
                del beginning
                value = Source(self.path).document()
        except ImportFailed as error:
            self.damage = error if isinstance(error, Damaged) else None
            return None
        return value if isinstance(value, dict) else None

    @cached_property
    def first(self) -> Any:
        """Return the first element of a JSON array, None where the file is none."""
        if self.head.lstrip()[:1] != b"[":
            return None
        try:
            with open_bytes(self.path) as handle:
                return next(elements(handle, lambda reason: None), None)
        except ImportFailed as error:
            self.damage = error
            return None

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the objects looked at so far, one per line; `detect` shows more and more of them."""
        return self._lines

    def lines_up_to(self, count: int) -> list[dict[str, Any]]:
        """Read on until `count` objects are there, or no more lines; return them all."""
        self._lines.extend(islice(self._reading, max(0, count - len(self._lines))))
        return self._lines

    @cached_property
    def tail(self) -> bytes:
        """Return the last 64 KiB of the file as it lies on the disk."""
        with open(self.path, "rb") as handle:
            handle.seek(max(0, self.path.stat().st_size - HEAD))
            return handle.read()

    def _read_lines(self) -> Iterator[dict[str, Any]]:
        if self.is_sqlite or self.head.lstrip()[:1] != b"{":
            return
        for number, raw in enumerate(self._raw_lines()):
            is_long = len(raw) > MAX_SNIFFED
            self.has_long_lines |= is_long
            found = [] if is_long else objects_of_line(raw.decode("utf-8", "replace"))
            yield from found
            if not found and number > MAX_LINES:
                return

    def _raw_lines(self) -> Iterator[bytes]:
        """Yield lines: those that are whole in what was read already, then, from the file again, the others."""
        *whole, rest = self.head.split(b"\n", MAX_LINES)
        yield from whole
        if len(self.head) < HEAD and b"\n" not in rest:
            yield rest
            return
        source = Source(self.path)
        try:
            yield from islice(source.lines(), len(whole), None)
            self.has_long_lines |= bool(source.problems)
        except ImportFailed as error:
            self.damage = error
