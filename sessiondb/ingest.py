"""An import run: discover, detect, read, write, and note in the ledger how far."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sessiondb import timestamps
from sessiondb.connection import Connection
from sessiondb.dao.import_writer import ImportWriter
from sessiondb.dao.ledger import Entry, Ledger, Stat
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.search_index import SearchIndex
from sessiondb.discovery import Found, Refused, discover
from sessiondb.errors import Conflict, ImportFailed
from sessiondb.importers import detect, importer, importers
from sessiondb.importers.detect import Sample
from sessiondb.importers.source import Problem, Source, is_packed

if TYPE_CHECKING:
    from sessiondb.importers.base import Importer

BATCH_BYTES = 64 * 1024 * 1024
"""Bytes of whole files that one transaction takes in, about: other writers wait for one at most."""

BULK_BYTES = 512 * 1024
"""From here on a batch goes past the triggers; below, they are cheaper."""

DIGEST_BYTES = 4096

# What a source of the wrong shape may make an importer raise: the file is reported, the run goes on.
_UNREADABLE = (
    ImportFailed,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    RecursionError,
)

Progress = Callable[[str, int, int], None]
"""Called with a phase ("read", "index"), what is done and what there is to do, in bytes and rows."""


class Skipped(NamedTuple):
    """A file or line that was not imported. `line` is None for a file as a whole."""

    path: str
    line: int | None
    reason: str


@dataclass
class ImportReport:
    """What an import run did. `files` were looked at; the session counts are of those in them; `tombstoned` were left out."""

    files: int = 0
    sessions_added: set[str] = field(default_factory=set)
    sessions_updated: set[str] = field(default_factory=set)
    sessions_unchanged: int = 0
    messages_added: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Ingest:
    """One import run into a database."""

    def __init__(
        self,
        connection: Connection,
        *,
        format: str | None = None,
        tz: tzinfo | None = None,
        restore: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self._db = connection
        self._importer = importer(format) if format else None
        self._tz = tz
        self._restore = restore
        self._progress = progress or (lambda phase, done, total: None)
        self._lookups = Lookups(connection)
        self._ledger = Ledger(connection)
        self._search = SearchIndex(connection)
        self._report = ImportReport()
        self._done = self._total = 0

    def run(self, sources: list[str]) -> ImportReport:
        """Import files and folders; what is unchanged since the last run is passed over by its stat.

        What cannot be read is in the report, and stops nothing. Raises the errors of the database.
        """
        started = time.monotonic()
        changed = self._changed(discover(sources))
        self._total = sum(found.stat.size for found in changed)
        if self._total >= BULK_BYTES:
            with self._db.bulk_load(), _without_gc():
                self._import(changed)
        else:
            self._import(changed)
        self._report.seconds = round(time.monotonic() - started, 3)
        return self._report

    def _import(self, changed: list[Found]) -> None:
        for batch in _batches(changed):
            self._import_batch(batch)
            if not gc.isenabled():
                gc.collect()
        if changed:
            with self._db.transaction():
                ImportWriter(self._db, self._lookups, bulk=False).adopt()
        total = self._search.pending("tool_calls_fts")
        done = 0
        for rows in self._search.catch_up():
            done += rows
            self._progress("index", min(done, total), total)

    def _changed(self, candidates: Iterator[Found | Refused]) -> list[Found]:
        """Return the files to read, the oldest first, so that a forked session comes after the one it copies."""
        known = self._ledger.stats()
        versions = {candidate.name: candidate.version for candidate in importers()}
        counts = self._ledger.session_counts()
        restored = self._ledger.paths_of_deleted() if self._restore else set()
        problems = self._ledger.problems_by_path()
        changed = []
        for found in candidates:
            self._report.files += 1
            if isinstance(found, Refused):
                self._skip(found.path, found.reason)
                if found.is_named:
                    self._report.refused.append(found.path)
                continue
            stat, format, version = known.get(found.path, (None, None, 0))
            current = self._importer.name if self._importer else format
            is_same = (
                stat == found.stat
                and current == format
                and version == versions.get(format or "", len(versions))
            )
            if is_same and found.path not in restored:
                self._report.sessions_unchanged += counts.get(found.path, 0)
                self._report.skipped += [
                    Skipped(found.path, line, reason) for line, _, reason in problems.get(found.path, ())
                ]
                if format is None and found.is_named:
                    self._report.refused.append(found.path)
            else:
                changed.append(found)
        return sorted(changed, key=lambda found: (found.stat.mtime_ns, found.path))

    def _import_batch(self, batch: list[Found]) -> None:
        is_bulk = sum(found.stat.size for found in batch) >= BULK_BYTES
        with self._db.transaction():
            writer = ImportWriter(self._db, self._lookups, bulk=is_bulk, restore=self._restore)
            if is_bulk:
                with self._search.bulk():
                    self._import_files(batch, writer)
            else:
                self._import_files(batch, writer)

    def _import_files(self, batch: list[Found], writer: ImportWriter) -> None:
        for found in batch:
            try:
                self._import_file(found, writer)
            except _UNREADABLE as error:
                self._refuse(found, _in_words(error))
            self._done += found.stat.size
            self._progress("read", self._done, self._total)

    def _import_file(self, found: Found, writer: ImportWriter) -> None:
        entry = self._ledger.get(found.path)
        source = self._source(found, entry)
        reader = self._reader(found, entry if source.start else None)
        if reader is None:
            reason = "is empty" if found.stat.size == 0 else "is no session log that sessiondb knows"
            self._refuse(found, reason)
            return
        writer.begin(found.path, timestamps.from_epoch(found.stat.mtime_ns / 1e9))
        failure = self._read(reader, source, writer)
        # Asked after reading: an importer that needs the whole file goes back to its beginning.
        if not source.start:
            self._ledger.forget_problems(found.path)
        added = writer.finish()
        self._report.sessions_added.update(added.new)
        self._report.sessions_updated.update(set(added.updated) - self._report.sessions_added)
        self._report.sessions_unchanged += len(added.unchanged)
        self._report.messages_added += added.messages
        problems = source.problems + ([Problem(None, None, failure)] if failure else [])
        self._report.skipped += [Skipped(found.path, problem.line, problem.reason) for problem in problems]
        if failure and found.is_named:
            self._report.refused.append(found.path)
        head, tail = _digests(found.path, source.end)
        offset = 0 if failure else source.end
        self._ledger.record(
            Entry(
                found.path,
                found.stat,
                reader.name,
                reader.version,
                offset,
                source.line,
                head,
                tail,
                source.state,
            ),
            added.sessions,
            problems,
        )

    def _read(self, reader: Importer, source: Source, writer: ImportWriter) -> str | None:
        """Read a source to its end; return why it could not be, None where it could. What was read stays."""
        try:
            for record in reader.read(source):
                writer.add(record)
        except _UNREADABLE as error:
            return _in_words(error)
        return None

    def _source(self, found: Found, entry: Entry | None) -> Source:
        """Return the file as a source: from where the last run ended, if it has only grown since."""
        path = Path(found.path)
        can_resume = (
            entry is not None
            and entry.format is not None
            and 0 < entry.byte_offset <= found.stat.size
            and found.stat.size > entry.stat.size
            and not entry.is_contested
            and not self._restore
            and entry.parser_version == importer(entry.format).version
            and (self._importer is None or self._importer.name == entry.format)
            and not is_packed(path)
            and _digests(found.path, entry.byte_offset) == (entry.head_digest, entry.tail_digest)
        )
        if can_resume and entry is not None:
            return Source(path, tz=self._tz, start=entry.byte_offset, line=entry.lines, state=entry.state)
        return Source(path, tz=self._tz)

    def _reader(self, found: Found, entry: Entry | None) -> Importer | None:
        if self._importer is not None:
            return self._importer
        if entry is not None and entry.format is not None:
            return importer(entry.format)
        sample = Sample(Path(found.path))
        return None if sample.is_empty else detect(sample)

    def _refuse(self, found: Found, reason: str) -> None:
        self._skip(found.path, reason)
        if found.is_named:
            self._report.refused.append(found.path)
        self._ledger.forget_problems(found.path)
        entry = Entry(found.path, found.stat, None, len({candidate.name for candidate in importers()}))
        self._ledger.record(entry, {}, [(None, None, reason)])

    def _skip(self, path: str, reason: str) -> None:
        self._report.skipped.append(Skipped(path, None, reason))


@contextlib.contextmanager
def _without_gc() -> Iterator[None]:
    """Run the block without automatic garbage collection: it would look through the same rows again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _batches(files: Iterable[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for found in files:
        batch.append(found)
        size += found.stat.size
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _digests(path: str, end: int) -> tuple[str | None, str | None]:
    """Return digests of the first and the last 4 KiB before an offset: equal ones mean that a longer file was appended to."""
    if not end:
        return None, None
    with open(path, "rb") as handle:
        head = handle.read(min(DIGEST_BYTES, end))
        handle.seek(max(0, end - DIGEST_BYTES), os.SEEK_SET)
        tail = handle.read(min(DIGEST_BYTES, end))
    return hashlib.sha256(head).hexdigest()[:32], hashlib.sha256(tail).hexdigest()[:32]


def _in_words(error: BaseException) -> str:
    if isinstance(error, ImportFailed):
        return str(error)
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    return f"does not have the expected shape ({type(error).__name__}: {error})"
