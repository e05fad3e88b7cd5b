"""Try a write without making it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sessiondb.database import SessionDB


class _Undone(Exception):
    """Ends the transaction of a dry_run without a commit."""


@contextlib.contextmanager
def open_for_dry_run(path: Path) -> Iterator[SessionDB]:
    """Open a database so that whatever the block writes is gone at its end.

    A temporary one stands in for one that is missing. Other writers wait for the whole block. Raises
    DatabaseForeign for a database that would have to be migrated first.
    """
    if not path.exists():
        with tempfile.TemporaryDirectory() as folder, SessionDB(Path(folder) / path.name) as db:
            yield db
        return
    SessionDB(path, read_only=True).close()
    with SessionDB(path) as db, contextlib.suppress(_Undone), db.connection.transaction():
        yield db
        raise _Undone
