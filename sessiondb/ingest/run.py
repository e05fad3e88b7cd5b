"""An import run: discover, read, write, and note in the ledger how far."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterable, Iterator, Sized
from datetime import tzinfo

from sessiondb.dao.forks.parents import link_parents
from sessiondb.dao.ledger import Entry, Ledger, Stat, Trouble
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.search.indexes import TOOLS, SearchIndex
from sessiondb.dao.union.misread import OldReading
from sessiondb.dao.union.sessions import Batch
from sessiondb.dao.union.writer import ODD_RECORDS, ImportWriter, is_records_fault
from sessiondb.errors import DatabaseBusy, DatabaseDamaged, SessionDBError
from sessiondb.importers import importer, importers
from sessiondb.importers.foreign import REFUSED
from sessiondb.ingest.discovery import Found, Refused, discover
from sessiondb.ingest.read_ahead import ReadAhead, ReaderLost, is_worthwhile
from sessiondb.ingest.reading import Reading, Request, begins_as_read, in_words
from sessiondb.ingest.tally import Tally
from sessiondb.records import ImportReport, Skipped
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage.connection import Connection

BATCH_BYTES = 64 * 1024 * 1024
"""Bytes of whole files that one transaction takes in, about: other writers wait for one at most."""

_TRY_AGAIN = -1
"""In place of a version, or of the number of known formats: the next run reads the file whatever that is."""

BULK_BYTES = 512 * 1024
"""From here on a batch goes past the triggers; below, they are cheaper."""


class Ingest:
    """One import run into a database.

    `read_ahead`: files are read by a second process where they are many megabytes.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        format: str | None = None,
        tz: tzinfo | None = None,
        restore: bool = False,
        progress: Progress | None = None,
        read_ahead: bool = False,
    ) -> None:
        self._db = connection
        self._format = importer(format).name if format else None
        self._tz = tz
        self._restore = restore
        self._progress = progress or no_progress
        self._lookups = Lookups(connection)
        self._ledger = Ledger(connection)
        self._search = SearchIndex(connection)
        self._tally = Tally()
        self._versions = {candidate.name: candidate.version for candidate in importers()}
        # How many formats are known, be it to refuse them: with more, a file that was none is looked at again.
        self._known = len(self._versions) + REFUSED
        self._done = self._total = 0
        self._is_ahead = read_ahead
        self._ahead: ReadAhead | None = None

    def run(self, sources: list[str]) -> ImportReport:
        """Import files and folders; what is unchanged since the last run is passed over by its stat.

        What cannot be read is in the report, and stops nothing. Raises the errors of the database.
        """
        started = time.monotonic()
        changed = self._changed(discover(sources))
        self._total = sum(found.stat.size for found in changed)
        with contextlib.ExitStack() as stack:
            if self._total >= BULK_BYTES:
                stack.enter_context(self._at_full_speed())
            if self._is_ahead:
                self._ahead = self._read_ahead(changed, stack)
            for batch in _batches(changed):
                self._import_batch(batch)
                if not gc.isenabled():
                    gc.collect(0)
            if changed:
                with self._db.transaction():
                    link_parents(self._db)
            self._index()
        return self._tally.report(self._db, time.monotonic() - started)

    def _changed(self, candidates: Iterator[Found | Refused]) -> list[Found]:
        """Return the files to read, the oldest first, so that a forked session comes after the one it copies."""
        ledger = self._ledger
        known, counts = ledger.stats(), ledger.session_counts()
        restored = ledger.paths_of_deleted() if self._restore else set()
        troubles = ledger.problems_by_path()
        changed = []
        for found in candidates:
            self._tally.files += 1
            if isinstance(found, Refused):
                self._tally.skip(found, found.reason)
                continue
            path = found.name
            if path in restored or path not in known or not self._is_done(found, *known[path]):
                changed.append(found)
                continue
            self._tally.sessions_unchanged += counts.get(path, 0)
            self._tally.skipped += [Skipped(path, line, reason) for line, _, reason in troubles.get(path, ())]
            if known[path][1] is None and found.is_named:
                self._tally.refused.append(found.path)
        return sorted(changed, key=lambda found: (found.stat.mtime_ns, found.path))

    def _is_done(self, found: Found, stat: Stat, format: str | None, version: int) -> bool:
        """Say whether a file is as it was when it was read last, by the same importer."""
        # A file that was none of the known formats then may be one of theirs now.
        current = self._known if format is None else self._versions.get(format)
        return stat == found.stat and version == current and self._format in (None, format)

    def _read_ahead(self, changed: list[Found], stack: contextlib.ExitStack) -> ReadAhead | None:
        """Let the files that are read from their beginning be read by a process of its own, where that pays."""
        known = self._ledger.stats()
        new = [found for found in changed if found.name not in known]
        if not is_worthwhile(new):
            return None
        try:
            return stack.enter_context(ReadAhead([self._request(found, None) for found in new]))
        except OSError:  # the system lets no process start
            return None

    def _import_batch(self, files: list[Found]) -> None:
        """Import some files in one transaction, or, if that fails, each in its own."""
        try:
            part = self._write(files)
        except DatabaseBusy:
            raise
        except ReaderLost:
            # It was lost with the first of these files, and is not asked again: now they are read here.
            self._import_batch(files)
            return
        except (SessionDBError, *ODD_RECORDS) as error:
            if len(files) > 1:
                for found in files:
                    self._import_batch([found])
                return
            part = self._write_despite(files[0], error)
        self._tally.take(part)
        self._done += sum(found.stat.size for found in files)

    def _write_despite(self, found: Found, error: Exception) -> Tally:
        """Import a file past the search index that is to blame for an error, or refuse a file that is itself."""
        damaged = self._search.damaged() if isinstance(error, SessionDBError) else []
        for name in damaged:
            self._search.rebuild(name)
        if damaged:
            return self._write([found])
        if not is_records_fault(error):
            raise error
        part = Tally()
        with self._unit():
            self._refuse(found, in_words(error), part)
            self._ledger.flush()
        return part

    def _write(self, files: list[Found]) -> Tally:
        part = Tally()
        done = self._done
        is_bulk = sum(found.stat.size for found in files) >= BULK_BYTES
        # What an earlier try has left in it was undone with the rest.
        self._ledger = Ledger(self._db)
        with self._unit(), self._search.bulk() if is_bulk else contextlib.nullcontext():
            batch = Batch(self._db, self._lookups, self._ledger, bulk=is_bulk, restore=self._restore)
            writer = ImportWriter(batch)
            entries = self._ledger.entries(found.name for found in files)
            for found in files:
                self._write_file(found, entries.get(found.name), writer, part)
                done += found.stat.size
                self._progress("read", done, self._total)
            writer.flush()
        return part

    def _write_file(self, found: Found, entry: Entry | None, writer: ImportWriter, part: Tally) -> None:
        if entry is not None and not self._restore and self._is_done(found, *entry[1:4]):
            # Another run has come first since this one asked what there is to do.
            part.sessions_unchanged += len(self._ledger.claims(found.name))
            return
        old = self._old_reading(found.path, entry)
        writer.begin(found.name, found.stat.mtime_ns, old)
        request = self._request(found, entry)
        reading = self._ahead.reading(request) if self._ahead else Reading(request)
        for record in reading:
            writer.add(record)
        outcome = reading.outcome
        if not outcome.is_final:
            part.unread.append(found.path)
        if outcome.format is None:
            withdrawn = writer.withdraw(outcome.owner) if outcome.owner else []
            self._refuse(found, outcome.failure or "", part, is_final=outcome.is_final, withdrawn=withdrawn)
            return
        added = writer.finish()
        part.sessions_added.update(added.new)
        part.sessions_updated.update(added.updated)
        part.sessions_unchanged += len(added.unchanged)
        part.messages_added += added.messages
        part.skipped += [Skipped(found.name, problem.line, problem.reason) for problem in outcome.problems]
        troubles: list[Trouble] = [*outcome.problems]
        if outcome.failure:
            part.skip(found, outcome.failure)
            troubles.append((None, None, outcome.failure))
        entry = Entry(found.name, found.stat, *outcome[:7])
        if not outcome.is_final:
            entry = entry._replace(parser_version=_TRY_AGAIN)
        self._ledger.record(entry, added.claims, troubles, renews=outcome.is_whole)

    def _old_reading(self, path: str, entry: Entry | None) -> OldReading:
        """Return what a lower version of the same importer took from a file that is read again for that."""
        if entry is None or entry.format is None:
            return OldReading()
        if not 0 <= entry.parser_version < self._versions.get(entry.format, 0):
            return OldReading()
        is_wrong = entry.parser_version < getattr(importer(entry.format), "wrong_before", 0)
        try:
            # Lines that the file has lost are nowhere else.
            is_wrong = is_wrong and begins_as_read(path, entry)
        except OSError:
            is_wrong = False
        return OldReading(frozenset(self._ledger.claims(entry.path)), is_wrong)

    def _request(self, found: Found, entry: Entry | None) -> Request:
        return Request(found.path, found.stat.size, entry, self._format, self._tz, self._restore)

    def _refuse(
        self, found: Found, reason: str, part: Tally, *, is_final: bool = True, withdrawn: Sized = ()
    ) -> None:
        """Note that a file is not read; `withdrawn` are the sessions that an earlier version took from it."""
        number = len(withdrawn)
        sessions = "1 session" if number == 1 else f"{number} sessions"
        taken = f"; what an earlier version took from it ({sessions}) is removed" if number else ""
        part.skip(found, reason + taken)
        entry = Entry(found.name, found.stat, None, self._known if is_final else _TRY_AGAIN)
        self._ledger.record(entry, {}, [(None, None, reason)], renews=True)

    @contextlib.contextmanager
    def _unit(self) -> Iterator[None]:
        """Run the block as one transaction, undone when it raises also inside another one (a dry_run's)."""
        with self._db.transaction():
            yield

    def _index(self) -> None:
        """Make searchable what is not yet. The import itself is done, however that ends."""
        total, done = self._search.pending(TOOLS), 0
        try:
            for rows in self._search.catch_up():
                done += rows
                self._progress("index", min(done, total), total)
        except DatabaseDamaged as error:
            with self._db.transaction():
                self._search.mark_stale(TOOLS)
            _warn([TOOLS], error)

    @contextlib.contextmanager
    def _at_full_speed(self) -> Iterator[None]:
        """Run the block as a load of many rows: see Connection.bulk_load.

        Without automatic garbage collection: it would look through the same rows again and again.
        """
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            # In a transaction of the caller's nothing can be set.
            with contextlib.nullcontext() if self._db.in_transaction else self._db.bulk_load():
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


def _warn(names: list[str], error: Exception) -> None:
    import logging

    logging.getLogger("sessiondb").warning(
        "the search index (%s) is damaged and passed over until it is rebuilt: %s", ", ".join(names), error
    )
