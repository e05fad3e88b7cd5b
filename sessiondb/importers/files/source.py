"""Read one source file: lines or a whole JSON document, bytes first, nothing ever written."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from sessiondb.chat.text import clean_json, clean_text
from sessiondb.errors import ImportFailed
from sessiondb.importers.files import packed
from sessiondb.importers.files.limits import (
    MAX_BLANK_LINES,
    MAX_DOCUMENT,
    MAX_LINE,
    MAX_PROBLEMS,
    MAX_VALUES,
    SMALL,
    has_too_many_values,
    in_words,
)
from sessiondb.importers.files.repeats import Repeats

if TYPE_CHECKING:
    import sqlite3
    from datetime import tzinfo

T = TypeVar("T")

UTF8_BOM = b"\xef\xbb\xbf"
UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
BUFFER = 64 * 1024
"""Bytes read at a time: lines are long, and reading them takes half as long as with Python's own 8 KiB."""

_JSON_SPACE = b" \t\r\n\0"
# As Python writes them in a path (PEP 383).
_NO_UTF8 = re.compile("[\udc80-\udcff]")


def path_text(path: str) -> str:
    """Return a path, or text with one in it, as any database holds it: bytes that are no UTF-8 are `\\xff`."""
    if path.isascii():
        return clean_text(path)
    return clean_text(_NO_UTF8.sub(lambda match: f"\\x{ord(match[0]) - 0xDC00:02x}", path))


