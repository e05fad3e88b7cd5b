"""What is read of a file at most, so that no file takes more than some 250 MB of memory or minutes of time.

Real logs stay far below; the messages name the limit that a file has met.
"""

from __future__ import annotations

MIB = 1024 * 1024

MAX_LINE = 64 * MIB
"""Bytes of the longest line that is read."""

MAX_DOCUMENT = 64 * MIB
"""Bytes of the largest file that is decoded as one JSON document."""

MAX_BESIDE = 16 * MIB
"""Bytes of the largest file that is read because it lies beside a log and tells of it."""

MAX_ELEMENT = 32 * MIB
"""Characters of the largest element that is read from a JSON array or object."""

MAX_ELEMENTS = 1_000_000
"""Elements that are read of a JSON array."""

MAX_VALUES = 2_000_000
"""Values in a piece of JSON that is decoded at once: each takes about 60 bytes, however short it is written."""

MAX_BLANK_LINES = 1_000_000
"""Blank lines that are passed over in a row."""

MAX_PROBLEMS = 1000
"""Problems that are listed of a file; of the rest the number is said."""

MAX_UNPACKED = 1024 * MIB
"""Bytes that a packed file may give, unless it has at least a fiftieth of that itself."""

MAX_RATIO = 50

MAX_SNIFFED = 16 * MIB
"""Bytes of a line or document that is decoded to tell its format; of a larger document the beginning is looked at."""

MAX_OUTLINE = MIB
"""Bytes at the beginning of a large JSON document by which its format is told."""

MAX_CELL = 64 * MIB
"""Bytes of the largest value that is read from a row of a SQLite database (from Python 3.11 on)."""

STEPS = 100_000_000
STEPS_PER_BYTE = 100
"""Steps of SQLite's virtual machine that reading a database may take: so many, and so many for each of its bytes.

A table that is read as a whole takes one or two for each byte.
"""

SMALL = 4 * MIB
"""Bytes of JSON whose values are not counted."""


def has_too_many_values(text: str | bytes, start: int = 0) -> bool:
    """Say whether JSON text holds more values than are decoded at once, by its punctuation."""
    if len(text) - start < SMALL:
        return False
    if isinstance(text, bytes):
        marks = sum(text.count(mark, start) for mark in (b",", b":", b"{", b"["))
    else:
        marks = sum(text.count(mark, start) for mark in (",", ":", "{", "["))
    return marks > MAX_VALUES


def in_words(count: int) -> str:
    """Return a number of bytes as messages name it: "64 MiB"."""
    return f"{count // MIB} MiB"
