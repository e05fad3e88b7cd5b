"""Leave out of the records of a file what the rules keep out of the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sessiondb.importers.base import SessionRecord
from sessiondb.ingest.rules import Rules
from sessiondb.records.export_rows import NoteRow, SessionRow

if TYPE_CHECKING:
    from sessiondb.importers.base import Record
    from sessiondb.records.export_rows import Row

_UNDECIDED = 1000
"""Records of a session that wait for its project to be named; one that has none by then is taken in."""

_OF_A_PROJECT = ""
"""Stands for the session of a note that has none."""


class Sieve:
    """Leaves of the records of one file what the rules let in.

    `ignored` are sessions of the file that stay out by what the database knows of them. Whether any stayed out is in
    `has_ignored`, when all records have been read.
    """

    def __init__(self, rules: Rules, ignored: Iterable[str] = ()) -> None:
        self._rules = rules
        self._ignored = set(ignored)
        self._taken: set[str] = set()
        self._held: dict[str, list[Record | Row]] = {}
        self.has_ignored = False

    def left(self, records: Iterable[Record | Row]) -> Iterator[Record | Row]:
        """Yield the records that are let in, in their order but for sessions whose project is named late."""
        kept = self._of_other_projects(records) if self._rules.projects else iter(records)
        clean = _cleaner(self._rules.redaction)
        if clean is None:
            return kept
        from sessiondb.chat.redaction.redact import with_clean_texts

        return (with_clean_texts(record, clean) for record in kept)

    def _of_other_projects(self, records: Iterable[Record | Row]) -> Iterator[Record | Row]:
        current: str | None = None
        for record in records:
            # The rows of an export follow their session's; what stands before the first is of none.
            current = self._session_of(record, current)
            if current in self._ignored:
                self.has_ignored = True
                continue
            waiting = self._held.get(current) if current else None
            if current is None or waiting is None:
                yield record
                continue
            waiting.append(record)
            if current in self._taken or len(waiting) > _UNDECIDED:
                yield from self._released(current)
        for session in list(self._held):
            yield from self._released(session)

    def _session_of(self, record: Record | Row, current: str | None) -> str | None:
        """Return the id of the session that a record is part of, None where it is of none."""
        if isinstance(record, (SessionRecord, SessionRow)):
            return self._decided(record)
        if isinstance(record, NoteRow):
            if record.session is None and self._rules.ignores_project(record.project, record.project_name):
                self._ignored.add(_OF_A_PROJECT)
                return _OF_A_PROJECT
            return record.session
        return record.session if isinstance(record, tuple) else current

    def _decided(self, record: SessionRecord | SessionRow) -> str:
        """Decide on a session by a record of its own, as far as that names a project, and return its id."""
        id = record.id
        if id in self._taken or id in self._ignored:
            return id
        named = record.project or record.project_name
        if self._rules.ignores_project(record.project, record.project_name) or (
            not named and record.parent_id in self._ignored
        ):
            self._ignored.add(id)
            self._held.pop(id, None)
        elif named:
            self._taken.add(id)
        elif isinstance(record, SessionRecord):
            self._held.setdefault(id, [])
        return id

    def _released(self, session: str) -> list[Record | Row]:
        self._taken.add(session)
        return self._held.pop(session, [])


def _cleaner(mode: str) -> Any:
    if mode == "off":
        return None
    from sessiondb.chat.redaction.redact import redact, without_secrets

    return redact if mode == "all" else without_secrets
