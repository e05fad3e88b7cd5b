"""What the library returns: one frozen dataclass for each thing the database holds.

Times are UTC ISO 8601 text of fixed width (`2026-03-01T09:15:23.123Z`), None where unknown. Token counts are
whole numbers in disjoint buckets, but that `reasoning` is a part of `output`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessiondb.records.exchange import ExportReport, MergeReport
    from sessiondb.records.hooks import HookEntry
    from sessiondb.records.imports import ExplainedFile, ImportReport, Skipped, Unfilled, WaitingLogs
    from sessiondb.records.maintenance import Backup, Finding, Optimized, Recovered, Restored
    from sessiondb.records.messages import Message, ToolCall
    from sessiondb.records.notes import Knowledge, Note, NoteChange
    from sessiondb.records.removal import OnlyCopies, Removal
    from sessiondb.records.resume import ResumeCommand
    from sessiondb.records.search import NewerHit, SearchHit, SearchResult
    from sessiondb.records.secrets import SecretsFound
    from sessiondb.records.sessions import Channel, Session, SessionFilter, Tokens
    from sessiondb.records.statistics import Group, Stats, Status
    from sessiondb.records.transcripts import Transcript
    from sessiondb.records.usage import Block, Usage, UsageReport

__all__ = [
    "Backup",
    "Block",
    "Channel",
    "ExplainedFile",
    "ExportReport",
    "Finding",
    "Group",
    "HookEntry",
    "ImportReport",
    "Knowledge",
    "MergeReport",
    "Message",
    "NewerHit",
    "Note",
    "NoteChange",
    "OnlyCopies",
    "Optimized",
    "Recovered",
    "Removal",
    "Restored",
    "ResumeCommand",
    "SearchHit",
    "SearchResult",
    "SecretsFound",
    "Session",
    "SessionFilter",
    "Skipped",
    "Stats",
    "Status",
    "Tokens",
    "ToolCall",
    "Transcript",
    "Unfilled",
    "Usage",
    "UsageReport",
    "WaitingLogs",
]

# Making such a class takes Python 0.7 ms, of the 60 in which `list` is done: each comes when it is asked for.
_HOMES = {
    "Backup": "maintenance",
    "Block": "usage",
    "Channel": "sessions",
    "ExplainedFile": "imports",
    "ExportReport": "exchange",
    "Finding": "maintenance",
    "Group": "statistics",
    "HookEntry": "hooks",
    "ImportReport": "imports",
    "Knowledge": "notes",
    "MergeReport": "exchange",
    "Message": "messages",
    "NewerHit": "search",
    "Note": "notes",
    "NoteChange": "notes",
    "OnlyCopies": "removal",
    "Optimized": "maintenance",
    "Recovered": "maintenance",
    "Restored": "maintenance",
    "Removal": "removal",
    "ResumeCommand": "resume",
    "SearchHit": "search",
    "SearchResult": "search",
    "SecretsFound": "secrets",
    "Session": "sessions",
    "SessionFilter": "sessions",
    "Skipped": "imports",
    "Stats": "statistics",
    "Status": "statistics",
    "Tokens": "sessions",
    "ToolCall": "messages",
    "Transcript": "transcripts",
    "Unfilled": "imports",
    "WaitingLogs": "imports",
    "Usage": "usage",
    "UsageReport": "usage",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
