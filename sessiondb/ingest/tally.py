"""What an import run has done so far; in the end it becomes an ImportReport."""

from __future__ import annotations

from dataclasses import dataclass, field

from sessiondb.dao.lookups import count_by_agent
from sessiondb.ingest.discovery import Found, Refused
from sessiondb.records import ImportReport, Skipped
from sessiondb.storage.connection import Connection


@dataclass
class Tally:
    """The counts of a run, or of a part of one. The session counts are of those in the files looked at."""

    files: int = 0
    sessions_added: set[str] = field(default_factory=set)
    sessions_updated: set[str] = field(default_factory=set)
    sessions_unchanged: int = 0
    messages_added: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def take(self, part: Tally) -> None:
        """Add what a part of the run did."""
        self.sessions_added |= part.sessions_added
        self.sessions_updated |= part.sessions_updated
        self.sessions_updated -= self.sessions_added
        self.sessions_unchanged += part.sessions_unchanged
        self.messages_added += part.messages_added
        self.skipped += part.skipped
        self.refused += part.refused
        self.unread += part.unread

    def skip(self, found: Found | Refused, reason: str) -> None:
        """Note that a file was not imported, or not wholly."""
        self.skipped.append(Skipped(found.name, None, reason))
        if found.is_named:
            self.refused.append(found.path)

    def report(self, connection: Connection, seconds: float) -> ImportReport:
        """Return the report of a run that took so many seconds."""
        return ImportReport(
            files=self.files,
            sessions_added=frozenset(self.sessions_added),
            sessions_updated=frozenset(self.sessions_updated),
            sessions_unchanged=self.sessions_unchanged,
            messages_added=self.messages_added,
            added_by_agent=count_by_agent(connection, self.sessions_added),
            updated_by_agent=count_by_agent(connection, self.sessions_updated),
            skipped=self.skipped,
            refused=self.refused,
            unread=self.unread,
            seconds=round(seconds, 3),
        )
