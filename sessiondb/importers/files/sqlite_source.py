"""Open another program's SQLite database for reading, with what its write-ahead log holds, and leave no trace.

A database is a program as well: views, generated columns and virtual tables compute what they give, without an
end if they are made so. Only tables are read, and only for so many steps.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sessiondb.errors import ImportFailed
from sessiondb.importers.files.failures import Unreadable
from sessiondb.importers.files.limits import MAX_CELL, STEPS, STEPS_PER_BYTE
from sessiondb.importers.files.packed import SUFFIXES

# Byte 18 of the header: 2 for a database in WAL mode (sqlite.org/fileformat2.html, "File format version numbers").
_WAL_BYTE = 18
# What another program, or the system, is to blame for (sqlite.org/rescode.html): PERM, BUSY, LOCKED, NOMEM, READONLY,
# IOERR, FULL, CANTOPEN. Python gives the code from 3.11 on.
_PASSING = frozenset((3, 5, 6, 7, 8, 10, 13, 14))
_EACH = 10_000
_REASONS = {
    "interrupted": "a query takes more steps than the size of the file explains",
    "string or blob too big": f"a value is larger than {MAX_CELL // 2**20} MiB",
}
_REFUSED = ("prohibited", "not authorized")
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
            _guard(connection, path)
            yield connection
        except (sqlite3.Error, UnicodeDecodeError) as error:
            kind = Unreadable if _is_passing(error) else ImportFailed
            reason = _REASONS.get(str(error), str(error))
            if path.suffix in SUFFIXES:
                reason = "it is packed: unpack it first"
            elif reason.endswith(_REFUSED):
                reason = "a view or virtual table stands where a table should, and is not followed"
            raise kind(f"{path} cannot be read as a SQLite database: {reason}") from error


def _guard(connection: sqlite3.Connection, path: Path) -> None:
    """Let a connection read tables only, and no longer than the size of the file explains."""
    _bound_steps(connection, path.stat().st_size)
    if sys.version_info >= (3, 11):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_CELL)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    computed = _computed(connection)
    if computed:
        connection.set_authorizer(lambda action, table, column, *_: _may(computed, action, table, column))


def _bound_steps(connection: sqlite3.Connection, size: int) -> None:
    left = (STEPS + STEPS_PER_BYTE * size) // _EACH

    def count() -> int:
        nonlocal left
        left -= 1
        return int(left < 0)

    connection.set_progress_handler(count, _EACH)


def _computed(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Return what computes its values, by name in lower case: of tables the generated columns, of views none.

    Virtual tables count as views, but for those of full-text indexes, which many stores have and none needs.
    """
    found: dict[str, frozenset[str]] = {}
    listed = "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view')"
    for name, kind, sql in connection.execute(listed).fetchall():
        text = (sql or "").lower()
        if kind == "view" or text.startswith("create virtual"):
            found[name.lower()] = frozenset()
        elif " as " in text or "generated" in text or ")as" in text:
            columns = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden IN (2, 3)"
            generated = frozenset(row[0].lower() for row in connection.execute(columns, (name,)))
            if generated:
                found[name.lower()] = generated
    return found


def _may(computed: dict[str, frozenset[str]], action: int, table: str | None, column: str | None) -> int:
    """Say to SQLite whether a column may be read: a generated one is empty, a view is refused."""
    columns = computed.get((table or "").lower()) if action == sqlite3.SQLITE_READ else None
    if columns is None:
        return sqlite3.SQLITE_OK
    if not columns:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_IGNORE if (column or "").lower() in columns else sqlite3.SQLITE_OK


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
