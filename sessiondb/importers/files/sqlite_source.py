"""Open another program's SQLite database for reading, with what its write-ahead log holds, and leave no trace."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sessiondb.errors import ImportFailed
from sessiondb.importers.files.failures import Unreadable

# Byte 18 of the header: 2 for a database in WAL mode (sqlite.org/fileformat2.html, "File format version numbers").
_WAL_BYTE = 18
# What another program, or the system, is to blame for (sqlite.org/rescode.html): PERM, BUSY, LOCKED, NOMEM, READONLY,
# IOERR, FULL, CANTOPEN. Python gives the code from 3.11 on.
_PASSING = frozenset((3, 5, 6, 7, 8, 10, 13, 14))
_PASSING_TEXTS = (
    "access permission denied",
    "attempt to write a readonly database",
    "database is locked",
    "database or disk is full",
    "database table is locked",
    "disk I/O error",
    "out of memory",
    "unable to open database file",
)


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Yield a read-only connection to a database, rows as sqlite3.Row.

    Raises ImportFailed where the file is no database or is damaged, Unreadable where it is locked or the
    system does not let it be read.
    """
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(closing(_connect(path, stack)))
            connection.row_factory = sqlite3.Row
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield connection
        except (sqlite3.Error, UnicodeDecodeError) as error:
            kind = Unreadable if _is_passing(error) else ImportFailed
            raise kind(f"{path} cannot be read as a SQLite database: {error}") from error


def _is_passing(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return str(error).startswith(_PASSING_TEXTS) if code is None else code & 0xFF in _PASSING


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
