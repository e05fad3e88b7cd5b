"""What SQLite's errors mean, as errors of sessiondb.errors: by their codes, never by words in their texts.

The codes are those of sqlite.org/rescode.html. Python gives them from 3.11 on; before that the text that
SQLite has for a code must begin the message.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sessiondb.errors import Conflict, DatabaseBusy, DatabaseDamaged, DatabaseError, DatabaseForeign

ERROR, BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, CONSTRAINT, MISMATCH, NOTADB = (
    1, 5, 6, 8, 10, 11, 13, 14, 19, 20, 26,
)  # fmt: skip

_BEGINNINGS = {
    "database is locked": BUSY,
    "database table is locked": LOCKED,
    "database schema is locked": LOCKED,
    "attempt to write a readonly database": READONLY,
    "disk I/O error": IOERR,
    "database disk image is malformed": CORRUPT,
    "malformed database schema": CORRUPT,
    "database or disk is full": FULL,
    "unable to open database file": CANTOPEN,
    "file is not a database": NOTADB,
}

_UNDECODABLE = "Could not decode to UTF-8"


def code_of(error: BaseException | None) -> int:
    """Return the primary result code of an error of sqlite3's; ERROR where there is no more to tell."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF
    if isinstance(error, sqlite3.IntegrityError):
        return CONSTRAINT
    text = str(error)
    return next((code for words, code in _BEGINNINGS.items() if text.startswith(words)), ERROR)


def is_busy(error: BaseException | None) -> bool:
    """Say whether another connection holds what the statement needs."""
    return code_of(error) in (BUSY, LOCKED)


def is_undecodable(error: BaseException) -> bool:
    """Say whether a text in the file is no UTF-8; Python says this, SQLite does not care."""
    return str(error).startswith(_UNDECODABLE)


def failure(path: Path, error: sqlite3.Error, waited: float) -> Exception:
    """Return the error of ours for one of sqlite3's; `waited` is for how many seconds it was tried."""
    code = code_of(error)
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict(f"{path}: {error}")
    if code in (BUSY, LOCKED):
        return busy(path, waited)
    if code == NOTADB:
        return DatabaseForeign(f"{path} is not a SQLite database: give another path")
    if code == CORRUPT:
        return DatabaseDamaged(f"{path} is damaged ({error}): run `sessiondb doctor`")
    return DatabaseError(f"{path}{_CAUSES.get(code, ': {error}').format(error=error)}")


def busy(path: Path, waited: float) -> DatabaseBusy:
    """Return the error for a file that others hold."""
    if not waited:
        return DatabaseBusy(f"{path} is in use by another connection: try again when it is done")
    return DatabaseBusy(
        f"{path} is being written by another process for more than {waited:g} s: try again when it is done"
    )


_CAUSES = {
    CANTOPEN: " cannot be opened: it is a folder, or you may not read it",
    READONLY: " cannot be written: you may not write the file or its folder",
    FULL: " cannot be written, for the disk is full: nothing of this write was kept;"
    " give it some space and try again",
    IOERR: " could not be read or written ({error}): the disk or its quota failed, not the database;"
    " nothing of this write was kept",
}
