"""What was removed."""

from __future__ import annotations

from dataclasses import dataclass, field

from sessiondb.records.record import Record


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Removal(Record):
    """What was removed, or would be in a dry run: ids of sessions, their messages and bytes of text.

    `kept` counts the sessions that stay although they are old enough, by reason: open, pinned, undated
    (nothing dates them but their file); where only copies are kept, also only_copies (their log is gone) and
    unreachable (nobody can tell, for its folder cannot be read). `handed_over` are messages that other sessions go on
    from: they are not removed, but are those sessions' own now. `undated` of the sessions are dated by their file
    alone. `elsewhere` are files that still hold what was purged: logs, and backups made before a migration.
    `only_copies` of the sessions were imported from logs that are gone.
    """

    sessions: list[str]
    messages: int
    bytes: int
    dry_run: bool
    kept: dict[str, int] = field(default_factory=dict)
    handed_over: int = 0
    undated: int = 0
    elsewhere: list[str] = field(default_factory=list)
    only_copies: int = 0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class OnlyCopies(Record):
    """Ids of sessions: those whose logs are gone, and those of which nobody knows, for their logs cannot be reached."""

    gone: set[str] = field(default_factory=set)
    unreachable: set[str] = field(default_factory=set)
