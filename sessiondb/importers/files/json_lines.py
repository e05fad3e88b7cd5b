"""Read JSON lines as plain objects: for formats whose lines are read as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from sessiondb.chat.text import clean_json

if TYPE_CHECKING:
    from sessiondb.importers.files.source import Source


def json_objects(source: Source, *, once: bool = False) -> Iterator[dict[str, Any]]:
    """Yield each line's object, in the order of the file; other values become problems. `once`: as `json_lines`."""
    for value in source.json_lines(_decode, lambda value: value, once=once):
        if isinstance(value, dict):
            yield value
        else:
            source.problem("not a JSON object")


def object_of(value: Any) -> dict[str, Any]:
    """Return a decoded value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a decoded array, [] where it is none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _decode(raw: bytes) -> Any:
    value = msgspec.json.decode(raw)
    return clean_json(value) if b"\\u0000" in raw else value
