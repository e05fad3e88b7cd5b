"""Read JSON files of any size, one element at a time: only the element that is being decoded is in memory."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from math import isfinite
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from sessiondb.chat.text import clean_json
from sessiondb.importers.files.limits import (
    MAX_ELEMENT,
    MAX_ELEMENTS,
    MAX_SNIFFED,
    MAX_VALUES,
    has_too_many_values,
)
from sessiondb.importers.files.packed import plain_path
from sessiondb.importers.files.source import Source, open_bytes

WINDOW = 1 << 20
"""Characters read at a time, about."""

_SPACE = re.compile(r"[ \t\r\n\0]*")
_TOKEN = len("-Infinity")
# What the decoder lets through and SQLite does not: halves of surrogate pairs, and NULs.
_SUSPECT = ("\\ud", "\\uD", "\\u0000", "\0")


class _Window:
    """The part of a file that is being decoded; `at` is where the next token begins."""

    def __init__(self, handle: IO[bytes]) -> None:
        self.text = ""
        self.at = 0
        self._handle = handle
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._decoder = json.JSONDecoder(strict=False, parse_float=_finite, parse_constant=_finite)

    def next(self) -> str:
        """Return the first character of the next token, "" at the end of the file."""
        while True:
            match = _SPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._grow():
                return ""

    def take(self, character: str) -> bool:
        """Pass over the next token if it begins so; say whether it did."""
        is_next = self.next() == character
        self.at += is_next
        return is_next

    def value(self) -> Any:
        """Return the value that begins here, cleaned. Raises ValueError and RecursionError."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                # A cut string begins anywhere, any other cut token at the end.
                is_cut = error.msg.startswith("Unterminated string") or error.pos > len(self.text) - _TOKEN
                if not is_cut:
                    raise ValueError(error.msg) from error
                if len(self.text) - self.at >= MAX_ELEMENT:
                    raise ValueError(f"it is longer than {MAX_ELEMENT} characters, or broken") from error
                del error
                if not self._grow():
                    raise ValueError("the file ends in the middle of it, or it is broken") from None
                if has_too_many_values(self.text, self.at):
                    raise ValueError(f"it holds more than {MAX_VALUES:,} values") from None
            else:
                is_suspect = any(self.text.find(mark, self.at, end) >= 0 for mark in _SUSPECT)
                self.at = end
                try:
                    return clean_json(value) if is_suspect else value
                except RecursionError:
                    return None  # nested too deeply: what is asked for is no such value

    def _grow(self) -> bool:
        """Read on, as much again as is left undecoded; say whether there was anything."""
        raw = self._handle.read(max(WINDOW, len(self.text) - self.at))
        self.text, self.at = self.text[self.at :] + self._decode(raw, final=not raw), 0
        return bool(raw)


def _finite(text: str) -> float | None:
    value = float(text)
    return value if isfinite(value) else None


def elements(handle: IO[bytes], report: Callable[[str], None]) -> Iterator[Any]:
    """Yield the elements of a JSON array, or the one value that the file is instead, each cleaned.

    What cannot be read is reported, and ends the reading: in an array nothing tells where the next element
    begins.
    """
    window = _Window(handle)
    is_array = window.next() == "["
    window.at += is_array
    is_whole = False
    for value in _elements(window, report, is_array=is_array):
        is_whole = not is_array
        yield value
    if (is_whole or window.take("]")) and window.next():
        report("more follows the end of its JSON value, and is not read: put each on a line, as an object")


def _elements(window: _Window, report: Callable[[str], None], *, is_array: bool = True) -> Iterator[Any]:
    number = 0
    while window.next() not in ("", "]"):
        number += 1
        if number > MAX_ELEMENTS:
            report(f"it has more than {MAX_ELEMENTS:,} elements: the rest is not read")
            return
        try:
            value = window.value()
        except (ValueError, RecursionError) as error:
            report(f"element {number} is not valid JSON and the rest is not read: {error}")
            return
        yield value
        if not is_array:
            return
        if window.next() == ",":
            window.at += 1
        elif window.next() not in ("", "]"):
            report(f"no comma after element {number}: the rest is not read")
            return
    if is_array and window.next() == "":
        report(f"the file ends after element {number}, before the end of the array")


def members(handle: IO[bytes], name: str, report: Callable[[str], None]) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of a JSON object; where `name` is of an array, a pair for each of its elements.

    What cannot be read is reported, and ends the reading.
    """
    window = _Window(handle)
    if not window.take("{"):
        report("it is no JSON object")
        return
    while window.next() == '"':
        try:
            key = str(window.value())
            if not window.take(":"):
                report(f"no value for {key!r}: the rest is not read")
                return
            if key == name and window.take("["):
                for element in _elements(window, report):
                    yield key, element
                window.take("]")
            else:
                window.next()
                yield key, window.value()
        except (ValueError, RecursionError) as error:
            report(f"it is not valid JSON and the rest is not read: {error}")
            return
        window.take(",")


_MARK = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\],]', re.DOTALL)


def outline(text: str) -> Any:
    """Return the value at whose beginning a text was cut off, without what is not whole; None where it is no JSON."""
    opened: list[str] = []
    end, closing = 0, ""
    for mark in _MARK.finditer(text):
        if mark[0] in "{[":
            opened.append("}" if mark[0] == "{" else "]")
        elif mark[0] == ",":
            end, closing = mark.start(), "".join(reversed(opened))
        elif mark[0] == '"':
            break  # a string that does not end
        elif mark[0] in "}]" and opened:
            opened.pop()
    try:
        return clean_json(json.loads(text[:end] + closing, strict=False))
    except (ValueError, RecursionError):
        return None


def form(path: Path) -> Literal["array", "lines", "object"]:
    """Say how a JSON file is laid out: one array, objects one a line, or one object.

    One line alone is a file of lines unless its name ends in `.json`. Raises OSError.
    """
    with open_bytes(path) as handle:
        first = handle.read(1)
        while first.isspace():
            first = handle.read(1)
        if first == b"[":
            return "array"
        line = first + handle.readline(MAX_SNIFFED)
        if len(line) > MAX_SNIFFED:
            return "object" if plain_path(path).suffix == ".json" else "lines"
        text = line.decode("utf-8", "replace").strip()
        try:
            _, end = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            return "object"
        # Two programs that write at once leave several objects on a line.
        if text[end:]:
            return "lines" if text[end:].lstrip()[:1] == "{" else "object"
        return "object" if plain_path(path).suffix == ".json" and not handle.read(WINDOW).strip() else "lines"


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its keys. Raises RecursionError."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Ordinals:
    """Tell equal names in a file apart: the second `x` is `x#2`, the third `x#3`."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}  # by hash: a file may hold millions of names

    def __call__(self, name: str) -> str:
        """Return the name by which this one is known."""
        key = hash(name)
        ordinal = self._seen[key] = self._seen.get(key, 0) + 1
        return name if ordinal == 1 else f"{name}#{ordinal}"


def lines_before(source: Source) -> Iterator[Any]:
    """Yield the JSON lines before the start of a source, as an earlier import read them."""
    earlier = Source(source.path)
    for value in earlier.json_lines(msgspec.json.decode, lambda value: value):
        if earlier.end >= source.start:
            return
        yield value