class Problem(NamedTuple):
    """A line that was not read, or not wholly: 1-based number and byte offset (None: the file as a whole)."""

    line: int | None
    byte_offset: int | None
    reason: str


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacked if it is packed, as UTF-8 if it is UTF-16.

    Raises OSError, Unreadable, and ImportFailed for UTF-16 of more than a document may hold; reading a packed file
    raises Damaged.
    """
    handle = cast("io.BufferedReader", open(path, "rb", buffering=BUFFER))  # noqa: SIM115 - handed to the caller
    magic = handle.peek(packed.MAGIC_BYTES)[: packed.MAGIC_BYTES]
    if magic.startswith(packed.MAGIC):
        try:
            return packed.unpacked(handle, path)
        except ImportFailed:
            handle.close()
            raise
    if magic.startswith(UTF16_BOMS):
        with handle:
            return io.BytesIO(whole(handle, path).decode("utf-16", "replace").encode("utf-8"))
    if magic.startswith(UTF8_BOM):
        handle.seek(len(UTF8_BOM))
    return handle


def whole(handle: IO[bytes], path: Path) -> bytes:
    """Return all bytes of a file. Raises ImportFailed where they are more than a document may hold."""
    data = handle.read(MAX_DOCUMENT + 1)
    if len(data) > MAX_DOCUMENT:
        raise ImportFailed(
            f"{path} is a document of more than {in_words(MAX_DOCUMENT)}, which is too large to read"
        )
    return data


def text_lines(path: Path) -> list[str]:
    """Return the lines of a file of text, without their ends. Raises OSError, and ImportFailed as `whole` does."""
    with open_bytes(path) as handle:
        return whole(handle, path).decode("utf-8", "replace").splitlines()


def is_packed(path: Path) -> bool:
    """Say whether the bytes on disk are not those that are read: packed, UTF-16."""
    with open(path, "rb", buffering=0) as handle:
        magic = handle.read(packed.MAGIC_BYTES)
    return magic.startswith((*packed.MAGIC, *UTF16_BOMS))


class Source:
    """One file being read by an importer.

    `start` and `state` are where the last import of this file ended and what the importer noted there; both
    are empty on a first read. An importer that cannot go on from `start` reads the file from its beginning
    instead (`document`).
    """

    def __init__(
        self,
        path: Path,
        *,
        tz: tzinfo | None = None,
        start: int = 0,
        line: int = 0,
        state: dict[str, Any] | None = None,
    ) -> None:
        self.path = path
        self.tz = tz
        self.start = start
        self.line = line
        self.state: dict[str, Any] = {} if state is None else state
        self.end = start
        self.complete = True
        self.problems: list[Problem] = []
        # Whether the file is no log that only grows, but a state that its program writes anew.
        self.is_rewritten = False
        self._unlisted = 0

    def problem(self, reason: str, *, whole: bool = False) -> None:
        """Report that the current line (or the whole file) could not be read as it should."""
        if len(self.problems) >= MAX_PROBLEMS:
            self._unlisted += 1
            return
        reason = path_text(reason)
        self.problems.append(Problem(None, None, reason) if whole else Problem(self.line, self.end, reason))

    @property
    def listed_problems(self) -> list[Problem]:
        """Return the first problems, and at their end how many more there are."""
        if not self._unlisted:
            return self.problems
        return [
            *self.problems,
            Problem(None, None, f"{self._unlisted:,} more lines like these are not listed"),
        ]

    def lines(self) -> Iterator[bytes]:
        """Yield the lines from `start` on, without the blank ones and the space around them.

        `line` and `end` tell where it is: while a line is out, `end` is where it begins.
        """
        for taken in self._raw_lines():
            text = taken.pop().strip(_JSON_SPACE)
            if text:
                yield text

    def _raw_lines(self) -> Iterator[list[bytes]]:
        """Yield each line, alone in a list: whoever takes it out may drop it once it is decoded, which saves a
        copy of a large one.
        """
        with open_bytes(self.path) as handle:
            if self.start:
                handle.seek(self.start)
            else:
                self.end = handle.tell()
            blank = 0
            while raw := handle.readline(MAX_LINE):
                self.line += 1
                size = len(raw)
                if size < MAX_LINE:
                    blank = 0 if size > 1 else blank + 1
                    self.complete = raw.endswith(b"\n")
                    held = [raw]
                    del raw
                    yield held
                    self.end += size
                else:
                    self.problem(f"is longer than {in_words(MAX_LINE)} and is not read")
                    self.end += len(raw)
                    del raw
                    self.end += self._pass_line(handle)
                if blank > MAX_BLANK_LINES:
                    raise ImportFailed(
                        f"{self.path}: reading stopped after line {self.line}: {MAX_BLANK_LINES:,} blank lines"
                    )

    def _pass_line(self, handle: IO[bytes]) -> int:
        """Read on to the end of the line, without keeping it; return its bytes."""
        count = 0
        while piece := handle.readline(BUFFER):
            count += len(piece)
            if piece.endswith(b"\n"):
                break
        return count

    def json_lines(
        self, decode: Callable[[bytes], T], lenient: Callable[[Any], T], *, once: bool = False
    ) -> Iterator[T]:
        """Yield each line decoded, in the order of the file.

        `decode` is the fast way. A line that it refuses is read again with the standard library's tolerant
        decoder, cleaned and handed to `lenient`. What no decoder reads becomes a problem; a torn last line
        is left for the next import. `once`: a line that the file has twice comes once (see repeats.py).
        """
        repeats = Repeats(self.path, self.start) if once else None
        for taken in self._raw_lines():
            raw = taken.pop()
            if repeats is not None and repeats.has(raw):
                continue
            if len(raw) > SMALL and has_too_many_values(raw):
                self.problem(f"holds more than {MAX_VALUES:,} values and is not read")
                continue
            try:
                decoded = decode(raw)
            except (ValueError, RecursionError) as error:
                values = self._tolerant(raw.strip(_JSON_SPACE))
                if values is not None:
                    yield from map(lenient, values)
                elif self.complete:
                    self.problem(f"not valid JSON: {str(error).removeprefix('JSON is malformed: ')}")
                else:
                    self.line -= 1
                    return
            else:
                del raw
                yield decoded

    def _tolerant(self, raw: bytes) -> list[Any] | None:
        """Decode a line that may hold invalid UTF-8, several objects, or numbers out of range; None where
        it is no JSON.
        """
        text = raw.decode("utf-8", "replace")
        found = []
        position = 0
        decoder = json.JSONDecoder()
        try:
            while position < len(text):
                value, position = decoder.raw_decode(text, position)
                found.append(clean_json(value))
                while position < len(text) and text[position] in " \t\r\0":
                    position += 1
        except (ValueError, RecursionError):
            return None
        if "\ufffd" in text and b"\xef\xbf\xbd" not in raw:
            self.problem("invalid UTF-8: the bytes that are none were replaced by U+FFFD")
        return found

    def document(self) -> Any:
        """Return the whole file as one decoded JSON value, cleaned.

        Raises ImportFailed where it is not valid JSON, damaged, or larger than a document may be.
        """
        import msgspec

        self.is_rewritten = True
        with open_bytes(self.path) as handle:
            data = whole(handle, self.path)
            handle.read(1)  # raises where the file is damaged further on
        if len(data) > SMALL and has_too_many_values(data):
            raise ImportFailed(
                f"{self.path} is a document of more than {MAX_VALUES:,} values, which is too large to read"
            )
        self.end = self.path.stat().st_size
        if data.endswith(b"\0"):
            data = data.strip(_JSON_SPACE)
        try:
            value = msgspec.json.decode(data)
            return clean_json(value) if b"\\u0000" in data else value
        except (ValueError, RecursionError):
            try:
                return clean_json(json.loads(data.decode("utf-8", "replace")))
            except (ValueError, RecursionError) as error:
                raise ImportFailed(f"{self.path} is not valid JSON: {error}") from error

    @contextmanager
    def sqlite(self) -> Iterator[sqlite3.Connection]:
        """Open the file as a read-only SQLite database, its -wal included; rows are sqlite3.Row.

        Raises ImportFailed where it cannot be read.
        """
        from sessiondb.importers.files.sqlite_source import open_read_only

        self.is_rewritten = True
        with open_read_only(self.path) as connection:
            yield connection
        self.end = self.path.stat().st_size
