"""What the library returns: one frozen dataclass for each thing the database holds.

Times are UTC ISO 8601 text of fixed width (`2026-03-01T09:15:23.123Z`), None where unknown. Token counts are
whole numbers in disjoint buckets, but that `reasoning` is a part of `output`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessiondb.records.messages import Message, TokenCount, ToolCall
    from sessiondb.records.notes import Knowledge, Note
    from sessiondb.records.removal import Removal
    from sessiondb.records.search import SearchHit, SearchResult
    from sessiondb.records.sessions import Channel, Session, Tokens

__all__ = [
    "Channel",
    "Knowledge",
    "Message",
    "Note",
    "Removal",
    "SearchHit",
    "SearchResult",
    "Session",
    "TokenCount",
    "Tokens",
    "ToolCall",
]

# Making such a class takes Python 0.7 ms, of the 60 in which `list` is done: each comes when it is asked for.
_HOMES = {
    "Channel": "sessions",
    "Knowledge": "notes",
    "Message": "messages",
    "Note": "notes",
    "Removal": "removal",
    "SearchHit": "search",
    "SearchResult": "search",
    "Session": "sessions",
    "TokenCount": "messages",
    "Tokens": "sessions",
    "ToolCall": "messages",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
