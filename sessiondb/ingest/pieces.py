"""Cut what is read of files into pieces, so that no transaction of an import is long, and count what these bring.

A writer that holds the lock of the database keeps every live append waiting, so an import holds it only while rows are
written: files are read before, into memory, and a file that is larger than one transaction is written in several.
Each piece after the first is taken as an import takes what was appended to a file since the last run. So a run that
stops between two pieces leaves what any earlier import leaves, and as the ledger does not have the file yet, the next
run reads it again and adds what is missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sessiondb.dao.lookups import count_by_agent, message_counts
from sessiondb.errors import Conflict, SessionDBError
from sessiondb.importers.base import SessionRecord
from sessiondb.records import ImportReport, Skipped
from sessiondb.records.export_rows import HeaderRow, SessionRow, weight
from sessiondb.records.imports import Unfilled
from sessiondb.storage.turns import Pace

if TYPE_CHECKING:
    from sessiondb.dao.ledger import Claims, Entry
    from sessiondb.dao.union.replacing import OldReading
    from sessiondb.dao.union.writer import Added
    from sessiondb.importers.base import Record
    from sessiondb.ingest.discovery import Found, Refused
    from sessiondb.ingest.read_ahead import ReceivedReading
    from sessiondb.ingest.reading import Reading
    from sessiondb.records.export_rows import Row
    from sessiondb.storage.connection import Connection


_FILE_BYTES = 8 * 1024
"""About what a file takes beside its records, from its reading to the end of the transaction that it is written in."""


ODD_RECORDS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What a record that is not as base.py says makes Python raise on its way into the database."""


@dataclass(slots=True)
class ImportFile:
    """A file on its way in, and what its pieces have brought so far.

    `old` is what a lower version of its importer took from it, None until its first piece is written. `earlier` are
    the records by which the sessions of earlier pieces are found again.
    `backlog` are records that wait for the end of the file: where another file's messages of a session are believed,
    the two are compared as a whole. `is_over`: nothing more of it is wanted.
    """

    found: Found
    entry: Entry | None
    reading: Reading | ReceivedReading
    old: OldReading | None = None
    earlier: dict[str, SessionRecord] = field(default_factory=dict)
    header: HeaderRow | None = None
    claims: Claims = field(default_factory=dict)
    new: set[str] = field(default_factory=set)
    updated: set[str] = field(default_factory=set)
    unchanged: set[str] = field(default_factory=set)
    messages: int = 0
    backlog: list[Record | Row] = field(default_factory=list)
    is_over: bool = False

    def take(self, brought: Brought) -> None:
        """Take note of what a piece has brought, once that is committed."""
        added = brought.added
        self.old, self.is_over = brought.old, brought.is_over
        self.backlog = [] if brought.backlog is None else [*self.backlog, *brought.backlog]
        self.earlier |= added.identities
        self.claims |= added.claims
        self.new.update(added.new)
        self.updated.update(added.updated)
        self.unchanged.update(added.unchanged)
        self.messages += added.messages


class Brought(NamedTuple):
    """What a piece of a file has brought; `backlog` are its records where they are to be taken with the next piece."""

    file: ImportFile
    old: OldReading
    added: Added
    backlog: list[Record | Row] | None = None
    is_over: bool = False


class Piece(NamedTuple):
    """Records of a file, in their order; `is_last`: its reading has ended with them."""

    file: ImportFile
    records: list[Record | Row]
    bytes: int
    is_last: bool


class Portion:
    """The pieces of one transaction, about so many bytes. Each is taken from a source when it is asked for, and kept:
    whoever asks again gets the same ones first.
    """

    def __init__(self, source: Iterator[Piece], max_bytes: int) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self.taken: list[Piece] = []
        self.bytes = 0
        # Whether the source has failed: it has no more pieces then, though there may be more to read.
        self.is_cut_off = False

    def take(self, min_bytes: int) -> bool:
        """Take pieces until there are so many bytes of them; say whether there are any."""
        while self.bytes < min_bytes and self._next() is not None:
            pass
        return bool(self.taken)

    def __iter__(self) -> Iterator[Piece]:
        yield from self.taken
        while self.bytes < self._max_bytes and (piece := self._next()) is not None:
            yield piece

    def _next(self) -> Piece | None:
        try:
            piece = next(self._source, None)
        except BaseException:
            self.is_cut_off = True
            raise
        if piece is not None:
            self.taken.append(piece)
            self.bytes += piece.bytes
        return piece


def cut(file: ImportFile, pace: Pace) -> Iterator[Piece]:
    """Read a file, and yield its records in pieces.

    An export is cut between its sessions: each is merged as a whole.
    """
    records: list[Record | Row] = []
    size = 0
    for record in file.reading:
        if isinstance(record, HeaderRow):
            file.header = record
        elif size >= pace.size and _may_cut(records[-1], record):
            yield Piece(file, records, size, is_last=False)
            records, size = [] if file.header is None else [file.header], 0
        records.append(record)
        size += weight(record)
    yield Piece(file, records, _FILE_BYTES + size, is_last=True)


def _may_cut(before: Record | Row, after: Record | Row) -> bool:
    """Say whether a piece may end between two records: a session's own comes with what dates the session."""
    if isinstance(after, tuple):
        return not isinstance(before, SessionRecord)
    return isinstance(after, SessionRow)


@dataclass
class Tally:
    """The counts of a run, or of a part of one. The sessions are those in the files looked at.

    `known` is what an earlier run has told of files that are as they were; `counts_before` the messages that sessions
    had before the run.
    """

    files: int = 0
    sessions_added: set[str] = field(default_factory=set)
    sessions_updated: set[str] = field(default_factory=set)
    sessions_unchanged: set[str] = field(default_factory=set)
    messages_added: int = 0
    known: list[Skipped] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    unfilled: list[Unfilled] = field(default_factory=list)
    counts_before: dict[str, int] = field(default_factory=dict)

    def take(self, part: Tally) -> None:
        """Add what a part of the run did."""
        self.sessions_added |= part.sessions_added
        self.sessions_updated |= part.sessions_updated
        self.sessions_updated -= self.sessions_added
        self.sessions_unchanged |= part.sessions_unchanged
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
        changed = self.sessions_added | self.sessions_updated
        counts = message_counts(connection, changed) if changed else ()
        return ImportReport(
            files=self.files,
            sessions_added=frozenset(self.sessions_added),
            sessions_updated=frozenset(self.sessions_updated),
            sessions_unchanged=len(self.sessions_unchanged - changed),
            messages_added=self.messages_added,
            talk_added=sum(count - self.counts_before.get(id, 0) for id, count in counts),
            added_by_agent=count_by_agent(connection, self.sessions_added),
            updated_by_agent=count_by_agent(connection, self.sessions_updated),
            skipped=[*self.known, *self.skipped],
            known=len(self.known),
            refused=self.refused,
            unread=self.unread,
            unfilled=self.unfilled,
            seconds=round(seconds, 3),
        )


def is_records_fault(error: Exception) -> bool:
    """Say whether an error is about a row of one file, so that others may still be written."""
    about_values = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError)
    return (
        not isinstance(error, SessionDBError)
        or isinstance(error, Conflict)
        or isinstance(error.__cause__, about_values)
    )
