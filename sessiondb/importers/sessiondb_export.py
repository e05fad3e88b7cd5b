"""The JSON lines that `sessiondb export` writes (see sessiondb.records.export_rows for what stands in them)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sessiondb.errors import ImportFailed
from sessiondb.records.export_rows import (
    FORMAT,
    VERSION,
    HeaderRow,
    MessageRow,
    NoteRow,
    Row,
    SessionRow,
    TokensRow,
    decode,
)

if TYPE_CHECKING:
    from sessiondb.importers.files.sample import Sample
    from sessiondb.importers.files.source import Source

name = "sessiondb"
version = 1

_PARTS = (b'{"type":"message"', b'{"type":"tokens"', b'{"type":"note"')


def sniff(sample: Sample) -> int:
    """Say whether the first line is the header of an export."""
    return 2 if sample.lines and sample.lines[0].get("format") == FORMAT else 0


def read(source: Source) -> Iterator[Row]:
    """Yield the rows of an export, from its beginning, those that make sense.

    Raises ImportFailed for an export of a later version.
    """
    source.start = source.line = source.end = 0
    place = _Place()
    for raw in source.lines():
        try:
            row = decode(raw)
        except ValueError as error:
            source.problem(f"is no row of an export: {error}")
            # It may have been a session's: what comes next must not become the one before.
            place.leave(raw)
            continue
        if isinstance(row, HeaderRow) and row.version > VERSION:
            raise ImportFailed(
                f"{source.path} is an export of version {row.version}, and this sessiondb reads"
                f" up to {VERSION}: upgrade sessiondb"
            )
        problem = place.problem(row)
        if problem is None:
            yield row
        else:
            source.problem(problem)


class _Place:
    """Where in the export the rows are: a message belongs to the session before it."""

    def __init__(self) -> None:
        self._in_session = False
        self._seq: int | None = None

    def leave(self, line: bytes) -> None:
        """Take a line that is no row: after it the session is known only where it was one of its messages."""
        self._in_session = self._in_session and line.startswith(_PARTS)

    def problem(self, row: Row) -> str | None:
        """Say what is wrong with a row at this place, None where nothing is."""
        if isinstance(row, SessionRow):
            self._in_session, self._seq = True, None
        elif isinstance(row, NoteRow):
            if row.session is None and not (row.project or row.project_name):
                return "a note belongs to a session or a project"
        elif isinstance(row, MessageRow | TokensRow):
            if not self._in_session:
                return "belongs to no session: its session's own line is missing"
            if isinstance(row, MessageRow):
                if self._seq is not None and row.seq <= self._seq:
                    return f"message {row.seq} comes after message {self._seq}"
                self._seq = row.seq
        return None
