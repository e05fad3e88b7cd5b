"""What tests ask of the records that an importer gives."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from pathlib import Path
from typing import Any

from sessiondb.importers.base import Importer, MessageRecord, Record
from sessiondb.importers.files.source import Source


def read_all(importer: Importer, path: Path, tz: tzinfo | None = None) -> list[Record]:
    """Return the records of a file, whatever could not be read of it."""
    return list(importer.read(Source(path, tz=tz)))


def read_soundly(importer: Importer, path: Path) -> list[Record]:
    """Return the records of a file of which all can be read."""
    source = Source(path)
    found = list(importer.read(source))
    assert source.problems == []
    return found


def of(kind: type, found: Iterable[Record]) -> list[Any]:
    """Return the records of a kind."""
    return [record for record in found if type(record) is kind]


def rows(found: Iterable[Record]) -> list[tuple[str, str | None, Any]]:
    """Return the messages as role, text and the kind of what was injected."""
    return [(one.role, one.content, (one.metadata or {}).get("kind")) for one in of(MessageRecord, found)]
