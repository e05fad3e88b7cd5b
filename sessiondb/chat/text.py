"""Text as others can bear it: SQLite holds not every character, and nothing may drive a terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

ELLIPSIS = "…"


def clean_text(text: str) -> str:
    """Return the text without what SQLite cannot hold: lone surrogates and NULs become U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    unsafe = _unsafe()
    return unsafe.sub("\ufffd", text) if unsafe.search(text) else text


def clean_json(value: Any) -> Any:
    """Return a decoded JSON value with clean text throughout, and None for NaN and infinities."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [clean_json(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): clean_json(item) for key, item in value.items()}
    return value


def visible(text: str) -> str:
    """Return the text with control characters, and what hides text, shown as escapes (`\\x1b`); tabs and newlines stay.

    See sessiondb.chat.invisible for what stays because a script needs it.
    """
    if text.isascii() and text.isprintable():
        return text
    from sessiondb.chat import invisible

    return invisible.IN_TEXT.escaped(text.replace("\r\n", "\n"), _escape)


def visible_json(text: str) -> str:
    """Return JSON text with what `visible` shows, and JSON lets through, escaped: it is the same data."""
    if text.isascii() and "\x7f" not in text:
        return text
    from sessiondb.chat import invisible

    return invisible.IN_JSON.escaped(text, _json_escape)


def shown(text: str) -> str:
    """Return a name, such as a file's, on one line with nothing left out: line breaks and tabs as `\\n` too."""
    return visible(text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t"))


def one_line(text: str) -> str:
    """Return the text on one line, control characters shown."""
    return visible(" ".join(text.split()))


def shown_title(title: str | None) -> str:
    """Return what a session is called wherever it is shown: its title on one line, or that it has none."""
    return one_line(title or "") or "(no title)"


def folder_name(path: str) -> str:
    """Return the last part of a POSIX or Windows path, by which people call a project."""
    from pathlib import PurePosixPath, PureWindowsPath

    pure = PureWindowsPath(path) if "\\" in path else PurePosixPath(path)
    return pure.name or path


def width(text: str) -> int:
    """Return how many columns of a terminal the text takes: a wide character two, a combining mark none."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(_character_width(character, unicodedata.category(character)) for character in text)


def cut(text: str, columns: int) -> str:
    """Return the text as it is where it fits, else its beginning and an ellipsis."""
    if width(text) <= columns:
        return text
    kept, taken = "", 0
    for character in text:
        taken += width(character)
        if taken > columns - 1:
            break
        kept += character
    return kept.rstrip() + ELLIPSIS


def folded(line: str, room: int) -> Iterator[str]:
    """Yield a line in pieces of at most `room` columns, wherever that is."""
    if line.isascii():
        yield from (line[start : start + room] for start in range(0, max(len(line), 1), room))
        return
    start = taken = 0
    for number, character in enumerate(line):
        columns = width(character)
        if taken + columns > room and number > start:
            yield line[start:number]
            start, taken = number, 0
        taken += columns
    yield line[start:]


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Return the text filled up with spaces to a width, on its left side with `right`."""
    space = " " * (columns - width(text))
    return space + text if right else text + space


def duration(seconds: float) -> str:
    """Return seconds as `40 ms`, `0.4 s`, `12 s`, `3 min`, `2.5 h`, `40 h`."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            count = seconds / size
            return f"{count:,.0f} {unit}" if unit == "min" or count >= 10 else f"{count:.1f} {unit}"
    if 0 < seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def short_number(number: int) -> str:
    """Return a number in at most five characters: 999, 12.3k, 4.5M."""
    value = float(number)
    for unit in ("", "k", "M", "G"):
        if value < 999.5 or unit == "G":
            break
        value /= 1000
    if not unit:
        return str(number)
    return f"{value:.1f}{unit}" if value < 99.95 else f"{value:.0f}{unit}"


def short_bytes(count: int) -> str:
    """Return a size with its unit: 512 B, 1.5 kB, 2.0 GB."""
    return f"{count} B" if count < 1000 else f"{short_number(count)[:-1]} {short_number(count)[-1]}B"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: "1 session", "3 sessions"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


@cache
def _unsafe() -> re.Pattern[str]:
    """Return the pattern of what SQLite cannot hold; the first text beyond ASCII compiles it."""
    return re.compile("[\ud800-\udfff\0]")


def _character_width(character: str, category: str) -> int:
    import unicodedata

    if category in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    import json

    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]
