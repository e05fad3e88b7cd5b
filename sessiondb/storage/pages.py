"""The pages of a SQLite file, read without SQLite, so that one that is damaged costs only what stood on it.

    header of page 1     page size, first free page, schema number
    table b-tree         interior page (5) -> interior or leaf page (13), a row in each cell of a leaf
    index b-tree         interior page (2) -> interior or leaf page (10), a row in every cell: WITHOUT ROWID tables
    overflow pages       what of a row did not fit into its cell, one page after the other
    -wal                 newer copies of pages, as far as their checksums and the last commit go

See sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

MAGIC = b"SQLite format 3\0"
PAGE_SIZE = 4096
"""The page size where nothing tells another: SQLite's own."""

_SIZES = tuple(1 << bits for bits in range(9, 17))
_INDEX_INTERIOR, _TABLE_INTERIOR, _INDEX_LEAF, TABLE_LEAF = 2, 5, 10, 13
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_WAL_MAGIC = 0x377F0682
_MAX_DEPTH = 40

Value = None | int | float | str | bytes


class Damage(Exception):
    """What stands on a page makes no sense."""


class PageRow(NamedTuple):
    """A row as it stands in the file: on which page, its rowid (None in an index), and its values."""

    page: int
    rowid: int | None
    values: list[Value]


