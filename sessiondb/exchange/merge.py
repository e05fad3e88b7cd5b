"""Take another database into this one, as a union."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from sessiondb.dao.exports import Exports
from sessiondb.dao.forks.parents import link_parents
from sessiondb.dao.ledger import Ledger
from sessiondb.dao.lookups import Lookups
from sessiondb.dao.note_changes import link_notes
from sessiondb.dao.search.indexes import SearchIndex
from sessiondb.dao.tables import Tables, dry_run_copy
from sessiondb.dao.union.merge import Merge, Merged
from sessiondb.dao.union.union import Union
from sessiondb.errors import DatabaseMissing, InvalidInput
from sessiondb.records import MergeReport
from sessiondb.records.export_rows import Row, SessionRow, weight
from sessiondb.records.progress import Progress, no_progress
from sessiondb.storage import migrations
from sessiondb.storage.beside import sweep
from sessiondb.storage.files import is_there
from sessiondb.storage.paths import given_path
from sessiondb.storage.turns import Pace

LARGE = 4 * 1024 * 1024
"""Bytes of a database from which on its rows go past the search triggers; below, they are cheaper."""


def merge(
    db: Tables,
    other: str | os.PathLike[str],
    *,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> MergeReport:
    """Take in all that another database holds, which is only read, and return what that changed.

    A session that both hold becomes the union of the two (see sessiondb.dao.union.merge_fields and
    sessiondb.dao.union.align); a second merge of the same database changes nothing. A session that one of them
    removed stays removed, unless it is pinned or was active after that in the other. Raises
    DatabaseMissing, DatabaseForeign for a file of another program or version, InvalidInput for the database
    itself.
    """
    path = given_path(other, "a database to merge")
    if not is_there(path):
        raise DatabaseMissing(f"there is no database {path} to merge")
    if os.path.samefile(path, db.path):
        raise InvalidInput(f"{path} is the database itself: give another one to merge into it")
    started = time.monotonic()
    done = Merged()
    sweep(db.path)
    with (
        Tables(path, read_only=True) as source,
        dry_run_copy(db, progress) if dry_run else contextlib.nullcontext(db) as target,
    ):
        # What a newer schema has more would be left behind unseen.
        migrations.check(source.connection)
        _merge(target, source, done, progress or no_progress)
    return MergeReport(**vars(done), seconds=round(time.monotonic() - started, 3), dry_run=dry_run)


def _merge(db: Tables, source: Tables, done: Merged, progress: Progress) -> None:
    exports = Exports(source.connection)
    with exports.snapshot():
        is_large = _size(source) >= LARGE
        total = exports.session_count()
        is_free = not db.connection.in_transaction
        with db.connection.bulk_load() if is_large and is_free else contextlib.nullcontext():
            pace, sessions = db.connection.pace(), 0
            for rows, size in _batches(exports.everything(), pace):
                _write(db, rows, size, pace, done, is_large=is_large)
                sessions += sum(isinstance(row, SessionRow) for row in rows)
                progress("read", sessions, total)
    with db.connection.transaction():
        link_parents(db.connection)
        link_notes(db.connection)
    search = SearchIndex(db.connection)
    pending, indexed = search.pending("tool_calls_fts"), 0
    for count in search.catch_up():
        indexed += count
        progress("index", min(indexed, pending), pending)


def _batches(rows: Iterator[Row], pace: Pace) -> Iterator[tuple[list[Row], int]]:
    """Yield rows, as many whole sessions at a time as one transaction takes, with about how many bytes they are."""
    batch: list[Row] = []
    size, has_session = 0, False
    for row in rows:
        if isinstance(row, SessionRow):
            if has_session and size >= pace.size:
                yield batch, size
                batch, size = [], 0
            has_session = True
        batch.append(row)
        size += weight(row)
    if batch:
        yield batch, size


def _write(db: Tables, rows: list[Row], size: int, pace: Pace, done: Merged, *, is_large: bool) -> None:
    pace.wait()
    with db.connection.transaction():
        pace.begin()
        union = Union(db.connection, Lookups(db.connection), Ledger(db.connection), bulk=is_large)
        merge = Merge(union, done)
        with SearchIndex(db.connection).bulk() if is_large else contextlib.nullcontext():
            for row in rows:
                merge.add(row)
            merge.finish()
            union.flush()
    pace.note(size)


def _size(db: Tables) -> int:
    return int(db.connection.value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
