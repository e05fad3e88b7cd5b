"""Maintenance of the file: find what is wrong with it, repair what can be, back it up, keep it small and fast."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path

from sessiondb.dao import titles
from sessiondb.dao.checks import Checks, is_derived
from sessiondb.dao.counters import recount_wrong
from sessiondb.dao.search import facets
from sessiondb.dao.search.guard import despite_search
from sessiondb.dao.search.indexes import ALL, BLOCKS, SearchIndex
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.errors import DatabaseError, InvalidInput
from sessiondb.records import Backup, Finding, Optimized
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage import copies, reserve
from sessiondb.storage.backups import back_up, sweep
from sessiondb.storage.connection import Connection
from sessiondb.storage.files import is_there
from sessiondb.storage.paths import refuse_companions

_TITLES = 200
"""Sessions that get their titles in one transaction."""


class Maintenance:
    """Checks and upkeep of one database, opened for writing."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection
        self._search = SearchIndex(connection)
        self._repair = IndexRepair(connection)
        self._checks = Checks(connection)

    def check(self) -> list[Finding]:
        """Return what is wrong; nothing is changed."""
        return self._checks.all()

    def repair(self) -> list[Finding]:
        """Put right what can be, and return what is still wrong."""
        found = {finding.check for finding in self.check() if finding.can_repair}
        if "journal" in found:
            self._db.use_wal()
        has_lost_pages = self._repair_search(may_have_missed_rows="schema" in found)
        if "counters" in found:
            with self._db.transaction():
                recount_wrong(self._db)
        if has_lost_pages or "file" in found:
            self._db.maintain("REINDEX")
            copies.vacuum(self._db)
        elif "space" in found:
            copies.vacuum(self._db)
        for path, mode in self._checks.wrong_modes():
            path.chmod(mode)
        return self.check()

    def _repair_search(self, *, may_have_missed_rows: bool) -> bool:
        """Make anew what search needs; say whether pages were lost by that."""
        damaged = [name for name in self._checks.damaged_tables() if is_derived(name)]
        with self._db.transaction():
            self._repair.restore_schema()
            for wanted in self._checks.wrong_schema():
                if wanted.type in ("trigger", "view", "index"):
                    self._db.execute(f"DROP {wanted.type} IF EXISTS {wanted.name}")
                    self._db.execute(wanted.sql)
        # While a trigger was missing, its index may have missed rows without being at odds with itself.
        for index in ALL:
            if may_have_missed_rows or any(name.startswith(f"{index.name}_") for name in damaged):
                self._repair.mark_stale(index.name)
        if may_have_missed_rows or any(name in facets.TABLES for name in damaged):
            self._repair.mark_stale(BLOCKS)
        for name in self._repair.damaged():
            self._repair.mark_stale(name)
        has_lost_pages = self._search.remove_set_aside()
        for _ in self._search.catch_up():
            pass
        return has_lost_pages

    def back_up(self, target: Path) -> Backup:
        """Copy the database as it is now into a new file that only its owner can read.

        Writers go on meanwhile. Raises InvalidInput where the file exists, DatabaseError where it cannot be
        written.
        """
        refuse_companions(target)
        if is_there(target):
            sweep(target)
            raise InvalidInput(f"{target} exists already: give the backup another name, or remove that one")
        self._db.must_be_idle()
        try:
            # A connection of its own: this one may be in use by other threads, or be for reading only.
            path = self._db.path.absolute()
            may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
            budget = self._db.time_budget
            with contextlib.closing(Connection(path, read_only=not may_write, time_budget=budget)) as source:
                copy = copies.copy_compactly if may_write else copies.copy_pages
                back_up(target, partial(copy, source))
        except OSError as error:
            raise DatabaseError(f"cannot make the backup {target}: {error.strerror or error}") from error
        return Backup(str(target), target.stat().st_size)

    def optimize(self, progress: Progress | None = None) -> Optimized:
        """Make all rows searchable, give sessions without a title one, merge the indexes, refresh the planner's
        statistics, empty the log.
        """
        before = self._size()
        indexed = sum(self._search.pending(index.name) for index in ALL)
        report, done = progress or no_progress, 0
        for rows in self._search.catch_up():
            done += rows
            report("index", min(done, indexed), indexed)
        self._search.remove_set_aside()
        untitled = titles.untitled(self._db)
        for start in range(0, len(untitled), _TITLES):
            some = untitled[start : start + _TITLES]
            despite_search(self._db, partial(titles.renew, self._db, some))
        self._search.optimize()
        self._db.maintain("PRAGMA optimize = 0x10002")
        self._db.maintain("PRAGMA wal_checkpoint(TRUNCATE)")
        reserve.keep(self._db.path)
        return Optimized(indexed, before, self._size())

    def _size(self) -> int:
        return self._db.path.stat().st_size
