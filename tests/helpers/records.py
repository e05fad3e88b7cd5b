"""What tests ask of the records that an importer gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sessiondb.importers.base import MessageRecord, Record


def of(kind: type, found: Iterable[Record]) -> list[Any]:
    """Return the records of a kind."""
    return [record for record in found if type(record) is kind]


def rows(found: Iterable[Record]) -> list[tuple[str, str | None, Any]]:
    """Return the messages as role, text and the kind of what was injected."""
    return [(one.role, one.content, (one.metadata or {}).get("kind")) for one in of(MessageRecord, found)]
