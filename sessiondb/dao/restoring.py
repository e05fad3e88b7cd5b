"""Put a backup in the place of the database, also while others read and write it.

    verify      the backup is ours, of a schema we know, and sound
    stage       a copy of it beside the database: brought up to date, and marked as restored
    replace     in one transaction of the database itself, so that its readers and its log go on rightly; within
                it, what was there before is copied to a file of its own

A writer that was open before finds another mark at its next transaction, and ends with an error: what it knows is of
another database.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from sessiondb.dao.maintenance import Maintenance
from sessiondb.dao.tables import Tables
from sessiondb.errors import DatabaseDamaged, DatabaseError, DatabaseForeign, DatabaseMissing, InvalidInput
from sessiondb.records.maintenance import Restored
from sessiondb.storage import copies, migrations, statements
from sessiondb.storage.backups import new_file, sweep, sync, sync_folder
from sessiondb.storage.connection import RESTORED, TIME_BUDGET, Connection
from sessiondb.storage.files import is_there, private_file, private_folder, refuse_nested
from sessiondb.storage.paths import refuse_companions
from sessiondb.storage.readers import CACHE, open_file


def restore(backup: Path, path: Path, time_budget: float = TIME_BUDGET) -> Restored:
    """Put a backup in the place of a database; see SessionDB.restore_backup."""
    if not is_there(backup):
        raise DatabaseMissing(f"there is no file {backup}: give the path of the backup")
    if is_there(path) and path.samefile(backup):
        raise InvalidInput(f"{backup} is the database itself: give the path of a backup")
    refuse_companions(path)
    refuse_nested(path)
    try:
        private_folder(path.absolute().parent)
        with _live(path, time_budget) as live, _staged(backup, path, _page_size(live)) as (part, sessions):
            replaced = _kept_name(path)
            if live is None:
                is_kept = _move_aside(path, replaced)
                part.replace(path)
                sync_folder(path.absolute().parent)
            else:
                is_kept = migrations.has_schema(live)
                _overwrite(live, part, replaced, time_budget)
    except OSError as error:
        raise DatabaseError(
            f"cannot restore {backup}: {error.strerror or error}: nothing was changed"
        ) from error
    return Restored(str(path), sessions, str(replaced) if is_kept else None)


@contextlib.contextmanager
def _live(path: Path, time_budget: float) -> Iterator[Connection | None]:
    """Yield a connection to the database that is there, None where there is none that SQLite can open.

    Raises DatabaseForeign for that of another program.
    """
    if not path.exists():
        yield None
        return
    try:
        live = Connection(path, time_budget=time_budget)
        try:
            application = live.value("PRAGMA application_id")
            if application != migrations.APPLICATION_ID and migrations.has_schema(live):
                raise DatabaseForeign(
                    f"{path} is a SQLite database of another program (application id {application}): give another path"
                )
            live.use_wal()
        except BaseException:
            live.close()
            raise
    except (DatabaseDamaged, DatabaseForeign) as error:
        # What is no database at all cannot be open in anything.
        if not isinstance(error.__cause__, sqlite3.Error):
            raise
        yield None
        return
    with contextlib.closing(live):
        yield live


@contextlib.contextmanager
def _staged(backup: Path, path: Path, page_size: int | None) -> Iterator[tuple[Path, int]]:
    """Yield a sound copy of a backup beside the database, and its sessions; it is gone at the end of the block."""
    part = path.with_name(f".{path.name}.{os.getpid()}.restore")
    try:
        with contextlib.closing(Connection(backup, read_only=True)) as source:
            if migrations.check(source) == 0:
                raise DatabaseForeign(f"{backup} is an empty file: give the path of a backup")
            _verify(source)
            private_file(part)
            copies.copy_pages(source, part)
        if page_size is not None:
            _set_page_size(part, page_size)
        with Tables(part) as staged:
            # Backups of earlier versions may have an index that is at odds with their sessions.
            Maintenance(staged.connection).repair()
            staged.connection.execute(
                "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (RESTORED, os.urandom(8).hex())
            )
            sessions = int(staged.connection.value("SELECT count(*) FROM sessions"))
            copies.complete_file(staged.connection)
        sync(part)
        yield part, sessions
    finally:
        sweep(path, ".restore")


def _set_page_size(part: Path, page_size: int) -> None:
    with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as plain:
        if plain.execute("PRAGMA page_size").fetchone() != (page_size,):
            plain.execute("PRAGMA journal_mode = DELETE")
            plain.execute(f"PRAGMA page_size = {page_size}")
            plain.execute("VACUUM")


def _verify(source: Connection) -> None:
    """Raise DatabaseDamaged where a backup is not sound: what is there may be better."""
    found = [
        text for (text,) in source.rows("PRAGMA integrity_check(1)") if text != "ok" and "FTS" not in text
    ]
    found += [f"a row of {row[0]} points to nothing" for row in source.rows("PRAGMA foreign_key_check")[:1]]
    if found:
        raise DatabaseDamaged(
            f"{source.path} is damaged ({found[0]}): restore another backup, or what `sessiondb recover` makes of it"
        )


def _overwrite(live: Connection, part: Path, replaced: Path, time_budget: float) -> None:
    """Write the staged copy over the pages of the database, in one transaction of it.

    What it replaces is copied when nobody can write any more, so that no write is lost between the two.
    """
    if not live.is_wal:
        raise DatabaseError(
            f"{live.path} has no write-ahead log: close all programs that have it open, and try again"
        )
    deadline = time.monotonic() + time_budget
    is_copied = False

    def step(status: int, remaining: int, total: int) -> None:
        nonlocal is_copied
        if status in (statements.BUSY, statements.LOCKED):
            if time.monotonic() > deadline:
                raise statements.busy(live.path, time_budget)
        elif not is_copied:
            is_copied = True
            _copy(live.path, replaced)

    with contextlib.closing(open_file(part, "mode=ro", CACHE)) as source:
        (pages,) = source.execute("PRAGMA page_count").fetchone()
        # More than one step, for the first one takes the lock.
        try:
            copies.overwrite(live, source, min(copies.PAGES, max(1, pages // 2)), step)
        except BaseException:
            replaced.unlink(missing_ok=True)
            raise
    with contextlib.suppress(DatabaseError):
        live.maintain("PRAGMA wal_checkpoint(TRUNCATE)")


def _copy(path: Path, target: Path) -> None:
    """Copy a database page by page as it is, damaged or not, into a new file."""
    # Nobody else is at it: the database takes no writes meanwhile.
    sweep(path, ".backup.*.part")
    with new_file(target) as part:
        with contextlib.closing(Connection(path, read_only=True)) as source:
            copies.copy_pages(source, part)
        sync(part)


def _move_aside(path: Path, replaced: Path) -> bool:
    """Give other names to a file that is no database, and to its log; say whether there was anything in them."""
    is_kept = False
    # The log first: it must not be there when a new database is.
    for suffix in ("-wal", "-journal", ""):
        file = Path(f"{path}{suffix}")
        if file.exists() and file.stat().st_size:
            file.replace(f"{replaced}{suffix}")
            is_kept = True
        else:
            file.unlink(missing_ok=True)
    Path(f"{path}-shm").unlink(missing_ok=True)
    return is_kept


def _kept_name(path: Path) -> Path:
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S")
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    names = (path.with_name(f"{path.name}.{stamp}{number}.backup") for number in numbers)
    return next(name for name in names if not name.exists())


def _page_size(live: Connection | None) -> int | None:
    return None if live is None else int(live.value("PRAGMA page_size"))
