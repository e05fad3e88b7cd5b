"""The first import into a database that is not there yet: loaded into a private file, published as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sessiondb.dao.tables import Tables
from sessiondb.errors import DatabaseDamaged
from sessiondb.ingest.logs import Source, import_logs
from sessiondb.records import ImportReport
from sessiondb.storage.beside import sweep
from sessiondb.storage.connection import TIME_BUDGET
from sessiondb.storage.unpublished import Unpublished, is_free, unpublished


def import_into(path: Path, sources: Sequence[Source], **options: Any) -> ImportReport:
    """Import logs into the database of a path, and make that if need be; `options` are those of import_logs.

    A new one is loaded apart, as long as nobody else makes it meanwhile: then the logs are imported into theirs.
    """
    sweep(path)
    if is_free(path):
        try:
            return _load(path, sources, options)
        except (OSError, DatabaseDamaged):
            # Somebody was faster, or the disk cannot do this, or failed so that pages could not be set back. What is
            # wrong is told better the usual way, where an old page is kept on the disk.
            pass
    with Tables(path) as db:
        return import_logs(db, sources, **options)


def _load(path: Path, sources: Sequence[Source], options: dict[str, Any]) -> ImportReport:
    with unpublished(path, TIME_BUDGET) as made, Tables(made.path, unshared=True) as db:
        try:
            report = import_logs(db, sources, **options)
        except KeyboardInterrupt:
            # What was read so far is kept, and the next import goes on from there.
            _complete(db, made)
            raise
        _complete(db, made)
        return report


def _complete(db: Tables, made: Unpublished) -> None:
    db.connection.share()
    made.is_whole = True
