"""Unpack files while they are read: gzip and zstd, told by their first bytes, a piece at a time.

A damaged file gives what comes before the damage, then raises Damaged with each further read.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from sessiondb.importers.files.failures import Damaged, Unreadable
from sessiondb.importers.files.limits import MAX_RATIO, MAX_UNPACKED, in_words

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SUFFIXES = frozenset((".gz", ".zst"))
MAGIC_BYTES = 4
BUFFER = 64 * 1024
"""Bytes unpacked at a time."""

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# Frames that hold no data, with which some programs begin: see "Skippable Frames" in RFC 8878.
_ZSTD_SKIPPABLE = tuple(bytes((first, 0x2A, 0x4D, 0x18)) for first in range(0x50, 0x60))
MAGIC = (_GZIP, _ZSTD, *_ZSTD_SKIPPABLE)
"""What packed files begin with."""


class _Decoder(Protocol):
    """What unpacks one frame, as `compression.zstd.ZstdDecompressor` does."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Codec(NamedTuple):
    """A way to unpack: what makes a decoder, what that raises for damage, bytes to give to it at a time.

    `padding`: what may stand between frames and after the last.
    """

    decoder: Callable[[], _Decoder]
    error: type[Exception]
    chunk: int = BUFFER
    padding: bytes = b""


def plain_path(path: Path) -> Path:
    """Return the path without the ending that says that the file is packed: `a.jsonl.zst` is `a.jsonl`."""
    return path.with_suffix("") if path.suffix in SUFFIXES else path


def unpacked(handle: io.BufferedReader, path: Path) -> Unpacked:
    """Return what a packed file holds; it closes the file. Raises Unreadable where nothing here unpacks it."""
    codec = _Codec(_Gzip, zlib.error, padding=b"\0") if handle.peek(len(_GZIP)).startswith(_GZIP) else _zstd()
    return Unpacked(_Frames(handle, _known(codec, path), path), BUFFER)


def unpacked_value(data: bytes, path: Path, most: int) -> bytes:
    """Return what a value in a file holds that is packed with zstd.

    Raises Unreadable where nothing here unpacks it, Damaged where it is no such value or gives more than `most` bytes.
    """
    with Unpacked(_Frames(io.BytesIO(data), _known(_zstd(), path), path), BUFFER) as handle:
        found = handle.read(most + 1)
    if len(found) > most or not found:
        raise Damaged(f"it is empty, or gives more than {in_words(most)}")
    return found


class Unpacked(io.BufferedReader):
    """The bytes of a packed file. A read of so many bytes gives fewer at the end and before damage."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return so many bytes, or all. Raises Damaged."""
        if size is None or size < 0:
            return super().read()
        pieces: list[bytes] = []
        while size > 0:
            try:
                piece = self.read1(min(size, BUFFER))
            except Damaged:
                if not pieces:
                    raise
                break
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


class _Frames(io.RawIOBase):
    """Unpack one frame after another."""

    def __init__(self, handle: IO[bytes], codec: _Codec, path: Path) -> None:
        self._handle = handle
        self._codec = codec
        self._path = path
        self._decoder: _Decoder | None = None
        self._rest = memoryview(b"")
        self._position = 0
        self._taken = 0
        self._damage: str | None = None

    def readable(self) -> bool:
        """Say that it can be read from."""
        return True

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._position

    def close(self) -> None:
        """Close the file, too."""
        self._handle.close()
        super().close()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as one piece goes; 0 is the end. Raises Damaged."""
        target = memoryview(buffer).cast("B")
        if not self._rest:
            self._rest = memoryview(self._next(len(target)))
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self._position += count
        if self._position > max(MAX_UNPACKED, MAX_RATIO * self._taken):
            self._damage = (
                f"it gives more than {in_words(MAX_UNPACKED)}, and is {in_words(self._taken)} itself"
            )
            self._rest = memoryview(b"")
        return count

    def _next(self, size: int) -> bytes:
        """Return the next piece, about so large at most, b"" at the end."""
        try:
            while self._damage is None:
                given = self._input()
                if self._decoder is None:
                    return b""
                piece = self._decoder.decompress(given or b"", size)
                if piece:
                    return piece
                if given == b"" and not self._decoder.eof:
                    raise EOFError("it ends too early")
        except (self._codec.error, EOFError) as error:
            self._damage = str(error)
        raise Damaged(f"{self._path} cannot be unpacked to its end: {self._damage}")

    def _read(self) -> bytes:
        given = self._handle.read(self._codec.chunk)
        self._taken += len(given)
        return given

    def _input(self) -> bytes | None:
        """Return what the decoder is given next, b"" at the file's end, None where it needs nothing.

        After a frame's end there is a new decoder, or none.
        """
        decoder = self._decoder
        if decoder is not None and not decoder.eof:
            return self._read() if decoder.needs_input else None
        self._decoder = None
        given = b"" if decoder is None else decoder.unused_data.lstrip(self._codec.padding)
        while not given:
            given = self._read()
            if not given:
                return b""
            given = given.lstrip(self._codec.padding)
        self._decoder = self._codec.decoder()
        return given


class _Gzip:
    """One member of a gzip file."""

    def __init__(self) -> None:
        self._object = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._object.eof

    @property
    def needs_input(self) -> bool:
        return not self._object.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._object.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._object.decompress(self._object.unconsumed_tail + data, max_length)


class _Zstandard:
    """One frame of a zstd file, by the package `zstandard`, which sets no limit to what it returns."""

    needs_input = True

    def __init__(self) -> None:
        self._object: Any = import_module("zstandard").ZstdDecompressor().decompressobj()

    @property
    def eof(self) -> bool:
        return bool(self._object.eof)

    @property
    def unused_data(self) -> bytes:
        return cast("bytes", self._object.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return cast("bytes", self._object.decompress(data))


def _known(codec: _Codec | None, path: Path) -> _Codec:
    if codec is None:
        raise Unreadable(
            f"{path} is compressed with zstd, which this Python cannot read: run `pip install 'sessiondb[zstd]'`"
        )
    return codec


@cache
def _zstd() -> _Codec | None:
    """Return what unpacks zstd here: Python's own from 3.14 on, or a package; None where there is neither."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            module = import_module(name)
        except ImportError:
            continue
        return _Codec(module.ZstdDecompressor, module.ZstdError)
    try:
        error = import_module("zstandard").ZstdError
    except ImportError:
        return None
    # 4 bytes may stand for 128 KiB: so it gives 32 MiB at once at most.
    return _Codec(_Zstandard, error, 1024)
