"""Open another program's SQLite database for reading, with what its write-ahead log holds, and leave no trace."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sessiondb.errors import ImportFailed

# Byte 18 of the header: 2 for a database in WAL mode (sqlite.org/fileformat2.html, "File format version numbers").
_WAL_BYTE = 18


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a read-only connection to a database, rows as sqlite3.Row.

    Raises ImportFailed where the file is no database or is damaged.
    """
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(closing(_connect(path, stack)))
            connection.row_factory = sqlite3.Row
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield connection
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise ImportFailed(f"{path} cannot be read as a SQLite database: {error}") from error


def _connect(path: Path, stack: ExitStack) -> sqlite3.Connection:
    wal, shm = Path(f"{path}-wal"), Path(f"{path}-shm")
    options = "mode=ro"
    if wal.exists() and wal.stat().st_size and not shm.exists():
        # A left-over log: reading it in place would write a -shm file beside it.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for file in (path, wal):
            shutil.copyfile(file, folder / file.name)
        path, options = folder / path.name, "mode=rw"
    elif not shm.exists() and _is_wal_mode(path):
        options = "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, isolation_level=None)


def _is_wal_mode(path: Path) -> bool:
    with open(path, "rb") as handle:
        return handle.read(_WAL_BYTE + 1)[_WAL_BYTE:] == b"\2"
