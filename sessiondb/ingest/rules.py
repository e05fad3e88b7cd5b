"""What a user wants kept out of the database: folders and projects, and secrets in texts."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from sessiondb.errors import InvalidInput
from sessiondb.importers.base import SessionRecord
from sessiondb.records.export_rows import NoteRow, SessionRow
from sessiondb.settings import get
from sessiondb.settings.table import IGNORED_FOLDERS, IGNORED_PROJECTS, REDACTION

if TYPE_CHECKING:
    from sessiondb.importers.base import Record
    from sessiondb.records.export_rows import Row

_UNDECIDED = 1000
"""Records of a session that wait for its project to be named; one that has none by then is taken in."""

_CODES = 1 << 30

_OF_A_PROJECT = ""
"""Stands for the session of a note that has none."""


class Rules(NamedTuple):
    """What an import leaves out. `redaction` is off, secrets or all, see `REDACTION` in the settings."""

    folders: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    redaction: str = "off"

    @property
    def is_any(self) -> bool:
        """Say whether records are looked at at all."""
        return bool(self.projects) or self.redaction != "off"

    def ignores_project(self, project: str | None, name: str | None = None) -> bool:
        """Say whether sessions of a project, by its folder or its name, stay out."""
        return any(_is_within(project, name, rule) for rule in self.projects)

    def ignored_places(self) -> set[tuple[int, int]]:
        """Return by device and inode the folders that are not looked into, whatever name leads there."""
        return {(found.st_dev, found.st_ino) for found in map(_stat, self.folders) if found}

    def keeps_out(self, path: str) -> bool:
        """Say whether a file or folder lies in a folder that is not looked into."""
        places = self.ignored_places()
        while places:
            found = _stat(path)
            if found and (found.st_dev, found.st_ino) in places:
                return True
            above = os.path.dirname(path)
            if above == path:
                break
            path = above
        return False

    def code(self, versions: object) -> int:
        """Return what stands for an importer's version with a file of which sessions were left out: below -1000.

        It is another one under other rules or other `versions`, so that the file is read again then.
        """
        digest = hashlib.sha256(repr((sorted(self.projects), versions)).encode()).digest()
        return -1001 - int.from_bytes(digest[:8], "big") % _CODES


def users_rules(redact: str | None = None) -> Rules:
    """Return the rules of the settings; `redact` goes over theirs. Raises InvalidInput where these cannot be used."""
    redaction = get(REDACTION) if redact is None else redact
    if redaction not in REDACTION.choices:
        raise InvalidInput(f"redact must be {REDACTION.expects}, not {redaction!r}")
    folders = (os.path.abspath(os.path.expanduser(folder)) for folder in get(IGNORED_FOLDERS))
    projects = (
        os.path.abspath(os.path.expanduser(project)) if project.startswith("~") else project
        for project in get(IGNORED_PROJECTS)
    )
    return Rules(tuple(folders), tuple(projects), redaction)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _is_within(project: str | None, name: str | None, rule: str) -> bool:
    """Say whether a project is the one of a rule or in it: a folder by its path, or any that is called so."""
    parts, ruled = _parts(project or name or ""), _parts(rule)
    is_whole = rule.startswith(("/", "\\")) or ruled[0].endswith(":")
    starts = range(1 if is_whole else len(parts))
    return any(parts[start : start + len(ruled)] == ruled for start in starts)


def _parts(path: str) -> list[str]:
    return [part for part in _folded(path).replace("\\", "/").split("/") if part]


def _folded(name: str) -> str:
    return name.casefold() if sys.platform in ("win32", "darwin") else name


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
        from sessiondb.redaction.redact import with_clean_texts

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
    from sessiondb.redaction.redact import redact, without_secrets

    return redact if mode == "all" else without_secrets
