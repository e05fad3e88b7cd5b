"""Read JSON lines as plain objects: for formats whose lines are read as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from sessiondb.chat.text import clean_json

if TYPE_CHECKING:
    from sessiondb.importers.base import Record
    from sessiondb.importers.files.source import Source


class LineReader(Protocol):
    """Turns the lines of one file into records, and knows at the end of it what waits."""

    def take(self, line: dict[str, Any]) -> Iterator[Record]:
        """Yield the records of a line."""

    def finish(self) -> Iterator[Record]:
        """Yield what waits for more, once there is no more."""


def json_objects(source: Source, *, once: bool = False) -> Iterator[dict[str, Any]]:
    """Yield each line's object, in the order of the file; other values become problems. `once`: as `json_lines`."""
    for value in source.json_lines(_decode, lambda value: value, once=once):
        if isinstance(value, dict):
            yield value
        else:
            source.problem("not a JSON object")


def records_of(source: Source, reader: LineReader) -> Iterator[Record]:
    """Yield what a reader makes of each line, once where the file has it twice; a line that is nested too deeply
    becomes a problem, and gives none.
    """
    for line in json_objects(source, once=True):
        try:
            yield from list(reader.take(line))
        except RecursionError:
            source.problem("nested too deeply")
    yield from reader.finish()


def object_of(value: Any) -> dict[str, Any]:
    """Return a decoded value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a decoded array, [] where it is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _decode(raw: bytes) -> Any:
    value = msgspec.json.decode(raw)
    return clean_json(value) if b"\\u0000" in raw else value