class Pages:
    """A SQLite file open for reading, as a context manager. `damage` grows as pages are read.

    Nothing is written, neither to the file nor beside it. Raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self.damage: list[str] = []
        self.visited: set[int] = set()
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._wal = -1
        try:
            self._open(path)
        except BaseException:
            self.close()
            raise

    def _open(self, path: Path) -> None:
        log = Path(f"{path}-wal")
        if log.exists():
            self._wal = os.open(log, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._in_wal: dict[int, int] = {}
        self._bytes = os.fstat(self._file).st_size
        self.size = PAGE_SIZE
        header = _read(self._file, 0, 100).ljust(100, b"\0")
        wal_size = self._wal_page_size()
        self.size = _page_size(header) or wal_size or PAGE_SIZE
        self.count = -(-self._bytes // self.size)
        if wal_size == self.size:
            self._read_wal()
        self.header = self.page(1)[:100] if self.count else b""
        self.has_header = self.header.startswith(MAGIC) and _page_size(self.header) == self.size
        reserved = self.header[20] if self.has_header else 0
        self._usable = self.size - reserved if self.size - reserved >= 480 else self.size

    def close(self) -> None:
        """Close the file."""
        for file in (self._file, self._wal):
            if file >= 0:
                os.close(file)
        self._file = self._wal = -1

    def __enter__(self) -> Pages:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def number(self, offset: int) -> int:
        """Return the 4-byte number at a place of the header."""
        return int.from_bytes(self.header[offset : offset + 4], "big")

    def page(self, number: int) -> bytes:
        """Return the bytes of a page, the newest that were committed. Raises Damage where there is none."""
        if not 1 <= number <= self.count:
            raise Damage(f"page {number:,} lies outside of the file, which has {self.count:,}")
        at = self._in_wal.get(number)
        if at is not None:
            return _read(self._wal, at, self.size)
        try:
            page = _read(self._file, (number - 1) * self.size, self.size)
        except OSError as error:
            raise Damage(f"page {number:,} cannot be read: {error.strerror or error}") from error
        return page.ljust(self.size, b"\0")

    # Rows

    def rows(self, root: int, what: str) -> Iterator[PageRow]:
        """Yield the rows of a b-tree; `what` names it in the damage."""
        yield from self._below(root, what, 0)

    def leaf_rows(self, number: int, what: str) -> Iterator[PageRow]:
        """Yield the rows of one page, if it is a leaf of a table."""
        page = self.page(number)
        if page[_start(number)] == TABLE_LEAF:
            yield from self._cells(number, page, what)

    def pass_over(self, root: int) -> None:
        """Note the pages of a b-tree as visited, without reading its rows."""
        damage, self.damage = self.damage, []
        for _ in self._below(root, "", 0, has_rows=False):
            pass
        self.damage = damage

    def free(self) -> set[int]:
        """Return the pages that the file does not use: what stands on them was removed."""
        found: set[int] = set()
        trunk = self.number(32) if self.has_header else 0
        try:
            while trunk:
                page = self.page(trunk)
                # A trunk: the next one, how many leaves it lists, and their numbers.
                following, count = struct.unpack_from(">II", page)
                if trunk in found or count > self.size // 4 - 2:
                    raise Damage(f"page {trunk:,} is no list of free pages")
                found.add(trunk)
                found.update(struct.unpack_from(f">{count}I", page, 8))
                trunk = following
        except Damage as damage:
            self.damage.append(f"free pages: {damage}")
        return found

    def _below(self, number: int, what: str, depth: int, *, has_rows: bool = True) -> Iterator[PageRow]:
        try:
            page = self.page(number)
            if number in self.visited or depth > _MAX_DEPTH:
                raise Damage(f"page {number:,} is pointed to twice")
            kind = page[_start(number)]
            if kind not in (_INDEX_INTERIOR, _TABLE_INTERIOR, _INDEX_LEAF, TABLE_LEAF):
                raise Damage(f"page {number:,} is no page of a table")
        except Damage as damage:
            self.damage.append(f"{what}: {damage}")
            return
        self.visited.add(number)
        if kind in (_INDEX_LEAF, TABLE_LEAF):
            if has_rows:
                yield from self._cells(number, page, what)
            return
        for at in self._pointers(number, page, 12, what):
            child = int.from_bytes(page[at : at + 4], "big")
            yield from self._below(child, what, depth + 1, has_rows=has_rows)
            if kind == _INDEX_INTERIOR and has_rows:
                yield from self._cell(number, page, at + 4, what, has_rowid=False)
        last = _start(number) + 8
        yield from self._below(
            int.from_bytes(page[last : last + 4], "big"), what, depth + 1, has_rows=has_rows
        )

    def _cells(self, number: int, page: bytes, what: str) -> Iterator[PageRow]:
        has_rowid = page[_start(number)] == TABLE_LEAF
        for at in self._pointers(number, page, 8, what):
            yield from self._cell(number, page, at, what, has_rowid=has_rowid)

    def _pointers(self, number: int, page: bytes, header: int, what: str) -> Iterator[int]:
        start = _start(number)
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        first = start + header
        if first + 2 * count > self._usable:
            self.damage.append(
                f"{what}: page {number:,} says that it has {count:,} cells, which do not fit on it"
            )
            count = (self._usable - first) // 2
        lost = 0
        for (at,) in struct.iter_unpack(">H", page[first : first + 2 * count]):
            if first + 2 * count <= at < self._usable:
                yield at
            else:
                lost += 1
        if lost:
            self.damage.append(f"{what}: {lost:,} cells of page {number:,} lie outside of it")

    def _cell(self, number: int, page: bytes, at: int, what: str, *, has_rowid: bool) -> Iterator[PageRow]:
        rowid = None
        try:
            length, at = _varint(page, at)
            if has_rowid:
                rowid, at = _varint(page, at)
                # 64 bits with a sign, in two's complement.
                rowid -= (rowid >> 63) << 64
            yield PageRow(number, rowid, record(self._payload(page, at, length, has_rowid=has_rowid)))
        except Damage as damage:
            name = "a row" if rowid is None else f"row {rowid}"
            self.damage.append(f"{what}: {name} on page {number:,}: {damage}")

    def _payload(self, page: bytes, at: int, length: int, *, has_rowid: bool) -> bytes:
        if not 0 < length <= self.count * self.size:
            raise Damage(f"says that it has {length:,} bytes")
        usable = self._usable
        # What of a row stands in its cell, and what on overflow pages, goes by these rules of the format: all, up to
        # `most`; of a longer one as much as makes its overflow pages full, but `least` at least.
        most = usable - 35 if has_rowid else (usable - 12) * 64 // 255 - 23
        if length <= most:
            return _whole(page[at : min(at + length, usable)], length)
        least = (usable - 12) * 32 // 255 - 23
        here = least + (length - least) % (usable - 4)
        if here > most:
            here = least
        parts = [_whole(page[at : min(at + here, usable)], here)]
        following = int.from_bytes(page[at + here : at + here + 4], "big")
        left = length - here
        seen: set[int] = set()
        while left:
            if following in seen:
                raise Damage(f"its overflow page {following:,} is pointed to twice")
            seen.add(following)
            overflow = self.page(following)
            parts.append(overflow[4 : 4 + min(left, usable - 4)])
            left -= len(parts[-1])
            following = int.from_bytes(overflow[:4], "big")
        self.visited |= seen
        return b"".join(parts)

    # The write-ahead log

    def _wal_page_size(self) -> int | None:
        header = _read(self._wal, 0, 32) if self._wal >= 0 else b""
        if len(header) < 32 or int.from_bytes(header[:4], "big") & ~1 != _WAL_MAGIC:
            return None
        size = int.from_bytes(header[8:12], "big")
        return size if size in _SIZES else None

    def _read_wal(self) -> None:
        header = _read(self._wal, 0, 32)
        order = ">" if header[3] & 1 else "<"
        # A log is written from its beginning again and again, and old frames stay behind the new ones: those have other
        # salts.
        salts, sums = header[16:24], _checksum(header[:24], order, (0, 0))
        if struct.pack(">II", *sums) != header[24:32]:
            return
        pending: dict[int, int] = {}
        at, frame_size = 32, 24 + self.size
        while len(frame := _read(self._wal, at, frame_size)) == frame_size and frame[8:16] == salts:
            sums = _checksum(frame[24:], order, _checksum(frame[:8], order, sums))
            if struct.pack(">II", *sums) != frame[16:24]:
                break
            number, pages = struct.unpack_from(">II", frame)
            pending[number] = at + 24
            # The last frame of a transaction says how many pages the file has then. Frames without such a one after
            # them were never committed.
            if pages:
                self._in_wal.update(pending)
                self.count = pages
                pending.clear()
            at += frame_size


def record(payload: bytes) -> list[Value]:
    """Return the values of a row. Raises Damage where they make no sense."""
    end, at = _varint(payload, 0)
    if not at <= end <= len(payload):
        raise Damage("its values cannot be told apart")
    values: list[Value] = []
    body = end
    while at < end:
        kind, at = _varint(payload, at)
        value, size = _value(payload, body, kind)
        values.append(value)
        body += size
    return values


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, 0
    # The numbers 0 and 1 take no bytes: their kind says them.
    if kind in (8, 9):
        return kind - 8, 0
    size = _INTEGERS.get(kind, 8 if kind == 7 else (kind - 12) // 2)
    if kind in (10, 11) or at + size > len(payload):
        raise Damage("a value is cut off")
    raw = payload[at : at + size]
    if kind in _INTEGERS:
        return int.from_bytes(raw, "big", signed=True), size
    if kind == 7:
        number: float = struct.unpack(">d", raw)[0]
        return number, size
    return (raw.decode("utf-8", "replace") if kind % 2 else raw), size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(at, at + 8):
        if place >= len(data):
            raise Damage("it is cut off")
        byte = data[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    if at + 8 >= len(data):
        raise Damage("it is cut off")
    # The ninth byte has all of its eight bits.
    return value << 8 | data[at + 8], at + 9


def _start(number: int) -> int:
    """Return where the b-tree header of a page begins: on page 1 after the header of the file."""
    return 100 if number == 1 else 0


def _page_size(header: bytes) -> int | None:
    size = int.from_bytes(header[16:18], "big")
    size = 65536 if size == 1 else size
    return size if header.startswith(MAGIC) and size in _SIZES else None


def _whole(part: bytes, length: int) -> bytes:
    if len(part) != length:
        raise Damage("it is cut off")
    return part


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    numbers: Any = struct.iter_unpack(f"{order}II", data)
    for left, right in numbers:
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return first, second


def _read(file: int, at: int, size: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(file, size, at)
    os.lseek(file, at, os.SEEK_SET)
    return os.read(file, size)
