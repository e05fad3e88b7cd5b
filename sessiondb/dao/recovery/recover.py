"""Read a damaged file page by page, and write what it still holds into a new one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import Counter
from pathlib import Path

from sessiondb.dao.maintenance import Maintenance
from sessiondb.dao.recovery.mending import forget_what_was_read, mend
from sessiondb.dao.recovery.source import Found, Source, content_tables
from sessiondb.dao.search.indexes import ALL
from sessiondb.dao.search.repair import IndexRepair
from sessiondb.dao.tables import Tables
from sessiondb.errors import DatabaseError, DatabaseForeign, DatabaseMissing, InvalidInput
from sessiondb.records.maintenance import Recovered
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage import files
from sessiondb.storage.backups import new_file, sweep, sync
from sessiondb.storage.copies import complete_file
from sessiondb.storage.migrations import APPLICATION_ID, SCHEMA_VERSION, migrations, schema_objects
from sessiondb.storage.pages import Pages
from sessiondb.storage.paths import refuse_companions

_STEP = 1000
"""Rows between two reports of progress."""


def recover(damaged: Path, new: Path, progress: Progress | None = None) -> Recovered:
    """Read what can be read of a damaged file into a new one that only its owner can read; see SessionDB.recover."""
    refuse_companions(new)
    if files.is_there(new):
        sweep(new)
        raise InvalidInput(f"{new} exists already: give the new file another name, or remove that one")
    if not files.is_there(damaged):
        raise DatabaseMissing(f"there is no file {damaged}: give the path of the damaged database")
    if files.is_open(damaged):
        raise InvalidInput(f"{damaged} is open in this process: close it first")
    try:
        return _recovered(damaged, new, progress or no_progress)
    except OSError as error:
        raise DatabaseError(f"cannot recover {damaged} to {new}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise DatabaseError(f"cannot write {new}: {error}") from error


def _recovered(damaged: Path, new: Path, progress: Progress) -> Recovered:
    stamp = _stamp(damaged)
    recovery = _Recovery()
    with new_file(new) as part:
        try:
            recovery.load(damaged, part, progress)
            recovery.finish(part)
        finally:
            part.with_name(f"{part.name}.lock").unlink(missing_ok=True)
        if _stamp(damaged) != stamp:
            raise DatabaseError(
                f"{damaged} was written to meanwhile: stop the programs that write to it, and try again"
            )
        sync(part)
    return recovery.record(new)


class _Recovery:
    """The rows on their way from one file to the other, and what is to be told of them."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.found_astray: Counter[str] = Counter()

    def record(self, new: Path) -> Recovered:
        """Return what was done."""
        return Recovered(
            str(new), new.stat().st_size, self.rows, self.damage, self.refused, dict(self.found_astray),
            self.mended.made, self.mended.missing, self.mended.dropped, self.left,
        )  # fmt: skip

    def load(self, damaged: Path, part: Path, progress: Progress) -> None:
        """Write the rows of the damaged file into an empty one of the same schema."""
        with Pages(damaged) as pages, contextlib.closing(_empty(part)) as target:
            source = Source(pages, str(damaged))
            triggers = _build(target, source.version)
            seen = 0
            for found in source.rows():
                self._insert(target, found)
                seen += 1
                if seen % _STEP == 0:
                    progress("recover", len(pages.visited), pages.count)
            for name, seq in source.sequences:
                target.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (seq, name))
            # Search is made anew at the end, by the rules of the newest schema.
            target.execute("UPDATE search_state SET pending_from = 0")
            for sql in triggers:
                target.execute(sql)
            target.execute("COMMIT")
            self.damage = list(dict.fromkeys(pages.damage + source.left_out))
            if not seen:
                raise DatabaseForeign(
                    f"{damaged} has nothing in it that could be read as a sessiondb database"
                )

    def finish(self, part: Path) -> None:
        """Bring the new file up to date, put right what hangs together, and make search anew."""
        with Tables(part) as tables:
            db = tables.connection
            with db.transaction():
                self.mended = mend(db)
                if self.damage or self.refused:
                    forget_what_was_read(db)
            for index in ALL:
                IndexRepair(db).mark_stale(index.name)
            self.left = Maintenance(db).repair()
            self.rows = {
                table: int(db.value(f"SELECT count(*) FROM {table}"))
                for table in content_tables(SCHEMA_VERSION)
            }
            complete_file(db)

    def _insert(self, target: sqlite3.Connection, found: Found) -> None:
        """Write a row into the table that takes it; what none takes is refused, or was no row of ours."""
        # A row that nothing leads to says not of which table it is. Where only one of them takes it, it is of that one;
        # where several would, it could be put into the wrong one, so it is left.
        taken = (
            [table for table in found.tables if _takes(target, table, found)]
            if found.tables[1:]
            else found.tables
        )
        if len(taken) != 1:
            return
        try:
            _write(target, taken[0], found)
            if found.is_astray:
                self.found_astray[taken[0]] += 1
        except (sqlite3.IntegrityError, OverflowError) as error:
            # An older copy of a row that is there, or what another program left.
            if not found.is_astray:
                name = "a row" if found.row.rowid is None else f"row {found.row.rowid}"
                self.refused.append(f"{taken[0]}: {name} on page {found.row.page:,}: {error}")


def _empty(part: Path) -> sqlite3.Connection:
    """Open the new file; it is thrown away where this fails, so nothing need be safe before the end."""
    target = sqlite3.connect(part, isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF", "temp_store = FILE"):
        target.execute(f"PRAGMA {pragma}")
    return target


def _build(target: sqlite3.Connection, version: int) -> list[str]:
    """Make the tables of a schema, begin a transaction, and return the SQL of the triggers, which come at the end."""
    for migration in migrations():
        if migration.number <= version:
            target.executescript(migration.sql)
    target.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    target.execute(f"PRAGMA user_version = {version}")
    target.execute("BEGIN")
    triggers = [found for found in schema_objects(version).values() if found.type == "trigger"]
    # They would count and index row by row what is counted and indexed as a whole at the end.
    for trigger in triggers:
        target.execute(f"DROP TRIGGER {trigger.name}")
    return [trigger.sql for trigger in triggers]


def _takes(target: sqlite3.Connection, table: str, found: Found) -> bool:
    """Say whether a table would take a row: its own rules know best whether it is one of its rows."""
    target.execute("SAVEPOINT trial")
    try:
        _write(target, table, found)
        return True
    except sqlite3.IntegrityError as error:
        # It is one of its rows all the same: an older copy of one that is there.
        return str(error).startswith("UNIQUE")
    except OverflowError:
        return False
    finally:
        target.execute("ROLLBACK TO trial")
        target.execute("RELEASE trial")


def _write(target: sqlite3.Connection, table: str, found: Found) -> None:
    names = ", ".join(f'"{name}"' for name in found.columns)
    marks = ", ".join("?" * len(found.columns))
    target.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", found.values)


def _stamp(path: Path) -> list[tuple[int, int]]:
    """Return what changes when a database is written."""
    stats = [os.stat(name) for name in (path, Path(f"{path}-wal")) if name.exists()]
    return [(found.st_size, found.st_mtime_ns) for found in stats]
