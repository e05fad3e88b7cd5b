"""What an export or a merge did."""

from __future__ import annotations

from dataclasses import dataclass, field

from sessiondb.records.record import Record


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ExportReport(Record):
    """What an export wrote: the number of sessions, and the bytes of the file or stream (unpacked there)."""

    sessions: int
    bytes: int


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MergeReport(Record):
    """What a merge did, or would do in a dry run: ids of sessions, and the messages and notes added.

    `removed` were removed by a tombstone of the other database; `kept_away` are theirs that were removed
    here.
    """

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    kept_away: list[str] = field(default_factory=list)
    messages: int = 0
    notes: int = 0
    seconds: float = 0.0
    dry_run: bool = False
