"""An import run: discover, read, write, and note in the ledger how far."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Iterator, Sized
from datetime import tzinfo
from pathlib import Path

from sessiondb.dao.forks.parents import link_parents
from sessiondb.dao.ledger import READ_AND_LOST, Entry, Ledger, Trouble
from sessiondb.dao.lookups import Lookups, message_counts
from sessiondb.dao.lost_logs import LostLogs
from sessiondb.dao.note_changes import link_notes
from sessiondb.dao.search.indexes import TALK, TOOLS, SearchIndex
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.dao.union.replacing import NOTHING_OLD, OldReading
from sessiondb.dao.union.union import Union
from sessiondb.dao.union.writer import NOTHING_ADDED, ImportWriter
from sessiondb.errors import DatabaseBusy, DatabaseDamaged, SessionDBError
from sessiondb.importers import importer, importers
from sessiondb.importers.detect import REFUSED
from sessiondb.ingest.discovery import Found, Refused, discover
from sessiondb.ingest.pieces import (
    ODD_RECORDS,
    Brought,
    ImportFile,
    Piece,
    Portion,
    Tally,
    cut,
    is_records_fault,
)
from sessiondb.ingest.read_ahead import ReadAhead, ReaderLost, is_worthwhile
from sessiondb.ingest.reading import Reading, Request, begins_as_read, in_words
from sessiondb.ingest.rules import Rules
from sessiondb.records import ImportReport, Skipped
from sessiondb.records.progress import Progress
from sessiondb.storage import reserve
from sessiondb.storage.connection import Connection

_ENTRIES = 500
"""Files that the ledger is asked about at a time."""

_TRY_AGAIN = -1
"""In place of a version, or of the number of known formats: the next run reads the file whatever that is."""

_OF_A_FORMAT = 100

_OF_FOUND = 100
"""Files after which an import says how many it has found."""

BULK_BYTES = 512 * 1024
"""From here on a batch goes past the triggers; below, they are cheaper."""

MERGED_BYTES, MERGED_PART = 64 * 1024 * 1024, 0.25
"""From so many bytes of logs, and such a part of the database, on the index of talk is merged at the end of a run."""


class Ingest:
    """One import run into a database.

    `read_ahead`: files are read by a second process where they are many megabytes. `rules` say what stays out.
    """

    def __init__(  # noqa: PLR0913
        self,
        connection: Connection,
        *,
        format: str | None = None,
        tz: tzinfo | None = None,
        restore: bool = False,
        progress: Progress | None = None,
        read_ahead: bool = False,
        rules: Rules | None = None,
    ) -> None:
        self._db = connection
        self._format = importer(format).name if format else None
        self._tz = tz
        self._restore = restore
        self._rules = rules
        self._progress = progress
        self._lookups = Lookups(connection)
        self._ledger = Ledger(connection)
        self._search = SearchIndex(connection)
        self._tally = Tally()
        self._versions = {candidate.name: candidate.version for candidate in importers()}
        # How many formats are known, be it to refuse them: with more, a file that was none is looked at again. One
        # that is read counts for more than one that is refused, which it may have been before.
        self._known = _OF_A_FORMAT * len(self._versions) + REFUSED
        self._left_out = rules.code((self._versions, self._known)) if rules else None
        self._done = self._total = 0
        self._is_ahead = read_ahead
        self._ahead: ReadAhead | None = None
        self._pace = connection.pace()
        self._gone: list[str] = []
        self._has_notes = False

    def run(self, sources: list[str]) -> ImportReport:
        """Import files and folders; what is unchanged since the last run is passed over by its stat.

        What cannot be read is in the report, and stops nothing. Raises the errors of the database.
        """
        started = time.monotonic()
        changed = self._changed(discover(sources, self._rules, Path(self._db.path)))
        self._total = sum(found.stat.size for found in changed)
        if changed:
            self._tally.counts_before = dict(message_counts(self._db))
        with contextlib.ExitStack() as stack:
            if self._total >= BULK_BYTES:
                stack.enter_context(self._at_full_speed())
            if self._is_ahead:
                self._ahead = self._read_ahead(changed, stack)
            # find (ledger, stat) -> read (no transaction) -> cut into pieces -> write (one transaction a few
            # pieces) -> link parents -> index what is pending. Whatever is cut off goes on at the next run: the
            # ledger is written in the transactions of the rows.
            has_changed = bool(changed)
            for portion in self._portions(changed):
                self._import(portion)
                # Records are freed by their reference counts; only what an importer leaves in circles is
                # collected, between transactions.
                if not gc.isenabled():
                    gc.collect(0)
            if has_changed:
                with self._db.transaction():
                    link_parents(self._db)
                    if self._has_notes:
                        link_notes(self._db)
            self._index()
        if self._total >= BULK_BYTES:
            # A few lines more make no small database a large one: the disk is asked after a load.
            reserve.keep(self._db.path)
        if self._gone:
            self._tally.unfilled = LostLogs(self._db).unfilled(self._gone, self._versions)
        return self._tally.report(self._db, time.monotonic() - started)

    def _changed(self, candidates: Iterator[Found | Refused]) -> list[Found]:
        """Return the files to read, the oldest first, so that a forked session comes after the one it copies."""
        ledger = self._ledger
        known = ledger.stats()
        restored = ledger.paths_of_deleted() if self._restore else set()
        troubles = ledger.problems_by_path()
        changed = []
        unchanged = set()
        for found in candidates:
            self._tally.files += 1
            if self._progress and self._tally.files % _OF_FOUND == 0:
                self._progress("find", self._tally.files, self._tally.files)
            if isinstance(found, Refused):
                self._tally.skip(found, found.reason)
                continue
            path = found.name
            entry = known.get(path)
            if entry is None or path in restored or not self._is_done(found, *entry):
                changed.append(found)
                continue
            unchanged.add(path)
            # Who names a file that cannot be read is told why, again.
            is_asked = found.is_named and entry[1] is None
            if path in troubles:
                told = self._tally.skipped if is_asked else self._tally.known
                told += [Skipped(path, line, reason) for line, _, reason in troubles[path]]
            if is_asked:
                self._tally.refused.append(found.path)
        if unchanged:
            self._tally.sessions_unchanged |= ledger.sessions_given(known.keys() - unchanged)
        self._gone = [
            path
            for path, (_, format, version) in known.items()
            if format and 0 <= version < self._versions.get(format, 0) and not os.path.lexists(path)
        ]
        return sorted(changed, key=lambda found: (found.stat.mtime_ns, found.path))

    def _is_done(self, found: Found, stat: tuple[int, ...], format: str | None, version: int) -> bool:
        """Say whether a file is as it was when it was read last, by the same importer."""
        # A file that was none of the known formats then may be one of theirs now.
        current = self._known if format is None else self._versions.get(format)
        return stat == found.stat and version in (current, self._left_out) and self._format in (None, format)

    def _read_ahead(self, changed: list[Found], stack: contextlib.ExitStack) -> ReadAhead | None:
        """Let the files that are read from their beginning be read by a process of its own, where that pays."""
        known = self._ledger.known(found.name for found in changed)
        new = [found for found in changed if found.name not in known]
        if not is_worthwhile(new):
            return None
        try:
            return stack.enter_context(ReadAhead([self._request(found, None) for found in new]))
        except OSError:  # the system lets no process start
            return None

    # Reading: outside of any transaction

    def _portions(self, changed: list[Found]) -> Iterator[Portion]:
        """Yield what the transactions are to write. It is read before, while others may write, where there are any."""
        pieces = self._pieces(changed)
        while True:
            portion = Portion(pieces, self._pace.size)
            if not portion.take(BULK_BYTES if self._pace.is_alone else self._pace.size):
                return
            yield portion

    def _pieces(self, changed: list[Found]) -> Iterator[Piece]:
        # What was read is forgotten, here and by the reading process: of 40,000 files it is 40 MB.
        while changed:
            some = changed[:_ENTRIES]
            del changed[:_ENTRIES]
            entries = Ledger(self._db).entries(found.name for found in some)
            for found in some:
                request = self._request(found, entries.get(found.name))
                reading = self._ahead.reading(request) if self._ahead else Reading(request)
                file = ImportFile(found, request.entry, reading)
                try:
                    yield from cut(file, self._pace)
                except ReaderLost:
                    # The process was lost with this file, and is not asked again: now files are read here.
                    file.reading = Reading(request)
                    yield from cut(file, self._pace)

    # Writing: in transactions that are short

    def _import(self, portion: Portion) -> None:
        """Write a portion in one transaction, or, if that fails, each of its pieces in its own."""
        try:
            self._write(portion)
        except DatabaseBusy:
            raise
        except (SessionDBError, *ODD_RECORDS) as error:
            if portion.is_cut_off:
                raise
            # To blame is one of the files that share the transaction: each is tried alone, so that only the bad
            # one is refused.
            if len(portion.taken) == 1:
                self._write_despite(portion.taken[0], error)
                return
            for piece in portion.taken:
                self._import(_alone(piece))

    def _write_despite(self, piece: Piece, error: Exception) -> None:
        """Write a piece past the search index that is to blame for an error, or refuse a file that is itself."""
        # An index that is damaged fails a write of talk as if the row were bad: it is looked at before a file is
        # blamed.
        repair = IndexRepair(self._db)
        damaged = repair.damaged() if isinstance(error, SessionDBError) else []
        for name in damaged:
            repair.rebuild(name)
        if damaged:
            self._write(_alone(piece))
            return
        if not is_records_fault(error):
            raise error
        with self._unit():
            self._ledger = Ledger(self._db)
            self._refuse(piece.file.found, in_words(error, piece.file.found.path), self._tally)
            self._ledger.flush()
        piece.file.is_over = True

    def _write(self, portion: Portion) -> None:
        part = Tally()
        brought: list[Brought] = []
        is_bulk = portion.bytes >= BULK_BYTES
        self._pace.wait()
        with self._unit():
            self._pace.begin()
            # What an earlier try has left in it was undone with the rest.
            self._ledger = Ledger(self._db)
            with self._search.bulk() if is_bulk else contextlib.nullcontext():
                union = Union(self._db, self._lookups, self._ledger, bulk=is_bulk, restore=self._restore)
                # What others have read meanwhile; nobody has where pieces are yet to come.
                entries = self._ledger.entries({piece.file.found.name for piece in portion.taken})
                for piece in portion:
                    if not piece.file.is_over:
                        brought.append(self._write_piece(piece, entries, union, part))
                union.flush()
        self._has_notes = self._has_notes or union.has_notes
        self._pace.note(portion.bytes)
        for one in brought:
            one.file.take(one)
        self._tally.take(part)
        self._done += sum(piece.file.found.stat.size for piece in portion.taken if piece.is_last)
        if self._progress:
            self._progress("read", self._done, self._total)

    def _write_piece(self, piece: Piece, entries: dict[str, Entry], union: Union, part: Tally) -> Brought:
        file, found = piece.file, piece.file.found
        entry, old = entries.get(found.name), file.old
        if old is None:
            if entry is not None and not self._restore and self._is_done(found, *entry[1:4]):
                # Another run has come first since this one asked what there is to do.
                part.sessions_unchanged.update(self._ledger.claims(found.name))
                return Brought(file, NOTHING_OLD, NOTHING_ADDED, is_over=True)
            old = self._old_reading(found.path, entry, is_misread=file.reading.is_misread)
        writer = ImportWriter(union, found.name, found.stat.mtime_ns, old, file.earlier)
        for record in (*file.backlog, *piece.records):
            writer.add(record)
        if piece.is_last:
            return self._finish_file(file, old, writer, part)
        added = writer.finish(is_last=False)
        if entry is None:
            # Until the file is read to its end, the next run reads it again, whatever it is then.
            self._ledger.record(Entry(found.name, found.stat, None, _TRY_AGAIN), {}, (), renews=False)
        self._ledger.claim(found.name, added.claims)
        return Brought(file, old, added, backlog=piece.records if writer.is_holding else None)

    def _finish_file(self, file: ImportFile, old: OldReading, writer: ImportWriter, part: Tally) -> Brought:
        """Note in the ledger how far a file was read, and what all of its pieces have brought."""
        found, outcome = file.found, file.reading.outcome
        if not outcome.is_final:
            part.unread.append(found.path)
        if outcome.format is None:
            withdrawn = writer.withdraw(outcome.owner) if outcome.owner else []
            self._refuse(found, outcome.failure or "", part, is_final=outcome.is_final, withdrawn=withdrawn)
            return Brought(file, old, NOTHING_ADDED, is_over=True)
        added = writer.finish()
        new, updated = file.new.union(added.new), file.updated.union(added.updated)
        part.sessions_added.update(new)
        part.sessions_updated.update(updated)
        part.sessions_unchanged.update(file.unchanged, added.unchanged)
        part.messages_added += file.messages + added.messages
        part.skipped += [Skipped(found.name, problem.line, problem.reason) for problem in outcome.problems]
        troubles: list[Trouble] = [*outcome.problems]
        if outcome.failure:
            part.skip(found, outcome.failure)
            troubles.append((None, None, outcome.failure))
        entry = Entry(found.name, found.stat, *outcome[:7])
        if outcome.has_ignored and self._left_out is not None:
            # Under other rules the file is read again, and when it grows it is read as a whole.
            entry = entry._replace(parser_version=self._left_out)
        if not outcome.is_final:
            entry = entry._replace(parser_version=_TRY_AGAIN)
        self._ledger.record(entry, {**file.claims, **added.claims}, troubles, renews=outcome.is_whole)
        return Brought(file, old, added, is_over=True)

    def _old_reading(self, path: str, entry: Entry | None, *, is_misread: bool) -> OldReading:
        """Return what was taken from a file that is read again for that: by a lower version, or as another format.

        What was lost of a file since counts as read wrongly: its place is between what is still there.
        """
        if entry is None or entry.format is None:
            return OldReading()
        if is_misread:
            # What an index beside the log has told of a session comes from nowhere else again.
            claims = self._ledger.claims(entry.path)
            alone = (id for id in claims if not self._ledger.is_given_elsewhere(id, entry.path))
            return OldReading(frozenset(alone), is_wrong=True)
        is_lost = entry.parser_version == READ_AND_LOST
        if not (is_lost or 0 <= entry.parser_version < self._versions.get(entry.format, 0)):
            return OldReading()
        is_wrong = is_lost or entry.parser_version < getattr(importer(entry.format), "wrong_before", 0)
        try:
            # Lines that the file has lost are nowhere else.
            is_wrong = is_wrong and begins_as_read(path, entry)
        except OSError:
            is_wrong = False
        return OldReading(frozenset(self._ledger.claims(entry.path)), is_wrong)

    def _request(self, found: Found, entry: Entry | None) -> Request:
        ignored: frozenset[str] = frozenset()
        if entry is not None and self._rules and self._rules.projects:
            projects = self._ledger.projects(entry.path)
            ignored = frozenset(id for id, *named in projects if self._rules.ignores_project(*named))
        return Request(
            found.path, found.stat.size, entry, self._format, self._tz, self._restore, self._rules, ignored
        )

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
                if self._progress:
                    self._progress("index", min(done, total), total)
        except DatabaseDamaged as error:
            self._pass_over(TOOLS, error)
        if self._total >= max(MERGED_BYTES, self._db.path.stat().st_size * MERGED_PART):
            try:
                self._search.merge_segments(TALK)
            except DatabaseDamaged as error:
                self._pass_over(TALK, error)

    def _pass_over(self, name: str, error: DatabaseDamaged) -> None:
        with self._db.transaction():
            IndexRepair(self._db).mark_stale(name)
        _warn([name], error)

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


def _alone(piece: Piece) -> Portion:
    portion = Portion(iter([piece]), 1)
    portion.take(1)
    return portion


def _warn(names: list[str], error: Exception) -> None:
    import logging

    logging.getLogger("sessiondb").warning(
        "the search index (%s) is damaged and passed over until it is rebuilt: %s", ", ".join(names), error
    )
